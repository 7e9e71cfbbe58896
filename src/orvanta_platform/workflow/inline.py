"""Scripts in separate files: the folder form of a workflow, as mappings of file names to texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic, invalid, pointer
from orvanta_platform.workflow.languages import EXTENSIONS
from orvanta_platform.workflow.text import open_yaml, save_yaml, scalar
from orvanta_platform.workflow.yaml_text import INLINE

_FIELDS: Final = ("content", "lock")


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


def resolve_yaml(source: str, files: Mapping[str, str]) -> str:
    """Replace references in YAML text, preserving comments and order; names missing in `files` stay references.

    Raises InvalidWorkflow as `document.parse`.
    """
    tree = open_yaml(source)
    for _, _, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None and name in files:
                _set(value, field, scalar(files[name]))
    return save_yaml(tree, source)


def references(tree: dict[str, Any]) -> dict[str, str]:
    """Return JSON pointer → file name for every reference of a plain tree."""
    found = {}
    for path, _, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None:
                found[pointer(path, field)] = name
    return found


def extract(tree: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the tree with the code of its scripts moved out, and file name → text.

    A file is named `<node id>.inline_script.<extension>`, with a number appended to the stem on a conflict. Existing
    references stay.
    """
    copy: dict[str, Any] = deep_copy(tree)
    return copy, _extract(copy)


def extract_yaml(source: str) -> tuple[str, dict[str, str]]:
    """Move the code of YAML text to files as `extract` does, preserving comments and order.

    Raises InvalidWorkflow as `document.parse`.
    """
    tree = open_yaml(source)
    files = _extract(tree)
    return (save_yaml(tree, source), files) if files else (source, {})


def _extract(tree: dict[str, Any]) -> dict[str, str]:
    files: dict[str, str] = {}
    for _, node_id, value in _scripts(tree):
        content = value.get("content")
        if not isinstance(content, str) or content.startswith(INLINE):
            continue
        extension = EXTENSIONS.get(str(value.get("language")), "txt")
        name = _free_name(_safe(node_id or "script"), extension, files)
        files[name] = str(content)
        _set(value, "content", INLINE + name)
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


def _free_name(stem: str, extension: str, files: Mapping[str, str]) -> str:
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
