"""The confined child processes of one program: started on demand, replaced when they end, shared fairly.

Requests wait in the queue of their workspace, and the queues are served in turn. A child has requests of one workspace
at a time, a few of them ahead while they are short, so that no request of a workspace waits behind a long one of
another. A workspace never has all children; one whose request reached a limit of time or memory has one for a while.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from orvanta_platform.evaluate.process import Child, Ended, EndedAtStart, EvaluatorUnavailable, Program, Reply

_MOST_CHILDREN: Final = 3
_MOST_STARTS: Final = 3
"""Children started for one request if each is killed before it is ready."""
_MOST_AHEAD: Final = 8
"""Requests that one child has at a time."""
# A child busy with one request for longer gets no further requests.
_SLOW_S: Final = 0.02
_CLOSED: Final = "The evaluator is closed."
_RESTRICTED_S: Final = 30.0
"""Time for which a workspace has one child after a request of it reached a limit."""


@dataclass(slots=True, eq=False)
class _Seat:
    """A child, the workspace that it works for, and the number of its requests."""

    child: Child
    workspace: str = ""
    requests: int = 0

    @property
    def is_slow(self) -> bool:
        """Tests that its present request is a long one."""
        return self.child.busy_s >= _SLOW_S


class Children:
    """Up to three children of one process; all belong to one event loop."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._seats: list[_Seat] = []
        self._waiting: dict[str, deque[asyncio.Future[_Seat]]] = {}
        """Requests without a child, by workspace; the workspace that was served longest ago comes first."""
        self._restricted: dict[str, float] = {}
        """The time until which a workspace has one child only."""
        self._start: asyncio.Task[None] | None = None
        self._look: asyncio.TimerHandle | None = None
        self._closed = False

    async def ask(self, workspace: str, *request: bytes) -> Reply:
        """The answer to a request sent in pieces. A child that ends while it serves others is replaced.

        Raises EvaluatorUnavailable, and Ended if the request itself ended its child.
        """
        crashes, again = 0, False
        while True:
            seat = await self._seat(workspace, first=again)
            try:
                reply = await seat.child.ask(*request)
            except Ended as end:
                # The child may have been killed from outside just before: try one more.
                crashes += end.blamed
                if end.late or crashes > 1:
                    self._restrict(workspace)
                    raise
                again = True
            else:
                if reply.limit and reply.error is not None:
                    self._restrict(workspace)
                return reply
            finally:
                seat.requests -= 1
                self._serve()

    async def close(self) -> None:
        """End all children. Final."""
        self._closed = True
        if self._look is not None:
            self._look.cancel()
        self._refuse(EvaluatorUnavailable(_CLOSED))
        for seat in self._seats:
            seat.child.kill()
        if self._start is not None:
            await self._start
        await asyncio.gather(*(seat.child.gone() for seat in self._seats))

    async def _seat(self, workspace: str, *, first: bool) -> _Seat:
        """A place at a child, taken for one request. `first`: before the other requests of the workspace."""
        if self._closed:
            raise EvaluatorUnavailable(_CLOSED)
        place: asyncio.Future[_Seat] = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(workspace, deque())
        queue.appendleft(place) if first else queue.append(place)
        self._serve()
        try:
            return await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._forget(workspace, place)
            elif place.exception() is None:
                place.result().requests -= 1
            self._serve()
            raise

    def _forget(self, workspace: str, place: asyncio.Future[_Seat]) -> None:
        queue = self._waiting.get(workspace)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[workspace]

    def _serve(self) -> None:
        """Give places to the requests that wait, one to each workspace in turn, and start a child if one is needed."""
        self._seats = [seat for seat in self._seats if not seat.child.is_gone]
        served = True
        while served:
            served = False
            for workspace in [*self._waiting]:
                seat = self._place(workspace)
                if seat is None:
                    continue
                queue = self._waiting.pop(workspace)
                place = queue.popleft()
                if queue:
                    self._waiting[workspace] = queue
                served = True
                seat.workspace = workspace
                seat.requests += 1
                place.set_result(seat)
        self._grow()

    def _place(self, workspace: str) -> _Seat | None:
        """A child that can take a request of a workspace now."""
        ready = [seat for seat in self._seats if seat.child.is_ready]
        if self._may_take(workspace):
            for seat in ready:
                if not seat.requests:
                    return seat
        if any(other != workspace and self._may_take(other) for other in self._waiting):
            return None
        own = [seat for seat in ready if seat.workspace == workspace and seat.requests < _MOST_AHEAD]
        return min((seat for seat in own if not seat.is_slow), key=lambda seat: seat.requests, default=None)

    def _may_take(self, workspace: str) -> bool:
        """Tests that a workspace may have one more child."""
        held = sum(seat.workspace == workspace and seat.requests > 0 and seat.child.alive for seat in self._seats)
        is_restricted = self._restricted.get(workspace, 0.0) > asyncio.get_running_loop().time()
        return held < (1 if is_restricted else _MOST_CHILDREN - 1)

    def _restrict(self, workspace: str) -> None:
        now = asyncio.get_running_loop().time()
        self._restricted = {each: until for each, until in self._restricted.items() if until > now}
        self._restricted[workspace] = now + _RESTRICTED_S

    def _grow(self) -> None:
        """Start a child if a workspace waits that may have one and all others are at long requests.

        Looks again after a moment if they are at short ones.
        """
        alive = [seat for seat in self._seats if seat.child.alive]
        wanted = any(map(self._may_take, self._waiting))
        if self._closed or self._start is not None or not wanted or len(alive) >= _MOST_CHILDREN:
            return
        loop = asyncio.get_running_loop()
        if all(seat.is_slow for seat in alive):
            self._start = loop.create_task(self._add())
        elif self._look is None:
            self._look = loop.call_later(_SLOW_S, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        self._serve()

    async def _add(self) -> None:
        """Start a child; if that fails, so do the requests that wait."""
        try:
            for _ in range(_MOST_STARTS - 1):
                try:
                    await self._started()
                    break
                except EndedAtStart:
                    continue
            else:
                await self._started()
        except Exception as error:
            self._refuse(error)
        finally:
            self._start = None
        self._serve()

    async def _started(self) -> None:
        if self._closed:
            raise EvaluatorUnavailable(_CLOSED)
        child = Child(self._program)
        seat = _Seat(child)
        self._seats.append(seat)
        try:
            await child.start()
        except BaseException:
            child.kill()
            raise

    def _refuse(self, error: Exception) -> None:
        """Let the requests that wait fail."""
        waiting, self._waiting = self._waiting, {}
        for queue in waiting.values():
            for place in queue:
                if not place.done():
                    place.set_exception(error)
