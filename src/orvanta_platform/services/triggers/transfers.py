"""Transfers: the items below `u/<username>/` of a member who leaves get paths of another member or of a folder."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Final, Literal, cast

import msgspec

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import http_triggers, schedules
from orvanta_platform.db import moves as move_rows
from orvanta_platform.db import transfers as rows
from orvanta_platform.db.http_triggers import HttpTriggerRow
from orvanta_platform.db.moves import Move, NewDocument
from orvanta_platform.db.pool import Connection, JoinedDatabase
from orvanta_platform.db.transfers import CurrentVersion, OwnedItem
from orvanta_platform.errors import BadRequest, InvalidWorkflow, OrvantaError
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access import items
from orvanta_platform.services.catalog import dependents, environments, moves
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import resources, variables
from orvanta_platform.services.secrets.resources import ResourceDraft
from orvanta_platform.services.secrets.variables import VariableDraft
from orvanta_platform.services.triggers import ownership
from orvanta_platform.services.triggers.http_triggers import require_instance
from orvanta_platform.workflow.node_references import Rewritten
from orvanta_platform.workflow.value_references import rewrite_value

MAX_ITEMS: Final = 1000
"""Maximum number of items of one transfer."""

_RUNNABLE: Final = frozenset({"flow", "script"})
_ORDER: Final = ("variable", "resource", "script", "flow", "schedule", "http_trigger")


class TransferredItem(OwnedItem, frozen=True):
    """An item and its new path."""

    target: str


class RefusedItem(OwnedItem, frozen=True):
    """An item that remains at its path, with the error that prevents its move."""

    code: str
    message: str


class Transfer(msgspec.Struct, frozen=True):
    """Result of a transfer."""

    moved: list[TransferredItem] = msgspec.field(default_factory=list)
    refused: list[RefusedItem] = msgspec.field(default_factory=list)
    rewritten: list[OwnedItem] = msgspec.field(default_factory=list)
    """Items in which a path was replaced, by their paths at that time."""
    referring: list[OwnedItem] = msgspec.field(default_factory=list)
    """Scripts and workflows that still refer to a former path, and have to be changed, by their present paths."""
    more: bool = False
    """True if there are further items, which the next transfer moves."""


class _Planned(Exception):
    """Transfer that is planned only: raised to roll its transaction back."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__()
        self.transfer = transfer


class Successor(msgspec.Struct, frozen=True):
    """New owner of items that act for a member."""

    owner: str
    """u/<username>."""
    items: Sequence[tuple[ownership.Kind, str]]
    """Kinds and paths, before the transfer, of the items that the caller has reviewed; no others are assigned."""
    references: bool
    """Arguments of schedules that contain references are accepted, as for `ownership.assign`."""


async def plan(
    platform: Platform, actor: Actor, workspace: str, username: str, target: str, successor: Successor | None = None
) -> Transfer:
    """Return the result that a transfer would have, without storing it. Raises the errors of `apply`."""
    try:
        return await _apply(platform, actor, workspace, username, target, successor, plan_only=True)
    except _Planned as planned:
        return planned.transfer


async def apply(
    platform: Platform, actor: Actor, workspace: str, username: str, target: str, successor: Successor | None = None
) -> Transfer:
    """Move the items below `u/<username>/` to the same names below `target`, in one transaction.

    `target`: `u/<username>` of an enabled member, or `f/<folder>` with further names. References to them are replaced,
    except in the code of scripts. An item that cannot be moved, for example because its new path is in use, remains
    with its error in the result. `successor`: new owner of items that act for the member, at their new paths.
    Raises Forbidden, also for tokens with limits, BadRequest, and, with a successor, NotFound and the errors of
    `ownership.assign`; nothing is changed then.
    """
    return await _apply(platform, actor, workspace, username, target, successor, plan_only=False)


