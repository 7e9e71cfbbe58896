"""Metadata of scripts and workflows in files: what is missing or outdated, and the files that correct it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.comments import CommentedMap

from orvanta_platform.cli.client import flow_files, script_files
from orvanta_platform.errors import BadRequest, InvalidScript, OrvantaError
from orvanta_platform.workflow.requirements import lock_of, placed_rawscripts, requirements_of, usable_lock
from orvanta_platform.workflow.requirements.lock_coverage import covers
from orvanta_platform.workflow.script_imports import may_import
from orvanta_platform.workflow.signature.fault import syntax_fault
from orvanta_platform.workflow.signature.refresh import accepts_any, refresh
from orvanta_platform.workflow.signature.schema import schema_of
from orvanta_platform.workflow.text import open_yaml, save_yaml, with_scalars, write_yaml
from orvanta_platform.workflow.tree.extensions import ending_of
from orvanta_platform.workflow.tree.paths import DOCUMENTS, SCRIPT_LOCK, SCRIPT_SETTINGS
from orvanta_platform.workflow.tree.reading import settings_in
from orvanta_platform.workflow.yaml_text import INLINE


class LockNeed(msgspec.Struct, frozen=True):
    """Code whose lock is missing or outdated."""

    place: str
    """JSON pointer of the node in its workflow; empty for a script."""
    location: str
    """File, and line and column if known, for messages."""
    language: str
    content: str


class ScriptMetadata:
    """Script with its settings file and its lock. Raises BadRequest, InvalidWorkflow."""

    def __init__(self, file: Path) -> None:
        self.script = script_files.read(file)
        self.file = file
        self.path = self.script.path or ""
        self._stem = file.name.removesuffix(ending_of(file.name) or file.suffix)
        settings = (file.with_name(self._stem + suffix) for suffix in SCRIPT_SETTINGS)
        self._settings = next((each for each in settings if each.is_file()), None)

    def faults(self) -> list[tuple[str, OrvantaError]]:
        """Return the locations and reasons why the text cannot be parsed."""
        return _faults(str(self.file), self.script.language, self.script.content)

    def needs(self) -> list[LockNeed]:
        """Return the code to lock, if its lock is missing or outdated. Raises InvalidScript."""
        script = self.script
        if not _needs_lock(script.language, script.content, script.lock):
            return []
        return [LockNeed("", str(self.file), script.language, script.content)]

    def files(self, locks: Mapping[str, str]) -> dict[Path, str]:
        """Return the texts of the files that change. `locks`: the new locks by place."""
        lock = usable_lock(self.script.language, locks.get(""))
        lock_file = self.file.with_name(self._stem + SCRIPT_LOCK)
        changed: dict[Path, str] = {}
        if lock is not None and not _has_text(lock_file, lock):
            changed[_writable(lock_file, self.file.parent)] = lock
        file = self._settings or self.file.with_name(self._stem + SCRIPT_SETTINGS[-1])
        text = self._settings_text(with_lock=lock is not None or lock_file.is_file())
        return changed if _has_text(file, text) else {_writable(file, self.file.parent): text, **changed}

    def _settings_text(self, *, with_lock: bool) -> str:
        inferred = schema_of(self.script.language, self.script.content)
        reference = f"{INLINE}{self.path}{SCRIPT_LOCK}"
        before = None if self._settings is None else self._settings.read_text(encoding="utf-8-sig")
        if before is None or not before.strip():
            made = {"summary": "", "kind": "script"} | ({"schema": inferred} if inferred else {})
            return write_yaml(made | ({"lock": reference} if with_lock else {}))
        assert self._settings is not None
        tree = settings_in(self._settings.name, {self._settings.name: before.encode()})
        after = self._refreshed(tree, inferred, reference if with_lock else None)
        if after == tree:
            return before
        if self._settings.suffix == ".json":
            return msgspec.json.format(msgspec.json.encode(after), indent=2).decode() + "\n"
        opened = open_yaml(before)
        if not opened:
            opened.fa.set_block_style()
        _edit(opened, after)
        return save_yaml(opened, before)

    def _refreshed(self, tree: dict[str, Any], inferred: dict[str, Any] | None, lock: str | None) -> dict[str, Any]:
        after = dict(tree)
        written = tree.get("schema")
        if inferred is not None and (written is None or isinstance(written, dict)):
            keep = accepts_any(self.script.language, self.script.content)
            after["schema"] = refresh(written, inferred, keep_others=keep) if written else inferred
        if lock is not None and not tree.get("lock"):
            after["lock"] = lock
        return after


class FlowMetadata:
    """Workflow with the locks of its inline scripts. Raises BadRequest, InvalidWorkflow."""

    def __init__(self, file: Path) -> None:
        self.flow = flow_files.read(file)
        self.path = self.flow.path or ""
        self._scripts = [
            (place, node, value)
            for node, place, value in placed_rawscripts(self.flow.tree)
            if isinstance(value.get("content"), str) and isinstance(value.get("language"), str)
        ]

    def faults(self) -> list[tuple[str, OrvantaError]]:
        """Return the locations and reasons why code cannot be parsed."""
        found = []
        for place, _, value in self._scripts:
            at = f"{place}/content"
            location = self.flow.location(at)
            for where, error in _faults(location, value["language"], value["content"]):
                found.append((where if at in self.flow.inlined else location, error))
        return found

    def needs(self) -> list[LockNeed]:
        """Return the inline scripts to lock. Locks are written next to `flow.yaml`, not for other documents.

        Raises InvalidScript.
        """
        if self.flow.format != "yaml" or self.flow.file.name not in DOCUMENTS:
            return []
        return [
            LockNeed(place, self.flow.location(f"{place}/content"), value["language"], value["content"])
            for place, _, value in self._scripts
            if _needs_lock(value["language"], value["content"], lock_of(value))
        ]

    def files(self, locks: Mapping[str, str]) -> dict[Path, str]:
        """Return the texts of the files that change. `locks`: the new locks by place."""
        opened = open_yaml(self.flow.written) if locks else CommentedMap()
        changed: dict[Path, str] = {}
        edited = False
        for place, node, value in self._scripts:
            lock = usable_lock(value["language"], locks.get(place))
            if lock is None or lock == value.get("lock"):
                continue
            name = self.flow.inlined.get(f"{place}/lock")
            if name is None:
                name = self._free_name(place, node, changed)
                _refer(opened, place, name)
                edited = True
            changed[_writable(self.flow.file.parent / name, self.flow.file.parent)] = lock
        return {self.flow.file: save_yaml(opened, self.flow.written), **changed} if edited else changed

    def _free_name(self, place: str, node: str, taken: Mapping[Path, str]) -> str:
        """Return the name of the lock of a node: that of its code, or of the node."""
        own = self.flow.inlined.get(f"{place}/content")
        ending = None if own is None or own.startswith("../") else ending_of(own)
        used = {*taken, *(self.flow.file.parent / each for each in self.flow.inlined.values())}
        stem = own.removesuffix(ending) if own is not None and ending is not None else f"{node}.inline_script"
        names = (f"{each}.lock" for each in (stem, f"{node}.inline_script", f"{node}_lock.inline_script"))
        return next(name for name in names if self.flow.file.parent / name not in used)


def _needs_lock(language: str, content: str, lock: str | None) -> bool:
    needed = requirements_of(language, content)
    if may_import(language, content):
        return True  # The server knows the packages of the scripts that it imports.
    return needed is not None and not covers(language, lock, needed)


def _faults(location: str, language: str, content: str) -> list[tuple[str, OrvantaError]]:
    fault = syntax_fault(language, content)
    if fault is None:
        return []
    return [(f"{location}:{fault.line}:{fault.column}", InvalidScript(f"It cannot be parsed: {fault.message}."))]


def _refer(opened: Any, place: str, name: str) -> None:
    """Set the lock of the script at a JSON pointer of an opened document to a file, after its content."""
    node = opened
    for part in place.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        node = node[key if isinstance(node, CommentedMap) else int(key)]
    node.pop("lock", None)
    node.insert(list(node).index("content") + 1, "lock", f"{INLINE}{name}")


def _edit(opened: Any, after: Mapping[str, Any]) -> None:
    """Change an opened object to `after`, and keep the comments of unchanged members."""
    for name in [name for name in opened if name not in after]:
        del opened[name]
    for name, value in after.items():
        present = opened.get(name)
        if isinstance(present, CommentedMap) and present and isinstance(value, dict):
            _edit(present, value)
        elif name not in opened or present != value:
            opened[with_scalars({name: None}).popitem()[0]] = with_scalars(value)


def _has_text(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8-sig", errors="replace") == text


def _writable(file: Path, folder: Path) -> Path:
    """Return a file of a folder. Raises BadRequest for a name or a link that leads out of it."""
    if not file.resolve().is_relative_to(folder.resolve()):
        raise BadRequest(f"{file} is not written: it leads out of the folder.")
    return file
