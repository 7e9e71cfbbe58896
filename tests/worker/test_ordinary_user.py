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
from tests.worker.ordinary_user import REPOSITORY

pytestmark = pytest.mark.extended

NOBODY = 65534
RUNS = [
    (0, "tests/worker/test_attacks.py"),
    (0, "tests/worker/test_packages.py"),
    (0, "tests/conformance/test_go.py::test_builds_are_isolated_between_workspaces"),
    pytest.param(NOBODY, "tests/conformance/test_duckdb.py", marks=pytest.mark.soak),
    pytest.param(NOBODY, "tests/conformance/test_runtimes.py", marks=pytest.mark.soak),
    (NOBODY, "tests/worker/test_attacks.py"),
    pytest.param(NOBODY, "tests/worker/test_bad_scripts.py", marks=pytest.mark.soak),
    (NOBODY, "tests/worker/test_levels.py"),
    pytest.param(NOBODY, "tests/worker/test_lifecycle.py", marks=pytest.mark.soak),
    (NOBODY, "tests/worker/test_packages.py"),
    (NOBODY, "tests/worker/test_ports.py"),
    (0, "tests/packages/test_npm.py"),
    (NOBODY, "tests/packages/test_npm.py"),
    pytest.param(NOBODY, "tests/packages/test_python.py", marks=pytest.mark.soak),
]


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself runs as an ordinary user")
@pytest.mark.parametrize(("uid", "suite"), RUNS)
def test_as_another_user(uid: int, suite: str) -> None:
    home = Path("/tmp") / f"orvanta-ordinary-{os.getpid()}"
    home.mkdir(mode=0o755)
    os.chown(home, uid, uid)
    program = Path(__file__).with_name("ordinary_user.py")
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
        suite,
    ]
    try:
        done = subprocess.run(
            [sys.executable, str(program), str(uid), *pytest_command],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
