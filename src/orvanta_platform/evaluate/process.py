"""One JavaScript child as its evaluator sees it: requests go in without waiting, answers come back in order."""

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
from orvanta_platform.evaluate.child.frames import LENGTH, OVER_TIME, frame

_PYTHON = os.path.realpath(sys.executable)
_START = "import sys; sys.path[:0] = sys.argv[1:3]; from orvanta_platform.evaluate.child import main; main.main()"
_START_S = 30.0
# The child and its keeper count processor time; this is for a machine where neither gets any.
_ANSWER_S = 20.0


class EvaluatorUnavailable(OrvantaError):
    """The JavaScript child cannot be started; the message is its reason."""

    code = "evaluator_unavailable"
    status = 503


class EndedAtStart(EvaluatorUnavailable):
    """The child was ended before it took requests, and gave no reason: another one may live."""


class Fault(msgspec.Struct):
    """An error by JavaScript's name."""

    name: str
    message: str


class Reply(msgspec.Struct):
    """What the child answered: an error, what it needs, or else a value. `limit`: it is not fit for more."""

    value: bytes = b"null"
    truthy: bool = False
    error: Fault | None = None
    need: tuple[str, str] | None = None
    limit: bool = False
    ready: list[str] | None = None
    failed: str | None = None


_VALUES: Final = ((b'{"truthy":true', True), (b'{"truthy":false', False))
_NAME: Final = b',"value":'


def _read(text: bytes) -> Reply:
    """A frame's text; a value in it stays as it is. Raises ValueError, RecursionError."""
    for start, truthy in _VALUES:
        if text.startswith(start):
            value = text[len(start) + len(_NAME) : -1] or b"null"
            return Reply(value, truthy)
    # msgspec refuses unpaired surrogates, which errors and paths may hold.
    return msgspec.convert(json.loads(text), Reply)


class Ended(Exception):
    """The child ended before it answered. `blamed`: while it worked at this very request; `late`: and too long."""

    def __init__(self, *, blamed: bool, late: bool = False) -> None:
        super().__init__("the JavaScript child ended")
        self.blamed = blamed
        self.late = late


class Child(asyncio.Protocol):
    """A child process. It belongs to the loop that started it and dies with the thread that did."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._ready: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._alarm: asyncio.TimerHandle | None = None
        self._burial: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._since = 0.0
        self._late = False
        self._finished = False
        self.alive = True

    async def start(self) -> list[str]:
        """Start it; gives what confines it. Raises EvaluatorUnavailable."""
        ours, theirs = socket.socketpair()
        try:
            self._process = _launch(theirs)
        except OSError as error:
            ours.close()
            raise EvaluatorUnavailable(f"The JavaScript evaluator cannot be started: {error}.") from error
        finally:
            theirs.close()
        ours.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), _START_S)
        except TimeoutError:
            raise EvaluatorUnavailable("The JavaScript evaluator did not start in time.") from None

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing left of it to wait for."""
        return self._gone.is_set() or not (self.alive or self._process)

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self.alive and self._ready.done()

    @property
    def pid(self) -> int | None:
        """The keeper's process id."""
        return self._process.pid if self._process else None

    @property
    def pending(self) -> int:
        """Requests without an answer."""
        return len(self._waiting)

    @property
    def busy_s(self) -> float:
        """Seconds for which it has been at the request it is at."""
        return asyncio.get_running_loop().time() - self._since if self._waiting else 0.0

    async def ask(self, request: bytes) -> Reply:
        """The answer to a request. Raises Ended."""
        if self._transport is None or not self.alive:
            raise Ended(blamed=False)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if len(self._waiting) == 1:
            self._next()
        self._transport.write(frame(request))
        return await answer

    def kill(self) -> None:
        """End it at once; what waits for it hears so."""
        self.alive = False
        if self._process is not None:
            self._process.kill()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own is none by its type
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
            self._take(text)

    def _take(self, text: bytes) -> None:
        try:
            reply = _read(text)
        except (ValueError, RecursionError):  # the process is not what was started any more
            self.kill()
            return
        if not self._ready.done():
            self._begin(reply)
        elif self._waiting and reply.failed is None:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(reply)
            if reply.limit:
                self._finished = True
                self.kill()
            self._next()

    def _begin(self, reply: Reply) -> None:
        if reply.ready is not None:
            self._ready.set_result(reply.ready)
        else:
            self._ready.set_exception(EvaluatorUnavailable(f"The JavaScript evaluator does not start: {reply.failed}."))

    def _next(self) -> None:
        """The request at the head is worked at from now on."""
        loop = asyncio.get_running_loop()
        if self._alarm is not None:
            self._alarm.cancel()
        self._since = loop.time()
        self._alarm = loop.call_later(_ANSWER_S, self._too_long) if self._waiting else None

    def _too_long(self) -> None:
        self._late = True
        self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        if self._alarm is not None:
            self._alarm.cancel()
        self._burial = asyncio.get_running_loop().create_task(self._bury())

    async def _bury(self) -> None:
        """Reap the keeper, which is about to go, and tell those that wait."""
        status = await asyncio.to_thread(self._process.wait) if self._process else None
        if not self._ready.done():
            self._ready.set_exception(EndedAtStart("The JavaScript evaluator ended while it started."))
            self._ready.exception()  # nobody may be there to ask any more
        for place, answer in enumerate(self._waiting):
            if not answer.done():
                blamed = place == 0 and not self._finished
                answer.set_exception(Ended(blamed=blamed, late=blamed and (self._late or status == OVER_TIME)))
        self._waiting.clear()
        self._gone.set()

    async def gone(self) -> None:
        """Wait until its processes have ended and all that waited has heard so."""
        if self._process is not None:
            await self._gone.wait()


def _launch(inherited: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [_PYTHON, "-I", "-S", "-B", "-X", "utf8", "-c", _START, *_folders(), str(inherited.fileno())],
        env={"TZ": "UTC", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[inherited.fileno()],
        cwd="/",
        start_new_session=True,  # a terminal's Ctrl-C is ours to answer
    )


def _folders() -> list[str]:
    """Where the child finds this package, and the engine's extension beside nothing else that it imports."""
    engine = find_spec("_quickjs")
    if engine is None or engine.origin is None:
        raise FileNotFoundError("quickjs-ng is not installed")
    return [str(Path(orvanta_platform.__file__).parents[1]), str(Path(engine.origin).parent)]
