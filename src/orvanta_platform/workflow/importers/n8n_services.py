"""Nodes of n8n that call other systems and workflows, once for each item."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from orvanta_platform.workflow.importers import integrations, sql
from orvanta_platform.workflow.importers.findings import record, records
from orvanta_platform.workflow.importers.javascript_tokens import segments
from orvanta_platform.workflow.importers.n8n_builder import (
    INDEX,
    ITEM,
    GraphBuilder,
    Input,
    Output,
    divides_errors,
    error_settings,
    time_limit,
)
from orvanta_platform.workflow.importers.n8n_expressions import BASE, ExpressionContext, is_expression
from orvanta_platform.workflow.importers.n8n_graph import Node
from orvanta_platform.workflow.importers.node_values import FORM, METHODS, javascript, literal, placeholder, reference

_PLAIN_NAME: Final = re.compile(r"\w+(?:\.\w+)?")


def per_item(
    builder: GraphBuilder,
    node: Node,
    make: Callable[[ExpressionContext], dict[str, Any]],
    pattern: str = BASE,
    *,
    many: bool = False,
) -> None:
    """Append a node that runs once for each item: a loop, unless there is exactly one item.

    `pattern` and `many` describe the items of one execution, as in `Source`.
    """
    given = builder.input(node)
    if not given.source.many:
        id = builder.add(node, make(builder.context(node, given.source)), given)
        builder.record_output(node, id, given, pattern, many=many, paired=not many)
        return
    id = builder.report.new_id(node.name)
    inner = builder.report.new_id(f"{node.name} item")
    value = make(builder.context(node, given.source, ITEM, INDEX))
    module = {"id": inner, "summary": node.name, "value": value, **error_settings(node), **time_limit(node)}
    if divides_errors(node):
        module["continue_on_error"] = True
    loop = {"type": "forloopflow", "iterator": javascript(given.source.expr), "skip_failures": False}
    builder.add(node, {**loop, "modules": [module]}, given, id)
    _leave_loop(builder, node, id, given, pattern, many=many)


def _leave_loop(builder: GraphBuilder, node: Node, id: str, given: Input, pattern: str, *, many: bool) -> None:
    """Record the items that leave a loop around a node: those of all executions, or apart from those that failed."""
    inside = pattern.replace(BASE, "each")
    if error_settings(node).get("continue_on_error") and (many or inside != "each"):
        inside = f"(each?.error ? {'[each]' if many else 'each'} : {inside})"
    succeeded = f"{BASE}.filter(each => !each?.error)" if divides_errors(node) else BASE
    plain = inside == "each" and not many
    whole = succeeded if plain else f"{succeeded}.{'flatMap' if many else 'map'}(each => {inside})"
    builder.record_output(node, id, given, whole, many=True, paired=not many and not divides_errors(node))
    if divides_errors(node):
        source = builder.outputs[node.name, 0].source
        failed = replace(source, pattern=f"{BASE}.filter(each => each?.error)", origin=f"{node.name} errors")
        builder.set_output(node, 1, Output((id, "success"), failed, given.taken))


def credential(builder: GraphBuilder, node: Node, kind: str) -> str:
    """Return the path of the resource that replaces the credential of a node."""
    rows = records(list(record(node.settings.get("credentials")).values()))
    name = str(rows[0].get("name") or kind) if rows else kind
    path = builder.report.sibling_path(name)
    builder.report.add(
        node.name,
        "prepare",
        f"The credential {name!r} is not part of an export.",
        f"Create the resource {path} with its values ({kind}).",
    )
    return path


def http_request(builder: GraphBuilder, node: Node) -> None:
    """Convert HTTP Request."""
    found = node.parameters
    method = str(found.get("method", found.get("requestMethod", "GET"))).upper()
    options = record(found.get("options"))
    for name, wording in (("pagination", "reads further pages"), ("batching", "sends requests in batches")):
        if options.get(name):
            builder.report.add(
                node.name,
                "not_converted",
                f"The option {name}, which {wording}, has no equivalent.",
                "Put the request into a while loop.",
            )
    response = record(record(options.get("response")).get("response"))
    files = (
        found.get("contentType") in ("multipart-form-data", "binaryData") or response.get("responseFormat") == "file"
    )
    if method not in METHODS or files:
        add_placeholder(builder, node, "A request with this method or with files has no equivalent.")
        return

    def make(context: ExpressionContext) -> dict[str, Any]:
        value: dict[str, Any] = {"type": "webhook", "method": method, "url": context.transform(found.get("url", ""))}
        headers = _pairs(context, found, "header")
        body, kind = _body(context, found)
        if kind and "content-type" not in {literal_name.lower() for literal_name, _ in headers}:
            headers.append(("Content-Type", literal(kind)))
        if headers:
            value["headers"] = _object(headers)
        if query := _pairs(context, found, "query"):
            value["query"] = _object(query)
        if body is not None and method not in ("GET", "HEAD"):
            value["body"] = javascript(body)
        if str(found.get("authentication", "none")) != "none":
            value["auth"] = f"$res:{credential(builder, node, 'HTTP credential')}"
        return value

    if response.get("fullResponse") is True:
        pattern, many = f"({{statusCode: {BASE}.status, headers: {BASE}.headers, body: {BASE}.body}})", False
    else:
        body = f"{BASE}.body"
        pattern, many = (
            f"[{body}].flat().map(json => json !== null && typeof json === 'object' ? json : {{data: json}})",
            True,
        )
    per_item(builder, node, make, pattern, many=many)


def _object(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    return javascript(f"({{{', '.join(f'{literal(name)}: {value}' for name, value in pairs)}}})")


def _pairs(context: ExpressionContext, found: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    """Return the headers, query or body parameters of a request as names and expressions."""
    sends = found.get(f"send{kind.capitalize()}", True)
    if sends is False:
        return []
    rows: list[Any] = []
    for name, inner in ((f"{kind}Parameters", "parameters"), (f"{kind}ParametersUi", "parameter")):
        rows += records(record(found.get(name)).get(inner))
    return [(str(row.get("name", "")), context.expr(row.get("value"))) for row in rows]


def _body(context: ExpressionContext, found: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the expression of the body of a request, and its content type if it is not JSON."""
    if found.get("sendBody", True) is False:
        return None, None
    kind = str(found.get("contentType", found.get("bodyContentType", "json")))
    text = next((found[name] for name in ("jsonBody", "bodyParametersJson") if isinstance(found.get(name), str)), None)
    if text and (found.get("specifyBody") == "json" or found.get("jsonParameters") is True):
        return context.json(text), None
    if kind == "raw":
        return context.expr(found.get("body", "")), str(found.get("rawContentType") or "text/plain")
    pairs = _pairs(context, found, "body")
    if not pairs:
        return None, None
    return _object(pairs)["expr"], FORM if kind.startswith("form") else None


