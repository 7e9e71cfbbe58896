"""Creation of runs: the first step is decided, then all rows of the run are inserted in one transaction."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from orvanta_platform import clock
from orvanta_platform.control import limits, permissions, queue_rules
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import ALL_WORKSPACES, DEFAULT_TAGS, QUEUE_RULES
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import acceptance
from orvanta_platform.db.runs import NewRun
from orvanta_platform.db.steps import NewValue
from orvanta_platform.engine.events import Started
from orvanta_platform.engine.plan import Debounce, Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import Forbidden, InvalidRunId, QueueReserved, RunLimitReached
from orvanta_platform.evaluate.raw import members
from orvanta_platform.ids import is_underived, made_at
from orvanta_platform.orchestrator import lost_affinity, sealed_inputs, values, worker_affinity
from orvanta_platform.orchestrator.advance import advance_all
from orvanta_platform.orchestrator.blueprints import OWN, queues_of, write_pins
from orvanta_platform.orchestrator.decision import decide_step
from orvanta_platform.orchestrator.dry_runs import RECORDED, recording_key
from orvanta_platform.orchestrator.effect_rows import DecidedStep
from orvanta_platform.orchestrator.interpolation import only, referring
from orvanta_platform.orchestrator.run_starts import Outcome
from orvanta_platform.orchestrator.sealed_inputs import SEALED
from orvanta_platform.queue import dynamic_tags
from orvanta_platform.queue.claim import NEW, is_pinned, owner_of
from orvanta_platform.services.access import on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views.jobs import DRY_RUN
from orvanta_platform.services.runs import idempotency, run_limits
from orvanta_platform.services.runs.copied_data import CopiedData, copy_data
from orvanta_platform.services.runs.insertion import (
    PreparedRun,
    RunInsertion,
    TransactionHook,
    row_of,
)
from orvanta_platform.services.runs.run_spec import DEPLOYMENT, RunOptions, RunSpec
from orvanta_platform.tracing import CALLER, parse_traceparent

_MAX_ID_AGE = timedelta(hours=1)
_NEWEST_ID = timedelta(minutes=5)
"""Bounds of the timestamp in a chosen id. They allow repeated calls and clock differences.

