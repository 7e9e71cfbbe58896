"""Process that keeps the embedded PostgreSQL running, started by `postgres.start` and not manually.

It is the parent of the server, restarts it when it exits, and stops it cleanly when no process uses it any more: each
user holds a shared lock that the kernel releases with the process, however it ends. If the keeper itself is killed, the
kernel signals the server to shut down.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from orvanta_platform.embedded.binaries import owner_of
from orvanta_platform.embedded.cluster import Cluster, environment, root_of

USE_LOCK = "use.lock"
KEEPER_LOCK = "keeper.lock"
READY = "ready"

_POLL_S = 0.01
_CHECK_S = 10.0
"""Seconds between checks of the server. Its exit ends the pause."""
_FIRST_PAUSE_S = 0.1
_MAX_PAUSE_S = 5.0
_SHUTDOWN_TIMEOUT_S = 60.0
"""Seconds after which a fast shutdown of the server becomes an immediate one."""
_PR_SET_PDEATHSIG = 1
_STOPS = {signal.SIGTERM, signal.SIGINT}
_SIGNALS = {*_STOPS, signal.SIGCHLD}
_libc = ctypes.CDLL(None, use_errno=True)


def postmaster_file(data: Path) -> list[str]:
    """Return the lines of postmaster.pid: 0 is the process id, 7 its state; empty if no server has started."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def running_server(data: Path) -> int | None:
    """Return the process id of the server on this data folder, or None."""
    lines = postmaster_file(data)
    if not lines or not lines[0].lstrip("-").isdigit():
        return None
    pid = abs(int(lines[0]))
    try:
        return pid if os.readlink(f"/proc/{pid}/cwd") == str(data.resolve()) else None
    except OSError:
        return None


class Keeper:
    """Supervisor of the server of a cluster, until no process uses it or a stop is requested."""

    def __init__(self, cluster: Cluster, options: list[str]) -> None:
        self.cluster = cluster
        self.options = options
        self.stopping = False
        self._output = cluster.root / "start.log"

    def run(self) -> int:
        """Run until stopped and return the exit code: 0 after a clean stop, 1 if the first start failed."""
        self._await_predecessor()
        pause = _FIRST_PAUSE_S
        reported = False
        while not self.stopping:
            server = self._launch()
            started_at = time.monotonic()
            if self._ready(server) and not reported:
                reported = True
                _report(READY)
            self._until_ended(server)
            if self.stopping:
                break
            if not reported:
                _report(f"The embedded PostgreSQL did not start: {self._failure_reason()}")
                return 1
            pause = _FIRST_PAUSE_S if time.monotonic() - started_at > _MAX_PAUSE_S else pause
            self._wait(pause)
            pause = min(2 * pause, _MAX_PAUSE_S)
        return 0

    def _await_predecessor(self) -> None:
        """Wait for the server of a killed keeper to end, and remove a process id that was reused by another program."""
        data = self.cluster.data
        lines = postmaster_file(data)
        while running_server(data) is not None:
            if self.stopping:
                return
            self._wait(_POLL_S)
        left = postmaster_file(data)
        # PostgreSQL detects a dead process id itself, by its shared memory; only a reused one misleads it.
        if left and left == lines and Path(f"/proc/{left[0].lstrip('-')}").exists():
            (data / "postmaster.pid").unlink()

    def _launch(self) -> subprocess.Popen[bytes]:
        keeper = os.getpid()

        def bind_life() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            if os.getppid() != keeper:
                os._exit(1)

        options = [part for option in self.options for part in ("-c", option)]
        with self._output.open("wb") as output:
            return subprocess.Popen(
                [self.cluster.bin / "postgres", "-D", self.cluster.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment(),
                preexec_fn=bind_life,
                **self.cluster.user.arguments(),
            )

    def _ready(self, server: subprocess.Popen[bytes]) -> bool:
        while server.poll() is None and not self.stopping:
            lines = postmaster_file(self.cluster.data)
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return True
            self._wait(_POLL_S)
        return False

    def _until_ended(self, server: subprocess.Popen[bytes]) -> None:
        requested_at = 0.0
        while server.poll() is None:
            if self.stopping and not requested_at:
                server.send_signal(signal.SIGINT)
                requested_at = time.monotonic()
            elif requested_at and time.monotonic() - requested_at > _SHUTDOWN_TIMEOUT_S:
                server.send_signal(signal.SIGQUIT)
            self._wait(1.0 if self.stopping else _CHECK_S)

    def _wait(self, seconds: float) -> None:
        """Wait until a child exits, a stop is requested or the time is over."""
        got = signal.sigtimedwait(_SIGNALS, seconds)
        # After SIGSTOP and SIGCONT, Python may return a signal that is not in the set.
        if got is not None and got.si_signo in _STOPS:
            self.stopping = True

    def _failure_reason(self) -> str:
        lines = self._output.read_text(errors="replace").splitlines()
        reasons = [line.split("FATAL:")[-1].strip() for line in lines if "FATAL:" in line] or lines or ["no reason"]
        return reasons[0]


def _report(line: str) -> None:
    """Write one line to the process that started the keeper, and close the output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _stop_when_unused(lock: Path, keeper_lock: int) -> None:
    """Wait until no process uses the database; the lock is then held, so that none joins during the shutdown.

    The process id is removed as well, because the kernel releases the two locks in any order at the end.
    """
    handle = os.open(lock, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.ftruncate(keeper_lock, 0)
    os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Run the keeper. Arguments: home, folder of the programs, options as name=value."""
    home, programs, *options = arguments
    root = root_of(Path(home))
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    handle = os.open(root / KEEPER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _report("Another process already runs the embedded PostgreSQL.")
        return 1
    os.ftruncate(handle, 0)
    os.write(handle, b"%d\n" % os.getpid())
    threading.Thread(target=_stop_when_unused, args=(root / USE_LOCK, handle), daemon=True).start()
    return Keeper(Cluster(Path(home), Path(programs), owner_of(root / "data")), options).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
