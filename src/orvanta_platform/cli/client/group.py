"""`orvanta group`: groups of members, and their managers."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True, help="Manage the groups of a workspace.", cls=CommandGroup, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="Name of the group.", metavar="GROUP")]
Username = Annotated[str, typer.Argument(help="Username of a member.", metavar="USERNAME")]
Usernames = Annotated[list[str] | None, typer.Argument(help="Usernames of members.", metavar="[USERNAME]...")]
NoManagers = Annotated[bool, typer.Option("--none", help="Remove all managers.")]
Summary = Annotated[str | None, typer.Option("--summary", help="Purpose of the group.")]


@app.callback()
def group() -> None:
    """Manage the groups of a workspace."""


@command(app, "orvanta group list")
def _list(session: Session, limit: options.Limit = 100) -> None:
    """List groups with their members."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("groups/list"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [[each["name"], ", ".join(each["members"]), ", ".join(each["managers"])] for each in found]
    print_table(["GROUP", "MEMBERS", "MANAGERS"], rows)


@command(app, "orvanta group create night --summary 'Night shift'")
def create(session: Session, name: Name, summary: Summary = None) -> None:
    """Create a group. Admins only."""
    session.change("groups/create", {"name": name, "summary": summary}, name, "created")


@command(app, "orvanta group add night ada")
def add(session: Session, name: Name, username: Username) -> None:
    """Add a member to a group. Admins and managers of the group only."""
    session.change(f"groups/adduser/{quote(name, safe='')}", {"username": username}, name, f"added {username}")


@command(app, "orvanta group remove night ada")
def remove(session: Session, name: Name, username: Username) -> None:
    """Remove a member from a group. Admins and managers of the group only."""
    session.change(f"groups/removeuser/{quote(name, safe='')}", {"username": username}, name, f"removed {username}")


@command(app, "orvanta group managers night ada bea", "orvanta group managers night --none")
def managers(session: Session, name: Name, usernames: Usernames = None, none: NoManagers = False) -> None:
    """Replace the managers of a group, who may add and remove members. Admins only."""
    if bool(usernames) == none:
        raise typer.BadParameter("Name the managers, or use --none to remove all of them.")
    session.change(f"groups/update/{quote(name, safe='')}", {"managers": usernames or []}, name, "updated")


@command(app, "orvanta group delete night")
def delete(session: Session, name: Name) -> None:
    """Delete a group. Admins only."""
    session.api.delete(session.api.in_workspace(f"groups/delete/{quote(name, safe='')}"))
    session.print_state(name, "deleted")
