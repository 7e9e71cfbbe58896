"""Graph of a workflow: for every list of nodes its edges, joins, start nodes, ancestors and sinks.

It is built from a normalised value tree (`normal.normalise`). Broken documents are accepted as well: unresolved edges
are in `NodeList.dangling` and cycles in `NodeList.cycles`, and `validate` reports them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from orvanta_platform.workflow.kinds import HANDLING, SUCCESS, endings, outcomes
from orvanta_platform.workflow.order import cycles, topological

Tree = dict[str, Any]


class Edge(msgspec.Struct, frozen=True):
    """Edge from node `source` to node `target` (indexes in one list), taken on the outcome `on`."""

    source: int
    target: int
    on: str
    implicit: bool
    """True if the edge is not written: the node follows its previous sibling."""
    path: str
    """JSON pointer to the edge, or to the node if the edge is implicit."""

    @property
    def handling(self) -> bool:
        """Return whether this edge leads to a node that deals with a failure."""
        return self.on in HANDLING


class DanglingEdge(msgspec.Struct, frozen=True):
    """Edge of node `target` that names no sibling."""

    target: int
    source_id: str
    path: str


class Node(msgspec.Struct, frozen=True):
    """Node of a list."""

    index: int
    """Position in the list."""
    id: str
    kind: str
    tree: Tree
    """The whole module."""
    path: str
    """JSON pointer in the value tree."""
    join: str
    has_needs: bool
    incoming: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    outcomes: frozenset[str]
    """Outcomes on which edges may leave the node."""
    ways: tuple[frozenset[str], ...]
    """Sets of outcomes with which the node may end (`kinds.endings`)."""
    ancestors: int
    """Bit set of the indexes of all nodes of the list from which a path leads here, excluding the node itself."""
    bodies: tuple[int, ...]
    """Indexes in `Graph.lists` of the lists inside the node."""

    @property
    def value(self) -> Tree:
        """Return the module's `value`: {type, …}."""
        value = self.tree.get("value")
        return value if isinstance(value, dict) else {}

    @property
    def targets(self) -> tuple[int, ...]:
        """Return the indexes of the nodes with an edge from here, without duplicates, ascending."""
        return tuple(sorted({edge.target for edge in self.outgoing}))


class NodeList(msgspec.Struct, frozen=True):
    """List of nodes in document order: the top level (index 0) or a body of a loop or branch."""

    index: int
    path: str
    holder: tuple[int, int] | None
    """(list index, node index) of the node that contains the list; None at the top level and in the failure module."""
    nodes: tuple[Node, ...]
    is_graph: bool
    """True if any node has `needs`."""
    starts: tuple[int, ...]
    order: tuple[int, ...]
    """Indexes in topological order, without nodes on or after a cycle."""
    main_sinks: tuple[int, ...]
    """Main sinks as defined in artifact.md for a graph."""
    handling_sinks: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]
    dangling: tuple[DanglingEdge, ...]

    @property
    def in_failure_module(self) -> bool:
        """Return whether the failure module contains the list."""
        return self.path.startswith("/failure_module/")

    def ids(self, bits: int) -> tuple[str, ...]:
        """Return the ids of the nodes in a bit set of indexes."""
        return tuple(node.id for node in self.nodes if bits >> node.index & 1)


@dataclass(frozen=True, slots=True)
class Graph:
    """All lists of a workflow, the last ones inside its failure module.

    `failure` and `preprocessor` belong to no list: they have index 0 and no edges.
    """

    lists: tuple[NodeList, ...]
    failure: Node | None
    preprocessor: Node | None
    positions: dict[str, tuple[int, int]] = field(compare=False)
    """(list index, node index) by node id; of duplicate ids, the first node."""

    @property
    def top(self) -> NodeList:
        """Return the top level."""
        return self.lists[0]

    def nodes(self) -> Iterator[Node]:
        """Yield every node: list by list, then preprocessor and failure module."""
        for each in self.lists:
            yield from each.nodes
        yield from (node for node in (self.preprocessor, self.failure) if node is not None)

    def find(self, node_id: str) -> Node | None:
        """Return the node of a list with this id."""
        position = self.positions.get(node_id)
        return None if position is None else self.lists[position[0]].nodes[position[1]]

    def holders(self, list_index: int) -> Iterator[Node]:
        """Yield the nodes around a list, from the innermost outwards."""
        holder = self.lists[list_index].holder
        while holder is not None:
            yield self.lists[holder[0]].nodes[holder[1]]
            holder = self.lists[holder[0]].holder


