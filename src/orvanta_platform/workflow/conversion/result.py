"""Result of a conversion: the items of a tree, and findings about the parts that need attention."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeAlias

from orvanta_platform.workflow.text import write_yaml
from orvanta_platform.workflow.tree.item import Item

Level: TypeAlias = Literal["not_converted", "differs", "prepare"]

_ID: Final = re.compile(r"[^A-Za-z0-9_]+")
_RESERVED: Final = frozenset({"failure", "preprocessor", "Input", "input"})
_MAX_ID: Final = 60
_MAX_SHOWN: Final = 200
_PASS: Final = "def main(value):\n    return value\n"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORM: Final = "application/x-www-form-urlencoded"
UNIT_SECONDS: Final = {"weeks": 604_800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_REFERENCE: Final = re.compile(r"\$(?:res|var):")


@dataclass(frozen=True, slots=True)
class Finding:
    """Part of a workflow that needs attention after the conversion."""

    node: str | None
    """Name of the node in the source; None for the workflow as a whole."""
    level: Level
    """not_converted: a part is missing or fails when it runs. differs: it can behave differently. prepare: an item that
    the workspace needs."""
    message: str
    hint: str
    """Action for the reader."""

    def as_dict(self) -> dict[str, str | None]:
        """Return the finding as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Converted workflow."""

    path: str
    items: tuple[Item, ...]
    """The workflow first, then its schedules and HTTP triggers."""
    nodes: int
    """Number of nodes of the source."""
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Return whether every part of the source was converted."""
        return all(each.level != "not_converted" for each in self.findings)


class Unconvertible(Exception):
    """A value has no equivalent; its text is the reason."""


@dataclass(slots=True)
class Report:
    """Findings and names of a conversion under way."""

    path: str
    integrations: Mapping[str, str] = field(default_factory=dict)
    """Code of the integrations by name, such as `send_mail`."""
    findings: list[Finding] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """Id of a node → name in the source."""

    def add(self, node: str | None, level: Level, message: str, hint: str) -> None:
        """Add a finding, once."""
        found = Finding(node, level, message, hint)
        if found not in self.findings:
            self.findings.append(found)

    def new_id(self, name: str) -> str:
        """Return a node id that is a JavaScript identifier, derived from a name, unique in the workflow."""
        stem = slug(name)
        if stem[0].isdigit() or stem in _RESERVED:
            stem = f"n_{stem}"
        found, number = stem, 2
        while found in self.ids:
            found, number = f"{stem}_{number}", number + 1
        self.ids[found] = name
        return found

    def neighbour(self, name: str) -> str:
        """Return the path of another item, in the folder of the workflow."""
        return f"{self.path.rpartition('/')[0]}/{slug(name)}"


def slug(name: str) -> str:
    """Return a name in lower case with `_` between its words; `node` if it has no letters or digits of ASCII."""
    return _ID.sub("_", name).strip("_").lower()[:_MAX_ID].strip("_") or "node"


def record(value: Any) -> dict[str, Any]:
    """Return a value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a value that is a list, otherwise none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def shortened(text: str) -> str:
    """Return a text in one line of limited length, for messages."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"


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
    return f"(() => {{ throw new Error({literal(f'Not converted: {shortened(text)}')}) }})()"


def unconverted(report: Report, node: str, text: str, reason: Unconvertible) -> str:
    """Report an expression that cannot be converted, and return the one that stands for it: it fails."""
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


def passing(expr: str) -> dict[str, Any]:
    """Return the value of a node whose result is an expression."""
    return rawscript("python3", _PASS, {"value": javascript(expr)})


def placeholder(name: str, kind: str, settings: Any) -> dict[str, Any]:
    """Return the value of a node that could not be converted: it fails when it runs, and holds its old settings."""
    text = json.dumps(settings, ensure_ascii=False, indent=2)[:20_000]
    kept = "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
    message = f"The node {name!r} of the type {kind!r} was not converted."
    code = f"# Settings of {shortened(kind)}:\n{kept}\n\ndef main():\n    raise RuntimeError({message!r})\n"
    return rawscript("python3", code, {})


def linear(modules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a list of nodes without `needs`, if each follows the one before it anyway."""
    before: list[str] = []
    for module in modules:
        if module.get("needs", []) != before or module.get("join"):
            return modules
        before = [module["id"]]
    return [{name: value for name, value in module.items() if name != "needs"} for module in modules]


def flow_item(path: str, tree: dict[str, Any]) -> Item:
    """Return the workflow as an item of a tree."""
    return Item("flow", path, {"text": write_yaml(tree)})
