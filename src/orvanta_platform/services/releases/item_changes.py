"""Changes of a request to deploy, item by item: contents before and after, and differences of workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.changes import contents
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import requests
from orvanta_platform.workflow import document
from orvanta_platform.workflow.diff import Difference, compare
from orvanta_platform.workflow.tree.plan import Entry


class ItemChange(msgspec.Struct, frozen=True):
    """An item that a request changes."""

    entry: Entry
    before: Mapping[str, Any] | None
    """Content in the environment; None: the item does not exist, or its kind is not readable."""
    after: Mapping[str, Any] | None
    """Content that the request stores."""
    difference: Difference | None
    """Difference of a workflow that exists; None for other items, and if a document cannot be parsed."""


async def list_changes(platform: Platform, actor: Actor, workspace: str, request: int) -> list[ItemChange]:
    """Return the items that a request changes, with their contents before and after.

    Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    found = await requests.get(platform, actor, workspace, request)
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


def _change(entry: Entry, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> ItemChange:
    exists = entry.kind == "flow" and before is not None and after is not None
    return ItemChange(entry, before, after, _difference(before, after) if exists else None)


def _difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Difference | None:
    assert before is not None
    assert after is not None
    try:
        old, new = (document.parse(each["text"].encode(), "yaml").tree for each in (before, after))
    except InvalidWorkflow:
        return None
    return compare(old, new)
