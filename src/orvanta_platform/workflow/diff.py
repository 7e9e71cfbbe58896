"""Comparison of two documents: nodes, edges, and the rest of the document.

Both are compared in their normal form, so spellings make no difference. Broken documents, such as drafts, are compared
as far as they can be read. The same cases test the editor's comparison (tests/unit/workflow/diffs).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orvanta_platform.workflow.graph import Graph, Node, Tree, build
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.yaml_edit import same

_BODIES = {
    "forloopflow": ("modules",),
    "whileloopflow": ("modules",),
    "branchone": ("branches", "default"),
    "branchall": ("branches",),
}
_NODE_KEYS = ("modules", "failure_module", "preprocessor_module")


class NodeAt(msgspec.Struct, frozen=True):
    """Node and the list that contains it."""

    id: str
    kind: str
    place: str
    """List of the node.

    Empty at the top level, otherwise `<holder>/modules`, `<holder>/branches/<n>/modules`, `<holder>/default`,
    `/failure_module` or `/preprocessor_module`.
    """


class Renamed(msgspec.Struct, frozen=True):
    """Node with another id, otherwise unchanged except for its edges."""

    before: str
    after: str


class Changed(msgspec.Struct, frozen=True):
    """Node with other settings."""

    id: str
    """Id in the second document."""
    kind: str
    keys: tuple[str, ...]
    """JSON pointers into the module, sorted."""


class Moved(msgspec.Struct, frozen=True):
    """Node that moved to another list."""

    id: str
    """Id in the second document."""
    before: str
    after: str


class EdgeAt(msgspec.Struct, frozen=True):
    """Edge by node ids, taken on the outcome `on`."""

    source: str
    target: str
    on: str


class MovedEdge(msgspec.Struct, frozen=True):
    """Edge to `target` that leaves another node, or is taken on another outcome."""

    target: str
    before: EdgeAt
    after: EdgeAt


class Difference(msgspec.Struct, frozen=True):
    """All differences. Renamed nodes have their ids of the second document, removed ones those of the first."""

    same: bool
    """True if nothing differs."""
    added: tuple[NodeAt, ...] = ()
    removed: tuple[NodeAt, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    changed: tuple[Changed, ...] = ()
    moved: tuple[Moved, ...] = ()
    edges_added: tuple[EdgeAt, ...] = ()
    edges_removed: tuple[EdgeAt, ...] = ()
    edges_moved: tuple[MovedEdge, ...] = ()
    reordered: tuple[str, ...] = ()
    """Lists whose nodes are in another order."""
    document: tuple[str, ...] = ()
    """JSON pointers to differences outside the nodes."""


@dataclass(slots=True)
class _Side:
    """One of the two documents: its nodes by id in document order, their lists, and its edges."""

    tree: Tree
    nodes: dict[str, Node] = field(default_factory=dict)
    list_names: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    edges: dict[str, list[EdgeAt]] = field(default_factory=dict)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Return the differences between two documents ({value, schema?, summary? …}). Never raises on broken ones."""
    old, new = _side(before), _side(after)
    old_ids = [each for each in old.nodes if each not in new.nodes]
    new_ids = [each for each in new.nodes if each not in old.nodes]
    renamed = _renamed(old, new, old_ids, new_ids)
    names = {each: renamed.get(each, each) for each in old.nodes}
    rename_targets = set(renamed.values())
    common = [(each, names[each]) for each in old.nodes if names[each] in new.nodes]
    edges_added, edges_removed, edges_moved = _edges(old, new, names)
    found: dict[str, tuple[Any, ...]] = {
        "added": tuple(_node_at(new, each) for each in new_ids if each not in rename_targets),
        "removed": tuple(_node_at(old, each) for each in old_ids if each not in renamed),
        "renamed": tuple(Renamed(one, other) for one, other in renamed.items()),
        "changed": tuple(each for pair in common if (each := _changed(old, new, names, *pair)) is not None),
        "moved": tuple(
            Moved(other, old.list_names[one], new.list_names[other])
            for one, other in common
            if _renamed_list(old.list_names[one], names) != new.list_names[other]
        ),
        "edges_added": edges_added,
        "edges_removed": edges_removed,
        "edges_moved": edges_moved,
        "reordered": tuple(_reordered(old, new, names)),
        "document": tuple(sorted(differing(_without_nodes(old.tree), _without_nodes(new.tree)))),
    }
    return Difference(same=not any(found.values()), **found)


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield JSON pointers to the differences of two values, as deep as both are objects."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in before and key in after:
                yield from differing(before[key], after[key], inner)
            else:
                yield inner
    elif not same(before, after):
        yield path


