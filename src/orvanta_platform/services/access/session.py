"""Authentication: tokens, logins, sessions and the one-time link.

These functions have no actor as input, because they create it.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from functools import partial
from typing import Literal

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import audit, job_tokens, limits, login_limits, names, passwords
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.client_address import network_of
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.instance_settings import BREAK_GLASS_ACCOUNT, MIN_PASSWORD_LENGTH, REQUIRE_TOTP
from orvanta_platform.control.job_tokens import JobClaim, PresentedToken
from orvanta_platform.db import accounts, tokens
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.tokens import Bearer
from orvanta_platform.errors import EnrolmentRequired, Forbidden, RateLimited, SecondFactorRequired, Unauthenticated
from orvanta_platform.services.access import totp_codes
from orvanta_platform.services.platform import Platform

SESSION_S = 14 * 24 * 3600
NOBODY = "nobody"
"""Actor of the audit row of a failed login to an account that does not exist."""

_JOB_CACHE_S = 1.0
_JOB_CACHE_SIZE = 2000
_RECENT_ACTORS = 10_000

log = structlog.get_logger(__name__)


class PasswordLoginDisabled(Forbidden):
    """The password is right, but only a provider can log this account in."""

    code = "password_login_disabled"


class Caller(msgspec.Struct, frozen=True):
    """Properties of a request other than its token."""

    workspace: str | None = None
    address: str | None = None
    request_id: str | None = None
    via_query: bool = False
    interactive: bool = False


class Session(msgspec.Struct, frozen=True):
    """A login: its token, which is shown only once, and its lifetime."""

    token: str
    lives_s: int = SESSION_S


class TokenResolver:
    """Resolves tokens to actors. Identities of running jobs are cached for one second, for reads only."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._jobs: OrderedDict[str, tuple[float, Bearer]] = OrderedDict()
        self._recent: OrderedDict[tuple[bytes, str | None], tuple[float, asyncio.Future[Actor | None]]] = OrderedDict()

    async def resolve(self, token: str, caller: Caller, *, changes: bool) -> Actor | None:
        """Return the actor of `token` in the caller's workspace, or None if the token is not valid.

        `changes`: the call changes data, so the token of a job is always checked against the database.
        """
        if token.startswith(job_tokens.PREFIX):
            return await self._job(token, caller, changes=changes)
        digest = names.token_hash(token)
        key = ("token", digest, caller.workspace)
        bearer = await self._platform.reads.get(key, partial(self._bearer, digest, caller))
        if bearer is None:
            return None
        kind: Literal["user", "session"] = "session" if bearer.kind == "session" else "user"
        return replace(_actor(bearer, caller), kind=kind, token=digest)

    async def _bearer(self, digest: bytes, caller: Caller) -> Bearer | None:
        async with self._platform.db.acquire() as conn:
            bearer = await tokens.resolve(conn, digest, caller.workspace, limits.MAX_SCOPES)
            if bearer is not None and bearer.stale:
                await tokens.record_use(conn, digest, caller.address)
        return bearer

    async def resolve_recent(self, token: str, caller: Caller, within_s: float) -> Actor | None:
        """Return the actor of `token`, resolved at most `within_s` seconds ago.

        Concurrent callers with the same token share one query. The cache of job tokens is not used.
        """
        key = (names.token_hash(token), caller.workspace)
        at, known = self._recent.get(key, (0.0, None))
        now = clock.monotonic()
        if known is None or now - at >= within_s or (known.done() and (known.cancelled() or known.exception())):
            known = asyncio.ensure_future(self.resolve(token, caller, changes=True))
            self._recent[key] = (now, known)
            self._recent.move_to_end(key)
            if len(self._recent) > _RECENT_ACTORS:
                self._recent.popitem(last=False)
        return known.result() if known.done() else await asyncio.shield(known)

    async def _job(self, token: str, caller: Caller, *, changes: bool) -> Actor | None:
        presented = job_tokens.parse(token)
        if presented is None:
            return None
        bearer = None if changes else self._remembered(token)
        if bearer is None:
            bearer = await self._running(presented)
            if bearer is None:
                self._jobs.pop(token, None)
                return None
            self._remember(token, bearer)
        return replace(_actor(bearer, caller), kind="job", job=presented.job, attempt=presented.attempt)

    async def _running(self, presented: PresentedToken) -> Bearer | None:
        """Return the identity that the job acts as, or None unless it runs under the claim of the token."""
        async with self._platform.db.acquire() as conn:
            found = await tokens.resolve_job(conn, presented.job, presented.attempt, presented.generation)
        if found is None or found.bearer.workspace is None or found.bearer.permissioned_as is None:
            return None
        claim = JobClaim(
            presented.job,
            presented.attempt,
            presented.generation,
            found.nonce,
            found.run,
            found.bearer.workspace,
            found.bearer.email,
            found.bearer.permissioned_as,
        )
        return found.bearer if job_tokens.is_signed(self._platform.keys, presented, claim) else None

    def _remembered(self, token: str) -> Bearer | None:
        until, bearer = self._jobs.get(token, (0.0, None))
        return bearer if clock.monotonic() < until else None

    def _remember(self, token: str, bearer: Bearer) -> None:
        self._jobs[token] = (clock.monotonic() + _JOB_CACHE_S, bearer)
        self._jobs.move_to_end(token)
        if len(self._jobs) > _JOB_CACHE_SIZE:
            self._jobs.popitem(last=False)


