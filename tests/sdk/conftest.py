"""Fixtures: scripts and a workflow in an installation, and a virtual environment with the published client."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uv
from tests.e2e.installation import PATIENCE_S, Installation

HERE = Path(__file__).parent
W = "/api/w/main"
FOLDER = "u/admin/sdk"

NO_ANSWER = re.compile(
    r"ConnectionRefused|Failed to fetch|ConnectionClosed|"
    r"FailedToOpenSocket|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|UNABLE_TO_VERIFY",
    re.IGNORECASE,
)

SCRIPTS = {
    "script": "def main(n: int):\n    return {'double': 2 * n}\n",
    "failing": "def main():\n    raise ValueError('as it must')\n",
    "slow": "import time\ndef main():\n    time.sleep(60)\n",
}


@dataclass(frozen=True, slots=True)
class Given:
    """Arguments of the programs; see `program.main`."""

    values: dict[str, Any]

    def to(self, *, job: bool) -> dict[str, Any]:
        """Return the arguments for a program inside or outside of a job."""
        return self.values | {"job": job}


@pytest.fixture(scope="session")
def given(installation: Installation) -> Given:
    """Deploy the scripts and the workflow that the programs call."""
    client = installation.client
    me = client.get("/api/users/whoami").json()
    values = {"workspace": "main", "email": me["email"], "username": "admin", "folder": FOLDER}
    for name, content in SCRIPTS.items():
        path = f"{FOLDER}_{name}"
        body = {"path": path, "summary": name, "content": content, "language": "python3"}
        answer = client.post(f"{W}/scripts/create", json=body)
        assert answer.status_code == 201, answer.text
        values[name] = path
        if name == "script":
            values["hash"] = answer.text
    flow = f"{FOLDER}_flow"
    twice = {"type": "javascript", "expr": "results.once.double"}
    modules = [
        {"id": "once", "value": _calls(values["script"], {"type": "javascript", "expr": "flow_input.n"})},
        {"id": "twice", "value": _calls(values["script"], twice)},
    ]
    answer = client.post(f"{W}/flows/create", json={"path": flow, "summary": "", "value": {"modules": modules}})
    assert answer.status_code == 201, answer.text
    return Given({**values, "flow": flow})


def _calls(path: str, n: dict[str, str]) -> dict[str, Any]:
    return {"type": "script", "path": path, "input_transforms": {"n": n}}


@pytest.fixture(scope="session")
def python() -> Path:
    """Return the interpreter of a virtual environment with the locked client only; it is cached for each lock."""
    lock = HERE / "client.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orvanta-tests"
    cached = cache / f"client-{digest}"
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as draft:
            made = Path(draft) / "client"
            _uv("venv", "--python", sys.executable, str(made))
            _uv("pip", "install", "--python", str(made / "bin/python"), "--require-hashes", "-r", str(lock))
            made.rename(cached)
    return cached / "bin/python"


def _uv(*arguments: str) -> None:
    command = [uv.find_uv_bin(), "--system-certs", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip(f"the registry of Python packages does not answer: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


def run_program(python: Path, installation: Installation, given: dict[str, Any]) -> list[str]:
    """Run `program.py` outside of the platform, as the admin; return the names of the functions that it called."""
    environ = {
        "PATH": os.environ["PATH"],
        "OV_BASE_URL": installation.base,
        "OV_TOKEN": installation.token,
        "OV_WORKSPACE": "main",
        "OV_STATE_PATH_NEW": f"{FOLDER}_state",
    }
    command = [str(python), str(HERE / "program.py"), json.dumps(given)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr[-3000:]
    called: list[str] = json.loads(done.stdout.splitlines()[-1])
    return called


def locked(installation: Installation, hash_: str) -> dict[str, Any]:
    """Wait until the packages of a version are locked."""
    while True:
        status: dict[str, Any] = installation.client.get(f"{W}/scripts/deployment_status/h/{hash_}").json()
        if error := status.get("lock_error_logs"):
            if NO_ANSWER.search(error):
                pytest.skip(f"the registry of packages does not answer: {error[-500:]}")
            raise AssertionError(error)
        if status.get("lock") is not None:
            return status
        # A long poll: the server responds when the run that creates the lock has an update.
        installation.client.get(f"{W}/jobs_u/getupdate/{status['job_id']}", params={"running": True})
