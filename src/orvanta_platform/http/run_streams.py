"""Server-sent events of a whole run: `status`, `log`, `end`. The id of an event is the position to resume from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

import msgspec
from litestar.response import Stream
from msgspec import UNSET, UnsetType

from orvanta_platform.http import streaming
from orvanta_platform.http.schemas import graph as graph_schemas
from orvanta_platform.services.logs.tail import LogPart
from orvanta_platform.services.run_views.graph import RunGraph
from orvanta_platform.services.run_views.stream import Message

_MAX_STATUSES = 200


class Printed(msgspec.Struct, kw_only=True):
    """Text of a job's log."""

    job: UUID
    attempt: int
    offset: int
    """Position of the first character in the log of the attempt."""

    text: str
    at: datetime
    """Time at which the last character was written."""

    node: str | UnsetType = UNSET
    place: int | UnsetType = UNSET
    """Index of the iteration or branch."""


class Logs(msgspec.Struct, kw_only=True):
    """Data of a `log` message: parts of the logs of nodes, in the order in which they were written."""

    logs: list[Printed]


class Ended(msgspec.Struct, kw_only=True):
    """Data of the `end` message, the last one of a stream."""

    run_id: UUID
    status: str
    rev: str


def run_stream(messages: AsyncGenerator[Message | None]) -> Stream:
    """Return a response of one event per message, and a comment if there was none for a while."""
    return streaming.event_stream(_events(messages))


async def _events(messages: AsyncGenerator[Message | None]) -> AsyncIterator[bytes]:
    async with aclosing(messages):
        async for message in messages:
            yield streaming.KEEP_ALIVE if message is None else _event(message)


def _event(message: Message) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (message.kind.encode(), message.cursor.encode(), _data(message))


def _data(message: Message) -> bytes:
    if message.kind == "log":
        return msgspec.json.encode(Logs(logs=[_printed(part) for part in message.parts]))
    assert message.graph is not None
    if message.kind == "end":
        graph = message.graph
        return msgspec.json.encode(Ended(run_id=graph.run, status=graph.status, rev=graph.rev))
    return _status(message.graph, message.before)


_statuses: OrderedDict[tuple[UUID, str | None, str], bytes] = OrderedDict()
"""The latest status messages, shared by all readers of a run."""


def _status(graph: RunGraph, before: RunGraph | None) -> bytes:
    key = (graph.run, before.rev if before is not None else None, graph.rev)
    found = _statuses.get(key)
    if found is None:
        data = graph_schemas.graph(graph) if before is None else graph_schemas.changes(before, graph)
        found = _statuses[key] = msgspec.json.encode(data)
        if len(_statuses) > _MAX_STATUSES:
            _statuses.popitem(last=False)
    return found


def _printed(part: LogPart) -> Printed:
    return Printed(
        job=part.job,
        attempt=part.attempt,
        offset=part.offset,
        text=part.text,
        at=part.at,
        node=UNSET if part.node is None else part.node,
        place=UNSET if part.place is None else part.place,
    )
