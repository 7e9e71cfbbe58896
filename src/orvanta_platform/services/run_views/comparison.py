"""Comparison of two runs: status and output of every node, and the first node at which the runs diverge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.values import ValueDigest, ValueKey
from orvanta_platform.engine.plan import Plan
from orvanta_platform.orchestrator import document_threads, values
from orvanta_platform.orchestrator.view import PREPROCESSED
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import graph as run_graph
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.graph import GraphNode, RunGraph
from orvanta_platform.workflow import diff, document
from orvanta_platform.workflow.diff import Difference

SHOWN: Final = 300
"""Maximum size in bytes of a value whose text is included in the comparison."""

_READ_LIMIT: Final = 8 << 20
_NOT_STARTED: Final = ("pending", "skipped")

Same = Literal["same", "differs", "unknown"]
"""`unknown`: the values have the same length but are too long to be read, or one of them was erased."""

Part = Literal["missing", "definition", "status", "output"]


class ComparedValue(msgspec.Struct, frozen=True):
    """An input or output of a run or node."""

    size: int
    """Length of the JSON text."""
    beginning: bytes | None
    """Start of the JSON text, if it is available."""


class ComparedNode(msgspec.Struct, frozen=True):
    """A node of either run."""

    id: str
    """Its id in the later run."""
    before: GraphNode | None
    """None if the run has no such node; also `after`, and the members of `outputs`."""
    after: GraphNode | None
    outputs: tuple[ComparedValue | None, ComparedValue | None]
    output: Same
    parts: tuple[Part, ...]
    """Differences between the two runs of the node."""
    renamed: str | None = None
    """Its id in the earlier run, if it was renamed."""

    @property
    def inside(self) -> str | None:
        """Id of the node that contains it."""
        node = self.after or self.before
        return node.inside if node is not None else None


class ComparedRun(msgspec.Struct, frozen=True):
    """One of the two runs."""

    row: JobRow
    graph: RunGraph
    input: ComparedValue | None
    """None if there is none, or if it was deleted; also `result`."""
    result: ComparedValue | None


class RunComparison(msgspec.Struct, frozen=True):
    """Comparison of two runs."""

    before: ComparedRun
    after: ComparedRun
    difference: Difference | None
    """Difference between the documents; None if they are the same."""
    input: Same
    result: Same
    nodes: tuple[ComparedNode, ...]
    """Nodes in execution order."""
    parts_at: str | None
    """First node at the top level whose two runs differ."""


async def compare(platform: Platform, actor: Actor, workspace: str, before: UUID, after: UUID) -> RunComparison:
    """Compare two runs of any workflows or scripts, or the runs of the jobs with these ids. Raises NotFound."""
    async with platform.db.acquire() as conn:
        first = await _side(platform, conn, actor, workspace, before)
        second = await _side(platform, conn, actor, workspace, after)
        digests = await value_rows.get_digests(conn, [*first.keys, *second.keys], SHOWN)
        texts = await _texts(platform, conn, first.row, second.row)
    difference = await _difference(workspace, texts)
    renamed = {each.after: each.before for each in difference.renamed} if difference is not None else {}
    pairs = [(first.input, second.input), (first.result, second.result)]
    nodes = _paired(first, second, renamed)
    pairs += [(first.output(one), second.output(other)) for _, one, other in nodes]
    erased = first.row.erased or second.row.erased
    verdicts = await _compared(platform, [_found(digests, pair) for pair in pairs], erased=erased)
    redefined = _redefined(difference) if difference is not None else set()
    compared = [
        _node(*node, each, renamed.get(node[0]), redefined=node[0] in redefined)
        for node, each in zip(nodes, verdicts[2:], strict=True)
    ]
    (input_same, inputs), (result_same, results) = verdicts[:2]
    return RunComparison(
        ComparedRun(first.row, first.graph, inputs[0], results[0]),
        ComparedRun(second.row, second.graph, inputs[1], results[1]),
        difference,
        input_same,
        result_same,
        tuple(compared),
        next((node.id for node in compared if node.parts and node.inside is None), None),
    )


class _Side(msgspec.Struct, frozen=True):
    row: JobRow
    graph: RunGraph
    plan: Plan | None

    @property
    def input(self) -> Sequence[ValueKey]:
        """Return the keys of its input; the first existing value counts."""
        keys: list[ValueKey] = [(self.row.id, "args", PREPROCESSED), (self.row.id, "args", "")]
        return keys if self.row.is_flow else keys[1:]

    @property
    def result(self) -> Sequence[ValueKey]:
        """Return the keys of its result."""
        return [(self.row.result_of, "result", "")] if self.row.result_of is not None else []

    def output(self, node: GraphNode | None) -> Sequence[ValueKey]:
        """Return the keys of a node's result."""
        return [] if node is None or node.job is None or node.status in _NOT_STARTED else [(node.job, "result", "")]

    @property
    def keys(self) -> list[ValueKey]:
        """Return the keys of all compared values."""
        return [*self.input, *self.result, *(key for node in self.graph.nodes for key in self.output(node))]


