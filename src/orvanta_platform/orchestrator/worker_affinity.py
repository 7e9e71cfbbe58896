"""Runs with `same_worker`: one worker runs all their jobs, in a folder that these share. Those with a loop that
squashes its iterations have one worker too, which keeps a process for each script of the loop.

Such a run is bound when it begins: its jobs go to the worker's own queue, and so do those of its sub-workflows. When
the worker is lost, the run fails; one that waits for people, or for more than a minute, is bound to another, and finds
an empty folder there (`lost_affinity`). One that is bound for its loops alone always goes on with another.
"""

from __future__ import annotations

from orvanta_platform.db import workers
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Kind
from orvanta_platform.orchestrator.blueprints import Blueprint, work_of
from orvanta_platform.queue.claim import is_pinned, own_queue

_SCRIPTS = (Kind.RAWSCRIPT, Kind.SCRIPT)


async def queue_of(connection: Connection, blueprint: Blueprint, run: RunRow) -> str | None:
    """The queue of the jobs of a run that begins: that of a worker which serves all that they ask for.

    The run's own where it is not to be bound, is bound already, or where there is no such worker.
    """
    if is_pinned(run.queue) or not blueprint.plan.bound:
        return run.queue
    scripts = [node for node in blueprint.plan.all_nodes if node.kind in _SCRIPTS]
    worker = await workers.worker_for(connection, sorted({work_of(blueprint, node, run).queue for node in scripts}))
    return own_queue(worker) if worker is not None else run.queue
