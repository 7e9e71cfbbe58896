"""Debouncing of runs: a call joins the run of an earlier call that has not started."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db import debounce as rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import NewRun
from orvanta_platform.db.steps import NewValue
from orvanta_platform.engine.debounce import due_at, key_text, merge_args
from orvanta_platform.engine.plan import Debounce
from orvanta_platform.orchestrator import values


class Call(msgspec.Struct, frozen=True):
    """A debounced call that would create the run `new`."""

    debounce: Debounce
    new: NewRun
    args: bytes
    """Arguments as JSON text."""
    value: NewValue
    """Row of the arguments."""
    references: tuple[str, ...] = ()
    """Names of the arguments that contain references. Calls that differ in these are not merged."""

    @property
    def key(self) -> bytes:
        """Return the key of calls that are merged into one run: same version, same identity and same scopes."""
        new, args = self.new, msgspec.json.decode(self.args, type=dict[str, msgspec.Raw])
        pins = (new.pin_set or b"").hex()
        what: list[Any] = [new.kind, new.path, new.version, new.permissioned_as, new.scopes, pins, new.queue]
        what += [self.references] if self.references else []
        text = key_text(self.debounce, new.workspace, args)
        return hashlib.sha256(msgspec.json.encode([*what, text])).digest()


async def join(connection: Connection, call: Call, *, again: bool) -> UUID | None:
    """Join the run of an earlier call; returns that run, or None if the call creates a run that later calls may join.

    Called first in the transaction that creates the run. `again`: an earlier attempt of the transaction may have
    committed.
    """
    found = await rows.lock(connection, call.key, call.new.id)
    if found.run == call.new.id:
        return None
    if again and await rows.includes_call(connection, found.run, call.new.id):
        return found.run
    until = due_at(call.debounce, found.calls, found.first_at, found.now)
    value = await _merged_args(connection, call, found.run) if until is not None else None
    if until is None or value is None or not await rows.delay(connection, call.key, found.run, until):
        await rows.replace(connection, call.key, call.new.id)
        return None
    await rows.set_args(connection, found.run, value)
    await rows.record_call(connection, found.run, call.new.id, call.new.created_by)
    return found.run


async def _merged_args(connection: Connection, call: Call, run: UUID) -> NewValue | None:
    """Return the merged arguments of both calls; None: they are too large to be merged within a transaction."""
    if not call.debounce.accumulate:
        return call.value
    stored = await value_rows.get_values(connection, [(run, "args", "")])
    if not stored or stored[0].object is not None:
        return None
    before, args = (
        msgspec.json.decode(raw, type=dict[str, msgspec.Raw]) for raw in (values.json_of_row(stored[0]), call.args)
    )
    raw = msgspec.json.encode(merge_args(call.debounce, before, args))
    return values.inline_row(run, "args", raw) if len(raw) <= values.INLINE_LIMIT else None
