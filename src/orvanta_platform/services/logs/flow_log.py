"""Merged log of a workflow: the logs of all its nodes in the order of writing, in whole lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from orvanta_platform.db import log_reads
from orvanta_platform.db.job_views import NodeJobRow
from orvanta_platform.db.log_reads import LogPosition, TimedPiece
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import StorageError
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import open_pieces
from orvanta_platform.storage import Storage

MAX_LINE_LENGTH = 64 << 10
"""Maximum length in characters of a buffered unfinished line. A longer one is split into several lines."""

_PIECES = 16
_BEGINNING = LogPosition(datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0), 0, 0)


@dataclass(slots=True)
class _Node:
    """State of one job's log. `attempt`, `chars`: position read so far; `rest`: an unfinished line."""

    prefix: str
    last_attempt: int
    last_chars: int
    attempt: int = 0
    chars: int = 0
    rest: list[str] = field(default_factory=list)
    rest_chars: int = 0
    lost: bool = False

    def take(self, timed: TimedPiece, text: str) -> str:
        """Return the lines that end in this piece. Text that an overlapping piece contained is omitted."""
        before = self.finish() if timed.attempt != self.attempt else ""
        if timed.attempt != self.attempt:
            self.attempt, self.chars = timed.attempt, 0
        fresh = text[max(self.chars - timed.piece.first_char, 0) :]
        self.chars = max(self.chars, timed.piece.first_char + timed.piece.chars)
        whole, newline, rest = fresh.rpartition("\n")
        lines = self._prefixed("".join([*self._take_rest(), whole])) if newline else ""
        self.rest.append(rest)
        self.rest_chars += len(rest)
        over = self.rest_chars > MAX_LINE_LENGTH or (self.attempt, self.chars) == (self.last_attempt, self.last_chars)
        return before + lines + (self.finish() if over else "")

    def finish(self) -> str:
        """Return the buffered unfinished line as a whole line."""
        rest = "".join(self._take_rest())
        return self._prefixed(rest) if rest else ""

    def lose(self, error: StorageError) -> str:
        """Return the line that replaces the first unreadable piece; nothing for further ones."""
        text = "" if self.lost else self.finish() + self._prefixed(log_text.unreadable(error).rstrip("\n"))
        self.lost = True
        return text

    def _take_rest(self) -> list[str]:
        rest, self.rest, self.rest_chars = self.rest, [], 0
        return rest

    def _prefixed(self, lines: str) -> str:
        return self.prefix + lines.replace("\n", "\n" + self.prefix) + "\n"


async def merged(db: Database, storage: Storage, run: UUID, node_jobs: Sequence[NodeJobRow]) -> AsyncIterator[str]:
    """Yield the current logs of these nodes' jobs as `node | line`, several pieces per page."""
    nodes = {each.id: _Node(f"{each.node} | ", each.attempt, each.log_chars) for each in node_jobs}
    position = _BEGINNING
    while True:
        async with db.acquire() as conn:
            page = await log_reads.list_pieces_by_time(conn, run, list(nodes), position, _PIECES)
        if not page:
            break
        position = page[-1].place
        for timed in page:
            if text := await _lines(storage, nodes[timed.job], timed):
                yield text
    for node in nodes.values():
        if text := node.finish():
            yield text


async def _lines(storage: Storage, node: _Node, timed: TimedPiece) -> str:
    try:
        text = (await open_pieces(storage, [timed.piece]))[0]
    except StorageError as error:
        return node.lose(error)
    return node.take(timed, text)
