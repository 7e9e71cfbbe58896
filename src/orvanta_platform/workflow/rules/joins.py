"""Joins that can never run, because a node needs all its edges although two outcomes exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import msgspec

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import Edge, Node, NodeList
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic


class _Exclusion(msgspec.Struct, frozen=True):
    """Two outcomes used by edges of which a node ends with at most one."""

    source: Node
    first: str
    second: str


class _Required(msgspec.Struct, frozen=True):
    """Bit sets over the exclusions: those whose first, or second, outcome must have happened."""

    first: int = 0
    second: int = 0

    @property
    def contradiction(self) -> int:
        return self.first & self.second


def joins(subject: Subject) -> Iterator[Diagnostic]:
    """join_never, at the node where the two outcomes first meet."""
    for each in subject.graph.lists:
        exclusions = _exclusions(each)
        if exclusions:
            yield from _impossible(each, exclusions)


def _exclusions(each: NodeList) -> list[_Exclusion]:
    return [
        _Exclusion(node, first, second)
        for node in each.nodes
        for first, second in combinations(sorted({edge.on for edge in node.outgoing}), 2)
        if not any(first in way and second in way for way in node.ways)
    ]


def _impossible(each: NodeList, exclusions: list[_Exclusion]) -> Iterator[Diagnostic]:
    edge_requirements = _edge_requirements(exclusions)
    required = [_Required()] * len(each.nodes)
    for index in each.order:
        node = each.nodes[index]
        required_by_edge = [_of_edge(required, edge_requirements, edge) for edge in node.incoming]
        required[index] = _all(required_by_edge) if node.join == "all" else _some(required_by_edge)
        if required[index].contradiction and not any(edge.contradiction for edge in required_by_edge):
            yield _diagnostic(ListedNode(node, each.index), exclusions, required[index].contradiction)


def _edge_requirements(exclusions: list[_Exclusion]) -> dict[tuple[int, str], _Required]:
    """Return the requirements of each edge (source, outcome) itself."""
    edge_requirements: dict[tuple[int, str], _Required] = {}
    for number, exclusion in enumerate(exclusions):
        bit = 1 << number
        for outcome, requirement in ((exclusion.first, _Required(bit, 0)), (exclusion.second, _Required(0, bit))):
            key = (exclusion.source.index, outcome)
            edge_requirements[key] = _all([edge_requirements.get(key, _Required()), requirement])
    return edge_requirements


def _of_edge(required: list[_Required], edge_requirements: dict[tuple[int, str], _Required], edge: Edge) -> _Required:
    return _all([required[edge.source], edge_requirements.get((edge.source, edge.on), _Required())])


def _all(required_by_edge: list[_Required]) -> _Required:
    first = second = 0
    for each in required_by_edge:
        first |= each.first
        second |= each.second
    return _Required(first, second)


def _some(required_by_edge: list[_Required]) -> _Required:
    if not required_by_edge:
        return _Required()
    first, second = required_by_edge[0].first, required_by_edge[0].second
    for each in required_by_edge[1:]:
        first &= each.first
        second &= each.second
    return _Required(first, second)


def _diagnostic(listed: ListedNode, exclusions: list[_Exclusion], contradiction: int) -> Diagnostic:
    exclusion = exclusions[(contradiction & -contradiction).bit_length() - 1]
    message = (
        f"it can never run: it waits for {exclusion.source.id} to end with both {exclusion.first} and "
        f"{exclusion.second}; join: settled runs after either"
    )
    return diagnostic("join_never", "warning", listed, listed.path, message)
