"""The published Python client, unchanged, against a real server and worker: from outside, and inside a job."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.conftest import Installation
from tests.sdk.conftest import FOLDER, HERE, Given, W, run_program
from tests.sdk.functions import AT_IMPORT, FOR_USERS, LATER, NOW, public_functions

CALLED = "import orvanta.client; print(orvanta.client.__file__)"


def test_the_table_names_every_function_of_the_client(python: Path) -> None:
    file = subprocess.run([str(python), "-c", CALLED], capture_output=True, text=True, check=True).stdout.strip()
    groups = [NOW, AT_IMPORT, *LATER.values()]
    assert public_functions(Path(file).read_text()) == set().union(*groups)
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_a_program_outside_calls_all_that_works(python: Path, installation: Installation, given: Given) -> None:
    called = set(run_program(python, installation, given.to(job=False)))
    assert called >= NOW


def test_a_job_calls_the_same_with_its_token(installation: Installation, given: Given) -> None:
    path = f"{FOLDER}_program"
    body = {
        "path": path,
        "summary": "",
        "content": (HERE / "program.py").read_text(),
        "language": "python3",
        "schema": {"type": "object", "properties": {"given": {"type": "object"}}},
    }
    deployed = installation.client.post(f"{W}/scripts/create", json=body)
    assert deployed.status_code == 201, deployed.text
    answer = installation.client.post(f"{W}/jobs/run_wait_result/p/{path}", json={"given": given.to(job=True)})
    run = answer.headers["X-Run-Id"]
    log = installation.client.get(f"{W}/jobs_u/get_logs/{run}").text
    assert answer.status_code == 200, answer.text[:3000] + log[-3000:]
    assert set(answer.json()) >= NOW - FOR_USERS
    assert "opened ***" in log
    assert "s3cret-value" not in log
    update = installation.client.get(f"{W}/jobs_u/getupdate/{run}", params={"stream_offset": 0}).json()
    assert (update["new_result_stream"], update["stream_offset"]) == ("one\ntwo three", 13)
    assert "_STREAM: " not in log
