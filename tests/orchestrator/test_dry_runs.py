"""Dry runs on PostgreSQL: which jobs exist, what other nodes would have received, and which answers are played."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.cases.hand import work
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, condition, on
from tests.orchestrator.test_expressions import account

from orvanta_platform import clock
from orvanta_platform.db import metrics
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import BadRequest, CannotRestart
from orvanta_platform.orchestrator.blueprints import Blueprint, dry_pins
from orvanta_platform.orchestrator.effect_rows import translate
from orvanta_platform.orchestrator.recorded_tests import run_row
from orvanta_platform.services.catalog import dry_runs, flows, workflow_tests
from orvanta_platform.services.catalog.dry_runs import DryRunOptions, ReportPage
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.runs import rerun, restart
from orvanta_platform.services.runs.restart import RestartRequest
from orvanta_platform.services.runs.start import RunOptions
from orvanta_platform.services.secrets import variables
from orvanta_platform.services.secrets.variables import VariableDraft

PURE = DryRunOptions()


def code(id: str, *needs: Any, content: str = "def main(n=0): return n + 1", **more: Any) -> dict[str, Any]:
    """Return a node that runs Python; the inputs are expressions."""
    inputs = {name: {"type": "javascript", "expr": expr} for name, expr in more.pop("inputs", {}).items()}
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": inputs}
    return {"id": id, "value": value, "needs": list(needs), **more}


def sends(id: str, *needs: Any, expr: str = "null", **more: Any) -> dict[str, Any]:
    """Return a webhook node, which declares no effects."""
    body = {"type": "javascript", "expr": expr}
    url = {"type": "static", "value": "https://example.com/orders"}
    return {
        "id": id,
        "value": {"type": "webhook", "method": "POST", "url": url, "body": body},
        "needs": [*needs],
        **more,
    }


def loop(id: str, *body: dict[str, Any], parallel: bool = False) -> dict[str, Any]:
    iterator = {"type": "javascript", "expr": "flow_input.items"}
    value = {"type": "forloopflow", "iterator": iterator, "modules": [*body], "parallel": parallel}
    return {"id": id, "value": {**value, "skip_failures": False}, "needs": []}


async def dry(core: CoreHarness, *modules: Any, args: Any = None, options: DryRunOptions = PURE, **value: Any) -> UUID:
    """Execute a dry run to its end; every job that it makes is executed."""
    body = json.dumps({"modules": list(modules), **value}).encode()
    text = json.dumps(args or {}).encode()
    run = await dry_runs.start_preview(core.platform, ACTOR, WORKSPACE, body, None, text, options)
    await work(core, await core.worker(), run, [])
    return run


async def report(core: CoreHarness, run: UUID) -> ReportPage:
    return await dry_runs.report(core.platform, ACTOR, WORKSPACE, run, after=0, limit=100)


async def answered(core: CoreHarness, run: UUID) -> list[tuple[Any, ...]]:
    """Return the executions that the dry run answered for, with their inputs."""
    found = (await report(core, run)).entries
    return [
        (each.data.execution, each.data.answer, json.loads(each.inputs) if each.inputs is not None else None)
        for each in found
    ]


async def executed(core: CoreHarness) -> list[str]:
    """Return the nodes whose jobs were executed, in all runs."""
    rows = await core.rows("SELECT node FROM job WHERE queue IS NOT NULL ORDER BY ended_at, id")
    return [row["node"] for row in rows]


async def test_dry_run_takes_real_branches_and_executes_pure_nodes_only(core: CoreHarness) -> None:
    await account(core)
    await variables.create(core.platform, ACTOR, WORKSPACE, VariableDraft("u/ann/key", "s3cret-key", is_secret=True))
    inputs = {"key": "variable('u/ann/key')", "total": "results.sum"}
    run = await dry(
        core,
        code("sum", inputs={"n": "flow_input.n"}, effects="none"),
        condition("large", "results.sum > 3", "sum"),
        code("charge", on("large", "true"), inputs=inputs, result_schema={"properties": {"id": {"type": "string"}}}),
        sends("refuse", on("large", "false")),
        sends("tell", "charge", expr="results.charge"),
        args={"n": 3},
    )
    assert await executed(core) == ["sum"]
    assert await answered(core, run) == [
        ("charge", "sample", {"key": "***", "total": 4}),
        ("tell", "sample", {"url": "https://example.com/orders", "body": {"id": ""}}),
    ]
    (charge, tell) = (await report(core, run)).entries
    assert (charge.data.kind, charge.data.language, charge.data.effects) == ("rawscript", "python3", "sends")
    assert (tell.data.kind, tell.data.method) == ("webhook", "POST")
    ended = await core.ended(run)
    assert (ended["status"], ended["trigger"], ended["kind"]) == ("succeeded", "dry_run", "flowpreview")
    async with core.db.acquire() as conn:
        assert await metrics.count_ended_runs(conn, [run]) == []
    assert "s3cret" not in str(await core.everything())
    await core.is_whole()


async def test_nodes_that_read_are_executed_if_permitted(core: CoreHarness) -> None:
    nodes = (code("look", effects="reads"), code("store", "look", effects="writes"))
    run = await dry(core, *nodes)
    assert await executed(core) == [] and [each[0] for each in await answered(core, run)] == ["look", "store"]
    run = await dry(core, *nodes, options=DryRunOptions(reads=True))
    assert await executed(core) == ["look"] and [each[0] for each in await answered(core, run)] == ["store"]
    assert (await report(core, run)).executes == ("none", "reads")


@pytest.mark.parametrize("parallel", [False, True])
async def test_iterations_are_answered_for(core: CoreHarness, parallel: bool) -> None:
    """A body of one node has no frame of its own; a longer one has."""
    run = await dry(
        core,
        loop("one", sends("send", expr="flow_input.iter.value"), parallel=parallel),
        loop(
            "two",
            code("add", inputs={"n": "flow_input.iter.value"}, effects="none"),
            code("store", "add", inputs={"n": "results.add"}),
            parallel=parallel,
        ),
        args={"items": [1, 2]},
    )
    assert await executed(core) == ["add", "add"]
    found = sorted((name, inputs.get("body", inputs.get("n"))) for name, _, inputs in await answered(core, run))
    assert found == [("send[0]", 1), ("send[1]", 2), ("store[0]", 2), ("store[1]", 3)]
    await core.is_whole()


async def test_sub_workflows_are_dry_and_act_for_the_starter(core: CoreHarness) -> None:
    """The outer one acts for another member in real runs, and so has pins of its own."""
    await account(core)
    await core.run("INSERT INTO account (email, username, password_hash) VALUES ('bob@example.com', 'bob', '')")
    await core.run(
        "INSERT INTO member (workspace, email, username, role) VALUES ($1, 'bob@example.com', 'bob', 'admin')",
        WORKSPACE,
    )

    def call(path: str, expr: str) -> dict[str, Any]:
        inputs = {"n": {"type": "javascript", "expr": expr}}
        return {"id": "call", "value": {"type": "flow", "path": path, "input_transforms": inputs}}

    async def deploy(path: str, *modules: dict[str, Any], **settings: str) -> None:
        value = msgspec.Raw(json.dumps({"modules": modules}).encode())
        others = {name: msgspec.Raw(json.dumps(text).encode()) for name, text in settings.items()}
        await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(path, value, None, others))

    await deploy("f/main/deep", code("pure", effects="none"), code("store", "pure", inputs={"n": "flow_input.n"}))
    await deploy("f/main/inner", call("f/main/deep", "flow_input.n"), on_behalf_of_email="bob@example.com")
    run = await dry(core, loop("each", call("f/main/inner", "flow_input.iter.value")), args={"items": [7]})
    assert await executed(core) == ["pure"]
    (entry,) = (await report(core, run)).entries
    assert (entry.workflow, entry.node, entry.inputs) == ("f/main/deep", "store", b'{"n":7}')
    children = await core.rows("SELECT * FROM run WHERE root = $1 AND id <> $1", run)
    assert {(row["kind"], row["permissioned_as"], row["created_by"]) for row in children} == {
        ("flowpreview", "u/ann", "ann")
    }
    async with core.db.acquire() as conn:
        assert await metrics.count_ended_runs(conn, [run, *(row["id"] for row in children)]) == []


async def test_recorded_retries_and_failures_are_played(core: CoreHarness) -> None:
    """The answers of an earlier run lead to its failure module; those of its sub-workflows are played inside them."""
    flaky = "def main(n):\n    raise ValueError('broken')"
    twice = {"constant": {"attempts": 2, "seconds": 60}}
    await flows.create(
        core.platform,
        ACTOR,
        WORKSPACE,
        NewFlow("f/main/rate", msgspec.Raw(json.dumps({"modules": [code("ask")]}).encode()), None, {}),
    )
    rate = {"id": "rate", "value": {"type": "flow", "path": "f/main/rate", "input_transforms": {}}, "needs": []}
    failing = code("charge", "rate", content=flaky, inputs={"n": "results.rate"}, retry=twice)
    repair = code("failure", content="def main(error): return error", inputs={"error": "error.message"})
    del repair["needs"]
    nodes = (rate, failing)
    real = await core.start(*nodes, failure_module=repair)
    await work(core, await core.worker(), real, [])
    before = await executed(core)
    run = await dry(core, *nodes, failure_module=repair, options=DryRunOptions(run=real))
    assert await executed(core) == before
    assert await answered(core, run) == [
        ("ask", "recorded", {}),
        ("charge", "recorded", {"n": 1}),
        ("charge", "recorded", {"n": 1}),
        ("charge", "recorded", {"n": 1}),
        ("failure", "recorded", {"error": "broken"}),
    ]
    errors = [(each.data.attempt, each.data.error) for each in (await report(core, run)).entries[1:4]]
    assert errors == [(0, "ValueError"), (1, "ValueError"), (2, "ValueError")]
    assert await core.result(run) == await core.result(real) == "broken"
    with pytest.raises(BadRequest):
        await dry(core, *nodes, options=DryRunOptions(run=run))


async def test_answers_of_a_test_and_waits_are_played_without_waiting(core: CoreHarness) -> None:
    """A dry run asks no person, and uses no timer, limit or cache of other runs."""
    await account(core)
    approval = {"type": "approval", "timeout": 60, "approvers": ["u/ann"]}
    hour = {"type": "static", "value": 3600}
    modules = [
        {"id": "wait", "needs": [], "value": {"type": "delay", "seconds": hour}},
        {"id": "agree", "needs": ["wait"], "value": approval},
        sends("agreed", on("agree", "approved")),
        code("refused", on("agree", "rejected"), inputs={"by": "context.agree.by"}, sleep=hour),
        code("after", "refused", suspend={"required_events": 1}, cache_ttl=60, effects="none"),
        code("last", "after", inputs={"resume": "resume"}),
    ]
    value = msgspec.Raw(json.dumps({"modules": modules, "concurrent_limit": 1}).encode())
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow("f/main/waits", value, None, {}))
    rejected = {"nodes": {"agree": {"decisions": [{"decision": "rejected", "by": "eve"}]}, "refused": {"result": 5}}}
    await workflow_tests.create(core.platform, ACTOR, WORKSPACE, "f/main/waits", "refuse", rejected)

    async def run(options: DryRunOptions) -> list[tuple[Any, ...]]:
        id = await dry_runs.start_flow(core.platform, ACTOR, WORKSPACE, "f/main/waits", b"{}", options)
        worker = await core.worker()
        for each in await worker.claim():
            await worker.finish(each, 1)
        assert (await core.ended(id))["status"] == "succeeded"
        return await answered(core, id)

    assert [each[:2] for each in await run(PURE)] == [("agree", "sample"), ("agreed", "sample")]
    assert await run(DryRunOptions(test="refuse")) == [
        ("agree", "recorded", {"approvers": ["u/ann"]}),
        ("refused", "recorded", {"by": "eve"}),
        ("last", "none", {"resume": {}}),
    ]
    for table in ("approval", "timer", "gate", "notice"):
        assert await core.rows(f"SELECT FROM {table}") == [], table


async def test_dry_run_is_not_repeated_or_recorded(core: CoreHarness) -> None:
    run = await dry(core, sends("send"))
    with pytest.raises(CannotRestart):
        await rerun.rerun(core.platform, ACTOR, WORKSPACE, run, None, RunOptions())
    with pytest.raises(CannotRestart):
        await restart.restart(core.platform, ACTOR, WORKSPACE, run, RestartRequest((("send", None),)), RunOptions())
    with pytest.raises(BadRequest):
        await workflow_tests.record(core.platform, ACTOR, WORKSPACE, run, "made", "")


def test_job_of_node_with_effects_is_refused_whatever_the_plan_says() -> None:
    """The rows of a step are refused even if the decision, by a bug, enqueues such a node."""
    plan = compile_plan({"modules": [code("store"), code("pure", effects="none")]})
    blueprint = Blueprint(plan, dry_pins(("none",)))
    run = replace(run_row("f/main/x", clock.now()), kind="flowpreview")
    with pytest.raises(AssertionError, match="must not execute the node store"):
        translate(blueprint, run, RunState.new(plan).encode(), [fx.Enqueue(0, None)])
    made = translate(blueprint, run, RunState.new(plan).encode(), [fx.Enqueue(1, None)])
    assert [each.node for each in made.rows.jobs] == ["pure"]
