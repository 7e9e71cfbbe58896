"""Many runs at once: found by filters, shown, then cancelled or run again, with progress on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer

from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.job_status import Status
from orvanta_platform.cli.client.output import print_json, say

AT_ONCE = 100
"""Runs of one call: progress is told after each."""

MOST = 10_000
"""Runs of one command, at most."""

_PAGE = 1_000
_SHOWN = 10
_STANDING: dict[Status, dict[str, Any]] = {
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
    """The filters of a command as the query of a list has them; none that was not given."""
    given = {
        "script_path_exact": path,
        "script_path_start": path_start,
        "created_by": by,
        "tag": tag,
        "created_after": since,
        "created_before": until,
        **(_STANDING[status] if status is not None else {}),
    }
    return {name: value for name, value in given.items() if value is not None}


def cancel(session: Session, filters: dict[str, Any], *, every: bool, force: bool, dry_run: bool) -> None:
    """Cancel what the filters find under way."""
    if "success" in filters:
        raise typer.BadParameter("What has ended cannot be cancelled.", param_hint="--status")
    chosen = _chosen(session, "jobs/queue/list_filtered_uuids", filters, every)
    if dry_run:
        show_chosen(session, chosen)
        return
    api, done = session.api, []
    for part in _parts(session, chosen, "cancelled"):
        answer = api.post(api.in_workspace("jobs/queue/cancel_selection"), part, force_cancel=force or None)
        done += json.loads(answer)
    if session.as_json:
        print_json({"count": len(done), "ids": done})
    else:
        print(f"{len(done)} are being cancelled.")


def rerun(session: Session, filters: dict[str, Any], *, every: bool, latest: bool, dry_run: bool) -> None:
    """Run again what the filters find ended. Ends with 1 where a run could not be."""
    if "running" in filters:
        raise typer.BadParameter("What is under way is run again by its id alone.", param_hint="--status")
    standing = filters if "success" in filters else {**filters, "completed_before": "9999-01-01T00:00:00Z"}
    chosen = _chosen(session, "jobs/list_filtered_uuids", standing, every, narrowed=bool(filters))
    if dry_run:
        show_chosen(session, chosen)
        return
    api, made, failed = session.api, [], []
    for part in _parts(session, chosen, "run again"):
        text = api.post(api.in_workspace("jobs/run/batch_rerun_jobs"), {"job_ids": part}, latest=latest or None)
        lines = text.splitlines()
        made += [line for line in lines if not line.startswith("Error: ")]
        failed += [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    if session.as_json:
        print_json({"count": len(made), "ids": made, "errors": failed})
    else:
        for line in made:
            print(line)
    for line in failed:
        say(line)
    if failed:
        raise typer.Exit(1)


def show_chosen(session: Session, chosen: list[str]) -> None:
    """How many runs there are, and the first of them."""
    if session.as_json:
        print_json({"count": len(chosen), "ids": chosen[:_SHOWN]})
        return
    print(f"{len(chosen)} runs" if len(chosen) != 1 else "1 run")
    for id in chosen[:_SHOWN]:
        print(f"  {id}")
    if len(chosen) > _SHOWN:
        print(f"  and {len(chosen) - _SHOWN} more")


def _chosen(
    session: Session, call: str, query: dict[str, Any], every: bool, *, narrowed: bool | None = None
) -> list[str]:
    if not (bool(query) if narrowed is None else narrowed) and not every:
        raise typer.BadParameter("Name a run by its id, or some of them by filters; --all is every run.")
    api, found = session.api, list[str]()
    while len(found) <= MOST:
        before = {"before": found[-1]} if found else {}
        page = api.get(api.in_workspace(call), has_null_parent=True, per_page=_PAGE, **query, **before)
        found += page
        if len(page) < _PAGE:
            return found
    raise typer.BadParameter(f"More than {MOST} runs are found; narrow the filters.")


def _parts(session: Session, chosen: list[str], what: str) -> Iterator[list[str]]:
    for first in range(0, len(chosen), AT_ONCE):
        yield chosen[first : first + AT_ONCE]
        if not session.as_json and len(chosen) > AT_ONCE:
            say(f"{min(first + AT_ONCE, len(chosen))} of {len(chosen)} {what}")
