"""Acceptance of the codes of two-step logins. Each code is accepted once."""

from __future__ import annotations

import math

from orvanta_platform import clock
from orvanta_platform.control import login_limits, secrets, totp
from orvanta_platform.control.instance_settings import KEY_WORKSPACE
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.secrets import SecretLocation, SecretUnreadable
from orvanta_platform.db import accounts, data_keys
from orvanta_platform.db import totp as rows
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.totp import TotpRow
from orvanta_platform.errors import RateLimited


def location(email: str) -> SecretLocation:
    """Return the location to which the secret of an account is bound."""
    return SecretLocation(KEY_WORKSPACE, "totp", email)


async def count_guess(db: Database, keys: login_limits.Keys, code: str) -> None:
    """Count a code as wrong before it is checked, so that concurrent guesses are counted. `accept` undoes this.

    Raises RateLimited if this address has to wait before the next code; that attempt is not counted.
    """
    if not totp.is_time_based(code):
        return
    async with db.transaction() as conn:
        pair = (await accounts.get_attempts(conn, [keys.pair], login_limits.FORGOTTEN_S))[keys.pair]
        codes = (await accounts.lock_attempts(conn, [keys.code], login_limits.CODES_FORGOTTEN_S))[keys.code]
        wait_s = login_limits.wait_for_code_s(codes, pair)
        if wait_s:
            await accounts.forgive_attempts(conn, sorted(keys.all))
        else:
            await accounts.count_attempts(conn, [keys.code], login_limits.CODES_FORGOTTEN_S)
    if wait_s:
        raise RateLimited(
            "Too many wrong codes were sent for this account.",
            hint="Log in where you have logged in before, use a recovery code, or try again later.",
            details={"retry_after_s": math.ceil(wait_s)},
        )


async def accept(
    conn: Connection,
    keys: InstanceKeys,
    email: str,
    code: str,
    *,
    counted: login_limits.Keys | None = None,
    confirming: bool = False,
) -> bool:
    """Use up a code of the application, or a recovery code, of an account. Return False if it is wrong or used.

    `counted`: keys of `count_guess`. `confirming`: also accept a code of a secret that is not confirmed, and confirm
    it. Raises SecretUnreadable.
    """
    row = await rows.get(conn, email)
    if row is None or not (row.confirmed or confirming):
        return False
    step = totp.matching_step(await _secret(conn, keys, email, row), code, clock.now(), row.last_step)
    if step is not None:
        accepted = await rows.accept_step(conn, email, step, row.sealed)
        if accepted and counted is not None:
            await accounts.forgive_attempts(conn, [counted.code])
        return accepted
    return await rows.use_recovery_code(conn, email, totp.recovery_hash(code))


async def _secret(conn: Connection, keys: InstanceKeys, email: str, row: TotpRow) -> str:
    wrapped = await data_keys.get(conn, KEY_WORKSPACE, row.key_version)
    if wrapped is None:
        raise SecretUnreadable("The key of a two-step login is missing.", hint="A superadmin can reset it.")
    return secrets.unseal(secrets.unwrap(keys, KEY_WORKSPACE, wrapped), location(email), row.sealed).decode()