Retention deletes no run this young, so the id of a deleted run is never within the bounds.
"""

_UNATTENDED = ("webhook", "workflow")
"""Triggers other than people; for any other trigger, a repeated run records the kind of repetition as its trigger."""


async def create_run(
    platform: Platform,
    actor: Actor,
    spec: RunSpec,
    args: bytes,
    options: RunOptions,
    *,
    in_transaction: TransactionHook | None = None,
) -> UUID:
    """Create a run and enqueue its first jobs; returns its id.

    Raises TooLarge, InvalidRunId, Conflict for an id that is in use, Forbidden if the arguments refer to items that the
    actor may not read, RunLimitReached unless the call joins an earlier run. `in_transaction` makes further writes for
    the run in the same transaction.
    """
    is_deployment = options.trigger == DEPLOYMENT and in_transaction is not None
    async with nullcontext() if is_deployment else run_limits.admission(platform, spec.workspace) as refusal:
        if refusal is not None and options.idempotency is None and spec.debounce is None:
            raise refusal
        run = await _prepare(platform, actor, spec, args, options, may_join=in_transaction is None)
        id, permitted, outcome = await _insert(platform, run, in_transaction, refusal)
    if run.first_step is None and not run.is_delayed:
        platform.blueprints.record_start(id, run.plan)
        await advance_all(platform.tools, [id])
    else:
        _notify(platform, id, run.plan, run.first_step, outcome)
        await advance_all(platform.tools, permitted)
    if (worker := owner_of(run.new.queue)) is not None:
        await lost_affinity.release_if_ended(platform.tools, worker)
    return id


async def _insert(
    platform: Platform, run: PreparedRun, in_transaction: TransactionHook | None, refusal: RunLimitReached | None
) -> tuple[UUID, Sequence[UUID], Outcome]:
    """Insert a run; returns its id, or that of the run that the call joins, and the runs that received a permit.

    The outcome is unknown if `RunStarts` did not insert it. `refusal`: raised unless the call joins an earlier run.
    """
    is_repeated = False
    if run.fits_one_statement and in_transaction is None and refusal is None:
        outcome = await platform.starts.submit(run.start())
        if outcome != "unknown":
            return run.new.id, (), outcome
        is_repeated = True
    insertion = RunInsertion(run, in_transaction, is_repeated=is_repeated, refusal=refusal)
    return await insertion.execute(platform.db), insertion.permitted, "unknown"


async def _prepare(
    platform: Platform, actor: Actor, spec: RunSpec, args: bytes, options: RunOptions, *, may_join: bool
) -> PreparedRun:
    """Check the arguments and compute all rows of the run. `may_join`: a debounced call may join an earlier run."""
    if options.run_id is not None:
        _check_run_id(options.run_id)
    if actor.kind == "job" and actor.job is not None:
        await _refuse_in_dry_run(platform, actor.job)
    platform.tools.sizes.require_input(len(args))
    for tag in (options.tag, spec.tag):
        limits.check_tag(tag)
    references = await _checked_references(platform, actor, spec, args, options)
    key = None
    if options.idempotency is not None:
        key = await _idempotency_use(platform, options.idempotency, actor, spec, options, args)
    args, sealed = await sealed_inputs.take_out(
        platform, spec.workspace, options.id, args, spec.schema, options.secrets
    )
    debounce = spec.debounce if may_join and sealed is None and _is_plain_call(options) else None
    if debounce is not None:
        options = _with_delay(options, debounce)
    state = _initial_state(spec, options, references, has_passwords=sealed is not None)
    if options.pause is not None:
        state = await _with_breakpoints(platform, actor, spec, options, state)
    new = await _with_queue(platform, spec, _new_run(actor, spec, options, state, args))
    stored = await _stored_values(platform, new, args, sealed, spec.recorded)
    stored += _caller_row(platform, new, options)
    copied = await copy_data(platform.tools, spec.context, new, options.repeat, len(args))
    is_delayed = options.scheduled_at is not None and not options.is_due and options.scheduled_at > clock.now()
    step = None
    if not is_delayed and not spec.blueprint.plan.nests and sealed is None:
        step = await _first_step(platform, spec, new, args, copied)
    return PreparedRun(
        actor, spec, options, new, args, stored, state.references, key, debounce, copied, step, is_delayed
    )


async def _refuse_in_dry_run(platform: Platform, job: UUID) -> None:
    """Raise Forbidden if the job belongs to a dry run: the nodes that it executes have declared not to start runs."""
    async with platform.db.acquire() as connection:
        origin = await acceptance.get_origin(connection, job)
    if origin is not None and origin.trigger == DRY_RUN:
        raise Forbidden("A dry run starts no other runs.", hint="Declare that the node writes or sends.")


async def _checked_references(
    platform: Platform, actor: Actor, spec: RunSpec, args: bytes, options: RunOptions
) -> frozenset[str]:
    """Return the names of the arguments that contain references. Raises Forbidden if the actor may not read them."""
    candidates = args if options.references is None else only(args, options.references)
    references = referring(candidates)
    if references:
        named = only(args, references)
        await on_behalf.require_references(platform, actor, spec.owner, spec.workspace, named)
    return references


def _is_plain_call(options: RunOptions) -> bool:
    """Return whether a later call may replace this one: no time, id or separate run was requested."""
    specific = (options.scheduled_at, options.run_id, options.idempotency, options.repeat, options.pause)
    return not options.attach and not any(each is not None for each in specific)


def _with_delay(options: RunOptions, debounce: Debounce) -> RunOptions:
    return dataclasses.replace(options, scheduled_at=clock.now() + timedelta(seconds=debounce.delay_s))


def _initial_state(spec: RunSpec, options: RunOptions, references: frozenset[str], *, has_passwords: bool) -> RunState:
    state = spec.state or RunState.new(spec.blueprint.plan, preprocess=options.preprocess)
    own = spec.pins.get(OWN)
    if has_passwords or (own is not None and own.passwords is not None):
        state = structs.replace(state, sealed=True)
    if references:
        state = structs.replace(state, references=tuple(sorted(references)))
    return state


async def _with_breakpoints(
    platform: Platform, actor: Actor, spec: RunSpec, options: RunOptions, state: RunState
) -> RunState:
    """Return the state with the breakpoints of the options. Raises Forbidden, BadRequest, InvalidInput."""
    assert options.pause is not None
    permissions.require(actor, "pause", Target(spec.workspace, "run", spec.path, actor.username))
    if options.pause.when is not None:
        on_behalf.require_choice(actor, (spec.owner or actor).permissioned_as, _scopes_of(actor, spec))
    evaluator = platform.evaluator.of(spec.workspace)
    return await options.pause.apply(evaluator, spec.blueprint.plan, state, actor.username)


async def _with_queue(platform: Platform, spec: RunSpec, new: NewRun) -> NewRun:
    """Choose the default queue of a run without a tag, and the worker of a run whose jobs must all run on the same."""
    if new.queue is None:
        tags = await platform.instance.get(DEFAULT_TAGS)
        default = tags.get(spec.workspace, tags.get(ALL_WORKSPACES))
        new = structs.replace(new, queue=dynamic_tags.in_workspace(default, spec.workspace))
    await _require_queues(platform, spec, new)
    if not spec.blueprint.plan.bound:
        return new
    async with platform.db.acquire() as connection:
        return structs.replace(new, queue=await worker_affinity.queue_of(connection, spec.blueprint, row_of(new)))


async def _require_queues(platform: Platform, spec: RunSpec, new: NewRun) -> None:
    """Raise QueueReserved if a queue that the run names is not open to its workspace.

    Workers check each job again: rules may change, and nodes of sub-workflows have tags of their own.
    """
    rules = await platform.instance.get(QUEUE_RULES)
    if not rules.restrict:
        return
    refused = rules.first_refused(spec.workspace, sorted(queues_of(spec.blueprint, row_of(new))))
    if refused is not None:
        raise QueueReserved(
            queue_rules.refusal(spec.workspace, refused),
            hint="Use another tag; the superadmins of the instance decide which workspaces may use a queue.",
        )


async def _stored_values(
    platform: Platform, new: NewRun, args: bytes, sealed: bytes | None, recorded: bytes | None
) -> list[NewValue]:
    """Store the arguments, sealed password inputs and the recording of a dry run, if any; returns their rows."""
    stored = [await values.store(platform.storage, new.workspace, new.id, new.id, "args", args)]
    if sealed is not None:
        stored.append(await values.store(platform.storage, new.workspace, new.id, new.id, "args", sealed, name=SEALED))
    if recorded is not None:
        stored.append(
            await values.store(platform.storage, new.workspace, new.id, new.id, "args", recorded, name=RECORDED)
        )
    return stored


def _caller_row(platform: Platform, new: NewRun, options: RunOptions) -> list[NewValue]:
    """Return the row of the caller's context, if traces are on and it is valid; spans of the run are linked to it."""
    if platform.spans is None or parse_traceparent(options.traceparent) is None:
        return []
    return [values.inline_row(new.id, "args", msgspec.json.encode(options.traceparent), CALLER)]


