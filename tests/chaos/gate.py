"""The gate: processes under test wait at their crash points until the test releases them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 180.0
"""Timeout of a wait, longer than anything that succeeds takes."""


@dataclass(eq=False)
class Arrival:
    """A process (its pid and its parent's) that waits at a crash point."""

    point: str
    pid: int
    parent: int
    role: str
    facts: dict[str, Any]
    answer: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def let(self, answer: str = "go") -> None:
        """Release the process."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Gate:
    """Server in `folder` to which processes with CHAOS_GATE set to it connect at their crash points."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[Arrival] = []
        """Arrivals since the last disarm, in order."""
        self._armed: dict[str, Callable[[Arrival], bool]] = {}
        self._counted: set[str] = set()
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start to listen, with no point armed."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        self._write()
        self._server = await asyncio.start_unix_server(self._serve, self.folder / "gate")

    async def close(self) -> None:
        """Release all processes and stop listening."""
        self.disarm()
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def arm(self, point: str, where: Callable[[Arrival], bool] = lambda arrival: True) -> None:
        """From now on, stop each process that arrives at `point` and matches `where`."""
        self._armed[point] = where
        self._write()

    def count(self, point: str) -> None:
        """From now on, record arrivals at `point` without stopping them."""
        self._counted.add(point)
        self.arm(point)

    def disarm(self, *points: str) -> None:
        """Release the processes at these points (without names: at all points), and do not stop later ones."""
        gone = points or tuple(self._armed)
        for point in gone:
            self._armed.pop(point, None)
            self._counted.discard(point)
        self._write()
        for arrival in self.seen:
            if arrival.point in gone:
                arrival.let()
        self.seen = [arrival for arrival in self.seen if arrival.point not in gone]

    async def arrival(self, point: str, where: Callable[[Arrival], bool] = lambda arrival: True) -> Arrival:
        """Return the first arrival at `point` that matches `where`."""
        return (await self.arrivals(point, 1, where))[0]

    async def arrivals(
        self, point: str, count: int, where: Callable[[Arrival], bool] = lambda arrival: True
    ) -> list[Arrival]:
        """Return the first `count` arrivals at `point` that match `where`."""

        def found() -> list[Arrival]:
            return [arrival for arrival in self.seen if arrival.point == point and where(arrival)]

        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()[:count]

    def _write(self) -> None:
        draft = self.folder / "armed.new"
        draft.write_text("".join(f"{point}\n" for point in self._armed))
        draft.replace(self.folder / "armed")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            line = await reader.readline()
            if line:
                arrival = Arrival(**json.loads(line))
                writer.write((await self._answer(arrival, reader)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            return  # the process was killed at the point
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, arrival: Arrival, reader: asyncio.StreamReader) -> str:
        where = self._armed.get(arrival.point)
        if where is None or not where(arrival):
            return "go"
        self.seen.append(arrival)
        async with self._changed:
            self._changed.notify_all()
        if arrival.point in self._counted:
            return "go"
        ended = asyncio.create_task(reader.read())
        ended.add_done_callback(lambda _: arrival.let("gone"))
        await arrival.answer
        ended.cancel()
        return arrival.answer.result()
