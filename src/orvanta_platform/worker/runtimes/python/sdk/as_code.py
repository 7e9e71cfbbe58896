"""Workflows written as code, executed in the job of their script: a task is a call of its function.

Options of tasks (`tag`, `timeout`, `retry` …) have no effect, and nothing is checkpointed: a retried job starts at the
beginning.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Any

from .client import _job

__all__ = ["parallel", "sleep", "step", "task", "task_flow", "task_script", "workflow"]

_in_workflow: ContextVar[bool] = ContextVar("in_workflow", default=False)
"""True in the function of a workflow, where every call of a task is awaited; False inside its tasks."""


def workflow(func: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an async function as the entry point of a workflow."""

    @functools.wraps(func)
    async def run(*args: Any, **kwargs: Any) -> Any:
        return await _called(func, args, kwargs, in_workflow=True)

    return run


def task(_func: Callable[..., Any] | None = None, **_options: Any) -> Any:
    """Mark a function as a task, with or without options. Its result is what JSON preserves of it."""
    if _func is None:
        return task
    func = _func

    @functools.wraps(func)
    def run(*args: Any, **kwargs: Any) -> Any:
        if _in_workflow.get() or inspect.iscoroutinefunction(func):
            return _task(func, args, kwargs)
        return _from_json(func(*args, **kwargs))

    return run


async def _task(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return _from_json(await _called(func, args, kwargs, in_workflow=False))


def task_script(path: str, **_options: Any) -> Callable[..., Awaitable[Any]]:
    """Return a task that runs a script of the workspace with its arguments."""
    return _runs(lambda args: _job().run_script_by_path(path, args))


def task_flow(path: str, **_options: Any) -> Callable[..., Awaitable[Any]]:
    """Return a task that runs a workflow of the workspace with its arguments."""
    return _runs(lambda args: _job().wait_job(_job().run_flow_async(path, args)))


async def step(name: str, fn: Callable[[], Any]) -> Any:
    """Call `fn` and return what JSON preserves of its result."""
    return _from_json(await _called(fn, (), {}, in_workflow=False))


async def sleep(seconds: float) -> None:
    """Wait, in the job of the script."""
    import asyncio  # large and rarely needed

    await asyncio.sleep(seconds)


async def parallel(items: Iterable[Any], fn: Callable[[Any], Any], *, concurrency: int | None = None) -> list[Any]:
    """Call `fn` with each item, at most `concurrency` at a time, and return the results in the order of the items."""
    import asyncio

    pending, results = list(items), []
    size = concurrency or len(pending) or 1
    for start in range(0, len(pending), size):
        calls = (_settled(fn(item)) for item in pending[start : start + size])
        results += await asyncio.gather(*calls)
    return results


def _runs(run: Callable[[dict[str, Any]], Any]) -> Callable[..., Awaitable[Any]]:
    async def call(**args: Any) -> Any:
        import asyncio

        return await asyncio.to_thread(run, args)

    return call


async def _called(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, in_workflow: bool) -> Any:
    token = _in_workflow.set(in_workflow)
    try:
        return await _settled(func(*args, **kwargs))
    finally:
        _in_workflow.reset(token)


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _from_json(value: Any) -> Any:
    """Return the value as JSON preserves it; unchanged if JSON cannot represent it."""
    try:
        return json.loads(json.dumps(value, default=_text))
    except (TypeError, ValueError, RecursionError):
        return value


def _text(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(type(value).__name__)
