"""Steps that wait for later ones of their key, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.cases.hand import one, work
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, job

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
    """A step that gives its items, and waits a minute for later ones."""
    inputs = {
        "items": {"type": "javascript", "expr": "flow_input.items"},
        "n": {"type": "javascript", "expr": "flow_input.n"},
    }
    made = job(id, *needs, debouncing={"debounce_delay_s": 60, **settings})
    content = "def main(items, n=None):\n    return [items, n]\n"
    return {**made, "value": {**made["value"], "content": content, "input_transforms": inputs}}


async def deploy(scene: Ground, *modules: dict[str, Any], path: str = PATH, **value: Any) -> None:
    body = msgspec.Raw(json.dumps({"modules": list(modules), **value}).encode())
    await flows.create(scene.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, {"summary": msgspec.Raw(b'""')}))


async def call(scene: Ground, actor: Actor = ACTOR, path: str = PATH, **args: Any) -> UUID:
    text = json.dumps(args).encode()
    return await runs.start_flow(scene.platform, actor, WORKSPACE, path, text, RunOptions())


async def waits(scene: Ground) -> list[UUID]:
    return [row["run"] for row in await scene.rows("SELECT run FROM step_debounce ORDER BY first_at, run")]


async def begin(scene: Ground) -> None:
    """The time of all that wait has come."""
    await scene.run("UPDATE step_debounce SET due_at = app_now()")
    while await timers.begin_put_off(scene.platform.tools):
        pass


async def test_a_later_run_takes_the_place_of_an_earlier_one(scene: Ground) -> None:
    await deploy(scene, put_off(debounce_args_to_accumulate=["items"]), job("b", "a"))
    first, second, third = [await call(scene, items=[n], n=n) for n in range(3)]
    for run, later in ((first, second), (second, third)):
        ended = await scene.ended(run)
        assert (ended["status"], ended["skipped"], await scene.result(run)) == ("succeeded", True, None)
        (told,) = await scene.rows("SELECT node, data FROM event WHERE run = $1 AND kind = 'debounced'", run)
        assert (told["node"], json.loads(told["data"])) == ("a", {"run": str(later)})
    assert await waits(scene) == [third] and await scene.live(third) == {}
    await begin(scene)
    worker = await scene.worker()
    await one(scene, worker, (await worker.claim())[0])
    found = await scene.row("SELECT convert_from(v.body, 'UTF8') AS r FROM value v JOIN job j USING (id)"
                            " WHERE j.run = $1 AND j.node = 'a' AND v.kind = 'result'", third)  # fmt: skip
    assert json.loads(found["r"]) == [[0, 1, 2], 2]
    assert set(await scene.live(third)) == {"b"}
    await scene.is_whole()


async def test_a_run_that_comes_when_the_step_has_begun_has_a_window_of_its_own(scene: Ground) -> None:
    await deploy(scene, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(scene, items=[1])
    await begin(scene)
    second = await call(scene, items=[2])
    worker = await scene.worker()
    await work(scene, worker, first, [])
    await work(scene, worker, second, [])
    assert (await scene.result(first), await scene.result(second)) == ([[1], None], [[2], None])
    await scene.is_whole()


async def test_only_the_same_step_for_the_same_identity_and_key_is_one(scene: Ground) -> None:
    await deploy(scene, put_off(debounce_key="$args[n]"))
    await deploy(scene, put_off(debounce_key="$args[n]"), path="f/main/other")
    found = [await call(scene, n=1), await call(scene, n=2), await call(scene, BOB, n=1)]
    found.append(await call(scene, path="f/main/other", n=1))
    assert sorted(await waits(scene)) == sorted(found)
    last = await call(scene, n=1)
    assert await scene.ended(found[0]) and set(await waits(scene)) == {*found[1:], last}
    await scene.is_whole()


async def test_previews_wait_for_nobody_else(scene: Ground) -> None:
    found = [await scene.start(put_off()) for _ in range(2)]
    assert sorted(await waits(scene)) == sorted(found)


async def test_an_earlier_one_is_put_off_so_often_and_no_more(scene: Ground) -> None:
    await deploy(scene, put_off(max_total_debounces_amount=1, debounce_args_to_accumulate=["items"]))
    first, second, third = [await call(scene, items=[n]) for n in range(3)]
    assert await scene.ended(first) and await waits(scene) == [third]
    assert set(await scene.live(second)) == {"a"}
    worker = await scene.worker()
    await work(scene, worker, second, [])
    assert await scene.result(second) == [[0, 1], None]
    await scene.is_whole()


async def test_an_earlier_one_is_put_off_so_long_and_no_longer(scene: Ground) -> None:
    await deploy(scene, put_off(max_total_debouncing_time=100))
    await call(scene)
    await scene.run("UPDATE step_debounce SET first_at = first_at - interval '90 seconds'")
    second = await call(scene)
    assert await scene.rows("SELECT FROM step_debounce WHERE due_at < app_now() + interval '11 seconds'")
    await scene.run("UPDATE step_debounce SET first_at = first_at - interval '20 seconds'")
    third = await call(scene)
    assert set(await scene.live(second)) == {"a"} and await waits(scene) == [third]


async def test_what_is_too_large_to_be_joined_begins(scene: Ground) -> None:
    await deploy(scene, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(scene, items=["x" * 200_000])
    second = await call(scene, items=["y" * 200_000])
    assert set(await scene.live(first)) == {"a"} and await waits(scene) == [second]
    third = await call(scene, items=["z" * 300_000])
    assert set(await scene.live(third)) == {"a"} and await waits(scene) == [second]
    await scene.is_whole()


@pytest.mark.parametrize("force", [False, True])
async def test_a_cancelled_run_waits_no_longer(scene: Ground, force: bool) -> None:
    await deploy(scene, put_off())
    run = await call(scene)
    await scene.cancel(run, force=force)
    assert (await scene.ended(run))["status"] == "cancelled" and await waits(scene) == []
    await scene.is_whole()


async def test_a_waiting_step_is_shown_with_its_time_and_cancelled_alone(scene: Ground) -> None:
    await deploy(scene, put_off(), job("b", "a"))
    run = await call(scene)
    due = (await scene.row("SELECT due_at FROM step_debounce"))["due_at"]
    progress = (await jobs.get(scene.platform, ACTOR, WORKSPACE, run)).progress
    assert progress is not None
    (wait,) = flow_status(progress).waits
    assert (wait.id, wait.code, wait.until) == ("a", "debounce", due)
    await scene.cancel((await scene.row("SELECT job FROM step_debounce"))["job"])
    ended = await scene.ended(run)
    assert (ended["status"], ended["error_name"], await waits(scene)) == ("failed", "Canceled", [])
    await scene.is_whole()


async def test_iterations_are_put_off_for_each_other_and_the_loop_goes_on(scene: Ground) -> None:
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
    run = await scene.start({"id": "l", "value": loop})
    await work(scene, await scene.worker(), run, [])
    assert await scene.result(run) == [None, None, None, None, [1, 2, 3, 4, 5]]
    assert not (await scene.ended(run))["skipped"]
    await scene.is_whole()


async def test_a_branch_that_hands_over_ends_its_run(scene: Ground) -> None:
    branch = {"type": "branchone", "branches": [], "default": [put_off()]}
    await deploy(scene, {"id": "b", "value": branch}, job("c", "b"))
    first, second = await call(scene), await call(scene)
    ended = await scene.ended(first)
    assert (ended["status"], ended["skipped"], await scene.result(first)) == ("succeeded", True, None)
    assert await waits(scene) == [second]
    await scene.cancel(second)
    await scene.is_whole()


async def test_a_sub_workflow_has_what_was_joined(scene: Ground) -> None:
    inner = job("x")
    inner["value"] |= {"content": "def main(i):\n    return i\n", "input_transforms": {"i": {"type": "javascript", "expr": "flow_input.items"}}}  # noqa: E501  # fmt: skip
    await deploy(scene, inner, path="f/main/inner")
    settings = {"debounce_delay_s": 60, "debounce_args_to_accumulate": ["items"]}
    inputs = {"items": {"type": "javascript", "expr": "flow_input.items"}}
    step = {"id": "a", "value": {"type": "flow", "path": "f/main/inner", "input_transforms": inputs}}
    await deploy(scene, {**step, "debouncing": settings})
    await call(scene, items=[1])
    second = await call(scene, items=[2])
    await work(scene, await scene.worker(), second, [])
    assert await scene.result(second) == [1, 2]
    await scene.is_whole()


async def test_runs_that_come_at_once_lose_nothing(scene: Ground) -> None:
    await deploy(scene, put_off(debounce_args_to_accumulate=["items"]))
    found = await asyncio.gather(*(call(scene, items=[n]) for n in range(6)))
    (left,) = await waits(scene)
    worker = await scene.worker()
    await work(scene, worker, left, [])
    items, _ = await scene.result(left)
    assert sorted(items) == list(range(6))
    assert all([(await scene.ended(run))["skipped"] for run in found if run != left])
    await scene.is_whole()


async def test_who_comes_while_the_wait_ends_finds_that_it_is_over(scene: Ground) -> None:
    """The row is being taken: the later run waits for that, and begins a window of its own."""
    await deploy(scene, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(scene, items=[1])
    async with scene.third_session() as other:
        async with other.connection.transaction():
            gone = await other.connection.fetchrow("DELETE FROM step_debounce RETURNING job")
            text = json.dumps({"type": "put_off", "job": str(gone["job"])})
            await other.connection.execute("INSERT INTO inbox (run, event) VALUES ($1, $2)", first, text)
            late = asyncio.create_task(call(scene, items=[2]))
            await other.until_waiting()
        second = await late
    assert await waits(scene) == [second]
    worker = await scene.worker()
    await work(scene, worker, first, [])
    assert await scene.result(first) == [[1], None]
    await scene.cancel(second)
    await scene.is_whole()


async def test_a_run_that_is_cancelled_while_it_hands_over_is_cancelled(scene: Ground) -> None:
    await deploy(scene, put_off(debounce_args_to_accumulate=["items"]))
    first = await call(scene, items=[1])
    async with scene.third_session() as other:
        async with other.holding(ROWS):
            late = asyncio.create_task(call(scene, items=[2]))
            await other.until_waiting()
            cancel = asyncio.create_task(scene.cancel(first))
            await other.until_waiting(2)
        second = await late
        await cancel
    assert (await scene.ended(first))["status"] in ("cancelled", "succeeded") and await waits(scene) == [second]
    await scene.is_whole()
