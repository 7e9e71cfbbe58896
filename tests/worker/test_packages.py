"""Folders that a job can access: it reads its package and writes its output; those of other jobs are hidden."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS, Ran, run_spec, spec

from orvanta_platform.sandbox.plan import Level, Plan
from orvanta_platform.worker.runtimes import environment
from orvanta_platform.worker.runtimes.pool import Runtimes

PACKAGE = "admins/python3/first"
OTHER = "admins/python3/second"


# As root, userns is tested as well: the worker's user owns the packages, which only the cell protects.
LEVELS_HERE = ["full", "userns", "landlock", "none"] if os.geteuid() == 0 else [*LEVELS, "none"]


@pytest.fixture(params=extended_after_first(LEVELS_HERE))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
async def runtimes(level: Level, home: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(home, [], level)
    await made.start()
    for package, answer in ((PACKAGE, 42), (OTHER, 43)):
        folder = made.packages / package
        folder.mkdir(parents=True)
        (folder / "from_package.py").write_text(f"ANSWER = {answer}\n")
    (home / "secret").write_text("secret")
    yield made
    await made.close()


async def python(runtimes: Runtimes, content: str, args: Any = None, **fields: Any) -> Ran:
    return await run_spec(runtimes, replace(spec("python3", content, args), **fields))


LOOK = """
import os
def main(paths):
    return {path: look(path) for path in paths}
def look(path):
    seen = []
    for name, act in (('list', os.listdir), ('read', read), ('write', write)):
        try:
            act(path)
            seen.append(name)
        except OSError:
            pass
    return seen
def read(path):
    open(os.path.join(path, 'from_package.py')).read()
def write(path):
    open(os.path.join(path, 'planted'), 'w').close()
