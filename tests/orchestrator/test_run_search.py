"""Search of runs by inputs and results in workspaces that enable it, on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.errors import BadRequest, Conflict, Forbidden
from orvanta_platform.services.access import workspaces
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.run_views import erasing, jobs
from orvanta_platform.services.run_views import search as run_search
from orvanta_platform.services.run_views.search_index import Indexer
from orvanta_platform.services.run_views.search_words import words_of_value
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions


@pytest.fixture(autouse=True)
def later() -> Iterator[None]:
    """Advance the clock by a minute, so that new runs are indexed immediately."""
    clock.freeze(clock.now() + timedelta(minutes=1))
    yield
    clock.freeze(None)


async def turn(core: CoreHarness, on: bool) -> None:
    await workspaces.change_setting(core.platform, ACTOR, WORKSPACE, "search_run_data", on)


async def indexed(core: CoreHarness, budget: int = 1 << 20) -> None:
    indexer = Indexer(budget)
    clock.freeze(clock.now() + timedelta(minutes=1))
    while await indexer.index_some(core.platform):
        pass


async def ended(core: CoreHarness, *modules: dict[str, Any], gives: Any = None, **args: Any) -> UUID:
    # Runs are ordered by the millisecond in their ids; the order within a millisecond is undefined.
    clock.freeze(clock.now() + timedelta(milliseconds=1))
    run = await core.start(*modules, args=args)
    await finished(core, gives)
    return run


async def finished(core: CoreHarness, gives: Any) -> None:
    worker = await core.worker()
    while found := await worker.claim():
        for each in found:
            await worker.finish(each, gives)


async def find(core: CoreHarness, text: str, **more: Any) -> dict[UUID, list[tuple[str, str]]]:
    page = await run_search.find(core.platform, more.pop("actor", ACTOR), WORKSPACE, text, **more)
    return {each.row.id: list(each.places) for each in page.found}


async def test_lists_are_filtered_by_contained_arguments_and_results(core: CoreHarness) -> None:
    async def listed(args: str = "", result: str = "") -> list[UUID]:
        words = [tuple(words_of_value(text)) if text else None for text in (args, result)]
        chosen = JobFilter(args_words=words[0], result_words=words[1])
        rows = await jobs.list_jobs(core.platform, ACTOR, WORKSPACE, ("ended_runs",), chosen, Slice())
        return [row.id for row in rows]

    one = await ended(core, job("a"), gives={"mail": "ann@example.com"}, order="ORD-4711", count=3)
    two = await ended(core, job("a"), gives="4711", order="ORD-4712")
    with pytest.raises(Conflict, match="not searchable"):
        await listed(args='{"order": "ORD-4711"}')
    await turn(core, True)
    await indexed(core)
    assert await listed(args='{"order": "ORD-4711"}') == [one]
    assert await listed(args='{"order": "ord"}') == [two, one]
    assert await listed(args='{"order": "ord", "count": 3}') == [one]
    assert await listed(args="4711", result='["4711"]') == []
    assert await listed(result="4711") == [two]


async def test_runs_are_found_with_places_of_match(core: CoreHarness) -> None:
    before = await ended(core, job("a"), order="ORD-4711-x")
    with pytest.raises(Conflict, match="not searchable"):
        await find(core, "4711")
    await indexed(core)
    assert await core.rows("SELECT FROM run_text") == [] == await core.rows("SELECT FROM search_due")
    await turn(core, True)
    under_way = await core.start(job("a"), job("b", "a"), args={"order": 4712})
    await indexed(core)
    assert await find(core, "ORD-4711-x") == {before: [("", "args")]}
    await finished(core, {"mail": "ann@example.com"})
    await indexed(core)
    assert await find(core, "471") == {under_way: [("", "args")], before: [("", "args")]}
    assert await find(core, "ann@example") == {under_way: [("a", "result"), ("b", "result")]}
    assert await find(core, "471", limit=1, before=under_way) == {before: [("", "args")]}
    assert await find(core, "ann-4712") == {}
    assert await core.rows("SELECT FROM search_due") == []
    with pytest.raises(BadRequest):
        await find(core, "--")
    await core.is_whole()


async def test_unreadable_run_is_not_found(core: CoreHarness) -> None:
    await turn(core, True)
    await ended(core, job("a"), order=4711)
    await indexed(core)
    bob = replace(ACTOR, username="bob", email="bob@example.com", role=Role.DEVELOPER, super_admin=False)
    assert len(await find(core, "4711")) == 1 and await find(core, "4711", actor=bob) == {}
    with pytest.raises(Forbidden):
        await workspaces.change_setting(core.platform, bob, WORKSPACE, "search_run_data", False)


async def test_erased_secret_or_disabled_data_is_not_found(core: CoreHarness) -> None:
    await turn(core, True)
    schema = {"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}}
    body = msgspec.Raw(json.dumps({"modules": [job("a")]}).encode())
    settings = {"schema": msgspec.Raw(json.dumps(schema).encode())}
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow("f/main/pin", body, None, settings))
    args = json.dumps({"pin": "hush", "other": "seen"}).encode()
    with_secret = await runs.start_flow(core.platform, ACTOR, WORKSPACE, "f/main/pin", args, RunOptions())
    await finished(core, "*** seen")
    await ended(core, job("a", delete_after_secs=60), mine="planned")
    await indexed(core)
    assert await find(core, "seen") == {with_secret: [("", "args"), ("a", "result")]}
    assert await find(core, "hush") == {} == await find(core, "planned")
    await core.run("INSERT INTO erasure (run, node_index, due_at) VALUES ($1, -1, app_now())", with_secret)
    await erasing.erase_due(core.platform)
    assert await find(core, "seen") == {}
    kept = await ended(core, job("a"), order=4711)
    await indexed(core)
    assert set(await find(core, "4711")) == {kept}
    await turn(core, False)
    await indexed(core)
    assert await core.rows("SELECT FROM run_text") == []
    assert await core.rows("SELECT FROM workspace WHERE search_past IS NOT NULL") == []


async def test_oldest_words_are_deleted_beyond_budget(core: CoreHarness) -> None:
    await turn(core, True)
    made = [await ended(core, job("a"), order=4711) for _ in range(3)]
    await indexed(core, budget=0)
    assert await find(core, "4711") == {}
    last = await ended(core, job("a"), order=4711)
    await indexed(core)
    assert set(await find(core, "4711")) == {last} and last not in made
