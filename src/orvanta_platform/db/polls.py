"""Polls of one process, sent as one statement.

Each daemon polls with its own query and at its own interval. Those whose interval is half over take the same turn,
and the first query of each is sent as a part of one statement, which costs one round trip and one wake-up of
the database instead of one each. If that statement fails or takes too long, every query is sent by itself. A query
whose statements fail or are slow repeatedly is sent by itself for a while. So no poll delays the others for long.

Turns begin at the times at which the other processes of the machine wake too (`clock.align`). Some intervals double
while the process is idle: notifications arrive, but there was none for a while, and no request either.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from orvanta_platform import clock
from orvanta_platform.db.pool import Connection, Database

OPEN = 0.5
"""Share of its interval after which a daemon takes the turn of others."""

SLOW_S = 0.25
"""Duration in seconds of a joint statement that is slow."""

LIMIT_S = 2.0
"""Duration in seconds after which a joint statement is cancelled and its queries are sent by themselves."""

SLOW_TURNS = 3
"""Number of slow or failed statements in succession after which a query that was a part of them is sent by itself: the
first statement of a connection is slower than the others.
"""

SEPARATE_S = 60.0
"""Seconds for which it is."""

LULL_S = 0.2
"""Seconds between the answer of a turn and what uses the lull after it, and between two of these."""

IDLE_AFTER_S = 10.0
"""Seconds without activity after which a process is idle."""

IDLE_FACTOR = 2
"""Factor by which an idle process extends the intervals that it may extend."""

_ROUSED_S = 0.25
"""Minimum delay, in seconds, of the first turn of a process that is no longer idle: it has better things to do."""

_PARAMETER = re.compile(r"\$(\d+)")

Row = Mapping[str, Any]


class Polls:
    """Turns of the daemons of one process."""

    def __init__(self, database: Database, *, is_notified: Callable[[], bool] = lambda: False) -> None:
        """Create the turns. `is_notified` returns whether notifications arrive; otherwise no interval is extended."""
        self._database = database
        self._is_notified = is_notified
        self._active_at = clock.monotonic()
        self._waiting: set[_Waiter] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._parts: dict[str, _Part] = {}
        self._text, self._text_parts = "", 0
        """Text of the statement with this number of parts."""
        self._slow: dict[str, _Slowness] = {}
        self._lulls = asyncio.Lock()
        self.sent = 0
        """Number of joint statements."""

    @asynccontextmanager
    async def turn(
        self, seconds: float, *, after_s: float | None = None, extend: bool = False
    ) -> AsyncIterator[Connection]:
        """Wait for a turn, at most `seconds`, and yield a connection for one query without side effects.

        The query may be sent as a part of a statement with those of others. Further queries are sent by themselves.

        `after_s`: time after which the turn of others is taken; None: half of `seconds`.
        `extend`: wait `IDLE_FACTOR` times as long while the process is idle.
        """
        turn = await self._next_turn(seconds, after_s, extend=extend)
        try:
            yield _JoinedConnection(self._database, turn)
        finally:
            turn.leave()

    async def rest(self, seconds: float, *, after_s: float) -> None:
        """Sleep at least `after_s` and at most `seconds`, if possible until the answer of a turn has arrived.

        What is done then needs no further wake-up of this process, and finds the connection of the polls free.
        """
        until = asyncio.get_running_loop().time() + seconds  # a statement without an answer delays nobody
        turn = await self._next_turn(seconds, after_s)
        turn.leave()
        await turn.answered(until - asyncio.get_running_loop().time())

    async def lull(self, seconds: float, *, after_s: float) -> None:
        """Sleep like `rest`, until what others do at the end of the turn is done as well.

        What follows finds the connection of the polls free, so that no other one is opened for it.
        """
        await self.rest(seconds, after_s=after_s)
        async with self._lulls:
            await asyncio.sleep(LULL_S)

    def rouse(self) -> None:
        """Record activity: the process is not idle, and what waits for longer than its interval no longer does."""
        was_idle = self._is_idle()
        self._active_at = clock.monotonic()
        if was_idle:
            earliest = asyncio.get_running_loop().time() + _ROUSED_S
            for waiter in self._waiting:
                waiter.due_at = min(waiter.due_at, max(waiter.active_due_at, earliest))
            self._schedule()

    def _is_idle(self) -> bool:
        return clock.monotonic() - self._active_at >= IDLE_AFTER_S and self._is_notified()

    async def _next_turn(self, seconds: float, after_s: float | None, *, extend: bool = False) -> _Turn:
        now = asyncio.get_running_loop().time()
        open_at = now + (seconds * OPEN if after_s is None else after_s)
        active_due_at = due_at = clock.align(open_at, now + seconds)
        if extend and self._is_idle():
            due_at = clock.align(now + seconds, now + IDLE_FACTOR * seconds)
        waiter = _Waiter(due_at, open_at, active_due_at)
        self._waiting.add(waiter)
        self._schedule()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                waiter.turn.result().leave()
            raise
        finally:
            self._waiting.discard(waiter)

    def _schedule(self) -> None:
        """Set the timer to the waiter that is due first."""
        due_at = min((waiter.due_at for waiter in self._waiting), default=float("inf"))
        if due_at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = due_at
            self._timer = asyncio.get_running_loop().call_at(due_at, self._begin)

    def _begin(self) -> None:
        """Begin a turn of the waiters whose interval is half over."""
        self._timer, self._timer_at = None, float("inf")
        now = asyncio.get_running_loop().time()
        due = [waiter for waiter in self._waiting if not waiter.turn.done()]
        if any(waiter.due_at <= now for waiter in due):
            found = [waiter for waiter in due if waiter.open_at <= now]
            turn = _Turn(self, len(found))
            self._waiting.difference_update(found)
            for waiter in found:
                waiter.turn.set_result(turn)
        self._schedule()

    def joins(self, query: _Query) -> bool:
        """Return whether a query may be a part of a statement: its last ones were not slow."""
        slowness = self._slow.get(query.text)
        return slowness is None or clock.monotonic() >= slowness.separate_until

    async def read(self, queries: list[_Query]) -> None:
        """Send the queries as one statement and pass on the rows."""
        started, fast = clock.monotonic(), False
        try:
            async with self._database.acquire() as connection:
                for query in queries:
                    if query.text not in self._parts:
                        names = [each.name for each in (await connection.prepare(query.text)).get_attributes()]
                        self._parts[query.text] = _Part(names, len(query.args))
                by_text = {query.text: query for query in queries}
                parts = dict(self._parts)  # another turn may add some meanwhile
                if len(parts) != self._text_parts:
                    self._text, self._text_parts = _text(parts), len(parts)
                text, args = self._text, _arguments(parts, by_text)
                started = clock.monotonic()
                row = await connection.fetchrow(text, *args)
            fast = clock.monotonic() - started <= SLOW_S
        finally:
            self._record(queries, fast=fast)
        self.sent += 1
        for found, (each, part) in zip(row, parts.items(), strict=True):
            if each in by_text and not (result := by_text[each].rows).done():
                result.set_result([dict(zip(part.names, values, strict=True)) for values in found or ()])

    def _record(self, queries: list[_Query], *, fast: bool) -> None:
        """Count the slow statements of each query. A fast one shows that the query was not the reason."""
        for query in queries:
            if fast:
                self._slow.pop(query.text, None)
                continue
            slowness = self._slow.setdefault(query.text, _Slowness())
            slowness.turns += 1
            if slowness.turns >= SLOW_TURNS:
                slowness.turns, slowness.separate_until = 0, clock.monotonic() + SEPARATE_S


def may_extend(due_s: float | None, seconds: float) -> bool:
    """Return whether an interval of `seconds` may be extended: what is due next, in `due_s` seconds, is due later."""
    return due_s is None or due_s > IDLE_FACTOR * seconds


def _text(parts: Mapping[str, _Part]) -> str:
    """Return the text of the statement.

    It has a part for each query sent so far, so that every connection prepares it once; PostgreSQL does not execute
    those that are not sent this time.
    """
    columns, gate = [], 1
    for text, part in parts.items():
        columns.append(_column(text, gate))
        gate += 1 + part.parameters
    return "SELECT " + ",\n".join(columns)


def _arguments(parts: Mapping[str, _Part], queries: Mapping[str, _Query]) -> list[object]:
    """Return the arguments of the statement that sends these queries."""
    args: list[object] = []
    for text, part in parts.items():
        query = queries.get(text)
        args.append(query is not None)
        args += [None] * part.parameters if query is None else query.args
    return args


def _column(text: str, gate: int) -> str:
    """Return the column of a query: its rows if the parameter `gate` is true. Its own parameters follow that one."""
    numbered = _PARAMETER.sub(lambda found: f"${int(found[1]) + gate}", text)
    return f"CASE WHEN ${gate}::boolean THEN (SELECT array_agg(ROW(p.*)) FROM (\n{numbered}\n) AS p) END"  # noqa: S608


@dataclass(slots=True, eq=False)
class _Waiter:
    due_at: float
    open_at: float
    """Time from which it takes the turn of others."""
    active_due_at: float
    """Time at which it is due unless the process is idle."""
    turn: asyncio.Future[_Turn] = field(default_factory=asyncio.Future)


@dataclass(frozen=True, slots=True)
class _Part:
    """A query that was sent before: the names of its columns, and the number of its parameters."""

    names: list[str]
    parameters: int


@dataclass(slots=True)
class _Slowness:
    """The slow statements of a query in succession, and the time until which it is sent by itself."""

    turns: int = 0
    separate_until: float = float("-inf")


@dataclass(frozen=True, slots=True, eq=False)
class _Query:
    text: str
    args: tuple[object, ...]
    rows: asyncio.Future[list[Row] | None] = field(default_factory=asyncio.Future)
    """Its rows; None: it must be sent by itself."""


class _Turn:
    """A turn that is taken by `size` daemons. It sends their queries once each has one or has left."""

    def __init__(self, polls: Polls, size: int) -> None:
        self._polls = polls
        self._expected = size
        self._queries: list[_Query] | None = []
        self._reading: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()

    async def read(self, text: str, args: tuple[object, ...]) -> list[Row] | None:
        """Return the rows of a query; None if it must be sent by itself."""
        if self._queries is None or any(query.text == text for query in self._queries):
            return None
        query = _Query(text, args)
        self._queries.append(query)
        self._send_if_complete()
        return await query.rows

    async def answered(self, seconds: float) -> None:
        """Wait until there is no statement of this turn under way, at most `seconds`."""
        if seconds > 0 and not self._answered.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._answered.wait()

    def leave(self) -> None:
        """Record that a daemon has no further query."""
        self._expected -= 1
        self._send_if_complete()

    def _send_if_complete(self) -> None:
        if self._queries is not None and len(self._queries) >= self._expected:
            queries, self._queries = self._queries, None
            joined = [query for query in queries if self._polls.joins(query)]
            if len(joined) > 1:
                self._reading = asyncio.create_task(self._read(joined), name="polls")
            else:
                self._answered.set()
            _send_alone(queries if len(joined) <= 1 else [query for query in queries if query not in joined])

    async def _read(self, queries: list[_Query]) -> None:
        limit = asyncio.get_running_loop().call_later(LIMIT_S, self._give_up, queries)
        try:
            await self._polls.read(queries)
        except Exception:  # whatever the reason is: each query is sent again by itself, and raises its own error
            pass
        finally:
            limit.cancel()
            self._answered.set()
            _send_alone(queries)

    def _give_up(self, queries: list[_Query]) -> None:
        """Cancel the statement. Its connection may take a while to become free, which delays no query."""
        _send_alone(queries)
        if self._reading is not None:
            self._reading.cancel()


def _send_alone(queries: list[_Query]) -> None:
    """Let those queries that have no rows be sent by themselves."""
    for query in queries:
        if not query.rows.done():
            query.rows.set_result(None)


class _JoinedConnection:
    """A connection whose first query is part of the turn."""

    def __init__(self, database: Database, turn: _Turn) -> None:
        self._database = database
        self._turn: _Turn | None = turn
        self.alone_s = 0.0
        """Seconds that the latest query took by itself; 0 if it was a part of a statement."""

    async def fetch(self, text: str, *args: object) -> list[Any]:
        """Return the rows of a query."""
        turn, self._turn = self._turn, None
        rows = None if turn is None else await turn.read(text, args)
        if rows is not None:
            return list(rows)
        started = clock.monotonic()
        async with self._database.acquire() as connection:
            found: list[Any] = await connection.fetch(text, *args)
        self.alone_s = clock.monotonic() - started
        return found

    async def fetchrow(self, text: str, *args: object) -> Any:
        """Return the first row of a query; None if there is none."""
        rows = await self.fetch(text, *args)
        return rows[0] if rows else None

    async def fetchval(self, text: str, *args: object) -> Any:
        """Return the first value of the first row of a query; None if there is none."""
        row = await self.fetchrow(text, *args)
        return None if row is None else next(iter(row.values()))
