"""What the calls that repeat runs take and answer."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.services.restarting import Point, Preview


class RestartBody(msgspec.Struct, kw_only=True):
    """Where a run is to go on. `flow_version`: that of the run where it is not given."""

    step_id: str
    flow_version: int | None = None


class RestartedFrom(msgspec.Struct, kw_only=True):
    """The run and the node from which a workflow that need not be deployed goes on."""

    flow_job_id: UUID
    step_id: str


class RestartPreview(msgspec.Struct, kw_only=True):
    """Ids of nodes in document order: whose results are kept, what runs again, what stays skipped."""

    kept: list[str]
    again: list[str]
    skipped: list[str]


def point(body: RestartBody | RestartedFrom) -> Point:
    """Where it goes on, as the services have it."""
    return Point(body.step_id, body.flow_version if isinstance(body, RestartBody) else None)


def preview(found: Preview) -> RestartPreview:
    """A preview as the wire has it."""
    return RestartPreview(kept=list(found.kept), again=list(found.again), skipped=list(found.skipped))
