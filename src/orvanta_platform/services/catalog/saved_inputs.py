"""Saved inputs: arguments of a script or workflow under a name, and those of its earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

import msgspec

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import require, require_workspace
from orvanta_platform.db import items, saved_inputs
from orvanta_platform.db.items import ItemRow
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.saved_inputs import SavedInputRow
from orvanta_platform.errors import BadRequest, LimitExceeded, NotFound, TooLarge, UnsupportedPassword
from orvanta_platform.services.catalog import deploy
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.workflow import secret_schemas

MAX_SAVED_INPUTS: Final = 200
"""Maximum number of saved inputs of an item and a member."""

MAX_INPUTS_BYTES: Final = 256 << 10
"""Maximum size of saved arguments in bytes of JSON."""


async def save(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, name: str, args: bytes) -> UUID:
    """Save arguments (JSON text of an object) under a name and return their id.

    Only the actor may use them until `change` makes them public. Raises NotFound, Forbidden, BadRequest, TooLarge,
    LimitExceeded, and UnsupportedPassword if the schema of the item declares a password.
    """
    require_workspace(actor, workspace)
    _check_name(name)
    if not args.startswith(b"{"):
        raise BadRequest("Saved inputs must be an object.")
    if len(args) > MAX_INPUTS_BYTES:
        raise TooLarge(f"Saved inputs have at most {MAX_INPUTS_BYTES >> 10} KiB.", details={"limit": MAX_INPUTS_BYTES})
    id = uuid4()

    async def write(conn: Connection) -> None:
        row = await items.get(conn, workspace, kind, path)
        if row is None:
            raise deploy.missing(kind, path)
        require(actor, "run", deploy.target_of(row))
        if secret_schemas.may_declare(schema_of(row)):
            raise UnsupportedPassword(
                "Inputs of a script or workflow with a password cannot be saved.",
                hint="Use a secret variable or a resource instead of the password.",
            )
        new = {"id": id, "name": name, "args": args, "username": actor.username, "most": MAX_SAVED_INPUTS}
        if not await saved_inputs.insert(conn, workspace, kind, path, **new):  # type: ignore[arg-type]
            raise LimitExceeded(f"You have {MAX_SAVED_INPUTS} saved inputs of {path}.", hint="Delete some of them.")
        await audit.record(conn, actor, "inputs.create", "Created", path, {"kind": kind, "id": str(id), "name": name})

    await platform.db.retrying(write)
    return id


async def list_page(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, *, limit: int, offset: int
) -> list[SavedInputRow]:
    """Return a page of the saved inputs that the actor may use, newest first. Raises NotFound."""
    await deploy.get(platform, actor, workspace, kind, path)
    async with platform.db.acquire() as conn:
        return await saved_inputs.list_page(conn, workspace, kind, path, actor.username, limit=limit, offset=offset)


async def list_history(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, *, limit: int, offset: int
) -> Sequence[JobRow]:
    """Return a page of the ended runs of an item, newest first, whose arguments may be used again. Raises NotFound."""
    await deploy.get(platform, actor, workspace, kind, path)
    filter = JobFilter(script_path_exact=path, is_flow_step=False, job_kinds=(kind,))
    part = Slice(limit=limit, offset=offset)
    return await jobs.list_jobs(platform, actor, workspace, ("ended_runs",), filter, part)


async def get_args(platform: Platform, actor: Actor, workspace: str, id: UUID) -> bytes:
    """Return the arguments of a saved input or of a run, as JSON text. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await saved_inputs.get(conn, workspace, id)
    if row is None:
        return (await jobs.get(platform, actor, workspace, id, with_logs=False, with_code=False)).args
    if not (row.is_public or row.created_by == actor.username):
        raise _missing(id)
    await deploy.get(platform, actor, workspace, _kind(row), row.path)
    return row.args


async def change(platform: Platform, actor: Actor, workspace: str, id: UUID, name: str, *, is_public: bool) -> None:
    """Rename a saved input, and let everybody use it who may read the item, or only its creator.

    Raises NotFound, and Forbidden unless the actor created it or may write the item.
    """
    _check_name(name)

    async def write(conn: Connection) -> None:
        row = await _writable(conn, actor, workspace, id)
        await saved_inputs.update(conn, workspace, id, name, is_public=is_public)
        parameters = {"kind": row.kind, "id": str(id), "name": name, "is_public": is_public}
        await audit.record(conn, actor, "inputs.update", "Updated", row.path, parameters)

    await platform.db.retrying(write)


async def delete(platform: Platform, actor: Actor, workspace: str, id: UUID) -> None:
    """Delete a saved input. Raises NotFound, and Forbidden unless the actor created it or may write the item."""

    async def write(conn: Connection) -> None:
        row = await _writable(conn, actor, workspace, id)
        await saved_inputs.delete(conn, workspace, id)
        await audit.record(conn, actor, "inputs.delete", "Delete", row.path, {"kind": row.kind, "id": str(id)})

    await platform.db.retrying(write)


async def _writable(conn: Connection, actor: Actor, workspace: str, id: UUID) -> SavedInputRow:
    require_workspace(actor, workspace)
    row = await saved_inputs.get(conn, workspace, id)
    is_own = row is not None and row.created_by == actor.username
    if row is None or not (is_own or row.is_public or actor.role is Role.ADMIN):
        raise _missing(id)
    item = await items.get(conn, workspace, row.kind, row.path)
    if item is None:
        raise _missing(id)
    require(actor, "run" if is_own else "write", deploy.target_of(item))
    return row


def schema_of(row: ItemRow) -> object:
    """Return the schema of the inputs of an item: its own, or the derived one; None if it has none."""
    stored = msgspec.json.decode(row.settings).get("schema")
    made = msgspec.json.decode(row.made_schema) if row.made_schema is not None else None
    return stored if stored is not None else made


def _kind(row: SavedInputRow) -> Kind:
    return "flow" if row.kind == "flow" else "script"


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > limits.MAX_LABEL_LENGTH:
        raise BadRequest(f"A name has 1 to {limits.MAX_LABEL_LENGTH} characters.")


def _missing(id: UUID) -> NotFound:
    return NotFound(f"The saved input {id} does not exist.")
