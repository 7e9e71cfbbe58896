"""P18, P19: costs of a step and of a one-step run, and their growth within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench import load_generator
from bench.bars import Options, Outcome
from bench.client import Call, Client
from bench.database import ask
from bench.database_costs import IDLE_S, Costs, StatementLog, logging_statements
from bench.installation import Installation, installation, new_home
from bench.process_reuse_probe import reuses_processes
from bench.profiles import profile, profiled_installation
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import CHAIN_PATH, FIB_10, LIGHT, chain, while_loop
from orvanta_platform.embedded.postgres import start

_CALLERS = 50
_STEPS = 40
_WARM_UP = 20


def p19(options: Options) -> Outcome:
    """Count statements, commits, WAL bytes and wake-ups of a one-step synchronous run and of a step of a chain."""
    data: dict[str, Any] = {}
    with installation() as orvanta:
        reuses, notes = reuses_processes(orvanta)
        for mode in ("dedicated", "confined"):
            data[mode] = _costs(options, orvanta, dedicated=mode == "dedicated" and reuses)
    with new_home() as folder, profiled_installation(folder) as orvanta:
        for mode, found in data.items():
            run = _deployed_script(orvanta, mode, dedicated=found["dedicated"])
            calls = [run] * (60 if options.quick else 2_000)
            load_generator.run(orvanta.base, calls[:_CALLERS], _CALLERS)
            found["functions"] = profile(orvanta, folder, partial(load_generator.run, orvanta.base, calls, _CALLERS))
    run, step = data["dedicated"]["run"], data["dedicated"]["step"]
    measured = (
        f"a run {run['statements']:.1f} statements, {run['writing_transactions']:.1f} commits, "
        f"{run['wal_bytes'] / 1000:.1f} kB WAL; a step {step['statements']:.1f}, {step['writing_transactions']:.1f}, "
        f"{step['wal_bytes'] / 1000:.1f} kB"
    )
    return outcome("P19", options, measured, data, notes)


def _costs(options: Options, orvanta: Installation, *, dedicated: bool) -> dict[str, Any]:
    """Return the costs of a run alone, of a run among 50 callers, and of a step of a chain."""
    runs, chains = (20, 2) if options.quick else (400, 15)
    name = "dedicated" if dedicated else "confined"
    run = _deployed_script(orvanta, name, dedicated=dedicated)
    flow = f"{CHAIN_PATH}_{name}"
    status, answer = orvanta.deploy(flow, chain(_STEPS, dedicated=dedicated))
    assert status == 201, answer
    steps = orvanta.run(flow, {}, FIB_10)
    loads: dict[str, tuple[Callable[[], object], int]] = {
        "run": (lambda: _in_sequence(orvanta, run, runs), runs),
        "run_of_50_callers": (lambda: load_generator.run(orvanta.base, [run] * runs * 2, _CALLERS), runs * 2),
        "step": (lambda: _in_sequence(orvanta, steps, chains), chains * _STEPS),
    }
    found: dict[str, Any] = {"dedicated": dedicated}
    for call in (run, steps):
        _in_sequence(orvanta, call, 2 if options.quick else _WARM_UP)
    for each, (load, count) in loads.items():
        meter = orvanta.meter()
        meter.start()
        load()
        meter.stop()
        wakes = {role: round(number / count, 2) for role, number in sorted(meter.wakes.items())}
        found[each] = {"count": count, "cpu_us": meter.result().per(count), "wake_ups": wakes}
    with start(orvanta.database) as database, logging_statements(database) as log:
        idle = _idle(options, log)
        for each, (load, count) in loads.items():
            costs, seconds = log.measure(load)
            found[each] |= costs.per(count, idle, seconds).record()
            options.say(f"  {name}, {each}: {found[each]}")
    return found


def _deployed_script(orvanta: Installation, name: str, *, dedicated: bool) -> Call:
    """Deploy the script, and return the call that runs it."""
    path = f"f/bench/cost_{name}"
    script = {"path": path, "summary": "", "description": "", "content": LIGHT, "language": "python3"}
    body = {**script, "dedicated_worker": True} if dedicated else script
    status, answer = orvanta.client.post("/api/w/main/scripts/create", body, orvanta.headers)
    assert status == 201, answer
    return orvanta.run_script(path, {"n": 10}, FIB_10)


def _idle(options: Options, log: StatementLog) -> Costs:
    """Return the costs of a second without load."""
    seconds = 1.0 if options.quick else IDLE_S
    nothing = Costs(0, 0, 0, 0, 0, {}, {})
    costs, took = log.measure(lambda: time.sleep(seconds))
    return costs.per(1, nothing, 0).scaled(1 / took)


def _in_sequence(orvanta: Installation, call: Call, count: int) -> None:
    client = Client(orvanta.base)
    for _ in range(count):
        client.time(call)
    client.close()


def p18(options: Options) -> Outcome:
    """Compare the last tenth of a chain of 1,000 nodes, and of a loop of 10,000 turns, with the first."""
    nodes, turns = (40, 100) if options.quick else (1_000, 10_000)
    rounds = 1 if options.quick else min(options.rounds, 3)
    with installation() as orvanta:
        dedicated, notes = reuses_processes(orvanta)
        ratios = {
            "chain": _growth(orvanta, chain(nodes, dedicated=dedicated), FIB_10, nodes, rounds),
            "loop": _growth(orvanta, while_loop(turns, dedicated=dedicated), turns, turns, rounds),
        }
    for name, samples in ratios.items():
        options.say(f"  {name}: {samples.text()}")
    measured = f"{ratios['chain'].median:.2f} ×; {ratios['loop'].median:.2f} ×"
    return outcome("P18", options, measured, {name: samples.record() for name, samples in ratios.items()}, notes)


_ENDED_AT = """\
SELECT extract(epoch FROM ended_at)::float8 AS at
FROM job
WHERE run = (SELECT max(id::text)::uuid FROM run WHERE path = $1) AND kind NOT IN ('frame', 'whileloopflow')
ORDER BY ended_at"""


def _growth(orvanta: Installation, value: dict[str, Any], expected: Any, count: int, rounds: int) -> Samples:
    """Return the time of the last tenth of the jobs of a run, divided by that of the first tenth, by round."""
    path = f"{CHAIN_PATH}_{count}"
    status, answer = orvanta.deploy(path, value)
    assert status == 201, answer
    call = orvanta.run(path, {}, expected)
    ratios = []
    for round_number in range(rounds + 1):
        orvanta.client.ask(call)
        with start(orvanta.database) as database:
            at = [row["at"] for row in ask(database, _ENDED_AT, path)]
        assert len(at) == count, (len(at), count)
        if round_number:
            ratios.append(_last_against_first(at))
    return Samples.of("×", ratios)


def _last_against_first(at: list[float]) -> float:
    """Compare medians of ten parts of each tenth, so that a pause of the machine does not count.

    The very first job is left out: it waits in the queue.
    """
    part = max(1, len(at) // 100)
    steps = [later - earlier for earlier, later in zip(at[1::part], at[1 + part :: part], strict=False)]
    tenth = max(1, len(steps) // 10)
    return statistics.median(steps[-tenth:]) / statistics.median(steps[:tenth])
