"""Progress displays of a run: none, or appended lines."""

from __future__ import annotations

import sys
from typing import Protocol

from orvanta_platform.cli.client.output import duration, say, terminal_safe
from orvanta_platform.cli.client.runs import Node, Run, error_line

_NAME_WIDTH = 16
_FREE_SLOT = "waiting for a free slot"


class Screen(Protocol):
    """Display of a watched run. Nothing is written to stdout."""

    def update(self, run: Run) -> None:
        """Show the state of the run."""

    def node_started(self, node: Node) -> None:
        """Show that the first attempt of a node has started."""

    def log(self, node: str | None, line: str) -> None:
        """Show a complete line of the log of a node, or of the run of a script."""

    def node_ended(self, node: Node) -> None:
        """Show that a node has ended, after all of its log."""

    def note(self, text: str) -> None:
        """Show a message about watching itself."""

    def close(self) -> None:
        """End the display."""


class Silent:
    """Display that shows nothing."""

    def update(self, run: Run) -> None: ...
    def node_started(self, node: Node) -> None: ...
    def log(self, node: str | None, line: str) -> None: ...
    def node_ended(self, node: Node) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


class Lines:
    """Display that appends a line per event, for files, pipes and dumb terminals."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, str]] = set()

    def update(self, run: Run) -> None:
        """Show new reasons for waiting of nodes and of the run, except those that resolve by themselves."""
        waits = [(wait.id, wait.reason) for wait in run.waits if not wait.resolves_itself]
        for name, reason in [*waits, ("run", run.wait_reason or "")]:
            if reason and reason != _FREE_SLOT and (name, reason) not in self._shown:
                self._shown.add((name, reason))
                self._line(name, reason)

    def node_started(self, node: Node) -> None:
        self._line(node.id, "running")

    def log(self, node: str | None, line: str) -> None:
        shown = terminal_safe(line) if sys.stderr.isatty() else line
        say(f"{node or '':<{_NAME_WIDTH}} | {shown}" if node else f"| {shown}")

    def node_ended(self, node: Node) -> None:
        self._line(node.id, ended_text(node))

    def note(self, text: str) -> None:
        say(text)

    def close(self) -> None: ...

    def _line(self, name: str, text: str) -> None:
        say(f"{name:<{_NAME_WIDTH}}   {text}")


def ended_text(node: Node) -> str:
    """Return the state of a finished node with duration, attempts and error."""
    text = node.status
    if node.duration_ms is not None:
        text += f" in {duration(node.duration_ms)}"
    if node.attempt > 1:
        text += f", attempt {node.attempt}"
    error = error_line(node.error)
    return f"{text}: {error}" if error else text


def summary(run: Run) -> str:
    """Return the last line about a run."""
    text = f"{run.workflow or 'Run'} {run.status}"
    if run.duration_ms is not None:
        text += f" in {duration(run.duration_ms)}"
    text += f", run {run.run_id}"
    return f"{text}\n{run.error_text}" if run.error_text else text
