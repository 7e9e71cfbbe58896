"""`orvanta up` with the embedded PostgreSQL: all processes have one supervisor."""

from __future__ import annotations

import asyncio
import fcntl
import http.client
import json
import os
import queue
import re
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from tests import processes
from tests.cli.test_commands import run
from tests.folders import new_folder
from tests.polling import POLL_S
from tests.ports import free_port

from orvanta_platform.db.migrate import migrate
from orvanta_platform.embedded import cluster
from orvanta_platform.embedded.database_use import START_LOCK
from orvanta_platform.embedded.keeper import KEEPER_LOCK
from orvanta_platform.embedded.postgres import EmbeddedPostgres, start

pytestmark = pytest.mark.extended


class Up:
    """A running `orvanta up` of one home."""

    def __init__(self, home: Path, port: int, **environ: str) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        self.settings = {"ORVANTA_HOME": str(home), "ORVANTA_PORT": str(port), **environ}
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orvanta_platform.cli.main", "up"],
            env={**environment, **self.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Read continuously: a process that cannot write its log blocks, and the test with it.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output += line
                self._lines.put(line)
        self._lines.put("")

    def read_until(self, text: str) -> None:
        """Read the output up to a line that contains `text`."""
        while text not in (line := self._lines.get()):
            assert line, f"it ended without {text!r}: {self.output}"

    def child(self, command: str) -> int:
        """Return the pid of the server or the worker."""
        return self.children(command)[0]

    def children(self, command: str) -> list[int]:
        """Return the pid of the server or the worker; none while it is restarted."""
        return [pid for pid in processes.children(self.process.pid) if command in processes.arguments(pid)]

    def commands(self) -> set[str]:
        """Return the commands of the processes that it has started."""
        words = [processes.arguments(pid) for pid in processes.children(self.process.pid)]
        return {name for each in words for name in ("server", "worker") if name in each}

    def close_output(self) -> None:
        """Close the reading end of its output, which takes effect after the next line."""
        assert self.process.stdout is not None
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), self.process.stdout.fileno())

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self._reader.join()
        return self.process.wait()

    def kill(self) -> None:
        """Kill the supervisor only; do nothing if it has ended."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def healthy(self) -> bool:
        try:
            return self.status("/api/health/status") == 200
        except OSError:
            return False

    def status(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


def await_health(up: Up) -> None:
    while not up.healthy():
        time.sleep(POLL_S)


def await_end(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)


@pytest.fixture
def home() -> Iterator[Path]:
    """Create a home that the database's user can access, unlike pytest's temporary folders."""
    with new_folder("up") as made:
        yield made


@pytest.fixture
def up(home: Path) -> Iterator[Up]:
    running = Up(home, free_port())
    running.read_until("Ctrl-C")
    yield running
    running.kill()
    # The next user of the database waits until the remaining processes have shut down.
    start(home).close()


def test_up_starts_everything_tells_how_to_log_in_and_stops_cleanly(up: Up, home: Path) -> None:
    assert f"is ready at http://127.0.0.1:{up.port}" in up.output
    assert "open http://127.0.0.1" in up.output
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
    assert up.healthy()
    assert up.status("/api/version") == 200
    parts = [up.child("server"), up.child("worker")]
    assert up.stop() == 0
    for pid in parts:
        await_end(pid)
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()
    assert "Traceback" not in up.output
    _check_screen(up.output)
    again = Up(home, up.port)
    again.read_until("Ctrl-C")
    assert "Creating" not in again.output
    assert again.stop(signal.SIGTERM) == 0


def _check_screen(output: str) -> None:
    """Check that the address, how to log in and the next step are shown, and no more."""
    screen = output[output.index("Orvanta ") :].splitlines()
    assert [line.split("  ")[1 if line.startswith("  ") else 0].split()[0] for line in screen] == [
        "Orvanta",
        "Log",
        "Next",
        "Stop",
        "Stopping:",
        "Stopping",
    ], output


def test_server_and_worker_load_while_the_database_starts(home: Path) -> None:
    with (cluster.make_root(home) / START_LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = Up(home, free_port())
        while running.commands() != {"server", "worker"}:
            time.sleep(POLL_S)
    running.read_until("Ctrl-C")
    assert running.stop() == 0


def test_failed_set_up_is_reported_once_and_ends_everything(home: Path) -> None:
    with start(home) as database:
        asyncio.run(_record_breaking_migration(database))
    running = Up(home, free_port())
    running.read_until("migrated by a newer Orvanta (9999_change_everything)")
    assert running.process.wait() == 1
    running._reader.join()
    assert running.output.count("9999_change_everything") == 1
    assert "Traceback" not in running.output
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


async def _record_breaking_migration(database: EmbeddedPostgres) -> None:
    await migrate(database.owner_url, app_url=database.app_url)
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("INSERT INTO migration VALUES ('9999_change_everything', true)")
    await connection.close()


def test_s08_nothing_but_the_server_listens(up: Up) -> None:
    """Jobs can reach the loopback interface and so every TCP listener of the platform."""
    listening = _listening_ports(processes.descendants(up.process.pid))
    assert listening == {up.port}


def _listening_ports(pids: list[int]) -> set[int]:
    sockets = {file for pid in pids for file in processes.open_files(pid)}
    ports = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *more = row.split()
            if state == "0A" and f"socket:[{more[5]}]" in sockets:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def test_with_a_password_there_is_no_link_and_no_part_shows_it(home: Path) -> None:
    running = Up(home, free_port(), ORVANTA_ADMIN_PASSWORD="correct horse battery")
    running.read_until("Ctrl-C")
    secrets = [(home / "postgres" / f"{role}.password").read_text().strip() for role in ("owner", "app")]
    while "-S" not in processes.arguments(running.process.pid):  # replaced by the supervision
        time.sleep(POLL_S)
    for pid in (running.process.pid, running.child("server"), running.child("worker")):
        seen = "\0".join(processes.arguments(pid) + processes.environment(pid))
        assert "DATABASE_URL" not in seen
        assert not any(secret in seen for secret in [*secrets, "correct horse battery"])
    assert running.stop() == 0
    assert "Log in  as admin@localhost" in running.output
    assert "correct horse" not in running.output


@pytest.mark.parametrize("command", [pytest.param("server", marks=pytest.mark.soak), "worker"])
def test_dead_child_process_is_restarted(up: Up, command: str) -> None:
    first = up.child(command)
    os.kill(first, signal.SIGKILL)
    up.read_until(f"The {command} exited with -9; restarting it.")
    await_health(up)
    assert up.stop() == 0


@pytest.mark.parametrize("twice", [False, True])
def test_running_job_does_not_delay_stop(up: Up, home: Path, twice: bool) -> None:
    """The job is requeued without a loss, and the call that waits for it does not delay the server."""
    code = "import time\ndef main():\n    time.sleep(3600)\n"
    caller = threading.Thread(target=_call, args=(up.port, (home / "token").read_text().strip(), code))
    caller.start()
    with start(home) as database:
        while not _live_jobs(database, "running"):
            time.sleep(POLL_S)
        if twice:
            up.process.send_signal(signal.SIGINT)
            up.read_until("Stopping: running jobs")
        assert up.stop() == 0
        caller.join()
        assert "Traceback" not in up.output
        assert _live_jobs(database, "available") == [(1, 0)]


def _call(port: int, token: str, code: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"content": code, "language": "python3"})
    with suppress(OSError, http.client.HTTPException):
        connection.request("POST", "/api/w/main/jobs/run_wait_result/preview", body, headers)
        connection.getresponse().read()
    connection.close()


def _live_jobs(database: EmbeddedPostgres, state: str) -> list[tuple[int, int]]:
    """Return attempts and losses of the live jobs in this state."""

    async def read() -> list[tuple[int, int]]:
        connection = await asyncpg.connect(database.owner_url)
        rows = await connection.fetch("SELECT attempt, losses FROM job_live WHERE state = $1", state)
        await connection.close()
        return [tuple(row) for row in rows]

    return asyncio.run(read())


def test_killed_database_is_restarted(up: Up, home: Path) -> None:
    with start(home) as database:
        server = database.pid
        assert server is not None
        os.kill(server, signal.SIGKILL)
        await_end(server)
        while database.pid in (None, server):
            time.sleep(POLL_S)
    await_health(up)
    assert up.stop() == 0


def test_killed_keeper_is_restarted(up: Up, home: Path) -> None:
    keeper = int((home / "postgres" / KEEPER_LOCK).read_text())
    os.kill(keeper, signal.SIGKILL)
    up.read_until("The keeper of the embedded database exited; restarting it.")
    await_health(up)
    assert up.stop() == 0
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


def test_failed_restart_of_the_database_is_explained_and_repeated(up: Up, home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    present = version.read_text()
    version.write_text("14\n")
    os.kill(int((home / "postgres" / KEEPER_LOCK).read_text()), signal.SIGKILL)
    up.read_until("belongs to PostgreSQL 14")
    assert up.commands() == {"server", "worker"}
    version.write_text(present)
    await_health(up)
    assert up.stop() == 0
    message = r"^The database did not start: .* PostgreSQL 14, .*\. .*\. Trying again in 10 s\.$"
    assert re.search(message, up.output, re.MULTILINE)


def test_up_runs_on_when_its_output_is_closed(up: Up, home: Path) -> None:
    up.close_output()
    for _ in range(2):  # the second exit is reported to a closed output
        first = up.child("worker")
        os.kill(first, signal.SIGKILL)
        while not [pid for pid in up.children("worker") if pid != first]:
            assert up.process.poll() is None
            time.sleep(POLL_S)
    await_health(up)
    assert up.stop() == 0
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


@pytest.mark.soak
def test_second_up_on_same_home_is_rejected(up: Up) -> None:
    done = run("up", **up.settings)
    assert done.returncode == 1
    assert "Orvanta already runs in" in done.stderr
    assert "Traceback" not in done.stderr


def test_killing_the_supervisor_ends_its_parts_and_the_next_start_works(up: Up, home: Path) -> None:
    parts = [up.child("server"), up.child("worker")]
    up.kill()
    for pid in parts:
        await_end(pid)
    again = Up(home, up.port)
    again.read_until("Ctrl-C")
    assert again.stop() == 0
