"""Results and arguments as JSON bytes, passed on as they are stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.control import identity, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor, while_permitted
from orvanta_platform.control.permissions import Target
from orvanta_platform.control.secret_fields import Secrets
from orvanta_platform.db import job_views, workspaces
from orvanta_platform.db.job_views import JobRow, JobStatus
from orvanta_platform.db.notify import Watch
from orvanta_platform.db.pool import CONNECTION_LOST
from orvanta_platform.db.values import ValueKey, ValueRow, get_values
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import CannotRestart, NotFound, WaitTimeout
from orvanta_platform.evaluate.raw import members
from orvanta_platform.orchestrator import announced_results, values
from orvanta_platform.orchestrator.interpolation import (
    Interpolation,
    Reference,
    only,
    reference_texts,
    references,
    referring,
)
from orvanta_platform.orchestrator.sealed_inputs import sealed_key, unseal
from orvanta_platform.orchestrator.view import PREPROCESSED
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.flow_status import ENDED
from orvanta_platform.services.streaming import prefetch_first

log = structlog.get_logger(__name__)

NULL = b"null"
NO_ARGS = b"{}"
_POLL_S = 1.0


class Finished(msgspec.Struct, frozen=True):
    """Outcome of a run or job."""

    id: UUID
    success: bool
    cancelled: bool
    result: bytes
    """JSON text; `{"error": …}` unless it succeeded."""


class OptionalResult(msgspec.Struct, frozen=True):
    """The result if there is one. While the job is live, `result` is `null` and `success` None."""

    completed: bool
    started: bool
    success: bool | None
    result: bytes


async def load_values(platform: Platform, keys: Sequence[ValueKey]) -> Mapping[ValueKey, bytes]:
    """Return the JSON texts of the existing values. Objects are fetched without holding a connection."""
    async with platform.db.acquire() as conn:
        rows = await get_values(conn, keys)
    return await values.open_rows(platform.storage, rows)


class StoredValue(msgspec.Struct, frozen=True):
    """A stored value, read in parts."""

    thing: Target
    """Permission target."""
    size: int
    """Size of the JSON text in bytes."""
    row: ValueRow | None = None
    raw: bytes = b""
    """The JSON text if it is not stored in `row`."""

    async def part(self, platform: Platform, caller: LiveActor, start: int, length: int) -> AsyncIterator[bytes]:
        """Return an iterator over `length` bytes from `start` on, which ends when the caller may no longer read the
        run.

        Raises ObjectMissing, StorageError before the first piece.
        """
        if self.row is None:
            return _single_piece(self.raw[start : start + length])
        pieces = await prefetch_first(values.part(platform.storage, self.row, start, length))
        return while_permitted(pieces, caller, "read", self.thing)


async def _single_piece(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


async def stored_result(platform: Platform, actor: Actor, workspace: str, id: UUID) -> StoredValue:
    """Return the result of an ended job. Raises NotFound, also while it is live."""
    row = await jobs.completed(platform, actor, workspace, id)
    target = jobs.target_of(row)
    found = (
        await _first_stored(platform, target, [(row.result_of, "result", "")]) if row.result_of is not None else None
    )
    if found is None and row.cancelled:
        raw = jobs.cancelled_error(row)
        return StoredValue(target, len(raw), raw=raw)
    return found or StoredValue(target, len(NULL), raw=NULL)


async def stored_args(
    platform: Platform, actor: Actor, workspace: str, id: UUID, *, received: bool = False
) -> StoredValue:
    """Return the arguments; those of a workflow whose preprocessor has run are its output.

    `received`: those that the run was started with.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    target = jobs.target_of(row)
    found = await _first_stored(platform, target, [(row.id, "args", "")] if received else _args_keys(row))
    return found or StoredValue(target, len(NO_ARGS), raw=NO_ARGS)


async def stored_node_result(platform: Platform, actor: Actor, workspace: str, flow: UUID, node: str) -> StoredValue:
    """Return the result of a node, `null` if it was skipped. Raises NotFound if it has not ended."""
    target, key = await _of_node(platform, actor, workspace, flow, node)
    found = await _first_stored(platform, target, [key])
    return found or StoredValue(target, len(NULL), raw=NULL)


async def _first_stored(platform: Platform, target: Target, keys: Sequence[ValueKey]) -> StoredValue | None:
    """Return the first existing one of these values."""
    async with platform.db.acquire() as conn:
        rows = {row.key: row for row in await get_values(conn, keys)}
    row = next((rows[key] for key in keys if key in rows), None)
    return None if row is None else StoredValue(target, row.size, row)


async def result(platform: Platform, actor: Actor, workspace: str, id: UUID) -> Finished:
    """Return the outcome of an ended job with its whole result. Raises NotFound, also while it is live."""
    row = await jobs.completed(platform, actor, workspace, id)
    return await finished(platform, row.id, row)


