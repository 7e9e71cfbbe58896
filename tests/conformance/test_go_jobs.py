"""Go scripts from the request to the response: deployed, compiled by a worker, with masked secrets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE
from orvanta_platform.workflow.mask import MASK

pytestmark = pytest.mark.extended

SECRET = "s3cr3t-pa-ss-word"
CODE = """package inner

import (
	"fmt"
	"strings"
)

func main(key string, fail bool) (any, error) {
	fmt.Println("key:", key)
	if fail {
		panic("no " + key)
	}
	return map[string]any{"key": key, "size": len(strings.TrimSpace(key))}, nil
}
"""


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path, warm_compiler: None) -> AsyncIterator[ApiHarness]:
    """Yield a platform with a worker."""
    missing = BY_LANGUAGE["go"].missing()
    if missing is not None:
        pytest.skip(missing)
    async with api_harness(database, tmp_path / "home") as made:
        row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "full")
        async with made.platform.db.acquire() as connection:
            await workers.register(connection, row)
        runtimes = Runtimes(tmp_path / "home", [])
        await runtimes.start()
        worker = Worker(made.platform, runtimes, Lease(row.id, 1, 3600))
        running = asyncio.create_task(worker.run())
        yield made
        worker.drain()
        await running
        await runtimes.close()


async def ran(api: ApiHarness, call: str, body: dict[str, Any]) -> tuple[int, Any, str]:
    """Run a job; return the status of the response, the result and the log."""
    answer = await api.client.post(f"{W}/jobs/run_wait_result/{call}", json=body)
    log = (await api.client.get(f"{W}/jobs_u/get_logs/{answer.headers['x-run-id']}")).text
    return answer.status_code, answer.json(), log


async def test_deployed_script_is_compiled_once_and_masks_its_secret(api: ApiHarness) -> None:
    variable = {"path": "f/team/pw", "value": SECRET, "is_secret": True, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=variable)).status_code == 201
    body = {"path": "f/team/go", "summary": "", "language": "go", "content": CODE}
    assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
    schema = (await api.get("scripts/get/p/f/team/go"))["schema"]
    assert schema["properties"] == {"key": {"type": "string"}, "fail": {"type": "boolean"}}
    given = {"key": "$var:f/team/pw", "fail": False}
    status, result, log = await ran(api, "p/f/team/go", given)
    assert (status, result) == (200, {"key": MASK, "size": len(SECRET)})
    assert log.count("compiling") == 1
    assert f"key: {MASK}\n" in log
    status, result, log = await ran(api, "p/f/team/go", {**given, "fail": True})
    error = result["error"]
    assert (status, error["name"], error["message"]) == (500, "Panic", f"no {MASK}")
    assert "at main (script.go:11)" in error["stack"]
    assert "compiling" not in log
    assert SECRET not in f"{error}{log}"


async def test_compiler_output_is_error_of_run(api: ApiHarness) -> None:
    body = {"language": "go", "content": CODE.replace("TrimSpace", "Nothing"), "args": {}}
    status, result, log = await ran(api, "preview", body)
    assert (status, result["error"]["name"]) == (500, "CompileError")
    assert result["error"]["message"] == "script.go:13:56: undefined: strings.Nothing"
    status, result, log = await ran(api, "preview", body)
    assert (status, log.count("compiling")) == (500, 1)


async def test_go_runs_in_workflow_with_other_languages(api: ApiHarness) -> None:
    code = "package inner\n\nfunc main(x int) int { return 2 * x }\n"
    go = {"type": "rawscript", "language": "go", "content": code,
          "input_transforms": {"x": {"type": "javascript", "expr": "flow_input.x + 1"}}}  # fmt: skip
    python = {"type": "rawscript", "language": "python3", "content": "def main(x): return x + 1",
              "input_transforms": {"x": {"type": "javascript", "expr": "results.a"}}}  # fmt: skip
    value = {"modules": [{"id": "a", "value": go}, {"id": "b", "value": python}]}
    status, result, _ = await ran(api, "preview_flow", {"value": value, "args": {"x": 4}})
    assert (status, result) == (200, 11)


async def test_script_cannot_select_builder(api: ApiHarness) -> None:
    body = {"language": "go builder", "content": CODE, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run/preview", json=body)
    assert answer.status_code == 400
    module = {"id": "a", "value": {"type": "rawscript", "content": CODE, "language": "go builder"}}
    answer = await api.client.post(f"{W}/jobs/run/preview_flow", json={"value": {"modules": [module]}, "args": {}})
    assert answer.status_code == 400
