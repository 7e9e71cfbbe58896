"""Scripts of Kestra: code with templates becomes code with arguments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable
from typing import Any, Final

from orvanta_platform.workflow.importers.findings import Unconvertible, slug
from orvanta_platform.workflow.importers.javascript_tokens import segments, tokens
from orvanta_platform.workflow.importers.kestra_templates import TemplateContext
from orvanta_platform.workflow.importers.node_values import javascript, rawscript
from orvanta_platform.workflow.importers.pebble import Code
from orvanta_platform.workflow.importers.python_indentation import indented

_KESTRA_PYTHON: Final = re.compile(r"^(?:from kestra import Kestra|import kestra)[^\n]*\n?", re.MULTILINE)
_KESTRA_NODE: Final = re.compile(r"^.*(?:@kestra-io/libs).*\n?", re.MULTILINE)

_PYTHON: Final = '''import json


def _text(value):
    """Return a value as a template shows it."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


class Kestra:
    """Outputs of the script."""

    values: dict = {}

    @classmethod
    def outputs(cls, found):
        cls.values.update(found)

    @classmethod
    def counter(cls, *arguments, **options):
        return None

    timer = counter


def main(%s):
    __name__ = "__main__"
    Kestra.values = {}
%s    return {"vars": Kestra.values, "exitCode": 0}
'''

_NODE: Final = """const _text = (value: any) => (typeof value === "string" ? value : JSON.stringify(value ?? ""));

export async function main(%s) {
  const values: Record<string, any> = {};
  const Kestra = { outputs: (found: any) => Object.assign(values, found), counter: () => {}, timer: () => {} };
%s
  return { vars: values, exitCode: 0 };
}
"""

_BASH: Final = """%s(
set -e
%s
) | tee kestra_output.txt
status=${PIPESTATUS[0]}
[ "$status" -eq 0 ] || exit "$status"
found=$(sed -n 's/^.*::{"outputs": *\\(.*\\)}::.*$/\\1/p' kestra_output.txt | tail -n 1)
[ -n "$found" ] || found='{}'
echo "{\\"vars\\": $found, \\"exitCode\\": 0}" > result.json
"""


class Arguments:
    """Arguments of a script, one for each different expression in its code."""

    def __init__(self, context: TemplateContext, node: str) -> None:
        self.context, self.node = context, node
        self.by_name: dict[str, str] = {}

    def add(self, source: str) -> str:
        """Return the name of the argument for an expression. Raises Unconvertible."""
        code: Code = self.context.code(source)
        stem = slug(re.sub(r"\|.*", "", source, flags=re.DOTALL).strip().rpartition(".")[2])
        stem = f"arg_{stem}"[:40]
        name, number = stem, 2
        while self.by_name.get(name, code.text) != code.text:
            name, number = f"{stem}_{number}", number + 1
        self.by_name[name] = code.text
        return name

    def inputs(self) -> dict[str, Any]:
        """Return the transforms of the arguments."""
        return {name: javascript(expr) for name, expr in self.by_name.items()}


def _marked(text: str, arguments: Arguments) -> str:
    """Return code in which each template is the name of its argument between two marks. Raises Unconvertible."""
    if "{%" in text:
        raise Unconvertible("blocks ({% … %}) in code have no equivalent")
    return "".join(f"\ue001{arguments.add(part)}\ue001" if is_code else part for is_code, part in segments(text))


_MARK: Final = re.compile(r"\ue001(arg_\w+?)\ue001")


def python(context: TemplateContext, node: str, text: str) -> dict[str, Any]:
    """Return the node of a Python script. Raises Unconvertible."""
    arguments = Arguments(context, node)
    marked = _marked(_KESTRA_PYTHON.sub("", text), arguments)
    plain = _MARK.sub(r"MARK_\1_MARK", marked)
    try:
        found = list(tokenize.generate_tokens(io.StringIO(plain).readline))
        lines = plain.splitlines(keepends=True)
        for token in reversed(found):
            if "MARK_arg_" in token.string and token.type in (tokenize.STRING, tokenize.NAME):
                _replace(lines, token, _python_token(token.string))
        code = "".join(lines)
        ast.parse(code)
        body = indented(code)
    except (SyntaxError, tokenize.TokenError) as error:
        raise Unconvertible(f"the script is not valid Python with its templates replaced: {error}") from None
    return rawscript("python3", _PYTHON % (", ".join(arguments.by_name), body), arguments.inputs())


def _replace(lines: list[str], token: tokenize.TokenInfo, text: str) -> None:
    (first, start), (last, end) = token.start, token.end
    lines[first - 1 : last] = [lines[first - 1][:start] + text + lines[last - 1][end:]]
    lines[first:first] = [""] * (last - first)


_PLAIN_MARK: Final = re.compile(r"MARK_(arg_\w+?)_MARK")


def _python_token(text: str) -> str:
    if not text.endswith(("'", '"')):
        return _PLAIN_MARK.sub(r"\1", text)
    exact = re.fullmatch(r"""[rRuU]?(["'])MARK_(arg_\w+?)_MARK\1""", text)
    if exact:
        return f"_text({exact[2]})"
    if "f" in text[: text.index(text[-1])].lower():
        return _PLAIN_MARK.sub(r"{_text(\1)}", text)
    used = dict.fromkeys(_PLAIN_MARK.findall(text))
    shown = _PLAIN_MARK.sub(r"<\1>", text)
    return shown + "".join(f'.replace("<{name}>", _text({name}))' for name in used)


def node_script(context: TemplateContext, node: str, text: str) -> dict[str, Any]:
    """Return the node of a JavaScript script. Raises Unconvertible."""
    arguments = Arguments(context, node)
    marked = _MARK.sub(r"MARK_\1_MARK", _marked(_KESTRA_NODE.sub("", text), arguments))
    written = []
    for token in tokens(marked):
        if token.kind == "template":
            written.append(_PLAIN_MARK.sub(r"${_text(\1)}", token.text))
        elif token.kind == "string":
            used = dict.fromkeys(_PLAIN_MARK.findall(token.text))
            shown = _PLAIN_MARK.sub(r"<\1>", token.text)
            written.append(shown + "".join(f'.replaceAll("<{name}>", _text({name}))' for name in used))
        else:
            written.append(_PLAIN_MARK.sub(r"\1", token.text))
    declared = ", ".join(f"{name}: any" for name in arguments.by_name)
    return rawscript("bun", _NODE % (declared, "".join(written).rstrip()), arguments.inputs())


def bash(context: TemplateContext, node: str, text: str) -> dict[str, Any]:
    """Return the node of a shell script. Raises Unconvertible."""
    arguments = Arguments(context, node)
    written, quote = "", ""
    for place, part in enumerate(_MARK.split(_marked(text, arguments))):
        if place % 2 == 0:
            quote = _open_quote(part, quote)
            written += part
        else:
            written += f"'\"${{{part}}}\"'" if quote == "'" else f"${{{part}}}"
    declared = "".join(f'{name}="${number}"\n' for number, name in enumerate(arguments.by_name, 1))
    return rawscript("bash", _BASH % (declared, written.rstrip()), arguments.inputs())


def _open_quote(text: str, quote: str) -> str:
    """Return the quotation mark that is open after a part of a shell script; empty if none is."""
    for char in re.sub(r"\\.|(?m:^\s*#.*$)", "", text):
        if char in ("'", '"') and quote in ("", char):
            quote = "" if quote else char
    return quote


SCRIPTS: Final[dict[str, Callable[[TemplateContext, str, str], dict[str, Any]]]] = {
    "python": python,
    "node": node_script,
    "shell": bash,
}
