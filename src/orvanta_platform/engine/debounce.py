"""Calls that are put off for later ones: what counts together, what the later one changes, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orvanta_platform.engine import duration
from orvanta_platform.engine.gates import PATH, WORKSPACE, inputs_of, key_parts, text_of
from orvanta_platform.engine.plan import Debounce, KeyPart, StepDebounce

Args = Mapping[str, msgspec.Raw]
"""Arguments by name, each as JSON text."""


def of_settings(settings: Mapping[str, Any]) -> Debounce | None:
    """What the settings of a workflow or script ask for; None: each call is a run."""
    delay_s = duration.setting(settings.get("debounce_delay_s"))
    if delay_s is None:
        return None
    key, names, most = (
        settings.get(name) for name in ("debounce_key", "debounce_args_to_accumulate", "max_total_debounces_amount")
    )
    return Debounce(
        delay_s,
        key if isinstance(key, str) and key else None,
        tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
        duration.setting(settings.get("max_total_debouncing_time")),
        most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else None,
    )


def of_step(id: str, value: Mapping[str, Any], settings: Any) -> StepDebounce | None:
    """What the `debouncing` of a step asks for, by its value; None: it begins as soon as it may."""
    window = of_settings(settings) if isinstance(settings, Mapping) else None
    if window is None:
        return None
    source, transforms = inputs_of(value), value.get("input_transforms") or {}
    key = (WORKSPACE, "/flow/", PATH, "-", id) if window.key is None else key_parts(window.key, source)
    return StepDebounce(window, key, {name: source(name) for name in window.accumulate if name in transforms})


def key_text(debounce: Debounce, workspace: str, args: Args) -> str:
    """What calls have in common that count together."""
    if debounce.key is None:
        rest = {name: raw for name, raw in sorted(args.items()) if name not in debounce.accumulate}
        plain = msgspec.json.decode(msgspec.json.encode(rest))
        return f"{workspace}/{msgspec.json.encode(plain, order='sorted').decode()}"
    parts = key_parts(debounce.key, lambda name: name)
    fields = {WORKSPACE: workspace}
    return "".join(
        text_of(bytes(args.get(part.source, msgspec.Raw(b"null"))), part.path)
        if isinstance(part, KeyPart)
        else fields.get(part, part)
        for part in parts
    )


def merged(debounce: Debounce, before: Args, call: Args) -> dict[str, msgspec.Raw]:
    """The arguments after one more call."""
    after = dict(call)
    for name in debounce.accumulate:
        both = [_items(args[name]) for args in (before, call) if name in args]
        if both:
            after[name] = msgspec.Raw(msgspec.json.encode([item for items in both for item in items]))
    return after


def _items(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The items of an array; anything else is one itself."""
    try:
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return [raw]


def put_off(debounce: Debounce, calls: int, first_at: datetime, now: datetime) -> datetime | None:
    """When a run for which `calls` were made begins after one more at `now`; None: it is put off no longer."""
    if debounce.most is not None and calls > debounce.most:
        return None
    due = now + timedelta(seconds=debounce.delay_s)
    if debounce.longest_s is None:
        return due
    last = first_at + timedelta(seconds=debounce.longest_s)
    return min(due, last) if now < last else None
