"""Threads that parse documents: separate from other threads, and shared fairly by workspaces."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.document_threads import FairThreads

PATIENCE_S = 60


def test_workspaces_take_turns() -> None:
    threads, go, order = FairThreads(1, "test"), threading.Event(), list[str]()
    threads.submit("a", go.wait)
    calls = [threads.submit(name[0], partial(order.append, name)) for name in ("a1", "a2", "a3", "b1", "c1", "b2")]
    go.set()
    for call in calls:
        call.result(PATIENCE_S)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_one_workspace_occupies_one_thread() -> None:
    """A second thread would not speed up its calls, since they hold the interpreter's lock."""
    threads, go, order = FairThreads(2, "test"), threading.Event(), list[str]()
    calls: list[Future[Any]] = [threads.submit("a", go.wait)]
    calls += (threads.submit("a", partial(order.append, name)) for name in ("a1", "a2"))
    try:
        threads.submit("b", partial(order.append, "b1")).result(PATIENCE_S)
        assert order == ["b1"]
    finally:
        go.set()
    for call in calls:
        call.result(PATIENCE_S)
    assert order == ["b1", "a1", "a2"]


def test_cancelled_call_is_not_executed() -> None:
    threads, go, made = FairThreads(1, "test"), threading.Event(), list[int]()
    threads.submit("a", go.wait)
    first, second = (threads.submit("a", partial(made.append, number)) for number in (1, 2))
    assert first.cancel()
    go.set()
    second.result(PATIENCE_S)
    assert made == [2]


async def test_error_of_the_call_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await document_threads.run_in_thread("main", int, "x")


async def test_other_calls_of_the_workspace_proceed_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_threads, "_SLICE_S", 0)
    done: list[int] = []

    def steps() -> Generator[None, None, str]:
        while not done:
            yield
        return "result"

    found = document_threads.run_in_slices("main", steps())
    result, _ = await asyncio.gather(found, document_threads.run_in_thread("main", done.append, 1))
    assert result == "result"


async def test_document_threads_are_separate_from_other_threads() -> None:
    loop, go = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    try:
        other = asyncio.create_task(asyncio.to_thread(go.wait, PATIENCE_S))
        await asyncio.sleep(0)
        assert await asyncio.wait_for(document_threads.run_in_thread("main", int, "3"), PATIENCE_S) == 3
        assert not other.done()
    finally:
        go.set()
    documents = [
        asyncio.create_task(document_threads.run_in_thread("main", threading.Event().wait, 0)) for _ in range(9)
    ]
    assert await other
    await asyncio.gather(*documents)
