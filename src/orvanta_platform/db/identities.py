"""Rows of identities at OpenID providers, logins in progress, and the memberships that follow from claims."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("identities")

GroupName = tuple[str, str]
"""Workspace and name of a group."""


class LoginRow(msgspec.Struct, frozen=True):
    """A login in progress."""

    issuer: str
    nonce: str
    verifier: str
    then_path: str
    valid: bool
    """False if it has expired."""


class IdentityRow(msgspec.Struct, frozen=True):
    """An identity of an account."""

    issuer: str
    subject: str
    created_at: datetime


class MembershipRow(msgspec.Struct, frozen=True):
    """A workspace, and the membership of an account in it; without a membership, all other fields are None."""

    workspace: str
    username: str | None
    role: str | None
    disabled: bool | None


async def start_login(
    conn: Connection, state: bytes, browser: bytes, provider: str, login: LoginRow, lives_s: float
) -> None:
    """Store a login in progress, and delete those that have expired."""
    values = (login.issuer, login.nonce, login.verifier, login.then_path)
    await conn.execute(_SQL["start_login"], state, browser, provider, *values, lives_s)


async def take_login(conn: Connection, state: bytes, browser: bytes, provider: str) -> LoginRow | None:
    """Delete and return a login in progress; None if this browser has not started it at this provider."""
    row = await conn.fetchrow(_SQL["take_login"], state, browser, provider)
    return LoginRow(**row) if row else None


async def get_email(conn: Connection, issuer: str, subject: str) -> str | None:
    """Return the address of the account of an identity."""
    email: str | None = await conn.fetchval(_SQL["get_email"], issuer, subject)
    return email


async def insert(conn: Connection, issuer: str, subject: str, email: str) -> bool:
    """Link an identity to an account; return False if it is linked already."""
    return await conn.fetchval(_SQL["insert"], issuer, subject, email) is not None


async def delete(conn: Connection, issuer: str, subject: str, email: str) -> bool:
    """Unlink an identity of an account; return False if it is not linked to it."""
    return await conn.fetchval(_SQL["delete"], issuer, subject, email) is not None


async def list_identities(conn: Connection, email: str) -> list[IdentityRow]:
    """Return the identities of an account."""
    return [IdentityRow(**row) for row in await conn.fetch(_SQL["list_identities"], email)]


async def list_memberships(conn: Connection, email: str, workspaces: Iterable[str]) -> list[MembershipRow]:
    """Return those of the workspaces that exist, with the membership of an account in them."""
    rows = await conn.fetch(_SQL["list_memberships"], email, list(workspaces))
    return [MembershipRow(**row) for row in rows]


async def leave_groups(
    conn: Connection, email: str, managed: Iterable[GroupName], wanted: Iterable[GroupName]
) -> list[GroupName]:
    """Remove an account from the managed groups that are not wanted; return those it left."""
    rows = await conn.fetch(_SQL["leave_groups"], email, *_columns(managed), *_columns(wanted))
    return [(row["workspace"], row["team"]) for row in rows]


async def join_groups(conn: Connection, email: str, wanted: Iterable[GroupName]) -> list[GroupName]:
    """Add an account to groups of workspaces of which it is a member; return those it joined."""
    rows = await conn.fetch(_SQL["join_groups"], email, *_columns(wanted))
    return [(row["workspace"], row["team"]) for row in rows]


def _columns(names: Iterable[GroupName]) -> tuple[list[str], list[str]]:
    pairs = sorted(names)
    return [workspace for workspace, _ in pairs], [group for _, group in pairs]
