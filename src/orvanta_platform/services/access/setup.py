"""First start of an instance, and accounts and passwords set on the command line.

There is no caller yet: anyone who can start the server or read its settings is trusted. Both act as the system.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from orvanta_platform.control import audit, names, passwords
from orvanta_platform.control.actor import Role, system
from orvanta_platform.control.instance_settings import MIN_PASSWORD_LENGTH, read_plain
from orvanta_platform.db import accounts, tokens, totp, workspaces
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.errors import NotFound
from orvanta_platform.services.access import one_time_links
from orvanta_platform.services.access.users import NewAccount, add_account
from orvanta_platform.settings import Settings

ADMINS = "admins"
ADMIN = "admin"
LINK_S = 15 * 60
_TOKEN_FILE = "token"
_ACTOR = system(name="orvanta")


class FirstStart(msgspec.Struct, frozen=True):
    """Means of logging in to a new instance."""

    link: str | None
    """One-time link that sets the first password, valid for 15 minutes; None: there is a password."""
    token_file: Path
    fresh: bool = False
    """This call created the instance."""


def has_token(settings: Settings) -> bool:
    """Return whether ORVANTA_HOME has the token of the first administrator, as after `first_start`."""
    return (settings.home / _TOKEN_FILE).exists()


async def first_start(db: Database, settings: Settings) -> FirstStart:
    """Initialize a new instance. It is safe to call this at every start and from several servers concurrently.

    The first call creates the workspaces, the user admin and the token in ORVANTA_HOME/token. While no account has a
    password, each call sets ORVANTA_ADMIN_PASSWORD or creates a one-time link. Raises BadRequest if
    ORVANTA_ADMIN_PASSWORD is too short.
    """
    file = settings.home / _TOKEN_FILE
    stored = await passwords.make(settings.admin_password) if settings.admin_password else None

    async def start(conn: Connection) -> FirstStart:
        await accounts.lock_first_start(conn)
        await tokens.delete_expired(conn)
        await accounts.delete_old_attempts(conn)
        fresh = await accounts.is_empty(conn)
        if fresh:
            await _make_instance(conn, settings, stored)
            await _write_token(conn, settings, file)
        return FirstStart(await _first_link(conn, settings, stored), file, fresh)

    return await db.retrying(start)


async def create_user(db: Database, email: str, password: str, *, superadmin: bool = False) -> str:
    """Add an account that can log in; returns its username. Raises BadRequest, AlreadyExists."""
    stored = await _hash(db, password)
    async with db.transaction() as conn:
        return await add_account(conn, _ACTOR, NewAccount(email, super_admin=superadmin), stored)


async def reset_password(db: Database, email: str, password: str) -> str:
    """Replace a forgotten password, end the sessions of the account and return its username.

    API tokens remain valid. Raises BadRequest if the password is too short, NotFound if no account that is enabled has
    this address.
    """
    stored = await _hash(db, password)
    async with db.transaction() as conn:
        username = await accounts.reset_password(conn, email, stored)
        if username is None:
            raise NotFound(
                f"No enabled account has the address {email}.",
                hint="The administrator of a new installation is ORVANTA_ADMIN_EMAIL, by default admin@localhost.",
            )
        await tokens.delete_sessions(conn, email.lower())
        await tokens.delete_links(conn, email.lower())
        await audit.record(conn, _ACTOR, "users.reset_password", "Updated", email.lower())
    return username


async def reset_totp(db: Database, email: str) -> None:
    """Remove the authenticator of an account and end its sessions. Raises NotFound if there is none."""
    async with db.transaction() as conn:
        if not await totp.delete(conn, email.lower()):
            raise NotFound(f"No account with two-step login has the address {email[:200]}.")
        await tokens.delete_sessions(conn, email.lower())
        await audit.record(conn, _ACTOR, "users.totp.reset", "Updated", email.lower())


async def _hash(db: Database, password: str) -> str:
    async with db.acquire() as conn:
        least = await read_plain(conn, MIN_PASSWORD_LENGTH)
    return await passwords.make(password, least)


async def _make_instance(conn: Connection, settings: Settings, password_hash: str | None) -> None:
    email = settings.admin_email.lower()
    admin = NewAccount(email, username=ADMIN, super_admin=True)
    await add_account(conn, _ACTOR, admin, password_hash)
    for workspace in dict.fromkeys([ADMINS, settings.workspace]):
        await workspaces.insert(conn, workspace, workspace, email)
        await workspaces.add_member(conn, workspace, ADMIN, email, Role.ADMIN)
        await audit.record(conn, _ACTOR, "workspaces.create", "Created", workspace, workspace=workspace)


async def _write_token(conn: Connection, settings: Settings, file: Path) -> None:
    """Write the admin's token to its file before the commit, so that a crash leaves no account without a token."""
    token = names.new_token("user")
    prefix = names.token_prefix(token)
    email = settings.admin_email.lower()
    await tokens.insert(conn, names.token_hash(token), prefix, "user", email, label="local")
    await audit.record(conn, _ACTOR, "users.token.create", "Created", prefix, {"label": "local"})
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{_TOKEN_FILE}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as text:
        text.write(token + "\n")
    draft.replace(file)


async def _first_link(conn: Connection, settings: Settings, password_hash: str | None) -> str | None:
    email = await accounts.find_superadmin_without_password(conn)
    if email is None:
        return None
    if password_hash is not None:
        await accounts.set_first_password(conn, email, password_hash)
        await audit.record(conn, _ACTOR, "users.set_first_password", "Updated", email)
        return None
    return await one_time_links.create(conn, settings, email, LINK_S)
