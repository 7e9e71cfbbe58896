"""Restarts over HTTP: from a node, from a failure, with another version."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role
from orvanta_platform.ids import node_job_id
from orvanta_platform.orchestrator.timers import fire


def graph(**more: Any) -> list[dict[str, Any]]:
    """Return a workflow: a; then b and c; then d."""
    return [
        script("a", needs=[], **more),
        script("b", needs=["a"]),
        script("c", needs=["a"]),
        script("d", needs=["b", "c"]),
    ]


async def work(api: ApiHarness, **results: Any) -> list[str]:
    """Finish the waiting nodes and return their ids. The default result is the id; an exception fails the node."""
    ran: list[str] = []
    while jobs := await api.worker.claim_all():
        for job in sorted(jobs, key=lambda job: job.node or ""):
            result = results.get(job.node or "", job.node)
            error = type(result).__name__ if isinstance(result, Exception) else None
            await api.worker.finish(job, None if error else result, error=error)
            ran.append(job.node or "")
    return ran


async def restart(api: ApiHarness, id: str, call: str = "restart", **body: Any) -> str:
    answer = await api.client.post(f"{W}/jobs/{call}/f/{id}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def preview(api: ApiHarness, id: str, call: str = "restart_preview", **body: Any) -> tuple[str, str, str]:
    answer = await api.client.post(f"{W}/jobs/{call}/f/{id}", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return " ".join(found["kept"]), " ".join(found["again"]), " ".join(found["skipped"])


async def refused(api: ApiHarness, id: str, call: str = "restart", **body: Any) -> tuple[int, str, str]:
    answer = await api.client.post(f"{W}/jobs/{call}/f/{id}", json=body)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


async def events(api: ApiHarness, id: str, *kinds: str) -> list[tuple[str, str | None, Any]]:
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT kind, node, data FROM event WHERE run = $1 ORDER BY seq", id)
    return [(row["kind"], row["node"], json.loads(row["data"] or "null")) for row in rows if row["kind"] in kinds]


async def test_restart_keeps_completed_nodes_and_runs_the_rest(api: ApiHarness) -> None:
    """Reused nodes are shown with the jobs of the first run, whose results are not copied."""
    first = await api.flow(*graph(), args={"q": 1}, output={"type": "javascript", "expr": "results"})
    assert await work(api) == ["a", "b", "c", "d"]
    assert await preview(api, first, step_id="b") == ("a c", "b d", "")
    second = await restart(api, first, step_id="b")
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT kind FROM value WHERE id = $1", second)
        jobs = await conn.fetch("SELECT node FROM job WHERE run = $1", second)
        parameters = json.loads(await conn.fetchval("SELECT parameters FROM audit WHERE operation = 'jobs.restart'"))
    assert ([row["kind"] for row in rows], jobs) == (["args"], [])
    assert (parameters["run"], parameters["of"], parameters["node"]) == (second, first, "b")
    before, now = [(await api.get(f"jobs_u/get/{id}"))["flow_status"]["modules"] for id in (first, second)]
    assert [module["type"] for module in now] == ["Success", "WaitingForExecutor", "Success", "WaitingForPriorSteps"]
    assert [now[n].get("job") == before[n]["job"] for n in range(4)] == [True, False, True, False]
    run = (await api.client.get(f"/api/v1/runs/{second}", headers={"X-Workspace": "main"})).json()
    assert [node.get("kept") for node in run["nodes"]] == [True, None, True, None]
    assert await api.get(f"jobs/result_by_id/{second}/c") == "c"
    own = await api.get(f"jobs_u/get/{node_job_id(UUID(second), 'c')}")
    assert (own["success"], own["canceled"], own["result"]) == (True, False, "c")
    assert await work(api, b="b2", d="d2") == ["b", "d"]
    job = await api.get(f"jobs_u/completed/get/{second}")
    assert (job["success"], job["args"], job["trigger_kind"]) == (True, {"q": 1}, "rerun")
    assert job["result"] == {"a": "a", "b": "b2", "c": "c", "d": "d2"}
    assert await events(api, second, "restart") == [("restart", "b", {"run": first})]


async def test_retry_continues_from_failed_node(api: ApiHarness) -> None:
    first = await api.flow(*graph())
    assert await work(api, c=ValueError()) == ["a", "b", "c"]
    assert await preview(api, first, "retry_preview") == ("a b", "c d", "")
    second = await restart(api, first, "retry")
    assert await work(api) == ["c", "d"]
    assert (await api.get(f"jobs_u/completed/get/{second}"))["result"] == "d"
    assert await events(api, second, "restart") == [("restart", None, {"run": first, "retry": True})]
    assert (await api.get(f"jobs_u/get/{second}"))["repeats"] == {"kind": "retry", "job": first}
    status, code, _ = await refused(api, second, "retry")
    assert (status, code) == (409, "cannot_restart")


async def test_restart_ignores_retries_of_nodes(api: ApiHarness) -> None:
    """Attempts of a node do not count as separate nodes."""
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    own = {"own": {"type": "static", "value": 1}}
    first = await api.flow(script("a", retry=retry, export=own), script("b"), script("c"))
    for error in ("Broken", None):
        (a,) = await api.worker.claim_all()
        await api.worker.finish(a, "a", error=error)
        await fire(api.platform.tools)
    await work(api)
    second = await restart(api, first, step_id="c")
    await work(api)
    third = await restart(api, second, step_id="b")
    run = (await api.client.get(f"/api/v1/runs/{third}", headers={"X-Workspace": "main"})).json()
    assert (run["context"], run["repeats"]) == ({"own": 1}, {"kind": "restart", "job": second, "step_id": "b"})
    events = (await api.client.get(f"/api/v1/runs/{third}/events", headers={"X-Workspace": "main"})).text
    assert f"b: continues the run {second}" in events


async def test_context_is_restored_to_before_the_node(api: ApiHarness) -> None:
    """c overwrites a value of a. A restart from b restores a's value and deletes the other values of c."""
    exports = {"shared": {"type": "javascript", "expr": "result"}}
    first = await api.flow(
        script("a", export=exports | {"own": {"type": "static", "value": "of a"}}),
        script("b"),
        script("c", export=exports | {"late": {"type": "static", "value": 1}}),
    )
    await work(api, a=[1], c=[3])
    second = await restart(api, first, step_id="b")
    run = (await api.client.get(f"/api/v1/runs/{second}", headers={"X-Workspace": "main"})).json()
    assert run["context"] == {"shared": [1], "own": "of a"}
    assert [event[1] for event in await events(api, second, "export")] == ["a", "a"]
    assert await work(api, c=[4]) == ["b", "c"]
    third = await restart(api, second, step_id="b")
    run = (await api.client.get(f"/api/v1/runs/{third}", headers={"X-Workspace": "main"})).json()
    assert run["context"] == {"shared": [1], "own": "of a"}


