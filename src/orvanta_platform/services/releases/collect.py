"""Contents of a new release: chosen items, and everything that they reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from orvanta_platform.control import names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import can, require_workspace
from orvanta_platform.errors import BadRequest, Forbidden, NotFound, TooLarge
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.resource_schemas import shipped
from orvanta_platform.services.changes import contents
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.releases.adapt import release_content
from orvanta_platform.workflow.releases.bundle import (
    KINDS,
    Bundle,
    BundleItem,
    EnabledTrigger,
    RemovedItem,
    Requirement,
)
from orvanta_platform.workflow.releases.dependencies import Dependencies, dependencies_of
from orvanta_platform.workflow.tree.item import Item, Key, Kind

MAX_ITEMS: Final = 1000
"""Maximum number of items of a release."""


async def collect(
    platform: Platform,
    actor: Actor,
    workspace: str,
    chosen: Sequence[Key],
    enabled: Sequence[EnabledTrigger],
    removed: Sequence[RemovedItem] = (),
) -> Bundle:
    """Return the chosen items with everything that they reference, as far as the actor may read it.

    Variables and resources become requirements. `removed`: items that do not exist in the workspace, at paths that the
    actor may read. Raises NotFound if an item or a script or workflow that it runs does not exist or is not readable,
    Forbidden, BadRequest, TooLarge.
    """
    require_workspace(actor, workspace)
    _check(chosen, removed)
    await _check_removed(platform, actor, workspace, removed)
    items: dict[Key, BundleItem] = {}
    found = Dependencies(items=set(chosen))
    seen: set[Key] = set()
    while pending := _wanted_keys(found) - seen:
        check_size(len(items) + len(pending))
        present = await _read(platform, actor, workspace, pending)
        _require_found(pending & found.items - set(present))
        added, more = await document_threads.run_in_thread(workspace, _bundle_items, present)
        more.imports |= await imports_in(platform, workspace, more)
        items |= added
        seen |= pending
        _merge(found, more)
    missing = [paths for paths in found.imports if not any(("script", each) in items for each in paths)]
    _require_found({("script", paths[0]) for paths in missing})
    requirements = await _requirements(platform, actor, workspace, found)
    return make_bundle(items, requirements, enabled, removed)


def make_bundle(
    items: Mapping[Key, BundleItem],
    requirements: Sequence[Requirement],
    enabled: Sequence[EnabledTrigger],
    removed: Sequence[RemovedItem],
) -> Bundle:
    """Return a bundle with sorted lists. Raises BadRequest if `enabled` names other items than those, or `removed` one
    of them.
    """
    _check_enabled(items, enabled)
    if len({each.key for each in removed} - set(items)) < len(removed):
        raise BadRequest("`removed` names an item of the release, or an item twice.")
    sorted_items = sorted(items.values(), key=lambda each: (each.kind, each.path))
    ranked = sorted(enabled, key=lambda each: (each.kind, each.path))
    return Bundle(
        items=tuple(sorted_items),
        requirements=tuple(requirements),
        enabled=tuple(ranked),
        removed=tuple(sorted(removed, key=lambda each: each.key)),
    )


def check_size(count: int) -> None:
    """Check the number of items. Raises TooLarge."""
    if count > MAX_ITEMS:
        details = {"limit": MAX_ITEMS}
        raise TooLarge(f"A release has at most {MAX_ITEMS} items.", hint="Select fewer items.", details=details)


async def imports_in(platform: Platform, workspace: str, found: Dependencies) -> set[tuple[str, ...]]:
    """Return the imports of the code. Raises CodeTooComplex."""
    scripts = [Script(*each) for each in sorted(found.code, key=lambda each: (each.path or "", each.content))]
    imports = await platform.evaluator.scripts.imports(workspace, scripts)
    return {tuple(each.candidates) for references in imports for each in references}


def dependencies_in(items: Iterable[Item]) -> Dependencies:
    """Return the references of all items, without imports."""
    found = Dependencies()
    for each in items:
        _merge(found, dependencies_of(each))
    return found


def _check(chosen: Sequence[Key], removed: Sequence[RemovedItem]) -> None:
    check_size(len(removed))
    if not chosen and not removed:
        raise BadRequest("A release needs at least one item.", hint="Select scripts, workflows, schedules or triggers.")
    for kind, path in chosen:
        if kind not in KINDS:
            raise BadRequest(
                f"A release cannot contain the {kind} {path[:200]}.",
                hint="Variables, resources, folders and groups belong to each environment.",
            )


async def _check_removed(platform: Platform, actor: Actor, workspace: str, removed: Sequence[RemovedItem]) -> None:
    """Check that the items do not exist, and that the actor may read their paths. Raises Forbidden, BadRequest."""
    for each in removed:
        names.check_path(each.path)
        if not can(actor, "read", contents.target_of(workspace, each.key)):
            raise Forbidden(f"You may not read {each.path[:200]}.")
    present = await _read(platform, actor, workspace, {each.key for each in removed}) if removed else {}
    if present:
        kind, path = min(present)
        raise BadRequest(
            f"The {kind} {path[:200]} exists in {workspace}; a release removes only what does not.",
            hint="Delete it first.",
        )


def _check_enabled(items: Mapping[Key, BundleItem], enabled: Sequence[EnabledTrigger]) -> None:
    for each in enabled:
        if (each.kind, each.path) not in items:
            raise BadRequest(f"The {each.kind} {each.path[:200]} is not part of the release.")
    if len({(each.kind, each.path) for each in enabled}) < len(enabled):
        raise BadRequest("`enabled` names a trigger twice.")


def _wanted_keys(found: Dependencies) -> set[Key]:
    types: set[Key] = {("resource_type", each) for each in found.types if each not in shipped()}
    scripts: set[Key] = {("script", path) for paths in found.imports for path in paths}
    return found.items | scripts | types


async def _read(platform: Platform, actor: Actor, workspace: str, keys: Iterable[Key]) -> dict[Key, Present]:
    async with platform.db.acquire() as conn:
        reading = await contents.read(conn, actor, workspace, keys)
    return await contents.items_in(workspace, reading)


def _require_found(missing: set[Key]) -> None:
    if missing:
        kind, path = min(missing)
        rest = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise NotFound(
            f"The {kind} {path[:200]} does not exist{rest}.",
            hint="A release contains everything that its items run, and you must be able to read all of it.",
            details=[{"kind": kind, "path": path} for kind, path in sorted(missing)],
        )


def _bundle_items(present: Mapping[Key, Present]) -> tuple[dict[Key, BundleItem], Dependencies]:
    added: dict[Key, BundleItem] = {}
    found = Dependencies()
    for (kind, path), each in present.items():
        content = release_content(kind, each.content)
        added[kind, path] = BundleItem(kind=_release_kind(kind), path=path, content=content)
        _merge(found, dependencies_of(Item(kind, path, content)))
    return added, found


def _release_kind(kind: Kind) -> Any:
    assert kind in KINDS
    return kind


def _merge(found: Dependencies, more: Dependencies) -> None:
    found.items |= more.items
    found.code |= more.code
    found.imports |= more.imports
    found.variables |= more.variables
    found.resources |= more.resources
    found.types |= more.types


async def _requirements(platform: Platform, actor: Actor, workspace: str, found: Dependencies) -> list[Requirement]:
    """Return the variables and resources, with the types of those resources that the actor may read."""
    resources: set[Key] = {("resource", each) for each in found.resources}
    present = await _read(platform, actor, workspace, resources) if resources else {}
    types = {path: each.content.get("resource_type") for (_, path), each in present.items()}
    return requirements_of(found, types)


def requirements_of(found: Dependencies, types: Mapping[str, str | None]) -> list[Requirement]:
    """Return the variables and resources among references. `types`: resource types by path, as far as known."""
    return [
        *(Requirement(kind="resource", path=each, resource_type=types.get(each)) for each in sorted(found.resources)),
        *(Requirement(kind="variable", path=each) for each in sorted(found.variables)),
    ]
