"""Scope of a run's expressions: only the values of the names they mention are loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.engine.reused_results import Origin
from orvanta_platform.engine.scope import previous_sources, visible
from orvanta_platform.engine.state import RunState
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.ids import inner_job_id
from orvanta_platform.orchestrator.inner_results import InnerResult, inner_result
from orvanta_platform.orchestrator.iterations import ITEMS, items_key, iteration, with_iter
from orvanta_platform.orchestrator.last_iteration import iteration_before
from orvanta_platform.orchestrator.view import (
    NO_ENV,
    ListPosition,
    View,
    env_key,
    error_key,
    inherits_env,
    input_key,
    value_id,
)

Names = Mapping[str, frozenset[str] | None]
"""Root → the members that an expression reads of it, None for all."""

Load = Callable[[Sequence[ValueKey]], Awaitable[dict[ValueKey, bytes]]]
"""Reads values by key; missing ones are left out."""

LoadContext = Callable[[UUID], Awaitable[dict[ValueKey, bytes]]]
"""Reads the whole context of a run."""

_NULL = b"null"


async def load_scope(view: View, names: Names, load: Load, load_context: LoadContext) -> Scope:
    """Load the scope for `names`, in at most two queries. Raises ObjectMissing."""
    places = _places(view, names)
    missing = [key for key in dict.fromkeys(places.keys()) if key not in view.known]
    values = {**(await load(missing) if missing else {}), **view.known}
    if "context" in names and names["context"] is None:
        values |= {**await load_context(view.run.id), **_context_of(view)}
    return {root: _root(view, root, members, places, values) for root, members in names.items() if root in _ROOTS}


class _Places(msgspec.Struct, frozen=True):
    """Keys of the values to load: results by id, sources of previous_result, failures, context names."""

    results: Mapping[str, ValueKey]
    inner: Mapping[str, InnerResult]
    """Results of nodes inside of loops and branches that the reader is outside of."""
    previous: tuple[tuple[str, ValueKey], ...]
    failures: tuple[ValueKey, ...]
    context: Mapping[str, ValueKey]
    resumes: tuple[ValueKey, ...]
    args: ValueKey
    wants_args: bool
    items: ValueKey | None = None
    env: ValueKey | None = None

    def keys(self) -> list[ValueKey]:
        """Return all keys, possibly with duplicates."""
        keys = [
            *self.results.values(),
            *(key for each in self.inner.values() for key in (each.key, *each.others)),
            *(key for _, key in self.previous),
            *self.failures,
            *self.context.values(),
            *self.resumes,
        ]
        keys += [self.args] if self.wants_args else []
        return [*keys, *(key for key in (self.items, self.env) if key is not None)]


_PREVIOUS = ("previous_result", "result")
_RESUMES = ("resume", "resumes", "approvers")
_ROOTS = frozenset({"flow_input", "results", "context", "error", "errors", "flow_env", *_PREVIOUS, *_RESUMES})
_ITER = frozenset({"iter"})


def _places(view: View, names: Names) -> _Places:
    top, run = view.top, view.run.id
    wants_previous = any(root in names for root in _PREVIOUS) and not _is_output(view)
    previous = _previous_places(view) if wants_previous else ()
    failed = top.state.unhandled() if {"error", "errors"} & set(names) else ()
    wants_input = "flow_input" in names or (any(root in names for root in _PREVIOUS) and not previous)
    only_iter = names.get("flow_input") == _ITER and not (any(root in names for root in _PREVIOUS) and not previous)
    around = view.iteration if wants_input else None
    results = _result_places(view, names["results"]) if "results" in names else {}
    return _Places(
        results=results,
        inner=_inner_places(view, (names.get("results") or frozenset()) - results.keys()),
        previous=previous,
        failures=tuple(error_key(top.plan, run, index) for index in failed),
        resumes=_resumes_of(view) if any(root in names for root in _RESUMES) else (),
        context={name: (run, "context", name) for name in names.get("context") or ()},
        args=input_key(top.plan, run, top.state),
        wants_args=wants_input and not (only_iter and around is not None),
        items=_items_place(around) if around is not None else None,
        env=env_key(run) if "flow_env" in names and inherits_env(top) else None,
    )


def _items_place(around: ListPosition) -> ValueKey | None:
    """Return the key of the array with the item of an iteration; None if the item is in memory."""
    if around.holder.kind is not Kind.FORLOOP or ITEMS.at(around.opening, around.number) is not None:
        return None
    return items_key(around.opening)


def _previous_places(view: View) -> tuple[tuple[str, ValueKey], ...]:
    """Return the sources of previous_result; empty: flow_input. The first step of a branch has that of the branch."""
    while True:
        sources = previous_sources(view.plan, view.state, view.index)
        if sources or view.within is None or view.within.holder.kind.is_loop:
            return tuple((view.plan.node(index).id, view.key(index)) for index in sources)
        view = view.within.outer


def _result_places(view: View, names: frozenset[str] | None) -> dict[str, ValueKey]:
    """Return the results readable by id: those of this list and of the lists around it."""
    found: dict[str, ValueKey] = {}
    while True:
        here = view.index < len(view.plan.nodes) or not view.plan.inner
        if here:
            seen = visible(view.plan, view.state, view.index, names)
            found |= {name: view.key(index) for name, index in seen.items()}
            found |= _of_last_iteration(view, names, seen)
        if view.within is None:
            return found
        view = view.within.outer


def _inner_places(view: View, names: frozenset[str]) -> dict[str, InnerResult]:
    """Locate results of nodes inside of the readable nodes of this list and of the lists around it."""
    found: dict[str, InnerResult] = {}
    while names:
        holders = [node for node in view.plan.nodes if node.bodies]
        here = view.index < len(view.plan.nodes) or not view.plan.inner
        seen = visible(view.plan, view.state, view.index, [node.id for node in holders]) if here and holders else {}
        for node in holders:
            origin = _origin(view, node.index) if node.id in seen else None
            inside = [(name, inner_result(node, origin, name)) for name in names] if origin is not None else ()
            found |= {name: each for name, each in inside if each is not None}
        if view.within is None:
            return found
        view = view.within.outer
    return found


def _origin(view: View, index: int) -> Origin | None:
    """Return the list in which a container was executed; None if it continued the bodies of another run."""
    reused = view.state.reused
    if reused is not None and index in reused.inside:
        return None
    return (reused.origin(index) if reused is not None else None) or Origin(view.run.id, view.frame)


def _of_last_iteration(view: View, names: frozenset[str] | None, seen: Mapping[str, int]) -> dict[str, ValueKey]:
    """In a while loop, the reading node and the nodes after it are read from the previous iteration."""
    before = iteration_before(view)
    if before is None:
        return {}
    ancestors = view.plan.nodes[view.index].ancestors
    found = {
        node.id: before(node.index)
        for node in view.plan.nodes
        if (names is None or node.id in names) and node.id not in seen and not ancestors >> node.index & 1
    }
    return {
        id: (inner_job_id(origin.run, origin.frame, id), "result", "")
        for id, origin in found.items()
        if origin is not None
    }


def _is_output(view: View) -> bool:
    return view.index == len(view.plan.nodes) and view.plan.failure is None and not view.plan.inner


def _root(
    view: View, root: str, members: frozenset[str] | None, places: _Places, values: Mapping[ValueKey, bytes]
) -> bytes | Mapping[str, bytes]:
    match root:
        case "flow_input":
            return _input(view, members, places, values)
        case "resume" | "resumes" | "approvers":
            return _resumed(root, [values[key] for key in places.resumes if key in values])
        case "flow_env":
            return values.get(places.env, NO_ENV) if places.env is not None else view.top.plan.env
        case "results":
            return _results(view, places, values)
        case "context":
            keys = places.context if members is not None else _all_context(view, values)
            return {name: values[key] for name, key in keys.items() if key in values}
        case "result" if view.own is not None:
            return view.own
        case "error" if view.own is not None:
            return inner_error(view.own)
        case "error":
            return inner_error(values.get(places.failures[0], _NULL)) if places.failures else _NULL
        case "errors":
            return b"[%s]" % b",".join(inner_error(values.get(key, _NULL)) for key in places.failures)
        case _:
            return _previous(view, places, values)


def _resumes_of(view: View) -> tuple[ValueKey, ...]:
    """Return the keys of the events that resumed the node's sources."""
    sources = () if _is_output(view) else previous_sources(view.plan, view.state, view.index)
    return tuple(
        (value_id(view.plan, view.run.id, view.state, source, view.frame), "resume", str(number))
        for source in sources
        if view.plan.node(source).suspend is not None
        for number in range(1, view.state.votes.get(source, 0) + 1)
    )


