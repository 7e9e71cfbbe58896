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
from orvanta_platform.workflow.requirements import LockedPackage
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
_OF_MODULE: Final = frozenset(MODULE.known)
_MISPLACED: Final[Mapping[str, frozenset[str]]] = {
    kind: _OF_MODULE - (shape.known.keys() if isinstance(shape, Record) else frozenset())
    for kind, shape in VALUES.items()
}
"""Fields of a node that have no effect in its `value`, by its kind."""


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


class LockedCode(msgspec.Struct, frozen=True):
    """Packages that are installed for a script, or for the inline code of a node."""

    node: str | None
    """Id of the node; None for a script."""
    path: str
    """JSON pointer in the document, "" for a script."""
    packages: tuple[LockedPackage, ...]
    fault: str | None = None
    """Why the lock cannot be read, as the rest of a sentence; None: it can."""

    @property
    def part(self) -> SubjectPart:
        """Return the script or node that violations name."""
        if self.node is None:
            return SubjectPart("script", None, "", "", {})
        return SubjectPart("node", self.node, "rawscript", self.path, {})


class Subject(msgspec.Struct, frozen=True):
    """A workflow or script to check."""

    path: str
    parts: Mapping[Part, tuple[SubjectPart, ...]]
    tests: TestStates | None = None
    """Tests of a workflow; None: rules about tests do not apply."""
    code: Sequence[LockedCode] = ()
    """Packages of all code whose lock is known; rules about packages do not apply to other code."""


def subject_of_script(path: str, language: str, content: str, settings: Mapping[str, Any]) -> Subject:
    """Return a script as policies see it."""
    fields = {**settings, "language": language, "content": content}
    _drop_unlimited(fields)
    return Subject(path, {"script": (SubjectPart("script", None, "", "", fields),)})


def subject_of_tests(path: str, tests: TestStates) -> Subject:
    """Return a workflow as rules about its tests see it."""
    return Subject(path, {"flow": (SubjectPart("flow", None, "", "", {}),)}, tests)


def subject_of_locks(path: str, code: Sequence[LockedCode]) -> Subject:
    """Return a script or workflow as rules about its packages see it."""
    return Subject(path, {}, code=code)


def subject_of_flow(path: str, document: Mapping[str, Any]) -> Subject:
    """Return a workflow as policies see it: a valid document {summary?, value, …}."""
    return subject_of_normal_flow(path, normalise(document))


def subject_of_normal_flow(path: str, tree: Mapping[str, Any]) -> Subject:
    """Return a workflow as policies see it: the normal form of a valid document."""
    value = tree["value"]
    outer = {name: each for name, each in tree.items() if name != "value" and name in DOCUMENT.known}
    inner = {name: each for name, each in value.items() if name in _OF_VALUE and name not in outer}
    fields = {**outer, **inner}
    _drop_unlimited(fields)
    nodes = tuple(_part(*each) for each in modules_of(value))
    return Subject(path, {"flow": (SubjectPart("flow", None, "", "", fields, inner),), "node": nodes})


def _part(place: str, module: Mapping[str, Any]) -> SubjectPart:
    # This is called for every node of every deployment: whole mappings are compared and copied, not single keys.
    path = VALUE_PATH + place
    value = module["value"]
    kind: str = value["type"]
    misplaced = _MISPLACED.get(kind, _OF_MODULE)
    inner = value
    if not misplaced.isdisjoint(value):
        inner = {name: each for name, each in value.items() if name not in misplaced}
    outer = module
    if not _OF_MODULE.issuperset(module):
        outer = {name: each for name, each in module.items() if name in _OF_MODULE}
    fields = {**outer, **inner}
    for name, each in fields.items():
        if isinstance(each, dict):
            fields[name] = _static(each)
    _drop_unlimited(fields)
    sources: dict[str, str] = {}
    if value.get("tag_override") and not value.get("tag"):
        fields["tag"], sources["tag"] = value["tag_override"], "tag_override"
    if kind == "webhook":
        fields["host"], sources["host"] = _host(fields.get("url")), "url"
    return SubjectPart("node", module["id"], kind, path, fields, inner, sources)


def _drop_unlimited(fields: dict[str, Any]) -> None:
    """Remove limits of 0, which are no limits."""
    for name in _LIMITS:
        if fields.get(name) == 0:
            del fields[name]


def _static(value: Mapping[str, Any]) -> Any:
    """Return the value of a static input transform, COMPUTED for other transforms, and any other object unchanged."""
    kind = value.get("type")
    if kind == "static":
        return value.get("value")
    return COMPUTED if kind in ("javascript", "ai") else value


def _host(url: Any) -> Any:
    if not isinstance(url, str):
        return COMPUTED if url is not None else None
    try:
        return urlsplit(url).hostname or COMPUTED
    except ValueError:
        return COMPUTED
