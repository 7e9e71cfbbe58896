"""`orvanta policy`: standards for workflows and scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.release import item_of
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import NotFound

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

ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if an item violates the policy.")]
Items = Annotated[list[str], typer.Argument(help="Workflows and scripts, each as <kind>/<path>.", metavar="ITEM...")]
Template = Annotated[str | None, typer.Argument(help="Template to print as YAML.", metavar="TEMPLATE")]

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


@command(app, "orvanta policy violations node-timeouts", "orvanta policy violations node-timeouts --exit-code --json")
def violations(session: Session, name: Name, instance: OfInstance = False, exit_code: ExitCode = False) -> None:
    """List what violates a policy today, whatever its mode, with what `policy fix` can correct."""
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.output import print_json, terminal_safe

    found = _all_violations(session, name, instance=instance)
    if session.as_json:
        print_json(found)
    else:
        for item in found["items"]:
            _print_problems(item["kind"], item["path"], item["violations"])
        for path in found["unchecked"]:
            print(terminal_safe(f"{path}: not checked, because it is longer than 1 MiB"))
        for each in found["limits"]:
            print(f"{each['resource']}: {each['used']} of {each['maximum']}")
    if exit_code and found["items"]:
        raise typer.Exit(FAILED)


@command(app, "orvanta policy fix node-timeouts flow/f/sales/report")
def fix(session: Session, name: Name, items: Items, instance: OfInstance = False) -> None:
    """Correct the violations of items, as far as the rules determine the values, and deploy the result.

    The violations that remain are printed; the exit code is 1 if there are any.
    """
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.output import print_json

    left: list[dict[str, Any]] = []
    for kind, path in [item_of(each) for each in items]:
        body = {"kind": kind, "path": path, "instance": instance}
        call = session.api.in_workspace(f"policies/fix/{quote(name, safe='')}")
        remaining = json.loads(session.api.post(call, body))
        if remaining:
            left.append({"kind": kind, "path": path, "violations": remaining})
    if session.as_json:
        print_json(left)
    else:
        for item in left:
            _print_problems(item["kind"], item["path"], item["violations"])
    if left:
        raise typer.Exit(FAILED)


@command(app, "orvanta policy templates", "orvanta policy templates node-timeouts > node-timeouts.yaml")
def templates(session: Session, name: Template = None) -> None:
    """List the policies to start from, or print one as YAML. They are not in effect until you push them."""
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.workflow.text import write_yaml

    found = session.api.get(session.api.in_workspace("policies/templates"))
    chosen = [each for each in found if name in (None, each["name"])]
    if not chosen:
        raise NotFound(f"There is no template {str(name)[:200]}.", hint="List them with `orvanta policy templates`.")
    if session.as_json:
        print_json(chosen if name is None else chosen[0])
    elif name is None:
        for each in chosen:
            print(each["name"])
    else:
        print(write_yaml(chosen[0]), end="")


def _all_violations(session: Session, name: str, *, instance: bool) -> dict[str, Any]:
    """Return the violations of a policy, of all pages."""
    call = session.api.in_workspace(f"policies/violations/{quote(name, safe='')}")
    page = session.api.get(call, instance=instance)
    found: dict[str, Any] = {key: page[key] for key in ("items", "unchecked", "limits")}
    while page["next"] is not None:
        page = session.api.get(call, instance=instance, after=page["next"])
        found["items"] += page["items"]
        found["unchecked"] += page["unchecked"]
    return found


def _print_problems(kind: str, path: str, problems: Sequence[Mapping[str, Any]]) -> None:
    from orvanta_platform.cli.client.output import terminal_safe

    for each in problems:
        node = f" (node {each['node']})" if each["node"] else ""
        fixable = " (fixable)" if each["fixable"] else ""
        print(terminal_safe(f"{kind} {path}{node}: {each['message']}{fixable}"))


def _belongs(row: dict[str, Any], scope: str) -> bool:
    """Return whether a policy of the list belongs to the instance as one of this scope does."""
    return bool((row["scope"] == "instance") == (scope == "instance"))
