"""Outcome of one attempt of a job, as reported by its worker."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.steps import Fate, JobCompletion, NewValue
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.events import Event, Failed, JobCancelled, NamedError, Succeeded
from orvanta_platform.orchestrator.sealed_inputs import sealed_key
from orvanta_platform.orchestrator.sizes import SizeWarning
from orvanta_platform.orchestrator.view import PREPROCESSED


class SecretsOpened(Exception):
    """The job has opened secrets through the API that the Finish does not mask yet; it must be masked again."""


class Finish(msgspec.Struct, frozen=True):
    """A worker's report on the completion of a job at (attempt, worker, generation)."""

    job: UUID
    node: int
    attempt: int
    worker: UUID
    generation: int
    raw: bytes
    """JSON text of the result, or of `{"error": …}`."""
    value: NewValue
    """The same as a row, uploaded if it is large."""
    error: NamedError | None = None
    """None if the attempt succeeded."""
    retryable: bool = True
    """False if a retry is pointless."""
    cancelled: bool = False
    """True if the worker stopped the job on request."""
    mem_peak_kb: int | None = None
    log_chars: int = 0
    ran_s: float | None = None
    """Seconds since the process started; None if it never did."""
    openings: int | None = None
    """Number of secrets opened through the API that the masking includes; None if nothing has to be masked."""
    cached: UUID | None = None
    """The run whose result is reused."""
    nears: tuple[SizeWarning, ...] = ()
    """Warnings about an input or result near its size limit."""
    sealed: bytes | None = None
    """Sealed password inputs (JSON text) of a preprocessor, which are masked in `raw`."""

    def known(self, run: UUID) -> dict[ValueKey, bytes]:
        """Return the values of the attempt for the step that records it."""
        found: dict[ValueKey, bytes] = {(self.job, "result", ""): self.raw}
        if self.sealed is not None:
            found[sealed_key(run, PREPROCESSED)] = self.sealed
        return found

    def ending(self, fate: Fate, *, error_name: str | None = None, due_in_s: float | None = None) -> JobCompletion:
        """Return the row update that completes the job, with `fate` as its new state."""
        return JobCompletion(
            job=self.job,
            attempt=self.attempt,
            worker=self.worker,
            generation=self.generation,
            fate=fate,
            error_name=error_name or (self.error.name if self.error and fate != "succeeded" else None),
            mem_peak_kb=self.mem_peak_kb,
            log_chars=self.log_chars,
            ran_s=self.ran_s,
            due_in_s=due_in_s,
            openings=self.openings,
        )

    @property
    def event(self) -> Event:
        """The event for the engine."""
        if self.cancelled:
            return JobCancelled(self.node)
        if self.error is None:
            return Succeeded(self.node)
        return Failed(self.node, self.error.name, self.error.message, self.retryable)


def input_values(run: UUID, result: bytes | None, finish: Finish | None) -> dict[ValueKey, bytes]:
    """Return the input computed by a preprocessor, with its sealed part: `result`, or the result of its job."""
    found = {(run, "args", PREPROCESSED): result or (finish.raw if finish else b"{}")}
    if result is None and finish is not None and finish.sealed is not None:
        found[sealed_key(run, PREPROCESSED)] = finish.sealed
    return found
