"""Packages for one worker's jobs: locked if there is no lock yet, and installed once per workspace and lock."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec
import structlog

from orvanta_platform.db.dependency_locks import NewLock
from orvanta_platform.errors import InvalidScript
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.services.runs.locks import Locks, key_of
from orvanta_platform.services.runs.package_policies import CodeLock
from orvanta_platform.settings import Settings
from orvanta_platform.worker.imports import Imports
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import JobSpec, LogSink, SandboxLost
from orvanta_platform.worker.output_tree import UnsafeTree
from orvanta_platform.worker.outputs import OrderCancelled, OrderLocks, Outputs, publish, remove
from orvanta_platform.worker.package_indexes import environment, for_ecosystem
from orvanta_platform.worker.packages import orders
from orvanta_platform.worker.runtimes.builds import mark_used, remove_unused
from orvanta_platform.worker.runtimes.cells import SandboxUnavailable
from orvanta_platform.worker.runtimes.pool import NoInterpreter, Runtimes
from orvanta_platform.workflow.requirements import Ecosystem, Requirements, ecosystem_of, suspicions
from orvanta_platform.workflow.requirements.provided import names_provided, without_provided
from orvanta_platform.workflow.requirements.python_lock import NotOnlyPackages, python_lines

K = TypeVar("K")
V = TypeVar("V")

LANGUAGE = "dependencies"
"""Language name of the host for package programs; no script may use it."""

_FOLDERS = {"python": "python3", "npm": "bun-2", "go": "go-modules", "composer": "php", "gems": "ruby"}
_CACHE = ".cache-2"
_DISCARDED = ".cache"
"""Cache that locks of any origin could fill, and from which Bun has installed the packages below `bun`."""
_FIRST_USER, _USERS = 30_000, 30_000
_MAX_S = 600.0
_REMEMBERED = 500
_REMEMBERED_CHARS = 256 << 10


class PackageError(Exception):
    """Raised if packages could not be locked or installed; `cancelled` is set if the job was cancelled."""

    def __init__(self, name: str, message: str, *, cancelled: bool = False) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.cancelled = cancelled


class PackageLog(LogSink, Protocol):
    """A job's log that also accepts lines of the platform."""

    async def system(self, text: str) -> None:
        """Append a line of the platform."""


class PackageRequest(msgspec.Struct, frozen=True):
    """Request for the packages of one attempt's code."""

    job_id: UUID
    attempt: int
    workspace: str
    language: str
    content: str
    imports: str | None = None
    """Hash (hex) of the closure of scripts that the code imports."""
    lock: str | None = None
    """The lock to install, or None to find or make it for the code."""
    version: int | None = None
    """Deployed version that the code belongs to, whose policies apply to a lock that is found or made."""
    node: str | None = None
    """Node that contains the code, if any."""


