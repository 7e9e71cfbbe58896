"""Folders with the scripts that jobs import: written once per workspace and closure, read-only to jobs."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import shutil
import tempfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform.control.names import is_path
from orvanta_platform.db import imports as rows
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs.imports import MAX_BYTES, MAX_SCRIPTS
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import JobSpec, SandboxLost
from orvanta_platform.worker.output_tree import UnsafeTree, seal
from orvanta_platform.worker.outputs import OrderLocks, publish, remove
from orvanta_platform.worker.runtimes.builds import mark_used, remove_unused
from orvanta_platform.worker.runtimes.pool import COMPILER, Runtimes
from orvanta_platform.workflow.script_imports import Closure, importing_language, parse_manifest, place_of

_log = structlog.get_logger(__name__)

_FOLDER: Final = "imports"
_REMEMBERED: Final = 500
_SIZE_FACTOR: Final = 6
"""Maximum size of a folder in relation to its scripts, because of their bytecode."""

_FIRST_USER, _USERS = 65_001, 535
# User numbers after those of the builders (runtimes/builds.py); the last one is LAST_UID (network.py).
_COMPILE_S: Final = 20.0
_LIMITS: Final = Limits(disk_bytes=_SIZE_FACTOR * MAX_BYTES + (64 << 20), time_s=_COMPILE_S)


class ImportsUnavailable(OrvantaError):
    """The scripts that a script imports cannot be read, or are not those that were pinned."""

    code = "imports_unavailable"
    status = 500


class JobId(Protocol):
    """Attempt of a job."""

    @property
    def id(self) -> UUID: ...

    @property
    def attempt(self) -> int: ...


class ImportFolder(msgspec.Struct, frozen=True):
    """The files of a closure."""

    folder: str
    """Folder below `Runtimes.packages`."""
    path: str
    """Path of the importing script; empty if it has none."""


class Imports:
    """Closures of one worker's jobs, below `Runtimes.packages`; owned by the event loop that owns `runtimes`."""

    def __init__(self, platform: Platform, runtimes: Runtimes) -> None:
        self._platform = platform
        self._runtimes = runtimes
        self._packages = runtimes.packages
        self._closures: OrderedDict[str, tuple[Closure, str]] = OrderedDict()
        """Closures and the names of their folders, by hash."""
        self._turns = OrderLocks()

    async def provide(self, workspace: str, digest: str, job: JobId, cancelled: asyncio.Event) -> ImportFolder:
        """Return the folder with the closure of this hash (hex), writing it for `job` if needed.

        Raises ImportsUnavailable, SandboxLost, and OrderCancelled if the job was cancelled before its turn.
        """
        closure, name = await self._closure(digest)
        folder = f"{workspace}/{_FOLDER}/{name}"
        with _disk_errors():
            written = mark_used(self._packages / folder)
        if not written:
            user = _FIRST_USER + zlib.crc32(workspace.encode()) % _USERS
            async with self._turns.take(str(user), cancelled):
                if not (self._packages / folder).is_dir():
                    await self._write(closure, self._packages / folder, _compilation(workspace, job, user))
        return ImportFolder(folder, closure.path)

    async def scripts(self, digest: str) -> tuple[Script, ...]:
        """Return the scripts of the closure with this hash (hex). Raises ImportsUnavailable."""
        closure, _ = await self._closure(digest)
        contents = await self._contents(closure)
        return tuple(
            Script(module.language, contents[bytes.fromhex(module.document)].decode("utf-8", "replace"), module.path)
            for module in closure.modules
        )

    async def _closure(self, digest: str) -> tuple[Closure, str]:
        found = self._closures.get(digest)
        if found is None:
            key = bytes.fromhex(digest)
            async with self._platform.db.acquire() as conn:
                body = (await rows.list_documents(conn, [key])).get(key)
            closure = _checked(body, key)
            found = closure, closure.folder
            self._closures[digest] = found
            if len(self._closures) > _REMEMBERED:
                self._closures.popitem(last=False)
        self._closures.move_to_end(digest)
        return found

    async def _contents(self, closure: Closure) -> dict[bytes, bytes]:
        """Return the contents of the modules by hash."""
        hashes = list({bytes.fromhex(module.document) for module in closure.modules})
        async with self._platform.db.acquire() as conn:
            found = await rows.list_documents(conn, hashes)
        for each in hashes:
            if each not in found or hashlib.sha256(found[each]).digest() != each:
                raise ImportsUnavailable("An imported script is missing, or is not the one that was pinned.")
        return found

    async def _write(self, closure: Closure, final: Path, compilation: JobSpec) -> None:
        contents = await self._contents(closure)
        files = {place_of(module): contents[bytes.fromhex(module.document)] for module in closure.modules}
        language = importing_language(closure.modules[0].language) or ""
        with _disk_errors():
            made = Path(tempfile.mkdtemp(dir=self._runtimes.staging))
            try:
                await asyncio.to_thread(_write_files, made / "tree", files, language)
                if language == "python":
                    await self._add_bytecode(made / "tree", files, compilation)
                await asyncio.to_thread(publish, made / "tree", final, _SIZE_FACTOR * MAX_BYTES)
                await asyncio.to_thread(remove_unused, final.parent)
            finally:
                await asyncio.to_thread(remove, made)

    async def _add_bytecode(self, tree: Path, files: dict[str, bytes], compilation: JobSpec) -> None:
        """Add the bytecode of all files, so that no job compiles them again. Raises SandboxLost, OSError.

        As parsing a hostile script may crash or subvert the compiler, it runs in a cell as a user of its own, and
        only its bytecode of these files is used. Other versions of Python ignore it. Missing bytecode, also because of
        a syntax error, makes runs slower, not wrong.
        """
        texts = {name: body.decode("utf-8", "replace") for name, body in files.items()}
        output = self._runtimes.make_output(compilation.slot)
        folder = self._runtimes.staging / output
        try:
            order = replace(compilation, args=msgspec.json.encode(texts), output=output)
            outcome = await self._runtimes.run(order, _Discarded(), asyncio.Event())
            if outcome.lost:
                raise SandboxLost
            if outcome.error is not None:
                _log.warning("imported scripts not compiled", reason=outcome.error.name, workspace=order.workspace)
            await asyncio.to_thread(_take_bytecode, folder, tree, list(files))
        finally:
            await asyncio.to_thread(remove, folder)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Convert errors of the disk into ImportsUnavailable. The worker takes other OSErrors for those of the database."""
    try:
        yield
    except OSError as error:
        raise ImportsUnavailable(f"The imported scripts cannot be written: {error.strerror}.") from error


class _Discarded:
    """Log of the compiler, which is discarded."""

    async def write(self, text: str) -> None:
        """Discard text of the log."""

    async def stream(self, text: str) -> None:
        """Discard text of the stream."""

    async def arguments(self, text: str) -> None:
        """Discard computed arguments."""


def _compilation(workspace: str, job: JobId, user: int) -> JobSpec:
    """Return the specification for the compiler, without the scripts and with nothing else of the job."""
    return JobSpec(
        job_id=job.id,
        attempt=job.attempt,
        workspace=workspace,
        language=COMPILER,
        content="",
        args=b"{}",
        env={},
        timeout_s=_COMPILE_S,
        limits=_LIMITS,
        slot=user,
    )


def _write_files(tree: Path, files: dict[str, bytes], language: str) -> None:
    tree.mkdir()
    for name, body in files.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    _ADDITIONS[language](tree)


def _take_bytecode(output: Path, tree: Path, names: Sequence[str]) -> None:
    """Copy the bytecode of the files `names` from the compiler's output to `tree`. Raises OSError."""
    try:
        seal(output, _LIMITS.disk_bytes)
    except UnsafeTree as error:
        _log.warning("bytecode of imported scripts refused", reason=str(error))
        return
    for name in names:
        compiled = importlib.util.cache_from_source(name)
        if (output / "tree" / compiled).is_file():
            (tree / compiled).parent.mkdir(exist_ok=True)
            shutil.copyfile(output / "tree" / compiled, tree / compiled)


