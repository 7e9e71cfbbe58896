"""Debounced steps, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.cases.hand import one, work
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job

from orvanta_platform.control.actor import Actor
from orvanta_platform.http.schemas.flow_status import flow_status
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions

PATH = "f/main/sync"
BOB = replace(ACTOR, username="bob", email="bob@example.com")
ROWS = "SELECT FROM step_debounce FOR NO KEY UPDATE"


def put_off(id: str = "a", *needs: Any, **settings: Any) -> dict[str, Any]:
    """Return a node that returns its items and is debounced by one minute."""
    inputs = {
        "items": {"type": "javascript", "expr": "flow_input.items"},
        "n": {"type": "javascript", "expr": "flow_input.n"},
    }
    made = job(id, *needs, debouncing={"debounce_delay_s": 60, **settings})
    content = "def main(items, n=None):\n    return [items, n]\n"
    return {**made, "value": {**made["value"], "content": content, "input_transforms": inputs}}


async def deploy(core: CoreHarness, *modules: dict[str, Any], path: str = PATH, **value: Any) -> None:
    body = msgspec.Raw(json.dumps({"modules": list(modules), **value}).encode())
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, {"summary": msgspec.Raw(b'""')}))


async def call(core: CoreHarness, actor: Actor = ACTOR, path: str = PATH, **args: Any) -> UUID:
    text = json.dumps(args).encode()
    return await runs.start_flow(core.platform, actor, WORKSPACE, path, text, RunOptions())


async def waits(core: CoreHarness) -> list[UUID]:
    return [row["run"] for row in await core.rows("SELECT run FROM step_debounce ORDER BY first_at, run")]


async def begin(core: CoreHarness) -> None:
    """End all debounce windows."""
    await core.run("UPDATE step_debounce SET due_at = app_now()")
    while await timers.start_debounced(core.platform.tools):
        pass


async def test_later_run_replaces_earlier_one(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]), job("b", "a"))
    first, second, third = [await call(core, items=[n], n=n) for n in range(3)]
    for run, later in ((first, second), (second, third)):
        ended = await core.ended(run)
        assert (ended["status"], ended["skipped"], await core.result(run)) == ("succeeded", True, None)
        (event,) = await core.rows("SELECT node, data FROM event WHERE run = $1 AND kind = 'debounced'", run)
        assert (event["node"], json.loads(event["data"])) == ("a", {"run": str(later)})
    assert await waits(core) == [third] and await core.live(third) == {}
    await begin(core)
    worker = await core.worker()
    await one(core, worker, (await worker.claim())[0])
    found = await core.row("SELECT convert_from(v.body, 'UTF8') AS r FROM value v JOIN job j USING (id)"
                            " WHERE j.run = $1 AND j.node = 'a' AND v.kind = 'result'", third)  # fmt: skip
    assert json.loads(found["r"]) == [[0, 1, 2], 2]
    assert set(await core.live(third)) == {"b"}
    await core.is_whole()


async def test_run_after_start_of_step_has_own_window(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(core, items=[1])
    await begin(core)
    second = await call(core, items=[2])
    worker = await core.worker()
    await work(core, worker, first, [])
    await work(core, worker, second, [])
    assert (await core.result(first), await core.result(second)) == ([[1], None], [[2], None])
    await core.is_whole()


async def test_key_includes_step_identity_and_text(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_key="$args[n]"))
    await deploy(core, put_off(debounce_key="$args[n]"), path="f/main/other")
    found = [await call(core, n=1), await call(core, n=2), await call(core, BOB, n=1)]
    found.append(await call(core, path="f/main/other", n=1))
    assert sorted(await waits(core)) == sorted(found)
    last = await call(core, n=1)
    assert await core.ended(found[0]) and set(await waits(core)) == {*found[1:], last}
    await core.is_whole()


async def test_previews_share_no_key(core: CoreHarness) -> None:
    found = [await core.start(put_off()) for _ in range(2)]
    assert sorted(await waits(core)) == sorted(found)


async def test_number_of_replacements_is_limited(core: CoreHarness) -> None:
    await deploy(core, put_off(max_total_debounces_amount=1, debounce_args_to_accumulate=["items"]))
    first, second, third = [await call(core, items=[n]) for n in range(3)]
    assert await core.ended(first) and await waits(core) == [third]
    assert set(await core.live(second)) == {"a"}
    worker = await core.worker()
    await work(core, worker, second, [])
    assert await core.result(second) == [[0, 1], None]
    await core.is_whole()


async def test_total_delay_is_limited(core: CoreHarness) -> None:
    await deploy(core, put_off(max_total_debouncing_time=100))
    await call(core)
    await core.run("UPDATE step_debounce SET first_at = first_at - interval '90 seconds'")
    second = await call(core)
    assert await core.rows("SELECT FROM step_debounce WHERE due_at < app_now() + interval '11 seconds'")
    await core.run("UPDATE step_debounce SET first_at = first_at - interval '20 seconds'")
    third = await call(core)
    assert set(await core.live(second)) == {"a"} and await waits(core) == [third]


async def test_step_too_large_to_join_starts(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(core, items=["x" * 200_000])
    second = await call(core, items=["y" * 200_000])
    assert set(await core.live(first)) == {"a"} and await waits(core) == [second]
    third = await call(core, items=["z" * 300_000])
    assert set(await core.live(third)) == {"a"} and await waits(core) == [second]
    await core.is_whole()


@pytest.mark.parametrize("force", [False, True])
async def test_cancelled_run_leaves_window(core: CoreHarness, force: bool) -> None:
    await deploy(core, put_off())
    run = await call(core)
    await core.cancel(run, force=force)
    assert (await core.ended(run))["status"] == "cancelled" and await waits(core) == []
    await core.is_whole()


async def test_debounced_step_is_shown_and_cancelled_alone(core: CoreHarness) -> None:
    await deploy(core, put_off(), job("b", "a"))
    run = await call(core)
    due = (await core.row("SELECT due_at FROM step_debounce"))["due_at"]
    progress = (await jobs.get(core.platform, ACTOR, WORKSPACE, run)).progress
    assert progress is not None
    (wait,) = flow_status(progress).waits
    assert (wait.id, wait.code, wait.until) == ("a", "debounce", due)
    await core.cancel((await core.row("SELECT job FROM step_debounce"))["job"])
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"], await waits(core)) == ("failed", "Canceled", [])
    await core.is_whole()


async def test_iterations_replace_each_other_and_loop_continues(core: CoreHarness) -> None:
    body = put_off(debounce_args_to_accumulate=["items"])
    body["value"]["input_transforms"] = {"items": {"type": "javascript", "expr": "[flow_input.iter.value]"}}
    items = {"type": "static", "value": [1, 2, 3, 4, 5]}
    loop = {
        "type": "forloopflow",
        "iterator": items,
        "parallel": True,
        "parallelism": 2,
        "skip_failures": False,
        "modules": [body, job("b", "a")],
    }
    body["value"]["content"] = "def main(items):\n    return items\n"
    loop["modules"][1]["value"] |= {"content": "def main(x):\n    return x\n", "input_transforms": {"x": {"type": "javascript", "expr": "results.a"}}}  # type: ignore[index]  # fmt: skip # noqa: E501
    run = await core.start({"id": "l", "value": loop})
    await work(core, await core.worker(), run, [])
    assert await core.result(run) == [None, None, None, None, [1, 2, 3, 4, 5]]
    assert not (await core.ended(run))["skipped"]
    await core.is_whole()


async def test_replaced_branch_ends_its_run(core: CoreHarness) -> None:
    branch = {"type": "branchone", "branches": [], "default": [put_off()]}
    await deploy(core, {"id": "b", "value": branch}, job("c", "b"))
    first, second = await call(core), await call(core)
    ended = await core.ended(first)
    assert (ended["status"], ended["skipped"], await core.result(first)) == ("succeeded", True, None)
    assert await waits(core) == [second]
    await core.cancel(second)
    await core.is_whole()


async def test_sub_workflow_receives_joined_inputs(core: CoreHarness) -> None:
    inner = job("x")
    inner["value"] |= {"content": "def main(i):\n    return i\n", "input_transforms": {"i": {"type": "javascript", "expr": "flow_input.items"}}}  # noqa: E501  # fmt: skip
    await deploy(core, inner, path="f/main/inner")
    settings = {"debounce_delay_s": 60, "debounce_args_to_accumulate": ["items"]}
    inputs = {"items": {"type": "javascript", "expr": "flow_input.items"}}
    step = {"id": "a", "value": {"type": "flow", "path": "f/main/inner", "input_transforms": inputs}}
    await deploy(core, {**step, "debouncing": settings})
    await call(core, items=[1])
    second = await call(core, items=[2])
    await work(core, await core.worker(), second, [])
    assert await core.result(second) == [1, 2]
    await core.is_whole()


async def test_concurrent_runs_lose_no_input(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    found = await asyncio.gather(*(call(core, items=[n]) for n in range(6)))
    (left,) = await waits(core)
    worker = await core.worker()
    await work(core, worker, left, [])
    items, _ = await core.result(left)
    assert sorted(items) == list(range(6))
    assert all([(await core.ended(run))["skipped"] for run in found if run != left])
    await core.is_whole()


async def test_run_during_end_of_window_starts_new_window(core: CoreHarness) -> None:
    """While the row is being processed, the later run waits, and then starts its own window."""
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(core, items=[1])
    async with core.third_session() as other:
        async with other.connection.transaction():
            gone = await other.connection.fetchrow("DELETE FROM step_debounce RETURNING job")
            text = json.dumps({"type": "put_off", "job": str(gone["job"])})
            await other.connection.execute("INSERT INTO inbox (run, event) VALUES ($1, $2)", first, text)
            late = asyncio.create_task(call(core, items=[2]))
            await other.until_waiting()
        second = await late
    assert await waits(core) == [second]
    worker = await core.worker()
    await work(core, worker, first, [])
    assert await core.result(first) == [[1], None]
    await core.cancel(second)
    await core.is_whole()


async def test_run_cancelled_while_replaced_is_cancelled(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(core, items=[1])
    async with core.third_session() as other:
        async with other.holding(ROWS):
            late = asyncio.create_task(call(core, items=[2]))
            await other.until_waiting()
            cancel = asyncio.create_task(core.cancel(first))
            await other.until_waiting(2)
        second = await late
        await cancel
    assert (await core.ended(first))["status"] in ("cancelled", "succeeded") and await waits(core) == [second]
    await core.is_whole()
