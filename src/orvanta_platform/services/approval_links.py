"""Signed links of approvals: made for one run, and found by the job that stands in their address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from orvanta_platform import clock
from orvanta_platform.control import links
from orvanta_platform.control.links import Action, LinkTarget
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Gone, NotFound
from orvanta_platform.services.asking import place_of
from orvanta_platform.services.platform import Platform

LINK_LIVES = timedelta(days=30)
"""How long a signed link is good."""


@dataclass(frozen=True, slots=True)
class Link:
    """What stands in the address of a signed link."""

    job: UUID
    resume_id: int
    signature: str


async def find(
    platform: Platform, conn: Connection, workspace: str, link: Link, actions: tuple[Action, ...]
) -> tuple[JobRow, set[Action]]:
    """The run or job of a link, and what of these actions its signature is good for.

    Raises NotFound where for none, Gone where it has expired.
    """
    row = await place_of(platform, conn, workspace, link.job)
    if row is None:
        raise no_such_approval()
    target = await target_of(conn, row, link.job, link.resume_id)
    found = {action: links.expiry_of(platform.keys, target, action, link.signature) for action in actions}
    good = {action: expiry for action, expiry in found.items() if expiry is not None}
    if not good:
        raise no_such_approval()
    if all(expiry <= clock.now() for expiry in good.values()):
        raise Gone("The link has expired.", hint="Ask for a new one.")
    return row, set(good)


def no_such_approval() -> NotFound:
    """The one answer to a link whose job does not exist and to one with a bad signature."""
    return NotFound("There is no such approval.", hint="Check that the link is complete.")


async def target_of(conn: Connection, row: JobRow, job: UUID, resume_id: int) -> LinkTarget:
    """What a link about `job`, which stands at `row`, is signed for."""
    seed = await run_rows.seed_of(conn, row.run)
    if seed is None:
        raise NotFound(f"The job {job} does not exist.")
    return LinkTarget(row.workspace, row.run, seed, job, resume_id)


def sign(platform: Platform, target: LinkTarget, action: Action) -> str:
    """The signature of a link that is good from now on for LINK_LIVES."""
    return links.sign(platform.keys, target, action, clock.now() + LINK_LIVES)
