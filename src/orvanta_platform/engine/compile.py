"""Compilation of a workflow's graph into a plan. Done once per artifact; the plan is cached by its hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from orvanta_platform.engine import debounce, duration, gates
from orvanta_platform.engine.plan import Body, Consent, Edge, Gate, Join, Kind, Node, Plan, Retry, Stop, Target
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import graph
from orvanta_platform.workflow.kinds import EFFECTS, Effects
from orvanta_platform.workflow.normal import normalise_value
from orvanta_platform.workflow.support import failing_value, unsupported

_KINDS = frozenset(Kind)
_LOOPS = frozenset(kind for kind in Kind if kind.is_loop)
_RETRIED = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.WEBHOOK, *(kind for kind in Kind if kind.is_container)})
"""Kinds on which `retry` has an effect; `validate` warns about it on others."""
_CALLED = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.FLOW})
_ERROR_INPUT = {"error": {"type": "javascript", "expr": "error"}}
_NEVER_DEBOUNCED = frozenset({"failure", "preprocessor"})
"""Ids of nodes that a later run cannot replace; `validate` warns about `debouncing` on them."""


def compile_plan(value: Mapping[str, Any]) -> Plan:
    """Compile a value tree ({modules, failure_module?, output?, …}), which may use tolerant spellings.

    The document must have passed `validate`. Raises InvalidWorkflow with the ids of the nodes that this engine cannot
    run.
    """
    tree = normalise_value(value)
    built = graph.build(tree)
    inside = graph.build({"modules": [_with_error(built.failure.tree)]}) if built.failure else None
    _refuse(built, inside)
    top = built.top
    numbers = _Numbers(len(top.nodes) + 1)
    before = _preprocessor(built.preprocessor, numbers)
    lists = _Lists(built, numbers)
    nodes = tuple(lists.node(node, node.index) for node in top.nodes)
    failure = _Lists(inside, numbers).node(inside.top.nodes[0], len(nodes)) if inside else None
    gate = gates.of_settings(tree, ("flow/", gates.PATH), gates.of_input)
    return Plan(
        nodes=nodes,
        starts=top.starts,
        failure=failure,
        preprocessor=before,
        output=tree.get("output"),
        is_list=not top.is_graph,
        main_sinks=top.main_sinks,
        handling_sinks=top.handling_sinks,
        skip_expr=tree.get("skip_expr") or None,
        env=msgspec.json.encode(tree.get("flow_env") or {}),
        early=next((node.index for node in nodes if node.id == tree.get("early_return")), None),
        indexes={node.id: node.index for node in nodes},
        deep=tuple(node for _, node in sorted(numbers.deep.items())),
        nests=any(node.kind.is_container for node in filter(None, [*nodes, failure])),
        gate=gate,
        debounce=debounce.of_settings(tree),
        debounces=any(node.debounce for node in (*nodes, *numbers.deep.values())),
        erasures=_erasures(tree, [*nodes, failure, before, *numbers.deep.values()]),
        cache_s=duration.setting(tree.get("cache_ttl")),
        same_worker=tree.get("same_worker") is True,
        gated=gate is not None or gates.has_gate([*nodes, failure, before]),
    )


def _with_error(failure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree of the failure module; without inputs, it gets `error`."""
    value = failure.get("value") or {}
    if value.get("type") not in _CALLED or value.get("input_transforms"):
        return dict(failure)
    return {**failure, "value": {**value, "input_transforms": _ERROR_INPUT}}


def _erasures(tree: Mapping[str, Any], nodes: Iterable[Node | None]) -> tuple[tuple[int, float], ...]:
    whole = duration.erased_after(tree.get("delete_after_secs"))
    found = {} if whole is None else {-1: whole}
    for node in nodes:
        if node is not None and node.erase_s is not None:
            for number in _numbers_in(node):
                found[number] = min(node.erase_s, found.get(number, node.erase_s))
    return tuple(found.items())


def _numbers_in(node: Node) -> Iterable[int]:
    """Yield the number of a node, and those of all nodes inside it."""
    yield node.number
    for body in node.bodies:
        for inner in body.plan.nodes:
            yield from _numbers_in(inner)


