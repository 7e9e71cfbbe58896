"""Common part of `flow run`, `script run` and `job watch`: progress, result and exit code."""

from __future__ import annotations

import os
import sys

import typer

from orvanta_platform.cli.client import watch
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.output import print_json, print_json_text, say
from orvanta_platform.cli.client.screens import Lines, Screen, Silent, summary


def show(session: Session, run_id: str, *, quiet: bool, cancel_on_interrupt: bool) -> None:
    """Watch a run until it ends, print its result and exit with its exit code."""
    run, text = watch.to_end(session.api, run_id, screen(quiet), cancel_on_interrupt=cancel_on_interrupt)
    if not quiet:
        say(summary(run))
    print_json_text(text if session.as_json else bytes(run.result))
    raise typer.Exit(run.exit_code)


def show_started(session: Session, run_id: str) -> None:
    """Print the id of a run without watching it."""
    if session.as_json:
        print_json({"run_id": run_id, "status": "queued"})
    else:
        print(run_id)


def screen(quiet: bool) -> Screen:
    """Return the progress display: drawn on a terminal, lines elsewhere."""
    if quiet:
        return Silent()
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        return Lines()
    from orvanta_platform.cli.client.live_screen import LiveScreen

    return LiveScreen()
