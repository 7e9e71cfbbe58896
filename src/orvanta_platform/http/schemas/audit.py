"""Schemas of the audit trail and of tokens of members."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.audit import AuditRow
from orvanta_platform.db.tokens import MemberTokenRow
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.access.audit_chain import Verification


class AuditEntry(msgspec.Struct, kw_only=True):
    """An entry of the audit trail."""

    id: int
    timestamp: datetime
    username: str
    operation: str
    """`<noun>.<verb>`, such as `scripts.create`."""

    action_kind: str
    """Created, Updated, Delete or Execute."""

    workspace_id: str | UnsetType = UNSET
    """Missing for entries of the instance."""

    resource: str | UnsetType = UNSET
    parameters: msgspec.Raw | UnsetType = UNSET
    on_behalf_of: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


class MemberToken(msgspec.Struct, kw_only=True):
    """A token with which a member can act in the workspace."""

    username: str
    token_prefix: str
    created_at: datetime
    last_used_at: datetime
    bound: bool
    """True if the token is valid in this workspace only."""

    revocable: bool
    """True if admins can revoke it: it is valid in this workspace only, or that of a service account which this
    workspace manages."""

    expiration: datetime | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    """Without their paths unless it is revocable."""

    label: str | UnsetType = UNSET
    """Missing unless it is revocable."""

    last_address: str | UnsetType = UNSET
    """Missing unless it is revocable."""


class BrokenLink(msgspec.Struct, kw_only=True):
    """The first link of the chain that does not match."""

    n: int
    audit_id: int
    """Id of the entry; 0 if the chain does not contain the anchor."""

    reason: str


class AuditVerification(msgspec.Struct, kw_only=True):
    """Result of verifying the hash chain of the audit trail."""

    links: int
    head: str
    """Hash of the last link. Recorded elsewhere, it shows whether later links were cut off."""

    unlinked: int
    """Entries older than 10 seconds without a link: the chain is behind, or somebody inserted them."""

    first_unlinked: int | UnsetType = UNSET
    """Id of the first such entry."""

    broken: BrokenLink | UnsetType = UNSET

    inserted: BrokenLink | UnsetType = UNSET
    """The first entry after the anchor whose time is more than an hour before that of an earlier entry: it was inserted
    afterwards, or the clock of the database was set back."""


def verification(found: Verification) -> AuditVerification:
    """Convert a verification."""
    first = found.first_unlinked
    return AuditVerification(
        links=found.links,
        head=found.head.hex(),
        unlinked=found.unlinked,
        first_unlinked=UNSET if first is None else first,
        broken=_link(found.broken),
        inserted=_link(found.inserted),
    )


def _link(found: audit_chain.BrokenLink | None) -> BrokenLink | UnsetType:
    return UNSET if found is None else BrokenLink(n=found.n, audit_id=found.audit, reason=found.reason)


def audit_entry(row: AuditRow) -> AuditEntry:
    """Convert an entry of the audit trail."""
    return AuditEntry(
        id=row.id,
        timestamp=row.at,
        username=row.actor,
        operation=row.operation,
        action_kind=row.action_kind,
        workspace_id=_optional(row.workspace),
        resource=_optional(row.resource),
        parameters=UNSET if row.parameters is None else msgspec.Raw(row.parameters.encode()),
        on_behalf_of=_optional(row.on_behalf_of),
        address=_optional(row.address),
        request_id=_optional(row.request_id),
    )


def member_token(row: MemberTokenRow) -> MemberToken:
    """Convert a token of a member."""
    return MemberToken(
        username=row.username,
        token_prefix=row.prefix,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        bound=row.bound,
        revocable=row.revocable,
        expiration=UNSET if row.expires_at is None else row.expires_at,
        scopes=UNSET if row.scopes is None else row.scopes,
        label=_optional(row.label),
        last_address=row.last_address or UNSET,
    )


def _optional(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text
