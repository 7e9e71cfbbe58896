"""Result of a conversion: the items of a tree, and findings about the parts that need attention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import asdict

from orvanta_platform.workflow.text import write_yaml
from orvanta_platform.workflow.tree.item import Item

Level: TypeAlias = Literal["not_converted", "differs", "prepare"]

_ID: Final = re.compile(r"[^A-Za-z0-9_]+")
_RESERVED: Final = frozenset({"failure", "preprocessor", "Input", "input"})
_MAX_ID: Final = 60
_MAX_SHOWN: Final = 200


class Finding(msgspec.Struct, frozen=True):
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


class Conversion(msgspec.Struct, frozen=True):
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
    findings: dict[Finding, None] = field(default_factory=dict)
    """The findings in order; each occurs once."""
    ids: dict[str, str] = field(default_factory=dict)
    """Id of a node → name in the source."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Number to try next for an id, by its beginning."""

    def add(self, node: str | None, level: Level, message: str, hint: str) -> None:
        """Add a finding, once."""
        self.findings.setdefault(Finding(node, level, message, hint))

    def new_id(self, name: str) -> str:
        """Return a node id that is a JavaScript identifier, derived from a name, unique in the workflow."""
        stem = slug(name)
        if stem[0].isdigit() or stem in _RESERVED:
            stem = f"n_{stem}"
        found, number = stem, self.numbers.get(stem, 2)
        while found in self.ids:
            found, number = f"{stem}_{number}", number + 1
        self.ids[found] = name
        self.numbers[stem] = number
        return found

    def sibling_path(self, name: str) -> str:
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


def flow_item(path: str, tree: dict[str, Any]) -> Item:
    """Return the workflow as an item of a tree."""
    return Item("flow", path, {"text": write_yaml(tree)})
