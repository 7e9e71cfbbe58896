"""Packages of Python scripts: locked and installed once, and immutable afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.packages.conftest import Shop
from tests.packages.indexes import source_distribution, tarball, wheel
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS

from orvanta_platform.worker.outcome import SandboxLost
from orvanta_platform.worker.packages.store import PackageError, PackageRequest
from orvanta_platform.worker.runtimes import pythons
from orvanta_platform.workflow.requirements import locked_packages

pytestmark = pytest.mark.extended

SCRIPT = "import greeting\ndef main():\n    return greeting.HELLO, greeting.name()"


def publish(shop: Shop, version: str = "1.0") -> None:
    """Publish `greeting`, which requires `naming`."""
    shop.index.publish("naming", *wheel("naming", "2.0", {"naming.py": "NAME = 'world'\n"}))
    files = {"greeting.py": f"import naming\nHELLO = 'hello {version}'\ndef name():\n    return naming.NAME\n"}
    shop.index.publish("greeting", *wheel("greeting", version, files, requires=("naming>=1",)))


@pytest.mark.parametrize("level", extended_after_first(LEVELS), indirect=True)
async def test_script_uses_its_packages(shop: Shop) -> None:
    publish(shop)
    ran = await shop.run(SCRIPT)
    assert ran.value == ["hello 1.0", "world"], shop.log.text
    assert "[orvanta] locking greeting\n" in shop.log.text and "[orvanta] installing packages\n" in shop.log.text
    lock = await shop.lock(SCRIPT)
    assert "greeting==1.0" in lock and "naming==2.0" in lock and lock.count("--hash=sha256:") == 2
    found = locked_packages("python3", lock)
    assert [(each.name, each.version) for each in found] == [("greeting", "1.0"), ("naming", "2.0")]


async def test_packages_are_those_of_the_wanted_version(shop: Shop) -> None:
    others = [each for each in pythons.installed(()) if each is not pythons.OWN]
    if not others:
        pytest.skip("this machine has one version of Python")
    publish(shop)
    version = others[0].minor
    marked = (f"{name} ; python_version {sign} '{version}'" for name, sign in (("greeting", "=="), ("absent", "!=")))
    comments = "".join(f"# {line}\n" for line in (f"py: {version}", "requirements:", *marked))
    script = f"{comments}\nimport sys, greeting\ndef main(): return [sys.version_info[1], greeting.HELLO]\n"
    lock = await shop.lock(script)
    assert lock.startswith(f"# py: {version}\n")
    assert (await shop.run(script)).value == [others[0].version[1], "hello 1.0"]
    assert await shop.provide(script, lock=lock) != await shop.provide(SCRIPT, lock=lock)
    with pytest.raises(PackageError, match=r"which has 3\.") as raised:
        await shop.provide(script.replace(f"py: {version}", "py: 3.99"))
    assert raised.value.name == "no_runtime"


async def test_locked_script_is_reproducible(shop: Shop) -> None:
    publish(shop)
    first = await shop.lock(SCRIPT)
    publish(shop, "1.1")
    again = shop.restarted()
    assert await again.lock(SCRIPT) == first
    assert (await again.run(SCRIPT)).value[0] == "hello 1.0"
    assert (await again.run(f"{SCRIPT}\n# other text\n")).value[0] == "hello 1.1"


async def test_installed_package_is_not_requested_again(shop: Shop) -> None:
    publish(shop)
    package = await shop.provide(SCRIPT)
    shop.index.asked.clear()
    again = shop.restarted()
    assert await again.provide(SCRIPT) == package
    assert (shop.index.asked, again.log.text) == ([], "")


async def test_packages_that_no_job_has_used_are_removed(shop: Shop) -> None:
    """They are removed when others are installed."""
    publish(shop)
    shop.index.publish("other", *wheel("other", "1.0", {"other.py": ""}))
    shop.index.publish("third", *wheel("third", "1.0", {"third.py": ""}))
    used, unused = shop.folder(await shop.provide(SCRIPT)), shop.folder(await shop.provide("import other"))
    for folder in (used, unused):
        os.utime(folder, (0, 0))
    assert shop.folder(await shop.provide(SCRIPT)) == used
    third = shop.folder(await shop.provide("import third"))
    assert (used.exists(), unused.exists(), third.exists()) == (True, False, True)
    assert shop.folder(await shop.provide("import other")) == unused and unused.exists()


@pytest.mark.parametrize(
    ("language", "content"),
    [
        ("python3", "import json\ndef main(): pass"),
        ("python3", "import orvanta, wmill"),
        ("python3", "def main(:"),
        ("bash", "import greeting"),
        ("bun", 'import fs from "node:fs"; import "./other"'),
    ],
)
async def test_code_that_needs_nothing(shop: Shop, language: str, content: str) -> None:
    assert await shop.provide(content, language=language) is None
    assert (shop.index.asked, shop.log.text) == ([], "")


async def test_concurrent_jobs_install_package_once(shop: Shop) -> None:
    publish(shop)
    workers = [shop, shop.restarted()]
    found = await asyncio.gather(*(worker.provide(SCRIPT) for worker in workers for _ in range(3)))
    assert len(set(found)) == 1
    assert "".join(worker.log.text for worker in workers).count("locking") <= len(workers)
    assert sorted(os.listdir(shop.runtimes.staging)) == []


async def test_packages_are_read_only(shop: Shop) -> None:
    publish(shop)
    folder = shop.folder(await shop.provide(SCRIPT))
    entries = [folder, *folder.rglob("*")]
    assert len(entries) > 6
    for path in entries:
        status = path.lstat()
        assert status.st_mode & 0o222 == 0 and status.st_uid == os.geteuid(), path
        assert not stat.S_ISLNK(status.st_mode)
    assert list(folder.rglob("greeting*.pyc")), "compiled ahead: jobs cannot keep what they compile"


async def test_missing_package(shop: Shop) -> None:
    with pytest.raises(PackageError, match="missing-thing") as raised:
        await shop.provide("import missing_thing")
    assert str(raised.value).startswith("The package index has no package missing-thing. Check the spelling")
    assert raised.value.name == "lock_failed"
    publish(shop)
    assert (await shop.run(SCRIPT)).value[0] == "hello 1.0", "the next one is not held up"


async def test_package_changed_since_lock_is_rejected(shop: Shop) -> None:
    publish(shop)
    await shop.lock(SCRIPT)
    shop.index.publish("greeting", *wheel("greeting", "1.0", {"greeting.py": "HELLO = 'evil'\n"}))
    with pytest.raises(PackageError, match="differ from what was locked") as raised:
        await shop.restarted().provide(SCRIPT, workspace="other")
    assert raised.value.name == "lock_hash_mismatch"
    assert not (shop.runtimes.packages / "other" / "python3").exists()


async def test_setup_script_is_not_run(shop: Shop, home: Path) -> None:
    setup = "import sys\nprint('SETUP RAN', file=sys.stderr)\nfrom setuptools import setup\nsetup(name='greeting')\n"
    shop.index.publish("greeting", *source_distribution("greeting", "1.0", setup))
    with pytest.raises(PackageError) as raised:
        await shop.provide(SCRIPT)
    assert raised.value.name == "lock_failed" and "SETUP RAN" not in shop.log.text
    assert not any("greeting-1.0.tar.gz" in path for path in shop.index.asked)


async def test_packages_are_isolated_between_workspaces(shop: Shop) -> None:
    publish(shop)
    mine = await shop.provide(SCRIPT)
    shop.index.asked.clear()
    theirs = await shop.provide(SCRIPT, workspace="other")
    assert mine != theirs and theirs is not None and theirs.startswith("other/")
    assert any(path.startswith("/files/greeting") for path in shop.index.asked), "nothing came from a cache of main"
    other = f"{SCRIPT}\n# requirements:\n# naming\n"
    await shop.lock(other, workspace="other")
    shop.index.asked.clear()
    await shop.provide(other, workspace="other")
    fetched = [path for path in shop.index.asked if path.startswith("/files/")]
    assert not fetched, "what other had fetched came from its own cache"


async def test_suspicious_name_causes_warning(shop: Shop) -> None:
    shop.index.publish("reqeusts", *wheel("reqeusts", "1.0", {"reqeusts.py": ""}))
    await shop.lock("import reqeusts")
    assert "[orvanta] warning: reqeusts is almost the name of requests" in shop.log.text
    publish(shop)
    shop.log.parts.clear()
    await shop.lock(SCRIPT)
    assert "warning" not in shop.log.text


@pytest.mark.parametrize("path", ["link:greeting.py", "../outside.py", "/tmp/orvanta-outside.py"])
async def test_wheel_with_outside_path(shop: Shop, path: str) -> None:
    """A link in a wheel becomes a file with its target as text, or the wheel is refused; nothing is written outside."""
    shop.index.publish("greeting", *wheel("greeting", "1.0", {path: "/etc/passwd"}))
    with suppress(PackageError):
        await shop.provide(SCRIPT)
    assert not [each for each in shop.runtimes.packages.glob("main/python3/**/*") if each.is_symlink()]
    assert not Path("/tmp/orvanta-outside.py").exists() and not list(shop.runtimes.packages.rglob("outside.py"))


async def test_lock_of_caller_is_used(shop: Shop) -> None:
    publish(shop)
    publish(shop, "1.1")
    old = shop.runtimes.packages / "main" / ".cache"
    old.mkdir(parents=True)
    ran = await shop.run(SCRIPT, lock="# py: 3.11\ngreeting==1.0\nnaming==2.0")
    assert ran.value[0] == "hello 1.0"
    assert os.listdir(old.parent) == ["python3"], "neither an old cache nor that of the workspace was filled"
    assert "names no hashes" in shop.log.text and "locking" not in shop.log.text
    with pytest.raises(PackageError) as raised:
        await shop.provide(SCRIPT, lock="greeting==9.9")
    assert raised.value.name == "install_failed"


async def test_client_in_lock_of_another_tool_is_the_provided_one(shop: Shop) -> None:
    """Such a lock lists the client for every script that imports it. A version that a script requires is installed."""
    publish(shop)
    content = "import greeting\nimport wmill\n@wmill.task\ndef one():\n    return 1\ndef main():\n    return one()\n"
    assert (await shop.run(content, lock="greeting==1.0\nnaming==2.0\nwmill==1.1.0")).value == 1
    with pytest.raises(PackageError, match="wmill"):
        await shop.provide("# extra_requirements:\n# wmill==1.1.0\n" + content, lock="wmill==1.1.0")


@pytest.mark.parametrize("line", ["--index-url http://127.0.0.1:1", "-r /etc/passwd", "-e .", "--no-binary \\\n :all:"])
async def test_lock_cannot_contain_options(shop: Shop, line: str) -> None:
    publish(shop)
    with pytest.raises(PackageError, match="no options: -"):
        await shop.provide(SCRIPT, lock=f"greeting==1.0\n{line}\n")
    assert shop.index.asked == []


async def test_stopped_job_stops_the_lock(shop: Shop) -> None:
    cancelled = asyncio.Event()
    cancelled.set()
    with pytest.raises(PackageError) as raised:
        await shop.packages.provide(PackageRequest(uuid4(), 1, "main", "python3", SCRIPT), shop.log, cancelled)
    assert raised.value.cancelled


async def test_packages_whose_sandbox_is_killed_are_lost_and_no_error_of_the_script(shop: Shop) -> None:
    publish(shop)
    first = shop.runtimes.zygote_pid
    assert first is not None
    victims = iter([first])

    class Files(dict[str, bytes]):
        """Files whose first request kills the sandbox of the installation."""

        def get(self, path: str, default: Any = None) -> Any:
            for zygote in victims:
                os.kill(zygote, signal.SIGKILL)
            return super().get(path, default)

    shop.index.files = Files(shop.index.files)
    with pytest.raises(SandboxLost):
        await shop.provide(SCRIPT)
    assert (await shop.run(SCRIPT)).value == ["hello 1.0", "world"]


BACKEND = """
import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name, info = "greeting-1.0-py3-none-any.whl", "greeting-1.0.dist-info"
    seen = [name for name in os.environ if name.startswith(("OV_", "WM_", "DATABASE"))]
    with zipfile.ZipFile(os.path.join(directory, name), "w") as made:
        made.writestr("greeting.py", f"HELLO = {seen}\\ndef name():\\n    return 'built'\\n")
        made.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        made.writestr(f"{info}/RECORD", "greeting.py,,\\n")
    return name
