"""Choice of the isolation level on a machine that forbids stronger ones; jobs run at the chosen level."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# The worker runs under the seccomp filter of its jobs, which forbids namespaces like that of a container runtime.
PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from orvanta_platform.errors import OrvantaError
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.sandbox import seccomp, syscalls
from tests.worker.jobs import still_works

async def main(home, mode):
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.install_seccomp(seccomp.program())
    runtimes = Runtimes(Path(home), [], mode)
    try:
        await runtimes.start()
        await still_works(runtimes)
        report = runtimes.isolation
        print(json.dumps([report.level, report.missing, report.remedy]))
    except OrvantaError as error:
        print(json.dumps(["refused", [error.message], error.hint]))
    finally:
        await runtimes.close()

asyncio.run(main(*sys.argv[1:]))
"""


def start_without_namespaces(home: Path, mode: str) -> tuple[str, str, str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(home), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    level, missing, remedy = json.loads(done.stdout)
    return level, " ".join(missing), remedy


def test_landlock_is_used_without_namespaces(tmp_path: Path) -> None:
    level, missing, remedy = start_without_namespaces(tmp_path / "home", "auto")
    assert level == "landlock"
    assert "Level userns is not possible: unshare: Operation not permitted." in missing
    assert "user namespaces" in remedy


@pytest.mark.parametrize("mode", ["required", "userns", "full"])
def test_impossible_isolation_level_is_reported_in_one_sentence(tmp_path: Path, mode: str) -> None:
    level, message, hint = start_without_namespaces(tmp_path / "home", mode)
    assert level == "refused"
    assert f"isolation {mode} is not possible here" in message
    assert "ORVANTA_ISOLATION=auto" in hint