async def _side(platform: Platform, conn: Connection, actor: Actor, workspace: str, id: UUID) -> _Side:
    row = await jobs.get_readable(platform, conn, actor, workspace, id)
    if row.is_step:
        row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
    (row,) = await jobs.add_details(conn, [row])
    graph = await run_graph.of_row(platform, conn, row)
    plan = (await platform.blueprints.workflow(conn, row.document, None)).plan if row.is_flow else None
    return _Side(row, graph, plan)


async def _texts(platform: Platform, conn: Connection, before: JobRow, after: JobRow) -> Sequence[str]:
    """Return the documents of two workflows; none if they are the same, or if one is not a workflow."""
    if before.document == after.document or before.document is None or after.document is None:
        return ()
    if not (before.is_flow and after.is_flow):
        return ()
    return [await platform.blueprints.text(conn, digest) for digest in (before.document, after.document)]


async def _difference(workspace: str, texts: Sequence[str]) -> Difference | None:
    """Return the difference between two documents; None if they are the same, or if there are none."""
    if not texts:
        return None
    found = await document_threads.run_in_thread(workspace, _of_texts, *texts)
    return None if found.same else found


def _of_texts(before: str, after: str) -> Difference:
    trees = [
        document.parse(text.encode(), "json" if text.lstrip()[:1] == "{" else "yaml").tree for text in (before, after)
    ]
    return diff.compare(*trees)


_Pair = tuple[str, GraphNode | None, GraphNode | None]


def _paired(before: _Side, after: _Side, renamed: Mapping[str, str]) -> list[_Pair]:
    """Return the nodes of both runs by their later id, in execution order. Removed nodes are placed where they were."""
    firsts = {node.id: node for node in before.graph.nodes}
    seconds = {node.id: node for node in after.graph.nodes}
    order, paired = _order(after), set(renamed.values())
    present = set(order)
    removed: dict[str | None, list[str]] = {}
    previous = None
    for id in _order(before):
        if id in present:
            previous = id
        elif id not in paired:
            removed.setdefault(previous, []).append(id)
    order = [*removed.get(None, ()), *(each for id in order for each in (id, *removed.get(id, ())))]
    return [(id, firsts.get(renamed.get(id, id)), seconds.get(id)) for id in order]


def _order(side: _Side) -> list[str]:
    """Return the ids of all nodes: a node after its predecessors, and nodes inside a container after it."""
    inside: dict[str | None, list[str]] = {}
    for node in side.graph.nodes:
        inside.setdefault(node.inside, []).append(node.id)
    top = inside.get(None, [])
    if side.plan is not None:
        ranked = _ranks(side.plan)
        top = sorted(top, key=lambda id: ranked.get(id, -1 if id == "preprocessor" else len(top)))
    found: list[str] = []
    waiting = top[::-1]
    while waiting:
        id = waiting.pop()
        found.append(id)
        waiting += inside.get(id, [])[::-1]
    return found


