"""Object storage: large values by key. Uploaded before the row that names them is committed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from orvanta_platform.errors import StorageError

_KEY = re.compile(r"[A-Za-z0-9_\-.]+(/[A-Za-z0-9_\-.]+)*")


class ObjectMissing(StorageError):
    """A row names an object that is gone."""

    code = "object_missing"
    status = 410


class Storage(Protocol):
    """What every back end can do. A key is a relative path: segments of letters, digits, `-`, `_`, `.`, with `/`."""

    async def put(self, key: str, body: bytes) -> None:
        """Keep `body`, whole or not at all; durable when this returns. Replaces what was there."""

    async def put_pieces(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Keep what `pieces` gives, one after another, as `put` does; never more than one of them in memory."""

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing."""

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on. Raises ObjectMissing."""

    async def size(self, key: str) -> int:
        """Bytes of the object. Raises ObjectMissing."""

    def pieces(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """At most `length` bytes (None: all) from `start` on, read as they are asked for. Raises ObjectMissing."""

    async def link(self, key: str, expires_s: int) -> str | None:
        """An address under which anybody reads the object for `expires_s` seconds; None of a store without such."""

    async def answers(self) -> bool:
        """Whether the store is there at this moment; asked once, for some seconds at most."""

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""

    def keys_before(self, before: datetime) -> AsyncIterator[Sequence[str]]:
        """Pages of keys of what was last written before `before`, uploads that were broken off among them."""


def checked(key: str) -> str:
    """The key, if it is one; the same for every back end. Raises StorageError."""
    if not _KEY.fullmatch(key) or {".", ".."} & set(key.split("/")):
        raise StorageError(f"{key!r} is no key of an object.")
    return key
