"""Debouncing of calls: their key, the merged arguments, and the time at which the run starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orvanta_platform.engine import duration
from orvanta_platform.engine.gates import PATH, WORKSPACE, inputs_of, key_part_text, key_parts
from orvanta_platform.engine.plan import Debounce, KeyPart, StepDebounce

Args = Mapping[str, msgspec.Raw]
"""Arguments by name, each as JSON text."""


def of_settings(settings: Mapping[str, Any]) -> Debounce | None:
    """Return the debounce settings of a workflow or script; None if each call starts a run."""
    delay_s = duration.setting(settings.get("debounce_delay_s"))
    if delay_s is None:
        return None
    key, accumulated, max_calls = (
        settings.get(name) for name in ("debounce_key", "debounce_args_to_accumulate", "max_total_debounces_amount")
    )
    return Debounce(
        delay_s,
        key if isinstance(key, str) and key else None,
        tuple(name for name in accumulated if isinstance(name, str)) if isinstance(accumulated, list) else (),
        duration.setting(settings.get("max_total_debouncing_time")),
        max_calls if isinstance(max_calls, int) and not isinstance(max_calls, bool) and max_calls > 0 else None,
    )


def of_step(id: str, value: Mapping[str, Any], settings: Any) -> StepDebounce | None:
    """Return the debounce settings of a node from its `debouncing`; None if it starts without waiting."""
    window = of_settings(settings) if isinstance(settings, Mapping) else None
    if window is None:
        return None
    source, transforms = inputs_of(value), value.get("input_transforms") or {}
    key = (WORKSPACE, "/flow/", PATH, "-", id) if window.key is None else key_parts(window.key, source)
    return StepDebounce(window, key, {name: source(name) for name in window.accumulate if name in transforms})


def key_text(debounce: Debounce, workspace: str, args: Args) -> str:
    """Return the key that calls must share to be debounced together."""
    if debounce.key is None:
        rest = {name: raw for name, raw in sorted(args.items()) if name not in debounce.accumulate}
        plain = msgspec.json.decode(msgspec.json.encode(rest))
        return f"{workspace}/{msgspec.json.encode(plain, order='sorted').decode()}"
    parts = key_parts(debounce.key, lambda name: name)
    fields = {WORKSPACE: workspace}
    return "".join(
        key_part_text(bytes(args.get(part.source, msgspec.Raw(b"null"))), part.path)
        if isinstance(part, KeyPart)
        else fields.get(part, part)
        for part in parts
    )


def merge_args(debounce: Debounce, before: Args, call: Args) -> dict[str, msgspec.Raw]:
    """Return the arguments after one more call."""
    after = dict(call)
    for name in debounce.accumulate:
        both = [_items(args[name]) for args in (before, call) if name in args]
        if both:
            after[name] = msgspec.Raw(msgspec.json.encode([item for items in both for item in items]))
    return after


def _items(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the items of an array; any other value is a single item."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return [raw]


def due_at(debounce: Debounce, calls: int, first_at: datetime, now: datetime) -> datetime | None:
    """Return the start time of a run with `calls` calls after one more at `now`; None if a limit is reached."""
    if debounce.max_calls is not None and calls > debounce.max_calls:
        return None
    due = now + timedelta(seconds=debounce.delay_s)
    if debounce.max_delay_s is None:
        return due
    last = first_at + timedelta(seconds=debounce.max_delay_s)
    return min(due, last) if now < last else None
