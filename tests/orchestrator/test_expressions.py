"""Expressions of a run that need JavaScript: decisions, stored values and opened secrets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, condition, job, on

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator, evaluate_small
from orvanta_platform.evaluate.javascript import Moment
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.orchestrator import answers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow, Source
from orvanta_platform.services.secrets import variables
from orvanta_platform.services.secrets.variables import VariableDraft
from orvanta_platform.workflow.reads import Opener

SECRET = "hunter2-of-ann"


def js(text: str) -> dict[str, str]:
    return {"type": "javascript", "expr": text}


async def run_of_a(core: CoreHarness, result: Any, *more: dict[str, Any], export: Any = None, **value: Any) -> Any:
    """Start a run, complete its node `a` with this result, and return the run's id."""
    run = await core.start(job("a", **({"export": export} if export else {})), *more, args={"least": 3}, **value)
    worker = await core.worker()
    await worker.finish((await worker.claim_by_node())["a"], result)
    return run


async def context(core: CoreHarness, run: Any) -> dict[str, Any]:
    rows = await core.rows("SELECT name, body FROM value WHERE id = $1 AND kind = 'context'", run)
    return {row["name"]: json.loads(row["body"]) for row in rows}


async def test_conditions_exports_and_output(core: CoreHarness) -> None:
    run = await run_of_a(
        core,
        {"items": [{"n": 2}, {"n": 5}]},
        condition("enough", "const {least} = flow_input; return context.sum - least > 0", on("a", "success")),
        condition("named", "results.enough ? `sum ${context.sum}` : ''", on("enough", "true")),
        export={"sum": js("result.items.reduce((sum, item) => sum + item.n, 0)")},
        output=js("{sum: context.sum, named: results.named, all: Object.keys(results).sort()}"),
    )
    assert await core.result(run) == {"sum": 7, "named": True, "all": ["a", "enough", "named"]}
    assert await context(core, run) == {"sum": 7}
    await core.is_whole()


async def test_other_tasks_run_between_conditions_that_read_large_values(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = 0
    turns: list[int] = []

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def evaluate(text: str, scope: Scope) -> Any:
        turns.append(turn)
        return evaluate_small(text, scope)

    conditions = [condition(f"c{number}", "flow_input.least === 3", on("a", "success")) for number in range(10)]
    run = await core.start(job("a"), *conditions, args={"least": 3, "large": "x" * (2 << 20)})
    worker = await core.worker()
    claimed = (await worker.claim_by_node())["a"]
    monkeypatch.setattr(answers, "evaluate_small", evaluate)
    counting = asyncio.ensure_future(count())
    await worker.finish(claimed, 1)
    counting.cancel()
    assert (await core.ended(run))["status"] == "succeeded"
    assert len(turns) >= 10 and len(set(turns)) == len(turns), "several were evaluated in one turn of the event loop"


async def test_throwing_expression_fails_its_node(core: CoreHarness) -> None:
    run = await run_of_a(core, {}, condition("c", "results.a.b.c + 1 > 0", on("a", "success")))
    message = "Cannot read properties of undefined (reading 'c')"
    assert await core.result(run) == {"error": {"name": "TypeError", "message": message, "step_id": "c"}}


async def test_endless_expression_fails_its_node(core: CoreHarness) -> None:
    run = await run_of_a(core, {}, condition("c", "while (true) {}", on("a", "success")))
    assert (await core.result(run))["error"]["name"] == "expression_timeout"


async def test_retry_condition_is_evaluated_by_javascript(core: CoreHarness) -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}, "retry_if": {"expr": "/busy/i.test(error.message)"}}
    run = await core.start(job("a", retry=retry))
    worker = await core.worker()
    await worker.finish((await worker.claim_by_node())["a"], error="Busy")
    assert (await core.live(run))["a"]["failures"] == 1


async def test_replayed_expression_yields_same_value(core: CoreHarness) -> None:
    """The run's row contains the time and the random seed, so that each evaluation yields the same values."""
    text = "[Date.now(), new Date().getTime(), Math.random(), Math.random()]"
    run = await run_of_a(core, {}, export={"seen": js(text)}, output=js(text))
    row = await core.ended(run)
    at_ms = row["scheduled_at"].timestamp() * 1000
    evaluator = Evaluator()
    for node, found in (("a", (await context(core, run))["seen"]), ("", await core.result(run))):
        moment = Moment(found[0], f"{row['seed']}/{node}")
        assert 0 <= at_ms - found[0] < 1
        assert json.loads((await evaluator.expression(text, {}, moment, _none)).raw) == found
    await evaluator.close()


