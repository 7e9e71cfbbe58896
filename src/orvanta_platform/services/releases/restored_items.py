"""Items that a rollback restores: those that later releases removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from orvanta_platform.db import deployments as rows
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
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
    bundle = release.bundle
    own = set(bundle.item_keys())
    sources: dict[str, int] = {}
    async with platform.db.acquire() as conn:
        removed = await rows.list_removed_since(conn, environment.name, release.row.digest)
        found = cast(Mapping[Key, Sequence[int | None]], removed)
        earlier: dict[int, Bundle] = {}
        for key, numbers in found.items():
            if key in own:
                continue
            source = await _source_of(conn, environment.workspace, key, numbers, earlier)
            if source is not None:
                bundle = _with_item(bundle, earlier[source], key)
                sources["/".join(key)] = source
    return bundle, sources


async def _source_of(
    conn: Connection, workspace: str, key: Key, releases: Sequence[int | None], opened: dict[int, Bundle]
) -> int | None:
    """Return the id of the release that the item is restored from; None if it did not exist when the release ran, or
    if its release was deleted.

    `releases`: ids, newest first. `opened`: bundles by id, to which those that are read are added.
    """
    was_restored = False
    for release in releases:
        row = await rows.get_release(conn, release) if release is not None and release not in opened else None
        if row is not None:
            opened[row.id] = (await open_release(workspace, row)).bundle
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
