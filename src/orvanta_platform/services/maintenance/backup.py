"""Backup of the whole installation to one file, and its restoration: database, objects, instance key.

The database is read in one snapshot while the installation runs. Objects are read afterwards: additional objects do no
harm, and objects deleted in between are counted as missing.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from orvanta_platform import __version__, clock, ids
from orvanta_platform.control import keys
from orvanta_platform.db import backup, migrate, partitions, retention
from orvanta_platform.db.backup import TableShape
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.errors import Conflict, SchemaTooNew, SettingsError
from orvanta_platform.services.maintenance import objects
from orvanta_platform.settings import Settings
from orvanta_platform.storage import ObjectMissing, Storage
from orvanta_platform.storage.archive import ArchiveBroken, Reader, Writer

T = TypeVar("T")

_FORMAT = 1
_HEAD, _KEY, _TOKEN, _END = "manifest", "instance-key", "token", "end"
_TABLE, _OBJECT = "table/", "object/"
_DRAFT = ".draft-"


class RestoreRefused(Conflict):
    """The target is in use, or does not match the archive. The message says which."""

    code = "restore_refused"


class Head(msgspec.Struct):
    """First stream of an archive."""

    format: int
    version: str
    made_at: datetime
    migrations: list[str]
    tables: list[TableShape]
    weeks: list[datetime]


class Counts(msgspec.Struct):
    """Last stream of an archive: rows by table, number of objects, and values of sequences."""

    rows: dict[str, int]
    objects: int
    sequences: dict[str, int]


@dataclass(slots=True)
class TransferCounts:
    """Numbers of rows and objects written or read."""

    rows: int = 0
    objects: int = 0
    missing: int = 0
    """Objects that were deleted while the backup was made."""
    dropped: int = 0
    """Old objects that were deleted."""
    tables: dict[str, int] = field(default_factory=dict)


async def save(settings: Settings, storage: Storage, file: IO[bytes]) -> TransferCounts:
    """Write the backup to a binary file. Raises DatabaseUnavailable, StorageError, OSError."""
    writer, done = Writer(file), TransferCounts()
    async with backup.connect(_owner_url(settings)) as conn:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            head = await _head(conn)
            _put(writer, _HEAD, msgspec.json.encode(head))
            _put(writer, _KEY, keys.text(settings).encode())
            token = settings.home / _TOKEN
            if token.is_file():
                _put(writer, _TOKEN, token.read_bytes())
            for table in head.tables:
                await _save_table(conn, writer, table, done)
        numbers = await backup.get_sequences(conn)
    await _save_objects(storage, writer, done)
    _put(writer, _END, msgspec.json.encode(Counts(done.tables, done.objects, numbers)))
    writer.close()
    return done


async def restore(settings: Settings, storage: Storage, file: IO[bytes], *, force: bool = False) -> TransferCounts:
    """Restore a backup from a binary file into the database, storage and home of these settings.

    The database is written in one transaction: a broken archive leaves it empty. `force`: existing data is replaced,
    and old objects that no row refers to are deleted. Raises RestoreRefused, ArchiveBroken, SchemaTooNew,
    SettingsError, DatabaseUnavailable, StorageError.
    """
    owner_url, app_url, started = _owner_url(settings), settings.database_url, clock.now()
    streams = Reader(file).streams()
    head = _read_head(streams)
    async with backup.connect(owner_url) as conn:
        await _refuse_wrong_place(conn, head, force)
        await migrate.migrate(owner_url, app_url=app_url, only=head.migrations)
        done = TransferCounts()
        async with conn.transaction():
            await backup.truncate_tables(conn, [table.name for table in head.tables])
            for week in head.weeks:
                await partitions.create_missing(conn, week)
            await _restore_streams(conn, settings, storage, streams, head, done, force=force)
    await migrate.migrate(owner_url, app_url=app_url)
    if force:
        database = await Database.connect(owner_url)
        try:
            done.dropped = await objects.delete_unreferenced(database, storage, started)
        finally:
            await database.close()
    return done


async def _head(conn: Connection) -> Head:
    tables = await backup.list_tables(conn)
    weeks = {ids.made_at(each.lower) for each in await retention.list_partitions(conn)}
    return Head(_FORMAT, __version__, clock.now(), await backup.list_migrations(conn), tables, sorted(weeks))


async def _save_table(conn: Connection, writer: Writer, table: TableShape, done: TransferCounts) -> None:
    async def write(data: bytes) -> None:
        writer.write(data)

    writer.begin(f"{_TABLE}{table.name}")
    count = await backup.copy_out(conn, table, write)
    done.tables[table.name] = count
    done.rows += count


async def _save_objects(storage: Storage, writer: Writer, done: TransferCounts) -> None:
    async for page in storage.keys_before(clock.now() + timedelta(days=1)):
        for key in page:
            if _DRAFT in key:
                continue
            try:
                pieces = storage.pieces(key)
                first = await anext(pieces, b"")
            except ObjectMissing:
                done.missing += 1
                continue
            writer.begin(f"{_OBJECT}{key}")
            writer.write(first)
            async for piece in pieces:
                writer.write(piece)
            done.objects += 1


def _put(writer: Writer, name: str, data: bytes) -> None:
    writer.begin(name)
    writer.write(data)


def _read_head(streams: Iterator[tuple[str, Iterator[bytes]]]) -> Head:
    name, parts = next(streams, ("", iter(())))
    if name != _HEAD:
        raise ArchiveBroken("The archive is not a backup of Orvanta.")
    head = _decoded(b"".join(parts), Head)
    if head.format != _FORMAT:
        raise ArchiveBroken(f"The archive has the format {head.format}, this version reads {_FORMAT}.")
    known = {each.name for each in migrate.list_migrations()}
    newer = [name for name in head.migrations if name not in known]
    if newer:
        raise SchemaTooNew(
            f"The backup was made by Orvanta {head.version}, whose database has {newer[-1]}.",
            hint="Restore it with that version or a later one.",
        )
    return head


async def _refuse_wrong_place(conn: Connection, head: Head, force: bool) -> None:
    there = await backup.list_migrations(conn)
    ahead = [name for name in there if name not in head.migrations]
    if ahead:
        raise RestoreRefused(
            f"The database has {ahead[-1]}, which is newer than the backup.",
            hint="Restore into an empty database; it is migrated afterwards.",
        )
    if there and await backup.is_used(conn):
        if not force:
            raise RestoreRefused("The database is in use.", hint="Use --force to replace all of its data.")
        if await backup.count_live_workers(conn):
            raise RestoreRefused("Workers use this database.", hint="Stop server and workers, and wait half a minute.")


async def _restore_streams(
    conn: Connection,
    settings: Settings,
    storage: Storage,
    streams: Iterator[tuple[str, Iterator[bytes]]],
    head: Head,
    done: TransferCounts,
    *,
    force: bool,
) -> None:
    shapes = {table.name: table for table in head.tables}
    for name, parts in streams:
        if name.startswith(_TABLE) and name.removeprefix(_TABLE) in shapes:
            table = shapes[name.removeprefix(_TABLE)]
            done.tables[table.name] = await backup.copy_in(conn, table, _pieces(parts))
            done.rows += done.tables[table.name]
        elif name.startswith(_OBJECT):
            await storage.put_pieces(name.removeprefix(_OBJECT), _pieces(parts))
            done.objects += 1
        elif name == _KEY:
            keys.store(settings, b"".join(parts).decode(), replace=force)
        elif name == _TOKEN:
            _write_token(settings.home / _TOKEN, b"".join(parts))
        elif name == _END:
            counts = _decoded(b"".join(parts), Counts)
            at_end = next(streams, None) is None
            if at_end and (counts.rows, counts.objects) == (done.tables, done.objects):
                await backup.set_sequences(conn, counts.sequences)
                return
            break
    raise ArchiveBroken("The archive is incomplete.")


async def _pieces(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    for each in parts:
        yield each


def _write_token(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"token.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(text)
    draft.replace(path)


def _decoded(data: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.DecodeError as error:
        raise ArchiveBroken("The archive is not a backup of Orvanta.") from error


def _owner_url(settings: Settings) -> str:
    if settings.owner_url is None:
        raise SettingsError("The role that owns the tables is not known.", hint="Set ORVANTA_OWNER_URL.")
    return settings.owner_url
