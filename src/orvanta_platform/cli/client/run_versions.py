"""Runs under way on earlier versions of a workflow: printing their checks, and moving them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.errors import FAILED
from orvanta_platform.cli.client.output import print_json, terminal_safe

_PAGE: Final = 100


def show(session: Session, path: str) -> None:
    """Print the runs on earlier versions, and whether they can move."""
    found = _earlier(session, path)
    if session.as_json:
        print_json(found)
        return
    for each in found:
        where = ", ".join(each["at"]) or "-"
        print(terminal_safe(f"{each['id']}  version {each['number']}  {each['status']}  at {where}"))
        _print_obstacles(each["obstacles"])


def move(session: Session, path: str, runs: Sequence[str], *, everything: bool) -> None:
    """Move runs and print the outcomes. Raises typer.Exit if one cannot be moved."""
    chosen = [each["id"] for each in _earlier(session, path) if not each["obstacles"]] if everything else list(runs)
    done: list[dict[str, Any]] = []
    for start in range(0, len(chosen), _PAGE):
        call = session.api.in_workspace(f"versions/move_runs/{quote(path)}")
        done += session.api.send("POST", call, body={"runs": chosen[start : start + _PAGE]}).json()
    if session.as_json:
        print_json(done)
    else:
        for each in done:
            print(f"{each['id']}  {'moved' if each['moved'] else 'not moved'}")
            _print_obstacles(each["obstacles"])
    if not all(each["moved"] for each in done):
        raise typer.Exit(FAILED)


def _earlier(session: Session, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = session.api.get(session.api.in_workspace(f"versions/earlier_runs/{quote(path)}"), after=after)
        found += page["runs"]
        if not page["more"] or not page["runs"]:
            return found
        after = page["runs"][-1]["id"]


def _print_obstacles(obstacles: Sequence[dict[str, Any]]) -> None:
    for each in obstacles:
        where = f"{each['node']}: " if each["node"] else ""
        print(terminal_safe(f"    {where}{each['reason']}"))
