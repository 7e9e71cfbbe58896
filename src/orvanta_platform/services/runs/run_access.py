"""Permission to act on a run whose id a caller has sent."""

from __future__ import annotations

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db.runs import EndedRun, RunTarget
from orvanta_platform.errors import NotFound


def require(actor: Actor, action: str, workspace: str, run: RunTarget | EndedRun, missing: NotFound) -> None:
    """Check that the actor may do `action` with a run. Raises Forbidden, and `missing` if its path is hidden."""
    target = Target(workspace, "run", run.path, run.created_by)
    if permissions.is_hidden(actor, target):
        raise missing
    permissions.require(actor, action, target)
