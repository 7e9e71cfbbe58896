"""Confined child process as used by its pool: requests are pipelined, answers arrive in order."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

import msgspec

import orvanta_platform
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.child.frames import LENGTH, OVER_TIME

_PYTHON = os.path.realpath(sys.executable)
_START = "import sys; sys.path[:0] = sys.argv[1:3]; from orvanta_platform.evaluate.child import main; main.main()"
_START_S = 30.0
_CHUNK_BYTES: Final = 128 << 10
"""Maximum size of a request that is written without yielding to other tasks, in bytes."""


class Program(msgspec.Struct, frozen=True):
    """Program of a child process."""

    name: str
    """Key of its engine in child/main.py."""

    title: str
    extension: str
    """Extension module that the engine imports."""

    package: str
    """Distribution that contains the extension module."""

    answer_s: float
    """Maximum wall-clock time of one request. The child and its keeper limit processor time, which may take longer."""


JAVASCRIPT: Final = Program("javascript", "JavaScript evaluator", "_quickjs", "quickjs-ng", 20.0)
SCHEMA: Final = Program("schema", "checker of JSON Schemas", "jsonschema_rs", "jsonschema-rs", 90.0)
CODE: Final = Program("code", "reader of scripts", "tree_sitter", "tree-sitter", 90.0)


class EvaluatorUnavailable(OrvantaError):
    """The child process cannot be started; the message contains the reason."""

    code = "evaluator_unavailable"
    status = 503


class EndedAtStart(EvaluatorUnavailable):
    """The child ended before it was ready, without a reason: another one may start."""


class Fault(msgspec.Struct):
    """Error by its JavaScript name."""

    name: str
    message: str


class Reply(msgspec.Struct):
    """Answer of the child: an error, a path to open, or a value."""

    value: bytes = b"null"
    truthy: bool = False
    error: Fault | None = None
    need: tuple[str, str] | None = None
    """Variable or resource to open, as (kind, path)."""
    limit: bool = False
    """True if the child must not serve further requests."""
    ready: list[str] | None = None
    failed: str | None = None


_VALUES: Final = (
    (b'{"truthy":true', True, False),
    (b'{"truthy":false', False, False),
    (b'{"limit":true', True, True),
)
_NAME: Final = b',"value":'


def _read(text: bytes) -> Reply:
    """Parse the text of a frame; a value in it is not decoded. Raises ValueError, RecursionError."""
    for start, truthy, limit in _VALUES:
        if text.startswith(start):
            value = text[len(start) + len(_NAME) : -1] or b"null"
            return Reply(value, truthy, limit=limit)
    # msgspec rejects unpaired surrogates, which errors and paths may contain.
    return msgspec.convert(json.loads(text), Reply)


class Ended(Exception):
    """The child ended before it answered.

    `blamed`: it was working on this request. `late`: it also exceeded its time limit.
    """

    def __init__(self, *, blamed: bool, late: bool = False) -> None:
        super().__init__("the child ended")
        self.blamed = blamed
        self.late = late


class Child(asyncio.Protocol):
    """Child process. It belongs to the loop that started it and is killed when the thread that started it ends."""

    def __init__(self, program: Program = JAVASCRIPT) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._ready: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._alarm: asyncio.TimerHandle | None = None
        self._reaping: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._sending = asyncio.Lock()
        self._writable = asyncio.Event()
        self._writable.set()
        self._since = 0.0
        self._late = False
        self._finished = False
        self.alive = True

    async def start(self) -> list[str]:
        """Start the process and return the confinements in effect. Raises EvaluatorUnavailable."""
        own_end, child_end = socket.socketpair()
        try:
            self._process = _launch(self._program, child_end)
        except OSError as error:
            own_end.close()
            raise EvaluatorUnavailable(f"The {self._program.title} cannot be started: {error}.") from error
        finally:
            child_end.close()
        own_end.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=own_end)
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), _START_S)
        except TimeoutError:
            raise EvaluatorUnavailable(f"The {self._program.title} did not start in time.") from None

    @property
    def is_gone(self) -> bool:
        """Return whether the process and all its answers are finished."""
        return self._gone.is_set() or not (self.alive or self._process)

    @property
    def is_ready(self) -> bool:
        """Return whether the child accepts requests."""
        return self.alive and self._ready.done()

    @property
    def pid(self) -> int | None:
        """Return the keeper's process id."""
        return self._process.pid if self._process else None

    @property
    def pending(self) -> int:
        """Return the number of requests without an answer."""
        return len(self._waiting)

    @property
    def busy_s(self) -> float:
        """Return the seconds for which the child has been working on the current request."""
        return asyncio.get_running_loop().time() - self._since if self._waiting else 0.0

    async def ask(self, *request: bytes) -> Reply:
        """Send a request in pieces and return its answer. Raises Ended."""
        if self._transport is None or not self.alive:
            raise Ended(blamed=False)
        length = sum(map(len, request))
        if length <= _CHUNK_BYTES and not self._sending.locked():
            answer = self._add_waiting()
            self._transport.write(b"".join((LENGTH.pack(length), *request)))
        else:
            async with self._sending:
                answer = self._add_waiting()
                try:
                    await self._send(LENGTH.pack(length), *request)
                except BaseException:
                    self._abandon(answer)
                    raise
        return await answer

    def _add_waiting(self) -> asyncio.Future[Reply]:
        """Return the future answer to the request that is sent next."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if len(self._waiting) == 1:
            self._start_clock()
        return answer

    def _abandon(self, answer: asyncio.Future[Reply]) -> None:
        """End the child, which would read the next request as the rest of this one; none of the others is to blame."""
        answer.cancel()
        self._finished = True
        self.kill()

    async def _send(self, *pieces: bytes) -> None:
        """Write in chunks, as fast as the child reads: writing a large request at once would block the event loop."""
        for piece in pieces:
            whole = memoryview(piece)
            for start in range(0, len(whole), _CHUNK_BYTES):
                await self._writable.wait()
                if self._transport is None or not self.alive:
                    return
                self._transport.write(whole[start : start + _CHUNK_BYTES])
                await asyncio.sleep(0)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def kill(self) -> None:
        """Kill the process immediately; waiting requests raise Ended."""
        self.alive = False
        if self._process is not None:
            self._process.kill()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's transport is not declared as one
        if not self.alive:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(received)[0]
            if len(received) < end:
                break
            text = bytes(received[LENGTH.size : end])
            del received[:end]
            self._receive_reply(text)

    def _receive_reply(self, text: bytes) -> None:
        try:
            reply = _read(text)
        except (ValueError, RecursionError):  # the process no longer runs the program
            self.kill()
            return
        if not self._ready.done():
            self._set_ready(reply)
        elif self._waiting and reply.failed is None:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(reply)
            if reply.limit:
                self._finished = True
                self.kill()
            self._start_clock()

    def _set_ready(self, reply: Reply) -> None:
        if reply.ready is not None:
            self._ready.set_result(reply.ready)
        else:
            self._ready.set_exception(
                EvaluatorUnavailable(f"The {self._program.title} does not start: {reply.failed}.")
            )

    def _start_clock(self) -> None:
        """Restart the clock for the request at the head of the queue."""
        loop = asyncio.get_running_loop()
        if self._alarm is not None:
            self._alarm.cancel()
        self._since = loop.time()
        self._alarm = loop.call_later(self._program.answer_s, self._time_out) if self._waiting else None

    def _time_out(self) -> None:
        self._late = True
        self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._writable.set()
        if self._alarm is not None:
            self._alarm.cancel()
        self._reaping = asyncio.get_running_loop().create_task(self._reap())

    async def _reap(self) -> None:
        """Reap the keeper, which is about to exit, and fail the waiting requests."""
        status = await asyncio.to_thread(self._process.wait) if self._process else None
        if not self._ready.done():
            self._ready.set_exception(EndedAtStart(f"The {self._program.title} ended while it started."))
            self._ready.exception()  # there may be no waiter left to retrieve it
        for position, answer in enumerate(self._waiting):
            if not answer.done():
                blamed = position == 0 and not self._finished
                answer.set_exception(Ended(blamed=blamed, late=blamed and (self._late or status == OVER_TIME)))
        self._waiting.clear()
        self._gone.set()

    async def wait_closed(self) -> None:
        """Wait until the processes have ended and all waiting requests have been answered."""
        if self._process is not None:
            await self._gone.wait()


def _launch(program: Program, inherited: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            _PYTHON,
            "-I",
            "-S",
            "-B",
            "-X",
            "utf8",
            "-c",
            _START,
            *_folders(program),
            program.name,
            str(inherited.fileno()),
        ],
        env={"TZ": "UTC", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[inherited.fileno()],
        cwd="/",
        start_new_session=True,  # the parent handles Ctrl-C of the terminal
    )


def _folders(program: Program) -> list[str]:
    """Return the import path of the child: this package, and a folder with only the engine's extension."""
    engine = find_spec(program.extension)
    if engine is None or engine.origin is None:
        raise FileNotFoundError(f"{program.package} is not installed")
    inside = len(engine.submodule_search_locations or ())
    return [str(Path(orvanta_platform.__file__).parents[1]), str(Path(engine.origin).parents[inside])]