def _refuse(built: graph.Graph, inside: graph.Graph | None) -> None:
    broken: list[str] = []
    for nodes in (*built.lists, *(inside.lists[:1] if inside else ())):
        broken += [nodes.nodes[index].id for cycle in nodes.cycles for index in cycle]
        broken += [nodes.nodes[edge.target].id for edge in nodes.dangling]
        broken += [node.id for node in nodes.nodes if not _is_known(node) or node.join not in set(Join)]
    broken += [node.id for node in filter(None, [built.preprocessor]) if not _is_known(node)]
    if broken:
        raise InvalidWorkflow(
            f"This version cannot run: {', '.join(dict.fromkeys(broken))}.", details={"nodes": broken}
        )


def _is_known(node: graph.Node) -> bool:
    return node.kind in _KINDS or unsupported(node) is not None


def _preprocessor(node: graph.Node | None, numbers: _Numbers) -> Node | None:
    if node is None:
        return None
    number = numbers.take()
    compiled = numbers.deep[number] = _node(node, number, number, ())
    return compiled


class _Numbers:
    """Numbering of nested nodes, in the order in which they are compiled."""

    def __init__(self, first: int) -> None:
        self._next = first
        self.deep: dict[int, Node] = {}

    def take(self) -> int:
        self._next += 1
        return self._next - 1


class _Lists:
    """Compiler of the lists of one graph, from the outside in."""

    def __init__(self, built: graph.Graph, numbers: _Numbers) -> None:
        self._built = built
        self._numbers = numbers

    def node(self, node: graph.Node, index: int) -> Node:
        return _node(node, index, index, self._bodies(node))

    def _bodies(self, node: graph.Node, squash: bool = False) -> tuple[Body, ...]:
        value = node.value
        squash = squash or (node.kind in _LOOPS and value.get("squash") is True)
        each = _stop(node.tree.get("stop_after_if")) if node.kind in _LOOPS else None
        plans = [self._plan(self._built.lists[place], each, squash) for place in node.bodies]
        branches = value.get("branches") or [] if node.kind in ("branchone", "branchall") else []
        found = [
            Body(plan, branch.get("expr"), branch.get("skip_failure") is True)
            for plan, branch in zip(plans, branches, strict=False)
        ]
        return (*found, *(Body(plan) for plan in plans[len(found) :]))

    def _plan(self, nodes: graph.NodeList, each: Stop | None, squash: bool) -> Plan:
        numbered = [(self._numbers.take(), node) for node in nodes.nodes]
        compiled = tuple(
            _node(node, node.index, number, self._bodies(node, squash), squash) for number, node in numbered
        )
        self._numbers.deep |= {node.number: node for node in compiled}
        return Plan(
            nodes=compiled,
            starts=nodes.starts,
            is_list=not nodes.is_graph,
            main_sinks=nodes.main_sinks,
            handling_sinks=nodes.handling_sinks,
            indexes={node.id: node.index for node in compiled},
            inner=True,
            each_stop=each,
        )


def single_plan(
    kind: Kind,
    value: Any = None,
    *,
    node_id: str = "main",
    timeout: Any = None,
    retry: Mapping[str, Any] | None = None,
    gate: Gate | None = None,
    erasures: tuple[tuple[int, float], ...] = (),
) -> Plan:
    """Return the plan of a run of one script, preview or identity: one node, whose job id is the run's id.

    `retry` is a Retry tree of the grammar, for runs that are retried as a whole.
    """
    node = Node(
        index=0,
        id=node_id,
        kind=kind,
        value=value,
        edges=(),
        targets=(),
        join=Join.ALL,
        ancestors=0,
        retry=_retry(retry),
        timeout=timeout,
        number=0,
        gate=gate,
    )
    return Plan(
        nodes=(node,), starts=(0,), single=True, indexes={node_id: 0}, gated=gate is not None, erasures=erasures
    )


