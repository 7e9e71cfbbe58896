"""`orvanta resource-type`: types of resources."""

from __future__ import annotations

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="View the types of resources.", cls=CommandGroup, rich_markup_mode=None)


@app.callback()
def resource_type() -> None:
    """View the types of resources."""


@command(app, "orvanta resource-type list", "orvanta resource-type list --json | jq '.[].name'")
def _list(session: Session) -> None:
    """List the types of resources. --json includes their schemas."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("resources/type/list"))
    if session.as_json:
        print_json(found)
        return
    print_table(["NAME", "DESCRIPTION"], [[each["name"], each.get("description") or ""] for each in found])
