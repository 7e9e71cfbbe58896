"""Two-step login: enrolment and removal of an authenticator by the owner of an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from orvanta_platform.control import audit, secrets, totp
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import KEY_WORKSPACE, REQUIRE_TOTP
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import accounts
from orvanta_platform.db import totp as rows
from orvanta_platform.errors import Conflict, WrongCode
from orvanta_platform.services.access import session, totp_codes
from orvanta_platform.services.access.own_account import require_password
from orvanta_platform.services.access.session import Caller
from orvanta_platform.services.platform import Platform


class Status(msgspec.Struct, frozen=True):
    """State of the two-step login of an account."""

    enabled: bool
    required: bool
    """True if the instance requires it of all accounts with a password."""
    has_password: bool
    recovery_codes: int
    """Number of unused recovery codes."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret, which is shown once, and which the first code confirms."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    """`otpauth:` URI of the secret."""
    recovery_codes: list[str] = field(repr=False)


async def get_status(platform: Platform, actor: Actor) -> Status:
    """Return the state of the actor's two-step login."""
    require(actor, "read", Target(None, "account", created_by=actor.email))
    required = await platform.instance.get(REQUIRE_TOTP)
    async with platform.db.acquire() as conn:
        account = await accounts.get(conn, actor.email)
        row = await rows.get(conn, actor.email)
    has_password = account is not None and account.password_hash is not None
    if row is None or not row.confirmed:
        return Status(False, required, has_password, 0)
    return Status(True, required, has_password, row.recovery_codes)


async def enrol(platform: Platform, actor: Actor, password: str) -> Enrolment:
    """Create a secret for the actor's authenticator. Logins need codes only after `confirm`.

    Raises WrongPassword, RateLimited, Forbidden for tokens with limits, Conflict if two-step login is on, or without a
    password.
    """
    require(actor, "write", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "set up two-step login")
    _, keys = await require_password(platform, actor, password, "users.totp.enrol_failed")
    async with platform.db.transaction() as conn:
        # The right password alone must not reset the wrong codes that were counted.
        await accounts.forgive_attempts(conn, sorted(keys.all))
    return await _enrol(platform, actor.email)


async def enrol_at_login(platform: Platform, email: str, password: str, caller: Caller) -> Enrolment:
    """Create a secret for an account that cannot log in without one. The code of the next login confirms it.

    Raises the errors of `session.authenticate`, and Conflict unless the instance requires it and there is none.
    """
    account, keys = await session.authenticate(platform, email, password, caller)
    async with platform.db.transaction() as conn:
        await accounts.forgive_attempts(conn, sorted(keys.all))
    if not await platform.instance.get(REQUIRE_TOTP):
        raise Conflict("The instance does not require two-step login.", hint="Log in, and set it up in the profile.")
    return await _enrol(platform, account.email)


async def _enrol(platform: Platform, email: str) -> Enrolment:
    secret, codes = totp.new_secret(), totp.new_recovery_codes()
    key = await secrets.newest_key(platform.db, platform.keys, KEY_WORKSPACE)
    sealed = secrets.seal(key, totp_codes.location(email), secret.encode())
    async with platform.db.transaction() as conn:
        if not await rows.enrol(conn, email, sealed, key.version, [totp.recovery_hash(code) for code in codes]):
            raise Conflict("Two-step login is on already.", hint="Switch it off first.")
    host = urlsplit(platform.settings.base_url).hostname or ""
    return Enrolment(secret, totp.uri(secret, email, host), codes)


async def confirm(platform: Platform, actor: Actor, code: str) -> None:
    """Switch the actor's two-step login on with a first code, and end its other sessions.

    Raises WrongCode, Forbidden for tokens with limits, Conflict if it is on.
    """
    require(actor, "write", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "set up two-step login")
    async with platform.db.transaction() as conn:
        account = await accounts.lock(conn, actor.email)
        if account is None or account.totp:
            raise Conflict("Two-step login is on already.")
        if not await totp_codes.accept(conn, platform.keys, actor.email, code, confirming=True):
            raise WrongCode("The code is wrong.", hint="Wait for the next code; the clock of the device must be right.")
        await session.complete_enrolment(conn, actor)


async def disable(platform: Platform, actor: Actor, password: str, code: str) -> None:
    """Switch the actor's two-step login off. A recovery code is accepted as well.

    Raises WrongPassword, WrongCode, RateLimited, Forbidden for tokens with limits.
    """
    require(actor, "write", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "switch off two-step login")
    _, keys = await require_password(platform, actor, password, "users.totp.disable_failed")
    await totp_codes.count_guess(platform.db, keys, code)
    async with platform.db.transaction() as conn:
        accepted = await totp_codes.accept(conn, platform.keys, actor.email, code, counted=keys)
        if accepted:
            await accounts.reset_attempts(conn, keys.pair, [keys.address, keys.account])
            await rows.delete(conn, actor.email)
        operation = "users.totp.disable" if accepted else "users.totp.disable_failed"
        await audit.record_instance(conn, actor, operation, "Updated" if accepted else "Execute", actor.email)
    if not accepted:
        raise WrongCode("The code is wrong, or was used before.", hint="Wait for the next code.")
