"""Errors between a command and a server, and the exit codes of all commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orvanta_platform.errors import NotFound, OrvantaError

if TYPE_CHECKING:
    from orvanta_platform.workflow.tree.item import Key

SUCCEEDED = 0
FAILED = 1
USAGE = 2
CANCELLED = 3
NO_ACCESS = 4
INTERRUPTED = 130

_AWAY = (502, 503, 504)
"""Statuses of a server, or of a proxy in front of it, that is temporarily unavailable."""


class ServerUnreachable(OrvantaError):
    """The command line received no response from the server at this address.

    `connected` is true if a connection existed, so that the server may have executed the request.
    """

    code = "server_unreachable"

    def __init__(self, message: str, *, hint: str | None = None, connected: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.connected = connected


class NotLoggedIn(OrvantaError):
    """The command line has no token for a server, or the server does not accept it.

    `server_code` is the code of the server's error, if it has responded.
    """

    code = "not_logged_in"

    def __init__(self, message: str, *, hint: str | None = None, server_code: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.server_code = server_code


class ServerRefused(OrvantaError):
    """The server responded with an error; the command line shows the code, message and hint of the server."""

    code = "server_refused"

    def __init__(self, answered: int, error: dict[str, Any], *, hint: str | None = None) -> None:
        super().__init__(
            str(error.get("message") or f"The server responded with status {answered}."),
            hint=hint or error.get("hint"),
            details=error.get("details"),
        )
        self.answered = answered
        self.server_code = str(error.get("code") or self.code)

    def as_dict(self) -> dict[str, Any]:
        """Return the error with the code of the server."""
        return {**super().as_dict(), "code": self.server_code}


def refused_items(error: ServerRefused) -> list[tuple[Key, ServerRefused]]:
    """Return the items for which a change set was refused, with the reasons; none for another error."""
    if error.server_code != "changes_refused" or not isinstance(error.details, list):
        return []
    return [((each["kind"], each["path"]), ServerRefused(error.answered, each["error"])) for each in error.details]


def unknown_users(applied: Mapping[str, Any]) -> list[tuple[Key, NotFound]]:
    """Return the users that an applied change set left out, because they have no account."""
    return [
        ((each["kind"], each["path"]), NotFound(each["reason"]))
        for each in applied["entries"]
        if each["kind"] == "user" and each["action"] == "unchanged" and each.get("reason")
    ]


class Interrupted(OrvantaError):
    """Ctrl-C ended the command, but not the run that it watched."""

    code = "interrupted"


def exit_code(error: OrvantaError) -> int:
    """Return the exit code of a command that ends with this error."""
    if isinstance(error, ServerUnreachable | NotLoggedIn):
        return NO_ACCESS
    if isinstance(error, Interrupted):
        return INTERRUPTED
    if isinstance(error, ServerRefused) and error.answered in (401, *_AWAY):
        return NO_ACCESS
    return FAILED
