"""Cached results and their keys.

A key is an HMAC and reveals no argument. Failures and results in which a secret was masked are not cached. Results are
not shared across workspaces, identities or token scopes.
"""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db import cache
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.pool import Database
from orvanta_platform.db.runs import RunRow
from orvanta_platform.orchestrator import values
from orvanta_platform.storage import ObjectMissing, Storage
from orvanta_platform.workflow.mask import MASK

_PURPOSE = "cache keys"
_MASKED = MASK.encode()
NULL = b"null"


class CacheHit(msgspec.Struct, frozen=True):
    """The result (JSON text) of `run`."""

    run: UUID
    raw: bytes


def key_of(keys: InstanceKeys, run: RunRow, what: Any, args: bytes) -> bytes:
    """Return the key of `what` (JSON-able: everything that determines the code) for these arguments (JSON text)."""
    canonical = msgspec.json.encode(msgspec.json.decode(args), order="sorted")
    made = msgspec.json.encode([run.workspace, run.permissioned_as, run.scopes, what])
    return hmac.digest(keys.key(_PURPOSE), made + b"\0" + canonical, "sha256")


def is_cacheable(raw: bytes) -> bool:
    """Return whether a result may be cached: nothing in it is masked."""
    return _MASKED not in raw


async def find(database: Database, storage: Storage, workspace: str, key: bytes, ttl_s: float) -> CacheHit | None:
    """Return the cached result of the key; None if there is none or it has been erased."""
    async with database.acquire() as connection:
        row = await cache.find(connection, workspace, key, ttl_s)
        if row is None:
            return None
        if row.job is None:
            return CacheHit(row.run, NULL)
        rows = await value_rows.get_values(connection, [(row.job, "result", "")])
    try:
        read = await values.open_rows(storage, rows)
    except ObjectMissing:
        return None
    raw = next(iter(read.values()), None)
    return CacheHit(row.run, raw) if raw is not None and is_cacheable(raw) else None
