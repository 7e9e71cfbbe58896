"""Resolution of the scripts that a script imports, directly and through others, to one version each.

The closure is resolved once: when a version is deployed, or when a preview starts. Its manifest is stored as a document
whose hash is part of the version and of the pins of its runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can
from orvanta_platform.db import imports as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import InvalidScript
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access import acceptance
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.diagnostics import Diagnostic, invalid
from orvanta_platform.workflow.requirements import placed_rawscripts
from orvanta_platform.workflow.script_imports import (
    Closure,
    Import,
    Module,
    can_import,
    find_cycle,
    importing_language,
    inline_path,
    may_import,
)

MAX_SCRIPTS: Final = 1_000
"""Maximum number of scripts that a script imports, directly and through others."""

MAX_BYTES: Final = 10 << 20
"""Maximum size of their contents together."""

_MAX_FAULTS: Final = 20
_MAX_CANDIDATES: Final = 4 * MAX_SCRIPTS
_UNNAMED: Final = "the script"


class Fault(msgspec.Struct, frozen=True):
    """A reason why the imports of a script cannot be resolved."""

    code: str
    message: str
    file: str
    """Path of the script that contains the import; empty for a script without a path."""
    line: int
    column: int

    def as_dict(self) -> dict[str, Any]:
        """Return the wire format of a script's diagnostic."""
        position = {"file": self.file, "line": self.line, "column": self.column}
        return {"code": self.code, "severity": "error", "path": "/content", "message": self.message, **position}


class View(msgspec.Struct, frozen=True):
    """The versions that imports resolve to."""

    accepted_for: str | None = None
    """Member for whom they must be accepted; None: the newest versions."""
    drafts: bool = False
    """The actor's drafts replace deployed versions."""


async def preview_view(conn: Connection, actor: Actor) -> View:
    """Return the versions that imports of a preview resolve to: the actor's drafts, or the newest versions.

    A program without all rights of its owner uses accepted versions and no drafts.
    """
    accepted_for = await acceptance.view_of(conn, actor)
    return View(accepted_for, drafts=accepted_for is None)


class Imported(msgspec.Struct, frozen=True):
    """The scripts that a script imports."""

    closure: Closure
    scripts: tuple[Script, ...]
    """Contents of the closure's modules, in their order."""
    direct: tuple[tuple[str, str], ...]
    """(path, version hash) of the scripts that it imports itself; the hash of a draft is empty."""

    @property
    def digest(self) -> str:
        """Return the hash (hex) of the closure."""
        return hashlib.sha256(self.closure.manifest()).hexdigest()

    @property
    def documents(self) -> list[bytes]:
        """Return the documents that a run of the closure reads."""
        return [self.closure.manifest(), *(each.content.encode("utf-8", "replace") for each in self.scripts)]


class Resolution(msgspec.Struct, frozen=True):
    """The imported scripts (None: there are none), or the reasons why they cannot be resolved."""

    imported: Imported | None
    faults: tuple[Fault, ...] = ()


async def resolve(
    platform: Platform, actor: Actor, workspace: str, script: Script, view: View | None = None
) -> Imported | None:
    """Return the scripts that a script imports, with the actor's rights to read; None if it imports none.

    Their documents are stored. Raises InvalidScript with diagnostics, which are the same for a missing script as for
    one that the actor may not read; CodeTooComplex, EvaluatorUnavailable.
    """
    found = await examine(platform, actor, workspace, script, view)
    if found.faults:
        first, more = found.faults[0], len(found.faults) - 1
        raise InvalidScript(
            first.message + (f" (and {more} more)" if more else ""),
            hint="Deploy imported scripts before the scripts that import them."
            if first.code == "import_not_found"
            else None,
            details={"diagnostics": [each.as_dict() for each in found.faults]},
        )
    if found.imported is not None:
        async with platform.db.acquire() as conn:
            await store(conn, found.imported)
    return found.imported


async def resolve_inline(
    platform: Platform, actor: Actor, workspace: str, path: str | None, tree: Any, view: View | None = None
) -> dict[str, Imported]:
    """Return the scripts that the inline scripts of the workflow at `path` import, by node; nodes without are left out.

    Raises InvalidWorkflow with diagnostics, and the errors of `resolve`.
    """
    found, faults = await examine_inline(platform, actor, workspace, path, tree, view)
    if faults:
        raise invalid(faults)
    if found:
        async with platform.db.acquire() as conn:
            for imported in found.values():
                await store(conn, imported)
    return found


async def examine_inline(
    platform: Platform, actor: Actor, workspace: str, path: str | None, tree: Any, view: View | None = None
) -> tuple[dict[str, Imported], list[Diagnostic]]:
    """Resolve the imports of the inline scripts of a workflow without storing anything; also returns the faults."""
    inline = await document_threads.run_in_thread(workspace, _importing, tree)
    found: dict[str, Imported] = {}
    faults: list[Diagnostic] = []
    for node, pointer, language, content in inline:
        script = Script(language, content, inline_path(path, node))
        each = await examine(platform, actor, workspace, script, view)
        faults += [Diagnostic(fault.code, "error", node, f"{pointer}/content", fault.message) for fault in each.faults]
        if each.imported is not None:
            found[node] = each.imported
    return found, faults


