"""Items that a rollback restores: those that later releases removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from orvanta_platform.db import deployments as rows
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases.collect import dependencies_in, requirements_of
from orvanta_platform.services.releases.releases import Release, open_release
from orvanta_platform.workflow.releases.bundle import Bundle
from orvanta_platform.workflow.tree.item import Item, Key


async def with_restored(
    platform: Platform, environment: EnvironmentRow, release: Release
) -> tuple[Bundle, dict[str, int]]:
    """Return the bundle of a release with the items that a rollback to it restores, and the ids of the releases that
    these are taken from, by `<kind>/<path>`.

    These were in the environment when the release ran there, and later deployments removed them. They have the content
    of the release that deployed them last before.
    """
    own = set(release.bundle.item_keys())
    sources: dict[Key, int] = {}
    earlier: dict[int, Bundle] = {}
    async with platform.db.acquire() as conn:
        removed = cast(
            Mapping[Key, Sequence[int | None]],
            await rows.list_removed_since(conn, environment.name, release.row.digest),
        )
        wanted = {key: releases for key, releases in removed.items() if key not in own}
        for key, releases in wanted.items():
            source = await _source_of(conn, environment.workspace, key, releases, earlier, wanted.keys())
            if source is not None:
                sources[key] = source
    found = [(key, earlier[source]) for key, source in sources.items()]
    bundle = await document_threads.run_in_thread(environment.workspace, _with_items, release.bundle, found)
    return bundle, {"/".join(key): source for key, source in sources.items()}


async def _source_of(
    conn: Connection,
    workspace: str,
    key: Key,
    releases: Sequence[int | None],
    opened: dict[int, Bundle],
    wanted: Collection[Key],
) -> int | None:
    """Return the id of the release that the item is restored from; None if it did not exist when the release ran, or
    if its release was deleted.

    `releases`: ids, newest first. `opened`: bundles by id with only the `wanted` items, to which those that are read
    are added.
    """
    was_restored = False
    for release in releases:
        row = await rows.get_release(conn, release) if release is not None and release not in opened else None
        if row is not None:
            opened[row.id] = _only((await open_release(workspace, row)).bundle, wanted)
        if release not in opened:
            return None
        bundle = opened[release]
        if any(each.key == key for each in bundle.items):
            return release
        if any(each.key == key for each in bundle.removed):
            if not was_restored:
                return None
        else:  # a rollback of an earlier version of the platform, which did not record what it restored
            was_restored = True
    return None


def _only(bundle: Bundle, keys: Collection[Key]) -> Bundle:
    """Return a bundle without the contents of other items: together, those of all releases may be large."""
    return replace(bundle, items=tuple(each for each in bundle.items if each.key in keys))


def _with_items(bundle: Bundle, found: Sequence[tuple[Key, Bundle]]) -> Bundle:
    """Return a bundle with items that others contain. It reads the items, and is called in a thread."""
    for key, source in found:
        bundle = _with_item(bundle, source, key)
    return bundle


def _with_item(bundle: Bundle, source: Bundle, key: Key) -> Bundle:
    item = next(each for each in source.items if each.key == key)
    types = {each.path: each.resource_type for each in source.requirements if each.kind == "resource"}
    needs = requirements_of(dependencies_in([Item(item.kind, item.path, item.content)]), types)
    known = {(each.kind, each.path) for each in bundle.requirements}
    return replace(
        bundle,
        items=(*bundle.items, item),
        requirements=(*bundle.requirements, *(each for each in needs if (each.kind, each.path) not in known)),
        enabled=(*bundle.enabled, *(each for each in source.enabled if (each.kind, each.path) == key)),
    )
