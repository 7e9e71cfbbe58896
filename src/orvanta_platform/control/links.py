"""Signatures of links that decide: who holds such a link may do what it says, until it expires.

A signature is base64url(expiry ‖ HMAC(workspace, job, resume id, action, expiry)), the expiry in 8 bytes, seconds.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from orvanta_platform.control.keys import InstanceKeys

_PURPOSE = "approval link"
_EXPIRY_BYTES = 8
_LONGEST = 100


class Action(StrEnum):
    """What a link does: a page lets its reader choose."""

    RESUME = "resume"
    CANCEL = "cancel"
    PAGE = "page"


def sign(keys: InstanceKeys, workspace: str, job: UUID, resume_id: int, action: Action, expires_at: datetime) -> str:
    """The signature of a link that is good until `expires_at`."""
    expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    signed = expiry + _digest(keys, workspace, job, resume_id, action, expiry)
    return _text(signed)


def expiry_of(
    keys: InstanceKeys, workspace: str, job: UUID, resume_id: int, action: Action, signature: str
) -> datetime | None:
    """Until when the signature is good; None where it is not ours for exactly this."""
    if len(signature) > _LONGEST or not signature.isascii():
        return None
    try:
        signed = base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if _text(signed) != signature:  # the last character has bits to spare: one signature, one spelling
        return None
    expiry, digest = signed[:_EXPIRY_BYTES], signed[_EXPIRY_BYTES:]
    if not hmac.compare_digest(digest, _digest(keys, workspace, job, resume_id, action, expiry)):
        return None
    return datetime.fromtimestamp(int.from_bytes(expiry, "big"), UTC)


def _text(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _digest(keys: InstanceKeys, workspace: str, job: UUID, resume_id: int, action: Action, expiry: bytes) -> bytes:
    # The workspace comes last and is the one part of any length: no two calls give the same text.
    text = f"{action}\n{job.hex}\n{resume_id}\n{workspace}".encode()
    return hmac.digest(keys.key(_PURPOSE), expiry + text, "sha256")
