"""Signatures of decision links: the holder of a link may perform its action until it expires.

A signature is base64url(expiry ‖ HMAC(expiry, action, job, resume id, run, seed, workspace)), the expiry in 8 bytes,
seconds. The seed is the random number that the run drew at its start: a link is valid for the run it was made for, and
for no other run with the same ids.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from orvanta_platform.control.keys import InstanceKeys

_PURPOSE = "approval link of a run"
_EXPIRY_BYTES = 8
_MAX_LENGTH = 100


class Action(StrEnum):
    """Action of a link. A page lets its reader choose."""

    RESUME = "resume"
    CANCEL = "cancel"
    PAGE = "page"


class LinkTarget(msgspec.Struct, frozen=True):
    """Approval that a link decides: a job (or the run itself) of one run, and the resume id of the decision."""

    workspace: str
    run: UUID
    seed: int
    job: UUID
    resume_id: int


def sign(keys: InstanceKeys, target: LinkTarget, action: Action, expires_at: datetime) -> str:
    """Return the signature of a link that is valid until `expires_at`."""
    expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    return _text(expiry + _digest(keys.key(_PURPOSE), _signed_text(target, action, expiry)))


def expiry_of(keys: InstanceKeys, target: LinkTarget, action: Action, signature: str) -> datetime | None:
    """Return the expiry of a signature, or None if it is not a valid signature for exactly this target and action."""
    if len(signature) > _MAX_LENGTH or not signature.isascii():
        return None
    try:
        signed = base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if _text(signed) != signature:  # the last character has unused bits: accept only one spelling of a signature
        return None
    expiry, digest = signed[:_EXPIRY_BYTES], signed[_EXPIRY_BYTES:]
    text = _signed_text(target, action, expiry)
    if not keys.first_match(_PURPOSE, lambda key: hmac.compare_digest(digest, _digest(key, text)) or None):
        return None
    return datetime.fromtimestamp(int.from_bytes(expiry, "big"), UTC)


def _text(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _signed_text(target: LinkTarget, action: Action, expiry: bytes) -> bytes:
    # The workspace is last and the only part of variable length, so that no two calls produce the same text.
    parts = (action, target.job.hex, target.resume_id, target.run.hex, target.seed, target.workspace)
    return expiry + "\n".join(map(str, parts)).encode()


def _digest(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