async def test_restart_with_ambiguous_context_is_refused(api: ApiHarness) -> None:
    exports = {"big": {"type": "javascript", "expr": "result"}}
    first = await api.flow(script("a", export=exports), script("b"), script("c", export=exports))
    await work(api, a="x" * 3_000, c="short")
    status, code, message = await refused(api, first, step_id="b")
    assert (status, code) == (409, "cannot_restart") and "big" in message
    assert await preview(api, first, step_id="a") == ("", "a b c", "")


async def test_expressions_read_kept_results(api: ApiHarness) -> None:
    """This covers results, previous_result and the run's result, even in the step that creates the run's row."""
    first = await api.flow(
        script("a"),
        {"id": "c", "value": {"type": "condition", "expr": "results.a.x + previous_result.x > 3"}},
        script("d", needs=[{"node": "c", "on": "true"}]),
        {"id": "e", "needs": ["d"], "value": {"type": "condition", "expr": "results.d.length === 300000"}},
    )
    await work(api, a={"x": 2})
    second = await restart(api, first, step_id="c")
    assert await work(api, d="x" * 300_000) == ["d"]
    assert await api.get(f"jobs/result_by_id/{second}/c") is True
    third = await restart(api, second, step_id="e")
    assert await api.get(f"jobs/result_by_id/{third}/e") is True


