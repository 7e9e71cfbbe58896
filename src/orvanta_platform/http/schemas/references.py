"""Schemas of references between items."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.errors import NotFound
from orvanta_platform.services.catalog import dependents as service
from orvanta_platform.services.releases.later_dependents import LaterDependents


class ReferredItem(msgspec.Struct, kw_only=True):
    """An item to which another one refers."""

    kind: Literal["flow", "script", "resource"]
    path: str


class Reference(msgspec.Struct, kw_only=True):
    """An item that uses another one, once for each node of a workflow that is known to do so."""

    kind: Literal[
        "flow",
        "script",
        "schedule",
        "http_trigger",
        "error_handler",
        "resource",
        "variable",
        "folder",
        "policy",
        "environment",
    ]
    path: str
    """For an error handler the path of its script or workflow, for a policy or environment its name."""

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


class WorkspaceReferences(msgspec.Struct, kw_only=True):
    """Everything that uses an item in a workspace."""

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


class EnvironmentReferences(msgspec.Struct, kw_only=True):
    """Everything that uses the item of the same kind and path in a later environment."""

    environment: str
    workspace: str
    color: str
    uses: WorkspaceReferences | None
    """Null: the item does not exist there, or the caller may not read it."""


class References(WorkspaceReferences, kw_only=True):
    """Everything that uses an item."""

    environments: list[EnvironmentReferences] | UnsetType = UNSET
    """With `environments`, the environments after that of the workspace in the pipeline that the caller may read, in
    order.
    """

    hidden_environments: int | UnsetType = UNSET
    """Number of further environments after that of the workspace."""


def kind_of(text: str) -> service.Kind:
    """Parse the kind of an item in a path. Raises NotFound."""
    for kind in service.KINDS:
        if text == kind:
            return kind
    raise NotFound(
        f"There are no references to items of the kind {text[:100]!r}.", hint=f"Use {', '.join(service.KINDS)}."
    )


def references(found: service.Dependents, later: LaterDependents | None) -> References:
    """Convert the references to an item. `later`: those in later environments, None if they were not requested."""
    if later is None:
        return References(**_fields(found))
    environments = [
        EnvironmentReferences(
            environment=each.environment.name,
            workspace=each.environment.workspace,
            color=each.environment.color,
            uses=None if each.found is None else WorkspaceReferences(**_fields(each.found)),
        )
        for each in later.environments
    ]
    return References(**_fields(found), environments=environments, hidden_environments=later.hidden)


def _fields(found: service.Dependents) -> dict[str, Any]:
    return {
        "references": [_reference(each) for each in found.references],
        "hidden": found.hidden,
        "runs": found.runs,
        "hidden_runs": found.hidden_runs,
        "truncated": found.truncated,
    }


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
