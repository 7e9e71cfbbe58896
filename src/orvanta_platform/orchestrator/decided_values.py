"""Values of a step that are decided but not yet written: results, exports, inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.effects import Effect, Export, Input, NodeEnded, StoreInputs, StoreResume
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.states import Status
from orvanta_platform.orchestrator.paused_inputs import EDITED
from orvanta_platform.orchestrator.view import ERROR, PREPROCESSED, result_key


def decided_values(
    plan: Plan, run: UUID, effects: Sequence[Effect], known: Mapping[ValueKey, bytes], frame: UUID | None
) -> dict[ValueKey, bytes]:
    """Return results and exports of the step so far. Errors of jobs in `known` have more detail and take precedence."""
    found: dict[ValueKey, bytes] = {}
    for effect in effects:
        if isinstance(effect, NodeEnded) and effect.result is not None:
            found[result_key(plan, run, effect.node, frame)] = effect.result
        elif isinstance(effect, NodeEnded) and effect.error is not None:
            key = result_key(plan, run, effect.node, frame)
            if plan.node(effect.node).kind.is_container:
                error_of = (key[0], "result", ERROR)
                keys = [] if error_of in known else [key, error_of]
            else:
                keys = [] if key in known and _is_error(known[key], effect.error) else [key]
            found |= dict.fromkeys(keys, error_json(effect.error, plan.node(effect.node).id))
        elif isinstance(effect, Export):
            found[(run, "context", effect.name)] = effect.raw
        elif isinstance(effect, Input):
            of_job = known.get(result_key(plan, run, effect.node), b"{}")
            found[(run, "args", PREPROCESSED)] = effect.result if effect.result is not None else of_job
        elif isinstance(effect, StoreInputs):
            found[(result_key(plan, run, effect.node, frame)[0], "args", EDITED)] = effect.raw
        elif isinstance(effect, StoreResume):
            found[(result_key(plan, run, effect.node, frame)[0], "resume", str(effect.number))] = effect.raw
    return found


class _Error(msgspec.Struct):
    name: str
    message: str


def _is_error(raw: bytes, error: NamedError) -> bool:
    """Return whether a result is `{"error": …}` with this error."""
    try:
        stored = msgspec.json.decode(raw, type=dict[str, _Error]).get("error")
    except msgspec.DecodeError:
        return False
    return stored is not None and (stored.name, stored.message) == (error.name, error.message)


def error_json(error: NamedError, step_id: str | None) -> bytes:
    """Return `{"error": {name, message, step_id?}}` as JSON text."""
    fields = {"name": error.name, "message": error.message}
    if step_id is not None:
        fields["step_id"] = step_id
    return msgspec.json.encode({"error": fields})


def error_name(effect: fx.RunEnded, errors: Mapping[int, str]) -> str | None:
    """Return the error name of a run or body that ends; `errors` holds those of its nodes that failed in this step."""
    if isinstance(effect.result, fx.ThrownOutput):
        return effect.result.error.name
    if effect.status is Status.CANCELLED:
        return "Canceled"
    if effect.status is Status.SUCCEEDED or effect.error_node is None:
        return None
    return errors.get(effect.error_node)
