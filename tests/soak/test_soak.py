"""Soak test: an installation that uses every feature for half an hour, with a retention that drops partitions.

`SOAK_MINUTES` (30), `SOAK_RATE` (6 runs a second) and `SOAK_JSON` (output file of the series) change it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.soak import load, series
from tests.soak.house import House, every, house
from tests.soak.load import Record

from bench.machine import describe
from orvanta_platform import clock
from orvanta_platform.db.pool import Database
from orvanta_platform.services.maintenance import retention
from orvanta_platform.storage.local import LocalStorage

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
RATE = float(os.environ.get("SOAK_RATE", "6"))
DAYS = 90
KEPT = timedelta(minutes=5)
"""Age up to which history is retained: the policy of 90 days is applied with a clock that is set ahead."""

WEEKS = timedelta(weeks=20)
"""Age of the partition that is filled and dropped each minute."""

SMALL = {"table": 1 << 20, "indexes": 1 << 20}
"""Bytes below which a series is noise (a few pages, rows not vacuumed yet), by the prefix of its name."""

_CACHES = "each connection keeps up to 100 statements, and PostgreSQL their plans, as it meets them"
_VALUES = "a worker remembers the values of its last runs, up to a number of bytes"
FILLING = {"rss server": _CACHES, "own postgres": _CACHES, "rss worker 1": _VALUES, "rss worker 2": _VALUES}
"""Series that may grow by up to 10 % an hour until their caches are full, with the reason."""

MIN_GROWTH = 1 << 20
"""Minimum growth in bytes an hour."""

WATCHED = ("table", "indexes", "tables", "objects", "rss", "own")
SCHEDULES = {"*/2 * * * * *": "u/admin/plus", "*/5 * * * * *": "u/admin/chain", "*/7 * * * * *": "u/admin/asks"}
_OLD = "SELECT ensure_partitions($1)"
_FILL = """
INSERT INTO run SELECT (jsonb_populate_record(r, jsonb_build_object('id', o.id, 'root', o.id, 'parent', NULL))).*
FROM (SELECT id, substr(md5(id::text), 1, 20) AS end FROM run WHERE parent IS NULL LIMIT 500) s
JOIN run r ON r.id = s.id
CROSS JOIN LATERAL (SELECT (substr(uuid_at($1)::text, 1, 14) || '7000-8000-' || substr(s.end, 1, 12))::uuid AS id) o
"""
_SAW = "grows until 1,000 of its rows have gone and are vacuumed, then uses that room"
NAMED = {
    "audit": "the audit trail is never forgotten",
    "idempotency": "keys are kept for a day",
    "schedule_tick": "ticks are kept for 30 days",
    **dict.fromkeys(("run_live", "job_live", "frame", "counter", "timer", "inbox", "approval"), _SAW),
    **dict.fromkeys(("gate", "gate_wait", "permit", "opening", "schedule"), _SAW),
}
"""Tables that may grow, with the reason."""


@pytest.mark.soak(minutes=MINUTES + 20)
async def test_half_an_hour_of_everything() -> None:
    record, samples, swept = Record(), list[dict[str, float]](), retention.SweepResult()
    async with house("soak") as home:
        for at, (cron, path) in enumerate(SCHEDULES.items()):
            await home.schedule(f"u/admin/every_{at}", cron, of=path)
        kinds = every(list(home.definitions.values()))
        async with load.people(home, record):
            async with load.calls(home, record, kinds, RATE):
                began = time.monotonic()
                for minute in range(1, round(MINUTES) + 1):
                    await asyncio.sleep(max(0.0, began + 60 * minute - time.monotonic()))
                    await retain(home, swept)
                    await load.look_for_doubles(home, record)
                    samples.append({"at_s": time.monotonic() - began, **await series.sample(home, NAMED)})
                    print(
                        f"{minute} min: {record.ended} runs, {len(record.open)} open, {swept.runs} forgotten",
                        flush=True,
                    )
            await still(home)
            await load.until_empty(home, record)
        await load.look_for_doubles(home, record)
        await load.look_for_unasked(home, record)
        broken = home.doctor()
    growth = series.growth(samples)
    keep(record, swept, samples, growth)
    load.print_record(record)
    assert (record.wrong, record.lost, record.stuck, record.doubled, broken) == ([], [], [], set(), "")
    assert swept.runs > 0
    assert len(swept.partitions) > 0
    assert unnamed(growth) == {}


async def retain(home: House, swept: retention.SweepResult) -> None:
    """Apply the retention as the leader does each hour, with a clock at which all but the last minutes have expired."""
    owner = home.url()
    old = clock.now() - WEEKS
    connection = await asyncpg.connect(owner)
    try:
        await connection.execute(_OLD, old)
        await connection.execute(_FILL, old)
    finally:
        await connection.close()
    database, storage = await Database.connect(owner), LocalStorage(home.home / "objects")
    try:
        now = clock.now() + timedelta(days=DAYS) - KEPT
        done = await retention.sweep(database, storage, retention.Policy(DAYS), now, owner_url=owner)
    finally:
        await database.close()
    swept.runs += done.runs
    swept.objects += done.objects
    swept.partitions += done.partitions


async def still(home: House) -> None:
    """Disable all schedules."""
    async with home.client() as client:
        for at in range(len(SCHEDULES)):
            answer = await client.post(f"/api/w/main/schedules/setenabled/u/admin/every_{at}", json={"enabled": False})
            assert answer.status_code == 200, answer.text


def unnamed(growth: dict[str, tuple[float, float, float]]) -> dict[str, str]:
    """Return the series that grow by more than 2 % an hour and are not in NAMED."""
    return {
        name: f"{percent:.1f} %/h of {mean / 1e6:.1f} MB"
        for name, (mean, slope, percent) in growth.items()
        if percent > (10 if name in FILLING else 2)
        and slope > MIN_GROWTH
        and mean > SMALL.get(name.split()[0], 0)
        and name.split()[0] in WATCHED
        and name.split()[-1] not in NAMED
    }


def keep(
    record: Record,
    swept: retention.SweepResult,
    samples: list[dict[str, float]],
    growth: dict[str, tuple[float, float, float]],
) -> None:
    """Write the report as JSON; that of a full soak is stored with the results of the benchmarks."""
    report = {
        "machine": describe(),
        "minutes": MINUTES,
        "runs_per_s": RATE,
        "runs": record.summary(),
        "retention": {"runs": swept.runs, "objects": swept.objects, "partitions": len(swept.partitions)},
        "named": NAMED | FILLING,
        **series.record(samples, growth),
    }
    whole = Path(__file__).parents[2] / f"bench/results/soak-{clock.now():%Y-%m-%d}.json"
    target = os.environ.get("SOAK_JSON") or (whole if MINUTES >= 30 else None)
    if target:
        Path(target).write_text(json.dumps(report, indent=1) + "\n")
