"""The worker's side of the zygote: starts it, requests cells and kills them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

import orvanta_platform
from orvanta_platform.errors import OrvantaError
from orvanta_platform.sandbox import tree
from orvanta_platform.sandbox.cgroups import Group
from orvanta_platform.sandbox.job import frame
from orvanta_platform.sandbox.plan import Plan

# Long enough for a machine under heavy load, short enough to notice a stopped zygote.
_ANSWER_S = 20.0
_MAX_MESSAGE = 4096
# Maximum size of a body that is sent together with the header, in one call.
_SMALL = 64 << 10
# The interpreter itself, not a virtual environment's link to it: jobs see only the standard library.
PYTHON = os.path.realpath(sys.executable)
_START = "import sys; sys.path.insert(0, sys.argv[1]); from orvanta_platform.sandbox import zygote; zygote.main()"

log = structlog.get_logger(__name__)


class SandboxUnavailable(OrvantaError):
    """Cells of the required level cannot be made on this machine; the message is the kernel's reason."""

    code = "sandbox_unavailable"
    status = 503


class SandboxKilled(SandboxUnavailable):
    """The zygote or a cell was killed, or did not answer in time, before the cell was ready. The next one may be made.

    Nothing answers in time if the machine, or the process of the worker, was stopped meanwhile.
    """


async def _readable(descriptor: int) -> None:
    """Wait until `descriptor` can be read."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Cell:
    """One confined process tree that waits for a job or runs it."""

    def __init__(
        self,
        number: int,
        connection: socket.socket,
        namespaces: bool,
        group: Group | None,
        zygote: Zygote,
        *,
        offline: bool = False,
    ) -> None:
        self.number = number
        self.offline = offline
        self._zygote = zygote
        self.pid = 0
        self._pidfd = -1
        self._connection = connection
        self._namespaces = namespaces
        self._received = b""
        self.ended = False
        self._listener: Callable[[], None] | None = None
        self.group = group
        self.jobs = 0

    def attach(self, pid: int, pidfd: int) -> None:
        """Attach the process that the zygote has made."""
        self.pid, self._pidfd = pid, pidfd
        asyncio.get_running_loop().add_reader(self._connection.fileno(), self._receive)

    async def ready(self) -> None:
        """Wait until the cell can take a job. Raises SandboxUnavailable if it could not be made, TimeoutError."""
        async with asyncio.timeout(_ANSWER_S):
            message = await self._message()
        while message is not None and "ready" not in message and "error" not in message:
            async with asyncio.timeout(_ANSWER_S):  # skips messages about the previous job
                message = await self._message()
        if message is None:
            raise SandboxKilled("a cell ended before it was ready")
        if "error" in message:
            raise SandboxUnavailable(str(message["error"]))

    async def send(self, header: dict[str, Any], body: Sequence[bytes], descriptors: list[int]) -> None:
        """Send the cell a job: the header and its body. Raises OSError if the cell has ended."""
        self.jobs += 1
        data = frame(header)
        if sum(map(len, body)) <= _SMALL:
            data, body = b"".join((data, *body)), ()
        sent = socket.send_fds(self._connection, [data], descriptors)
        loop = asyncio.get_running_loop()
        for part in (data[sent:], *body):
            if part:
                # A view, so that the unsent rest of a large part is not copied repeatedly.
                await loop.sock_sendall(self._connection, memoryview(part))

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Set the function to call when the cell has sent something or has ended."""
        self._listener = listener

    def next_message(self) -> dict[str, Any] | None:
        """Return the next received message, or None if there is none."""
        line, newline, rest = self._received.partition(b"\n")
        if not newline:
            return None
        self._received = rest
        message: dict[str, Any] = json.loads(line)
        return message

    async def _message(self) -> dict[str, Any] | None:
        """Wait for the next message; return None if the cell ends."""
        while (message := self.next_message()) is None and not self.ended:
            received: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.listen(functools.partial(_settle, received))
            try:
                await received
            finally:
                self.listen(None)
        return message

    def _receive(self) -> None:
        try:
            data = self._connection.recv(_MAX_MESSAGE)
        except BlockingIOError:
            return
        except ConnectionResetError:  # the cell ended without reading everything
            data = b""
        self._received += data
        if not data:
            self.ended = True
            asyncio.get_running_loop().remove_reader(self._connection.fileno())
        if self._listener is not None:
            self._listener()

    def kill(self) -> None:
        """Kill the cell and everything in it immediately. Has no effect after its end."""
        if self._pidfd < 0:
            return
        if not self._namespaces and not self._kill_group() and self.alive:
            tree.kill_tree(self.pid)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _kill_group(self) -> bool:
        """Kill the processes of the control group. Returns False if there is no usable one."""
        try:
            return self.group is not None and self.group.kill()
        except OSError as error:
            log.warning("control group cannot be killed", action="kill", error=str(error))
            return False

    @property
    def alive(self) -> bool:
        """True if the cell's first process is still running."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, 0)
            return True
        return False

    @property
    def usable(self) -> bool:
        """True if the cell can take a job. A zygote that has ended takes its cells with it, possibly a moment later."""
        return not self.ended and self._zygote.alive and self.alive

    async def wait_ended(self) -> None:
        """Wait until the first process has ended, and with its namespace everything in the cell."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_readable(self._pidfd), _ANSWER_S)

    def close(self) -> None:
        """Kill the cell and release its descriptors."""
        self.kill()
        if self._pidfd >= 0:
            if not self.ended and self._connection.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(self._connection.fileno())
            os.close(self._pidfd)
            self._pidfd = -1
        self._connection.close()


