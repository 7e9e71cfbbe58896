"""The environment of a user's script (wire rule 13): variables with the prefix OV_, each repeated with WM_."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from orvanta_platform import tracing
from orvanta_platform.control import job_tokens
from orvanta_platform.control.job_tokens import JobClaim
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.orchestrator.blueprints import is_workflow
from orvanta_platform.settings import Settings
from orvanta_platform.tracing import TRACEPARENT


def claim_of(job: ClaimedJob, generation: int) -> JobClaim:
    """Return the claim under which a worker of this generation runs the job."""
    run = job.run
    return JobClaim(job.id, job.attempt, generation, job.nonce, run.id, run.workspace, run.email, run.permissioned_as)


def environment(
    settings: Settings, keys: InstanceKeys, job: ClaimedJob, generation: int, iteration: int | None
) -> Mapping[str, str]:
    """Return the environment variables for the process of this attempt. Its token expires with the attempt.

    `iteration` is the iteration index of the innermost loop, or None outside of loops.
    """
    run = job.run
    flow = str(run.id) if is_workflow(run.kind) else ""
    path = job.path or (f"{run.path}/{job.node}" if run.path and job.node else run.path or "")
    state_path = f"u/{run.created_by}/{path.replace('/', '_')}_state" if path else ""
    names = {
        "TOKEN": job_tokens.mint(keys, claim_of(job, generation)),
        "BASE_URL": settings.base_url,
        "WORKSPACE": run.workspace,
        "JOB_ID": str(job.id),
        "JOB_PATH": path,
        "FLOW_JOB_ID": flow,
        "ROOT_FLOW_JOB_ID": str(run.root) if flow else "",
        "FLOW_STEP_ID": job.node or "",
        "FLOW_PATH": (run.path or "") if flow else "",
        "USERNAME": run.created_by,
        "EMAIL": run.email,
        "STATE_PATH": state_path,
        "STATE_PATH_NEW": state_path,
        "SCHEDULED_FOR": run.scheduled_at.isoformat(),
        "FLOW_RETRY_COUNT": str(job.failures),
        "ITERATION_INDEX": "" if iteration is None else str(iteration),
    }
    values = (*names.values(), *names.values())
    found = dict(zip(_prefixed(*names), values, strict=True), BASE_INTERNAL_URL=settings.base_url)
    if settings.otlp_endpoint is not None:
        found[TRACEPARENT] = tracing.traceparent(run.root, job.id, job.attempt)
    return found


@cache
def _prefixed(*names: str) -> tuple[str, ...]:
    """Return the names with the prefix OV_, followed by the same with WM_."""
    return tuple(f"{prefix}_{name}" for prefix in ("OV", "WM") for name in names)
