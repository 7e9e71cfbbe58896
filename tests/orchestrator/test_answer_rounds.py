"""Expressions of many loop bodies that need JavaScript are evaluated in one round."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cases.hand import work
from tests.orchestrator.harness import CoreHarness

from orvanta_platform.orchestrator import answers
from orvanta_platform.orchestrator.answer_rounds import MAX_AHEAD
from orvanta_platform.orchestrator.nested_advance import NestedAdvance

MANY = 200
LOOKED = "(() => flow_input.iter.value % 2 === 1)()"
"""An expression that the small interpreter cannot evaluate."""


class Rounds:
    """Counters of the transactions of a run and of the maximum number of concurrent evaluations."""

    def __init__(self) -> None:
        self.transactions = self.asked = self.now = self.most = 0


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    counted = Rounds()
    process, javascript = NestedAdvance.process, answers._by_javascript

    async def counting(self: NestedAdvance, *args: Any) -> Any:
        counted.transactions += 1
        return await process(self, *args)

    async def asking(*args: Any) -> Any:
        counted.asked += 1
        counted.now += 1
        counted.most = max(counted.most, counted.now)
        try:
            return await javascript(*args)
        finally:
            counted.now -= 1

    monkeypatch.setattr(NestedAdvance, "process", counting)
    monkeypatch.setattr(answers, "_by_javascript", asking)
    return counted


def loop(*body: dict[str, Any], **more: Any) -> dict[str, Any]:
    iterator = {"type": "javascript", "expr": f"Array.from({{length: {MANY}}}, (_, i) => i)"}
    value = {"type": "forloopflow", "iterator": iterator, "parallel": True, "skip_failures": False, **more}
    return {"id": "l", "value": {**value, "modules": list(body)}}


def condition(id: str, expr: str = LOOKED, **more: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "condition", "expr": expr}, **more}


async def test_concurrent_bodies_are_evaluated_in_one_round(core: CoreHarness, rounds: Rounds) -> None:
    run = await core.start(loop(condition("x")))
    await work(core, await core.worker(), run, [])
    assert await core.result(run) == [n % 2 == 1 for n in range(MANY)]
    assert (rounds.asked, rounds.most) == (MANY + 1, MAX_AHEAD)
    assert rounds.transactions <= 2 * MANY / MAX_AHEAD + 4
    await core.is_whole()


async def test_bodies_of_several_nodes_need_one_round_per_node(core: CoreHarness, rounds: Rounds) -> None:
    run = await core.start(loop(condition("x"), condition("y", "((a) => !a)(results.x)")))
    await work(core, await core.worker(), run, [])
    assert await core.result(run) == [n % 2 == 0 for n in range(MANY)]
    assert (rounds.asked, rounds.most) == (2 * MANY + 1, MAX_AHEAD)
    assert rounds.transactions <= 3 * MANY / MAX_AHEAD + 4
    await core.is_whole()


async def test_expression_that_reads_context_is_evaluated_in_its_turn(core: CoreHarness, rounds: Rounds) -> None:
    """Each body reads the value written by the previous one."""
    expr = "((n) => n + 1)(context.n ?? 0)"
    export = {"n": {"type": "javascript", "expr": expr}}
    counting = condition("x", "true", export=export)
    size = {"type": "javascript", "expr": "context.n"}
    run = await core.start(loop(counting, parallelism=2), output=size)
    await work(core, await core.worker(), run, [])
    assert await core.result(run) == MANY
    await core.is_whole()


async def test_throwing_expression_fails_only_its_own_body(core: CoreHarness, rounds: Rounds) -> None:
    expr = "(() => { if (flow_input.iter.value === 3) throw new RangeError('three'); return true })()"
    run = await core.start(loop(condition("x", expr), skip_failures=True))
    await work(core, await core.worker(), run, [])
    assert await core.result(run) == [None if n == 3 else True for n in range(MANY)]
    await core.is_whole()
