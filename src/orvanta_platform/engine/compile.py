"""From a workflow's graph to the plan the engine runs. Done once per artifact, the plan is cached by its hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orvanta_platform.engine import consents
from orvanta_platform.engine.plan import Edge, Join, Kind, Node, Plan, Retry, Target
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import graph
from orvanta_platform.workflow.normal import normalise_value

_KINDS = frozenset(Kind)
_RETRIED = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.WEBHOOK})
"""Kinds on which `retry` means something; on others `validate` warns that it does nothing."""


def compile_plan(value: Mapping[str, Any]) -> Plan:
    """The plan of a value tree ({modules, failure_module?, output?, …}), tolerant spellings included.

    The document has passed `validate`; raises InvalidWorkflow, naming the nodes, where this engine cannot run
    what it holds.
    """
    tree = normalise_value(value)
    built = graph.build(tree)
    top = built.top
    broken = [top.nodes[index].id for cycle in top.cycles for index in cycle]
    broken += [top.nodes[edge.target].id for edge in top.dangling]
    broken += [node.id for node in built.nodes() if node.kind not in _KINDS or node.join not in set(Join)]
    if broken:
        raise InvalidWorkflow(
            f"This version cannot run: {', '.join(dict.fromkeys(broken))}.", details={"nodes": broken}
        )
    nodes = tuple(_node(node, node.index) for node in top.nodes)
    return Plan(
        nodes=nodes,
        starts=top.starts,
        failure=_node(built.failure, len(nodes)) if built.failure else None,
        output=tree.get("output"),
        is_list=not top.is_graph,
        main_sinks=top.main_sinks,
        handling_sinks=top.handling_sinks,
        skip_expr=tree.get("skip_expr") or None,
        env=msgspec.json.encode(tree.get("flow_env") or {}),
        indexes={node.id: node.index for node in nodes},
    )


def single_plan(
    kind: Kind,
    value: Any = None,
    *,
    node_id: str = "main",
    timeout: Any = None,
    retry: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a run of one script, preview or identity: one node, whose job id is the run's id.

    `retry`: a Retry tree of the grammar, where the run itself is retried.
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
    )
    return Plan(nodes=(node,), starts=(0,), single=True, indexes={node_id: 0})


def _node(node: graph.Node, index: int) -> Node:
    tree, value = node.tree, node.value
    kind = Kind(node.kind)
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
        approval=consents.of_approval(value) if kind is Kind.APPROVAL else None,
        suspend=None if kind is Kind.APPROVAL else consents.of_suspend(tree.get("suspend")),
    )


def _mock(mock: Mapping[str, Any]) -> bytes | None:
    return msgspec.json.encode(mock.get("return_value")) if mock.get("enabled") is True else None


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