async def find_result(platform: Platform, actor: Actor, workspace: str, id: UUID) -> OptionalResult:
    """Return the result if there is one, and whether the job has started."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    if not row.ended:
        return OptionalResult(completed=False, started=row.running, success=None, result=NULL)
    end = await finished(platform, row.id, row)
    return OptionalResult(completed=True, started=True, success=end.success, result=end.result)


async def args(platform: Platform, actor: Actor, workspace: str, id: UUID) -> bytes:
    """Return the arguments as JSON object text; those of a workflow whose preprocessor has run are its output."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    keys = _args_keys(row)
    found = await load_values(platform, keys)
    return next((found[key] for key in keys if key in found), NO_ARGS)


def _args_keys(row: JobRow) -> list[ValueKey]:
    keys: list[ValueKey] = [(row.id, "args", PREPROCESSED), (row.id, "args", "")]
    return keys if row.is_flow else keys[1:]


@dataclass(frozen=True, slots=True)
class RepeatedArgs:
    """Arguments of a repeated run."""

    raw: bytes
    references: frozenset[str]
    """Names of the arguments that contain references."""
    secrets: Secrets = field(default_factory=dict, repr=False)
    """Password inputs, which are masked in `raw`."""


async def repeated_args(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RepeatedArgs:
    """Return the arguments of a run to repeat. Plain text does not become a reference through the repetition.

    Raises CannotRestart if they are no longer stored, if they contain passwords that the actor did not enter, or if
    references of another starter name items that this starter may not read.
    """
    row, stored = await _stored_args(platform, actor, workspace, id)
    if (row.id, "args", "") not in stored:
        raise CannotRestart(f"The inputs of the run {id} are no longer stored.", hint="Start it with inputs.")
    key = next(key for key in _args_keys(row) if key in stored)
    raw = (await values.open_rows(platform.storage, [stored[key]]))[key]
    state = RunState.decode(row.run_state) if row.run_state is not None else None
    if state is None:
        return RepeatedArgs(raw, frozenset())
    taken: Secrets = {}
    if state.sealed:
        _require_own_passwords(actor, row)
        sealed = await load_values(platform, [sealed_key(row.id, key[2])])
        for each in sealed.values():
            taken = await unseal(platform, workspace, (row.id, row.parent), each)
    references = frozenset(() if key[2] == PREPROCESSED else state.references)
    if references and row.created_by != actor.username:
        await _require_readable(platform, workspace, row, only(raw, references))
    return RepeatedArgs(raw, references, taken)


async def edited_references(
    platform: Platform, actor: Actor, workspace: str, id: UUID, args: bytes
) -> frozenset[str] | None:
    """Return the names of the arguments that may contain references if a run is repeated with `args`; None: all.

    A reference that occurs anywhere in the arguments of the run was not written by the actor, even if the rest of its
    argument was edited: it refers to the item only if it did so in the run. Raises InvalidInput, TooLarge,
    CannotRestart if such a reference of another starter names an item that this starter may not read.
    """
    candidates = referring(args)
    if not candidates:
        return None
    row, stored = await _stored_args(platform, actor, workspace, id)
    state = RunState.decode(row.run_state) if row.run_state is not None else None
    of_run, texts = set[Reference](), set[Reference]()
    for key, raw in (await values.open_rows(platform.storage, list(stored.values()))).items():
        names = state.references if state is not None and key[2] != PREPROCESSED else ()
        for name, value in members(raw).items():
            (of_run if name in names else texts).update(references(bytes(value)))
    given = {name: set(references(bytes(value))) for name, value in members(args).items() if name in candidates}
    referring_names = {name: found for name, found in given.items() if not found & texts}
    repeated = sorted(set[Reference]().union(*referring_names.values()) & of_run)
    if repeated and row.created_by != actor.username:
        await _require_readable(platform, workspace, row, reference_texts(repeated))
    return frozenset(referring_names)


async def _stored_args(
    platform: Platform, actor: Actor, workspace: str, id: UUID
) -> tuple[JobRow, Mapping[ValueKey, ValueRow]]:
    """Return a run and its stored arguments: those it was started with, and the output of its preprocessor.

    Raises NotFound.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        return row, {each.key: each for each in await get_values(conn, _args_keys(row))}


def _require_own_passwords(actor: Actor, row: JobRow) -> None:
    """Raise CannotRestart unless the actor entered the password inputs of the run.

    An actor who repeats a run can choose where they are sent: by a newer version of an item that it runs by path, a
    condition of a breakpoint, an input of a paused node, or a resource that it uses.
    """
    if row.created_by != actor.username:
        raise CannotRestart(
            f"The run {row.run} has password inputs of {row.created_by}, who started it.",
            hint=f"Start it with its inputs, or let {row.created_by} run it again.",
        )
    if actor.scopes is not None:
        raise CannotRestart(
            f"A token with scopes cannot repeat the run {row.run}, which has password inputs.",
            hint="Start it with its inputs, or use a token without scopes.",
        )


async def _require_readable(platform: Platform, workspace: str, row: JobRow, args: bytes) -> None:
    """Check that the starter of the run may read what its arguments refer to. Raises CannotRestart.

    The first run failed to read it on behalf of the starter. A repetition would read it on behalf of the actor.
    """
    async with platform.db.acquire() as conn:
        member = await workspaces.get_member(conn, workspace, row.created_by)
        starter = None
        if member is not None:
            starter = await identity.actor_of_run(conn, workspace, f"u/{row.created_by}", member.email)
        hidden: str | None = "something"
        if starter is not None:
            hidden = await Interpolation(platform, conn, starter, workspace, opens=True).first_unreadable(args)
    if hidden is not None:
        raise CannotRestart(
            f"The inputs of the run {row.run} refer to {hidden}, which {row.created_by}, who started it, may not read.",
            hint="Start it with its inputs.",
        )


async def _of_node(platform: Platform, actor: Actor, workspace: str, flow: UUID, node: str) -> tuple[Target, ValueKey]:
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, flow)
        progress = await jobs.progress_of(platform, conn, row) if row.is_flow else None
    found = next((part for part in progress.all if part.id == node), None) if progress else None
    if found is None or found.state not in ENDED:
        raise NotFound(f"The run {flow} has no result of a node {node}.")
    return jobs.target_of(row), (found.job, "result", "")


def watch_end(platform: Platform, run: UUID) -> AbstractContextManager[Watch]:
    """Return a watch for the end of a run, which need not exist yet."""
    return platform.listen.watch(f"ended:{run}")


async def wait(
    platform: Platform, caller: LiveActor, workspace: str, run: UUID, timeout_s: float, watch: Watch | None = None
) -> Finished:
    """Wait until a run that the caller just started ends, at most `timeout_s` seconds.

    A token that may only start runs gets the results of its own runs. Waits while the database is unavailable. `watch`:
    registered for the new run before it started, so that the run is not queried before it has ended, nor at all if the
    notification of its end contains the result. Raises WaitTimeout
    with the run id in the details; Unauthenticated or NotFound if the caller's token, or its right to read the run,
    ends before the run does.
    """
    owner = caller.unlimited()
    until = clock.monotonic() + timeout_s
    if watch is not None and platform.listen.connection is not None:
        await watch.wait(min(timeout_s, _POLL_S))
    with nullcontext(watch) if watch is not None else watch_end(platform, run) as ended:
        while True:
            try:
                actor = await owner.current()
                end = _announced(platform, actor, workspace, run, watch.message if watch is not None else None)
                if end is None:
                    end = await _end_of(platform, actor, workspace, run)
            except CONNECTION_LOST as error:
                log.warning("database lost while waiting", action="wait", run=str(run), error=type(error).__name__)
                end = None
            if end is not None:
                return end
            left = until - clock.monotonic()
            if left <= 0:
                raise WaitTimeout(
                    f"The run has not ended within {timeout_s:g} s and continues.",
                    hint="Get its result with jobs_u/completed/get_result_maybe.",
                    details={"run_id": str(run)},
                )
            await ended.wait(min(left, _POLL_S))


def _announced(platform: Platform, actor: Actor, workspace: str, run: UUID, message: str | None) -> Finished | None:
    """Return the outcome of a run that the actor started, as the notification of its end has it; None: it must be read.

    Members may read the runs that they have started, whatever their paths.
    """
    if message is None or platform.blueprints.get_early_job(run) is not None:
        return None
    if not permissions.can(actor, "read", Target(workspace, "run", created_by=actor.username)):
        return None
    result = announced_results.read(platform.keys, run, message)
    return None if result is None else Finished(run, result.succeeded, False, bytes(result.raw))


async def _end_of(platform: Platform, actor: Actor, workspace: str, run: UUID) -> Finished | None:
    async with platform.db.acquire() as conn:
        found = await job_views.get_status(conn, workspace, run)
    if found is None or not permissions.can(actor, "read", jobs.target_of(found.standing)):
        raise NotFound(f"The job {run} does not exist.")
    early = platform.blueprints.get_early_job(run)
    if early is not None and (answer := await _early_result(platform, run, early)) is not None:
        return answer
    if not found.standing.ended:
        return None
    known = await values.open_rows(platform.storage, [found.result]) if found.result else {}
    return _finished(run, found.standing, next(iter(known.values()), NULL))


async def _early_result(platform: Platform, run: UUID, node: UUID) -> Finished | None:
    """Return the result of the node that responds for the run (early_return), once it has ended."""
    async with platform.db.acquire() as conn:
        state = await job_views.get_ended_state(conn, node)
    if state not in ("succeeded", "failed"):
        return None
    key = (node, "result", "")
    return Finished(run, state == "succeeded", False, (await load_values(platform, [key])).get(key, NULL))


async def finished(platform: Platform, id: UUID, row: JobRow | JobStatus) -> Finished:
    """Return the outcome of an ended row."""
    found = NULL
    if row.result_of is not None:
        key = (row.result_of, "result", "")
        found = (await load_values(platform, [key])).get(key, NULL)
    return _finished(id, row, found)


def _finished(id: UUID, row: JobRow | JobStatus, result: bytes) -> Finished:
    if result == NULL and row.cancelled:
        result = jobs.cancelled_error(row)
    return Finished(id=id, success=row.state == "succeeded", cancelled=row.cancelled, result=result)
