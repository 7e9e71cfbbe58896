"""`orvanta backup` of a running installation with objects in S3, `orvanta restore` into an empty home."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.e2e.installation import ORVANTA, Installation
from tests.folders import new_folder

from orvanta_platform.cli.backup import _open_output
from orvanta_platform.errors import BadRequest

pytestmark = pytest.mark.extended

LARGE = "def main():\n    return 'x' * 400_000\n"


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield an empty home that is accessible to the user of the database server."""
    with new_folder("restore", 0o711) as made:
        yield made


def orvanta(environ: dict[str, str], *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(ORVANTA), *arguments], env=environ, input=given, capture_output=True, check=False)


def test_restore_into_empty_home_is_complete(installation: Installation, home: Path, tmp_path: Path) -> None:
    body = {"language": "python3", "content": LARGE}
    run = installation.client.post("/api/w/main/jobs/run_wait_result/preview", json=body)
    assert len(run.json()) == 400_000
    file = tmp_path / "all.orvanta"
    done = orvanta(installation.environ, "backup", str(file))
    assert done.returncode == 0 and b"objects" in done.stderr, done.stderr
    assert file.stat().st_mode & 0o077 == 0 and not list(tmp_path.glob("*.partial"))
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "ORVANTA_HOME": str(home / "data")}
    done = orvanta(environ, "restore", str(file))
    assert done.returncode == 0 and b"The data is consistent." in done.stderr, done.stderr
    assert orvanta(environ, "doctor", "--consistency").returncode == 0
    again = orvanta(environ, "restore", "-", given=file.read_bytes())
    assert again.returncode == 1 and b"--force" in again.stderr
    key = "instance.key"
    there = Path(installation.environ["ORVANTA_HOME"]) / key
    assert (home / "data" / key).read_bytes() == there.read_bytes()
    objects = [
        path for path in (home / "data/objects").rglob("*") if path.is_file() and run.headers["x-run-id"] in str(path)
    ]
    assert len(objects) == 1


OBJECTS = """
import asyncio, sys
import obstore
from orvanta_platform.cli import main
from obstore.store import LocalStore

place = sys.argv[1]

async def store():
    objects = LocalStore(place)
    written = [obstore.put_async(objects, str(i), b"x" * 100_000) for i in range(500)]
    await asyncio.wait(written, return_when=asyncio.FIRST_COMPLETED)

@main.app.command()
def objects() -> None:
    asyncio.run(store())
    print("stored")
    raise main.typer.Exit(3)

sys.argv[1:] = ["objects"]
main.main()
"""


def test_command_that_uses_object_storage_ends_with_its_exit_code(tmp_path: Path) -> None:
    """Threads of obstore that wait for the interpreter at exit do not abort the process."""
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", OBJECTS, str(tmp_path)], capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (3, b"stored\n"), done.stderr


def test_unusable_archive_file_is_reported(installation: Installation, tmp_path: Path) -> None:
    for command, place in (("backup", tmp_path / "none" / "file"), ("restore", tmp_path / "none")):
        done = orvanta(installation.environ, command, str(place))
        assert done.returncode == 1 and b"cannot be" in done.stderr, done.stderr


@pytest.mark.parametrize("opened", [False, True])
def test_backup_does_not_write_file_of_another_user(tmp_path: Path, opened: bool) -> None:
    """Another user has placed a symbolic or hard link at the path of the temporary file."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"before")
    for planted in (tmp_path / "all.partial", tmp_path / "all.00.partial"):
        planted.hardlink_to(victim) if opened else planted.symlink_to(victim)
    with patch("secrets.token_hex", return_value="00"), pytest.raises(BadRequest), _open_output(str(tmp_path / "all")):
        pass
    with _open_output(str(tmp_path / "all")) as file:
        file.write(b"archive")
    assert victim.read_bytes() == b"before"
    assert (tmp_path / "all").read_bytes() == b"archive" and (tmp_path / "all").stat().st_nlink == 1
    assert (tmp_path / "all").stat().st_mode & 0o777 == 0o600
