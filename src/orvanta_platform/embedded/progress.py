"""Long steps, told to a person: a spinner on a terminal, one line each elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Progress:
    """Says which step is under way. `step` begins one and ends the one before."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    def step(self, text: str) -> None:
        """Begin a step, such as "Starting the embedded PostgreSQL"."""
        self.end()
        if self._console.is_terminal:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._console.print(text, highlight=False)

    def end(self) -> None:
        """No step is under way any more."""
        if self._status is not None:
            self._status.stop()
            self._status = None


@contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """Progress that leaves the terminal clean, however the block ends."""
    shown = Progress(console)
    try:
        yield shown
    finally:
        shown.end()