async def _apply(
    platform: Platform,
    actor: Actor,
    workspace: str,
    username: str,
    target: str,
    successor: Successor | None,
    *,
    plan_only: bool,
) -> Transfer:
    _check(actor, workspace, username, target)

    async def write(conn: Connection) -> Transfer:
        await _require_target(conn, workspace, target)
        joined = dataclasses.replace(platform, db=JoinedDatabase(platform.db, conn))
        found, more = await _read(conn, workspace, username, target)
        transfer = Transfer(more=more)
        for group in _groups(found):
            await _move_or_refuse(joined, conn, actor, workspace, group, transfer)
        transfer.referring[:] = _present(transfer.referring, transfer.moved)
        counts = {"moved": len(transfer.moved), "refused": len(transfer.refused)}
        await audit.record(conn, actor, "ownership.transfer", "Updated", f"u/{username}", {"target": target, **counts})
        if successor is not None:
            await _assign(joined, conn, actor, workspace, successor, transfer.moved)
        if plan_only:
            raise _Planned(transfer)
        return transfer

    return await platform.db.retrying(write)


def _check(actor: Actor, workspace: str, username: str, target: str) -> None:
    require(actor, "admin", Target(workspace, "member"))
    refuse_limited(actor, "transfer items", bound=True)
    names.check_path(f"u/{username}/item")
    names.check_path(f"{target}/item")
    if target == f"u/{username}":
        raise BadRequest("The items are there already.", hint="Name another member or a folder.")


async def _require_target(conn: Connection, workspace: str, target: str) -> None:
    if target.startswith("u/"):
        await ownership.require_member(conn, workspace, target)


async def _read(conn: Connection, workspace: str, username: str, target: str) -> tuple[list[TransferredItem], bool]:
    prefix = f"u/{username}/"
    found = await rows.list_items(conn, workspace, prefix, MAX_ITEMS + 1)
    moved = [
        TransferredItem(each.kind, each.path, f"{target}/{each.path.removeprefix(prefix)}")
        for each in found[:MAX_ITEMS]
    ]
    return sorted(moved, key=lambda each: (_ORDER.index(each.kind), each.path)), len(found) > MAX_ITEMS


async def _assign(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    successor: Successor,
    moved: Sequence[TransferredItem],
) -> None:
    """Assign items to their successor, who has to be able to run what each starts at its present path."""
    await ownership.require_member(conn, workspace, successor.owner)
    targets = {(each.kind, each.path): each.target for each in moved}
    for kind, path in successor.items:
        kinds = _RUNNABLE if kind == "error_handler" else (kind,)  # it has the path of what it runs
        present = next((targets[each, path] for each in kinds if (each, path) in targets), path)
        references = successor.references
        await ownership.assign(
            platform, actor, workspace, kind, present, successor.owner, enable=False, references=references
        )


def _groups(found: Sequence[TransferredItem]) -> list[Sequence[TransferredItem]]:
    """Return the items that are moved together: scripts and workflows, which refer to each other."""
    runnables = [each for each in found if each.kind in _RUNNABLE]
    others = [each for each in found if each.kind not in _RUNNABLE]
    starts = range(0, len(runnables), moves.MAX_MOVES)
    return [*([each] for each in others), *(runnables[start : start + moves.MAX_MOVES] for start in starts)]


def _present(found: Sequence[OwnedItem], moved: Sequence[TransferredItem]) -> list[OwnedItem]:
    """Return items, those that were moved by their new paths."""
    targets = {(each.kind, each.path): each.target for each in moved}
    return [OwnedItem(each.kind, targets.get((each.kind, each.path), each.path)) for each in found]


async def _move_or_refuse(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    group: Sequence[TransferredItem],
    transfer: Transfer,
) -> None:
    """Move a group in a savepoint; if that is refused, each of its items alone."""
    part = Transfer()
    try:
        async with platform.db.transaction():
            await _move(platform, conn, actor, workspace, group, part)
    except OrvantaError as error:
        if len(group) == 1:
            transfer.refused.append(RefusedItem(group[0].kind, group[0].path, error.code, error.message))
        else:
            for each in group:
                await _move_or_refuse(platform, conn, actor, workspace, [each], transfer)
    else:
        transfer.moved.extend(group)
        transfer.rewritten.extend(each for each in part.rewritten if each not in transfer.rewritten)
        transfer.referring.extend(each for each in part.referring if each not in transfer.referring)


