"""Schemas of HTTP triggers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.http_triggers import HttpTriggerRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.triggers.http_triggers import HttpTriggerDraft

T = TypeVar("T")


class _Settings(msgspec.Struct, kw_only=True):
    """Common settings of the calls that create and update a trigger."""

    script_path: str
    is_flow: bool
    route_path: str | None = None
    http_method: str | None = None
    authentication_method: str | None = None
    authentication_resource_path: str | None = None
    workspaced_route: bool | None = None
    request_type: str | None = None
    is_async: bool | None = None
    """Older alternative to `request_type`."""

    mode: str | None = None
    enabled: bool | None = None
    wrap_body: bool | None = None
    raw_string: bool | None = None
    summary: str | None = None
    description: str | None = None
    labels: list[str] | None = None
    is_static_website: bool | None = None
    static_asset_config: Any = None
    error_handler_path: str | None = None
    error_handler_args: Any = None
    retry: msgspec.Raw | UnsetType = UNSET
    """Retry of the scripts that it starts, as that of a node; null: none."""

    permissioned_as: str | None = None
    preserve_permissioned_as: bool | None = None


class CreateHttpTrigger(_Settings, kw_only=True):
    """A trigger to create."""

    path: str


class EditHttpTrigger(_Settings, kw_only=True):
    """New settings of a trigger. Settings that are not sent are not changed."""

    path: str | None = None
    """Path of the trigger. It may be sent but must not change."""


class SetMode(msgspec.Struct, kw_only=True):
    mode: str


class RouteExists(msgspec.Struct, kw_only=True):
    """A route to check."""

    route_path: str
    http_method: str
    trigger_path: str | None = None
    """Path of a trigger that is ignored."""

    workspaced_route: bool | None = None


class HttpTrigger(msgspec.Struct, kw_only=True):
    """A trigger."""

    path: str
    script_path: str
    is_flow: bool
    route_path: str
    http_method: str
    request_type: str
    authentication_method: str
    is_static_website: bool
    workspaced_route: bool
    wrap_body: bool
    raw_string: bool
    mode: str
    permissioned_as: str
    extra_perms: dict[str, bool]
    workspace_id: str
    edited_by: str
    edited_at: datetime
    authentication_resource_path: str | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET
    disabled_reason: str | UnsetType = UNSET
    """Reason for which the platform disabled the trigger, if it did."""

    retry: msgspec.Raw | UnsetType = UNSET


class RouteUpdate(msgspec.Struct, kw_only=True):
    """An event of a streaming route."""

    completed: bool
    new_result_stream: str | UnsetType = UNSET
    """Text streamed since the last event."""

    stream_attempt: int | UnsetType = UNSET
    """Attempt that streamed the text. If it differs from the last event's, the text replaces the earlier text."""

    success: bool | UnsetType = UNSET
    """Outcome of the run, in the last event."""

    result: msgspec.Raw | UnsetType = UNSET
    """Result of the run, in the last event."""


_SAME = (
    *("script_path", "is_flow", "route_path", "http_method", "authentication_method", "authentication_resource_path"),
    *("workspaced_route", "mode", "request_type", "wrap_body", "raw_string", "summary", "description", "labels"),
)
_OPTIONAL = ("authentication_resource_path", "summary", "description", "labels")
_UNSUPPORTED = {
    "is_static_website": "serve files as a website",
    "static_asset_config": "serve files",
    "error_handler_path": "call an error handler of a trigger",
}


def draft(body: CreateHttpTrigger | EditHttpTrigger) -> HttpTriggerDraft:
    """Convert the settings of a trigger. Raises BadRequest for unsupported settings."""
    for name, feature in _UNSUPPORTED.items():
        if getattr(body, name):
            raise BadRequest(f"This version cannot {feature}.", hint=f"Leave {name} out.")
    values: dict[str, Any] = {name: getattr(body, name) for name in _SAME}
    if body.request_type is None and body.is_async is not None:
        values["request_type"] = "async" if body.is_async else "sync"
    if body.mode is None and body.enabled is not None:
        values["mode"] = "enabled" if body.enabled else "disabled"
    owner = body.permissioned_as if body.preserve_permissioned_as else None
    return HttpTriggerDraft(**values, retry=_retry(body.retry), owner=owner or None)


def _retry(sent: msgspec.Raw | UnsetType) -> str | UnsetType | None:
    if sent is UNSET:
        return UNSET
    text = bytes(sent).decode("utf-8", "replace").strip()
    return None if text in ("null", "{}") else text


def trigger(row: HttpTriggerRow) -> HttpTrigger:
    """Convert a trigger."""
    shown: dict[str, Any] = {name: getattr(row, name) for name in _SAME}
    shown |= {name: _optional(shown[name]) for name in _OPTIONAL}
    return HttpTrigger(
        **shown,
        path=row.path,
        is_static_website=False,
        permissioned_as=row.permissioned_as,
        extra_perms=row.extra_perms,
        workspace_id=row.workspace,
        edited_by=row.edited_by,
        edited_at=row.edited_at,
        disabled_reason=_optional(row.disabled_reason),
        retry=UNSET if row.retry is None else msgspec.Raw(row.retry.encode()),
    )


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