def _importing(tree: Any) -> list[tuple[str, str, str, str]]:
    """Return (node, JSON pointer, language, content) of the inline scripts that may import scripts."""
    inline = [
        (node, pointer, str(value.get("language")), value["content"])
        for node, pointer, value in placed_rawscripts(tree)
        if isinstance(value.get("content"), str)
    ]
    return [each for each in inline if may_import(each[2], each[3])]


async def store(conn: Connection, imported: Imported) -> None:
    """Store the documents that runs of the closure read."""
    await rows.store_documents(conn, imported.documents)


async def examine(
    platform: Platform, actor: Actor, workspace: str, script: Script, view: View | None = None
) -> Resolution:
    """Resolve the imports of a script without storing anything. Raises CodeTooComplex, EvaluatorUnavailable."""
    if not may_import(script.language, script.content):
        return Resolution(None)
    if script.path is not None and not names.is_path(script.path):
        script = replace(script, path=None)  # a preview may have any path
    return await _Search(platform, actor, workspace, script, view or View()).run()


@dataclass(slots=True)
class _Found:
    """A script that an import resolves to."""

    path: str
    hash: str
    language: str
    document: bytes
    size: int
    content: str | None = None

    @property
    def script(self) -> Script:
        """Return the script, whose content must be loaded."""
        return Script(self.language, self.content or "", self.path)


class _LimitExceeded(Exception):
    """Raised if the closure is larger than allowed; the message is a sentence."""


