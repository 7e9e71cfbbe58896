"""The history of a run as people read it: what is in it, its order, its pages, who may have it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.scene import Scene, W, scene, script

from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers

HERE = {"X-Workspace": "main"}


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        yield made


async def page(stage: Scene, id: str, **query: Any) -> dict[str, Any]:
    answer = await stage.client.get(f"/api/v1/runs/{id}/events", headers=HERE, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def texts(stage: Scene, id: str, **query: Any) -> list[str]:
    return [line["text"] for line in (await page(stage, id, **query))["events"]]


async def test_it_says_what_happened_in_order(stage: Scene) -> None:
    id = await stage.flow(
        script("a", retry={"constant": {"attempts": 1, "seconds": 0}}, export={"x": {"type": "static", "value": 1}}),
        {"id": "c", "value": {"type": "condition", "expr": "true"}},
        {"id": "ask", "value": {"type": "approval"}},
    )
    a = (await stage.worker.claim())["a"]
    assert await texts(stage, id) == ["the run started", "a: queued", "a: started on hand"]
    await stage.worker.finish(a, error="Flaky")
    first = await page(stage, id)
    assert [line["text"] for line in first["events"]] == [
        "the run started",
        "a: queued",
        "a: started on hand",
        "a: attempt 1 ended, retry: Flaky",
        "a: waits 0.0 s for its next attempt",
    ]
    await timers.fire(stage.platform.tools)
    await stage.worker.finish((await stage.worker.claim())["a"], 1)
    url = f"/api/v1/runs/{id}/consent"
    await stage.client.post(url, headers=HERE, json={"decision": "approved", "reason": "fine"})
    assert await texts(stage, id, after=first["last"]) == [
        "a: started on hand, attempt 2",
        "a: succeeded",
        "a: wrote x into the context",
        "ask: approval opened",
        "c: succeeded",
        "ask: approved by admin: fine",
        "ask: approval decided",
        "ask: wrote ask into the context",
        "ask: succeeded",
        "the run succeeded",
    ]


async def test_pages_follow_one_another_without_loss(stage: Scene) -> None:
    id = await stage.flow(*({"id": f"n{number}", "value": {"type": "identity"}} for number in range(9)))
    while jobs := await stage.worker.claim_all():
        for job in jobs:
            await stage.worker.finish(job, 1)
    whole = await page(stage, id)
    assert (whole["more"], len(whole["events"])) == (False, 2 + 9 * 3)
    found: list[dict[str, Any]] = []
    part: dict[str, Any] = {"more": True}
    while part["more"]:
        query = {"after": part["last"]} if found else {}
        part = await page(stage, id, per_page=4, **query)
        assert len(part["events"]) <= 4
        found += part["events"]
    assert found == whole["events"]
    nothing = await page(stage, id, after=whole["last"])
    assert nothing == {"events": [], "more": False, "last": whole["last"]}


async def test_what_is_inside_others_is_told_to_who_asks(stage: Scene) -> None:
    body = [script("a"), {"id": "b", "value": {"type": "identity"}}]
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1, 2]}, "modules": body}
    id = await stage.flow({"id": "loop", "value": loop})
    assert await texts(stage, id) == ["the run started", "loop: started"]
    for _ in range(2):
        await stage.worker.finish((await stage.worker.claim())["a"], 1)
    assert await texts(stage, id) == ["the run started", "loop: started", "loop: succeeded", "the run succeeded"]
    inside = await texts(stage, id, inside=True)
    assert [text for text in inside if text.startswith("a:")] == ["a: queued", "a: started on hand", "a: succeeded"] * 2
    assert [text for text in inside if "body" in text] == ["loop: body 0 succeeded", "loop: body 1 succeeded"]


async def test_a_run_of_a_script_has_a_history_too(stage: Scene) -> None:
    id = await stage.preview()
    assert await texts(stage, id) == ["the run started", "queued"]
    await stage.worker.finish((await stage.worker.claim())[""], error="Boom")
    assert await texts(stage, id) == ["the run started", "queued", "started on hand", "failed: Boom", "the run failed"]


async def test_a_place_that_is_none_is_refused(stage: Scene) -> None:
    id = await stage.preview()
    for after in ("x", "1-9-e1", "99999999999999999999-1-e1", "1-1-", "-1-1-e1", "1-1-" + "e" * 80, "٣-1-e1"):
        answer = await stage.client.get(f"/api/v1/runs/{id}/events", headers=HERE, params={"after": after})
        assert answer.status_code == 400, after


async def test_it_is_shown_to_who_may_see_the_run(stage: Scene) -> None:
    flow = {"path": "f/secret/flow", "summary": "", "value": {"modules": [script("a")]}}
    await stage.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
    await stage.client.post(f"{W}/flows/create", json=flow)
    hidden = (await stage.client.post(f"{W}/jobs/run/f/f/secret/flow", json={})).text
    readers: list[tuple[httpx.AsyncClient, int]] = [
        (await stage.member("bea", Role.DEVELOPER), 404),
        (await stage.member("ann", Role.ADMIN, scopes=["jobs:read:f/sales/*"]), 404),
        (await stage.member("eve", Role.ADMIN, scopes=["jobs:read:f/secret/*"]), 200),
    ]
    for client, expected in readers:
        answer = await client.get(f"/api/v1/runs/{hidden}/events", headers=HERE)
        assert answer.status_code == expected, answer.text