def _results(view: View, places: _Places, values: Mapping[ValueKey, bytes]) -> dict[str, bytes]:
    found = {name: values[key] for name, key in places.results.items() if key in values}
    found |= {
        name: values[each.key]
        for name, each in places.inner.items()
        if each.key in values and values.keys().isdisjoint(each.others)
    }
    if view.own is not None and (view.index < len(view.plan.nodes) or view.plan.failure is not None):
        found[view.plan.node(view.index).id] = view.own
    return found


def _input(
    view: View, members: frozenset[str] | None, places: _Places, values: Mapping[ValueKey, bytes]
) -> bytes | Mapping[str, bytes]:
    """Return the inputs of the run; inside a loop with `iter` added."""
    around = view.iteration
    if around is None:
        return values.get(places.args, b"{}")
    value = b"%d" % around.number
    if around.holder.kind is Kind.FORLOOP:
        at_hand = ITEMS.at(around.opening, around.number)
        if at_hand is None:
            at_hand = ITEMS.cut(around.opening, values.get(items_key(around.opening), b"[]"), around.number)
        value = at_hand
    now = iteration(value, around.number)
    return {"iter": now} if members == _ITER else with_iter(values.get(places.args, b"{}"), now)


def _previous(view: View, places: _Places, values: Mapping[ValueKey, bytes]) -> bytes:
    if not places.previous:
        found = _input(view, None, places, values)
        return found if isinstance(found, bytes) else _NULL
    if len(places.previous) == 1:
        return values.get(places.previous[0][1], _NULL)
    return compose((name, values.get(key, _NULL)) for name, key in places.previous)


