"""Tokens of running jobs: `jt_<job>.<attempt>.<generation>.<HMAC>`. They have no rows and end with the attempt.

The signature covers one claim of a job: the fields of the token, the nonce drawn by the claim, the run, its workspace
and the identity that the run acts as. The latter are read from the database, by the query that checks that the
job still runs. A token is therefore valid for its own claim only, even if the id of its job were used again.
"""

from __future__ import annotations

import base64
import hmac
import re
from uuid import UUID

import msgspec

from orvanta_platform.control.keys import InstanceKeys

PREFIX = "jt_"
_PURPOSE = "job token of a claim"
_SHAPE = re.compile(r"jt_([0-9a-f]{32})\.([0-9]{1,9})\.([0-9]{1,9})\.([A-Za-z0-9_-]{43})")


class JobClaim(msgspec.Struct, frozen=True):
    """Claim of a job: the right of a worker to run it at this attempt, for this run and identity."""

    job: UUID
    attempt: int
    generation: int
    nonce: UUID
    run: UUID
    workspace: str
    email: str
    permissioned_as: str


class PresentedToken(msgspec.Struct, frozen=True):
    """Token as presented by a caller: the attempt it names, and a signature that has not been verified."""

    job: UUID
    attempt: int
    generation: int
    signature: str


def mint(keys: InstanceKeys, claim: JobClaim) -> str:
    """Return the token of a claim, which is passed to the process of the job in OV_TOKEN."""
    return f"{PREFIX}{claim.job.hex}.{claim.attempt}.{claim.generation}.{_sign(keys.key(_PURPOSE), claim)}"


def parse(token: str) -> PresentedToken | None:
    """Return the parts of a token, or None if the text does not have the form of a token."""
    parts = _SHAPE.fullmatch(token)
    if parts is None:
        return None
    job, attempt, generation, signature = parts.groups()
    if str(int(attempt)) != attempt or str(int(generation)) != generation:
        return None
    return PresentedToken(UUID(hex=job), int(attempt), int(generation), signature)


def is_signed(keys: InstanceKeys, presented: PresentedToken, claim: JobClaim) -> bool:
    """Return whether the token was made for exactly this claim."""
    named = (presented.job, presented.attempt, presented.generation)
    if named != (claim.job, claim.attempt, claim.generation):
        return False
    matches = keys.first_match(
        _PURPOSE, lambda key: hmac.compare_digest(presented.signature, _sign(key, claim)) or None
    )
    return matches is not None


def _sign(key: bytes, claim: JobClaim) -> str:
    ids = f"{claim.job.hex}\n{claim.attempt}\n{claim.generation}\n{claim.nonce.hex}\n{claim.run.hex}"
    workspace, email, owner = claim.workspace, claim.email, claim.permissioned_as
    # Lengths precede the texts, so that no two claims produce the same text.
    signed = f"{ids}\n{len(workspace)}\n{len(email)}\n{len(owner)}\n{workspace}\n{email}\n{owner}"
    digest = hmac.digest(key, signed.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
