"""Changes of the repository as a plan that a member reviews and applies, as that member."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, require
from orvanta_platform.db import git as rows
from orvanta_platform.db.git import ItemRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, ChangesConflict, ChangesRefused, NotFound, StalePlan
from orvanta_platform.orchestrator.document_threads import run_in_slices, run_in_thread
from orvanta_platform.services.changes import change_sets, contents, moved_items, remaining_uses
from orvanta_platform.services.changes.change_sets import Applied, ChangeSet, Hooks
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.changes.remaining_uses import RemainingUses
from orvanta_platform.services.git import bindings, incoming_secrets
from orvanta_platform.services.git.incoming_changes import Change, ChangeReader, without_content
from orvanta_platform.services.git.state import TO_COMMIT, key_of, render
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.hashes import hash_json
from orvanta_platform.workflow.tree.item import KINDS, Item, Key
from orvanta_platform.workflow.tree.plan import Action, Entry, Plan, Use, Wanted
from orvanta_platform.workflow.tree.stored_text import comments_lost

_MAX_SHOWN = 5
"""Names of items in the message of an error."""
_LEAVE_OUT = (
    "Correct the files in the repository, or leave the item out: clear it on the page, or use "
    "`orvanta git apply --except KIND/PATH`."
)

Choice: TypeAlias = Literal["workspace", "repository"]


class ReviewedItem(msgspec.Struct, frozen=True):
    """Effect of the changes of the repository on an item."""

    key: Key
    action: Action
    merged: bool = False
    """Both sides changed it, and the changes are merged."""
    places: Sequence[str] | None = None
    """Places that both sides changed differently; None: there is no conflict."""
    reason: str | None = None
    """Sentence that explains why the item cannot be applied, or remains as it is."""
    used_by: Sequence[Use] = ()
    """Items that use the item that is removed, and remain."""
    hidden_uses: int = 0
    """Number of further such items, which the caller may not read."""
    is_new: bool = False
    """The workspace has no such item."""
    moved_to: str | None = None
    """Path that the item has in the workspace now, if it was moved there."""
    secrets: Sequence[str] = ()
    """JSON pointers of secrets that its files contain in clear."""


class Review(msgspec.Struct, frozen=True):
    """Plan of the incoming changes."""

    hash: str
    items: list[ReviewedItem]
    hidden: int
    """Number of further items, which the caller may not read."""
    uses_truncated: bool = False
    """Removed items may have more uses than the items name."""


class IncomingContents(msgspec.Struct, frozen=True):
    """Contents of an item before and after its incoming change."""

    before: Mapping[str, Any] | None
    """Content in the workspace; None: the item does not exist."""
    after: Mapping[str, Any] | None
    """Content to store, of an item in conflict that of the repository; None: the item is removed.

    Keys of settings that are absent stay as they are, and null removes a value.
    """


class _Incoming(msgspec.Struct, frozen=True):
    changes: list[Change] = msgspec.field(default_factory=list)
    hash: str = ""
    hidden: int = 0


async def review(platform: Platform, actor: Actor, workspace: str) -> Review:
    """Return the plan of the incoming changes, of the items that the actor may read. Raises NotFound, Forbidden,
    RateLimited.
    """
    require(actor, "read", Target(workspace, "git"))
    async with platform.turns.take("git", workspace, actor.email):
        incoming = await _incoming(platform, actor, workspace)
        stored = [each for each in incoming.changes if each.places is None and each.fault is None]
        entries = await _entries(platform, actor, workspace, stored)
        actions = {key: each.action for key, each in entries.items()}
        uses = await _uses(platform, actor, workspace, stored, actions)
        gone = [each.key for each in incoming.changes if each.present is None and each.row.files is not None]
        moved = await moved_items.find_moved(platform, actor, workspace, gone)
        new = {each.key: each.content for each in incoming.changes if each.content is not None}
        secrets = await incoming_secrets.find(platform, workspace, new)
    items = [
        ReviewedItem(
            each.key,
            actions.get(each.key, "conflict"),
            each.merged,
            each.places,
            _reason_of(each, entries.get(each.key)),
            uses.shown.get(each.key, ()),
            uses.hidden.get(each.key, 0),
            each.present is None,
            moved.get(each.key),
            secrets.get(each.key, ()),
        )
        for each in incoming.changes
    ]
    return Review(incoming.hash, items, incoming.hidden, uses.truncated)


async def read_contents(platform: Platform, actor: Actor, workspace: str, key: Key) -> IncomingContents:
    """Return the contents of an item before and after its incoming change. Secrets in files are not masked.

    Raises NotFound, Forbidden, and the error of an item that cannot be read.
    """
    require(actor, "read", Target(workspace, "git"))
    async with platform.db.acquire() as conn:
        row = await rows.get_incoming_item(conn, workspace, *key)
        reading = await contents.read(conn, actor, workspace, [key])
    present = (await contents.items_in(workspace, reading)).get(key)
    if row is None or (present is None and not can(actor, "read", contents.target_of(workspace, key))):
        raise NotFound(f"The repository has no change of the {key[0]} {key[1][:200]} that is not applied.")
    reader = ChangeReader(platform.incoming_changes, workspace)
    change = await run_in_thread(workspace, reader.read, row, present)
    if change.fault is None and change.places is not None:
        change = await run_in_thread(workspace, reader.read_theirs, row, present)
    if change.fault is not None:
        raise change.fault
    return IncomingContents(None if present is None else present.content, change.content)


def _reason_of(change: Change, entry: Entry | None) -> str | None:
    """Return the reason for which a change cannot be applied, or for which it leaves the item unchanged."""
    if change.fault is not None:
        return change.fault.message
    return entry.reason if entry is not None and entry.action == "unchanged" else None


async def _entries(platform: Platform, actor: Actor, workspace: str, changes: Sequence[Change]) -> Mapping[Key, Entry]:
    """Return the effect of each change. A branch may have more changes than a change set."""
    found: dict[Key, Entry] = {}
    for part in _parts(changes):
        plan = await change_sets.plan(platform, actor, workspace, _change_set(part), uses=False)
        found |= {entry.key: entry for entry in plan.entries}
    return found


async def _uses(
    platform: Platform, actor: Actor, workspace: str, changes: Sequence[Change], actions: Mapping[Key, Action]
) -> RemainingUses:
    """Return the uses of the items that the changes remove together, by items that remain."""
    removed = [key for key, action in actions.items() if action == "remove"]
    stored = [
        Item(*each.key, each.content)
        for each in changes
        if each.content is not None and actions.get(each.key) in ("add", "change")
    ]
    return await remaining_uses.find(platform, actor, workspace, removed, stored)


def _parts(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield the changes in parts that change sets can hold."""
    part: list[Change] = []
    left = change_sets.MAX_CONTENT_SIZE
    for each in changes:
        if part and (each.size > left or len(part) == change_sets.MAX_ITEMS):
            yield part
            part, left = [], change_sets.MAX_CONTENT_SIZE
        part.append(each)
        left -= each.size
    if part:
        yield part


