"""Files that `orvanta dev` watches, and the calls that run them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from orvanta_platform.cli.client import flow_files, script_files
from orvanta_platform.cli.client.deploy import print_located
from orvanta_platform.cli.client.item_check import workflow_faults
from orvanta_platform.cli.client.item_paths import FileState, file_states, is_within, items_under
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.workflow import inline
from orvanta_platform.workflow.diagnostics import errors
from orvanta_platform.workflow.signature.fault import syntax_fault
from orvanta_platform.workflow.tree.extensions import ending_of
from orvanta_platform.workflow.tree.paths import DOCUMENTS, SCRIPT_LOCK, SCRIPT_SETTINGS

Files: TypeAlias = dict[Path, tuple[FileState, ...]]
"""Workflow or script → state of each of its files."""


class WatchedFiles:
    """Workflows and scripts whose state is read several times a second.

    The state of the files of a folder costs much less than the search for its items, which follows a change only.
    """

    def __init__(self, source: Path, *, is_folder: bool) -> None:
        """`is_folder`: `source` contains workflows and scripts; otherwise it is one."""
        self._source = source
        self._is_folder = is_folder
        self._tree: list[FileState] | None = None
        self._items: Files = {}
        self._own: tuple[FileState, ...] | None = None
        """States of the files of the single workflow when the scripts that it runs were read."""
        self._scripts: list[Path] = []

    def states(self, input_file: str | None) -> Files:
        """Return the state of all workflows and scripts, and of the file of inputs."""
        if not self._is_folder:
            self._items = {self._source: self._states_of_source()}
        elif (tree := file_states(self._source)) != self._tree:
            # A change after the tree was read differs from it the next time.
            self._items, self._tree = {item: _states(_files_of(item)) for item in search_items(self._source)}, tree
        return self._items if input_file is None else {**self._items, Path(input_file): _states([Path(input_file)])}

    def _states_of_source(self) -> tuple[FileState, ...]:
        """Return the states of the files of the single item, and of the scripts that it runs as they are in files."""
        own = _states(_files_of(self._source))
        if own != self._own:
            self._own, self._scripts = own, used_scripts(self._source)
        return (*own, *_states([file for script in self._scripts for file in _files_of(script)]))


def used_scripts(source: Path) -> list[Path]:
    """Return the scripts in files that a workflow runs; none for a script, and for one that cannot be read."""
    if not source.is_dir() and ending_of(source.name) is not None:
        return []
    try:
        flow = flow_files.read(source)
    except OrvantaError:
        return []
    return sorted({file for _, file in _local_scripts(flow.tree.get("value"), flow)})


def search_items(folder: Path) -> list[Path]:
    """Return all workflows and scripts under a folder."""
    return [*flow_files.find(folder), *script_files.find(folder)]


def _files_of(item: Path) -> Sequence[Path]:
    if item.is_dir():
        return [file for file in items_under(item) if file.relative_to(item).parts[0] != "tests"]
    stem = item.name.removesuffix(ending_of(item.name) or item.suffix)
    return [item, *(item.with_name(stem + each) for each in (*SCRIPT_SETTINGS, SCRIPT_LOCK))]


def _states(files: Sequence[Path]) -> tuple[FileState, ...]:
    return tuple(_present(files))


def _present(files: Sequence[Path]) -> Iterator[FileState]:
    for file in files:
        try:
            state = file.stat()
        except OSError:
            continue
        if not file.is_dir():
            yield str(file), state.st_mtime_ns, state.st_size


def flow_call(source: Path, args: bytes) -> tuple[str, bytes]:
    """Return the call that runs a workflow as it is in its files, and its body.

    Prints its diagnostics. Raises BadRequest if it has errors, InvalidWorkflow.
    """
    flow = flow_files.read(source)
    found = [(flow.location(each.path), each) for each in flow.diagnostics()] + workflow_faults(flow, "error")
    print_located(found)
    if errors([each for _, each in found]):
        raise BadRequest(f"{source} has errors; it is not run.")
    value = inline.deep_copy(flow.tree["value"])
    _use_local_scripts(value, flow)
    return "preview_flow", msgspec.json.encode({"value": value, "path": flow.path, "args": msgspec.Raw(args)})


def script_call(file: Path, args: bytes) -> tuple[str, bytes]:
    """Return the call that runs a script as it is in its files, and its body. Raises BadRequest."""
    script = script_files.read(file)
    fault = syntax_fault(script.language, script.content)
    if fault is not None:
        raise BadRequest(f"{file}:{fault.line}:{fault.column}: error invalid_script: {fault.message}")
    body = {
        "content": script.content,
        "language": script.language,
        "path": script.path,
        "lock": script.lock,
        "tag": (script.settings or {}).get("tag"),
        "args": msgspec.Raw(args),
    }
    return "preview", msgspec.json.encode(body)


def _use_local_scripts(tree: Any, flow: flow_files.FlowFile) -> None:
    """Replace the nodes that run a script of the folder by its code, except those with the hash of a version."""
    for node, file in list(_local_scripts(tree, flow)):
        _use(node, script_files.read(file))


def _local_scripts(tree: Any, flow: flow_files.FlowFile) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield the values of the nodes that run a script of the folder, with its file."""
    if flow.path is None:
        return
    document = flow.file.parent if flow.file.name in DOCUMENTS else flow.file
    base = document.absolute().parents[flow.path.count("/")]
    pending: list[Any] = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
            if value.get("type") == "script" and not value.get("hash") and isinstance(value.get("path"), str):
                file = script_at(base, value["path"])
                if file is not None:
                    yield value, file


def _use(node: dict[str, Any], script: script_files.ScriptFile) -> None:
    tag = node.pop("tag_override", None) or (script.settings or {}).get("tag")
    extra = {"lock": script.lock, "tag": tag}
    node |= {"type": "rawscript", "content": script.content, "language": script.language}
    node |= {name: each for name, each in extra.items() if each}


def script_at(base: Path, path: str) -> Path | None:
    """Return the file of the script at a path below the folder that contains f and u."""
    folder, _, name = path.rpartition("/")
    parent = base / folder
    if not parent.resolve().is_relative_to(base.resolve()) or not parent.is_dir():
        return None
    for file in sorted(parent.iterdir()):
        ending = ending_of(file.name)
        stem = unicodedata.normalize("NFC", file.name.removesuffix(ending or ""))
        if ending is not None and stem == name and file.is_file() and is_within(file, parent):
            return file
    return None
