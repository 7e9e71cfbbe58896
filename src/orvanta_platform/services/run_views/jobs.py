"""Runs and jobs: lookup with permissions, details and lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from orvanta_platform import clock, ids
from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import approvals as approval_rows
from orvanta_platform.db import dependency_locks, frames, gates, job_lists, job_views, runs, ticks, workspaces
from orvanta_platform.db import waits as wait_rows
from orvanta_platform.db.approvals import DecidableRun
from orvanta_platform.db.gates import LimitRow
from orvanta_platform.db.job_lists import JobFilter, Part, PathText, Slice, Visible
from orvanta_platform.db.job_views import JobRow, JobStatus, NodeJobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RepeatedRun
from orvanta_platform.db.values import ValueKey, get_values
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.result import streaming
from orvanta_platform.engine.state import Mark, RunState
from orvanta_platform.errors import CannotRestart, Conflict, NotFound, RateLimited, StorageError
from orvanta_platform.orchestrator import document_threads, values
from orvanta_platform.orchestrator.view import BEGINNING, PREPROCESSED
from orvanta_platform.services.access import item_names
from orvanta_platform.services.logs import lines as log_lines
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import erasing, flow_status, nested_bodies, virtual_jobs
from orvanta_platform.services.run_views.flow_status import FlowProgress
from orvanta_platform.services.run_views.reasons import ReasonKind, WaitReason, of_job, of_limit
from orvanta_platform.services.run_views.virtual_jobs import FRAME
from orvanta_platform.workflow import document

ALL_PARTS: tuple[Part, ...] = ("live_runs", "live_jobs", "past_jobs", "ended_runs", "ended_jobs")
LIVE_PARTS: tuple[Part, ...] = ("live_runs", "live_jobs")
ENDED_PARTS: tuple[Part, ...] = ("past_jobs", "ended_runs", "ended_jobs")

DRY_RUN: Final = "dry_run"
"""Trigger of dry runs."""

RERUN = "rerun"
"""Trigger of runs that repeat others."""

_MAY_REUSE = (RERUN, "flow")
"""Triggers of runs that may reuse results of earlier ones. Sub-workflows of restarts may, too."""

_FOR_A_WORKER = (ReasonKind.NO_SLOT, ReasonKind.NO_WORKER)
_INLINE_PARSE_LIMIT = 16 << 10
_RETRY_AFTER_S = 1
_SCHEDULE = "schedule"
_MAX_ATTACHED = 32
"""Maximum number of attached runs followed to the outermost one."""


LOG_SHOWN_CHARS = 1 << 20
"""Maximum number of log characters returned with a job. `logs.read` returns all."""


class JobDetail(msgspec.Struct, frozen=True):
    """A run or job with its data. `args`, `result` and `raw_flow` are JSON text."""

    row: JobRow
    args: bytes
    result: bytes | None
    """None while the job is live."""
    logs: str | None
    progress: FlowProgress | None
    """None if it has no nodes."""
    raw_code: str | None
    raw_flow: bytes | None
    why: WaitReason | None
    """Reason for waiting."""
    received_args: bytes | None = None
    """Arguments that the run was started with, if `args` are the output of the workflow's preprocessor; JSON text."""
    repeats: RepeatedRun | None = None
    """The run that it restarts or reruns."""


async def get_readable(platform: Platform, conn: Connection, actor: Actor, workspace: str, id: UUID) -> JobRow:
    """Return the run or job with this id, if the actor may read it. Raises NotFound.

    Nodes without a row (not started, skipped) are found by the plan of their run.
    """
    permissions.require_workspace(actor, workspace)
    row = await find(platform, conn, workspace, id)
    if row is None or not permissions.can(actor, "read", target_of(row)):
        raise NotFound(f"The job {id} does not exist.")
    return row


async def require_writable(platform: Platform, actor: Actor, workspace: str, id: UUID) -> None:
    """Check that the actor may write the state of a run or job. Raises NotFound, Forbidden."""
    async with platform.db.acquire() as conn:
        row = await get_readable(platform, conn, actor, workspace, id)
    permissions.require(actor, "write_state", target_of(row))


async def find(platform: Platform, conn: Connection, workspace: str, id: UUID) -> JobRow | None:
    """Return the run or job with this id, for callers that check permissions themselves."""
    return await job_views.find(conn, workspace, id) or await virtual_jobs.find(platform, conn, workspace, id)