def _actor(bearer: Bearer, caller: Caller) -> Actor:
    return replace(
        actor_of(bearer, caller.workspace),
        address=caller.address,
        request_id=caller.request_id,
        via_query=caller.via_query,
        interactive=caller.interactive,
    )


async def login(platform: Platform, email: str, password: str, caller: Caller, code: str | None = None) -> Session:
    """Create a session after checking the password and, if the account or the instance requires it, a code.

    Raises the errors of `authenticate`; SecondFactorRequired if the code is missing, wrong or used; EnrolmentRequired.
    """
    account, keys = await authenticate(platform, email, password, caller)
    enrolled = await _check_code(platform, account, keys, code, caller)
    async with platform.db.transaction() as conn:
        await accounts.reset_attempts(conn, keys.pair, [keys.address, keys.account])
        # A reset of the password ends the sessions that exist, so that no session may start for the old one after it.
        # The same holds for an authenticator.
        current = await accounts.lock(conn, account.email)
        if current is None or current.disabled or current.password_hash != account.password_hash:
            raise _wrong_password()
        if current.totp != enrolled:
            raise _wrong_password()
        return await start_session(conn, account.email, account.username, "users.login", caller)


async def authenticate(
    platform: Platform, email: str, password: str, caller: Caller
) -> tuple[AccountRow, login_limits.Keys]:
    """Return the enabled account with this password, and the keys of the attempt, which has been counted.

    Raises Unauthenticated with the same message for an unknown account and a wrong password, also if the password was
    changed or the account disabled meanwhile; RateLimited if this address has to wait before the next attempt
    (`details.retry_after_s`; see login_limits); PasswordLoginDisabled.
    """
    keys = login_limits.keys_of(email, network_of(caller.address))
    async with platform.db.transaction() as conn:
        await count_attempt(conn, keys)
        account = await accounts.get(conn, email)
    usable = account is not None and not account.disabled
    stored = account.password_hash if account is not None and usable else None
    if not await passwords.matches(stored, password) or account is None:
        log.warning("login_failed", address=caller.address)
        await _record_failure(platform, account, caller)
        raise _wrong_password()
    if not _may_use_password(account, await platform.instance.get(BREAK_GLASS_ACCOUNT)):
        # Checked after the password, so that the response does not reveal which account may use one.
        await _record_failure(platform, account, caller)
        raise PasswordLoginDisabled("Logins with passwords are switched off.", hint="Log in with a provider.")
    return account, keys


async def _check_code(
    platform: Platform, account: AccountRow, keys: login_limits.Keys, code: str | None, caller: Caller
) -> bool:
    """Use up the code of a login. Return whether the account now has an authenticator. Raises also RateLimited."""
    if not account.totp and not await platform.instance.get(REQUIRE_TOTP):
        return False
    if code:
        await totp_codes.count_guess(platform.db, keys, code)
    async with platform.db.transaction() as conn:
        if not code:
            await accounts.forgive_attempts(conn, sorted(keys.all))
            accepted = False
        else:
            accepted = await totp_codes.accept(
                conn, platform.keys, account.email, code, counted=keys, confirming=not account.totp
            )
        if accepted and not account.totp:
            await complete_enrolment(conn, _as_actor(account, caller))
    if accepted:
        return True
    if not code and account.totp:
        raise SecondFactorRequired("The login needs a code of your authenticator.", hint="A recovery code works too.")
    if not code:
        raise EnrolmentRequired("The instance requires two-step login.", hint="Log in in a browser to set it up.")
    await _record_failure(platform, account, caller)
    raise SecondFactorRequired("The code is wrong, or was used before.", hint="Wait for the next code.")


