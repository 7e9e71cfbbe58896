"""P13: a large workflow, deployed by a client of the API, and decided from its start to its end.

Work of this process is measured as CPU time, which other load on the machine does not affect.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.bars import Options, Outcome
from bench.comparison import WARM_UP
from bench.installation import Installation, installation
from bench.large import large
from bench.samples import Samples
from bench.targets import outcome
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Ask, Enqueue
from orvanta_platform.engine.events import Answer, Answers, Event, Started, Succeeded
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import Phase, RunState

_NODES = 500
_NUMBER = Answer(b"100", True)
_CHOICES = (Answer(b"true", True), Answer(b"false", False))


@dataclass(slots=True)
class _StepTimes:
    """Microseconds a step of each replay: decide() only; with the state decoded and encoded; the same if cached."""

    deciding: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)


def p13(options: Options) -> Outcome:
    """Deploy 500 new nodes, then the same with one change; compile them; decide each step of complete runs."""
    nodes, rounds = (50, 2) if options.quick else (_NODES, options.rounds)
    with installation() as orvanta:
        meter = orvanta.meter()
        meter.start()
        first = Samples.of("ms", _rounds(rounds, lambda each: _first_deploy(orvanta, nodes, each)))
        meter.stop()
        again = Samples.of("ms", _rounds(rounds, lambda each: _redeploy(orvanta, nodes, each)))
    compiled = Samples.of("ms", _rounds(rounds, lambda each: _compile(nodes, each)))
    spent = _replays(compile_plan(large(nodes)), rounds)
    steps = {name: Samples.of("µs", getattr(spent, name)) for name in ("deciding", "whole", "known")}
    options.say(f"  first {first.text()}; changed {again.text()}; compiled {compiled.text()}")
    options.say(f"  a step: {'; '.join(f'{name} {each.text()}' for name, each in steps.items())}")
    whole_ms, step_us = first.median + compiled.median, steps["deciding"].median
    measured = (
        f"{whole_ms:.0f} ms ({first.median:.0f} deployed, {compiled.median:.0f} compiled; one change"
        f" {again.median:.0f}); {step_us:.0f} µs a step ({steps['whole'].median:.0f} with its state read and written)"
    )
    data: dict[str, Any] = {"nodes": nodes, "first": first.record(), "one_change": again.record()}
    data["cpu_us_per_first_deploy"] = meter.result().per(WARM_UP + rounds)
    data |= {"compile": compiled.record(), "step": {name: each.record() for name, each in steps.items()}}
    return outcome("P13", options, measured, data)


def _rounds(rounds: int, once: Callable[[int], float]) -> list[float]:
    return [once(each) for each in range(-WARM_UP, rounds)][WARM_UP:]


def _first_deploy(orvanta: Installation, nodes: int, each: int) -> float:
    """Return the milliseconds of a deploy whose expressions and scripts are all new."""
    return _deploy(orvanta, f"f/bench/large_{each + WARM_UP}", "create", large(nodes, f"_{each + WARM_UP}"))


def _redeploy(orvanta: Installation, nodes: int, each: int) -> float:
    """Return the milliseconds of a deploy of a new version in which one node has changed."""
    value = large(nodes, f"_{WARM_UP}")
    value["modules"][0]["value"]["input_transforms"]["rate"] = {"type": "static", "value": each}
    return _deploy(orvanta, f"f/bench/large_{WARM_UP}", f"update/f/bench/large_{WARM_UP}", value)


def _deploy(orvanta: Installation, path: str, call: str, value: dict[str, Any]) -> float:
    body = {"path": path, "summary": "", "value": value}
    started = time.perf_counter()
    status, answer = orvanta.client.post(f"/api/w/main/flows/{call}", body, orvanta.headers)
    seconds = time.perf_counter() - started
    assert status in (200, 201), answer
    return seconds * 1000


def _compile(nodes: int, each: int) -> float:
    value = large(nodes, f"_c{each}")
    started = time.thread_time()
    plan = compile_plan(value)
    assert len(plan.nodes) == nodes
    return (time.thread_time() - started) * 1000


def _replays(plan: Plan, rounds: int) -> _StepTimes:
    """Replay complete runs, each twice: only the second replay benefits from states that the process has cached."""
    spent = _StepTimes()
    for seed in range(-1, rounds):
        first, second = (_replay(plan, random.Random(seed)) for _ in range(2))
        if seed >= 0:
            spent.deciding.append(first[0])
            spent.whole.append(first[1])
            spent.known.append(second[1])
    return spent


def _replay(plan: Plan, chance: random.Random) -> tuple[float, float]:
    """Return the microseconds a step, of decide() and in total, of a run whose jobs end in random order.

    Its conditions have random results, so that two runs rarely reach the same state.
    """
    encoded, queued, steps = RunState.new(plan).encode(), list[int](), 0
    event: Event | None = Started()
    whole = deciding = 0.0
    while event is not None:
        started = time.thread_time()
        state = RunState.decode(encoded)
        decoded = time.thread_time()
        decision, answering = _decide(plan, state, event, chance)
        decided = time.thread_time()
        encoded = decision.state.encode()
        whole += time.thread_time() - started - answering
        deciding += decided - decoded - answering
        steps += 1
        queued += [effect.node for effect in decision.effects if isinstance(effect, Enqueue)]
        event = Succeeded(queued.pop(chance.randrange(len(queued)))) if queued else None
    assert decision.state.phase is Phase.ENDED and len(decision.state.nodes) == len(plan.nodes), decision
    return deciding / steps * 1e6, whole / steps * 1e6


def _decide(plan: Plan, state: RunState, event: Event, chance: random.Random) -> tuple[Decision, float]:
    """Return the decision, and the seconds spent on answering its questions."""
    answers: Answers = {}
    after: Need | None = None
    answering = 0.0
    while isinstance(outcome := decide(plan, state, event, answers, after=after), Need):
        started = time.thread_time()
        answers = {**answers, **{ask.key: _answer(ask, chance) for ask in outcome.requests}}
        after = outcome
        answering += time.thread_time() - started
    return outcome, answering


def _answer(ask: Ask, chance: random.Random) -> Answer:
    return chance.choice(_CHOICES) if ask.purpose == "condition" else _NUMBER