"""


async def test_job_imports_from_its_package(runtimes: Runtimes) -> None:
    content = "import from_package\ndef main():\n    return from_package.ANSWER"
    assert (await python(runtimes, content, package=PACKAGE)).value == 42
    assert (await python(runtimes, content, package=OTHER)).value == 43
    assert (await python(runtimes, content)).error[0] == "ModuleNotFoundError"


async def test_package_takes_precedence_over_client(runtimes: Runtimes) -> None:
    (runtimes.packages / PACKAGE / "wmill.py").write_text("MINE = True\n")
    content = "import orvanta, wmill\ndef main():\n    return [hasattr(wmill, 'MINE'), hasattr(orvanta, 'set_state')]"
    assert (await python(runtimes, content, package=PACKAGE)).value == [True, True]
    assert (await python(runtimes, content)).value == [False, True]


async def test_npm_package_takes_precedence_over_client(runtimes: Runtimes) -> None:
    module = runtimes.packages / PACKAGE / "node_modules" / "windmill-client"
    module.mkdir(parents=True)
    (module / "index.js").write_text("export const MINE = true;\n")
    content = (
        "import * as a from 'windmill-client'; import * as b from 'orvanta-client';\n"
        "export function main() { return ['MINE' in a, 'setState' in b]; }"
    )
    assert (await run_spec(runtimes, replace(spec("bun", content), package=PACKAGE))).value == [True, True]
    assert (await run_spec(runtimes, spec("bun", content))).value == [False, True]


async def test_provided_clients_are_read_only(runtimes: Runtimes, level: Level) -> None:
    if level == "none":
        pytest.skip("this level confines nothing")
    content = "import os, wmill\ndef main():\n    open(os.path.dirname(wmill.__file__) + '/x.py', 'w')"
    assert (await python(runtimes, content)).error[0] in ("OSError", "PermissionError")


async def test_package_is_read_only_and_others_are_hidden(runtimes: Runtimes, level: Level) -> None:
    if level == "none":
        pytest.skip("this level confines nothing")
    output = runtimes.make_output(0)
    (runtimes.staging / output / "from_package.py").write_text("ANSWER = 44\n")
    inside = ["/packages", "/output", "/.packages", "/.packages/readable/" + OTHER, "/.packages/writable/" + output]
    real = [runtimes.packages, runtimes.packages / PACKAGE, runtimes.packages / OTHER, runtimes.packages / "admins"]
    paths = [*inside, *map(str, real), str(runtimes.staging), str(runtimes.staging / output)]
    seen = (await python(runtimes, LOOK, {"paths": paths}, package=PACKAGE)).value
    shown = "/packages" if level in ("full", "userns") else str(runtimes.packages / PACKAGE)
    assert seen.pop(shown) == ["list", "read"]
    # Unused mount points are empty folders of the cell's read-only root.
    assert [path for path, found in seen.items() if found not in ([], ["list"])] == []
    assert seen[str(runtimes.packages / OTHER)] == seen[str(runtimes.staging)] == []
    assert not (runtimes.packages / PACKAGE / "planted").exists()


async def test_home_is_not_accessible(runtimes: Runtimes, level: Level, home: Path) -> None:
    if level == "none":
        pytest.skip("this level confines nothing")
    content = "def main(path):\n    return open(path).read()"
    ran = await python(runtimes, content, {"path": str(home / "secret")}, package=PACKAGE)
    assert ran.error[0] in ("FileNotFoundError", "PermissionError")


async def test_handle_of_packages_folder_is_closed(runtimes: Runtimes, level: Level) -> None:
    if level not in ("full", "userns"):
        pytest.skip("without namespaces there is no handle")
    content = (
        "import os\ndef main(path):\n    found = []\n    for n in range(3, 200):\n        try:\n"
        "            os.stat(path, dir_fd=n)\n            found.append(n)\n        except OSError:\n            pass\n"
        "    return found"
    )
    assert (await python(runtimes, content, {"path": "readable"}, package=PACKAGE)).value == []


async def test_job_output_is_found(runtimes: Runtimes) -> None:
    for slot in (0, 1):
        output = runtimes.make_output(slot)
        shown = "/output" if runtimes.isolation.level in ("full", "userns") else str(runtimes.staging / output)
        content = "import os\ndef main(path):\n    os.makedirs(path + '/a')\n    open(path + '/a/b', 'w').write('c')"
        ran = await python(runtimes, content, {"path": shown}, output=output, slot=slot)
        assert ran.outcome.error is None, ran.outcome.error
        assert (runtimes.staging / output / "a/b").read_text() == "c"


async def test_output_is_hidden_from_other_jobs(runtimes: Runtimes, level: Level) -> None:
    if level == "none":
        pytest.skip("this level confines nothing")
    mine, other = runtimes.make_output(0), runtimes.make_output(1)
    paths = [str(runtimes.staging / other), f"/output/../{other}"]
    seen = (await python(runtimes, LOOK, {"paths": paths}, output=mine)).value
    assert list(seen.values()) == [[], []]


@pytest.mark.parametrize(("files", "size"), [(4, 4 << 20), (2_200, 0)], ids=["large files", "empty files"])
async def test_output_is_subject_to_disk_limit(runtimes: Runtimes, files: int, size: int) -> None:
    """Empty files count, because a disk has a limited number of inodes."""
    output = runtimes.make_output(0)
    shown = "/output" if runtimes.isolation.level in ("full", "userns") else str(runtimes.staging / output)
    content = (
        f"import time\ndef main(path):\n    for n in range({files}):\n"
        f"        open(f'{{path}}/{{n}}', 'wb').write(bytes({size}))\n"
        "    time.sleep(60)"
    )
    what = spec("python3", content, {"path": shown}, disk_bytes=8 << 20)
    ran = await run_spec(runtimes, replace(what, output=output))
    assert ran.error[0] == "DiskLimit"


@pytest.mark.parametrize("path", ["../secret", "/etc", "admins/../../secret", ".staging", "", "missing"])
async def test_invalid_package(runtimes: Runtimes, path: str) -> None:
    ran = await python(runtimes, "def main(): pass", package=path)
    assert ran.error[0] == "PackageMissing"
    assert not ran.outcome.started


async def test_only_client_is_importable(runtimes: Runtimes, level: Level) -> None:
    content = "import sys, orvanta\ndef main():\n    return orvanta.__name__, sorted(sys.modules)"
    name, loaded = (await python(runtimes, content)).value
    assert name == "orvanta"
    assert "httpx" not in loaded
    if level == "none":
        return
    beside = "import msgspec\ndef main(): pass"
    assert (await python(runtimes, beside)).error[0] == "ModuleNotFoundError"
    ran = await python(
        runtimes, "import os\ndef main(path):\n    return os.listdir(path)", {"path": beside_client(level)}
    )
    if level == "landlock":
        assert ran.error[0] == "PermissionError"
    else:
        shown = [*environment.modules().values(), *environment.programs().values()]
        assert set(ran.value) == {Path(path).name for path in shown}


def beside_client(level: Level) -> str:
    """Return the folder that contains the client in cells of this level."""
    return str(Path(Plan(level, "/").inside(environment.modules()["orvanta"])).parent)


async def test_programs_are_available(runtimes: Runtimes, level: Level) -> None:
    for name in ("uv", "bun"):
        path = Plan(level, "/").inside(environment.programs()[name])
        ran = await python(
            runtimes,
            "import subprocess\ndef main(path):\n    return subprocess.run([path, '--version'], check=True).returncode",
            {"path": path},
        )
        assert ran.value == 0, ran
