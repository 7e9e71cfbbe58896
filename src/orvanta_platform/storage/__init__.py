"""Object storage: large values by key. Objects are uploaded before the row that references them is committed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from orvanta_platform.errors import StorageError

_KEY = re.compile(r"[A-Za-z0-9_\-.]+(/[A-Za-z0-9_\-.]+)*")


class ObjectMissing(StorageError):
    """A row references an object that no longer exists."""

    code = "object_missing"
    status = 410


class Storage(Protocol):
    """Interface of all back ends. A key is a relative path: segments of letters, digits, `-`, `_`, `.`, separated by
    `/`.
    """

    async def put(self, key: str, body: bytes) -> None:
        """Store `body` atomically; durable when this returns. Replaces an existing object."""

    async def put_pieces(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Store the concatenation of `pieces` like `put`, with at most one piece in memory."""

    async def get(self, key: str) -> bytes:
        """Return the whole object. Raises ObjectMissing."""

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return at most `length` bytes from `start` on. Raises ObjectMissing."""

    async def size(self, key: str) -> int:
        """Return the size of the object in bytes. Raises ObjectMissing."""

    def pieces(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield at most `length` bytes (None: all) from `start` on, read on demand. Raises ObjectMissing."""

    async def link(self, key: str, expires_s: int) -> str | None:
        """Return a URL that grants read access to the object for `expires_s` seconds, or None if the store has no such
        URLs.
        """

    async def answers(self) -> bool:
        """Return whether the store is available; makes one attempt of at most a few seconds."""

    async def delete(self, key: str) -> None:
        """Delete the object, if it exists."""

    def keys_before(self, before: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield pages of keys last written before `before`, including interrupted uploads."""


def checked(key: str) -> str:
    """Return the key if it is valid for every back end. Raises StorageError."""
    if not _KEY.fullmatch(key) or {".", ".."} & set(key.split("/")):
        raise StorageError(f"{key!r} is not a valid object key.")
    return key
