"""Streaming of generated values and of computed arguments, in the format of stream_marks.py. Standard library only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Generator
from inspect import isasyncgen as is_streamed_later
from inspect import isgenerator as is_streamed
from typing import Any

from orvanta_platform.worker.runtimes.python.results import to_json
from orvanta_platform.worker.stream_marks import ARGUMENTS_MARK, HOST_MARK

__all__ = ["announce", "is_streamed", "is_streamed_later", "stream", "stream_later"]

# Keeps a line within one page, so that it is one write, which no other output can interrupt.
_MAX_CHARS = 1000
_MAX_ARGUMENTS = 64 << 10
_STDOUT = 1


def stream(values: Generator[Any, Any, Any], flush: Callable[[], None]) -> str | None:
    """Stream all values; `flush` writes the output printed before.

    Returns the job's result: "" if there was nothing, otherwise None, which stands for the streamed text. Raises
    NotJson.
    """
    streamed = False
    for value in values:
        streamed = _write(value, flush) or streamed
    return None if streamed else ""


async def stream_later(values: AsyncGenerator[Any, Any], flush: Callable[[], None]) -> str | None:
    """Stream all values of an async generator, as `stream` does."""
    streamed = False
    async for value in values:
        streamed = _write(value, flush) or streamed
    return None if streamed else ""


def announce(arguments: bytes, flush: Callable[[], None]) -> None:
    """Write the arguments of `main` that a preprocessor has computed, as JSON, for the log. Large ones are left out."""
    if len(arguments) > _MAX_ARGUMENTS:
        return
    flush()
    with contextlib.suppress(OSError):
        _write_line(f"{ARGUMENTS_MARK}{arguments.decode()}\n")


def _write(value: Any, flush: Callable[[], None]) -> bool:
    """Write one value, text unchanged and anything else as JSON; return whether there was anything to write."""
    json = to_json(value)  # also refuses text that UTF-8 cannot encode
    text = value if isinstance(value, str) else json.decode()
    flush()
    for start in range(0, len(text), _MAX_CHARS):
        part = text[start : start + _MAX_CHARS].replace("\\", "\\\\").replace("\n", "\\n").replace("\0", "\\0")
        _write_line(f"{HOST_MARK}{part}\n")
    return bool(text)


def _write_line(text: str) -> None:
    line = memoryview(text.encode())
    while line:
        line = line[os.write(_STDOUT, line) :]
