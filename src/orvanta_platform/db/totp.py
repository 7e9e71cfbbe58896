"""Rows of two-step logins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("totp")


@dataclass(frozen=True, slots=True)
class TotpRow:
    """The second step of the logins of an account."""

    sealed: bytes = field(repr=False)
    key_version: int
    last_step: int
    """Time step of the last accepted code."""
    recovery_codes: int
    """Number of unused recovery codes."""
    confirmed: bool
    """False: no code was accepted yet, and logins need none."""


async def get(conn: Connection, email: str) -> TotpRow | None:
    """Return the second step of an account, confirmed or not."""
    row = await conn.fetchrow(_SQL["get"], email)
    return TotpRow(**row) if row else None


async def enrol(conn: Connection, email: str, sealed: bytes, key_version: int, codes: Sequence[bytes]) -> bool:
    """Store a secret, and hashes of recovery codes; return False if the account has a confirmed secret."""
    return await conn.fetchval(_SQL["enrol"], email, sealed, key_version, codes) is not None


async def accept_step(conn: Connection, email: str, step: int, sealed: bytes) -> bool:
    """Use up the code of a time step, which confirms the secret; return False if it was used before."""
    return await conn.fetchval(_SQL["accept_step"], email, step, sealed) is not None


async def use_recovery_code(conn: Connection, email: str, digest: bytes) -> bool:
    """Use up a recovery code of a confirmed secret; return False if the account does not have it."""
    return await conn.fetchval(_SQL["use_recovery_code"], email, digest) is not None


async def delete(conn: Connection, email: str) -> bool:
    """Remove the second step of an account; return False if there was no confirmed one."""
    return bool(await conn.fetchval(_SQL["delete"], email))
