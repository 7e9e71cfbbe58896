"""Races on the context: one node exports a name that another one uses, and no path orders the two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import Graph, NodeList
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic

Exporters = dict[str, dict[int, int]]
"""Name → list index → bit set of the nodes of that list that export it, or contain a node that does."""


def context(subject: Subject) -> Iterator[Diagnostic]:
    """context_race: the last commit wins."""
    exporters = _exporters(subject)
    if not exporters:
        return
    descendants = [_descendants(each) for each in subject.graph.lists]
    for listed, used_names in _used(subject):
        for name in sorted(used_names & exporters.keys()):
            other_writer = _other_writer(subject.graph, descendants, exporters[name], listed)
            if other_writer is not None:
                message = f"context.{name} is also written by {other_writer}, and no path orders the two"
                yield diagnostic("context_race", "warning", listed, listed.path, message)


def _exports(listed: ListedNode) -> frozenset[str]:
    export = listed.node.tree.get("export")
    return frozenset(export) if isinstance(export, dict) else frozenset()


def _exporters(subject: Subject) -> Exporters:
    exporters: Exporters = defaultdict(lambda: defaultdict(int))
    for listed in subject.listed_nodes:
        for name in _exports(listed):
            for list_index, index in _around(subject.graph, listed):
                exporters[name][list_index] |= 1 << index
    return exporters


def _around(graph: Graph, listed: ListedNode) -> Iterator[tuple[int, int]]:
    """Yield (list index, node index) of a node and of the nodes around it."""
    at = None if listed.list_index is None else (listed.list_index, listed.node.index)
    while at is not None:
        yield at
        at = graph.lists[at[0]].holder


def _used(subject: Subject) -> Iterator[tuple[ListedNode, set[str]]]:
    used_names: dict[str, set[str]] = {listed.path: set(_exports(listed)) for listed in subject.listed_nodes}
    for use in subject.uses:
        if use.listed is not None:
            used_names[use.listed.path] |= use.reads.get("context") or frozenset()
    for listed in subject.listed_nodes:
        if used_names[listed.path]:
            yield listed, used_names[listed.path]


def _descendants(each: NodeList) -> list[int]:
    descendants = [0] * len(each.nodes)
    for index in reversed(each.order):
        for edge in each.nodes[index].outgoing:
            descendants[index] |= descendants[edge.target] | 1 << edge.target
    return descendants


def _other_writer(
    graph: Graph, descendants: list[list[int]], exporters: dict[int, int], listed: ListedNode
) -> str | None:
    for list_index, index in _around(graph, listed):
        each = graph.lists[list_index]
        ordered = each.nodes[index].ancestors | descendants[list_index][index] | 1 << index
        writers = exporters.get(list_index, 0) & ~ordered
        if writers:
            return each.nodes[(writers & -writers).bit_length() - 1].id
    return None
