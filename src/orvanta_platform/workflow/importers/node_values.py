"""Values of nodes, transforms of their inputs and the JavaScript in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow.importers.findings import Report, Unconvertible, shortened

_PASS: Final = "def main(value):\n    return value\n"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORM: Final = "application/x-www-form-urlencoded"
UNIT_SECONDS: Final = {"weeks": 604_800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_FAILS: Final = "throw new Error("
_UNCONVERTED: Final = "Not converted: "
_FAILING_SCRIPT: Final = re.compile(
    r"def main\(\):\n    raise RuntimeError\((['\"])The node .* was not converted\.\1\)\n?\Z"
)
_REFERENCE: Final = re.compile(r"\$(?:res|var):")


def literal(value: Any) -> str:
    """Return a JSON value as JavaScript."""
    return json.dumps(value, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def has_reference(value: Any) -> bool:
    """Return whether a JSON value contains a text that the platform would take for a reference, such as `$var:…`."""
    return _REFERENCE.search(json.dumps(value)) is not None


def static(value: Any) -> dict[str, Any]:
    """Return the transform of a constant, in which texts such as `$var:…` are not references."""
    if has_reference(value):
        return javascript(f"({literal(value)})")
    return {"type": "static", "value": value}


def javascript(expr: str) -> dict[str, Any]:
    """Return the transform of an expression."""
    return {"type": "javascript", "expr": expr}


def reference(path: str) -> dict[str, Any]:
    """Return the transform of a resource."""
    return {"type": "static", "value": f"$res:{path}"}


def throwing(text: str) -> str:
    """Return the expression that stands for a text without an equivalent: it fails when it is evaluated."""
    return f"(() => {{ {_FAILS}{literal(_UNCONVERTED + shortened(text))}) }})()"


def is_placeholder(code: str) -> bool:
    """Return whether an expression contains, or a script is, a placeholder for a part that was not converted."""
    return f'{_FAILS}"{_UNCONVERTED}' in code or _FAILING_SCRIPT.search(code) is not None


def unconverted(report: Report, node: str, text: str, reason: Unconvertible) -> str:
    """Report an expression that cannot be converted, and return its placeholder, which fails."""
    report.add(
        node,
        "not_converted",
        f"The expression {shortened(text)!r} is not converted: {reason}.",
        "Write it with the names of the reference of expressions; until then the node fails with its text.",
    )
    return throwing(text)


def rawscript(language: str, content: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of a node with code."""
    return {"type": "rawscript", "language": language, "content": content, "input_transforms": dict(inputs)}


def expression_script(expr: str) -> dict[str, Any]:
    """Return the value of a node whose result is an expression."""
    return rawscript("python3", _PASS, {"value": javascript(expr)})


def placeholder(name: str, kind: str, settings: Any) -> dict[str, Any]:
    """Return the value of a node that could not be converted: it fails when it runs, and holds its old settings."""
    text = json.dumps(settings, ensure_ascii=False, indent=2)[:20_000]
    comment = "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
    message = f"The node {name!r} of the type {kind!r} was not converted."
    code = f"# Settings of {shortened(kind)}:\n{comment}\n\ndef main():\n    raise RuntimeError({message!r})\n"
    return rawscript("python3", code, {})


def without_sequential_needs(modules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a list of nodes without `needs`, if each follows the one before it anyway."""
    before: list[str] = []
    for module in modules:
        if module.get("needs", []) != before or module.get("join"):
            return modules
        before = [module["id"]]
    return [{name: value for name, value in module.items() if name != "needs"} for module in modules]
