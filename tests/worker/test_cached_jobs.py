"""Cached results of nodes and scripts, with a worker and its runtimes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.worker.test_masked_jobs import working

CHANCE = "import random\ndef main(x=None):\n    return random.random()\n"
FAILS = "def main():\n    raise ValueError('no')\n"


@pytest.fixture
async def house(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path / "home") as api, working(api, tmp_path):
        yield api


async def flow(api: ApiHarness, x: Any, **node: Any) -> Any:
    """Run a workflow of one node; return the result and the id of the run."""
    inputs = {"x": {"type": "javascript", "expr": "flow_input.x"}}
    value = {"type": "rawscript", "language": "python3", "content": CHANCE, "input_transforms": inputs}
    body = {"value": {"modules": [{"id": "a", "value": value, **node}]}, "args": {"x": x}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.headers["x-run-id"]


async def test_node_uses_cached_result_for_equal_inputs(house: ApiHarness) -> None:
    first, run = await flow(house, 1, cache_ttl=60)
    again, second = await flow(house, 1, cache_ttl=60)
    assert first == again and (await flow(house, 2, cache_ttl=60))[0] != first
    assert (await flow(house, 1))[0] != first
    steps = (await house.get(f"jobs_u/get/{second}"))["flow_status"]["modules"]
    log = (await house.client.get(f"{W}/jobs_u/get_logs/{steps[0]['job']}")).text
    assert f"cached: the result of run {run}" in log
    async with house.platform.db.acquire() as connection:
        events = await connection.fetch("SELECT node, data FROM event WHERE kind = 'cached'")
    assert [(row["node"], run in row["data"]) for row in events] == [("a", True)]


async def test_cached_result_is_used_for_script_and_node(house: ApiHarness) -> None:
    script = {"path": "f/team/chance", "summary": "", "content": CHANCE, "language": "python3", "cache_ttl": 60}
    assert (await house.client.post(f"{W}/scripts/create", json=script)).status_code == 201

    async def run(args: Any) -> Any:
        return (await house.client.post(f"{W}/jobs/run_wait_result/p/f/team/chance", json=args)).json()

    first = await run({"x": 1})
    assert await run({"x": 1}) == first and await run({"x": 2}) != first
    value = {"type": "script", "path": "f/team/chance", "input_transforms": {"x": {"type": "static", "value": 3}}}
    body = {
        "value": {
            "modules": [{"id": "a", "value": value}, {"id": "b", "value": value}],
            "output": {"type": "javascript", "expr": "[results.a, results.b]"},
        }
    }
    a, b = (await house.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)).json()
    assert a == b


async def test_result_with_secret_is_not_cached(house: ApiHarness) -> None:
    body = {"path": "f/team/pw", "value": "hidden words", "is_secret": True, "description": ""}
    assert (await house.client.post(f"{W}/variables/create", json=body)).status_code == 201
    script = "import random\ndef main(pw):\n    return [pw, random.random()]\n"
    made = {"path": "f/team/echo", "summary": "", "content": script, "language": "python3", "cache_ttl": 60}
    assert (await house.client.post(f"{W}/scripts/create", json=made)).status_code == 201
    call = f"{W}/jobs/run_wait_result/p/f/team/echo"
    seen = [(await house.client.post(call, json={"pw": "$var:f/team/pw"})).json() for _ in range(2)]
    assert seen[0][0] == "***" and seen[0] != seen[1]
