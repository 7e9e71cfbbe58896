"""Worker in the test's process: it claims with the real protocol and calls Python without a sandbox."""

from __future__ import annotations

import inspect
import json
import traceback
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker

from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Kind
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.orchestrator import timers, values
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.evaluation_context import moment_of, resolver
from orvanta_platform.orchestrator.job_completion import finish_job
from orvanta_platform.orchestrator.node_views import view_of
from orvanta_platform.orchestrator.paused_inputs import with_replaced_inputs
from orvanta_platform.orchestrator.scope import load_scope
from orvanta_platform.orchestrator.secret_access import Identity
from orvanta_platform.services.approvals import decisions

MAX_JOBS = 2_000


async def work(core: CoreHarness, worker: Worker, run: UUID, people: list[dict[str, Any]]) -> None:
    """Run the available jobs, make the decisions of `people` and fire timers until the run has ended."""
    people = list(people)
    for _ in range(MAX_JOBS):
        if not await core.rows("SELECT FROM run_live WHERE id = $1", run):
            return
        jobs = await worker.claim()
        for job in jobs:
            await one(core, worker, job)
        if not jobs and await decides(core, people):
            continue
        if not jobs and not await pass_time(core):
            raise AssertionError(f"the run waits for nothing: {await core.everything()}")
    raise AssertionError("the run does not end")


async def decides(core: CoreHarness, people: list[dict[str, Any]]) -> bool:
    """Make the next decision of `people`, {node, decision, form?, reason?}; return whether it was accepted."""
    asking = await core.rows("SELECT job FROM approval WHERE node = $1", people[0]["node"]) if people else []
    if not asking:
        return False
    decision = people.pop(0)
    # If several people must agree, each decision is made by another person.
    earlier = len(await core.rows("SELECT FROM decision WHERE job = $1", asking[0]["job"]))
    name = [ACTOR.username, "bob", "eve"][earlier]
    form = json.dumps(decision.get("form", {})).encode()
    outcome = await decisions.decide(
        core.platform,
        replace(ACTOR, username=name, email=f"{name}@example.com"),
        WORKSPACE,
        asking[0]["job"],
        approved=decision["decision"] == "approved",
        payload=form,
        reason=decision.get("reason"),
    )
    return outcome.first


async def pass_time(core: CoreHarness) -> bool:
    """Make the next timer due and process pending events; return whether there were any."""
    await core.run(
        "UPDATE timer SET due_at = app_now() - interval '1 second' WHERE kind <> 'cancel'"
        " AND due_at = (SELECT min(due_at) FROM timer WHERE kind <> 'cancel')"
    )
    await core.run("UPDATE gate SET due_at = app_now() - interval '1 second', starts = '{}' WHERE due_at IS NOT NULL")
    await core.run("UPDATE step_debounce SET due_at = app_now() WHERE due_at = (SELECT min(due_at) FROM step_debounce)")
    await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    tools = core.platform.tools
    found = [
        await look(tools) for look in (timers.fire, timers.grant_due_permits, timers.start_debounced, timers.sweep)
    ]
    return any(found)


async def one(core: CoreHarness, worker: Worker, job: ClaimedJob) -> None:
    """Run one job to its end."""
    platform = core.platform
    async with platform.db.acquire() as connection:
        blueprint = await platform.blueprints.of(connection, job.run)
    node = blueprint.plan.node(job.node_index)
    error: NamedError | None = None
    retryable = True
    try:
        view = await view_of(platform.db, blueprint.plan, job.run, job.node_index, job.frame)
        reader = platform.tools.reader
        if node.kind is Kind.IDENTITY:
            scope = await load_scope(view, {"previous_result": None}, reader.load, reader.load_context)
            found = scope["previous_result"]
            raw = found if isinstance(found, bytes) else b"null"
        else:
            inputs = blueprint.inputs(node)
            scope = await load_scope(view, inputs.names, reader.load, reader.load_context)
            moment = moment_of(blueprint.plan, job.run, job.node_index, job.frame)
            resolve = resolver(platform, Identity.of_job(job), job.run.workspace, OpenedSecrets())
            whole = scope["flow_input"] if inputs.whole else None
            args = await platform.evaluator.inputs(inputs.transforms, scope, moment, resolve)
            args = whole if isinstance(whole, bytes) else args
            args, _ = await with_replaced_inputs(reader.load, job.run, node, job.id, args, frozenset())
            raw = json.dumps(call(str(node.value["content"]), json.loads(args))).encode()
    except ExpressionError as thrown:
        error, retryable = NamedError(thrown.name, thrown.message), False
    except Exception as thrown:
        error = NamedError(type(thrown).__name__, str(thrown) or traceback.format_exc())
    if error is not None:
        raw = json.dumps({"error": {"name": error.name, "message": error.message, "step_id": job.node}}).encode()
    value = await values.store(platform.storage, job.run.workspace, job.run.id, job.id, "result", raw)
    finish = Finish(
        job=job.id,
        node=job.node_index,
        attempt=job.attempt,
        worker=worker.id,
        generation=worker.generation,
        raw=raw,
        value=value,
        error=error,
        retryable=retryable,
        ran_s=0.01,
    )
    worker.held.pop(job.id, None)
    done = await finish_job(platform.tools, worker.committer, job, blueprint, finish, hand_off=False)
    assert done.recorded


def call(content: str, args: dict[str, Any]) -> Any:
    """Call `main` of a script with those arguments that it accepts."""
    names: dict[str, Any] = {}
    exec(content, names)
    parameters = inspect.signature(names["main"]).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return names["main"](**{name: value for name, value in args.items() if takes_all or name in parameters})
