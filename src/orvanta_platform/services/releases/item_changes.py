"""Changes of a request to deploy, item by item: contents before and after, and differences of workflows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import can, require_workspace
from orvanta_platform.db import deployments as rows
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.changes import contents
from orvanta_platform.services.changes.flow_differences import difference_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import releases, requests
from orvanta_platform.services.releases.decided_items import DecidedItem, decode_items
from orvanta_platform.workflow.diff import Difference
from orvanta_platform.workflow.tree.item import Key
from orvanta_platform.workflow.tree.plan import Entry

MAX_RELEASES: Final = 50
"""Maximum number of releases from which the changes of a closed request are read; what other items were before is not
known.
"""


class ItemChange(msgspec.Struct, frozen=True):
    """An item that a request changes."""

    entry: Entry | DecidedItem
    before: Mapping[str, Any] | None
    """Content in the environment; None: the item does not exist, or its kind is not readable.

    For a closed request, it is that of the release which deployed the item last before.
    """
    after: Mapping[str, Any] | None
    """Content that the request stores."""
    difference: Difference | None
    """Difference of a workflow that exists; None for other items, and if a document cannot be parsed."""


async def list_changes(platform: Platform, actor: Actor, workspace: str, request: int) -> list[ItemChange]:
    """Return the items that a request changes, or changed when it was closed, with their contents before and after.

    Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    found = await requests.get(platform, actor, workspace, request)
    decided = decode_items(found.outcome.closed_plan)
    if decided is not None:
        changed = [each for each in decided if each.action != "unchanged"]
        async with platform.turns.take("plans", workspace, actor.email):
            return await _list_closed(platform, actor, workspace, request, changed)
    entries = found.plan.plan.of("add", "change", "remove", "conflict")
    wanted = {each.key: each.content for each in found.plan.change.items}
    async with platform.turns.take("plans", workspace, actor.email):
        async with platform.db.acquire() as conn:
            reading = await contents.read(conn, actor, workspace, [each.key for each in entries])
        present = await contents.items_in(workspace, reading)
        before = {key: each.content for key, each in present.items()}
        return await document_threads.run_in_thread(
            workspace, lambda: [_change(each, before.get(each.key), wanted[each.key]) for each in entries]
        )


async def _list_closed(
    platform: Platform, actor: Actor, workspace: str, request: int, items: Sequence[DecidedItem]
) -> list[ItemChange]:
    """Return the changes of a closed request from its release and those before, none of which changes."""
    async with platform.db.acquire() as conn:
        sources = await rows.list_closed_items(conn, request, [each.key for each in items])
    shown = {
        each.key
        for each in items
        if each.action != "add" and can(actor, "read", contents.target_of(workspace, each.key))
    }
    wanted: defaultdict[int, set[Key]] = defaultdict(set)
    for each in items:
        before, after = sources[each.key]
        wanted[after].add(each.key)
        if before is not None and each.key in shown and (before in wanted or len(wanted) < MAX_RELEASES):
            wanted[before].add(each.key)
    found: dict[tuple[int | None, Key], Mapping[str, Any]] = {}
    for release, keys in wanted.items():
        # One release after the other: together they may be larger than the memory of the server.
        found.update({(release, key): each for key, each in (await _read(platform, workspace, release, keys)).items()})

    def change(item: DecidedItem) -> ItemChange:
        before, after = sources[item.key]
        old = found.get((before, item.key)) if item.key in shown else None
        return _change(item, old, found.get((after, item.key)))

    return await document_threads.run_in_thread(workspace, lambda: [change(each) for each in items])


async def _read(
    platform: Platform, workspace: str, release: int, keys: Collection[Key]
) -> dict[Key, Mapping[str, Any]]:
    """Return the contents of items of a release."""
    async with platform.db.acquire() as conn:
        row = await rows.get_release(conn, release)
    if row is None:
        return {}
    bundle = (await releases.open_release(workspace, row)).bundle
    return {each.key: each.content for each in bundle.items if each.key in keys}


def _change(
    entry: Entry | DecidedItem, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> ItemChange:
    return ItemChange(entry, before, after, difference_of(entry.kind, before, after))
