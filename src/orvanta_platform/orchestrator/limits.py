"""Concurrency limits: the queue entries that a step requires, and the events of granted permits."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.gates import Entry
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import NewEvent
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.events import Event, Permitted
from orvanta_platform.engine.gates import DEFAULT, PATH, WORKSPACE
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import Mark, Phase, RunState
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.wait_outcomes import find_waiting_node

_SHOWN_KEY = 200


def queue_entry(
    effect: fx.EnterGate, plan: Plan, run: RunRow, job: UUID, frame: UUID | None, *, gated: bool
) -> tuple[Entry, NewEvent]:
    """Return the queue entry that an effect requires, and the event that records it in the run's history.

    `plan` is that of the list that contains the node. `gated`: the run as a whole has a limit.
    """
    document = run.document.hex() if run.document is not None else str(run.id)
    fields = {WORKSPACE: run.workspace, PATH: run.path or document, DEFAULT: ""}
    name = "".join(fields.get(part, part) for part in effect.key).replace("\0", "")
    first = effect.key[0] if effect.key else ""
    workspace = run.workspace if first in (WORKSPACE, DEFAULT) else None
    node = None if effect.node is None else plan.node(effect.node)
    priority = run.priority if node is None or node.priority is None else node.priority
    inside = run.parent is not None or (node is not None and gated)
    default = first == DEFAULT
    entry = Entry(job, run.id, frame, workspace, name, effect.limit, effect.window_s, priority, inside, default)
    data = {"key": name[:_SHOWN_KEY], "limit": effect.limit, "window_s": effect.window_s}
    event_row = NewEvent("limit", None if node is None or plan.single else node.id, msgspec.json.encode(data).decode())
    return entry, event_row


def permitted(plan: Plan, run: UUID, state: RunState, event: inbox.Permitted) -> Event | None:
    """Return the event of a permit for a list without containers; None if the permit is no longer waited for."""
    if is_for_run(plan, run, state, event):
        return Permitted(None)
    index = permitted_node(plan, run, state, event)
    return None if index is None else Permitted(index)


def permitted_node(
    plan: Plan, run: UUID, state: RunState, event: inbox.Permitted, frame: UUID | None = None
) -> int | None:
    """Return the node that the permit is for; None if it no longer waits."""
    return find_waiting_node(plan, run, state, event.job, (Mark.WAITING_GATE,), frame)


def is_for_run(plan: Plan, run: UUID, state: RunState, event: inbox.Permitted) -> bool:
    """Return whether the permit is for the run as a whole, which waits for it."""
    return plan.gate is not None and event.job == run and state.phase is Phase.GATED