def _add_packages(tree: Path) -> None:
    """Make `f` and `u` packages of the tree, so that no installed package of that name precedes them."""
    for name in ("f", "u"):
        if (tree / name).is_dir():
            (tree / name / "__init__.py").touch()


def _add_settings(tree: Path) -> None:
    """Add the resolution of `/f/…` and `/u/…` for files of the tree."""
    (tree / "tsconfig.json").write_text(msgspec.json.encode({"compilerOptions": settings_of(".")}).decode())


def settings_of(root: str) -> dict[str, object]:
    """Return the compiler options by which `/f/…` and `/u/…` name files below `root`."""
    return {"paths": {f"/{name}/*": [f"{root}/{name}/*"] for name in ("f", "u")}}


_ADDITIONS: Final[dict[str, Callable[[Path], None]]] = {"python": _add_packages, "typescript": _add_settings}


def _checked(body: bytes | None, key: bytes) -> Closure:
    """Parse a manifest. Raises ImportsUnavailable if it is not the pinned one, or if a path leaves the folder."""
    if body is None or hashlib.sha256(body).digest() != key:
        raise ImportsUnavailable("The list of imported scripts is missing, or is not the one that was pinned.")
    try:
        closure = parse_manifest(body)
        for module in closure.modules:
            bytes.fromhex(module.document)
    except (msgspec.DecodeError, ValueError) as error:
        raise ImportsUnavailable("The list of imported scripts cannot be read.") from error
    groups = {importing_language(module.language) for module in closure.modules}
    if not 0 < len(closure.modules) <= MAX_SCRIPTS or len(groups) != 1 or None in groups:
        raise ImportsUnavailable("The list of imported scripts is invalid.")
    paths = [module.path for module in closure.modules]
    if not all(map(is_path, [*paths, *([closure.path] if closure.path else [])])):
        raise ImportsUnavailable("The list of imported scripts contains an invalid path.")
    return closure
