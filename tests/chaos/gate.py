"""The gate: where processes under test wait at their crash points for what the test decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 180.0
"""Long enough never to matter: what takes longer will not happen."""


@dataclass(eq=False)
class Arrival:
    """A process (its pid and its parent's) that stands at a point."""

    point: str
    pid: int
    parent: int
    role: str
    facts: dict[str, Any]
    answer: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def let(self, answer: str = "go") -> None:
        """Let it go on."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Gate:
    """Listens in `folder`; processes with CHAOS_GATE set to it come here."""

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
        """Begin to listen, with no point armed."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        self._write()
        self._server = await asyncio.start_unix_server(self._serve, self.folder / "gate")

    async def close(self) -> None:
        """Let everybody go and listen no more."""
        self.disarm()
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def arm(self, point: str, where: Callable[[Arrival], bool] = lambda arrival: True) -> None:
        """Everybody who arrives at `point` (and is meant by `where`) waits there from now on."""
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
        """The first who stands at `point` and is meant by `where`."""
        return (await self.arrivals(point, 1, where))[0]

    async def arrivals(
        self, point: str, count: int, where: Callable[[Arrival], bool] = lambda arrival: True
    ) -> list[Arrival]:
        """The first `count` who stand at `point` and are meant by `where`."""

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
            return  # it was killed where it stood
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
