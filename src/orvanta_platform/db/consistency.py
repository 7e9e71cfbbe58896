"""On-demand checks of live and history tables for invariants that no foreign key or constraint enforces."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("consistency")

CHECKS = (
    "jobs_without_run",
    "rows_out_of_form",
    "runs_twice",
    "jobs_twice",
    "jobs_of_no_run",
    "runs_stuck",
    "frames_of_nothing",
    "jobs_of_no_frame",
    "jobs_unscheduled",
    "orphan_timers",
    "orphan_events",
    "orphan_approvals",
    "orphan_permits",
    "gates_miscounted",
    "jobs_of_dead_workers",
    "results_missing",
    "job_results_missing",
    "documents_missing",
    "logs_broken",
    "audit_runs_missing",
    "ticks_of_no_run",
)


class Violation(msgspec.Struct, frozen=True):
    """A row that violates a check."""

    check: str
    id: UUID
    problem: str


class LiveState(msgspec.Struct, frozen=True):
    """State of a live run, the indexes of its nodes with a live job, and the number of nodes that wait without one."""

    run: UUID
    state: bytes
    nodes: frozenset[int]
    waits: int


async def find_violations(connection: Connection) -> list[Violation]:
    """Return all rows that violate a check, at most 100 of each."""
    found = []
    for check in CHECKS:
        rows = await connection.fetch(_SQL[check])
        found += [Violation(check, row["id"], row["problem"]) for row in rows]
    return found


async def list_live_states(connection: Connection) -> list[LiveState]:
    """Return the states of live runs with an empty inbox, at most 10,000."""
    rows = await connection.fetch(_SQL["list_live_states"])
    return [LiveState(row["id"], row["state"], frozenset(row["nodes"]), row["waits"]) for row in rows]
