"""Schemas of releases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orvanta_platform.db.releases import ReleaseRow
from orvanta_platform.services.releases.releases import Release as StoredRelease
from orvanta_platform.services.releases.releases import SignedRelease
from orvanta_platform.workflow.releases.bundle import (
    BundleItem,
    EnabledTrigger,
    ReleasedKind,
    RemovedItem,
    Requirement,
)


class ReleasedItem(msgspec.Struct, kw_only=True):
    """Name of an item of a release."""

    kind: ReleasedKind
    path: str


class NewRelease(msgspec.Struct, kw_only=True):
    """A release to create."""

    items: list[ReleasedItem]
    """Items to release. Everything that they reference is added."""

    notes: str = ""
    enabled: list[EnabledTrigger] = []
    """Environments in which new schedules and HTTP triggers are enabled. Those that exist keep their state."""

    removed: list[RemovedItem] = []
    """Items that no longer exist in the workspace. A deployment removes them where the rules permit removals."""


class ReleaseOrigin(msgspec.Struct, kw_only=True):
    """Release from whose file a release was imported."""

    name: str
    """Name of the instance in `trusted_release_keys` at the time of the import; `this instance` for one of its own."""

    public_key: str
    """Key that the file was verified with."""

    workspace: str
    number: int


class ReleaseSummary(msgspec.Struct, kw_only=True):
    """A release without its content."""

    workspace: str
    number: int
    """Number in its workspace; 1 is the first."""

    digest: str
    """SHA-256 of the content. Releases with equal content have the same digest."""

    notes: str
    paths: list[str]
    imported: ReleaseOrigin | None
    created_by: str
    created_at: datetime


class Release(ReleaseSummary, kw_only=True):
    """A release with its content."""

    items: list[BundleItem]
    requirements: list[Requirement]
    """Variables and resources that an environment must have."""

    enabled: list[EnabledTrigger]
    removed: list[RemovedItem]
    """Items that a deployment removes."""


class ImportRelease(msgspec.Struct, kw_only=True):
    """A release to import."""

    file: SignedRelease


class ReleaseKey(msgspec.Struct, kw_only=True):
    """Public key of the instance."""

    public_key: str
    """Ed25519 public key as Base64 text."""


def origin(imported: str | None) -> ReleaseOrigin | None:
    """Convert the origin of an imported release; null for a release of this instance."""
    return None if imported is None else msgspec.json.decode(imported, type=ReleaseOrigin)


def summary(row: ReleaseRow) -> ReleaseSummary:
    """Convert a release without its content."""
    return ReleaseSummary(**_of(row))


def release(found: StoredRelease) -> Release:
    """Convert a release with its content."""
    bundle = found.bundle
    return Release(
        **_of(found.row),
        items=list(bundle.items),
        requirements=list(bundle.requirements),
        enabled=list(bundle.enabled),
        removed=list(bundle.removed),
    )


def _of(row: ReleaseRow) -> dict[str, Any]:
    return {
        "workspace": row.workspace,
        "number": row.number,
        "digest": row.digest,
        "notes": row.notes,
        "paths": row.paths,
        "imported": origin(row.imported),
        "created_by": row.created_by,
        "created_at": row.created_at,
    }
