"""Values written into a run's context, as its history tells of them."""

from __future__ import annotations

from datetime import datetime

import msgspec

SHOWN_EXPORT = 2_000
"""Bytes of a value of the context up to which its history shows it."""


def export_data(name: str, raw: bytes, at: datetime | None = None) -> str:
    """What the run's history says of a value written into its context; `at`: in another run, then."""
    shown = msgspec.Raw(raw) if len(raw) <= SHOWN_EXPORT else None
    fields = {"name": name, "size": len(raw), "value": shown} | ({"at": at} if at is not None else {})
    return msgspec.json.encode(fields).decode()
