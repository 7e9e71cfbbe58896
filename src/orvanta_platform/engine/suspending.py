"""Opening and closing an approval: its row, its deadline and its history entry."""

from __future__ import annotations

from orvanta_platform.engine.effects import OpenWait, Record, SetTimer, StoreResume
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Consent
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.step import Step


def suspend(step: Step, index: int, final: Mark, *, result: bytes | None, groups: bytes | None) -> None:
    """Hold the edges of a node that has ended until enough events arrive."""
    consent = step.plan.node(index).suspend
    if consent is not None:
        step.hold(index, Mark.SUSPENDED, final, result=result)
        open_wait(step, index, consent, groups=groups)


_RESUMED = b'{"value":{},"approver":null,"resume_id":null,"at":null}'


def resume_without_wait(step: Step, index: int) -> None:
    """Resume a node that would suspend in a real run, with an empty payload."""
    step.votes = {**step.votes, index: 1}
    step.effects.append(StoreResume(index, 1, _RESUMED))


def open_wait(
    step: Step,
    index: int,
    consent: Consent,
    message: tuple[str, ...] = (),
    groups: bytes | None = None,
    form: bytes | None = None,
    inputs: bytes | None = None,
) -> None:
    """Open the approval of a node; `message`, `groups`, `form` and `inputs` are described in OpenWait."""
    step.effects.append(OpenWait(index, message, groups, form, inputs))
    if consent.timeout_s is not None:
        step.effects.append(SetTimer(index, "deadline", consent.timeout_s))
    step.effects.append(Record("approval_opened", index, {"required": consent.required}))


def close_wait(step: Step, index: int, consent: Consent) -> None:
    """Close the approval of a node."""
    step.close_wait(index)
    if consent.timeout_s is not None:
        step.drop_timer(index, "deadline")


def disapprove(step: Step, error: NamedError) -> None:
    """Fail the list regardless of failure handlers; running jobs continue to their end."""
    step.phase = Phase.DISAPPROVED
    step.stopped = (error.name, error.message)


def disapprove_around(step: Step, index: int, error: NamedError) -> None:
    """Fail the list around a node in which a suspend was rejected, without retries and edges."""
    step.forget_failures(index)
    disapprove(step, error)
    step.end(index, Mark.FAILED, error=error)
    step.stop_starting(stop=False)
