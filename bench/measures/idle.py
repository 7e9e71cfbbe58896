"""P11: cost of the platform while it is idle."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress

from bench.bars import Options, Outcome
from bench.installation import installation, role_of
from bench.processes import command_line, descendants, pss_kib
from bench.targets import outcome
from bench.workflows import small

_SETTLE_S, _WATCH_S = 20.0, 60.0


def p11(options: Options) -> Outcome:
    """Measure the PSS of all processes, and their CPU time, after some runs and a pause."""
    settle, watch = (0.5, 1.0) if options.quick else (_SETTLE_S, _WATCH_S)
    with installation() as orvanta:
        for _ in range(3):
            orvanta.client.time(orvanta.preview(small(), 42))
        time.sleep(settle)
        meter = orvanta.meter()
        meter.start()
        started = time.monotonic()
        time.sleep(watch)
        meter.stop()
        seconds = time.monotonic() - started
        memory = _memory(orvanta.program.pid)
    used = meter.result().by_role
    share = 100 * sum(used.values()) / seconds / 1e9
    mib = sum(memory.values()) / 1024
    data = {
        "seconds": round(seconds, 1),
        "pss_mib": {role: round(kib / 1024, 1) for role, kib in sorted(memory.items())},
        "cpu_percent": {role: round(100 * ns / seconds / 1e9, 3) for role, ns in sorted(used.items())},
    }
    options.say(f"  {data['pss_mib']} {data['cpu_percent']}")
    measured = f"{mib:.0f} MiB, {share:.2f} % of a core"
    return outcome("P11", options, measured, data)


def _memory(pid: int) -> dict[str, int]:
    """Return the KiB by role."""
    found: dict[str, int] = defaultdict(int)
    for each in (pid, *descendants(pid)):
        with suppress(OSError):
            found[role_of(command_line(each))] += pss_kib(each)
    return found
