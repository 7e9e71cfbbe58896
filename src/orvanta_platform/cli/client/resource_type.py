"""`orvanta resource-type`: what a resource may look like."""

from __future__ import annotations

import typer

from orvanta_platform.cli.client.command import Session, command

app = typer.Typer(no_args_is_help=True, help="Look at the types of resources.", rich_markup_mode=None)


@app.callback()
def resource_type() -> None:
    """Look at the types of resources."""


@command(app, "orvanta resource-type list", "orvanta resource-type list --json | jq '.[].name'")
def _list(session: Session) -> None:
    """List the types of resources; --json has their schemas."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("resources/type/list"))
    if session.as_json:
        print_json(found)
        return
    print_table(["NAME", "DESCRIPTION"], [[each["name"], each.get("description") or ""] for each in found])
