"""The packages of one worker's jobs: locked where nobody has yet, installed once per workspace and lock."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec
import structlog

from orvanta_platform.db.locks import NewLock
from orvanta_platform.services.runs.locks import Locks, key_of
from orvanta_platform.settings import Settings
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import JobSpec, LogSink, SandboxLost
from orvanta_platform.worker.packages import orders
from orvanta_platform.worker.packages.indexes import environment
from orvanta_platform.worker.packages.outputs import Outputs, Stopped, Turns, take
from orvanta_platform.worker.packages.tree import UnsafeTree
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.workflow.requirements import Ecosystem, Requirements, ecosystem_of, suspicions

K = TypeVar("K")
V = TypeVar("V")

LANGUAGE = "dependencies"
"""What the host of package programs is called among the runtimes; no script may name it."""

_FOLDERS = {"python": "python3", "npm": "bun"}
_FIRST_USER, _USERS = 30_000, 30_000
_LONGEST_S = 600.0
_REMEMBERED = 500
_REMEMBERED_CHARS = 256 << 10


class PackageError(Exception):
    """Packages could not be locked or installed; `cancelled` where the job was to stop."""

    def __init__(self, name: str, message: str, *, cancelled: bool = False) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.cancelled = cancelled


class PackageLog(LogSink, Protocol):
    """A job's log, in which the platform says what it does."""

    async def system(self, text: str) -> None:
        """One line of the platform's own."""


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """Whose packages: one attempt of a job and its code. `lock` None: the one that is found by the code."""

    job_id: UUID
    attempt: int
    workspace: str
    language: str
    content: str
    lock: str | None = None