async def apply(
    platform: Platform,
    actor: Actor,
    workspace: str,
    review_hash: str,
    choices: Mapping[Key, Choice],
    only: Collection[Key] | None,
    message: str | None,
) -> Applied:
    """Apply the incoming changes as the actor, in one transaction.

    `choices`: the side that remains of items in conflict; that of the workspace needs permission to write the item.
    `only`: these items; None: all. Raises NotFound, Forbidden, BadRequest for a choice without a conflict, StalePlan if
    the plan has another hash by now, ChangesConflict for a conflict without a choice, ChangesRefused, also for items
    that cannot be read, RateLimited.
    """
    require(actor, "sync", Target(workspace, "git"))
    async with platform.turns.take("git", workspace, actor.email):
        return await _apply(platform, actor, workspace, review_hash, choices, only, message)


async def _apply(
    platform: Platform,
    actor: Actor,
    workspace: str,
    review_hash: str,
    choices: Mapping[Key, Choice],
    only: Collection[Key] | None,
    message: str | None,
) -> Applied:
    incoming = await _incoming(platform, actor, workspace, only)
    if incoming.hash != review_hash:
        raise StalePlan(
            "Items were changed since the plan was made.",
            hint="Review the plan again.",
            details={"plan_hash": incoming.hash},
        )
    chosen = [each for each in incoming.changes if only is None or each.key in only]
    reader = ChangeReader(platform.incoming_changes, workspace)
    stored, kept = await run_in_slices(workspace, _resolve(chosen, choices, reader))
    for each in kept:
        _require_keep(actor, workspace, each)
    change = _change_set(stored)
    plan = await change_sets.plan(platform, actor, workspace, change)

    async def accept(conn: Connection, after: Mapping[Key, Present]) -> None:
        accepted = await _accepted_rows(conn, actor, workspace, stored, kept)
        await rows.begin_sync(conn, workspace)  # a synchronisation in progress must not store what it read before
        if await rows.accept_items(conn, workspace, accepted) != len(accepted):
            raise StalePlan("The repository changed since the plan was made.", hint="Review the plan again.")
        parameters = {"items": len(stored), "kept": len(kept)}
        await audit.record(conn, actor, "git.apply", "Updated", workspace, parameters)
        # The next synchronisation reads these rows: the commit that changes the repository is the actor's. An item that
        # the change set did not change has no other one.
        same = [each for each in stored if (each.merged or each.content is None) and _is_unchanged(each, after)]
        subjects = [(workspace, f"{each.key[0]}s.keep", each.key[1]) for each in (*kept, *same)]
        await audit.record_many(conn, actor, subjects, {"message": message})

    done = await change_sets.apply(platform, actor, workspace, change, plan.hash, message, Hooks(accept))
    changed = {each.key for each in done.plan.of("change")}
    lost = [comments_lost(each.key[1]) for each in stored if each.comments_lost and each.key in changed]
    return replace(done, plan=_copy_uses(done.plan, plan), warnings=lost)


