"""What can go wrong between a command and a server, and the exit codes of all commands."""

from __future__ import annotations

from typing import Any

from orvanta_platform.errors import OrvantaError

SUCCEEDED = 0
FAILED = 1
USAGE = 2
CANCELLED = 3
NO_ACCESS = 4
INTERRUPTED = 130

_AWAY = (502, 503, 504)
"""Answers of a server, or of a proxy before it, that cannot work now."""


class ServerUnreachable(OrvantaError):
    """The command line got no answer from the server at this address.

    `begun`: there was a connection, so that the server may have done what it was asked.
    """

    code = "server_unreachable"

    def __init__(self, message: str, *, hint: str | None = None, begun: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.begun = begun


class NotLoggedIn(OrvantaError):
    """The command line has no token for a server, or the server does not accept it."""

    code = "not_logged_in"


class ServerRefused(OrvantaError):
    """The server answered with an error; the command line shows the server's own code, sentence and hint."""

    code = "server_refused"

    def __init__(self, answered: int, error: dict[str, Any], *, hint: str | None = None) -> None:
        super().__init__(
            str(error.get("message") or f"The server answered {answered}."),
            hint=hint or error.get("hint"),
            details=error.get("details"),
        )
        self.answered = answered
        self.server_code = str(error.get("code") or self.code)

    def as_dict(self) -> dict[str, Any]:
        """The error as the server told it."""
        return {**super().as_dict(), "code": self.server_code}


class Interrupted(OrvantaError):
    """Ctrl-C ended the command, not the run that it watched."""

    code = "interrupted"


def exit_code(error: OrvantaError) -> int:
    """The exit code of a command that ends with this error."""
    if isinstance(error, ServerUnreachable | NotLoggedIn):
        return NO_ACCESS
    if isinstance(error, Interrupted):
        return INTERRUPTED
    if isinstance(error, ServerRefused) and error.answered in (401, *_AWAY):
        return NO_ACCESS
    return FAILED
