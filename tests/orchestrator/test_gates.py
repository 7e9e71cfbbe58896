"""Concurrency limits on PostgreSQL: permits are granted when their holders end, are reaped or cancelled."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, job

from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.runs import RunRow
from orvanta_platform.http.schemas.flow_status import flow_status
from orvanta_platform.http.schemas.jobs import QueuedJob, detailed
from orvanta_platform.http.schemas.waiting import Limit, Waiting
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.catalog import flows, scripts
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.runs import cancellation
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions
from orvanta_platform.services.secrets import variables
from orvanta_platform.services.secrets.variables import VariableDraft

GATE = "SELECT FROM gate FOR NO KEY UPDATE"


def limited(id: str, *needs: Any, limit: int = 1, key: str = "k", **more: Any) -> dict[str, Any]:
    """Return a node with a limit."""
    made = job(id, *needs, **more)
    return {**made, "value": {**made["value"], "concurrent_limit": limit, "custom_concurrency_key": key}}


async def in_line(core: CoreHarness) -> list[UUID]:
    return [row["run"] for row in await core.rows("SELECT run FROM gate_wait ORDER BY priority DESC, seq")]


async def permits(core: CoreHarness) -> set[UUID]:
    return {row["run"] for row in await core.rows("SELECT run FROM permit")}


async def starts(core: CoreHarness, count: int, *modules: dict[str, Any], **value: Any) -> list[UUID]:
    return [await core.start(*modules, **value) for _ in range(count)]


@pytest.fixture
async def worker(core: CoreHarness) -> Worker:
    return await core.worker()


async def test_end_of_holder_starts_next(core: CoreHarness, worker: Worker) -> None:
    first, second, third = await starts(core, 3, limited("a"), job("b", "a"))
    (a,) = await worker.claim()
    assert a.run.id == first and await in_line(core) == [second, third]
    assert (await worker.finish(a)).recorded
    assert await permits(core) == {second} and await in_line(core) == [third]
    found = {(each.run.id, each.node) for each in await worker.claim()}
    assert found == {(first, "b"), (second, "a")}
    await core.is_whole()


async def test_run_without_limit_uses_no_gate(core: CoreHarness, worker: Worker) -> None:
    run = await core.start(job("a"))
    await worker.finish((await worker.claim())[0])
    assert await core.ended(run) and await core.rows("SELECT FROM gate") == []


async def test_workflow_holds_permit_until_its_end(core: CoreHarness, worker: Worker) -> None:
    first, second = await starts(core, 2, job("a"), job("b", "a"), concurrent_limit=1, concurrency_key="k")
    (a,) = await worker.claim()
    await worker.finish(a)
    (b,) = await worker.claim()
    assert (a.run.id, b.run.id) == (first, first) and await in_line(core) == [second]
    await worker.finish(b)
    (a,) = await worker.claim()
    assert a.run.id == second and await permits(core) == {second}
    await core.cancel(second, force=True)
    assert await permits(core) == set()
    await core.is_whole()


async def test_reaped_job_retains_permit(core: CoreHarness, worker: Worker) -> None:
    first, second = await starts(core, 2, limited("a"))
    await worker.claim()
    await worker.vanish()
    assert (await worker.reap()).jobs == 1
    assert await permits(core) == {first} and await in_line(core) == [second]
    other = await core.worker()
    (a,) = await other.claim()
    assert a.run.id == first
    await other.vanish()
    await other.reap(max_losses=0)
    assert (await core.ended(first))["status"] == "failed" and await permits(core) == {second}
    await core.is_whole()


async def test_retry_releases_permit_and_queues_again(core: CoreHarness, worker: Worker) -> None:
    retry = {"constant": {"attempts": 1, "seconds": 5}}
    first, second = await starts(core, 2, limited("a", retry=retry))
    await worker.finish((await worker.claim())[0], error="Oops")
    assert await permits(core) == {second}
    await core.run("UPDATE timer SET due_at = app_now()")
    await timers.fire(core.platform.tools)
    assert await in_line(core) == [first]
    await worker.finish((await worker.claim())[0])
    (again,) = await worker.claim()
    assert (again.run.id, again.attempt, again.failures) == (first, 2, 1)
    await worker.finish(again)
    assert (await core.ended(first))["status"] == "succeeded"
    await core.is_whole()


async def test_cancelled_run_leaves_queue(core: CoreHarness, worker: Worker) -> None:
    first, second, third = await starts(core, 3, limited("a"))
    await core.cancel(second)
    assert (await core.ended(second))["status"] == "cancelled" and await in_line(core) == [third]
    await worker.finish((await worker.claim())[0])
    assert await permits(core) == {third} and await core.ended(first)
    await core.is_whole()


async def test_queued_node_is_cancelled_alone(core: CoreHarness, worker: Worker) -> None:
    await core.start(limited("a"))
    run = await core.start(limited("a"), job("b", {"node": "a", "on": "failure"}))
    (wait,) = await core.rows("SELECT job FROM gate_wait")
    await cancellation.cancel(core.platform, ACTOR, WORKSPACE, wait["job"], "enough")
    assert await in_line(core) == []
    found = await worker.claim()
    assert {(each.run.id == run, each.node) for each in found} == {(False, "a"), (True, "b")}
    await core.is_whole()


async def test_limit_is_shown_for_run_node_and_list(core: CoreHarness) -> None:
    key = {"concurrent_limit": 1, "concurrency_key": "whole"}
    holder, first, second = await starts(core, 3, job("a"), **key)
    detail = await jobs.get(core.platform, ACTOR, WORKSPACE, second)
    view = detailed(detail)
    assert isinstance(view, QueuedJob) and isinstance(view.wait, Waiting) and isinstance(view.wait.limit, Limit)
    assert (view.wait.code, view.wait_reason) == ("limit", "limit main/whole: 1 of 1 in use")
    assert (view.wait.before, view.wait.limit.held_by) == (1, [holder])
    listed = await jobs.list_jobs(core.platform, ACTOR, WORKSPACE, jobs.LIVE_PARTS, JobFilter(), Slice(limit=9))
    whys = {row.id: why.text for row in listed if (why := jobs.reason_of(row)) is not None and not row.is_step}
    assert whys == dict.fromkeys((first, second), "limit main/whole: 1 of 1 in use")
    await core.start(limited("a"))
    run = await core.start(limited("a"))
    progress = (await jobs.get(core.platform, ACTOR, WORKSPACE, run)).progress
    assert progress is not None
    (wait,) = flow_status(progress).waits
    assert (wait.id, wait.code, wait.reason, wait.before) == ("a", "limit", "limit main/k: 1 of 1 in use", 0)
    of_node = await jobs.get(core.platform, ACTOR, WORKSPACE, wait.job)
    assert of_node.why is not None and of_node.why.text == wait.reason


async def test_job_shows_its_queue_position(core: CoreHarness, worker: Worker) -> None:
    await starts(core, 2, job("a"))
    last = await core.start(job("a"))
    (row,) = await core.rows("SELECT id FROM job_live WHERE run = $1", last)
    why = (await jobs.get(core.platform, ACTOR, WORKSPACE, row["id"])).why
    assert why is not None and (why.text, why.before, why.queue) == ("waiting for a free slot", 2, "python3")


async def test_script_shows_that_its_packages_are_being_locked(core: CoreHarness, worker: Worker) -> None:
    await deploy(core, "f/main/s")
    run = await runs.start_script(core.platform, ACTOR, WORKSPACE, "f/main/s", b"{}", RunOptions())
    for claimed in (False, True):
        await core.run("UPDATE version SET lock_state = 'locked'")
        if claimed:
            await worker.claim()
        why = (await jobs.get(core.platform, ACTOR, WORKSPACE, run)).why
        assert (why is None) if claimed else (why is not None and why.why == "no_slot")
        await core.run("UPDATE version SET lock_state = 'locking', lock_job = $1", run)
        why = (await jobs.get(core.platform, ACTOR, WORKSPACE, run)).why
        assert why is not None and (why.why, why.text) == ("locking", "waiting for its packages to be locked")
        assert why.run == run


async def test_queued_node_of_loop_is_cancelled(core: CoreHarness, worker: Worker) -> None:
    await core.start(limited("a"))
    items = {"type": "static", "value": [1]}
    loop = {"type": "forloopflow", "iterator": items, "skip_failures": True, "modules": [limited("a")]}
    run = await core.start({"id": "loop", "value": loop})
    (wait,) = await core.rows("SELECT job FROM gate_wait WHERE run = $1", run)
    seen = await jobs.get(core.platform, ACTOR, WORKSPACE, wait["job"])
    assert seen.why is not None and (seen.row.node, seen.why.text) == ("a", "limit main/k: 1 of 1 in use")
    await cancellation.cancel(core.platform, ACTOR, WORKSPACE, wait["job"], "enough")
    assert await core.result(run) == [None] and await in_line(core) == []
    await core.is_whole()


async def test_global_key_differs_from_workspace_key(core: CoreHarness) -> None:
    """Permits of a key in one workspace do not count for the same key in another one."""
    first = await core.start(limited("a", key="k"))
    other = await core.start(limited("a", key="main/k$global"))
    assert await permits(core) == {first, other}
    names = {(row["workspace"], row["name"]) for row in await core.rows("SELECT workspace, name FROM gate")}
    assert names == {("main", "main/k"), (None, "main/k")}


async def test_priority_goes_first(core: CoreHarness, worker: Worker) -> None:
    await core.start(limited("a"))
    low = await core.start(limited("a", priority=1))
    high = await core.start(limited("a", priority=9))
    assert await in_line(core) == [high, low]
    await worker.finish((await worker.claim())[0])
    assert await permits(core) == {high}


async def test_window_admits_next_when_due(core: CoreHarness, worker: Worker) -> None:
    a = limited("a")
    a["value"]["concurrency_time_window_s"] = 60
    first, second = await starts(core, 2, a)
    await worker.finish((await worker.claim())[0])
    assert await core.ended(first) and await permits(core) == set() and await in_line(core) == [second]
    due = (await timers.find_due(core.platform.tools)).in_s
    assert due is not None and 0 < due <= 60
    await core.is_whole()
    await core.run("UPDATE gate SET due_at = app_now(), starts = ARRAY[app_now() - interval '61 seconds']")
    assert await timers.grant_due_permits(core.platform.tools) == 1
    assert await permits(core) == {second} and len(await worker.claim()) == 1
    await core.is_whole()


async def test_raised_limit_applies_from_next_entry(core: CoreHarness) -> None:
    first, second = await starts(core, 2, limited("a"))
    assert await in_line(core) == [second]
    third = await core.start(limited("a", limit=3))
    assert await permits(core) == {first, second, third}


async def deploy(core: CoreHarness, path: str, **settings: Any) -> None:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in settings.items()}
    new = NewScript(path, "# nothing", "bash", {"summary": msgspec.Raw(b'""'), **fields})
    await scripts.create(core.platform, ACTOR, WORKSPACE, new)


async def test_script_limit_applies_alone_and_as_node(core: CoreHarness, worker: Worker) -> None:
    await deploy(core, "f/main/s", concurrent_limit=1, concurrency_key="s-$args[x]")
    start = runs.start_script
    first = await start(core.platform, ACTOR, WORKSPACE, "f/main/s", b'{"x":1}', RunOptions())
    other = await start(core.platform, ACTOR, WORKSPACE, "f/main/s", b'{"x":2}', RunOptions())
    second = await start(core.platform, ACTOR, WORKSPACE, "f/main/s", b'{"x":1}', RunOptions())
    x = {"type": "javascript", "expr": "flow_input.x"}
    step = {"id": "a", "value": {"type": "script", "path": "f/main/s", "input_transforms": {"x": x}}}
    third = await core.start(step, args={"x": 1})
    assert await permits(core) == {first, other} and await in_line(core) == [second, third]
    held = {each.run.id: each for each in await worker.claim()}
    await worker.finish(held[first])
    assert (await core.ended(first))["status"] == "succeeded"
    (next_,) = await worker.claim()
    await worker.finish(next_, error="Oops")
    (last,) = await worker.claim()
    assert (next_.run.id, last.run.id) == (second, third)
    await worker.finish(last)
    await worker.finish(held[other])
    assert await permits(core) == set()
    await core.is_whole()


async def test_cancelled_queued_script_run_has_no_job(core: CoreHarness) -> None:
    await deploy(core, "f/main/s", concurrent_limit=1)
    options = RunOptions()
    await runs.start_script(core.platform, ACTOR, WORKSPACE, "f/main/s", b"{}", RunOptions())
    second = await runs.start_script(core.platform, ACTOR, WORKSPACE, "f/main/s", b"{}", options)
    await core.cancel(second)
    assert (await core.ended(second))["status"] == "cancelled"
    assert await core.rows("SELECT FROM job WHERE run = $1", second) == []
    await core.is_whole()


async def test_two_concurrent_ends_admit_two(core: CoreHarness, worker: Worker) -> None:
    """Both wait for the lock of the gate's row, and the second one sees the changes of the first."""
    await starts(core, 4, limited("a", limit=2))
    first, second = await worker.claim()
    async with core.third_session() as other:
        async with other.holding(GATE):
            ends = [asyncio.create_task(worker.finish(each)) for each in (first, second)]
            await other.until_waiting(2)
        assert [(await end).recorded for end in ends] == [True, True]
    assert len(await worker.claim()) == 2 and await in_line(core) == []
    await core.is_whole()


