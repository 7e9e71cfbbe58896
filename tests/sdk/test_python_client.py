"""The unchanged published Python client with a real server and worker: outside of jobs, and required by a job."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tests.e2e.installation import PATIENCE_S, Installation
from tests.sdk.conftest import FOLDER, HERE, Given, W, locked, run_program
from tests.sdk.functions import (
    AT_IMPORT,
    FOR_USERS,
    IN_A_JOB,
    IN_A_WORKFLOW,
    LATER,
    NOW,
    ON_ONE_WORKER,
    public_functions,
)

pytestmark = pytest.mark.extended

PUBLISHED = "# requirements:\n# orvanta==6.5.0\n\n"
CALLED = "import orvanta.client; print(orvanta.client.__file__)"


def test_table_lists_every_client_function(python: Path) -> None:
    file = subprocess.run([str(python), "-c", CALLED], capture_output=True, text=True, check=True).stdout.strip()
    groups = [NOW, AT_IMPORT, IN_A_JOB, IN_A_WORKFLOW, ON_ONE_WORKER, *LATER.values()]
    assert public_functions(Path(file).read_text()) == set().union(*groups)
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_outside_program_calls_supported_functions(python: Path, installation: Installation, given: Given) -> None:
    called = set(run_program(python, installation, given.to(job=False)))
    assert called >= NOW


def test_client_required_by_job_precedes_provided_one(installation: Installation, given: Given) -> None:
    path = f"{FOLDER}_program"
    body = {
        "path": path,
        "summary": "",
        "content": PUBLISHED + (HERE / "program.py").read_text(),
        "language": "python3",
        "schema": {"type": "object", "properties": {"given": {"type": "object"}}},
    }
    deployed = installation.client.post(f"{W}/scripts/create", json=body)
    assert deployed.status_code == 201, deployed.text
    locked(installation, deployed.text)
    answer = installation.client.post(f"{W}/jobs/run_wait_result/p/{path}", json={"given": given.to(job=True)})
    run = answer.headers["X-Run-Id"]
    log = installation.client.get(f"{W}/jobs_u/get_logs/{run}").text
    assert answer.status_code == 200, answer.text[:3000] + log[-3000:]
    assert set(answer.json()) >= (NOW - FOR_USERS) | IN_A_JOB
    assert "opened ***" in log
    assert "s3cret-value" not in log
    update = installation.client.get(f"{W}/jobs_u/getupdate/{run}", params={"stream_offset": 0}).json()
    assert (update["new_result_stream"], update["stream_offset"]) == ("one\ntwo three", 13)
    assert "_STREAM: " not in log


ASKS = f"""{PUBLISHED}import orvanta

def main():
    client = orvanta.Orvanta()
    orvanta.set_flow_user_state("asked", dict(n=1))
    client.set_flow_user_state("asked", dict(n=client.get_flow_user_state("asked")["n"] + 1))
    return dict(urls=orvanta.get_resume_urls("eve"), all=client.get_resume_urls(flow_level=True),
                state=orvanta.get_flow_user_state("asked"))
"""


def test_node_requests_approval_with_own_links(installation: Installation) -> None:
    """A node's own resume links resume the run after the node; the state that it sets is the context of the run."""
    client = installation.client
    asks = {"type": "rawscript", "language": "python3", "content": ASKS, "input_transforms": {}}
    output = {"type": "javascript", "expr": "{n: context.asked.n, resume: context.heard}"}
    heard = {"type": "javascript", "expr": "resumes"}
    modules = [
        {"id": "ask", "value": asks, "suspend": {}},
        {"id": "hear", "value": {"type": "condition", "expr": "true"}, "export": {"heard": heard}},
    ]
    started = client.post(f"{W}/jobs/run/preview_flow", json={"value": {"modules": modules, "output": output}})
    assert started.status_code == 201, started.text
    run, until = started.text, time.monotonic() + PATIENCE_S
    while not client.get(f"{W}/jobs_u/get/{run}").json().get("suspend"):
        found = client.get(f"{W}/jobs_u/completed/get_result_maybe/{run}").json()
        assert not found["completed"] and time.monotonic() < until, found
    given = client.get(f"{W}/jobs/result_by_id/{run}/ask").json()
    assert given["state"] == {"n": 2} and "approver=eve" in given["urls"]["resume"]
    assert "/resume/" in given["all"]["resume"]
    assert httpx.get(given["urls"]["resume"], timeout=60).status_code == 405
    assert httpx.post(given["urls"]["resume"], json={"x": 1}, timeout=60).status_code == 201
    while not (found := client.get(f"{W}/jobs_u/completed/get_result_maybe/{run}").json())["completed"]:
        assert time.monotonic() < until, found
    assert found["result"] == {"n": 2, "resume": [{"x": 1}]}


WRITES = f"""{PUBLISHED}import orvanta

def main():
    orvanta.set_shared_state([1])
    orvanta.set_shared_state_pickle((2,))
    orvanta.Orvanta.set_shared_state([3], "other.json")
    orvanta.Orvanta.set_shared_state_pickle((4,), "other.pickle")
"""
READS = f"""{PUBLISHED}import orvanta

def main():
    return [*orvanta.get_shared_state(), *orvanta.get_shared_state_pickle(),
            *orvanta.Orvanta.get_shared_state("other.json"), *orvanta.Orvanta.get_shared_state_pickle("other.pickle")]
"""


def test_nodes_on_one_worker_share_state(installation: Installation) -> None:
    modules = [
        {"id": name, "value": {"type": "rawscript", "language": "python3", "content": code, "input_transforms": {}}}
        for name, code in (("writes", WRITES), ("reads", READS))
    ]
    value = {"same_worker": True, "modules": modules}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json={"value": value})
    assert (answer.status_code, answer.json()) == (200, [1, 2, 3, 4]), answer.text
