"""Readable history of a run: events, attempts of nodes and decisions in chronological order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import history as rows
from orvanta_platform.db.history import HistoryPosition, HistoryRow
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.plan import Plan
from orvanta_platform.errors import BadRequest
from orvanta_platform.ids import node_job_id
from orvanta_platform.orchestrator.sizes import SizeWarning
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

MAX_PAGE_SIZE = 1_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class HistoryLine(msgspec.Struct, frozen=True):
    """An entry of the history."""

    id: str
    """Stable id."""
    at: datetime
    kind: str
    text: str
    """A sentence."""
    node: str | None
    job: UUID | None
    attempt: int | None
    place: int | None
    """Number of the body it happened in, from 0."""
    worker: str | None
    error_name: str | None
    data: str | None
    """JSON text of an event, if it has any."""


class HistoryPage(msgspec.Struct, frozen=True):
    """A page of entries in order."""

    lines: tuple[HistoryLine, ...]
    last: str | None
    """Cursor for the next page; None: there are no entries yet."""
    more: bool


async def read(
    platform: Platform, actor: Actor, workspace: str, id: UUID, *, after: str | None, limit: int, inside: bool = False
) -> HistoryPage:
    """Return at most `limit` (≤ MAX_PAGE_SIZE) entries of a run after `after` (`last` of a page). Raises NotFound,
    BadRequest.

    `inside`: include nested nodes.
    """
    position = _position(after)
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
        found = await rows.list_lines(conn, row.run, position, limit + 1, inside=inside, has_nodes=row.is_flow)
        plan = await _plan(platform, conn, row) if row.is_flow else None
    names = {node_job_id(row.run, node.id): node.id for node in plan.all_nodes} if plan is not None else {}
    lines = tuple(_line(each, plan, names) for each in found[:limit])
    last = _cursor(found[:limit][-1]) if lines else after
    return HistoryPage(lines, last, len(found) > limit)


async def _plan(platform: Platform, conn: Connection, row: JobRow) -> Plan:
    return (await platform.blueprints.workflow(conn, row.document, None)).plan


def _cursor(row: HistoryRow) -> str:
    return f"{(row.at - _BEGINNING) // _MICROSECOND}-{row.rank}-{row.id}"


def _position(after: str | None) -> HistoryPosition:
    if not after:
        return HistoryPosition()
    moment, _, rest = after.partition("-")
    rank, _, id = rest.partition("-")
    known = moment.isascii() and moment.isdigit() and len(moment) <= 17 and rank in ("0", "1", "2", "3", "4") and id
    if not known or len(id) > 60 or not id.isascii() or not id.isprintable():
        raise BadRequest("after is not a cursor of a history.", hint="Send `last` of the previous page.")
    return HistoryPosition(_BEGINNING + int(moment) * _MICROSECOND, int(rank), id)


def _line(row: HistoryRow, plan: Plan | None, names: Mapping[UUID, str]) -> HistoryLine:
    node = row.node if plan is not None else None
    if node is None and plan is not None and row.node_index is not None:
        node = plan.node(row.node_index).id
    if node is None and row.job is not None:
        node = names.get(row.job)
    data: Any = msgspec.json.decode(row.data) if row.data is not None else None
    text = _text(row, data if isinstance(data, dict) else {})
    return HistoryLine(
        row.id,
        row.at,
        row.kind,
        f"{node}: {text}" if node is not None else text,
        node,
        row.job,
        row.attempt,
        row.place,
        row.worker,
        row.error_name,
        row.data,
    )


def _text(row: HistoryRow, data: Mapping[str, Any]) -> str:
    again = f", attempt {row.attempt}" if row.attempt and row.attempt > 1 else ""
    error = f": {row.error_name}" if row.error_name else ""
    match row.kind:
        case "started":
            return "started" + (f" on {row.worker}" if row.worker else "") + again
        case "ended":
            return f"{row.state}{error}"
        case "body_ended":
            return f"body {row.place} {row.state}{error}"
        case "attempt_ended":
            return f"attempt {row.attempt} ended, {_words(row.state)}{error}"
        case "decision":
            reason = f": {data['reason']}" if data.get("reason") else ""
            return f"{row.state} by {data.get('by')}{reason}"
    return _of_event(row.kind, data)


def _of_event(kind: str, data: Mapping[str, Any]) -> str:
    match kind:
        case "run_started":
            return "the run started"
        case "run_ended":
            return f"the run {data.get('status')}" + (
                ", recovered by the failure module" if data.get("recovered") else ""
            )
        case "retry":
            return f"waits {data.get('delay_s')} s for its next attempt"
        case "reap":
            return "its worker was lost"
        case "value_near_limit":
            return msgspec.convert(data, SizeWarning).text
        case "export":
            return f"wrote {data.get('name')} into the context"
        case "restart":
            where = ", at its failed nodes" if data.get("retry") else ""
            return f"continues the run {data.get('run')}{where}"
        case "rerun":
            return f"repeats the run {data.get('run')}"
        case "moved":
            return f"moved to another version of the workflow by {data.get('by')}"
        case "cancel":
            return "cancelled, without waiting for workers" if data.get("force") else "cancelled"
    return _words(kind)


def _words(word: str | None) -> str:
    return (word or "").replace("_", " ")
