"""Limits: what a gate's key is made of, and how many of those in line it lets through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform.engine.events import Answer, Err
from orvanta_platform.engine.plan import Body, Gate, KeyPart, Node, Plan
from orvanta_platform.engine.step import Step

WORKSPACE: Final = "\0workspace"
PATH: Final = "\0path"
DEFAULT: Final = "\0default"
"""First part of a default key. Default keys are apart from keys that are written, whatever their texts."""

FROM_THE_FRONT: Final = 16
"""One permit in so many goes to who has waited longest, whatever the priorities: nobody starves."""

MOST_STARTS: Final = 10_000
"""A window with a higher limit counts as one without."""

_PLACEHOLDER = re.compile(r"\$(?:args\[(?P<name>[^\]]*)\]|workspace\b|global\b)")

Settings = Mapping[str, Any]


def of_settings(
    settings: Settings, default: Sequence[str], source: Callable[[str], Any], *, key: str = "concurrency_key"
) -> Gate | None:
    """The gate that these settings ask for; None where they ask for none.

    `default`: the parts of the key where they name none. `source`: what gives the argument of a name.
    """
    limit = settings.get("concurrent_limit")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        return None
    window = settings.get("concurrency_time_window_s")
    window_s = float(window) if isinstance(window, int | float) and not isinstance(window, bool) and window > 0 else 0.0
    named = settings.get(key)
    parts = key_parts(named, source) if isinstance(named, str) and named else (DEFAULT, WORKSPACE, "/", *default)
    return Gate(limit, window_s if limit <= MOST_STARTS else 0.0, parts)


def key_parts(template: str, source: Callable[[str], Any]) -> tuple[str | KeyPart, ...]:
    """The parts of a key: `$workspace`, `$args[name]`, and `$global`, without which it counts in one workspace."""
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
    """The expression that gives an input of the run."""
    return f"flow_input[{msgspec.json.encode(name).decode()}]"


def of_code(id: str, value: Any) -> Gate | None:
    """The gate of a node with inline code, by its value."""
    return of_settings(value, (PATH, "/", id), inputs_of(value), key="custom_concurrency_key")


def of_script(value: Any, path: str, settings: Settings) -> Gate | None:
    """The gate of a node that runs a script, by its value and what the script asks for."""
    return of_settings(settings, ("script/", path), inputs_of(value))


def inputs_of(value: Any) -> Callable[[str], Any]:
    """What gives an input of a step by its name: its Transform."""
    transforms = value.get("input_transforms") or {}
    return lambda name: transforms.get(name, {"type": "static", "value": None})


def with_gates(plan: Plan, gate_of: Callable[[Node], Gate | None]) -> Plan:
    """The plan with these gates on nodes that have none; the same where there are none."""
    if not any(gate_of(node) for node in plan.all_nodes):
        return plan
    made: dict[int, Node] = {}
    changed = _with_gates(plan, gate_of, made)
    deep = tuple(made[node.number] for node in plan.deep)
    return replace(changed, deep=deep, gated=True)


def _with_gates(plan: Plan, gate_of: Callable[[Node], Gate | None], made: dict[int, Node]) -> Plan:
    nodes = tuple(_gated(node, gate_of, made) for node in plan.nodes)
    failure = _gated(plan.failure, gate_of, made) if plan.failure else None
    before = _gated(plan.preprocessor, gate_of, made) if plan.preprocessor else None
    return replace(plan, nodes=nodes, failure=failure, preprocessor=before)


def _gated(node: Node, gate_of: Callable[[Node], Gate | None], made: dict[int, Node]) -> Node:
    bodies = tuple(replace(body, plan=_with_gates(body.plan, gate_of, made)) for body in node.bodies)
    made[node.number] = changed = replace(node, gate=node.gate or gate_of(node), bodies=bodies)
    return changed


def has_gate(nodes: Iterable[Node | None]) -> bool:
    """Whether some node, or one inside it, has a gate."""
    return any(node is not None and (node.gate or any(map(_body_has, node.bodies))) for node in nodes)


def _body_has(body: Body) -> bool:
    return has_gate(body.plan.nodes)


def key(step: Step, parts: Sequence[str | KeyPart], index: int, *part: str | int) -> tuple[str, ...] | Err | None:
    """The texts of a key; None while an answer is missing; Err where an expression threw."""
    answers = [
        (each, step.ask("key", index, each.source, place, *part))
        for place, each in enumerate(parts)
        if isinstance(each, KeyPart)
    ]
    if any(answer is None for _, answer in answers):
        return None
    thrown = next((answer for _, answer in answers if isinstance(answer, Err)), None)
    if thrown is not None:
        return thrown
    texts = iter([text_of(answer.raw, each.path) for each, answer in answers if isinstance(answer, Answer)])
    return tuple(next(texts) if isinstance(each, KeyPart) else each for each in parts)


def text_of(raw: bytes, path: Sequence[str]) -> str:
    """A value (JSON text) as part of a key: strings as they are, what is missing as nothing, others as JSON."""
    value = msgspec.json.decode(raw)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        # A text that began with NUL would name a field of the run.
        return value.replace("\0", "")
    return "" if value is None else msgspec.json.encode(value).decode()


@dataclass(frozen=True, slots=True)
class Line:
    """A gate as it stands: `in_use` permits given, `starts` of its window in order, `given` ever, who waits in line.

    `waiting` from the front, as many as could be let through; `eldest`: who has waited longest.
    """

    limit: int
    window_s: float
    in_use: int
    starts: Sequence[datetime]
    given: int
    waiting: Sequence[UUID]
    eldest: UUID | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who goes through now; `starts` to keep; `next_at`: when the window, if it alone holds them, opens."""

    jobs: tuple[UUID, ...]
    starts: tuple[datetime, ...]
    next_at: datetime | None


def room(line: Line, now: datetime) -> int:
    """How many may go through at `now`."""
    free = line.limit - line.in_use
    if line.window_s > 0:
        free = min(free, line.limit - len(_recent(line, now)))
    return max(free, 0)


def admit(line: Line, now: datetime) -> Admitted:
    """Let through as many as there is room for, from the front; one in 16 is who has waited longest."""
    recent = _recent(line, now)
    waiting, places = list(line.waiting), room(line, now)
    jobs: list[UUID] = []
    for turn in range(line.given, line.given + places):
        if turn % FROM_THE_FRONT == FROM_THE_FRONT - 1 and line.eldest is not None and line.eldest not in jobs:
            jobs.append(line.eldest)
        elif front := next((job for job in waiting if job not in jobs), None):
            jobs.append(front)
    left = not set(waiting) <= set(jobs) or (line.eldest is not None and line.eldest not in jobs)
    starts = (*recent, *[now] * len(jobs)) if line.window_s > 0 else ()
    held = line.window_s > 0 and left and line.in_use + len(jobs) < line.limit
    next_at = starts[len(starts) - line.limit] + timedelta(seconds=line.window_s) if held and starts else None
    return Admitted(tuple(jobs), starts, next_at)


def _recent(line: Line, now: datetime) -> tuple[datetime, ...]:
    """The beginnings that still count, the last `limit` at most."""
    since = now - timedelta(seconds=line.window_s)
    return tuple(start for start in line.starts if start > since)[-line.limit :] if line.window_s > 0 else ()
