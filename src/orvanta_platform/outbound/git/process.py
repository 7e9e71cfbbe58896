"""Git child of a server process: started for one synchronisation with a repository, and killed after it.

The child has no settings, keys or addresses of the platform. It receives the credentials of one repository, and stores
its objects in a folder that is deleted with it.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

import orvanta_platform
from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import (
    LENGTH,
    MAX_MESSAGE_BYTES,
    Answer,
    Build,
    Built,
    Change,
    Failed,
    Fetch,
    Fetched,
    GitFault,
    Probe,
    Probed,
    Push,
    Pushed,
    Remote,
    Request,
)

_START: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from orvanta_platform.outbound.git import child; child.main()"
)
T = TypeVar("T", Probed, Fetched, Built, Pushed)


@asynccontextmanager
async def session(home: Path, limit_s: float = limits.DEADLINE_S) -> AsyncIterator[Session]:
    """Start a child while the block is active, at most `limit_s` seconds. Its objects are stored below `home`."""
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    storage = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="git-", dir=home))
    process: asyncio.subprocess.Process | None = None
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-B", "-X", "utf8", "-c", _START, str(Path(orvanta_platform.__file__).parents[1])),
            env={"TZ": "UTC", "LANG": "C.UTF-8", "HOME": str(storage), "PATH": ""},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=storage,
            start_new_session=True,
        )
        async with asyncio.timeout(limit_s):
            yield Session(process, storage)
    except TimeoutError:
        raise GitFault("repository_unreachable", "The repository was not read in time.") from None
    finally:
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await asyncio.to_thread(shutil.rmtree, storage, ignore_errors=True)


class Session:
    """Requests to a child, one after the other."""

    def __init__(self, process: asyncio.subprocess.Process, storage: Path) -> None:
        self._process = process
        self._storage = storage

    async def probe(self, remote: Remote) -> Probed:
        """Return the branches of a repository, which are not read. Raises GitFault."""
        return await self._ask(Probe(remote=remote), Probed)

    async def fetch(self, remote: Remote, known: str | None) -> Fetched:
        """Read a branch, unless it is at the commit `known`. Raises GitFault."""
        return await self._ask(Fetch(remote=remote, storage=str(self._storage), known=known), Fetched)

    async def build(self, changes: list[Change]) -> list[str | None]:
        """Make commits on top of the fetched one; return their ids, None where nothing changes. Raises GitFault."""
        return (await self._ask(Build(changes=changes), Built)).ids

    async def push(self) -> None:
        """Send the commits. Raises GitFault; after one, they may nevertheless have been received."""
        await self._ask(Push(), Pushed)

    async def _ask(self, request: Request, kind: type[T]) -> T:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        body = await asyncio.to_thread(msgspec.msgpack.encode, request)
        if len(body) > MAX_MESSAGE_BYTES:
            raise limits.too_large("The commits are too large", MAX_MESSAGE_BYTES)
        try:
            requests.write(LENGTH.pack(len(body)))
            requests.write(body)
            await requests.drain()
            size = LENGTH.unpack(await answers.readexactly(LENGTH.size))[0]
            if size > MAX_MESSAGE_BYTES:
                raise GitFault("repository_too_large", "The repository is too large.")
            sent = await answers.readexactly(size)
        except (ConnectionError, asyncio.IncompleteReadError):
            raise GitFault("repository_too_large", "The repository needs too much memory or time.") from None
        answer: Answer = await asyncio.to_thread(msgspec.msgpack.decode, sent, type=Answer)
        if isinstance(answer, Failed):
            raise GitFault(answer.code, answer.message)
        if not isinstance(answer, kind):
            raise GitFault("repository_refused", "The repository cannot be read.")
        return answer
