"""The folder shared by the jobs of a run."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.http.harness import api_harness, script
from tests.polling import POLL_S
from tests.worker.jobs import run_spec, spec
from tests.worker.test_masked_jobs import working

from orvanta_platform.worker.runtimes.pool import Runtimes

WRITE = "import os\ndef main():\n    os.makedirs('shared/a')\n    open('./shared/a/b', 'w').write('c')"
APPEND = (
    "def main():\n    path = '/shared/a/b' if __import__('os').path.exists('/shared') else 'shared/a/b'\n"
    "    open(path, 'a').write('d')\n    open('shared/new', 'w')\n    return open(path).read()"
)


async def test_shared_folder_is_writable_by_next_job(runtimes: Runtimes) -> None:
    name = runtimes.share_output("shared-1")
    first = replace(spec("python3", WRITE, {}, slot=0), output=name, shared=True)
    assert (await run_spec(runtimes, first)).outcome.error is None
    name = runtimes.share_output("shared-1")
    second = replace(spec("python3", APPEND, {}, slot=1), output=name, shared=True)
    ran = await run_spec(runtimes, second)
    assert ran.outcome.error is None, ran.outcome.error
    assert ran.value == "cd"


async def test_shared_folder_is_visible_to_bash_and_hidden_from_other_runs(runtimes: Runtimes) -> None:
    name = runtimes.share_output("shared-2")
    ran = await run_spec(
        runtimes, replace(spec("bash", "echo x > shared/y; cat ./shared/y", {}), output=name, shared=True)
    )
    assert ran.value == "x"
    ran = await run_spec(runtimes, spec("bash", "ls shared 2>/dev/null || echo none", {}))
    assert ran.value == "none"


PLANT = """
import os, tempfile
def main():
    planted = []
    for folder in {"/tmp", "/var/tmp", "/dev/shm", tempfile.gettempdir(), "."}:
        try:
            with open(os.path.join(folder, "planted-by-a-shared-run"), "w") as file:
                file.write("x")
            planted.append(folder)
        except OSError:
            pass
    return planted
"""
FIND = """
import glob, tempfile
def main():
    folders = ["/tmp", "/var/tmp", "/dev/shm", tempfile.gettempdir(), ".", "/tmp/*", "/tmp/*/*", "shared", "shared/*"]
    return [name for folder in folders for name in glob.glob(f"{folder}/planted-by-a-shared-run")]
"""


@pytest.mark.parametrize("slots", [(0, 0), (0, 1)])
async def test_jobs_that_share_a_folder_share_no_other(runtimes: Runtimes, slots: tuple[int, int]) -> None:
    name = runtimes.share_output("shared-3")
    first = replace(spec("python3", PLANT, {}, slot=slots[0]), output=name, shared=True)
    assert "." in (await run_spec(runtimes, first)).value
    second = replace(spec("python3", FIND, {}, slot=slots[1]), output=name, shared=True)
    assert (await run_spec(runtimes, second)).value == []


async def test_full_disk_fails_job_with_shared_folder(database: TestDatabase, tmp_path: Path) -> None:
    def full(*_: Any) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with api_harness(database, tmp_path / "home") as api:
        async with api.platform.db.acquire() as conn:
            await conn.execute("DELETE FROM worker")
        async with working(api, tmp_path):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Runtimes, "share_output", full)
                run = await api.flow(script("a"), same_worker=True)
                async with asyncio.timeout(20):
                    while not (found := await api.get(f"jobs_u/completed/get_result_maybe/{run}"))["completed"]:
                        await asyncio.sleep(POLL_S)
    assert found["result"]["error"]["name"] == "shared_folder_unavailable"
    assert found["result"]["error"]["message"].endswith(": No space left on device.")
