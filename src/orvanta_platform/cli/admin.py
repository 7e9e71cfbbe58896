"""`orvanta admin`: what is done once, on the machine, by whoever may read its settings."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from orvanta_platform.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="Administer the installation.", rich_markup_mode=None)

Email = Annotated[str, typer.Argument(help="E-mail address, the name to log in with.")]
Superadmin = Annotated[bool, typer.Option("--superadmin", help="May do everything in every workspace.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def admin() -> None:
    """Administer the installation."""


@app.command()
def create_user(email: Email, superadmin: Superadmin = False) -> None:
    """Create a user who can log in.

    Asks for the password on a terminal, else reads it from standard input: it is never an argument, which
    other users of the machine could read.
    """
    from orvanta_platform.cli.environment import ask, take_settings, with_database
    from orvanta_platform.services.access.setup import create_user as create

    password = _password()
    with with_database(take_settings()) as settings:
        username = ask(settings, lambda database: create(database, email, password, superadmin=superadmin))
    print(f"Created {email}, username {username}.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise BadRequest("No password was given.", hint="Write it to standard input, on one line.")
    return password


@app.command()
def storage(json: AsJson = False) -> None:
    """Show what takes the room in the database and why: tables, weeks of history, workspaces.

    A week of runs goes as a whole, ORVANTA_RETENTION_DAYS after its end. What holds one back that is due, such as a
    run that is still under way, is named.
    """
    from orvanta_platform.cli.storage_report import show

    show(as_json=json)
