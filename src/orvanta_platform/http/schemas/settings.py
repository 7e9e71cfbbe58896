"""Schemas of the settings of the instance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control.process_settings import EnvironmentSetting
from orvanta_platform.services.access import issuer_check
from orvanta_platform.services.access.instance_settings import ShownSetting


class SetSetting(msgspec.Struct):
    """A value to store."""

    value: Any = None
    """JSON; null: the default applies again."""

    base_version: str | None = None
    """Version that the change is based on: 409 if the setting has another one. null: any version."""


class SendTestMail(msgspec.Struct):
    """A mail that tests a mail server."""

    to: str
    """Address that receives it."""
    smtp: Any = None
    """Mail server that is not stored yet, as in the setting `smtp`; null: the stored one. A password `***` stands for
    the stored one, which is sent to the same server only."""


class MailTest(msgspec.Struct, kw_only=True):
    """Result of a test of a mail server."""

    success: bool
    message: str
    """Reply of the server, or the reason of the failure, in one sentence."""
    duration_ms: int


class TestAlertChannel(msgspec.Struct):
    """A channel of alerts that receives a test message."""

    channel: str
    """Name of the channel in the setting `alerts`."""


class AlertChannelTest(msgspec.Struct, kw_only=True):
    """Result of a test of a channel of alerts."""

    success: bool
    message: str
    """The outcome, or the reason of the failure, in one sentence."""
    duration_ms: int


class AlertChannelFailure(msgspec.Struct):
    """A channel of alerts whose last message could not be sent."""

    channel: str
    error: str
    """Reason, in one sentence."""
    failed_at: datetime


class CheckIssuer(msgspec.Struct):
    """Issuer of an OpenID provider."""

    issuer: str
    networks: list[str] = []
    """Private networks in which the provider may be."""


class IssuerCheck(msgspec.Struct, kw_only=True):
    """Result of the check of an issuer."""

    problem: str | None
    """Reason for which logins by the provider would fail now; null: there is none."""

    code: issuer_check.Code | None
    """Stable name of the kind of problem: `no_response`, `issuer_differs` or `unusable`."""


class InstanceSetting(msgspec.Struct, kw_only=True):
    """A setting of the instance."""

    name: str
    value: Any
    """Effective value. A secret field is shown as `***`, which leaves it unchanged when it is sent back."""
    default: Any
    description: str
    schema: dict[str, Any]
    """JSON Schema of the value."""
    version: str
    """Version of the value, for `base_version` of a change."""
    updated_at: datetime | UnsetType = UNSET
    """Time of the last change; missing if the default applies."""
    updated_by: str | UnsetType = UNSET
    variable: str | UnsetType = UNSET
    """Environment variable that determines the value on this server, so that it cannot be changed."""


class ProcessSetting(msgspec.Struct, kw_only=True):
    """A setting that the environment of the server determines."""

    name: str
    description: str
    set: bool
    """The environment has a value; otherwise the default applies."""
    value: str | UnsetType = UNSET
    """Effective value; `***` if it is secret."""


def process_setting(row: EnvironmentSetting) -> ProcessSetting:
    """Return the wire form of a setting of the environment."""
    value = UNSET if row.value is None else row.value
    return ProcessSetting(name=row.name, description=row.text, set=row.is_set, value=value)


def setting(shown: ShownSetting) -> InstanceSetting:
    """Return the wire form of a setting."""
    return InstanceSetting(
        name=shown.name,
        value=shown.value,
        default=shown.default,
        description=shown.description,
        schema=shown.schema,
        version=shown.version,
        updated_at=shown.updated_at or UNSET,
        updated_by=shown.updated_by or UNSET,
        variable=shown.variable or UNSET,
    )
