"""Spans of attempts, created by the worker that executed them when they are recorded."""

from __future__ import annotations

from datetime import timedelta

from orvanta_platform import clock
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.tracing import Span, Spans, span_id, trace_id


def add(spans: Spans, job: ClaimedJob, finish: Finish, took_s: float) -> None:
    """Add the span of an attempt that took `took_s` seconds and has just been recorded."""
    run, ended_at = job.run, clock.now()
    attributes: dict[str, str | int] = {
        "orvanta.workspace": run.workspace,
        "orvanta.run": str(run.id),
        "orvanta.job": str(job.id),
        "orvanta.attempt": job.attempt,
        "orvanta.kind": job.kind,
        "orvanta.queue": job.queue,
        "orvanta.worker": str(finish.worker),
    }
    optional = {"orvanta.node": job.node, "orvanta.language": job.language, "orvanta.path": job.path}
    spans.add(
        Span(
            context=(trace_id(run.root), span_id(job.id, job.attempt)),
            parent=span_id(job.frame or run.id),
            name=f"attempt {job.node or job.path or job.language or job.kind}",
            started_at=ended_at - timedelta(seconds=took_s),
            ended_at=ended_at,
            attributes=attributes | {name: text for name, text in optional.items() if text is not None},
            error=finish.error.name if finish.error is not None else None,
        )
    )
