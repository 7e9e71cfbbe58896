"""Signed approval links. A link is signed for one run, which is found by the job in its address."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import links
from orvanta_platform.control.links import Action, LinkTarget
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Gone, NotFound
from orvanta_platform.services.approvals.lookup import find_job
from orvanta_platform.services.platform import Platform

LINK_LIFETIME = timedelta(days=30)
"""Lifetime of a signed link."""


class Link(msgspec.Struct, frozen=True):
    """Parts of a signed link's address."""

    job: UUID
    resume_id: int
    signature: str


async def find(
    platform: Platform, conn: Connection, workspace: str, link: Link, actions: tuple[Action, ...]
) -> tuple[JobRow, set[Action]]:
    """Return the run or job of a link, and the actions among `actions` that its signature is valid for.

    Raises NotFound if it is valid for none, Gone if it has expired.
    """
    row = await find_job(platform, conn, workspace, link.job)
    if row is None:
        raise no_such_approval()
    target = await target_of(conn, row, link.job, link.resume_id)
    found = {action: links.expiry_of(platform.keys, target, action, link.signature) for action in actions}
    valid = {action: expiry for action, expiry in found.items() if expiry is not None}
    if not valid:
        raise no_such_approval()
    if all(expiry <= clock.now() for expiry in valid.values()):
        raise Gone("The link has expired.", hint="Request a new one.")
    return row, set(valid)


def no_such_approval() -> NotFound:
    """Create the error for links with an unknown job and for links with an invalid signature, which must not differ."""
    return NotFound("There is no such approval.", hint="Check that the link is complete.")


async def target_of(conn: Connection, row: JobRow, job: UUID, resume_id: int) -> LinkTarget:
    """Return the target that a link about `job`, with the state in `row`, is signed for."""
    seed = await run_rows.get_seed(conn, row.run)
    if seed is None:
        raise NotFound(f"The job {job} does not exist.")
    return LinkTarget(row.workspace, row.run, seed, job, resume_id)


def sign(platform: Platform, target: LinkTarget, action: Action) -> str:
    """Sign a link that is valid for LINK_LIFETIME from now."""
    return links.sign(platform.keys, target, action, clock.now() + LINK_LIFETIME)
