"""Rows of accounts and of failed logins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One person or service. `email` is in lower case; `password_hash` None: no password."""

    email: str
    username: str
    name: str | None
    password_hash: str | None
    login_type: str
    super_admin: bool
    devops: bool
    verified: bool
    disabled: bool
    created_at: datetime


async def get(conn: Connection, email: str) -> AccountRow | None:
    """The account with this address, in any spelling of case."""
    row = await conn.fetchrow(load("accounts")["get"].text, email.lower())
    return AccountRow(**row) if row else None


async def none_exists(conn: Connection) -> bool:
    """Whether the instance has no account yet."""
    return bool(await conn.fetchval(load("accounts")["count_all"].text) == 0)


async def lock_first_start(conn: Connection) -> None:
    """Wait until no other server is in its first start; held until the transaction ends."""
    await conn.execute(load("accounts")["lock_first_start"].text)


async def username_taken(conn: Connection, username: str) -> bool:
    """Whether an account has this username."""
    return bool(await conn.fetchval(load("accounts")["username_taken"].text, username))


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
    """Add an account; False where the address or the username is taken."""
    query = load("accounts")["insert"].text
    values = (email.lower(), username, name, password_hash, super_admin, devops)
    return await conn.fetchval(query, *values) is not None


async def set_first_password(conn: Connection, email: str, password_hash: str) -> bool:
    """Set the password of an account without one; False where it has one."""
    return await conn.fetchval(load("accounts")["set_first_password"].text, email, password_hash) is not None


async def without_password(conn: Connection) -> str | None:
    """The address of the first superadmin while nobody has a password, else None."""
    found: str | None = await conn.fetchval(load("accounts")["without_password"].text)
    return found


async def list_page(conn: Connection, *, after: str, limit: int, offset: int) -> list[AccountRow]:
    """Accounts by address, from the first one past `after`."""
    rows = await conn.fetch(load("accounts")["list"].text, after, limit, offset)
    return [AccountRow(**row) for row in rows]


async def note_attempt(conn: Connection, key: str, window_s: float) -> int:
    """Count a login attempt of `key`; gives how many there were in the present window."""
    return int(await conn.fetchval(load("accounts")["note_failure"].text, key, window_s))


async def forget_attempts(conn: Connection, account_key: str, address_key: str) -> None:
    """After a login: the account's attempts are forgotten, of the address' this one."""
    await conn.execute(load("accounts")["forget_failures"].text, account_key)
    await conn.execute(load("accounts")["forget_one_failure"].text, address_key)


async def forget_old_attempts(conn: Connection) -> None:
    """Forget login attempts of yesterday and before."""
    await conn.execute(load("accounts")["forget_old_failures"].text)
