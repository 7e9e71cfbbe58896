"""P3: runs of a one-step script that many concurrent callers start and wait for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

from bench import load_generator
from bench.bars import Options, Outcome
from bench.comparison import Side
from bench.database import ask, settings_of
from bench.installation import Installation, installation
from bench.peers import dbos, restate
from bench.peers.install import PeerMissing
from bench.process_reuse_probe import reuses_processes
from bench.processes import Cpu
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import FIB_10, LIGHT
from orvanta_platform.embedded.postgres import start

_CALLERS, _CALLS = 50, 2_000
_ENDED = "SELECT count(*) AS n FROM run WHERE path = $1 AND status = 'succeeded'"

Peer = Callable[[Options, int], AbstractContextManager[Side]]


@dataclass(slots=True)
class _Measured:
    """Results of the callers of one side, by round."""

    side: Side
    rates: list[float] = field(default_factory=list)
    each_ms: list[float] = field(default_factory=list)
    client_ns: int = 0
    calls: int = 0

    @property
    def rate(self) -> Samples:
        return Samples.of("runs/s", self.rates)

    def record(self) -> dict[str, Any]:
        """Return the measurement as JSON values."""
        latency = Samples.of("ms", self.each_ms)
        cpu = Cpu({**self.side.meter.total, "callers": self.client_ns})
        return {
            **self.side.about,
            "rate": self.rate.record(),
            "p50_ms": round(latency.quantile(0.5), 2),
            "p99_ms": round(latency.quantile(0.99), 2),
            "cpu_us_per_run": cpu.per(self.calls),
        }


def p3(options: Options) -> Outcome:
    """Serve 50 callers: with a reused process beside Restate, with a confined one for each run beside DBOS."""
    with installation() as orvanta:
        dedicated, notes = reuses_processes(orvanta)
        parts = [
            _compare(options, orvanta, "Restate", restate.side, dedicated=dedicated),
            _compare(options, orvanta, "DBOS", dbos.side, dedicated=False),
        ]
    notes += tuple(note for part in parts for note in part[2])
    data = {name: part[1] for name, part in zip(("dedicated", "confined"), parts, strict=True)}
    return outcome("P3", options, "; ".join(part[0] for part in parts), data, notes)


def _compare(
    options: Options, orvanta: Installation, name: str, peer: Peer, *, dedicated: bool
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Return the text of the report, the data and the notes."""
    rounds = 1 if options.quick else min(options.rounds, 7)
    notes: tuple[str, ...] = ()
    path = f"f/bench/light_beside_{name.lower()}"
    with ExitStack() as stack:
        sides = [_Measured(_measure_orvanta(orvanta, path, dedicated=dedicated))]
        try:
            if not options.quick:
                sides.append(_Measured(stack.enter_context(peer(options, 1))))
        except PeerMissing as error:
            notes += (f"{name} could not be measured: {error}",)
        calls = 60 if options.quick else _CALLS
        for _ in range(rounds):
            for each in sides:
                _round(each, calls)
        for each in sides:
            options.say(f"  {each.side.name}: {each.rate.text()}")
        _check(orvanta, path, sides[0].calls)
        data = {each.side.name: each.record() for each in sides}
    mode = "dedicated" if dedicated else "confined"
    own = sides[0].rate.median
    if len(sides) < 2:
        return f"{mode} {own:,.0f}/s alone", data, notes
    theirs = sides[1].rate.median
    ratio = own / theirs
    cpu = data["ours"]["cpu_us_per_run"]["callers"]
    measured = f"{mode} {ratio:.2f} × {name} ({own:,.0f} to {theirs:,.0f}/s; callers {cpu:.0f} µs of CPU a run)"
    return measured, {"ratio": round(ratio, 3), **data}, notes


def _round(each: _Measured, calls: int) -> None:
    warm_up = 0 if each.calls else min(_CALLERS, calls)
    each.side.meter.start()
    seen = load_generator.run(each.side.base, [each.side.call] * (warm_up + calls), _CALLERS, warm_up=warm_up)
    each.side.meter.stop()
    each.rates.append(calls / seen.seconds)
    each.each_ms += [seconds * 1000 for seconds in seen.each_s]
    each.client_ns += round(seen.cpu_s * 1e9)
    each.calls += warm_up + calls


def _measure_orvanta(orvanta: Installation, path: str, *, dedicated: bool) -> Side:
    script = {"path": path, "summary": "", "description": "", "content": LIGHT, "language": "python3"}
    body = {**script, "dedicated_worker": True} if dedicated else script
    status, answer = orvanta.client.post("/api/w/main/scripts/create", body, orvanta.headers)
    assert status == 201, answer
    with start(orvanta.database) as database:
        about = {"dedicated": dedicated, "settings": orvanta.settings, "postgresql": settings_of(database)}
    return Side("ours", orvanta.base, orvanta.run_script(path, {"n": 10}, FIB_10), orvanta.meter(), about)


def _check(orvanta: Installation, path: str, calls: int) -> None:
    """Check that every call created a run in history."""
    with start(orvanta.database) as database:
        (row,) = ask(database, _ENDED, path)
    assert row["n"] == calls, (row["n"], calls)
