"""Schemas of the calls that restart, retry and rerun runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.errors import BadRequest
from orvanta_platform.services.runs.bulk import RerunResult, RerunSettings
from orvanta_platform.services.runs.nested_restart import NestedRestart, RestartPoint
from orvanta_platform.services.runs.restart import RestartRequest


class RestartStep(msgspec.Struct, kw_only=True):
    """A node inside the previous one."""

    step_id: str
    branch_or_iteration_n: int | None = None
    """Index from 0 of the iteration or branch of the node that is continued."""


class RetryBody(msgspec.Struct, kw_only=True):
    """The version with which a run is continued."""

    flow_version: int | None = None
    """Id of a version of the workflow. Defaults to that of the run."""


class RestartBody(RestartStep, kw_only=True):
    """The point from which a run is restarted: a node, one of its iterations or branches, or a node inside it."""

    flow_version: int | None = None
    """Id of a version of the workflow. Defaults to that of the run."""

    nested_path: list[RestartStep] = []
    """Path to a node inside the first one, from the outside in."""


class RestartPreviewBody(RestartBody, kw_only=True):
    """The point of a restart to preview."""

    value: Raw | UnsetType = UNSET
    """Document of a workflow that need not be deployed."""


class RestartedInside(RestartStep, kw_only=True):
    """A node inside the previous one, and so on."""

    nested: RestartedInside | None = None


class RestartedFrom(RestartedInside, kw_only=True):
    """The run and the node from which a workflow that need not be deployed is restarted."""

    flow_job_id: UUID
    nested_path: list[RestartStep] = []
    """Path to a node inside the first one, as an alternative to `nested`."""


class RestartPreview(msgspec.Struct, kw_only=True):
    """The effect of a restart, as ids of nodes in document order."""

    kept: list[str]
    """Nodes whose results are kept."""

    again: list[str]
    """Nodes that run again."""

    skipped: list[str]
    """Nodes that remain skipped."""

    inside: list[RestartInside] = []
    """Nodes of `again` that run again only in part."""


class RestartInside(msgspec.Struct, kw_only=True):
    """A node that is continued inside."""

    step_id: str
    bodies_kept: int
    """Number of iterations or branches that are kept."""

    branch_or_iteration_n: int | UnsetType = UNSET
    """Index of the iteration or branch that is continued. If it is absent, all that are not kept start again."""

    body: RestartPreview | UnsetType = UNSET
    """Effect of the restart on that iteration or branch. If it is absent, it starts again."""


class RerunOptions(msgspec.Struct, kw_only=True):
    """Options for rerunning the runs of a path."""

    input_transforms: dict[str, dict[str, Any]] = {}
    """New inputs by name. Their expressions read the old inputs as `flow_input`."""

    use_latest_version: bool = False


class BatchRerunBody(msgspec.Struct, kw_only=True):
    """Runs to rerun, at most 1000, with options by path."""

    job_ids: list[UUID]
    script_options_by_path: dict[str, RerunOptions] = {}
    flow_options_by_path: dict[str, RerunOptions] = {}


def options(by_path: dict[str, RerunOptions]) -> dict[str, RerunSettings]:
    """Convert rerun options."""
    return {path: RerunSettings(each.use_latest_version, each.input_transforms) for path, each in by_path.items()}


def line(made: RerunResult) -> str:
    """Return the result of one rerun as a line."""
    return f"{made.run}\n" if made.run is not None else f"Error: {made.id}: {made.error}\n"


def point(body: RestartBody | RestartedFrom) -> RestartRequest:
    """Convert the point of a restart. Raises BadRequest."""
    steps = [(each.step_id, each.branch_or_iteration_n) for each in (body, *body.nested_path)]
    inside = body.nested if isinstance(body, RestartedFrom) else None
    while inside is not None:
        steps.append((inside.step_id, inside.branch_or_iteration_n))
        inside = inside.nested
    if any(number is not None and number < 0 for _, number in steps):
        raise BadRequest("branch_or_iteration_n must not be negative.")
    return RestartRequest(steps, body.flow_version if isinstance(body, RestartBody) else None)


def preview(found: RestartPoint) -> RestartPreview:
    """Convert a preview."""
    ids = [node.id for node in found.plan.nodes]
    return RestartPreview(
        kept=[ids[index] for index in found.made.reused],
        again=[ids[index] for index in found.made.again],
        skipped=[ids[index] for index in found.made.skipped],
        inside=[_inside(ids[index], each) for index, each in found.inside.items()],
    )


def _inside(id: str, entered: NestedRestart) -> RestartInside:
    place = entered.reopening.place
    return RestartInside(
        step_id=id,
        bodies_kept=entered.reused,
        branch_or_iteration_n=UNSET if place is None else place,
        body=UNSET if entered.body is None else preview(entered.body),
    )