def _node(node: graph.Node, index: int, number: int, bodies: tuple[Body, ...], squash: bool = False) -> Node:
    tree, value = node.tree, node.value
    if (feature := unsupported(node)) is not None:
        value, bodies = failing_value(feature), ()
    kind = Kind(value["type"])
    stop = _stop(tree.get("stop_after_if"))
    return Node(
        index=index,
        id=node.id,
        kind=kind,
        value=value,
        edges=tuple(dict.fromkeys(Edge(edge.source, edge.on) for edge in node.incoming)),
        targets=tuple(
            dict.fromkeys(Target(edge.target, edge.on) for edge in sorted(node.outgoing, key=lambda edge: edge.target))
        ),
        join=Join(node.join),
        ancestors=node.ancestors,
        condition=value.get("expr") if kind is Kind.CONDITION else None,
        retry=_retry(tree.get("retry")) if kind in _RETRIED else None,
        timeout=tree.get("timeout"),
        continue_on_error=tree.get("continue_on_error") is True,
        exports=tuple((tree.get("export") or {}).items()),
        tag=value.get("tag") or value.get("tag_override") or None,
        priority=tree.get("priority"),
        skip_if=(tree.get("skip_if") or {}).get("expr"),
        mock=_mock(tree.get("mock") or {}),
        sleep=tree.get("sleep"),
        delay=next(((key, value[key]) for key in ("seconds", "until") if key in value), None)
        if kind is Kind.DELAY
        else None,
        approval=_approval_policy(value) if kind is Kind.APPROVAL else None,
        suspend=None if kind is Kind.APPROVAL else _suspend_policy(tree.get("suspend")),
        number=number,
        bodies=bodies,
        iterator=value.get("iterator"),
        # Iterations that share their processes run one after the other.
        parallel=value.get("parallel") is True and value.get("squash") is not True,
        parallelism=value.get("parallelism"),
        skip_failures=value.get("skip_failures") is True,
        stop_after_if=None if kind.is_loop else stop,
        squash=squash,
        stop_after_all=_stop(tree.get("stop_after_all_iters_if")) if kind.is_loop else None,
        gate=gates.of_code(node.id, value) if kind is Kind.RAWSCRIPT else None,
        debounce=None if node.id in _NEVER_DEBOUNCED else debounce.of_step(node.id, value, tree.get("debouncing")),
        cache_s=duration.setting(tree.get("cache_ttl")),
        erase_s=duration.erased_after(tree.get("delete_after_secs")),
        # Code that only reports an unsupported feature has no effects.
        effects="none" if feature is not None else _effects(tree.get("effects")),
        result_schema=tree.get("result_schema"),
    )


def _effects(declared: Any) -> Effects:
    return next((each for each in EFFECTS if each == declared), "sends")


def _mock(mock: Mapping[str, Any]) -> bytes | None:
    return msgspec.json.encode(mock.get("return_value")) if mock.get("enabled") is True else None


def _stop(tree: Mapping[str, Any] | None) -> Stop | None:
    if not tree or not isinstance(tree.get("expr"), str):
        return None
    message = tree.get("error_message")
    return Stop(tree["expr"], tree.get("skip_if_stopped") is True, message if isinstance(message, str) else None)


def _retry(tree: Mapping[str, Any] | None) -> Retry | None:
    if not tree:
        return None
    constant = tree.get("constant") or {}
    exponential = tree.get("exponential") or {}
    retry_if = tree.get("retry_if") or {}
    return Retry(
        constant_attempts=int(constant.get("attempts") or 0),
        constant_s=constant.get("seconds") or 0,
        exponential_attempts=int(exponential.get("attempts") or 0),
        multiplier=exponential.get("multiplier", 1),
        seconds=exponential.get("seconds", 1),
        random_factor=exponential.get("random_factor") or 0,
        retry_if=retry_if.get("expr"),
    )


def _approval_policy(value: Mapping[str, Any]) -> Consent:
    """Return the approval policy of an approval node's value."""
    return Consent(
        required=int(value.get("required_approvals") or 1),
        timeout_s=_seconds(value.get("timeout")),
        approvers=tuple(value.get("approvers") or ()),
        self_approval=value.get("self_approval") is not False,
        continues=value.get("on_timeout") == "continue",
        message=value.get("message"),
        form=value.get("form"),
        inputs=value.get("input_transforms") or {},
        notify=tuple(value.get("notify") or ()),
    )


def _suspend_policy(suspend: Mapping[str, Any] | None) -> Consent | None:
    """Return the approval policy of a module's `suspend`; None if it requires no events."""
    if suspend is None or suspend.get("required_events") == 0:
        return None
    groups = suspend.get("user_groups_required")
    return Consent(
        required=int(suspend.get("required_events") or 1),
        timeout_s=_seconds(suspend.get("timeout")),
        self_approval=suspend.get("self_approval_disabled") is not True,
        login=suspend.get("user_auth_required") is True,
        groups=None if _is_empty(groups) else groups,
        continues=suspend.get("continue_on_disapprove_timeout") is True,
        form=(suspend.get("resume_form") or {}).get("schema"),
        hide_cancel=suspend.get("hide_cancel") is True,
    )


def _is_empty(groups: Any) -> bool:
    """Return whether these groups are an empty list as a constant, which requires none. A computed one is never met."""
    return isinstance(groups, Mapping) and groups.get("type") == "static" and groups.get("value") == []


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
