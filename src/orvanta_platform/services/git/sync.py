"""Synchronisation: the branch of a workspace is fetched, compared, and extended by the commits of deployments.

A synchronisation holds no lock and no connection while it talks to the repository. It stores its outcome only if no
other synchronisation has started meanwhile. Commits are recorded before they are pushed: if the process ends in
between, the next one finds out from the branch whether it received them.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.control.actor import system
from orvanta_platform.control.secrets import SecretUnreadable
from orvanta_platform.db import changes as change_rows
from orvanta_platform.db import git as rows
from orvanta_platform.db.errors import DatabaseError
from orvanta_platform.db.git import BindingRow, CommitRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.tree import VersionContent
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator.document_threads import run_in_slices, run_in_thread
from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import Change, Entry, Fetched, GitFault, Remote
from orvanta_platform.outbound.git.process import Session, session
from orvanta_platform.outbound.ssrf import AddressRefused
from orvanta_platform.services.changes import contents
from orvanta_platform.services.changes.operations import NOUNS
from orvanta_platform.services.git import bindings
from orvanta_platform.services.git.outgoing import (
    MAX_COMMITS,
    Outgoing,
    TransactionChanges,
    group_by_transaction,
    plan_commits,
)
from orvanta_platform.services.git.state import (
    Base,
    CorruptItem,
    Files,
    Mine,
    Reconciled,
    bases_of,
    changed_rows,
    group_by_item,
    pack,
    reconcile,
    render,
)
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.tree.item import Key
from orvanta_platform.workflow.tree.paths import alike
from orvanta_platform.workflow.tree.writing import write_item

FETCH_S: Final = 60.0
"""Seconds between two fetches of a branch without changes in the workspace."""
_RETRY_S: Final = 5.0
_MAX_RETRY_S: Final = 900.0
_MAX_ROWS: Final = 5000
_MAX_NAMED: Final = 100
"""Maximum number of items of a commit whose message is shown to members who may read all of these items."""
_REFUSED: Final = ("branch_moved", "push_refused")
"""Errors after which commits were certainly not pushed."""

log = structlog.get_logger(__name__)


class _Superseded(Exception):
    """Another synchronisation of this workspace has started, or the binding was deleted."""


class Pushing(msgspec.Struct, kw_only=True):
    """Commits that may have been pushed, and the state after them."""

    commit: str
    position: int
    items: list[tuple[str, str, str | None, bytes | None]]
    """Kind, path, digest and files."""
    commits: list[tuple[str, str, str, str, float, str | None]]
    """Id, author, address, message, time, and items as JSON text, the oldest first."""


@dataclass(slots=True)
class _Local:
    """The workspace at one moment."""

    bases: dict[Key, Base]
    mine: dict[Key, Mine]
    deployed: list[TransactionChanges]
    versions: dict[int, Files]
    position: int
    """The state contains all transactions before this one once their commits are made."""
    is_complete: bool
    """All changes are explained by the deployments, so that the rest may be committed too."""


@dataclass(slots=True)
class _SyncResult:
    head: str | None
    bases: dict[Key, Base]
    position: int
    commits: list[CommitRow] = field(default_factory=list)
    findings: str | None = None


async def list_due(platform: Platform, wait_s: float = 0.0) -> list[tuple[str, bool]]:
    """Return the workspaces to synchronise after at most `wait_s` seconds, longest waiting first, and whether the
    previous attempt of each failed.
    """
    async with platform.polls.turn(wait_s) as conn:
        return await rows.list_due(conn, NOUNS)


async def synchronise(platform: Platform, workspace: str) -> None:
    """Synchronise a workspace with its branch. An error is stored in the binding, and retried later."""
    async with platform.db.acquire() as conn:
        number = await rows.begin_sync(conn, workspace)
        row = await rows.get(conn, workspace)
    if row is None or number is None or row.sync != number:
        return
    try:
        await _Sync(platform, row).run()
    except _Superseded:
        log.info("synchronisation superseded", action="git", workspace=workspace)
    except GitFault as fault:
        await _fail(platform, row, fault)
    except SecretUnreadable:
        await _fail(platform, row, GitFault("repository_login_failed", "The token cannot be decrypted: set it again."))
    except CorruptItem as error:
        await _fail(platform, row, GitFault("sync_failed", f"{error} Unbind the workspace and bind it again."))
    except (OrvantaError, DatabaseError, OSError, ValueError, TypeError, LookupError) as error:
        log.exception("synchronisation failed", action="git", workspace=workspace)
        await _fail(platform, row, GitFault("sync_failed", f"The synchronisation failed ({type(error).__name__})."))


async def _fail(platform: Platform, row: BindingRow, fault: GitFault) -> None:
    log.warning("repository not synchronised", action="git", workspace=row.workspace, error=fault.code)
    retry_s = 0.0 if fault.code == "branch_moved" else min(_RETRY_S * 2.0 ** min(row.tries, 10), _MAX_RETRY_S)
    async with platform.db.acquire() as conn:
        await rows.fail_sync(
            conn,
            row.workspace,
            row.sync,
            fault.code,
            fault.message,
            retry_s=retry_s,
            drop=fault.code in _REFUSED,
        )


class _Sync:
    def __init__(self, platform: Platform, row: BindingRow) -> None:
        self._platform = platform
        self._row = row
        self._workspace = row.workspace

    async def run(self) -> None:
        """Fetch, compare and push. Raises GitFault, SecretUnreadable, _Superseded, OSError."""
        row, local = self._row, None
        async with self._platform.db.acquire() as conn:
            horizon = await change_rows.get_horizon(conn)
            has_changes = bool(await change_rows.list_changes(conn, self._workspace, row.position, horizon, NOUNS, 1))
        if has_changes or row.pushing is not None or row.head is None:
            local = await self._read()
        if not (row.is_due or row.pushing or (local is not None and _has_pending(local))):
            outcome = _SyncResult(row.head, {}, horizon if local is None else local.position)
            await self._finish(outcome, {}, fetched=False)
            return
        url, addresses = await self._resolve()
        remote = Remote(
            url=url,
            addresses=addresses,
            branch=row.branch,
            folder=row.folder,
            username=row.username,
            token=bindings.token_of(self._platform, row),
        )
        limit_s = limits.DEADLINE_S if row.tries else limits.FIRST_S
        async with session(self._platform.settings.home / "git", limit_s) as child:
            fetched = await child.fetch(remote, row.head if local is None else None)
            if fetched.head is None and row.head is not None:
                raise GitFault("branch_missing", f"The branch {row.branch} no longer exists in the repository.")
            if local is None and fetched.files is None:
                await self._finish(_SyncResult(row.head, {}, horizon), {}, fetched=True)
                return
            await self._exchange(child, fetched, local or await self._read())

    async def _resolve(self) -> tuple[str, list[str]]:
        """Return the URL and the checked addresses of the repository. Raises GitFault."""
        try:
            return await bindings.resolve(self._platform, self._workspace, self._row.url)
        except AddressRefused as error:
            raise GitFault("repository_unreachable", f"{error}.") from error
        except OSError as error:
            raise GitFault("repository_unreachable", "The host name of the URL cannot be resolved.") from error

    async def _exchange(self, child: Session, fetched: Fetched, local: _Local) -> None:
        """Compare the branch with the workspace, and push the commits of deployments."""
        row, before = self._row, dict(local.bases)
        outcome = _SyncResult(fetched.head, {}, local.position, findings=_json(fetched.findings))
        if row.pushing is not None:
            await self._confirm(local, fetched, row.pushing, outcome)
        theirs = await run_in_thread(self._workspace, group_by_item, fetched.files or {})
        ignored = [each.name for each in fetched.findings]
        done = await run_in_slices(self._workspace, reconcile(local.bases, local.mine, theirs, ignored))
        outcome.bases = done.bases
        known = {each.id for each in outcome.commits}
        outcome.commits = [*_incoming(fetched.log, row.head, known), *outcome.commits]
        if done.outgoing:
            await run_in_thread(self._workspace, _require_distinct, done, local)
            await self._push(child, await run_in_thread(self._workspace, _plan_outgoing, done, local, row), outcome)
        await self._finish(outcome, before, fetched=True)

    async def _read(self) -> _Local:
        """Read the workspace, the state and the deployments without a commit, at one moment."""
        row = self._row
        async with self._platform.db.transaction(snapshot=True) as conn:
            horizon = await change_rows.get_horizon(conn)
            start = min(row.position, horizon)
            changes = await change_rows.list_changes(conn, self._workspace, start, horizon, NOUNS, _MAX_ROWS)
            items = await rows.list_items(conn, self._workspace)
            deployed = group_by_transaction(changes)
            ids = [id for each in deployed[:MAX_COMMITS] for id in each.keys.values() if id is not None]
            versions = await rows.list_versions(conn, self._workspace, ids)
            bases = await run_in_thread(self._workspace, bases_of, items)
            mine = await self._render(conn, bases)
        locking = {version.id for _, version, is_locking in versions if is_locking}
        whole = len(changes) < _MAX_ROWS
        ready: list[TransactionChanges] = []
        for each in deployed:
            if len(ready) == MAX_COMMITS or any(id in locking for id in each.keys.values()):
                break
            ready.append(each)
        is_complete = whole and len(ready) == len(deployed)
        position = horizon if is_complete else (ready[-1].xid + 1 if ready else start)
        files = await run_in_thread(self._workspace, _older_versions, versions, mine)
        return _Local(bases, mine, ready, files, position, is_complete)

    async def _render(self, conn: Connection, bases: Mapping[Key, Base]) -> dict[Key, Mine]:
        """Read all items of the workspace with their files. Raises GitFault if no branch could hold them."""
        who, found, size = system(self._workspace), dict[Key, Mine](), 0
        reading = await contents.read(conn, who, self._workspace, depth="hashes")
        keys = await run_in_slices(self._workspace, _keys_in(reading))
        del reading
        async for part in contents.read_parts(partial(nullcontext, conn), who, self._workspace, keys, "texts"):
            size += await run_in_slices(self._workspace, _add_rendered(part, bases, found))
            if size > limits.ITEMS:
                raise limits.too_large("Files of all items of the workspace", limits.ITEMS)
        return found

    async def _confirm(self, local: _Local, fetched: Fetched, body: bytes, outcome: _SyncResult) -> None:
        """Take over the commits of an interrupted synchronisation if the branch has them."""
        pushing, bases = await run_in_thread(self._workspace, _decode, body)
        if pushing.commit not in {each.id for each in fetched.log}:
            return
        local.bases |= bases
        local.deployed = [each for each in local.deployed if each.xid >= pushing.position]
        outcome.commits += _commit_rows(pushing)

    async def _push(self, child: Session, made: Outgoing, outcome: _SyncResult) -> None:
        """Make the commits, record them, and push them."""
        ids = await child.build(made.changes) if made.changes else []
        changes = zip(ids, made.changes, made.items, strict=True)
        commits = [(id, each, keys) for id, each, keys in changes if id is not None]
        if commits:
            pushing = _make_pushing(commits, outcome.position)
            stored = await run_in_thread(self._workspace, _encode, pushing, made.bases)
            async with self._platform.db.acquire() as conn:
                if not await rows.store_pushing(conn, self._workspace, self._row.sync, stored):
                    raise _Superseded
            await child.push()
            outcome.head = pushing.commit
            outcome.commits += _commit_rows(pushing)
        for key, base in made.bases.items():
            if base.digest is None and base.files is None:
                outcome.bases.pop(key, None)
            else:
                outcome.bases[key] = base

    async def _finish(self, outcome: _SyncResult, before: Mapping[Key, Base], *, fetched: bool) -> None:
        stored, gone = await run_in_thread(self._workspace, changed_rows, before, outcome.bases)
        async with self._platform.db.transaction() as conn:
            if not await rows.finish_sync(
                conn,
                self._workspace,
                self._row.sync,
                head=outcome.head,
                position=outcome.position,
                findings=outcome.findings,
                fetched=fetched,
                interval_s=FETCH_S,
            ):
                raise _Superseded
            await rows.store_items(conn, self._workspace, stored)
            await rows.delete_items(conn, self._workspace, gone)
            await rows.insert_commits(conn, self._workspace, outcome.commits)


def _keys_in(reading: contents.Reading) -> Generator[None, None, list[Key]]:
    """Return the items that were read."""
    found = []
    for key, _ in contents.decode(reading):
        yield
        found.append(key)
    return found


def _add_rendered(
    reading: contents.Reading, bases: Mapping[Key, Base], found: dict[Key, Mine]
) -> Generator[None, None, int]:
    """Add items with their files, those that did not change with the files that `bases` has; return their size."""
    size = 0
    for key, present in contents.decode(reading):
        yield
        each = render(key, present)
        if each is None:
            continue
        before = bases.get(key, Base()).files
        found[key] = msgspec.structs.replace(each, files=before) if before == each.files else each
        size += sum(map(len, each.files.values()))
    return size


def _has_pending(local: _Local) -> bool:
    """Return whether items of the workspace have changes that no commit contains."""
    if not local.is_complete and not local.deployed:
        return False
    keys = {*local.mine, *local.bases}
    for key in keys:
        base, mine = local.bases.get(key, Base()), local.mine.get(key)
        if not base.is_incoming and base.digest != (None if mine is None else mine.digest):
            return True
    return False


def _require_distinct(done: Reconciled, local: _Local) -> None:
    """Raise GitFault for files that differ only in case or form from others: the next fetch would refuse them.

    The state after all commits counts: an item may have been renamed since.
    """
    names = {name for each in local.mine.values() for name in each.files}
    names |= {name for each in done.bases.values() if each.is_incoming for name in each.incoming or ()}
    for one, other in alike(names):
        raise limits.alike(one, other)


def _plan_outgoing(done: Reconciled, local: _Local, row: BindingRow) -> Outgoing:
    """Return the commits for deployments, and one for the changes that no deployment explains, initially all items."""
    is_first = row.fetched_at is None
    title = f"Export of the workspace {row.workspace}" if is_first else "Update items"
    author = (row.edited_by, row.edited_email) if is_first else ("Orvanta", "")
    rest = TransactionChanges(0, clock.now(), *author, message=title)
    return plan_commits(done, local.mine, local.deployed, local.versions, rest=rest if local.is_complete else None)


def _older_versions(versions: Sequence[tuple[str, VersionContent, bool]], mine: Mapping[Key, Mine]) -> dict[int, Files]:
    """Return the files of versions that are not the newest of their item."""
    found: dict[int, Files] = {}
    for kind, version, _ in versions:
        item = contents.item_of_version("script" if kind == "script" else "flow", version)
        present = mine.get(item.key)
        if present is None or present.version != (version.hash if kind == "script" else str(version.id)):
            found[version.id] = write_item(item)
    return found


def _incoming(entries: Sequence[Entry], head: str | None, known: set[str]) -> list[CommitRow]:
    """Return the commits of the branch after `head`, the oldest first."""
    found: list[CommitRow] = []
    for each in entries:
        if each.id == head:
            break
        if each.id not in known:
            at = datetime.fromtimestamp(each.at, UTC)
            found.append(CommitRow(each.id, "in", each.author, each.email, each.message, at))
    return found[::-1]


def _make_pushing(commits: Sequence[tuple[str, Change, Sequence[Key]]], position: int) -> Pushing:
    made = [
        (id, each.author, each.email, each.message, float(each.at), _json(keys) if len(keys) <= _MAX_NAMED else None)
        for id, each, keys in commits
    ]
    return Pushing(commit=commits[-1][0], position=position, items=[], commits=made)


def _encode(pushing: Pushing, bases: Mapping[Key, Base]) -> bytes:
    """Return commits as they are stored, with the state after them."""
    items = [(*key, base.digest, pack(base.files)) for key, base in bases.items()]
    return msgspec.msgpack.encode(msgspec.structs.replace(pushing, items=items))


def _decode(body: bytes) -> tuple[Pushing, dict[Key, Base]]:
    """Return stored commits, and the state after them."""
    pushing = msgspec.msgpack.decode(body, type=Pushing)
    return pushing, bases_of(rows.ItemRow(*each) for each in pushing.items)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _commit_rows(pushing: Pushing) -> list[CommitRow]:
    return [
        CommitRow(id, "out", author, email, message[:500], datetime.fromtimestamp(at, UTC), items)
        for id, author, email, message, at, items in pushing.commits
    ]
