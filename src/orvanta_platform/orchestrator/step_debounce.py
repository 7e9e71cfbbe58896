"""Debounced nodes: replacing an earlier execution of the same key, joining its inputs, and notifying its run.

Rows of step_debounce are locked last, after those of concurrency limits. An execution that replaces another one does
not touch the other's run: it sends an event to its inbox.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.db import step_debounces as rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.step_debounces import EndedWait, WaitingEntry, WindowRow
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.debounce import due_at, merge_args
from orvanta_platform.engine.gates import PATH, WORKSPACE
from orvanta_platform.engine.plan import Debounce, Node, Plan
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.scope import Load

JOINED: Final = "joined"
"""Name of the value (of a node's id, kind args) with its inputs joined with those of earlier steps."""


def entry_of(effect: fx.EnterDebounce, plan: Plan, run: RunRow, job: UUID, frame: UUID | None) -> WaitingEntry:
    """Return the row that an effect requires. Its key is shared by the same step of one workflow, identity and scopes.

    Undeployed code has no path and shares its key with nothing.
    """
    path = run.path if run.kind == "flow" and run.path else str(run.id)
    fields = {WORKSPACE: run.workspace, PATH: path}
    text = "".join(fields.get(part, part) for part in effect.key)
    what = [run.workspace, path, plan.node(effect.node).id, run.permissioned_as, run.scopes, text]
    window = effect.window
    return WaitingEntry(
        hashlib.sha256(msgspec.json.encode(what)).digest(),
        run.id,
        frame,
        job,
        effect.args,
        window.delay_s,
        window.accumulate,
        window.max_delay_s,
        window.max_calls,
    )


class _Window(msgspec.Struct, frozen=True):
    """The step waiting under a key."""

    run: UUID
    frame: UUID | None
    job: UUID
    calls: int
    first_at: datetime
    due_at: datetime
    args: bytes
    """Its inputs, joined with those of the steps it replaced."""


async def apply_changes(
    connection: Connection,
    entering: Sequence[WaitingEntry],
    leaving: Collection[UUID] = (),
    ended: Collection[UUID] = (),
) -> list[UUID]:
    """Add and remove waiting steps; return the runs to advance after the commit."""
    if ended:
        await rows.delete_of_runs(connection, ended)
    over = [EndedWait(each.run, each.frame, each.job) for each in entering if _is_too_large(each)]
    entering = [each for each in entering if not _is_too_large(each)]
    if leaving:
        await rows.delete_entries(connection, leaving, [each.key for each in entering])
    if entering:
        over += await _enter(connection, entering)
    if over:
        await rows.notify_runs(connection, over)
    return list(dict.fromkeys(each.run for each in over))


def _is_too_large(entry: WaitingEntry) -> bool:
    """Return whether the inputs are too large to be joined within a transaction; such a step is not debounced."""
    return len(entry.args) > values.INLINE_LIMIT


async def _enter(connection: Connection, entering: Sequence[WaitingEntry]) -> list[EndedWait]:
    """Replace waiting steps by new ones, in order; return the steps that no longer wait."""
    locked = {row.key: row for row in await rows.lock(connection, entering)}
    new = {each.job for each in entering}
    held = [row for row in locked.values() if row.job not in new]
    joined = await _joined(connection, [row.job for row in held]) if any(each.accumulate for each in entering) else {}
    windows = {
        row.key: _Window(row.run, row.frame, row.job, row.calls, row.first_at, row.now, joined.get(row.job, b"{}"))
        for row in held
    }
    over: list[EndedWait] = []
    for each in entering:
        before, now = windows.get(each.key), locked[each.key].now
        after = _extended_window(each, before, now) if before is not None else None
        if before is not None:
            over.append(EndedWait(before.run, before.frame, before.job, each.run if after is not None else None))
        windows[each.key] = after or _new_window(each, now)
    await rows.save(connection, [_row(key, window) for key, window in windows.items()])
    accumulates = {each.job for each in entering if each.accumulate}
    accumulated = [
        values.inline_row(each.job, "args", each.args, JOINED) for each in windows.values() if each.job in accumulates
    ]
    await value_rows.insert_values(connection, accumulated)
    return over


async def _joined(connection: Connection, jobs: Sequence[UUID]) -> dict[UUID, bytes]:
    found = await value_rows.get_values(connection, [(job, "args", JOINED) for job in jobs])
    return {row.id: values.json_of_row(row) for row in found}


def _new_window(entry: WaitingEntry, now: datetime) -> _Window:
    """Return a new window, which lasts for the delay regardless of an earlier one."""
    wait_s = entry.delay_s if entry.longest_s is None else min(entry.delay_s, entry.longest_s)
    return _Window(entry.run, entry.frame, entry.job, 1, now, now + timedelta(seconds=wait_s), entry.args)


def _extended_window(entry: WaitingEntry, before: _Window, now: datetime) -> _Window | None:
    """Return the window that replaces `before`; None if that one is due, or the joined inputs are too large."""
    window = Debounce(entry.delay_s, None, entry.accumulate, entry.longest_s, entry.most)
    until = due_at(window, before.calls, before.first_at, now)
    args = msgspec.json.encode(merge_args(window, _members(before.args), _members(entry.args)))
    if until is None or len(args) > values.INLINE_LIMIT:
        return None
    return _Window(entry.run, entry.frame, entry.job, before.calls + 1, before.first_at, until, args)


def _members(raw: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])


def _row(key: bytes, window: _Window) -> WindowRow:
    return WindowRow(key, window.run, window.frame, window.job, window.calls, window.first_at, window.due_at)


async def with_joined(load: Load, node: Node, job: UUID, args: bytes) -> bytes:
    """Return the inputs of a node (JSON object text) with joined inputs in place of its own. Raises ObjectMissing."""
    if node.debounce is None or not node.debounce.inputs:
        return args
    joined = (await load([(job, "args", JOINED)])).get((job, "args", JOINED))
    return args if joined is None else msgspec.json.encode({**_members(args), **_members(joined)})
