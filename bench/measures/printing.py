"""P9: a job with very long output: its speed, whether all lines are stored, and the memory of the worker."""

from __future__ import annotations

from bench.bars import Options, Outcome
from bench.installation import installation
from bench.measures.large_values import ended
from bench.memory import growth
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import small

_LINES, _WIDTH = 1_000_000, 100
_PRINTS = """\
import sys
import time


def main(lines, width):
    tail = "." * (width - 9) + "\\n"
    began = time.perf_counter()
    for start in range(0, lines, 1000):
        sys.stdout.write("".join(f"{n:08d}{tail}" for n in range(start, min(start + 1000, lines))))
    sys.stdout.flush()
    return time.perf_counter() - began
"""


def p9(options: Options) -> Outcome:
    """Run one job that prints 1 M lines of 100 bytes: lines a second until it has ended, all of them stored."""
    lines = 20_000 if options.quick else _LINES
    rounds = 1 if options.quick else min(options.rounds, 5)
    rates, growths, received = [], [], []
    with installation() as orvanta:
        for _ in range(3):
            orvanta.client.time(orvanta.preview(small(), 42))
        for _ in range(rounds):
            body = {"content": _PRINTS, "language": "python3", "args": {"lines": lines, "width": _WIDTH}}
            with growth(orvanta) as found:
                id, seconds = ended(orvanta, "/api/w/main/jobs/run/preview", body)
            rates.append(lines / seconds)
            growths.append(found.grown["worker"])
            received.append(orvanta.client.lines(f"/api/w/main/jobs_u/get_logs/{id}", orvanta.headers, _WIDTH - 1))
            options.say(f"  {rates[-1]:,.0f} lines/s, worker + {growths[-1]:.1f} MiB, {received[-1]:,} lines kept")
    rate = Samples.of("lines/s", rates)
    whole = all(count == lines for count in received)
    measured = f"{rate.median:,.0f}/s, worker + {max(growths):.0f} MiB" + ("" if whole else ", lines lost")
    data = {"lines": lines, "rate": rate.record(), "worker_grown_mib": growths, "kept": received}
    return outcome("P9", options, measured, data, is_whole=whole)
