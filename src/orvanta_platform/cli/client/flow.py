"""`orvanta flow`: workflows from folders to the server, run and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command

app = typer.Typer(no_args_is_help=True, help="Push, run and look at workflows.", rich_markup_mode=None)

Source = Annotated[
    Path | None, typer.Argument(help="A folder x.flow, a document, or a folder with many of them.", metavar="SOURCE")
]
Place = Annotated[
    str | None,
    typer.Argument(metavar="PATH", help="Where it goes, f/<folder>/<name>; else its place in folders says."),
]
PauseBefore = Annotated[
    str | None, typer.Option("--pause-before", help="Nodes before which the run waits.", metavar="NODE,…")
]
PauseIf = Annotated[
    str | None, typer.Option("--pause-if", help="Only where this expression is true.", metavar="EXPRESSION")
]


@app.callback()
def flow() -> None:
    """Push, run and look at workflows."""


@command(
    app,
    "orvanta flow push f/sales/report.flow",
    "orvanta flow push report.flow f/sales/report --message 'Totals by region'",
    "orvanta flow push --all --dry-run",
)
def push(
    session: Session,
    source: Source = None,
    path: Place = None,
    message: options.Message = None,
    base: options.Base = None,
    dry_run: options.DryRun = False,
    no_wait: options.NoWait = False,
    all_: options.All = False,
) -> None:
    """Deploy a workflow from its folder: created, updated, or left alone where nothing changed.

    Reads flow.yaml and puts the files of `!inline` in; comments and order of the YAML are kept. What is wrong is
    printed with file, line, node and path. Waits until the dependencies are locked. A folder without flow.yaml
    stands for every workflow under it.
    """
    from orvanta_platform.cli.client.deploy import Options
    from orvanta_platform.cli.client.push import push_flows

    push_flows(session, source, path, Options(message, base, dry_run, not no_wait), everything=all_)


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
    """Run a workflow and show its progress; its result goes to stdout.

    Progress goes to stderr: a table drawn in place on a terminal, else a line for each thing that happens. Exit
    code: 0 succeeded, 1 failed, 3 cancelled. Ctrl-C stops watching, the run goes on.
    """
    from orvanta_platform.cli.client import run_input, running, started

    given = run_input.read(pairs or [], input_file)
    run_id = started.start(session.api, "f", path, given, pause_before=pause_before, pause_if=pause_if)
    if detach:
        running.show_started(session, run_id)
    else:
        running.show(session, run_id, quiet=wait, cancel_on_interrupt=cancel_on_interrupt)


@command(app, "orvanta flow show f/sales/report", "orvanta flow show f/sales/report --json | jq .version_id")
def show(session: Session, path: options.ItemPath) -> None:
    """Print a deployed workflow: the YAML it came as, else its document as YAML."""
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


@command(app, "orvanta flow list", "orvanta flow list f/sales/")
def _list(session: Session, prefix: options.Prefix = None, limit: options.Limit = 100) -> None:
    """List deployed workflows, the one deployed last first."""
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
    print_table(["PATH", "VERSION", "DEPLOYED", "BY", "SUMMARY"], rows)
