"""Force-failing a run that cannot be stepped: its document is gone, or each decision on it fails."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from orvanta_platform.db import approvals, erasures, pauses
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.db.notify import Notifier
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.steps import JobCompletion, NewEvent, RunEnd, StepWrite, write_steps
from orvanta_platform.engine.events import NamedError
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator import step_debounce, values
from orvanta_platform.orchestrator.blueprints import Blueprints
from orvanta_platform.orchestrator.decided_values import error_json
from orvanta_platform.queue import gates

ERROR = "EngineFailed"


async def force_fail(database: Database, notify: Notifier, blueprints: Blueprints, run: UUID, why: Exception) -> None:
    """End the run as failed with the code of `why`, or EngineFailed, and cancel its live jobs. Idempotent.

    Runs that receive its permits are notified through their inboxes.
    """
    erased = await _erasures(database, blueprints, run)
    await database.retrying(partial(_end, run, _error(why), erased))
    notify.cancelled(run)
    notify.run_ended(run)


async def _erasures(database: Database, blueprints: Blueprints, run: UUID) -> Sequence[tuple[int, float]]:
    """Return the erasures to plan at its end; none if its document cannot be read."""
    try:
        async with database.acquire() as connection:
            row = await run_rows.get_live_run(connection, run)
            return (await blueprints.of(connection, row)).plan.erasures if row is not None else ()
    except (LookupError, OrvantaError):
        return ()


def _error(why: Exception) -> NamedError:
    if isinstance(why, OrvantaError):
        return NamedError(why.code, " ".join(filter(None, (why.message, why.hint))))
    return NamedError(ERROR, f"The run could not continue: {str(why) or type(why).__name__}")


async def _end(run: UUID, error: NamedError, erased: Sequence[tuple[int, float]], connection: Connection) -> None:
    row = await run_rows.lock_run(connection, run)
    if row is None:
        return
    raw = error_json(error, None)
    live = await job_rows.lock_jobs_of_run(connection, run)
    ended = dict.fromkeys((run, *(job.id for job in live)))
    found = await value_rows.get_digests(connection, [(id, "result", "") for id in ended], 0)
    write = StepWrite(
        run=run,
        rev=row.rev,
        state=row.state,
        status=row.status,
        endings=[_ending(job, error.name) for job in live],
        values=[values.inline_row(id, "result", raw) for id in ended if (id, "result", "") not in found],
        events=[NewEvent("run_ended", None, '{"status":"failed","recovered":false}')],
        end=RunEnd("failed", error_name=error.name, result_of=run, reports=row.parent is not None),
        over_cancel=True,
    )
    if not await write_steps(connection, [write]):
        raise AssertionError(f"run {run} was not written under its own lock")
    await approvals.delete_open_of_run(connection, run)
    await pauses.delete_all(connection, run)
    if erased:
        await erasures.schedule(connection, run, erased)
    await gates.settle(connection, ended=[run])
    await step_debounce.apply_changes(connection, (), ended=[run])


def _ending(job: LiveJob, name: str) -> JobCompletion:
    return JobCompletion(job.id, job.attempt, job.worker, job.generation, "cancelled", name)