def refuse_dry_run(row: JobRow) -> None:
    """Raise CannotRestart if the run is a dry run, whose results are partly samples."""
    if row.trigger == DRY_RUN:
        raise CannotRestart(f"The run {row.run} is a dry run.", hint="Start a new dry run, or run the workflow.")


def target_of(row: JobRow | JobStatus | DecidableRun) -> Target:
    """Return the permission target. That of a node's job is its run."""
    return Target(row.workspace, "run", row.run_path, created_by=row.created_by, extra_perms=row.extra_perms)


async def get(
    platform: Platform, actor: Actor, workspace: str, id: UUID, *, with_logs: bool = True, with_code: bool = True
) -> JobDetail:
    """Return the run or job with arguments, result, log and the state of its nodes. Raises NotFound."""
    async with platform.db.acquire() as conn:
        (row,) = await add_details(conn, [await get_readable(platform, conn, actor, workspace, id)])
        keys: list[ValueKey] = [(row.id, "args", ""), (row.id, "args", PREPROCESSED)][: 1 + row.is_flow]
        keys += [(row.result_of, "result", "")] if row.result_of else []
        stored = await get_values(conn, keys)
        progress = await progress_of(platform, conn, row) if row.is_flow or row.kind == FRAME else None
        code = await _code(platform, conn, row) if with_code else None
        why = await waiting_reason(conn, row)
        repeats = await repeated(conn, row)
    logs = await _shown_log(platform, row) if with_logs and not row.is_flow else None
    opened = await values.open_rows(platform.storage, stored)
    result = opened.get((row.result_of, "result", ""), b"null") if row.result_of else b"null"
    received = opened.get((row.id, "args", ""), b"{}")
    preprocessed = opened.get((row.id, "args", PREPROCESSED))
    return JobDetail(
        row=row,
        args=received if preprocessed is None else preprocessed,
        received_args=None if preprocessed is None else received,
        result=(result if result != b"null" or not row.cancelled else cancelled_error(row)) if row.ended else None,
        logs=logs,
        progress=progress,
        raw_code=None if row.is_flow else code,
        raw_flow=await flow_value(row.workspace, code) if row.is_flow and code is not None else None,
        why=why,
        repeats=repeats,
    )


async def repeated(conn: Connection, row: JobRow) -> RepeatedRun | None:
    """Return the run that this one repeats; None if it repeats none, or for a node's job."""
    return await runs.get_repeated_run(conn, row.id) if row.trigger == RERUN and not row.is_step else None


async def completed(platform: Platform, actor: Actor, workspace: str, id: UUID) -> JobRow:
    """Return the run or job if it has ended. Raises NotFound, also while it is live."""
    async with platform.db.acquire() as conn:
        row = await get_readable(platform, conn, actor, workspace, id)
    if not row.ended:
        raise NotFound(f"The job {id} has not ended.", hint="Wait for it with jobs_u/getupdate.")
    return row


async def progress_of(platform: Platform, conn: Connection, row: JobRow) -> FlowProgress:
    """Return the state of every node of a workflow's run, or of a body of a loop or branch."""
    plan = await virtual_jobs.plan_of(platform, conn, row)
    if row.kind == FRAME:
        return await _progress_inside(conn, row, plan)
    node_jobs = await job_views.list_top_node_jobs(conn, row.run)
    due = {} if row.ended else await wait_rows.get_node_timers(conn, row.run)
    asks = any(node.approval or node.suspend for node in plan.nodes)
    decisions = await approval_rows.list_decisions_of_run(conn, row.run) if asks else []
    state = RunState.decode(row.run_state or b"")
    held = await nested_bodies.bodies_inside(conn, row.run, plan, state, _failures(node_jobs)) if plan.nests else {}
    limits = await _limits(conn, row, state, None)
    return flow_status.build(row.run, plan, state, node_jobs, due, decisions, inside=held, limits=limits)


async def _limits(conn: Connection, row: JobRow, state: RunState, frame: UUID | None) -> dict[UUID, LimitRow]:
    if Mark.WAITING_GATE not in state.nodes:
        return {}
    return await gates.list_limits(conn, row.workspace, row.run, frame)


