"""Insertion of a new run, in one statement if possible, otherwise in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import search
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.audit import NewAudit, append
from orvanta_platform.db.errors import UniqueViolation
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.runs import NewRun, RunRow
from orvanta_platform.db.starts import NewStart
from orvanta_platform.db.steps import NewValue, StepWrite, write_steps
from orvanta_platform.engine.plan import Debounce, Plan
from orvanta_platform.errors import Conflict, RunLimitReached
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.blueprints import write_pins
from orvanta_platform.orchestrator.effect_rows import DecidedStep
from orvanta_platform.services.runs import idempotency
from orvanta_platform.services.runs.copied_data import CopiedData, Repeat
from orvanta_platform.services.runs.debounce import Call, join
from orvanta_platform.services.runs.run_spec import RunOptions, RunSpec

TransactionHook = Callable[[Connection, UUID], Awaitable[None]]
"""Further writes for a new run (its id), executed in the transaction that inserts it."""


class PreparedRun(msgspec.Struct, frozen=True):
    """A new run with all rows that its creation inserts."""

    actor: Actor
    spec: RunSpec
    options: RunOptions
    new: NewRun
    args: bytes
    """Arguments as JSON text, without password inputs."""
    values: Sequence[NewValue]
    """Rows of the arguments, followed by those of the password inputs and the recording if there are any."""
    references: tuple[str, ...]
    """Names of the arguments that contain references."""
    key: idempotency.Use | None
    debounce: Debounce | None
    copied: CopiedData
    first_step: DecidedStep | None
    """None: the run is delayed, or its first step is made after the insertion."""
    is_delayed: bool

    @property
    def plan(self) -> Plan:
        """Plan of the run."""
        return self.spec.blueprint.plan

    @property
    def fits_one_statement(self) -> bool:
        """The insertion needs no earlier read and no writes besides those of an ordinary first step."""
        step = self.first_step
        is_ordinary = step is not None and step.write.end is None and not step.rows.needs_transaction
        return is_ordinary and not (self.options.idempotency or self.options.run_id)

    def start(self) -> NewStart:
        """Return the insertion of a run that `fits_one_statement`."""
        new, spec, step = self.new, self.spec, self.first_step
        assert step is not None
        return NewStart(
            run=new,
            step=replace(step.write, values=[*self.values, *step.write.values]),
            audit=self.audit(repeat=self.options.repeat),
            document=(new.document, spec.text) if spec.text is not None and new.document is not None else None,
            pins=write_pins(spec.pins) if spec.pins else None,
        )

    def row(self) -> RunRow:
        """Return the run as it is read back after its insertion."""
        return row_of(self.new)

    def audit(self, run: UUID | None = None, repeat: Repeat | None = None) -> NewAudit:
        """Return the audit row; `run`: the existing run that a debounced call joins instead."""
        new, spec = self.new, self.spec
        parameters: dict[str, Any] = {"run": str(run or new.id), "kind": new.kind, "trigger": new.trigger}
        if repeat is not None:
            parameters |= {"of": str(repeat.of), "node": repeat.node, **repeat.data}
        operation = f"jobs.{repeat.kind}" if repeat is not None else "jobs.run"
        owner = new.permissioned_as if spec.owner is not None else None
        return audit.row(
            self.actor, operation, "Execute", spec.path, parameters, workspace=new.workspace, on_behalf_of=owner
        )


class RunInsertion:
    """Insertion of a run in one transaction, which is repeated after transient errors."""

    def __init__(
        self,
        run: PreparedRun,
        in_transaction: TransactionHook | None,
        *,
        is_repeated: bool,
        refusal: RunLimitReached | None,
    ) -> None:
        """`is_repeated`: an earlier attempt may have inserted the run. `refusal`: raised unless the call joins an
        earlier run.
        """
        self._run = run
        self._in_transaction = in_transaction
        self._refusal = refusal
        self._attempts = 1 if is_repeated else 0
        self.permitted: list[UUID] = []
        """Runs that received a permit and must be advanced after the commit."""

    async def execute(self, db: Database) -> UUID:
        """Insert the run; returns its id, or that of an existing run that the call joins. Raises Conflict."""
        options = self._run.options
        try:
            return await db.retrying(self._write)
        except (UniqueViolation, _RunAlreadyEnded) as error:
            # If the response to an earlier COMMIT was lost, the next attempt finds the run, which may have ended.
            if self._attempts > 1:
                return self._run.new.id
            if options.run_id is None:
                raise
            raise Conflict(
                f"A run with the id {options.run_id} exists.", hint="Leave the id out, or use a new one."
            ) from error

    async def _write(self, connection: Connection) -> UUID:
        self._attempts += 1
        self.permitted.clear()
        existing = await self._existing_run(connection)
        if existing is not None:
            return existing
        if self._refusal is not None:
            raise self._refusal
        await self._insert_run(connection)
        await self._insert_values(connection)
        await self._insert_start(connection)
        await append(connection, self._run.audit(repeat=self._run.options.repeat))
        await self._write_deferred(connection)
        return self._run.new.id

    async def _existing_run(self, connection: Connection) -> UUID | None:
        """Return the run that a debounced or repeated call joins; None: the run is inserted."""
        run, new = self._run, self._run.new
        if run.debounce is not None:
            call = Call(run.debounce, new, run.args, run.values[0], run.references)
            joined = await join(connection, call, again=self._attempts > 1)
            if joined is not None:
                await append(connection, run.audit(joined))
                return joined
        if run.key is not None:
            first = await idempotency.claim(connection, run.key, new.id)
            if first != new.id:
                return first
        return None

    async def _insert_run(self, connection: Connection) -> None:
        new, spec, options = self._run.new, self._run.spec, self._run.options
        if spec.text is not None and new.document is not None:
            await run_rows.store_document(connection, new.document, spec.text)
        if spec.pins:
            digest, text = write_pins(spec.pins)
            await run_rows.store_pin_set(connection, digest, text)
        await run_rows.insert_run(connection, new)
        may_exist = self._attempts > 1 or options.run_id is not None
        if may_exist and await run_rows.get_ended_run(connection, new.id) is not None:
            raise _RunAlreadyEnded
        if options.run_id is not None:
            await search.queue_run(connection, new.id, new.workspace)

    async def _insert_values(self, connection: Connection) -> None:
        run, new = self._run, self._run.new
        for value in run.values:
            await value_rows.insert_value(connection, value)
        if self._in_transaction is not None:
            await self._in_transaction(connection, new.id)
        if run.first_step is None and run.copied:
            await write_steps(connection, [run.copied.extend(StepWrite(new.id, 0, new.state, "queued"))])

    async def _insert_start(self, connection: Connection) -> None:
        """Write the first step, or the timer or event that causes it."""
        run, new, step = self._run, self._run.new, self._run.first_step
        if run.is_delayed and run.options.scheduled_at is not None:
            await run_rows.set_start_timer(connection, new.id, run.options.scheduled_at)
        elif step is None:
            await run_rows.insert_event(connection, new.id, inbox.write(inbox.StartRun()))
        elif not await write_steps(connection, [step.write]):
            raise AssertionError(f"the first step of run {new.id} was not written")
        if step is not None:
            await step.rows.write_waits(connection, new.id, new.workspace)

    async def _write_deferred(self, connection: Connection) -> None:
        run, step = self._run, self._run.first_step
        if step is None:
            return
        self.permitted.extend(await step.rows.write_last(connection, run.plan, run.row()))


class _RunAlreadyEnded(Exception):
    """A run with this id is in the history, where no unique key prevents another one."""


def row_of(new: NewRun) -> RunRow:
    """Return a new run as it is read back after its insertion."""
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
        awaited=new.awaited,
    )
