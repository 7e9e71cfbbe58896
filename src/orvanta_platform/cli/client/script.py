"""`orvanta script`: scripts from files to the server, run and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command

app = typer.Typer(no_args_is_help=True, help="Push, run and look at scripts.", rich_markup_mode=None)

Source = Annotated[Path | None, typer.Argument(help="A file, or a folder with many of them.", metavar="SOURCE")]
Place = Annotated[
    str | None,
    typer.Argument(metavar="PATH", help="Where it goes, f/<folder>/<name>; else its place in folders says."),
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language, where the file's name does not say it.")
]


@app.callback()
def script() -> None:
    """Push, run and look at scripts."""


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
    dry_run: options.DryRun = False,
    no_wait: options.NoWait = False,
    all_: options.All = False,
) -> None:
    """Deploy a script from its file: created, updated, or left alone where nothing changed.

    The name's ending says the language: .py .sh .ts .go .php .rb .pg.sql .duckdb.sql .fetch.ts .deno.ts and others.
    Summary, description, schema and tag stand in total.script.yaml (or .json) beside total.py; without that file
    they stay as they are deployed. Waits until the dependencies are locked.
    """
    from orvanta_platform.cli.client.deploy import Options
    from orvanta_platform.cli.client.push import push_scripts

    made = Options(message, base, dry_run, not no_wait)
    push_scripts(session, source, path, made, everything=all_, language=language)


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
    """Run a script and show its log on stderr; its result goes to stdout.

    Exit code: 0 succeeded, 1 failed, 3 cancelled. Ctrl-C stops watching, the run goes on.
    """
    from orvanta_platform.cli.client import run_input, running, started

    run_id = started.start(session.api, "p", path, run_input.read(pairs or [], input_file))
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


@command(app, "orvanta script list", "orvanta script list f/sales/")
def _list(session: Session, prefix: options.Prefix = None, limit: options.Limit = 100) -> None:
    """List deployed scripts, the one deployed last first."""
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
