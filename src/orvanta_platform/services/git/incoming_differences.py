"""Difference that an incoming change makes to an item, without the secrets that files contain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from orvanta_platform.control import secret_fields
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import git as rows
from orvanta_platform.db.git import ItemRow
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator import resource_schemas
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.services.changes.flow_differences import difference_of
from orvanta_platform.services.git import incoming
from orvanta_platform.services.git.incoming import IncomingContents
from orvanta_platform.services.git.state import content_of, unpack
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import sealing
from orvanta_platform.services.secrets.sealing import TypeSchema
from orvanta_platform.workflow.diff import Difference
from orvanta_platform.workflow.mask import MASK
from orvanta_platform.workflow.tree.item import Key
from orvanta_platform.workflow.tree.plan import masked

_QUOTED_MASK: Final = re.compile(rb'(?<!\\)"\*\*\*"(?!\s*:)')


class IncomingDifference(msgspec.Struct, frozen=True):
    """Contents of an item before and after its incoming change, and the difference of a workflow that exists."""

    contents: IncomingContents
    difference: Difference | None


async def get(platform: Platform, actor: Actor, workspace: str, key: Key) -> IncomingDifference:
    """Return the difference of an item of the incoming plan. Secrets are masked.

    Raises NotFound, Forbidden, RateLimited, and the error of an item that cannot be read.
    """
    async with platform.turns.take("git", workspace, actor.email):
        found = await incoming.read_contents(platform, actor, workspace, key)
        if key[0] == "script":
            found = msgspec.structs.replace(found, after=_with_unchanged_settings(found))
        elif key[0] == "variable":
            found = msgspec.structs.replace(found, after=_without_value(found))
        elif key[0] == "resource" and found.after is not None:
            schemas = await _schemas(platform, workspace, found)
            found = await run_in_thread(workspace, _without_secrets, found, schemas)
        difference = await run_in_thread(workspace, difference_of, key[0], found.before, found.after)
    return IncomingDifference(found, difference)


def _with_unchanged_settings(found: IncomingContents) -> Mapping[str, Any] | None:
    """Return the content of a script with the settings and the lock that its files lack, as they stay.

    If other packages are required, the script is locked again when it is applied.
    """
    before, after = found.before or {}, found.after
    if after is None:
        return None
    names = ("settings", "lock") if before.get("language") == after.get("language") else ("settings",)
    return {**{name: before[name] for name in names if name in before}, **after}


def _without_value(found: IncomingContents) -> Mapping[str, Any] | None:
    """Return the content of a variable; a secret one has no value if it exists, because its value is not replaced."""
    before, after = found.before or {}, found.after
    if after is None or not after.get("is_secret", before.get("is_secret")):
        return after
    others = {name: value for name, value in after.items() if name != "value"}
    return others if before.get("is_secret") or not after.get("value") else {**others, "value": MASK}


async def _schemas(platform: Platform, workspace: str, found: IncomingContents) -> list[TypeSchema]:
    """Return the schemas of the type of a resource: that of the workspace, and that with the types of the repository.

    Raises TooComplex.
    """
    assert found.after is not None
    kind = str(found.after.get("resource_type") or (found.before or {}).get("resource_type") or "")
    async with platform.db.acquire() as conn:
        stored = await sealing.schema_of(conn, workspace, kind)
    find = partial(_schema_after, platform, workspace)
    schema = await find(kind)
    return [stored, TypeSchema(schema, await resource_schemas.collect_nested(find, schema))]


async def _schema_after(platform: Platform, workspace: str, kind: str) -> Any:
    """Return the schema of a resource type in the repository if it is changed there, otherwise in the workspace."""
    async with platform.db.acquire() as conn:
        row = await rows.get_incoming_item(conn, workspace, "resource_type", kind)
        stored = await resource_schemas.schema_of(conn, workspace, kind)
    schema = None if row is None else await run_in_thread(workspace, _incoming_schema, kind, row)
    return stored if schema is None else schema


def _incoming_schema(kind: str, row: ItemRow) -> dict[str, Any] | None:
    """Return the schema of a resource type in the repository; None if it has none, or cannot be applied as it is."""
    files = unpack(row.incoming)
    try:
        schema = None if files is None else content_of(("resource_type", kind), files, None).get("schema")
    except OrvantaError:
        return None
    return schema if isinstance(schema, dict) else None


def _without_secrets(found: IncomingContents, schemas: list[TypeSchema]) -> IncomingContents:
    """Return the contents with masks for the secret fields of the new value; those of a resource keep their values."""
    assert found.after is not None
    if "value" not in found.after:
        return found
    value = masked(found.after["value"], (found.before or {}).get("value"))
    raw = msgspec.json.encode(value)
    for each in schemas:
        # A mask that the file contains is no secret.
        _, taken = secret_fields.extract(_QUOTED_MASK.sub(b"null", raw), each.schema, {}, each.nested)
        raw = secret_fields.mask_at(raw, taken)
    return msgspec.structs.replace(found, after={**found.after, "value": msgspec.json.decode(raw)})
