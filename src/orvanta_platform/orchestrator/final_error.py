"""By which error a list of nodes ended."""

from __future__ import annotations

from collections.abc import Mapping

from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.states import Status


def error_name(effect: fx.RunEnded, errors: Mapping[int, str]) -> str | None:
    """The name of the error of a run, or of a body, that ends; `errors`: those of its nodes that failed now."""
    if isinstance(effect.result, fx.Thrown):
        return effect.result.error.name
    if effect.status is Status.CANCELLED:
        return "Canceled"
    if effect.status is Status.SUCCEEDED or effect.error_node is None:
        return None
    return errors.get(effect.error_node)
