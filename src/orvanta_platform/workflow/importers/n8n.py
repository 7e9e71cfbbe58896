"""Workflows of n8n, from the JSON that it exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.importers import n8n_items, n8n_services
from orvanta_platform.workflow.importers.findings import Conversion, Report, flow_item, record, records
from orvanta_platform.workflow.importers.n8n_builder import GraphBuilder, NodeConverter, Output, Scope, are_exclusive
from orvanta_platform.workflow.importers.n8n_code import code
from orvanta_platform.workflow.importers.n8n_expressions import Source
from orvanta_platform.workflow.importers.n8n_graph import Graph, Node, read_graph
from orvanta_platform.workflow.importers.n8n_triggers import MANUAL, TIMED, is_disabled, is_trigger, trigger_items
from orvanta_platform.workflow.importers.node_values import UNIT_SECONDS, expression_script, javascript, static
from orvanta_platform.workflow.importers.source_settings import report_unread


def convert(tree: Any, path: str, integrations: Mapping[str, str]) -> Conversion:
    """Return the conversion of an exported workflow for a path of the workspace. Nothing in it is executed.

    Parts without an equivalent become placeholders that fail when they run. `integrations` contains the code of the
    integrations by name, for nodes that send mail or messages. Raises BadRequest if it is not a workflow.
    """
    if isinstance(tree, list) and len(tree) == 1:
        tree = tree[0]
    if not isinstance(tree, dict):
        raise BadRequest(
            "The file is no workflow of n8n: it contains no object.", hint="Pass the export of one workflow."
        )
    report = Report(path, integrations)
    graph = read_graph(tree, report)
    builder = GraphBuilder(report, graph, tree, _converter)
    reachable = _reachable_nodes(graph, builder)
    made = builder.build(reachable)
    value: dict[str, Any] = {"modules": made.modules}
    output = _output(builder, made)
    if output is not None:
        value["output"] = javascript(output)
    top = {module["id"] for module in made.modules}
    answer = builder.answers[0].edge if len(builder.answers) == 1 else None
    if answer and answer[0] in top and answer[0] != made.modules[-1]["id"]:
        value["early_return"] = answer[0]
    _report_settings(tree, report)
    document = {"summary": str(tree.get("name") or ""), "value": value, "schema": _schema(graph)}
    items = (flow_item(path, document), *trigger_items(graph, tree, report))
    for name in graph.nodes:
        if name in reachable:
            report_unread(report, name, graph.nodes[name].parameters, _IGNORED)
    return Conversion(path, items, len(graph.nodes), tuple(report.findings))


def _reachable_nodes(graph: Graph, builder: GraphBuilder) -> set[str]:
    """Return the nodes of the workflow: those that its triggers lead to, or all if it has none."""
    triggers = [node for node in graph.nodes.values() if is_trigger(node)]
    if not triggers:
        return set(graph.nodes)
    ordered = sorted(triggers, key=lambda node: (is_disabled(node), node.kind == "errorTrigger", node.kind in MANUAL))
    started = {each.target for each in graph.by_source.get(ordered[0].name, [])}
    names = {ordered[0].name} | graph.reachable([ordered[0].name])
    for node in ordered[1:]:
        first = {each.target for each in graph.by_source.get(node.name, [])}
        if first <= started:
            names.add(node.name)
            continue
        builder.report.add(
            node.name,
            "not_converted",
            f"The trigger starts other nodes than {ordered[0].name!r}: a workflow has one start.",
            "Put these nodes into a workflow of their own in n8n, then import that one too.",
        )
    named = {each.node for each in builder.report.findings}
    for name in [each for each in graph.nodes if each not in names]:
        if not is_trigger(graph.nodes[name]) and name not in named:
            builder.report.add(
                name,
                "not_converted",
                "The trigger of the workflow does not lead to the node.",
                "Connect it or delete it.",
            )
    return names


def _converter(node: Node) -> NodeConverter:
    if is_trigger(node):
        return _trigger
    if is_disabled(node):
        return _no_operation
    return _CONVERTERS.get(node.kind, _unknown)


def _trigger(builder: GraphBuilder, node: Node) -> None:
    expr = "(flow_input.item ?? flow_input)" if node.kind == "executeWorkflowTrigger" else "flow_input"
    source = Source(expr, origin=node.name, request=node.kind == "webhook", timed=node.kind in TIMED)
    for output in {each.output for each in builder.graph.by_source.get(node.name, [])} | {0}:
        builder.set_output(node, output, Output(None, source))
    builder.sources[node.name] = source


def _unknown(builder: GraphBuilder, node: Node) -> None:
    n8n_services.add_placeholder(builder, node, f"The type {node.kind} has no equivalent.")


def _no_operation(builder: GraphBuilder, node: Node) -> None:
    node.parameters.read_all()
    given = builder.input(node)
    id = builder.add(node, {"type": "identity"}, given)
    for output in {each.output for each in builder.graph.by_source.get(node.name, [])} | {0}:
        builder.pass_through(node, id, given, output)


def _wait(builder: GraphBuilder, node: Node) -> None:
    found = node.parameters
    given = builder.input(node)
    context = builder.context(node, given.source, f"{given.source.items}[0]" if given.source.many else None)
    match found.get("resume", "timeInterval"):
        case "timeInterval":
            unit = UNIT_SECONDS.get(str(found.get("unit", "hours" if node.version < 1.1 else "seconds")), 1)
            amount = context.expr(found.get("amount", 1))
            exact = found.get("amount", 1)
            plain = isinstance(exact, int | float) and not isinstance(exact, bool)
            seconds = static(exact * unit) if plain else javascript(f"{amount} * {unit}")
            value: dict[str, Any] = {"type": "delay", "seconds": seconds}
        case "specificTime":
            value = {"type": "delay", "until": context.transform(found.get("dateTime", ""))}
        case _:
            builder.report.add(
                node.name,
                "differs",
                "The wait for a call or a form becomes an approval: the run continues when somebody approves it.",
                "Call the approval from the other system, or remove the node.",
            )
            value = {"type": "approval"}
    id = builder.add(node, value, given)
    builder.pass_through(node, id, given)


def _respond(builder: GraphBuilder, node: Node) -> None:
    found = node.parameters
    given = builder.input(node)
    source = given.source
    context = builder.context(node, source, f"{source.items}[0]" if source.many else None)
    kind = found.get("respondWith", "firstIncomingItem")
    if kind in ("redirect", "binary", "jwt"):
        n8n_services.add_placeholder(builder, node, f"A response of the kind {kind} has no equivalent.")
        return
    if kind == "json":
        body = context.json(found.get("responseBody", "{}"))
    elif kind == "text":
        body = context.expr(found.get("responseBody", ""))
    elif kind == "noData":
        body = "null"
    elif kind == "allIncomingItems":
        body = source.items
    else:
        body = context.item
    status = record(found.get("options")).get("responseCode")
    settings = [f"orvanta_status_code: {status}"] if isinstance(status, int) and status != 200 else []
    settings += ['orvanta_content_type: "text/html"'] if kind == "text" else []
    answer = f"({{{', '.join(settings)}, result: {body}}})" if settings else body
    id = builder.add(node, expression_script(answer), given)
    when = f"results.{id} != null" if source.when else None
    builder.answers.append(Output((id, "success"), Source(f"results.{id}", when=when), given.taken))
    builder.pass_through(node, id, given)


def _output(builder: GraphBuilder, made: Scope) -> str | None:
    """Return the result of the workflow: that of the node that answers, otherwise the items of its last nodes."""
    ends = builder.answers or [
        each for each in made.ends.values() if each.edge and each.edge[1] in ("success", "always")
    ]
    if not ends:
        return None
    if len(ends) == 1:
        return _result(ends[0].source)
    chosen = [(each.source.when, each.source.expr) for each in ends]
    if all(when for when, _ in chosen) and are_exclusive(ends):
        return "".join(f"({when}) ? {expr} : " for when, expr in chosen) + "null"
    return f"({{{', '.join(f'{each.edge[0]}: {_result(each.source)}' for each in ends if each.edge)}}})"


def _result(source: Source) -> str:
    return f"({source.when}) ? {source.expr} : null" if source.when else source.expr


def _schema(graph: Graph) -> dict[str, Any]:
    """Return the schema of the inputs: the request of a webhook, or those that a caller passes."""
    properties: dict[str, Any] = {}
    for node in graph.nodes.values():
        if node.kind == "webhook" and node.parameters.get("httpMethod", "GET") != "GET":
            properties["body"] = {"type": "object", "description": "Body of the request"}
        values = record(node.parameters.get("workflowInputs")).get("values")
        for row in records(values) if node.kind == "executeWorkflowTrigger" else []:
            if isinstance(row.get("name"), str):
                kind = row.get("type")
                known = kind in ("string", "number", "boolean", "array", "object")
                properties[row["name"]] = {"type": kind} if known else {}
    return {"type": "object", "properties": properties}


def _report_settings(tree: dict[str, Any], report: Report) -> None:
    settings = record(tree.get("settings"))
    limit = settings.get("executionTimeout")
    if isinstance(limit, int) and limit > 0:
        report.add(None, "not_converted", f"The time limit of {limit} s is not converted.", "Set it on its nodes.")
    if settings.get("errorWorkflow"):
        report.add(
            None,
            "not_converted",
            f"The error workflow {settings['errorWorkflow']!r} is not converted.",
            "Add a failure module that calls it.",
        )


_IGNORED: Final = frozenset(
    {
        *("notice", "authentication", "nodeCredentialType", "genericAuthType", "specifyBody", "specifyHeaders"),
        *("specifyQuery", "select", "emailFormat", "emailType", "looseTypeValidation", "renameFallbackOutput"),
        *("numberInputs", "advanced", "inputSource", "appendAttribution", "includeLinkToWorkflow", "multipleMethods"),
    }
)
"""Settings of nodes that choose a form of the page, are implied by others, or are named by another finding."""

_CONVERTERS: Final[Mapping[str, NodeConverter]] = {
    "set": n8n_items.set_fields,
    "filter": n8n_items.filter_items,
    "splitOut": n8n_items.split_out,
    "aggregate": n8n_items.aggregate,
    "limit": n8n_items.limit,
    "merge": n8n_items.merge,
    "if": n8n_items.if_node,
    "switch": n8n_items.switch,
    "code": code,
    "function": code,
    "functionItem": code,
    "httpRequest": n8n_services.http_request,
    "postgres": n8n_services.postgres,
    "slack": n8n_services.slack,
    "emailSend": n8n_services.mail,
    "gmail": n8n_services.mail,
    "executeWorkflow": n8n_services.execute_workflow,
    "noOp": _no_operation,
    "wait": _wait,
    "respondToWebhook": _respond,
}
