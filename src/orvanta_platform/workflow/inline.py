"""Code in its own files: the folder form of a workflow, as mappings of names to texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ruamel.yaml.comments import TaggedScalar

from orvanta_platform.workflow.diagnostics import Diagnostic, invalid, pointer
from orvanta_platform.workflow.languages import EXTENSIONS
from orvanta_platform.workflow.text import open_yaml, save_yaml, scalar
from orvanta_platform.workflow.yaml_text import INLINE

_FIELDS: Final = ("content", "lock")


def resolve(tree: dict[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """The tree with every `!inline <name>` replaced by the text of that file.

    Raises InvalidWorkflow (inline_file_missing) naming each file that `files` lacks.
    """
    copy: dict[str, Any] = copied(tree)
    missing: list[Diagnostic] = []
    for path, node_id, value in _scripts(copy):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is None:
                continue
            if name in files:
                value[field] = files[name]
            else:
                message = f"node {node_id or '?'} takes its {field} from the file {name}, which is missing"
                missing.append(Diagnostic("inline_file_missing", "error", node_id, pointer(path, field), message))
    if missing:
        raise invalid(missing)
    return copy


def resolve_yaml(source: str, files: Mapping[str, str]) -> str:
    """The same for YAML text, whose comments and order stay; names that `files` lacks stay references.

    Raises InvalidWorkflow as `document.parse`.
    """
    tree = open_yaml(source)
    for _, _, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None and name in files:
                value[field] = scalar(files[name])
    return save_yaml(tree, source)


def references(tree: dict[str, Any]) -> dict[str, str]:
    """JSON pointer → file name of every reference of a plain tree."""
    found = {}
    for path, _, value in _scripts(tree):
        for field in _FIELDS:
            name = _reference(value.get(field))
            if name is not None:
                found[pointer(path, field)] = name
    return found


def extract(tree: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The tree with the code of its scripts moved out, and file name → text.

    A file is called `<node id>.inline_script.<extension>`, the same number appended where two would
    have one name. What is a reference already stays.
    """
    copy: dict[str, Any] = copied(tree)
    files: dict[str, str] = {}
    for _, node_id, value in _scripts(copy):
        content = value.get("content")
        if not isinstance(content, str) or content.startswith(INLINE):
            continue
        extension = EXTENSIONS.get(str(value.get("language")), "txt")
        name = _free_name(_safe(node_id or "script"), extension, files)
        files[name] = content
        value["content"] = INLINE + name
    return copy, files


def _reference(value: Any) -> str | None:
    """The name of the file that a text, or a tagged scalar of an opened YAML, refers to."""
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
    """(path, id of the node, value) of each rawscript, tools of agents included, in document order."""
    pending: list[tuple[str, str | None, Any]] = [("", None, tree)]
    while pending:
        path, node_id, value = pending.pop()
        if isinstance(value, list):
            pending += reversed([(pointer(path, place), None, item) for place, item in enumerate(value)])
        elif isinstance(value, dict):
            if value.get("type") == "rawscript" and path.endswith("/value"):
                yield path, node_id, value
                continue
            own = value.get("id")
            own = own if isinstance(own, str) else None
            pending += reversed([(pointer(path, name), own, member) for name, member in value.items()])


def copied(value: Any) -> Any:
    """A copy of a plain tree in which nothing is shared."""
    match value:
        case dict():
            return {name: copied(member) for name, member in value.items()}
        case list():
            return [copied(item) for item in value]
        case _:
            return value