async def _move(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    group: Sequence[TransferredItem],
    done: Transfer,
) -> None:
    first = group[0]
    match first.kind:
        case "variable":
            await variables.update(platform, actor, workspace, first.path, VariableDraft(path=first.target))
            await _rewrite(platform, conn, actor, workspace, first, done)
        case "resource":
            await resources.update(platform, actor, workspace, first.path, ResourceDraft(path=first.target))
            await _rewrite(platform, conn, actor, workspace, first, done)
        case "schedule" | "http_trigger" as kind:
            await _move_trigger(conn, actor, workspace, kind, first)
        case _:
            planned = await moves.apply(
                platform, actor, workspace, [Move(each.kind, each.path, each.target) for each in group]
            )
            done.rewritten.extend(OwnedItem(each.kind, each.path) for each in planned.rewritten)
            done.referring.extend(OwnedItem(each.kind, each.path) for each in planned.importing)


async def _move_trigger(
    conn: Connection,
    actor: Actor,
    workspace: str,
    kind: Literal["schedule", "http_trigger"],
    item: TransferredItem,
) -> None:
    get = schedules.get if kind == "schedule" else http_triggers.get
    row = items.require_item(
        actor, "write", workspace, kind, item.path, await get(conn, workspace, item.path, lock=True)
    )
    if isinstance(row, HttpTriggerRow) and not row.workspaced_route:
        require_instance(actor)
    await items.require_free(conn, actor, workspace, kind, item.target, await get(conn, workspace, item.target))
    await rows.move_trigger(conn, workspace, kind, item.path, item.target, actor.username)
    await audit.record(conn, actor, f"{kind}s.update", "Updated", item.path, items.moved(item.path, item.target))


async def _rewrite(
    platform: Platform, conn: Connection, actor: Actor, workspace: str, item: TransferredItem, done: Transfer
) -> None:
    """Replace the path of a variable or resource in everything that refers to it, except in the code of scripts.

    Workflows that refer to it get a new version, accepted for the same members. Raises DirectDeploysRefused.
    """
    kind = cast(Literal["variable", "resource"], item.kind)
    changed = await rows.replace_references(conn, workspace, kind, item.path, item.target, actor.username)
    found = await rows.lock_documents(conn, workspace, item.path)
    outcomes = await document_threads.run_in_thread(workspace, _rewrite_documents, found, item)
    new = []
    for row, made in zip(found, outcomes, strict=True):
        if isinstance(made, Rewritten):
            new.append(NewDocument(row.version, hashlib.sha256(made.body).digest(), made.body, made.hash, []))
            changed.append(OwnedItem(row.kind, row.path))
        elif made == "refers":
            done.referring.append(OwnedItem(row.kind, row.path))
    if new:
        await environments.refuse_direct(platform, conn, actor, workspace)
    await move_rows.rewrite_versions(conn, new, actor.username, f"{item.path} moved to {item.target}")
    subjects = [(workspace, f"{each.kind}s.update", each.path) for each in changed]
    moved = [{"kind": item.kind, "path": item.path, "to": item.target}]
    await audit.record_many(conn, actor, subjects, {"moved": moved})
    done.rewritten.extend(changed)


def _rewrite_documents(
    found: Sequence[CurrentVersion], item: TransferredItem
) -> list[Rewritten | Literal["refers"] | None]:
    """Return the changed documents; "refers" for one that refers to the item and cannot be changed, None for others."""
    check = dependents.check_of(item.kind, item.path)
    return [_rewrite_document(row, item) if check(row.body) else None for row in found]


def _rewrite_document(row: CurrentVersion, item: TransferredItem) -> Rewritten | Literal["refers"] | None:
    """Return a changed document that refers to the item. Only the newest version of a workflow can be changed."""
    if row.kind != "flow" or not row.newest:
        return "refers"
    try:
        format: Literal["json", "yaml"] = "yaml" if row.format == "yaml" else "json"
        return rewrite_value(row.body, format, item.kind, item.path, item.target)
    except InvalidWorkflow:
        return "refers"
