"""Folders that orders write in their cells: one order of a workspace at a time, and the handover of their results."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from orvanta_platform import clock
from orvanta_platform.sandbox import filesystem
from orvanta_platform.worker import output_tree

_STALE_S = 86_400.0


class OrderCancelled(Exception):
    """Raised if the job was cancelled while it waited for its turn."""


class OrderLocks:
    """Locks that let one order of a workspace run at a time, as its orders share a user and a cache."""

    def __init__(self) -> None:
        self._busy: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def take(self, workspace: str, cancelled: asyncio.Event) -> AsyncIterator[None]:
        """Wait for the turn and hold it. Raises OrderCancelled if `cancelled` is set before."""
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
            raise OrderCancelled
        try:
            yield
        finally:
            turn.release()


class Outputs:
    """Output folders below `staging`. `make` creates one for the number of a user."""

    def __init__(self, staging: Path, make: Callable[[int], str], cache_bytes: int) -> None:
        """Create the folders' manager; a cache of more than `cache_bytes` is discarded."""
        self._staging = staging
        self._make = make
        self._cache_bytes = cache_bytes

    @asynccontextmanager
    async def open(self, user: int, cache: Path | None = None, seed: Path | None = None) -> AsyncIterator[str]:
        """Yield a folder to write to, with `cache` moved into it (as `cache/`), or a copy of `seed` if there is none.

        The folder is removed afterwards, and the cache moved back. As the cache moves, only one order at a time has
        it and no job ever sees it; an order of another worker starts without it meanwhile. Raises OSError, for
        example if the disk is full.
        """
        await asyncio.to_thread(self._remove_stale)
        output = self._make(user)
        folder = self._staging / output
        if cache is not None:
            with suppress(OSError):
                os.rename(cache, folder / "cache")
        try:
            if seed is not None and not (folder / "cache").exists():
                await asyncio.to_thread(_copy, seed, folder / "cache", folder.stat().st_uid)
            yield output
        finally:
            await asyncio.to_thread(self._put_back, folder, cache)

    def _remove_stale(self) -> None:
        """Remove the folders left by killed workers. No order takes a day."""
        for folder in self._staging.iterdir():
            with suppress(OSError):
                if folder.stat().st_mtime < clock.now().timestamp() - _STALE_S:
                    remove(folder)

    def _put_back(self, folder: Path, cache: Path | None) -> None:
        used = folder / "cache"
        with suppress(OSError):
            if (
                cache is not None
                and not used.is_symlink()
                and filesystem.used(str(used), self._cache_bytes) <= self._cache_bytes
            ):
                cache.parent.mkdir(exist_ok=True)
                cache.parent.chmod(0o711)
                os.rename(used, cache)
        remove(folder)


def publish(made: Path, final: Path, max_bytes: int) -> None:
    """Check the tree `made` and move it to `final`. Of concurrent calls for the same folder the first one counts.

    Raises output_tree.UnsafeTree, OSError.
    """
    made.mkdir(exist_ok=True)
    output_tree.seal(made, max_bytes)
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
    """Copy `seed` to `cache`, writable for `user`."""
    for path, _, files in os.walk(seed):
        target = cache / os.path.relpath(path, seed)
        target.mkdir(mode=0o755, exist_ok=True)
        for name in files:
            shutil.copyfile(f"{path}/{name}", target / name)
        if os.geteuid() == 0:
            for each in (target, *(target / name for name in files)):
                os.chown(each, user, user)


def remove(folder: Path) -> None:
    """Remove a tree, including read-only folders."""
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
