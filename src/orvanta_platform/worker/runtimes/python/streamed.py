"""Gives away what a generator yields, piece by piece, as stream_marks.py describes it. Standard library only."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator
from inspect import isasyncgen as is_streamed_later
from inspect import isgenerator as is_streamed
from typing import Any

from orvanta_platform.worker.runtimes.python.results import to_json
from orvanta_platform.worker.runtimes.stream_marks import HOST_MARK

__all__ = ["is_streamed", "is_streamed_later", "stream", "stream_later"]

# So that a line is one write of at most a page, which nothing else that prints can tear apart.
_MOST_CHARS = 1000
_STDOUT = 1


def stream(values: Generator[Any, Any, Any], flush: Callable[[], None]) -> str | None:
    """Stream all that it yields; `flush` writes out what was printed before.

    Gives the job's result: "" where there was nothing, else None, which stands for what was streamed. Raises NotJson.
    """
    given = False
    for value in values:
        given = _give(value, flush) or given
    return None if given else ""


async def stream_later(values: AsyncGenerator[Any, Any], flush: Callable[[], None]) -> str | None:
    """The same for one whose values have to be awaited."""
    given = False
    async for value in values:
        given = _give(value, flush) or given
    return None if given else ""


def _give(value: Any, flush: Callable[[], None]) -> bool:
    """Write one value, a text as it is and anything else as JSON; whether there was anything to write."""
    json = to_json(value)  # refuses what UTF-8 cannot hold, too
    text = value if isinstance(value, str) else json.decode()
    flush()
    for start in range(0, len(text), _MOST_CHARS):
        part = text[start : start + _MOST_CHARS].replace("\\", "\\\\").replace("\n", "\\n").replace("\0", "\\0")
        line = memoryview(f"{HOST_MARK}{part}\n".encode())
        while line:
            line = line[os.write(_STDOUT, line) :]
    return bool(text)
