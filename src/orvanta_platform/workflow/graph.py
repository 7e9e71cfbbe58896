"""The graph of a workflow: for every list of nodes its edges, joins, start nodes, ancestors and sinks.

Built from a normalised value tree (`normal.normalise`). Broken documents are read too, as far as they go:
what does not resolve stands in `NodeList.dangling` and `NodeList.cycles`, and `validate` words it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from orvanta_platform.workflow.kinds import HANDLING, SUCCESS, endings, outcomes
from orvanta_platform.workflow.order import cycles, topological

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edge:
    """From node `source` to node `target` (indexes in one list), taken on the outcome `on`.

    `implicit`: not written, the node follows its previous sibling. `path` points at the edge, or at the
    node where it is implicit.
    """

    source: int
    target: int
    on: str
    implicit: bool
    path: str

    @property
    def handling(self) -> bool:
        """Whether this edge leads to what deals with a failure."""
        return self.on in HANDLING


@dataclass(frozen=True, slots=True)
class DanglingEdge:
    """An edge of node `target` that names no sibling."""

    target: int
    source_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a list.

    `index` counts within the list, `tree` is the whole module, `path` its JSON pointer in the value tree.
    `outcomes`: what edges may leave it on. `ways`: the sets of outcomes it may end with (`kinds.endings`).
    `ancestors`: bit set of the indexes in this list from which a path leads here, itself not among them.
    `bodies`: indexes into `Graph.lists` of the lists inside it.
    """

    index: int
    id: str
    kind: str
    tree: Tree
    path: str
    join: str
    has_needs: bool
    incoming: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    outcomes: frozenset[str]
    ways: tuple[frozenset[str], ...]
    ancestors: int
    bodies: tuple[int, ...]

    @property
    def value(self) -> Tree:
        """The module's `value`: {type, …}."""
        value = self.tree.get("value")
        return value if isinstance(value, dict) else {}

    @property
    def targets(self) -> tuple[int, ...]:
        """Indexes of the nodes with an edge from here, each once, ascending."""
        return tuple(sorted({edge.target for edge in self.outgoing}))


@dataclass(frozen=True, slots=True)
class NodeList:
    """One list of nodes, in document order: the top level (index 0) or a body of a loop or branch.

    `holder` is (list index, node index) of the node it stands in. `is_graph`: some node has `needs`.
    `order`: indexes, sources first, without the nodes on or behind a cycle. Sinks are as artifact.md
    defines them for a graph.
    """

    index: int
    path: str
    holder: tuple[int, int] | None
    nodes: tuple[Node, ...]
    is_graph: bool
    starts: tuple[int, ...]
    order: tuple[int, ...]
    main_sinks: tuple[int, ...]
    handling_sinks: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]
    dangling: tuple[DanglingEdge, ...]

    def ids(self, bits: int) -> tuple[str, ...]:
        """The ids of the nodes in a bit set of indexes."""
        return tuple(node.id for node in self.nodes if bits >> node.index & 1)


@dataclass(frozen=True, slots=True)
class Graph:
    """All lists of a workflow; `failure` and `preprocessor` stand alone, with index 0 and no edges."""

    lists: tuple[NodeList, ...]
    failure: Node | None
    preprocessor: Node | None
    where: dict[str, tuple[int, int]] = field(compare=False)
    """Of each id (the first that has it): list index and node index."""

    @property
    def top(self) -> NodeList:
        """The top level."""
        return self.lists[0]

    def nodes(self) -> Iterator[Node]:
        """Every node: list by list, then preprocessor and failure module."""
        for each in self.lists:
            yield from each.nodes
        yield from (node for node in (self.preprocessor, self.failure) if node is not None)

    def find(self, node_id: str) -> Node | None:
        """The node of a list with this id."""
        place = self.where.get(node_id)
        return None if place is None else self.lists[place[0]].nodes[place[1]]

    def holders(self, list_index: int) -> Iterator[Node]:
        """The nodes around a list, from the innermost out."""
        holder = self.lists[list_index].holder
        while holder is not None:
            yield self.lists[holder[0]].nodes[holder[1]]
            holder = self.lists[holder[0]].holder


