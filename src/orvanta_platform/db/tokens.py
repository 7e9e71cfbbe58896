"""Rows of tokens, sessions and one-time links, and the identities behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("tokens")


class Grant(msgspec.Struct, frozen=True):
    """Permissions on a folder: owners, and principals that may read (false) or write (true). In Bearer only its own."""

    name: str
    owners: list[str]
    extra_perms: dict[str, bool]


class Bearer(msgspec.Struct, frozen=True):
    """The identity behind a token."""

    kind: str
    email: str
    account_username: str
    super_admin: bool
    devops: bool
    scopes: list[str] | None
    token_workspace: str | None
    workspace: str | None
    """None if none was named, or it does not exist."""
    username: str | None
    """None if the account is not a member of the workspace."""
    role: str | None
    """None if the account is not a member of the workspace."""
    groups: list[str]
    grants: list[Grant]
    stale: bool = False
    archived: bool = False
    """The workspace is archived."""
    permissioned_as: str | None = None
    impersonator: str | None = None
    """Username of the admin who acts as the account."""


class RunningJob(msgspec.Struct, frozen=True):
    """A job of `run`, running under the claim that drew `nonce`, and the identity it acts as."""

    bearer: Bearer
    run: UUID
    nonce: UUID


class TokenRow(msgspec.Struct, frozen=True):
    """A token in lists: neither the token nor its hash."""

    prefix: str
    label: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime
    scopes: list[str] | None
    workspace: str | None
    last_address: str | None
    """Address of the last recorded use; None: not used yet."""


class SessionRow(msgspec.Struct, frozen=True):
    """A session in the list of its owner."""

    prefix: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime
    last_address: str | None
    current: bool
    """True for the session of the call."""


class MemberTokenRow(msgspec.Struct, frozen=True):
    """A token with which a member can act in a workspace."""

    username: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime
    scopes: list[str] | None
    bound: bool
    """True if the token is valid in this workspace only."""
    revocable: bool
    """True if admins of the workspace can revoke it. The label and the address are known for such tokens only."""
    label: str | None
    last_address: str | None


async def resolve(conn: Connection, digest: bytes, workspace: str | None, most_scopes: int) -> Bearer | None:
    """Return the identity behind the token with this SHA-256, in this workspace; None if the token is not valid.

    A token with more than `most_scopes`, created before there was a limit, is not valid.
    """
    row = await conn.fetchrow(_SQL["resolve"], digest, workspace, most_scopes)
    return Bearer(**{**row, "grants": _grants(row["grants"])}) if row else None


async def resolve_job(conn: Connection, job: UUID, attempt: int, generation: int) -> RunningJob | None:
    """Return a running job with the identity it acts as; None if it does not run at that attempt and generation."""
    row = await conn.fetchrow(_SQL["resolve_job"], job, attempt, generation)
    if row is None:
        return None
    values: dict[str, Any] = {**row, "grants": _grants(row["grants"])}
    nonce, run = values.pop("nonce"), values.pop("run")
    bearer = Bearer(kind="job", devops=False, token_workspace=row["workspace"], **values)
    return RunningJob(bearer, run, nonce)


async def resolve_identity(
    conn: Connection, workspace: str, permissioned_as: str, email: str, scopes: list[str] | None
) -> Bearer | None:
    """Return the identity that a run acts as, limited by `scopes`; None if the account has no such username there."""
    row = await conn.fetchrow(_SQL["resolve_identity"], workspace, permissioned_as, email)
    if row is None:
        return None
    values: dict[str, Any] = {**row, "grants": _grants(row["grants"])}
    return Bearer(kind="job", devops=False, scopes=scopes, token_workspace=row["workspace"], **values)


async def get_prefix(conn: Connection, digest: bytes) -> str | None:
    """Return the prefix of the token or session with this hash."""
    prefix: str | None = await conn.fetchval(_SQL["get_prefix"], digest)
    return prefix


async def record_use(conn: Connection, digest: bytes, address: str | None) -> None:
    """Record that the token was used from an address."""
    await conn.execute(_SQL["record_use"], digest, address or "")


async def insert(
    conn: Connection,
    digest: bytes,
    prefix: str,
    kind: str,
    email: str,
    *,
    workspace: str | None = None,
    label: str | None = None,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
    lives_s: float | None = None,
    provider: str | None = None,
    impersonator: str | None = None,
    issued_by: str | None = None,
) -> None:
    """Add a token that expires at `expires_at` or after `lives_s` seconds; with neither it does not expire.

    `provider`: name of the OpenID provider by which a session was started. `impersonator`: address of the admin who
    acts as the account in a session. `issued_by`: address of the admin who creates the token of a service account.
    """
    limits = (workspace, label, scopes, expires_at, lives_s)
    await conn.execute(_SQL["insert"], digest, prefix, kind, email, *limits, provider, impersonator, issued_by)


async def list_page(conn: Connection, email: str, *, limit: int, offset: int) -> list[TokenRow]:
    """Return the account's tokens, newest first."""
    rows = await conn.fetch(_SQL["list"], email, limit, offset)
    return [TokenRow(**row) for row in rows]


