"""`orvanta policy`: standards for workflows and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the policies of a workspace or of the instance.",
    cls=CommandGroup,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Name of the policy.", metavar="POLICY")]
File = Annotated[Path, typer.Argument(help="File with a policy or a list of policies, as YAML or JSON.")]
Instance = Annotated[bool, typer.Option("--instance", help="The policy of the instance. Superadmins only.")]
OfInstance = Annotated[bool, typer.Option("--instance", help="The policy of the instance, if both have one.")]

_DETAILS = ("version", "edited_by", "edited_at")


@app.callback()
def policy() -> None:
    """Manage the policies of a workspace or of the instance."""


@command(app, "orvanta policy list")
def _list(session: Session) -> None:
    """List the policies of the instance and of the workspace."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get(session.api.in_workspace("policies/list"))
    if session.as_json:
        print_json(found)
        return
    rows = [[each["name"], each["scope"], each["mode"], str(each["version"]), each["edited_by"]] for each in found]
    print_table(["POLICY", "SCOPE", "MODE", "VERSION", "EDITED BY"], rows)


@command(app, "orvanta policy get node-timeouts > node-timeouts.yaml")
def get(session: Session, name: Name, instance: OfInstance = False) -> None:
    """Print a policy as YAML."""
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.workflow.text import write_yaml

    call = session.api.in_workspace(f"policies/get/{quote(name, safe='')}")
    found = session.api.get(call, instance=instance)
    if session.as_json:
        print_json(found)
        return
    print(write_yaml({key: value for key, value in found.items() if key not in _DETAILS}), end="")


@command(app, "orvanta policy push policies.yaml")
def push(session: Session, file: File) -> None:
    """Create or replace the policies of a file, each in its scope. Admins only, and superadmins for the instance."""
    import msgspec

    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.cli.client.workflow_check import read_policies

    api = session.api
    states: dict[str, str] = {}
    for each in read_policies(file):
        base = "/api/policies" if each.scope == "instance" else api.in_workspace("policies")
        present = {row["name"] for row in api.get(f"{base}/list") if _belongs(row, each.scope)}
        exists = each.name in present
        call = f"{base}/update/{quote(each.name, safe='')}" if exists else f"{base}/create"
        body: dict[str, Any] = msgspec.to_builtins(each)
        api.post(call, body)
        states[each.name] = "updated" if exists else "created"
        if not session.as_json:
            print(f"{each.name}: {states[each.name]}")
    if session.as_json:
        print_json(states)


@command(app, "orvanta policy delete node-timeouts")
def delete(session: Session, name: Name, instance: Instance = False) -> None:
    """Delete a policy. Admins only."""
    base = "/api/policies" if instance else session.api.in_workspace("policies")
    session.api.delete(f"{base}/delete/{quote(name, safe='')}")
    session.print_state(name, "deleted")


def _belongs(row: dict[str, Any], scope: str) -> bool:
    """Return whether a policy of the list belongs to the instance as one of this scope does."""
    return bool((row["scope"] == "instance") == (scope == "instance"))
