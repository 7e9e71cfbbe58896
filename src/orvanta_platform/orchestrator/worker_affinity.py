"""Binding of runs to one worker.

A run with `same_worker` executes all its jobs on one worker, in a shared folder. A run with a loop that squashes its
iterations also uses one worker, which reuses one process for each script of the loop.

Such a run is bound when it starts: its jobs, and those of its sub-workflows, go to the worker's own queue. If the
worker is lost, the run fails; a run that waits for people, or for more than a minute, is bound to another worker
instead and finds an empty folder there (`lost_affinity`). A run bound only for its loops always continues on another.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from orvanta_platform.control import instance_settings
from orvanta_platform.control.instance_settings import QUEUE_RULES
from orvanta_platform.db import workers
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Kind
from orvanta_platform.orchestrator.blueprints import Blueprint, work_of
from orvanta_platform.queue.claim import is_pinned, own_queue

_SCRIPTS = (Kind.RAWSCRIPT, Kind.SCRIPT)


async def queue_of(connection: Connection, blueprint: Blueprint, run: RunRow) -> str | None:
    """Return the queue for the jobs of a run that starts: that of a worker which serves all queues they require.

    It is the run's own queue if the run is not to be bound, is bound already, or no such worker exists. No worker
    serves a queue that the workspace may not use, since the jobs of sub-workflows run there whatever their tags.
    """
    if is_pinned(run.queue) or not blueprint.plan.bound:
        return run.queue
    scripts = [node for node in blueprint.plan.all_nodes if node.kind in _SCRIPTS]
    queues = sorted({work_of(blueprint, node, run).queue for node in scripts})
    worker = await find_worker(connection, run.workspace, queues)
    return own_queue(worker) if worker is not None else run.queue


async def find_worker(connection: Connection, workspace: str, queues: Sequence[str]) -> UUID | None:
    """Return a random live worker that serves these queues and none closed to the workspace; None: there is none.

    It is not fenced before the end of the transaction.
    """
    rules = await instance_settings.read_plain(connection, QUEUE_RULES)
    for each in await workers.list_serving(connection, queues):
        if rules.permits_worker(workspace, each.queues) and await workers.hold_live(connection, each.id):
            return each.id
    return None