async def list_of_workspace(conn: Connection, workspace: str, *, limit: int, offset: int) -> list[MemberTokenRow]:
    """Return a page of the tokens with which members can act in a workspace, by username."""
    rows = await conn.fetch(_SQL["list_of_workspace"], workspace, limit, offset)
    return [MemberTokenRow(**row) for row in rows]


async def delete_of_workspace(conn: Connection, workspace: str, prefix: str) -> str | None:
    """Delete the tokens with this prefix that are valid in this workspace only, or those of a service account that the
    workspace manages; return the owner's address.
    """
    email: str | None = await conn.fetchval(_SQL["delete_of_workspace"], workspace, prefix)
    return email


async def is_of_member(conn: Connection, workspace: str, prefix: str) -> bool:
    """Return whether a member has a token with this prefix that is valid in all of the member's workspaces."""
    return bool(await conn.fetchval(_SQL["is_of_member"], workspace, prefix))


async def delete_by_prefix(conn: Connection, email: str, prefix: str, *, sessions: bool) -> int:
    """Delete the account's tokens with this prefix, and its `sessions` as well; return their number."""
    return len(await conn.fetch(_SQL["delete_by_prefix"], email, prefix, sessions))


async def get_provider(conn: Connection, digest: bytes) -> str | None:
    """Return the name of the OpenID provider by which the session with this hash was started."""
    name: str | None = await conn.fetchval(_SQL["get_provider"], digest)
    return name


async def delete_session(conn: Connection, digest: bytes) -> None:
    """Delete the session with this hash, if it is one."""
    await conn.execute(_SQL["delete_session"], digest)


async def link_exists(conn: Connection, digest: bytes) -> bool:
    """Return whether there is a valid one-time link with this hash."""
    return bool(await conn.fetchval(_SQL["link_exists"], digest))


async def use_link(conn: Connection, digest: bytes) -> str | None:
    """Use up a one-time link; return the account's address, None if the link is no longer valid."""
    email: str | None = await conn.fetchval(_SQL["use_link"], digest)
    return email


async def delete_links(conn: Connection, email: str) -> None:
    """Delete all one-time links of an account."""
    await conn.execute(_SQL["delete_links"], email)


async def delete_sessions(conn: Connection, email: str, except_for: bytes | None = None) -> None:
    """Delete all sessions and impersonations of an account, except the session with the hash `except_for`."""
    await conn.execute(_SQL["delete_sessions"], email, except_for)


async def list_sessions(conn: Connection, email: str, digest: bytes | None) -> list[SessionRow]:
    """Return the sessions of an account, newest first; `digest`: hash of the token of the call."""
    rows = await conn.fetch(_SQL["list_sessions"], email, digest or b"")
    return [SessionRow(**row) for row in rows]


async def delete_session_by_prefix(conn: Connection, email: str, prefix: str) -> bool:
    """Delete the sessions of an account with this prefix; return False if there is none."""
    return bool(await conn.fetch(_SQL["delete_session_by_prefix"], email, prefix))


async def delete_of_account(conn: Connection, email: str) -> None:
    """Delete all tokens, sessions, impersonations and one-time links of an account."""
    await conn.execute(_SQL["delete_of_account"], email)


async def delete_expired(conn: Connection) -> None:
    """Delete tokens that expired more than a day ago."""
    await conn.execute(_SQL["delete_expired"])


def _grants(text: str | None) -> list[Grant]:
    return msgspec.json.decode(text, type=list[Grant]) if text else []
