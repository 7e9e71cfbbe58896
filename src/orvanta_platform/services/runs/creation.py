"""A run begins: its first step is decided, then everything of it is written in one transaction."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import audit, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.control.secret_fields import Secrets, limited, put_back
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import search
from orvanta_platform.db import values as value_rows
from orvanta_platform.db import waits as wait_rows
from orvanta_platform.db.audit import NewAudit, append
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Connection
from orvanta_platform.db.runs import NewRun, RunRow
from orvanta_platform.db.starts import start_run
from orvanta_platform.db.steps import NewValue, StepWrite, write_steps
from orvanta_platform.engine.plan import Debounce, Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import Conflict
from orvanta_platform.ids import new_run_id
from orvanta_platform.orchestrator import inbox, sealed_inputs, values, worker_affinity
from orvanta_platform.orchestrator.advance import advance_all
from orvanta_platform.orchestrator.blueprints import OWN, Blueprint, Pins, write_pins
from orvanta_platform.orchestrator.deferred_writes import Tail
from orvanta_platform.orchestrator.first_step import first_step
from orvanta_platform.orchestrator.interpolation import only, referring
from orvanta_platform.orchestrator.sealed_inputs import SEALED
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.services.access import on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import idempotency, run_ids
from orvanta_platform.services.runs.breakpoints import PauseBefore
from orvanta_platform.services.runs.copied_data import Remembered, Repeat, brought
from orvanta_platform.services.runs.debounce import Call, join
from orvanta_platform.services.runs.idempotency import IdempotencyKey

_UNATTENDED = ("webhook", "workflow")
"""Triggers other than people; for any other trigger, a repeated run records the kind of repetition as its trigger."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a new run. `scheduled_at` None: now. `tag` overrides the queue of its jobs.

    `is_due`: `scheduled_at` has passed by the clock of the database, regardless of this process's clock.
    `attach`: make the job that starts the run its parent; no effect if no job does.
    `run_id`: the caller's choice of id, by default `new_id`. `idempotency`: the same key of the same caller
    returns the first run's id for a day. `repeat`: of another run. `preprocess`: a workflow's preprocessor computes
    its input from the arguments. `pause`: breakpoints. `references`: names of the arguments that may hold
    references, None: all. `secrets`: password inputs of the repeated run, which replace masks in the arguments.
    """

    trigger: str = "api"
    scheduled_at: datetime | None = None
    tag: str | None = None
    attach: bool = False
    idempotency: IdempotencyKey | None = None
    run_id: UUID | None = None
    is_due: bool = False
    repeat: Repeat | None = None
    preprocess: bool = False
    pause: PauseBefore | None = None
    references: frozenset[str] | None = None
    secrets: Secrets = field(default_factory=dict, repr=False)
    new_id: UUID = field(default_factory=new_run_id)

    def whole(self, args: bytes) -> bytes:
        """The arguments with masks replaced by their password inputs. Raises TooComplex."""
        return put_back(args, self.secrets, limited(args)) if self.secrets else args


@dataclass(frozen=True, slots=True)
class Beginning:
    """The target of a new run: resolved, permitted and checked.

    `text`: the bytes of a document that may not be stored yet (a preview's). `state` and `context`: the initial state
    and context of a run that restarts another one. `owner`: the member it acts for, None: the member who starts it.
    `schema`: the JSON Schema that declares which inputs are passwords.
    """

    workspace: str
    kind: str
    path: str | None
    blueprint: Blueprint
    version: int | None = None
    document: bytes | None = None
    text: bytes | None = None
    language: str | None = None
    pins: Pins = field(default_factory=dict)
    tag: str | None = None
    priority: int = 0
    timeout_s: float | None = None
    state: RunState | None = None
    context: Sequence[Remembered] = ()
    debounce: Debounce | None = None
    owner: Actor | None = None
    schema: Any = None
    asked: str | None = None
    """The caller's reference to the target: by path or by version."""


async def begin(
    platform: Platform,
    actor: Actor,
    beginning: Beginning,
    args: bytes,
    options: RunOptions,
    *,
    inside: Callable[[Connection, UUID], Awaitable[None]] | None = None,
) -> UUID:
    """Create the run and enqueue its first jobs; returns its id.

    Raises TooLarge, InvalidRunId, Conflict for an id that is taken, Forbidden if the arguments refer to items that the
    actor may not read. `inside` makes further writes for the run (its id) in the same transaction.
    """
    if options.run_id is not None:
        run_ids.require(options.run_id)
    platform.tools.sizes.require_input(len(args))
    references = referring(args) if options.references is None else referring(only(args, options.references))
    if references:
        named = only(args, references)
        await on_behalf.require_references(platform, actor, beginning.owner, beginning.workspace, named)
    key = None
    if options.idempotency is not None:
        key = await _key(platform, options.idempotency, actor, beginning, options, args)
    by = options.run_id or options.new_id
    args, sealed = await sealed_inputs.take_out(
        platform, beginning.workspace, by, args, beginning.schema, options.secrets
    )
    put_off = beginning.debounce if inside is None and sealed is None and _is_plain_call(options) else None
    if put_off is not None:
        options = dataclasses.replace(options, scheduled_at=clock.now() + timedelta(seconds=put_off.delay_s))
    state = beginning.state or RunState.new(beginning.blueprint.plan, preprocess=options.preprocess)
    own = beginning.pins.get(OWN)
    if sealed is not None or (own is not None and own.passwords is not None):
        state = dataclasses.replace(state, sealed=True)
    if references:
        state = dataclasses.replace(state, references=tuple(sorted(references)))
    if options.pause is not None:
        permissions.require(actor, "pause", Target(beginning.workspace, "run", beginning.path, actor.username))
        if options.pause.when is not None:
            on_behalf.require_choice(actor, (beginning.owner or actor).permissioned_as, _limits(actor, beginning))
        state = await options.pause.within(
            platform.evaluator.of(beginning.workspace), beginning.blueprint.plan, state, actor.username
        )
    new = _new_run(actor, beginning, options, state)
    if beginning.blueprint.plan.bound:
        async with platform.db.acquire() as connection:
            new = replace(new, queue=await worker_affinity.queue_of(connection, beginning.blueprint, _row(new)))
    args_value = await values.keep(platform.storage, new.workspace, new.id, new.id, "args", args)
    sealed_value = None
    if sealed is not None:
        sealed_value = await values.keep(platform.storage, new.workspace, new.id, new.id, "args", sealed, name=SEALED)
    carried = await brought(platform.tools, beginning.context, new, options.repeat, len(args))
    later = options.scheduled_at is not None and not options.is_due and options.scheduled_at > clock.now()
    step = None
    if not later and not beginning.blueprint.plan.nests and sealed is None:
        known = {(new.id, "args", ""): args, **carried.known}
        step = carried.before(await first_step(platform.tools, beginning.blueprint, _row(new), known))
    told = _told(actor, beginning, new, options.repeat)
    tries = 0
    permitted: list[UUID] = []
    plain = step is not None and step.end is None and not step.waits
    if plain and step is not None and inside is None and not (options.idempotency or options.run_id):
        if await _begin_at_once(platform, beginning, new, args_value, step, told):
            _tell(platform, new.id, beginning.blueprint.plan, step)
            return new.id
        tries = 1

    async def write(connection: Connection) -> UUID:
        nonlocal tries
        tries += 1
        permitted.clear()
        if put_off is not None:
            joined = await join(connection, Call(put_off, new, args, args_value, state.references), again=tries > 1)
            if joined is not None:
                await append(connection, _told(actor, beginning, replace(new, id=joined), None))
                return joined
        if key is not None:
            first = await idempotency.claim(connection, key, new.id)
            if first != new.id:
                return first
        await _keep_documents(connection, beginning, new)
        await run_rows.insert_run(connection, new)
        if (tries > 1 or options.run_id is not None) and await run_rows.ended_run(connection, new.id) is not None:
            raise _EndedAlready
        if options.run_id is not None:
            await search.note_run(connection, new.id, new.workspace)
        await value_rows.insert_value(connection, args_value)
        if sealed_value is not None:
            await value_rows.insert_value(connection, sealed_value)
        if inside is not None:
            await inside(connection, new.id)
        if step is None and carried:
            await write_steps(connection, [carried.before(StepWrite(new.id, 0, new.state, "queued"))])
        if later and options.scheduled_at is not None:
            await run_rows.set_start_timer(connection, new.id, options.scheduled_at)
        elif step is None:
            await run_rows.put_in_inbox(connection, new.id, inbox.write(inbox.StartRun()))
        elif not await write_steps(connection, [step]):
            raise AssertionError(f"the first step of run {new.id} was not written")
        if step is not None and step.waits:
            await wait_rows.write(connection, new.id, new.workspace, step.waits)
        await append(connection, told)
        if step is not None:
            tail = Tail()
            tail.add(step.waits)
            plan = beginning.blueprint.plan
            permitted.extend(await tail.write(connection, plan, _row(new), ended=step.end is not None))
        return new.id

    try:
        run = await platform.db.retrying(write)
    except (asyncpg.UniqueViolationError, _EndedAlready) as error:
        # A COMMIT that got no answer went through: the second try finds the run it made, perhaps at its end.
        if tries > 1:
            return new.id
        if options.run_id is None:
            raise
        raise Conflict(
            f"A run with the id {options.run_id} exists.", hint="Leave the id out, or choose a new one."
        ) from error
    if step is None and not later:
        platform.blueprints.begun(run, beginning.blueprint.plan)
        await advance_all(platform.tools, [run])
    else:
        _tell(platform, run, beginning.blueprint.plan, step)
        await advance_all(platform.tools, permitted)
    return run


def _limits(actor: Actor, beginning: Beginning) -> list[str] | None:
    path = beginning.path if beginning.version is not None else None
    return on_behalf.limits_of(actor, beginning.owner, path)


async def _key(
    platform: Platform,
    given: IdempotencyKey,
    actor: Actor,
    beginning: Beginning,
    options: RunOptions,
    args: bytes,
) -> idempotency.Use:
    repeat = options.repeat
    what: list[Any] = [beginning.asked, options.tag]
    if beginning.text is not None:
        what += [beginning.language, beginning.tag, hashlib.sha256(beginning.text).hexdigest()]
    if repeat is not None:
        what += [repeat.kind, str(repeat.of), repeat.node, repeat.data]
    path = f"{beginning.kind}:{beginning.path or ''}"
    whole = options.whole(args)
    return await idempotency.use_of(platform.keys, given, actor, beginning.workspace, path, what, whole)


def _is_plain_call(options: RunOptions) -> bool:
    """Tests that a later call may replace it: no time, id or separate run was requested."""
    asked = (options.scheduled_at, options.run_id, options.idempotency, options.repeat, options.pause)
    return not options.attach and not any(each is not None for each in asked)


def _told(actor: Actor, beginning: Beginning, new: NewRun, repeat: Repeat | None) -> NewAudit:
    parameters: dict[str, Any] = {"run": str(new.id), "kind": new.kind, "trigger": new.trigger}
    if repeat is not None:
        parameters |= {"of": str(repeat.of), "node": repeat.node, **repeat.data}
    operation = f"jobs.{repeat.kind}" if repeat is not None else "jobs.run"
    owner = new.permissioned_as if beginning.owner is not None else None
    return audit.row(
        actor, operation, "Execute", beginning.path, parameters, workspace=new.workspace, on_behalf_of=owner
    )


def _tell(platform: Platform, run: UUID, plan: Plan, step: StepWrite | None) -> None:
    """Wake those whom the beginning concerns; without a step it is to begin later."""
    platform.blueprints.begun(run, plan)
    if step is None:
        platform.notify.send("timer")
        return
    platform.notify.queue(*{job.queue for job in step.jobs})
    if step.waits.timers or step.waits.put_off:
        platform.notify.send("timer")
    if step.end is not None:
        platform.notify.run_ended(run)


async def _begin_at_once(
    platform: Platform, beginning: Beginning, new: NewRun, args: NewValue, step: StepWrite, told: NewAudit
) -> bool:
    """One statement for all of it. False: it got no answer, or one that the next try may not get."""
    text = beginning.text
    document = (new.document, text) if text is not None and new.document is not None else None
    try:
        async with platform.db.acquire() as connection:
            pins = write_pins(beginning.pins) if beginning.pins else None
            await start_run(connection, new, replace(step, values=[args, *step.values]), told, document, pins)
    except (*TRANSIENT, *CONNECTION_LOST):
        return False
    return True


class _EndedAlready(Exception):
    """A run with this id is in history, where no key keeps another one from running."""


def _new_run(actor: Actor, beginning: Beginning, options: RunOptions, state: RunState) -> NewRun:
    run, owner = options.run_id or options.new_id, beginning.owner or actor
    return NewRun(
        id=run,
        workspace=beginning.workspace,
        kind=beginning.kind,
        path=beginning.path,
        version=beginning.version,
        document=beginning.document or (hashlib.sha256(beginning.text).digest() if beginning.text else None),
        language=beginning.language,
        pin_set=write_pins(beginning.pins)[0] if beginning.pins else None,
        engine_version=max(beginning.blueprint.plan.engine_version, state.engine_version),
        state=state.encode(),
        priority=beginning.priority,
        queue=next((tag for tag in (options.tag, beginning.tag) if tag and not is_pinned(tag)), None),
        parent=actor.job if options.attach else None,
        root=run,
        trigger="rerun" if options.repeat is not None and options.trigger not in _UNATTENDED else options.trigger,
        created_by=actor.username,
        email=owner.email,
        permissioned_as=owner.permissioned_as,
        scheduled_at=options.scheduled_at or clock.now(),
        seed=secrets.randbits(62),
        timeout_s=beginning.timeout_s,
        scopes=_limits(actor, beginning),
    )


async def _keep_documents(connection: Connection, beginning: Beginning, new: NewRun) -> None:
    if beginning.text is not None and new.document is not None:
        await run_rows.keep_document(connection, new.document, beginning.text)
    if beginning.pins:
        digest, text = write_pins(beginning.pins)
        await run_rows.keep_pin_set(connection, digest, text)


def _row(new: NewRun) -> RunRow:
    """The new run as it will be read back."""
    return RunRow(
        id=new.id,
        workspace=new.workspace,
        kind=new.kind,
        path=new.path,
        version=new.version,
        document=new.document,
        language=new.language,
        pin_set=new.pin_set,
        engine_version=new.engine_version,
        rev=0,
        state=new.state,
        status="queued",
        root=new.root,
        created_by=new.created_by,
        email=new.email,
        permissioned_as=new.permissioned_as,
        seed=new.seed,
        scheduled_at=new.scheduled_at,
        priority=new.priority,
        queue=new.queue,
        timeout_s=new.timeout_s,
        scopes=new.scopes,
    )
