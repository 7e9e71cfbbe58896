"""A wait for people opens and closes: its row, its deadline, its line in the history."""

from __future__ import annotations

from orvanta_platform.engine.effects import OpenWait, Record, SetTimer
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.plan import Consent
from orvanta_platform.engine.state import Mark, Phase
from orvanta_platform.engine.step import Step


def suspend(step: Step, index: int, final: Mark, *, result: bytes | None, groups: bytes | None) -> None:
    """A step has ended, and its edges wait for events."""
    consent = step.plan.node(index).suspend
    if consent is not None:
        step.hold(index, Mark.SUSPENDED, final, result=result)
        open_wait(step, index, consent, groups=groups)


def open_wait(
    step: Step,
    index: int,
    consent: Consent,
    message: tuple[str, ...] = (),
    groups: bytes | None = None,
    form: bytes | None = None,
) -> None:
    """People are asked; for `message`, `groups` and `form` see OpenWait."""
    step.effects.append(OpenWait(index, message, groups, form))
    if consent.timeout_s is not None:
        step.effects.append(SetTimer(index, "deadline", consent.timeout_s))
    step.effects.append(Record("approval_opened", index, {"required": consent.required}))


def close_wait(step: Step, index: int, consent: Consent) -> None:
    """Nobody is asked any more."""
    step.close_wait(index)
    if consent.timeout_s is not None:
        step.drop_timer(index, "deadline")


def disapprove(step: Step, error: Err) -> None:
    """The list ends failed, whatever would handle a failure; what runs goes on to its end."""
    step.phase = Phase.DISAPPROVED
    step.stopped = (error.name, error.message)


def disapprove_around(step: Step, index: int, error: Err) -> None:
    """A suspend inside the node was refused: that ends the list around it too, without retries and edges."""
    step.forget_failures(index)
    disapprove(step, error)
    step.end(index, Mark.FAILED, error=error)
    step.stop_starting(stop=False)
