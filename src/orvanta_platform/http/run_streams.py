"""A whole run as server-sent events: `status`, `log`, `end`. The id of each is where to go on from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from uuid import UUID

import msgspec
from litestar.response import Stream
from msgspec import UNSET, UnsetType

from orvanta_platform.http import streaming
from orvanta_platform.http.schemas import graph as graph_schemas
from orvanta_platform.services.logs.tail import LogPart
from orvanta_platform.services.run_views.graph import RunGraph
from orvanta_platform.services.run_views.stream import Message

_STATUSES_KEPT = 200


class Printed(msgspec.Struct, kw_only=True):
    """Text of a job's log. `offset`: of its first character in the attempt. `place`: the iteration or branch."""

    job: UUID
    attempt: int
    offset: int
    text: str
    node: str | UnsetType = UNSET
    place: int | UnsetType = UNSET


class Logs(msgspec.Struct, kw_only=True):
    """The data of a `log` message: parts of the logs of nodes, in the order in which they were written."""

    logs: list[Printed]


class Ended(msgspec.Struct, kw_only=True):
    """The data of the `end` message: nothing follows."""

    run_id: UUID
    status: str
    rev: str


def run_stream(messages: AsyncGenerator[Message | None]) -> Stream:
    """An answer of one event per message, a comment where there was none for a while."""
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
"""What was told of late: many readers of one run are told the same."""


def _status(graph: RunGraph, before: RunGraph | None) -> bytes:
    key = (graph.run, before.rev if before is not None else None, graph.rev)
    found = _statuses.get(key)
    if found is None:
        told = graph_schemas.graph(graph) if before is None else graph_schemas.changes(before, graph)
        found = _statuses[key] = msgspec.json.encode(told)
        if len(_statuses) > _STATUSES_KEPT:
            _statuses.popitem(last=False)
    return found


def _printed(part: LogPart) -> Printed:
    return Printed(
        job=part.job,
        attempt=part.attempt,
        offset=part.offset,
        text=part.text,
        node=UNSET if part.node is None else part.node,
        place=UNSET if part.place is None else part.place,
    )
