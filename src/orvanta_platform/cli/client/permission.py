"""`orvanta permission`: permissions of items, folders and groups."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True,
    help="Manage permissions of items, folders and groups.",
    cls=CommandGroup,
    rich_markup_mode=None,
)


class KindName(StrEnum):
    """Kind of an object that has permissions."""

    SCRIPT = "script"
    FLOW = "flow"
    VARIABLE = "variable"
    RESOURCE = "resource"
    SCHEDULE = "schedule"
    HTTP_TRIGGER = "http_trigger"
    FOLDER = "folder"
    GROUP = "group"


_KINDS = ", ".join(KindName)
Kind = Annotated[KindName, typer.Argument(help=f"{_KINDS}.", metavar="KIND")]
Path = Annotated[str, typer.Argument(help="Path of an item, or name of a folder or group.", metavar="PATH")]
Principal = Annotated[str, typer.Argument(help="Member (u/<username>) or group (g/<name>).", metavar="PRINCIPAL")]
Write = Annotated[bool, typer.Option("--write", help="Permission to write; to read and run by default.")]
OfUser = Annotated[str | None, typer.Option("--user", help="Username of the member; all members by default.")]


@app.callback()
def permission() -> None:
    """Manage permissions of items, folders and groups."""


@command(app, "orvanta permission list flow f/sales/report", "orvanta permission list folder sales")
def _list(session: Session, kind: Kind, path: Path) -> None:
    """List the permissions of an item, folder or group."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get(_call(session, "get", kind, path))
    if session.as_json:
        print_json(found)
        return
    rows = [[principal, "write" if write else "read"] for principal, write in sorted(found.items())]
    print_table(["PRINCIPAL", "PERMISSION"], rows)


@command(
    app,
    "orvanta permission add flow f/sales/report u/bea",
    "orvanta permission add folder sales g/night --write",
)
def add(session: Session, kind: Kind, path: Path, principal: Principal, write: Write = False) -> None:
    """Grant a member or group permission. Owners of the path and admins only.

    Permission to write a group makes a member its manager; there is none to read a group.
    """
    if kind is KindName.GROUP and not write:
        raise typer.BadParameter("Everybody can read a group. Add --write to let the member manage it.")
    body = {"owner": principal, "write": write}
    session.api.post(_call(session, "add", kind, path), body)
    session.print_state(path, f"{principal} can {'write' if write else 'read'}")


@command(app, "orvanta permission remove flow f/sales/report u/bea")
def remove(session: Session, kind: Kind, path: Path, principal: Principal) -> None:
    """Remove the permission of a member or group. Owners of the path and admins only."""
    session.api.post(_call(session, "remove", kind, path), {"owner": principal})
    session.print_state(path, f"removed {principal}")


@command(
    app,
    "orvanta permission explain flow f/sales/report --user bea",
    "orvanta permission explain folder sales",
)
def explain(session: Session, kind: Kind, path: Path, username: OfUser = None, limit: options.Limit = 100) -> None:
    """Print which members may read, write, run and share an item or folder, and why."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get(_call(session, "access", kind, path), username=username, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [each["username"], each["role"], action, _answer(each[action]), _reasons(each, each[action])]
        for each in found
        for action in ("read", "write", "run", "share")
        if action in each
    ]
    print_table(["USERNAME", "ROLE", "ACTION", "ALLOWED", "BECAUSE OF"], rows)


def _call(session: Session, action: str, kind: KindName, path: str) -> str:
    wire = "group_" if kind is KindName.GROUP else kind
    return session.api.in_workspace(f"acls/{action}/{wire}/{quote(path)}")


def _answer(access: dict[str, Any]) -> str:
    return "yes" if access["allowed"] else "no"


def _reasons(member: dict[str, Any], access: dict[str, Any]) -> str:
    if member["disabled"]:
        return "disabled"
    if access.get("requires_roles"):
        return "requires the role " + " or ".join(access["requires_roles"])
    return ", ".join(" ".join(filter(None, [each["why"], each.get("principal")])) for each in access["reasons"])
