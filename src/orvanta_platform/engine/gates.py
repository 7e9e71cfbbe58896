"""Concurrency limits: computing the key of a gate, and admitting queued jobs through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.plan import Body, Gate, KeyPart, Node, Plan
from orvanta_platform.engine.step import Step

WORKSPACE: Final = "\0workspace"
PATH: Final = "\0path"
DEFAULT: Final = "\0default"
"""First part of a default key, which keeps default keys distinct from all user-defined ones."""

OLDEST_EVERY: Final = 16
"""One in this many permits goes to the oldest entry regardless of priorities, so that no entry starves."""

MAX_WINDOW_STARTS: Final = 10_000
"""Highest limit for which a window is enforced; with a higher one the window is ignored."""

_PLACEHOLDER = re.compile(r"\$(?:args\[(?P<name>[^\]]*)\]|workspace\b|global\b)")

Settings = Mapping[str, Any]


def of_settings(
    settings: Settings, default: Sequence[str], source: Callable[[str], Any], *, key: str = "concurrency_key"
) -> Gate | None:
    """Return the gate defined by these settings; None if they define none.

    `default` is the key's parts if the settings name no key. `source` returns the source of an argument by its name.
    """
    limit = settings.get("concurrent_limit")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        return None
    window = settings.get("concurrency_time_window_s")
    window_s = float(window) if isinstance(window, int | float) and not isinstance(window, bool) and window > 0 else 0.0
    named = settings.get(key)
    parts = key_parts(named, source) if isinstance(named, str) and named else (DEFAULT, WORKSPACE, "/", *default)
    return Gate(limit, window_s if limit <= MAX_WINDOW_STARTS else 0.0, parts)


def key_parts(template: str, source: Callable[[str], Any]) -> tuple[str | KeyPart, ...]:
    """Return the parts of a key template with `$workspace`, `$args[name]` and `$global`.

    Without `$global` the key is scoped to the workspace.
    """
    template = template.replace("\0", "")
    parts: list[str | KeyPart] = [] if "$global" in template else [WORKSPACE, "/"]
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        parts.append(template[end : found.start()])
        end = found.end()
        if found["name"] is not None:
            first, *path = found["name"].split(".")
            parts.append(KeyPart(source(first), tuple(path)))
        elif found.group() == "$workspace":
            parts.append(WORKSPACE)
    parts.append(template[end:])
    return tuple(part for part in parts if part != "")


def of_input(name: str) -> str:
    """Return the expression of an input of the run."""
    return f"flow_input[{msgspec.json.encode(name).decode()}]"


def of_code(id: str, value: Any) -> Gate | None:
    """Return the gate of a node with inline code."""
    return of_settings(value, (PATH, "/", id), inputs_of(value), key="custom_concurrency_key")


def of_script(value: Any, path: str, settings: Settings) -> Gate | None:
    """Return the gate of a node that runs a script, from its value and the script's settings."""
    return of_settings(settings, ("script/", path), inputs_of(value))


def inputs_of(value: Any) -> Callable[[str], Any]:
    """Return a function from the name of a node's input to its Transform."""
    transforms = value.get("input_transforms") or {}
    return lambda name: transforms.get(name, {"type": "static", "value": None})


def with_gates(plan: Plan, gate_of: Callable[[Node], Gate | None]) -> Plan:
    """Return the plan with a gate on each node that has none and gets one from `gate_of`; unchanged if none does."""
    if not any(gate_of(node) for node in plan.all_nodes):
        return plan
    gated: dict[int, Node] = {}
    changed = _with_gates(plan, gate_of, gated)
    deep = tuple(gated[node.number] for node in plan.deep)
    return replace(changed, deep=deep, gated=True)


def _with_gates(plan: Plan, gate_of: Callable[[Node], Gate | None], gated: dict[int, Node]) -> Plan:
    nodes = tuple(_gated(node, gate_of, gated) for node in plan.nodes)
    failure = _gated(plan.failure, gate_of, gated) if plan.failure else None
    before = _gated(plan.preprocessor, gate_of, gated) if plan.preprocessor else None
    return replace(plan, nodes=nodes, failure=failure, preprocessor=before)


