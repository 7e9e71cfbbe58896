"""Pool of confined child processes of one program: started on demand, replaced when they end, shared fairly.

Each workspace has a queue of requests, and the queues are served in turn. A child serves one workspace at a time, with
a few requests queued in it while they are short, so that no request waits behind a long one of another workspace. A
workspace never occupies all children; one whose request reached a limit of time or memory is restricted to one child
for a while.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from orvanta_platform.evaluate.process import Child, Ended, EndedAtStart, EvaluatorUnavailable, Program, Reply

_MAX_CHILDREN: Final = 3
_MAX_STARTS: Final = 3
"""Maximum number of children started for one request if each is killed before it is ready."""
_MAX_QUEUED: Final = 8
"""Maximum number of requests in one child."""
# A child that has been busy with one request for longer gets no further requests.
_SLOW_S: Final = 0.02
_CLOSED: Final = "The evaluator is closed."
_RESTRICTED_S: Final = 30.0
"""Time for which a workspace is restricted to one child after one of its requests reached a limit."""


@dataclass(slots=True, eq=False)
class _Seat:
    """Child process with the workspace that it serves and the number of its requests."""

    child: Child
    workspace: str = ""
    requests: int = 0

    @property
    def is_slow(self) -> bool:
        """Return whether its current request is a long one."""
        return self.child.busy_s >= _SLOW_S


class Children:
    """Pool of up to three child processes; belongs to one event loop."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._seats: list[_Seat] = []
        self._waiting: dict[str, deque[asyncio.Future[_Seat]]] = {}
        """Requests without a child, by workspace; the workspace served least recently comes first."""
        self._restricted: dict[str, float] = {}
        """Times until which workspaces are restricted to one child."""
        self._start: asyncio.Task[None] | None = None
        self._recheck: asyncio.TimerHandle | None = None
        self._closed = False

    async def ask(self, workspace: str, *request: bytes) -> Reply:
        """Send a request in pieces and return its answer. A child that ends while it serves others is replaced.

        Raises EvaluatorUnavailable, and Ended if the request itself ended its child.
        """
        crashes, retry = 0, False
        while True:
            seat = await self._take_seat(workspace, first=retry)
            try:
                reply = await seat.child.ask(*request)
            except Ended as end:
                # The child may have been killed from outside just before: try once more.
                crashes += end.blamed
                if end.late or crashes > 1:
                    self._restrict(workspace)
                    raise
                retry = True
            else:
                if reply.limit and reply.error is not None:
                    self._restrict(workspace)
                return reply
            finally:
                seat.requests -= 1
                self._serve()

    def start(self) -> None:
        """Start a child before the first request needs it. If that fails, the request starts another one."""
        if not self._closed and self._start is None and not self._seats:
            self._start = asyncio.get_running_loop().create_task(self._add_child())

    async def close(self) -> None:
        """End all child processes. The pool cannot be used afterwards."""
        self._closed = True
        if self._recheck is not None:
            self._recheck.cancel()
        self._fail_waiting(EvaluatorUnavailable(_CLOSED))
        for seat in self._seats:
            seat.child.kill()
        if self._start is not None:
            await self._start
        await asyncio.gather(*(seat.child.wait_closed() for seat in self._seats))

    async def _take_seat(self, workspace: str, *, first: bool) -> _Seat:
        """Wait for a seat for one request; with `first`, before the other requests of the workspace."""
        if self._closed:
            raise EvaluatorUnavailable(_CLOSED)
        waiter: asyncio.Future[_Seat] = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(workspace, deque())
        queue.appendleft(waiter) if first else queue.append(waiter)
        self._serve()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._remove_waiter(workspace, waiter)
            elif waiter.exception() is None:
                waiter.result().requests -= 1
            self._serve()
            raise

    def _remove_waiter(self, workspace: str, waiter: asyncio.Future[_Seat]) -> None:
        queue = self._waiting.get(workspace)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._waiting[workspace]

    def _serve(self) -> None:
        """Assign seats to waiting requests, one per workspace in turn, and start a child if one is needed."""
        self._seats = [seat for seat in self._seats if not seat.child.is_gone]
        served = True
        while served:
            served = False
            for workspace in [*self._waiting]:
                seat = self._find_seat(workspace)
                if seat is None:
                    continue
                queue = self._waiting.pop(workspace)
                waiter = queue.popleft()
                if queue:
                    self._waiting[workspace] = queue
                served = True
                if waiter.done():  # cancelled, and its task has not run since
                    continue
                seat.workspace = workspace
                seat.requests += 1
                waiter.set_result(seat)
        self._start_if_needed()

    def _find_seat(self, workspace: str) -> _Seat | None:
        """Return a child that can take a request of a workspace now."""
        ready = [seat for seat in self._seats if seat.child.is_ready]
        if self._may_take(workspace):
            for seat in ready:
                if not seat.requests:
                    return seat
        if any(other != workspace and self._may_take(other) for other in self._waiting):
            return None
        own = [seat for seat in ready if seat.workspace == workspace and seat.requests < _MAX_QUEUED]
        return min((seat for seat in own if not seat.is_slow), key=lambda seat: seat.requests, default=None)

    def _may_take(self, workspace: str) -> bool:
        """Return whether a workspace may occupy one more child."""
        busy = sum(seat.workspace == workspace and seat.requests > 0 and seat.child.alive for seat in self._seats)
        is_restricted = self._restricted.get(workspace, 0.0) > asyncio.get_running_loop().time()
        return busy < (1 if is_restricted else _MAX_CHILDREN - 1)

    def _restrict(self, workspace: str) -> None:
        now = asyncio.get_running_loop().time()
        self._restricted = {each: until for each, until in self._restricted.items() if until > now}
        self._restricted[workspace] = now + _RESTRICTED_S

    def _start_if_needed(self) -> None:
        """Start a child if an eligible workspace waits and all other children are busy with long requests.

        If they are busy with short ones, check again after a moment.
        """
        alive = [seat for seat in self._seats if seat.child.alive]
        is_needed = any(map(self._may_take, self._waiting))
        if self._closed or self._start is not None or not is_needed or len(alive) >= _MAX_CHILDREN:
            return
        loop = asyncio.get_running_loop()
        if all(seat.is_slow for seat in alive):
            self._start = loop.create_task(self._add_child())
        elif self._recheck is None:
            self._recheck = loop.call_later(_SLOW_S, self._check_again)

    def _check_again(self) -> None:
        self._recheck = None
        self._serve()

    async def _add_child(self) -> None:
        """Start a child; if that fails, fail the waiting requests."""
        try:
            for _ in range(_MAX_STARTS - 1):
                try:
                    await self._start_child()
                    break
                except EndedAtStart:
                    continue
            else:
                await self._start_child()
        except Exception as error:
            self._fail_waiting(error)
        finally:
            self._start = None
        self._serve()

    async def _start_child(self) -> None:
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

    def _fail_waiting(self, error: Exception) -> None:
        """Fail the waiting requests with this error."""
        waiting, self._waiting = self._waiting, {}
        for queue in waiting.values():
            for waiter in queue:
                if not waiter.done():
                    waiter.set_exception(error)
