"""Files of a workspace: what people and jobs keep under names of their own, `{"s3": name}` in values.

The bytes are an object of its own at each upload, so a name never becomes a path of the storage: an object is written
first and the row that names it after, a row is deleted first and its object after.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from orvanta_platform import clock, ids
from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor, while_permitted
from orvanta_platform.control.permissions import Target, readable, require, require_workspace
from orvanta_platform.db import files
from orvanta_platform.db.files import FileFilter, FileRow, NewFile
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, NotFound, OrvantaError, StorageError, TooLarge
from orvanta_platform.services.access import folders
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.streaming import prefetch_first

UNKNOWN_TYPE = "application/octet-stream"
LONGEST_LINK_S = 7 * 86_400
SHORTEST_LINK_S = 60

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)
_DISPOSITION = re.compile(r"(?:inline|attachment)(?:\s*;[\x20-\x7e]*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}")
_OTHER = re.compile(r"[^A-Za-z0-9_\-.]")
_LONGEST_HEADER = 255
_LONGEST_SHOWN_NAME = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to keep. Without `key` it gets a name, which ends in `extension`.

    `mime_type` is guessed from the name where it is not given; `disposition` is told to whoever downloads it.
    """

    key: str | None = None
    extension: str | None = None
    mime_type: str | None = None
    disposition: str | None = None


async def upload(
    platform: Platform,
    caller: LiveActor,
    workspace: str,
    what: Upload,
    pieces: AsyncIterable[bytes],
    announced: int | None,
) -> str:
    """Store the pieces of a file, with only a few of them in memory at a time; returns the file's name.

    `announced`: the number of bytes, if the caller declares it. Readers of a file that is being replaced get the old
    one. Permission is checked again after the last piece. Raises NotFound, Forbidden, BadRequest, TooLarge,
    StorageError, Unauthenticated.
    """
    actor = await caller.current()
    require_workspace(actor, workspace)
    key = names.file_key(what.key) if what.key else _made_up(what.extension)
    await _require_writable(platform, actor, workspace, key)
    mime_type = _header("content_type", what.mime_type, _TYPE) or mimetypes.guess_type(key)[0] or UNKNOWN_TYPE
    disposition = _header("content_disposition", what.disposition, _DISPOSITION)
    counted = _Counted(pieces, platform.settings.file_limit)
    counted.check(announced or 0)
    object = _object(workspace, key)
    await platform.storage.put_pieces(object, aiter(counted))
    try:
        actor = await caller.current()
        require(actor, "write", _thing(workspace, key))
    except OrvantaError:
        await _drop(platform, object)
        raise
    new = NewFile(key, object, counted.size, mime_type, disposition)

    async def write(conn: Connection) -> FileRow | None:
        await folders.ensure(conn, actor, workspace, key)
        before = await files.get(conn, workspace, key, lock=True)
        require(actor, "write", _thing(workspace, key, await files.put(conn, workspace, new, actor.username)))
        kind: audit.ActionKind = "Updated" if before else "Created"
        told = {"size": new.size, "mime_type": mime_type}
        await audit.record(conn, actor, "files.upload", kind, key, told)
        return before

    before = await platform.db.retrying(write)
    if before is not None:
        await _drop(platform, before.object)
    return key


async def get(platform: Platform, actor: Actor, workspace: str, key: str) -> FileRow:
    """What is known of a file. Raises NotFound, BadRequest."""
    require_workspace(actor, workspace)
    key = names.file_key(key)
    require(actor, "read", _thing(workspace, key))
    async with platform.db.acquire() as conn:
        return _found(await files.get(conn, workspace, key), key)


async def content(
    platform: Platform, caller: LiveActor, workspace: str, file: FileRow, start: int, length: int
) -> AsyncIterator[bytes]:
    """`length` bytes of a file that `get` returned, from `start` on, read on demand.

    Raises ObjectMissing, StorageError before the first piece, and later Unauthenticated, NotFound once the caller may
    no longer read the file.
    """
    pieces = await prefetch_first(platform.storage.pieces(file.object, start, length))
    return while_permitted(pieces, caller, "read", _thing(workspace, file.key))


async def part(platform: Platform, file: FileRow, start: int, length: int) -> bytes:
    """At most `length` bytes of a file that `get` gave, from `start` on. Raises ObjectMissing, StorageError."""
    return await platform.storage.get_range(file.object, start, length)


async def list_page(platform: Platform, actor: Actor, workspace: str, what: FileFilter) -> tuple[list[FileRow], bool]:
    """A page of the files the actor may read, by name, and whether there may be others. Raises NotFound, Forbidden."""
    require_workspace(actor, workspace)
    who = readable(actor, "file")
    seen = replace(what, everything=who.everything, patterns=who.patterns, scope=who.scope)
    async with platform.db.acquire() as conn:
        return await files.list_page(conn, workspace, seen), not who.everything or who.scope is not None


