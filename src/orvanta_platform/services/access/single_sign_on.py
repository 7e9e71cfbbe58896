"""Login by an OpenID provider.

A login has a state, which the provider returns, and a cookie, which only the browser that started it has; both are
stored as hashes in a row that is deleted when the provider responds. An identity is an issuer and a subject: an address
never selects an account.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor, system
from orvanta_platform.control.identity_providers import IdentityProvider
from orvanta_platform.control.instance_settings import BRANDING_COLOR, BREAK_GLASS_ACCOUNT, OIDC_PROVIDERS
from orvanta_platform.db import accounts, identities, scim, tokens
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.identities import LoginRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Forbidden, NotFound, OrvantaError
from orvanta_platform.outbound.openid import Client, Provider, ProviderUnreachable, TokenRefused, Tokens
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.access import claim_memberships, departures
from orvanta_platform.services.access.session import NOBODY, Caller, Session, start_session
from orvanta_platform.services.access.users import NewAccount, add_account
from orvanta_platform.services.platform import Platform

LOGIN_S: Final = 600
"""Time in seconds that a person has to log in at the provider."""

CALLBACK: Final = "/api/auth/oidc/callback/"
"""Path to which a provider returns the browser, followed by the name of the provider."""

_TIMEOUT_S: Final = 20
"""Time in seconds that a call waits for a provider, which answers one call at a time until its metadata is read."""
_PATH_CHARACTERS = "".join(map(chr, range(128)))
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]{0,2000}")

log = structlog.get_logger(__name__)


class SingleSignOnFailed(Forbidden):
    """The login by a provider was refused; the audit trail or the log of the server has the reason."""

    code = "single_sign_on_failed"


class ProviderUnavailable(OrvantaError):
    """The OpenID provider does not respond, or not as expected. Existing sessions are not affected."""

    code = "provider_unavailable"
    status = 502


class LoginOptions(msgspec.Struct, frozen=True):
    """Ways to log in that the login page offers."""

    providers: dict[str, str]
    """Label of each provider by name."""
    passwords: bool
    """False: only one superadmin can log in with a password."""
    color: str | None
    """Colour of the instance, #rrggbb."""
    first_visit: bool
    """No account has a password yet: the terminal of the server shows a link that sets the first one."""


class StartedLogin(msgspec.Struct, frozen=True):
    """A login in progress: the address at the provider, and the secret of the browser."""

    url: str
    browser: str


class _Claims(msgspec.Struct, frozen=True):
    """Statements of a provider about a person."""

    subject: str
    external_id: str
    """Identifier of the person for SCIM; empty: there is none."""
    email: str | None
    verified: bool
    name: str | None
    groups: frozenset[str]


async def options(platform: Platform) -> LoginOptions:
    """Return the ways to log in."""
    providers = await platform.instance.get(OIDC_PROVIDERS)
    passwords = await platform.instance.get(BREAK_GLASS_ACCOUNT) is None
    color = await platform.instance.get(BRANDING_COLOR)
    async with platform.db.acquire() as conn:
        first_visit = await accounts.find_superadmin_without_password(conn) is not None
    return LoginOptions({name: each.label for name, each in providers.items()}, passwords, color, first_visit)


async def start(platform: Platform, name: str, then: str) -> StartedLogin:
    """Start a login, after which the browser goes to the path `then` of this server.

    Raises NotFound, BadRequest for a path of another server, ProviderUnavailable.
    """
    config = await _config(platform, name)
    then = quote(then, safe=_PATH_CHARACTERS)  # a header has no other characters, but a path of an item may
    if not _LOCAL_PATH.fullmatch(then):
        raise BadRequest("The path after the login must be one of this server.")
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            url = await _provider(platform, name, config).authorization_url(
                _redirect_uri(platform, name), state, nonce, verifier
            )
    except (ProviderUnreachable, TimeoutError) as error:
        raise _unavailable(config, error) from error
    login = LoginRow(config.issuer, nonce, verifier, then, valid=True)
    async with platform.db.acquire() as conn:
        await identities.start_login(conn, names.token_hash(state), names.token_hash(browser), name, login, LOGIN_S)
    return StartedLogin(url, browser)


async def finish(
    platform: Platform, name: str, answer: Mapping[str, str], browser: str | None, caller: Caller
) -> tuple[Session, str]:
    """Finish a login with the parameters of the provider's response; return the session and the path to go to.

    Raises NotFound, SingleSignOnFailed, ProviderUnavailable.
    """
    config = await _config(platform, name)
    login = await _take(platform, name, config, answer.get("state", ""), browser or "", caller)
    provider = _provider(platform, name, config)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            received = await _exchange(platform, name, provider, config, answer, login, caller)
            claims = await _claims(provider, config, received, login)
    except TokenRefused as error:
        raise await _refused(platform, name, config, str(error), caller) from error
    except (ProviderUnreachable, TimeoutError) as error:
        raise _unavailable(config, error) from error
    return await _enter(platform, name, config, claims, caller), login.then_path


