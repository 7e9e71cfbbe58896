"""The variables that every job finds in its environment, described."""

from __future__ import annotations

from dataclasses import dataclass

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.services.platform import Platform

_JOB = "017e0ad5-f499-73b6-5488-92a61c5196dd"
_RUN = "017e0ad5-f499-73b6-5488-92a61c5196de"


@dataclass(frozen=True, slots=True)
class Contextual:
    """A variable of the environment with a value as it may look."""

    name: str
    value: str
    description: str


async def list_all(platform: Platform, actor: Actor, workspace: str) -> list[Contextual]:
    """What a job of this actor would find; the same names stand there with the prefix WM_. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    state = f"u/{actor.username}/f_sales_invoice_a_state"
    found = {
        "TOKEN": ("jt_…", "Token of the job: good while it runs, for what the run's identity may do."),
        "BASE_URL": (platform.settings.base_url, "Address of the server."),
        "WORKSPACE": (workspace, "Workspace of the job."),
        "JOB_ID": (_JOB, "Id of the job."),
        "JOB_PATH": ("f/sales/invoice/a", "Path of the script, or of the workflow and its node."),
        "FLOW_JOB_ID": (_RUN, "Id of the workflow's run that the job belongs to, else empty."),
        "ROOT_FLOW_JOB_ID": (_RUN, "Id of the outermost run that the job belongs to, else empty."),
        "FLOW_STEP_ID": ("a", "Id of the node that the job runs, else empty."),
        "FLOW_PATH": ("f/sales/invoice", "Path of the workflow, else empty."),
        "USERNAME": (actor.username, "Who started the run."),
        "EMAIL": (actor.email, "E-mail address of the one the run acts for."),
        "STATE_PATH": (state, "Path of the resource that keeps the job's state."),
        "STATE_PATH_NEW": (state, "The same."),
        "SCHEDULED_FOR": ("2026-01-01T00:00:00+00:00", "When the run was to start."),
        "FLOW_RETRY_COUNT": ("0", "How many attempts of the node failed before."),
        "ITERATION_INDEX": ("", "Index of the loop's iteration, else empty."),
    }
    return [Contextual(f"OV_{name}", value, description) for name, (value, description) in found.items()]
