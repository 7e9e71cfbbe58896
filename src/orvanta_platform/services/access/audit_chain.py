"""Hash chain of the audit trail: links new rows, and finds rows that were changed, deleted or inserted afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import structlog
from msgspec.structs import astuple

from orvanta_platform import clock
from orvanta_platform.control import audit
from orvanta_platform.control.actor import system
from orvanta_platform.control.instance_settings import AUDIT_RETENTION_DAYS
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.db import audit_chain
from orvanta_platform.db.audit import AuditRow
from orvanta_platform.db.audit_chain import INSTANCE, Link, Position, StoredLink
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.retention import connect_as_owner
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.access.audit_trail import require_reader
from orvanta_platform.services.platform import Platform

BATCH = 1000
HEADS = "audit-heads"
"""Folder of the object storage with the heads of the chains, one object for each day."""

_FIRST = bytes(32)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_LOCK_TIMEOUT_MS = 2000
_MAX_BACKDATING = timedelta(hours=1)
"""Time by which a row may precede those linked before it, because its transaction began earlier."""
_MAX_DROPPED = 100_000
"""Maximum number of rows of a chain that one call deletes."""
_UNKNOWN_ANCHOR = (
    "the anchor does not belong to this chain: it was entered incorrectly, or links were changed or cut off afterwards"
)

log = structlog.get_logger(__name__)


class BrokenLink(msgspec.Struct, frozen=True):
    """The first link that does not match."""

    n: int
    audit: int
    """Id of the audit row; 0 if the chain does not contain the anchor."""
    reason: str


class Verification(msgspec.Struct, frozen=True):
    """Result of a verification."""

    links: int
    """Number of links; the last one is the head."""
    head: bytes
    broken: BrokenLink | None
    inserted: BrokenLink | None
    """The first intact link after the anchor whose row has a time more than an hour before that of an earlier row: it
    was inserted afterwards, or the clock of the database was set back."""
    unlinked: int
    """Rows older than 10 seconds without a link: the chain is behind, or somebody inserted them."""
    first_unlinked: int | None
    """Id of the first such row."""


async def await_new(platform: Platform, after: Position, wait_s: float) -> bool:
    """Return whether `link_new` has anything to do after at most `wait_s` seconds."""
    async with platform.polls.turn(wait_s) as conn:
        return await audit_chain.has_unlinked(conn, after)


async def link_new(platform: Platform, after: Position | None = None) -> tuple[int, Position]:
    """Link rows after a position (None: after the last linked row); return their number and the last position.

    Rows of transactions that are still running follow later.
    """
    async with platform.db.transaction() as conn:
        # A promoted standby may lack the row, and starts transactions with lower ids than the position again.
        if after is None or not await audit_chain.is_linked(conn, after):
            after = await audit_chain.get_position(conn)
        found = await audit_chain.list_unlinked(conn, after, BATCH)
        if not found:
            return 0, after
        heads = await audit_chain.get_heads(conn, sorted({row.workspace or INSTANCE for row, _ in found}))
        links = []
        for row, _ in found:
            workspace = row.workspace or INSTANCE
            n, before = heads.get(workspace, (0, _FIRST))
            digest = hash_row(row)
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
    Raises NotFound, Forbidden, BadRequest for an anchor older than the retained rows, and Unauthenticated once the
    caller's token is no longer valid.
    """
    actor = await caller.current()
    require_reader(actor, workspace)
    chain = workspace or INSTANCE
    async with platform.db.transaction() as conn:
        await audit.record(conn, actor, "audit.verify", "Execute", workspace=workspace)
        start = await audit_chain.get_checkpoint(conn, chain) or (0, _FIRST)
    if anchor is not None and anchor[0] < start[0]:
        raise BadRequest(
            f"The anchor is older than the checkpoint {start[0]}:{start[1].hex()}: retention deleted its entries.",
            hint="Use a later anchor.",
        )
    n, head, broken = start[0], start[1], None
    inserted, newest = None, _BEGINNING
    anchored = anchor is None or (n, head.hex()) == anchor
    while broken is None:
        require_reader(await caller.current(), workspace)
        async with platform.db.acquire() as conn:
            found = await audit_chain.list_links(conn, chain, n, BATCH)
            later = await audit_chain.get_checkpoint(conn, chain)
        if later is not None and later[0] > n:
            # Retention deleted rows meanwhile.
            n, head = later
            anchored = anchored or (n, head.hex()) == anchor
            continue
        if not found:
            break
        for stored in found:
            if (broken := _fault(stored, n, head)) is not None:
                break
            n, head = stored.link.n, stored.link.hash
            if inserted is None and (anchor is None or n > anchor[0]) and _is_backdated(stored, newest):
                inserted = BrokenLink(n, stored.link.audit, "the entry was inserted afterwards")
            newest = max(newest, _time_of(stored))
            anchored = anchored or (n, head.hex()) == anchor
    if broken is None and not anchored and anchor is not None:
        broken = BrokenLink(anchor[0], 0, _UNKNOWN_ANCHOR)
    async with platform.db.acquire() as conn:
        unlinked, first = await audit_chain.count_unlinked(conn, chain)
    return Verification(n, head, broken, inserted, unlinked, first)


