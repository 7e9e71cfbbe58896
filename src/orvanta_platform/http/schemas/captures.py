"""Schemas of captured requests."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.captures import CaptureConfigRow, CaptureRow


class SetCaptureConfig(msgspec.Struct, kw_only=True):
    """The script or workflow whose requests are captured."""

    trigger_kind: str
    """webhook or http."""
    path: str
    is_flow: bool
    trigger_config: Raw | UnsetType = UNSET
    """Settings of the trigger that is tested: an object, stored unchanged."""


class CaptureConfig(msgspec.Struct, kw_only=True):
    """A path whose requests are captured for a minute after each ping."""

    trigger_kind: str
    last_server_ping: datetime
    trigger_config: Raw | UnsetType = UNSET


class Capture(msgspec.Struct, kw_only=True):
    """A captured request."""

    id: int
    created_at: datetime
    trigger_kind: str
    main_args: Raw
    """Arguments that a run would have."""
    preprocessor_args: Raw
    """Arguments that a preprocessor would have, which are the same."""
    headers: dict[str, str]
    """Headers of the request, with `***` for credentials."""


def config(row: CaptureConfigRow) -> CaptureConfig:
    """Convert a config."""
    settings = UNSET if row.settings is None else Raw(row.settings)
    return CaptureConfig(trigger_kind=row.trigger_kind, last_server_ping=row.pinged_at, trigger_config=settings)


def capture(row: CaptureRow) -> Capture:
    """Convert a captured request."""
    return Capture(
        id=row.id,
        created_at=row.created_at,
        trigger_kind=row.trigger_kind,
        main_args=Raw(row.args),
        preprocessor_args=Raw(row.args),
        headers=msgspec.json.decode(row.headers, type=dict[str, str]),
    )