@dataclass(slots=True)
class _Draft:
    """List under construction: its location and its modules."""

    path: str
    holder: tuple[int, int] | None
    modules: list[tuple[str, Tree]]
    bodies: list[tuple[int, ...]] = field(default_factory=list)


def build(value: Tree) -> Graph:
    """Build the graph of a value tree ({modules, failure_module?, …}). Never raises on broken documents."""
    lists = tuple(_node_list(index, draft) for index, draft in enumerate(_drafts(value)))
    positions: dict[str, tuple[int, int]] = {}
    for each in lists:
        for node in each.nodes:
            positions.setdefault(node.id, (each.index, node.index))
    return Graph(lists, _single(value, "failure_module"), _single(value, "preprocessor_module"), positions)


def modules_of(value: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield JSON pointer and module of every node in the order of `Graph.nodes`, without building the graph."""
    for draft in _drafts(value):
        yield from draft.modules
    for key in ("preprocessor_module", "failure_module"):
        if isinstance(value.get(key), dict):
            yield _single_module(value, key)


def _drafts(value: Tree) -> list[_Draft]:
    drafts = [_Draft("/modules", None, _modules(value.get("modules"), "/modules"))]
    _add_bodies(drafts, 0)
    if isinstance(value.get("failure_module"), dict):
        first = len(drafts)
        path, module = _single_module(value, "failure_module")
        drafts += [_Draft(body_path, None, _modules(body, body_path)) for body_path, body in body_lists(module, path)]
        _add_bodies(drafts, first)
    return drafts


def _add_bodies(drafts: list[_Draft], first: int) -> None:
    """Append the lists inside the nodes of the lists from `first` on, at any depth."""
    for list_index, draft in islice(enumerate(drafts), first, None):
        for node_index, (path, module) in enumerate(draft.modules):
            found = body_lists(module, path)
            draft.bodies.append(tuple(range(len(drafts), len(drafts) + len(found))))
            drafts += [
                _Draft(body_path, (list_index, node_index), _modules(body, body_path)) for body_path, body in found
            ]


def body_lists(module: Tree, path: str) -> list[tuple[str, Any]]:
    """Return (JSON pointer, list) of each list of nodes directly inside a module; a branchone's default is last."""
    value = module.get("value")
    if not isinstance(value, dict):
        return []
    match value.get("type"):
        case "forloopflow" | "whileloopflow":
            return [(f"{path}/value/modules", value.get("modules"))]
        case "branchone" | "branchall":
            branches = value.get("branches")
            found = [
                (f"{path}/value/branches/{position}/modules", branch.get("modules"))
                for position, branch in enumerate(branches if isinstance(branches, list) else [])
                if isinstance(branch, dict)
            ]
            if value["type"] == "branchone":
                found.append((f"{path}/value/default", value.get("default")))
            return found
        case _:
            return []


def _modules(modules: Any, path: str) -> list[tuple[str, Tree]]:
    if not isinstance(modules, list):
        return []
    return [(f"{path}/{position}", module) for position, module in enumerate(modules) if isinstance(module, dict)]


def _single(value: Tree, key: str) -> Node | None:
    if not isinstance(value.get(key), dict):
        return None
    return _node_list(0, _Draft(f"/{key}", None, [_single_module(value, key)], [()])).nodes[0]


def _single_module(value: Tree, key: str) -> tuple[str, Tree]:
    return f"/{key}", {name: each for name, each in value[key].items() if name != "needs"}


def _node_list(index: int, draft: _Draft) -> NodeList:
    ids = [_text(module.get("id")) for _, module in draft.modules]
    incoming, dangling = _edges(draft, ids)
    outgoing: list[list[Edge]] = [[] for _ in ids]
    for edges in incoming:
        for edge in edges:
            outgoing[edge.source].append(edge)
    sources = [[edge.source for edge in edges] for edges in incoming]
    targets = [[edge.target for edge in edges] for edges in outgoing]
    order = topological(sources, targets)
    ancestors = _ancestors(order, sources)
    nodes = tuple(
        _node(draft, position, tuple(incoming[position]), tuple(outgoing[position]), ancestors[position])
        for position in range(len(ids))
    )
    main, handling = _sinks(nodes, order)
    return NodeList(
        index=index,
        path=draft.path,
        holder=draft.holder,
        nodes=nodes,
        is_graph=any(node.has_needs for node in nodes),
        starts=tuple(node.index for node in nodes if not node.incoming),
        order=tuple(order),
        main_sinks=main,
        handling_sinks=handling,
        cycles=tuple(map(tuple, cycles(targets))) if len(order) < len(ids) else (),
        dangling=tuple(dangling),
    )


def _node(draft: _Draft, position: int, incoming: tuple[Edge, ...], outgoing: tuple[Edge, ...], ancestors: int) -> Node:
    path, module = draft.modules[position]
    value = module.get("value")
    value = value if isinstance(value, dict) else {}
    return Node(
        index=position,
        id=_text(module.get("id")),
        kind=_text(value.get("type")),
        tree=module,
        path=path,
        join=_text(module.get("join")) or "all",
        has_needs=isinstance(module.get("needs"), list),
        incoming=incoming,
        outgoing=outgoing,
        outcomes=outcomes(value),
        ways=endings(value, continue_on_error=module.get("continue_on_error") is True),
        ancestors=ancestors,
        bodies=draft.bodies[position],
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _edges(draft: _Draft, ids: list[str]) -> tuple[list[list[Edge]], list[DanglingEdge]]:
    places: dict[str, int] = {}
    for position, node_id in enumerate(ids):
        places.setdefault(node_id, position)
    dangling: list[DanglingEdge] = []
    incoming: list[list[Edge]] = []
    for target, (path, module) in enumerate(draft.modules):
        edges: list[Edge] = []
        needs = module.get("needs")
        if isinstance(needs, list):
            for position, need in enumerate(needs):
                source_id, on = read_edge(need)
                edge_path = f"{path}/needs/{position}"
                source = places.get(source_id)
                if source is None:
                    dangling.append(DanglingEdge(target, source_id, edge_path))
                else:
                    edges.append(Edge(source, target, on, False, edge_path))
        elif target > 0:
            edges.append(Edge(target - 1, target, SUCCESS, True, path))
        incoming.append(edges)
    return incoming, dangling


def read_edge(need: Any) -> tuple[str, str]:
    """Return (node id, outcome) of one entry of `needs`; "" if missing or of a wrong type."""
    if isinstance(need, str):
        return need, SUCCESS
    if not isinstance(need, dict):
        return "", ""
    on = need.get("on")
    if isinstance(on, bool):
        on = "true" if on else "false"
    return _text(need.get("node")), SUCCESS if on is None else _text(on)


def _ancestors(order: list[int], sources: list[list[int]]) -> list[int]:
    ancestors = [0] * len(sources)
    for position in order:
        bits = 0
        for source in sources[position]:
            bits |= ancestors[source] | 1 << source
        ancestors[position] = bits
    return ancestors


def _sinks(nodes: tuple[Node, ...], order: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the main and handling sinks.

    Nodes after a handling edge are on the handling path until a main path joins them.
    """
    main_path: set[int] = set()
    for position in order:
        node = nodes[position]
        if not node.incoming or any(not edge.handling and edge.source in main_path for edge in node.incoming):
            main_path.add(position)
    main = tuple(
        node.index for node in nodes if node.index in main_path and all(edge.handling for edge in node.outgoing)
    )
    handling = tuple(node.index for node in nodes if not node.outgoing and node.index not in main)
    return main, handling
