"""P5 and P12: time until user code starts, and from the start of the platform to the first result."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

from bench.bars import Options, Outcome
from bench.client import Call, Client
from bench.comparison import WARM_UP
from bench.database import ask
from bench.installation import Installation, installation, new_home
from bench.process_reuse_probe import reuses_processes
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import clock, small
from orvanta_platform.embedded.postgres import start

_CLOCK_PATH = "f/bench/clock"
_EXAMPLES = Path(__file__).parents[2] / "examples"
_TRIES = 300
_ENQUEUED = """\
SELECT (extract(epoch FROM j.enqueued_at) * 1000000)::bigint * 1000 AS ns
FROM run r JOIN job j ON j.run = r.id WHERE r.path = $1 ORDER BY j.enqueued_at
"""
_PAUSE_S = (0.02, 0.06)


def p5(options: Options) -> Outcome:
    """Time from enqueueing a job (and from the call that does) to the first line of its code, one run at a time."""
    tries = 20 if options.quick else _TRIES
    with installation() as orvanta:
        dedicated, notes = reuses_processes(orvanta)
        found = {"confined": _first_lines(orvanta, "confined", tries)}
        if dedicated:
            found["dedicated"] = _first_lines(orvanta, "dedicated", tries)
        meter_about = {"settings": orvanta.settings, "tries": tries}
    for name, (queued, called) in found.items():
        options.say(f"  {name}: {queued.text()}; from the call: {called.text()}")
    measured = ", ".join(
        f"{name} p50 {_p(queued, 0.5)} p99 {_p(queued, 0.99)} (from the call {_p(called, 0.5)})"
        for name, (queued, called) in found.items()
    )
    data = {
        **meter_about,
        **{name: {**_record(queued), "from_the_call": _record(called)} for name, (queued, called) in found.items()},
    }
    return outcome("P5", options, measured, data, notes)


def _first_lines(orvanta: Installation, mode: str, tries: int) -> tuple[Samples, Samples]:
    """Return the milliseconds from the statement that enqueued the job, and from the call; both use the same clock."""
    path = f"{_CLOCK_PATH}_{mode}"
    status, answer = orvanta.deploy(path, clock(dedicated=mode == "dedicated"))
    assert status == 201, answer
    call = orvanta.run(path, {}, None)
    client = Client(orvanta.base)
    called, begun = [], []
    for _ in range(WARM_UP + tries):
        time.sleep(random.uniform(*_PAUSE_S))
        sent = time.time_ns()
        _, started = client.ask(call)
        called.append((started - sent) / 1e6)
        begun.append(started)
    client.close()
    with start(orvanta.database) as database:
        enqueued = ask(database, _ENQUEUED, path)
    queued = [(began - row["ns"]) / 1e6 for began, row in zip(begun, enqueued, strict=True)]
    return Samples.of("ms", queued[WARM_UP:]), Samples.of("ms", called[WARM_UP:])


def p12(options: Options) -> Outcome:
    """Time from `orvanta up` to the result of a Python workflow: in an empty home, and in one that was used."""
    rounds = 1 if options.quick else min(options.rounds, 7)
    first: list[float] = []
    later: list[float] = []
    ready: dict[str, list[float]] = {"first": [], "later": []}
    examples: dict[str, list[float]] = {}
    for _ in range(rounds):
        with new_home() as home:
            for name, times in (("first", first), ("later", later)):
                running = Installation(home)
                try:
                    running.client.time(running.preview(small(), 42))
                    times.append(time.perf_counter() - running.began)
                    ready[name].append(running.ready_s)
                    for example, seconds in _examples(running).items():
                        examples.setdefault(f"{example}, {name} start", []).append(seconds)
                finally:
                    running.close()
        options.say(f"  first {first[-1]:.2f} s, later {later[-1]:.2f} s")
    samples = {"first": Samples.of("s", first), "later": Samples.of("s", later)}
    data: dict[str, Any] = {name: each.record() for name, each in samples.items()}
    data["ready"] = {name: Samples.of("s", times).record() for name, times in ready.items()}
    data["examples_after_that"] = {name: Samples.of("s", times).record() for name, times in examples.items()}
    measured = f"{samples['first'].median:.2f} s; {samples['later'].median:.2f} s"
    return outcome("P12", options, measured, data)


def _examples(running: Installation) -> dict[str, float]:
    """Return the seconds of each example's run, the first one in this process."""
    taken = {}
    for folder in sorted(_EXAMPLES.glob("*.flow")):
        name = folder.stem
        args, result = (json.loads((_EXAMPLES / f"{name}.{part}.json").read_text()) for part in ("input", "result"))
        call: Call = running.run(f"f/examples/{name}", args, result)
        taken[name] = running.client.time(call)
    return taken


def _p(samples: Samples, part: float) -> str:
    return f"{samples.quantile(part):.2f} ms"


def _record(samples: Samples) -> dict[str, Any]:
    return {"p50": samples.quantile(0.5), "p99": samples.quantile(0.99), **samples.record()}
