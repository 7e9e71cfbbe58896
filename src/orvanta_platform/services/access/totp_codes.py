"""Acceptance of the codes of two-step logins. Each code is accepted once."""

from __future__ import annotations

from orvanta_platform import clock
from orvanta_platform.control import secrets, totp
from orvanta_platform.control.instance_settings import KEY_WORKSPACE
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.secrets import SecretLocation, SecretUnreadable
from orvanta_platform.db import data_keys
from orvanta_platform.db import totp as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.totp import TotpRow


def location(email: str) -> SecretLocation:
    """Return the location to which the secret of an account is bound."""
    return SecretLocation(KEY_WORKSPACE, "totp", email)


async def accept(conn: Connection, keys: InstanceKeys, email: str, code: str, *, confirming: bool = False) -> bool:
    """Use up a code of the application, or a recovery code, of an account. Return False if it is wrong or used.

    `confirming`: also accept a code of a secret that is not confirmed, and confirm it. Raises SecretUnreadable.
    """
    row = await rows.get(conn, email)
    if row is None or not (row.confirmed or confirming):
        return False
    step = totp.matching_step(await _secret(conn, keys, email, row), code, clock.now(), row.last_step)
    if step is not None:
        return await rows.accept_step(conn, email, step, row.sealed)
    return await rows.use_recovery_code(conn, email, totp.recovery_hash(code))


async def _secret(conn: Connection, keys: InstanceKeys, email: str, row: TotpRow) -> str:
    wrapped = await data_keys.get(conn, KEY_WORKSPACE, row.key_version)
    if wrapped is None:
        raise SecretUnreadable("The key of a two-step login is missing.", hint="A superadmin can reset it.")
    return secrets.unseal(secrets.unwrap(keys, KEY_WORKSPACE, wrapped), location(email), row.sealed).decode()