class Zygote:
    """The zygote process and the requests to it."""

    def __init__(self, plan: Plan, python: str = PYTHON) -> None:
        self._plan = plan
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._waiting: dict[int, tuple[Cell, asyncio.Future[None]]] = {}
        self._next = 0

    async def start(self) -> None:
        """Start the process and wait until it accepts requests. Raises SandboxUnavailable.

        Call this from the thread that lives as long as the worker, as the process dies with it.
        """
        self._control = own_end = self._launch()
        first = await self._first_message(own_end)
        if "error" in first:
            self.close()
            raise SandboxUnavailable(str(first["error"]))
        asyncio.get_running_loop().add_reader(own_end.fileno(), self._on_message)

    def _launch(self) -> socket.socket:
        own_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own_end.setblocking(False)
        source = str(Path(orvanta_platform.__file__).parents[1])
        plan = json.dumps(asdict(self._plan))
        command = [self._python, "-I", "-S", "-B", "-X", "utf8", "-c", _START, source, plan, str(child_end.fileno())]
        with child_end:
            self._process = subprocess.Popen(
                command,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[child_end.fileno()],
                cwd="/",
                start_new_session=True,  # only the worker handles a terminal's Ctrl-C
            )
        return own_end

    async def _first_message(self, control: socket.socket) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        try:
            data = await asyncio.wait_for(loop.sock_recv(control, _MAX_MESSAGE), _ANSWER_S)
        except (TimeoutError, ConnectionResetError):
            data = b""
        if not data:
            return {"error": "the zygote ended or did not answer"}
        message: dict[str, Any] = json.loads(data)
        return message

    async def spawn(self, group: Group | None, *, offline: bool = False) -> Cell:
        """Make a new cell in `group`, confined and ready for a job; `offline`: without network.

        Raises SandboxUnavailable.
        """
        control = self._control
        if control is None:
            raise SandboxKilled("the zygote is not running")
        own_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        own_end.setblocking(False)
        self._next += 1
        cell = Cell(self._next, own_end, self._plan.namespaces, group, self, offline=offline)
        descriptors = group.entrances if group else []
        born = asyncio.get_running_loop().create_future()
        self._waiting[cell.number] = (cell, born)
        try:
            with child_end:
                request = f"{cell.number} {'offline' if offline else 'online'}"
                socket.send_fds(control, [request.encode()], [child_end.fileno(), *descriptors])
            await asyncio.wait_for(born, _ANSWER_S)
            await cell.ready()
        except BaseException as error:
            cell.close()
            if isinstance(error, ConnectionError):
                raise SandboxKilled("the zygote or the cell has ended") from error
            if isinstance(error, TimeoutError):
                raise SandboxKilled("the zygote does not answer") from error
            if isinstance(error, OSError):
                raise SandboxUnavailable(f"the zygote does not answer: {error}") from error
            raise
        finally:
            self._waiting.pop(cell.number, None)
        return cell

    def _on_message(self) -> None:
        control = self._control
        if control is None:
            return
        try:
            data, descriptors, _, _ = socket.recv_fds(control, _MAX_MESSAGE, 1)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, descriptors = b"", []
        if not data:
            self.close()
            return
        message = json.loads(data)
        cell, born = self._waiting.get(message["cell"], (None, None))
        if cell is None or born is None or born.done():
            for descriptor in descriptors:
                os.close(descriptor)
        elif "error" in message:
            born.set_exception(SandboxUnavailable(message["error"]))
        else:
            cell.attach(message["pid"], descriptors[0])
            born.set_result(None)

    @property
    def alive(self) -> bool:
        """True if the process is running, as far as is known."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The zygote's process id while it runs."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """Kill the process. Its cells die with it."""
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            with contextlib.suppress(RuntimeError, ValueError):
                asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        if process is not None:
            process.kill()
            process.wait()
        for _, born in self._waiting.values():
            if not born.done():
                born.set_exception(SandboxKilled("the zygote has ended"))
