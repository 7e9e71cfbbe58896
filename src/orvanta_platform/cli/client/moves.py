"""Moves of a workflow or script to another path, with what refers to it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orvanta_platform.cli.client.command import Session

Target = Annotated[str, typer.Argument(help="The new path: f/<folder>/<name> or u/<user>/<name>.", metavar="NEW_PATH")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would change, without moving it.")]

_REASONS = {
    "not_writable": "may not be changed by you",
    "earlier_version": "an earlier version of it runs for some member",
    "not_current": "its newest version is not its current one",
    "not_rewritable": "its text cannot be changed",
}


def move(session: Session, kind: str, path: str, target: str, *, dry_run: bool) -> None:
    """Move an item, and print the items that refer to it. Raises the errors of the server."""
    from orvanta_platform.cli.client.output import print_json

    api = session.api
    body = {"items": [{"kind": kind, "path": path, "target": target}]}
    effect = api.send("POST", api.in_workspace(f"moves/{'plan' if dry_run else 'apply'}"), body=body).json()
    if session.as_json:
        print_json(effect)
        return
    print(f"{path}: {'would move' if dry_run else 'moved'} to {target}")
    _print(effect["rewritten"], "would be updated" if dry_run else "updated")
    _print(effect["importing"], "imports it; change its code")
    for each in effect["blocking"]:
        print(f"  {each['kind']} {each['path']}: {_REASONS[each['reason']]}")
    if effect["hidden"]:
        print(f"  further items that you may not read: {effect['hidden']}")


def _print(items: list[dict[str, Any]], what: str) -> None:
    for each in items:
        nodes = f" ({', '.join(each['nodes'])})" if each.get("nodes") else ""
        print(f"  {each['kind']} {each['path']}{nodes}: {what}")
