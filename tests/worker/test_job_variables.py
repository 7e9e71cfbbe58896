"""Environment variables that a script sets for its jobs, with a worker and its runtimes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.worker.answering import answering, http
from tests.worker.test_masked_jobs import working

READS = {
    "bash": 'echo "$REGION/$LEVEL/${OV_WORKSPACE}"',
    "graphql": "query { a }",
    "python3": "import os\nSEEN = os.environ.get('REGION')\n"
    "def main():\n    return '/'.join([SEEN or '', os.environ.get('LEVEL', ''), os.environ['OV_WORKSPACE']])\n",
}


@pytest.fixture
async def house(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path / "home") as api, working(api, tmp_path):
        yield api


async def deploy(api: ApiHarness, path: str, language: str, **settings: Any) -> str:
    script = {"path": path, "summary": "", "content": READS[language], "language": language, **settings}
    answer = await api.client.post(f"{W}/scripts/create", json=script)
    assert answer.status_code == 201, answer.text
    return answer.text.strip('"')


async def results(api: ApiHarness, path: str) -> list[Any]:
    """Return the result of the script itself, and as a node of a workflow."""
    value = {"type": "script", "path": path, "input_transforms": {}}
    flow = {"value": {"modules": [{"id": "a", "value": value}]}}
    return [
        (await api.client.post(f"{W}/jobs/run_wait_result/p/{path}", json={})).json(),
        (await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=flow)).json(),
    ]


async def test_script_sets_variables_of_its_jobs(house: ApiHarness) -> None:
    envs = ["REGION=eu", "LEVEL=a=b", "OV_WORKSPACE=other", "LD_PRELOAD=/x.so", "ALONE"]
    for language in ("bash", "python3"):
        await deploy(house, f"f/envs/{language}", language, envs=envs)
        assert await results(house, f"f/envs/{language}") == ["eu/a=b/main"] * 2


async def test_variables_are_those_of_the_version(house: ApiHarness) -> None:
    first = await deploy(house, "f/envs/versions", "bash", envs=["REGION=one"], cache_ttl=60)
    assert await results(house, "f/envs/versions") == ["one//main"] * 2
    second = await deploy(house, "f/envs/versions", "bash", envs=["REGION=two"], cache_ttl=60, parent_hash=first)
    assert await results(house, "f/envs/versions") == ["two//main"] * 2
    await deploy(house, "f/envs/versions", "bash", cache_ttl=60, parent_hash=second)
    assert await results(house, "f/envs/versions") == ["//main"] * 2


async def test_reused_process_has_variables_of_one_script_only(house: ApiHarness) -> None:
    first = await deploy(house, "f/envs/kept_one", "python3", dedicated_worker=True, envs=["LEVEL=1", "REGION=x"])
    await deploy(house, "f/envs/kept_two", "python3", dedicated_worker=True)
    assert await results(house, "f/envs/kept_one") == ["x/1/main"] * 2
    assert await results(house, "f/envs/kept_two") == ["//main"] * 2
    await deploy(house, "f/envs/kept_one", "python3", dedicated_worker=True, envs=["REGION=y"], parent_hash=first)
    assert await results(house, "f/envs/kept_one") == ["y//main"] * 2


async def test_variables_change_no_connection(house: ApiHarness) -> None:
    """The author of a script must not receive the credentials of its caller's resource by a proxy."""
    async with answering(lambda _: http(body=b'{"data": {"a": 1}}')) as proxy:
        await deploy(house, "f/envs/connection", "graphql", envs=[f"http_proxy={proxy.url}"])
        api = {"base_url": "http://api.invalid/graphql", "bearer_token": "secret"}
        call = await house.client.post(f"{W}/jobs/run_wait_result/p/f/envs/connection", json={"api": api})
        assert call.json()["error"]["name"] == "NoServer", call.text
    assert proxy.asked == []
