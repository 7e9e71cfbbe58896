"""Spans of ended runs: the run, its nodes without jobs, its bodies, and attempts that were lost with their workers.

Workers create the spans of the attempts that they record (`worker.attempt_spans`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import structs

from orvanta_platform import ids
from orvanta_platform.db import traces
from orvanta_platform.db.traces import TracedNode, TracedRun
from orvanta_platform.services.platform import Platform
from orvanta_platform.tracing import CALLER, Context, Span, Spans, parse_traceparent, span_id, trace_id

_MAX_RUNS: Final = 500
_MAX_NODES: Final = 10_000
_BODY: Final = "frame"


async def add(platform: Platform, spans: Spans, runs: Sequence[UUID]) -> None:
    """Add the spans of these ended runs. Of many runs with many nodes, the nodes that ended first have none."""
    for start in range(0, len(runs), _MAX_RUNS):
        part = runs[start : start + _MAX_RUNS]
        async with platform.db.acquire() as conn:
            ended = await traces.list_runs(conn, part, CALLER)
            nodes = await traces.list_nodes(conn, part, _MAX_NODES)
            deciders = _contexts(await traces.list_deciders(conn, part))
        for run in ended:
            for span in _spans_of(run, [node for node in nodes if node.run == run.id], deciders):
                spans.add(span)


def _contexts(deciders: Sequence[tuple[UUID, str]]) -> dict[UUID, tuple[Context, ...]]:
    found: dict[UUID, tuple[Context, ...]] = {}
    for node, text in deciders:
        if (context := parse_traceparent(text)) is not None:
            found[node] = (*found.get(node, ()), context)
    return found


def _spans_of(run: TracedRun, nodes: list[TracedNode], deciders: Mapping[UUID, tuple[Context, ...]]) -> Iterator[Span]:
    trace = trace_id(run.root)
    common = {"orvanta.workspace": run.workspace, "orvanta.run": str(run.id)}
    caller = None if run.caller is None else parse_traceparent(msgspec.json.decode(run.caller, type=str))
    about = {"orvanta.path": run.path, "orvanta.kind": run.kind, "orvanta.trigger": run.trigger}
    yield Span(
        context=(trace, span_id(run.id)),
        parent=None if run.root == run.id or run.parent is None else span_id(run.parent),
        name=f"run {run.path or run.kind}",
        started_at=min(run.started_at, run.ended_at),
        ended_at=run.ended_at,
        attributes={**common, **_present(about), "orvanta.status": run.status},
        error=(run.error_name or "failed") if run.status == "failed" else None,
        links=(*(() if caller is None else (caller,)), *deciders.get(run.id, ())),
    )
    yield from _lost_attempts(trace, common, run.id, run.path or run.kind, run.attempts, span_id(run.id))
    holders = _holders(run.id, nodes)
    for node in nodes:
        for span in _spans_of_node(trace, common, run.id, node, holders):
            waits = span.context[1] == span_id(node.id)
            yield structs.replace(span, links=deciders.get(node.id, ())) if waits else span


def _spans_of_node(
    trace: int, common: Mapping[str, str], run: UUID, node: TracedNode, holders: Mapping[UUID, UUID]
) -> Iterator[Span]:
    """Yield the span of a body, of a node without a job, and of the attempts of a job that were lost."""
    inside = span_id(node.parent or run)
    if node.place is not None and node.parent is not None:
        around = span_id(holders.get(node.parent, run))
        body = node.id if node.kind == _BODY else ids.frame_id(run, node.parent, node.place)
        context, inside = (trace, span_id(body)), span_id(body)
        yield _span(context, around, f"body {node.place}", common, node)
    if node.queue is not None:
        yield from _lost_attempts(trace, common, node.id, node.node, _all_attempts(node), inside)
    elif node.kind != _BODY:
        yield _span((trace, span_id(node.id)), inside, f"{node.kind} {node.node}", common, node)


def _span(context: Context, parent: int, name: str, common: Mapping[str, str], node: TracedNode) -> Span:
    return Span(
        context=context,
        parent=parent,
        name=name,
        started_at=min(node.started_at or node.ended_at, node.ended_at),
        ended_at=node.ended_at,
        attributes={**common, "orvanta.node": node.node, "orvanta.kind": node.kind, "orvanta.status": node.state},
        error=(node.error_name or "failed") if node.state == "failed" else None,
    )


def _holders(run: UUID, nodes: list[TracedNode]) -> dict[UUID, UUID]:
    """Return the nodes that hold bodies, by the ids of their openings, of which there is one for each retry."""
    return {
        ids.opening_id(run, node.id, attempt): node.id
        for node in nodes
        if node.queue is None
        for attempt in range(node.failures + 1)
    }


def _all_attempts(node: TracedNode) -> list[dict[str, Any]]:
    """Return the attempts of a job before its last one, and the last one if its worker was lost."""
    if node.error_name != "worker_lost":
        return node.attempts
    last = {"attempt": node.attempt, "started_at": None, "ended_at": node.ended_at.isoformat(), "reason": "worker_lost"}
    return [*node.attempts, last]


def _lost_attempts(
    trace: int, common: Mapping[str, str], job: UUID, name: str, attempts: Sequence[Mapping[str, Any]], parent: int
) -> Iterator[Span]:
    for each in attempts:
        if each["reason"] == "retry":  # its worker has created the span
            continue
        ended_at = datetime.fromisoformat(each["ended_at"])
        started_at = datetime.fromisoformat(each["started_at"]) if each.get("started_at") else ended_at
        about = {"orvanta.job": str(job), "orvanta.worker": each.get("worker"), "orvanta.node": name}
        yield Span(
            context=(trace, span_id(job, each["attempt"])),
            parent=parent,
            name=f"attempt {name}",
            started_at=min(started_at, ended_at),
            ended_at=ended_at,
            attributes={**common, **_present(about), "orvanta.attempt": each["attempt"]},
            error=each["reason"],
        )


def _present(texts: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None}
