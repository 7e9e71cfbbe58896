"""Templates of Kestra as JavaScript: values of tasks, and code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.importers.findings import Report, Unconvertible
from orvanta_platform.workflow.importers.javascript_tokens import segments, template_text
from orvanta_platform.workflow.importers.node_values import has_reference, javascript, literal, static, unconverted
from orvanta_platform.workflow.importers.pebble import STEP, Code, Parser, condition, member

MAX_TEXT: Final = 262_144
"""Maximum number of characters of a text with templates."""
_MAX_RENDERED: Final = 200
_TEXT: Final = "(v => v == null ? '' : typeof v === 'object' ? JSON.stringify(v) : v)"
_SCALARS: Final = frozenset({"STRING", "INT", "FLOAT", "BOOLEAN", "BOOL", "SELECT", "ENUM", "DATETIME", "DATE", "TIME",
                             "DURATION", "URI", "EMAIL", "SECRET"})  # fmt: skip


def default_of(row: Mapping[str, Any]) -> Any:
    """Return the default of an input in its type, which may be written as text; None if there is none."""
    value, kind = row.get("defaults"), str(row.get("type", "")).upper()
    if not isinstance(value, str) or has_template(value):
        return value
    try:
        if kind in ("JSON", "ARRAY", "MULTISELECT"):
            return json.loads(value)
        if kind in ("INT", "FLOAT"):
            return int(value) if kind == "INT" else float(value)
    except ValueError:
        return value
    return value.lower() == "true" if kind in ("BOOLEAN", "BOOL") else value


class Task(msgspec.Struct, frozen=True):
    """Converted task that later expressions can read."""

    id: str
    outputs: Mapping[str, str]
    """Name of an output → JavaScript with {0} for the result; `*` for every other one."""
    loops: tuple[str, ...]
    """Ids of the loops around it."""
    scalars: frozenset[str] = frozenset()
    """Outputs that are a text, a number or a boolean."""


@dataclass(slots=True)
class TemplateContext:
    """Tasks, inputs and variables that the templates of a workflow can read."""

    report: Report
    flow: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Any]
    tasks: dict[str, Task] = field(default_factory=dict)
    loops: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """Flowable tasks around the present one, the innermost last: `loop` or `flow`."""
    rendering: int = 0
    """Variables that are being rendered, one inside another."""
    rendered: int = 0
    """Variables that were rendered so far."""

    def transform(self, node: str, value: Any, *, text: bool = False) -> dict[str, Any]:
        """Return a property as the transform of an input; with `text`, its value is a text."""
        if not has_template(value):
            return static(str(value) if text and value is not None and not isinstance(value, dict | list) else value)
        return javascript(self.expr(node, value, text=text))

    def expr(self, node: str, value: Any, *, text: bool = False) -> str:
        """Return a property as JavaScript. What cannot be converted is reported, and fails when it is evaluated."""
        if isinstance(value, dict):
            members = (f"{literal(str(name))}: {self.expr(node, each)}" for name, each in value.items())
            return f"({{{', '.join(members)}}})"
        if isinstance(value, list):
            return f"[{', '.join(self.expr(node, each) for each in value)}]"
        if not has_template(value):
            return literal(value)
        try:
            return self.template(value, text=text).text
        except Unconvertible as reason:
            return unconverted(self.report, node, value, reason)

    def condition(self, node: str, value: Any) -> str:
        """Return a property that Kestra takes for true or false as a boolean expression."""
        if not has_template(value):
            return "false" if str(value).strip().lower() in ("", "0", "-0", "false", "none") else "true"
        try:
            return condition(self.template(value))
        except Unconvertible:
            return self.expr(node, value)

    def template(self, value: str, *, text: bool = False) -> Code:
        """Return a text with templates; with `text`, its value is always a text. Raises Unconvertible."""
        if len(value) > MAX_TEXT:
            raise Unconvertible(f"it is longer than {MAX_TEXT:,} characters")
        if "{%" in value or "{#" in value:
            raise Unconvertible("blocks ({% … %}) have no equivalent")
        whole = value.strip()
        parts = segments(whole if whole.startswith("{{") and whole.endswith("}}") else value)
        if len(parts) == 1 and parts[0][0] and not text:
            return self.code(parts[0][1])
        shown = "".join(
            f"${{{self.as_text(self.code(part))}}}" if is_code else template_text(part) for is_code, part in parts
        )
        return Code(f"`{shown}`", scalar=True)

    def as_text(self, code: Code) -> str:
        """Return the text of a value, as Kestra writes it into a template."""
        return code.text if code.scalar else f"{_TEXT}({code.text})"

    def code(self, text: str) -> Code:
        """Return an expression. Raises Unconvertible."""
        return Parser(text.strip().strip("-"), self._resolve, self._call).parse()

    def _resolve(self, name: str, members: list[str | Code]) -> tuple[str, int, bool]:
        first = members[0] if members and isinstance(members[0], str) else None
        match name:
            case "inputs" if first is not None:
                return self._input(first)
            case "vars" if first is not None:
                value = self.variables.get(first)
                text = f"flow_env.{first}" if first.isidentifier() else f"flow_env[{literal(first)}]"
                if has_reference(value):  # inline: in flow_env the text would open the secret that it names
                    text = f"({literal(value)})"
                return text, 1, isinstance(value, str | int | float)
            case "outputs" if first is not None:
                return self._output(first, members)
            case "taskrun" | "parent" | "parents":
                return self._run(name, members)
            case "flow" if first in ("id", "namespace"):
                return literal(self.flow.get(first)), 1, True
            case "execution" | "trigger" if first in ("startDate", "date"):
                self.report.add(
                    None,
                    "differs",
                    f"{name}.{first} is the time at which each node starts, not one time for the whole run.",
                    "Pass the time as an input, or compute it in a first node, if several nodes need the same.",
                )
                return "new Date().toISOString()", 1, True
            case "trigger" if first == "body":
                return "flow_input.body", 1, False
            case "trigger" if first == "parameters" and len(members) > 1:
                return f"[flow_input{member(members[1])}].flat()", 2, False  # Kestra has lists of values
            case "envs" | "globals" | "namespace" if first is not None:
                return f"variable({literal(self._variable(first, 'variable'))})", 1, True
            case "error":
                return "error", 0, False
        shown = ".".join([name, *(each for each in members if isinstance(each, str))])
        raise Unconvertible(f"{shown} has no equivalent")

    def _input(self, name: str) -> tuple[str, int, bool]:
        found = self.inputs.get(name)
        text = f"flow_input{member(name)}"
        if found is None:
            raise Unconvertible(f"the workflow has no input {name!r}")
        default = default_of(found)
        if default is not None:
            text = f"({text} ?? {self._rendered(default).text})"
        return text, 1, str(found.get("type", "")).upper() in _SCALARS

    def _output(self, name: str, members: list[str | Code]) -> tuple[str, int, bool]:
        task = self.tasks.get(name)
        if task is None:
            raise Unconvertible(f"the task {name!r} does not run before this one")
        if self.loops[: len(task.loops)] != task.loops:
            raise Unconvertible(f"the task {name!r} runs in a loop, whose results only its own tasks can read")
        used = 1
        if task.loops and used < len(members) and isinstance(members[used], Code):
            used += 1  # outputs.task[taskrun.value] of the same iteration
        output = members[used] if used < len(members) else None
        if not isinstance(output, str):
            return f"results.{task.id}", used, False
        pattern = task.outputs.get(output, task.outputs.get("*"))
        if pattern is None:
            raise Unconvertible(f"the output {output!r} of the task {name!r} has no equivalent")
        marked = pattern.replace(".", f"{STEP}.").replace("[", f"{STEP}[")
        access = marked.format(f"results.{task.id}")
        if output not in task.outputs:
            access += member(output)
        return access, used + 1, output in task.scalars

    def _run(self, name: str, members: list[str | Code]) -> tuple[str, int, bool]:
        path = [each for each in members if isinstance(each, str)]
        levels = 0 if name == "taskrun" else 1
        used = 1 if name == "taskrun" else 2
        if name == "parents":
            levels, used = (int(path[0]) + 1 if path and path[0].isdigit() else 9), 3
        wanted = path[used - 1] if len(path) >= used else ""
        inner = self.parents[: len(self.parents) - levels] if levels else self.parents
        passed = self.parents[len(inner) :]
        if not self.loops or "loop" in passed or wanted not in ("value", "iteration"):
            raise Unconvertible(f"{'.'.join([name, *path])} has no equivalent")
        return ("flow_input.iter.value" if wanted == "value" else "flow_input.iter.index"), used, wanted != "value"

    def _call(self, name: str, arguments: list[Code]) -> Code | None:
        text = arguments[0].text if arguments else ""
        if name in ("secret", "kv") and text.startswith('"'):
            return Code(f"variable({literal(self._variable(text[1:-1], name))})", scalar=True)
        if name == "currentEachOutput" and arguments:
            return arguments[0]
        found = re.fullmatch(r"flow_env\.(\w+)", text)
        if name in ("render", "renderOnce") and found:
            return self._rendered(self.variables.get(found[1]))
        return None

    def _rendered(self, value: Any) -> Code:
        if not has_template(value):
            return Code(literal(value), not isinstance(value, dict | list))
        self.rendered += 1
        if not isinstance(value, str) or self.rendering > 5 or self.rendered > _MAX_RENDERED:
            raise Unconvertible("the variable cannot be rendered")
        self.rendering += 1
        try:
            code = self.template(value)
        finally:
            self.rendering -= 1
        if len(code.text) > MAX_TEXT:
            raise Unconvertible(f"the rendered variable is longer than {MAX_TEXT:,} characters")
        return code

    def _variable(self, name: str, kind: str) -> str:
        path = self.report.sibling_path(name)
        secret = " as a secret" if kind == "secret" else ""
        self.report.add(None, "prepare", f"The {kind} {name!r} is read from {path}.", f"Create this variable{secret}.")
        return path


def has_template(value: Any) -> bool:
    """Return whether a property contains templates."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, dict):
        return any(has_template(each) for each in value.values())
    return isinstance(value, list) and any(has_template(each) for each in value)
