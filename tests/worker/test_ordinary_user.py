"""Tests of isolation, run again as an ordinary user, and as root with a Python that every user can read.

They need root. The folder of the Python determines if jobs at the level landlock have users of their own. `make soak`
runs the longest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.go_compiler import FOLDER_VARIABLE
from tests.go_compiler import compiled as compiled
from tests.worker.ordinary_user import REPOSITORY

pytestmark = pytest.mark.extended

ROOT, NOBODY = 0, 65534
SOAK = pytest.mark.soak
RUNS = [
    pytest.param(ROOT, ["tests/worker/test_attacks.py"], id="root"),
    pytest.param(ROOT, ["tests/worker/test_packages.py"], id="packages of root", marks=SOAK),
    pytest.param(
        ROOT,
        ["tests/conformance/test_go.py::test_builds_are_isolated_between_workspaces", "tests/packages/test_npm.py"],
        id="builds of root",
        marks=SOAK,
    ),
    pytest.param(
        NOBODY,
        [
            "tests/worker/test_attacks.py",
            "tests/worker/test_levels.py",
            "tests/worker/test_ports.py",
        ],
        id="nobody",
    ),
    pytest.param(NOBODY, ["tests/worker/test_packages.py", "tests/packages/test_npm.py"], id="packages", marks=SOAK),
    pytest.param(NOBODY, ["tests/conformance/test_duckdb.py"], id="DuckDB", marks=SOAK),
    pytest.param(NOBODY, ["tests/conformance/test_runtimes.py"], id="runtimes", marks=SOAK),
    pytest.param(NOBODY, ["tests/worker/test_bad_scripts.py"], id="bad scripts", marks=SOAK),
    pytest.param(NOBODY, ["tests/worker/test_lifecycle.py"], id="lifecycle", marks=SOAK),
    pytest.param(NOBODY, ["tests/packages/test_python.py"], id="Python packages", marks=SOAK),
]
"""User and files of each run. One process runs several files: its start takes longer than some of them."""


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself runs as an ordinary user")
@pytest.mark.parametrize(("uid", "files"), RUNS)
def test_as_another_user(request: pytest.FixtureRequest, uid: int, files: list[str]) -> None:
    home = Path("/tmp") / f"orvanta-ordinary-{os.getpid()}"
    home.mkdir(mode=0o755)
    os.chown(home, uid, uid)
    program = Path(__file__).with_name("ordinary_user.py")
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    if any("test_go" in file for file in files):
        environ[FOLDER_VARIABLE] = str(request.getfixturevalue("compiled"))
    pytest_command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not soak",
        f"--basetemp={home}/t",
        *files,
    ]
    try:
        done = subprocess.run(
            [sys.executable, str(program), str(uid), *pytest_command],
            cwd=REPOSITORY,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
