"""`orvanta flow`: deploy workflows from folders, run and view them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import moves, options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="Push, run and view workflows.", cls=CommandGroup, rich_markup_mode=None)

Source = Annotated[
    Path | None,
    typer.Argument(help="Folder NAME.flow or NAME__flow, document, or folder that contains them.", metavar="SOURCE"),
]
Place = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH", help="Path to deploy to, f/<folder>/<name>; derived from the location of SOURCE by default."
    ),
]
PauseBefore = Annotated[
    str | None,
    typer.Option("--pause-before", help="Nodes before which the run pauses, comma-separated.", metavar="NODE,…"),
]
PauseIf = Annotated[
    str | None,
    typer.Option("--pause-if", help="Pause only if this JavaScript expression is true.", metavar="EXPRESSION"),
]


@app.callback()
def flow() -> None:
    """Push, run and view workflows."""


@command(
    app,
    "orvanta flow push f/sales/report.flow",
    "orvanta flow push report.flow f/sales/report --message 'Totals by region'",
    "orvanta flow push --all --dry-run",
    "orvanta flow push report.flow f/sales/report --policy-bypass-reason 'Incident 7'",
)
def push(
    session: Session,
    source: Source = None,
    path: Place = None,
    message: options.Message = None,
    base: options.Base = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    no_wait: options.NoWait = False,
    all_: options.All = False,
    policy_bypass: options.PolicyBypass = None,
) -> None:
    """Deploy a workflow from its folder. An unchanged workflow is not deployed again.

    Reads flow.yaml and inserts the files of `!inline`; comments and order of the YAML are preserved. Problems are
    printed with file, line, node and path. Waits until the dependencies are locked. A folder without flow.yaml selects
    every workflow under it.
    """
    from orvanta_platform.cli.client.deploy import Options
    from orvanta_platform.cli.client.push import push_flows

    push_flows(
        session, source, path, Options(message, base, dry_run, not no_wait, policy_bypass, force), everything=all_
    )


@command(
    app,
    "orvanta flow run f/examples/order_receipt --input order.json",
    "orvanta flow run f/sales/report -i region=north -i year:=2026 | jq .total",
    "orvanta flow run f/sales/report --detach",
    "orvanta flow run f/sales/report --detach --pause-before charge,send",
)
def run(
    session: Session,
    path: options.ItemPath,
    pairs: options.Pairs = None,
    input_file: options.InputFile = None,
    detach: options.Detach = False,
    wait: options.Wait = False,
    cancel_on_interrupt: options.CancelOnInterrupt = False,
    pause_before: PauseBefore = None,
    pause_if: PauseIf = None,
) -> None:
    """Run a workflow, show its progress and print its result to stdout.

    Progress goes to stderr: on a terminal as a table redrawn in place, otherwise one line per event. The exit code is 0
    if the run succeeded, 1 if it failed and 3 if it was cancelled. Ctrl-C stops watching; the run continues.
    """
    from orvanta_platform.cli.client import run_input, running

    args = run_input.read(pairs or [], input_file)
    run_id = running.start(session.api, "f", path, args, pause_before=pause_before, pause_if=pause_if)
    if detach:
        running.show_started(session, run_id)
    else:
        running.show(session, run_id, quiet=wait, cancel_on_interrupt=cancel_on_interrupt)


@command(
    app,
    "orvanta flow dry-run f/sales/report -i region=north",
    "orvanta flow dry-run f/sales/report --reads --test small --json | jq .executions",
)
def dry_run(
    session: Session,
    path: options.ItemPath,
    pairs: options.Pairs = None,
    input_file: options.InputFile = None,
    reads: Annotated[bool, typer.Option("--reads", help="Execute nodes that declare that they only read.")] = False,
    from_run: Annotated[
        str | None, typer.Option("--from-run", help="Run whose answers are played.", metavar="RUN")
    ] = None,
    test: Annotated[
        str | None, typer.Option("--test", help="Test of the workflow whose answers are played.", metavar="NAME")
    ] = None,
    wait: options.Wait = False,
) -> None:
    """Run a workflow without its effects, and print what it would have written or sent.

    Conditions, branches and loops are decided as in a run. Nodes that do not declare `effects: none` are not executed:
    their results are recorded answers, or samples of their result schemas. The exit code is that of `flow run`.
    """
    from orvanta_platform.cli.client import dry_run as dry_runs
    from orvanta_platform.cli.client import run_input

    args = run_input.read(pairs or [], input_file)
    earlier = None if from_run is None else options.run_id(from_run)
    dry_runs.run(session, path, args, reads=reads, earlier=earlier, test=test, quiet=wait)


@command(app, "orvanta flow show f/sales/report", "orvanta flow show f/sales/report --json | jq .version_id")
def show(session: Session, path: options.ItemPath) -> None:
    """Print the YAML of a deployed workflow.

    A workflow that was deployed as JSON is converted.
    """
    from orvanta_platform.cli.client.output import print_bytes, print_json
    from orvanta_platform.workflow.text import write_yaml

    api = session.api
    found = api.get(api.item("flows/get", path))
    if session.as_json:
        print_json(found)
    elif found.get("source", {}).get("format") == "yaml":
        print_bytes(found["source"]["text"].encode())
    else:
        parts = {name: found[name] for name in ("summary", "description", "schema", "value") if found.get(name)}
        print_bytes(write_yaml(parts).encode())


@command(
    app,
    "orvanta flow move f/sales/report f/finance/report",
    "orvanta flow move f/sales/report f/finance/report --dry-run",
)
def move(session: Session, path: options.ItemPath, target: moves.Target, dry_run: moves.DryRun = False) -> None:
    """Move a workflow to another path, with its versions and history.

    Workflows, schedules and HTTP triggers that run it are updated, all or nothing: it is not moved if you may not
    change one of them.
    """
    moves.move(session, "flow", path, target, dry_run=dry_run)


@command(
    app,
    "orvanta flow move-runs f/sales/report",
    "orvanta flow move-runs f/sales/report 0199f2c4-0000-7000-8000-000000000000",
    "orvanta flow move-runs f/sales/report --all --json",
)
def move_runs(
    session: Session,
    path: options.ItemPath,
    runs: Annotated[list[str] | None, typer.Argument(help="Ids of the runs to move.", metavar="[RUN]...")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Move every run that can be moved.")] = False,
) -> None:
    """Move runs under way to the current version of their workflow. Without RUN and --all, list those on earlier ones.

    The list has the reasons why a run cannot be moved. A moved run keeps its results and waits. The exit code is 1 if a
    run was refused.
    """
    from orvanta_platform.cli.client import run_versions

    if runs or all_:
        run_versions.move(session, path, [options.run_id(each) for each in runs or []], everything=all_)
    else:
        run_versions.show(session, path)


@command(app, "orvanta flow list", "orvanta flow list f/sales/")
def _list(session: Session, prefix: options.Prefix = None, limit: options.Limit = 100) -> None:
    """List deployed workflows, last deployed first."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("flows/list"), path_start=prefix, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [each["path"], str(each["version_id"]), local_time(each["edited_at"]), each["edited_by"], each["summary"]]
        for each in found
    ]
    print_table(["PATH", "VERSION ID", "DEPLOYED", "BY", "SUMMARY"], rows)
