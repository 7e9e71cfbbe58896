"""Folders with the scripts that jobs import: written once per workspace and closure, read-only to jobs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import subprocess
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from orvanta_platform.control.names import is_path
from orvanta_platform.db import imports as rows
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs.imports import MAX_BYTES, MAX_SCRIPTS
from orvanta_platform.worker.packages.outputs import publish, remove
from orvanta_platform.worker.runtimes.builds import mark_used, remove_unused
from orvanta_platform.workflow.script_imports import Closure, importing_language, parse_manifest, place_of

_FOLDER: Final = "imports"
_REMEMBERED: Final = 500
_SIZE_FACTOR: Final = 6
"""Maximum size of a folder in relation to its scripts, because of their bytecode."""


class ImportsUnavailable(OrvantaError):
    """The scripts that a script imports cannot be read, or are not those that were pinned."""

    code = "imports_unavailable"
    status = 500


@dataclass(frozen=True, slots=True)
class ImportFolder:
    """The files of a closure."""

    folder: str
    """Folder below `Runtimes.packages`."""
    path: str
    """Path of the importing script; empty if it has none."""


class Imports:
    """Closures of one worker's jobs, below `packages`; owned by its event loop."""

    def __init__(self, platform: Platform, packages: Path, staging: Path) -> None:
        self._platform = platform
        self._packages = packages
        self._staging = staging
        self._closures: OrderedDict[str, tuple[Closure, str]] = OrderedDict()
        """Closures and the names of their folders, by hash."""
        self._writing = asyncio.Lock()

    async def provide(self, workspace: str, digest: str) -> ImportFolder:
        """Return the folder with the closure of this hash (hex), writing it if needed. Raises ImportsUnavailable."""
        closure, name = await self._closure(digest)
        folder = f"{workspace}/{_FOLDER}/{name}"
        if not mark_used(self._packages / folder):
            async with self._writing:
                if not (self._packages / folder).is_dir():
                    await self._write(closure, self._packages / folder)
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

    async def _write(self, closure: Closure, final: Path) -> None:
        contents = await self._contents(closure)
        made = Path(tempfile.mkdtemp(dir=self._staging))

        def write() -> None:
            tree = made / "tree"
            tree.mkdir()
            for module in closure.modules:
                file = tree / place_of(module)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(contents[bytes.fromhex(module.document)])
            _ADDITIONS[importing_language(closure.modules[0].language) or ""](tree)
            publish(tree, final, _SIZE_FACTOR * MAX_BYTES)
            remove_unused(final.parent)

        try:
            await asyncio.to_thread(write)
        except OSError as error:
            raise ImportsUnavailable(f"The imported scripts cannot be written: {error.strerror}.") from error
        finally:
            await asyncio.to_thread(remove, made)


_COMPILE: Final = """
import compileall, py_compile, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
compileall.compile_dir(sys.argv[1], maxlevels=100, quiet=2, invalidation_mode=unchecked)
"""
_COMPILE_S: Final = 60.0


def _add_python(tree: Path) -> None:
    """Add packages and bytecode, so that no job compiles the scripts again.

    A process of its own compiles them, without the worker's environment: it may crash on a hostile script, whose
    bytecode is then missing, as is that of scripts with a syntax error. Interpreters of other versions ignore it.
    """
    _add_packages(tree)
    command = [sys.executable, "-I", "-S", "-c", _COMPILE, str(tree)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, env={}, capture_output=True, check=False, timeout=_COMPILE_S)


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


_ADDITIONS: Final[dict[str, Callable[[Path], None]]] = {"python": _add_python, "typescript": _add_settings}


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
