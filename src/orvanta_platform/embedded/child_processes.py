"""Child processes of `orvanta up`: started by exec, restarted when they exit, stopped together."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from orvanta_platform import forked
from orvanta_platform.forked import ForkedProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen
    from typing import IO, Any

_FIRST_PAUSE_S = 0.5
_MAX_PAUSE_S = 10.0
_STEADY_S = 30.0


def _spawn(command: str, pipes: Mapping[str, int]) -> Popen[bytes]:
    """Start `orvanta <command>`, which inherits these pipes, by option, and receives SIGTERM when this process dies.

    It logs warnings and errors, or what ORVANTA_LOG_LEVEL sets.
    """
    import subprocess  # a megabyte of modules that `supervision` may never need

    supervisor = os.getpid()
    return subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "orvanta_platform.cli.main", command),
            *(word for option, handle in pipes.items() for word in (option, str(handle))),
        ],
        stdin=subprocess.DEVNULL,
        env={"ORVANTA_LOG_LEVEL": "warning", **os.environ},
        pass_fds=tuple(pipes.values()),
        process_group=0,
        preexec_fn=lambda: forked.die_with(supervisor, signal.SIGTERM),
    )


class ChildProcess:
    """Child process `orvanta <command>` in its own process group.

    Secrets are passed through an inherited pipe, never in arguments or the environment, from which this process has
    removed them.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self._process: Popen[bytes] | ForkedProcess | None = None
        self._pipe: IO[str] | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._started_at = 0.0
        self._due = 0.0

    def state(self) -> dict[str, Any]:
        """Return what `resumed` needs after an exec of this process, as JSON values."""
        return {"command": self.command, "pid": self.pid, "pause_s": self._pause_s, "started_at": self._started_at}

    @classmethod
    def resumed(cls, state: Mapping[str, Any]) -> ChildProcess:
        """Return the running child process of a `state`."""
        part = ChildProcess(state["command"])
        part._process = ForkedProcess(state["pid"])
        part._pause_s, part._started_at = state["pause_s"], state["started_at"]
        return part

    @property
    def pid(self) -> int | None:
        """Id of the process, None while it is not running."""
        return self._process.pid if self._process is not None else None

    @property
    def due_s(self) -> float:
        """Seconds until the restart; 0 while it runs."""
        return 0.0 if self._process is not None else max(0.0, self._due - time.monotonic())

    def load(self) -> None:
        """Start the process, which loads its code and then waits for `start`."""
        self._load({})

    def _load(self, pipes: Mapping[str, int]) -> None:
        read, write = os.pipe()
        try:
            self._process = _spawn(self.command, {"--secrets-fd": read, **pipes})
        except BaseException:
            os.close(write)
            raise
        finally:
            os.close(read)
        self._pipe = os.fdopen(write, "w")

    def start(self, secrets: Mapping[str, str]) -> None:
        """Let the process begin, which is started if it was not loaded."""
        if self._pipe is None:
            self.load()
        assert self._pipe is not None
        pipe, self._pipe = self._pipe, None
        with suppress(BrokenPipeError), pipe:  # it has exited, which `poll` reports
            json.dump(secrets, pipe)
        self._started_at = time.monotonic()

    def poll(self) -> int | None:
        """Return the exit code if the process has exited since the last call, and schedule its restart."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return None
        self._end_group()
        if time.monotonic() - self._started_at > _STEADY_S:
            self._pause_s = _FIRST_PAUSE_S
        self.postpone()
        return code

    def postpone(self) -> None:
        """Schedule the next start; the pause before it doubles up to a limit."""
        self._due = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _MAX_PAUSE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process and its process group."""
        if self._process is not None:
            self._end_group()
        if self._pipe is not None:
            self._pipe.close()

    def _end_group(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


def read_secrets(handle: int) -> dict[str, str]:
    """Return the values that `ChildProcess.start` wrote into the pipe, by their names in the environment."""
    with os.fdopen(handle) as pipe:
        found: dict[str, str] = json.load(pipe)
    return found
