"""What the calls that repeat runs take and answer."""

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
    """A node inside the one before it; `branch_or_iteration_n`: the body of it, from 0, in whose midst it goes on."""

    step_id: str
    branch_or_iteration_n: int | None = None


class RestartBody(RestartStep, kw_only=True):
    """Where a run is to go on: at this node, in the midst of one of its bodies, or, by `nested_path`, deeper inside.

    `flow_version`: that of the run where it is not given.
    """

    flow_version: int | None = None
    nested_path: list[RestartStep] = []


class RestartPreviewBody(RestartBody, kw_only=True):
    """The same for a preview; `value`: of a workflow that need not be deployed, as `restarted_from` has it."""

    value: Raw | UnsetType = UNSET


class RestartedInside(RestartStep, kw_only=True):
    """The node inside the one before it, and so on."""

    nested: RestartedInside | None = None


class RestartedFrom(RestartedInside, kw_only=True):
    """The run and the node from which a workflow that need not be deployed goes on.

    `nested` or `nested_path` lead inside.
    """

    flow_job_id: UUID
    nested_path: list[RestartStep] = []


class RestartPreview(msgspec.Struct, kw_only=True):
    """Ids of nodes in document order: whose results are kept, what runs again, what stays skipped.

    `inside`: those of `again` that do not run whole.
    """

    kept: list[str]
    again: list[str]
    skipped: list[str]
    inside: list[RestartInside] = []


class RestartInside(msgspec.Struct, kw_only=True):
    """A node that goes on inside: so many of its bodies are kept, and this one goes on as `body` says.

    Without `body` that one begins anew; without a number all that are not kept do.
    """

    step_id: str
    bodies_kept: int
    branch_or_iteration_n: int | UnsetType = UNSET
    body: RestartPreview | UnsetType = UNSET


class RerunOptions(msgspec.Struct, kw_only=True):
    """How runs of a path are run again. `input_transforms`: new inputs by name; expressions read the old ones as
    `flow_input`.
    """

    input_transforms: dict[str, dict[str, Any]] = {}
    use_latest_version: bool = False


class BatchRerunBody(msgspec.Struct, kw_only=True):
    """Runs to run again, at most 1000, and how, by their paths."""

    job_ids: list[UUID]
    script_options_by_path: dict[str, RerunOptions] = {}
    flow_options_by_path: dict[str, RerunOptions] = {}


def options(by_path: dict[str, RerunOptions]) -> dict[str, RerunSettings]:
    """How runs are run again, as the services have it."""
    return {path: RerunSettings(each.use_latest_version, each.input_transforms) for path, each in by_path.items()}


def line(made: RerunResult) -> str:
    """What became of one run, as a line."""
    return f"{made.run}\n" if made.run is not None else f"Error: {made.id}: {made.error}\n"


def point(body: RestartBody | RestartedFrom) -> RestartRequest:
    """Where it goes on, as the services have it. Raises BadRequest."""
    steps = [(each.step_id, each.branch_or_iteration_n) for each in (body, *body.nested_path)]
    inside = body.nested if isinstance(body, RestartedFrom) else None
    while inside is not None:
        steps.append((inside.step_id, inside.branch_or_iteration_n))
        inside = inside.nested
    if any(number is not None and number < 0 for _, number in steps):
        raise BadRequest("branch_or_iteration_n counts from 0.")
    return RestartRequest(steps, body.flow_version if isinstance(body, RestartBody) else None)


def preview(found: RestartPoint) -> RestartPreview:
    """A preview as the wire has it."""
    ids = [node.id for node in found.plan.nodes]
    return RestartPreview(
        kept=[ids[index] for index in found.made.kept],
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