"""
PROJECT = """
[project]
name = "greeting"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def project(backend: str) -> bytes:
    """Return a source distribution of `greeting` that is built by `backend` without further requirements."""
    info = "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
    return tarball({"backend.py": backend, "pyproject.toml": PROJECT, "PKG-INFO": info}, "greeting-1.0")


async def test_builds_run_only_if_allowed(shop: Shop, home: Path) -> None:
    """They run in a cell, without environment variables of the worker or of a job."""
    shop.index.publish("greeting", "greeting-1.0.tar.gz", project(BACKEND))
    with pytest.raises(PackageError):
        await shop.provide(SCRIPT)
    assert (await shop.restarted(package_builds="on").run(SCRIPT)).value == [[], "built"]


@pytest.mark.parametrize("builds", ["on", "off"])
async def test_lock_made_by_builds_is_used_in_its_workspace_only(shop: Shop, builds: str) -> None:
    """The code of a package that is built can change the lock. Without builds, workspaces share it."""
    publish(shop)
    first = await shop.restarted(package_builds=builds).lock(SCRIPT, workspace="other")
    publish(shop, "1.1")
    worker = shop.restarted(package_builds=builds)
    assert await worker.lock(SCRIPT, workspace="other") == first
    found = await worker.lock(SCRIPT)
    assert found == first if builds == "off" else "greeting==1.1" in found
    assert await shop.restarted().lock(SCRIPT) == found


