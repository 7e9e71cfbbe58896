"""References of the items of a release to other items, variables, resources and resource types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.graph import build
from orvanta_platform.workflow.node_references import node_references
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.script_imports import inline_path
from orvanta_platform.workflow.tree.item import Item, Key

_PATH: Final = r"[uf]/[^\s\"'`,;(){}\[\]\\]+"
_MARK: Final = re.compile(rf"\$(?P<kind>var|res):(?P<path>{_PATH})")
_CALL: Final = re.compile(
    rf"(?:get_?)?(?P<kind>variable|resource|connection)(?:_?(?:get|value))*\(\s*\\?[\"'`](?P<path>{_PATH})",
    re.IGNORECASE,
)
_URL: Final = re.compile(rf"/(?P<kind>variable|resource)s/get(?:_value(?:_interpolated)?)?/(?P<path>{_PATH})")
_TYPE: Final = re.compile(r"format[\"']?\s*:\s*[\"']?resource-(?P<name>[\w-]+)")
_HANDLERS: Final = ("dynamic_skip", "on_failure", "on_recovery", "on_success")
_KINDS: Final = {"var": "variable", "variable": "variable"}


class Code(NamedTuple):
    """Code that may import scripts."""

    language: str
    content: str
    path: str | None
    """Path that relative imports start from."""


@dataclass(slots=True)
class Dependencies:
    """References of an item."""

    items: set[Key] = field(default_factory=set)
    """Scripts and workflows that it runs."""
    code: set[Code] = field(default_factory=set)
    """Scripts and code of nodes, whose imports another process reads, because a parser may take minutes."""
    imports: set[tuple[str, ...]] = field(default_factory=set)
    """Paths of the scripts that it imports; of each import, the paths at which the script may be."""
    variables: set[str] = field(default_factory=set)
    resources: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)


def dependencies_of(item: Item, *, limited: bool = False) -> Dependencies:
    """Return the references of an item, without imports. Paths that code composes while it runs are not found.

    `limited`: a workflow beyond the limits of a deployment is not parsed.
    """
    found = Dependencies()
    match item.kind:
        case "flow":
            _add_flow(found, item.path, item.content["text"], limited=limited)
        case "script":
            found.code.add(Code(item.content["language"], item.content["content"], item.path))
            _add_text(found, item.content["content"])
            _add_text(found, json.dumps(item.content.get("settings") or {}, ensure_ascii=False))
        case "schedule" | "http_trigger":
            _add_trigger(found, item.content)
            _add_text(found, json.dumps(dict(item.content), ensure_ascii=False))
        case _:
            _add_text(found, json.dumps(dict(item.content), ensure_ascii=False))
    return found


def _add_flow(found: Dependencies, path: str, text: str, *, limited: bool) -> None:
    _add_text(found, text)
    try:
        tree = document.parse(text.encode(), "yaml", limit_yaml=limited).tree
    except InvalidWorkflow:  # its deployment reports the error
        return
    found.items.update(_called(tree))
    _add_text(found, json.dumps(tree, ensure_ascii=False))
    for language, code, node in _inline(tree):
        found.code.add(Code(language, code, inline_path(path, node)))


def _called(tree: Mapping[str, Any]) -> Iterator[Key]:
    for each in node_references(tree):
        if each.path.startswith(("u/", "f/")):
            yield ("script" if each.kind == "script" else "flow"), each.path


def _inline(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield language, code and node of the scripts in a workflow."""
    for node in build(normalise(tree)["value"]).nodes():
        code, language = node.value.get("content"), node.value.get("language")
        if node.kind == "rawscript" and isinstance(code, str) and isinstance(language, str):
            yield language, code, node.id


def _add_trigger(found: Dependencies, content: Mapping[str, Any]) -> None:
    path = content.get("script_path")
    if isinstance(path, str):
        found.items.add(("flow" if content.get("is_flow") else "script", path))
    for name in _HANDLERS:
        handler = content.get(name)
        if isinstance(handler, str):
            kind, _, rest = handler.partition("/")
            is_named = kind in ("script", "flow")
            found.items.add(("flow" if kind == "flow" else "script", rest if is_named else handler))
    resource = content.get("authentication_resource_path")
    if isinstance(resource, str) and resource:
        found.resources.add(resource)


def _add_text(found: Dependencies, text: str) -> None:
    for pattern in (_MARK, _CALL, _URL):
        for match in pattern.finditer(text):
            kind = _KINDS.get(match["kind"].lower(), "resource")
            (found.variables if kind == "variable" else found.resources).add(match["path"].rstrip("."))
    found.types.update(match["name"] for match in _TYPE.finditer(text))