def _side(document: Mapping[str, Any]) -> _Side:
    tree = normalise(document)
    value = tree.get("value")
    graph = build(value if isinstance(value, dict) else {})
    side = _Side(tree)
    for node_list in graph.lists:
        list_name = _list_name(graph, node_list.index)
        side.lists[list_name] = []
        for node in node_list.nodes:
            if _add(side, node, list_name):
                side.lists[list_name].append(node.id)
                side.edges[node.id] = [
                    EdgeAt(node_list.nodes[edge.source].id, node.id, edge.on) for edge in node.incoming
                ]
    for single, list_name in ((graph.preprocessor, "/preprocessor_module"), (graph.failure, "/failure_module")):
        if single is not None:
            _add(side, single, list_name)
    return side


def _add(side: _Side, node: Node, list_name: str) -> bool:
    if node.id in side.nodes:
        return False
    side.nodes[node.id] = node
    side.list_names[node.id] = list_name
    return True


def _list_name(graph: Graph, index: int) -> str:
    node_list = graph.lists[index]
    if node_list.in_failure_module and node_list.holder is None:
        return f"failure/{node_list.path.removeprefix('/failure_module/value/')}"
    if node_list.holder is None:
        return ""
    holder = graph.lists[node_list.holder[0]].nodes[node_list.holder[1]]
    return f"{holder.id}/{node_list.path.removeprefix(f'{holder.path}/value/')}"


def _renamed_list(name: str, names: Mapping[str, str]) -> str:
    """Return the name of a list with the holder's id in the second document."""
    holder, slash, rest = name.partition("/")
    return f"{names.get(holder, holder)}{slash}{rest}"


def _renamed(old: _Side, new: _Side, old_ids: list[str], new_ids: list[str]) -> dict[str, str]:
    """Match nodes that differ only in their id, before → after: first in the same list, then in any list."""
    found: dict[str, str] = {}
    unmatched = {each for each in new_ids if not _is_single(new, each)}
    numbers: dict[Any, int] = {}
    """Numbers of the contents."""
    in_list: dict[tuple[int, str], deque[str]] = {}
    anywhere: dict[int, deque[str]] = {}
    for each in filter(unmatched.__contains__, new_ids):
        content = numbers.setdefault(_hashable(_own_content(new.nodes[each])), len(numbers))
        in_list.setdefault((content, new.list_names[each]), deque()).append(each)
        anywhere.setdefault(content, deque()).append(each)
    sought = [each for each in old_ids if not _is_single(old, each)]
    contents = {each: numbers.get(_hashable(_own_content(old.nodes[each])), -1) for each in sought}
    for in_any_list in (False, True):
        for one in sought:
            if one in found:
                continue
            content = contents[one]
            list_name = _renamed_list(old.list_names[one], found)
            candidates = anywhere.get(content) if in_any_list else in_list.get((content, list_name))
            while candidates and (other := candidates.popleft()):
                if other in unmatched:
                    found[one] = other
                    unmatched.remove(other)
                    break
    return found


def _is_single(side: _Side, node_id: str) -> bool:
    """Return whether the node is the preprocessor or the failure module, whose ids are fixed."""
    return side.list_names[node_id].startswith("/")


