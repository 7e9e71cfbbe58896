"""Streamed results on a worker: the text as the result, secrets, limits, attempts, reused processes."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.http.harness import W
from tests.worker import test_masked_jobs
from tests.worker.test_masked_jobs import FETCH, SECRET, House

from orvanta_platform.orchestrator import timers
from orvanta_platform.workflow.mask import MASK

house = test_masked_jobs.house


async def streamed(house: House, run: str) -> str:
    """Return the text that the run streamed, from its events after it has ended."""
    return text_of(await house.api.client.get(f"{W}/jobs_u/getupdate_sse/{run}"))


def text_of(answer: httpx.Response) -> str:
    parts = [json.loads(part.removeprefix("data: ")) for part in answer.text.strip().split("\n\n")]
    return "".join(part.get("new_result_stream", "") for part in parts)


async def flow(house: House, *modules: dict[str, Any]) -> tuple[Any, str]:
    """Run a workflow until it ends; return the result and the id of the run."""
    body = {"value": {"modules": list(modules)}, "args": {}}
    answer = await house.api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    return answer.json(), answer.headers["x-run-id"]


def node(id: str, content: str, **more: Any) -> dict[str, Any]:
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": {}}
    return {"id": id, "value": value, **more}


async def test_streamed_text_is_result(house: House) -> None:
    content = "def main():\n    print('log')\n    for part in ('one\\n', {'two': 2}, 'three'):\n        yield part\n"
    status, result, log, run = await house.run(content)
    assert (status, result, log) == (200, 'one\n{"two":2}three', "log\n")
    assert await streamed(house, run) == result


async def test_explicit_result_is_preserved(house: House) -> None:
    content = "def main(x):\n    print('OV_STREAM: text')\n    return x\n"
    _, result, log, run = await house.run(content, {"x": {"a": 1}})
    assert (result, log, await streamed(house, run)) == ({"a": 1}, "", "text")
    _, result, log, run = await house.run(content, {"x": None})
    assert (result, log, await streamed(house, run)) == ("text", "", "text")


async def test_secret_split_across_yields_is_masked(house: House) -> None:
    """The script yields the second half after a reader has received the text before the first: they are sent apart."""
    await house.secret()
    content = f"""{FETCH}
def main(x):
    yield 'before '
    yield x[:5]
    call = f"jobs_u/getupdate/{{os.environ['OV_JOB_ID']}}?stream_offset=0"
    while not get(call).get('new_result_stream'):
        pass
    yield x[5:]
    yield ' after'
"""
    _, result, _, run = await house.run(content, {"x": "$var:f/team/pw"})
    assert result == await streamed(house, run) == f"before {MASK} after"
    shown = await house.api.client.get(f"{W}/jobs_u/getupdate/{run}", params={"stream_offset": 0})
    assert SECRET[:5] not in shown.text


async def test_secret_opened_during_stream_is_masked(house: House) -> None:
    await house.secret()
    content = f"{FETCH}\ndef main():\n    yield 'it is '\n    yield get('variables/get_value/f/team/pw')\n"
    _, result, _, run = await house.run(content)
    assert result == await streamed(house, run) == f"it is {MASK}"


async def test_retry_restarts_stream(house: House) -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    content = (
        "import os\ndef main():\n    n = os.environ['OV_FLOW_RETRY_COUNT']\n    yield f'attempt {n}'\n"
        "    if n == '0':\n        raise ValueError('no')\n"
    )
    running = asyncio.create_task(flow(house, node("a", content, retry=retry)))
    while not running.done():
        await timers.fire(house.api.platform.tools)
    result, run = await running
    assert (result, await streamed(house, run)) == ("attempt 1", "attempt 1")


async def test_jobs_inside_a_loop_have_streams_of_their_own(house: House) -> None:
    body = node("inner", "def main(n):\n    yield f'item {n}'\n")
    body["value"]["input_transforms"] = {"n": {"type": "javascript", "expr": "flow_input.iter.value"}}
    items = {"type": "static", "value": [1, 2]}
    loop = {"type": "forloopflow", "modules": [body], "iterator": items, "skip_failures": False}
    result, run = await flow(house, {"id": "loop", "value": loop})
    assert (result, await streamed(house, run)) == (["item 1", "item 2"], "")
    async with house.api.platform.db.acquire() as conn:
        jobs = await conn.fetch("SELECT id FROM job WHERE run = $1 AND node = 'inner' ORDER BY ended_at", UUID(run))
    assert [await streamed(house, str(job["id"])) for job in jobs] == ["item 1", "item 2"]


async def test_stream_of_failed_job_is_preserved(house: House) -> None:
    status, result, _, run = await house.run("def main():\n    yield 'one'\n    raise ValueError('no')\n")
    assert (status, result["error"]["message"], await streamed(house, run)) == (500, "no", "one")


@pytest.mark.parametrize("dedicated", [False, True], ids=["fresh", "dedicated"])
async def test_scripts_and_workflows_are_run_and_streamed(house: House, dedicated: bool) -> None:
    content = "def main(name='Ada'):\n    yield 'hello '\n    yield name\n"
    body = {"path": "f/team/talk", "content": content, "language": "python3", "dedicated_worker": dedicated}
    made = await house.api.client.post(f"{W}/scripts/create", json={"summary": "", **body})
    assert made.status_code == 201, made.text
    value = {"type": "script", "path": "f/team/talk", "input_transforms": {}}
    modules = [node("a", "def main():\n    yield 'not this'\n"), {"id": "b", "value": value}]
    made = await house.api.client.post(
        f"{W}/flows/create", json={"path": "f/team/talks", "summary": "", "value": {"modules": modules}}
    )
    assert made.status_code == 201, made.text
    for _ in range(2):
        script = await house.api.client.post(f"{W}/jobs/run_and_stream/p/f/team/talk", json={"name": "Bo"})
        assert text_of(script) == "hello Bo"
        run = script.headers["x-run-id"]
        assert await house.api.get(f"jobs_u/completed/get_result/{run}") == "hello Bo"
        workflow = await house.api.client.post(f"{W}/jobs/run_and_stream/f/f/team/talks", json={})
        assert text_of(workflow) == "hello Ada"
        assert await house.api.get(f"jobs_u/completed/get_result/{workflow.headers['x-run-id']}") == "hello Ada"