def postgres(builder: GraphBuilder, node: Node) -> None:
    """Convert Postgres: queries, and inserts of named columns."""
    found = node.parameters
    operation = found.get("operation", "insert")
    if operation == "executeQuery" and isinstance(found.get("query"), str):
        per_item(builder, node, lambda context: _query(builder, node, context), many=True)
        return
    values = record(record(found.get("columns")).get("value"))
    schema, table = str(_resource_value(found.get("schema")) or "public"), str(_resource_value(found.get("table")))
    table = table if schema == "public" or "." in table else f"{schema}.{table}"
    if operation == "insert" and values and _PLAIN_NAME.fullmatch(table):
        per_item(builder, node, lambda context: _insert(builder, node, context, table, values), many=True)
        return
    add_placeholder(builder, node, f"The operation {operation} of Postgres has no equivalent.")


def _query(builder: GraphBuilder, node: Node, context: ExpressionContext) -> dict[str, Any]:
    text = str(node.parameters["query"])
    inputs: list[str] = []
    if is_expression(text):
        text, inputs = sql.parameters(text[1:], lambda code: context.expr(f"={{{{{code}}}}}"))
    replacement = record(node.parameters.get("options")).get("queryReplacement")
    if isinstance(replacement, str) and not inputs:
        codes = [part for is_code, part in segments(replacement.removeprefix("=")) if is_code]
        plain = [] if codes else [each.strip() for each in replacement.split(",")]
        inputs = [context.expr("={{" + part + "}}") for part in codes] or [literal(each) for each in plain]
    return sql.query(text, inputs, credential(builder, node, "postgresql"))


def _insert(
    builder: GraphBuilder, node: Node, context: ExpressionContext, table: str, values: dict[str, Any]
) -> dict[str, Any]:
    names = ", ".join('"' + str(name).replace('"', '""') + '"' for name in values)
    marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    text = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *"  # noqa: S608 - table is checked, names are quoted
    return sql.query(text, [context.expr(each) for each in values.values()], credential(builder, node, "postgresql"))


