"""What workspaces want searched is indexed after runs have ended, far from where they are stepped.

Nothing of it is written by a run: a leader looks for new runs by their ids, notes them, and indexes those that have
ended. Where it is off there is nothing to look at but the settings of workspaces.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from orvanta_platform import clock, ids
from orvanta_platform.control import secret_fields
from orvanta_platform.db import search
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.search import RunText, Text
from orvanta_platform.errors import BadRequest
from orvanta_platform.orchestrator import values
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views.search_words import Words

BYTES_OF_A_RUN = 64 << 10
"""JSON text of a run that is read, in order: its input, its result, those of its nodes."""

_SETTLED_AFTER = timedelta(seconds=30)
"""A run may be written so long after its id was made."""

_NOTED = 2_000
_INDEXED = 50
_DROPPED = 500
_MASK = re.compile(rb'(?<!\\)"\*\*\*"(?!\s*:)')
_COUNT_AGAIN_S = 3600.0
_FIRST = UUID(int=0)


class Indexer:
    """Keeps each workspace's words within `budget` bytes: the oldest runs are found no more."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._bytes: dict[str, int] = {}
        self._counted_at: float | None = None

    async def index_some(self, platform: Platform) -> int:
        """Do a little of all there is to do; gives how much it was, 0 where there is nothing now."""
        async with platform.db.acquire() as conn:
            wanted, unwanted = await search.searched(conn), await search.unsearched(conn)
            if wanted and self._counts_again():
                self._bytes = await search.bytes_of_workspaces(conn)
        did = 0
        for workspace in unwanted:
            did += await self._forget(platform, workspace)
        for workspace, past in wanted:
            did += await _note(platform, workspace, past)
            did += await self._index(platform, workspace)
            did += await self._within_budget(platform, workspace)
        return did

    def _counts_again(self) -> bool:
        """What retention took is not told to the counts."""
        now = clock.monotonic()
        if self._counted_at is not None and now - self._counted_at < _COUNT_AGAIN_S:
            return False
        self._counted_at = now
        return True

    async def _index(self, platform: Platform, workspace: str) -> int:
        async def work(conn: Connection) -> tuple[int, int]:
            ended = await search.take_ended(conn, workspace, _INDEXED)
            if not ended:
                return 0, 0
            texts = await search.texts(conn, ended, BYTES_OF_A_RUN)
            schemas = await search.schemas(conn, ended)
            kept = await search.keep(conn, workspace, await asyncio.to_thread(_of_runs, texts, schemas))
            await search.done(conn, ended)
            return len(ended), kept

        count, kept = await platform.db.retrying(work)
        self._bytes[workspace] = self._bytes.get(workspace, 0) + kept
        return count

    async def _within_budget(self, platform: Platform, workspace: str) -> int:
        if self._bytes.get(workspace, 0) <= self._budget:
            return 0
        async with platform.db.transaction() as conn:
            dropped = await search.drop_oldest(conn, workspace, _DROPPED)
        self._bytes[workspace] = self._bytes.get(workspace, 0) - sum(dropped) if dropped else 0
        return len(dropped)

    async def _forget(self, platform: Platform, workspace: str) -> int:
        async with platform.db.transaction() as conn:
            await search.forget_due(conn, workspace)
            dropped = await search.drop_oldest(conn, workspace, _DROPPED)
            if not dropped:
                await search.forgotten(conn, workspace)
        self._bytes.pop(workspace, None)
        return len(dropped)


async def _note(platform: Platform, workspace: str, past: UUID | None) -> int:
    """New runs are due, whether they have ended or not."""
    settled = ids.lowest_id(clock.now() - _SETTLED_AFTER)
    if past is not None and past >= settled:
        return 0
    async with platform.db.transaction() as conn:
        found = await search.next_runs(conn, workspace, past or _FIRST, settled, _NOTED)
        upto = found[-1] if len(found) == _NOTED else settled
        await search.note_next(conn, workspace, past, found, upto)
    return len(found)


def _of_runs(texts: Sequence[Text], schemas: Mapping[UUID, str]) -> list[RunText]:
    """What the schema of a run's input calls a password is found nowhere in the run."""
    found: dict[UUID, Words] = {}
    for each in texts:
        words, raw = found.setdefault(each.run, Words()), values.unpacked(each.value)
        schema = schemas.get(each.run)
        if schema is not None and not each.node and each.value.kind == "args":
            raw = _without_passwords(words, raw, schema)
        words.add(f"{each.node}:{each.value.kind}", raw)
    return [RunText(run, words.places, words.vector) for run, words in found.items() if words.vector]


def _without_passwords(words: Words, raw: bytes, schema: str) -> bytes:
    # Passwords are masked when a run starts; only runs of earlier releases hold them.
    unmasked = _MASK.sub(b"null", raw)
    try:
        shown, taken = secret_fields.take_out(unmasked, msgspec.json.decode(schema), {})
    except BadRequest:
        return b"null"
    for secret in taken.values():
        words.leave_out(secret)
    return shown
