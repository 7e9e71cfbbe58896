"""P7: jobs that only sleep, on several worker processes: time lost between one job and the next."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.bars import Options, Outcome
from bench.database import settings_of
from bench.direct_database import EMPTY, ended_since, now, prepared, until, with_platform
from bench.installation import environment, new_home, role_of
from bench.loader import load_script
from bench.machine import free_port
from bench.processes import CpuGroup, CpuMeter, Program
from bench.samples import Samples
from bench.targets import outcome
from orvanta_platform.control.actor import system
from orvanta_platform.embedded import postgres
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.services.catalog import scripts
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.platform import Platform
from orvanta_platform.settings import Settings

_WORKERS, _SLOTS, _JOBS, _SLEEP_S = 4, 25, 5_000, 0.1
_PATH = "f/bench/sleep"
_SLEEPS = f"import time\n\n\ndef main():\n    time.sleep({_SLEEP_S})\n"
_ALL_LIVE = "SELECT count(*) = $1 FROM worker WHERE state = 'live'"


def p7(options: Options) -> Outcome:
    """Run 100 ms jobs in reused processes, as many at once as there are slots."""
    workers, slots, jobs = (2, 4, 80) if options.quick else (_WORKERS, _SLOTS, _JOBS)
    rounds = 1 if options.quick else min(options.rounds, 7)
    ideal_s = jobs * _SLEEP_S / (workers * slots)
    with new_home() as home, postgres.start(home / "orvanta") as database, ExitStack() as stack:
        settings = prepared(home, database)
        with_platform(settings, _deploy)
        group = CpuGroup()
        stack.callback(group.close)
        programs = [stack.enter_context(_worker(home, slots, group)) for _ in range(workers)]
        until(database.owner_url, _ALL_LIVE, programs, workers)
        # The first jobs start the processes that later ones reuse.
        _run(settings, database, programs, 4 * workers * slots)
        meter = CpuMeter([database.keeper_pid, *(each.pid for each in programs)], role_of, group)
        taken = []
        for _ in range(rounds):
            meter.start()
            taken.append(_run(settings, database, programs, jobs))
            meter.stop()
            options.say(f"  {jobs:,} jobs in {taken[-1]:.3f} s, ideal {ideal_s:.3f} s")
        about = {"settings": {"ORVANTA_SLOTS": str(slots)}, "postgresql": settings_of(database)}
    share = Samples.of("of ideal", [ideal_s / seconds for seconds in taken])
    data: dict[str, Any] = {"workers": workers, "jobs": jobs, **about, "share": share.record()}
    data["seconds"], data["cpu_us_per_job"] = Samples.of("s", taken).record(), meter.result().per(jobs * rounds)
    measured = f"{100 * share.median:.1f} % ({jobs / ideal_s * share.median:,.0f} of {jobs / ideal_s:,.0f} jobs/s)"
    return outcome("P7", options, measured, data)


@contextmanager
def _worker(home: Path, slots: int, group: CpuGroup) -> Iterator[Program]:
    """Run a worker process while the block runs."""
    env = environment(home, free_port(), ORVANTA_SLOTS=str(slots))
    program = Program([sys.executable, "-m", "orvanta_platform.cli.main", "worker"], env=env, group=group)
    try:
        yield program
    finally:
        program.stop()


async def _deploy(platform: Platform) -> None:
    settings = {"dedicated_worker": msgspec.Raw(b"true")}
    await scripts.create(platform, system("main"), "main", NewScript(_PATH, _SLEEPS, "python3", settings))


def _run(settings: Settings, database: EmbeddedPostgres, programs: list[Program], jobs: int) -> float:
    """Enqueue this number of jobs together; return the seconds from the first start to the last end."""

    async def load(platform: Platform) -> Any:
        since = await now(platform)
        await load_script(platform, _PATH, jobs)
        return since

    since = with_platform(settings, load)
    until(database.owner_url, EMPTY, programs)
    row = ended_since(database.owner_url, since)
    assert row["ended"] == row["succeeded"] == jobs, row
    return float(row["seconds"])
