"""`orvanta acceptance`: versions that wait for acceptance before they run for triggers of other members."""

from __future__ import annotations

from typing import Annotated

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True,
    help="List and accept versions that wait to run for others.",
    cls=CommandGroup,
    rich_markup_mode=None,
)

Kind = Annotated[str, typer.Argument(metavar="KIND", help="Kind of the item: flow or script.")]
Version = Annotated[int, typer.Argument(metavar="ID", help="Id of the version, as in `orvanta acceptance list`.")]
For = Annotated[
    str | None,
    typer.Option("--for", help="Member to accept it for: u/<username>, or g/all for everybody.", metavar="MEMBER"),
]


@app.callback()
def acceptance() -> None:
    """List and accept versions that wait to run for others."""


@command(app, "orvanta acceptance list", "orvanta acceptance list --json | jq '.[].path'")
def _list(session: Session) -> None:
    """List current versions that schedules, HTTP triggers and on-behalf workflows do not run yet."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("acceptance/list"))
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            each["kind"],
            each["path"],
            str(each["version"]["number"]),
            str(each["version"]["id"]),
            each["version"]["author"],
            each["permissioned_as"],
            str(each["accepted"]["number"]) if "accepted" in each else "none",
        ]
        for each in found
    ]
    print_table(["KIND", "PATH", "VERSION", "ID", "BY", "FOR", "RUNS"], rows)


@command(app, "orvanta acceptance accept flow f/sales/report 42")
def accept(session: Session, kind: Kind, path: options.ItemPath, version: Version, member: For = None) -> None:
    """Accept a version for others: by default for everybody if you may, otherwise for yourself."""
    from orvanta_platform.cli.client.output import print_json

    api = session.api
    body = {"version": version} | ({"permissioned_as": member} if member is not None else {})
    acceptance = api.send("POST", api.item(f"acceptance/accept/{kind}", path), body=body).json()
    if session.as_json:
        print_json({"path": path, "version": version, **acceptance})
    else:
        print(f"{path}: version {version} is accepted for {acceptance['permissioned_as']}")
