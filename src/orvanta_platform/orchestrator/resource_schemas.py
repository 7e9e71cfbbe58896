"""Schemas of resource types: those of a workspace, and built-in ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import msgspec

from orvanta_platform.db import resource_types
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.resource_types import ResourceTypeRow
from orvanta_platform.errors import TooComplex
from orvanta_platform.workflow import secret_schemas

_FILE = "resource_types.json"
_MAX_TYPES: Final = 100


async def schema_of(conn: Connection, workspace: str, name: str) -> Any:
    """Return the JSON Schema of a type as a tree; None if the type has none or does not exist."""
    row = await resource_types.get(conn, workspace, name) or shipped().get(name)
    return msgspec.json.decode(row.schema) if row is not None and row.schema else None


async def nested_schemas(conn: Connection, workspace: str, schema: Any) -> Mapping[str, Any]:
    """Return the schemas of the resource types that a schema names, directly or through other types, by name.

    Raises TooComplex for more than 100.
    """
    return await collect_nested(partial(schema_of, conn, workspace), schema)


async def collect_nested(find: Callable[[str], Awaitable[Any]], schema: Any) -> Mapping[str, Any]:
    """Return the schemas of the resource types that a schema names, as `find` returns them, by name.

    Raises TooComplex for more than 100.
    """
    names = secret_schemas.resource_types(schema)
    found: dict[str, Any] = {}
    while names:
        if len(found) + len(names) > _MAX_TYPES:
            raise TooComplex(
                f"The schema names more than {_MAX_TYPES} resource types.", hint="Split it.", details={"path": ""}
            )
        added = {name: await find(name) for name in sorted(names)}
        found |= added
        names = frozenset(name for each in added.values() for name in secret_schemas.resource_types(each))
        names -= found.keys()
    return found


@cache
def shipped() -> Mapping[str, ResourceTypeRow]:
    """Return the built-in types by name."""
    text = Path(__file__).with_name(_FILE).read_bytes()
    types = msgspec.json.decode(text, type=dict[str, dict[str, msgspec.Raw]])
    return {name: _shipped(name, fields) for name, fields in types.items()}


def _shipped(name: str, fields: Mapping[str, msgspec.Raw]) -> ResourceTypeRow:
    description = msgspec.json.decode(fields["description"], type=str)
    return ResourceTypeRow(name, bytes(fields["schema"]).decode(), description)
