"""The history of a run: contents, order, pages and permissions."""

from __future__ import annotations

from typing import Any

import httpx
from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers

HERE = {"X-Workspace": "main"}


async def page(api: ApiHarness, id: str, **query: Any) -> dict[str, Any]:
    answer = await api.client.get(f"/api/v1/runs/{id}/events", headers=HERE, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def texts(api: ApiHarness, id: str, **query: Any) -> list[str]:
    return [line["text"] for line in (await page(api, id, **query))["events"]]


async def test_events_are_in_order(api: ApiHarness) -> None:
    id = await api.flow(
        script("a", retry={"constant": {"attempts": 1, "seconds": 0}}, export={"x": {"type": "static", "value": 1}}),
        {"id": "c", "value": {"type": "condition", "expr": "true"}},
        {"id": "ask", "value": {"type": "approval"}},
    )
    a = (await api.worker.claim())["a"]
    assert await texts(api, id) == ["the run started", "a: queued", "a: started on hand"]
    await api.worker.finish(a, error="Flaky")
    first = await page(api, id)
    assert [line["text"] for line in first["events"]] == [
        "the run started",
        "a: queued",
        "a: started on hand",
        "a: attempt 1 ended, retry: Flaky",
        "a: waits 0.0 s for its next attempt",
    ]
    await timers.fire(api.platform.tools)
    await api.worker.finish((await api.worker.claim())["a"], 1)
    url = f"/api/v1/runs/{id}/consent"
    await api.client.post(url, headers=HERE, json={"decision": "approved", "reason": "fine"})
    assert await texts(api, id, after=first["last"]) == [
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


async def test_pages_are_contiguous(api: ApiHarness) -> None:
    id = await api.flow(*({"id": f"n{number}", "value": {"type": "identity"}} for number in range(9)))
    while jobs := await api.worker.claim_all():
        for job in jobs:
            await api.worker.finish(job, 1)
    whole = await page(api, id)
    assert (whole["more"], len(whole["events"])) == (False, 2 + 9 * 3)
    found: list[dict[str, Any]] = []
    part: dict[str, Any] = {"more": True}
    while part["more"]:
        query = {"after": part["last"]} if found else {}
        part = await page(api, id, per_page=4, **query)
        assert len(part["events"]) <= 4
        found += part["events"]
    assert found == whole["events"]
    nothing = await page(api, id, after=whole["last"])
    assert nothing == {"events": [], "more": False, "last": whole["last"]}


async def test_inner_events_are_included_on_request(api: ApiHarness) -> None:
    body = [script("a"), {"id": "b", "value": {"type": "identity"}}]
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1, 2]}, "modules": body}
    id = await api.flow({"id": "loop", "value": loop})
    assert await texts(api, id) == ["the run started", "loop: started"]
    for _ in range(2):
        await api.worker.finish((await api.worker.claim())["a"], 1)
    assert await texts(api, id) == ["the run started", "loop: started", "loop: succeeded", "the run succeeded"]
    inside = await texts(api, id, inside=True)
    assert [text for text in inside if text.startswith("a:")] == ["a: queued", "a: started on hand", "a: succeeded"] * 2
    assert [text for text in inside if "body" in text] == ["loop: body 0 succeeded", "loop: body 1 succeeded"]


async def test_script_run_has_history(api: ApiHarness) -> None:
    id = await api.preview()
    assert await texts(api, id) == ["the run started", "queued"]
    await api.worker.finish((await api.worker.claim())[""], error="Boom")
    assert await texts(api, id) == ["the run started", "queued", "started on hand", "failed: Boom", "the run failed"]


async def test_invalid_cursor_is_refused(api: ApiHarness) -> None:
    id = await api.preview()
    for after in ("x", "1-9-e1", "99999999999999999999-1-e1", "1-1-", "-1-1-e1", "1-1-" + "e" * 80, "٣-1-e1"):
        answer = await api.client.get(f"/api/v1/runs/{id}/events", headers=HERE, params={"after": after})
        assert answer.status_code == 400, after


async def test_access_needs_right_to_see_run(api: ApiHarness) -> None:
    flow = {"path": "f/secret/flow", "summary": "", "value": {"modules": [script("a")]}}
    await api.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
    await api.client.post(f"{W}/flows/create", json=flow)
    hidden = (await api.client.post(f"{W}/jobs/run/f/f/secret/flow", json={})).text
    readers: list[tuple[httpx.AsyncClient, int]] = [
        (await api.member("bea", Role.DEVELOPER), 404),
        (await api.member("ann", Role.ADMIN, scopes=["jobs:read:f/sales/*"]), 404),
        (await api.member("eve", Role.ADMIN, scopes=["jobs:read:f/secret/*"]), 200),
    ]
    for client, expected in readers:
        answer = await client.get(f"/api/v1/runs/{hidden}/events", headers=HERE)
        assert answer.status_code == expected, answer.text
