"""`orvanta folder`: folders, which grant access to the items in them, and their owners."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True, help="Manage the folders of a workspace.", cls=CommandGroup, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="Name of the folder, without f/.", metavar="FOLDER")]
Owner = Annotated[str, typer.Argument(help="Member u/<username> or group g/<name>.", metavar="OWNER")]
Summary = Annotated[str | None, typer.Option("--summary", help="Purpose of the folder.")]


@app.callback()
def folder() -> None:
    """Manage the folders of a workspace."""


@command(app, "orvanta folder list")
def _list(session: Session, limit: options.Limit = 100) -> None:
    """List the folders that you may read, with those who have access."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("folders/list"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = []
    for each in found:
        others = [(who, write) for who, write in each["extra_perms"].items() if who not in each["owners"]]
        writers = ", ".join(who for who, write in others if write)
        readers = ", ".join(who for who, write in others if not write)
        rows.append([f"f/{each['name']}", ", ".join(each["owners"]), writers, readers])
    print_table(["FOLDER", "OWNERS", "WRITE", "READ"], rows)


@command(app, "orvanta folder create sales --summary 'Sales team'")
def create(session: Session, name: Name, summary: Summary = None) -> None:
    """Create a folder. You become its owner. `orvanta permission add folder` shares it. Admins only."""
    session.change("folders/create", {"name": name, "summary": summary}, name, "created")


@command(app, "orvanta folder add-owner sales g/leads")
def add_owner(session: Session, name: Name, owner: Owner) -> None:
    """Let a member or a group own a folder: change its items and share it. Owners of the folder and admins only."""
    session.change(f"folders/addowner/{quote(name, safe='')}", {"owner": owner}, name, f"added {owner}")


@command(app, "orvanta folder remove-owner sales u/ada")
def remove_owner(session: Session, name: Name, owner: Owner) -> None:
    """Remove an owner of a folder, who has no access to it afterwards. Owners of the folder and admins only."""
    session.change(f"folders/removeowner/{quote(name, safe='')}", {"owner": owner}, name, f"removed {owner}")


@command(app, "orvanta folder delete sales")
def delete(session: Session, name: Name) -> None:
    """Delete a folder. Its items remain, visible to admins only. Owners of the folder and admins only."""
    session.api.delete(session.api.in_workspace(f"folders/delete/{quote(name, safe='')}"))
    session.print_state(name, "deleted")
