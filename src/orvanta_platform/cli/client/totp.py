"""`orvanta user … -totp`: the user's own two-step login, and its reset by superadmins."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.prompts import prompt, prompt_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

Email = Annotated[str, typer.Argument(help="E-mail address of the account.", metavar="EMAIL")]


def register(app: typer.Typer) -> None:
    """Register the commands with `orvanta user`."""
    command(app, "orvanta user enrol-totp")(enrol_totp)
    command(app, "orvanta user confirm-totp")(confirm_totp)
    command(app, "orvanta user disable-totp")(disable_totp)
    command(app, "orvanta user reset-totp ada@example.org")(reset_totp)


def enrol_totp(session: Session) -> None:
    """Set up two-step login: print a QR code for an authenticator application, and recovery codes.

    Prompts for the password and a first code on a terminal. Otherwise the password is read from standard input, and
    `orvanta user confirm-totp` switches two-step login on.
    """
    from orvanta_platform.cli.client.api import parsed
    from orvanta_platform.cli.client.output import print_json, say

    (password,) = _answers(["Password"])
    made = parsed(session.api.send("POST", "/api/users/totp/enrol", body={"password": password}))
    if session.as_json:
        print_json({name: made[name] for name in ("secret", "uri", "recovery_codes")})
        return
    if sys.stdout.isatty():
        import segno

        segno.make(made["uri"], micro=False).terminal(compact=True)
    print(made["uri"])
    say("Store these recovery codes; each can be used once instead of a code of the application:")
    for code in made["recovery_codes"]:
        print(code)
    if sys.stdin.isatty():
        _confirm(session, prompt("Code of the application"))


def confirm_totp(session: Session) -> None:
    """Switch two-step login on with a first code of the application, and end your other sessions.

    Prompts on a terminal, otherwise reads the code from standard input.
    """
    (code,) = _answers(["Code of the application"])
    _confirm(session, code)


def disable_totp(session: Session) -> None:
    """Switch two-step login off.

    Prompts on a terminal, otherwise reads two lines from standard input: the password, and a code of the application
    or a recovery code.
    """
    password, code = _answers(["Password", "Code of the application"])
    session.api.post("/api/users/totp/disable", {"password": password, "code": code})
    session.print_state("two-step login", "disabled")


def reset_totp(session: Session, email: Email) -> None:
    """Remove the two-step login of an account whose owner lost the device, and end its sessions. Superadmins only."""
    session.api.post(f"/api/users/reset_totp/{quote(email, safe='')}")
    session.print_state(email, "reset")


def _confirm(session: Session, code: str) -> None:
    session.api.post("/api/users/totp/confirm", {"code": code})
    session.print_state("two-step login", "enabled")


def _answers(questions: Sequence[str]) -> list[str]:
    """Return the answers to questions, typed or from lines of standard input."""
    if sys.stdin.isatty():
        return [prompt_secret(each) for each in questions]
    lines = sys.stdin.read().splitlines()
    if len(lines) != len(questions):
        raise typer.BadParameter(f"Write {len(questions)} lines to standard input: {', '.join(questions)}.")
    return lines