async def test_permit_granted_while_receiver_is_cancelled(core: CoreHarness, worker: Worker) -> None:
    """The holder's end and the cancellation of the next entry wait for the gate's lock; no order loses the permit."""
    _, second, third = await starts(core, 3, limited("a"))
    (first,) = await worker.claim()
    async with core.third_session() as other:
        async with other.holding(GATE):
            end = asyncio.create_task(worker.finish(first))
            await other.until_waiting(1)
            cancel = asyncio.create_task(core.cancel(second))
            await other.until_waiting(2)
        assert (await end).recorded
        await cancel
    assert (await core.ended(second))["status"] == "cancelled"
    assert await permits(core) == {third} and len(await worker.claim()) == 1
    await core.is_whole()


async def test_holder_cancelled_while_it_ends(core: CoreHarness, worker: Worker) -> None:
    """Only one of the two operations completes the job, and its permit is granted again once."""
    first, second, third = await starts(core, 3, limited("a"))
    (held,) = await worker.claim()
    async with core.third_session() as other:
        async with other.holding(GATE):
            end = asyncio.create_task(worker.finish(held))
            await other.until_waiting(1)
            cancel = asyncio.create_task(core.cancel(first))
            await other.until_waiting(2)
        assert (await end).recorded
        await cancel
    assert await permits(core) == {second} and await in_line(core) == [third]
    await core.is_whole()


