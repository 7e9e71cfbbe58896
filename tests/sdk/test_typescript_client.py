"""The published client from npm, in a TypeScript job with the job's token."""

from __future__ import annotations

import pytest
from tests.e2e.installation import Installation
from tests.sdk.conftest import FOLDER, HERE, Given, W, locked

pytestmark = pytest.mark.extended


def test_typescript_job_calls_client_with_its_token(installation: Installation, given: Given) -> None:
    path = f"{FOLDER}_typescript"
    body = {
        "path": path,
        "summary": "",
        "content": (HERE / "program.ts").read_text(),
        "language": "bun",
        "schema": {"type": "object", "properties": {"given": {"type": "object"}}},
    }
    deployed = installation.client.post(f"{W}/scripts/create", json=body)
    assert deployed.status_code == 201, deployed.text
    locked(installation, deployed.text)
    answer = installation.client.post(f"{W}/jobs/run_wait_result/p/{path}", json={"given": given.to(job=True)})
    run = answer.headers["X-Run-Id"]
    log = installation.client.get(f"{W}/jobs_u/get_logs/{run}").text
    assert answer.status_code == 200, answer.text[:3000] + log[-3000:]
    assert answer.json() == {"workspace": "main", "email": given.values["email"]}
    assert "opened ***" in log
    assert "s3cret-value" not in log
    update = installation.client.get(f"{W}/jobs_u/getupdate/{run}", params={"stream_offset": 0}).json()
    assert update["new_result_stream"] == "one\ntwo three"
    assert "_STREAM: " not in log
