"""The graph of a run: contents and permissions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role
from orvanta_platform.db import job_views
from orvanta_platform.services.run_views import graph as run_graph

HERE = {"X-Workspace": "main"}


async def graph(api: ApiHarness, id: str, **query: str) -> dict[str, Any]:
    answer = await api.client.get(f"/api/v1/runs/{id}/graph", headers=HERE, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{found["rev"]}"'
    return found


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {id: node["status"] for id, node in found["nodes"].items()}


def branching() -> list[dict[str, Any]]:
    return [
        script("a"),
        script("b", needs=["a"]),
        {"id": "c", "needs": ["a"], "value": {"type": "condition", "expr": "results.a.x === 1"}},
        {"id": "d", "needs": [{"node": "c", "on": "false"}], "value": {"type": "identity"}},
        {"id": "e", "needs": ["b", "d"], "join": "settled", "value": {"type": "identity"}},
    ]


def loop(id: str, *modules: dict[str, Any], items: int = 3, **value: Any) -> dict[str, Any]:
    iterator = {"type": "static", "value": [*range(items)]}
    tree = {"type": "forloopflow", "iterator": iterator, "skip_failures": True, "modules": list(modules), **value}
    return {"id": id, "value": tree}


async def test_nodes_and_edges_follow_the_run(api: ApiHarness) -> None:
    id = await api.flow(*branching())
    found = await graph(api, id)
    assert (found["status"], found["taken"], found["dead"]) == ("queued", [], [])
    assert statuses(found) == {"a": "queued", "b": "pending", "c": "pending", "d": "pending", "e": "pending"}
    assert found["nodes"]["a"]["waits"] == [
        {"code": "no_slot", "reason": "waiting for a free slot", "queue": "python3"}
    ]
    assert found["nodes"]["b"] == {"status": "pending"}

    a = (await api.worker.claim())["a"]
    found = await graph(api, id)
    assert (found["status"], found["nodes"]["a"]["status"], found["nodes"]["a"]["job"]) == (
        *("running", "running"),
        str(a.id),
    )
    await api.worker.finish(a, {"x": 1})
    found = await graph(api, id)
    assert statuses(found) == {"a": "succeeded", "b": "queued", "c": "succeeded", "d": "skipped", "e": "pending"}
    assert found["taken"] == [["a", "b", "success"], ["a", "c", "success"]]
    assert found["dead"] == [["c", "d", "false"], ["d", "e", "success"]]
    assert found["nodes"]["a"]["duration_ms"] >= 0 and "attempt" not in found["nodes"]["a"]

    await api.worker.finish((await api.worker.claim())["b"], error="Boom")
    found = await graph(api, id)
    assert (found["status"], found["error"], found["nodes"]["b"]["error"]) == ("failed", "Boom", "Boom")
    assert {"started_at", "ended_at", "duration_ms"} <= found.keys()


async def test_unchanged_revision_is_304(api: ApiHarness) -> None:
    id = await api.flow(script("a"), script("b"))
    first = await graph(api, id)
    again = await api.client.get(f"/api/v1/runs/{id}/graph", headers=HERE, params={"rev": first["rev"]})
    assert (again.status_code, again.content) == (304, b"")
    etag = {"If-None-Match": f'W/"x", "{first["rev"]}"'}
    assert (await api.client.get(f"/api/v1/runs/{id}/graph", headers={**HERE, **etag})).status_code == 304
    a = (await api.worker.claim())["a"]  # A claim is not a step of the run.
    second = await graph(api, id, rev=first["rev"])
    await api.worker.finish(a)
    third = await graph(api, id, rev=second["rev"])
    assert len({first["rev"], second["rev"], third["rev"]}) == 3


async def test_loop_is_reported_as_counts(api: ApiHarness) -> None:
    id = await api.flow(loop("loop", script("a"), script("b"), items=5, parallel=True, parallelism=3), script("after"))
    found = await graph(api, id)
    assert found["nodes"]["loop"]["status"] == "running"
    assert found["nodes"]["loop"]["bodies"] == {"running": 3, "total": 5}
    assert (found["nodes"]["a"]["counts"], found["nodes"]["a"]["status"]) == ({"queued": 3}, "queued")
    assert found["nodes"]["b"] == {"status": "pending", "counts": {}, "inside": "loop"}
    jobs = await api.worker.claim_all()
    await api.worker.finish(jobs[0], error="Boom")
    found = await graph(api, id)
    assert found["nodes"]["loop"]["bodies"] == {"running": 3, "failed": 1, "total": 5}
    assert found["nodes"]["a"]["counts"] == {"failed": 1, "queued": 1, "running": 2}
    await api.worker.finish(jobs[1], 1)
    found = await graph(api, id)
    assert found["nodes"]["a"]["counts"] == {"failed": 1, "queued": 1, "running": 1, "succeeded": 1}
    assert found["nodes"]["b"]["counts"] == {"queued": 1}
    for job in [jobs[2], *await api.worker.claim_all()]:
        await api.worker.finish(job, 1)
    while jobs := await api.worker.claim_all():
        for job in jobs:
            await api.worker.finish(job, 1)
    found = await graph(api, id)
    assert found["nodes"]["loop"]["bodies"] == {"succeeded": 4, "failed": 1}
    assert found["nodes"]["a"]["counts"] == {"failed": 1, "succeeded": 4}
    assert found["nodes"]["b"]["counts"] == {"succeeded": 4}
    assert (found["status"], found["nodes"]["a"]["duration_ms"] >= 0) == ("succeeded", True)


async def test_branches_and_sub_workflows_are_named(api: ApiHarness) -> None:
    branches = [{"expr": "false", "modules": [script("a")]}, {"expr": "true", "modules": [script("b"), script("c")]}]
    one = {"id": "one", "value": {"type": "branchone", "branches": branches, "default": []}}
    id = await api.flow(one)
    found = await graph(api, id)
    assert found["nodes"]["one"]["bodies"] == {"running": 1, "branch": 1}
    assert (found["nodes"]["b"]["status"], found["nodes"]["a"]["status"]) == ("queued", "pending")
    default = {"id": "one", "value": {"type": "branchone", "branches": branches[:1], "default": [script("d")]}}
    id = await api.flow(default)
    assert (await graph(api, id))["nodes"]["one"]["bodies"]["branch"] == "default"
    await api.client.post(
        f"{W}/flows/create", json={"path": "u/admin/sub", "summary": "", "value": {"modules": [script("x")]}}
    )
    id = await api.flow({"id": "sub", "value": {"type": "flow", "path": "u/admin/sub", "input_transforms": {}}})
    child = (await graph(api, id))["nodes"]["sub"]["bodies"]["run"]
    assert statuses(await graph(api, child)) == {"x": "queued"}


async def test_pending_decisions_name_approvers(api: ApiHarness) -> None:
    ask = {"type": "approval", "approvers": ["u/admin", "g/chiefs"], "required_approvals": 2, "timeout": 3600}
    id = await api.flow({"id": "ask", "value": ask}, loop("loop", {"id": "inner", "value": {"type": "approval"}}))
    found = await graph(api, id)
    assert (found["status"], found["reason"]) == ("awaiting_approval", "ask awaits approval")
    (wait,) = found["nodes"]["ask"]["waits"]
    assert (wait["code"], wait["approvers"], wait["left"]) == ("approval", ["u/admin", "g/chiefs"], 2)
    assert "until" in wait
    id = await api.flow(loop("loop", {"id": "inner", "value": {"type": "approval"}}, parallel=True))
    inner = (await graph(api, id))["nodes"]["inner"]
    assert (inner["status"], inner["counts"]) == ("waiting", {"waiting": 3})
    assert inner["waits"] == [{"code": "approval", "reason": "awaiting approval"}] * 3


async def test_times_and_limits_are_reported(api: ApiHarness) -> None:
    id = await api.flow(
        {"id": "delay", "value": {"type": "delay", "seconds": {"type": "static", "value": 3600}}},
        script("a", needs=[], retry={"constant": {"attempts": 1, "seconds": 60}}),
    )
    await api.worker.finish((await api.worker.claim())["a"], error="Flaky")
    found = await graph(api, id)
    assert [(node["waits"][0]["reason"], "until" in node["waits"][0]) for node in found["nodes"].values()] == [
        ("waiting for its start time", True),
        ("waiting for its next attempt", True),
    ]
    limited = script("a")
    limited["value"] |= {"concurrent_limit": 1, "custom_concurrency_key": "one"}
    await api.flow(limited)
    second = (await graph(api, await api.flow(limited)))["nodes"]["a"]
    assert (second["status"], second["waits"][0]["code"], second["waits"][0]["limit"]["in_use"]) == (
        *("waiting", "limit"),
        1,
    )


async def test_run_of_a_script_has_no_nodes(api: ApiHarness) -> None:
    id = await api.preview()
    found = await graph(api, id)
    assert (found["status"], found["reason"], found["nodes"]) == ("queued", "waiting for a free slot", {})
    await api.worker.finish((await api.worker.claim())[""])
    assert (await graph(api, id))["status"] == "succeeded"


@pytest.mark.extended
async def test_graph_of_500_nodes_is_small_and_needs_two_queries(api: ApiHarness) -> None:
    id = await api.flow(*({"id": f"n{number}", "value": {"type": "identity"}} for number in range(500)))
    while jobs := await api.worker.claim_all():
        for job in jobs:
            await api.worker.finish(job, 1)
    asked: list[str] = []
    async with api.platform.db.acquire() as conn:
        conn.add_query_logger(lambda record: asked.append(record.query))
        row = await job_views.find(conn, "main", UUID(id))
        assert row is not None
        found = await run_graph.of_row(api.platform, conn, row)
    assert (len(found.nodes), {node.status for node in found.nodes}) == (500, {"succeeded"})
    assert len(asked) == 2
    answer = await api.client.get(f"/api/v1/runs/{id}/graph", headers=HERE)
    assert len(answer.content) < 100_000


async def test_access_needs_right_to_see_run(api: ApiHarness) -> None:
    flow = {"path": "f/secret/flow", "summary": "", "value": {"modules": [script("a")]}}
    await api.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
    await api.client.post(f"{W}/flows/create", json=flow)
    hidden = (await api.client.post(f"{W}/jobs/run/f/f/secret/flow", json={})).text
    a = (await api.worker.claim())["a"]
    other = await api.member("bea", Role.DEVELOPER)
    elsewhere = await api.member("ann", Role.ADMIN, scopes=["jobs:read:f/sales/*"])
    unread = await api.member("cid", Role.ADMIN, scopes=["jobs:run"])
    reaching = await api.member("eve", Role.ADMIN, scopes=["jobs:read:f/secret/*"])
    for client, expected in ((other, 404), (elsewhere, 404), (unread, 404), (reaching, 200)):
        for id in (hidden, str(a.id)):
            answer = await client.get(f"/api/v1/runs/{id}/graph", headers=HERE)
            assert answer.status_code == expected, answer.text
    stranger = await api.member("zoe", Role.ADMIN, workspace="admins")
    assert (await stranger.get(f"/api/v1/runs/{hidden}/graph", headers=HERE)).status_code == 404
    assert (await stranger.get(f"/api/v1/runs/{hidden}/graph")).status_code == 400


async def test_about_and_document(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    about = (await api.client.get(f"/api/v1/runs/{id}/about", headers=HERE)).json()
    assert (about["kind"], about["is_workflow"], about["trigger"]) == ("flowpreview", True, "api")
    assert about["created_by"] == "admin" and "version" not in about
    text = (await api.client.get(f"/api/v1/runs/{id}/document", headers=HERE)).json()["text"]
    assert '"id":"a"' in text.replace(" ", "")
    written = "summary: Written\nvalue: {modules: [{id: a, value: {type: identity}}]}\n"
    body = {"path": "f/graph/written", "source": {"format": "yaml", "text": written}}
    assert (await api.client.post("/api/w/main/flows/create", json=body)).status_code == 201
    run = (await api.client.post("/api/w/main/jobs/run/f/f/graph/written", json={})).text
    document = (await api.client.get(f"/api/v1/runs/{run}/document", headers=HERE)).json()
    value = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
    assert document == {"text": written, "tree": {"summary": "Written", "value": value}}
    one = await api.preview()
    assert (await api.client.get(f"/api/v1/runs/{one}/document", headers=HERE)).status_code == 404
    stranger = await api.member("eve", Role.VIEWER)
    for what in ("about", "document"):
        assert (await stranger.get(f"/api/v1/runs/{id}/{what}", headers=HERE)).status_code == 404


async def test_duration_inside_loop_is_the_sum_of_the_jobs(api: ApiHarness) -> None:
    id = await api.flow(loop("loop", script("a"), items=2))
    for _ in range(2):
        await api.worker.finish((await api.worker.claim())["a"], 1)
    async with api.platform.db.transaction() as conn:
        await conn.execute(
            """UPDATE job SET started_at = $2::timestamptz + place * interval '1 hour',
                              ended_at = $2::timestamptz + place * interval '1 hour' + interval '20 ms'
               WHERE run = $1 AND node = 'a'""",
            UUID(id),
            datetime.now(UTC),
        )
    assert (await graph(api, id))["nodes"]["a"]["duration_ms"] == 40


async def test_duration_of_approval_is_the_time_that_it_waited(api: ApiHarness) -> None:
    ask = {"id": "ask", "value": {"type": "approval"}}
    for modules in ([ask], [loop("loop", ask, items=1)], [loop("loop", ask, script("b"), items=1)]):
        id = await api.flow(*modules)
        async with api.platform.db.transaction() as conn:
            waited = "UPDATE approval SET opened_at = opened_at - interval '1 hour' WHERE run = $1"
            await conn.execute(waited, UUID(id))
        answer = await api.client.post(f"/api/v1/runs/{id}/consent", headers=HERE, json={"decision": "approved"})
        assert answer.status_code == 200, answer.text
        assert 3_600_000 <= (await graph(api, id))["nodes"]["ask"]["duration_ms"] < 7_200_000
        events = (await api.client.get(f"/api/v1/runs/{id}/events?inside=true", headers=HERE)).json()
        assert "started" not in [each["kind"] for each in events["events"] if each.get("node") == "ask"]


async def test_loop_does_not_take_longer_than_the_run(api: ApiHarness) -> None:
    id = await api.flow(loop("each", script("a"), items=1))
    # The run starts with its first job; the loop is open before.
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE counter SET begun_at = begun_at - interval '1 minute'")
    await api.worker.finish((await api.worker.claim())["a"], 1)
    found = await graph(api, id)
    assert found["status"] == "succeeded"
    assert found["nodes"]["each"]["duration_ms"] <= found["duration_ms"] < 60_000
    assert found["nodes"]["each"]["started_at"] == found["started_at"]


async def test_run_starts_with_an_approval_before_its_first_job(api: ApiHarness) -> None:
    ask = {"id": "ask", "value": {"type": "approval"}}
    for modules in ([ask], [ask, script("b")], [loop("each", ask, items=1), script("b")]):
        id = await api.flow(*modules)
        async with api.platform.db.transaction() as conn:
            for change in (
                "UPDATE run_live SET created_at = created_at - interval '2 hours', "
                "started_at = started_at - interval '1 hour' WHERE id = $1",
                "UPDATE approval SET opened_at = opened_at - interval '1 hour' WHERE run = $1",
                "UPDATE counter SET begun_at = begun_at - interval '1 hour' WHERE run = $1",
            ):
                await conn.execute(change, UUID(id))
        assert (await graph(api, id))["started_at"] is not None
        answer = await api.client.post(f"/api/v1/runs/{id}/consent", headers=HERE, json={"decision": "approved"})
        assert answer.status_code == 200, answer.text
        if len(modules) > 1:
            await api.worker.finish((await api.worker.claim())["b"], 1)
        found = await graph(api, id)
        assert found["status"] == "succeeded"
        assert 3_600_000 <= found["duration_ms"] < 7_200_000
        if "each" in found["nodes"]:
            assert 3_600_000 <= found["nodes"]["each"]["duration_ms"] < 7_200_000
