"""Runs that repeat others: the data that a new run takes from another one before its first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Repeat:
    """The repetition of another run, `of`, as recorded in the run's history and in the audit trail.

    `node`: the node it restarts from. `data`: small JSON-able details.
    """

    kind: Literal["restart", "retry", "rerun"]
    of: UUID
    node: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A value (JSON text) of another run's context, which `node` of it wrote."""

    name: str
    node: str | None
    raw: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Brought:
    """The initial values and history lines of a run, from before its first step. `known`: the texts of these values."""

    values: tuple[NewValue, ...] = ()
    events: tuple[NewEvent, ...] = ()
    known: Mapping[ValueKey, bytes] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.events)

    def before(self, step: StepWrite) -> StepWrite:
        """The step, extended to write these as well; its own values take precedence."""
        if not self:
            return step
        own = {(value.id, value.kind, value.name) for value in step.values}
        kept = [value for value in self.values if (value.id, value.kind, value.name) not in own]
        return replace(step, values=[*kept, *step.values], events=[*self.events, *step.events])


async def brought(
    tools: Tools, context: Sequence[Remembered], new: NewRun, repeat: Repeat | None, size: int
) -> Brought:
    """The values and events of a run that repeats another one, with that run's context; `size`: bytes of its input."""
    near = tools.sizes.warnings("the input", size)
    if repeat is None:
        return Brought(events=tuple(near))
    # The event name retry is in use for the next attempt of a node.
    kind, more = ("restart", {"retry": True}) if repeat.kind == "retry" else (repeat.kind, {})
    data = msgspec.json.encode({"run": str(repeat.of), **more, **repeat.data}).decode()
    kept: list[NewValue] = []
    events = [NewEvent(kind, repeat.node, data), *near]
    for each in context:
        kept.append(
            await values.keep(tools.storage, new.workspace, new.id, new.id, "context", each.raw, name=each.name)
        )
        events.append(NewEvent("export", each.node, export_data(each.name, each.raw, each.at)))
    known = {(new.id, "context", each.name): each.raw for each in context}
    return Brought(tuple(kept), tuple(events), known)