def _copy_uses(applied: Plan, planned: Plan) -> Plan:
    """Return an applied plan with the uses that the plan before it names."""
    uses = {each.key: (each.used_by, each.hidden_uses) for each in planned.entries}
    entries = []
    for each in applied.entries:
        used_by, hidden = uses.get(each.key, ((), 0))
        entries.append(replace(each, used_by=used_by, hidden_uses=hidden))
    return replace(applied, entries=tuple(entries), uses_truncated=planned.uses_truncated)


def _is_unchanged(change: Change, after: Mapping[Key, Present]) -> bool:
    present = after.get(change.key)
    return present is not None and change.present is not None and present.hash == change.present.hash


async def _accepted_rows(
    conn: Connection, actor: Actor, workspace: str, stored: Sequence[Change], kept: Sequence[Change]
) -> list[ItemRow]:
    """Return the applied items, with the digests of what the workspace has now."""
    digests: dict[Key, str] = {}
    keys = [each.key for each in stored]
    async for part in contents.read_parts(partial(nullcontext, conn), actor, workspace, keys, "texts"):
        await run_in_slices(workspace, _add_digests(part, digests))
    kept_keys = {each.key for each in kept}
    found = []
    for each in (*stored, *kept):
        digest = digests.get(each.key)
        is_theirs = each.content is not None and not each.merged
        if each.key in kept_keys or (digest is not None and not is_theirs):
            digest = TO_COMMIT
        found.append(ItemRow(*each.key, digest, None, each.row.incoming, is_incoming=True))
    return found


def _add_digests(reading: contents.Reading, found: dict[Key, str]) -> Generator[None, None, None]:
    """Add the digests of the files of items that were read."""
    for key, present in contents.decode(reading):
        yield
        if (mine := render(key, present)) is not None:
            found[key] = mine.digest


