"""Change sets: many items planned at once, and applied in one transaction or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any

import msgspec
from msgspec import structs

from orvanta_platform.control import audit, limits, scopes, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, require
from orvanta_platform.db import http_triggers, service_accounts, tree
from orvanta_platform.db.notify import DeferredNotifier
from orvanta_platform.db.pool import Connection, JoinedDatabase
from orvanta_platform.errors import (
    BadRequest,
    ChangesConflict,
    ChangesRefused,
    Forbidden,
    NotFound,
    OrvantaError,
    StalePlan,
    TooLarge,
)
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.interpolation import STATE_TYPES
from orvanta_platform.services.access import members
from orvanta_platform.services.catalog import environments
from orvanta_platform.services.changes import change_tests, contents, moved_items, remaining_uses, writers
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.platform import Platform, RequestKind
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.tree import sizes
from orvanta_platform.workflow.tree.item import KINDS, Key, Kind
from orvanta_platform.workflow.tree.plan import Entry, Plan, Planner, Stored, Wanted
from orvanta_platform.workflow.tree.sizes import item_too_large

MAX_ITEMS = 5000
"""Maximum number of items of a change set, and of items that are read at once."""

MAX_CONTENT_SIZE = sizes.MAX_CONTENT_SIZE
"""Maximum size of the contents of a change set: the number of characters, plus one for each value."""

_ROUTE = ("route_path", "http_method", "workspaced_route")
_DOCUMENTS = ("script", "flow")
_TRIGGERS = ("schedule", "http_trigger")
_SEALED = ("variable", "resource", "resource_type")


class ChangeSet(msgspec.Struct, frozen=True):
    """Items to add, change or remove."""

    items: Sequence[Wanted]
    prune: Sequence[str] | None = None
    """Starts of the paths at which items may be removed, "" for all; None: no item is removed."""
    force: bool = False
    """Replace what was changed since the base."""


class Hooks(msgspec.Struct, frozen=True):
    """Functions that are called in the transaction of a change set, and which may raise errors to end it."""

    end: Callable[[Connection, Mapping[Key, Present]], Awaitable[None]]
    """Called with the items of the change set that exist after it, with the contents of schedules and triggers only."""
    begin: Callable[[Connection], Awaitable[None]] | None = None
    """Called before the items are read."""
    deployment: RequestKind | None = None
    """Kind of the deployment that applies the change set; None: it is a direct one, which environments may refuse.

    The settings of the scripts of a rollback are not checked again.
    """


class Applied(msgspec.Struct, frozen=True):
    """Outcome of a change set."""

    plan: Plan
    hashes: Mapping[Key, str]
    """Hashes of the items of the change set that exist."""
    warnings: Sequence[Diagnostic] = ()
    """Effects that the plan does not show."""


class _Checked(Exception):
    """Outcome of a change set that is checked only: raised to roll its transaction back."""

    def __init__(self, applied: Applied) -> None:
        super().__init__()
        self.applied = applied


async def list_items(
    platform: Platform, actor: Actor, workspace: str, optional: Collection[Kind] = ()
) -> dict[Key, Present]:
    """Return the hashes of all items that the actor may read. `optional`: optional kinds to include, for admins.

    Raises NotFound, Forbidden.
    """
    require_reader(actor, workspace)
    require_optional(actor, workspace, optional)
    async with platform.db.transaction(snapshot=True) as conn:
        reading = await contents.read(conn, actor, workspace, optional=optional, depth="hashes")
    return await contents.items_in(workspace, reading)


async def read_items(platform: Platform, actor: Actor, workspace: str, keys: Collection[Key]) -> dict[Key, Present]:
    """Return those of these items that the actor may read, with their contents. Raises NotFound, Forbidden,
    TooLarge.
    """
    require_reader(actor, workspace)
    if len(keys) > MAX_ITEMS:
        raise TooLarge(f"At most {MAX_ITEMS} items can be read at once.", hint="Read them in several calls.")
    async with platform.db.transaction(snapshot=True) as conn:
        reading = await contents.read_limited(conn, actor, workspace, keys)
    return await contents.items_in(workspace, reading, limited=True)


async def plan(platform: Platform, actor: Actor, workspace: str, change: ChangeSet, *, uses: bool = True) -> Plan:
    """Return the effect of a change set on the items that the actor may read.

    Other items seem to be new, and removals of them have no effect: their entries have a reason, because the items may
    exist. `uses`: the entries of removed items name the items that still use them. Raises NotFound, Forbidden,
    BadRequest, TooLarge, RateLimited.
    """
    require_reader(actor, workspace)
    _check_items(change)
    async with platform.turns.take("changes", workspace, actor.email):
        change, planner = await prepare(platform, workspace, change)
        found = await _make_plan(platform, actor, workspace, change, planner)
        if uses:
            found = await remaining_uses.add_uses(platform, actor, workspace, change.items, found)
        found = await moved_items.add_moved_paths(platform, actor, workspace, found)
    return structs.replace(found, entries=tuple(_with_hidden_reason(actor, workspace, each) for each in found.entries))


def _with_hidden_reason(actor: Actor, workspace: str, entry: Entry) -> Entry:
    """Return an entry with the reason for which an item may exist although it was not found."""
    if entry.present is not None or entry.action not in ("add", "unchanged"):
        return entry
    try:
        require(actor, "read", contents.target_of(workspace, entry.key))
    except OrvantaError as error:
        scope = f" {error.hint}" if isinstance(error, Forbidden) and error.hint else ""
        return structs.replace(entry, reason=f"You may not read this item, which may exist.{scope}")
    return entry


async def apply(
    platform: Platform,
    actor: Actor,
    workspace: str,
    change: ChangeSet,
    plan_hash: str,
    message: str | None,
    hooks: Hooks | None = None,
    *,
    check_only: bool = False,
) -> Applied:
    """Apply a change set in one transaction: all of its items change, or none.

    Each item is changed by the use case of its kind, with its permissions, validation and audit row. With `check_only`,
    the transaction is rolled back: the errors are those of the change set, and nothing is stored. Raises NotFound,
    Forbidden, BadRequest, TooLarge, RateLimited, StalePlan if the plan has another hash by now, ChangesConflict,
    ChangesRefused, DirectDeploysRefused, and the errors of the hooks.
    """
    require_writer(actor, workspace)
    limits.check_text("A message", message)
    _check_items(change)
    async with platform.turns.take("changes", workspace, actor.email):
        change, planner = await prepare(platform, workspace, change)
        try:
            return await _apply(
                platform, actor, workspace, change, planner, plan_hash, message, hooks, check_only=check_only
            )
        except _Checked as checked:
            return checked.applied


async def _apply(
    platform: Platform,
    actor: Actor,
    workspace: str,
    change: ChangeSet,
    planner: Planner,
    plan_hash: str,
    message: str | None,
    hooks: Hooks | None,
    *,
    check_only: bool,
) -> Applied:
    # Documents are parsed here: the transaction compares those again that were changed meanwhile.
    found = await _make_plan(platform, actor, workspace, change, planner)
    _require_current(found, plan_hash)
    if any(each.kind in _SEALED for each in change.items):
        # Outside the transaction, because the first secret of a workspace creates its key.
        await secrets.newest_key(platform.db, platform.keys, workspace)
    # Outside as well: what a refused change set reveals about accounts counts.
    added = [each.path for each in found.of("add") if each.kind == "user"]
    await members.count_additions(platform, actor, workspace, added)
    is_direct = hooks is None or hooks.deployment is None
    tests = await change_tests.run_required(platform, actor, workspace, change.items, found) if is_direct else {}
    notifier = DeferredNotifier(platform.notify)

    async def write(conn: Connection) -> Applied:
        notifier.clear()
        if hooks is not None and hooks.begin is not None:
            await hooks.begin(conn)
        found, present = await _plan_again(conn, actor, workspace, change, planner)
        _require_current(found, plan_hash)
        if is_direct and any(each.kind in ("flow", "script") for each in found.of("add", "change", "remove")):
            await environments.refuse_direct(platform, conn, actor, workspace)
        joined = _joined(platform, conn, notifier, hooks)
        found = _without(found, await _store_all(joined, conn, actor, workspace, change, found, present, message))
        await change_tests.require_passed(joined, conn, actor, workspace, tests)
        await _record(conn, actor, workspace, found, message)
        after = await _read_hashes(conn, actor, workspace, change)
        if hooks is not None:
            await hooks.end(conn, after)
        applied = Applied(found, {key: each.hash for key, each in after.items()})
        if check_only:
            raise _Checked(applied)
        return applied

    applied = await platform.db.retrying(write, snapshot=True)
    notifier.release()
    return applied


async def _plan_again(
    conn: Connection, actor: Actor, workspace: str, change: ChangeSet, planner: Planner
) -> tuple[Plan, Mapping[Key, Present]]:
    """Return the plan and the present items as the transaction reads them, without what is not necessary to change
    them. Scripts and workflows that were not changed since they were compared are read without their documents.

    Raises TooLarge.
    """
    found = _Reread(actor, change, planner)
    async for reading in contents.read_parts(partial(nullcontext, conn), actor, workspace, planner.keys, "settings"):
        await document_threads.run_in_slices(workspace, found.compare(reading))
    async for reading in contents.read_parts(partial(nullcontext, conn), actor, workspace, found.changed, "trees"):
        await document_threads.run_in_slices(workspace, _compare(planner, reading, None))
    return await found.found.plan(partial(nullcontext, conn), workspace, planner), found.present


class _Reread:
    """Items that a transaction reads after they were compared outside of it."""

    def __init__(self, actor: Actor, change: ChangeSet, planner: Planner) -> None:
        self.found = _Found(actor, change)
        self.present: dict[Key, Present] = {}
        """All items, with the contents that are necessary to change them."""
        self.changed: list[Key] = []
        """Scripts and workflows that were changed meanwhile, and have to be compared again."""
        self._planner = planner
        self._size = 0

    def compare(self, reading: contents.Reading) -> Generator[None, None, None]:
        """Compare items that were read without documents. Raises TooLarge."""
        for key, each in contents.decode(reading):
            yield
            is_open = key[0] in _DOCUMENTS and self._planner.stores(key) and not self._planner.knows(key, each.hash)
            if is_open:
                self.changed.append(key)
            else:
                yield from self._planner.compare({key: Stored(each.hash, each.content)})
            self.found.add(key, each)
            if key[0] not in contents.LARGE_KINDS:
                self.present[key] = each
            elif is_open or self._planner.changes(key):
                self.present[key] = self._without_body(key, each)
            else:
                self.present[key] = structs.replace(each, content={})

    def _without_body(self, key: Key, present: Present) -> Present:
        small = contents.without_body(key, present)
        before, self._size = self._size, self._size + len(msgspec.json.encode(small.content))
        if before and self._size > contents.MAX_READ_SIZE:
            raise TooLarge(
                "The values of the resources and schedules that a change set changes have at most "
                f"{contents.MAX_READ_SIZE >> 20} MiB together, as they are now.",
                hint="Apply the folders one after the other.",
                details={"limit": contents.MAX_READ_SIZE},
            )
        return small


def _joined(platform: Platform, conn: Connection, notifier: DeferredNotifier, hooks: Hooks | None) -> Platform:
    """Return a platform whose use cases write in the transaction of the change set."""
    return dataclasses.replace(
        platform,
        db=JoinedDatabase(platform.db, conn),
        notify=notifier,
        change_set_policies={},
        direct_deploys_checked=True,
        deployment=None if hooks is None else hooks.deployment,
    )


async def _record(conn: Connection, actor: Actor, workspace: str, found: Plan, message: str | None) -> None:
    """Write the audit row of a change set, unless it changes nothing."""
    if found.of("add", "change", "remove"):
        counts = {action: len(found.of(action)) for action in ("add", "change", "remove")}
        parameters = {"plan": found.hash, **counts, "prune": found.prune, "message": message}
        await audit.record(conn, actor, "change_sets.apply", "Updated", workspace, parameters)


async def _read_hashes(conn: Connection, actor: Actor, workspace: str, change: ChangeSet) -> Mapping[Key, Present]:
    """Return the items of a change set that exist, with the contents of schedules and triggers only."""
    found: dict[Key, Present] = {}

    def add(reading: contents.Reading) -> Generator[None, None, None]:
        for key, each in contents.decode(reading):
            yield
            found[key] = each if key[0] in _TRIGGERS else structs.replace(each, content={})

    async for reading in contents.read_parts(partial(nullcontext, conn), actor, workspace, _keys(change), "hashes"):
        await document_threads.run_in_slices(workspace, add(reading))
    return found


def require_reader(actor: Actor, workspace: str) -> None:
    """Check that the actor may read items in bulk. Raises NotFound, Forbidden."""
    _require(actor, "read", workspace)


def require_writer(actor: Actor, workspace: str) -> None:
    """Check that the actor may change items in bulk. Raises NotFound, Forbidden."""
    _require(actor, "change_items", workspace)


def require_optional(actor: Actor, workspace: str, kinds: Collection[Kind]) -> None:
    """Check that the actor may read these optional kinds, which are for admins. Raises NotFound, Forbidden."""
    for kind in kinds:
        require(actor, "admin", contents.target_of(workspace, (kind, "")))


def _require(actor: Actor, action: str, workspace: str) -> None:
    """Check that the actor may read or change items at once. Raises NotFound, Forbidden.

    A token needs no scope of the workspace if it may read a kind of item: it sees items of these kinds only, and the
    use case of each item checks its change.
    """
    target = Target(workspace, "workspace")
    require(scopes.without_limits(actor), action, target)
    if not can(actor, action, target) and not any(contents.may_list(actor, workspace, kind) for kind in KINDS):
        raise Forbidden(
            "The token may read no item of the workspace.",
            hint="It needs scopes for the kinds of the items, for example flows:read and scripts:read, or flows:write.",
        )


def _check_items(change: ChangeSet) -> None:
    if len(change.items) > MAX_ITEMS:
        raise TooLarge(f"A change set has at most {MAX_ITEMS} items.", hint="Apply the folders one after the other.")
    if len(change.prune or ()) > MAX_ITEMS:
        raise TooLarge(f"`prune` has at most {MAX_ITEMS} paths.", hint="Name the folders that contain them.")
    if len({each.key for each in change.items}) < len(change.items):
        raise BadRequest("A change set names an item twice.")


async def prepare(platform: Platform, workspace: str, change: ChangeSet) -> tuple[ChangeSet, Planner]:
    """Return the valid items of a change set, and its plan's order, in which the others are conflicts.

    Raises BadRequest for contents of too many levels, TooLarge, CodeTooComplex.
    """
    change, faults = await document_threads.run_in_thread(workspace, _checked, change)
    contents_of = {each.path: each.content for each in change.items if each.kind == "script" and each.content}
    scripts = [Script(each["language"], each["content"], path) for path, each in contents_of.items()]
    found = await platform.evaluator.scripts.imports(workspace, scripts)
    imports = {
        path: [each for reference in references for each in reference.candidates]
        for path, references in zip(contents_of, found, strict=True)
    }
    planner = Planner(
        change.items, change.prune, imports, force=change.force, faults=faults, parse=platform.parsed_workflows.parse
    )
    await document_threads.run_in_slices(workspace, planner.sort())
    return change, planner


def _checked(change: ChangeSet) -> tuple[ChangeSet, list[tuple[Wanted, str]]]:
    """Return a change set with its valid items, and the others with the reasons. Raises BadRequest, TooLarge."""
    size = 0
    for each in change.items:
        size += (own := writers.size_of(each, MAX_CONTENT_SIZE))
        if size > MAX_CONTENT_SIZE:
            raise item_too_large(*each.key) if own > MAX_CONTENT_SIZE else too_large()
    items, faults = [], []
    for each in change.items:
        try:
            items.append(writers.check(each))
        except OrvantaError as error:
            faults.append((each, error.message))
    return structs.replace(change, items=items), faults


def too_large() -> TooLarge:
    """Return the error for a change set whose contents are too large."""
    return TooLarge(
        f"The contents of a change set have at most {MAX_CONTENT_SIZE >> 20} MiB together.",
        hint="Apply the folders one after the other.",
        details={"limit": MAX_CONTENT_SIZE},
    )


async def _make_plan(platform: Platform, actor: Actor, workspace: str, change: ChangeSet, planner: Planner) -> Plan:
    """Return the plan. The connection is released before items are compared, and each part of them before the next."""
    found = _Found(actor, change)
    connect = partial(platform.db.transaction, snapshot=True)
    stored = {key for key in planner.keys if planner.stores(key)}
    depths: Sequence[tuple[Collection[Key], contents.Depth]] = (stored, "trees"), (planner.keys - stored, "hashes")
    for keys, depth in depths:
        async for reading in contents.read_parts(connect, actor, workspace, keys, depth):
            await document_threads.run_in_slices(workspace, _compare(planner, reading, found))
    return await found.plan(connect, workspace, planner)


def _compare(planner: Planner, reading: contents.Reading, found: _Found | None) -> Generator[None, None, None]:
    """Compare items one by one, and add them to `found`."""
    for key, each in contents.decode(reading):
        yield
        yield from planner.compare({key: Stored(each.hash, each.content)})
        if found is not None:
            found.add(key, each)


class _Found:
    """Present items of a change set, without their contents."""

    def __init__(self, actor: Actor, change: ChangeSet) -> None:
        self.hashes: dict[Key, str] = {}
        self._actor = actor
        self._wanted = {each.key: each.content for each in change.items if each.kind in ("user", *_TRIGGERS)}
        self._leaving: set[str] = set()
        """Members whom the change set disables or removes, as `u/<username>`."""
        self._former_owners: list[str] = []
        """Addresses of admins who leave or get another role: the service accounts that they own are disabled."""
        self._triggers: dict[Key, tuple[str | None, bool]] = {}
        """Members that the runs of schedules and triggers act for, and whether these are enabled."""

    def add(self, key: Key, present: Present) -> None:
        """Add an item."""
        self.hashes[key] = present.hash
        if key[0] in _TRIGGERS:
            self._triggers[key] = present.acts_for, _is_enabled(present.content)
        elif key[0] == "user":
            content = self._wanted[key]
            leaves = content is None or content.get("disabled") is True
            if leaves:
                self._leaving.add(f"u/{present.content['username']}")
            if leaves or (content or {}).get("role") not in (None, "admin", present.content["role"]):
                self._former_owners.append(key[1])

    async def plan(
        self, connect: Callable[[], AbstractAsyncContextManager[Connection]], workspace: str, planner: Planner
    ) -> Plan:
        """Return the plan, after all items were added."""
        await self._add_service_accounts(connect, workspace)
        removed = planner.removed(self.hashes)
        # Who may not write a folder does not learn whether it has items.
        names = [
            path
            for kind, path in removed
            if kind == "folder" and can(self._actor, "write", contents.target_of(workspace, (kind, path)))
        ]
        occupied: set[str] = set()
        if names:
            async with connect() as conn:
                occupied = await tree.list_occupied_folders(
                    conn, workspace, names, removed, without=sorted(STATE_TYPES)
                )
        return await document_threads.run_in_thread(workspace, planner.plan, self.hashes, self._fault, occupied)

    async def _add_service_accounts(
        self, connect: Callable[[], AbstractAsyncContextManager[Connection]], workspace: str
    ) -> None:
        """Add the service accounts that the change set disables, because their owners are no longer admins."""
        if self._former_owners and self._triggers:
            async with connect() as conn:
                owned = await service_accounts.list_owned(conn, workspace, self._former_owners)
            self._leaving.update(f"u/{each}" for each in owned)

    def _fault(self, entry: Entry) -> str | None:
        """Return the reason for which a schedule or trigger cannot be enabled; None if it can."""
        if entry.kind not in _TRIGGERS or entry.wanted is None:
            return None
        owner, is_enabled = self._triggers.get(entry.key, (None, False))
        if entry.action != "unchanged":  # it acts for the caller
            owner, wanted = self._actor.permissioned_as, self._wanted[entry.key] or {}
            is_enabled = _is_enabled(wanted) or (is_enabled and _has_no_state(wanted))
        if owner not in self._leaving or not is_enabled:
            return None
        return (
            f"Its runs act for {owner}, whom the change set disables or removes. Disable it, or apply it alone first."
        )


def _is_enabled(content: Mapping[str, Any]) -> bool:
    """Return whether a schedule or HTTP trigger is enabled or suspended: the departure of its member disables it."""
    return content.get("enabled") is True or content.get("mode") not in (None, "disabled")


def _has_no_state(content: Mapping[str, Any]) -> bool:
    return content.get("enabled") is None and content.get("mode") is None


def _keys(change: ChangeSet) -> list[Key]:
    return [each.key for each in change.items]


def stored_items(present: Mapping[Key, Present]) -> dict[Key, Stored]:
    """Return present items as plans compare them."""
    return {key: Stored(each.hash, each.content) for key, each in present.items()}


def _require_current(found: Plan, plan_hash: str) -> None:
    if found.hash != plan_hash:
        raise StalePlan(
            "Items were changed since the plan was made.",
            hint="Make the plan again and review it.",
            details={"plan_hash": found.hash},
        )
    conflicts = found.of("conflict")
    if conflicts:
        raise ChangesConflict(
            f"{len(conflicts)} of the items {'is' if len(conflicts) == 1 else 'are'} in conflict with the workspace; "
            "nothing was applied.",
            hint="Pull the changes, or apply the change set with `force` to replace them.",
            details=[{"kind": each.kind, "path": each.path, "reason": each.reason} for each in conflicts],
        )


def _changed_routes(found: Plan, wanted: Mapping[Key, Wanted], present: Mapping[Key, Present]) -> list[str]:
    """Return the paths of the HTTP triggers whose route changes: another one of the change set may take it."""
    changed = []
    for entry in found.of("change"):
        before, after = present.get(entry.key), wanted[entry.key].content
        if entry.kind == "http_trigger" and before is not None and after is not None:
            routes = ({**before.content, **each} for each in ({}, after))
            one, other = ([each.get(name) for name in _ROUTE] for each in routes)
            changed += [entry.path] if one != other else []
    return changed


async def _store_all(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    change: ChangeSet,
    found: Plan,
    present: Mapping[Key, Present],
    message: str | None,
) -> Mapping[Key, str]:
    """Store all items. Return the users without an account, which are left out, with the reasons.

    Raises ChangesRefused with the error of each item that cannot be stored.
    """
    wanted = {each.key: each for each in change.items}
    await http_triggers.release_routes(conn, workspace, _changed_routes(found, wanted, present))
    refused, left_out = [], {}
    for entry in found.of("add", "change", "remove"):
        try:
            async with conn.transaction():
                each = wanted[entry.key]
                await writers.store(platform, actor, workspace, each, present.get(entry.key), message)
        except OrvantaError as error:
            if entry.kind == "user" and entry.action == "add" and isinstance(error, NotFound):
                left_out[entry.key] = f"{error.message} {error.hint or ''}".strip()
            else:
                refused.append({"kind": entry.kind, "path": entry.path, "error": error.as_dict()})
    if refused:
        raise refusal(refused)
    return left_out


def refusal(refused: Sequence[Mapping[str, Any]]) -> ChangesRefused:
    """Return the error for items that cannot be changed, with the error of each."""
    return ChangesRefused(
        f"{len(refused)} of the items cannot be changed; nothing was applied.",
        hint="The details contain the reason of each.",
        details=refused,
    )


def _without(found: Plan, left_out: Mapping[Key, str]) -> Plan:
    """Return a plan as it was applied. `left_out`: items that were not stored, with the reasons."""
    entries = [
        structs.replace(each, action="unchanged", reason=left_out[each.key]) if each.key in left_out else each
        for each in found.entries
    ]
    return structs.replace(found, entries=tuple(entries))
