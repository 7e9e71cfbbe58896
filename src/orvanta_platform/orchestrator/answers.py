"""Answers to the requests of decide(), evaluated outside any transaction."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import secret_fields
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.control.secrets import SecretUnreadable
from orvanta_platform.db import values as value_rows
from orvanta_platform.db.pool import Database
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.caching import Found
from orvanta_platform.engine.duration import MAX_WAIT_S
from orvanta_platform.engine.effects import Ask, NodeResults, OfNode, Output, ResultRef
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.engine.outcome import Need
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import LARGE_SCOPE, Evaluator, evaluate_inline, evaluate_small, scope_size
from orvanta_platform.evaluate.raw import strip
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.evaluate.transforms import (
    input_names,
    may_open,
    object_text,
    passes_previous_result,
    provenance_of,
    text_names,
    transform_names,
    tree_names,
)
from orvanta_platform.orchestrator import caching, dry_runs, input_references, sealed_inputs, values
from orvanta_platform.orchestrator.blueprints import DRY, Inputs, Pins, flow_key
from orvanta_platform.orchestrator.decided_values import decided_values
from orvanta_platform.orchestrator.evaluation_context import all_of, moment_of, resolver
from orvanta_platform.orchestrator.interpolation import only, referring
from orvanta_platform.orchestrator.paused_inputs import with_replaced_inputs
from orvanta_platform.orchestrator.scope import Load, Names, compose, load_scope
from orvanta_platform.orchestrator.secret_access import Identity, hidden_from
from orvanta_platform.orchestrator.sizes import Sizes
from orvanta_platform.orchestrator.value_cache import RecentValues
from orvanta_platform.orchestrator.view import ERROR, ListPosition, View, job_id, value_id
from orvanta_platform.storage import ObjectMissing, Storage

_INVALID_DELAY = "InvalidDelay"


class Reader:
    """Reads values for the expressions of runs; variables and resources are opened through `db` and `keys`."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        recent: RecentValues,
        evaluator: Evaluator,
        keys: InstanceKeys,
        sizes: Sizes,
    ) -> None:
        self.db = database
        self.sizes = sizes
        self.keys = keys
        self.evaluator = evaluator
        self.storage = storage
        self._recent = recent
        self._large_scopes = asyncio.Lock()

    async def load(self, keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        """Return the values of these keys; missing ones are left out. Raises ObjectMissing."""
        at_hand = {key: raw for key in keys if (raw := self._recent.get(key)) is not None}
        if len(at_hand) == len(keys):
            return at_hand
        async with self.db.acquire() as connection:
            rows = await value_rows.get_values(connection, [key for key in keys if key not in at_hand])
        read = await values.open_rows(self.storage, rows)
        for key, raw in read.items():
            self._recent.put(key, raw)
        return at_hand | read

    async def yield_for(self, scope: Scope) -> None:
        """Let other tasks run before an expression with a large scope is evaluated; also those that wait for sockets.

        The requests of a step are tasks that are ready at the same time: without the lock, all would run at once.
        """
        if scope_size(scope) > LARGE_SCOPE:
            async with self._large_scopes:
                await asyncio.sleep(0)

    async def open(self, rows: Sequence[NewValue]) -> dict[ValueKey, bytes]:
        """Return values that are not in a table yet. Raises ObjectMissing."""
        return await values.open_rows(self.storage, rows)

    async def load_context(self, run: UUID) -> dict[ValueKey, bytes]:
        """Return the whole context of a run. Raises ObjectMissing."""
        async with self.db.acquire() as connection:
            rows = await value_rows.get_context(connection, run)
        return await values.open_rows(self.storage, rows)


async def answer_all(
    reader: Reader,
    plan: Plan,
    run: RunRow,
    need: Need,
    known: Mapping[ValueKey, bytes],
    within: ListPosition | None = None,
    *,
    pins: Pins,
) -> dict[tuple[str | int, ...], Answer | NamedError]:
    """Return the answers to all requests of `need`; for an expression that throws, its error.

    `known` holds values of this step that are not in a table yet: the result of the finished job, the input of a
    run that starts. `within` is the position of the list of `plan` if it is inside a node. `pins` are those of the run.
    """
    seen = _with_decided(plan, run, need, known, within)
    asks = (_answer(reader, plan, run, need, ask, seen, within, pins) for ask in need.requests)
    found = await all_of(asks)
    return reader.sizes.answers({ask.key: each for ask, each in zip(need.requests, found, strict=True)})


async def answer_from_memory(
    recent: RecentValues,
    plan: Plan,
    run: RunRow,
    need: Need,
    known: Mapping[ValueKey, bytes],
    within: ListPosition | None = None,
) -> dict[tuple[str | int, ...], Answer | NamedError] | None:
    """Answer all requests from values in memory, which is possible within a transaction; None if that is not enough."""
    if RunState.decode(run.state).sealed:
        return None

    async def load(keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        found = {key: recent.get(key) for key in keys}
        if None in found.values():
            raise _NotInMemory
        return {key: raw for key, raw in found.items() if raw is not None}

    async def load_context(run: UUID) -> dict[ValueKey, bytes]:
        raise _NotInMemory

    seen = _with_decided(plan, run, need, known, within)
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
    size = 0
    for ask in need.requests:
        if ask.purpose in ("inputs", "cache", "simulate") or is_volatile(ask):
            return None
        try:
            own = await own_value(ask, plan, run, seen, need.state, within, load)
            view = View(plan, run, need.state, ask.node, own, seen, within)
            scope = await load_scope(view, names_of(ask), load, load_context)
            size += scope_size(scope)
            if size > LARGE_SCOPE:
                return None
            found = (
                evaluate_small(ask.source, scope) if isinstance(ask.source, str) else evaluate_inline(ask.source, scope)
            )
        except ExpressionError as error:
            answers[ask.key] = NamedError(error.name, error.message)
            continue
        except _NotInMemory:
            return None
        if found is None:
            return None
        answers[ask.key] = Answer(found.raw, found.truthy)
    return answers


class _NotInMemory(Exception):
    """A value is not in memory."""


def _with_decided(
    plan: Plan, run: RunRow, need: Need, known: Mapping[ValueKey, bytes], within: ListPosition | None
) -> Mapping[ValueKey, bytes]:
    decided = decided_values(plan, run.id, need.effects, known, within.frame if within else None)
    return {**known, **decided} if decided else known


async def own_value(
    ask: Ask,
    plan: Plan,
    run: RunRow,
    known: Mapping[ValueKey, bytes],
    state: RunState,
    within: ListPosition | None,
    load: Load,
) -> bytes | None:
    """Return the value that an expression reads as the result of its own node or list."""
    frame = within.frame if within else None
    if ask.outcome is not None:
        return await _outcome(ask.outcome, plan, run, known, state, frame, load)
    if ask.result is not None or ask.purpose not in ("export", "retry_if", "stop", "input"):
        return ask.result
    id = job_id(plan, run.id, ask.node, frame)
    failed = known.get((id, "result", ERROR)) if ask.purpose == "retry_if" else None
    return failed or known.get((id, "result", ""))


async def _outcome(
    outcome: ResultRef,
    plan: Plan,
    run: RunRow,
    known: Mapping[ValueKey, bytes],
    state: RunState,
    frame: UUID | None,
    load: Load,
) -> bytes:
    match outcome:
        case Output(raw):
            return raw
        case OfNode(index):
            members: tuple[tuple[str, int], ...] = (("", index),)
        case NodeResults(members):
            pass
        case _:
            return b"null"
    keys = {name: (value_id(plan, run.id, state, index, frame), "result", "") for name, index in members}
    missing = [key for key in keys.values() if key not in known]
    values = {**known, **(await load(missing) if missing else {})}
    found = {name: values.get(key, b"null") for name, key in keys.items()}
    return found[""] if isinstance(outcome, OfNode) else compose(found.items())


async def _answer(
    reader: Reader,
    plan: Plan,
    run: RunRow,
    need: Need,
    ask: Ask,
    known: Mapping[ValueKey, bytes],
    within: ListPosition | None,
    pins: Pins,
) -> Answer | NamedError:
    opened = OpenedSecrets()
    load = sealed_inputs.loading(reader, run, reader.load, opened)
    try:
        if load is not reader.load:
            known = await sealed_inputs.put_back(reader, run, known, opened)
        own = await own_value(ask, plan, run, known, need.state, within, reader.load)
        view = View(plan, run, need.state, ask.node, own, known, within)
        if ask.purpose == "simulate":
            return await _simulation(reader, run, ask, view, load, opened)
        scope = await load_scope(view, names_of(ask), load, reader.load_context)
        await reader.yield_for(scope)
        if ask.purpose == "inputs":
            return await _inputs(reader, run, ask, scope, view, opened, pins)
        if ask.purpose == "cache":
            return await _cached(reader, plan, run, ask, scope, view)
        found = evaluate_small(ask.source, scope) if isinstance(ask.source, str) else evaluate_inline(ask.source, scope)
        if found is None:
            return await _by_javascript(reader, run, ask, scope, view, opened)
    except ExpressionError as error:
        return NamedError(error.name, opened.mask_text(error.message))
    except (ObjectMissing, SecretUnreadable) as error:
        return NamedError("ObjectMissing" if isinstance(error, ObjectMissing) else error.code, error.message)
    return _masked(reader, ask, Answer(found.raw, found.truthy), opened)


async def _cached(reader: Reader, plan: Plan, run: RunRow, ask: Ask, scope: Scope, view: View) -> Answer:
    """Return the cache key of the run's input or of a node's inputs, with the cached result if there is one.

    A reference has another key than plain text of the same characters.
    """
    pins: list[Any] = [(run.pin_set or b"").hex()]
    if argument_names := input_references.of_arguments(view):
        pins.append(sorted(argument_names))
    if ask.source == "flow_input":
        found, ttl_s = scope["flow_input"], plan.cache_s
        key = caching.key_of(reader.keys, run, [(run.document or b"").hex(), *pins], _as_bytes(found))
    else:
        node, ttl_s = plan.node(ask.node), plan.node(ask.node).cache_s
        read = {name: _part(value, names_of(ask)[name]) for name, value in scope.items()}
        read["args"] = ask.result or b"null"
        what = node.value["path"] if node.kind is Kind.FLOW else node.value
        key = caching.key_of(reader.keys, run, [node.kind.value, what, *pins], object_text(read))
    hit = await caching.find(reader.db, reader.storage, run.workspace, key, ttl_s or 0)
    if hit is None:
        return Answer(msgspec.json.encode(Found(key.hex())), False)
    return Answer(msgspec.json.encode(Found(key.hex(), str(hit.run), msgspec.Raw(hit.raw))), True)


async def _by_javascript(
    reader: Reader, run: RunRow, ask: Ask, scope: Scope, view: View, opened: OpenedSecrets
) -> Answer | NamedError:
    resolve = resolver(reader, Identity.of_run(run), run.workspace, opened)
    evaluator = reader.evaluator.of(run.workspace)
    evaluate = evaluator.expression if isinstance(ask.source, str) else evaluator.transform
    try:
        found = await evaluate(ask.source, scope, moment_of(view.plan, run, ask.node, view.frame), resolve)
    except ExpressionError as error:
        return NamedError(error.name, opened.mask_text(error.message))
    return _masked(reader, ask, Answer(found.raw, found.truthy), opened)


def _masked(reader: Reader, ask: Ask, found: Answer, opened: OpenedSecrets) -> Answer | NamedError:
    """Mask opened secrets in the stored value; its truth value remains that of the original."""
    masked = opened.mask_json(found.raw)
    if ask.purpose == "key" and masked != found.raw:
        # Different secrets yield different keys, and none of them is stored.
        digest = hmac.digest(reader.keys.key("limit keys"), found.raw, "sha256")
        masked = msgspec.json.encode(f"secret {digest.hex()[:32]}")
    return _checked(ask, Answer(masked, found.truthy))


def _checked(ask: Ask, found: Answer) -> Answer | NamedError:
    return delay_end(found) if ask.purpose == "until" else found


async def _simulation(reader: Reader, run: RunRow, ask: Ask, view: View, load: Load, opened: OpenedSecrets) -> Answer:
    """Return the answer of a dry run for a node that it does not execute, with the inputs that the node would get.

    Variables and resources that the inputs only refer to are not opened. Raises ExpressionError.
    """
    node = view.plan.node(ask.node)
    if node.approval is not None:
        asked = {"approvers": node.approval.approvers, "notify": node.approval.notify}
        args = msgspec.json.encode({name: value for name, value in asked.items() if value})
    else:
        inputs = Inputs.of(node)
        scope = await load_scope(view, inputs.names, load, reader.load_context)
        whole = scope["flow_input"] if inputs.whole else None
        moment = moment_of(view.plan, run, ask.node, view.frame)
        resolve = resolver(reader, Identity.of_run(run), run.workspace, opened)
        evaluator = reader.evaluator.of(run.workspace)
        args = whole if isinstance(whole, bytes) else await evaluator.inputs(inputs.transforms, scope, moment, resolve)
        id = job_id(view.plan, run.id, ask.node, view.frame)
        args, _ = await with_replaced_inputs(reader.load, run, node, id, args, frozenset(), view.known)
    made = dry_runs.simulate(await _recording(reader, run, view), view, int(ask.key[2]), opened.mask_json(args))
    return Answer(msgspec.json.encode(made), truthy=True)


async def _recording(reader: Reader, run: RunRow, view: View) -> bytes | None:
    """Return the recording that a dry run plays; None if it has none."""
    key = dry_runs.recording_key(run.id)
    return view.known.get(key) or (await reader.load([key])).get(key)


async def _inputs(
    reader: Reader, run: RunRow, ask: Ask, scope: Scope, view: View, passwords: OpenedSecrets, pins: Pins
) -> Answer | NamedError:
    """Return the input of a sub-workflow with secrets masked; its own steps open the secrets that they use.

    Strings that contain a password input of the run, and password inputs named by the sub-workflow's schema, are
    sealed separately.
    """
    opened = OpenedSecrets()
    opened.update(passwords)
    resolve = resolver(reader, Identity.of_run(run), run.workspace, opened)
    try:
        moment = moment_of(view.plan, run, ask.node, view.frame)
        raw = await reader.evaluator.of(run.workspace).inputs(ask.source, scope, moment, resolve)
    except ExpressionError as error:
        return NamedError(error.name, opened.mask_text(error.message))
    id = job_id(view.plan, run.id, ask.node, view.frame)
    names = input_references.of_inputs(provenance_of(ask.source), view)
    raw, names = await with_replaced_inputs(reader.load, run, view.plan.node(ask.node), id, raw, names, view.known)
    # The sub-workflow may act for a member with more read permissions.
    hidden = await hidden_from(reader, Identity.of_run(run), run.workspace, raw, names)
    if hidden is not None:
        return NamedError("NotFound", hidden)
    pin = pins.get(flow_key(view.plan.node(ask.node).value["path"]))
    try:
        passed_on = sealed_inputs.holding(raw, passwords)
        raw, sealed = await sealed_inputs.take_out(
            reader,
            run.workspace,
            run.id,
            secret_fields.mask_at(raw, passed_on),
            pin.passwords if pin is not None else None,
            passed_on,
        )
    except BadRequest as error:
        return NamedError(error.code, error.message)
    masked = opened.mask_json(raw)
    recorded = dry_runs.recording_of_call(await _recording(reader, run, view), view) if DRY in pins else None
    return Answer(masked, True, tuple(sorted(referring(only(masked, names)))), sealed, recorded)


def names_of(ask: Ask) -> Names:
    """Return the names that the expression of a request reads."""
    if ask.purpose == "inputs":
        return input_names(ask.source)
    if ask.purpose == "cache" and not isinstance(ask.source, str):
        return _container_names(ask.source)
    return text_names(ask.source) if isinstance(ask.source, str) else transform_names(ask.source)


def _as_bytes(value: bytes | Mapping[str, bytes]) -> bytes:
    return value if isinstance(value, bytes) else object_text(value)


def _part(value: bytes | Mapping[str, bytes], members: frozenset[str] | None) -> bytes:
    """Return these members of a value, or all of it if it is not an object."""
    if members is None or not isinstance(value, bytes) or not strip(value).startswith(b"{"):
        return _as_bytes(value)
    fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    return object_text({name: bytes(fields[name]) for name in sorted(members) if name in fields})


def _container_names(value: Mapping[str, Any]) -> Names:
    """Return the names that the result of a container depends on. A sub-workflow reads its input and the flow_env."""
    if value.get("type") == Kind.FLOW:
        return {"flow_env": None}
    found = tree_names(value)
    if passes_previous_result(value) or "previous_result" in found or "result" in found:
        # For the first step of a loop's body, the previous result is the whole input.
        found |= {"previous_result": None, "flow_input": None}
    return found


def is_volatile(ask: Ask) -> bool:
    """Return whether the answer may change during the run: it reads the context, a variable or a resource."""
    if ask.purpose == "simulate":
        inputs = [*ask.source.values(), *(ask.source.get("input_transforms") or {}).values()]
        opens = any(may_open(each) for each in inputs if isinstance(each, dict))
        return opens or "context" in tree_names(ask.source)
    sources = (
        ask.source.values() if ask.purpose in ("inputs", "cache") and ask.source != "flow_input" else (ask.source,)
    )
    return "context" in names_of(ask) or any(may_open(source) for source in sources)


def delay_end(answer: Answer) -> Answer | NamedError:
    """Return the time of a delay as RFC 3339 in UTC, 0 if it is past; an error if it is invalid, has no offset or is
    too far away.
    """
    text = msgspec.json.decode(answer.raw)
    try:
        at = datetime.fromisoformat(text.upper() if isinstance(text, str) else "")
    except ValueError:
        return NamedError(_INVALID_DELAY, "The until of a delay must be a time such as 2030-01-31T12:00:00Z.")
    if at.tzinfo is None:
        return NamedError(_INVALID_DELAY, "The until of a delay needs an offset: 2030-01-31T12:00:00Z.")
    left = at - clock.now()
    if left > timedelta(seconds=MAX_WAIT_S):
        return NamedError(_INVALID_DELAY, "The until of a delay is more than ten years away.")
    if left <= timedelta():
        return Answer(b"0", truthy=False)
    return Answer(msgspec.json.encode(at.isoformat()), truthy=True)
