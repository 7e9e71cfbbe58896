"""Common part of `flow run`, `script run` and `job watch`: start, progress, result and exit code."""

from __future__ import annotations

import os
import re
import sys
from uuid import uuid4

import typer

from orvanta_platform.cli.client import watch
from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.errors import ServerRefused, ServerUnreachable
from orvanta_platform.cli.client.output import print_json, print_json_text, say
from orvanta_platform.cli.client.screens import Lines, Screen, Silent, summary

_MAX_ATTEMPTS = 3
_MISSING = re.compile(r'at /([^/\s]+): "\1" is a required property')
"""Message about an input that a run lacks, as opposed to a member of one."""
_MISSING_HINT = "Set it with `-i {0}=value`, or with `-i {0}:=5` for a number or any other JSON value."
_INPUT_HINT = "`-i key=value` sets a string; use `-i key:=5` for a number or any other JSON value."


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


def start(api: Api, kind: str, path: str, args: bytes, **query: str | None) -> str:
    """Start the workflow (`f`) or script (`p`) at a path and return the id of the run. `query` is the query of the
    call. Raises like `start_at`.
    """
    return start_at(api, api.item(f"jobs/run/{kind}", path), args, **query)


def start_at(api: Api, address: str, body: bytes, **query: str | None) -> str:
    """Start a run by a call and return its id.

    Retries if no response was received; the idempotency key prevents a second run. Raises the errors of API calls.
    """
    headers = {"Idempotency-Key": uuid4().hex}
    attempts = 1
    while True:
        try:
            return api.send("POST", address, body=body, query=query, headers=headers).text
        except ServerUnreachable as error:
            if attempts == _MAX_ATTEMPTS or not error.connected:
                raise
            say(f"{error.message} Trying again …")
            attempts += 1
        except ServerRefused as error:
            if error.server_code == "invalid_input":
                missing = _MISSING.search(error.message)
                error.hint = _INPUT_HINT if missing is None else _MISSING_HINT.format(missing[1])
            raise