def _hashable(value: Any) -> Any:
    """Return a hashable value that is equal for equal JSON values only."""
    if isinstance(value, dict):
        return frozenset((key, _hashable(member)) for key, member in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return (bool, value) if isinstance(value, bool) else value


def _own_content(node: Node) -> Tree:
    """Return a module without its id, its edges and its nested nodes."""
    tree = {key: member for key, member in node.tree.items() if key not in ("id", "needs")}
    bodies = _BODIES.get(node.kind, ())
    if bodies:
        tree["value"] = {key: _branches(member, key) for key, member in node.value.items() if key not in bodies[1:]}
        if bodies[0] == "modules":
            tree["value"].pop("modules", None)
    return tree


def _branches(member: Any, key: str) -> Any:
    """Return the settings of branches without their nodes."""
    if key != "branches" or not isinstance(member, list):
        return member
    return [
        {name: inner for name, inner in each.items() if name != "modules"} if isinstance(each, dict) else each
        for each in member
    ]


def _changed(old: _Side, new: _Side, names: Mapping[str, str], one: str, other: str) -> Changed | None:
    before, after = old.nodes[one], new.nodes[other]
    keys = set(differing(_own_content(before), _own_content(after)))
    needs = [_renamed_needs(node.tree.get("needs"), side) for node, side in ((before, names), (after, {}))]
    if not same(*needs) and _renamed_edges(old, names, one) == new.edges.get(other, []):
        keys.add("/needs")
    return Changed(other, after.kind, tuple(sorted(keys))) if keys else None


def _renamed_needs(needs: Any, names: Mapping[str, str]) -> Any:
    """Return `needs` with ids of the second document."""
    if not isinstance(needs, list):
        return needs
    return [
        {**need, "node": names.get(str(need.get("node")), need.get("node"))}
        if isinstance(need, dict)
        else names.get(str(need), need)
        for need in needs
    ]


def _renamed_edges(side: _Side, names: Mapping[str, str], node_id: str) -> list[EdgeAt]:
    return [
        EdgeAt(names.get(edge.source, edge.source), names.get(edge.target, edge.target), edge.on)
        for edge in side.edges.get(node_id, [])
    ]


def _edges(
    old: _Side, new: _Side, names: Mapping[str, str]
) -> tuple[tuple[EdgeAt, ...], tuple[EdgeAt, ...], tuple[MovedEdge, ...]]:
    """Return added, removed and moved edges: lost and gained edges of one node are paired in order."""
    before = {names[each]: _renamed_edges(old, names, each) for each in old.edges}
    added: list[EdgeAt] = []
    removed: list[EdgeAt] = []
    moved: list[MovedEdge] = []
    for target in dict.fromkeys((*before, *new.edges)):
        past, present = before.get(target, []), new.edges.get(target, [])
        then, now = set(past), set(present)
        lost = [edge for edge in past if edge not in now]
        gained = [edge for edge in present if edge not in then]
        pairs = min(len(lost), len(gained))
        moved += [MovedEdge(target, *pair) for pair in zip(lost, gained, strict=False)]
        removed += lost[pairs:]
        added += gained[pairs:]
    return tuple(added), tuple(removed), tuple(moved)


def _reordered(old: _Side, new: _Side, names: Mapping[str, str]) -> Iterator[str]:
    for list_name, ids in old.lists.items():
        after = new.lists.get(_renamed_list(list_name, names), [])
        present_ids, expected = set(after), {names[each] for each in ids}
        if [names[each] for each in ids if names[each] in present_ids] != [each for each in after if each in expected]:
            yield _renamed_list(list_name, names)


def _without_nodes(tree: Tree) -> Tree:
    """Return a document without its nodes."""
    value = tree.get("value")
    if not isinstance(value, dict):
        return tree
    return {**tree, "value": {key: member for key, member in value.items() if key not in _NODE_KEYS}}


def _node_at(side: _Side, node_id: str) -> NodeAt:
    return NodeAt(node_id, side.nodes[node_id].kind, side.list_names[node_id])
