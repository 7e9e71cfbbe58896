"""Results of the bodies of a node, joined as bytes, and the error of a body that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db import frames as rows
from orvanta_platform.db.frames import BodyResult
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.values import ValueRow, get_values
from orvanta_platform.engine.events import ChildrenEnded, NamedError
from orvanta_platform.engine.loop import MAX_ITERATIONS
from orvanta_platform.engine.plan import Kind
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.decided_values import error_json
from orvanta_platform.orchestrator.frames import Counter
from orvanta_platform.orchestrator.sizes import Sizes
from orvanta_platform.orchestrator.view import ERROR

_PAGE = 5_000
_NULL = b"null"


class NeedsObjects(Exception):
    """Results in object storage must be fetched before they can be joined."""

    def __init__(self, objects: Sequence[str]) -> None:
        super().__init__(f"{len(objects)} objects to fetch")
        self.objects = objects


class _TooLarge(Exception):
    def __init__(self, error: NamedError) -> None:
        super().__init__(error.message)
        self.error = error


class Collected(msgspec.Struct, frozen=True):
    """The event for the node, and the JSON texts of its result and of its error."""

    event: ChildrenEnded
    result: bytes | None
    error: bytes | None = None


class _ErrorFields(msgspec.Struct):
    name: str = "Error"
    message: str = ""


async def collect(
    connection: Connection, run: UUID, counter: Counter, fetched: Mapping[str, bytes], sizes: Sizes
) -> Collected:
    """Collect the outcome of everything that a node opened, all of which is written. Raises NeedsObjects.

    `fetched` holds the contents of objects requested earlier. An array that is too large fails before any fetch.
    """
    if counter.node.kind is Kind.FLOW:
        return await _child(connection, counter, fetched)
    loop, node = counter.loop, counter.node
    try:
        found = await _results(connection, counter.opening(run), fetched, sizes)
    except _TooLarge as raised:
        if loop.cancelled and not (loop.late or loop.aborted is not None):
            return Collected(ChildrenEnded(node.index, cancelled=True), None)
        raw = error_json(raised.error, node.id)
        return Collected(ChildrenEnded(node.index, error=raised.error, retryable=False), raw, raw)
    if loop.reused is not None:
        for opening in loop.reused.openings:
            before = await _results(connection, opening, fetched, sizes)
            found |= {at: each for at, each in before.items() if at not in found and not loop.reused.runs(at)}
    return join(counter, found)


def join(counter: Counter, found: Mapping[int, tuple[str, bytes]]) -> Collected:
    """Return the outcome of a node from state and result of each of its bodies, by place."""
    loop, node = counter.loop, counter.node
    if loop.cancelled and not (loop.late or loop.aborted is not None):
        return Collected(ChildrenEnded(node.index, cancelled=True), None)
    whole = _joined(counter, found)
    error = _error(counter, found)
    if error is None:
        stopped = loop.stopped and not node.kind.is_loop
        event = ChildrenEnded(node.index, stopped=stopped, skips=loop.skips, handed_over=loop.handed_over)
        return Collected(event, whole)
    parsed = _parse_error(error)
    # If a body failed, the array contains its error; a timeout belongs to no place in the array.
    ended = loop.late or loop.aborted is not None
    shows_error = loop.failed is not None and not ended and node.kind is not Kind.BRANCHONE
    disapproved = loop.disapproved and not ended
    event = ChildrenEnded(node.index, error=parsed, retryable=loop.aborted is None, disapproved=disapproved)
    return Collected(event, whole if shows_error else error, error)


def _error(counter: Counter, found: Mapping[int, tuple[str, bytes]]) -> bytes | None:
    """Return `{"error": …}` of the first body that failed and counts, or of the limit that was reached."""
    loop, id = counter.loop, counter.node.id
    if loop.aborted is not None:
        return error_json(NamedError("Canceled", loop.aborted), id)
    if loop.late:
        return _timed_out(id)
    if loop.failed is not None:
        return found.get(loop.failed, ("failed", error_json(NamedError("Error", "It failed."), id)))[1]
    if loop.limited:
        return error_json(NamedError("loop_limit", f"The loop reached {MAX_ITERATIONS} iterations."), id)
    return None


def _timed_out(id: str) -> bytes:
    return error_json(NamedError("Timeout", "timed out: not everything inside the node ended in time"), id)


def _joined(counter: Counter, found: Mapping[int, tuple[str, bytes]]) -> bytes:
    loop, node = counter.loop, counter.node
    if node.kind is Kind.BRANCHONE:
        return next((raw for _, raw in found.values()), _NULL)
    length = loop.reached
    if loop.length is not None and (node.parallel or node.kind is Kind.BRANCHALL):
        length = loop.length
    parts = [_NULL] * length
    for place, (state, raw) in found.items():
        skipped = state == "failed" and node.kind.is_loop and node.skip_failures and place != loop.failed
        if state != "cancelled" and not skipped and place < length:
            parts[place] = raw
    return b"[%s]" % b",".join(parts)


async def _results(
    connection: Connection, opening: UUID, fetched: Mapping[str, bytes], sizes: Sizes
) -> dict[int, tuple[str, bytes]]:
    """Return state and result of each body by place; a body's own row takes precedence over that of its only node."""
    found: list[BodyResult] = []
    first = 0
    while True:
        page = await rows.list_body_results(connection, opening, first, _PAGE)
        found += page
        if len(page) < _PAGE:
            break
        # A place may have two rows, and a page may end between them.
        first = page[-1].place
    by_place = {row.place: row.size for row in found}
    if fault := sizes.fault("the array of the results", sum(by_place.values()) + len(by_place) + 1):
        raise _TooLarge(fault)
    missing = [row.object for row in found if row.object is not None and row.object not in fetched]
    if missing:
        raise NeedsObjects(missing)
    return {row.place: (row.state, _text(row, fetched)) for row in found}


