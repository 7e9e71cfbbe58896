"""Scripts in separate files: the folder form of a workflow, as mappings of file names to texts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import Diagnostic, invalid, pointer
from orvanta_platform.workflow.languages import EXTENSIONS
from orvanta_platform.workflow.text import is_large_json, open_yaml, save_yaml, scalar, write_json
from orvanta_platform.workflow.yaml_text import INLINE

_FIELDS: Final = ("content", "lock")


class FileNames(msgspec.Struct, frozen=True):
    """Names of files that another version of a document refers to."""

    by_field: Mapping[tuple[str, str, str], str] = {}
    """Node id, language and field → name."""
    elsewhere: Mapping[str, str] = {}
    """Name → text of the files that are not the workflow's own. They are referred to, and never written."""


def resolve(tree: dict[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return the tree with every `!inline <name>` replaced by the text of that file.

    References to missing locks remain. Raises InvalidWorkflow (inline_file_missing) with each other file that `files`
    lacks.
    """
    copy: dict[str, Any] = deep_copy(tree)
    missing: list[Diagnostic] = []
    for path, node_id, value in _scripts(copy):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is None:
                continue
            if name in files:
                value[field] = files[name]
            elif field == "content":
                message = f"node {node_id or '?'} reads its {field} from the file {name}, which is missing"
                message += "; only files below f and u are read" * name.startswith("../")
                missing.append(Diagnostic("inline_file_missing", "error", node_id, pointer(path, field), message))
    if missing:
        raise invalid(missing)
    return copy


def resolve_yaml(source: str, files: Mapping[str, str], *, is_checked: bool = False) -> str:
    """Replace references in YAML text, preserving comments and order; names missing in `files` stay references.

    JSON that exceeds the limits of YAML is written as JSON again if it has such references. `is_checked`:
    `document.parse` has accepted the text. Raises InvalidWorkflow as `document.parse`.
    """
    if is_large_json(source):
        plain = document.parse(source.encode(), "yaml").tree
        is_changed = _replace_references(plain, files)
        return write_json(plain) if is_changed else source
    # JSON was not read as YAML.
    tree = open_yaml(source, is_checked=is_checked and source.lstrip()[:1] != "{")
    _replace_references(tree, {name: scalar(text) for name, text in files.items()})
    return save_yaml(tree, source)


def _replace_references(tree: dict[str, Any], files: Mapping[str, str]) -> bool:
    """Replace references to files; return whether there were any."""
    is_changed = False
    for _, _, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None and name in files:
                _set(value, field, files[name])
                is_changed = True
    return is_changed


def references(tree: dict[str, Any]) -> dict[str, str]:
    """Return JSON pointer → file name for every reference of a plain tree."""
    found = {}
    for path, _, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None:
                found[pointer(path, field)] = name
    return found


def names_in(tree: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    """Return (node id, language, field) → file name for the references of a plain tree."""
    found = {}
    for _, node_id, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None and node_id is not None:
                found[node_id, str(value.get("language")), field] = name
    return found


def extract(tree: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the tree with the code of its scripts moved out, and file name → text.

    A file is named `<node id>.inline_script.<extension>`, with a number appended to the stem on a conflict. Existing
    references stay.
    """
    copy: dict[str, Any] = deep_copy(tree)
    return copy, _extract(copy, FileNames())


def extract_yaml(source: str, known: FileNames | None = None) -> tuple[str, dict[str, str]]:
    """Move the code of YAML text to files as `extract` does, preserving comments and order.

    The code and the locks of nodes with known names are moved to these. Files elsewhere are among those returned. JSON
    that exceeds the limits of YAML remains whole. Raises InvalidWorkflow as `document.parse`.
    """
    if is_large_json(source):
        return source, {}
    tree = open_yaml(source)
    files = _extract(tree, known or FileNames())
    return (save_yaml(tree, source), files) if files else (source, {})


def _extract(tree: dict[str, Any], known: FileNames) -> dict[str, str]:
    files: dict[str, str] = {}
    reserved = set(known.by_field.values())
    for _, node_id, value in _scripts(tree):
        language = str(value.get("language"))
        for field in _FIELDS:
            text = value.get(field)
            if not isinstance(text, str) or text.startswith(INLINE):
                continue
            name = known.by_field.get((node_id or "", language, field))
            if name is None or not text == files.get(name, text) == known.elsewhere.get(name, text):
                if field != "content":
                    continue
                name = _free_name(_safe(node_id or "script"), EXTENSIONS.get(language, "txt"), reserved | files.keys())
            files[name] = str(text)
            _set(value, field, INLINE + name)
    return files


def _set(value: dict[str, Any], field: str, text: str) -> None:
    """Set a text, in an opened YAML document without the quotes or block of the text before it."""
    value[field] = None
    value[field] = text


def _reference(value: Any) -> str | None:
    """Return the file name referenced by a text, or by a tagged scalar of an opened YAML document."""
    from ruamel.yaml.comments import TaggedScalar

    if isinstance(value, TaggedScalar):
        return str(value.value).strip() if value.tag.value == INLINE.strip() else None
    if isinstance(value, str) and value.startswith(INLINE):
        return value.removeprefix(INLINE).strip()
    return None


def _free_name(stem: str, extension: str, files: Collection[str]) -> str:
    name = f"{stem}.inline_script.{extension}"
    number = 2
    while name in files:
        name = f"{stem}_{number}.inline_script.{extension}"
        number += 1
    return name


def _safe(stem: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in stem)


def _scripts(tree: Any) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield (path, node id, value) of each rawscript, including tools of agents, in document order."""
    pending: list[tuple[str, str | None, Any]] = [("", None, tree)]
    while pending:
        path, node_id, value = pending.pop()
        if isinstance(value, list):
            pending += reversed([(pointer(path, place), None, item) for place, item in enumerate(value)])
        elif isinstance(value, dict):
            if value.get("type") == "rawscript" and path.endswith("/value"):
                yield path, node_id, value
                continue
            owner_id = value.get("id")
            owner_id = owner_id if isinstance(owner_id, str) else None
            pending += reversed([(pointer(path, name), owner_id, member) for name, member in value.items()])


def deep_copy(value: Any) -> Any:
    """Return a deep copy of a plain tree."""
    match value:
        case dict():
            return {name: deep_copy(member) for name, member in value.items()}
        case list():
            return [deep_copy(item) for item in value]
        case _:
            return value
