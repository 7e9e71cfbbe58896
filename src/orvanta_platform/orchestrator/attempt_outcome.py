"""The end of one attempt of a job, as its worker tells it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.steps import Ending, Fate, NewValue
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.events import Err, Event, Failed, JobCancelled, Succeeded
from orvanta_platform.orchestrator.scope import PREPROCESSED
from orvanta_platform.orchestrator.sealed_inputs import sealed_key
from orvanta_platform.orchestrator.sizes import Near


class SecretsOpened(Exception):
    """The job has opened secrets by API that are not masked in the Finish yet: it is to be masked anew."""


class Finish(msgspec.Struct, frozen=True):
    """A worker's report on the end of a job at (attempt, worker, generation).

    `raw`: JSON text of the result, or of `{"error": …}`; `value`: the same as a row, uploaded if it is large.
    `error` None: it succeeded. `retryable` False: retries are pointless. `cancelled`: its worker stopped it on request.
    `ran_s`: seconds since its process started, None if it never did. `openings`: number of secrets opened by API that
    its masking includes, None if nothing has to be masked. `cached`: the run whose result it reuses. `nears`: its input
    and its result, if they are near their limit. `sealed`: sealed password inputs (JSON text) of a preprocessor, which
    are masked in `raw`.
    """

    job: UUID
    node: int
    attempt: int
    worker: UUID
    generation: int
    raw: bytes
    value: NewValue
    error: Err | None = None
    retryable: bool = True
    cancelled: bool = False
    mem_peak_kb: int | None = None
    log_chars: int = 0
    ran_s: float | None = None
    openings: int | None = None
    cached: UUID | None = None
    nears: tuple[Near, ...] = ()
    sealed: bytes | None = None

    def known(self, run: UUID) -> dict[ValueKey, bytes]:
        """Its values for the step that records it."""
        found: dict[ValueKey, bytes] = {(self.job, "result", ""): self.raw}
        if self.sealed is not None:
            found[sealed_key(run, PREPROCESSED)] = self.sealed
        return found

    def ending(self, fate: Fate, *, error_name: str | None = None, due_in_s: float | None = None) -> Ending:
        """What becomes of the job by it."""
        return Ending(
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
        """What it means to the engine."""
        if self.cancelled:
            return JobCancelled(self.node)
        if self.error is None:
            return Succeeded(self.node)
        return Failed(self.node, self.error.name, self.error.message, self.retryable)


def input_values(run: UUID, result: bytes | None, finish: Finish | None) -> dict[ValueKey, bytes]:
    """The input computed by a preprocessor, with its sealed part: `result`, or that of its job."""
    found = {(run, "args", PREPROCESSED): result or (finish.raw if finish else b"{}")}
    if result is None and finish is not None and finish.sealed is not None:
        found[sealed_key(run, PREPROCESSED)] = finish.sealed
    return found
