"""Settings of the worker's group, read before the first claim and while the worker runs."""

from __future__ import annotations

from contextlib import suppress

import structlog

from orvanta_platform.control.instance_settings import QUEUE_RULES, WORKER_GROUPS
from orvanta_platform.control.worker_groups import WorkerGroup
from orvanta_platform.db import workers
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker

CHECK_S = 5.0
"""Seconds between checks for changed settings."""

log = structlog.get_logger(__name__)


class GroupSettings:
    """Settings of one worker by its group."""

    def __init__(self, platform: Platform, worker: Worker, lease: Lease, isolation: str) -> None:
        """`isolation`: the level at which the worker runs jobs."""
        self._platform = platform
        self._worker = worker
        self._lease = lease
        self._isolation = isolation
        self._applied: WorkerGroup | None = None

    async def apply(self) -> bool:
        """Read and apply the settings and the rules about queues; return whether the settings changed.

        If they cannot be read, for instance because a newer version has written them or the instance key differs, the
        worker keeps its previous settings. Without previous settings it claims no jobs: its group may require
        conditions that it does not meet.
        """
        try:
            self._worker.follow_queue_rules(await self._platform.instance.get(QUEUE_RULES))
            groups = await self._platform.instance.get(WORKER_GROUPS)
            group = groups.get(self._platform.settings.worker_group, WorkerGroup())
            if group == self._applied:
                return False
            queues, slots = await self._worker.configure(group, self._isolation)
            if self._lease.excluded is not None:
                queues = []  # the row of the worker shows that it serves none
            async with self._platform.db.acquire() as connection:
                await workers.set_served(connection, self._lease.worker, self._lease.generation, queues, slots)
        except Exception as error:
            log.warning("cannot read the settings of the group", action="group_settings", error=repr(error))
            if self._applied is None:
                self._lease.excluded = "The settings of the group cannot be read."
            return False
        self._applied = group
        if self._lease.excluded is not None:
            log.warning("the worker claims no jobs", action="group_settings", reason=self._lease.excluded)
        log.info("settings of the group applied", action="group_settings", slots=slots)
        return True

    async def follow(self) -> None:
        """Apply changed settings until cancelled."""
        while True:
            with suppress(Exception):  # settings that cannot be read are read again and logged by `apply`
                async with self._platform.polls.turn(CHECK_S) as connection:
                    await self._platform.instance.refresh(connection, QUEUE_RULES, WORKER_GROUPS)
            await self.apply()