def _all_context(view: View, values: Mapping[ValueKey, bytes]) -> dict[str, ValueKey]:
    return {key[2]: key for key in values if key[0] == view.run.id and key[1] == "context"}


def _context_of(view: View) -> dict[ValueKey, bytes]:
    return {key: raw for key, raw in view.known.items() if key[1] == "context"}


async def read_previous(nodes: Sequence[tuple[Plan, RunRow, int]], load: Load) -> list[bytes]:
    """Return the previous_result of each of these nodes, in one query. Raises ObjectMissing."""
    sources = [_previous_keys(*node) for node in nodes]
    values = await load([key for named in sources for _, key in named])
    found = []
    for named in sources:
        raws = [(name, values.get(key)) for name, key in named]
        if len(raws) == 1:
            name, raw = raws[0]
            found.append(raw if raw is not None else b"null" if name else b"{}")
        else:
            found.append(compose((name, raw or _NULL) for name, raw in raws))
    return found


def _previous_keys(plan: Plan, run: RunRow, index: int) -> list[tuple[str, ValueKey]]:
    """Return the sources by node; if there are none, the run's input under the name ""."""
    state = RunState.decode(run.state)
    sources = () if plan.single else previous_sources(plan, state, index)
    if not sources:
        return [("", (run.id, "args", "") if plan.single else input_key(plan, run.id, RunState.decode(run.state)))]
    return [(plan.node(source).id, (value_id(plan, run.id, state, source), "result", "")) for source in sources]


def compose(members: Any) -> bytes:
    """Return a JSON object of (name, JSON text) pairs without re-encoding the texts."""
    return b"{%s}" % b",".join(msgspec.json.encode(name) + b":" + raw for name, raw in members)


def inner_error(raw: bytes) -> bytes:
    """Return the error inside `{"error": …}`, also next to a decision; anything else is returned unchanged."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return raw
    if "error" not in fields or not (len(fields) == 1 or "decision" in fields):
        return raw
    return bytes(fields["error"])


class _Resume(msgspec.Struct):
    value: msgspec.Raw
    approver: str | None = None


def _resumed(root: str, raws: Sequence[bytes]) -> bytes:
    """Return `resume`, `resumes` or `approvers` of these records, which are in order of arrival."""
    found = [msgspec.json.decode(raw, type=_Resume) for raw in raws]
    if root == "resume":
        return bytes(found[-1].value) if found else b"null"
    if root == "resumes":
        return b"[%s]" % b",".join(bytes(each.value) for each in found)
    return msgspec.json.encode([each.approver for each in found if each.approver is not None])
