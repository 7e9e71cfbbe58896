"""The folder shared by the jobs of a run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.worker.jobs import run_spec, spec

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
