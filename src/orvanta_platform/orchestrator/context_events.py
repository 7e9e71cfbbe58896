"""Events for values exported into a run's context."""

from __future__ import annotations

from datetime import datetime

import msgspec

SHOWN_EXPORT = 2_000
"""Largest value, in bytes, that is included in its event."""


def export_data(name: str, raw: bytes, at: datetime | None = None) -> str:
    """Return the data of an export event; `at` is the time of an export taken over from another run."""
    shown = msgspec.Raw(raw) if len(raw) <= SHOWN_EXPORT else None
    fields = {"name": name, "size": len(raw), "value": shown} | ({"at": at} if at is not None else {})
    return msgspec.json.encode(fields).decode()
