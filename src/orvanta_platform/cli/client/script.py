"""`orvanta script`: deploy scripts from files, run and view them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import moves, options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="Push, run and view scripts.", cls=CommandGroup, rich_markup_mode=None)

Source = Annotated[Path | None, typer.Argument(help="File, or folder that contains scripts.", metavar="SOURCE")]
Place = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH", help="Path to deploy to, f/<folder>/<name>; derived from the location of SOURCE by default."
    ),
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language; determined by the extension by default.")
]


@app.callback()
def script() -> None:
    """Push, run and view scripts."""


@command(
    app,
    "orvanta script push f/sales/total.py",
    "orvanta script push total.py f/sales/total --message 'Round at the end'",
    "orvanta script push --all",
)
def push(
    session: Session,
    source: Source = None,
    path: Place = None,
    language: Language = None,
    message: options.Message = None,
    base: options.Base = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    no_wait: options.NoWait = False,
    all_: options.All = False,
    policy_bypass: options.PolicyBypass = None,
) -> None:
    """Deploy a script from its file. An unchanged script is not deployed again.

    The extension determines the language: .py .sh .ts .go .php .rb .pg.sql .duckdb.sql .fetch.ts .deno.ts and others.
    Summary, description, schema and tag are read from total.script.yaml (or .json) next to total.py; without that file
    the deployed values are kept. A lock is read from total.script.lock. Waits until the dependencies are locked.
    """
    from orvanta_platform.cli.client.deploy import Options
    from orvanta_platform.cli.client.push import push_scripts

    deployment = Options(message, base, dry_run, not no_wait, policy_bypass, force)
    push_scripts(session, source, path, deployment, everything=all_, language=language)


@command(
    app,
    "orvanta script run f/sales/total -i region=north -i 'lines:=[1,2]'",
    "orvanta script run f/sales/total --input - < input.json",
)
def run(
    session: Session,
    path: options.ItemPath,
    pairs: options.Pairs = None,
    input_file: options.InputFile = None,
    detach: options.Detach = False,
    wait: options.Wait = False,
    cancel_on_interrupt: options.CancelOnInterrupt = False,
) -> None:
    """Run a script, show its log on stderr and print its result to stdout.

    The exit code is 0 if the run succeeded, 1 if it failed and 3 if it was cancelled. Ctrl-C stops watching; the run
    continues.
    """
    from orvanta_platform.cli.client import run_input, running

    run_id = running.start(session.api, "p", path, run_input.read(pairs or [], input_file))
    if detach:
        running.show_started(session, run_id)
    else:
        running.show(session, run_id, quiet=wait, cancel_on_interrupt=cancel_on_interrupt)


@command(app, "orvanta script show f/sales/total > total.py")
def show(session: Session, path: options.ItemPath) -> None:
    """Print the text of a deployed script."""
    from orvanta_platform.cli.client.output import print_bytes, print_json

    api = session.api
    found = api.get(api.item("scripts/get/p", path))
    if session.as_json:
        print_json(found)
    else:
        print_bytes(found["content"].encode())


@command(
    app,
    "orvanta script move f/sales/report f/finance/report",
    "orvanta script move f/sales/report f/finance/report --dry-run",
)
def move(session: Session, path: options.ItemPath, target: moves.Target, dry_run: moves.DryRun = False) -> None:
    """Move a script to another path, with its versions and history.

    Workflows, schedules and HTTP triggers that run it are updated, all or nothing: it is not moved if you may not
    change one of them.
    """
    moves.move(session, "script", path, target, dry_run=dry_run)


@command(app, "orvanta script list", "orvanta script list f/sales/")
def _list(session: Session, prefix: options.Prefix = None, limit: options.Limit = 100) -> None:
    """List deployed scripts, last deployed first."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("scripts/list"), path_start=prefix, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            *(each["path"], each["language"], each["hash"], local_time(each["created_at"])),
            *(each["created_by"], each["summary"]),
        ]
        for each in found
    ]
    print_table(["PATH", "LANGUAGE", "HASH", "DEPLOYED", "BY", "SUMMARY"], rows)
