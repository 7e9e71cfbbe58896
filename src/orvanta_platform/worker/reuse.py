"""Reuse of job results: looked up when the inputs are known, stored when the result is recorded."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import structlog

from orvanta_platform.db import cache
from orvanta_platform.db.cache import NewCached
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.orchestrator import caching
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.caching import CacheHit
from orvanta_platform.services.platform import Platform

log = structlog.get_logger(__name__)

_AWAY: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)


class ResultReuse:
    """Cache access of one worker. Holds the cache keys of its running jobs."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._keys: dict[UUID, tuple[bytes, float]] = {}

    async def find(
        self, job: ClaimedJob, blueprint: Blueprint, node: Node, content: str, args: bytes, imports: str | None
    ) -> CacheHit | None:
        """Return the cached result for these inputs, with references filled in, or None if the job must run.

        `imports`: hash of the closure of scripts that the code imports. Raises the database's error if it is
        unavailable.
        """
        ttl_s = blueprint.cache_s(node)
        if ttl_s is None:
            return None
        platform = self._platform
        identity = [*_code_identity(job, blueprint, node, content), *([] if imports is None else [imports])]
        key = caching.key_of(platform.keys, job.run, identity, args)
        hit = await caching.find(platform.db, platform.storage, job.run.workspace, key, ttl_s)
        if hit is None:
            self._keys[job.id] = (key, ttl_s)
        return hit

    async def store(self, job: ClaimedJob, finish: Finish) -> None:
        """Store a recorded result under its inputs. Errors are only logged, as the next job runs without it."""
        key, ttl_s = self._keys.pop(job.id, (b"", 0.0))
        if not key or finish.error is not None or finish.cancelled or not caching.is_cacheable(finish.raw):
            return
        try:
            async with self._platform.db.acquire() as connection:
                await cache.store(connection, job.run.workspace, NewCached(key, job.run.id, job.id, ttl_s))
        except _AWAY as error:
            log.info("cannot store a result for reuse", action="keep_cached", job=str(job.id), error=str(error))

    def discard(self, job: UUID) -> None:
        """Discard the key of a job that has completed or no longer belongs to this worker."""
        self._keys.pop(job, None)


def _code_identity(job: ClaimedJob, blueprint: Blueprint, node: Node, content: str) -> list[Any]:
    """Return everything that identifies the code: language, content, and the version or the lock given in the node."""
    version: int | None = job.run.version if blueprint.plan.single else None
    if node.kind is Kind.SCRIPT:
        version = blueprint.pin(node).version
    lock = node.value.get("lock") if node.kind is Kind.RAWSCRIPT and not blueprint.plan.single else None
    return [node.kind.value, job.language, hashlib.sha256(content.encode()).hexdigest(), version, lock]
