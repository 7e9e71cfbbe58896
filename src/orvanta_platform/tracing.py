"""Traces of runs: ids that are derived from those of runs, and spans that wait in memory to be exported.

A run and the runs of its sub-workflows are one trace. Each process computes the same ids, so that spans of one trace
can be created where their work ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.measurements import Counter

MAX_WAITING = 20_000
"""Maximum number of spans that wait to be exported; further ones are dropped and counted."""

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SAMPLED = "01"

TRACEPARENT: Final = "TRACEPARENT"
"""Environment variable with the context of an attempt, as the header `traceparent` has it."""

CALLER: Final = "traceparent"
"""Name of the value (of a run, kind args) with the header `traceparent` of the call that started it."""

Context = tuple[int, int]
"""Ids of a trace and of a span in it."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A span that has ended."""

    context: Context
    parent: int | None
    """Span of the same trace; None: the root."""
    name: str
    started_at: datetime
    ended_at: datetime
    attributes: Mapping[str, str | int]
    error: str | None = None
    """Name of the error, if the work failed."""
    links: tuple[Context, ...] = ()


class Spans:
    """Spans of one process that wait to be exported."""

    def __init__(self, counter: Counter) -> None:
        """`counter` counts spans by outcome: exported, dropped."""
        self._counter = counter
        self._waiting: deque[Span] = deque()
        self._filled = asyncio.Event()

    def add(self, span: Span) -> None:
        """Add a span, unless too many are waiting. Never waits."""
        if len(self._waiting) >= MAX_WAITING:
            self._counter.add("dropped")
            return
        self._waiting.append(span)
        self._filled.set()

    async def wait(self) -> None:
        """Wait until there are spans to export."""
        await self._filled.wait()

    def take(self, most: int) -> list[Span]:
        """Remove and return the oldest spans."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if not self._waiting:
            self._filled.clear()
        return taken

    def count(self, spans: int, *, exported: bool) -> None:
        """Count spans that were exported, or dropped because the receiver did not accept them."""
        self._counter.add("exported" if exported else "dropped", by=spans)


def trace_id(root: UUID) -> int:
    """Return the id of the trace of a run, of which `root` is the outermost caller: its id."""
    return root.int


def span_id(id: UUID, attempt: int = 0) -> int:
    """Return the id of the span of an attempt of a job, or without `attempt` that of a run, node or body."""
    digest = hashlib.sha256(id.bytes + attempt.to_bytes(4, "big")).digest()
    return int.from_bytes(digest[:8], "big") or 1


def traceparent(root: UUID, job: UUID, attempt: int) -> str:
    """Return the header `traceparent` (W3C Trace Context) of work that an attempt starts elsewhere."""
    return f"00-{trace_id(root):032x}-{span_id(job, attempt):016x}-{_SAMPLED}"


def parse_traceparent(header: str | None) -> Context | None:
    """Return the context in a header `traceparent`, or None if the header is missing or invalid."""
    found = _TRACEPARENT.fullmatch(header) if header else None
    context = (int(found[1], 16), int(found[2], 16)) if found else (0, 0)
    return context if all(context) else None
