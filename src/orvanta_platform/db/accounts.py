"""Rows of accounts and of failed logins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("accounts")


class AccountRow(msgspec.Struct, frozen=True):
    """One person or service account."""

    email: str
    """Address in lower case."""
    username: str
    name: str | None
    password_hash: str | None
    """None if the account has no password."""
    login_type: str
    super_admin: bool
    devops: bool
    verified: bool
    disabled: bool
    created_at: datetime
    deleted_at: datetime | None
    """Set if the account was deleted; such an account stays disabled."""
    totp: bool
    """True if logins with a password need a code as well."""


class AttemptsRow(msgspec.Struct, frozen=True):
    """Failed and pending logins of a key, and seconds since the latest one."""

    count: int
    age_s: float
    known: bool
    """True if this account has logged in from this address before; set only for keys of both."""


async def get(conn: Connection, email: str) -> AccountRow | None:
    """Return the account with this address, compared without regard to case."""
    row = await conn.fetchrow(_SQL["get"], email.lower())
    return AccountRow(**row) if row else None


async def is_empty(conn: Connection) -> bool:
    """Return whether the instance has no account yet."""
    return bool(await conn.fetchval(_SQL["count_all"]) == 0)


async def lock_first_start(conn: Connection) -> None:
    """Wait until no other server is in its first start; the lock lasts until the transaction ends."""
    await conn.execute(_SQL["lock_first_start"])


async def is_username_taken(conn: Connection, username: str) -> bool:
    """Return whether an account, or a member or former member of a workspace, has this username."""
    return bool(await conn.fetchval(_SQL["is_username_taken"], username))


async def insert(
    conn: Connection,
    email: str,
    username: str,
    *,
    name: str | None,
    password_hash: str | None,
    super_admin: bool = False,
    devops: bool = False,
) -> bool:
    """Add an account; return False if the address or the username is taken."""
    query = _SQL["insert"]
    values = (email.lower(), username, name, password_hash, super_admin, devops)
    return await conn.fetchval(query, *values) is not None


async def set_first_password(conn: Connection, email: str, password_hash: str) -> bool:
    """Set the password of an account without one; return False if it has one."""
    return await conn.fetchval(_SQL["set_first_password"], email, password_hash) is not None


async def reset_password(conn: Connection, email: str, password_hash: str) -> str | None:
    """Replace the password of an account and return its username; None if it does not exist or is disabled."""
    username: str | None = await conn.fetchval(_SQL["reset_password"], email.lower(), password_hash, column=1)
    return username


async def find_superadmin_without_password(conn: Connection) -> str | None:
    """Return the address of the first superadmin if no account has a password, otherwise None."""
    found: str | None = await conn.fetchval(_SQL["find_superadmin_without_password"])
    return found


async def list_page(
    conn: Connection, *, after: str, limit: int, offset: int, deleted: bool = False
) -> list[AccountRow]:
    """Return accounts by address, those after `after`. `deleted`: with deleted ones."""
    rows = await conn.fetch(_SQL["list"], after, limit, offset, deleted)
    return [AccountRow(**row) for row in rows]


async def lock_roles(conn: Connection) -> None:
    """Wait until no other transaction changes the superadmins; the lock lasts until the transaction ends."""
    await conn.execute(_SQL["lock_roles"])


async def lock(conn: Connection, email: str) -> AccountRow | None:
    """Return the account with this address, locked until the transaction ends."""
    row = await conn.fetchrow(_SQL["lock"], email.lower())
    return AccountRow(**row) if row else None


async def has_other_superadmin(conn: Connection, email: str) -> bool:
    """Return whether an enabled account other than this one is a superadmin."""
    return bool(await conn.fetchval(_SQL["has_other_superadmin"], email))


async def update(
    conn: Connection, email: str, *, name: str | None, super_admin: bool | None, devops: bool | None
) -> None:
    """Change the name and the instance roles of an account; None: unchanged."""
    await conn.execute(_SQL["update"], email, name, super_admin, devops)


async def set_disabled(conn: Connection, email: str, disabled: bool, *, by_scim: bool = False) -> None:
    """Disable or enable an account. `by_scim`: a SCIM client disables it, and may enable it again."""
    await conn.execute(_SQL["set_disabled"], email, disabled, by_scim)


async def delete(conn: Connection, email: str) -> None:
    """Delete an account; its address and username remain reserved."""
    await conn.execute(_SQL["delete"], email)


async def clear_password(conn: Connection, email: str) -> None:
    """Remove the password of an account."""
    await conn.execute(_SQL["clear_password"], email)


async def change_password(conn: Connection, email: str, before: str, after: str) -> bool:
    """Replace a password hash; return False if the account has another one, or is disabled."""
    return await conn.fetchval(_SQL["change_password"], email, before, after) is not None


async def get_attempts(conn: Connection, keys: Sequence[str], forgotten_s: float) -> dict[str, AttemptsRow]:
    """Return the attempts of these keys without a lock. Attempts older than `forgotten_s` do not count."""
    rows = await conn.fetch(_SQL["get_attempts"], keys, forgotten_s)
    return {row["key"]: AttemptsRow(row["count"], row["age_s"], row["known"]) for row in rows}


async def lock_attempts(conn: Connection, keys: Sequence[str], forgotten_s: float) -> dict[str, AttemptsRow]:
    """Return the attempts of these keys, locked until the transaction ends, without those older than `forgotten_s`."""
    await conn.execute(_SQL["ensure_attempts"], keys)
    rows = await conn.fetch(_SQL["lock_attempts"], keys, forgotten_s)
    return {row["key"]: AttemptsRow(row["count"], row["age_s"], row["known"]) for row in rows}


async def count_attempts(conn: Connection, keys: Sequence[str], forgotten_s: float) -> None:
    """Count one attempt of each of these keys, which the transaction has locked."""
    await conn.execute(_SQL["count_attempts"], keys, forgotten_s)


async def reset_attempts(conn: Connection, pair: str, others: Sequence[str]) -> None:
    """Reset, after a login, the attempts of `pair`, and subtract the successful one from `others`."""
    await conn.execute(_SQL["reset_attempts"], pair, others)


async def forgive_attempts(conn: Connection, keys: Sequence[str]) -> None:
    """Subtract one attempt, which neither failed nor succeeded, from each of these keys."""
    await conn.execute(_SQL["forgive_attempts"], keys)


async def delete_old_attempts(conn: Connection) -> None:
    """Delete attempts older than a day."""
    await conn.execute(_SQL["delete_old_attempts"])
