"""Rotation of the instance key and of the data keys while the platform runs.

A new instance key is stored next to the old one; every process reads the file again within a second. Each workspace
receives a new data key, and secrets are encrypted again in batches that hold no locks between them: a row that was
changed meanwhile is left to the next pass. The old key is deleted when the jobs whose tokens it signed have ended. Each
step does nothing where it was done before, so that a rotation that was interrupted continues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from orvanta_platform.control import audit, keys, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import KEY_WORKSPACE
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.control.secrets import DataKey, SecretLocation, SecretUnreadable
from orvanta_platform.db import key_rotation as rows
from orvanta_platform.db.key_rotation import OpeningKey, SealedRow, SecretTable
from orvanta_platform.db.openings import NewOpening
from orvanta_platform.db.pool import Database
from orvanta_platform.db.steps import NewValue
from orvanta_platform.errors import BadRequest, Conflict
from orvanta_platform.orchestrator import sealed_inputs, values
from orvanta_platform.settings import Settings
from orvanta_platform.storage import ObjectMissing, Storage

_TABLES: Final[tuple[SecretTable, ...]] = ("variable", "resource", "setting", "totp", "git", "webhook", "export")
_BATCH = 200
_LEARN_S = 2.0
"""Seconds after which every process has read a changed key file and has finished sealing with the key before it."""
_POLL_S = 1.0

Report = Callable[[str], None]


class RotationIncomplete(Conflict):
    """Ciphertexts of the old key remain: a process that has not read the new key keeps writing them."""

    code = "rotation_incomplete"


@dataclass(slots=True)
class Rotated:
    """Outcome of a rotation."""

    data_keys: int = 0
    """New data keys."""
    ciphertexts: int = 0
    """Ciphertexts that were replaced."""
    unreadable: set[str] = field(default_factory=set)
    """Secrets that no known key opens."""
    second_key: bool = False
    """The old key is set as ORVANTA_SECOND_INSTANCE_KEY and must be removed there."""


@dataclass(slots=True)
class _Rotation:
    db: Database
    storage: Storage
    keys: InstanceKeys
    done: Rotated
    data_keys: dict[str, dict[int, DataKey]] = field(default_factory=dict)
    """Readable data keys by workspace and version, the newest last."""

    def newest(self, workspace: str) -> DataKey | None:
        """Return the key that seals in a workspace."""
        found = self.data_keys.get(workspace)
        return found[max(found)] if found else None


async def rotate(
    settings: Settings, db: Database, storage: Storage, actor: Actor, report: Report, *, wait: bool = True
) -> Rotated:
    """Rotate the instance key and all data keys, or continue an interrupted rotation.

    `report` receives a sentence on each step. Without `wait`, the old key is deleted immediately, and tokens of jobs
    that run now become invalid. Raises Forbidden, Conflict during another rotation, RotationIncomplete, SettingsError.
    """
    require(actor, "write_settings", Target(None, "instance"))
    refuse_limited(actor, "rotate keys")
    with keys.rotating(settings):
        if settings.instance_key is not None and settings.second_instance_key is None:
            raise BadRequest(
                "ORVANTA_INSTANCE_KEY is set without ORVANTA_SECOND_INSTANCE_KEY.",
                hint="Exchange the keys in every process first, as docs/how-to/operate/rotate-keys.md describes.",
            )
        is_new = keys.begin_rotation(settings)
        report("Stored a new instance key." if is_new else "Continuing a rotation.")
        rotation = _Rotation(db, storage, keys.load(settings), Rotated(second_key=settings.instance_key is not None))
        await _record(rotation, actor, "keys.rotate")
        await asyncio.sleep(_LEARN_S)
        await _replace_data_keys(rotation)
        report(f"Created {rotation.done.data_keys} data keys.")
        await _seal_again(rotation, report)
        await _forget_digests(rotation)
        if wait:
            await _await_running(rotation, report)
        await _seal_again(rotation, report)
        keys.end_rotation(settings)
        await asyncio.sleep(_LEARN_S)
        await _check(rotation, settings)
        await _record(rotation, actor, "keys.rotated")
    return rotation.done


async def _record(rotation: _Rotation, actor: Actor, operation: str) -> None:
    fingerprint = secrets.fingerprint(rotation.keys)
    details = {"ciphertexts": rotation.done.ciphertexts, "unreadable": sorted(rotation.done.unreadable)[:20]}
    async with rotation.db.transaction() as conn:
        await audit.record_instance(conn, actor, operation, "Updated", fingerprint, details)


async def _replace_data_keys(rotation: _Rotation) -> None:
    """Give each workspace a data key under the new instance key, and wrap the earlier ones in it as well.

    Earlier data keys remain for ciphertexts outside of the database (`variables.encrypt`).
    """
    stored, current = await _load(rotation), secrets.fingerprint(rotation.keys)
    old = [(workspace, key) for workspace, key, by in stored if by != current]
    ends = {workspace: (key, by) for workspace, key, by in stored}
    new = [
        (workspace, secrets.wrap(rotation.keys, workspace, secrets.new_data_key(key.version + 1)))
        for workspace, (key, by) in ends.items()
        if by != current
    ]
    wrapped = [(workspace, secrets.wrap(rotation.keys, workspace, key)) for workspace, key in old]
    for start in range(0, len(new), _BATCH):
        async with rotation.db.transaction() as conn:
            await rows.insert_keys(conn, new[start : start + _BATCH])
    for start in range(0, len(wrapped), _BATCH):
        async with rotation.db.transaction() as conn:
            await rows.replace_wrapped(conn, wrapped[start : start + _BATCH])
    rotation.done.data_keys += len(new)
    await _load(rotation)


async def _load(rotation: _Rotation) -> list[tuple[str, DataKey, str]]:
    """Load the data keys; return the readable ones as (workspace, key, fingerprint of the wrapping key)."""
    async with rotation.db.acquire() as conn:
        found = await rows.list_keys(conn)
    readable = []
    for workspace, row in found:
        try:
            key = secrets.unwrap(rotation.keys, workspace, row)
        except SecretUnreadable:
            rotation.done.unreadable.add(f"the data key of {workspace}")
            continue
        rotation.data_keys.setdefault(workspace, {})[row.version] = key
        readable.append((workspace, key, row.wrapped_by))
    return readable


async def _seal_again(rotation: _Rotation, report: Report) -> None:
    """Replace all ciphertexts of old keys, in passes until one finds none."""
    while replaced := await _pass(rotation):
        rotation.done.ciphertexts += replaced
        report(f"Encrypted {rotation.done.ciphertexts} secrets again.")


async def _pass(rotation: _Rotation) -> int:
    replaced = await _inputs(rotation) + await _openings(rotation)
    for table in _TABLES:
        replaced += await _table(rotation, table)
    return replaced


async def _table(rotation: _Rotation, table: SecretTable) -> int:
    after = (KEY_WORKSPACE if table in ("setting", "totp") else "", "")
    replaced = 0
    while True:
        async with rotation.db.acquire() as conn:
            page = await rows.list_old_rows(conn, table, after, _BATCH)
        if not page:
            return replaced
        after = (page[-1].workspace, page[-1].path)
        new = [each for row in page if (each := _sealed_again(rotation, table, row)) is not None]
        if new:
            async with rotation.db.transaction() as conn:
                await rows.replace_rows(conn, table, new)
        replaced += len(new)


def _sealed_again(rotation: _Rotation, table: SecretTable, row: SealedRow) -> tuple[SealedRow, bytes, int] | None:
    location = SecretLocation(row.workspace, table, row.path)
    key, newest = rotation.data_keys.get(row.workspace, {}).get(row.key_version), rotation.newest(row.workspace)
    try:
        if key is None or newest is None:
            raise SecretUnreadable("Its key does not exist.")
        return row, secrets.seal(newest, location, secrets.unseal(key, location, row.sealed)), newest.version
    except SecretUnreadable:
        rotation.done.unreadable.add(f"the {table} {row.path} of {row.workspace}")
        return None


async def _inputs(rotation: _Rotation) -> int:
    after, replaced = (UUID(int=0), ""), 0
    while True:
        async with rotation.db.acquire() as conn:
            page = await rows.list_inputs(conn, sealed_inputs.SEALED_NAMES, after, _BATCH)
        if not page:
            return replaced
        after = (page[-1].row.id, page[-1].row.name)
        new = [(each.row, value) for each in page if (value := await _input(rotation, each)) is not None]
        if new:
            async with rotation.db.transaction() as conn:
                await rows.replace_inputs(conn, new)
        for old, _ in new:
            if old.object is not None:
                await rotation.storage.delete(old.object)
        replaced += len(new)


async def _input(rotation: _Rotation, found: rows.SealedInput) -> NewValue | None:
    """Return the value that replaces sealed inputs; None if they have the newest key already."""
    row, workspace = found.row, found.workspace
    newest = rotation.newest(workspace) if workspace is not None else None
    if workspace is None or newest is None:
        return None
    try:
        raw = (await values.open_rows(rotation.storage, [row]))[row.key]
        new = sealed_inputs.sealed_again(workspace, raw, rotation.data_keys[workspace], newest)
    except (SecretUnreadable, ObjectMissing):
        rotation.done.unreadable.add(f"the inputs of the run {row.id} of {workspace}")
        return None
    if new is None:
        return None
    # A new object for each key: the stored row refers to a complete one at any time.
    return await values.store(
        rotation.storage, workspace, row.id, row.id, "args", new, name=row.name, attempt=newest.version
    )


async def _openings(rotation: _Rotation) -> int:
    """Seal the openings of running jobs again, unless the new key has sealed them."""
    after: OpeningKey = (UUID(int=0), 0, "", "", b"")
    replaced = 0
    while True:
        async with rotation.db.acquire() as conn:
            page = await rows.list_openings(conn, after, _BATCH)
        if not page:
            return replaced
        after = page[-1][0]
        new = [(key, each) for key, sealed in page if (each := _opening(rotation.keys, key, sealed)) is not None]
        if new:
            async with rotation.db.transaction() as conn:
                await rows.replace_openings(conn, new)
        replaced += len(new)


def _opening(instance: InstanceKeys, key: OpeningKey, sealed: bytes) -> NewOpening | None:
    job, attempt, kind, path, digest = key
    try:
        texts = secrets.unseal_opening(instance, job, attempt, sealed)
    except SecretUnreadable:
        return None
    new, again = secrets.seal_opening(instance, job, attempt, texts)
    return None if new == digest else NewOpening(kind, path, new, again)


async def _forget_digests(rotation: _Rotation) -> None:
    """Remove digests that later calls could not compare. Until they expire, these keys accept any input."""
    async with rotation.db.acquire() as conn:
        before = await rows.get_time(conn)
    while True:
        async with rotation.db.transaction() as conn:
            if not await rows.forget_digests(conn, _BATCH, before):
                return


async def _await_running(rotation: _Rotation, report: Report) -> None:
    """Wait until the jobs have ended whose tokens the old key may have signed."""
    async with rotation.db.acquire() as conn:
        attempts = await rows.list_running(conn)
    before = -1
    while True:
        async with rotation.db.acquire() as conn:
            left = await rows.count_running(conn, attempts)
        if not left:
            return
        if left != before:
            report(f"Waiting for {left} jobs that were started with the old key.")
        before = left
        await asyncio.sleep(_POLL_S)


async def _check(rotation: _Rotation, settings: Settings) -> None:
    """Check that the key that remains opens everything that any key opened. Raises RotationIncomplete."""
    unreadable = set(rotation.done.unreadable)
    alone = _Rotation(rotation.db, rotation.storage, _first(settings), Rotated(unreadable=set(unreadable)))
    await _load(alone)
    replaced = await _pass(alone)
    left: Sequence[str] = sorted(alone.done.unreadable - unreadable)
    if replaced or left:
        raise RotationIncomplete(
            f"Secrets are still encrypted with the old key: {', '.join(left[:5]) or replaced}.",
            hint="Restart the processes that do not use the new key, then run the command again.",
        )


def _first(settings: Settings) -> InstanceKeys:
    return InstanceKeys(keys.text(settings).splitlines()[0].encode())
