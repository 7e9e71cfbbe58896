"""Bindings of workspaces to repositories: their validation, permissions and tokens."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, secrets
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.control.secrets import SecretLocation, SecretUnreadable
from orvanta_platform.db import git as rows
from orvanta_platform.db.git import BindingRow, CommitRow, NewBinding
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, NotFound, RateLimited
from orvanta_platform.outbound.git import limits as git_limits
from orvanta_platform.outbound.git.messages import GitFault, Probed, Remote
from orvanta_platform.outbound.git.process import session
from orvanta_platform.outbound.ssrf import AddressRefused, Guard, is_public
from orvanta_platform.services.changes import contents
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.tree.item import Key

PAGE: Final = 50
_CHANGE: Final = "bind a workspace to a repository"
_MAX_LENGTH: Final = 1000
_BRANCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_PART: Final = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")
_WITHOUT_NAMES: Final = frozenset(
    ("repository_unreachable", "repository_login_failed", "repository_not_found", "branch_missing", "branch_moved")
)
"""Codes of errors whose messages name no file or item."""
_WITHHELD: Final = "The synchronisation failed. Admins of the workspace see the reason."


@dataclass(frozen=True, slots=True)
class Draft:
    """Binding as an admin sets it."""

    url: str
    branch: str = "main"
    folder: str = ""
    username: str | None = None
    token: str | None = field(default=None, repr=False)
    """None: the token of the present binding to the same URL."""
    check: bool = True
    """Read the names of the branches first, and refuse a repository that cannot be read."""


async def get(platform: Platform, actor: Actor, workspace: str) -> BindingRow | None:
    """Return the binding of a workspace with its state. Raises NotFound, Forbidden.

    Messages of errors that may name files which the actor may not read are replaced, except for admins.
    """
    require(actor, "read", Target(workspace, "git"))
    async with platform.db.acquire() as conn:
        found = await rows.get(conn, workspace)
    if found is None or found.error_code is None or found.error_code in _WITHOUT_NAMES or actor.role is Role.ADMIN:
        return found
    return dataclasses.replace(found, error=_WITHHELD)


async def bind(platform: Platform, actor: Actor, workspace: str, draft: Draft) -> Probed | None:
    """Bind a workspace, or replace its binding; return the branches of the repository, unless it is not checked.

    The branch need not exist: the first commit creates it. Raises NotFound, Forbidden, BadRequest, also for a
    repository that cannot be read, which is recorded, RateLimited.
    """
    require(actor, "admin", Target(workspace, "git"))
    refuse_limited(actor, _CHANGE, bound=True)
    new = await _check(platform, workspace, draft)
    probed = None
    if draft.check:
        # Not the turn of reviews and applications, which must not wait for an unresponsive server.
        async with platform.turns.take("git_probes", workspace, actor.email):
            probed = await _probe(platform, actor, workspace, new)
    key = await secrets.newest_key(platform.db, platform.keys, workspace) if draft.token else None

    async def write(conn: Connection) -> None:
        present = await rows.get(conn, workspace)
        sealed, version = None, None
        if draft.token and key is not None:
            secret_location = location(workspace)
            sealed, version = secrets.seal(key, secret_location, draft.token.encode()), key.version
        elif present is not None and present.url == new.url and present.key is not None:
            sealed, version = present.sealed, present.key.version
        stored = NewBinding(new.url, new.branch, new.folder, draft.username, sealed, version, actor.username)
        await rows.bind(conn, workspace, stored)
        parameters = {"url": new.url, "branch": new.branch, "folder": new.folder, "token": sealed is not None}
        await audit.record(conn, actor, "git.bind", "Created" if present is None else "Updated", workspace, parameters)

    await platform.db.retrying(write)
    return probed


async def _probe(platform: Platform, actor: Actor, workspace: str, new: Draft) -> Probed:
    """Return the branches of a repository. Raises BadRequest if it cannot be read, RateLimited."""
    token = new.token
    if token is None:
        async with platform.db.acquire() as conn:
            present = await rows.get(conn, workspace)
        if present is not None and present.url == new.url:
            token = _stored_token(platform, present)
    try:
        url, addresses = await resolve(platform, workspace, new.url)
        remote = Remote(
            url=url,
            addresses=addresses,
            branch=new.branch,
            folder=new.folder,
            username=new.username,
            token=token,
        )
        async with _probe_slot(platform), session(platform.settings.home / "git", git_limits.PROBE_S) as child:
            return await child.probe(remote)
    except GitFault as fault:
        # The server has connected to the host for the actor, although nothing is stored.
        parameters = {"url": new.url, "branch": new.branch, "error": fault.code}
        async with platform.db.transaction() as conn:
            await audit.record(conn, actor, "git.probe", "Execute", workspace, parameters)
        raise _unreadable(fault.message, fault.code) from None
    except (AddressRefused, OSError):  # it was resolved before: its addresses have changed since
        raise _unreadable("The addresses of its host have changed.", "repository_unreachable") from None


@asynccontextmanager
async def _probe_slot(platform: Platform) -> AsyncIterator[None]:
    """Wait for one of the slots that all workspaces share. Raises RateLimited if none is free in time."""
    try:
        async with asyncio.timeout(git_limits.PROBE_WAIT_S):
            await platform.git_probes.acquire()
    except TimeoutError:
        raise RateLimited(
            "Too many repositories are being checked.", hint="Try again later.", details={"retry_after_s": 5}
        ) from None
    try:
        yield
    finally:
        platform.git_probes.release()


def _stored_token(platform: Platform, present: BindingRow) -> str | None:
    try:
        return token_of(platform, present)
    except SecretUnreadable:
        raise _unreadable("The token cannot be decrypted: set it again.", "repository_login_failed") from None


def _unreadable(reason: str, code: str) -> BadRequest:
    return BadRequest(
        f"The repository cannot be read. {reason}",
        hint="Correct the URL, the username or the token. `orvanta git bind --no-check` binds it unread.",
        details={"code": code},
    )


async def unbind(platform: Platform, actor: Actor, workspace: str) -> None:
    """Delete a binding. Items of the workspace and commits of the repository remain. Raises NotFound, Forbidden."""
    require(actor, "admin", Target(workspace, "git"))
    refuse_limited(actor, _CHANGE, bound=True)
    async with platform.db.transaction() as conn:
        url = await rows.delete(conn, workspace)
        if url is None:
            raise missing(workspace)
        await audit.record(conn, actor, "git.unbind", "Delete", workspace, {"url": url})


async def fetch(platform: Platform, actor: Actor, workspace: str) -> datetime:
    """Request an immediate fetch of the branch; return the time of the request. Raises NotFound, Forbidden."""
    require(actor, "sync", Target(workspace, "git"))
    async with platform.db.transaction() as conn:
        at = await rows.request_fetch(conn, workspace)
        if at is None:
            raise missing(workspace)
        await audit.record(conn, actor, "git.fetch", "Execute", workspace)
    return at


async def history(platform: Platform, actor: Actor, workspace: str, before: int) -> list[CommitRow]:
    """Return a page of the commits, the newest first. `before`: position that ends it, 0 for the first page.

    Messages that may name items which the actor may not read are empty: those of commits of such items, and those of
    commits made elsewhere, except for admins. Raises NotFound, Forbidden.
    """
    require(actor, "read", Target(workspace, "git"))
    async with platform.db.acquire() as conn:
        found = await rows.list_commits(conn, workspace, before, PAGE)
    return [each if _may_read_message(actor, workspace, each) else replace(each, message="") for each in found]


def _may_read_message(actor: Actor, workspace: str, commit: CommitRow) -> bool:
    if commit.items is None:
        return actor.role is Role.ADMIN
    keys = msgspec.json.decode(commit.items, type=list[Key])
    return all(can(actor, "read", contents.target_of(workspace, key)) for key in keys)


def missing(workspace: str) -> NotFound:
    """Return the error for a workspace without a binding."""
    return NotFound(f"The workspace {workspace} is not bound to a repository.", hint="An admin can bind it.")


def location(workspace: str) -> SecretLocation:
    """Return the location that the token of a binding is encrypted for."""
    return SecretLocation(workspace, "git", workspace)


def token_of(platform: Platform, row: BindingRow) -> str | None:
    """Return the token of a binding in clear. Raises SecretUnreadable."""
    if row.sealed is None or row.key is None:
        return None
    key = secrets.unwrap(platform.keys, row.workspace, row.key)
    return secrets.unseal(key, location(row.workspace), row.sealed).decode()


async def resolve(platform: Platform, workspace: str, url: str) -> tuple[str, list[str]]:
    """Return the URL and the checked addresses of a repository. That of a file URL contains no links and no addresses.

    Raises AddressRefused, also for plain HTTP to a public address and for a folder that the workspace may not use, and
    OSError.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = await asyncio.to_thread(_folder, platform.settings.git_folder, workspace, unquote(parts.path))
        return folder.as_uri(), []
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    found = await Guard(platform.settings.allowed_networks).addresses(host, port)
    if parts.scheme == "http" and any(is_public(ip_address(each)) for each in found):
        raise AddressRefused("Repositories at public addresses require HTTPS")
    return url, found


