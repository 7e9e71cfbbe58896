"""Message and form of an approval, with values of the run inserted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.plan import Consent, Node
from orvanta_platform.engine.readiness import Fail, OpenApproval
from orvanta_platform.engine.step import Step
from orvanta_platform.workflow.limits import MAX_APPROVAL_INPUT_BYTES, MAX_FORM_BYTES
from orvanta_platform.workflow.placeholders import INPUT_PLACEHOLDER, PLACEHOLDER, value_at
from orvanta_platform.workflow.secret_schemas import declares

Inputs = Mapping[str, Any]


def of(step: Step, node: Node, consent: Consent) -> OpenApproval | Fail | None:
    """Return the prompt with its values; None while an answer is missing, Fail if an input threw."""
    inputs = _inputs(step, node, consent)
    parts = _message(step, node, consent.message or "", inputs if isinstance(inputs, dict) else {})
    if isinstance(inputs, NamedError):
        return Fail(inputs)
    if inputs is None or parts is None:
        return None
    form_with_values = _fill(consent.form, inputs) if inputs and consent.form is not None else None
    if declares(form_with_values):
        return Fail(
            NamedError("InvalidForm", "The form with its inputs asks for a password, which would not be protected.")
        )
    form = msgspec.json.encode(form_with_values) if form_with_values is not None else None
    if form is not None and len(form) > MAX_FORM_BYTES:
        return Fail(
            NamedError(
                "InvalidForm", f"The form with its inputs has {len(form)} bytes; at most {MAX_FORM_BYTES} are allowed."
            )
        )
    return OpenApproval(parts, form, _shown(inputs))


def _inputs(step: Step, node: Node, consent: Consent) -> dict[str, Any] | NamedError | None:
    answers = {
        name: step.answer_to("message", node.index, source, "inputs", name) for name, source in consent.inputs.items()
    }
    thrown = next((answer for answer in answers.values() if isinstance(answer, NamedError)), None)
    if thrown is not None:
        return thrown
    values = {name: msgspec.json.decode(answer.raw) for name, answer in answers.items() if isinstance(answer, Answer)}
    return values if len(values) == len(answers) else None


def _shown(inputs: Inputs) -> bytes | None:
    """Return the inputs for the approvers as a JSON object, without those that would exceed its maximum size."""
    shown: dict[str, msgspec.Raw] = {}
    size = 0
    for name, value in inputs.items():
        raw = msgspec.json.encode(value)
        if size + len(raw) <= MAX_APPROVAL_INPUT_BYTES:
            shown[name] = msgspec.Raw(raw)
            size += len(raw)
    return msgspec.json.encode(shown) if inputs else None


def _message(step: Step, node: Node, template: str, inputs: Inputs) -> tuple[str, ...] | None:
    """Return the parts of the message; the caller replaces parts with a leading NUL by fields of the run."""
    parts: list[str] = []
    missing = False
    for place, part in enumerate(PLACEHOLDER.split(template)):
        root = re.split(r"[.[]", part, maxsplit=1)[0]
        path = part[len(root) :]
        if place % 2 == 0:
            parts.append(part.replace("\0", ""))
        elif root == "run":
            parts.append("\0" + path.removeprefix("."))
        elif root == "inputs":
            parts.append(_text(value_at(inputs, path)))
        else:
            answer = step.answer_to("message", node.index, part, place)
            missing = missing or answer is None
            parts.append(_text(msgspec.json.decode(answer.raw)) if isinstance(answer, Answer) else "")
    return None if missing else tuple(part for part in parts if part)


def _fill(form: Any, inputs: Inputs) -> Any:
    """Return the form with values inserted; a text that consists of a single placeholder becomes the value itself."""
    if isinstance(form, dict):
        return {name: _fill(each, inputs) for name, each in form.items()}
    if isinstance(form, list):
        return [_fill(each, inputs) for each in form]
    if not isinstance(form, str):
        return form
    placeholder = INPUT_PLACEHOLDER.fullmatch(form)
    if placeholder is not None:
        return value_at(inputs, placeholder[1])
    return INPUT_PLACEHOLDER.sub(lambda found: _text(value_at(inputs, found[1])), form)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else msgspec.json.encode(value).decode()).replace("\0", "")
