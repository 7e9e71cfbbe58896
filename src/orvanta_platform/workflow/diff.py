"""What differs between two documents: nodes, edges, and what stands beside them.

Both are read in their normal form, so a spelling makes no difference. Broken documents are compared as far as they
can be read: drafts are. The same cases hold the editor's comparison (tests/unit/workflow/diffs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orvanta_platform.workflow.graph import Graph, Node, Tree, build
from orvanta_platform.workflow.normal import normalise

_BODIES = {
    "forloopflow": ("modules",),
    "whileloopflow": ("modules",),
    "branchone": ("branches", "default"),
    "branchall": ("branches",),
}
_NODE_KEYS = ("modules", "failure_module", "preprocessor_module")


@dataclass(frozen=True, slots=True)
class NodeAt:
    """A node and the list it stands in: "" at the top, else `<holder>/modules`, `<holder>/branches/<n>/modules`,
    `<holder>/default`, `/failure_module` or `/preprocessor_module`.
    """

    id: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A node that has another id and is the same otherwise, its edges aside."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A node with other settings; `keys` are JSON pointers into the module, sorted. `id`: the one after."""

    id: str
    kind: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A node that stands in another list. `id`: the one after."""

    id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class EdgeAt:
    """An edge by ids, taken on the outcome `on`."""

    source: str
    target: str
    on: str


@dataclass(frozen=True, slots=True)
class MovedEdge:
    """An edge to `target` that leaves another node, or is taken on another outcome."""

    target: str
    before: EdgeAt
    after: EdgeAt


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs. Ids of nodes that were renamed are those after; of what was removed those before.

    `document`: JSON pointers to what differs outside the nodes. `reordered`: lists whose nodes stand in another
    order. `same`: nothing differs.
    """

    same: bool
    added: tuple[NodeAt, ...] = ()
    removed: tuple[NodeAt, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    changed: tuple[Changed, ...] = ()
    moved: tuple[Moved, ...] = ()
    edges_added: tuple[EdgeAt, ...] = ()
    edges_removed: tuple[EdgeAt, ...] = ()
    edges_moved: tuple[MovedEdge, ...] = ()
    reordered: tuple[str, ...] = ()
    document: tuple[str, ...] = ()


@dataclass(slots=True)
class _Side:
    """One document, its nodes by id in document order, where each stands, and its edges."""

    tree: Tree
    nodes: dict[str, Node] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    edges: dict[str, list[EdgeAt]] = field(default_factory=dict)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """What differs between two documents ({value, schema?, summary? …}). Never raises on broken ones."""
    old, new = _side(before), _side(after)
    gone = [each for each in old.nodes if each not in new.nodes]
    fresh = [each for each in new.nodes if each not in old.nodes]
    renamed = _renamed(old, new, gone, fresh)
    names = {each: renamed.get(each, each) for each in old.nodes}
    taken = set(renamed.values())
    kept = [(each, names[each]) for each in old.nodes if names[each] in new.nodes]
    edges_added, edges_removed, edges_moved = _edges(old, new, names)
    found: dict[str, tuple[Any, ...]] = {
        "added": tuple(_at(new, each) for each in fresh if each not in taken),
        "removed": tuple(_at(old, each) for each in gone if each not in renamed),
        "renamed": tuple(Renamed(one, other) for one, other in renamed.items()),
        "changed": tuple(each for pair in kept if (each := _changed(old, new, names, *pair)) is not None),
        "moved": tuple(
            Moved(other, old.places[one], new.places[other])
            for one, other in kept
            if _place(old.places[one], names) != new.places[other]
        ),
        "edges_added": edges_added,
        "edges_removed": edges_removed,
        "edges_moved": edges_moved,
        "reordered": tuple(_reordered(old, new, names)),
        "document": tuple(sorted(differing(_outside(old.tree), _outside(new.tree)))),
    }
    return Difference(same=not any(found.values()), **found)


def differing(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """JSON pointers to where two values differ: as deep as both hold objects."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in before and key in after:
                yield from differing(before[key], after[key], inner)
            else:
                yield inner
    elif not _equal(before, after):
        yield path


def _equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; to Python alone `true` were 1."""
    return bool(_frozen(one) == _frozen(other))


def _side(document: Mapping[str, Any]) -> _Side:
    tree = normalise(document)
    value = tree.get("value")
    graph = build(value if isinstance(value, dict) else {})
    side = _Side(tree)
    for node_list in graph.lists:
        place = _list_name(graph, node_list.index)
        side.lists[place] = []
        for node in node_list.nodes:
            if _keep(side, node, place):
                side.lists[place].append(node.id)
                side.edges[node.id] = [
                    EdgeAt(node_list.nodes[edge.source].id, node.id, edge.on) for edge in node.incoming
                ]
    for alone, place in ((graph.preprocessor, "/preprocessor_module"), (graph.failure, "/failure_module")):
        if alone is not None:
            _keep(side, alone, place)
    return side


def _keep(side: _Side, node: Node, place: str) -> bool:
    if node.id in side.nodes:
        return False
    side.nodes[node.id] = node
    side.places[node.id] = place
    return True


def _list_name(graph: Graph, index: int) -> str:
    node_list = graph.lists[index]
    if node_list.holder is None:
        return ""
    holder = graph.lists[node_list.holder[0]].nodes[node_list.holder[1]]
    return f"{holder.id}/{node_list.path.removeprefix(f'{holder.path}/value/')}"


def _place(place: str, names: Mapping[str, str]) -> str:
    """A list by the name that its holder has after."""
    holder, slash, rest = place.partition("/")
    return f"{names.get(holder, holder)}{slash}{rest}"


def _renamed(old: _Side, new: _Side, gone: list[str], fresh: list[str]) -> dict[str, str]:
    """Before → after of nodes that are the same but for their id: in their own list first, then wherever they are."""
    found: dict[str, str] = {}
    free = {each: None for each in fresh if not _stands_alone(new, each)}
    alike: dict[Any, list[str]] = {}
    for each in free:
        alike.setdefault(_frozen(_content(new.nodes[each])), []).append(each)
    for anywhere in (False, True):
        for one in gone:
            if one in found or _stands_alone(old, one):
                continue
            place = _place(old.places[one], found)
            same = (each for each in alike.get(_frozen(_content(old.nodes[one])), ()) if each in free)
            other = next((each for each in same if anywhere or new.places[each] == place), None)
            if other is not None:
                found[one] = other
                del free[other]
    return found


def _stands_alone(side: _Side, node_id: str) -> bool:
    """Whether it is the preprocessor or the failure module, whose ids say what they are."""
    return side.places[node_id].startswith("/")


def _frozen(value: Any) -> Any:
    """What is equal, and hashed alike, for equal JSON values only."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(member)) for key, member in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return (bool, value) if isinstance(value, bool) else value


def _content(node: Node) -> Tree:
    """A module without its id, its edges and the nodes inside it."""
    tree = {key: member for key, member in node.tree.items() if key not in ("id", "needs")}
    bodies = _BODIES.get(node.kind, ())
    if bodies:
        tree["value"] = {key: _branches(member, key) for key, member in node.value.items() if key not in bodies[1:]}
        if bodies[0] == "modules":
            tree["value"].pop("modules", None)
    return tree


def _branches(member: Any, key: str) -> Any:
    """Of branches what is said of each, without its nodes."""
    if key != "branches" or not isinstance(member, list):
        return member
    return [
        {name: inner for name, inner in each.items() if name != "modules"} if isinstance(each, dict) else each
        for each in member
    ]


def _changed(old: _Side, new: _Side, names: Mapping[str, str], one: str, other: str) -> Changed | None:
    before, after = old.nodes[one], new.nodes[other]
    keys = set(differing(_content(before), _content(after)))
    needs = [_named(node.tree.get("needs"), side) for node, side in ((before, names), (after, {}))]
    if not _equal(*needs) and _named_edges(old, names, one) == new.edges.get(other, []):
        keys.add("/needs")
    return Changed(other, after.kind, tuple(sorted(keys))) if keys else None


def _named(needs: Any, names: Mapping[str, str]) -> Any:
    """`needs` with the names after."""
    if not isinstance(needs, list):
        return needs
    return [
        {**need, "node": names.get(str(need.get("node")), need.get("node"))}
        if isinstance(need, dict)
        else names.get(str(need), need)
        for need in needs
    ]


def _named_edges(side: _Side, names: Mapping[str, str], node_id: str) -> list[EdgeAt]:
    return [
        EdgeAt(names.get(edge.source, edge.source), names.get(edge.target, edge.target), edge.on)
        for edge in side.edges.get(node_id, [])
    ]


def _edges(
    old: _Side, new: _Side, names: Mapping[str, str]
) -> tuple[tuple[EdgeAt, ...], tuple[EdgeAt, ...], tuple[MovedEdge, ...]]:
    """Edges added, removed, moved: of one node the lost and the new ones are paired in their order."""
    before = {names[each]: _named_edges(old, names, each) for each in old.edges}
    added: list[EdgeAt] = []
    removed: list[EdgeAt] = []
    moved: list[MovedEdge] = []
    for target in dict.fromkeys((*before, *new.edges)):
        past, present = before.get(target, []), new.edges.get(target, [])
        then, now = set(past), set(present)
        lost = [edge for edge in past if edge not in now]
        won = [edge for edge in present if edge not in then]
        pairs = min(len(lost), len(won))
        moved += [MovedEdge(target, *pair) for pair in zip(lost, won, strict=False)]
        removed += lost[pairs:]
        added += won[pairs:]
    return tuple(added), tuple(removed), tuple(moved)


def _reordered(old: _Side, new: _Side, names: Mapping[str, str]) -> Iterator[str]:
    for place, ids in old.lists.items():
        after = new.lists.get(_place(place, names), [])
        there, wanted = set(after), {names[each] for each in ids}
        if [names[each] for each in ids if names[each] in there] != [each for each in after if each in wanted]:
            yield _place(place, names)


def _outside(tree: Tree) -> Tree:
    """A document without its nodes."""
    value = tree.get("value")
    if not isinstance(value, dict):
        return tree
    return {**tree, "value": {key: member for key, member in value.items() if key not in _NODE_KEYS}}


def _at(side: _Side, node_id: str) -> NodeAt:
    return NodeAt(node_id, side.nodes[node_id].kind, side.places[node_id])