def _folder(permitted: Path | None, workspace: str, path: str) -> Path:
    """Return the folder of a repository without links. Raises AddressRefused for one of another workspace."""
    if permitted is None:
        raise AddressRefused("The instance does not permit repositories in folders (ORVANTA_GIT_FOLDER)")
    folder = Path(path).resolve()
    if not folder.is_relative_to(permitted.resolve() / workspace):
        raise AddressRefused(f"The folder is not below ORVANTA_GIT_FOLDER/{workspace}")
    return folder


async def _check(platform: Platform, workspace: str, draft: Draft) -> Draft:
    """Return a binding in its stored form. Raises BadRequest."""
    limits.check_text("A URL", draft.url)
    url = _url(draft.url)
    branch = draft.branch.strip()
    if not _BRANCH.fullmatch(branch) or any(bad in branch for bad in ("..", "//", "/.", ".lock")) or branch[-1] in "./":
        raise BadRequest(f"{branch[:100]!r} is not the name of a branch.")
    folder = draft.folder.strip("/")
    parts = folder.split("/") if folder else []
    if any(not _PART.fullmatch(part) or part in (".", "..") or part.lower() == ".git" for part in parts):
        raise BadRequest(f"{folder[:100]!r} is not a folder of a repository.")
    for name, text in (("username", draft.username), ("token", draft.token)):
        if text is not None and (
            not text.isprintable() or not 0 < len(text) <= _MAX_LENGTH or ":" in text[: _chars_without_colon(name)]
        ):
            raise BadRequest(f"The {name} is not valid.")
    try:
        await resolve(platform, workspace, url)
    except AddressRefused as error:
        raise BadRequest(f"The server does not connect to the repository: {error}.", hint=_HINT) from None
    except OSError:
        raise BadRequest("The host name of the URL cannot be resolved.") from None
    return Draft(url, branch, folder, draft.username, draft.token, draft.check)


_HINT: Final = "Administrators of the server permit private networks (ORVANTA_ALLOWED_NETWORKS) and folders."


def _chars_without_colon(name: str) -> int:
    """Return the number of leading characters that must not be colons: a colon would end the username."""
    return _MAX_LENGTH if name == "username" else 0


def _url(text: str) -> str:
    """Return a URL in its stored form. Raises BadRequest."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _not_a_url() from None
    if parts.scheme not in ("https", "http", "file") or not url.isprintable() or " " in url or "\\" in url:
        raise _not_a_url()
    if parts.username is not None or parts.password is not None:
        raise BadRequest("The URL contains credentials.", hint="Set the username and the token in their own fields.")
    if parts.query or parts.fragment or port == 0 or (parts.scheme == "file") != (not parts.netloc):
        raise _not_a_url()
    if parts.path in ("", "/"):
        raise _not_a_url()
    return url.rstrip("/")


def _not_a_url() -> BadRequest:
    return BadRequest(
        "The URL is not that of a Git repository.", hint="Use https://host/path, or file:///path if it is permitted."
    )