class Packages:
    """Owned by the worker's event loop, like its `runtimes`."""

    def __init__(self, runtimes: Runtimes, settings: Settings, locks: Locks, environ: dict[str, str]) -> None:
        self._runtimes = runtimes
        self._settings = settings
        self._locks = locks
        self._environ = environment(environ, python_index=settings.python_index, npm_registry=settings.npm_registry)
        self._builds = settings.package_builds == "on"
        self._requirements: _Remembered[tuple[str, str], Requirements | None] = _Remembered()
        self._known: _Remembered[bytes, str] = _Remembered()
        self._turns = Turns()
        self._outputs = Outputs(runtimes.staging, runtimes.make_output, settings.disk_limit)

    async def provide(self, asked: PackageRequest, log: PackageLog, cancelled: asyncio.Event) -> str | None:
        """The folder below `Runtimes.packages` that holds what the code needs; None where it needs nothing.

        Makes the lock and the folder where they are not there. Raises PackageError, InvalidScript.
        """
        ecosystem = ecosystem_of(asked.language)
        if ecosystem is None:
            return None
        lock = asked.lock
        if lock is None:
            requirements = await self.requirements(asked.workspace, asked.language, asked.content)
            lock = "" if requirements is None else await self.lock(asked, requirements, log, cancelled)
        return await self._installed(asked, ecosystem, lock, log, cancelled) if lock.strip() else None

    async def requirements(self, workspace: str, language: str, content: str) -> Requirements | None:
        """What a script needs, remembered. Raises InvalidScript."""
        if (language, content) in self._requirements:
            return self._requirements[language, content]
        found = await self._locks.requirements(workspace, language, content)
        if len(content) <= _REMEMBERED_CHARS:
            self._requirements.put((language, content), found)
        return found

    async def lock(
        self,
        asked: PackageRequest,
        requirements: Requirements,
        log: PackageLog,
        cancelled: asyncio.Event,
        run: UUID | None = None,
    ) -> str:
        """The lock of these requirements of a script, made where nobody has made it. Raises PackageError."""
        key = key_of(asked.language, asked.content, requirements)
        if key in self._known:
            return self._known[key]
        lock = await self._locks.get(key)
        if lock is None:
            async with self._alone(asked.workspace, cancelled):
                lock = await self._locks.get(key) or await self._make(asked, requirements, log, cancelled, key, run)
        self._known.put(key, lock)
        return lock

    async def _make(
        self,
        asked: PackageRequest,
        requirements: Requirements,
        log: PackageLog,
        cancelled: asyncio.Event,
        key: bytes,
        run: UUID | None,
    ) -> str:
        wanted = ", ".join(requirements.lines)
        await log.system(f"locking {wanted[:1000]}")
        for suspicion in suspicions(requirements):
            await log.system(f"warning: {suspicion}")
        order = orders.lock_order(requirements, builds=self._builds)
        async with self._output(asked.workspace) as output:
            body: str = (await self._call(asked, order, output, log, cancelled))["lock"]
        made = NewLock(key, asked.language, "\n".join(requirements.lines), body, run)
        return await self._locks.keep(made)

    async def _installed(
        self, asked: PackageRequest, ecosystem: Ecosystem, lock: str, log: PackageLog, cancelled: asyncio.Event
    ) -> str:
        relative = f"{asked.workspace}/{_FOLDERS[ecosystem]}/{orders.digest_of(ecosystem, lock)}"
        final = self._runtimes.packages / relative
        if final.is_dir():
            return relative
        option = orders.option_in(lock) if ecosystem == "python" else None
        if option is not None:
            raise PackageError("install_failed", f"a lock holds packages alone, and no options: {option[:200]}")
        async with self._alone(asked.workspace, cancelled):
            if not final.is_dir():
                await log.system("installing packages")
                if ecosystem == "python" and not orders.is_hashed(lock):
                    await log.system(
                        "warning: the lock that was deployed names no hashes: what is installed is not checked"
                    )
                order = orders.install_order(ecosystem, lock, builds=self._builds)
                async with self._output(asked.workspace) as output:
                    await self._call(asked, order, output, log, cancelled)
                    await asyncio.to_thread(self._take, self._runtimes.staging / output / "tree", final)
        return relative

    def _take(self, made: Path, final: Path) -> None:
        try:
            take(made, final, self._settings.disk_limit * 2)
        except UnsafeTree as error:
            raise PackageError("unsafe_package", f"the packages were refused: {error}") from error

    async def _call(
        self, asked: PackageRequest, order: bytes, output: str, log: PackageLog, cancelled: asyncio.Event
    ) -> dict[str, Any]:
        """Have the host carry out an order. Raises PackageError, SandboxLost."""
        settings = self._settings
        time_s = min(_LONGEST_S, float(settings.job_timeout_s))
        spec = JobSpec(
            job_id=asked.job_id,
            attempt=asked.attempt,
            workspace=asked.workspace,
            language=LANGUAGE,
            content="",
            args=order,
            env=self._environ,
            timeout_s=time_s,
            limits=Limits(
                memory_bytes=settings.memory_limit,
                processes=settings.process_limit,
                disk_bytes=settings.disk_limit * 4,  # the cache, the packages and what they were unpacked from
                result_bytes=settings.result_limit,
                log_bytes=settings.log_limit,
                time_s=time_s,
            ),
            slot=_user_of(asked.workspace),
            output=output,
        )
        try:
            outcome = await self._runtimes.run(spec, log, cancelled)
        except Exception as error:
            structlog.get_logger(__name__).exception("runtime failed", action="packages", job=str(asked.job_id))
            raise PackageError("RuntimeFailed", f"The packages could not be looked after: {error}.") from error
        if outcome.lost:
            raise SandboxLost
        if outcome.error is not None:
            stopped = outcome.stopped_by == "cancel"
            raise PackageError(outcome.error.name, outcome.error.message, cancelled=stopped)
        answer: dict[str, Any] = msgspec.json.decode(outcome.result or b"{}")
        await log.write(answer.get("log", ""))
        return answer

    @asynccontextmanager
    async def _alone(self, workspace: str, cancelled: asyncio.Event) -> AsyncIterator[None]:
        """One order of a workspace at a time. Raises PackageError when `cancelled`."""
        try:
            async with self._turns.alone(workspace, cancelled):
                yield
        except Stopped:
            raise PackageError("Cancelled", "cancelled", cancelled=True) from None

    @asynccontextmanager
    async def _output(self, workspace: str) -> AsyncIterator[str]:
        """A folder to write to, with the workspace's cache of downloads in it. Raises PackageError."""
        try:
            kept = self._runtimes.packages / workspace / ".cache"
            async with self._outputs.open(_user_of(workspace), kept) as output:
                yield output
        except OSError as error:  # such as a disk without room
            raise PackageError("install_failed", f"the packages could not be written: {error.strerror}") from error


def _user_of(workspace: str) -> int:
    """The slot number, and so the user, of a workspace's package programs: what they cache stays theirs."""
    return _FIRST_USER + zlib.crc32(workspace.encode()) % _USERS


class _Remembered(OrderedDict[K, V]):
    """The values put last."""

    def put(self, key: K, value: V) -> None:
        self[key] = value
        if len(self) > _REMEMBERED:
            self.popitem(last=False)