async def _first_step(platform: Platform, spec: RunSpec, new: NewRun, args: bytes, copied: CopiedData) -> DecidedStep:
    known = {(new.id, "args", ""): args, **copied.known}
    if spec.recorded is not None:
        known[recording_key(new.id)] = spec.recorded
    reader, row = platform.tools.reader, row_of(new)
    step = await decide_step(reader, spec.blueprint, row, Started(), known, live={}, lane=NEW)
    assert step is not None, "the start of a run always has effects"
    return structs.replace(step, write=copied.extend(step.write))


def _scopes_of(actor: Actor, spec: RunSpec) -> list[str] | None:
    path = spec.path if spec.version is not None else None
    return on_behalf.limits_of(actor, spec.owner, path)


async def _idempotency_use(
    platform: Platform,
    key: idempotency.IdempotencyKey,
    actor: Actor,
    spec: RunSpec,
    options: RunOptions,
    args: bytes,
) -> idempotency.Use:
    repeat = options.repeat
    what: list[Any] = [spec.reference, options.tag]
    if spec.text is not None:
        what += [spec.language, spec.tag, hashlib.sha256(spec.text).hexdigest()]
    if repeat is not None:
        what += [repeat.kind, str(repeat.of), repeat.node, repeat.data]
    path = f"{spec.kind}:{spec.path or ''}"
    unmasked = options.unmasked(args if key.input is None else key.input)
    return await idempotency.use_of(platform.keys, key, actor, spec.workspace, path, what, unmasked)