async def test_restart_inside_loop(api: ApiHarness) -> None:
    """The call uses nested_path of the published API. The context is that of the earlier iterations."""
    seen = {"seen": {"type": "javascript", "expr": "[context.seen || [], flow_input.iter.value]"}}
    body = [script("x", export=seen), script("y")]
    iterator = {"type": "static", "value": [1, 2, 3]}
    first = await api.flow({"id": "l", "value": {"type": "forloopflow", "iterator": iterator, "modules": body}})
    assert await work(api) == ["x", "y"] * 3
    where: dict[str, Any] = {"step_id": "l", "branch_or_iteration_n": 1, "nested_path": [{"step_id": "y"}]}
    answer = await api.client.post(f"{W}/jobs/restart_preview/f/{first}", json=where)
    inside = {"step_id": "l", "bodies_kept": 1, "branch_or_iteration_n": 1}
    body_of_1 = {"kept": ["x"], "again": ["y"], "skipped": [], "inside": []}
    assert answer.json() == {"kept": [], "again": ["l"], "skipped": [], "inside": [{**inside, "body": body_of_1}]}
    second = await restart(api, first, **where)
    run = (await api.client.get(f"/api/v1/runs/{second}", headers={"X-Workspace": "main"})).json()
    assert run["context"] == {"seen": [[[], 1], 2]}
    assert (await events(api, second, "restart"))[0][2]["path"] == [["l", 1], ["y", None]]
    assert await work(api, y="y2") == ["y", "x", "y"]
    assert (await api.get(f"jobs_u/completed/get/{second}"))["result"] == ["y", "y2", "y2"]
    module = (await api.get(f"jobs_u/get/{second}"))["flow_status"]["modules"][0]
    assert (len(module["flow_jobs"]), module["flow_jobs_success"]) == (3, [True] * 3)
    nodes = (await api.client.get(f"/api/v1/runs/{second}/graph", headers={"X-Workspace": "main"})).json()["nodes"]
    assert nodes["l"]["bodies"] == {"succeeded": 3, "kept": 1}
    assert (nodes["x"]["counts"], nodes["y"]["counts"]) == ({"succeeded": 1}, {"succeeded": 2})
    third = await restart(api, second, step_id="l", branch_or_iteration_n=1)
    run = (await api.client.get(f"/api/v1/runs/{third}", headers={"X-Workspace": "main"})).json()
    assert run["context"] == {"seen": [[], 1]}
    assert (await refused(api, first, step_id="l", branch_or_iteration_n=-1))[:2] == (400, "bad_request")


async def test_restart_is_refused(api: ApiHarness) -> None:
    first = await api.flow(*graph())
    assert (await refused(api, first, step_id="b"))[:2] == (409, "cannot_restart")
    await work(api)
    assert (await refused(api, first, step_id="nobody"))[:2] == (400, "bad_request")
    assert (await refused(api, first, step_id="b", flow_version=7))[:2] == (400, "bad_request")
    assert (await refused(api, first))[:2] == (400, "bad_request")
    alone = await api.preview()
    await work(api)
    assert (await refused(api, alone, step_id="main"))[:2] == (400, "bad_request")
    nobody = "0199f2c4-0000-7000-8000-000000000000"
    assert (await refused(api, nobody, step_id="b"))[:2] == (404, "not_found")


async def test_restart_respects_limits(api: ApiHarness) -> None:
    limit = {"concurrent_limit": 1, "concurrency_key": "one"}
    first = await api.flow(*graph(), **limit)
    await work(api)
    other = await api.flow(script("a"), **limit)
    (held,) = await api.worker.claim_all()
    second = await restart(api, first, step_id="d")
    assert (str(held.run.id), await work(api)) == (other, [])
    await api.worker.finish(held, 1)
    assert await work(api) == ["d"]
    assert (await api.get(f"jobs_u/completed/get/{second}"))["success"] is True