async def publish_heads(platform: Platform, last: Mapping[str, str]) -> dict[str, str]:
    """Write the heads of all chains to the object of the day and, those that differ from `last`, to the log.

    Return them as `<links>:<head>` by workspace. Raises StorageError.
    """
    async with platform.db.acquire() as conn:
        found = await audit_chain.list_heads(conn)
    heads = {workspace: f"{n}:{hash.hex()}" for workspace, (n, hash) in found.items()}
    if heads != last:
        await platform.storage.put(f"{HEADS}/{clock.now():%Y-%m-%d}.json", msgspec.json.encode(heads))
    for workspace, head in heads.items():
        if last.get(workspace) != head:
            log.info("head of the audit chain", action="audit_chain", workspace=workspace or None, head=head)
    return heads


async def drop_old(platform: Platform) -> int:
    """Delete rows that are older than the setting audit_retention_days allows; return their number.

    Only the role that owns the tables may: without ORVANTA_OWNER_URL nothing is deleted. Raises DatabaseUnavailable.
    """
    days, owner_url = await platform.instance.get(AUDIT_RETENTION_DAYS), platform.settings.owner_url
    if days is None or owner_url is None:
        return 0
    before, dropped = clock.now() - timedelta(days=days), 0
    async with connect_as_owner(owner_url, _LOCK_TIMEOUT_MS) as conn:
        for chain in await audit_chain.list_chains(conn):
            dropped += await _drop_of_chain(conn, chain, before)
    return dropped


async def _drop_of_chain(conn: Connection, chain: str, before: datetime) -> int:
    dropped = 0
    while dropped < _MAX_DROPPED:
        async with conn.transaction():
            found = await audit_chain.drop_oldest(conn, chain, before, BATCH)
            if found is None:
                break
            n, hash, count = found
            details = {"links": n, "head": hash.hex(), "rows": count, "before": before.isoformat()}
            actor = system(chain or None, name="retention")
            await audit.record(conn, actor, "audit.drop", "Delete", None, details)
        dropped += count
    return dropped


def hash_row(row: AuditRow) -> bytes:
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
        return BrokenLink(link.n, link.audit, "the entry was deleted")
    if hash_row(row) != link.row_hash:
        return BrokenLink(link.n, link.audit, "the entry was changed")
    return None


def _is_backdated(stored: StoredLink, newest: datetime) -> bool:
    return newest - _time_of(stored) > _MAX_BACKDATING


def _time_of(stored: StoredLink) -> datetime:
    return _BEGINNING if stored.row is None else stored.row.at


def _link_hash(before: bytes, n: int, row_hash: bytes) -> bytes:
    return hashlib.sha256(before + n.to_bytes(8, "big") + row_hash).digest()
