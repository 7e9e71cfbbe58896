"""Objects as files in a folder of this machine."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from orvanta_platform.errors import StorageError
from orvanta_platform.storage import ObjectMissing, checked

_PAGE = 500
_PIECE = 1 << 20
_TRIES = 20


class LocalStorage:
    """Files below `folder`: written to a temporary file, synced and renamed.

    Only this user can access the folder and its files; permissions of others on an existing folder are removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with suppress(OSError):  # it does not exist yet, or belongs to somebody else
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)

    async def put(self, key: str, body: bytes) -> None:
        """Keep `body` under `key`. Raises StorageError where the disk does not take it."""
        await asyncio.to_thread(self._put, self._path(key), body)

    async def put_pieces(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Keep what `pieces` gives as one object. Raises StorageError where the disk does not take it."""
        path = self._path(key)
        draft = await asyncio.to_thread(self._draft, path)
        try:
            async for piece in pieces:
                await asyncio.to_thread(self._write, draft, piece)
            await asyncio.to_thread(self._finish, draft, path)
        except BaseException:
            draft.close()
            Path(draft.name).unlink(missing_ok=True)
            raise

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing, StorageError where the disk does not give it."""
        return await asyncio.to_thread(self._read, key, 0, -1)

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on. Raises ObjectMissing."""
        return await asyncio.to_thread(self._read, key, start, length)

    async def size(self, key: str) -> int:
        """Bytes of the object. Raises ObjectMissing."""
        return await asyncio.to_thread(self._size, key)

    async def pieces(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """At most `length` bytes from `start` on, a piece at a time; what is deleted meanwhile is read to its end."""
        file = await asyncio.to_thread(self._open, key)
        try:
            await asyncio.to_thread(file.seek, start)
            left = length
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, _PIECE if left is None else min(_PIECE, left))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece
        except OSError as error:
            raise self._not_read(key, error) from error
        finally:
            file.close()

    async def link(self, key: str, expires_s: int) -> str | None:
        """None: a folder is read through the server alone."""
        return None

    async def answers(self) -> bool:
        """A folder is there, or says at once that it is not."""
        return True

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        await asyncio.to_thread(self._delete, self._path(key))

    async def keys_before(self, before: datetime) -> AsyncIterator[Sequence[str]]:
        """Pages of keys of files that were last written before `before`."""
        found = self._old(before.timestamp())
        while page := await asyncio.to_thread(lambda: list(islice(found, _PAGE))):
            yield page

    def _old(self, before: float) -> Iterator[str]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        yield str(path.relative_to(self._folder))

    def _path(self, key: str) -> Path:
        return self._folder / checked(key)

    def _put(self, path: Path, body: bytes) -> None:
        draft = self._draft(path)
        try:
            self._write(draft, body)
            self._finish(draft, path)
        except BaseException:
            draft.close()
            Path(draft.name).unlink(missing_ok=True)
            raise

    def _delete(self, path: Path) -> None:
        """The file, and the folders that it leaves empty."""
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._folder:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def _draft(self, path: Path) -> IO[bytes]:
        for _ in range(_TRIES):
            try:
                _make_private(path.parent)
                return tempfile.NamedTemporaryFile(dir=path.parent, prefix=".draft-", buffering=0, delete=False)
            except (FileNotFoundError, FileExistsError) as error:
                failed: OSError = error  # somebody deleted the last file of the folder, and the folder, meanwhile
            except OSError as error:
                raise self._not_kept(error) from error
        raise self._not_kept(failed)

    def _write(self, draft: IO[bytes], piece: bytes) -> None:
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[draft.write(rest) :]
        except OSError as error:
            raise self._not_kept(error) from error

    def _finish(self, draft: IO[bytes], path: Path) -> None:
        try:
            os.fsync(draft.fileno())
            draft.close()
            os.replace(draft.name, path)
            _sync(path.parent)
        except OSError as error:
            raise self._not_kept(error) from error

    def _not_kept(self, error: OSError) -> StorageError:
        return StorageError(
            f"The object could not be kept: {error.strerror}.", hint=f"Check space and rights of {self._folder}."
        )

    def _read(self, key: str, start: int, length: int) -> bytes:
        try:
            with self._open(key) as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise self._not_read(key, error) from error

    def _size(self, key: str) -> int:
        with self._open(key) as file:
            return os.fstat(file.fileno()).st_size

    def _open(self, key: str) -> IO[bytes]:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError as error:
            raise ObjectMissing(f"The object {key} is gone.") from error
        except OSError as error:
            raise self._not_read(key, error) from error

    def _not_read(self, key: str, error: OSError) -> StorageError:
        return StorageError(f"The object {key} could not be read: {error.strerror}.", hint=f"Check {self._folder}.")


def _make_private(folder: Path) -> None:
    """Create the folder and its parents without access for others: `Path.mkdir` sets the mode of the last one only."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _sync(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
