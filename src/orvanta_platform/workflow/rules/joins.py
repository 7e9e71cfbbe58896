"""Joins that can never run: all edges of a node are asked for, though two outcomes exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import Edge, Node, NodeList
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic


@dataclass(frozen=True, slots=True)
class _Exclusion:
    """Two outcomes, both used by edges, of which a node ends with one at most."""

    source: Node
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class _Must:
    """Bit sets over the exclusions: whose first, whose second outcome must have happened."""

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
            yield from _never(each, exclusions)


def _exclusions(each: NodeList) -> list[_Exclusion]:
    return [
        _Exclusion(node, first, second)
        for node in each.nodes
        for first, second in combinations(sorted({edge.on for edge in node.outgoing}), 2)
        if not any(first in way and second in way for way in node.ways)
    ]


def _never(each: NodeList, exclusions: list[_Exclusion]) -> Iterator[Diagnostic]:
    own = _own(exclusions)
    must = [_Must()] * len(each.nodes)
    for place in each.order:
        node = each.nodes[place]
        asked = [_of_edge(must, own, edge) for edge in node.incoming]
        must[place] = _all(asked) if node.join == "all" else _some(asked)
        if must[place].contradiction and not any(edge.contradiction for edge in asked):
            yield _diagnostic(ListedNode(node, each.index), exclusions, must[place].contradiction)


def _own(exclusions: list[_Exclusion]) -> dict[tuple[int, str], _Must]:
    """What an edge (source, outcome) itself says about the exclusions."""
    own: dict[tuple[int, str], _Must] = {}
    for number, exclusion in enumerate(exclusions):
        bit = 1 << number
        for outcome, said in ((exclusion.first, _Must(bit, 0)), (exclusion.second, _Must(0, bit))):
            key = (exclusion.source.index, outcome)
            own[key] = _all([own.get(key, _Must()), said])
    return own


def _of_edge(must: list[_Must], own: dict[tuple[int, str], _Must], edge: Edge) -> _Must:
    return _all([must[edge.source], own.get((edge.source, edge.on), _Must())])


def _all(asked: list[_Must]) -> _Must:
    first = second = 0
    for each in asked:
        first |= each.first
        second |= each.second
    return _Must(first, second)


def _some(asked: list[_Must]) -> _Must:
    if not asked:
        return _Must()
    first, second = asked[0].first, asked[0].second
    for each in asked[1:]:
        first &= each.first
        second &= each.second
    return _Must(first, second)


def _diagnostic(place: ListedNode, exclusions: list[_Exclusion], contradiction: int) -> Diagnostic:
    exclusion = exclusions[(contradiction & -contradiction).bit_length() - 1]
    message = (
        f"it can never run: it waits for {exclusion.source.id} to end with both {exclusion.first} and "
        f"{exclusion.second}; join: settled runs after either"
    )
    return diagnostic("join_never", "warning", place, place.path, message)
