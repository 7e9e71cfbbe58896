"""Tasks of Kestra that run code, call other systems or wait."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.importers import integrations, sql
from orvanta_platform.workflow.importers.findings import Unconvertible, record, records
from orvanta_platform.workflow.importers.kestra_scripts import SCRIPTS
from orvanta_platform.workflow.importers.kestra_templates import TemplateContext, default_of, has_template
from orvanta_platform.workflow.importers.node_values import (
    FORM,
    METHODS,
    UNIT_SECONDS,
    expression_script,
    rawscript,
    reference,
    static,
)
from orvanta_platform.workflow.importers.source_settings import SourceSettings, report_unread

_LOG: Final = '''def main(message, level: str = "INFO"):
    """Write a message to the log."""
    for line in message if isinstance(message, list) else [message]:
        print(line if level == "INFO" else f"{level} {line}")
'''
_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>[\d.]+)S)?)?"
)


class ConvertedTask(msgspec.Struct, frozen=True):
    """Value of the node of a task, and how later expressions read its outputs."""

    value: dict[str, Any]
    outputs: Mapping[str, str] = msgspec.field(default_factory=dict)
    scalars: frozenset[str] = frozenset()


TaskConverter = Callable[[TemplateContext, str, dict[str, Any]], ConvertedTask]


def seconds(value: Any) -> float | None:
    """Return an ISO 8601 duration in seconds; None for any other text."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        total = sum((float(found[name] or 0) * factor for name, factor in UNIT_SECONDS.items()), 0.0)
    except ValueError:
        return None
    return int(total) if total.is_integer() else total