def _failures(node_jobs: Sequence[NodeJobRow]) -> dict[int, int]:
    return {each.node_index: each.failures for each in node_jobs if each.ended_at is not None}


async def _progress_inside(conn: Connection, row: JobRow, plan: Plan) -> FlowProgress:
    body, state, node_jobs, ended = await body_of(conn, row, plan)
    held = await nested_bodies.bodies_inside(conn, row.run, body, state, ended, row.id)
    limits = await _limits(conn, row, state, row.id)
    return flow_status.build(row.run, body, state, node_jobs, frame=row.id, inside=held, limits=limits)


async def body_of(conn: Connection, row: JobRow, plan: Plan) -> tuple[Plan, RunState, list[NodeJobRow], dict[int, int]]:
    """Return the plan of a loop or branch body, its state, its rows, and the number of failures of ended nodes.

    The state of an ended body is reconstructed from its rows: a node without a row was skipped, or never started.
    """
    seen = await frames.find_body(conn, row.id)
    if seen is None:
        raise NotFound(f"The job {row.id} does not exist.")
    holder = plan.node(seen.node_index)
    body = holder.bodies[0 if holder.kind.is_loop else seen.place].plan
    node_jobs = await job_views.list_node_jobs_inside(conn, row.run, row.id)
    numbers = {node.number: node.index for node in body.nodes}
    if seen.state is not None:
        state = RunState.decode(seen.state)
    else:
        state = _state_of(body, node_jobs, await _initial_state(conn, row))
    ended = {numbers[number]: count for number, count in _failures(node_jobs).items() if number in numbers}
    return body, state, node_jobs, ended


_MARKS = {"succeeded": Mark.SUCCEEDED, "failed": Mark.FAILED, "cancelled": Mark.CANCELLED}


def _state_of(plan: Plan, node_jobs: Sequence[NodeJobRow], first: RunState) -> RunState:
    """Reconstruct the state of an ended body. `first`: its initial state, if it reused results of another run."""
    ends = {each.node_index: _MARKS.get(each.state, Mark.SKIPPED) for each in node_jobs}
    reused = first.reused.nodes if first.reused is not None else {}
    marks = [first.nodes[node.index] if node.index in reused else Mark.SKIPPED for node in plan.nodes]
    return RunState(bytes(ends.get(node.number, marks[node.index]) for node in plan.nodes), reused=first.reused)


async def _initial_state(conn: Connection, row: JobRow) -> RunState:
    found = await get_values(conn, [(row.id, "args", BEGINNING)]) if row.trigger in _MAY_REUSE else []
    return RunState.decode(values.json_of_row(found[0])) if found else RunState(b"")


async def streaming_job(platform: Platform, conn: Connection, row: JobRow) -> UUID | None:
    """Return the job whose stream is that of a run or job: itself, or the node that produces a workflow's result."""
    if not row.is_flow:
        return row.id
    node = streaming(await virtual_jobs.plan_of(platform, conn, row))
    return None if node is None else ids.node_job_id(row.run, node.id)


async def list_jobs(
    platform: Platform, actor: Actor, workspace: str, parts: Sequence[Part], filter: JobFilter, slice: Slice
) -> list[JobRow]:
    """Return the runs and jobs that the actor may read, by id; `parts`: tables to query."""
    sees = visible(actor, workspace)
    async with platform.db.acquire() as conn:
        if filter.args_words is not None or filter.result_words is not None:
            await require_search(conn, workspace)
        rows = await job_lists.list_jobs(
            conn, workspace, sees, parts, await _resolved(conn, actor, workspace, filter), slice
        )
        return await add_details(conn, await _with_names(conn, actor, workspace, rows))


async def require_search(conn: Connection, workspace: str) -> None:
    """Raise Conflict if the words of inputs and results are not indexed in the workspace."""
    if not await workspaces.is_search_enabled(conn, workspace):
        raise Conflict(
            "The data of runs is not searchable in this workspace.",
            hint="An admin can enable it: POST /api/w/{workspace}/workspaces/edit_search_run_data.",
        )


async def _resolved(conn: Connection, actor: Actor, workspace: str, filter: JobFilter) -> JobFilter:
    return await with_named_paths(conn, actor, workspace, await _of_body(conn, filter))


