"""`orvanta job restart`, `retry`, `rerun` and `cancel`, for one run or for all runs selected by filters."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.options import Status, run_id

app = typer.Typer(no_args_is_help=True)

_NOTHING: dict[str, Any] = {"kept": [], "again": [], "skipped": [], "inside": []}

RunId = Annotated[str, typer.Argument(help="Id of a run that has ended.", metavar="ID", parser=run_id)]
AnyId = Annotated[
    str | None, typer.Argument(help="Id of a run; without it, filters select runs.", metavar="ID", parser=run_id)
]
CancelId = Annotated[
    str | None,
    typer.Argument(
        help="Id of a run, a job of a node, a loop or an iteration; without it, filters select runs.",
        metavar="ID",
        parser=run_id,
    ),
]
Node = Annotated[
    str,
    typer.Argument(
        help="Node to restart from; orders@3/charge is the node charge in the iteration (or branch) 3 of orders.",
        metavar="NODE",
    ),
]
Version = Annotated[int | None, typer.Option("--version", help="Version of the workflow; that of the run by default.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the nodes to run and to reuse, without starting.")]
DryCancel = Annotated[bool, typer.Option("--dry-run", help="Print the selected runs without cancelling them.")]
DryRerun = Annotated[bool, typer.Option("--dry-run", help="Print the selected runs without rerunning them.")]
Latest = Annotated[bool, typer.Option("--latest", help="Use the newest version instead of the version of the run.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Reason, shown with the run. Only for a single run.")]
Force = Annotated[bool, typer.Option("--force", help="Do not wait for the worker to respond.")]
Path = Annotated[str | None, typer.Option("--path", help="Filter: runs of the workflow or script at this path.")]
PathStart = Annotated[
    str | None, typer.Option("--path-start", help="Filter: runs of paths with this prefix, such as f/sales/.")
]
By = Annotated[str | None, typer.Option("--by", help="Filter: runs started by this user.")]
Tag = Annotated[str | None, typer.Option("--tag", help="Filter: runs in this queue.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Filter: runs created after this time, such as 2030-01-31T12:00:00Z.")
]
Until = Annotated[str | None, typer.Option("--until", help="Filter: runs created before this time.")]
Live = Annotated[Status | None, typer.Option("--status", help="Filter: queued or running.")]
Over = Annotated[
    Status | None, typer.Option("--status", help="Filter: succeeded or failed; cancelled counts as failed.")
]
All = Annotated[bool, typer.Option("--all", help="Select every run that you can see, without any filter.")]


@command(
    app,
    "orvanta job restart $ID charge --dry-run",
    "orvanta job restart $ID charge",
    "orvanta job restart $ID orders@3/charge --detach",
)
def restart(
    session: Session,
    id: RunId,
    node: Node,
    version: Version = None,
    dry_run: DryRun = False,
    detach: options.Detach = False,
    wait: options.Wait = False,
    cancel_on_interrupt: options.CancelOnInterrupt = False,
) -> None:
    """Restart a finished run from a node, as a new run.

    The node and all nodes that follow it run again, and so do nodes that had not completed. The results of all other
    nodes are reused. Shows progress like `flow run`.
    """
    body = {**_restart_point(node), **({"flow_version": version} if version is not None else {})}
    if dry_run:
        _show_preview(session, json.loads(session.api.post(session.api.item("jobs/restart_preview/f", id), body)))
        return
    run = session.api.post(session.api.item("jobs/restart/f", id), body)
    _follow(session, run, detach, wait, cancel_on_interrupt)


@command(app, "orvanta job retry $ID --dry-run", "orvanta job retry $ID")
def retry(
    session: Session,
    id: RunId,
    version: Version = None,
    dry_run: DryRun = False,
    detach: options.Detach = False,
    wait: options.Wait = False,
    cancel_on_interrupt: options.CancelOnInterrupt = False,
) -> None:
    """Restart a run where it failed or was cancelled, as a new run that reuses completed nodes.

    The run of a script starts from the beginning, with the same inputs. Shows progress like `flow run`.
    """
    api = session.api
    found = api.get(api.item("jobs_u/get", id), no_logs=True, no_code=True)
    has_nodes = found["job_kind"] in ("flow", "flowpreview") and not found["is_flow_step"]
    if version is not None and not has_nodes:
        raise typer.BadParameter("A script has no --version here: use job rerun --latest.")
    if dry_run and has_nodes:
        _show_preview(session, json.loads(api.post(api.item("jobs/retry_preview/f", id), {"flow_version": version})))
    elif dry_run:
        _show_preview(session, {**_NOTHING, "again": [id]})
    else:
        call = "jobs/retry/f" if has_nodes else "jobs/rerun"
        run = api.post(api.item(call, id), {"flow_version": version} if has_nodes else None)
        _follow(session, run, detach, wait, cancel_on_interrupt)


@command(
    app,
    "orvanta job rerun $ID",
    "orvanta job rerun $ID -i region=south --latest",
    "orvanta job rerun --path f/sales/report --status failed --since 2030-01-31T00:00:00Z --dry-run",
)
def rerun(
    session: Session,
    id: AnyId = None,
    pairs: options.Pairs = None,
    input_file: options.InputFile = None,
    latest: Latest = False,
    path: Path = None,
    path_start: PathStart = None,
    status: Over = None,
    by: By = None,
    tag: Tag = None,
    since: Since = None,
    until: Until = None,
    every: All = False,
    dry_run: DryRerun = False,
    detach: options.Detach = False,
    wait: options.Wait = False,
    cancel_on_interrupt: options.CancelOnInterrupt = False,
) -> None:
    """Run a run again as a whole, or all runs selected by filters, with the same version and inputs.

    For a single run, -i changes some of the inputs and --input replaces all of them. For several runs, each new run is
    printed on a line when it is started (--json prints one document), and the exit code is 1 if one could not be
    started.
    """
    from orvanta_platform.cli.client import selection

    filters = selection.filters(status, path, path_start, by, tag, since, until)
    if id is None:
        if pairs or input_file:
            raise typer.BadParameter("Inputs can only be changed for a single run: name it by its id.")
        selection.rerun(session, filters, every=every, latest=latest, dry_run=dry_run)
        return
    _refuse_filters(filters, every)
    if dry_run:
        _show_preview(session, {**_NOTHING, "again": [id]})
        return
    api = session.api
    body = _inputs(session, id, pairs or [], input_file)
    run = api.send("POST", api.item("jobs/rerun", id), body=body, query={"latest": latest or None}).text
    _follow(session, run, detach, wait, cancel_on_interrupt)


@command(
    app,
    "orvanta job cancel $ID --reason 'Wrong month'",
    "orvanta job cancel --path f/sales/report --status queued --dry-run",
    "orvanta job cancel --by olga --force",
)
def cancel(
    session: Session,
    id: CancelId = None,
    reason: Reason = None,
    force: Force = False,
    path: Path = None,
    path_start: PathStart = None,
    status: Live = None,
    by: By = None,
    tag: Tag = None,
    since: Since = None,
    until: Until = None,
    every: All = False,
    dry_run: DryCancel = False,
) -> None:
    """Cancel a run, or all runs selected by filters. Running jobs are stopped within seconds.

    The id of a job of a node, of a loop or of an iteration cancels only that: it fails, and the run continues.
    """
    from orvanta_platform.cli.client import selection
    from orvanta_platform.cli.client.output import print_json

    filters = selection.filters(status, path, path_start, by, tag, since, until)
    if id is None:
        selection.cancel(session, filters, every=every, force=force, dry_run=dry_run)
        return
    _refuse_filters(filters, every)
    api = session.api
    if dry_run:
        selection.show_selected(session, [str(api.get(api.item("jobs_u/get", id), no_logs=True)["id"])])
        return
    call = "jobs_u/queue/force_cancel" if force else "jobs_u/queue/cancel"
    answer = api.send("POST", api.item(call, id), body={"reason": reason} if reason else {})
    if session.as_json:
        print_json({"id": answer.text})
    elif "X-Warnings" not in answer.headers:  # which says that the run has ended
        print(f"Cancelling {answer.text}.")


def _refuse_filters(filters: dict[str, Any], every: bool) -> None:
    if filters or every:
        raise typer.BadParameter("An id and filters cannot be combined.")


def _restart_point(text: str) -> dict[str, Any]:
    """Return the body of the API call for a location such as `orders@3/charge`. Raises typer.BadParameter."""
    steps: list[dict[str, Any]] = []
    for part in text.split("/"):
        id, at, number = part.partition("@")
        if not id or (at and not number.isascii()) or (at and not number.isdigit()):
            raise typer.BadParameter(
                f"{text[:100]!r} is not a node; write charge, or orders@3/charge.", param_hint="NODE"
            )
        steps.append({"step_id": id, **({"branch_or_iteration_n": int(number)} if at else {})})
    first, *rest = steps
    return {**first, **({"nested_path": rest} if rest else {})}


def _inputs(session: Session, id: str, pairs: list[str], file: str | None) -> bytes | None:
    """Return the inputs of a single rerun: None, those of a file, or the inputs of the run changed by pairs."""
    from orvanta_platform.cli.client import run_input

    if not pairs and file is None:
        return None
    changes = run_input.read(pairs, file)
    if file is not None:
        return changes
    before = session.api.send("GET", session.api.item("jobs_u/get_args", id)).content
    return run_input.merged(before, changes)


def _follow(session: Session, run: str, detach: bool, wait: bool, cancel_on_interrupt: bool) -> None:
    from orvanta_platform.cli.client import running

    if detach:
        running.show_started(session, run)
    else:
        running.show(session, run, quiet=wait, cancel_on_interrupt=cancel_on_interrupt)


def _show_preview(session: Session, found: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import print_json

    if session.as_json:
        print_json(found)
        return
    for line in _preview_lines(found, ""):
        print(line)


def _preview_lines(found: dict[str, Any], indent: str) -> list[str]:
    """Return the lines of a restart preview."""
    inside = {each["step_id"]: each for each in found["inside"]}
    lines = []
    for name, label in (("kept", "reuses"), ("skipped", "skips"), ("again", "runs")):
        whole = [id for id in found[name] if id not in inside]
        lines += [f"{indent}{label:<7}{', '.join(whole)}"] if whole else []
    for id, each in inside.items():
        number = each.get("branch_or_iteration_n")
        where = f" at {number}" if number is not None else ""
        lines.append(f"{indent}{'enters':<7}{id}{where}, reuses {each['bodies_kept']} others")
        lines += _preview_lines(each["body"], indent + "  ") if "body" in each else []
    return lines
