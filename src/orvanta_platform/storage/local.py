"""Storage of objects as files in a folder of this machine."""

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
        with suppress(OSError):  # it does not exist yet, or belongs to another user
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)

    async def put(self, key: str, body: bytes) -> None:
        """Store `body` under `key`. Raises StorageError if writing fails."""
        await asyncio.to_thread(self._put, self._path(key), body)

    async def put_pieces(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Store the concatenation of `pieces` as one object. Raises StorageError if writing fails."""
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
        """Return the whole object. Raises ObjectMissing, StorageError if reading fails."""
        return await asyncio.to_thread(self._read, key, 0, -1)

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return at most `length` bytes from `start` on. Raises ObjectMissing."""
        return await asyncio.to_thread(self._read, key, start, length)

    async def size(self, key: str) -> int:
        """Return the size of the object in bytes. Raises ObjectMissing."""
        return await asyncio.to_thread(self._size, key)

    async def pieces(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield at most `length` bytes from `start` on, in pieces; an object deleted meanwhile is read to its end."""
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
            raise self._read_error(key, error) from error
        finally:
            file.close()

    async def link(self, key: str, expires_s: int) -> str | None:
        """Return None: a folder can only be read through the server."""
        return None

    async def answers(self) -> bool:
        """Return True: a folder is available, or fails immediately."""
        return True

    async def delete(self, key: str) -> None:
        """Delete the object, if it exists."""
        await asyncio.to_thread(self._delete, self._path(key))

    async def keys_before(self, before: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield pages of keys of files last written before `before`."""
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
        """Delete the file, and the folders that become empty."""
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
                failed: OSError = error  # the folder became empty and was deleted meanwhile
            except OSError as error:
                raise self._write_error(error) from error
        raise self._write_error(failed)

    def _write(self, draft: IO[bytes], piece: bytes) -> None:
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[draft.write(rest) :]
        except OSError as error:
            raise self._write_error(error) from error

    def _finish(self, draft: IO[bytes], path: Path) -> None:
        try:
            os.fsync(draft.fileno())
            draft.close()
            os.replace(draft.name, path)
            _sync(path.parent)
        except OSError as error:
            raise self._write_error(error) from error

    def _write_error(self, error: OSError) -> StorageError:
        return StorageError(
            f"The object could not be stored: {error.strerror}.",
            hint=f"Check free space and permissions of {self._folder}.",
        )

    def _read(self, key: str, start: int, length: int) -> bytes:
        try:
            with self._open(key) as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise self._read_error(key, error) from error

    def _size(self, key: str) -> int:
        with self._open(key) as file:
            return os.fstat(file.fileno()).st_size

    def _open(self, key: str) -> IO[bytes]:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError as error:
            raise ObjectMissing(f"The object {key} does not exist.") from error
        except OSError as error:
            raise self._read_error(key, error) from error

    def _read_error(self, key: str, error: OSError) -> StorageError:
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
