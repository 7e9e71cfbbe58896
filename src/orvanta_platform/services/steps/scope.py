"""What an expression of a run may read, loaded by the names it mentions and no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.scope import previous_sources, visible
from orvanta_platform.engine.state import RunState
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.ids import node_job_id

Names = Mapping[str, frozenset[str] | None]
"""Root → the members an expression reads of it, None for the whole."""

Load = Callable[[Sequence[ValueKey]], Awaitable[dict[ValueKey, bytes]]]
"""Reads values by key; missing ones are left out."""

LoadContext = Callable[[UUID], Awaitable[dict[ValueKey, bytes]]]
"""Reads the whole context of a run."""

_NULL = b"null"


@dataclass(frozen=True, slots=True)
class View:
    """A place in a run from which expressions read.

    `index` bounds what is visible. `own`: JSON text of the node's own result, for exports and retry_if.
    `known`: values of this step that no table holds yet.
    """

    plan: Plan
    run: RunRow
    state: RunState
    index: int
    own: bytes | None = None
    known: Mapping[ValueKey, bytes] = field(default_factory=dict)


def result_key(plan: Plan, run: UUID, index: int) -> ValueKey:
    """Where the result of a node is kept."""
    return (job_id(plan, run, index), "result", "")


def job_id(plan: Plan, run: UUID, index: int) -> UUID:
    """The id of a node's job; that of a run of one node is the run's own."""
    return run if plan.single else node_job_id(run, plan.node(index).id)


async def load_scope(view: View, names: Names, load: Load, load_context: LoadContext) -> Scope:
    """The scope that holds `names`, in at most two queries. Raises ObjectMissing."""
    places = _places(view, names)
    missing = [key for key in dict.fromkeys(places.keys()) if key not in view.known]
    values = {**(await load(missing) if missing else {}), **view.known}
    if "context" in names and names["context"] is None:
        values |= {**await load_context(view.run.id), **_context_of(view)}
    return {root: _root(view, root, members, places, values) for root, members in names.items() if root in _ROOTS}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where what is asked for is kept: results by id, sources of previous_result, failures, context names."""

    results: Mapping[str, ValueKey]
    previous: tuple[tuple[str, ValueKey], ...]
    failures: tuple[ValueKey, ...]
    context: Mapping[str, ValueKey]
    resumes: tuple[ValueKey, ...]
    args: ValueKey
    wants_args: bool

    def keys(self) -> list[ValueKey]:
        """All keys, some of them twice."""
        keys = [
            *self.results.values(),
            *(key for _, key in self.previous),
            *self.failures,
            *self.context.values(),
            *self.resumes,
        ]
        return [*keys, self.args] if self.wants_args else keys


_PREVIOUS = ("previous_result", "result")
_RESUMES = ("resume", "resumes", "approvers")
_ROOTS = frozenset({"flow_input", "results", "context", "error", "errors", "flow_env", *_PREVIOUS, *_RESUMES})


def _places(view: View, names: Names) -> _Places:
    plan, run = view.plan, view.run.id
    results: dict[str, ValueKey] = {}
    if "results" in names:
        results = {
            name: result_key(plan, run, index)
            for name, index in visible(plan, view.state, view.index, names["results"]).items()
        }
    wants_previous = any(root in names for root in _PREVIOUS)
    sources = previous_sources(plan, view.state, view.index) if wants_previous and not _is_output(view) else ()
    failed = view.state.unhandled() if {"error", "errors"} & set(names) else ()
    context = {name: (run, "context", name) for name in names.get("context") or ()}
    return _Places(
        results=results,
        previous=tuple((plan.node(index).id, result_key(plan, run, index)) for index in sources),
        failures=tuple(result_key(plan, run, index) for index in failed),
        resumes=_resumes_of(view) if any(root in names for root in _RESUMES) else (),
        context=context,
        args=(run, "args", ""),
        wants_args="flow_input" in names or (wants_previous and not sources),
    )


def _is_output(view: View) -> bool:
    return view.index == len(view.plan.nodes) and view.plan.failure is None


def _root(
    view: View, root: str, members: frozenset[str] | None, places: _Places, values: Mapping[ValueKey, bytes]
) -> bytes | Mapping[str, bytes]:
    match root:
        case "flow_input":
            return values.get(places.args, b"{}")
        case "resume" | "resumes" | "approvers":
            return _resumed(root, [values[key] for key in places.resumes if key in values])
        case "flow_env":
            return view.plan.env
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
            return _previous(places, values)


class _Resume(msgspec.Struct):
    value: msgspec.Raw
    approver: str | None = None


def _resumes_of(view: View) -> tuple[ValueKey, ...]:
    """What came with the events that the node's sources were suspended for."""
    sources = () if _is_output(view) else previous_sources(view.plan, view.state, view.index)
    return tuple(
        (job_id(view.plan, view.run.id, source), "resume", str(number))
        for source in sources
        if view.plan.node(source).suspend is not None
        for number in range(1, view.state.votes.get(source, 0) + 1)
    )


def _resumed(root: str, raws: Sequence[bytes]) -> bytes:
    found = [msgspec.json.decode(raw, type=_Resume) for raw in raws]
    if root == "resume":
        return bytes(found[-1].value) if found else _NULL
    if root == "resumes":
        return b"[%s]" % b",".join(bytes(each.value) for each in found)
    return msgspec.json.encode([each.approver for each in found if each.approver is not None])


def _results(view: View, places: _Places, values: Mapping[ValueKey, bytes]) -> dict[str, bytes]:
    found = {name: values[key] for name, key in places.results.items() if key in values}
    if view.own is not None:
        found[view.plan.node(view.index).id] = view.own
    return found


def _previous(places: _Places, values: Mapping[ValueKey, bytes]) -> bytes:
    if not places.previous:
        return values.get(places.args, b"{}")
    if len(places.previous) == 1:
        return values.get(places.previous[0][1], _NULL)
    return compose((name, values.get(key, _NULL)) for name, key in places.previous)


def _all_context(view: View, values: Mapping[ValueKey, bytes]) -> dict[str, ValueKey]:
    return {key[2]: key for key in values if key[0] == view.run.id and key[1] == "context"}


def _context_of(view: View) -> dict[ValueKey, bytes]:
    return {key: raw for key, raw in view.known.items() if key[1] == "context"}


async def read_previous(places: Sequence[tuple[Plan, RunRow, int]], load: Load) -> list[bytes]:
    """The previous_result of each of these nodes, in one query. Raises ObjectMissing."""
    sources = [_previous_keys(*place) for place in places]
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
    """The sources by node; the run's input, named "", where there is none."""
    sources = () if plan.single else previous_sources(plan, RunState.decode(run.state), index)
    if not sources:
        return [("", (run.id, "args", ""))]
    return [(plan.node(source).id, result_key(plan, run.id, source)) for source in sources]


def compose(members: Any) -> bytes:
    """A JSON object of (name, JSON text) pairs, their texts untouched."""
    return b"{%s}" % b",".join(msgspec.json.encode(name) + b":" + raw for name, raw in members)


def inner_error(raw: bytes) -> bytes:
    """The error inside `{"error": …}`; anything else is given back whole."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return raw
    return bytes(fields["error"]) if set(fields) == {"error"} else raw