async def test_random_seed_differs_between_nodes_and_runs(core: CoreHarness) -> None:
    output = js("[results.a, Math.random()]")
    runs = [await run_of_a(core, None, export={"dice": js("Math.random()")}, output=output) for _ in range(2)]
    drawn = [(await core.result(run))[1] for run in runs] + [(await context(core, run))["dice"] for run in runs]
    assert len(set(drawn)) == 4


async def test_first_step_reads_recorded_time(core: CoreHarness) -> None:
    run = await core.start(condition("c", "true"), output=js("Date.now()"))
    row = await core.ended(run)
    assert 0 <= row["scheduled_at"].timestamp() * 1000 - await core.result(run) < 1


async def test_variables_are_opened_for_identity_of_run(core: CoreHarness) -> None:
    await account(core)
    await variables.create(core.platform, ACTOR, WORKSPACE, VariableDraft("u/ann/key", SECRET, is_secret=True))
    await variables.create(core.platform, ACTOR, WORKSPACE, VariableDraft("u/ann/limit", "5"))
    run = await run_of_a(
        core,
        {"path": "u/ann/key"},
        condition("right", f"variable(results.a.path) === '{SECRET[:7]}' + '{SECRET[7:]}'", on("a", "success")),
        export={"key": js("variable('u/ann/key')"), "limit": js("Number(variable('u/ann/limit'))")},
        output=js("{right: results.right, header: 'Bearer ' + variable('u/ann/' + 'key'), limit: context.limit}"),
    )
    assert await core.result(run) == {"right": True, "header": "Bearer ***", "limit": 5}
    assert await context(core, run) == {"key": "***", "limit": 5}
    for row in await core.rows("SELECT body FROM value"):
        assert SECRET.encode() not in row["body"]
    opened = await core.rows("SELECT resource FROM audit WHERE operation = 'variables.open'")
    assert {row["resource"] for row in opened} == {"u/ann/key"}


async def test_unknown_variable_fails_its_node(core: CoreHarness) -> None:
    await account(core)
    run = await run_of_a(core, {}, condition("c", "variable('u/ann/missing') === 'x'", on("a", "success")))
    error = (await core.result(run))["error"]
    assert (error["name"], "u/ann/missing" in error["message"]) == ("not_found", True)


async def test_error_does_not_disclose_secret(core: CoreHarness) -> None:
    await account(core)
    await variables.create(core.platform, ACTOR, WORKSPACE, VariableDraft("u/ann/key", SECRET, is_secret=True))
    run = await run_of_a(
        core, {}, condition("c", "throw new Error('key ' + variable('u/ann/key'))", on("a", "success"))
    )
    assert (await core.result(run))["error"]["message"] == "key ***"


@pytest.mark.parametrize("format", ["json", "yaml"])
async def test_invalid_javascript_is_rejected_at_deploy(core: CoreHarness, format: Any) -> None:
    modules = [condition("good", "results.x?.y ?? 1"), condition("bad", "results.x +"), condition("worse", "let let")]
    source = Source(format, json.dumps({"value": {"modules": modules, "output": js("{a:,}")}}))
    with pytest.raises(InvalidWorkflow) as caught:
        await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow("u/ann/f", None, None, {}, source))
    found = [(each["code"], each["node"], each["path"]) for each in caught.value.details if each["severity"] == "error"]
    assert found == [
        ("expression_syntax", None, "/value/output/expr"),
        ("expression_syntax", "bad", "/value/modules/1/value/expr"),
        ("expression_syntax", "worse", "/value/modules/2/value/expr"),
    ]
    assert "results.x +" in str(caught.value.details[1]["message"])


async def _none(kind: Opener, path: str) -> bytes:
    raise ExpressionError("not_found", path)


async def account(core: CoreHarness) -> None:
    """Insert the account for which runs act, and make it a member of the workspace."""
    await core.run(
        "INSERT INTO account (email, username, password_hash) VALUES ($1, $2, '')", ACTOR.email, ACTOR.username
    )
    await core.run(
        "INSERT INTO member (workspace, email, username, role) VALUES ($1, $2, $3, 'admin')",
        WORKSPACE,
        ACTOR.email,
        ACTOR.username,
    )
