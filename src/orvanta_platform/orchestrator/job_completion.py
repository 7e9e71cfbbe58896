"""Completion of a job: decide and write, by the fast path if nothing else steps the run, otherwise by the slow path."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from msgspec.structs import replace

from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.steps import NewJob, StepWrite
from orvanta_platform.orchestrator import announced_results
from orvanta_platform.orchestrator.advance import Tools, advance, advance_all
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.committer import Committer
from orvanta_platform.orchestrator.decision import Answered, Unanswered, decide_now, decide_step
from orvanta_platform.orchestrator.effect_rows import translate
from orvanta_platform.orchestrator.step_needs import NeedsLock, NeedsResults, NeedsUpload


class Finished(msgspec.Struct, frozen=True):
    """Result of `finish_job`."""

    recorded: bool
    """True if the completion of the job was written."""
    following: ClaimedJob | None = None
    """The run's next job, already claimed for the same slot."""


async def finish_job(
    tools: Tools, committer: Committer, job: ClaimedJob, blueprint: Blueprint, finish: Finish, *, hand_off: bool
) -> Finished:
    """Record the completion of a job. `hand_off`: the slot takes the run's next job of the same queue.

    Raises DatabaseError if the database rejects the step itself, for which the job is at fault. Raises
    SecretsOpened if the result must be masked again.
    """
    write = None if finish.cancelled or job.frame is not None else await _decide_on_claim(tools, job, blueprint, finish)
    if write is not None:
        write, given = claim_next(write, job, finish) if hand_off else (write, None)
        if await committer.submit(write):
            tools.recent.put_rows(write.values)
            notify_step(tools, write, awaited=job.run.awaited)
            await advance_caller(tools, job, write)
            if finish.node == blueprint.plan.early:
                tools.notify.send(f"ended:{job.run.id}")
            return Finished(True, claimed_of(job, write, given) if given else None)
    return await _decide_under_lock(tools, job, finish, write)


async def _decide_on_claim(tools: Tools, job: ClaimedJob, blueprint: Blueprint, finish: Finish) -> StepWrite | None:
    """Return the write, decided on the run as it was claimed; None if it needs the run's lock."""
    known = finish.known(job.run.id)
    try:
        step = await decide_step(tools.reader, blueprint, job.run, finish.event, known, finish=finish)
    except NeedsLock:
        return None
    return step.write if step is not None else None


async def _decide_under_lock(tools: Tools, job: ClaimedJob, finish: Finish, tried: StepWrite | None) -> Finished:
    done = await advance(tools, job.run.id, finish)
    if done.recorded:
        return Finished(True)
    # Either stale, or a COMMIT of the fast path whose answer was lost: the history table decides.
    async with tools.db.acquire() as connection:
        ended = await job_rows.is_completion_recorded(
            connection, job.id, finish.attempt, finish.worker, finish.generation
        )
        if not ended:
            return Finished(False)
        given = next((new for new in tried.jobs if new.worker == finish.worker), None) if tried else None
        if tried is None or given is None:
            return Finished(True)
        held = await job_rows.filter_held_jobs(connection, [given.id], finish.worker, finish.generation)
    return Finished(True, claimed_of(job, tried, given) if given.id in held else None)


def write_without_io(job: ClaimedJob, blueprint: Blueprint, finish: Finish) -> StepWrite | None:
    """Return the write of the fast path if it needs no evaluation, read, upload or lock; otherwise None."""
    try:
        decided = decide_now(blueprint, job.run, finish.event, Answered())
        if not decided.effects:
            return None
        reused = decided.state.reused
        return translate(blueprint, job.run, decided.encoded, decided.effects, finish=finish, reused=reused).write
    except (Unanswered, NeedsUpload, NeedsResults, NeedsLock):
        return None


def claim_next(write: StepWrite, job: ClaimedJob, finish: Finish) -> tuple[StepWrite, NewJob | None]:
    """Mark the first job of the write in the same queue as claimed; return the write and that job, if any."""
    given = next((new for new in write.jobs if new.queue == job.queue and new.worker is None), None)
    if given is None:
        return write, None
    claimed = replace(given, worker=finish.worker, generation=finish.generation, nonce=uuid4())
    return replace(write, jobs=[claimed if new is given else new for new in write.jobs]), claimed


def claimed_of(job: ClaimedJob, write: StepWrite, new: NewJob) -> ClaimedJob:
    """Return the handed-off job in the form of a claim."""
    assert new.nonce is not None
    run = replace(job.run, rev=write.rev + 1, state=write.state, status=write.status)
    return ClaimedJob(
        id=new.id,
        node=new.node,
        node_index=new.node_index,
        kind=new.kind,
        language=new.language,
        path=new.path,
        queue=new.queue,
        priority=new.priority,
        attempt=1,
        failures=0,
        timeout_s=new.timeout_s,
        nonce=new.nonce,
        run=run,
        frame=new.frame,
        schedule_path=job.schedule_path,
        http_trigger_path=job.http_trigger_path,
    )


async def advance_caller(tools: Tools, job: ClaimedJob, write: StepWrite) -> None:
    """Advance the caller of a sub-workflow's run that has ended."""
    if write.end is not None and job.run.parent is not None:
        await advance_all(tools, [job.run.parent])


def notify_step(tools: Tools, write: StepWrite, *, awaited: bool) -> None:
    """Wake everything that a written step concerns. `awaited`: a caller waits for the result of the run."""
    tools.notify.queue(*{new.queue for new in write.jobs if new.worker is None})
    if any(ending.fate == "scheduled" for ending in write.endings):
        tools.notify.send("timer")
    if write.end is not None:
        tools.notify.run_ended(write.run, announced_results.announce(tools.keys, write) if awaited else None)
    else:
        tools.notify.run_changed(write.run)
