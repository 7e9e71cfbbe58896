"""Program of a child process. Imports only the standard library and the engine.

The started process stays outside as the keeper of a second one, which is confined and evaluates. The engine may be busy
in code that does not check its clock, so its timer's signal writes a byte to the keeper.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final, NoReturn, Protocol

from orvanta_platform.evaluate.child import confine
from orvanta_platform.evaluate.child.frames import LENGTH, OVER_TIME, frame
from orvanta_platform.sandbox import syscalls
from orvanta_platform.sandbox.job import read_exactly

_ENGINES: Final = {"javascript": "engine", "schema": "schema", "code": "code"}
"""Module of this package that defines the class Engine of each program."""


class Engine(Protocol):
    """Engine that answers requests. It is created before the process is confined, and imports nothing afterwards."""

    @property
    def is_prepared(self) -> bool:
        """True if nothing is left to prepare."""

    def prepare(self) -> None:
        """Prepare one thing in idle time."""

    def evaluate(self, request: bytes) -> bytes:
        """Answer a request."""


def main() -> None:
    """Entry point of the process: the last arguments are the program and the socket's file descriptor."""
    name, number = sys.argv[-2:]
    connection = socket.socket(fileno=int(number))
    try:
        module = importlib.import_module(f"orvanta_platform.evaluate.child.{_ENGINES[name]}")
        sys.path.clear()
        _start(connection, module.Engine)
    except BaseException as error:  # the last frame of the process reports the error
        with contextlib.suppress(OSError):
            connection.sendall(frame(json.dumps({"failed": repr(error)}).encode()))
        os._exit(1)


def _start(connection: socket.socket, make_engine: Callable[[], Engine]) -> NoReturn:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.close_all_but({0, 1, 2, connection.fileno()})
    engine = make_engine()
    alarm, alarm_writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(alarm_writer, False)
    separated = confine.separate()
    gc.collect()
    gc.freeze()
    child = os.fork()
    if child:
        os.close(alarm_writer)
        connection.close()
        _wait_or_kill(child, alarm)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(alarm)
    signal.signal(signal.SIGPROF, lambda *_: None)
    signal.set_wakeup_fd(alarm_writer, warn_on_full_buffer=False)
    confinements = confine.confine(separated)
    connection.sendall(frame(json.dumps({"ready": confinements}).encode()))
    _serve(connection, engine)


def _wait_or_kill(child: int, alarm: int) -> NoReturn:
    """Wait for the child's end, or kill it when the alarm signal arrives."""
    with contextlib.suppress(OSError):
        confine.drop_rights()
    late = os.read(alarm, 1)
    if late:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os._exit(OVER_TIME if late else 1)


def _serve(connection: socket.socket, engine: Engine) -> NoReturn:
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            while not engine.is_prepared and not waiting.poll(0):
                engine.prepare()
            length = LENGTH.unpack(read_exactly(connection, LENGTH.size))[0]
            connection.sendall(frame(engine.evaluate(read_exactly(connection, length))))
    os._exit(0)
