"""`orvanta admin`: administration on the machine of the installation, for users who can read its settings."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from orvanta_platform.cli import admin_settings
from orvanta_platform.cli.help_text import CommandGroup, examples_epilog
from orvanta_platform.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="Administer the installation.", cls=CommandGroup, rich_markup_mode=None)
app.add_typer(admin_settings.app, name="settings")

Email = Annotated[str, typer.Argument(help="E-mail address, used to log in.")]
Superadmin = Annotated[bool, typer.Option("--superadmin", help="Grant all permissions in every workspace.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def admin() -> None:
    """Administer the installation."""


@app.command(epilog=examples_epilog("orvanta admin create-user ada@example.org"))
def create_user(email: Email, superadmin: Superadmin = False) -> None:
    """Create a user who can log in.

    Prompts for the password on a terminal, otherwise reads it from standard input. A password is never an argument,
    because other users of the machine could read it.
    """
    from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
    from orvanta_platform.services.access.setup import create_user as create

    password = _password()
    with with_database(take_settings()) as settings:
        username = run_with_database(
            settings, lambda database: create(database, email, password, superadmin=superadmin)
        )
    print(f"Created {email}, username {username}.")


@app.command(epilog=examples_epilog("orvanta admin reset-password admin@localhost"))
def reset_password(email: Email) -> None:
    """Replace the forgotten password of a user, and end the sessions of the user.

    Prompts for the new password on a terminal, otherwise reads it from standard input. API tokens remain valid.
    """
    from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
    from orvanta_platform.services.access.setup import reset_password as reset

    password = _password()
    with with_database(take_settings()) as settings:
        username = run_with_database(settings, lambda database: reset(database, email, password))
    print(f"Replaced the password of {email}, username {username}, and ended the sessions.")


@app.command(epilog=examples_epilog("orvanta admin reset-totp admin@localhost"))
def reset_totp(email: Email) -> None:
    """Remove the two-step login of a user who has lost the authenticator, and end the sessions of the user."""
    from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
    from orvanta_platform.services.access.setup import reset_totp as reset

    with with_database(take_settings()) as settings:
        run_with_database(settings, lambda database: reset(database, email))
    print(f"Removed the two-step login of {email}, and ended the sessions.")


@app.command(epilog=examples_epilog("orvanta admin rotate-key"))
def rotate_key(
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="End the tokens of running jobs instead of waiting for these jobs.")
    ] = False,
) -> None:
    """Replace the instance key and all data keys, and encrypt all secrets again, while the platform runs.

    Run it again after an interruption: it continues. Links of approvals that were made before become invalid.
    """
    from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
    from orvanta_platform.control.actor import system
    from orvanta_platform.services.maintenance.key_rotation import rotate
    from orvanta_platform.services.platform import open_storage

    with with_database(take_settings()) as settings:
        storage, actor = open_storage(settings), system(name="orvanta")
        done = run_with_database(
            settings, lambda database: rotate(settings, database, storage, actor, _report, wait=not no_wait)
        )
    print(f"Rotated the keys: {done.data_keys} data keys, {done.ciphertexts} secrets. The old key opens nothing.")
    for each in sorted(done.unreadable):
        print(f"No key opens {each}; set it again.", file=sys.stderr)
    if done.second_key:
        print("Remove ORVANTA_SECOND_INSTANCE_KEY and restart each process.")


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise BadRequest("The password is missing.", hint="Write it to standard input, on one line.")
    return password


@app.command(epilog=examples_epilog("orvanta admin storage"))
def storage(json: AsJson = False) -> None:
    """Show the storage used in the database: tables, weeks of history, workspaces.

    A week of history is dropped as a whole, ORVANTA_RETENTION_DAYS after its end. If an overdue week cannot be dropped,
    the reason is shown, for example an unfinished run.
    """
    from orvanta_platform.cli.storage_report import show

    show(as_json=json)
