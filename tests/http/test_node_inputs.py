"""Inputs of the nodes of a run."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role

HERE = {"X-Workspace": "main"}


async def received(api: ApiHarness, id: str, node: str, iterations: str = "", code: int = 200) -> dict[str, Any]:
    query = f"?iterations={iterations}" if iterations else ""
    answer = await api.client.get(f"/api/v1/runs/{id}/nodes/{node}/inputs{query}", headers=HERE)
    assert answer.status_code == code, answer.text
    found: dict[str, Any] = answer.json()
    return found


def node(id: str, **more: str) -> dict[str, Any]:
    """Return a script node whose inputs are expressions."""
    made = script(id)
    made["value"]["input_transforms"] = {name: {"type": "javascript", "expr": text} for name, text in more.items()}
    return made


async def test_expressions_are_computed_at_the_top_level(api: ApiHarness) -> None:
    await api.client.post(f"{W}/variables/create", json={"path": "u/admin/v", "value": "x", "is_secret": False})
    reads = {
        "total": "results.a.price * 2 + flow_input.fee",
        "all": "results.a",
        "before": "previous_result.price",
        "context": "context.a",
        "opened": "variable('u/admin/v')",
        "large": "results.a.text + 'x'.repeat(300000)",
        "thrown": "results.a.none.x",
    }
    id = await api.flow(node("a"), node("b", **reads), args={"fee": 5})
    assert (await received(api, id, "b", code=404))["error"]["code"] == "not_found"
    await api.worker.finish((await api.worker.claim())["a"], {"price": 10, "text": "t"})
    expected = {
        "inputs": {"total": 25, "all": {"price": 10, "text": "t"}, "before": 10},
        "unknown": ["context", "opened", "large", "thrown"],
    }
    assert await received(api, id, "b") == expected
    await api.worker.finish((await api.worker.claim())["b"], {})
    assert await received(api, id, "b") == expected, "of the ended run"
    assert (await received(api, id, "nowhere", code=404))["error"]["code"] == "not_found"
    stranger = await api.member("eve", role=Role.VIEWER)
    assert (await stranger.get(f"/api/v1/runs/{id}/nodes/b/inputs", headers=HERE)).status_code == 404


async def test_iterations_and_branches_have_their_own_inputs(api: ApiHarness) -> None:
    iteration = {"item": "flow_input.iter.value", "place": "flow_input.iter.index"}
    reads = {**iteration, "of": "results.pick + 1", "top": "results.t"}
    alone = {"type": "branchone", "branches": [{"expr": "true", "modules": [node("deep", **reads)]}], "default": []}
    loop = {"type": "forloopflow", "iterator": {"type": "javascript", "expr": "results.t"}, "skip_failures": False}
    each = {"id": "each", "value": {**loop, "modules": [node("pick"), {"id": "choose", "value": alone}]}}
    single = {"id": "single", "value": {**loop, "modules": [node("only", item="flow_input.iter.value * 10")]}}
    id = await api.flow(node("t"), each, single)
    await api.worker.finish((await api.worker.claim())["t"], [7, 8])
    for number in (0, 1):
        await api.worker.finish((await api.worker.claim())["pick"], number)
        live = await received(api, id, "deep", str(number))
        assert live["inputs"] == {"item": 7 + number, "of": number + 1, "place": number, "top": [7, 8]}
        await api.worker.finish((await api.worker.claim())["deep"], {})
    for number in (0, 1):
        ended = await received(api, id, "deep", str(number))
        assert ended["inputs"] == {"item": 7 + number, "of": number + 1, "place": number, "top": [7, 8]}
    only = (await api.worker.claim())["only"]
    assert (await received(api, id, "only", "0"))["inputs"] == {"item": 70}
    await received(api, id, "only", "1", code=404)
    await api.worker.finish(only, {})
    await api.worker.finish((await api.worker.claim())["only"], {})
    assert [(await received(api, id, "only", str(each)))["inputs"]["item"] for each in (0, 1)] == [70, 80]
    await received(api, id, "deep", code=404)
    await received(api, id, "deep", "7", code=404)
    await received(api, id, "deep", "x", code=400)


async def test_inputs_of_edited_node_are_those_it_received(api: ApiHarness) -> None:
    id = await api.flow(node("a"), node("b", x="results.a", y="1 + 1"))
    await api.client.put(f"/api/v1/runs/{id}/pauses/before/b", json={}, headers=HERE)
    await api.worker.finish((await api.worker.claim())["a"], 3)
    (paused,) = (await api.client.get(f"/api/v1/runs/{id}/pauses", headers=HERE)).json()["paused"]
    changed = {"inputs": {"x": 4}}
    await api.client.post(f"/api/v1/runs/{id}/pauses/{paused['job']}/continue", json=changed, headers=HERE)
    assert (await received(api, id, "b"))["inputs"] == {"x": 4, "y": 2}
