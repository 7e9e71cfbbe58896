"""Objects as files in a folder of this machine."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

from orvanta_platform.errors import StorageError
from orvanta_platform.storage import ObjectMissing

_KEY = re.compile(r"[A-Za-z0-9_\-.]+(/[A-Za-z0-9_\-.]+)*")


class LocalStorage:
    """Files below `folder`, written beside their place, synced and then renamed into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, body: bytes) -> None:
        """Keep `body` under `key`. Raises StorageError where the disk does not take it."""
        await asyncio.to_thread(self._put, self._path(key), body)

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing, StorageError where the disk does not give it."""
        return await asyncio.to_thread(self._read, key, 0, -1)

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on. Raises ObjectMissing."""
        return await asyncio.to_thread(self._read, key, start, length)

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key) or {".", ".."} & set(key.split("/")):
            raise StorageError(f"{key!r} is no key of an object.")
        return self._folder / key

    def _put(self, path: Path, body: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, path)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
            _sync(path.parent)
        except OSError as error:
            raise StorageError(
                f"The object could not be kept: {error.strerror}.", hint=f"Check space and rights of {self._folder}."
            ) from error

    def _read(self, key: str, start: int, length: int) -> bytes:
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError as error:
            raise ObjectMissing(f"The object {key} is gone.") from error
        except OSError as error:
            raise StorageError(
                f"The object {key} could not be read: {error.strerror}.", hint=f"Check {self._folder}."
            ) from error


def _sync(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