def _resolve(
    changes: Sequence[Change], choices: Mapping[Key, Choice], reader: ChangeReader
) -> Generator[None, None, tuple[list[Change], list[Change]]]:
    """Return the changes to store, and those of which the workspace's side remains.

    Raises ChangesRefused for items that cannot be read, and ChangesConflict.
    """
    stored, kept, open_ones, unreadable = [], [], [], []
    for each in changes:
        yield
        choice = choices.get(each.key)
        if choice == "workspace":
            kept.append(each)
        elif each.fault is not None:
            unreadable.append(each)
        elif each.places is None:
            stored.append(each)
        elif choice == "repository":
            theirs = reader.read_theirs(each.row, each.present)
            (stored if theirs.fault is None else unreadable).append(theirs)
        else:
            open_ones.append(each)
    if unreadable:
        raise ChangesRefused(
            f"{len(unreadable)} of the items cannot be read: {_names(unreadable)}. Nothing was applied.",
            hint=_LEAVE_OUT,
            details=[
                {"kind": each.key[0], "path": each.key[1], "error": each.fault.as_dict()}
                for each in unreadable
                if each.fault is not None
            ],
        )
    if open_ones:
        changed = f"{len(open_ones)} of the items {'was' if len(open_ones) == 1 else 'were'} changed on both sides"
        raise ChangesConflict(
            f"{changed}: {_names(open_ones)}. Nothing was applied.",
            hint="Select for each whether the workspace or the repository remains.",
            details=[
                {"kind": each.key[0], "path": each.key[1], "places": list(each.places or ())} for each in open_ones
            ],
        )
    return stored, kept


def _names(changes: Sequence[Change]) -> str:
    """Return the names of items for an error, not more than a few."""
    more = f" and {len(changes) - _MAX_SHOWN} more" if len(changes) > _MAX_SHOWN else ""
    return ", ".join(" ".join(each.key) for each in changes[:_MAX_SHOWN]) + more


def _require_keep(actor: Actor, workspace: str, change: Change) -> None:
    """Check that the actor may replace an item of the repository by the workspace's.

    Raises BadRequest for an item without a conflict, and for one that only the repository has and that cannot be read:
    its files would be deleted. Raises NotFound, Forbidden.
    """
    if change.fault is not None and change.present is None:
        raise BadRequest(
            f"The workspace has no {change.key[0]} {change.key[1]} that could replace the files in the repository.",
            hint=_LEAVE_OUT,
        )
    if change.places is None and change.fault is None:
        raise BadRequest(f"The item {change.key[1]} is not in conflict.", hint="Leave it out of the items to apply.")
    require(actor, "write", contents.target_of(workspace, change.key))


def _change_set(changes: Sequence[Change]) -> ChangeSet:
    items = [Wanted(*each.key, None if each.present is None else each.present.hash, each.content) for each in changes]
    return ChangeSet(items, prune=[""])


async def _incoming(platform: Platform, actor: Actor, workspace: str, only: Collection[Key] | None = None) -> _Incoming:
    """Return the incoming changes that the actor may read. `only`: items whose files are read; None: all.

    Raises NotFound.
    """
    async with platform.db.acquire() as conn:
        if await rows.get(conn, workspace) is None:
            raise bindings.missing(workspace)
        stored = {key_of(row): row for row in await rows.list_items(conn, workspace, incoming=True)}
    found: dict[Key, Change] = {}
    reader = ChangeReader(platform.incoming_changes, workspace)
    connect = partial(platform.db.transaction, snapshot=True)
    async for part in contents.read_parts(connect, actor, workspace, stored, "texts"):
        present = ((stored[key], each) for key, each in contents.decode(part))
        await run_in_slices(workspace, _add_changes(present, reader, only, found))
    new = [key for key in stored if key not in found and can(actor, "read", contents.target_of(workspace, key))]
    await run_in_slices(workspace, _add_changes(((stored[key], None) for key in new), reader, only, found))
    changes = sorted(found.values(), key=lambda each: (KINDS.index(each.key[0]), each.key[1]))
    digest = await run_in_thread(workspace, _hash_plan, changes)
    return _Incoming(changes, digest, len(stored) - len(changes))


def _add_changes(
    items: Iterable[tuple[ItemRow, Present | None]],
    reader: ChangeReader,
    only: Collection[Key] | None,
    found: dict[Key, Change],
) -> Generator[None, None, None]:
    """Add the changes of items. `items`: each with its present state in the workspace."""
    for row, present in items:
        yield
        key = key_of(row)
        is_read = only is None or key in only
        found[key] = reader.read(row, present) if is_read else Change(row, without_content(present))


def _hash_plan(changes: Sequence[Change]) -> str:
    """Return the hash of a plan: of what the repository has, and what the workspace has."""
    parts = []
    for each in changes:
        incoming = each.row.incoming
        digest = None if incoming is None else hashlib.sha256(incoming).hexdigest()
        parts.append([*each.key, digest, None if each.present is None else each.present.hash])
    return hash_json(parts)