@dataclass(slots=True)
class _Draft:
    """A list on its way: where it was found and what stands in it."""

    path: str
    holder: tuple[int, int] | None
    modules: list[tuple[str, Tree]]
    bodies: list[tuple[int, ...]] = field(default_factory=list)


def build(value: Tree) -> Graph:
    """The graph of a value tree ({modules, failure_module?, …}). Never raises on broken documents."""
    drafts = [_Draft("/modules", None, _modules(value.get("modules"), "/modules"))]
    for list_index, draft in enumerate(drafts):
        for node_index, (path, module) in enumerate(draft.modules):
            found = body_lists(module, path)
            draft.bodies.append(tuple(range(len(drafts), len(drafts) + len(found))))
            drafts += [
                _Draft(body_path, (list_index, node_index), _modules(body, body_path)) for body_path, body in found
            ]
    lists = tuple(_node_list(index, draft) for index, draft in enumerate(drafts))
    where: dict[str, tuple[int, int]] = {}
    for each in lists:
        for node in each.nodes:
            where.setdefault(node.id, (each.index, node.index))
    return Graph(lists, _alone(value, "failure_module"), _alone(value, "preprocessor_module"), where)


def body_lists(module: Tree, path: str) -> list[tuple[str, Any]]:
    """(JSON pointer, list) of each list of nodes directly inside a module, default of a branchone last."""
    value = module.get("value")
    if not isinstance(value, dict):
        return []
    match value.get("type"):
        case "forloopflow" | "whileloopflow":
            return [(f"{path}/value/modules", value.get("modules"))]
        case "branchone" | "branchall":
            branches = value.get("branches")
            found = [
                (f"{path}/value/branches/{place}/modules", branch.get("modules"))
                for place, branch in enumerate(branches if isinstance(branches, list) else [])
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
    return [(f"{path}/{place}", module) for place, module in enumerate(modules) if isinstance(module, dict)]


def _alone(value: Tree, key: str) -> Node | None:
    module = value.get(key)
    if not isinstance(module, dict):
        return None
    draft = _Draft(f"/{key}", None, [(f"/{key}", {k: v for k, v in module.items() if k != "needs"})], [()])
    return _node_list(0, draft).nodes[0]


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
        _node(draft, place, tuple(incoming[place]), tuple(outgoing[place]), ancestors[place])
        for place in range(len(ids))
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


def _node(draft: _Draft, place: int, incoming: tuple[Edge, ...], outgoing: tuple[Edge, ...], ancestors: int) -> Node:
    path, module = draft.modules[place]
    value = module.get("value")
    value = value if isinstance(value, dict) else {}
    return Node(
        index=place,
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
        bodies=draft.bodies[place],
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _edges(draft: _Draft, ids: list[str]) -> tuple[list[list[Edge]], list[DanglingEdge]]:
    places: dict[str, int] = {}
    for place, node_id in enumerate(ids):
        places.setdefault(node_id, place)
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
    """(node id, outcome) of one entry of `needs`; "" for what is missing or of a wrong type."""
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
    for place in order:
        bits = 0
        for source in sources[place]:
            bits |= ancestors[source] | 1 << source
        ancestors[place] = bits
    return ancestors


def _sinks(nodes: tuple[Node, ...], order: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Main and handling sinks. What lies behind a handling edge stays there until another path joins it."""
    main_path: set[int] = set()
    for place in order:
        node = nodes[place]
        if not node.incoming or any(not edge.handling and edge.source in main_path for edge in node.incoming):
            main_path.add(place)
    main = tuple(
        node.index for node in nodes if node.index in main_path and all(edge.handling for edge in node.outgoing)
    )
    handling = tuple(node.index for node in nodes if not node.outgoing and node.index not in main)
    return main, handling
