"""P4: a full queue of runs of one `identity` node, drained by one worker process."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bars import Options, Outcome
from bench.database import settings_of
from bench.direct_database import EMPTY, ended_since, now, prepared, until, with_platform
from bench.installation import environment, new_home, role_of
from bench.loader import load
from bench.machine import free_port
from bench.processes import CpuGroup, CpuMeter, Program
from bench.samples import Samples
from bench.targets import outcome
from orvanta_platform.embedded import postgres
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.services.platform import Platform
from orvanta_platform.settings import Settings

_SLOTS = 100
_BEGUN = "SELECT EXISTS (SELECT FROM run WHERE ended_at > $1)"


@dataclass(slots=True)
class _Drained:
    """Results of the drains: jobs per second of each, and CPU time by role."""

    rates: list[float] = field(default_factory=list)
    load_s: list[float] = field(default_factory=list)
    cpu: dict[str, int] = field(default_factory=dict)


def p4(options: Options) -> Outcome:
    """Drain the queue repeatedly, each time with a new worker process."""
    jobs, rounds = options.jobs, 1 if options.quick else min(options.rounds, 7)
    found = _Drained()
    with new_home() as home, postgres.start(home / "orvanta") as database:
        settings = prepared(home, database)
        about = settings_of(database)
        if not options.quick:
            _drain(settings, home, database, jobs // 20, _Drained(), options)
        for _ in range(rounds):
            _drain(settings, home, database, jobs, found, options)
    samples = Samples.of("jobs/s", found.rates)
    cpu = {role: round(ns / (jobs * rounds) / 1000, 1) for role, ns in sorted(found.cpu.items())}
    data: dict[str, Any] = {
        "jobs": jobs,
        "settings": {"ORVANTA_SLOTS": str(_SLOTS)},
        "postgresql": about,
        "rate": samples.record(),
        "load": Samples.of("s", found.load_s).record(),
        "cpu_us_per_job": cpu,
    }
    of = "" if jobs == Options().jobs else f" ({jobs:,} runs)"
    return outcome("P4", options, f"{samples.median:,.0f}/s{of}", data)


def _drain(
    settings: Settings, home: Path, database: EmbeddedPostgres, jobs: int, found: _Drained, options: Options
) -> None:
    started = time.perf_counter()
    since = with_platform(settings, lambda platform: _load(platform, jobs))
    found.load_s.append(time.perf_counter() - started)
    group = CpuGroup()
    env = environment(home, free_port(), ORVANTA_SLOTS=str(_SLOTS))
    meter = CpuMeter([database.keeper_pid], role_of)
    worker = Program([sys.executable, "-m", "orvanta_platform.cli.main", "worker"], env=env, group=group)
    try:
        until(database.owner_url, _BEGUN, [worker], since)
        meter.start()
        begun_ns = group.usage_ns() or 0
        until(database.owner_url, EMPTY, [worker])
        meter.stop()
        meter.total["worker"] = (group.usage_ns() or 0) - begun_ns
        row = ended_since(database.owner_url, since)
    finally:
        worker.stop()
        group.close()
    assert row["ended"] == row["succeeded"] == jobs, row
    found.rates.append(jobs / row["seconds"])
    for role, ns in meter.total.items():
        found.cpu[role] = found.cpu.get(role, 0) + ns
    options.say(f"  {jobs:,} queued in {found.load_s[-1]:.1f} s, drained in {row['seconds']:.2f} s")


async def _load(platform: Platform, jobs: int) -> Any:
    """Fill the queue; return the database's time before it is drained."""
    await load(platform, jobs)
    return await now(platform)
