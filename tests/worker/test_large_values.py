"""Values near the size limit and above it: storage, warnings, and names of errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.worker.test_masked_jobs import working

LIMIT = 1 << 20
KIB = 1 << 10
GIVES = "def main(n):\n    return 'x' * (n - 2)\n"
HAS = "def main(x):\n    return len(x)\n"
LARGE = "SELECT id, kind, name, size, body IS NULL AS away FROM value WHERE size > 100000 ORDER BY size"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path / "home", result_limit=LIMIT) as made, working(made, tmp_path):
        yield made


def node(id: str, content: str, **inputs: str) -> dict[str, Any]:
    transforms = {name: {"type": "javascript", "expr": text} for name, text in inputs.items()}
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": transforms}
    return {"id": id, "value": value}


async def run(api: ApiHarness, *modules: dict[str, Any], args: Any = None, **value: Any) -> tuple[int, Any, str]:
    """Run a workflow until it ends; return the status of the response, the result and the id of the run."""
    body = {"value": {"modules": list(modules), **value}, "args": args or {}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    return answer.status_code, answer.json(), answer.headers["x-run-id"]


async def history(api: ApiHarness, id: str) -> list[tuple[str | None, str]]:
    """Return the events about large values, by node."""
    answer = await api.client.get(f"/api/v1/runs/{id}/events", headers={"X-Workspace": "main"})
    assert answer.status_code == 200, answer.text
    return [(each.get("node"), each["text"]) for each in answer.json()["events"] if each["kind"] == "value_near_limit"]


async def log(api: ApiHarness, id: str) -> str:
    return (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text


@pytest.mark.parametrize(
    ("size", "percent"), [(LIMIT // 2 - 1, None), (LIMIT // 2, 50), (LIMIT * 4 // 5 + 1, 80), (LIMIT, 80)]
)
async def test_result_near_limit_causes_warning(api: ApiHarness, size: int, percent: int | None) -> None:
    status, result, id = await run(api, node("a", GIVES, n="flow_input.n"), args={"n": size})
    assert (status, len(result)) == (200, size - 2)
    warnings = await history(api, id)
    assert [(name, f"over {percent} % of 1 MiB" in text) for name, text in warnings] == [("a", True)] * (
        percent is not None
    )
    assert ("warning: the result has" in await log(api, id)) == (percent is not None)


async def test_exports_outputs_and_inputs_near_limit_cause_warnings(api: ApiHarness) -> None:
    size = LIMIT * 4 // 5
    a = node("a", GIVES, n="300000") | {"export": {"big": {"type": "javascript", "expr": "result + result"}}}
    b = node("b", HAS, x="context.big")
    called = {"path": "u/ann/called", "summary": "", "value": {"modules": []}, "schema": {}}
    assert (await api.client.post(f"{W}/flows/create", json=called)).status_code == 201
    given = {"x": {"type": "javascript", "expr": "context.big"}}
    c = {"id": "c", "value": {"type": "flow", "path": "u/ann/called", "input_transforms": given}}
    output = {"type": "javascript", "expr": "results.a + results.a"}
    status, _, id = await run(api, a, b, c, output=output, args={"pad": "p" * size})
    assert status == 200
    events = await history(api, id)
    warnings = [(name, text.split("warning: ")[1].split(" has ")[0], text[-13:]) for name, text in events]
    assert warnings == [
        (None, "the input", "80 % of 1 MiB"),
        ("a", "the export big", "50 % of 1 MiB"),
        ("b", "the input", "50 % of 1 MiB"),
        ("c", "the input", "50 % of 1 MiB"),
        (None, "the output", "50 % of 1 MiB"),
        ("c", "the result", "50 % of 1 MiB"),
    ]
    job = (await api.get(f"jobs_u/get/{id}"))["flow_status"]["modules"][1]["job"]
    assert "warning: the input has" in await log(api, job)


async def test_result_over_limit_fails_with_limit_and_size(api: ApiHarness) -> None:
    status, result, id = await run(api, node("a", GIVES, n=str(LIMIT + 1)))
    assert (status, result["error"]["name"]) == (500, "result_too_large")
    assert "1 MiB" in result["error"]["message"] and "limit" in result["error"]["message"]
    assert "result_too_large" in json.dumps((await api.get(f"jobs_u/get/{id}"))["result"])


async def test_large_values_are_stored_as_objects_and_arrive_complete(api: ApiHarness) -> None:
    size = 300 * KIB
    nodes = (node("a", GIVES, n="flow_input.n"), node("b", HAS, x="results.a"))
    status, result, id = await run(api, *nodes, args={"n": size, "pad": "p" * size})
    assert (status, result) == (200, size - 2)
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch(LARGE)
        live = await conn.fetchval("SELECT max(pg_column_size(r.*)) FROM run r")
    assert [(row["kind"], row["away"]) for row in rows] == [("result", True), ("args", True)]
    assert live < KIB
    assert (await api.get(f"jobs_u/get_args/{id}"))["pad"] == "p" * size


async def test_loop_array_over_limit_is_rejected(api: ApiHarness) -> None:
    def loop(n: int, size: int) -> dict[str, Any]:
        iterator = {"type": "javascript", "expr": f"Array.from({{length: {n}}}, (_, i) => i)"}
        body = [node("a", GIVES, n=str(size))]
        value = {"type": "forloopflow", "modules": body, "iterator": iterator, "skip_failures": False}
        return {"id": "loop", "value": value}

    status, result, id = await run(api, loop(2, 300 * KIB))
    assert (status, [len(each) for each in result]) == (200, [300 * KIB - 2] * 2)
    assert [name for name, _ in await history(api, id)] == ["loop"]
    status, result, _ = await run(api, loop(4, 300 * KIB))
    assert (status, result["error"]["name"], result["error"]["step_id"]) == (500, "result_too_large", "loop")
    assert "1.172 MiB" in result["error"]["message"] and "1 MiB" in result["error"]["message"]


async def test_expression_value_over_limit_is_rejected(api: ApiHarness) -> None:

    large = node("a", GIVES, n=str(600 * KIB))
    status, result, _ = await run(api, large, output={"type": "javascript", "expr": "[results.a, results.a]"})
    assert (status, result["error"]["name"]) == (500, "result_too_large")
    inputs = {"x": "results.a", "y": "results.a"}
    status, result, _ = await run(api, large, node("b", "def main(x, y):\n    return 1\n", **inputs))
    assert (status, result["error"]["name"]) == (500, "input_too_large")


async def test_input_over_limit_is_rejected(api: ApiHarness) -> None:
    before = await api.get("jobs/queue/count")
    for path, body in (
        ("run/preview", {"content": HAS, "language": "python3", "args": {"x": "x" * LIMIT}}),
        ("run/preview_flow", {"value": {"modules": []}, "args": {"x": "x" * LIMIT}}),
    ):
        answer = await api.client.post(f"{W}/jobs/{path}", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        assert answer.json()["error"]["details"]["limit"] == LIMIT < answer.json()["error"]["details"]["size"]
    assert await api.get("jobs/queue/count") == before
