"""The confined child processes of one program: started on demand, replaced when they end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from orvanta_platform.evaluate.process import Child, Ended, EndedAtStart, EvaluatorUnavailable, Program, Reply

_MOST_CHILDREN: Final = 3
_MOST_STARTS: Final = 3
"""Children started for one request if each is killed before it is ready."""
# A child busy with one request for longer is waited for only if no other child is available.
_SLOW_S: Final = 0.02


class Children:
    """Up to three children of one process; all belong to one event loop."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._children: list[Child] = []
        self._starting = asyncio.Lock()
        self._closed = False

    async def ask(self, *request: bytes) -> Reply:
        """The answer to a request sent in pieces. A child that ends while it serves others is replaced.

        Raises EvaluatorUnavailable, and Ended if the request itself ended its child.
        """
        crashes = 0
        while True:
            child = await self._child()
            try:
                return await child.ask(*request)
            except Ended as end:
                # The child may have been killed from outside just before: try one more.
                crashes += end.blamed
                if end.late or crashes > 1:
                    raise

    async def close(self) -> None:
        """End all children. Final."""
        self._closed = True
        for child in self._children:
            child.kill()
        await asyncio.gather(*(child.gone() for child in self._children))

    async def _child(self) -> Child:
        """A child for the next request; another one is started if all are busy with long requests."""
        best = self._best()
        if best is not None:
            return best
        async with self._starting:
            best = self._best()
            if best is not None:
                return best
            for _ in range(_MOST_STARTS - 1):
                with suppress(EndedAtStart):
                    return await self._start()
            return await self._start()

    async def _start(self) -> Child:
        if self._closed:
            raise EvaluatorUnavailable("The evaluator is closed.")
        child = Child(self._program)
        self._children.append(child)
        try:
            await child.start()
        except BaseException:
            child.kill()
            raise
        return child

    def _best(self) -> Child | None:
        self._children = [child for child in self._children if not child.is_gone]
        alive = [child for child in self._children if child.alive]
        ready = [child for child in alive if child.is_ready]
        best = min(ready, key=lambda child: (child.busy_s >= _SLOW_S, child.pending), default=None)
        if best is not None and best.busy_s >= _SLOW_S and len(alive) < _MOST_CHILDREN:
            return None
        return best
