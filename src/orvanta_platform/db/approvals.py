"""Rows of approvals: open requests of runs, and the decisions on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec.structs import astuple

from orvanta_platform.db import notices
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.notices import NewNotice
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.runs import RunRow

_SQL = query_texts("approvals")

DECISION_REFUSED: tuple[type[Exception], ...] = (asyncpg.PostgresError,)
"""Errors of a step that stores a decision which the database refuses, such as a second one of the same account."""


class NewApproval(msgspec.Struct, frozen=True):
    """A node that starts to wait for a decision."""

    job: UUID
    node: str
    kind: str
    """`approval` or `suspend`."""
    message: str = ""
    groups: str | None = None
    """JSON text."""
    notices: tuple[NewNotice, ...] = ()
    """Notifications to send."""
    form: str | None = None
    """JSON text."""
    inputs: str | None = None
    """JSON object text."""
    approvers: tuple[str, ...] = ()
    """Named approvers (u/…, g/…, role/…)."""


class OpenApproval(msgspec.Struct, frozen=True):
    """A node that waits for a decision."""

    job: UUID
    node: str
    kind: str
    message: str
    groups: str | None
    opened_at: datetime
    due_at: datetime | None
    """Deadline, if there is one."""
    form: str | None = None
    inputs: str | None = None
    """JSON object text of the node's inputs, without those that are too large; None if it has none."""


class DecisionRow(msgspec.Struct, frozen=True):
    """A decision on an approval."""

    job: UUID
    resume_id: int
    approved: bool
    approver: str
    """Username of a signed-in member; otherwise `link:` and the name in the link, or `job:` and a job's username."""
    account: str | None
    """Email address of a signed-in member, otherwise None."""
    reason: str | None
    payload: str
    """JSON text."""
    at: datetime
    taken: bool
    """True if the run has counted it."""


async def insert_open(connection: Connection, run: UUID, workspace: str, opened: Sequence[NewApproval]) -> None:
    """Insert the approvals of nodes that start to wait, with their notifications."""
    columns: list[list[Any]] = [
        [each.job for each in opened],
        [each.node for each in opened],
        [each.kind for each in opened],
        [each.message for each in opened],
        [each.groups for each in opened],
        [each.form for each in opened],
        [each.inputs for each in opened],
        ["\n".join(each.approvers) for each in opened],
    ]
    await connection.execute(_SQL["insert_open"], run, workspace, *columns)
    notifications = [notice for each in opened for notice in each.notices]
    if notifications:
        await notices.insert(connection, run, workspace, notifications)


async def delete_open(
    connection: Connection, run: UUID, jobs: Sequence[UUID], counted: tuple[UUID, int] | None = None
) -> None:
    """Delete the approvals of these nodes, and mark the decision (job, resume id) as counted."""
    await connection.execute(_SQL["delete_open"], run, list(jobs), *(counted or (None, None)))


async def delete_open_of_run(connection: Connection, run: UUID) -> None:
    """Delete all approvals of a run."""
    await connection.execute(_SQL["delete_open_of_run"], run)


async def list_open_of_run(connection: Connection, run: UUID) -> list[OpenApproval]:
    """Return the open approvals of a run, the oldest first."""
    rows = await connection.fetch(_SQL["list_open_of_run"], run)
    return [OpenApproval(**dict(row)) for row in rows]


class DecidableRun(msgspec.Struct, frozen=True):
    """A run without a caller that waits for the first decision about its only open approval, and for nothing else."""

    live: RunRow
    opened: OpenApproval
    """Without its deadline."""
    extra_perms: dict[str, bool]
    """Extra permissions of its workflow."""
    at: datetime
    """Time of the database at which it was read."""

    @property
    def run(self) -> UUID:
        """Id of the run."""
        return self.live.id

    @property
    def workspace(self) -> str:
        """Workspace of the run."""
        return self.live.workspace

    @property
    def run_path(self) -> str | None:
        """Path of the workflow."""
        return self.live.path

    @property
    def created_by(self) -> str:
        """Username of the member who started the run."""
        return self.live.created_by


async def find_decidable_runs(connection: Connection, runs: Sequence[tuple[str, UUID]]) -> list[DecidableRun | None]:
    """Return each of these runs, by workspace and id, if it is decidable; otherwise None in its place."""
    workspaces, ids = zip(*runs, strict=True)
    found: list[DecidableRun | None] = [None] * len(runs)
    for row in await connection.fetch(_SQL["find_decidable_runs"], list(ids), list(workspaces)):
        of_approval = {name: row[name] for name in _OF_APPROVAL}
        opened = OpenApproval(kind=row["approval_kind"], due_at=None, **of_approval)
        extra_perms = msgspec.json.decode(row["extra_perms"], type=dict[str, bool])
        found[row["n"] - 1] = DecidableRun(run_rows.run_of(row), opened, extra_perms, row["at"])
    return found