@dataclass(slots=True)
class _Search:
    """Breadth-first search for the scripts of a closure."""

    platform: Platform
    actor: Actor
    workspace: str
    root: Script
    view: View
    known: dict[str, _Found] = field(default_factory=dict)
    """Readable scripts by path."""
    looked_up: set[str] = field(default_factory=set)
    parsed: dict[Script, list[Import]] = field(default_factory=dict)
    included: dict[str, _Found] = field(default_factory=dict)
    graph: dict[str, dict[str, Import]] = field(default_factory=dict)
    """By path of a script (empty for one without a path) the paths that it imports."""
    faults: list[Fault] = field(default_factory=list)
    size: int = 0

    async def run(self) -> Resolution:
        try:
            await self._follow()
        except _LimitExceeded as error:
            return Resolution(None, (Fault("import_limit", str(error), self.root.path or "", 1, 1),))
        self._refuse_cycle()
        self._refuse_hidden_modules()
        if self.faults:
            return Resolution(None, tuple(self.faults[:_MAX_FAULTS]))
        return Resolution(self._imported())

    async def _follow(self) -> None:
        pending = [self.root]
        while pending and len(self.faults) < _MAX_FAULTS:
            imports = await self._imports_of(pending)
            await self._look_up_imports(imports)
            if pending[0] is self.root:
                await self._prefetch()
            added: list[_Found] = []
            for script, found in zip(pending, imports, strict=True):
                for each in found:
                    self._add(script, each, added)
            if len(self.included) > MAX_SCRIPTS:
                raise _LimitExceeded(
                    f"{self.root.path or _UNNAMED} imports more than {MAX_SCRIPTS} scripts, counting those that they "
                    "import."
                )
            self.size += sum(each.size for each in added)
            if self.size > MAX_BYTES:
                raise _LimitExceeded(
                    f"The scripts that {self.root.path or _UNNAMED} imports have more than {MAX_BYTES >> 20} MiB "
                    "together."
                )
            await self._load(added)
            pending = [each.script for each in added]

    async def _imports_of(self, scripts: Sequence[Script]) -> list[list[Import]]:
        missing = [each for each in scripts if each not in self.parsed]
        if missing:
            found = await self.platform.evaluator.scripts.imports(self.workspace, missing)
            self.parsed |= zip(missing, found, strict=True)
        return [self.parsed[each] for each in scripts]

    async def _prefetch(self) -> None:
        """Load and parse what the deployed versions of the scripts found so far import.

        A long chain of imports then takes a few queries instead of a few per script.
        """
        if not self.known:
            return
        async with self.platform.db.acquire() as conn:
            paths = await rows.list_reachable(conn, self.workspace, sorted(self.known), MAX_SCRIPTS)
        await self._look_up(set(paths))
        if sum(each.size for each in self.known.values()) <= MAX_BYTES:
            found = [*self.known.values()]
            await self._load(found)
            imports = await self._imports_of([each.script for each in found])
            # An import may also mean a script of another name: `from f.a import b` is f/a/b if there is one.
            with suppress(_LimitExceeded):
                await self._look_up_imports(imports)

    async def _look_up_imports(self, imports: Sequence[Sequence[Import]]) -> None:
        """Find the scripts that imports may mean: the first candidates, and others if there is no such script.

        Most names in `from f.a.b import c` are members of a script.
        """
        named = [reference.candidates for each in imports for reference in each if reference.candidates]
        await self._look_up({first for first, *_ in named})
        missing = [others for first, *others in named if first not in self.known and first != self.root.path]
        await self._look_up({path for others in missing for path in others})

    async def _look_up(self, paths: set[str]) -> None:
        """Find the scripts at these paths that are not known yet and that the actor may read."""
        ordered = sorted(paths - self.looked_up - {self.root.path or ""})
        if len(ordered) + len(self.looked_up) > _MAX_CANDIDATES:
            raise _LimitExceeded(f"{self.root.path or _UNNAMED} imports more than {MAX_SCRIPTS} scripts.")
        if not ordered:
            return
        self.looked_up.update(ordered)
        async with self.platform.db.acquire() as conn:
            for row in await rows.find_importable(conn, self.workspace, ordered, self.view.accepted_for):
                if self._may_read(row.path, row.created_by, row.extra_perms):
                    self.known[row.path] = _Found(row.path, row.hash, row.language, row.document, row.size)
            if self.view.drafts:
                for draft in await rows.list_drafts(conn, self.workspace, ordered, self.actor.username):
                    self._use_draft(draft)

    def _use_draft(self, draft: rows.ScriptDraft) -> None:
        body = msgspec.json.decode(draft.body)
        content, language = body.get("content"), body.get("language")
        readable = self._may_read(draft.path, draft.created_by or None, draft.extra_perms)
        if readable and isinstance(content, str) and isinstance(language, str):
            text = content.encode("utf-8", "replace")
            document = hashlib.sha256(text).digest()
            self.known[draft.path] = _Found(draft.path, "", language, document, len(text), text.decode())

    def _may_read(self, path: str, created_by: str | None, extra_perms: dict[str, bool]) -> bool:
        return can(self.actor, "read", Target(self.workspace, "script", path, created_by, extra_perms))

    def _add(self, script: Script, each: Import, added: list[_Found]) -> None:
        """Resolve one import of a script; a script not yet in the closure is appended to `added`."""
        own = self.graph.setdefault(script.path or "", {})
        path = next((path for path in each.candidates if path in self.known or path == self.root.path), None)
        if path is None:
            if not each.optional:
                self._fault("import_not_found", script, each, _missing(script, each))
            return
        own.setdefault(path, each)
        if path == self.root.path:
            return
        found = self.known[path]
        if not can_import(script.language, found.language):
            text = f"imports {path}, which is a script in another language ({found.language})."
            self._fault("import_language", script, each, text)
        elif path not in self.included:
            self.included[path] = found
            added.append(found)

    async def _load(self, added: Sequence[_Found]) -> None:
        """Load the contents of scripts that are not loaded yet."""
        hashes = [each.document for each in added if each.content is None]
        if not hashes:
            return
        async with self.platform.db.acquire() as conn:
            bodies = await rows.list_documents(conn, hashes)
        for each in added:
            if each.content is None:
                each.content = bodies[each.document].decode("utf-8", "replace")

    def _refuse_cycle(self) -> None:
        chain = find_cycle({path: list(imports) for path, imports in self.graph.items()}, self.root.path or "")
        if chain is not None:
            each = self.graph[chain[0]][chain[1]]
            text = f"Scripts import each other in a cycle: {' → '.join(chain)}."
            self.faults.append(Fault("import_cycle", text, chain[0], each.line, each.column))

    def _refuse_hidden_modules(self) -> None:
        """Refuse Python modules that cannot be imported because another one has the name of their folder."""
        if importing_language(self.root.language) != "python":
            return
        for path in self.included:
            parents = path.split("/")[:-1]
            hiding = next(
                (name for end in range(3, len(parents) + 1) if (name := "/".join(parents[:end])) in self.included), None
            )
            if hiding is not None:
                text = f"{path} cannot be imported together with {hiding}, which has the name of its folder."
                self.faults.append(Fault("import_path_conflict", text, self.root.path or "", 1, 1))

    def _fault(self, code: str, script: Script, each: Import, text: str) -> None:
        if len(self.faults) >= _MAX_FAULTS:  # a script may contain 100,000 imports, of which each is compared with all
            return
        message = f"Line {each.line} of {script.path or _UNNAMED} {text}"
        fault = Fault(code, message, script.path or "", each.line, each.column)
        if fault not in self.faults:
            self.faults.append(fault)

    def _imported(self) -> Imported | None:
        if not self.included:
            return None
        ordered = [self.included[path] for path in sorted(self.included)]
        modules = tuple(Module(each.path, each.language, each.document.hex()) for each in ordered)
        direct = self.graph.get(self.root.path or "", {})
        return Imported(
            Closure(self.root.path or "", modules),
            tuple(each.script for each in ordered),
            tuple((path, self.included[path].hash) for path in sorted(direct)),
        )


def _missing(script: Script, each: Import) -> str:
    if each.candidates:
        return f"imports {each.candidates[0]}, which does not exist or may not be read."
    if script.path is None and each.name.startswith("."):
        return f"imports {each.name[:200]}, but a script without a path has no neighbours."
    return f"imports {each.name[:200]}, which names no script of the workspace."
