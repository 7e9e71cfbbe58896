"""Cost of the hash chain of the audit trail: `python -m bench.audit_trail`, on a separate embedded PostgreSQL.

Prints the time of writes with and without the chain, of searches in a million rows, and the memory of their export.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor, system
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.daemons import audit_chain as chain_daemon
from orvanta_platform.db import migrate
from orvanta_platform.db.audit import AuditFilter
from orvanta_platform.embedded import postgres
from orvanta_platform.services.access import audit_trail
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings

ROWS = 1_000_000
RATE = 100
SECONDS = 5
ROUNDS = 4
FILL = """
INSERT INTO audit (workspace, at, actor, operation, action_kind, resource, parameters)
SELECT 'admins', app_now() - make_interval(secs => ($1 - n) * 10), 'user' || n % 500,
       (ARRAY['jobs.run', 'variables.open', 'scripts.create', 'schedules.update'])[1 + n % 4], 'Execute',
       CASE WHEN n % 4 = 1 THEN 'u/user' ELSE 'f/folder' END || n % 100 || '/item' || n % 5000,
       '{"run": "01a22597-245e-703d-82a8-1da9743c9225"}'
FROM generate_series(1, $1::bigint) AS n
"""
OLD, NEVER = (datetime.now(UTC) - timedelta(days=days) for days in (110, 400))
SEARCHES = {
    "newest page": AuditFilter(),
    "actor": AuditFilter(actor="user7"),
    "operation": AuditFilter(operation="scripts"),
    "resource": AuditFilter(resource="f/folder7/item7"),
    "folder": AuditFilter(resource_prefix="f/folder7/"),
    "beginning of most resources": AuditFilter(resource_prefix="f/"),
    "rare folder": AuditFilter(resource_prefix="f/nothing/"),
    "operation and folder": AuditFilter(operation="schedules", resource_prefix="f/folder7/"),
    "operation and folder of other operations": AuditFilter(operation="jobs", resource_prefix="f/folder7/"),
    "operation and quarter of all resources of other operations": AuditFilter(operation="jobs", resource_prefix="u/"),
    "the same in a period": AuditFilter(operation="jobs", resource_prefix="u/", since=OLD),
    "operation and folder of other operations in a period": AuditFilter(
        operation="jobs", resource_prefix="f/folder7/", since=OLD
    ),
    "actor and folder of others": AuditFilter(actor="user7", resource_prefix="f/folder8/"),
    "actor and other operation": AuditFilter(actor="user7", operation="jobs"),
    "kind and folder": AuditFilter(action_kind="Execute", resource_prefix="f/folder7/"),
    "rare kind and folder": AuditFilter(action_kind="Created", resource_prefix="f/folder7/"),
    "actor, operation and folder": AuditFilter(actor="user7", operation="schedules", resource_prefix="f/folder7/"),
    "kind, operation and folder of other operations": AuditFilter(
        action_kind="Execute", operation="jobs", resource_prefix="f/folder7/"
    ),
    "old rows of a folder": AuditFilter(resource_prefix="f/folder7/", until=OLD),
    "rare actor": AuditFilter(actor="nobody"),
    "rare resource": AuditFilter(resource="f/nothing"),
    "actor and resource": AuditFilter(actor="user7", resource="f/folder7/item7"),
    "rare operation": AuditFilter(operation="keys.rotate"),
    "kind": AuditFilter(action_kind="Execute"),
    "rare kind": AuditFilter(action_kind="Delete"),
    "old rows": AuditFilter(until=OLD),
    "old rows of a rare kind": AuditFilter(action_kind="Delete", until=OLD),
    "before all rows": AuditFilter(until=NEVER),
    "actor and rare operation": AuditFilter(actor="user7", operation="keys"),
    "actor and rare kind": AuditFilter(actor="user7", action_kind="Delete"),
    "operation and rare kind": AuditFilter(operation="scripts", action_kind="Delete"),
    "operation and rare resource": AuditFilter(operation="jobs", resource="f/nothing"),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one measurement."""

    chain_ratio: float
    """Median time of a write with the chain, as a multiple of that without."""
    searches_ms: dict[str, float]
    """Median time of each search."""
    exported: int
    """Number of exported rows."""
    export_mib: float
    """Growth of the memory of the process during the export."""


async def main() -> Figures:
    """Measure, print and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with postgres.start(home) as server:
            await migrate.migrate(server.owner_url, app_url=server.app_url)
            settings = Settings(home=home, database_url=server.app_url, database_direct_url=server.app_url)
            platform = await open_platform(settings)
            try:
                return await measure(platform, server.owner_url)
            finally:
                await platform.close()


async def measure(platform: Platform, owner_url: str) -> Figures:
    """Print and return all figures."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for chained in (False, True) * ROUNDS:
        daemon = asyncio.create_task(chain_daemon.run(platform)) if chained else None
        times[chained] += await write(platform)
        if daemon is not None:
            daemon.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await daemon
    plain, linked = statistics.median(times[False]), statistics.median(times[True])
    report(f"{RATE} writes/s: {plain:.2f} ms without the chain, {linked:.2f} ms with it, {linked / plain:.2f}x")
    async with platform.db.acquire() as conn:
        await conn.execute(FILL, ROWS, timeout=600)
    owner = await asyncpg.connect(owner_url)
    await owner.execute("VACUUM ANALYZE audit", timeout=600)
    await owner.close()
    actor, searches = system("admins", name="bench"), dict[str, float]()
    for name, filter in SEARCHES.items():
        searched = []
        for _ in range(5):
            begin = time.perf_counter()
            await audit_trail.list_page(platform, actor, "admins", filter, before=None, limit=30, offset=0)
            searched.append((time.perf_counter() - begin) * 1000)
        searches[name] = statistics.median(searched)
        report(f"search in {ROWS} rows, {name}: {statistics.median(searched):.1f} ms, at most {max(searched):.1f} ms")
    before, begin, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), 0
    pages = await audit_trail.export(platform, always(actor), "admins", AuditFilter())
    async for page in pages:
        count += len(page)
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    report(f"export of {count} rows: {time.perf_counter() - begin:.1f} s, {growth:.1f} MiB more memory")
    return Figures(linked / plain, searches, count, growth)


async def write(platform: Platform) -> list[float]:
    """Return the times of writes in milliseconds, at RATE writes per second."""
    times = []
    actor = system("admins", name="bench")
    begin = time.perf_counter()
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        start = time.perf_counter()
        async with platform.db.transaction() as conn:
            await audit.record(conn, actor, "jobs.run", "Execute", "f/a/b", {"run": "x"})
        times.append((time.perf_counter() - start) * 1000)
    return times


def report(text: str) -> None:
    """Print a figure immediately."""
    print(text, flush=True)


def always(actor: Actor) -> LiveActor:
    """Return a caller whose token never expires."""

    async def derive(_: float) -> Actor:
        return actor

    return LiveActor(actor, derive, derived_at=time.monotonic())


if __name__ == "__main__":
    asyncio.run(main())
