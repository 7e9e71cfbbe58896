"""Files of a workspace: data of members and jobs with names of their own, `{"s3": name}` in values.

Each upload is stored as a new object, so a name never becomes a path in the storage. An object is written before the
row that refers to it, and a row is deleted before its object.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock, ids
from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor, while_permitted
from orvanta_platform.control.permissions import Target, readable, require, require_workspace
from orvanta_platform.db import files, policies
from orvanta_platform.db.files import FileFilter, FileRow, NewFile
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    NotFound,
    OrvantaError,
    StorageError,
    StorageLimitReached,
    TooLarge,
)
from orvanta_platform.services.access import folders
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.streaming import prefetch_first

UNKNOWN_TYPE = "application/octet-stream"
MAX_LINK_S = 7 * 86_400
MIN_LINK_S = 60

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)
_DISPOSITION = re.compile(r"(?:inline|attachment)(?:\s*;[\x20-\x7e]*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}")
_OTHER = re.compile(r"[^A-Za-z0-9_\-.]")
_MAX_HEADER_LENGTH = 255
_MAX_SHOWN_NAME_LENGTH = 100

log = structlog.get_logger(__name__)


class Upload(msgspec.Struct, frozen=True):
    """A file to store."""

    key: str | None = None
    """Name; None: a generated name that ends with `extension`."""
    extension: str | None = None
    mime_type: str | None = None
    """None: guessed from the name."""
    disposition: str | None = None
    """Content-Disposition of downloads."""


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
    StorageLimitReached, StorageError, Unauthenticated.
    """
    actor = await caller.current()
    require_workspace(actor, workspace)
    key = names.file_key(what.key) if what.key else _generated_name(what.extension)
    await _require_writable(platform, actor, workspace, key)
    mime_type = _header("content_type", what.mime_type, _TYPE) or mimetypes.guess_type(key)[0] or UNKNOWN_TYPE
    disposition = _header("content_disposition", what.disposition, _DISPOSITION)
    counted = _Counted(pieces, platform.settings.file_limit)
    counted.check(announced or 0)
    async with platform.db.acquire() as conn:
        await _require_room(conn, workspace, key, announced or 1)
    object = _object(workspace, key)
    await platform.storage.put_pieces(object, aiter(counted))
    try:
        actor = await caller.current()
        require(actor, "write", _target(workspace, key))
    except OrvantaError:
        await _drop(platform, object)
        raise
    new = NewFile(key, object, counted.size, mime_type, disposition)

    async def write(conn: Connection) -> FileRow | None:
        await _require_room(conn, workspace, key, new.size, lock=True)
        await folders.ensure(conn, actor, workspace, key)
        before = await files.get(conn, workspace, key, lock=True)
        require(actor, "write", _target(workspace, key, await files.put(conn, workspace, new, actor.username)))
        kind: audit.ActionKind = "Updated" if before else "Created"
        details = {"size": new.size, "mime_type": mime_type}
        await audit.record(conn, actor, "files.upload", kind, key, details)
        return before

    try:
        before = await platform.db.retrying(write)
    except StorageLimitReached:
        await _drop(platform, object)
        raise
    if before is not None:
        await _drop(platform, before.object)
    return key


async def get(platform: Platform, actor: Actor, workspace: str, key: str) -> FileRow:
    """Return the properties of a file. Raises NotFound, BadRequest."""
    require_workspace(actor, workspace)
    key = names.file_key(key)
    require(actor, "read", _target(workspace, key))
    async with platform.db.acquire() as conn:
        return _found(await files.get(conn, workspace, key), key)


async def content(
    platform: Platform, caller: LiveActor, workspace: str, file: FileRow, start: int, length: int
) -> AsyncIterator[bytes]:
    """Return an iterator over `length` bytes of a file returned by `get`, from `start` on, read on demand.

    Raises ObjectMissing, StorageError before the first piece, and later Unauthenticated, NotFound once the caller may
    no longer read the file.
    """
    pieces = await prefetch_first(platform.storage.pieces(file.object, start, length))
    return while_permitted(pieces, caller, "read", _target(workspace, file.key))


async def part(platform: Platform, file: FileRow, start: int, length: int) -> bytes:
    """Return at most `length` bytes of a file returned by `get`, from `start` on.

    Raises ObjectMissing, StorageError.
    """
    return await platform.storage.get_range(file.object, start, length)


