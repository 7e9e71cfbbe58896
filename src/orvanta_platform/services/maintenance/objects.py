"""Unreferenced objects, left by a process that crashed between an upload and the commit of its row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from orvanta_platform.db import files, objects
from orvanta_platform.db.pool import Database
from orvanta_platform.storage import Storage

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_RUN = re.compile(rf"[^/]+/{_UUID}/(?P<id>{_UUID})/\d+/[^/]+")
"""Keys of values and logs: workspace/run/run or job/attempt/name."""

_OF_FILE = re.compile(rf"[^/]+/files/{_UUID}/[^/]+")
"""Keys of files: workspace/files/upload/name. Objects with other keys are never deleted."""


async def delete_unreferenced(db: Database, storage: Storage, before: datetime) -> int:
    """Delete objects uploaded before `before` that no row refers to; returns their number. Raises StorageError."""
    dropped = 0
    async for keys in storage.keys_before(before):
        for key in await _unnamed(db, keys):
            await storage.delete(key)
            dropped += 1
    return dropped


async def _unnamed(db: Database, keys: Sequence[str]) -> list[str]:
    owners = {key: UUID(match["id"]) for key in keys if (match := _OF_RUN.fullmatch(key))}
    uploads = [key for key in keys if _OF_FILE.fullmatch(key)]
    if not owners and not uploads:
        return []
    async with db.acquire() as connection:
        of_runs = await objects.filter_unreferenced(connection, owners) if owners else []
        return of_runs + (await files.filter_unreferenced(connection, uploads) if uploads else [])
