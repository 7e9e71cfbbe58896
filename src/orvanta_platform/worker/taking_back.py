"""What the supervisor does with the jobs of a worker that has gone."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from orvanta_platform.control import keys as instance_keys
from orvanta_platform.db.notify import Listener, Notifier
from orvanta_platform.db.pool import Database
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.services.blueprints import Blueprints
from orvanta_platform.services.platform import open_storage
from orvanta_platform.services.reaping import reap
from orvanta_platform.services.sizes import Sizes
from orvanta_platform.services.steps.advance import Tools
from orvanta_platform.settings import Settings


async def take_back(settings: Settings, database: Database, worker: UUID, generation: int, *, stopped: bool) -> None:
    """Put the jobs that the worker held at this generation back into the queue. Raises what the database raises.

    `stopped`: it was stopped on purpose, which counts as no loss of the jobs.
    """
    listener = Listener(database)
    await listener.start()
    evaluator = Evaluator()
    try:
        keys = instance_keys.load(settings)
        tools = Tools(database, open_storage(settings), Blueprints(), Notifier(listener), keys, evaluator)
        tools = replace(tools, sizes=Sizes(settings.result_limit))
        await reap(tools, worker, generation, None if stopped else settings.max_losses)
        await tools.notify.flush()
    finally:
        await evaluator.close()
        await listener.close()