def _log(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    inputs = {"message": context.transform(id, task.get("message", ""), text=not isinstance(task.get("message"), list))}
    level = task.get("level", "INFO")
    return ConvertedTask(
        rawscript("python3", _LOG, inputs | ({} if level == "INFO" else {"level": context.transform(id, level)}))
    )


def _return(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    text = context.expr(id, task.get("format", ""), text=True)
    return ConvertedTask(expression_script(f"({{value: {text}}})"), {"value": "{0}.value"}, frozenset({"value"}))


def _output_values(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    return ConvertedTask(
        expression_script(f"({{values: {context.expr(id, record(task.get('values')))}}})"),
        {"*": "{0}", "values": "{0}.values"},
    )


def _request(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    method = str(task.get("method", "GET")).upper()
    if method not in METHODS or task.get("contentType") == "multipart/form-data":
        raise Unconvertible("a request with this method or with files has no equivalent")
    value: dict[str, Any] = {"type": "webhook", "method": method, "url": context.transform(id, task.get("uri", ""))}
    headers = dict(record(task.get("headers")))
    form = record(task.get("formData"))
    kind = task.get("contentType") or (FORM if form else None)
    if isinstance(kind, str) and "content-type" not in {str(name).lower() for name in headers}:
        headers["Content-Type"] = kind
    if headers:
        value["headers"] = context.transform(id, headers)
    if params := record(task.get("params")):
        value["query"] = context.transform(id, params)
    body = form or task.get("body")
    if body is not None and method not in ("GET", "HEAD"):
        if not form and "Content-Type" not in headers and "content-type" not in headers:
            value["headers"] = context.transform(id, {**headers, "Content-Type": "application/json"})
        value["body"] = context.transform(id, body, text=not form)
    options = record(task.get("options"))
    if record(options.get("auth")) or options.get("basicAuthUser"):
        path = context.report.sibling_path(f"{id}_auth")
        context.report.add(
            id, "prepare", "The credential of the request is a resource.", f"Create the resource {path}."
        )
        value["auth"] = f"$res:{path}"
    value["response"] = "text"
    outputs = {"code": "{0}.status", "body": "{0}.body", "headers": "{0}.headers"}
    return ConvertedTask(value, outputs, frozenset({"code", "body"}))


def _script(kind: str) -> TaskConverter:
    def write(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
        text = task.get("script")
        commands = task.get("commands")
        if text is None and kind == "shell" and isinstance(commands, list):
            text = "\n".join(map(str, commands))
        if not isinstance(text, str):
            raise Unconvertible("the script is in a file, which is not part of the workflow")
        before = [
            str(each) for each in task.get("beforeCommands") or [] if isinstance(task.get("beforeCommands"), list)
        ]
        commands_before = [each for each in before if not re.match(r"(?:pip|uv pip|npm|pip3) (?:install|i) ", each)]
        if commands_before and kind == "shell":
            text = "\n".join([*commands_before, text])
        elif commands_before:
            _report(context, id, "The commands before the script are left out.")
        for name in ("inputFiles", "outputFiles", "namespaceFiles"):
            if task.get(name):
                _report(context, id, f"Files of the script ({name}) are left out.")
        if task.get("env"):
            _report(context, id, "The environment variables of the script (env) are left out.")
        return ConvertedTask(
            SCRIPTS[kind](context, id, text), {"vars": "{0}.vars", "exitCode": "{0}.exitCode"}, frozenset({"exitCode"})
        )

    return write


def _report(context: TemplateContext, id: str, message: str) -> None:
    context.report.add(
        id, "not_converted", message, "Pass the values as inputs of the script, or as files of the storage."
    )


def _subflow(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    flow = task.get("flowId")
    if not isinstance(flow, str) or has_template(flow):
        raise Unconvertible("the called workflow is not named by a constant")
    path = context.report.sibling_path(flow)
    context.report.add(id, "prepare", f"The workflow {flow!r} is called as {path}.", f"Import it with --path {path}.")
    if task.get("wait") is False:
        context.report.add(
            id, "differs", "The task does not wait for the other workflow; here it does.", "Check the order."
        )
    if task.get("transmitFailed", True) is False:
        context.report.add(
            id, "differs", "The task succeeds if the other workflow fails; here it fails.", "Set continue_on_error."
        )
    inputs = {str(name): context.transform(id, value) for name, value in record(task.get("inputs")).items()}
    return ConvertedTask({"type": "flow", "path": path, "input_transforms": inputs}, {"outputs": "{0}"})


def _fail(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    text = context.expr(id, task.get("errorMessage", "Task failure"), text=True)
    error = f"(() => {{ throw new Error({text}) }})()"
    test = task.get("condition")
    expr = error if test is None else f"{context.condition(id, test)} ? {error} : true"
    return ConvertedTask({"type": "condition", "expr": expr})


def _sleep(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    found = seconds(task.get("duration") or task.get("delay") or task.get("pauseDuration"))
    if found is None:
        raise Unconvertible("its duration is no constant")
    return ConvertedTask({"type": "delay", "seconds": static(found)})


def _pause(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    if task.get("delay") or task.get("pauseDuration"):
        return _sleep(context, id, task)
    value: dict[str, Any] = {"type": "approval"}
    if (limit := seconds(task.get("timeout"))) is not None:
        value["timeout"] = limit
    rows = task.get("onResume")
    if isinstance(rows, list) and rows:
        value["form"] = schema(context, rows)
    return ConvertedTask(value, {"onResume": "{0}.form"})


def _query(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    text, found = sql.parameters(str(task.get("sql", "")), lambda code: context.expr(id, f"{{{{{code}}}}}"))
    path = context.report.sibling_path("database")
    context.report.add(
        id, "prepare", "The connection of the query is a resource.", f"Create the resource {path} (postgresql)."
    )
    value = sql.query(text, found, path)
    return ConvertedTask(value, {"rows": "{0}", "row": "{0}[0]", "size": "{0}.length"}, frozenset({"size"}))


def _slack(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    value = {"type": "webhook", "method": "POST", "url": context.transform(id, task.get("url", ""))}
    payload = task.get("payload", {"text": task.get("messageText", "")})
    if isinstance(payload, str):
        value |= {"body": context.transform(id, payload, text=True)}
        value |= {"headers": static({"Content-Type": "application/json"})}
    else:
        value |= {"body": context.transform(id, payload)}
    return ConvertedTask(value)


def _mail(context: TemplateContext, id: str, task: dict[str, Any]) -> ConvertedTask:
    path = context.report.sibling_path("smtp")
    context.report.add(id, "prepare", "The mail server is a resource.", f"Create the resource {path} (smtp).")
    inputs: dict[str, Any] = {"server": reference(path)}
    known = {"to": "to", "cc": "cc", "from": "sender", "subject": "subject", "htmlTextContent": "html"}
    for name, mine in (known | {"plainTextContent": "text"}).items():
        if task.get(name) is not None:
            inputs[mine] = context.transform(id, task[name])
    return ConvertedTask(integrations.mail(context.report, inputs))


def schema(context: TemplateContext, rows: Any) -> dict[str, Any]:
    """Return inputs of Kestra as a JSON Schema."""
    properties: dict[str, Any] = {}
    required = []
    for row in map(SourceSettings, records(rows)):
        name = row.get("id", row.get("name"))
        if not isinstance(name, str):
            continue
        kind = str(row.get("type", "STRING")).upper()
        found = dict(_TYPES.get(kind, {}))
        if kind == "FILE":
            context.report.add(
                name, "differs", "The input is a file; here it is any value.", "Pass an object of the storage."
            )
        found |= _bounds(row, kind)
        values = row.get("values")
        if isinstance(values, list) and row.get("allowCustomValue") is not True:
            if kind in ("SELECT", "ENUM"):
                found["enum"] = values
            elif kind == "MULTISELECT":
                found["items"] = {"type": "string", "enum": values}
        if kind == "STRING" and (pattern := _pattern(row)):
            found["pattern"] = pattern
        if row.get("displayName") or row.get("description"):
            found["description"] = str(row.get("description") or row.get("displayName"))
        default, is_required = default_of(row), row.get("required", True) is not False
        if default is not None and not has_template(default):
            found["default"] = default
        elif default is None and is_required:
            required.append(name)
        properties[name] = found
        report_unread(context.report, name, row, ())
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _pattern(row: dict[str, Any]) -> str | None:
    """Return the regular expression that the whole text of an input matches, as a pattern of JSON Schema."""
    text = row.get("validator")
    if not isinstance(text, str) or not text:
        return None
    try:
        re.compile(text)
    except re.error:
        return None
    return f"^(?:{text})$"


def _bounds(row: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the limits of numbers, and the type of elements, of an input."""
    found = {}
    for name, mine in (("min", "minimum"), ("max", "maximum")) if kind in ("INT", "FLOAT") else ():
        if isinstance(row.get(name), int | float):
            found[mine] = row[name]
    if (inner := _TYPES.get(str(row.get("itemType", "")).upper())) is not None:
        found["items"] = dict(inner)
    return found


_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    **{kind: {"type": "string"} for kind in ("STRING", "SELECT", "ENUM", "URI", "EMAIL", "TIME", "DURATION")},
    "SECRET": {"type": "string", "password": True},
    "DATETIME": {"type": "string", "format": "date-time"},
    "DATE": {"type": "string", "format": "date"},
    "INT": {"type": "integer"},
    "FLOAT": {"type": "number"},
    "BOOLEAN": {"type": "boolean"},
    "BOOL": {"type": "boolean"},
    "ARRAY": {"type": "array"},
    "MULTISELECT": {"type": "array"},
}

CONVERTERS: Final[Mapping[str, TaskConverter]] = {
    "log.Log": _log,
    "debug.Echo": _log,
    "debug.Return": _return,
    "debugs.Return": _return,
    "output.OutputValues": _output_values,
    "http.Request": _request,
    "python.Script": _script("python"),
    "node.Script": _script("node"),
    "shell.Script": _script("shell"),
    "shell.Commands": _script("shell"),
    "scripts.Bash": _script("shell"),
    "flow.Subflow": _subflow,
    "flows.Subflow": _subflow,
    "flows.Flow": _subflow,
    "execution.Fail": _fail,
    "executions.Fail": _fail,
    "flow.Sleep": _sleep,
    "flow.Pause": _pause,
    "flows.Pause": _pause,
    "postgresql.Query": _query,
    "postgresql.Queries": _query,
    "slack.SlackIncomingWebhook": _slack,
    "mail.MailSend": _mail,
    "email.MailSend": _mail,
}
"""Last two parts of the type of a task → its conversion."""


def kind_of(task: Mapping[str, Any]) -> str:
    """Return the last two parts of the type of a task."""
    return ".".join(str(task.get("type", "")).split(".")[-2:])
