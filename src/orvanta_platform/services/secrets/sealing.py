"""Sealing of a resource's secret fields, as declared by the schema of its type.

Sealed fields remain sealed when the schema changes: only a new value makes a field readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import moved_secrets, secret_fields, secrets
from orvanta_platform.control.secrets import DataKey, SecretLocation
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.resources import NewResource, ResourceRow
from orvanta_platform.errors import BadRequest, TooComplex, UnsupportedPassword
from orvanta_platform.orchestrator import resource_schemas
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import secret_schemas


class TypeSchema(msgspec.Struct, frozen=True):
    """Schema of a resource type, with those of the types that it names for values inside its values."""

    schema: Any = None
    nested: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def declares(self) -> bool:
        """The schema declares secrets."""
        return any(secret_schemas.declares(each) for each in (self.schema, *self.nested.values()))


async def schema_of(conn: Connection, workspace: str, kind: str) -> TypeSchema:
    """Return the schema of a resource type; an empty one if the type has none or does not exist. Raises TooComplex."""
    schema = await resource_schemas.schema_of(conn, workspace, kind)
    return TypeSchema(schema, await resource_schemas.nested_schemas(conn, workspace, schema))


async def key_for(
    platform: Platform, workspace: str, schema: TypeSchema, row: ResourceRow | None = None
) -> DataKey | None:
    """Return the key to seal with if the schema declares secrets or the row has some, otherwise None.

    Must not be called in a transaction.
    """
    if not (schema.declares or (row is not None and row.sealed is not None)):
        return None
    return await secrets.newest_key(platform.db, platform.keys, workspace)


def sealed(
    platform: Platform,
    workspace: str,
    new: NewResource,
    schema: TypeSchema,
    key: DataKey | None,
    row: ResourceRow | None,
) -> NewResource:
    """Seal the secret fields of `new`, whose value is as sent by a caller or as shown by `row`.

    A mask stands for the secret of `row` at the same place, in a list for that of the same entry. Raises BadRequest,
    SecretUnreadable.
    """
    shown, taken = _extract(platform, new, schema, row)
    return _with(workspace, new, shown, taken, key)


def unsealed_value(platform: Platform, new: NewResource, schema: TypeSchema, row: ResourceRow | None) -> bytes:
    """Return the value that `sealed` would store, with its secret fields in clear. It must not leave this layer.

    Raises BadRequest, SecretUnreadable.
    """
    return secret_fields.restore(*_extract(platform, new, schema, row))


def _extract(
    platform: Platform, new: NewResource, schema: TypeSchema, row: ResourceRow | None
) -> tuple[bytes, dict[str, bytes]]:
    stored: secret_fields.Secrets = {} if row is None else opened(platform, row)
    if row is not None and row.value is not None:
        stored = moved_secrets.follow(stored, row.value.encode(), new.value.encode())
    return secret_fields.extract(new.value.encode(), schema.schema, stored, schema.nested)


def resealed(platform: Platform, row: ResourceRow, schema: TypeSchema, key: DataKey | None) -> NewResource | None:
    """Seal the fields that another schema declares as secrets as well; None if nothing changes.

    A mask that was stored as a plain value is not a secret and is unchanged. Raises TooComplex, UnsupportedPassword.
    """
    secret = opened(platform, row)
    try:
        shown, taken = secret_fields.extract(new_of(row).value.encode(), schema.schema, secret, schema.nested)
    except (TooComplex, UnsupportedPassword):
        raise
    except BadRequest:
        return None
    return None if taken.keys() == secret.keys() else _with(row.workspace, new_of(row), shown, taken, key)


def new_of(row: ResourceRow) -> NewResource:
    """Return a stored resource as a row to write, without its secrets."""
    assert row.value is not None
    return NewResource(
        path=row.path,
        resource_type=row.resource_type,
        value=row.value,
        sealed=None,
        key_version=None,
        description=row.description,
        labels=row.labels,
        ws_specific=row.ws_specific,
    )


def opened(platform: Platform, row: ResourceRow) -> dict[str, bytes]:
    """Return the secret fields of a stored resource in clear.

    They leave this layer only sealed, or through `secret_access`.
    """
    if row.sealed is None or row.key is None:
        return {}
    key = secrets.unwrap(platform.keys, row.workspace, row.key)
    body = secrets.unseal(key, SecretLocation(row.workspace, "resource", row.path), row.sealed)
    return {pointer: bytes(raw) for pointer, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}


def _with(workspace: str, new: NewResource, shown: bytes, taken: dict[str, bytes], key: DataKey | None) -> NewResource:
    plain = replace(new, value=shown.decode(), sealed=None, key_version=None)
    if not taken:
        return plain
    assert key is not None
    body = msgspec.json.encode({pointer: msgspec.Raw(raw) for pointer, raw in taken.items()})
    sealed = secrets.seal(key, SecretLocation(workspace, "resource", new.path), body)
    return replace(plain, sealed=sealed, key_version=key.version)
