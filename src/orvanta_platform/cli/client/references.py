"""`orvanta references`: everything that uses an item."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from orvanta_platform.cli.client.command import Session, command


class Kind(StrEnum):
    """Kind of an item that others refer to."""

    SCRIPT = "script"
    FLOW = "flow"
    VARIABLE = "variable"
    RESOURCE = "resource"
    RESOURCE_TYPE = "resource-type"
    QUEUE = "queue"
    GROUP = "group"
    POLICY = "policy"


ItemKind = Annotated[Kind, typer.Argument(help="Kind of the item.", metavar="KIND", show_choices=True)]
Name = Annotated[str, typer.Argument(help="Path of the item; name of a queue, group, policy or resource type.")]
Direct = Annotated[bool, typer.Option("--direct", help="Only what uses the item itself.")]
Environments = Annotated[
    bool, typer.Option("--environments", help="Also in the environments after that of the workspace.")
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    command(
        app,
        "orvanta references script f/sales/charge",
        "orvanta references script f/sales/charge --environments",
        "orvanta references variable f/sales/api_key --direct --json",
    )(references)


def references(
    session: Session, kind: ItemKind, path: Name, direct: Direct = False, environments: Environments = False
) -> None:
    """List everything that uses an item, and so is affected by its change or deletion.

    Items are used by workflows, scripts, schedules, HTTP triggers and resources, directly or through one another. Paths
    that code composes while it runs are not found.
    """
    from orvanta_platform.cli.client.output import print_json, say

    api = session.api
    parameters = {"environments": "true"} if environments else {}
    found = api.get(api.item(f"references/{kind.value.replace('-', '_')}", path), **parameters)
    later = found.get("environments", [])
    if direct:
        for uses in (found, *(each["uses"] for each in later if each["uses"])):
            uses["references"] = [each for each in uses["references"] if each["distance"] == 1]
    if session.as_json:
        print_json(found)
        return
    _print(path, found)
    for each in later:
        say(f"\nIn {each['environment']}:")
        if each["uses"] is None:
            say(f"{path} does not exist there, or you may not read it.")
        else:
            _print(path, each["uses"])
    if found.get("hidden_environments"):
        say(f"\n{found['hidden_environments']} later environments that you cannot read.")


def _print(path: str, found: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import print_table, say
    from orvanta_platform.units import count_text

    rows = [
        [each["kind"], each["path"], each.get("node", ""), _through(each), str(each["runs"] or ""), _state(each)]
        for each in found["references"]
    ]
    print_table(["KIND", "PATH", "NODE", "THROUGH", "RUNS", "STATE"], rows)
    if found["hidden"]:
        say(f"{found['hidden']} more that you cannot read.")
    if found["runs"]:
        say(f"Runs of {path} in progress: {found['runs']}.")
    if found["hidden_runs"]:
        say(f"{count_text(found['hidden_runs'], 'run')} in progress that you cannot read.")
    if found["truncated"]:
        say("There are more references than are listed.")


def _through(reference: dict[str, Any]) -> str:
    through = reference.get("through")
    return f"{through['kind']} {through['path']}" if through else ""


def _state(reference: dict[str, Any]) -> str:
    if reference.get("enabled") is False:
        return "disabled"
    return "pinned" if "pinned" in reference else ""
