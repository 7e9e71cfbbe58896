"""The progress of a run on a terminal: a table of nodes redrawn in place, the log scrolling above it."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orvanta_platform import clock
from orvanta_platform.cli.client.output import duration, terminal_safe
from orvanta_platform.cli.client.runs import Node, Run, told

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
_LINES_BELOW = 6
"""Lines of the terminal that the table leaves to the log."""


class LiveScreen:
    """The `Screen` of a terminal. Started at once, to be closed."""

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
        for node in run.nodes:
            if node.status == "running":
                self._since.setdefault(f"{node.id} {node.attempt}", clock.monotonic())

    def began(self, node: Node) -> None: ...

    def log(self, node: str | None, line: str) -> None:
        text = Text.assemble((f"{node} │ " if node else "│ ", "dim"), Text.from_ansi(terminal_safe(line)))
        self._console.print(text, soft_wrap=True)

    def ended(self, node: Node) -> None: ...

    def note(self, text: str) -> None:
        self._console.print(Text(text, style="yellow"))

    def close(self) -> None:
        self._live.stop()

    def _drawn(self) -> Any:
        run = self._run
        if run is None:
            return Text("")
        room = max(3, self._console.height - _LINES_BELOW)
        shown = run.nodes if len(run.nodes) <= room else _most_telling(run.nodes, room)
        table = Table.grid(padding=(0, 2, 0, 0))
        reasons = {wait.id: wait.reason for wait in run.waits}
        for node in shown:
            style = _STYLES.get(node.status, "")
            time = duration(node.duration_ms) if node.ended else self._elapsed(node)
            about = told(node.error) or node.about or reasons.get(node.id, "")
            attempt = f"attempt {node.attempt}" if node.attempt > 1 else ""
            table.add_row(
                Text(_SIGNS.get(node.status, "·"), style=style),
                Text("  " * node.depth + node.id),
                Text(node.status, style=style),
                Text(time, style="dim"),
                Text(" ".join(filter(None, [attempt, about])), style="dim", overflow="ellipsis", no_wrap=True),
            )
        lines: list[Any] = [table]
        if len(shown) < len(run.nodes):
            lines.append(Text(_counts(run.nodes), style="dim"))
        if run.wait_reason:
            lines.append(Text(run.wait_reason, style="yellow"))
        return Group(*lines)

    def _elapsed(self, node: Node) -> str:
        since = self._since.get(f"{node.id} {node.attempt}")
        return "" if since is None or node.status != "running" else duration((clock.monotonic() - since) * 1000)


def _most_telling(nodes: list[Node], room: int) -> list[Node]:
    """As many nodes as there is room for, in their order: first those under way and those that failed."""
    rank = {"running": 0, "failed": 1, "paused": 2, "waiting": 2, "queued": 3, "succeeded": 4}
    chosen = sorted(range(len(nodes)), key=lambda place: (rank.get(nodes[place].status, 5), place))[:room]
    return [nodes[place] for place in sorted(chosen)]


def _counts(nodes: list[Node]) -> str:
    statuses = [node.status for node in nodes]
    return f"{len(nodes)} nodes: " + ", ".join(
        f"{statuses.count(status)} {status}" for status in _STYLES if status in statuses
    )