def _text(row: BodyResult | ValueRow, fetched: Mapping[str, bytes]) -> bytes:
    body = fetched[row.object or ""] if row.body is None else row.body
    return values.decoded(body, row.encoding, row.size)


async def _child(connection: Connection, counter: Counter, fetched: Mapping[str, bytes]) -> Collected:
    index = counter.node.index
    end = await rows.get_child_outcome(connection, counter.child) if counter.child is not None else None
    if counter.loop.aborted is not None:
        error = error_json(NamedError("Canceled", counter.loop.aborted), counter.node.id)
        return Collected(ChildrenEnded(index, error=_parse_error(error), retryable=False), error, error)
    if counter.loop.late:
        error = _timed_out(counter.node.id)
        return Collected(ChildrenEnded(index, error=_parse_error(error)), error, error)
    if counter.loop.cancelled:
        return Collected(ChildrenEnded(index, cancelled=True), None)
    found = (
        await _child_values(connection, end.result_of, fetched) if end is not None and end.result_of is not None else {}
    )
    raw = found.get("", _NULL)
    if end is not None and end.status == "succeeded":
        return Collected(ChildrenEnded(index), raw)
    if raw == _NULL:
        raw = error_json(NamedError("Canceled", "The sub-workflow was cancelled."), counter.node.id)
    error = found.get(ERROR, raw)
    return Collected(ChildrenEnded(index, error=_parse_error(error)), raw, error)


async def _child_values(connection: Connection, node: UUID, fetched: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the result, under "", and the error of the node (or run) that provides a run's result."""
    found = await get_values(connection, [(node, "result", ""), (node, "result", ERROR)])
    missing = [row.object for row in found if row.object is not None and row.object not in fetched]
    if missing:
        raise NeedsObjects(missing)
    return {row.name: _text(row, fetched) for row in found}


def _parse_error(raw: bytes) -> NamedError:
    try:
        parsed = msgspec.json.decode(raw, type=dict[str, _ErrorFields]).get("error")
    except msgspec.DecodeError:
        parsed = None
    return NamedError(parsed.name, parsed.message) if parsed else NamedError("Error", "It failed.")
