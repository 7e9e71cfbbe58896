"""Error name of a list of nodes."""

from __future__ import annotations

from collections.abc import Mapping

from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.states import Status


def error_name(effect: fx.RunEnded, errors: Mapping[int, str]) -> str | None:
    """Return the error name of a run or body that ends; `errors` holds those of its nodes that failed in this step."""
    if isinstance(effect.result, fx.Thrown):
        return effect.result.error.name
    if effect.status is Status.CANCELLED:
        return "Canceled"
    if effect.status is Status.SUCCEEDED or effect.error_node is None:
        return None
    return errors.get(effect.error_node)
