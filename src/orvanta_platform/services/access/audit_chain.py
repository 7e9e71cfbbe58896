"""Hash chain of the audit trail: links new rows, and finds rows that were changed, deleted or inserted afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from datetime import UTC

import msgspec

from orvanta_platform.control import audit
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.db import audit_chain
from orvanta_platform.db.audit import AuditRow
from orvanta_platform.db.audit_chain import INSTANCE, Link, Position, StoredLink
from orvanta_platform.services.access.audit_trail import require_reader
from orvanta_platform.services.platform import Platform

BATCH = 1000
_FIRST = bytes(32)


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first link that does not match."""

    n: int
    audit: int
    """Id of the audit row."""
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a verification."""

    links: int
    """Number of links; the last one is the head."""
    head: bytes
    broken: BrokenLink | None
    unlinked: int
    """Rows older than 10 seconds without a link: the chain is behind, or somebody inserted them."""


async def link_new(platform: Platform, after: Position | None = None) -> tuple[int, Position]:
    """Link rows after a position (None: after the last linked row); return their number and the last position.

    Rows of transactions that are still running follow later.
    """
    async with platform.db.transaction() as conn:
        after = after or await audit_chain.get_position(conn)
        found = await audit_chain.list_unlinked(conn, after, BATCH)
        if not found:
            return 0, after
        heads = await audit_chain.get_heads(conn, sorted({row.workspace or INSTANCE for row, _ in found}))
        links = []
        for row, _ in found:
            workspace = row.workspace or INSTANCE
            n, before = heads.get(workspace, (0, _FIRST))
            digest = hash_of(row)
            link = Link(workspace, n + 1, row.id, digest, _link_hash(before, n + 1, digest))
            heads[workspace] = (link.n, link.hash)
            links.append(link)
        await audit_chain.append(conn, links)
    return len(found), found[-1][1]


async def verify(
    platform: Platform, caller: LiveActor, workspace: str | None, anchor: tuple[int, str] | None = None
) -> Verification:
    """Verify the chain of a workspace, or of the instance (None).

    `anchor`: number and hash (hex) of a link that was recorded elsewhere, which shows whether later links were cut off.
    Raises NotFound, Forbidden, and Unauthenticated once the caller's token is no longer valid.
    """
    actor = await caller.current()
    require_reader(actor, workspace)
    chain, n, head, broken, anchored = workspace or INSTANCE, 0, _FIRST, None, anchor is None
    async with platform.db.transaction() as conn:
        await audit.record(conn, actor, "audit.verify", "Execute", workspace=workspace)
    while broken is None:
        require_reader(await caller.current(), workspace)
        async with platform.db.acquire() as conn:
            found = await audit_chain.list_links(conn, chain, n, BATCH)
        if not found:
            break
        for stored in found:
            if (broken := _fault(stored, n, head)) is not None:
                break
            n, head = stored.link.n, stored.link.hash
            anchored = anchored or (n, head.hex()) == anchor
    if broken is None and not anchored and anchor is not None:
        broken = BrokenLink(anchor[0], 0, "the chain does not contain the anchor")
    async with platform.db.acquire() as conn:
        return Verification(n, head, broken, await audit_chain.count_unlinked(conn, chain))


def hash_of(row: AuditRow) -> bytes:
    """Return the hash of all fields of a row."""
    fields = [each.astimezone(UTC).isoformat() if each is row.at else each for each in astuple(row)]
    return hashlib.sha256(msgspec.json.encode(fields)).digest()


def _fault(stored: StoredLink, n: int, head: bytes) -> BrokenLink | None:
    link, row = stored.link, stored.row
    if link.n != n + 1:
        return BrokenLink(n + 1, link.audit, "a link is missing")
    if link.hash != _link_hash(head, link.n, link.row_hash):
        return BrokenLink(link.n, link.audit, "the link was changed")
    if row is None:
        return BrokenLink(link.n, link.audit, "the row was deleted")
    if hash_of(row) != link.row_hash:
        return BrokenLink(link.n, link.audit, "the row was changed")
    return None


def _link_hash(before: bytes, n: int, row_hash: bytes) -> bytes:
    return hashlib.sha256(before + n.to_bytes(8, "big") + row_hash).digest()