async def list_page(platform: Platform, actor: Actor, workspace: str, filter: FileFilter) -> tuple[list[FileRow], bool]:
    """Return a page of the files that the actor may read, by name, and whether there may be others.

    Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    who = readable(actor, "file")
    visible = replace(filter, everything=who.everything, patterns=who.patterns, scope=who.scope)
    async with platform.db.acquire() as conn:
        return await files.list_page(conn, workspace, visible), not who.everything or who.scope is not None


async def delete(platform: Platform, actor: Actor, workspace: str, key: str) -> None:
    """Delete a file: its row, and then its object. Raises NotFound, Forbidden, BadRequest."""
    require_workspace(actor, workspace)
    key = names.file_key(key)
    require(actor, "write", _target(workspace, key))

    async def write(conn: Connection) -> str:
        found = _found(await files.get(conn, workspace, key, lock=True), key)
        require(actor, "write", _target(workspace, key, found.created_by))
        object = await files.delete(conn, workspace, key)
        if object is None:
            raise _missing(key)
        await audit.record(conn, actor, "files.delete", "Delete", key)
        return object

    await _drop(platform, await platform.db.retrying(write))


async def move(platform: Platform, actor: Actor, workspace: str, key: str, target: str) -> None:
    """Rename a file. Raises NotFound, Forbidden, BadRequest, AlreadyExists."""
    require_workspace(actor, workspace)
    key, target = names.file_key(key), names.file_key(target)
    require(actor, "write", _target(workspace, key))
    require(actor, "write", _target(workspace, target))

    async def write(conn: Connection) -> None:
        found = _found(await files.get(conn, workspace, key, lock=True), key)
        require(actor, "write", _target(workspace, key, found.created_by))
        await folders.ensure(conn, actor, workspace, target)
        if key == target or not await files.move(conn, workspace, key, target, actor.username):
            raise AlreadyExists(f"The file {target} exists already.", hint="Delete it first, or use another name.")
        await audit.record(conn, actor, "files.move", "Updated", key, {"key": target})

    await platform.db.retrying(write)


async def link(platform: Platform, actor: Actor, workspace: str, key: str, expires_s: int) -> tuple[str, datetime]:
    """Return a URL that gives anyone access to the file in the store, and its expiry; audited.

    Raises NotFound, BadRequest, and Conflict if the store does not support such URLs.
    """
    file = await get(platform, actor, workspace, key)
    expires_s = min(max(expires_s, MIN_LINK_S), MAX_LINK_S)
    until = clock.now() + timedelta(seconds=expires_s)
    address = await platform.storage.link(file.object, expires_s)
    if address is None:
        raise Conflict(
            "The object storage of this installation does not support links.",
            hint="Read the file with job_helpers/download_s3_file, or store objects in a remote store "
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
        raise StorageError("The object storage returned other data than was written.")


class _Counted:
    """Iterates over the pieces of an upload and raises TooLarge if there are too many bytes."""

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
                hint="The limit is set by ORVANTA_FILE_LIMIT.",
                details={"limit": self._limit},
            )


async def _require_room(conn: Connection, workspace: str, key: str, size: int, *, lock: bool = False) -> None:
    """Check that the policies allow a file of this size in bytes, which replaces the one of the same name.

    `lock`: other calls with it wait until the transaction ends. Raises StorageLimitReached.
    """
    maximum = (await policies.list_limits(conn, workspace)).get("file_bytes")
    if maximum is None:
        return
    if lock:
        await files.lock_total(conn, workspace)
    if await files.sum_sizes(conn, workspace, without=key) + size > maximum:
        raise StorageLimitReached(
            f"The files of the workspace may have {maximum:,} bytes in total, which is a limit of its policies.",
            hint="Delete files that are no longer needed.",
            details={"resource": "file_bytes", "limit": maximum},
        )


async def _require_writable(platform: Platform, actor: Actor, workspace: str, key: str) -> None:
    """Raise NotFound or Forbidden if the actor may not write the file with this name, existing or not."""
    async with platform.db.acquire() as conn:
        found = await files.get(conn, workspace, key)
    require(actor, "write", _target(workspace, key, found.created_by if found is not None else None))


def _target(workspace: str, key: str, created_by: str | None = None) -> Target:
    return Target(workspace, "file", key, created_by)


def _found(file: FileRow | None, key: str) -> FileRow:
    if file is None:
        raise _missing(key)
    return file


def _missing(key: str) -> NotFound:
    return NotFound(f"The file {key} does not exist.")


def _generated_name(extension: str | None) -> str:
    if extension and not _EXTENSION.fullmatch(extension := extension.removeprefix(".")):
        raise BadRequest(f"{extension[:50]!r} is not a file name extension.")
    name = f"uploads/{ids.new_run_id()}"
    return f"{name}.{extension}" if extension else name


def _object(workspace: str, key: str) -> str:
    """Return a new object key. Its last part is the file name that a store uses for downloads by link."""
    name = _OTHER.sub("_", key.rpartition("/")[2])[-_MAX_SHOWN_NAME_LENGTH:]
    return f"{workspace}/files/{ids.new_run_id()}/{name if name.strip('.') else '_'}"


def _header(name: str, value: str | None, pattern: re.Pattern[str]) -> str | None:
    if not value:
        return None
    if len(value) > _MAX_HEADER_LENGTH or not pattern.fullmatch(value):
        raise BadRequest(f"{name} {value[:100]!r} cannot be sent as a header.")
    return value


async def _drop(platform: Platform, object: str) -> None:
    """Delete an object that no row refers to. If the storage does not respond, it is left to the janitor."""
    try:
        await platform.storage.delete(object)
    except StorageError as error:
        log.warning("object not deleted", action="drop_file", object=object, error=error.message)
