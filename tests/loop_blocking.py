"""Measurement of how long the event loop of a server in a process of its own is blocked.

On a busy machine every process is delayed, so wall-clock time alone would measure the machine. A task in the server's
loop wakes up every 10 ms and computes two durations since its last wakeup: the elapsed time minus the time for which
its thread was runnable but not running (`/proc/<pid>/task/<thread>/schedstat`), and the CPU time of the whole process.
The loop was blocked for the smaller of the two. A callback that computes increases both, and so does a thread that
holds the global interpreter lock; other programs increase neither.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.conftest import TestDatabase

from orvanta_platform import settings
from orvanta_platform.http.server import serve
from orvanta_platform.services.access import setup

BAR_S = 0.25
"""Maximum time for which the product may block the loop, in seconds, on an otherwise idle machine."""

MAX_HOLD_S = 2 * BAR_S
"""Maximum in tests, which run concurrently and use up to half of the memory bandwidth and caches.
The bugs that these tests detect blocked the loop for 0.8 s to minutes."""

_TICK_S = 0.01
_NOTED_S = 0.02
_PATIENCE_S = 500
_MEMORY = 6 << 30
"""Limit of the server's address space, in bytes, so that a hostile request cannot exhaust the machine's memory."""


@dataclass(slots=True)
class Held:
    """A running server with a client of its admin."""

    client: httpx.Client
    pid: int
    notes: Path

    def longest_s(self) -> float:
        """Return the longest time for which the loop was blocked since the last call."""
        self.client.get("/api/version")  # the loop responds after it has recorded earlier blocking
        time.sleep(5 * _TICK_S)
        lines = self.notes.read_text().splitlines()
        self.notes.write_text("")
        return max(map(float, lines), default=0.0)


@contextmanager
def held_server(database: TestDatabase, home: Path, **environ: str) -> Iterator[Held]:
    """Run a server on `database` until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    notes = home / "notes"
    notes.touch()
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH")))),
        "ORVANTA_HOME": str(home),
        "ORVANTA_PORT": str(port),
        "ORVANTA_LOG_LEVEL": "error",
        "DATABASE_URL": database.app_url,
        **environ,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.loop_blocking", str(notes)],
        env=given,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
    )
    try:
        assert process.stdout is not None
        token = process.stdout.readline().strip()
        assert token, "the server did not start"
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {token}"},
            transport=httpx.HTTPTransport(retries=10),
            timeout=_PATIENCE_S,
        ) as client:
            assert client.get("/api/version").status_code == 200
            held = Held(client, process.pid, notes)
            held.longest_s()
            yield held
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


class Watch:
    """Records each time for which the loop was blocked."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        while True:
            before = _sample(schedule)
            await asyncio.sleep(_TICK_S)
            passed, waited, worked = (now - then for now, then in zip(_sample(schedule), before, strict=True))
            held = min(passed - _TICK_S - waited, worked)
            if held > _NOTED_S:
                with self._notes.open("a") as notes:
                    notes.write(f"{held:.3f}\n")

    async def end(self) -> None:
        """Stop."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _sample(schedule: Path) -> tuple[float, float, float]:
    """Return the time, the thread's time on the run queue, and the CPU time of the process, in seconds."""
    try:
        waited = int(schedule.read_text().split()[1]) / 1e9
    except (OSError, IndexError):  # the kernel has no such statistics
        waited = 0.0
    return time.monotonic(), waited, time.process_time()


@asynccontextmanager
async def _background(platform: Any) -> AsyncIterator[None]:
    first = await setup.first_start(platform.db, platform.settings)
    watch = Watch(Path(sys.argv[1]))
    print(first.token_file.read_text().strip(), flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # No process reads the log, and a full pipe would block the loop.
    yield
    await watch.end()


if __name__ == "__main__":
    serve(settings.load(), background=_background)
