"""Secrets in clear in the files of incoming changes: everyone who may read the repository can read them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import msgspec

from orvanta_platform.control import secret_fields
from orvanta_platform.db import resource_types
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator import resource_schemas
from orvanta_platform.orchestrator.document_threads import run_in_slices
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets.sealing import TypeSchema
from orvanta_platform.workflow.tree.item import ENCRYPTED, Key
from orvanta_platform.workflow.tree.plan import without_masks


async def find(
    platform: Platform, workspace: str, contents: Mapping[Key, Mapping[str, Any]]
) -> Mapping[Key, list[str]]:
    """Return the locations of secrets in clear by item, as JSON pointers. `contents`: those of incoming changes.

    The schemas of types count that the changes contain, otherwise those of the workspace.
    """
    schemas = await _schemas(platform, workspace, contents)
    return await run_in_slices(workspace, _find(contents, schemas))


async def _schemas(
    platform: Platform, workspace: str, contents: Mapping[Key, Mapping[str, Any]]
) -> Mapping[str, TypeSchema]:
    """Return the schemas of the types of the resources."""
    names = {str(each.get("resource_type") or "") for (kind, _), each in contents.items() if kind == "resource"}
    if not names:
        return {}
    async with platform.db.acquire() as conn:
        stored = {row.name: row for row in await resource_types.list_all(conn, workspace)}

    async def schema_of(name: str) -> Any:
        incoming = contents.get(("resource_type", name), {}).get("schema")
        if isinstance(incoming, dict):
            return incoming
        row = stored.get(name) or resource_schemas.shipped().get(name)
        return msgspec.json.decode(row.schema) if row is not None and row.schema else None

    found = {}
    for name in names:
        schema = await schema_of(name)
        try:
            found[name] = TypeSchema(schema, await resource_schemas.collect_nested(schema_of, schema))
        except OrvantaError:  # too complex: the application reports it
            continue
    return found


def _find(
    contents: Mapping[Key, Mapping[str, Any]], schemas: Mapping[str, TypeSchema]
) -> Generator[None, None, dict[Key, list[str]]]:
    found = {}
    for key, content in contents.items():
        yield
        value = content.get("value")
        if key[0] == "variable" and content.get("is_secret") is True and isinstance(value, str):
            places = ["/value"] if value and not value.startswith(ENCRYPTED) else []
        elif key[0] == "resource" and value:
            places = _places(value, schemas.get(str(content.get("resource_type") or "")))
        else:
            continue
        if places:
            found[key] = places
    return found


def _places(value: Any, type_schema: TypeSchema | None) -> list[str]:
    if type_schema is None:
        return []
    try:
        raw = msgspec.json.encode(without_masks(value))
        _, taken = secret_fields.extract(raw, type_schema.schema, {}, type_schema.nested)
    except (OrvantaError, UnicodeEncodeError):  # the application reports it
        return []
    return [f"/value{pointer}" for pointer in taken]