async def logout_url(platform: Platform, actor: Actor) -> str | None:
    """Return the address at which the provider of the actor's session ends its own session; None if there is none."""
    if actor.token is None:
        return None
    async with platform.db.acquire() as conn:
        name = await tokens.get_provider(conn, actor.token)
    config = (await platform.instance.get(OIDC_PROVIDERS)).get(name or "")
    if name is None or config is None:
        return None
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await _provider(platform, name, config).logout_url(f"{_base(platform)}/login")
    except (ProviderUnreachable, TimeoutError) as error:
        log.warning("provider unreachable", provider=name, error=str(error))
        return None


async def _config(platform: Platform, name: str) -> IdentityProvider:
    config = (await platform.instance.get(OIDC_PROVIDERS)).get(name)
    if config is None:
        raise NotFound(f"There is no provider {name[:50]}.")
    return config


def _provider(platform: Platform, name: str, config: IdentityProvider) -> Provider:
    """Return the provider with its cached metadata and keys; a changed configuration has none."""
    known = platform.identity_providers.get(name)
    if known is None or known[0] != config:
        client = Client(config.issuer, config.client_id, config.client_secret, tuple(config.scopes))
        guard = Guard((*platform.settings.allowed_networks, *config.networks))
        known = platform.identity_providers[name] = (config, Provider(client, guard))
    found: Provider = known[1]
    return found


def _base(platform: Platform) -> str:
    return platform.settings.base_url.rstrip("/")


def _redirect_uri(platform: Platform, name: str) -> str:
    # Each provider has its own address, so that one cannot answer for another.
    return f"{_base(platform)}{CALLBACK}{name}"


async def _take(
    platform: Platform, name: str, config: IdentityProvider, state: str, browser: str, caller: Caller
) -> LoginRow:
    async with platform.db.transaction() as conn:
        login = await identities.take_login(conn, names.token_hash(state), names.token_hash(browser), name)
    # The issuer of the provider may have changed meanwhile; its successor must not get the code.
    if login is None or not login.valid or login.issuer != config.issuer:
        raise _failed_unseen(name, config, "unknown, used or expired state", caller)
    return login


async def _exchange(
    platform: Platform,
    name: str,
    provider: Provider,
    config: IdentityProvider,
    answer: Mapping[str, str],
    login: LoginRow,
    caller: Caller,
) -> Tokens:
    """Return the tokens for the code of a response. Raises SingleSignOnFailed, ProviderUnreachable."""
    try:
        await provider.check_issuer(answer.get("iss"))
        if "error" in answer or not answer.get("code"):
            raise TokenRefused(f"the provider responded with {answer.get('error', 'no code')[:100]!r}")
        return await provider.exchange(answer["code"], _redirect_uri(platform, name), login.verifier)
    except TokenRefused as error:
        raise _failed_unseen(name, config, str(error), caller) from error


async def _claims(provider: Provider, config: IdentityProvider, found: Tokens, login: LoginRow) -> _Claims:
    claims = await provider.verify(found.id_token, login.nonce)
    subject = str(claims["sub"])
    more: Mapping[str, Any] = {}
    if "email" not in claims or (config.grants and config.groups_claim not in claims):
        more = await provider.userinfo(found.access_token, subject)
    # Address and verification are taken from the same document.
    about = claims if "email" in claims else more
    email, title = about.get("email"), claims.get("name", more.get("name"))
    groups = claims.get(config.groups_claim, more.get(config.groups_claim, []))
    named = config.scim_claim or "sub"
    external = claims.get(named, more.get(named))
    return _Claims(
        subject,
        external if isinstance(external, str) else "",
        email.lower() if isinstance(email, str) else None,
        about.get(config.verified_claim) in (True, "true", "1"),
        title[:200] if isinstance(title, str) and title.isprintable() else None,
        frozenset(each for each in (groups if isinstance(groups, list) else [groups]) if isinstance(each, str)),
    )


async def _enter(platform: Platform, name: str, config: IdentityProvider, claims: _Claims, caller: Caller) -> Session:
    """Start the session of the account of an identity, which the first login creates. Raises SingleSignOnFailed."""
    actor = replace(system(name="orvanta"), address=caller.address, request_id=caller.request_id)

    # Another provider could name the identifier of an account that SCIM created for people of the first.
    providers = await platform.instance.get(OIDC_PROVIDERS)
    links_scim = bool(config.scim_claim) or len(providers) == 1

    async def write(conn: Connection) -> tuple[Session, list[UUID]]:
        account = await _account(conn, actor, config, claims, links_scim=links_scim)
        address = claims.email if claims.email and claims.verified else ""
        runs = await claim_memberships.apply(platform, conn, actor, account, config.grants, claims.groups, address)
        return await start_session(conn, account.email, account.username, "users.login", caller, provider=name), runs

    try:
        _check_domain(config, claims)
        session, runs = await platform.db.retrying(write)
    except _Refusal as error:
        raise await _refused(platform, name, config, str(error), caller, claims) from error
    await departures.advance_cancelled(platform, runs)
    return session


