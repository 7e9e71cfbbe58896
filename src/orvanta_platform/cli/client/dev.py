"""`orvanta dev`: watching files, and previews of those that change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import typer

from orvanta_platform.cli.client import flow_files, run_input, running, script_files, watch
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.dev_files import Files, WatchedFiles, flow_call, script_call
from orvanta_platform.cli.client.errors import Interrupted, NotLoggedIn
from orvanta_platform.cli.client.item_paths import say_left_out
from orvanta_platform.cli.client.output import print_json_text, say, say_error, terminal_safe
from orvanta_platform.cli.client.screens import summary
from orvanta_platform.errors import InvalidWorkflow, OrvantaError
from orvanta_platform.workflow.tree.extensions import ending_of
from orvanta_platform.workflow.tree.paths import DOCUMENTS, FLOW_FOLDERS

_INTERVAL_S: Final = 0.3


def watch_files(session: Session, source: Path, pairs: Sequence[str], input_file: str | None) -> None:
    """Run what changes until Ctrl-C. Raises typer.BadParameter if `source` cannot be watched, and NotLoggedIn."""
    if not source.exists():
        raise typer.BadParameter(f"{source} does not exist.")
    if source.name in DOCUMENTS and source.absolute().parent.name.endswith(FLOW_FOLDERS):
        source = source.parent
    args = run_input.read(list(pairs), input_file)
    say_left_out([source])
    session.connect()
    watcher = _Watcher(session, source, args)
    if input_file not in (None, "-"):
        watcher.input = (list(pairs), input_file)
    with suppress(KeyboardInterrupt, _Stopped):
        watcher.run()
    say("Stopped.")


class _Stopped(Exception):
    """Raised after Ctrl-C during a run."""


class _Watcher:
    def __init__(self, session: Session, source: Path, args: bytes) -> None:
        self.session = session
        self.source = source
        self.is_folder = source.is_dir() and not flow_files.is_workflow(source)
        """True if `source` contains scripts and workflows; False if it is one."""
        self.args = args
        self.input: tuple[list[str], str | None] | None = None
        """Inputs that are read again for each run, because they are in a file."""
        self.watched = WatchedFiles(source, is_folder=self.is_folder)
        self.seen: Files = {}
        self.last: list[Path] = []
        """The script or workflow that ran last."""

    def run(self) -> None:
        """Watch the files until Ctrl-C, and run each that changes. Raises KeyboardInterrupt, _Stopped, NotLoggedIn."""
        self.seen = self._files()
        changed = [] if self.is_folder else [self.source]
        say(f"Watching {self.source}; Ctrl-C stops.")
        while True:
            for file in changed:
                self._preview(file)
            changed = self._await_change()

    def _files(self) -> Files:
        return self.watched.states(self.input and self.input[1])

    def _await_change(self) -> list[Path]:
        """Wait until files have changed and no more change; return the workflows and scripts to run."""
        while (now := self._files()) == self.seen:
            time.sleep(_INTERVAL_S)
        while True:
            time.sleep(_INTERVAL_S)
            if (later := self._files()) == now:
                break
            now = later
        changed = [file for file, state in now.items() if state and self.seen.get(file) != state]
        self.seen = now
        input_file = Path(str(self.input[1])) if self.input else None
        if input_file in changed:
            return [file for file in changed if file != input_file] or self.last
        return changed

    def _preview(self, file: Path) -> None:
        """Run a file once, and print its result or the reason why it cannot run. Raises _Stopped, NotLoggedIn."""
        self.last = [file]
        api = self.session.api
        try:
            args = run_input.read(*self.input) if self.input else self.args
            call, body = (flow_call if file.is_dir() or ending_of(file.name) is None else script_call)(file, args)
            run_id = running.start_at(api, api.in_workspace(f"jobs/run/{call}"), body)
            self._show(run_id)
        except (NotLoggedIn, Interrupted):
            raise
        except script_files.UnreadableSettings as error:
            _say_problems(error.file, error.reason)
        except InvalidWorkflow as error:
            _say_problems(file, error)
        except OrvantaError as error:
            message = error.message if str(file) in error.message else f"{file}: {error.message}"
            say_error(message, error.hint)

    def _show(self, run_id: str) -> None:
        changed = False

        async def change() -> None:
            nonlocal changed
            while self._files() == self.seen:  # noqa: ASYNC110 - files are polled
                await asyncio.sleep(_INTERVAL_S)
            changed = True

        try:
            run, text = watch.to_end(self.session.api, run_id, running.screen(quiet=False), until=change)
        except Interrupted:
            with suppress(OrvantaError):
                reason: Any = {"reason": "The files changed." if changed else "Ctrl-C"}
                self.session.api.post(self.session.api.item("jobs_u/queue/cancel", run_id), reason)
            if not changed:
                raise _Stopped from None
            say(f"The files changed; the run {run_id} is cancelled.")
            return
        say(summary(run))
        print_json_text(text if self.session.as_json else bytes(run.result))


def _say_problems(file: Path, error: InvalidWorkflow) -> None:
    found = flow_files.error_locations(file, error)
    for location, each in found:
        say(terminal_safe(f"{location}: {each.severity} {each.code}: {each.message}"))
    if not found:
        say(terminal_safe(f"{file}: {error.message}"))
