"""Workflows and scripts as policies see them: parts with fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from orvanta_platform.workflow.diagnostics import pointer
from orvanta_platform.workflow.grammar import DOCUMENT, FLOW, MODULE, VALUES
from orvanta_platform.workflow.graph import modules_of
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.policies.default_fields import Part
from orvanta_platform.workflow.shapes import Record
from orvanta_platform.workflow.subject import VALUE_PATH

_LIMITS: Final = frozenset({"timeout", "concurrent_limit"})
"""Fields of which 0 means that there is no limit."""


class Computed:
    """Value of a field that is an expression, which is known only when the node runs."""


COMPUTED: Final = Computed()
_OF_VALUE: Final = frozenset(FLOW.known) - {"modules", "ui"}
"""Fields of a workflow that are keys of its `value`. A key in the wrong place has no effect on runs, so that it must
neither fulfil a rule nor hide the key in the right place.
"""


class SubjectPart(msgspec.Struct, frozen=True):
    """A workflow, a script or a node."""

    part: Part
    node: str | None
    """Id of the node; None for the item itself."""
    node_kind: str
    """Kind of the node, "" for the item itself."""
    path: str
    """JSON pointer in the document, "" for the item itself."""
    fields: Mapping[str, Any]
    inner: Collection[str] = ()
    """Fields that are in the object `value` of a node or workflow, which is at `path`/value."""
    sources: Mapping[str, str] = {}
    """Names of the fields in `inner` from which others are determined."""

    def pointer(self, field: str) -> str:
        """Return the JSON pointer of a field, or that of the part if the field is missing."""
        if self.fields.get(field) is None:
            return self.path
        name = self.sources.get(field, field)
        return pointer(f"{self.path}/value" if name in self.inner else self.path, name)


class TestStates(msgspec.Struct, frozen=True):
    """Tests of a workflow, run with the document that is checked."""

    __test__ = False  # tells pytest that this is no test class

    count: int
    failed: Sequence[str] = ()
    """Names of the tests that fail."""
    not_run: Sequence[str] = ()
    """Names of the tests whose outcome is not known."""


class Subject(msgspec.Struct, frozen=True):
    """A workflow or script to check."""

    path: str
    parts: Mapping[Part, tuple[SubjectPart, ...]]
    tests: TestStates | None = None
    """Tests of a workflow; None: rules about tests do not apply."""


def subject_of_script(path: str, language: str, content: str, settings: Mapping[str, Any]) -> Subject:
    """Return a script as policies see it."""
    fields = _without_unlimited({**settings, "language": language, "content": content})
    return Subject(path, {"script": (SubjectPart("script", None, "", "", fields),)})


def subject_of_tests(path: str, tests: TestStates) -> Subject:
    """Return a workflow as rules about its tests see it."""
    return Subject(path, {"flow": (SubjectPart("flow", None, "", "", {}),)}, tests)


def subject_of_flow(path: str, document: Mapping[str, Any]) -> Subject:
    """Return a workflow as policies see it: a valid document {summary?, value, …}."""
    tree = normalise(document)
    value = tree["value"]
    outer = {name: each for name, each in tree.items() if name != "value" and name in DOCUMENT.known}
    inner = {name: each for name, each in value.items() if name in _OF_VALUE and name not in outer}
    fields = _without_unlimited({**outer, **inner})
    nodes = tuple(_part(*each) for each in modules_of(value))
    return Subject(path, {"flow": (SubjectPart("flow", None, "", "", fields, inner),), "node": nodes})


def _part(place: str, module: Mapping[str, Any]) -> SubjectPart:
    path = VALUE_PATH + place
    value = module["value"]
    kind: str = value["type"]
    shape = VALUES.get(kind)
    known = shape.known if isinstance(shape, Record) else {}
    inner = {name: each for name, each in value.items() if name in known or name not in MODULE.known}
    fields = {name: each for name, each in module.items() if name in MODULE.known}
    fields.update(inner)
    for name, each in fields.items():
        if isinstance(each, dict):
            fields[name] = _static(each)
    sources: dict[str, str] = {}
    if value.get("tag_override") and not value.get("tag"):
        fields["tag"], sources["tag"] = value["tag_override"], "tag_override"
    if kind == "webhook":
        fields["host"], sources["host"] = _host(fields.get("url")), "url"
    return SubjectPart("node", module["id"], kind, path, _without_unlimited(fields), inner, sources)


def _without_unlimited(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields without limits of 0, which are no limits."""
    if _LIMITS.isdisjoint(fields):
        return dict(fields)
    return {name: value for name, value in fields.items() if name not in _LIMITS or value != 0}


def _static(value: Mapping[str, Any]) -> Any:
    """Return the value of a static input transform, COMPUTED for other transforms, and any other object unchanged."""
    match value.get("type"):
        case "static":
            return value.get("value")
        case "javascript" | "ai":
            return COMPUTED
        case _:
            return value


def _host(url: Any) -> Any:
    if not isinstance(url, str):
        return COMPUTED if url is not None else None
    try:
        return urlsplit(url).hostname or COMPUTED
    except ValueError:
        return COMPUTED
