"""Crash points inside the product's processes, without a hook in the product.

Python imports this module at the start of every process that has this folder in PYTHONPATH. It wraps the functions
around which a process is to be stopped: a process that reaches an armed point notifies the gate (a socket) and
waits for its answer, while everything else in the process continues.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

GATE = os.environ.get("CHAOS_GATE", "")
"""Folder of the gate: the socket `gate`, and the file `armed` with the names of the armed points, one a line."""

ROLES = ("worker-process", "worker", "server")
RUNNING = "the user's code runs"
"""Line that a job prints when its code runs."""

Function = Callable[..., Awaitable[Any]]
Around = Callable[..., Awaitable[Any]]


async def arrive(point: str, **facts: Any) -> str:
    """Notify the gate and return its answer; return `go` immediately if the point is not armed."""
    if point not in Path(GATE, "armed").read_text().split("\n"):
        return "go"
    reader, writer = await asyncio.open_unix_connection(str(Path(GATE, "gate")))
    message = {"point": point, "pid": os.getpid(), "parent": os.getppid(), "role": ROLE, "facts": facts}
    writer.write(json.dumps(message).encode() + b"\n")
    answer = (await reader.readline()).decode().strip()
    writer.close()
    return answer or "go"


def wrap(place: str, around: Around) -> None:
    """Replace `package.module:name` (or `:Class.name`) with `around(original, *arguments)`."""
    module, _, path = place.partition(":")
    owner: Any = import_module(f"orvanta_platform.{module}")
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original: Function = getattr(owner, name)

    @functools.wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        return await around(original, *args, **kwargs)

    setattr(owner, name, wrapped)


def before(point: str) -> Around:
    """Return a wrapper with the point before the function."""

    async def around(original: Function, *args: Any, **kwargs: Any) -> Any:
        await arrive(point)
        return await original(*args, **kwargs)

    return around


def after(point: str, counts: Callable[[Any], bool] = lambda result: True) -> Around:
    """Return a wrapper with the point after the function, for results that satisfy `counts`."""

    async def around(original: Function, *args: Any, **kwargs: Any) -> Any:
        result = await original(*args, **kwargs)
        if counts(result):
            await arrive(point)
        return result

    return around


def unanswered(point: str) -> Around:
    """Return a wrapper of a COMMIT. After the answer `block` it is durable but unanswered until its backend ends.

    The fact `writes` is the number of runs or steps that share it.
    """

    async def around(original: Function, connection: Any, *args: Any) -> Any:
        writes = len(args[0]) if args and isinstance(args[0], list) else 1
        if await arrive(point, backend=connection.get_server_pid(), writes=writes) == "block":
            await connection.execute("SET synchronous_commit = on")
        return await original(connection, *args)

    return around


async def assigning(original: Function, connection: Any, starts: Any) -> Any:
    """Stop before and after the start of runs of which some use lent slots; the fact `worker` is a lender."""
    lenders = [str(start.lender.worker) for start in starts if start.lender is not None]
    if not lenders:
        return await original(connection, starts)
    await arrive("assigning", worker=lenders[0])
    assigned = await original(connection, starts)
    if assigned:
        await arrive("assigned", worker=lenders[0])
    return assigned


async def taking_a_tick(original: Function, *args: Any) -> None:
    """Stop inside the transaction of a tick: first as `unanswered`, then after everything of the tick is written."""
    *_, connection, _run = args
    if await arrive("taking a tick", backend=connection.get_server_pid()) == "block":
        await connection.execute("SET synchronous_commit = on")
    await original(*args)
    await arrive("tick written")


async def leading(original: Function, *args: Any) -> None:
    """Run the leader with the lease of CHAOS_LEADER_LEASE_S, if set, and a heartbeat interval of a fifth of it."""
    lease_s = float(os.environ.get("CHAOS_LEADER_LEASE_S", "0"))
    await original(*args, **({"lease_s": lease_s, "beat_s": lease_s / 5} if lease_s else {}))


async def handing_over(original: Function, cell: Any, *args: Any) -> Any:
    """Stop after the job was sent to its confined process, none of whose threads has run since."""
    if "handed over" not in Path(GATE, "armed").read_text().split("\n"):
        return await original(cell, *args)
    with frozen(cell.pid):
        result = await original(cell, *args)
        await arrive("handed over")
    return result


async def printing(original: Function, log: Any, text: str) -> None:
    """Stop at the line RUNNING. The job's output is not read meanwhile: its code blocks only when the pipe is full."""
    if RUNNING in text:
        await arrive("running")
    await original(log, text)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process and its children while the block runs (SIGSTOP)."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for process in (pid, *children):
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in (pid, *children):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def in_observers() -> None:
    """Add the points of processes that watch the heartbeats of workers."""
    wrap("daemons.reaper:_fence", before("fencing"))
    wrap("daemons.reaper:reap", before("fencing"))
    wrap("orchestrator.recovery:_requeue", after("reaping"))


