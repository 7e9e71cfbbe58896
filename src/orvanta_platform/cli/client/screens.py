"""Where the progress of a run is shown: nowhere, or as lines that are appended."""

from __future__ import annotations

import sys
from typing import Protocol

from orvanta_platform.cli.client.output import duration, say, terminal_safe
from orvanta_platform.cli.client.runs import Node, Run, told

_NAME_WIDTH = 16
_ALWAYS_WAITED_FOR = "waiting for a free slot"


class Screen(Protocol):
    """Told of a run under watch; nothing of it goes to stdout."""

    def update(self, run: Run) -> None:
        """The run as it stands."""

    def began(self, node: Node) -> None:
        """The first attempt of a node has begun."""

    def log(self, node: str | None, line: str) -> None:
        """A whole line of the log of a node, or of a script's run."""

    def ended(self, node: Node) -> None:
        """A node has ended and all of its log was told."""

    def note(self, text: str) -> None:
        """Something about the watching itself."""

    def close(self) -> None:
        """Nothing more is told."""


class Silent:
    """Shows nothing."""

    def update(self, run: Run) -> None: ...
    def began(self, node: Node) -> None: ...
    def log(self, node: str | None, line: str) -> None: ...
    def ended(self, node: Node) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


class Lines:
    """Appends a line for each thing that happens: for files, pipes and dumb terminals."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def update(self, run: Run) -> None:
        """Tell what keeps a node, or the run, from going on; a free slot comes by itself."""
        waits = [(wait.id, wait.reason) for wait in run.waits if not wait.comes_by_itself]
        for name, reason in [*waits, ("run", run.wait_reason or "")]:
            if reason and reason != _ALWAYS_WAITED_FOR and (name, reason) not in self._told:
                self._told.add((name, reason))
                self._line(name, reason)

    def began(self, node: Node) -> None:
        self._line(node.id, "running")

    def log(self, node: str | None, line: str) -> None:
        shown = terminal_safe(line) if sys.stderr.isatty() else line
        say(f"{node or '':<{_NAME_WIDTH}} | {shown}" if node else f"| {shown}")

    def ended(self, node: Node) -> None:
        self._line(node.id, ended_text(node))

    def note(self, text: str) -> None:
        say(text)

    def close(self) -> None: ...

    def _line(self, name: str, text: str) -> None:
        say(f"{name:<{_NAME_WIDTH}}   {text}")


def ended_text(node: Node) -> str:
    """How a node ended, in how long, after how many attempts, with which error."""
    text = node.status
    if node.duration_ms is not None:
        text += f" in {duration(node.duration_ms)}"
    if node.attempt > 1:
        text += f", attempt {node.attempt}"
    error = told(node.error)
    return f"{text}: {error}" if error else text


def summary(run: Run) -> str:
    """The last line about a run."""
    text = f"{run.workflow or 'Run'} {run.status}"
    if run.duration_ms is not None:
        text += f" in {duration(run.duration_ms)}"
    text += f", run {run.run_id}"
    return f"{text}\n{run.error_text}" if run.error_text else text
