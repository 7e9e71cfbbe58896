"""`orvanta admin rotate-key` while runs with secrets are executed."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from tests.e2e.installation import ORVANTA, Installation

pytestmark = pytest.mark.extended

COMMAND = [str(ORVANTA), "admin", "rotate-key"]
SECRET = "hush-hush-hush"
CODE = "import os, orvanta\ndef main(pw):\n    return [len(pw), len(orvanta.get_variable('u/admin/rotated'))]\n"
RUNS = 200


def test_runs_continue_and_a_killed_rotation_is_completed(installation: Installation) -> None:
    client, file = installation.client, Path(installation.environ["ORVANTA_HOME"]) / "instance.key"
    body = {"path": "u/admin/rotated", "value": SECRET, "is_secret": True, "description": ""}
    assert client.post("/api/w/main/variables/create", json=body).status_code == 201
    script = {"content": CODE, "language": "python3", "args": {"pw": "$var:u/admin/rotated"}}
    old = file.read_text()

    def start(count: int) -> list[str]:
        return [client.post("/api/w/main/jobs/run/preview", json=script).raise_for_status().text for _ in range(count)]

    runs = start(RUNS // 4)
    with subprocess.Popen(COMMAND, env=installation.environ, stderr=subprocess.PIPE, text=True) as killed:
        assert killed.stderr is not None and "Stored a new" in killed.stderr.readline()
        killed.send_signal(signal.SIGKILL)
    assert file.read_text().splitlines()[1:] == old.splitlines()
    runs += start(RUNS // 4)
    with subprocess.Popen(COMMAND, env=installation.environ, stderr=subprocess.PIPE, text=True) as resumed:
        runs += start(RUNS // 2)
        _, progress = resumed.communicate(timeout=120)
    assert resumed.returncode == 0 and "Continuing" in progress, progress
    assert old.strip() not in file.read_text() and len(file.read_text().splitlines()) == 1

    for run in runs:
        while not (found := client.get(f"/api/w/main/jobs_u/completed/get_result_maybe/{run}").json())["completed"]:
            client.get(f"/api/w/main/jobs_u/getupdate/{run}")
        assert found["success"] and found["result"] == [len(SECRET)] * 2, found