async def test_permit_of_dead_process_is_processed_by_sweep(
    core: CoreHarness, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The permit and its event are committed together; the next process that steps the run processes the event."""
    _, second = await starts(core, 2, limited("a"))
    (first,) = await worker.claim()

    async def dies(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("orvanta_platform.orchestrator.advance._advance_further", dies)
        with pytest.raises(SystemExit):
            await advance(core.platform.tools, first.run.id, worker.report(first))
    assert await permits(core) == {second} and await worker.claim() == []
    await core.is_whole()
    await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    assert await timers.sweep(core.platform.tools) == 1
    (again,) = await worker.claim()
    assert again.run.id == second


async def test_secrets_yield_distinct_keys_and_are_not_stored(core: CoreHarness) -> None:
    await core.run("INSERT INTO account (email, username) VALUES ('ann@example.com', 'ann')")
    await core.run(
        "INSERT INTO member (workspace, username, email, role) VALUES ('main', 'ann', 'ann@example.com', 'admin')"
    )
    for name in ("one", "two"):
        draft = VariableDraft(f"u/ann/{name}", f"hidden {name}", is_secret=True)
        await variables.create(core.platform, ACTOR, WORKSPACE, draft)
        node = limited("a", key="$args[x]")
        node["value"]["input_transforms"] = {"x": {"type": "javascript", "expr": f"variable('u/ann/{name}')"}}
        await core.start(node)
    gates = [row["name"] for row in await core.rows("SELECT name FROM gate")]
    events = [row["data"] for row in await core.rows("SELECT data FROM event WHERE kind = 'limit'")]
    assert len(set(gates)) == 2 and all(name.startswith("main/secret ") for name in gates)
    assert len(events) == 2 and not any("hidden" in text for text in [*gates, *events])


@pytest.mark.every_postgres
@pytest.mark.parametrize("seed", range(2))
async def test_limit_holds_under_random_events(core: CoreHarness, seed: int) -> None:
    """Starts, ends, failures, losses and cancellations in random order, some concurrent; finally, all jobs have run."""
    dice, limit = random.Random(seed), 2
    workers = [await core.worker()]
    begun: list[UUID] = []
    held: list[tuple[Worker, Any]] = []
    for _ in range(40):
        match dice.choice(["start", "start", "claim", "end", "end two", "fail", "lose", "cancel"]):
            case "start":
                key = dice.choice(["k", "k", "other"])
                begun.append(await core.start(limited("a", limit=limit, key=key), job("b", "a")))
            case "claim":
                held += [(workers[-1], each) for each in await workers[-1].claim()]
            case "end" | "fail" as how if held:
                by, each = held.pop(dice.randrange(len(held)))
                await by.finish(each, error="Oops" if how == "fail" else None)
            case "end two" if len(held) > 1:
                pair = [held.pop(dice.randrange(len(held))) for _ in range(2)]
                await asyncio.gather(*(by.finish(each) for by, each in pair))
            case "lose":
                await workers[-1].vanish()
                await workers[-1].reap()
                workers, held = [*workers, await core.worker()], []
            case "cancel" if begun:
                await core.cancel(dice.choice(begun), force=dice.random() < 0.5)
        running = await core.rows("SELECT count(*) AS n FROM job_live WHERE node = 'a' GROUP BY run")
        counted = await core.rows("SELECT key, count(*) AS n FROM permit GROUP BY key")
        assert all(row["n"] <= limit for row in counted)
        assert len(running) <= sum(row["n"] for row in counted)
    await drain(core, workers[-1], [each for _, each in held])
    assert await core.rows("SELECT FROM run_live") == [] and await permits(core) == set()
    await core.is_whole()


async def drain(core: CoreHarness, worker: Worker, held: list[Any]) -> None:
    """Complete the remaining jobs; those of cancelled runs report their cancellation."""
    for _ in range(200):
        for each in held:
            await worker.finish(each, cancelled=bool(await cancelled(core, each.run)))
        held = await worker.claim()
        if not held:
            return
    raise AssertionError("the runs do not end")


async def cancelled(core: CoreHarness, run: RunRow) -> bool:
    return bool(await core.rows("SELECT FROM run_live WHERE id = $1 AND cancel_at IS NOT NULL", run.id))


async def default_key_name(core: CoreHarness) -> str:
    """Return the key of the only gate as shown in the history."""
    ((name,),) = [tuple(row) for row in await core.rows("SELECT name FROM gate")]
    return str(name)


async def test_explicit_key_never_equals_default_key(core: CoreHarness, worker: Worker) -> None:
    path = "f/main/limited"
    tree = {"modules": [job("a")], "concurrent_limit": 1}
    body = msgspec.Raw(msgspec.json.encode(tree))
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, {"summary": msgspec.Raw(b'""')}))
    first = await runs.start_flow(core.platform, ACTOR, WORKSPACE, path, b"{}", RunOptions())
    name = await default_key_name(core)
    text = name.removeprefix(f"{WORKSPACE}/")
    keys = [text, f"{name}$global", f"$global{name}"]
    others = [await core.start(job("a"), concurrent_limit=1, concurrency_key=key) for key in keys]
    assert await in_line(core) == [] and await permits(core) == {first, *others}
    second = await runs.start_flow(core.platform, ACTOR, WORKSPACE, path, b"{}", RunOptions())
    assert await in_line(core) == [second]
