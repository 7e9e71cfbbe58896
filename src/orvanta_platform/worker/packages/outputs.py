"""The folders that orders write in their cells: one order of a workspace at a time, what it made taken from there."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from orvanta_platform import clock
from orvanta_platform.worker.packages import tree

_STALE_S = 86_400.0


class Stopped(Exception):
    """The job was cancelled while it waited for its turn."""


class Turns:
    """One order of a workspace at a time: they share a user and a cache."""

    def __init__(self) -> None:
        self._busy: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def alone(self, workspace: str, cancelled: asyncio.Event) -> AsyncIterator[None]:
        """Wait for the turn and have it. Raises Stopped when `cancelled` is set before."""
        turn = self._busy.setdefault(workspace, asyncio.Lock())
        taking, stopping = asyncio.ensure_future(turn.acquire()), asyncio.ensure_future(cancelled.wait())
        try:
            await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            if not taking.cancel():
                turn.release()
            raise
        finally:
            stopping.cancel()
        if not taking.done():
            taking.cancel()
            await asyncio.wait({taking})
        if taking.cancelled():
            raise Stopped
        try:
            yield
        finally:
            turn.release()


class Outputs:
    """The folders below `staging`, which `make` makes for the number of a user. A larger cache is not kept."""

    def __init__(self, staging: Path, make: Callable[[int], str], cache_bytes: int) -> None:
        self._staging = staging
        self._make = make
        self._cache_bytes = cache_bytes

    @asynccontextmanager
    async def open(self, user: int, kept: Path | None = None, seed: Path | None = None) -> AsyncIterator[str]:
        """A folder to write to, with the cache that is `kept` in it (`cache/`), else a copy of `seed`, if any.

        Both are taken away afterwards. The cache moves: only one order at a time has it, and no job ever sees it.
        Another worker's order meanwhile begins without. Raises OSError, such as of a disk without room.
        """
        await asyncio.to_thread(self._forget_stale)
        output = self._make(user)
        folder = self._staging / output
        if kept is not None:
            with suppress(OSError):
                os.rename(kept, folder / "cache")
        try:
            if seed is not None and not (folder / "cache").exists():
                await asyncio.to_thread(_copy, seed, folder / "cache", folder.stat().st_uid)
            yield output
        finally:
            await asyncio.to_thread(self._put_back, folder, kept)

    def _forget_stale(self) -> None:
        """Remove what was left in the middle by a worker that was killed; no order takes a day."""
        for folder in self._staging.iterdir():
            with suppress(OSError):
                if folder.stat().st_mtime < clock.now().timestamp() - _STALE_S:
                    remove(folder)

    def _put_back(self, folder: Path, kept: Path | None) -> None:
        cache = folder / "cache"
        with suppress(OSError):
            small = sum(each.lstat().st_size for each in cache.rglob("*")) <= self._cache_bytes
            if kept is not None and small and not cache.is_symlink():
                kept.parent.mkdir(exist_ok=True)
                kept.parent.chmod(0o711)
                os.rename(cache, kept)
        remove(folder)


def take(made: Path, final: Path, most_bytes: int) -> None:
    """Check the tree `made` and move it to its place; of two who come there at once the first counts.

    Raises tree.UnsafeTree, OSError.
    """
    made.mkdir(exist_ok=True)
    tree.seal(made, most_bytes)
    for folder in reversed(final.parents[:2]):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711)
    try:
        os.rename(made, final)
    except OSError:
        if not final.is_dir():
            raise
    else:
        final.chmod(0o555)


def _copy(seed: Path, cache: Path, user: int) -> None:
    """A copy that `user` may write to."""
    for path, _, files in os.walk(seed):
        place = cache / os.path.relpath(path, seed)
        place.mkdir(mode=0o755, exist_ok=True)
        for name in files:
            shutil.copyfile(f"{path}/{name}", place / name)
        if os.geteuid() == 0:
            for each in (place, *(place / name for name in files)):
                os.chown(each, user, user)


def remove(folder: Path) -> None:
    """Remove a tree, read-only folders in it too."""
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
