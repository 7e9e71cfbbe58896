"""Workflows in folders: `<path>.flow` or `<path>__flow` with flow.yaml and its code in files, or a single document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedBase, CommentedMap

from orvanta_platform.cli.client.item_paths import is_within, items_under, path_of
from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import document, inline
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.document import Format
from orvanta_platform.workflow.text import open_yaml
from orvanta_platform.workflow.tree.paths import ALONE, DOCUMENTS, FLOW_FOLDERS, FORMATS
from orvanta_platform.workflow.validate import validate

TESTS = "tests"
"""Folder of the tests in the folder of a workflow."""

_LINE = re.compile(r" at line (\d+), column (\d+)")


@dataclass(frozen=True)
class FlowFile:
    """Workflow read from files."""

    file: Path
    """The document."""
    format: Format
    written: str
    """Text of the document as stored in the file."""
    text: str
    """Text of the document with the inlined code."""
    tree: dict[str, Any]
    """Parsed `text`."""
    inlined: dict[str, str] = field(default_factory=dict)
    """JSON pointer → name of the file that was inlined there."""

    @property
    def path(self) -> str | None:
        """Path derived from the location in the folders, or None."""
        return path_of(*_named(self.file))

    @property
    def source(self) -> Path:
        """Folder of the workflow, or its document if it has none."""
        return _named(self.file)[0]

    def diagnostics(self) -> list[Diagnostic]:
        """Return all diagnostics that need no server, errors first."""
        return validate(self.tree)

    def location(self, pointer: str) -> str:
        """Return the location of a JSON pointer of the document: the file, with line and column if known."""
        if pointer in self.inlined:
            return str(self.file.parent / self.inlined[pointer])
        found = position_in(self._opened, pointer)
        return f"{self.file}:{found[0]}:{found[1]}" if found else str(self.file)

    @cached_property
    def _opened(self) -> CommentedMap | None:
        return open_yaml(self.written) if self.format == "yaml" else None


def position_in(opened: CommentedMap | None, pointer: str) -> tuple[int, int] | None:
    """Return line and column of a JSON pointer of a document, or of the nearest part above it; None if unknown."""
    node: Any = opened
    found: tuple[int, int] | None = None
    for part in pointer.split("/")[1:]:
        key: Any = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, CommentedBase):
            break
        try:
            key = key if isinstance(node, CommentedMap) else int(key)
            line, column = node.lc.data[key][:2]
            node = node[key]  # type: ignore[index]
        except (KeyError, ValueError, IndexError, TypeError):
            break
        found = line + 1, column + 1
    return found


def count_tests(source: Path) -> int:
    """Return the number of tests in the folder of a workflow."""
    folder = source / TESTS
    return sum(each.suffix in FORMATS for each in folder.glob("*")) if folder.is_dir() else 0


def read(source_path: Path) -> FlowFile:
    """Return the workflow of a folder `NAME.flow` or `NAME__flow`, or of a document.

    Raises BadRequest, InvalidWorkflow (see `error_locations`).
    """
    file = _document_in(source_path) if source_path.is_dir() else source_path
    try:
        source = file.read_bytes()
    except OSError as error:
        raise BadRequest(f"The workflow {file} cannot be read: {error.strerror}.") from None
    format: Format = "json" if file.suffix == ".json" else "yaml"
    tree = document.parse(source, format, limit_yaml=True).tree
    written = source.decode("utf-8-sig")
    inlined = inline.references(tree)
    if not inlined:
        return FlowFile(file, format, written, written, tree)
    files = _files(file, inlined.values())
    whole = inline.resolve(tree, files)
    text = inline.resolve_yaml(written, files) if format == "yaml" else written
    return FlowFile(file, format, written, text, whole, inlined)


def find(folder: Path) -> list[Path]:
    """Return every workflow under a folder, sorted by name. Apps and hidden folders are excluded."""
    return [each for each in items_under(folder) if _is_flow(each)]


def path_in_folders(entry: Path) -> str | None:
    """Return the path derived from the location of a folder or document in the folders, or None."""
    return path_of(entry, FLOW_FOLDERS if entry.is_dir() else ALONE)


def is_workflow(entry: Path) -> bool:
    """Return whether `entry` is a workflow itself and not a folder that contains workflows. Any file counts."""
    return entry.is_file() or any((entry / name).is_file() for name in DOCUMENTS) or entry.name.endswith(FLOW_FOLDERS)


def error_locations(source_path: Path, error: InvalidWorkflow) -> list[tuple[str, Diagnostic]]:
    """Return location and diagnostic of each error of an unreadable workflow."""
    file = _document_in(source_path) if source_path.is_dir() else source_path
    shown = []
    for each in error.details or []:
        line = _LINE.search(each["message"])
        shown.append((f"{file}:{line[1]}:{line[2]}" if line else str(file), Diagnostic(**each)))
    return shown


def _is_flow(entry: Path) -> bool:
    if entry.is_dir():
        return entry.name.endswith(FLOW_FOLDERS) and any((entry / name).is_file() for name in DOCUMENTS)
    return entry.name.endswith(ALONE) and entry.name not in ALONE


def _document_in(folder: Path) -> Path:
    found = next((folder / name for name in DOCUMENTS if (folder / name).is_file()), None)
    if found is None or not is_within(found, folder):
        raise BadRequest(f"The folder {folder} contains no flow.yaml.", hint="Name a folder <path>.flow or a document.")
    return found


def _file_in(folder: Path, name: str) -> Path:
    """Return the file of a reference, which is written without the white space around the name."""
    file = folder / name
    return file if file.exists() else next((each for each in folder.iterdir() if each.name.strip() == name), file)


def _named(file: Path) -> tuple[Path, Sequence[str]]:
    """Return the folder or file that a workflow is named after, and the endings of such names."""
    if file.name in DOCUMENTS and file.parent.name.endswith(FLOW_FOLDERS):
        return file.parent, FLOW_FOLDERS
    return file, (*ALONE, ".yaml", ".yml", ".json")


def _folders_to_include(file: Path) -> list[Path]:
    """Return the folders whose files a workflow may include: its own, and f and u of its tree."""
    named, endings = _named(file)
    path = path_of(named, endings)
    base = None if path is None else named.absolute().parents[path.count("/")]
    return [file.parent.resolve(), *(() if base is None else (base.resolve() / each for each in ("f", "u")))]


def _files(document_file: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the texts of the readable files that a workflow may include, by their names in it."""
    folder = document_file.parent
    allowed = _folders_to_include(document_file)
    files = {}
    for name in names:
        file = _file_in(folder, name).resolve()
        if not any(map(file.is_relative_to, allowed)) or not file.is_file():
            continue
        try:
            files[name] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise BadRequest(f"The file {folder / name} is not UTF-8: byte {error.start}.") from None
        except OSError as error:
            raise BadRequest(f"The file {folder / name} cannot be read: {error.strerror}.") from None
    return files