async def with_named_paths(conn: Connection, actor: Actor, workspace: str, filter: JobFilter) -> JobFilter:
    """Let a text in paths also find the items whose names contain it. Names are resolved before runs are read."""
    text = filter.script_path_text
    if text is None:
        return filter
    named = await item_names.find_paths(conn, actor, workspace, text)
    return replace(filter, script_path_text=None, path_or_name=PathText(text, named)) if named else filter


async def _of_body(conn: Connection, filter: JobFilter) -> JobFilter:
    """Replace a filter by parent with one by body, if the parent is a body of a loop or branch."""
    body = await frames.find_body(conn, filter.parent_job) if filter.parent_job is not None else None
    if body is None or filter.parent_job is None:
        return filter
    return replace(filter, parent_job=None, body=filter.parent_job)


async def add_details(conn: Connection, rows: list[JobRow]) -> list[JobRow]:
    """Add rarely used details to the rows: the schedule that started a run, the limit it waits for, and its erasure."""
    rows = await _with_schedules(conn, rows)
    waiting = [row.id for row in rows if not (row.is_step or row.ended or row.job_state)]
    limits = await gates.list_limits_of_runs(conn, waiting) if waiting else {}
    rows = [replace(row, limit=limits[row.id]) if row.id in limits else row for row in rows] if limits else rows
    return await erasing.add_erasures(conn, rows)


async def _with_schedules(conn: Connection, rows: list[JobRow]) -> list[JobRow]:
    """Add the paths of the schedules that started the runs."""
    scheduled = {row.run for row in rows if row.trigger == _SCHEDULE}
    if not scheduled:
        return rows
    paths = await ticks.get_schedules_of_runs(conn, list(scheduled))
    return [replace(row, schedule_path=paths.get(row.run)) if row.run in paths else row for row in rows]


async def _with_names(conn: Connection, actor: Actor, workspace: str, rows: list[JobRow]) -> list[JobRow]:
    """Add the names of the workflows and scripts that ran."""
    keys = [None if row.is_step or row.path is None else (_item_kind(row), row.path) for row in rows]
    names = await item_names.get_names(conn, actor, workspace, filter(None, keys))
    return [replace(row, summary=names[key]) if key in names else row for row, key in zip(rows, keys, strict=True)]


def _item_kind(row: JobRow) -> str:
    return "flow" if row.is_flow else "script"


async def count_jobs(
    platform: Platform, actor: Actor, workspace: str, parts: Sequence[Part], filter: JobFilter | None = None
) -> int:
    """Return the number of rows that such a list would have."""
    sees = visible(actor, workspace)
    async with platform.db.acquire() as conn:
        resolved = await _resolved(conn, actor, workspace, filter or JobFilter())
        return await job_lists.count_jobs(conn, workspace, sees, parts, resolved)


async def require_room_for_runs(platform: Platform, actor: Actor, workspace: str, limit: int | None = None) -> None:
    """Raise RateLimited if more runs of the workspace wait to start than the call or the instance allows.

    `limit`: limit of the call; None: it has none.
    """
    permissions.require_workspace(actor, workspace)
    limits = {"the call": limit, "the instance": platform.settings.waiting_run_limit or None}
    by, least = min(limits.items(), key=lambda each: math.inf if each[1] is None else each[1])
    if least is None:
        return
    async with platform.db.acquire() as conn:
        waiting = await job_lists.count_waiting_runs(conn, workspace, least + 1)
    if waiting > least:
        raise RateLimited(
            f"More than {least} runs are waiting, which is the limit of {by}.",
            hint="Try again later.",
            details={"limit": least, "retry_after_s": _RETRY_AFTER_S},
        )


async def root(platform: Platform, actor: Actor, workspace: str, id: UUID) -> UUID:
    """Return the id of the outermost run that this one belongs to; its own if there is none above.

    A run that a job started as its child belongs to the run of that job, as far as the actor may read it.
    """
    async with platform.db.acquire() as conn:
        row = await get_readable(platform, conn, actor, workspace, id)
        for _ in range(_MAX_ATTACHED):
            top = row if row.id == row.root else await find(platform, conn, workspace, row.root)
            above = await find(platform, conn, workspace, top.parent) if top and top.parent else None
            if above is None or not permissions.can(actor, "read", target_of(above)):
                break
            row = above
    return row.root


