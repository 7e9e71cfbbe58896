"""Export of spans to a receiver that speaks OTLP over HTTP, in a thread, so that nothing waits for the receiver.

The libraries of OpenTelemetry are imported only if `ORVANTA_OTLP_ENDPOINT` is set.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import structlog

from orvanta_platform import __version__
from orvanta_platform.daemons import ended_runs
from orvanta_platform.services.platform import Platform
from orvanta_platform.tracing import Context, Span, Spans

BATCH: Final = 512
"""Maximum number of spans in one request."""

TIMEOUT_S: Final = 5
"""Seconds after which a request, with its repetitions, is given up and its spans are dropped. A process that ends waits
for a request that is being sent.
"""

COLLECT_S: Final = 1.0
"""Seconds for which spans are collected before they are exported."""

LAST_S: Final = 5.0
"""Seconds for which a process that ends exports its last spans."""

Export = Callable[[Sequence[Span]], bool]

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Export spans as they are added."""
    spans, endpoint = platform.spans, platform.settings.otlp_endpoint
    if spans is None or endpoint is None:
        await asyncio.Event().wait()
        return
    export = await asyncio.to_thread(exporter, endpoint)
    try:
        while True:
            await spans.wait()
            await asyncio.sleep(COLLECT_S)
            await _export_all(spans, export)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await ended_runs.record_ended(platform)
                await _export_all(spans, export)


async def _export_all(spans: Spans, export: Export) -> None:
    while batch := spans.take(BATCH):
        exported = await asyncio.to_thread(export, batch)
        spans.count(len(batch), exported=exported)
        if not exported:
            log.warning("spans were not accepted", action="trace_export", spans=len(batch))
            return


def exporter(endpoint: str) -> Export:
    """Return a function that sends spans to the endpoint and returns whether they were accepted. It blocks."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExportResult

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # failures are logged here, in the format of the log
    resource = Resource.create({"service.name": "orvanta", "service.version": __version__})
    sender = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_S)

    def export(spans: Sequence[Span]) -> bool:
        return sender.export([_convert(span, resource) for span in spans]) is SpanExportResult.SUCCESS

    return export


def _convert(span: Span, resource: Any) -> Any:
    """Return the span in the form of the library."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, Status, StatusCode

    return ReadableSpan(
        name=span.name,
        context=_context(span.context),
        parent=None if span.parent is None else _context((span.context[0], span.parent)),
        resource=resource,
        attributes=span.attributes,
        links=[Link(_context(each)) for each in span.links],
        status=Status(StatusCode.ERROR, span.error) if span.error is not None else Status(StatusCode.OK),
        start_time=_nanoseconds(span.started_at),
        end_time=_nanoseconds(span.ended_at),
        instrumentation_scope=InstrumentationScope("orvanta", __version__),
    )


def _context(context: Context) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(*context, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
