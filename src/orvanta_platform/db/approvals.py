"""Rows of approvals: what runs ask of people, and what these said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from orvanta_platform.db import notices
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.notices import NewNotice
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewApproval:
    """A node that begins to ask; `kind` approval or suspend; `groups`, `form`: JSON text. `notices`: what is sent."""

    job: UUID
    node: str
    kind: str
    message: str = ""
    groups: str | None = None
    notices: tuple[NewNotice, ...] = ()
    form: str | None = None


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """A node that asks, until `due_at` where it has a deadline."""

    job: UUID
    node: str
    kind: str
    message: str
    groups: str | None
    opened_at: datetime
    due_at: datetime | None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision. `payload` is JSON text.

    `approver`: the username of a signed-in member; otherwise `link:` and the name in the link, or `job:` and the
    username that a job acts as. `account`: the e-mail address of a signed-in member, otherwise None.
    """

    job: UUID
    resume_id: int
    approved: bool
    approver: str
    account: str | None
    reason: str | None
    payload: str
    at: datetime
    taken: bool


async def open_waits(connection: Connection, run: UUID, workspace: str, opened: Sequence[NewApproval]) -> None:
    """These nodes ask from now on."""
    columns: list[list[Any]] = [
        [each.job for each in opened],
        [each.node for each in opened],
        [each.kind for each in opened],
        [each.message for each in opened],
        [each.groups for each in opened],
        [each.form for each in opened],
    ]
    await connection.execute(load("approvals")["open"].text, run, workspace, *columns)
    told = [notice for each in opened for notice in each.notices]
    if told:
        await notices.add(connection, run, workspace, told)


async def close_waits(
    connection: Connection, run: UUID, jobs: Sequence[UUID], counted: tuple[UUID, int] | None = None
) -> None:
    """These nodes ask nobody any more, and the decision (job, resume id) counts."""
    await connection.execute(load("approvals")["close"].text, run, list(jobs), *(counted or (None, None)))


async def close_all(connection: Connection, run: UUID) -> None:
    """The run asks nobody any more."""
    await connection.execute(load("approvals")["close_all"].text, run)


async def open_of_run(connection: Connection, run: UUID) -> list[OpenApproval]:
    """What the run asks now, the longest asked first."""
    rows = await connection.fetch(load("approvals")["open_of_run"].text, run)
    return [OpenApproval(**dict(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class OpenOfRun:
    """Something that a run asks, with the extra permissions on what the run runs."""

    asks: OpenApproval
    run: UUID
    extra_perms: dict[str, bool]


async def open_of_workspace(connection: Connection, workspace: str, limit: int) -> list[OpenOfRun]:
    """What the runs of a workspace ask now, the longest asked first."""
    found = []
    for row in await connection.fetch(load("approvals")["open_of_workspace"].text, workspace, limit):
        values = dict(row)
        run, extra_perms = values.pop("run"), msgspec.json.decode(values.pop("extra_perms"))
        found.append(OpenOfRun(OpenApproval(**values), run, extra_perms))
    return found


async def decisions_of_runs(connection: Connection, runs: Sequence[UUID]) -> list[DecisionRow]:
    """Everything that was said in these runs, in order."""
    rows = await connection.fetch(load("approvals")["decisions_of_runs"].text, list(runs))
    return [DecisionRow(**dict(row)) for row in rows]


async def any_signed(
    connection: Connection, runs: Sequence[UUID], numbers: Sequence[int], paths: Sequence[str]
) -> bool:
    """Tests that a signed-in person approved at a node of these numbers, or in a called sub-workflow at these paths."""
    query = load("approvals")["any_signed"].text
    return bool(await connection.fetchval(query, list(runs), list(numbers), list(paths)))


async def run_that_asks(connection: Connection, workspace: str, job: UUID) -> UUID | None:
    """The run whose node with this id asks now."""
    run: UUID | None = await connection.fetchval(load("approvals")["run_that_asks"].text, workspace, job)
    return run


async def settle(connection: Connection, run: UUID) -> str | None:
    """Whether a run with lists inside nodes, which is locked, awaits approval: its status where that has changed."""
    status: str | None = await connection.fetchval(load("approvals")["settle"].text, run)
    return status


async def sub_workflows_that_ask(connection: Connection, run: UUID) -> list[UUID]:
    """The runs of sub-workflows below this run that ask something now."""
    return [row["run"] for row in await connection.fetch(load("approvals")["sub_workflows_that_ask"].text, run)]


async def decide(
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
) -> bool:
    """Store a decision, and leave `event` for its run.

    Returns False if the resume id was used before, or if the account has made the same decision before.
    """
    values = (job, resume_id, run, approved, approver, account, reason, payload, event, *astuple(audit))
    return await connection.fetchval(load("approvals")["decide"].text, *values) is not None


async def decision(connection: Connection, job: UUID, resume_id: int) -> DecisionRow | None:
    """What was said with a resume id."""
    row = await connection.fetchrow(load("approvals")["decision"].text, job, resume_id)
    return DecisionRow(**dict(row)) if row else None


async def untaken(connection: Connection, run: UUID) -> list[DecisionRow]:
    """What was said in a run and is not counted, in order."""
    rows = await connection.fetch(load("approvals")["untaken"].text, run)
    return [DecisionRow(**dict(row)) for row in rows]


async def take(connection: Connection, job: UUID, resume_id: int) -> None:
    """It is counted."""
    await connection.execute(load("approvals")["take"].text, job, resume_id)


async def decisions_of_run(connection: Connection, run: UUID) -> list[DecisionRow]:
    """Everything that was said in a run, in order."""
    rows = await connection.fetch(load("approvals")["decisions_of_run"].text, run)
    return [DecisionRow(**dict(row)) for row in rows]


async def forget(connection: Connection) -> None:
    """Drop decisions of runs that are no longer in history."""
    await connection.execute(load("approvals")["forget"].text)