_OF_APPROVAL = tuple(name for name in OpenApproval.__struct_fields__ if name not in ("kind", "due_at"))


class RunApproval(msgspec.Struct, frozen=True):
    """An open approval of a run, with the extra permissions of the run's script or workflow."""

    asks: OpenApproval
    run: UUID
    extra_perms: dict[str, bool]


class ApprovalViewer(msgspec.Struct, frozen=True):
    """Conditions under which a caller sees open approvals."""

    everything: bool
    patterns: list[str]
    """LIKE patterns of the paths of readable runs."""
    username: str
    principals: list[str]
    names: list[str]
    """Principals and role, any of which may be an approver."""


async def list_open_of_workspace(
    connection: Connection, workspace: str, viewer: ApprovalViewer, limit: int, after: OpenApproval | None = None
) -> list[RunApproval]:
    """Return the open approvals of a workspace that the viewer may see, the oldest first, those after `after`."""
    found = []
    place = (None, None) if after is None else (after.opened_at, after.job)
    sight = (viewer.everything, viewer.patterns, viewer.username, viewer.principals, viewer.names)
    for row in await connection.fetch(_SQL["list_open_of_workspace"], workspace, limit, *place, *sight):
        values = dict(row)
        run, extra_perms = values.pop("run"), msgspec.json.decode(values.pop("extra_perms"))
        found.append(RunApproval(OpenApproval(**values), run, extra_perms))
    return found


async def list_decisions_of_runs(connection: Connection, runs: Sequence[UUID]) -> list[DecisionRow]:
    """Return all decisions of these runs, in order."""
    rows = await connection.fetch(_SQL["list_decisions_of_runs"], list(runs))
    return [DecisionRow(**dict(row)) for row in rows]


async def has_signed_approval(
    connection: Connection, runs: Sequence[UUID], numbers: Sequence[int], paths: Sequence[str]
) -> bool:
    """Return whether a signed-in person approved at a node of these numbers, or in a sub-workflow called at `paths`."""
    query = _SQL["has_signed_approval"]
    return bool(await connection.fetchval(query, list(runs), list(numbers), list(paths)))


async def find_waiting_run(connection: Connection, workspace: str, job: UUID) -> UUID | None:
    """Return the run whose node with this id waits for a decision."""
    run: UUID | None = await connection.fetchval(_SQL["find_waiting_run"], workspace, job)
    return run


async def update_waiting_status(connection: Connection, run: UUID) -> str | None:
    """Update whether a locked run with frames awaits approval; return its status if that has changed."""
    status: str | None = await connection.fetchval(_SQL["update_waiting_status"], run)
    return status


async def list_waiting_sub_workflows(connection: Connection, run: UUID) -> list[UUID]:
    """Return the runs of sub-workflows below this run that have open approvals."""
    return [row["run"] for row in await connection.fetch(_SQL["list_waiting_sub_workflows"], run)]


async def insert_decision(
    connection: Connection,
    job: UUID,
    resume_id: int,
    run: UUID,
    *,
    approved: bool,
    approver: str,
    account: str | None,
    reason: str | None,
    payload: str,
    event: str,
    audit: NewAudit,
    traceparent: str | None = None,
) -> bool:
    """Store a decision, and insert `event` into the inbox of its run.

    Returns False if the resume id is already used, or if the account has already made the same decision.
    """
    values = (job, resume_id, run, approved, approver, account, reason, payload, event, *astuple(audit), traceparent)
    return await connection.fetchval(_SQL["insert_decision"], *values) is not None


async def get_decision(connection: Connection, job: UUID, resume_id: int) -> DecisionRow | None:
    """Return the decision made with a resume id."""
    row = await connection.fetchrow(_SQL["get_decision"], job, resume_id)
    return DecisionRow(**dict(row)) if row else None


async def list_uncounted(connection: Connection, run: UUID) -> list[DecisionRow]:
    """Return the decisions that a run has not counted, in order."""
    rows = await connection.fetch(_SQL["list_uncounted"], run)
    return [DecisionRow(**dict(row)) for row in rows]


async def mark_counted(connection: Connection, job: UUID, resume_id: int) -> None:
    """Mark a decision as counted."""
    await connection.execute(_SQL["mark_counted"], job, resume_id)


async def list_decisions_of_run(connection: Connection, run: UUID) -> list[DecisionRow]:
    """Return all decisions of a run, in order."""
    rows = await connection.fetch(_SQL["list_decisions_of_run"], run)
    return [DecisionRow(**dict(row)) for row in rows]


async def delete_orphans(connection: Connection) -> None:
    """Delete decisions of runs that are no longer in history."""
    await connection.execute(_SQL["delete_orphans"])