async def delete(platform: Platform, actor: Actor, workspace: str, key: str) -> None:
    """Delete a file: its row, and then its object. Raises NotFound, Forbidden, BadRequest."""
    require_workspace(actor, workspace)
    key = names.file_key(key)
    require(actor, "write", _thing(workspace, key))

    async def write(conn: Connection) -> str:
        found = _found(await files.get(conn, workspace, key, lock=True), key)
        require(actor, "write", _thing(workspace, key, found.created_by))
        object = await files.delete(conn, workspace, key)
        if object is None:
            raise _missing(key)
        await audit.record(conn, actor, "files.delete", "Delete", key)
        return object

    await _drop(platform, await platform.db.retrying(write))


async def move(platform: Platform, actor: Actor, workspace: str, key: str, target: str) -> None:
    """Give a file another name. Raises NotFound, Forbidden, BadRequest, AlreadyExists."""
    require_workspace(actor, workspace)
    key, target = names.file_key(key), names.file_key(target)
    require(actor, "write", _thing(workspace, key))
    require(actor, "write", _thing(workspace, target))

    async def write(conn: Connection) -> None:
        found = _found(await files.get(conn, workspace, key, lock=True), key)
        require(actor, "write", _thing(workspace, key, found.created_by))
        await folders.ensure(conn, actor, workspace, target)
        if key == target or not await files.move(conn, workspace, key, target, actor.username):
            raise AlreadyExists(f"The file {target} exists already.", hint="Delete it first, or take another name.")
        await audit.record(conn, actor, "files.move", "Updated", key, {"key": target})

    await platform.db.retrying(write)


async def link(platform: Platform, actor: Actor, workspace: str, key: str, expires_s: int) -> tuple[str, datetime]:
    """An address under which whoever has it reads the file from the store itself, and until when; audited.

    Raises NotFound, BadRequest, and Conflict where the store gives no such addresses.
    """
    file = await get(platform, actor, workspace, key)
    expires_s = min(max(expires_s, SHORTEST_LINK_S), LONGEST_LINK_S)
    until = clock.now() + timedelta(seconds=expires_s)
    address = await platform.storage.link(file.object, expires_s)
    if address is None:
        raise Conflict(
            "The object storage of this installation gives no links.",
            hint="Read the file with job_helpers/download_s3_file, or keep objects in a store of its own "
            "(OBJECT_STORAGE_URL).",
        )
    async with platform.db.transaction() as conn:
        await audit.record(conn, actor, "files.link", "Execute", file.key, {"expires_s": expires_s})
    return address, until


async def try_storage(platform: Platform, actor: Actor, workspace: str) -> None:
    """Write, read and delete an object. Raises NotFound, Forbidden, StorageError."""
    require(actor, "write", Target(workspace, "file"))
    object = _object(workspace, "connection")
    await platform.storage.put(object, b"orvanta")
    try:
        found = await platform.storage.get(object)
    finally:
        await platform.storage.delete(object)
    if found != b"orvanta":
        raise StorageError("The object storage gave something else than was written.")


class _Counted:
    """Pieces of an upload, counted; ends it once there are too many."""

    def __init__(self, pieces: AsyncIterable[bytes], limit: int) -> None:
        self._pieces = pieces
        self._limit = limit
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self.size += len(piece)
            self.check(self.size)
            yield piece

    def check(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(
                f"The file is larger than {self._limit} bytes.",
                hint="ORVANTA_FILE_LIMIT says how large one may be.",
                details={"limit": self._limit},
            )


async def _require_writable(platform: Platform, actor: Actor, workspace: str, key: str) -> None:
    """Raises NotFound or Forbidden if the actor may not write the file of this name, existing or not."""
    async with platform.db.acquire() as conn:
        found = await files.get(conn, workspace, key)
    require(actor, "write", _thing(workspace, key, found.created_by if found is not None else None))


def _thing(workspace: str, key: str, created_by: str | None = None) -> Target:
    return Target(workspace, "file", key, created_by)


def _found(file: FileRow | None, key: str) -> FileRow:
    if file is None:
        raise _missing(key)
    return file


def _missing(key: str) -> NotFound:
    return NotFound(f"The file {key} does not exist.")


def _made_up(extension: str | None) -> str:
    if extension and not _EXTENSION.fullmatch(extension := extension.removeprefix(".")):
        raise BadRequest(f"{extension[:50]!r} is no extension of a file's name.")
    name = f"uploads/{ids.new_run_id()}"
    return f"{name}.{extension}" if extension else name


def _object(workspace: str, key: str) -> str:
    """A new object; its last part is what a store calls a file that is fetched by a link."""
    name = _OTHER.sub("_", key.rpartition("/")[2])[-_LONGEST_SHOWN_NAME:]
    return f"{workspace}/files/{ids.new_run_id()}/{name if name.strip('.') else '_'}"


def _header(name: str, given: str | None, pattern: re.Pattern[str]) -> str | None:
    if not given:
        return None
    if len(given) > _LONGEST_HEADER or not pattern.fullmatch(given):
        raise BadRequest(f"{name} {given[:100]!r} cannot be sent as a header.")
    return given


async def _drop(platform: Platform, object: str) -> None:
    """Delete an object that no row names any more; where the store does not answer, the janitor does it later."""
    try:
        await platform.storage.delete(object)
    except StorageError as error:
        log.warning("object not deleted", action="drop_file", object=object, error=error.message)
