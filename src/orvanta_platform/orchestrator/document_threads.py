"""Threads for documents: parsing, checking and comparing them may take a second of processor time.

A separate pool leaves the default threads to storage and compression. Workspaces share it in turn.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from orvanta_platform import clock

P = ParamSpec("P")
T = TypeVar("T")

_MAX_THREADS: Final = 2
_SLICE_S: Final = 0.05
"""Seconds for which one long call runs before other calls of its workspace have their turn."""


class FairThreads:
    """A thread pool with one queue per key; the queues are served in turn.

    One call of each key is executed at a time: two would share the interpreter's lock, and leave no thread to others.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = {}
        """Pending calls by key; the key served longest ago comes first."""
        self._running: set[str] = set()

    def submit(self, key: str, call: Callable[[], T]) -> Future[T]:
        """Schedule a call under `key`."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting.setdefault(key, deque()).append((future, call))
        self._threads.submit(self._serve)
        return future

    def _serve(self) -> None:
        """Execute the next call of a key of which none is running, and those that have to wait for it."""
        while (found := self._next()) is not None:
            key, future, call = found
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:
                    future.set_exception(error)
            with self._lock:
                self._running.discard(key)

    def _next(self) -> tuple[str, Future[Any], Callable[[], Any]] | None:
        with self._lock:
            key = next((each for each in self._waiting if each not in self._running), None)
            if key is None:
                return None
            queue = self._waiting.pop(key)
            future, call = queue.popleft()
            if queue:
                self._waiting[key] = queue
            self._running.add(key)
            return key, future, call


_threads: Final = FairThreads(_MAX_THREADS, "documents")


async def run_in_thread(workspace: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Execute a call in one of the threads when it is the turn of the workspace, and return its result."""
    return await asyncio.wrap_future(_threads.submit(workspace, lambda: function(*args, **kwargs)))


async def run_in_slices(workspace: str, steps: Generator[object, None, T]) -> T:
    """Execute the steps of a generator in the threads, with other calls of the workspace in between; return its result.

    If the caller is cancelled, no further step is executed.
    """

    def run_slice() -> tuple[T] | None:
        end = clock.monotonic() + _SLICE_S
        try:
            next(steps)
            while clock.monotonic() < end:
                next(steps)
        except StopIteration as stop:
            return (stop.value,)
        return None

    while (result := await run_in_thread(workspace, run_slice)) is None:
        pass
    return result[0]
