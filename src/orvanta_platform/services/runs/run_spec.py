"""Specification of a new run: its options, and its resolved target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.secret_fields import Secrets, restore, work_budget
from orvanta_platform.engine.plan import Debounce
from orvanta_platform.engine.state import RunState
from orvanta_platform.ids import new_run_id
from orvanta_platform.orchestrator.blueprints import Blueprint, Pins
from orvanta_platform.services.runs.breakpoints import PauseBefore
from orvanta_platform.services.runs.copied_data import ContextValue, Repeat
from orvanta_platform.services.runs.idempotency import IdempotencyKey
from orvanta_platform.services.runs.trigger_event import TriggerEvent

DEPLOYMENT: Final = "deploy"
"""Trigger of the runs that lock the packages of a version."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a new run."""

    trigger: str = "api"
    scheduled_at: datetime | None = None
    """Start time; None: now."""
    tag: str | None = None
    """Queue of the run's jobs, instead of the one that its target specifies."""
    attach: bool = False
    """Make the job that starts the run its parent. No effect if no job starts it."""
    idempotency: IdempotencyKey | None = None
    """For a day, a call with the same key by the same caller returns the id of the first run."""
    run_id: UUID | None = None
    """Id chosen by the caller; None: `new_id`."""
    is_due: bool = False
    """`scheduled_at` has passed by the clock of the database, regardless of the clock of this process."""
    repeat: Repeat | None = None
    """The run that this one repeats."""
    preprocess: bool = False
    """The preprocessor of the workflow or script computes the input from the arguments."""
    event: TriggerEvent | None = None
    """The request that starts the run, for functions `preprocessor(event)`; None: the arguments already contain it."""
    pause: PauseBefore | None = None
    """Breakpoints."""
    references: frozenset[str] | None = None
    """Names of the arguments that may contain references; None: all."""
    secrets: Secrets = field(default_factory=dict, repr=False)
    """Password inputs of the repeated run, which replace masks in the arguments."""
    awaited: bool = False
    """The caller waits for the result in this process."""
    traceparent: str | None = None
    """Header with the trace of the caller, which the trace of the run is linked to."""
    new_id: UUID = field(default_factory=new_run_id)

    @property
    def id(self) -> UUID:
        """Id of the new run."""
        return self.run_id or self.new_id

    def with_event(self, args: bytes) -> tuple[bytes, RunOptions]:
        """Return the arguments of a run whose preprocessor takes the event, and its options.

        Idempotency keys belong to the arguments of the call, as headers differ between repeated calls.
        """
        if self.event is None or not self.preprocess:
            return args, self
        key = None if self.idempotency is None else replace(self.idempotency, input=args)
        references = None if self.references is None else frozenset({"event"} if self.references else ())
        return self.event.args(args), replace(self, idempotency=key, references=references)

    def unmasked(self, args: bytes) -> bytes:
        """Return the arguments with masks replaced by their password inputs. Raises TooComplex."""
        return restore(args, self.secrets, work_budget(args)) if self.secrets else args


class RunSpec(msgspec.Struct, frozen=True):
    """Target of a new run, resolved and validated, which the actor may run."""

    workspace: str
    kind: str
    path: str | None
    blueprint: Blueprint
    version: int | None = None
    document: bytes | None = None
    text: bytes | None = None
    """Bytes of a document that may not be stored yet, such as that of a preview."""
    language: str | None = None
    pins: Pins = msgspec.field(default_factory=dict)
    tag: str | None = None
    priority: int = 0
    timeout_s: float | None = None
    state: RunState | None = None
    """Initial state of a run that restarts another one."""
    context: Sequence[ContextValue] = ()
    """Initial context of a run that restarts another one."""
    debounce: Debounce | None = None
    owner: Actor | None = None
    """Member that the run acts for; None: the member who starts it."""
    schema: Any = None
    """JSON Schema that declares which inputs are passwords."""
    recorded: bytes | None = None
    """Recording that a dry run plays (JSON text)."""
    reference: str | None = None
    """The caller's reference to the target: by path or by version."""
