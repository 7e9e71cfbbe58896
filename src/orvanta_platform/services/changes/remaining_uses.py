"""Uses of the items that a change set removes by items that remain, for the warnings of its plan."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import structs

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import can
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.scripts import CodeTooComplex, Script
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog import dependents
from orvanta_platform.services.changes.contents import target_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.releases.dependencies import Code, dependencies_of
from orvanta_platform.workflow.tree.item import Item, Key
from orvanta_platform.workflow.tree.plan import Plan, Use, Wanted, item_of

_USED: Final = ("script", "flow", "variable", "resource", "resource_type")
"""Kinds of items that others use."""

MAX_SECONDS = 5.0
"""Maximum duration of the search of the new contents of one change set."""

_DECIDES: Final = {
    "schedule": "script_path",
    "http_trigger": "script_path",
    "resource": "value",
    "settings": "error_handler",
}
"""Keys of contents without which a change leaves the references of an item as they are."""


class RemainingUses(msgspec.Struct, frozen=True):
    """Uses of removed items, as far as they are known."""

    shown: Mapping[Key, Sequence[Use]] = {}
    """Uses by items that the caller may read."""
    hidden: Mapping[Key, int] = {}
    """Numbers of further items, which the caller may not read, for the items that the caller may change."""
    truncated: bool = False
    """There may be more uses of which the caller may know."""


async def find(
    platform: Platform, actor: Actor, workspace: str, removed: Collection[Key], stored: Sequence[Item]
) -> RemainingUses:
    """Return the uses of removed items by the items that remain.

    `stored`: items with the contents that the change set adds or changes: these contents count, and not what the items
    refer to now. All removed items are searched for together. Paths that code composes are not found. What the
    caller may not read is counted only for items that the caller may change, and so may remove.
    """
    sought = [key for key in removed if key[0] in _USED]
    if not sought:
        return RemainingUses()
    found = await dependents.list_direct(platform, actor, workspace, cast(Sequence[dependents.Key], sought))
    replaced = {each.key for each in stored if _DECIDES.get(each.kind, "") in ("", *each.content)}
    gone = {*removed, *replaced}
    own = {key for key in sought if can(actor, "write", target_of(workspace, key))}
    shown: dict[Key, set[Use]] = {}
    hidden: dict[Key, set[tuple[str, str]]] = {}
    for row in found.rows:
        key = cast(Key, (row.of_kind, row.of_path))
        by = ("settings", "settings") if row.kind == "error_handler" else (row.kind, row.path)
        if by in gone:
            continue
        if row.readable:
            shown.setdefault(key, set()).add(Use(row.kind, row.path, row.node))
        elif key in own:
            hidden.setdefault(key, set()).add((row.kind, row.path))
    new, is_complete = await _new_uses(platform, workspace, set(sought), stored)
    for key, use in new:
        shown.setdefault(key, set()).add(use)
    return RemainingUses(
        {key: sorted(uses, key=lambda use: (use.kind, use.path, use.node or "")) for key, uses in shown.items()},
        {key: len(items) for key, items in hidden.items()},
        found.truncated or (found.hidden_truncated and bool(own)) or not is_complete,
    )


async def add_uses(platform: Platform, actor: Actor, workspace: str, wanted: Sequence[Wanted], found: Plan) -> Plan:
    """Return a plan with the uses of the items that it removes."""
    removed = [each.key for each in found.of("remove")]
    changed = {each.key for each in found.of("add", "change")}
    stored = [item_of(each) for each in wanted if each.key in changed]
    uses = await find(platform, actor, workspace, removed, stored)
    entries = [
        structs.replace(each, used_by=uses.shown.get(each.key, ()), hidden_uses=uses.hidden.get(each.key, 0))
        for each in found.entries
    ]
    return structs.replace(found, entries=tuple(entries), uses_truncated=uses.truncated)


async def _new_uses(
    platform: Platform, workspace: str, removed: Collection[Key], stored: Sequence[Item]
) -> tuple[list[tuple[Key, Use]], bool]:
    """Return the removed items that new contents refer to, and whether all contents were searched in MAX_SECONDS."""
    found: list[tuple[Key, Use]] = []
    code: list[tuple[Item, Code]] = []
    until = clock.monotonic() + MAX_SECONDS
    ordered = sorted(stored, key=lambda each: each.kind == "flow")  # parsing workflows takes longest
    is_complete = await document_threads.run_in_slices(workspace, _collect(ordered, removed, until, found, code))
    if code and any(kind == "script" for kind, _ in removed):
        scripts = [Script(each.language, each.content, each.path) for _, each in code]
        try:
            async with asyncio.timeout(max(until - clock.monotonic(), 0)):
                imports = await platform.evaluator.scripts.imports(workspace, scripts)
        except TimeoutError:
            return found, False
        except CodeTooComplex:  # its deployment reports the error
            return found, is_complete
        for (item, _), references in zip(code, imports, strict=True):
            paths = {path for each in references for path in each.candidates}
            found += [(("script", path), Use(*item.key)) for path in paths if ("script", path) in removed]
    return found, is_complete


def _collect(
    stored: Sequence[Item],
    removed: Collection[Key],
    until: float,
    found: list[tuple[Key, Use]],
    code: list[tuple[Item, Code]],
) -> Generator[None, None, bool]:
    """Add the removed items that contents name to `found`, and the code that may import scripts to `code`.

    Return whether all contents were searched before the time `until`.
    """
    for item in stored:
        yield
        if clock.monotonic() >= until:
            return False
        try:
            used = dependencies_of(item, limited=True)
        except OrvantaError:  # its deployment reports the error
            continue
        named: set[Key] = {
            *used.items,
            *(("variable", path) for path in used.variables),
            *(("resource", path) for path in used.resources),
            *(("resource_type", name) for name in {*used.types, *_type_of(item.content)}),
        }
        found += [(key, Use(*item.key)) for key in named if key in removed]
        code += [(item, each) for each in used.code]
    return True


def _type_of(content: Mapping[str, Any]) -> list[str]:
    name = content.get("resource_type")
    return [name] if isinstance(name, str) else []
