"""Data that a run copies from the run it repeats, written before its first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.db.runs import NewRun
from orvanta_platform.db.steps import NewEvent, NewValue, StepWrite
from orvanta_platform.db.values import ValueKey
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.orchestrator.context_events import export_data


class Repeat(msgspec.Struct, frozen=True):
    """The repetition of another run, `of`, as recorded in the run's history and in the audit trail."""

    kind: Literal["restart", "retry", "rerun"]
    of: UUID
    node: str | None = None
    """Node that the run restarts from."""
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Small JSON-compatible details."""


class ContextValue(msgspec.Struct, frozen=True):
    """A value of another run's context."""

    name: str
    node: str | None
    """Node that wrote the value."""
    raw: bytes
    """JSON text."""
    at: datetime


class CopiedData(msgspec.Struct, frozen=True):
    """Initial values and history events of a run, written before its first step."""

    values: tuple[NewValue, ...] = ()
    events: tuple[NewEvent, ...] = ()
    known: Mapping[ValueKey, bytes] = msgspec.field(default_factory=dict)
    """Texts of these values."""

    def __bool__(self) -> bool:
        return bool(self.values or self.events)

    def extend(self, step: StepWrite) -> StepWrite:
        """Return the step extended by these values and events. Values of the step take precedence."""
        if not self:
            return step
        own = {(value.id, value.kind, value.name) for value in step.values}
        inherited = [value for value in self.values if (value.id, value.kind, value.name) not in own]
        return replace(step, values=[*inherited, *step.values], events=[*self.events, *step.events])


async def copy_data(
    tools: Tools, context: Sequence[ContextValue], new: NewRun, repeat: Repeat | None, size: int
) -> CopiedData:
    """Create the initial values and events of a run. If it repeats another run, they include the context of that run.

    `size`: bytes of its input.
    """
    warnings = tools.sizes.warnings("the input", size)
    if repeat is None:
        return CopiedData(events=tuple(warnings))
    # The event name retry already denotes the next attempt of a node.
    kind, more = ("restart", {"retry": True}) if repeat.kind == "retry" else (repeat.kind, {})
    data = msgspec.json.encode({"run": str(repeat.of), **more, **repeat.data}).decode()
    copied: list[NewValue] = []
    events = [NewEvent(kind, repeat.node, data), *warnings]
    for each in context:
        copied.append(
            await values.store(tools.storage, new.workspace, new.id, new.id, "context", each.raw, name=each.name)
        )
        events.append(NewEvent("export", each.node, export_data(each.name, each.raw, each.at)))
    known = {(new.id, "context", each.name): each.raw for each in context}
    return CopiedData(tuple(copied), tuple(events), known)
