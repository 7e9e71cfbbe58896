"""Values written into a run's context, as its history tells of them."""

from __future__ import annotations

import msgspec

SHOWN_EXPORT = 2_000
"""Bytes of a value of the context up to which its history shows it."""


def export_data(name: str, raw: bytes) -> str:
    """What the run's history says of a value that was written into its context."""
    shown = msgspec.Raw(raw) if len(raw) <= SHOWN_EXPORT else None
    return msgspec.json.encode({"name": name, "size": len(raw), "value": shown}).decode()
