"""P14: cost for the leader of finding the ticks of 10,000 schedules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.bars import Options, Outcome
from bench.database import settings_of
from bench.installation import new_home
from bench.samples import Samples
from bench.targets import outcome
from orvanta_platform import settings as settings_module
from orvanta_platform.control.actor import system
from orvanta_platform.daemons.scheduler import MAX_WAIT_S
from orvanta_platform.db.migrate import migrate
from orvanta_platform.embedded import postgres
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.services.access.setup import first_start
from orvanta_platform.services.catalog import scripts
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.scheduler import BATCH, decide
from orvanta_platform.settings import Settings

_MANY, _SECONDS = 10_000, 60
_PATH = "f/bench/work"

# Hourly, each at a different minute and second: some 3 of 10,000 tick in a second.
_FILL = """
INSERT INTO schedule (id, workspace, path, cron, timezone, enabled, next_at, script_path, is_flow,
                      permissioned_as, email, created_by, edited_by)
SELECT gen_random_uuid(), 'main', 'f/bench/s' || i, format('%s %s * * * *', n % 60, n / 60 % 60), 'Europe/Paris', true,
       date_bin('1 hour', app_now(), '2020-01-01Z') + make_interval(secs => n % 60, mins => n / 60 % 60)
       + CASE WHEN date_bin('1 hour', app_now(), '2020-01-01Z')
                   + make_interval(secs => n % 60, mins => n / 60 % 60) <= app_now()
              THEN interval '1 hour' ELSE interval '0' END,
       $2, false, 'u/admin', 'admin@localhost', 'admin', 'admin'
FROM (SELECT i * 3600 / $1::integer AS n, i FROM generate_series(0, $1::integer - 1) i) each
"""


@dataclass(slots=True)
class _SchedulerTimes:
    """Milliseconds spent on finding ticks in each second, and the number of all ticks found."""

    ms: list[float] = field(default_factory=list)
    ticks: int = 0

    @contextmanager
    def finding(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.ms[-1] += (time.perf_counter() - started) * 1000


def p14(options: Options) -> Outcome:
    """Time for which the leader queries due and next schedules, in each second in which it starts runs."""
    many, seconds = (3_600, 3) if options.quick else (_MANY, _SECONDS)
    with new_home() as home, postgres.start(home / "orvanta") as database:
        spent = asyncio.run(_lead(_settings(home, database), many, seconds))
        about = settings_of(database)
    samples = Samples.of("ms", spent.ms)
    options.say(f"  {samples.text()}, {spent.ticks} ticks")
    measured = f"{samples.median:.1f} ms a second (p99 {samples.quantile(0.99):.1f} ms)"
    data = {"schedules": many, "ticks": spent.ticks, "finding": samples.record(), "postgresql": about}
    return outcome("P14", options, measured, data)


def _settings(home: Path, database: EmbeddedPostgres) -> Settings:
    made = settings_module.load({"ORVANTA_HOME": str(home / "orvanta")})
    return settings_module.with_database(made, database.app_url, database.owner_url)


async def _lead(settings: Settings, many: int, seconds: int) -> _SchedulerTimes:
    """Run the scheduler's work for this number of seconds."""
    assert settings.owner_url is not None
    await migrate(settings.owner_url, app_url=settings.database_url)
    platform = await open_platform(settings)
    try:
        await first_start(platform.db, settings)
        await scripts.create(platform, system("main"), "main", NewScript(_PATH, "echo 1", "bash", {}))
        async with platform.db.acquire() as connection:
            await connection.execute(_FILL, many, _PATH)
            await connection.execute("ANALYZE schedule")
        return await _watch(platform, seconds)
    finally:
        await platform.close()


async def _watch(platform: Platform, seconds: int) -> _SchedulerTimes:
    spent, started = _SchedulerTimes(), time.perf_counter()
    while (gone := time.perf_counter() - started) < seconds:
        spent.ms += [0.0] * (int(gone) + 1 - len(spent.ms))
        with spent.finding():
            due_s = (await scheduling.get_upcoming(platform)).in_s
        if due_s is None or due_s > MAX_WAIT_S:
            await asyncio.sleep(MAX_WAIT_S)
            continue
        await asyncio.sleep(max(due_s, 0))
        with spent.finding():
            found = [(tick, decide(tick)) for tick in await scheduling.due(platform, BATCH)]
        for tick, move in found:
            assert move.start and await scheduling.start(platform, tick, move.next_at)
        spent.ticks += len(found)
    assert spent.ticks > 0, "no tick was found"
    return spent
