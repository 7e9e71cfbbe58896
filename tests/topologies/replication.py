"""A primary PostgreSQL with a standby, which streams from it and can be promoted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import processes
from tests.folders import make_folder
from tests.ports import free_port
from tests.processes import descendants, with_parent

from orvanta_platform.embedded import binaries

_PASSWORD = "not-a-secret-of-anybody"
_PRIMARY = """listen_addresses = '127.0.0.1'
unix_socket_directories = ''
"""
_SYNCHRONOUS = "synchronous_standby_names = '*'\n"
_STANDBY = """primary_conninfo = 'host=127.0.0.1 port={primary} user=orvanta_owner password={password}'
primary_slot_name = 'standby'
synchronous_standby_names = ''
"""
_ROLES = f"""CREATE ROLE orvanta_owner LOGIN REPLICATION PASSWORD '{_PASSWORD}';
CREATE ROLE orvanta_app LOGIN PASSWORD '{_PASSWORD}';
GRANT pg_monitor, pg_signal_backend TO orvanta_owner;
"""


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two servers: its data folder, port and process."""

    data: Path
    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """Kill the server and all its sessions without a shutdown, as if its machine were lost."""
        for pid in descendants(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Replication:
    """Primary and standby, and the programs that belong to them."""

    primary: Server
    standby: Server
    programs: Path
    run_as: Any

    def url(self, role: str) -> str:
        """Return the address of whichever of the two accepts writes."""
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://orvanta_{role}:{_PASSWORD}@{hosts}/orvanta?target_session_attrs=read-write"

    def standby_url(self) -> str:
        """Return the address of the standby, which accepts only reads before its promotion."""
        return f"postgresql://orvanta_owner:{_PASSWORD}@127.0.0.1:{self.standby.port}/orvanta"

    def promote(self) -> None:
        """Make the standby the primary; return when it accepts writes."""
        command = [str(self.programs / "pg_ctl"), "promote", "--wait", "--pgdata", str(self.standby.data)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **self.run_as)

    def interrupt(self) -> None:
        """Send no more changes to the standby, as over a broken line."""
        (sender,) = (
            pid for pid in descendants(self.primary.process.pid) if "walsender" in " ".join(processes.arguments(pid))
        )
        os.kill(sender, signal.SIGSTOP)


@contextmanager
def running(*, synchronous: bool = True) -> Iterator[Replication]:
    """Run both servers until the end of the block. The database has the two roles and no tables.

    `synchronous`: commits on the primary wait for the standby.
    """
    user = binaries.account()
    folder = make_folder("replication", 0o711)
    shutil.chown(folder, user.uid, user.gid)
    programs = binaries.reachable(binaries.find(), user, folder / "programs")
    run_as: Any = user.arguments()
    servers: list[Server] = []

    def start(data: Path, port: int) -> Server:
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        log = (folder / f"{data.name}.log").open("wb")
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            cwd="/",
            stdout=log,
            stderr=log,
            preexec_fn=with_parent(signal.SIGQUIT),
            **run_as,
        )
        log.close()
        servers.append(Server(data, port, process))
        _await(programs, port, process)
        return servers[-1]

    def run(*command: object) -> None:
        environ = {"PGPASSWORD": _PASSWORD, "PATH": os.defpath}
        subprocess.run([str(word) for word in command], check=True, cwd="/", env=environ, capture_output=True, **run_as)

    def append(file: Path, text: str) -> None:
        file.write_text(file.read_text() + text)

    try:
        primary, standby = folder / "primary", folder / "standby"
        run(
            programs / "initdb", "--pgdata", primary, "--username", "superuser", "--encoding", "UTF8", "--auth", "trust"
        )
        append(primary / "postgresql.conf", _PRIMARY + (_SYNCHRONOUS if synchronous else ""))
        first = start(primary, free_port())
        own = ("--host", "127.0.0.1", "--port", first.port, "--username", "superuser", "--no-psqlrc", "postgres", "-q")
        # Nothing waits for a standby that does not exist yet.
        local = "SET synchronous_commit = local;"
        run(programs / "psql", *own, "-c", local + _ROLES)
        run(programs / "psql", *own, "-c", local, "-c", "CREATE DATABASE orvanta OWNER orvanta_owner")
        at = ("--host", "127.0.0.1", "--port", first.port, "--username", "orvanta_owner")
        run(
            programs / "pg_basebackup",
            *at,
            "--pgdata",
            standby,
            "--create-slot",
            "--slot",
            "standby",
            "--write-recovery-conf",
            "--checkpoint",
            "fast",
        )
        append(standby / "postgresql.auto.conf", _STANDBY.format(primary=first.port, password=_PASSWORD))
        second = start(standby, free_port())
        yield Replication(first, second, programs, run_as)
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.kill()
        shutil.rmtree(folder)


def _await(programs: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    ready = [str(programs / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
    while subprocess.run(ready, check=False).returncode != 0:
        assert process.poll() is None, "the server ended"
