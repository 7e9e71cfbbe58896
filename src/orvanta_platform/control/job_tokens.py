"""Tokens of running jobs: `jt_<job>.<attempt>.<generation>.<HMAC>`. No rows; dead with the attempt.

This module says whether a token is one of ours; whether that job still runs at that attempt and generation
is asked of the database by whoever takes the token.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.control.keys import InstanceKeys

PREFIX = "jt_"
_PURPOSE = "job token"
_SHAPE = re.compile(r"jt_([0-9a-f]{32})\.([0-9]{1,9})\.([0-9]{1,9})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class JobClaim:
    """What a job token says: this job, at this attempt, under this generation of its worker."""

    job: UUID
    attempt: int
    generation: int


def mint(keys: InstanceKeys, job: UUID, attempt: int, generation: int) -> str:
    """The token of a job for one attempt, as its process gets it in OV_TOKEN."""
    body = f"{job.hex}.{attempt}.{generation}"
    return f"{PREFIX}{body}.{_sign(keys, body)}"


def verify(keys: InstanceKeys, token: str) -> JobClaim | None:
    """What the token says where its signature is ours, else None."""
    parts = _SHAPE.fullmatch(token)
    if parts is None:
        return None
    job, attempt, generation, signature = parts.groups()
    if not hmac.compare_digest(signature, _sign(keys, f"{job}.{attempt}.{generation}")):
        return None
    return JobClaim(UUID(hex=job), int(attempt), int(generation))


def _sign(keys: InstanceKeys, body: str) -> str:
    digest = hmac.digest(keys.key(_PURPOSE), body.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