async def test_restart_needs_stored_values(api: ApiHarness) -> None:
    """Erased results are not treated as null, and erased inputs are not treated as missing."""
    first = await api.flow(*graph(), args={"q": 1})
    await work(api)
    job = (await api.get(f"jobs_u/get/{first}"))["flow_status"]["modules"][1]["job"]
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM value WHERE id = $1", job)
    status, code, message = await refused(api, first, step_id="d")
    assert (status, code) == (409, "cannot_restart") and "node b" in message
    assert await preview(api, first, step_id="b") == ("a c", "b d", "")
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM value WHERE id = $1", first)
    assert (await refused(api, first, step_id="b"))[:2] == (409, "cannot_restart")
    answer = await api.client.post(f"{W}/jobs/rerun/{first}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "cannot_restart")


async def test_same_worker_run_restarts_from_the_start(api: ApiHarness) -> None:
    """The folder of a run with same_worker no longer exists."""
    first = await api.flow(script("a"), script("b"), same_worker=True)
    assert await work(api, b=ValueError()) == ["a", "b"]
    assert (await refused(api, first, step_id="b"))[:2] == (409, "cannot_restart")
    for call, body in (("restart_preview", {"step_id": "a"}), ("retry_preview", {})):
        assert await preview(api, first, call, **body) == ("", "a b", "")
    await restart(api, first, "retry")
    assert await work(api) == ["a", "b"]


async def test_restart_with_later_version(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "sales"})
    body = {"path": "f/sales/daily", "summary": "", "value": {"modules": graph()}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    first = (await api.client.post(f"{W}/jobs/run/f/f/sales/daily", json={})).text
    await work(api, d=ValueError())
    body["value"] = {"modules": [*graph(), script("e", needs=["d"])]}
    version = (await api.client.post(f"{W}/flows/update/f/sales/daily", json=body)).text
    found = await api.get("flows/get/f/sales/daily")
    assert await preview(api, first, step_id="d") == ("a b c", "d", ""), version
    second = await restart(api, first, step_id="d", flow_version=found["version_id"])
    assert await work(api) == ["d", "e"]
    job = await api.get(f"jobs_u/completed/get/{second}")
    assert (job["result"], job["script_path"]) == ("e", "f/sales/daily")


async def test_retry_with_later_version(api: ApiHarness) -> None:
    """Nodes are matched by id: new nodes run, and nodes that the version does not contain are omitted."""
    await api.client.post(f"{W}/folders/create", json={"name": "sales", "extra_perms": {"u/victor": False}})
    body = {"path": "f/sales/daily", "summary": "", "value": {"modules": graph()}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    first = (await api.client.post(f"{W}/jobs/run/f/f/sales/daily", json={})).text
    await work(api, c=ValueError())
    body["value"] = {"modules": [script("a", needs=[]), script("new", needs=["a"]), script("d", needs=["new"])]}
    await api.client.post(f"{W}/flows/update/f/sales/daily", json=body)
    version = (await api.get("flows/get/f/sales/daily"))["version_id"]
    assert await preview(api, first, "retry_preview", flow_version=version) == ("a", "new d", "")
    status, code, message = await refused(api, first, step_id="c", flow_version=version)
    assert (status, code, message) == (400, "bad_request", "The chosen version of the workflow has no node c.")
    viewer = await api.member("victor", Role.VIEWER)
    assert (await viewer.post(f"{W}/jobs/retry/f/{first}", json={"flow_version": version})).status_code == 403
    second = await restart(api, first, "retry", flow_version=version)
    assert await work(api) == ["new", "d"]
    assert (await api.get(f"jobs_u/completed/get/{second}"))["result"] == "d"
    assert await events(api, second, "restart") == [
        ("restart", None, {"run": first, "retry": True, "version": version})
    ]
    body["value"] = {"modules": [script("a", needs=[]), script("b", needs=["a"])]}
    await api.client.post(f"{W}/flows/update/f/sales/daily", json=body)
    version = (await api.get("flows/get/f/sales/daily"))["version_id"]
    third = await restart(api, first, "retry", flow_version=version)
    assert (await work(api), (await api.get(f"jobs_u/completed/get/{third}"))["result"]) == ([], "b")


async def test_preview_continues_run(api: ApiHarness) -> None:
    first = await api.flow(*graph(), args={"q": 1})
    await work(api, c=ValueError())
    value = {"modules": [*graph(), script("e", needs=["d"])]}
    before = {"flow_job_id": first, "step_id": "c"}
    for more, args in (({}, {"q": 1}), ({"args": {"q": 2}}, {"q": 2})):
        body = {"value": value, "restarted_from": before, **more}
        answer = await api.client.post(f"{W}/jobs/run/preview_flow", json=body)
        assert answer.status_code == 201, answer.text
        assert await work(api) == ["c", "d", "e"]
        job = await api.get(f"jobs_u/completed/get/{answer.text}")
        assert (job["result"], job["args"]) == ("e", args)


async def test_preview_continues_run_inside_node(api: ApiHarness) -> None:
    """The call has the format of the published client. A preview reports the nodes that would run."""
    iterator = {"type": "static", "value": [1, 2]}
    body = [script("x"), script("y")]
    loop = {"id": "l", "value": {"type": "forloopflow", "iterator": iterator, "modules": body}}
    first = await api.flow(loop)
    await work(api)
    value = {"modules": [loop, script("z")]}
    inside: dict[str, Any] = {"step_id": "l", "branch_or_iteration_n": 1}
    assert await preview(api, first, **inside, nested_path=[{"step_id": "y"}], value=value) == ("", "l z", "")
    before = {"flow_job_id": first, **inside, "nested": {"step_id": "y"}}
    answer = await api.client.post(f"{W}/jobs/run/preview_flow", json={"value": value, "restarted_from": before})
    assert answer.status_code == 201, answer.text
    assert await work(api) == ["y", "z"]
    operator = await api.member("olga")
    answer = await operator.post(f"{W}/jobs/restart_preview/f/{first}", json={"step_id": "l", "value": value})
    assert answer.status_code == 404


async def test_restart_permissions(api: ApiHarness) -> None:
    """A restart needs read access to the run and the right to run its workflow, or previews if it is a preview."""
    sees = {"u/olga": False, "u/victor": False, "u/dora": True}
    await api.client.post(f"{W}/folders/create", json={"name": "sales", "extra_perms": sees})
    body = {"path": "f/sales/daily", "summary": "", "value": {"modules": graph()}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    deployed = (await api.client.post(f"{W}/jobs/run/f/f/sales/daily", json={})).text
    draft = {"value": body["value"], "path": "f/sales/draft"}
    preview = (await api.client.post(f"{W}/jobs/run/preview_flow", json=draft)).text
    hidden = await api.flow(*graph())
    await work(api)
    roles = {"olga": Role.OPERATOR, "victor": Role.VIEWER, "dora": Role.DEVELOPER}
    members = {name: await api.member(name, role) for name, role in roles.items()}
    for name, codes in (("olga", (201, 403, 404)), ("victor", (403, 403, 404)), ("dora", (201, 201, 404))):
        for id, code in zip((deployed, preview, hidden), codes, strict=True):
            for call in ("restart", "restart_preview"):
                answer = await members[name].post(f"{W}/jobs/{call}/f/{id}", json={"step_id": "d"})
                expected = 200 if code == 201 and call != "restart" else code
                assert answer.status_code == expected, (name, answer.text)


async def test_restart_is_idempotent_and_can_be_scheduled(api: ApiHarness) -> None:
    first = await api.flow(*graph())
    await work(api)
    call, key = f"{W}/jobs/restart/f/{first}", {"Idempotency-Key": "once"}
    made = {(await api.client.post(call, json={"step_id": "d"}, headers=key)).text for _ in range(2)}
    assert len(made) == 1 and await work(api) == ["d"]
    answer = await api.client.post(f"{call}?scheduled_in_secs=600", json={"step_id": "d"})
    assert (answer.status_code, await work(api)) == (201, [])
    assert await events(api, answer.text, "restart") == [("restart", "d", {"run": first})]


async def test_restart_does_not_reuse_decision_for_repeated_nodes(api: ApiHarness) -> None:
    """A failed node after the decision can run again; running a successful one again needs another decision."""
    asks = {"required_events": 1, "user_auth_required": True}
    modules = [script("a", suspend=asks, needs=[]), script("pay", needs=["a"]), script("mail", needs=["pay"])]
    run = await api.flow(*modules)
    assert await work(api) == ["a"]
    agreed = await api.client.post(f"{W}/jobs/flow/resume/{run}", json={})
    assert agreed.status_code == 201, agreed.text
    assert await work(api, mail=ValueError()) == ["pay", "mail"]
    again = await api.client.post(f"{W}/jobs/restart/f/{run}", json={"step_id": "pay"})
    assert (again.status_code, again.json()["error"]["details"]) == (409, {"nodes": ["a"]})
    assert await api.worker.claim_all() == []
    await restart(api, run, "retry")
    assert await work(api) == ["mail"]
    await restart(api, run, step_id="a")
    assert await work(api) == ["a"]
