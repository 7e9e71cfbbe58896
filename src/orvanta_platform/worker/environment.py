"""The environment of a user's script (wire rule 13): variables with the prefix OV_, each repeated with WM_."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256

from orvanta_platform import tracing
from orvanta_platform.control import job_tokens, names
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
    settings: Settings,
    keys: InstanceKeys,
    job: ClaimedJob,
    generation: int,
    iteration: int | None,
    flow_path: str | None = None,
    version: int | None = None,
) -> Mapping[str, str]:
    """Return the environment variables for the process of this attempt. Its token expires with the attempt.

    Every variable is set, with an empty text if it has no value: shell scripts may treat unset ones as errors.
    `iteration` is the iteration index of the innermost loop, or None outside of loops; `flow_path` the path of the
    workflow if it differs from that of the run; `version` that of the script.
    """
    run = job.run
    flow = str(run.id) if is_workflow(run.kind) else ""
    path = job.path or (f"{run.path}/{job.node}" if run.path and job.node else run.path or "")
    state_path = _state_path(job, path) if path else ""
    values = {
        "TOKEN": job_tokens.mint(keys, claim_of(job, generation)),
        "BASE_URL": settings.base_url,
        "WORKSPACE": run.workspace,
        "JOB_ID": str(job.id),
        "JOB_PATH": path,
        "FLOW_JOB_ID": flow,
        "ROOT_FLOW_JOB_ID": str(run.root) if flow else "",
        "FLOW_STEP_ID": job.node or "",
        "FLOW_PATH": flow_path or ((run.path or "") if flow else ""),
        "USERNAME": run.created_by,
        "EMAIL": run.email,
        "END_USER_EMAIL": "",
        "PERMISSIONED_AS": run.permissioned_as,
        "SCHEDULE_PATH": job.schedule_path or "",
        "OBJECT_PATH": "/".join([*([path.replace("/", "_")] if path else []), str(run.id), str(job.id)]),
        "RUNNABLE_ID": "" if version is None else str(version),
        "WORKER_GROUP": settings.worker_group,
        "STATE_PATH": state_path,
        "STATE_PATH_NEW": state_path,
        "SCHEDULED_FOR": run.scheduled_at.isoformat(),
        "FLOW_RETRY_COUNT": str(job.failures),
        "ITERATION_INDEX": "" if iteration is None else str(iteration),
    }
    twice = (*values.values(), *values.values())
    found = dict(zip(_prefixed(*values), twice, strict=True), BASE_INTERNAL_URL=settings.base_url)
    if settings.otlp_endpoint is not None:
        found[TRACEPARENT] = tracing.traceparent(run.root, job.id, job.attempt)
    return found


def _state_path(job: ClaimedJob, path: str) -> str:
    """Return the path of the state of the script at `path`, which is unique to what starts it.

    The clients read the first three segments, the path of earlier releases, while there is no state at this path.
    """
    run = job.run
    segments = [f"u/{run.created_by}/{path.replace('/', '_')}_state"]
    if is_workflow(run.kind) and job.path and run.path:
        segments += ["flow", run.path, job.node or ""]
    if job.schedule_path:
        segments += ["schedule", job.schedule_path]
    elif job.http_trigger_path:
        segments += ["http_trigger", job.http_trigger_path]
    else:
        segments.append("caller")
    found = "/".join(segments)
    if len(found) <= names.MAX_PATH_LENGTH:
        return found
    digest = sha256(found.encode()).hexdigest()[:32]
    # The clients look for the first three segments, too, which remain unless there is no room for the digest.
    first = segments[0][: names.MAX_PATH_LENGTH - len(digest) - 1]
    return f"{first}/{digest}"


@cache
def _prefixed(*names: str) -> tuple[str, ...]:
    """Return the names with the prefix OV_, followed by the same with WM_."""
    return tuple(f"{prefix}_{name}" for prefix in ("OV", "WM") for name in names)
