"""Watching a run until it ends: its nodes, their logs, Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import httpx
import msgspec

from orvanta_platform.cli.client import streams
from orvanta_platform.cli.client.api import TIMEOUT, Api, client_options
from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.errors import Interrupted
from orvanta_platform.cli.client.run_tree import RunTree
from orvanta_platform.cli.client.runs import Node, Run, parse
from orvanta_platform.cli.client.screens import Screen
from orvanta_platform.errors import OrvantaError

_BEGAN, _ENDED = "began", "ended"
_WITHOUT_LOG = frozenset({"identity", "condition", "approval", "delay"})


class _Printed(msgspec.Struct, kw_only=True):
    job: str
    text: str
    node: str | None = None


class _Logs(msgspec.Struct, kw_only=True):
    logs: list[_Printed]


def to_end(
    api: Api,
    run_id: str,
    screen: Screen,
    *,
    cancel_on_interrupt: bool = False,
    until: Callable[[], Awaitable[None]] | None = None,
) -> tuple[Run, bytes]:
    """Watch a run, or the run of a job, until it has ended; return the run and the JSON it was parsed from.

    The end of `until` stops watching like Ctrl-C.

    Ctrl-C only stops watching and raises Interrupted; with `cancel_on_interrupt` the first one cancels the run, and
    watching continues until it ends. Raises the errors of API calls.
    """

    def cancel() -> None:
        screen.note("Cancelling the run; Ctrl-C again stops watching.")
        with suppress(OrvantaError):
            api.post(f"{api.in_workspace('jobs_u/queue/cancel')}/{run_id}", {"reason": "Ctrl-C"})

    watch = _Watch(api.connection, run_id, screen)
    try:
        return asyncio.run(_interruptible(watch, cancel if cancel_on_interrupt else None, until))
    finally:
        screen.close()


async def _interruptible(
    watch: _Watch, cancel: Callable[[], None] | None, until: Callable[[], Awaitable[None]] | None
) -> tuple[Run, bytes]:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    left = [cancel] if cancel else []

    def interrupted() -> None:
        if left:
            loop.run_in_executor(None, left.pop())
        else:
            stop.set()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    watching = asyncio.ensure_future(watch.run())
    stopping: list[asyncio.Future[Any]] = [asyncio.ensure_future(stop.wait())]
    stopping += [asyncio.ensure_future(until())] if until else []
    try:
        await asyncio.wait({watching, *stopping}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            return watching.result()
        raise Interrupted(
            f"Stopped watching; the run {watch.run_id} continues.",
            hint=f"Watch it again with `orvanta job watch {watch.run_id}`, "
            f"cancel it with `orvanta job cancel {watch.run_id}`.",
            details={"run_id": watch.run_id},
        )
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        for future in (watching, *stopping):
            future.cancel()
        await asyncio.gather(watching, *stopping, return_exceptions=True)


class _Watch:
    """Watcher of one run, fed by its stream."""

    def __init__(self, connection: Connection, run_id: str, screen: Screen) -> None:
        self.run_id = run_id
        self._connection = connection
        self._screen = screen
        self._client = httpx.AsyncClient(**client_options(connection), timeout=TIMEOUT)
        self._shown: dict[str, str] = {}
        self._lines: dict[str, str] = {}
        self._nodes: dict[str, str | None] = {}

    async def run(self) -> tuple[Run, bytes]:
        """Watch the run until it ends."""
        try:
            run, _ = await self._fetch_run()
            self.run_id = run.run_id
            tree = RunTree(run)
            self._screen.update(run)
            stream = streams.follow_run(self._client, self._connection, self.run_id, self._screen.note)
            async with aclosing(stream):
                async for event in stream:
                    if event.name == "status":
                        await self._status(tree, event.data)
                    elif event.name == "log":
                        self._log(tree, event.data)
            run, text = await self._fetch_run()
            self._show_nodes(run.nodes, ends=True)
            self._last_lines(None)
            self._screen.update(run)
            return run, text
        finally:
            await self._client.aclose()

    async def _fetch_run(self) -> tuple[Run, bytes]:
        text = await streams.fetch(self._client, self._connection, f"/api/v1/runs/{self.run_id}")
        return parse(text), text

    async def _status(self, tree: RunTree, data: bytes) -> None:
        part = tree.take(data)
        if any(node.status == "failed" and not node.depth and node.id not in tree.errors for node in tree.run.nodes):
            run, _ = await self._fetch_run()
            tree.errors |= {node.id: node.error for node in run.nodes if node.status == "failed"}
            tree.take(data)
        # The first message of a connection describes the state after output that has not arrived yet.
        self._show_nodes([node for node in tree.run.nodes if not node.depth], ends=part)
        self._screen.update(tree.run)

    def _show_nodes(self, nodes: list[Node], *, ends: bool) -> None:
        for node in nodes:
            if node.started_at and node.kind not in _WITHOUT_LOG:
                self._began(node)
            if node.ended and ends and self._shown.get(node.id) != _ENDED:
                self._shown[node.id] = _ENDED
                self._last_lines(node.id)
                self._screen.node_ended(node)

    def _began(self, node: Node) -> None:
        if node.id not in self._shown:
            self._shown[node.id] = _BEGAN
            self._screen.node_started(node)

    def _log(self, tree: RunTree, data: bytes) -> None:
        """Show the complete lines."""
        known = {node.id: node for node in tree.run.nodes}
        for part in msgspec.json.decode(data, type=_Logs).logs:
            if part.node in known and not known[part.node].depth:
                self._began(known[part.node])
            *lines, rest = (self._lines.pop(part.job, "") + part.text).split("\n")
            if rest:
                self._lines[part.job] = rest
                self._nodes[part.job] = part.node
            for line in lines:
                self._screen.log(part.node, line)

    def _last_lines(self, node: str | None) -> None:
        """Show the unterminated last line of the log of a node that has ended, or of all logs if `node` is None."""
        for job in [job for job in self._lines if node is None or self._nodes[job] == node]:
            self._screen.log(self._nodes[job], self._lines.pop(job))
