"""Rows of the checks that are performed after a deployment, and of the rollbacks that follow if they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from orvanta_platform import ids
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("deployment_checks")


class CheckResult(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Outcome of the tests of a workflow, or of the smoke run."""

    kind: Literal["workflow_tests", "smoke_run"]
    path: str
    passed: bool
    tests: int = 0
    """Number of tests that were played."""
    failed: list[str] = []
    """Names of tests that failed, at most 20."""
    message: str | None = None
    """Reason why the check failed; null: it passed."""
    code: str = ""
    """Code of the reason; empty if it has none."""
    values: dict[str, str | int] = {}
    """Values of the reason."""


class DueCheck(msgspec.Struct, frozen=True):
    """Checks of a deployment, or a rollback after them, that this server has claimed."""

    deployment: int
    checks: str
    """JSON text."""
    on_failed: str
    permissioned_as: str
    email: str
    scopes: list[str] | None
    """Scopes of the token that applied the release; None: it had no limits."""
    state: str
    results: list[CheckResult]
    """The results so far."""
    run: UUID | None
    is_run_late: bool | None
    """The smoke run has exceeded its time limit; None: it was not started."""
    rollback: str | None
    rollback_request: int | None
    is_late: bool
    """The checks, or the rollback, have been due for longer than attempts are repeated; a smoke run is due at its time
    limit."""
    environment: str
    workspace: str
    request: int | None
    release: int | None
    source: str
    """Workspace of the release."""
    number: int


class Interventions(msgspec.Struct, frozen=True):
    """Actions of people in an ended run, or in a run that it called."""

    changed: bool
    """Somebody cancelled a part of it, paused, continued or moved it."""
    decided: bool
    """Somebody answered an approval."""


class CheckRow(msgspec.Struct, frozen=True):
    """The checks of a deployment."""

    deployment: int
    checks: str
    """JSON text of the rule."""
    on_failed: Literal["nothing", "hold", "rollback"]
    permissioned_as: str
    state: Literal["waiting", "running", "passed", "failed"]
    results: list[CheckResult]
    run: UUID | None
    run_until: datetime | None
    created_at: datetime
    ended_at: datetime | None
    rollback: Literal["due", "done", "refused"] | None
    rollback_request: int | None
    rollback_detail: str | None
    """Reason for which a rollback was refused."""


async def insert(
    conn: Connection,
    deployment: int,
    checks: str,
    on_failed: str,
    permissioned_as: str,
    email: str,
    scopes: Sequence[str] | None,
) -> None:
    """Add the checks of a deployment, in its transaction. `checks`: JSON text."""
    await conn.execute(_SQL["insert"], deployment, checks, on_failed, permissioned_as, email, scopes)


async def claim_due(conn: Connection, limit: int, seconds: float, late_s: float) -> list[DueCheck]:
    """Claim checks that are due for some seconds, in which no other server takes them.

    `late_s`: seconds after which `is_late` is true.
    """
    rows = await conn.fetch(_SQL["claim_due"], limit, seconds, late_s)
    return [DueCheck(**_values(row)) for row in rows]


async def postpone(conn: Connection, deployment: int, seconds: float) -> None:
    """Let unfinished checks become due again after some seconds."""
    await conn.execute(_SQL["postpone"], deployment, seconds)


async def start_run(
    conn: Connection, deployment: int, run: UUID, time_limit_s: float, results: Sequence[CheckResult]
) -> bool:
    """Store the smoke run, in the transaction that creates it; False: another server has started one."""
    return await conn.fetchval(_SQL["start_run"], deployment, run, time_limit_s, _text(results)) is not None


async def finish(
    conn: Connection,
    deployment: int,
    state: str,
    before: str,
    results: Sequence[CheckResult],
    *,
    rolls_back: bool = False,
) -> bool:
    """End checks that are in the state `before`; False: another server has ended them."""
    return await conn.fetchval(_SQL["finish"], deployment, state, before, _text(results), rolls_back) is not None


async def get_interventions(conn: Connection, workspace: str, run: UUID) -> Interventions:
    """Return what people did in a run that has ended."""
    row = await conn.fetchrow(_SQL["get_interventions"], workspace, run, ids.made_at(run))
    return Interventions(**dict(row))


async def is_current(conn: Connection, deployment: int) -> bool:
    """Return whether a deployment is the last one of its environment."""
    return bool(await conn.fetchval(_SQL["is_current"], deployment))


async def lock_rollback(conn: Connection, deployment: int) -> bool | None:
    """Lock a rollback that is due; return whether its deployment is still the last one of the environment.

    None: another server has ended the rollback.
    """
    is_current: bool | None = await conn.fetchval(_SQL["lock_rollback"], deployment)
    return is_current


async def end_rollback(conn: Connection, deployment: int, state: str, request: int | None, detail: str | None) -> bool:
    """Record that a rollback was done or refused; False: that is recorded already."""
    return await conn.fetchval(_SQL["end_rollback"], deployment, state, request, detail) is not None


async def list_of(conn: Connection, environment: str, deployments: Sequence[int]) -> dict[int, CheckRow]:
    """Return the checks of some deployments to an environment, by deployment. The caller may read the deployments."""
    rows = await conn.fetch(_SQL["list_of"], environment, deployments)
    return {row["deployment"]: CheckRow(**_values(row)) for row in rows}


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "results": msgspec.json.decode(row["results"], type=list[CheckResult])}


def _text(results: Sequence[CheckResult]) -> str:
    return msgspec.json.encode(results).decode()