def _ranks(plan: Plan) -> dict[str, int]:
    ranks: dict[str, int] = {}
    depth = [0] * len(plan.nodes)
    ready = [node.index for node in plan.nodes if not node.edges]
    left = {node.index: len({edge.source for edge in node.edges}) for node in plan.nodes}
    while ready:
        index = ready.pop(0)
        ranks[plan.nodes[index].id] = depth[index]
        for target in sorted({each.index for each in plan.nodes[index].targets}):
            depth[target] = max(depth[target], depth[index] + 1)
            left[target] -= 1
            if left[target] == 0:
                ready.append(target)
    return ranks


_Digests = tuple[ValueDigest | None, ValueDigest | None]


def _found(digests: Mapping[ValueKey, ValueDigest], pair: tuple[Sequence[ValueKey], Sequence[ValueKey]]) -> _Digests:
    first, second = (next((digests[key] for key in keys if key in digests), None) for keys in pair)
    return first, second


_Compared = tuple[Same, tuple[ComparedValue | None, ComparedValue | None]]


async def _compared(platform: Platform, pairs: Sequence[_Digests], *, erased: bool) -> list[_Compared]:
    """Compare the values of each pair.

    Values of the same length without comparable digests are read, up to a total limit.
    """
    verdicts: list[Same] = ["unknown" if erased and None in pair else _by_digest(*pair) for pair in pairs]
    room, keys = _READ_LIMIT, []
    for pair, same in zip(pairs, verdicts, strict=True):
        if same == "unknown" and pair[0] is not None and pair[1] is not None and 2 * pair[0].size <= room:
            room -= 2 * pair[0].size
            keys += [pair[0].key, pair[1].key]
    if keys:
        async with platform.db.acquire() as conn:
            rows = await value_rows.get_values(conn, keys)
        opened = await values.open_rows(platform.storage, rows)
        verdicts = [_by_content(same, pair, opened) for same, pair in zip(verdicts, pairs, strict=True)]
    return [(same, (_value(pair[0]), _value(pair[1]))) for same, pair in zip(verdicts, pairs, strict=True)]


def _by_digest(before: ValueDigest | None, after: ValueDigest | None) -> Same:
    if before is None or after is None:
        return "same" if before is after else "differs"
    if before.size != after.size:
        return "differs"
    if before.encoding == after.encoding and before.digest is not None and before.digest == after.digest:
        return "same"
    return "differs" if before.encoding == after.encoding == 0 else "unknown"


def _by_content(same: Same, pair: _Digests, opened: Mapping[ValueKey, bytes]) -> Same:
    if same != "unknown" or pair[0] is None or pair[1] is None or not {pair[0].key, pair[1].key} <= opened.keys():
        return same
    return "same" if opened[pair[0].key] == opened[pair[1].key] else "differs"


def _value(found: ValueDigest | None) -> ComparedValue | None:
    return None if found is None else ComparedValue(found.size, found.beginning)


def _node(
    id: str,
    before: GraphNode | None,
    after: GraphNode | None,
    verdicts: _Compared,
    renamed: str | None,
    *,
    redefined: bool,
) -> ComparedNode:
    same, outputs = verdicts
    parts: list[Part] = []
    if before is None or after is None:
        parts.append("missing")
    else:
        if redefined:
            parts.append("definition")
        if not _has_same_status(before, after):
            parts.append("status")
        if same == "differs":
            parts.append("output")
    return ComparedNode(id, before, after, outputs, same, tuple(parts), renamed)


def _has_same_status(before: GraphNode, after: GraphNode) -> bool:
    """Return whether a node had the same outcome. Nodes inside a container with a reused result have none."""
    if any(node.inside is not None and node.reused for node in (before, after)):
        return True
    return (before.status, before.error_name, before.counts) == (after.status, after.error_name, after.counts)


def _redefined(difference: Difference) -> set[str]:
    return {each.id for each in difference.changed} | {each.id for each in difference.moved}