@pytest.mark.parametrize("act", ["os.symlink('/etc', f'{tree}/evil')", "os.mkfifo(f'{tree}/evil')"])
async def test_package_added_by_build_is_rejected(shop: Shop, act: str) -> None:
    """A build can write to the folder in which packages are assembled, but not bypass the check of the result."""
    once = "os.makedirs(tree, exist_ok=True)\nif not os.path.lexists(f'{tree}/evil'):"
    slip = f"import os\ntree = '/output/tree'\n{once}\n    {act}\n"
    shop.index.publish("greeting", "greeting-1.0.tar.gz", project(slip + BACKEND))
    with pytest.raises(PackageError, match="evil") as raised:
        await shop.restarted(package_builds="on").provide(SCRIPT)
    assert raised.value.name == "unsafe_package"
    assert not list(shop.runtimes.packages.glob("main/python3/*"))


@pytest.mark.parametrize(("files", "text"), [(12, "\0" * (8 << 20)), (40_000, "")], ids=["zip bomb", "many files"])
async def test_package_larger_than_disk_limit_is_rejected(shop: Shop, files: int, text: str) -> None:
    """A small archive that is large when it is unpacked fails its script, and leaves nothing."""
    contents = {f"greeting/m{number}.py": text for number in range(files)}
    name, body = wheel("greeting", "1.0", contents, compression=zipfile.ZIP_DEFLATED)
    assert len(body) < 12 << 20
    shop.index.publish("greeting", name, body)
    with pytest.raises(PackageError) as raised:
        await shop.restarted(disk_limit=8 << 20).provide(SCRIPT)
    assert raised.value.name in ("unsafe_package", "DiskLimit", "install_failed")
    assert not list(shop.runtimes.packages.glob("main/python3/*"))
    assert not list(shop.runtimes.staging.iterdir())


async def test_job_waiting_for_order_lock_can_be_stopped(shop: Shop) -> None:
    publish(shop)
    waiting = asyncio.Event()
    async with shop.packages._turn("main", asyncio.Event()):
        asked = PackageRequest(uuid4(), 1, "main", "python3", SCRIPT)
        job = asyncio.create_task(shop.packages.provide(asked, shop.log, waiting))
        await asyncio.sleep(0)
        waiting.set()
        with pytest.raises(PackageError) as raised:
            await job
    assert raised.value.cancelled
    assert (await shop.run(SCRIPT)).value[0] == "hello 1.0"


async def test_leftovers_of_killed_worker_are_removed(shop: Shop) -> None:
    publish(shop)
    old, new = shop.runtimes.staging / "old", shop.runtimes.staging / "new"
    for folder in (old, new):
        (folder / "tree").mkdir(parents=True)
    (old / "tree").chmod(0o555)
    os.utime(old, (0, 0))
    await shop.provide(SCRIPT)
    assert os.listdir(shop.runtimes.staging) == ["new"]