def reason_of(row: JobRow) -> WaitReason | None:
    """Return the reason for waiting that the row shows; None if it does not wait, or if its nodes have reasons."""
    if row.limit is not None:
        return of_limit(row.limit)
    if row.state == "queued" and row.scheduled_at > clock.now():
        return WaitReason(ReasonKind.TIME, until=row.scheduled_at)
    if row.state == "awaiting_approval":
        return WaitReason(ReasonKind.APPROVAL)
    if row.state == "paused":
        return WaitReason(ReasonKind.PAUSED)
    return of_job(row.job_state, row.queue, row.served, row.retry_at)


async def waiting_reason(conn: Connection, row: JobRow) -> WaitReason | None:
    """Return the reason for waiting, with the position in the queue, or the run that is still locking its packages."""
    why = reason_of(row)
    if row.kind == "script" and (why is None or why.why in _FOR_A_WORKER) and (run := await _locked_by(conn, row)):
        return WaitReason(ReasonKind.LOCKING, run=run)
    if why is not None and why.why in _FOR_A_WORKER:
        return replace(why, before=await job_views.count_jobs_before(conn, row.id))
    if (why is not None and why.limit is not None) or (why is None and row.is_step and not row.ended):
        limit = await gates.get_limit(conn, row.workspace, row.id)
        return of_limit(limit) if limit is not None else why
    if why is None and row.state == "queued" and not row.is_step:
        return WaitReason(ReasonKind.HELD if await runs.is_held(conn, row.run) else ReasonKind.STEP)
    if why is None and row.job_state == "running" and (since := await job_views.get_upload_pending_since(conn, row.id)):
        return WaitReason(ReasonKind.STORAGE, since=since)
    return why


async def _locked_by(conn: Connection, row: JobRow) -> UUID | None:
    """Return the run that creates the lock of its packages; None if it waits for none."""
    return None if row.ended or row.version is None else await dependency_locks.find_locking_run(conn, row.version)


def cancelled_error(row: JobRow | JobStatus) -> bytes:
    """Return the result of a job that was cancelled before it had one."""
    by = f" by {row.cancel_by}" if row.cancel_by else ""
    reason = f": {row.cancel_reason}" if row.cancel_reason else ""
    return msgspec.json.encode({"error": {"name": "Canceled", "message": f"Cancelled{by}{reason}"}})


def visible(actor: Actor, workspace: str) -> Visible:
    """Return the filter for the runs of a workspace that the actor may see. Raises NotFound, Forbidden."""
    permissions.require_workspace(actor, workspace)
    return Visible(**asdict(permissions.readable(actor, "run")))


async def _shown_log(platform: Platform, row: JobRow) -> str:
    try:
        text = await log_text.read(platform.db, platform.storage, row.id, 0, limit=LOG_SHOWN_CHARS)
    except StorageError as error:
        return log_text.unreadable(error)
    if row.erasure is not None and row.erasure.erased_at is not None:
        return log_lines.line(f"erased at {row.erasure.erased_at:%Y-%m-%d %H:%M:%S %Z}") + "\n"
    if len(text) < row.log_chars:
        text += "\n" + log_lines.line(f"{row.log_chars - len(text)} more characters: jobs_u/get_logs/{row.id}")
    return text


async def _code(platform: Platform, conn: Connection, row: JobRow) -> str | None:
    """Return the code that a job runs, unless it is a script with a version of its own."""
    if row.document is None or row.kind in ("script", "identity", "flownode", FRAME):
        return None
    if row.is_step:
        plan = await virtual_jobs.plan_of(platform, conn, row)
        return str(plan.node(row.node_index or 0).value.get("content", ""))
    return await platform.blueprints.text(conn, row.document)


async def flow_value(workspace: str, text: str) -> bytes:
    """Return the value of a workflow's document; that of a JSON document is its original bytes.

    A large document is parsed outside the event loop.
    """
    if len(text) <= _INLINE_PARSE_LIMIT:
        return _flow_value(text)
    return await document_threads.run_in_thread(workspace, _flow_value, text)


def _flow_value(text: str) -> bytes:
    if text.lstrip()[:1] == "{":
        return bytes(msgspec.json.decode(text, type=dict[str, msgspec.Raw])["value"])
    return msgspec.json.encode(document.parse(text.encode(), "yaml").tree["value"])
