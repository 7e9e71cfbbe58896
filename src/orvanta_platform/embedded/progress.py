"""Progress display of long operations: a spinner on a terminal, otherwise one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Progress:
    """Display of the current operation."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    def start(self, text: str) -> None:
        """Start an operation, such as "Starting the embedded PostgreSQL", and end the previous one."""
        self.end()
        if self._console.is_terminal:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._console.print(text, highlight=False)

    def end(self) -> None:
        """End the current operation."""
        if self._status is not None:
            self._status.stop()
            self._status = None


@contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """Yield a progress display that is ended when the block exits."""
    shown = Progress(console)
    try:
        yield shown
    finally:
        shown.end()
