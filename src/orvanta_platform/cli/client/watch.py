"""Watching a run to its end: its nodes, their logs, Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

import httpx

from orvanta_platform.cli.client import streams
from orvanta_platform.cli.client.api import TIMEOUT, Api, client_options
from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.errors import Interrupted
from orvanta_platform.cli.client.runs import Node, Run, parse
from orvanta_platform.cli.client.screens import Screen
from orvanta_platform.errors import OrvantaError

_LOGS_AT_ONCE = 8
_LAST_LINES_S = 10.0
_WITHOUT_LOG = frozenset({"identity", "condition", "approval", "delay"})


def to_end(api: Api, run_id: str, screen: Screen, *, cancel_on_interrupt: bool = False) -> tuple[Run, bytes]:
    """Watch a run, or the run of a job, until it has ended; gives it and the JSON it was read from.

    Ctrl-C stops the watching alone and raises Interrupted; with `cancel_on_interrupt` the first one cancels the run
    and its end is waited for. Raises what calls raise.
    """

    def cancel() -> None:
        screen.note("Cancelling the run; Ctrl-C again stops watching.")
        with suppress(OrvantaError):
            api.post(f"{api.in_workspace('jobs_u/queue/cancel')}/{run_id}", {"reason": "Ctrl-C"})

    watch = _Watch(api.connection, run_id, screen)
    try:
        return asyncio.run(_interruptible(watch, cancel if cancel_on_interrupt else None))
    finally:
        screen.close()


async def _interruptible(watch: _Watch, cancel: Callable[[], None] | None) -> tuple[Run, bytes]:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    left = [cancel] if cancel else []

    def interrupted() -> None:
        if left:
            loop.run_in_executor(None, left.pop())
        else:
            stop.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    watching, stopped = asyncio.ensure_future(watch.run()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            return watching.result()
        raise Interrupted(
            f"Stopped watching; the run {watch.run_id} goes on.",
            hint=f"Watch it again with `orvanta job watch {watch.run_id}`, "
            f"cancel it with `orvanta job cancel {watch.run_id}`.",
            details={"run_id": watch.run_id},
        )
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        watching.cancel()
        stopped.cancel()
        await asyncio.gather(watching, stopped, return_exceptions=True)


class _Watch:
    """One run under watch: the stream of the run, and a stream for the log of each node that has one."""

    def __init__(self, connection: Connection, run_id: str, screen: Screen) -> None:
        self.run_id = run_id
        self._connection = connection
        self._screen = screen
        self._client = httpx.AsyncClient(**client_options(connection), timeout=TIMEOUT)
        self._logs: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_LOGS_AT_ONCE)
        self._nodes: dict[str, Node] = {}
        self._texts: dict[str | None, str] = {}
        self._looked = asyncio.Condition()

    async def run(self) -> tuple[Run, bytes]:
        """Watch to the end."""
        try:
            run, text = await self._look()
            self.run_id = run.run_id
            async for update in streams.follow(
                self._client, self._connection, self._update_address(self.run_id), self._screen.note
            ):
                self._take_log(None, update)
                run, text = await self._look()
            await self._last_lines()
            return run, text
        finally:
            for task in self._logs.values():
                task.cancel()
            await asyncio.gather(*self._logs.values(), return_exceptions=True)
            await self._client.aclose()

    async def _look(self) -> tuple[Run, bytes]:
        text = await streams.fetch(self._client, self._connection, f"/api/v1/runs/{self.run_id}")
        run = parse(text)
        self._nodes = {node.id: node for node in run.nodes}
        for node in run.nodes:
            if node.id not in self._logs and (node.started_at or node.ended):
                self._logs[node.id] = asyncio.create_task(self._node(node))
        self._screen.update(run)
        async with self._looked:
            self._looked.notify_all()
        return run, text

    async def _node(self, node: Node) -> None:
        """Tell a node from its start to its end, its log in between."""
        if node.started_at and node.kind not in _WITHOUT_LOG:
            async with self._slots:
                self._screen.began(node)
                async for update in streams.follow(
                    self._client, self._connection, self._update_address(node.job), lambda _: None
                ):
                    self._take_log(node.id, update)
        async with self._looked:
            await self._looked.wait_for(lambda: self._nodes[node.id].ended)
        self._screen.ended(self._nodes[node.id])

    def _take_log(self, node: str | None, update: streams.Update) -> None:
        """Show the lines that are whole; the last one as it is when the log ends."""
        *lines, rest = (self._texts.pop(node, "") + update.new_logs).split("\n")
        if update.completed and rest:
            lines.append(rest)
        elif rest:
            self._texts[node] = rest
        for line in lines:
            self._screen.log(node, line)

    async def _last_lines(self) -> None:
        """Wait for the rest of the logs; of a run that was cancelled a job may go on for a moment."""
        if self._logs:
            done, _ = await asyncio.wait(self._logs.values(), timeout=_LAST_LINES_S)
            for task in done:
                task.result()

    def _update_address(self, job: str) -> str:
        return f"/api/w/{self._connection.workspace}/jobs_u/getupdate_sse/{job}"
