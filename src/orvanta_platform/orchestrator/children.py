"""Runs of sub-workflows: inserted by the step that opens their node, cancelled through their inbox."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import NewRun, RunRow
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator import inbox, values, worker_affinity
from orvanta_platform.orchestrator.blueprints import Blueprint, Blueprints, Pin, pins_inside, write_pins
from orvanta_platform.orchestrator.view import NO_ENV, env_key
from orvanta_platform.orchestrator.wakeups import is_wait_change
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.queue.dynamic_tags import in_workspace


async def start(
    connection: Connection,
    blueprints: Blueprints,
    blueprint: Blueprint,
    run: RunRow,
    node: Node,
    child: UUID,
    state: bytes | None = None,
    *,
    references: tuple[str, ...] = (),
    sealed: bool = False,
) -> None:
    """Insert the run of a sub-workflow, which starts when it is first advanced; the step writes its input.

    `state` is the initial state if the run restarts from another run. `references` names its arguments that hold
    references; `sealed` marks that some of them are sealed.

    The run acts as the identity that its version names, otherwise as that of its caller with the caller's scopes. It
    uses the caller's pins, so that versions do not change during the run. It belongs to the member it acts for: the
    starter of a run on behalf of another member may read the runs inside it only if permitted by their paths. A dry
    run acts for its starter throughout, who sees what its nodes would receive.
    """
    pin = blueprint.flow_pin(node)
    pin_set = await _pin_set(connection, blueprint, run, pin)
    called = await blueprints.workflow(connection, bytes.fromhex(pin.document), pin_set, is_call=False)
    if called.is_dry != blueprint.is_dry:
        raise AssertionError(f"the run {run.id} calls {pin.path} with pins of another kind of run")
    before = RunState.decode(state) if state else RunState.new(called.plan)
    initial = replace(before, references=references, sealed=sealed)
    tag = None if is_pinned(run.queue) else in_workspace(pin.tag, run.workspace)
    asked = replace(run, queue=tag) if tag and not is_pinned(tag) else run
    queue = await worker_affinity.queue_of(connection, called, asked)
    await run_rows.insert_run(connection, _new_run(child, run, pin, pin_set, called, initial, queue))
    env = await _env(connection, blueprint, run) if called.plan.env == NO_ENV else NO_ENV
    if env != NO_ENV:
        await value_rows.insert_value(connection, values.inline_row(child, "args", env, env_key(child)[2]))
    await frame_rows.insert_events(connection, child, [inbox.write(inbox.StartRun())])


def _new_run(
    id: UUID, run: RunRow, pin: Pin, pin_set: bytes | None, called: Blueprint, initial: RunState, queue: str | None
) -> NewRun:
    """Return the row of the run of a sub-workflow that `run` calls."""
    owner = None if called.is_dry else pin.permissioned_as
    acting = owner or run.permissioned_as
    return NewRun(
        id=id,
        workspace=run.workspace,
        kind="flowpreview" if called.is_dry else "flow",
        path=pin.path,
        version=pin.version,
        document=bytes.fromhex(pin.document),
        language=None,
        pin_set=pin_set,
        engine_version=max(called.plan.engine_version, initial.engine_version),
        state=initial.encode(),
        priority=run.priority,
        queue=queue,
        parent=run.id,
        root=run.root,
        trigger="flow",
        created_by=acting.removeprefix("u/"),
        email=(pin.email if owner is not None else None) or run.email,
        permissioned_as=acting,
        scheduled_at=clock.now(),
        seed=(run.seed ^ id.int) & ((1 << 62) - 1),
        timeout_s=pin.timeout_s,
        scopes=run.scopes if owner is None else None,
    )


async def _pin_set(connection: Connection, blueprint: Blueprint, run: RunRow, pin: Pin) -> bytes | None:
    """Return the caller's pins, or the pins accepted for the member that the sub-workflow acts for.

    The latter apply if that is another member or the caller is limited by scopes. The caller's pins, which may be
    other versions of the same paths, are then not used.
    """
    owner = pin.permissioned_as
    if owner is None or (owner == run.permissioned_as and run.scopes is None):
        return run.pin_set
    inner = pins_inside(blueprint.pins, owner)
    if not inner:
        return None
    digest, text = write_pins(inner)
    await run_rows.store_pin_set(connection, digest, text)
    return digest


async def _env(connection: Connection, blueprint: Blueprint, run: RunRow) -> bytes:
    """Return the caller's flow_env: its own, or that of its own caller."""
    if blueprint.plan.env != NO_ENV or run.parent is None:
        return blueprint.plan.env
    for row in await value_rows.get_values(connection, [env_key(run.id)]):
        return values.json_of_row(row)
    return NO_ENV


async def notify_caller(connection: Connection, before: RunRow, after: RunRow) -> list[UUID]:
    """Notify the caller if the run starts or stops waiting for people; return the runs to advance for it."""
    if before.parent is None or not is_wait_change(before.status, after.status):
        return []
    await run_rows.insert_event(connection, before.parent, inbox.write(inbox.ChildWaitChanged()))
    return [before.parent]


async def cancel(connection: Connection, child: UUID, *, force: bool = False) -> None:
    """Send a cancellation to the inbox of `child`, whose run is not locked here together with its caller's."""
    await run_rows.insert_event(connection, child, inbox.write(inbox.CancelRun(force)))


async def cancel_all(connection: Connection, run: UUID) -> list[UUID]:
    """Cancel all sub-workflows of a run that is force-cancelled; return their ids."""
    found = await frame_rows.list_children(connection, run)
    for child in found:
        await cancel(connection, child, force=True)
    return found
