"""Progress of a run on a terminal: the tree of its nodes, redrawn in place, below the scrolling log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orvanta_platform import clock
from orvanta_platform.cli.client.output import duration, terminal_safe
from orvanta_platform.cli.client.runs import Node, Run, error_line
from orvanta_platform.units import count_text

_STYLES = {
    "pending": "dim",
    "queued": "dim",
    "waiting": "yellow",
    "paused": "yellow",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "skipped": "dim",
    "cancelled": "magenta",
}
_SIGNS = {
    "running": "▸",
    "succeeded": "✓",
    "failed": "✗",
    "skipped": "–",
    "cancelled": "✗",
    "waiting": "…",
    "paused": "‖",
}
_REDRAWN_PER_SECOND = 4
_LOG_LINES = 7
"""Lines of the terminal reserved for the log."""

_RUN = ""


class LiveScreen:
    """`Screen` of a terminal. Starts drawing immediately; must be closed."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._run: Run | None = None
        self._since: dict[str, float] = {}
        self._live = Live(
            console=self._console,
            get_renderable=self._drawn,
            refresh_per_second=_REDRAWN_PER_SECOND,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def update(self, run: Run) -> None:
        self._run = run
        if not run.ended and run.started_at:
            self._since.setdefault(_RUN, _to_monotonic(run.started_at))
        for node in run.nodes:
            if node.status == "running":
                self._since.setdefault(f"{node.id} {node.attempt}", _to_monotonic(node.started_at))

    def node_started(self, node: Node) -> None: ...

    def log(self, node: str | None, line: str) -> None:
        text = Text.assemble((f"{node} │ " if node else "│ ", "dim"), Text.from_ansi(terminal_safe(line)))
        self._console.print(text, soft_wrap=True)

    def node_ended(self, node: Node) -> None: ...

    def note(self, text: str) -> None:
        self._console.print(Text(text, style="yellow"))

    def close(self) -> None:
        self._live.stop()

    def _drawn(self) -> Any:
        run = self._run
        if run is None:
            return Text("")
        room = max(3, self._console.height - _LOG_LINES)
        shown = run.nodes if len(run.nodes) <= room else _most_relevant(run.nodes, room)
        table = Table.grid(padding=(0, 2, 0, 0))
        reasons = {wait.id: wait.text for wait in run.waits}
        for branch, node in zip(branches(shown), shown, strict=True):
            style = _STYLES.get(node.status, "")
            time = duration(node.duration_ms) if node.ended else self._elapsed(node)
            attempt = f"attempt {node.attempt}" if node.attempt > 1 else ""
            notes = [attempt, error_line(node.error), node.about, "" if node.ended else reasons.get(node.id, "")]
            table.add_row(
                Text(_SIGNS.get(node.status, "·"), style=style),
                Text.assemble((branch, "dim"), node.id),
                Text(node.status, style=style),
                Text(time, style="dim"),
                Text("; ".join(filter(None, notes)), style="dim", overflow="ellipsis", no_wrap=True),
            )
        lines: list[Any] = [self._head(run), table]
        if len(shown) < len(run.nodes):
            lines.append(Text(_counts(run.nodes), style="dim"))
        if run.wait_reason:
            lines.append(Text(run.wait_reason, style="yellow"))
        return Group(*lines)

    def _head(self, run: Run) -> Text:
        style = _STYLES.get(run.status, "yellow")
        since = self._since.get(_RUN)
        time = run.duration_ms if run.ended else None if since is None else (clock.monotonic() - since) * 1000
        took = "" if time is None else f" {duration(time)}"
        return Text.assemble((run.workflow or "run", "bold"), " ", (run.status, style), (took, "dim"))

    def _elapsed(self, node: Node) -> str:
        since = self._since.get(f"{node.id} {node.attempt}")
        return "" if since is None or node.status != "running" else duration((clock.monotonic() - since) * 1000)


def _to_monotonic(at: str | None) -> float:
    """Return a time of the server on the monotonic clock of this machine; now if the server's clock is ahead."""
    if at is None:
        return clock.monotonic()
    ago = (clock.now() - datetime.fromisoformat(at)).total_seconds()
    return clock.monotonic() - max(ago, 0.0)


def branches(nodes: Sequence[Node]) -> list[str]:
    """Return the prefix of each node in the drawing, which connects nested nodes to the node that contains them."""
    found: list[str] = []
    for index, node in enumerate(nodes):
        text = ""
        for depth in range(1, node.depth + 1):
            after = next((each.depth for each in nodes[index + 1 :] if each.depth <= depth), -1)
            continues = after == depth
            if depth == node.depth:
                text += "├─ " if continues else "└─ "
            else:
                text += "│  " if continues else "   "
        found.append(text)
    return found


def _most_relevant(nodes: list[Node], room: int) -> list[Node]:
    """Return `room` nodes in their order, preferring running and failed ones."""
    rank = {"running": 0, "failed": 1, "paused": 2, "waiting": 2, "queued": 3, "succeeded": 4}
    chosen = sorted(range(len(nodes)), key=lambda index: (rank.get(nodes[index].status, 5), index))[:room]
    return [nodes[index] for index in sorted(chosen)]


def _counts(nodes: list[Node]) -> str:
    statuses = [node.status for node in nodes]
    return f"{count_text(len(nodes), 'node')}: " + ", ".join(
        f"{statuses.count(status)} {status}" for status in _STYLES if status in statuses
    )
