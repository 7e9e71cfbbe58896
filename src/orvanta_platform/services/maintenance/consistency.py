"""Consistency check: references, and states compared with existing jobs."""

from __future__ import annotations

import msgspec

from orvanta_platform.db import consistency
from orvanta_platform.db.consistency import LiveState
from orvanta_platform.db.pool import Database
from orvanta_platform.engine.state import LIVE, RunState


class Problem(msgspec.Struct, frozen=True):
    """An inconsistency."""

    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.check}: {self.text}"


async def check(database: Database) -> list[Problem]:
    """Return all problems, read in one snapshot; empty for consistent data."""
    async with database.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await consistency.find_violations(connection)
        states = await consistency.list_live_states(connection)
    problems = [Problem(row.check, row.problem) for row in rows]
    return problems + [problem for state in states for problem in _of_state(state)]


def _of_state(live: LiveState) -> list[Problem]:
    """Check that live nodes have a live job or a wait of their own, and that no other node has one."""
    nodes = RunState.decode(live.state).nodes
    under_way = {index for index, mark in enumerate(nodes) if mark in LIVE}
    problems = []
    missing = under_way - live.nodes
    if len(missing) != live.waits:
        problems.append(
            Problem("state_without_job", f"run {live.run}: nodes {sorted(missing)} have no job, {live.waits} wait")
        )
    if extra := live.nodes - under_way:
        problems.append(Problem("job_without_state", f"run {live.run}: nodes {sorted(extra)} have a job"))
    return problems
