"""Debounced steps, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
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
    """Return a step that returns its items and is debounced by a minute."""
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
    while await timers.begin_put_off(core.platform.tools):
        pass


async def test_a_later_run_takes_the_place_of_an_earlier_one(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]), job("b", "a"))
    first, second, third = [await call(core, items=[n], n=n) for n in range(3)]
    for run, later in ((first, second), (second, third)):
        ended = await core.ended(run)
        assert (ended["status"], ended["skipped"], await core.result(run)) == ("succeeded", True, None)
        (told,) = await core.rows("SELECT node, data FROM event WHERE run = $1 AND kind = 'debounced'", run)
        assert (told["node"], json.loads(told["data"])) == ("a", {"run": str(later)})
    assert await waits(core) == [third] and await core.live(third) == {}
    await begin(core)
    worker = await core.worker()
    await one(core, worker, (await worker.claim())[0])
    found = await core.row("SELECT convert_from(v.body, 'UTF8') AS r FROM value v JOIN job j USING (id)"
                            " WHERE j.run = $1 AND j.node = 'a' AND v.kind = 'result'", third)  # fmt: skip
    assert json.loads(found["r"]) == [[0, 1, 2], 2]
    assert set(await core.live(third)) == {"b"}
    await core.is_whole()


async def test_a_run_that_comes_when_the_step_has_begun_has_a_window_of_its_own(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(core, items=[1])
    await begin(core)
    second = await call(core, items=[2])
    worker = await core.worker()
    await work(core, worker, first, [])
    await work(core, worker, second, [])
    assert (await core.result(first), await core.result(second)) == ([[1], None], [[2], None])
    await core.is_whole()


async def test_only_the_same_step_for_the_same_identity_and_key_is_one(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_key="$args[n]"))
    await deploy(core, put_off(debounce_key="$args[n]"), path="f/main/other")
    found = [await call(core, n=1), await call(core, n=2), await call(core, BOB, n=1)]
    found.append(await call(core, path="f/main/other", n=1))
    assert sorted(await waits(core)) == sorted(found)
    last = await call(core, n=1)
    assert await core.ended(found[0]) and set(await waits(core)) == {*found[1:], last}
    await core.is_whole()


async def test_previews_wait_for_nobody_else(core: CoreHarness) -> None:
    found = [await core.start(put_off()) for _ in range(2)]
    assert sorted(await waits(core)) == sorted(found)


async def test_an_earlier_one_is_put_off_so_often_and_no_more(core: CoreHarness) -> None:
    await deploy(core, put_off(max_total_debounces_amount=1, debounce_args_to_accumulate=["items"]))
    first, second, third = [await call(core, items=[n]) for n in range(3)]
    assert await core.ended(first) and await waits(core) == [third]
    assert set(await core.live(second)) == {"a"}
    worker = await core.worker()
    await work(core, worker, second, [])
    assert await core.result(second) == [[0, 1], None]
    await core.is_whole()


async def test_an_earlier_one_is_put_off_so_long_and_no_longer(core: CoreHarness) -> None:
    await deploy(core, put_off(max_total_debouncing_time=100))
    await call(core)
    await core.run("UPDATE step_debounce SET first_at = first_at - interval '90 seconds'")
    second = await call(core)
    assert await core.rows("SELECT FROM step_debounce WHERE due_at < app_now() + interval '11 seconds'")
    await core.run("UPDATE step_debounce SET first_at = first_at - interval '20 seconds'")
    third = await call(core)
    assert set(await core.live(second)) == {"a"} and await waits(core) == [third]


async def test_what_is_too_large_to_be_joined_begins(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(core, items=["x" * 200_000])
    second = await call(core, items=["y" * 200_000])
    assert set(await core.live(first)) == {"a"} and await waits(core) == [second]
    third = await call(core, items=["z" * 300_000])
    assert set(await core.live(third)) == {"a"} and await waits(core) == [second]
    await core.is_whole()


@pytest.mark.parametrize("force", [False, True])
async def test_a_cancelled_run_waits_no_longer(core: CoreHarness, force: bool) -> None:
    await deploy(core, put_off())
    run = await call(core)
    await core.cancel(run, force=force)
    assert (await core.ended(run))["status"] == "cancelled" and await waits(core) == []
    await core.is_whole()


async def test_a_waiting_step_is_shown_with_its_time_and_cancelled_alone(core: CoreHarness) -> None:
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


async def test_iterations_are_put_off_for_each_other_and_the_loop_goes_on(core: CoreHarness) -> None:
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


async def test_a_branch_that_hands_over_ends_its_run(core: CoreHarness) -> None:
    branch = {"type": "branchone", "branches": [], "default": [put_off()]}
    await deploy(core, {"id": "b", "value": branch}, job("c", "b"))
    first, second = await call(core), await call(core)
    ended = await core.ended(first)
    assert (ended["status"], ended["skipped"], await core.result(first)) == ("succeeded", True, None)
    assert await waits(core) == [second]
    await core.cancel(second)
    await core.is_whole()


async def test_a_sub_workflow_has_what_was_joined(core: CoreHarness) -> None:
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


async def test_runs_that_come_at_once_lose_nothing(core: CoreHarness) -> None:
    await deploy(core, put_off(debounce_args_to_accumulate=["items"]))
    found = await asyncio.gather(*(call(core, items=[n]) for n in range(6)))
    (left,) = await waits(core)
    worker = await core.worker()
    await work(core, worker, left, [])
    items, _ = await core.result(left)
    assert sorted(items) == list(range(6))
    assert all([(await core.ended(run))["skipped"] for run in found if run != left])
    await core.is_whole()


async def test_who_comes_while_the_wait_ends_finds_that_it_is_over(core: CoreHarness) -> None:
    """While the row is being processed, the later run waits and then starts a window of its own."""
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


async def test_a_run_that_is_cancelled_while_it_hands_over_is_cancelled(core: CoreHarness) -> None:
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
