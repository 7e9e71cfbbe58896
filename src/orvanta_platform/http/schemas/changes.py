"""Schemas of change sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.changes.archive_import import ArchivedItems
from orvanta_platform.services.changes.change_sets import Applied, ChangeSet
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.workflow.tree.item import Key, Kind
from orvanta_platform.workflow.tree.plan import Action, ConflictCode, Entry, Plan, Use, Wanted


class ItemHash(msgspec.Struct, kw_only=True):
    """An item and the hash of its content."""

    kind: Kind
    path: str
    hash: str


class ItemContent(ItemHash, kw_only=True):
    """An item with its content."""

    content: dict[str, Any]


class ItemName(msgspec.Struct, kw_only=True):
    """Name of an item."""

    kind: Kind
    path: str


class ArchivedItem(ItemName, kw_only=True):
    """An item in an archive."""

    content: dict[str, Any]


class UnreadableItem(ItemName, kw_only=True):
    """An item in an archive that cannot be read."""

    message: str


class ArchiveContents(msgspec.Struct, kw_only=True):
    """Items in an archive."""

    items: list[ArchivedItem]
    failed: list[UnreadableItem]
    left_out: list[str]
    """Files that belong to no item, and those of members and settings unless they are included."""


class ReadItems(msgspec.Struct, kw_only=True):
    """Items to read."""

    items: list[ItemName]


class ChangedItem(msgspec.Struct, kw_only=True):
    """An item to add, change or remove."""

    kind: Kind
    path: str
    base: str | None = None
    """Hash of the content that the change is based on; null if the item should not exist."""

    content: dict[str, Any] | None = None
    """New content; null: the item is removed. An absent key leaves the setting of an existing item unchanged, null
    removes it.
    """


class Changes(msgspec.Struct, kw_only=True):
    """A change set."""

    items: list[ChangedItem]
    prune: list[str] | None = None
    """Starts of the paths at which items may be removed ("" for all); null: none is removed."""

    force: bool = False
    """Replace what was changed since the base."""


class ApplyChanges(Changes, kw_only=True):
    """A change set with the hash of its plan."""

    plan_hash: str
    message: str | None = None
    check_only: bool = False
    """Check that all of it can be applied; store nothing."""


class ArchivedName(msgspec.Struct, kw_only=True):
    """Name of an item that can be archived."""

    kind: Literal["flow", "script"]
    path: str


class SetArchived(msgspec.Struct, kw_only=True):
    """Items to archive or to restore."""

    items: list[ArchivedName]
    archived: bool = True


class ItemUse(msgspec.Struct, kw_only=True):
    """An item that uses another one."""

    kind: str
    """flow, script, schedule, http_trigger, resource, error_handler or environment."""

    path: str
    node: str | UnsetType = UNSET
    """Node of a workflow, if it is known."""


class PlanEntry(msgspec.Struct, kw_only=True):
    """Effect of a change set on an item."""

    kind: Kind
    path: str
    action: Action
    hash: str | UnsetType = UNSET
    """Hash of the present content."""

    reason: str | UnsetType = UNSET
    """Explanation of a conflict, which includes a content that is not valid; why the item is left as it is, such as a
    folder to remove that has items afterwards; or that an added item may exist, because the caller may not read it.
    """

    code: ConflictCode | UnsetType = UNSET
    """Cause of a conflict. invalid: the content is not valid, whatever the workspace contains."""

    overwrites: bool
    """It replaces a change that was made since the base."""

    used_by: list[ItemUse] | UnsetType = UNSET
    """Items that use the item that is removed, and remain. They may fail afterwards."""

    hidden_uses: int | UnsetType = UNSET
    """Number of further such items, which the caller may not read."""

    moved_to: str | UnsetType = UNSET
    """Path that the item has now, if it was moved and the caller may read it there."""


class ChangePlan(msgspec.Struct, kw_only=True):
    """Effect of a change set, in the order in which it is applied."""

    plan_hash: str
    nothing_to_do: bool
    prune: list[str] | None
    entries: list[PlanEntry]
    uses_truncated: bool = False
    """Removed items may have more uses than the entries name."""


class AppliedChanges(ChangePlan, kw_only=True):
    """An applied change set, with the new hashes of its items."""

    items: list[ItemHash]


def change_set(body: Changes) -> ChangeSet:
    """Convert a change set."""
    items = [Wanted(each.kind, each.path, each.base, each.content) for each in body.items]
    return ChangeSet(items, body.prune, body.force)


def item_hashes(found: Mapping[Key, Present]) -> list[ItemHash]:
    """Convert items without their contents."""
    return [ItemHash(kind=kind, path=path, hash=each.hash) for (kind, path), each in found.items()]


def item_contents(found: Mapping[Key, Present]) -> list[ItemContent]:
    """Convert items with their contents."""
    return [
        ItemContent(kind=kind, path=path, hash=each.hash, content=dict(each.content))
        for (kind, path), each in found.items()
    ]


def archive_contents(found: ArchivedItems) -> ArchiveContents:
    """Convert the contents of an archive."""
    return ArchiveContents(
        items=[ArchivedItem(kind=each.kind, path=each.path, content=dict(each.content)) for each in found.items],
        failed=[UnreadableItem(kind=kind, path=path, message=error.message) for (kind, path), error in found.failed],
        left_out=list(found.left_out),
    )


def change_plan(plan: Plan) -> ChangePlan:
    """Convert a plan."""
    return ChangePlan(**_of(plan))


def applied(outcome: Applied) -> AppliedChanges:
    """Convert the outcome of a change set."""
    hashes = [ItemHash(kind=kind, path=path, hash=each) for (kind, path), each in outcome.hashes.items()]
    return AppliedChanges(**_of(outcome.plan), items=hashes)


def _of(plan: Plan) -> dict[str, Any]:
    return {
        "plan_hash": plan.hash,
        "nothing_to_do": all(each.action == "unchanged" for each in plan.entries),
        "prune": None if plan.prune is None else list(plan.prune),
        "entries": [_entry(each) for each in plan.entries],
        "uses_truncated": plan.uses_truncated,
    }


def _entry(entry: Entry) -> PlanEntry:
    return PlanEntry(
        kind=entry.kind,
        path=entry.path,
        action=entry.action,
        hash=UNSET if entry.present is None else entry.present,
        reason=UNSET if entry.reason is None else entry.reason,
        code=UNSET if entry.code is None else entry.code,
        overwrites=entry.overwrites,
        used_by=uses(entry.used_by) or UNSET,
        hidden_uses=entry.hidden_uses or UNSET,
        moved_to=UNSET if entry.moved_to is None else entry.moved_to,
    )


def uses(found: Sequence[Use]) -> list[ItemUse]:
    """Convert uses of an item."""
    return [ItemUse(kind=each.kind, path=each.path, node=UNSET if each.node is None else each.node) for each in found]
