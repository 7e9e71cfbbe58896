"""Schemas of references between items."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.errors import NotFound
from orvanta_platform.services.catalog import dependents as service


class ReferredItem(msgspec.Struct, kw_only=True):
    """An item to which another one refers."""

    kind: Literal["flow", "script", "resource"]
    path: str


class Reference(msgspec.Struct, kw_only=True):
    """An item that uses another one, once for each node of a workflow that is known to do so."""

    kind: Literal[
        "flow", "script", "schedule", "http_trigger", "error_handler", "resource", "variable", "folder", "policy"
    ]
    path: str
    """For an error handler the path of its script or workflow, for a policy its name."""

    distance: int
    """1: the item uses it directly; 2: it uses such an item; and so on."""

    runs: int
    """Number of runs in progress of a workflow or script that the caller may read."""

    node: str | UnsetType = UNSET
    """Node of the workflow."""

    pinned: str | UnsetType = UNSET
    """Hash of the version that the node or importing script is pinned to. Without it, the newest version is used."""

    enabled: bool | UnsetType = UNSET
    """False: the schedule, HTTP trigger or policy is disabled."""

    through: ReferredItem | UnsetType = UNSET
    """Item that it uses at a distance above 1, if the caller may read it."""


class References(msgspec.Struct, kw_only=True):
    """Everything that uses an item."""

    references: list[Reference]
    """By distance, kind and path."""

    hidden: int
    """Number of further items that the caller may not read."""

    runs: int
    """Number of runs in progress of the item itself, or with a job in the queue."""

    hidden_runs: int
    """Number of further runs in progress that the caller may not read."""

    truncated: bool
    """There are more references than are listed and counted."""


def kind_of(text: str) -> service.Kind:
    """Parse the kind of an item in a path. Raises NotFound."""
    for kind in service.KINDS:
        if text == kind:
            return kind
    raise NotFound(
        f"There are no references to items of the kind {text[:100]!r}.", hint=f"Use {', '.join(service.KINDS)}."
    )


def references(found: service.Dependents) -> References:
    """Convert the references to an item."""
    return References(
        references=[_reference(each) for each in found.references],
        hidden=found.hidden,
        runs=found.runs,
        hidden_runs=found.hidden_runs,
        truncated=found.truncated,
    )


def _reference(found: service.Dependent) -> Reference:
    kind: Any = found.kind
    through: Any = ReferredItem(kind=found.through[0], path=found.through[1]) if found.through else UNSET  # type: ignore[arg-type]
    return Reference(
        kind=kind,
        path=found.path,
        distance=found.distance,
        runs=found.runs,
        node=found.node or UNSET,
        pinned=found.pinned or UNSET,
        enabled=UNSET if found.enabled is None else found.enabled,
        through=through,
    )
