"""Schemas of resources and resource types."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.resource_types import ResourceTypeRow
from orvanta_platform.db.resources import ResourceRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.access.items import version_of
from orvanta_platform.services.secrets.connection_test import ConnectionTestOutcome
from orvanta_platform.services.secrets.resource_types import TypeChange
from orvanta_platform.services.secrets.resources import ResourceDraft


class CreateResource(msgspec.Struct, kw_only=True):
    """A resource to create. `value` is any JSON."""

    path: str
    resource_type: str
    value: Raw | UnsetType = UNSET
    description: str | None = None
    labels: list[str] | None = None
    ws_specific: bool | None = None


class EditResource(msgspec.Struct, kw_only=True):
    """Changes of a resource. `path` moves it."""

    path: str | None = None
    resource_type: str | None = None
    value: Raw | UnsetType = UNSET
    description: str | None = None
    labels: list[str] | None = None
    ws_specific: bool | None = None
    base_version: str | None = None
    """Version that the change is based on. Otherwise any version is replaced."""


class EditValue(msgspec.Struct, kw_only=True):
    """The new value of a resource."""

    value: Raw | UnsetType = UNSET


class Resource(msgspec.Struct, kw_only=True):
    """A resource. Its secret fields contain a mask. Lists omit the value."""

    workspace_id: str
    path: str
    resource_type: str
    extra_perms: dict[str, bool]
    created_by: str
    edited_at: datetime
    version: str
    """Version of the resource, for `base_version` of a change."""

    is_oauth: bool = False
    is_linked: bool = False
    is_refreshed: bool = False
    value: Raw | UnsetType = UNSET
    description: str | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    ws_specific: bool | UnsetType = UNSET


class CreateResourceType(msgspec.Struct, kw_only=True):
    """A resource type to create."""

    name: str
    schema: Raw | UnsetType = UNSET
    """JSON Schema of the value. `password: true` makes a field secret."""

    description: str | None = None
    format_extension: str | None = None
    is_fileset: bool = False


class EditResourceType(msgspec.Struct, kw_only=True):
    """Changes of a resource type."""

    schema: Raw | UnsetType = UNSET
    description: str | None = None
    is_fileset: bool | None = None


class ResourceType(msgspec.Struct, kw_only=True):
    """A resource type. Those of the platform have no `workspace_id`."""

    name: str
    workspace_id: str | UnsetType = UNSET
    schema: Raw | UnsetType = UNSET
    description: str | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    edited_at: datetime | UnsetType = UNSET
    format_extension: str | UnsetType = UNSET
    is_fileset: bool = False


class FileExtension(msgspec.Struct, kw_only=True):
    """The file format of the resources of a type."""

    format_extension: str | None
    is_fileset: bool


def created(body: CreateResource) -> ResourceDraft:
    """Convert the body of a call that creates a resource."""
    return ResourceDraft(**{**msgspec.structs.asdict(body), "value": value_of(body)})


def edited(body: EditResource) -> ResourceDraft:
    """Convert the body of a call that updates a resource."""
    value = None if body.value is UNSET else value_of(body)
    return ResourceDraft(**{**msgspec.structs.asdict(body), "value": value})


def value_of(body: CreateResource | EditResource | EditValue) -> bytes:
    """Return the value in a body as JSON text, null if there is none."""
    return b"null" if body.value is UNSET else bytes(body.value)


def resource(row: ResourceRow) -> Resource:
    """Convert a resource."""
    return Resource(
        workspace_id=row.workspace,
        path=row.path,
        resource_type=row.resource_type,
        extra_perms=row.extra_perms,
        created_by=row.created_by,
        edited_at=row.edited_at,
        version=version_of(row.edited_at),
        is_linked=row.is_linked,
        value=UNSET if row.value is None else Raw(row.value.encode()),
        description=UNSET if row.description is None else row.description,
        labels=UNSET if row.labels is None else row.labels,
        ws_specific=UNSET if row.ws_specific is None else row.ws_specific,
    )


def new_type(body: CreateResourceType) -> ResourceTypeRow:
    """Convert the body of a call that creates a resource type. Raises BadRequest."""
    return ResourceTypeRow(
        name=body.name,
        schema=_text(body.schema),
        description=body.description,
        format_extension=body.format_extension,
        is_fileset=body.is_fileset,
    )


def type_change(body: EditResourceType) -> TypeChange:
    """Convert the body of a call that updates a resource type. Raises BadRequest."""
    return TypeChange(_text(body.schema), body.description, body.is_fileset)


class ConnectionTest(msgspec.Struct, kw_only=True):
    """Result of a test of the connection of a resource."""

    success: bool
    message: str
    """Result of the test, or the reason of its failure, in one sentence."""
    duration_ms: int


def connection_test(outcome: ConnectionTestOutcome) -> ConnectionTest:
    """Convert the result of a test."""
    return ConnectionTest(success=outcome.success, message=outcome.message, duration_ms=outcome.duration_ms)


def resource_type(row: ResourceTypeRow) -> ResourceType:
    """Convert a resource type."""
    return ResourceType(
        name=row.name,
        workspace_id=UNSET if row.workspace is None else row.workspace,
        schema=UNSET if row.schema is None else Raw(row.schema.encode()),
        description=UNSET if row.description is None else row.description,
        created_by=UNSET if row.created_by is None else row.created_by,
        edited_at=UNSET if row.edited_at is None else row.edited_at,
        format_extension=UNSET if row.format_extension is None else row.format_extension,
        is_fileset=row.is_fileset,
    )


def extensions(rows: list[ResourceTypeRow]) -> dict[str, Any]:
    """Return the file formats of the types whose resources are files."""
    return {
        row.name: FileExtension(format_extension=row.format_extension, is_fileset=row.is_fileset)
        for row in rows
        if row.format_extension is not None or row.is_fileset
    }


def _text(schema: Raw | UnsetType) -> str | None:
    try:
        return None if schema is UNSET or bytes(schema).strip() == b"null" else bytes(schema).decode()
    except UnicodeDecodeError as error:
        raise BadRequest("The schema must be JSON in UTF-8.") from error
