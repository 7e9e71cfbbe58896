"""References of workflows to scripts and workflows by path, and their replacement after a move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.workflow import document
from orvanta_platform.workflow.canonical import artifact_hash
from orvanta_platform.workflow.graph import build
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.yaml_edit import edit_yaml

Moves: TypeAlias = Mapping[tuple[str, str], str]
"""(kind, former path) → path; a kind is `script` or `flow`."""

_DATA: Final = frozenset({"input_transforms", "mock", "schema"})
"""Members of a workflow that hold data in which nothing refers to an item."""


class NodeReference(msgspec.Struct, frozen=True):
    """The script or workflow that a node runs."""

    node: str
    kind: str
    path: str
    pinned: str | None
    """Hash of a version; None: the node runs the current version."""


class Rewritten(msgspec.Struct, frozen=True):
    """A document in which references were replaced."""

    body: bytes
    hash: str
    """Hash of the artifact, in hex."""
    references: Sequence[NodeReference]


def node_references(tree: Mapping[str, Any]) -> Iterator[NodeReference]:
    """Yield the items that the nodes of a document run by path."""
    for node in build(normalise(tree)["value"]).nodes():
        path = node.value.get("path")
        if node.kind in ("script", "flow") and isinstance(path, str):
            pinned = node.value.get("hash") if node.kind == "script" else None
            yield NodeReference(node.id, node.kind, path, str(pinned) if pinned else None)


def rewrite(body: bytes, format: Literal["json", "yaml"], moves: Moves) -> Rewritten | None:
    """Replace the paths in the nodes of a stored document; None if no node has one of the former paths.

    Comments and order of YAML text are preserved. Raises InvalidWorkflow if the document cannot be parsed, ValueError
    if its text cannot be edited.
    """
    tree = document.parse(body, format).tree
    if not _replace(tree, moves):
        return None
    if format == "json":
        return Rewritten(msgspec.json.encode(tree), artifact_hash(tree), list(node_references(tree)))
    changed = edit_yaml(body.decode(), tree).source
    return Rewritten(changed, artifact_hash(tree), list(node_references(tree)))


def _replace(tree: dict[str, Any], moves: Moves) -> bool:
    found = False
    for value in _item_nodes(tree):
        target = moves.get((value["type"], value["path"]))
        if target is not None:
            value["path"] = target
            found = True
    return found


def _item_nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the value of each node that runs a script or workflow by path, once if aliases repeat it."""
    pending: list[tuple[str, Any]] = [("", tree)]
    seen: set[int] = set()
    while pending:
        name, value = pending.pop()
        if isinstance(value, list):
            pending += [("", each) for each in value]
        elif isinstance(value, dict) and value.get("type") not in ("static", "javascript"):
            is_item = name == "value" and value.get("type") in ("script", "flow") and isinstance(value.get("path"), str)
            if is_item and id(value) not in seen:
                seen.add(id(value))
                yield value
            pending += [(key, each) for key, each in value.items() if key not in _DATA]
