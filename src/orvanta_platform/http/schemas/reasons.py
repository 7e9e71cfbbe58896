"""Codes of reasons that are shown as sentences."""

from __future__ import annotations

import msgspec

from orvanta_platform.reasons import Reason, restored


class ReasonCode(msgspec.Struct, kw_only=True):
    """Code of a reason, and the values that its text names, from which a client can write it in another language."""

    code: str
    values: dict[str, str | int]


def stored_reason(text: str | None) -> tuple[str | None, ReasonCode | None]:
    """Return the message of a stored reason, and its code if it has one."""
    found = None if text is None else restored(text)
    return (None, None) if found is None else (found.message, reason_code(found))


def reason_code(found: Reason) -> ReasonCode | None:
    """Convert the code of a reason."""
    return ReasonCode(code=found.code, values=dict(found.values)) if found.code else None
