"""Debounced calls, which share one run, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job

from orvanta_platform.control.actor import Actor
from orvanta_platform.db.pool import Connection
from orvanta_platform.ids import new_run_id
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows, scripts
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.idempotency import IdempotencyKey
from orvanta_platform.services.runs.start import RunOptions

PATH = "f/main/burst"
BOB = replace(ACTOR, username="bob", email="bob@example.com")


async def deploy(core: CoreHarness, **value: Any) -> None:
    body = msgspec.Raw(json.dumps({"modules": [job("a")], "debounce_delay_s": 60, **value}).encode())
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(PATH, body, None, {"summary": msgspec.Raw(b'""')}))


async def call(core: CoreHarness, actor: Actor = ACTOR, options: RunOptions | None = None, **args: Any) -> UUID:
    text = json.dumps(args).encode()
    return await runs.start_flow(core.platform, actor, WORKSPACE, PATH, text, options or RunOptions())


async def due(core: CoreHarness) -> None:
    await core.run("UPDATE timer SET due_at = app_now() WHERE kind = 'start'")
    await timers.fire(core.platform.tools)


async def args_of(core: CoreHarness, run: UUID) -> Any:
    row = await core.row("SELECT convert_from(body, 'UTF8') AS a FROM value WHERE id = $1 AND kind = 'args'", run)
    return json.loads(row["a"])


async def test_calls_of_one_key_share_run_with_last_arguments(core: CoreHarness) -> None:
    await deploy(core, debounce_key="$args[who]")
    first = await call(core, who="ann", n=1)
    assert await call(core, who="ann", n=2) == first
    assert await call(core, who="bob", n=3) != first
    assert await args_of(core, first) == {"who": "ann", "n": 2}
    worker = await core.worker()
    assert await worker.claim() == []
    await due(core)
    assert {each.run.id for each in await worker.claim()} >= {first}
    after = await call(core, who="ann", n=4)
    assert after != first and await args_of(core, first) == {"who": "ann", "n": 2}
    events = await core.rows("SELECT FROM event WHERE run = $1 AND kind = 'debounced'", first)
    audited = await core.rows("SELECT FROM audit WHERE parameters ->> 'run' = $1", str(first))
    assert (len(events), len(audited)) == (1, 2)
    await core.is_whole()


async def test_named_arguments_are_joined(core: CoreHarness) -> None:
    await deploy(core, debounce_args_to_accumulate=["items"])
    first = await call(core, items=[1], x=1)
    assert await call(core, items=[2, 3], x=1) == first
    assert await args_of(core, first) == {"items": [1, 2, 3], "x": 1}
    assert await call(core, items=[4], x=2) != first


async def test_each_call_delays_run(core: CoreHarness) -> None:
    await deploy(core, debounce_key="k")
    run = await call(core)
    await core.run("UPDATE timer SET due_at = due_at - interval '50 seconds'")
    before = await core.row("SELECT due_at FROM timer WHERE run = $1", run)
    await call(core)
    after = await core.row(
        "SELECT due_at, scheduled_at FROM timer t JOIN run_live r ON r.id = t.run WHERE run = $1", run
    )
    assert after["due_at"] > before["due_at"] and after["scheduled_at"] == after["due_at"]


async def test_number_of_debounces_is_limited(core: CoreHarness) -> None:
    await deploy(core, debounce_key="k", max_total_debounces_amount=2)
    found = [await call(core, n=n) for n in range(4)]
    assert found[0] == found[1] == found[2] != found[3]
    assert await args_of(core, found[0]) == {"n": 2}


async def test_total_debounce_time_is_limited(core: CoreHarness) -> None:
    await deploy(core, debounce_key="k", max_total_debouncing_time=100)
    first = await call(core)
    await core.run("UPDATE debounce SET first_at = first_at - interval '90 seconds'")
    assert await call(core) == first
    (row,) = await core.rows("SELECT due_at < app_now() + interval '11 seconds' AS soon FROM timer")
    assert row["soon"]
    await core.run("UPDATE debounce SET first_at = first_at - interval '20 seconds'")
    assert await call(core) != first


async def test_calls_of_other_identity_start_own_run(core: CoreHarness) -> None:
    await deploy(core, debounce_key="k")
    assert await call(core) != await call(core, BOB)


@pytest.mark.parametrize("options", [{"idempotency": IdempotencyKey("once")}, {"run_id": new_run_id()}])
async def test_call_with_individual_options_starts_own_run(core: CoreHarness, options: dict[str, Any]) -> None:
    await deploy(core, debounce_key="k")
    first = await call(core)
    assert await call(core, options=RunOptions(**options)) != first


async def test_call_after_cancel_starts_new_run(core: CoreHarness) -> None:
    await deploy(core, debounce_key="k")
    first = await call(core)
    await core.cancel(first)
    assert await call(core) != first
    await core.is_whole()


async def test_call_with_lost_commit_answer_counts_once(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    await deploy(core, debounce_args_to_accumulate=["items"])
    first = await call(core, items=[1])
    retrying = core.db.retrying

    async def twice(work: Callable[[Connection], Awaitable[Any]]) -> Any:
        await retrying(work)
        return await retrying(work)

    with monkeypatch.context() as patched:
        patched.setattr(type(core.db), "retrying", lambda _, work: twice(work))
        assert await call(core, items=[2]) == first
    assert await args_of(core, first) == {"items": [1, 2]}


async def test_concurrent_calls_share_run(core: CoreHarness) -> None:
    await deploy(core, debounce_args_to_accumulate=["items"])
    found = await asyncio.gather(*(call(core, items=[n]) for n in range(6)))
    assert len(set(found)) == 1 and sorted((await args_of(core, found[0]))["items"]) == list(range(6))


async def test_call_during_start_joins_run_or_starts_next(core: CoreHarness) -> None:
    """While the timer is being processed, the call waits and then starts a new run."""
    await deploy(core, debounce_key="k")
    first = await call(core, n=1)
    async with core.third_session() as other:
        async with other.connection.transaction():
            await other.connection.execute("DELETE FROM timer WHERE run = $1", first)
            await other.connection.execute("""INSERT INTO inbox (run, event) VALUES ($1, '{"type": "start"}')""", first)
            late = asyncio.create_task(call(core, n=2))
            await other.until_waiting()
        second = await late
    assert second != first and await args_of(core, first) == {"n": 1}


async def test_script_is_debounced(core: CoreHarness) -> None:
    settings = {"summary": msgspec.Raw(b'""'), "debounce_delay_s": msgspec.Raw(b"60")}
    await scripts.create(core.platform, ACTOR, WORKSPACE, NewScript("f/main/s", "# nothing", "bash", settings))

    async def start(args: bytes) -> UUID:
        return await runs.start_script(core.platform, ACTOR, WORKSPACE, "f/main/s", args, RunOptions())

    assert await start(b'{"x":1}') == await start(b'{"x":1}') != await start(b'{"x":2}')
    await due(core)
    assert len(await (await core.worker()).claim()) == 2