def _gated(node: Node, gate_of: Callable[[Node], Gate | None], gated: dict[int, Node]) -> Node:
    bodies = tuple(replace(body, plan=_with_gates(body.plan, gate_of, gated)) for body in node.bodies)
    gated[node.number] = changed = replace(node, gate=node.gate or gate_of(node), bodies=bodies)
    return changed


def has_gate(nodes: Iterable[Node | None]) -> bool:
    """Return whether any of the nodes, or a node inside them, has a gate."""
    return any(node is not None and (node.gate or any(map(_body_has, node.bodies))) for node in nodes)


def _body_has(body: Body) -> bool:
    return has_gate(body.plan.nodes)


def key(
    step: Step, parts: Sequence[str | KeyPart], index: int, *part: str | int
) -> tuple[str, ...] | NamedError | None:
    """Return the texts of a key; None while an answer is missing; the error if an expression threw."""
    answers = [
        (each, step.answer_to("key", index, each.source, place, *part))
        for place, each in enumerate(parts)
        if isinstance(each, KeyPart)
    ]
    if any(answer is None for _, answer in answers):
        return None
    thrown = next((answer for _, answer in answers if isinstance(answer, NamedError)), None)
    if thrown is not None:
        return thrown
    texts = iter([key_part_text(answer.raw, each.path) for each, answer in answers if isinstance(answer, Answer)])
    return tuple(next(texts) if isinstance(each, KeyPart) else each for each in parts)


def key_part_text(raw: bytes, path: Sequence[str]) -> str:
    """Return a value (JSON text) as part of a key: strings unchanged, null and missing as "", others as JSON."""
    value = msgspec.json.decode(raw)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        # A text with a leading NUL would name a field of the run.
        return value.replace("\0", "")
    return "" if value is None else msgspec.json.encode(value).decode()


class GateQueue(msgspec.Struct, frozen=True):
    """State of a gate and its queue."""

    limit: int
    window_s: float
    in_use: int
    """Number of permits in use."""
    starts: Sequence[datetime]
    """Starts within the window, in order."""
    granted: int
    """Number of permits granted so far."""
    waiting: Sequence[UUID]
    """Front of the queue: at least as many entries as could be admitted."""
    oldest: UUID | None = None
    """Entry that has waited longest."""


class Admission(msgspec.Struct, frozen=True):
    """Result of an admission."""

    jobs: tuple[UUID, ...]
    """Jobs admitted now."""
    starts: tuple[datetime, ...]
    """Starts within the window to store."""
    next_at: datetime | None
    """Time at which the window opens, if only the window holds the queue back."""


def free_permits(queue: GateQueue, now: datetime) -> int:
    """Return how many jobs may be admitted at `now`."""
    free = queue.limit - queue.in_use
    if queue.window_s > 0:
        free = min(free, queue.limit - len(_recent_starts(queue, now)))
    return max(free, 0)


def admit(queue: GateQueue, now: datetime) -> Admission:
    """Admit as many jobs as permits are free, from the front; one in OLDEST_EVERY is the oldest entry."""
    recent = _recent_starts(queue, now)
    waiting, free = list(queue.waiting), free_permits(queue, now)
    jobs: list[UUID] = []
    for number in range(queue.granted, queue.granted + free):
        if number % OLDEST_EVERY == OLDEST_EVERY - 1 and queue.oldest is not None and queue.oldest not in jobs:
            jobs.append(queue.oldest)
        elif front := next((job for job in waiting if job not in jobs), None):
            jobs.append(front)
    is_left = not set(waiting) <= set(jobs) or (queue.oldest is not None and queue.oldest not in jobs)
    starts = (*recent, *[now] * len(jobs)) if queue.window_s > 0 else ()
    delayed = queue.window_s > 0 and is_left and queue.in_use + len(jobs) < queue.limit
    next_at = starts[len(starts) - queue.limit] + timedelta(seconds=queue.window_s) if delayed and starts else None
    return Admission(tuple(jobs), starts, next_at)


def _recent_starts(queue: GateQueue, now: datetime) -> tuple[datetime, ...]:
    """Return the starts within the window, at most the last `limit`."""
    since = now - timedelta(seconds=queue.window_s)
    return tuple(start for start in queue.starts if start > since)[-queue.limit :] if queue.window_s > 0 else ()