class Packages:
    """Packages of one worker; owned by the event loop that owns `runtimes`."""

    def __init__(
        self, runtimes: Runtimes, settings: Settings, locks: Locks, imports: Imports, environ: dict[str, str]
    ) -> None:
        self._runtimes = runtimes
        self._settings = settings
        self._locks = locks
        self._imports = imports
        self._environ = environment(
            environ,
            python_index=settings.python_index,
            npm_registry=settings.npm_registry,
            composer_repository=settings.composer_repository,
            gem_source=settings.gem_source,
        )
        self._builds = settings.package_builds == "on"
        self._requirements: _Cache[tuple[str, str, str | None], Requirements | None] = _Cache()
        self._known: _Cache[tuple[str, bytes], str] = _Cache()
        self._turns = OrderLocks()
        self._outputs = Outputs(runtimes.staging, runtimes.make_output, settings.disk_limit)

    async def provide(self, request: PackageRequest, log: PackageLog, cancelled: asyncio.Event) -> str | None:
        """Return the folder below `Runtimes.packages` with the packages of the code, or None if it needs none.

        Makes the lock and the folder if they are missing. Raises PackageError, InvalidScript, PolicyViolation.
        """
        ecosystem = ecosystem_of(request.language)
        if ecosystem is None:
            return None
        lock = request.lock
        if lock is None:
            requirements = await self.requirements(request)
            lock = "" if requirements is None else await self.lock(request, requirements, log, cancelled)
            if requirements is not None and request.version is not None:
                key = key_of(request.language, request.content, requirements)
                code = CodeLock(request.node, "", request.language, lock)
                await self._locks.require_allowed(request.workspace, request.version, code, key)
        elif names_provided(lock):
            with suppress(InvalidScript):  # declared requirements that cannot be read do not matter if there is a lock
                lock = without_provided(ecosystem, lock, await self.requirements(request))
        return await self._installed(request, ecosystem, lock, log, cancelled) if lock.strip() else None

    async def requirements(self, request: PackageRequest) -> Requirements | None:
        """Return the requirements of a script and of those it imports, from memory if possible. Raises InvalidScript,
        ImportsUnavailable.
        """
        key = request.language, request.content, request.imports
        if key in self._requirements:
            return self._requirements[key]
        imported = () if request.imports is None else await self.imported(request.imports)
        found = await self._locks.requirements(request.workspace, request.language, request.content, imported)
        if len(request.content) <= _REMEMBERED_CHARS:
            self._requirements.put(key, found)
        return found

    async def imported(self, digest: str) -> Sequence[Script]:
        """Return the scripts of the closure with this hash (hex). Raises ImportsUnavailable."""
        return await self._imports.scripts(digest)

    async def lock(
        self,
        request: PackageRequest,
        requirements: Requirements,
        log: PackageLog,
        cancelled: asyncio.Event,
        run: UUID | None = None,
    ) -> str:
        """Return the lock of these requirements, and make it if there is none. Raises PackageError."""
        workspace, key = request.workspace, key_of(request.language, request.content, requirements)
        if (workspace, key) in self._known:
            return self._known[workspace, key]
        lock = await self._locks.get(workspace, key)
        if lock is None:
            async with self._turn(workspace, cancelled):
                lock = await self._locks.get(workspace, key)
                lock = lock or await self._make(request, requirements, log, cancelled, key, run)
        self._known.put((workspace, key), lock)
        return lock

    async def _make(
        self,
        request: PackageRequest,
        requirements: Requirements,
        log: PackageLog,
        cancelled: asyncio.Event,
        key: bytes,
        run: UUID | None,
    ) -> str:
        lines = ", ".join(requirements.lines)
        await log.system(f"locking {lines[:1000]}")
        for suspicion in suspicions(requirements):
            await log.system(f"warning: {suspicion}")
        runtimes = await self._runtimes_of(request)
        order = orders.lock_order(requirements, builds=self._builds, python=runtimes.interpreter.path)
        async with self._output(request.workspace, shared=True) as output:
            made = await self._call(runtimes, request, requirements.ecosystem, order, output, log, cancelled)
        # the code of a package that was built may have changed the lock, directly or by the cache of the workspace
        owner = request.workspace if self._builds else None
        lock = NewLock(key, request.language, "\n".join(requirements.lines), made["lock"], run, owner)
        return await self._locks.store(request.workspace, lock)

    async def _installed(
        self, request: PackageRequest, ecosystem: Ecosystem, lock: str, log: PackageLog, cancelled: asyncio.Event
    ) -> str:
        runtimes = await self._runtimes_of(request)
        python = runtimes.interpreter.path
        relative = f"{request.workspace}/{_FOLDERS[ecosystem]}/{orders.digest_of(ecosystem, lock, python)}"
        final = self._runtimes.packages / relative
        if mark_used(final):
            return relative
        try:
            order = orders.install_order(ecosystem, lock, builds=self._builds, python=python)
        except NotOnlyPackages as error:
            reason = f"a lock must contain only packages, no options: {str(error)[:200]}"
            raise PackageError("install_failed", reason) from error
        async with self._turn(request.workspace, cancelled):
            if not final.is_dir():
                await log.system("installing packages")
                if ecosystem == "python" and not orders.is_hashed(python_lines(lock)):
                    await log.system("warning: the deployed lock names no hashes: the installed files are not checked")
                # Bun stores what a lock names under the name and version of a package, whatever the address
                shared = await self._locks.is_made(request.workspace, request.language, lock)
                async with self._output(request.workspace, shared=shared) as output:
                    await self._call(runtimes, request, ecosystem, order, output, log, cancelled)
                    await asyncio.to_thread(self._take, self._runtimes.staging / output / "tree", final)
                    await asyncio.to_thread(remove_unused, final.parent)
        return relative

    def _take(self, made: Path, final: Path) -> None:
        try:
            publish(made, final, self._settings.disk_limit * 2)
        except UnsafeTree as error:
            raise PackageError("unsafe_package", f"the packages were refused: {error}") from error

    async def _runtimes_of(self, request: PackageRequest) -> Runtimes:
        """Return the runtimes with the code's version of Python. Raises PackageError."""
        try:
            return await self._runtimes.of_script(request.language, request.content)
        except NoInterpreter as error:
            raise PackageError("no_runtime", str(error)) from error
        except SandboxUnavailable as error:
            raise PackageError("SandboxUnavailable", error.message) from error
        except OSError as error:  # for example, the disk is full
            raise PackageError("SandboxUnavailable", f"the sandbox cannot be made: {error.strerror}") from error

    async def _call(
        self,
        runtimes: Runtimes,
        request: PackageRequest,
        ecosystem: Ecosystem,
        order: bytes,
        output: str,
        log: PackageLog,
        cancelled: asyncio.Event,
    ) -> dict[str, Any]:
        """Let the host carry out an order. Raises PackageError, SandboxLost."""
        settings = self._settings
        time_s = min(_MAX_S, float(settings.job_timeout_s))
        spec = JobSpec(
            job_id=request.job_id,
            attempt=request.attempt,
            workspace=request.workspace,
            language=LANGUAGE,
            content="",
            args=order,
            env=for_ecosystem(self._environ, ecosystem),
            timeout_s=time_s,
            limits=Limits(
                memory_bytes=settings.memory_limit,
                processes=settings.process_limit,
                disk_bytes=settings.disk_limit * 4,  # the cache, the packages and the archives they come from
                result_bytes=settings.result_limit,
                log_bytes=settings.log_limit,
                time_s=time_s,
            ),
            slot=_user_of(request.workspace),
            output=output,
        )
        try:
            outcome = await runtimes.run(spec, log, cancelled)
        except Exception as error:
            structlog.get_logger(__name__).exception("runtime failed", action="packages", job=str(request.job_id))
            raise PackageError("RuntimeFailed", f"The package program could not be run: {error}.") from error
        if outcome.lost:
            raise SandboxLost
        if outcome.error is not None:
            stopped = outcome.stopped_by == "cancel"
            hint = " The group of this worker has no network." if self._runtimes.offline else ""
            raise PackageError(outcome.error.name, outcome.error.message + hint, cancelled=stopped)
        answer: dict[str, Any] = msgspec.json.decode(outcome.result or b"{}")
        await log.write(answer.get("log", ""))
        return answer

    @asynccontextmanager
    async def _turn(self, workspace: str, cancelled: asyncio.Event) -> AsyncIterator[None]:
        """Hold the workspace's turn for one order. Raises PackageError when `cancelled`."""
        try:
            async with self._turns.take(workspace, cancelled):
                yield
        except OrderCancelled:
            raise PackageError("Cancelled", "cancelled", cancelled=True) from None

    @asynccontextmanager
    async def _output(self, workspace: str, *, shared: bool) -> AsyncIterator[str]:
        """Yield a folder to write to. If `shared`, the workspace's cache of downloads is in it. Raises PackageError."""
        folder = self._runtimes.packages / workspace
        try:
            await asyncio.to_thread(remove, folder / _DISCARDED)
            async with self._outputs.open(_user_of(workspace), folder / _CACHE if shared else None) as output:
                yield output
        except OSError as error:  # for example, the disk is full
            raise PackageError("install_failed", f"the packages could not be written: {error.strerror}") from error


def _user_of(workspace: str) -> int:
    """Return the slot number, and so the user id, of a workspace's package programs. Its cache belongs to that user."""
    return _FIRST_USER + zlib.crc32(workspace.encode()) % _USERS


class _Cache(OrderedDict[K, V]):
    """Cache of the values added last."""

    def put(self, key: K, value: V) -> None:
        self[key] = value
        if len(self) > _REMEMBERED:
            self.popitem(last=False)
