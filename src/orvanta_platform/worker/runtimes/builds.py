"""Compilation of scripts before they run: once per workspace, content and compiler, in a separate cell."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import importlib.util
import os
import platform
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink
from orvanta_platform.worker.output_tree import UnsafeTree
from orvanta_platform.worker.outputs import OrderCancelled, OrderLocks, Outputs, publish, remove
from orvanta_platform.worker.runtimes.manifest import Build

MAX_BUILD_S = 300.0
"""Time limit of one build, in seconds."""

_LIMITS = Limits(disk_bytes=2 << 30)
# User numbers after those of slots, dedicated processes and package programs; the last one is LAST_UID (network.py).
_FIRST_USER, _USERS = 60_000, 5_000
_CACHE_BYTES = 1 << 30
_DAY_S = 86_400.0
_UNUSED_S = 30 * _DAY_S

Run = Callable[[JobSpec, LogSink, asyncio.Event], Awaitable[JobOutcome]]


def builder_of(language: str) -> str:
    """Return the language name of a language's builder. No script may use it."""
    return f"{language} builder"


class Builds:
    """Compiled scripts of one worker, below `packages`; owned by its event loop.

    `run` runs a builder in its cell. `make_output` makes the folder that it writes to, below `staging`.
    """

    def __init__(
        self,
        packages: Path,
        staging: Path,
        run: Run,
        make_output: Callable[[int], str],
        *,
        longest_s: float = MAX_BUILD_S,
    ) -> None:
        self._packages = packages
        self._staging = staging
        self._run = run
        self._outputs = Outputs(staging, make_output, _CACHE_BYTES)
        self._turns = OrderLocks()
        self._longest_s = longest_s

    def is_made(self, build: Build, spec: JobSpec) -> bool:
        """Return whether the job's script is already compiled. Raises OSError if the compiler's version is unknown."""
        return (self._packages / _build_path(build, spec)).is_dir()

    async def provide(self, build: Build, spec: JobSpec, log: LogSink, cancelled: asyncio.Event) -> str | JobOutcome:
        """Return the folder below `packages` with the compiled script, compiling it if needed; otherwise the failure.

        A failed build leaves nothing, so that the next job tries again.
        """
        try:
            path = _build_path(build, spec)
            final = self._packages / path
            if mark_used(final):
                return path
            async with self._turns.take(spec.workspace, cancelled):
                failed = None if final.is_dir() else await self._make(build, spec, final, log, cancelled)
        except OrderCancelled:
            return JobOutcome(None, JobError("Cancelled", "cancelled"), 0, started=False, stopped_by="cancel")
        except (OSError, UnsafeTree) as error:
            reason = JobError("CannotStart", f"the script cannot be compiled: {error}")
            return JobOutcome(None, reason, 0, started=False)
        return path if failed is None else failed

    async def _make(
        self, build: Build, spec: JobSpec, final: Path, log: LogSink, cancelled: asyncio.Event
    ) -> JobOutcome | None:
        """Compile the script and store the result; return the outcome of a failed build."""
        seed = self._packages / f".{spec.language}" / _digest(build)
        if not mark_used(seed):
            async with self._turns.take("", cancelled):
                if not seed.is_dir():
                    async with self._outputs.open(_FIRST_USER + _USERS) as output:
                        sample = replace(spec, content=build.sample, package=None)
                        sample = _order(sample, build, output, _FIRST_USER + _USERS)
                        failed = await self._compile(sample, "cache", seed, log, cancelled)
                        if failed is not None:
                            return failed
                    await asyncio.to_thread(remove_unused, seed.parent)
        user = _FIRST_USER + zlib.crc32(spec.workspace.encode()) % _USERS
        cache = self._packages / spec.workspace / f".{spec.language}-cache"
        async with self._outputs.open(user, cache, seed) as output:
            failed = await self._compile(_order(spec, build, output, user), "tree", final, log, cancelled)
        if failed is None:
            await asyncio.to_thread(remove_unused, final.parent)
        return failed

    async def _compile(
        self, order: JobSpec, made: str, final: Path, log: LogSink, cancelled: asyncio.Event
    ) -> JobOutcome | None:
        order = replace(order, timeout_s=self._longest_s, limits=replace(_LIMITS, time_s=self._longest_s))
        outcome = await self._run(order, log, cancelled)
        if outcome.error is not None:
            return replace(outcome, started=False)
        await asyncio.to_thread(publish, self._staging / (order.output or "") / made, final, _CACHE_BYTES)
        return None


def mark_used(final: Path) -> bool:
    """Return whether the program exists; record its use in the time of its folder."""
    now = clock.now().timestamp()
    try:
        if final.stat().st_mtime < now - _DAY_S:
            os.utime(final, (now, now))
    except FileNotFoundError:
        return False
    except OSError:  # on a read-only disk, or made by another user: usable, but its use cannot be recorded
        return final.is_dir()
    return True


def remove_unused(programs: Path) -> None:
    """Remove the folders below `programs` that no job has used for _UNUSED_S. They are made again when needed."""
    for folder in programs.iterdir():
        with contextlib.suppress(OSError):  # another worker may remove it at the same time
            if folder.stat().st_mtime < clock.now().timestamp() - _UNUSED_S:
                remove(folder)


def _order(spec: JobSpec, build: Build, output: str, user: int) -> JobSpec:
    """Return the specification for the builder, with the script and its packages and nothing else of the job."""
    return replace(
        spec,
        language=builder_of(spec.language),
        args=msgspec.json.encode({"version": build.version()}),
        env={},
        slot=user,
        output=output,
        dedicated=False,
    )


def _build_path(build: Build, spec: JobSpec) -> str:
    """Return the path of a compiled script below `packages`."""
    packages = () if spec.package is None else (spec.package,)
    return f"{spec.workspace}/{spec.language}/{_digest(build, spec.content, *packages)}"


def _digest(build: Build, *more: str) -> str:
    """Return 40 hex digits that identify the compiler, the machine, the builder and the code."""
    key = hashlib.sha256()
    for part in (build.version(), platform.machine(), _revision(build.host), *more):
        key.update(f"{part}\n".encode("utf-8", "replace"))
    return key.hexdigest()[:40]


@functools.cache
def _revision(host: str) -> str:
    """Return the digest of all files in a builder's folder, as these determine the compiled program."""
    spec = importlib.util.find_spec(host)
    folder = Path(spec.origin or "").parent if spec is not None else Path()
    key = hashlib.sha256()
    for file in sorted(folder.glob("*.*")):
        key.update(file.read_bytes())
    return key.hexdigest()
