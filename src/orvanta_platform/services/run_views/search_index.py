"""Search index of run data, updated after runs have ended and separately from their execution.

Runs do not write to the index. A leader finds new runs by their ids, notes them, and indexes those that have ended. If
the search is disabled, only the settings of workspaces are read.
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
"""Maximum size of the indexed JSON text of a run, in order: its input, its result, those of its nodes."""

_SETTLED_AFTER = timedelta(seconds=30)
"""Maximum time between the creation of a run's id and its commit."""

_NOTED = 2_000
_INDEXED = 50
_DROPPED = 500
_MASK = re.compile(rb'(?<!\\)"\*\*\*"(?!\s*:)')
_COUNT_AGAIN_S = 3600.0
_FIRST = UUID(int=0)


class Indexer:
    """Limits each workspace's index to `budget` bytes: the oldest runs are dropped."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._bytes: dict[str, int] = {}
        self._counted_at: float | None = None

    async def index_some(self, platform: Platform, wait_s: float = 0.0) -> int:
        """Process one batch of each pending task after at most `wait_s` seconds.

        Returns the number of items, 0 if there is nothing to do.
        """
        async with platform.polls.turn(wait_s) as conn:
            enabled, disabled = await search.list_workspaces(conn)
            if enabled and self._counts_again():
                self._bytes = await search.get_sizes(conn)
        did = 0
        for workspace in disabled:
            did += await self._forget(platform, workspace)
        for workspace, past in enabled:
            did += await _note(platform, workspace, past)
            did += await self._index(platform, workspace)
            did += await self._within_budget(platform, workspace)
        return did

    def _counts_again(self) -> bool:
        """Return whether the sizes must be counted again, because retention does not update them."""
        now = clock.monotonic()
        if self._counted_at is not None and now - self._counted_at < _COUNT_AGAIN_S:
            return False
        self._counted_at = now
        return True

    async def _index(self, platform: Platform, workspace: str) -> int:
        async def work(conn: Connection) -> tuple[int, int]:
            ended = await search.lock_ended(conn, workspace, _INDEXED)
            if not ended:
                return 0, 0
            texts = await search.list_texts(conn, ended, BYTES_OF_A_RUN)
            schemas = await search.get_schemas(conn, ended)
            size = await search.store(conn, workspace, await asyncio.to_thread(_of_runs, texts, schemas))
            await search.remove_queued(conn, ended)
            return len(ended), size

        count, size = await platform.db.retrying(work)
        self._bytes[workspace] = self._bytes.get(workspace, 0) + size
        return count

    async def _within_budget(self, platform: Platform, workspace: str) -> int:
        if self._bytes.get(workspace, 0) <= self._budget:
            return 0
        async with platform.db.transaction() as conn:
            dropped = await search.delete_oldest(conn, workspace, _DROPPED)
        self._bytes[workspace] = self._bytes.get(workspace, 0) - sum(dropped) if dropped else 0
        return len(dropped)

    async def _forget(self, platform: Platform, workspace: str) -> int:
        async with platform.db.transaction() as conn:
            await search.clear_queue(conn, workspace)
            dropped = await search.delete_oldest(conn, workspace, _DROPPED)
            if not dropped:
                await search.mark_unindexed(conn, workspace)
        self._bytes.pop(workspace, None)
        return len(dropped)


async def _note(platform: Platform, workspace: str, past: UUID | None) -> int:
    """Note new runs, live or ended, for indexing."""
    settled = ids.lowest_id(clock.now() - _SETTLED_AFTER)
    if past is not None and past >= settled:
        return 0
    async with platform.db.transaction() as conn:
        found = await search.list_next_runs(conn, workspace, past or _FIRST, settled, _NOTED)
        upto = found[-1] if len(found) == _NOTED else settled
        await search.queue_next(conn, workspace, past, found, upto)
    return len(found)


def _of_runs(texts: Sequence[Text], schemas: Mapping[UUID, str]) -> list[RunText]:
    """Return the words of runs, without those of inputs that the schema declares as passwords."""
    found: dict[UUID, Words] = {}
    for each in texts:
        words, raw = found.setdefault(each.run, Words()), values.json_of_row(each.value)
        schema = schemas.get(each.run)
        if schema is not None and not each.node and each.value.kind == "args":
            raw = _without_passwords(words, raw, schema)
        words.add(f"{each.node}:{each.value.kind}", raw)
    return [RunText(run, words.places, words.vector) for run, words in found.items() if words.vector]


def _without_passwords(words: Words, raw: bytes, schema: str) -> bytes:
    # Passwords are masked when a run starts; only runs of earlier releases contain them.
    unmasked = _MASK.sub(b"null", raw)
    try:
        shown, taken = secret_fields.extract(unmasked, msgspec.json.decode(schema), {})
    except BadRequest:
        return b"null"
    for secret in taken.values():
        words.leave_out(secret)
    return shown
