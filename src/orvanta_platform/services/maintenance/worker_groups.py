"""Settings of worker groups, which their workers read and apply."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform.control import audit, instance_settings
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import WORKER_GROUPS
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.control.worker_groups import WorkerGroup
from orvanta_platform.db import instance_settings as rows
from orvanta_platform.db import worker_views
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import NotFound
from orvanta_platform.services.access.instance_settings import check_version, version_of
from orvanta_platform.services.platform import Platform

_INSTANCE = Target(None, "instance")


class NamedGroup(msgspec.Struct, frozen=True):
    """A worker group. `group` None: it has live workers, and no settings."""

    name: str
    group: WorkerGroup | None
    version: str | None
    """Version that a change can be based on. None for callers to whom environment variables are not shown."""


async def list_groups(platform: Platform, actor: Actor) -> list[NamedGroup]:
    """Return the groups that have settings or live workers, by name. Raises Forbidden.

    Environment variables are shown to superadmins and devops only.
    """
    require(actor, "list_workers", _INSTANCE)
    sees_all = can(actor, "see_all_workers", _INSTANCE)
    async with platform.db.acquire() as conn:
        groups = await instance_settings.read_plain(conn, WORKER_GROUPS)
        live = await worker_views.list_groups(conn)
    names = sorted({*groups, *live})
    if sees_all:
        return [NamedGroup(name, groups.get(name), _version(groups.get(name))) for name in names]
    return [NamedGroup(name, _shown(groups.get(name)), None) for name in names]


async def get_group(platform: Platform, actor: Actor, name: str) -> WorkerGroup:
    """Return the settings of a group; those of a group without any are the defaults. Raises Forbidden."""
    require(actor, "see_all_workers", _INSTANCE)
    async with platform.db.acquire() as conn:
        return (await instance_settings.read_plain(conn, WORKER_GROUPS)).get(name, WorkerGroup())


async def set_group(
    platform: Platform, actor: Actor, name: str, group: WorkerGroup, base_version: str | None = None
) -> None:
    """Replace the settings of a group. Its workers apply them within seconds.

    `base_version`: the version that the change is based on; None: any. Raises Forbidden, also for tokens with limits,
    BadRequest, VersionConflict.
    """
    require(actor, "write_settings", _INSTANCE)
    refuse_limited(actor, "change worker groups")

    async def write(conn: Connection) -> None:
        before = await _locked(conn)
        _check_version(before, name, base_version)
        await _store(conn, actor, {**before, name: group}, before)
        shown = {"config": msgspec.to_builtins(group)}
        await audit.record_instance(conn, actor, "worker_groups.set", "Updated", name, shown)

    await platform.db.retrying(write)


async def delete_group(platform: Platform, actor: Actor, name: str, base_version: str | None = None) -> None:
    """Delete the settings of a group. Its workers return to those of their environment.

    `base_version`: as for `set_group`. Raises Forbidden, NotFound, VersionConflict.
    """
    require(actor, "write_settings", _INSTANCE)
    refuse_limited(actor, "change worker groups")

    async def write(conn: Connection) -> None:
        before = await _locked(conn)
        if name not in before:
            raise NotFound(f"The worker group {name[:100]} has no settings.")
        _check_version(before, name, base_version)
        await _store(conn, actor, {other: group for other, group in before.items() if other != name}, before)
        await audit.record_instance(conn, actor, "worker_groups.delete", "Delete", name)

    await platform.db.retrying(write)


async def _locked(conn: Connection) -> dict[str, WorkerGroup]:
    await rows.lock(conn)
    return await instance_settings.read_plain(conn, WORKER_GROUPS)


async def _store(
    conn: Connection, actor: Actor, groups: dict[str, WorkerGroup], before: dict[str, WorkerGroup]
) -> None:
    assert WORKER_GROUPS.check is not None
    WORKER_GROUPS.check(groups, before)
    text = msgspec.json.encode({name: _set_fields(group) for name, group in groups.items()}).decode()
    await rows.store(conn, WORKER_GROUPS.name, text, None, None, actor.username)


def _version(group: WorkerGroup | None) -> str:
    return version_of(None if group is None else msgspec.json.encode(group, order="deterministic"))


def _check_version(groups: dict[str, WorkerGroup], name: str, base: str | None) -> None:
    group = groups.get(name)
    check_version(name, _version(group), base, None if group is None else msgspec.to_builtins(group))


def _set_fields(group: WorkerGroup) -> dict[str, Any]:
    """Return the settings that are not null. Workers of an earlier version refuse the names of later settings."""
    return {name: value for name, value in msgspec.to_builtins(group).items() if value is not None}


def _shown(group: WorkerGroup | None) -> WorkerGroup | None:
    return None if group is None else msgspec.structs.replace(group, env_vars_static={})