def slack(builder: GraphBuilder, node: Node) -> None:
    """Convert Slack: messages to a channel."""
    found = node.parameters
    channel = _resource_value(found.get("channelId", found.get("channel", found.get("user", ""))))
    if found.get("resource", "message") != "message" or found.get("operation", "post") != "post":
        add_placeholder(builder, node, "This operation of Slack has no equivalent.")
        return
    if found.get("messageType", "text") != "text":
        add_placeholder(builder, node, "A message of blocks or attachments has no equivalent.")
        return

    def make(context: ExpressionContext) -> dict[str, Any]:
        inputs = {"workspace": reference(credential(builder, node, "slack")), "channel": context.transform(channel)}
        return integrations.slack(builder.report, {**inputs, "text": context.transform(found.get("text", ""))})

    per_item(builder, node, make, f"({{...{BASE}, ts: {BASE}.thread}})")


def mail(builder: GraphBuilder, node: Node) -> None:
    """Convert Send Email, and messages of Gmail."""
    found = node.parameters
    if found.get("resource", "message") not in ("message", "email") or found.get("operation", "send") != "send":
        add_placeholder(builder, node, f"The operation {found.get('operation')} has no equivalent.")
        return
    message = found.get("message") if node.kind == "gmail" else None
    names = {"to": ("toEmail", "sendTo"), "subject": ("subject",), "sender": ("fromEmail",), "cc": ("ccEmail",)}

    def make(context: ExpressionContext) -> dict[str, Any]:
        inputs: dict[str, Any] = {"server": reference(credential(builder, node, "smtp"))}
        for name, sources in names.items():
            value = next((found[each] for each in sources if each in found), None)
            if value is not None:
                inputs[name] = context.transform(value)
        for name in ("text", "html"):
            if isinstance(found.get(name), str):
                inputs[name] = context.transform(found[name])
        if message is not None:
            inputs["html" if found.get("emailType", "html") == "html" else "text"] = context.transform(message)
        return integrations.mail(builder.report, inputs)

    per_item(builder, node, make)


def execute_workflow(builder: GraphBuilder, node: Node) -> None:
    """Convert Execute Workflow."""
    found = node.parameters
    target = found.get("workflowId")
    name = target.get("cachedResultName") or target.get("value") if isinstance(target, dict) else target
    if not isinstance(name, str) or is_expression(name) or str(found.get("source", "database")) != "database":
        add_placeholder(builder, node, "The called workflow is not named by a constant.")
        return
    path = builder.report.sibling_path(name)
    builder.report.add(
        node.name, "prepare", f"The workflow {name!r} is called as {path}.", f"Import it with --path {path}."
    )
    values = record(record(found.get("workflowInputs")).get("value"))
    once = node.settings.get("executeOnce") is True
    if found.get("mode", "once") != "each" and builder.input(node).source.many and not once:
        message = "n8n calls the workflow once with all items; here it is called once for each item."
        builder.report.add(node.name, "differs", message, "Check that it processes one item at a time.")
    if record(found.get("options")).get("waitForSubWorkflow") is False:
        message = "The node does not wait for the other workflow; here it does."
        builder.report.add(node.name, "differs", message, "Check the order.")

    def make(context: ExpressionContext) -> dict[str, Any]:
        if values:
            inputs = {str(each): context.transform(value) for each, value in values.items()}
        else:
            inputs = {"item": javascript(context.item)}
        return {"type": "flow", "path": path, "input_transforms": inputs}

    per_item(builder, node, make, f"[{BASE}].flat()", many=True)


def add_placeholder(builder: GraphBuilder, node: Node, message: str) -> None:
    """Append a placeholder for a node that cannot be converted."""
    builder.report.add(
        node.name,
        "not_converted",
        message,
        "Replace the placeholder, which holds the old settings and fails, by a script that returns the items.",
    )
    node.parameters.read_all()
    given = builder.input(node)
    id = builder.add(node, placeholder(node.name, node.kind, node.parameters), given)
    outputs = {each.output for each in builder.graph.by_source.get(node.name, [])} | {0}
    builder.record_output(node, id, given, f"[{BASE}].flat()", many=True)
    for output in outputs - {0}:
        if (node.name, output) not in builder.outputs:
            builder.set_output(node, output, builder.outputs[node.name, 0])


def _resource_value(found: Any) -> Any:
    """Return the value of a parameter that n8n shows as a list of resources."""
    return found.get("value", "") if isinstance(found, dict) else found if isinstance(found, str) else ""
