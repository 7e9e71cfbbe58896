"""`orvanta profile`: servers that this user works with."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import structs

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import SettingsError

app = typer.Typer(
    no_args_is_help=True, help="Manage the servers that you are logged in to.", cls=CommandGroup, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="Name of the profile.")]
NewWorkspace = Annotated[str | None, typer.Option("--workspace", "-w", help="Workspace to use from now on.")]


@app.callback()
def profile() -> None:
    """Manage the servers that you are logged in to."""


@command(app, "orvanta profile list", server=False)
def _list(session: Session) -> None:
    """List the profiles. A star marks the current one; `local` is the installation of this machine."""
    from orvanta_platform import settings as settings_module
    from orvanta_platform.cli.client import profiles
    from orvanta_platform.cli.client.connection import all_profiles, current_name
    from orvanta_platform.cli.client.output import print_json, print_table

    settings, known = settings_module.load(), profiles.load()
    current, found = current_name(settings, known), all_profiles(settings, known)
    if session.as_json:
        rows = [
            {
                "name": each.name,
                "url": each.url,
                "workspace": each.workspace,
                "logged_in": each.token is not None,
                "current": each.name == current,
            }
            for each in found
        ]
        print_json(rows)
        return
    lines = [
        ["*" if each.name == current else " ", each.name, each.url, each.workspace, "" if each.token else "logged out"]
        for each in found
    ]
    print_table(["", "NAME", "URL", "WORKSPACE", ""], lines)


@command(app, "orvanta profile use prod", "orvanta profile use prod --workspace sales", server=False)
def use(session: Session, name: Name, workspace: NewWorkspace = None) -> None:
    """Make a profile the current one."""
    import dataclasses

    from orvanta_platform import settings as settings_module
    from orvanta_platform.cli.client import profiles
    from orvanta_platform.cli.client.connection import all_profiles
    from orvanta_platform.cli.client.output import print_json

    known = profiles.load()
    found = next((each for each in all_profiles(settings_module.load(), known) if each.name == name), None)
    if found is None:
        raise _missing(name)
    if name == profiles.LOCAL:
        structs.replace(known, current=name).save()
    else:
        found = dataclasses.replace(found, workspace=workspace or found.workspace)
        known.with_profile(found).save()
    if session.as_json:
        print_json({"name": name, "url": found.url, "workspace": found.workspace})
    else:
        print(f"Commands now use {found.url}, workspace {found.workspace}.")


@command(app, "orvanta profile remove prod", server=False)
def remove(session: Session, name: Name) -> None:
    """Remove a profile and its token from this machine. Log out first to end its session on the server."""
    from orvanta_platform.cli.client import profiles
    from orvanta_platform.cli.client.output import print_json

    known = profiles.load()
    if name not in known.profiles:
        raise _missing(name)
    known.without(name).save()
    if session.as_json:
        print_json({"name": name})
    else:
        print(f"Removed the profile {name}.")


def _missing(name: str) -> SettingsError:
    return SettingsError(f"The profile {name[:100]} does not exist.", hint="`orvanta profile list` shows all profiles.")