def _notify(platform: Platform, run: UUID, plan: Plan, step: DecidedStep | None, outcome: Outcome) -> None:
    """Wake the processes concerned by a new run; `step` None: it starts later."""
    platform.blueprints.record_start(run, plan)
    if step is None:
        platform.notify.send("timer")
        return
    if outcome == "enqueued":
        platform.starts.announce(step.write.jobs)
    elif outcome == "unknown":
        platform.notify.queue(*{job.queue for job in step.write.jobs})
    if step.rows.sets_timers:
        platform.notify.send("timer")
    if step.rows.end is not None:
        platform.notify.run_ended(run)


def _new_run(actor: Actor, spec: RunSpec, options: RunOptions, state: RunState, args: bytes) -> NewRun:
    owner = spec.owner or actor
    return NewRun(
        id=options.id,
        workspace=spec.workspace,
        kind=spec.kind,
        path=spec.path,
        version=spec.version,
        document=spec.document or (hashlib.sha256(spec.text).digest() if spec.text else None),
        language=spec.language,
        pin_set=write_pins(spec.pins)[0] if spec.pins else None,
        engine_version=max(spec.blueprint.plan.engine_version, state.engine_version),
        state=state.encode(),
        priority=spec.priority,
        queue=_queue_of(spec, options, args),
        parent=actor.job if options.attach else None,
        root=options.id,
        trigger="rerun" if options.repeat is not None and options.trigger not in _UNATTENDED else options.trigger,
        created_by=actor.username,
        email=owner.email,
        permissioned_as=owner.permissioned_as,
        scheduled_at=options.scheduled_at or clock.now(),
        seed=secrets.randbits(62),
        timeout_s=spec.timeout_s,
        scopes=_scopes_of(actor, spec),
        awaited=options.awaited,
    )


def _queue_of(spec: RunSpec, options: RunOptions, args: bytes) -> str | None:
    """Return the queue that the tag of the call, or of the script or workflow, selects. Raises BadRequest.

    Password inputs are sealed in `args`, and cannot become part of the name.
    """
    for tag in (options.tag, spec.tag):
        named = dynamic_tags.in_workspace(tag, spec.workspace)
        if named and dynamic_tags.names(named):
            wanted = set(dynamic_tags.names(named))
            found = {name: msgspec.json.decode(text) for name, text in members(args).items() if name in wanted}
            named = dynamic_tags.with_arguments(named, found)
            limits.check_tag(named)
        if named and not is_pinned(named):
            return named
    return None


def _check_run_id(id: UUID) -> None:
    """Check an id chosen for a run: it must be a UUIDv7, which no derived id is, with a current timestamp.

    Raises InvalidRunId.
    """
    if not is_underived(id):
        raise InvalidRunId("The id of a run must be a UUIDv7.", hint="Leave the id out to get a new one.")
    if not -_NEWEST_ID <= clock.now() - made_at(id) <= _MAX_ID_AGE:
        raise InvalidRunId(
            "The timestamp of a run id must be current: at most one hour old and five minutes ahead.",
            hint="Generate a new UUIDv7, or leave the id out to get one.",
        )