def in_worker_processes() -> None:
    """Add the points of a job's execution."""
    wrap("db.jobs:claim", unanswered("claiming"))
    wrap("queue.claim:Claimer.claim", after("claimed", bool))
    wrap("db.jobs:list_assigned", after("assigned job read", bool))
    wrap("worker.runtimes.execution:Execution.run", before("process started"))
    wrap("worker.runtimes.cells:Cell.send", handing_over)
    wrap("worker.logs:JobLog.write", printing)
    wrap("worker.runtimes.pool:Runtimes.run", after("result read"))
    wrap("db.logs:replace_by_object", before("uploaded"))
    wrap("orchestrator.values:store", after("value uploaded", lambda value: value.object is not None))
    wrap("orchestrator.committer:write_steps", unanswered("committing"))
    wrap("orchestrator.committer:Committer.submit", after("committed", bool))
    wrap("worker.loop:finish_job", after("handed off", lambda done: done.following is not None))
    wrap("worker.loop:finish_job", after("finished"))
    wrap("queue.gates:settle", after("permit given", bool))
    wrap("orchestrator.advance:_advance_further", before("going on"))
    wrap("worker.loop:Worker._sync_running", before("looking"))
    wrap("worker.loop:Worker._sync_running", after("looked"))
    in_observers()


def in_supervisors() -> None:
    """Add the points of the process that sends heartbeats for a worker."""
    wrap("worker.supervisor:_Registration._connected", before("connecting"))
    wrap("db.workers:record_heartbeat", before("beating"))
    wrap("worker.job_recovery:reap", before("giving back"))
    os.register_at_fork(after_in_child=in_forked_workers)


def in_forked_workers() -> None:
    """Add the points of a job's execution to the first process of a worker, which its supervisor forks."""
    global ROLE
    ROLE = "worker-process"
    in_worker_processes()


def in_servers() -> None:
    """Add the points of a server."""
    wrap("orchestrator.run_starts:start_runs", unanswered("accepting"))
    wrap("orchestrator.run_starts:start_runs", assigning)
    wrap("services.runs.insertion:write_steps", unanswered("accepting"))
    wrap("orchestrator.decision_batches:write_steps", unanswered("recording"))
    wrap("services.approvals.decisions:advance", before("deciding"))
    wrap("services.runs.pausing:advance", before("continuing"))
    wrap("db.debounce:record_call", unanswered("joining"))
    wrap("daemons.leader_duties:lead", leading)
    wrap("services.triggers.ticks:_record_start", taking_a_tick)
    wrap("services.runs.creation:advance_all", before("tick taken"))
    wrap("storage.local:LocalStorage.delete", before("object to delete"))
    in_observers()


def role() -> str | None:
    """Return the role of this process in the product; None for any other process."""
    command = sys.orig_argv
    if "orvanta_platform.cli.main" not in command:
        return None
    return next((name for name in ROLES if name in command), None)


ROLE = role() if GATE else None

if ROLE is not None:
    {"worker-process": in_worker_processes, "worker": in_supervisors, "server": in_servers}[ROLE]()
