"""Calls that pause a run before a node and continue it."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role

HERE = {"X-Workspace": "main"}


async def call(client: Any, method: str, path: str, body: Any = None, code: int = 200) -> Any:
    answer = await client.request(method, f"/api/v1/runs/{path}", json=body, headers=HERE)
    assert answer.status_code == code, answer.text
    return answer.json()


async def test_run_is_paused_and_continued(api: ApiHarness) -> None:
    script_b = script("b", needs=["a"])
    script_b["value"]["input_transforms"] = {
        "n": {"type": "javascript", "expr": "flow_input.n"},
        "x": {"type": "javascript", "expr": "results.nobody.x"},
    }
    modules = [{"id": "a", "value": {"type": "identity"}}, script_b]
    started = await api.client.post(
        f"{W}/jobs/run/preview_flow",
        json={"value": {"modules": modules}, "args": {"n": 1}},
        params={"pause_before": "a, b", "pause_if": "flow_input.n === 1"},
    )
    assert started.status_code == 201, started.text
    id = started.text
    found = await call(api.client, "GET", f"{id}/pauses")
    assert [(each["node"], each["if"]) for each in found["breakpoints"]] == [
        ("a", "flow_input.n === 1"),
        ("b", "flow_input.n === 1"),
    ]
    (paused,) = found["paused"]
    assert (paused["node"], paused["takes_inputs"], paused["takes_result"]) == ("a", False, True)
    assert (found["may_pause"], found["may_change"]) == (True, True)
    job = await api.get(f"jobs_u/get/{id}")
    assert (job["wait"]["code"], job["suspend"]) == ("paused", 0)
    graph = (await api.client.get(f"/api/v1/runs/{id}/graph", headers=HERE)).json()
    assert (graph["status"], graph["nodes"]["a"]["status"], graph["breakpoints"]) == ("paused", "paused", ["a", "b"])
    continued = f"{id}/pauses/{paused['job']}/continue"
    error = await call(api.client, "POST", continued, {"inputs": {"n": 2}}, code=400)
    assert error["error"]["message"] == "The node a has no inputs."
    (paused,) = (await call(api.client, "POST", continued, {"result": {"x": 7}}))["paused"]
    assert paused["node"] == "b"
    assert (await call(api.client, "POST", continued, code=409))["error"]["code"] == "conflict"
    looked = await call(api.client, "GET", f"{id}/pauses/{paused['job']}")
    assert "inputs" not in looked and looked["error"].startswith("TypeError")
    assert [each["node"] for each in (await call(api.client, "DELETE", f"{id}/pauses/before/a"))["breakpoints"]] == [
        "b"
    ]
    error = await call(api.client, "PUT", f"{id}/pauses/before/b", {"if": "1 +"}, code=400)
    assert error["error"]["code"] == "invalid_input"
    viewer, stranger = await api.member("vera", Role.VIEWER), await api.member("olga")
    for client in (viewer, stranger):
        answer = await client.post(f"/api/v1/runs/{id}/pauses/{paused['job']}/continue", headers=HERE)
        assert answer.status_code in (403, 404)
    changed = await call(api.client, "POST", f"{id}/pauses/{paused['job']}/continue", {"result": None})
    assert (changed["breakpoints"], changed["paused"]) == ([], [])
    assert await api.get(f"jobs_u/completed/get_result/{id}") is None
    assert (await call(api.client, "PUT", f"{id}/pauses/before/b", {}, code=409))["error"]["code"] == "conflict"