async def complete_enrolment(conn: Connection, actor: Actor) -> None:
    """Record that an account has an authenticator, and end its other sessions, which started without it."""
    await tokens.delete_sessions(conn, actor.email, except_for=actor.token)
    await audit.record_instance(conn, actor, "users.totp.enable", "Updated", actor.email)


def _may_use_password(account: AccountRow, break_glass: str | None) -> bool:
    return break_glass is None or (account.super_admin and account.email == break_glass.lower())


def _wrong_password() -> Unauthenticated:
    return Unauthenticated("The e-mail address or the password is wrong.")


async def count_attempt(conn: Connection, keys: login_limits.Keys) -> None:
    """Count a login attempt. Raises RateLimited if the caller has to wait; that attempt is not counted."""
    for read in (accounts.get_attempts, accounts.lock_attempts):
        wait_s = login_limits.wait_s(await read(conn, keys.all, login_limits.FORGOTTEN_S), keys)
        if wait_s:
            raise RateLimited(
                "Too many logins failed.", hint="Try again later.", details={"retry_after_s": math.ceil(wait_s)}
            )
    await accounts.count_attempts(conn, keys.all, login_limits.FORGOTTEN_S)


async def _record_failure(platform: Platform, account: AccountRow | None, caller: Caller) -> None:
    """Audit a failed login. The address of an unknown account is not recorded: it may be a password."""
    actor = _as_actor(account, caller)
    async with platform.db.transaction() as conn:
        await audit.record(conn, actor, "users.login_failed", "Execute", actor.email or None)


def _as_actor(account: AccountRow | None, caller: Caller) -> Actor:
    email, username = (account.email, account.username) if account is not None else ("", NOBODY)
    return Actor(email=email, username=username, address=caller.address, request_id=caller.request_id)


async def logout(platform: Platform, actor: Actor, own: str | None = None) -> None:
    """End the session of the call. Tokens that are not sessions are not affected.

    `own`: token of the session to which an admin who acts as the actor would return, which ends as well.
    """
    if actor.token is None:
        return
    async with platform.db.transaction() as conn:
        await tokens.delete_session(conn, actor.token)
        if own is not None and actor.impersonator is not None:
            await tokens.delete_session(conn, names.token_hash(own))
        await audit.record(conn, actor, "users.logout", "Execute")


async def first_password(platform: Platform, link: str, password: str, caller: Caller) -> Session | None:
    """Consume a one-time link: set the account's first password and log in. Return None if a login needs a code.

    Raises Unauthenticated if the link is unknown, used or expired, or if the account already has a
    password; BadRequest if the password is too short, in which case the link remains valid.
    """
    passwords.check(password, await platform.instance.get(MIN_PASSWORD_LENGTH))
    async with platform.db.acquire() as conn:
        if not await tokens.link_exists(conn, names.token_hash(link)):
            raise _link_used_up()
    stored = await passwords.make(password)
    break_glass = await platform.instance.get(BREAK_GLASS_ACCOUNT)
    required = await platform.instance.get(REQUIRE_TOTP)
    async with platform.db.transaction() as conn:
        email = await tokens.use_link(conn, names.token_hash(link))
        if email is None or not await accounts.set_first_password(conn, email, stored):
            raise _link_used_up()
        await tokens.delete_links(conn, email)
        account = await accounts.get(conn, email)
        assert account is not None
        if not _may_use_password(account, break_glass):
            raise PasswordLoginDisabled("Logins with passwords are switched off.", hint="Log in with a provider.")
        if account.totp or required:
            actor = _as_actor(account, caller)
            await audit.record(conn, actor, "users.set_first_password", "Updated", email)
            return None
        return await start_session(conn, email, account.username, "users.set_first_password", caller, kind="Updated")


def _link_used_up() -> Unauthenticated:
    return Unauthenticated(
        "The link was used before or has expired.",
        hint="A superadmin can create a new one; without any password, each start of the server prints one.",
    )


async def start_session(
    conn: Connection,
    email: str,
    username: str,
    operation: str,
    caller: Caller,
    *,
    kind: audit.ActionKind = "Execute",
    provider: str | None = None,
) -> Session:
    """Create a session in the caller's transaction, and record `operation` of the given kind in the audit trail.

    `provider`: name of the OpenID provider that identified its user.

    The caller has authenticated the user and locked the account.
    """
    token = names.new_token("session")
    digest, prefix = names.token_hash(token), names.token_prefix(token)
    await tokens.insert(conn, digest, prefix, "session", email, lives_s=SESSION_S, provider=provider)
    actor = Actor(email=email, username=username, address=caller.address, request_id=caller.request_id)
    await audit.record(conn, actor, operation, kind, email, {"provider": provider} if provider else None)
    return Session(token)
