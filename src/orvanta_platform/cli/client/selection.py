"""Bulk cancel and rerun of runs selected by filters, with progress on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer

from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.options import Status
from orvanta_platform.cli.client.output import print_json, say

BATCH_SIZE = 100
"""Runs per API call; progress is printed after each call."""

MAX_RUNS = 10_000
"""Maximum number of runs of one command."""

_PAGE = 1_000
_SHOWN = 10
_STATUS_QUERIES: dict[Status, dict[str, Any]] = {
    Status.QUEUED: {"running": False},
    Status.RUNNING: {"running": True},
    Status.SUCCEEDED: {"success": True},
    Status.FAILED: {"success": False},
}


def filters(
    status: Status | None,
    path: str | None,
    path_start: str | None,
    by: str | None,
    tag: str | None,
    since: str | None,
    until: str | None,
) -> dict[str, Any]:
    """Return the options of a command as the query of a list call, without the options that are not set."""
    options = {
        "script_path_exact": path,
        "script_path_start": path_start,
        "created_by": by,
        "tag": tag,
        "created_after": since,
        "created_before": until,
        **(_STATUS_QUERIES[status] if status is not None else {}),
    }
    return {name: value for name, value in options.items() if value is not None}


def cancel(session: Session, filters: dict[str, Any], *, every: bool, force: bool, dry_run: bool) -> None:
    """Cancel the unfinished runs that match the filters."""
    if "success" in filters:
        raise typer.BadParameter("A run that has ended cannot be cancelled.", param_hint="--status")
    selected = _select(session, "jobs/queue/list_filtered_uuids", filters, every)
    if dry_run:
        show_selected(session, selected)
        return
    api, done = session.api, []
    for batch in _batches(session, selected, "cancelled"):
        answer = api.post(api.in_workspace("jobs/queue/cancel_selection"), batch, force_cancel=force or None)
        done += json.loads(answer)
    if session.as_json:
        print_json({"count": len(done), "ids": done})
    else:
        print(f"Cancelling {len(done)} runs." if len(done) != 1 else "Cancelling 1 run.")


def rerun(session: Session, filters: dict[str, Any], *, every: bool, latest: bool, dry_run: bool) -> None:
    """Rerun the finished runs that match the filters. Exits with 1 if a run could not be started."""
    if "running" in filters:
        raise typer.BadParameter("An unfinished run can only be rerun by its id.", param_hint="--status")
    query = filters if "success" in filters else {**filters, "completed_before": "9999-01-01T00:00:00Z"}
    selected = _select(session, "jobs/list_filtered_uuids", query, every, narrowed=bool(filters))
    if dry_run:
        show_selected(session, selected)
        return
    api, started, failed = session.api, [], []
    for batch in _batches(session, selected, "rerun"):
        text = api.post(api.in_workspace("jobs/run/batch_rerun_jobs"), {"job_ids": batch}, latest=latest or None)
        lines = text.splitlines()
        started += [line for line in lines if not line.startswith("Error: ")]
        failed += [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    if session.as_json:
        print_json({"count": len(started), "ids": started, "errors": failed})
    else:
        for line in started:
            print(line)
    for line in failed:
        say(line)
    if failed:
        raise typer.Exit(1)


def show_selected(session: Session, selected: list[str]) -> None:
    """Print the number of runs and the first of them."""
    if session.as_json:
        print_json({"count": len(selected), "ids": selected[:_SHOWN]})
        return
    print(f"{len(selected)} runs" if len(selected) != 1 else "1 run")
    for id in selected[:_SHOWN]:
        print(f"  {id}")
    if len(selected) > _SHOWN:
        print(f"  and {len(selected) - _SHOWN} more")


def _select(
    session: Session, call: str, query: dict[str, Any], every: bool, *, narrowed: bool | None = None
) -> list[str]:
    if not (bool(query) if narrowed is None else narrowed) and not every:
        raise typer.BadParameter("Name a run by its id, or select runs by filters; --all selects every run.")
    api, found = session.api, list[str]()
    while len(found) <= MAX_RUNS:
        before = {"before": found[-1]} if found else {}
        page = api.get(api.in_workspace(call), has_null_parent=True, per_page=_PAGE, **query, **before)
        found += page
        if len(page) < _PAGE:
            return found
    raise typer.BadParameter(f"More than {MAX_RUNS} runs match; narrow the filters.")


def _batches(session: Session, selected: list[str], what: str) -> Iterator[list[str]]:
    for first in range(0, len(selected), BATCH_SIZE):
        yield selected[first : first + BATCH_SIZE]
        if not session.as_json and len(selected) > BATCH_SIZE:
            say(f"{min(first + BATCH_SIZE, len(selected))} of {len(selected)} {what}")
