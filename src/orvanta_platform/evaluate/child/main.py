"""The child's program. Standard library and the engine only.

The process that is started stays outside as the keeper of a second one, which is confined and evaluates: the
engine may be busy where no clock of its own reaches, so its timer's signal is a byte to the keeper.
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
"""The module of this package that defines the class Engine of each program."""


class Engine(Protocol):
    """Answers requests. An engine is created before the process is confined, and imports nothing afterwards."""

    @property
    def is_prepared(self) -> bool:
        """True if nothing is left to prepare."""

    def prepare(self) -> None:
        """Prepare one thing in idle time."""

    def evaluate(self, request: bytes) -> bytes:
        """The answer to a request."""


def main() -> None:
    """Entry point of the exec'd process: the last arguments are the program and the number of the socket."""
    name, number = sys.argv[-2:]
    connection = socket.socket(fileno=int(number))
    try:
        module = importlib.import_module(f"orvanta_platform.evaluate.child.{_ENGINES[name]}")
        sys.path.clear()
        _start(connection, module.Engine)
    except BaseException as error:  # the last frame of the process: the evaluator is told what came
        with contextlib.suppress(OSError):
            connection.sendall(frame(json.dumps({"failed": repr(error)}).encode()))
        os._exit(1)


def _start(connection: socket.socket, make_engine: Callable[[], Engine]) -> NoReturn:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.close_all_but({0, 1, 2, connection.fileno()})
    engine = make_engine()
    alarm, ring = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(ring, False)
    separated = confine.separate()
    gc.collect()
    gc.freeze()
    child = os.fork()
    if child:
        os.close(ring)
        connection.close()
        _keep(child, alarm)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(alarm)
    signal.signal(signal.SIGPROF, lambda *_: None)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    held = confine.lock_up(separated)
    connection.sendall(frame(json.dumps({"ready": held}).encode()))
    _serve(connection, engine)


def _keep(child: int, alarm: int) -> NoReturn:
    """Wait for the child's end, or end it when it rings."""
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
