"""Resource types: names with a JSON Schema. Fields that the schema declares as passwords are secrets of the resource.

Some types are part of the platform and exist in every workspace. A workspace's own type of the same name takes
precedence.
"""

from __future__ import annotations

import asyncio
import re

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.control.secrets import DataKey
from orvanta_platform.db import resource_types, resources
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.resource_types import ResourceTypeRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, NotFound
from orvanta_platform.orchestrator.resource_schemas import shipped
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import sealing
from orvanta_platform.workflow import secret_schemas

_EXTENSION = re.compile(r"[A-Za-z0-9_-]{1,30}(\.[A-Za-z0-9_-]{1,30})?")


class TypeChange(msgspec.Struct, frozen=True):
    """Changes to a type; None: unchanged."""

    schema: str | None = None
    """JSON text of a JSON Schema."""
    description: str | None = None
    is_fileset: bool | None = None


async def create(platform: Platform, actor: Actor, workspace: str, new: ResourceTypeRow) -> None:
    """Create a type.

    Raises NotFound, Forbidden, BadRequest, UnsupportedPassword, TooComplex, AlreadyExists (also for types of the
    platform).
    """
    require(actor, "create", Target(workspace, "resource_type"))
    names.check_name("resource type", new.name)
    _check_schema(new.schema)
    if new.format_extension and not _EXTENSION.fullmatch(new.format_extension):
        raise BadRequest("`format_extension` is not valid.", hint="Write a file extension such as ini or tar.gz.")
    limits.check_text("A description", new.description)
    if new.name in shipped():
        raise AlreadyExists(f"The resource type {new.name} is part of the platform.", hint="An admin may update it.")
    await _store(platform, actor, workspace, new, is_new=True)


async def update(platform: Platform, actor: Actor, workspace: str, name: str, change: TypeChange) -> None:
    """Change a type; admins only. A type of the platform is copied to the workspace first.

    Secret fields of resources that the new schema declares are sealed in the same transaction; none is unsealed. Raises
    NotFound, Forbidden, BadRequest.
    """
    require(actor, "write", Target(workspace, "resource_type"))
    _check_schema(change.schema)
    limits.check_text("A description", change.description)
    row = await get(platform, actor, workspace, name)
    changed = replace(
        row,
        schema=row.schema if change.schema is None else change.schema,
        description=row.description if change.description is None else change.description,
        is_fileset=row.is_fileset if change.is_fileset is None else change.is_fileset,
    )
    await _store(platform, actor, workspace, changed, is_new=row.workspace is None)


async def get(platform: Platform, actor: Actor, workspace: str, name: str) -> ResourceTypeRow:
    """Return a type. Raises NotFound."""
    require(actor, "read", Target(workspace, "resource_type"))
    async with platform.db.acquire() as conn:
        row = await resource_types.get(conn, workspace, name) or shipped().get(name)
    if row is None:
        raise NotFound(f"The resource type {name} does not exist.")
    return row


async def exists(platform: Platform, actor: Actor, workspace: str, name: str) -> bool:
    """Return whether there is a type with this name."""
    require(actor, "read", Target(workspace, "resource_type"))
    async with platform.db.acquire() as conn:
        return name in shipped() or await resource_types.get(conn, workspace, name) is not None


async def list_all(platform: Platform, actor: Actor, workspace: str) -> list[ResourceTypeRow]:
    """Return all types by name."""
    require(actor, "read", Target(workspace, "resource_type"))
    async with platform.db.acquire() as conn:
        own = {row.name: row for row in await resource_types.list_all(conn, workspace)}
    return [row for _, row in sorted({**shipped(), **own}.items())]


async def delete(platform: Platform, actor: Actor, workspace: str, name: str) -> None:
    """Delete a type of the workspace; admins only.

    Raises NotFound, Forbidden, and Conflict if resources use it or it is part of the platform.
    """
    require(actor, "write", Target(workspace, "resource_type"))
    async with platform.db.transaction() as conn:
        if await resource_types.is_used(conn, workspace, name) and name not in shipped():
            raise Conflict(f"Resources of the type {name} exist.", hint="Delete them or change their type.")
        if not await resource_types.delete(conn, workspace, name):
            if name in shipped():
                raise Conflict(f"The resource type {name} is part of the platform.")
            raise NotFound(f"The resource type {name} does not exist.")
        await audit.record(conn, actor, "resource_types.delete", "Delete", name)


async def _store(platform: Platform, actor: Actor, workspace: str, row: ResourceTypeRow, *, is_new: bool) -> None:
    schema = msgspec.json.decode(row.schema) if row.schema else None
    seals = secret_schemas.may_declare(schema)
    key = await secrets.newest_key(platform.db, platform.keys, workspace) if seals else None

    async def write(conn: Connection) -> None:
        if is_new:
            if not await resource_types.insert(conn, workspace, row, actor.username):
                raise AlreadyExists(f"The resource type {row.name} exists already.")
        elif not await resource_types.update(conn, workspace, row):
            raise NotFound(f"The resource type {row.name} does not exist.")
        for name in await _holders(conn, workspace, row.name) if seals else ():
            await _reseal(platform, conn, workspace, name, key)
        verb: tuple[str, audit.ActionKind] = ("create", "Created") if is_new else ("update", "Updated")
        await audit.record(conn, actor, f"resource_types.{verb[0]}", verb[1], row.name)

    await platform.db.retrying(write)


async def _holders(conn: Connection, workspace: str, name: str) -> list[str]:
    """Return the type and the types of the workspace that name it, directly or through other types."""
    rows = await resource_types.list_all(conn, workspace)
    named = {row.name: secret_schemas.resource_types(msgspec.json.decode(row.schema)) for row in rows if row.schema}
    found = [name]
    for holder in found:
        found += [each for each, names in named.items() if holder in names and each not in found]
    return found


async def _reseal(platform: Platform, conn: Connection, workspace: str, kind: str, key: DataKey | None) -> None:
    schema = await sealing.schema_of(conn, workspace, kind)
    for resource in await resources.lock_of_type(conn, workspace, kind):
        await asyncio.sleep(0)  # sealing one resource may take long, so other tasks run in between
        sealed = sealing.resealed(platform, resource, schema, key)
        if sealed is not None:
            await resources.update(conn, workspace, resource.path, sealed, None)


def _check_schema(text: str | None) -> None:
    limits.check_type_schema(text)
    tree = msgspec.json.decode(text) if text else {}
    if not isinstance(tree, dict):
        raise BadRequest("The schema of a resource type is a JSON Schema, an object.")
    secret_schemas.check(tree)
