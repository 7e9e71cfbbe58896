"""`orvanta job`: runs and the jobs of their nodes."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from orvanta_platform.cli.client import job_again, job_pause, options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.options import Status, run_id
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True,
    help="View runs and jobs, watch, cancel, restart and rerun them.",
    cls=CommandGroup,
    rich_markup_mode=None,
)

JobId = Annotated[
    str, typer.Argument(help="Id of a run, or of the job of one of its nodes.", metavar="ID", parser=run_id)
]
RunPath = Annotated[str | None, typer.Option("--path", help="Only runs of the workflow or script at this path.")]
Nodes = Annotated[bool, typer.Option("--nodes", help="Include the jobs of nodes.")]
Attempt = Annotated[int | None, typer.Option("--attempt", min=1, help="Only the log of this attempt.")]
Merged = Annotated[bool, typer.Option("--merged", help="Merge the lines of all nodes of a workflow by time.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until the job has ended.")]


Statuses = Annotated[Status | None, typer.Option("--status", help="Only runs with this status.")]
_CALLS: dict[Status | None, tuple[str, dict[str, bool]]] = {
    None: ("jobs/list", {}),
    Status.QUEUED: ("jobs/queue/list", {"running": False}),
    Status.RUNNING: ("jobs/queue/list", {"running": True}),
    Status.SUCCEEDED: ("jobs/completed/list", {"success": True}),
    Status.FAILED: ("jobs/completed/list", {"success": False}),
}


@app.callback()
def job() -> None:
    """View runs and jobs, watch, cancel, restart and rerun them."""


@command(app, "orvanta job list", "orvanta job list --path f/sales/report --status failed --limit 5 --json")
def _list(
    session: Session, path: RunPath = None, status: Statuses = None, nodes: Nodes = False, limit: options.Limit = 20
) -> None:
    """List runs, newest first. Cancelled runs count as failed."""
    from orvanta_platform.cli.client.output import duration, local_time, print_json, print_table

    api = session.api
    call, query = _CALLS[status]
    only_runs = None if nodes else False
    found = api.get(api.in_workspace(call), script_path_exact=path, is_flow_step=only_runs, per_page=limit, **query)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            *(each["id"], status_of(each), each.get("script_path", each["job_kind"]), local_time(each["created_at"])),
            *(duration(each.get("duration_ms")), each["created_by"]),
        ]
        for each in found
    ]
    print_table(["ID", "STATUS", "PATH", "CREATED", "TIME", "BY"], rows)


@command(app, "orvanta job get 0199f2c4-0000-7000-8000-000000000000", "orvanta job get $ID --json | jq .args")
def get(session: Session, id: JobId) -> None:
    """Show the state of a run or job, its nodes and its failure. --json prints everything but the log."""
    from orvanta_platform.cli.client.output import print_json_text

    api = session.api
    answer = api.send("GET", api.item("jobs_u/get", id), query={"no_logs": True, "no_code": True})
    if session.as_json:
        print_json_text(answer.content)
        return
    _describe(answer.json())
    if "flow_status" in answer.json():
        _describe_nodes(session, id)


@command(app, "orvanta job logs $ID", "orvanta job logs $ID --follow")
def logs(session: Session, id: JobId, attempt: Attempt = None, merged: Merged = False, follow: Follow = False) -> None:
    """Print the log of a job; for a run of a workflow, the logs of its nodes in order, each under a heading."""
    from orvanta_platform.cli.client import log_text

    if follow and (attempt is not None or merged or session.as_json):
        raise typer.BadParameter("--follow cannot be combined with --attempt, --merged or --json.")
    if follow:
        log_text.follow(session.api, id)
    else:
        log_text.print_whole(session, id, attempt, merged=merged)


@command(app, "orvanta job result $ID | jq .")
def result(session: Session, id: JobId) -> None:
    """Print the result of a finished run or job, and exit with its exit code."""
    from orvanta_platform.cli.client.errors import CANCELLED, FAILED, SUCCEEDED
    from orvanta_platform.cli.client.output import print_json_text
    from orvanta_platform.errors import Conflict

    api = session.api
    found = api.get(api.item("jobs_u/get", id), no_logs=True, no_code=True)
    if found["type"] != "CompletedJob":
        raise Conflict(f"The job {id} has not ended.", hint=f"Wait for it with `orvanta job watch {id}`.")
    print_json_text(api.send("GET", api.item("jobs_u/completed/get_result", id)).content)
    raise typer.Exit(SUCCEEDED if found["success"] else CANCELLED if found["canceled"] else FAILED)


@command(app, "orvanta job watch $ID", "orvanta job watch $ID --wait > result.json")
def watch(
    session: Session,
    id: JobId,
    wait: options.Wait = False,
    cancel_on_interrupt: options.CancelOnInterrupt = False,
) -> None:
    """Show the progress of a run until it has ended, then print its result, like `flow run`."""
    from orvanta_platform.cli.client import running

    running.show(session, id, quiet=wait, cancel_on_interrupt=cancel_on_interrupt)


def status_of(found: dict[str, Any]) -> str:
    """Return the status of a job of the API as one word."""
    if found["type"] == "QueuedJob":
        if found.get("suspend"):
            return "awaiting_approval"
        if found.get("wait", {}).get("code") == "paused":
            return "paused"
        return "running" if found["running"] else "queued"
    if found["canceled"]:
        return "cancelled"
    return "succeeded" if found["success"] else "failed"


def _waits(wait: dict[str, Any] | None) -> str | None:
    from orvanta_platform.cli.client.runs import waits_text

    return waits_text(wait["reason"], wait.get("before"), wait.get("until")) if wait else None


def _describe(found: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import duration, local_time

    rows = [
        ("job", found["id"]),
        ("status", status_of(found)),
        ("path", found.get("script_path")),
        ("kind", found["job_kind"]),
        ("trigger", found["trigger_kind"]),
        ("created", f"{local_time(found['created_at'])} by {found['created_by']}"),
        ("started", local_time(found.get("started_at"))),
        ("ended", local_time(found.get("completed_at"))),
        ("took", duration(found.get("duration_ms"))),
        ("waits", _waits(found.get("wait"))),
        ("held by", ", ".join(found.get("wait", {}).get("limit", {}).get("held_by", []))),
        ("worker", found.get("worker")),
        ("repeats", _repeated(found.get("repeats"))),
        ("cancelled", " ".join(filter(None, [found.get("canceled_by"), found.get("canceled_reason")]))),
    ]
    for name, value in rows:
        if value:
            print(f"{name:<10}{value}")


def _repeated(repeats: dict[str, Any] | None) -> str:
    return "" if repeats is None else f"{repeats['job']} by {repeats['kind']} {repeats.get('step_id', '')}".rstrip()


def _describe_nodes(session: Session, id: str) -> None:
    from orvanta_platform.cli.client.output import print_table
    from orvanta_platform.cli.client.runs import parse
    from orvanta_platform.cli.client.screens import ended_text

    run = parse(session.api.send("GET", f"/api/v1/runs/{id}").content)
    reasons = {wait.id: wait.text for wait in run.waits}
    print()
    sys.stdout.flush()
    print_table(
        ["NODE", "JOB", "STATUS"],
        [[node.id, node.job, f"{ended_text(node)} {reasons.get(node.id, '')}".strip()] for node in run.nodes],
    )


app.registered_commands += job_again.app.registered_commands + job_pause.app.registered_commands
