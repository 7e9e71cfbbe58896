"""The logs of all nodes of a workflow as one text: pieces in the order of their writing, whole lines of a node each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from orvanta_platform.db import log_reads
from orvanta_platform.db.job_views import StepRow
from orvanta_platform.db.log_reads import LogPosition, TimedPiece
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import StorageError
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import open_pieces
from orvanta_platform.storage import Storage

LONGEST_LINE = 64 << 10
"""Characters of an unfinished line that are held back; a longer one is broken, each part behind its node's name."""

_PIECES = 16
_BEGINNING = LogPosition(datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0), 0, 0)


@dataclass(slots=True)
class _Node:
    """One job's part. `attempt` and `chars`: how far it was taken; `rest`: a line that has not ended yet."""

    prefix: str
    last_attempt: int
    last_chars: int
    attempt: int = 0
    chars: int = 0
    rest: list[str] = field(default_factory=list)
    rest_chars: int = 0
    lost: bool = False

    def take(self, timed: TimedPiece, text: str) -> str:
        """The lines that end in this piece; what was taken before, in a piece of another cut, is left out."""
        before = self.finish() if timed.attempt != self.attempt else ""
        if timed.attempt != self.attempt:
            self.attempt, self.chars = timed.attempt, 0
        fresh = text[max(self.chars - timed.piece.first_char, 0) :]
        self.chars = max(self.chars, timed.piece.first_char + timed.piece.chars)
        whole, newline, rest = fresh.rpartition("\n")
        lines = self._prefixed("".join([*self._take_rest(), whole])) if newline else ""
        self.rest.append(rest)
        self.rest_chars += len(rest)
        over = self.rest_chars > LONGEST_LINE or (self.attempt, self.chars) == (self.last_attempt, self.last_chars)
        return before + lines + (self.finish() if over else "")

    def finish(self) -> str:
        """The line that was held back, ended."""
        rest = "".join(self._take_rest())
        return self._prefixed(rest) if rest else ""

    def lose(self, error: StorageError) -> str:
        """What stands for a piece that cannot be read; said once."""
        said = "" if self.lost else self.finish() + self._prefixed(log_text.unreadable(error).rstrip("\n"))
        self.lost = True
        return said

    def _take_rest(self) -> list[str]:
        rest, self.rest, self.rest_chars = self.rest, [], 0
        return rest

    def _prefixed(self, lines: str) -> str:
        return self.prefix + lines.replace("\n", "\n" + self.prefix) + "\n"


async def merged(db: Database, storage: Storage, run: UUID, steps: Sequence[StepRow]) -> AsyncIterator[str]:
    """What the jobs of these nodes have written so far, as `node | line`, a page of some pieces at a time."""
    nodes = {step.id: _Node(f"{step.node} | ", step.attempt, step.log_chars) for step in steps}
    place = _BEGINNING
    while True:
        async with db.acquire() as conn:
            page = await log_reads.pieces_by_time(conn, run, list(nodes), place, _PIECES)
        if not page:
            break
        place = page[-1].place
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