class _Refusal(Exception):
    """Reason for which an identity cannot log in."""


def _check_domain(config: IdentityProvider, claims: _Claims) -> None:
    if not config.domains:
        return
    if not claims.verified or (claims.email or "").rpartition("@")[2] not in config.domains:
        raise _Refusal("the address is not verified or not in an allowed domain")


async def _account(
    conn: Connection, actor: Actor, config: IdentityProvider, claims: _Claims, *, links_scim: bool
) -> AccountRow:
    """Return the account of an identity, locked. `links_scim`: its first login may link one that SCIM created."""
    email = await identities.get_email(conn, config.issuer, claims.subject)
    if email is None and links_scim and (email := await _of_scim(conn, claims)) is not None:
        await _link(conn, actor, config, claims, email)
    elif email is None:
        email = await _sign_up(conn, actor, config, claims)
    # The lock keeps the account from being disabled until the session exists, which disabling then deletes.
    account = await accounts.lock(conn, email)
    if account is None or account.disabled:
        raise _Refusal("the account is disabled")
    if await identities.get_email(conn, config.issuer, claims.subject) != email:
        raise _Refusal("the identity was unlinked meanwhile")
    return account


async def _of_scim(conn: Connection, claims: _Claims) -> str | None:
    """Return the account that SCIM created for an identity, which is linked at its first login; None if there is none.

    Its external identifier is the claimed one, its address is verified, and there is no other way to log in to it. An
    account whose identity was unlinked is not linked again.
    """
    if claims.email is None or not claims.verified or not claims.external_id:
        return None
    await accounts.lock(conn, claims.email)
    return await scim.find_linkable(conn, claims.email, claims.external_id)


async def _link(conn: Connection, actor: Actor, config: IdentityProvider, claims: _Claims, email: str) -> None:
    await identities.insert(conn, config.issuer, claims.subject, email)
    parameters = {"issuer": config.issuer, "subject": claims.subject}
    await audit.record_instance(conn, actor, "users.link_identity", "Created", email, parameters)


async def _sign_up(conn: Connection, actor: Actor, config: IdentityProvider, claims: _Claims) -> str:
    if not config.sign_up:
        raise _Refusal("the identity is linked to no account, and the provider creates none")
    # Invitations and grants belong to addresses: an address that is only claimed must not receive them.
    if claims.email is None or not claims.verified:
        raise _Refusal("the provider has not verified the address")
    try:
        email = names.check_email(claims.email)
    except BadRequest as error:
        raise _Refusal("the address is not valid") from error
    if await accounts.get(conn, email) is not None:
        raise _Refusal("another account has the address; a superadmin can link the identity to it")
    await add_account(conn, actor, NewAccount(email, name=claims.name), None)
    await _link(conn, actor, config, claims, email)
    return email


async def _refused(
    platform: Platform,
    name: str,
    config: IdentityProvider,
    reason: str,
    caller: Caller,
    claims: _Claims | None = None,
) -> SingleSignOnFailed:
    """Audit a failed login, and return the error. Its message has no text of the provider."""
    parameters = {"provider": name, "issuer": config.issuer, "reason": reason[:300]}
    if claims is not None:
        parameters |= {"subject": claims.subject, "email": (claims.email or "")[:255]}
    log.warning("login_failed", provider=name, reason=reason[:300], address=caller.address)
    actor = Actor(email="", username=NOBODY, address=caller.address, request_id=caller.request_id)
    async with platform.db.transaction() as conn:
        await audit.record_instance(conn, actor, "users.login_failed", "Execute", None, parameters)
    return _failed(config) if claims is None else _failed(config, reason)


def _failed_unseen(name: str, config: IdentityProvider, reason: str, caller: Caller) -> SingleSignOnFailed:
    """Log a failed login, and return the error.

    It is not audited: a stranger can start a login and send such a response, and could fill the audit trail.
    """
    log.warning("login_failed", provider=name, reason=reason[:300], address=caller.address)
    return _failed(config)


def _failed(config: IdentityProvider, reason: str | None = None) -> SingleSignOnFailed:
    text = f"The login with {config.label} failed{f': {reason}' if reason else ''}."
    hint = "Start again at the login page. A superadmin finds the reason in the audit trail or the log of the server."
    return SingleSignOnFailed(text, hint=hint)


def _unavailable(config: IdentityProvider, error: Exception) -> ProviderUnavailable:
    log.warning("provider unreachable", issuer=config.issuer, error=str(error))
    return ProviderUnavailable(f"{config.label} cannot be reached.", hint="Try again later.")
