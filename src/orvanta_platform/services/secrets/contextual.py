"""Descriptions of the variables in the environment of every job."""

from __future__ import annotations

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.services.platform import Platform

_JOB = "017e0ad5-f499-73b6-5488-92a61c5196dd"
_RUN = "017e0ad5-f499-73b6-5488-92a61c5196de"


class Contextual(msgspec.Struct, frozen=True):
    """A variable of the environment with an example value."""

    name: str
    value: str
    description: str


async def list_all(platform: Platform, actor: Actor, workspace: str) -> list[Contextual]:
    """Return the variables of a job of this actor. Each also exists with the prefix WM_. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    state = f"u/{actor.username}/f_sales_invoice_a_state/schedule/f/sales/daily"
    found = {
        "TOKEN": ("jt_…", "Token of the job: valid while it runs, with the permissions of the run's identity."),
        "BASE_URL": (platform.settings.base_url, "Address of the server."),
        "WORKSPACE": (workspace, "Workspace of the job."),
        "JOB_ID": (_JOB, "Id of the job."),
        "JOB_PATH": ("f/sales/invoice/a", "Path of the script, or of the workflow and its node."),
        "FLOW_JOB_ID": (_RUN, "Id of the workflow's run that the job belongs to, otherwise empty."),
        "ROOT_FLOW_JOB_ID": (_RUN, "Id of the outermost run that the job belongs to, otherwise empty."),
        "FLOW_STEP_ID": ("a", "Id of the node that the job runs, otherwise empty."),
        "FLOW_PATH": ("f/sales/invoice", "Path of the workflow, otherwise empty."),
        "USERNAME": (actor.username, "Username of the member who started the run."),
        "EMAIL": (actor.email, "E-mail address of the member that the run acts for."),
        "END_USER_EMAIL": ("", "Always empty."),
        "PERMISSIONED_AS": (actor.permissioned_as, "Member or group as whom the job runs."),
        "SCHEDULE_PATH": ("f/sales/daily", "Path of the schedule that started the run, otherwise empty."),
        "OBJECT_PATH": (f"f_sales_invoice_a/{_RUN}/{_JOB}", "Path that is unique to the job, for stored objects."),
        "RUNNABLE_ID": ("812", "Version of the script, or of the workflow with its code; empty for previews."),
        "WORKER_GROUP": (platform.settings.worker_group, "Group of the worker."),
        "STATE_PATH": (state, "Path of the resource that stores the state of the script for its trigger."),
        "STATE_PATH_NEW": (state, "Same as STATE_PATH."),
        "SCHEDULED_FOR": ("2026-01-01T00:00:00+00:00", "Scheduled start time of the run."),
        "FLOW_RETRY_COUNT": ("0", "Number of earlier failed attempts of the node."),
        "ITERATION_INDEX": ("", "Index of the loop's iteration, otherwise empty."),
    }
    return [Contextual(f"OV_{name}", value, description) for name, (value, description) in found.items()]
