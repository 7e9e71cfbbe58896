"""Identity tokens, by which a job or a person proves its identity to another system."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from orvanta_platform import clock
from orvanta_platform.control import audit, identity_tokens, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

USUAL_S: Final = 3600
MAX_LIFETIME_S: Final = 86_400
"""Longest lifetime of a token in seconds."""

_MAX_AUDIENCE_LENGTH: Final = 500
_DEPLOYED: Final = ("script", "flow")
"""Kinds of runs of deployed scripts and workflows."""


async def issue(platform: Platform, actor: Actor, workspace: str, audience: str, lifetime_s: float | None) -> str:
    """Return a token for `audience` that is valid for `lifetime_s` seconds, one hour by default and at most a day.

    Its claims name the workspace, the user, and for a job the job with its run, and the path of a deployed script or
    workflow. The subject is that path, otherwise the user. Raises NotFound, Forbidden, BadRequest.
    """
    permissions.require_workspace(actor, workspace)
    lifetime = USUAL_S if lifetime_s is None else lifetime_s
    if not 1 <= lifetime <= MAX_LIFETIME_S:
        raise BadRequest(f"expires_in must be between 1 and {MAX_LIFETIME_S} seconds.")
    if not 0 < len(audience) <= _MAX_AUDIENCE_LENGTH:
        raise BadRequest(f"An audience has 1 to {_MAX_AUDIENCE_LENGTH} characters.")
    if actor.kind != "job":
        permissions.refuse_limited(actor, "obtain identity tokens", bound=True)
    async with platform.db.transaction() as conn:
        row = None
        if actor.job is not None:
            row = await jobs.get_readable(platform, conn, actor, workspace, actor.job)
        target = Target(workspace, "run", created_by=actor.username) if row is None else jobs.target_of(row)
        permissions.require(actor, "identify", target)
        parameters = {"audience": audience, "job_id": str(actor.job) if actor.job is not None else None}
        await audit.record(conn, actor, "oidc.token", "Created", audience, parameters)
    now = clock.now()
    claims: dict[str, Any] = {
        "iss": issuer(platform),
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=lifetime)).timestamp()),
        "workspace": workspace,
        "email": actor.email,
        "username": actor.username,
        "groups": sorted(actor.groups),
    }
    # The path of a preview is a label that its caller chose, and proves nothing.
    path = row.run_path if row is not None and row.run_kind in _DEPLOYED else None
    claims["sub"] = f"workspace:{workspace}:" + (f"user:{actor.username}" if path is None else f"path:{path}")
    if row is not None:
        claims |= {"job_id": str(row.id), "run_id": str(row.run)}
    if path is not None:
        claims["path"] = path
    return await asyncio.to_thread(identity_tokens.sign, platform.keys, claims)


def issuer(platform: Platform) -> str:
    """Return the name of the issuer: an address of this installation."""
    return f"{platform.settings.base_url.rstrip('/')}/api/oidc"


async def public_keys(platform: Platform) -> list[dict[str, Any]]:
    """Return the keys that verify tokens, as JSON Web Keys."""
    return await asyncio.to_thread(identity_tokens.public_keys, platform.keys)
