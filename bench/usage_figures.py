"""Cost of the figures of usage with a million runs: `python -m bench.usage_figures`, on a separate embedded PostgreSQL.

Prints the time to record an hour and the rankings, and to show the usage of a workspace and of the instance.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import get_args

import asyncpg

from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.db import migrate
from orvanta_platform.db import usage as rows
from orvanta_platform.embedded import postgres
from orvanta_platform.services.maintenance import usage
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings

RUNS = 1_000_000
DAYS = 90
ITEMS = 5_000
MEMBERS = 500
ROUNDS = 5
HOURS = 48
_HOUR = timedelta(hours=1)

FILL_RUNS = """
INSERT INTO run (id, workspace, kind, path, engine_version, state, status, root, trigger, created_by, email,
                 permissioned_as, seed, priority, created_at, scheduled_at, started_at, ended_at)
SELECT id, 'main', 'flow', 'f/many/item' || n % $3, 1, '', CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, id,
       'api', 'ann', 'ann@example.com', 'u/member' || n * 7 % $4, 1, 0, at, at, at, at + interval '2 s'
FROM (SELECT n, at, overlay(uuid_at(at)::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid AS id
      FROM (SELECT n, now() - make_interval(secs => ($1 - n) * ($2 * 86400.0 / $1)) AS at
            FROM generate_series(1, $1::bigint) AS n) AS times) AS ids
"""
FILL_JOBS = """
INSERT INTO job (id, run, workspace, node, node_index, kind, state, worker, attempt, enqueued_at, started_at, ended_at)
SELECT overlay(id::text PLACING 'f' FROM 25)::uuid, id, workspace, 'a', 0, 'script', 'succeeded', id, 1, started_at,
       started_at, ended_at
FROM run
"""
FILL_DAYS = """
INSERT INTO usage_rollup (workspace, width_s, dimension, at, name, runs, failed, job_s, file_bytes)
SELECT workspace, 86400, dimension, day, name, count(*), count(*) FILTER (WHERE status = 'failed'), count(*) * 2.0,
       CASE WHEN dimension = 'workspace' THEN 0 END
FROM (SELECT workspace, status, date_bin('1 day', ended_at, 'epoch') AS day, kind || '/' || path AS item,
             permissioned_as AS member FROM run) AS runs
CROSS JOIN LATERAL (VALUES ('workspace', ''), ('item', item), ('member', member)) AS named (dimension, name)
GROUP BY workspace, dimension, day, name
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one measurement, in milliseconds."""

    hour_ms: float
    """Median time to record an hour."""
    record_ms: float
    """Time to record an hour with its day and the rankings."""
    views_ms: dict[str, float]
    """Median time of each view."""


async def main() -> Figures:
    """Measure, print and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with postgres.start(home) as server:
            await migrate.migrate(server.owner_url, app_url=server.app_url)
            await fill(server.owner_url)
            settings = Settings(home=home, database_url=server.app_url, database_direct_url=server.app_url)
            platform = await open_platform(settings)
            try:
                return await measure(platform)
            finally:
                await platform.close()


async def fill(owner_url: str) -> None:
    """Insert a workspace with the runs of DAYS days, each with a job."""
    owner = await asyncpg.connect(owner_url)
    await owner.execute("INSERT INTO workspace (id, name, owner) VALUES ('main', 'main', 'ann')")
    for week in range(DAYS // 7 + 2):
        await owner.execute("SELECT ensure_partitions(now() - make_interval(weeks => $1))", week)
    await owner.execute(FILL_RUNS, RUNS, DAYS, ITEMS, MEMBERS, timeout=600)
    await owner.execute(FILL_JOBS, timeout=600)
    await owner.execute("VACUUM ANALYZE run", timeout=600)
    await owner.execute("VACUUM ANALYZE job", timeout=600)
    await owner.execute(FILL_DAYS, timeout=600)
    await owner.execute("VACUUM ANALYZE usage_rollup", timeout=600)
    await owner.close()


async def measure(platform: Platform) -> Figures:
    """Print and return all figures."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = []
    async with platform.db.acquire() as conn:
        for number in range(HOURS + 1, 1, -1):
            begin = time.perf_counter()
            await rows.record_hour(conn, end - number * _HOUR, end - (number - 1) * _HOUR)
            hours.append((time.perf_counter() - begin) * 1000)
    begin = time.perf_counter()
    await usage.record(platform)
    recorded = (time.perf_counter() - begin) * 1000
    print(f"record an hour: {statistics.median(hours):.1f} ms, at most {max(hours):.1f} ms")
    print(f"record two hours, their day and the rankings: {recorded:.0f} ms")
    admin = Actor(email="ann@example.com", username="ann", workspace="main", role=Role.ADMIN, super_admin=True)
    views = dict[str, float]()
    for span in get_args(usage.Span):
        views[f"workspace {span}"] = await timed(partial(usage.of_workspace, platform, admin, "main", span))
        views[f"instance {span}"] = await timed(partial(usage.of_instance, platform, admin, span))
    for name, median in views.items():
        print(f"{name} with {RUNS} runs of {ITEMS} items and {MEMBERS} members: {median:.1f} ms")
    return Figures(statistics.median(hours), recorded, views)


async def timed(view: Callable[[], Awaitable[object]]) -> float:
    """Return the median time of a view in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        await view()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    asyncio.run(main())
