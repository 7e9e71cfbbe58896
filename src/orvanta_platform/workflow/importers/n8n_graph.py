"""Nodes and connections of a workflow of n8n."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.importers.findings import Report, record, shortened
from orvanta_platform.workflow.importers.source_settings import SourceSettings
from orvanta_platform.workflow.limits import MAX_NODES

LOOP: Final = "splitInBatches"
_PREFIXES: Final = ("n8n-nodes-base.", "@n8n/n8n-nodes-langchain.")
_MAX_CONNECTIONS: Final = 20_000
_MAX_INPUTS: Final = 100
"""Inputs of a node, of which n8n permits ten. Those of Merge are converted even if nothing is connected to them."""
_HINT: Final = "Download the workflow in n8n again, and pass that file."


class Node(msgspec.Struct, frozen=True):
    """Node as n8n exported it."""

    name: str
    kind: str
    """Type without the name of its package."""
    version: float
    parameters: SourceSettings
    settings: dict[str, Any]
    """The whole object."""


class Connection(msgspec.Struct, frozen=True):
    """Connection of an output to an input; both are counted from 0."""

    source: str
    output: int
    target: str
    input: int


@dataclass(slots=True)
class Graph:
    """Nodes by name, and their connections."""

    nodes: dict[str, Node]
    connections: list[Connection]
    by_source: dict[str, list[Connection]] = field(default_factory=dict)
    by_target: dict[str, list[Connection]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    """Names in an order in which each follows those that lead to it, apart from the connections of loops."""
    positions: dict[str, int] = field(default_factory=dict)
    """Place of each node in the export."""
    before: dict[str, int] = field(default_factory=dict)
    """Ancestors of each node: a bit for each, by its position. Sets would take time and memory of their square."""

    def index(self) -> None:
        """Index the nodes by their place, and the connections by both of their ends."""
        self.positions = {name: index for index, name in enumerate(self.nodes)}
        self.by_source, self.by_target = {}, {}
        for each in self.connections:
            self.by_source.setdefault(each.source, []).append(each)
            self.by_target.setdefault(each.target, []).append(each)

    def reachable(
        self, starts: Iterable[str], blocked: Iterable[str] = (), within: Collection[str] | None = None
    ) -> set[str]:
        """Return the nodes that connections lead to from `starts`, themselves included, but not through `blocked`.

        `within`: only through these; None: through all.
        """

        def following(name: str) -> Iterator[str]:
            for each in self.by_source.get(name, []):
                if within is None or each.target in within:
                    yield each.target

        return _closure(starts, blocked, following)

    def leading_to(self, ends: Iterable[str], blocked: Iterable[str] = ()) -> set[str]:
        """Return the nodes from which connections lead to `ends`, themselves included, but not through `blocked`."""
        return _closure(ends, blocked, lambda name: (each.source for each in self.by_target.get(name, [])))

    def precedes(self, name: str, other: str) -> bool:
        """Return whether connections lead from a node to another one."""
        if not self.before:
            self._find_ancestors()
        position = self.positions.get(name)
        return position is not None and bool(self.before[other] >> position & 1)

    def _find_ancestors(self) -> None:
        """Determine the ancestors of all nodes. Each nested loop takes one more pass over the connections."""
        self.before = dict.fromkeys(self.nodes, 0)
        is_complete = False
        while not is_complete:
            is_complete = True
            for name in self.order:
                found = self.before[name]
                for each in self.by_target.get(name, []):
                    found |= self.before[each.source] | 1 << self.positions[each.source]
                if found != self.before[name]:
                    self.before[name] = found
                    is_complete = False


def _closure(starts: Iterable[str], blocked: Iterable[str], following: Callable[[str], Iterator[str]]) -> set[str]:
    """Return the names that `following` leads to from `starts`, themselves included, but not through `blocked`."""
    closed = set(blocked)
    found: set[str] = set()
    pending = [each for each in starts if each not in closed]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += [each for each in following(name) if each not in closed]
    return found


def read_graph(tree: dict[str, Any], report: Report) -> Graph:
    """Return the graph of an exported workflow, without notes. Raises BadRequest."""
    rows = tree.get("nodes")
    if not isinstance(rows, list) or not isinstance(tree.get("connections", {}), dict):
        raise BadRequest("The file is no workflow of n8n: it has no list of nodes with connections.", hint=_HINT)
    if len(rows) > MAX_NODES:
        raise BadRequest(f"The workflow has {len(rows)} nodes; at most {MAX_NODES} are converted.")
    nodes: dict[str, Node] = {}
    for index, row in enumerate(rows):
        node = _node(row, index)
        if node.name in nodes:
            raise BadRequest(f"Two nodes are named {shortened(node.name)!r}.", hint="Rename one of them in n8n.")
        nodes[node.name] = node
    graph = Graph(nodes, list(_connections(tree.get("connections") or {}, nodes, report)))
    if len(graph.connections) > _MAX_CONNECTIONS:
        raise BadRequest(f"The workflow has more than {_MAX_CONNECTIONS} connections.")
    _leave_out_notes(graph)
    graph.index()
    _break_cycles(graph, report)
    graph.index()
    return graph


def _node(row: Any, index: int) -> Node:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not isinstance(row.get("type"), str):
        raise BadRequest(f"Entry {index} of nodes has no name or type.", hint=_HINT)
    kind = row["type"]
    for prefix in _PREFIXES:
        kind = kind.removeprefix(prefix)
    parameters = row.get("parameters")
    version = row.get("typeVersion", 1)
    if not isinstance(parameters, dict | None):
        raise BadRequest(f"The parameters of the node {shortened(row['name'])!r} are no object.", hint=_HINT)
    settings = SourceSettings(parameters or {})
    return Node(row["name"], kind, version if isinstance(version, int | float) else 1, settings, dict(row))


def _connections(found: dict[str, Any], nodes: dict[str, Node], report: Report) -> Iterator[Connection]:
    for source, kinds in found.items():
        for kind, outputs in record(kinds).items():
            for output, ends in enumerate(outputs if isinstance(outputs, list) else ()):
                for end in ends if isinstance(ends, list) else ():
                    target = end.get("node") if isinstance(end, dict) else None
                    if source not in nodes or target not in nodes:
                        report.add(
                            source,
                            "not_converted",
                            f"The connection to {shortened(str(target))!r} has an end that does not exist.",
                            "Connect the nodes again if they belong together.",
                        )
                    elif kind == "main":
                        index = end.get("index", 0)
                        is_input = isinstance(index, int) and 0 <= index < _MAX_INPUTS
                        yield Connection(source, output, target, index if is_input else 0)
                    else:
                        report.add(
                            source,
                            "not_converted",
                            f"The node is a part of {shortened(target)!r} (connection {shortened(kind)}).",
                            "Set it up in the node that replaces that one.",
                        )


def _leave_out_notes(graph: Graph) -> None:
    graph.nodes = {name: node for name, node in graph.nodes.items() if node.kind != "stickyNote"}
    graph.connections = [
        each for each in graph.connections if each.source in graph.nodes and each.target in graph.nodes
    ]


def _break_cycles(graph: Graph, report: Report) -> None:
    """Remove connections that lead back to an earlier node, except to the node that loops over items.

    Determine the order of the nodes as well.
    """
    state: dict[str, int] = {}
    back: set[Connection] = set()
    for start in _starts(graph):
        if start in state:
            continue
        state[start] = 1
        stack = [(start, iter(graph.by_source.get(start, [])))]
        while stack:
            name, rest = stack[-1]
            edge = next(rest, None)
            if edge is None:
                state[name] = 2
                graph.order.append(name)
                stack.pop()
            elif state.get(edge.target) == 1:
                if graph.nodes[edge.target].kind != LOOP:
                    back.add(edge)
            elif edge.target not in state:
                state[edge.target] = 1
                stack.append((edge.target, iter(graph.by_source.get(edge.target, []))))
    for each in back:
        report.add(
            each.source,
            "not_converted",
            f"The connection back to {shortened(each.target)!r} is a cycle, which a graph of nodes cannot have.",
            "Put the repeated nodes into a while loop that ends by its `stop_after_if`.",
        )
    graph.order.reverse()
    graph.connections = [each for each in graph.connections if each not in back]


def _starts(graph: Graph) -> list[str]:
    first = [name for name in graph.nodes if not graph.by_target.get(name)]
    return [*first, *(name for name in graph.nodes if graph.by_target.get(name))]
