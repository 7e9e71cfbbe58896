"""P11: cost of the platform while it is idle."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median

import asyncpg

from bench.bars import Options, Outcome
from bench.installation import installation, role_of
from bench.machine import probe, probe_note
from bench.memory import unshared_kib
from bench.processes import CpuMeter, command_line, descendants, pss_kib
from bench.targets import outcome
from bench.workflows import small
from orvanta_platform.embedded import postgres

_SETTLE_S, _WATCH_S = 20.0, 60.0
_PART_S = 10.0
"""Seconds of each part of the time: work that is done once a minute, or once after the start, shows as a part that
differs from the others.
"""


def p11(options: Options) -> Outcome:
    """Measure the PSS of all processes, and their CPU time, after some runs and a pause."""
    settle, watch = (0.5, 1.0) if options.quick else (_SETTLE_S, _WATCH_S)
    with installation() as orvanta:
        for _ in range(3):
            orvanta.client.time(orvanta.preview(small(), 42))
        time.sleep(settle)
        meter = orvanta.meter()
        transactions = _transactions(orvanta.database)
        parts = [_watch(meter, min(watch, _PART_S)) for _ in range(max(1, round(watch / _PART_S)))]
        seconds = sum(each for each, _ in parts)
        pids = (orvanta.program.pid, *descendants(orvanta.program.pid))
        memory, unshared = _by_role({pid: _pss_kib(pid) for pid in pids}), _by_role(unshared_kib(pids))
        transactions = _transactions(orvanta.database) - transactions
        machine = probe()
    used = meter.result().by_role
    share = 100 * sum(used.values()) / seconds / 1e9
    woken = sum(meter.wakes.values())
    us_per_wake_up = round(sum(used.values()) / max(1, woken) / 1000)
    of_parts = [round(100 * ns / each / 1e9, 3) for each, ns in parts]
    mib = sum(memory.values()) / 1024
    data = {
        "seconds": round(seconds, 1),
        "pss_mib": _mib(memory),
        "unshared_mib": _mib(unshared),
        "cpu_percent": {role: round(100 * ns / seconds / 1e9, 3) for role, ns in sorted(used.items())},
        "cpu_percent_of_parts": of_parts,
        "cpu_us_per_wake_up": us_per_wake_up,
        "wake_ups_per_s": {role: round(count / seconds, 2) for role, count in sorted(meter.wakes.items())},
        "transactions_per_s": round(transactions / seconds, 2),
        "probe_us": machine,
    }
    options.say(f"  {data}")
    measured = f"{mib:.0f} MiB, {share:.2f} % of a core"
    note = probe_note(machine)
    rates = (
        f"{woken / seconds:.1f} wake-ups and {data['transactions_per_s']} transactions per second, "
        f"{us_per_wake_up} µs of CPU time per wake-up; "
        f"parts of {parts[0][0]:.0f} s: median {median(of_parts):.2f} %, maximum {max(of_parts):.2f} %"
    )
    return outcome("P11", options, measured, data, (rates, note) if note else (rates,))


def _watch(meter: CpuMeter, seconds: float) -> tuple[float, int]:
    """Measure for some time; return the exact time in seconds, and the CPU time in ns."""
    before = sum(meter.total.values())
    started = time.monotonic()
    meter.start()
    time.sleep(seconds)
    meter.stop()
    return time.monotonic() - started, sum(meter.total.values()) - before


def _transactions(home: Path) -> int:
    """Return the number of transactions of the database so far."""
    with postgres.start(home) as database:
        return asyncio.run(_read_transactions(database.owner_url))


async def _read_transactions(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


def _pss_kib(pid: int) -> int:
    with suppress(OSError):
        return pss_kib(pid)
    return 0


def _by_role(kib: Mapping[int, float]) -> dict[str, float]:
    """Return the KiB by role."""
    found: dict[str, float] = defaultdict(float)
    for pid, size in kib.items():
        with suppress(OSError):
            found[role_of(command_line(pid))] += size
    return found


def _mib(kib: Mapping[str, float]) -> dict[str, float]:
    return {role: round(size / 1024, 1) for role, size in sorted(kib.items())}
