"""Passwords declared by a JSON Schema, as a graph of the schema nodes that lead to them.

A node represents one subschema. It is read once, regardless of how many references lead to it, and only nodes below
which a password is declared are live: the rest of a value is not walked. All alternatives count, regardless of which of
them the value matches. Schemas come from users, so all work here is charged to a `WorkBudget`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from orvanta_platform.errors import TooComplex, UnsupportedPassword

RESOURCE: Final = "resource-"
"""Prefix of the format of a value whose schema is that of a resource type."""

MAX_WORK: Final = 100_000_000
"""Limit of a `WorkBudget` in an event loop; a unit takes about a nanosecond."""

_NODE_COST: Final = 10_000
_MEMBER_COST: Final = 1_000
_DATA: Final = frozenset({"const", "default", "enum", "examples"})
_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_APPLICATORS: Final = frozenset(
    {
        "additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "dependencies",
        "dependentSchemas", "else", "if", "items", "not", "oneOf", "patternProperties", "prefixItems", "properties",
        "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords that apply subschemas. The content of other keywords applies only through references."""
_DYNAMIC: Final = frozenset({"$dynamicRef", "$recursiveRef"})
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_DRAFT_4: Final = "http://json-schema.org/draft-04/schema"
_HINT: Final = (
    "Passwords are protected below properties, patternProperties, additionalProperties, items, prefixItems, allOf, "
    "anyOf, oneOf, if, then, else, dependentSchemas, and in the target of a $ref that begins with #/."
)


class WorkBudget:
    """Budget of units of work."""

    __slots__ = ("_remaining",)

    def __init__(self, limit: int | None = MAX_WORK) -> None:
        self._remaining = limit

    def spend(self, units: int) -> None:
        """Spend units. Raises TooComplex if the budget is exceeded."""
        if self._remaining is None:
            return
        self._remaining -= units
        if self._remaining < 0:
            self._refuse()

    def exhaust(self) -> None:
        """Reject work that would exceed the budget. Raises TooComplex unless the budget is unlimited."""
        if self._remaining is not None:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise TooComplex(
            "The passwords cannot be found within the limit: the schema is too complex, or the value is too large.",
            hint="Simplify the schema (recursive alternatives), or send less at a time, or as a file.",
            details={"path": ""},
        )


class Node:
    """Node of one subschema, with the nodes that apply to its value, to the value's members and to its items."""

    __slots__ = ("additional", "at", "each_item", "each_member", "is_live", "is_secret", "members", "names", "same")

    def __init__(self) -> None:
        self.is_secret = self.is_live = False
        self.same: list[Node] = []
        self.names: Mapping[str, Any] = {}
        self.members: dict[str, Node] = {}
        self.additional: Node | None = None
        self.each_member: list[Node] = []
        self.each_item: list[Node] = []
        self.at: dict[int, list[Node]] = {}

    def below(self) -> Iterator[Node]:
        """Yield all nodes that this one leads to."""
        yield from self.same
        yield from self.members.values()
        yield from self.each_member
        yield from self.each_item
        for each in self.at.values():
            yield from each
        if self.additional is not None:
            yield self.additional

    def of_member(self, name: str) -> Iterator[Node]:
        """Yield the nodes that apply to a member. Patterns are not evaluated: each applies to all members."""
        if name in self.members:
            yield self.members[name]
        elif name not in self.names and self.additional is not None:
            yield self.additional
        yield from self.each_member

    def of_item(self, index: int) -> Iterator[Node]:
        """Yield the nodes that apply to an item. `items` applies to all, since drafts differ about its exceptions."""
        yield from self.each_item
        yield from self.at.get(index, ())

    def prune(self) -> None:
        """Remove the nodes that are not live."""
        self.same = [each for each in self.same if each.is_live]
        self.members = {name: each for name, each in self.members.items() if each.is_live}
        self.each_member = [each for each in self.each_member if each.is_live]
        self.each_item = [each for each in self.each_item if each.is_live]
        self.at = {index: live for index, each in self.at.items() if (live := [one for one in each if one.is_live])}
        if self.additional is not None and not self.additional.is_live:
            self.additional = None


def read(schema: Any, types: Mapping[str, Any], work: WorkBudget) -> Node | None:
    """Return the graph of a schema; None if it declares no password. `types` are the schemas of resource types by name.

    Raises TooComplex, and UnsupportedPassword if a password may be declared in a place that the graph does not cover.
    """
    return _Reader({"": schema, **{RESOURCE + name: each for name, each in types.items()}}, work).read()


def check(schema: Any) -> None:
    """Check a schema before it is stored. Raises as `read`."""
    if may_declare(schema):
        read(schema, {}, WorkBudget())


def may_declare(schema: Any) -> bool:
    """Return whether a schema declares a password, or may do so through a resource type."""
    return any(_is_secret(part) or _resource_type(part) is not None for part in _parts(schema))


def declares(schema: Any) -> bool:
    """Return whether a schema declares a password itself."""
    return any(map(_is_secret, _parts(schema)))


def resource_types(schema: Any) -> frozenset[str]:
    """Return the names of the resource types whose schemas are part of this one."""
    return frozenset(name for part in _parts(schema) if (name := _resource_type(part)) is not None)


class _Reader:
    """Reader of one schema; `documents` are the schema, and those of resource types by their format."""

    def __init__(self, documents: Mapping[str, Any], work: WorkBudget) -> None:
        self._documents = documents
        self._work = work
        self._nodes: dict[tuple[str, int], Node] = {}
        self._pending: list[tuple[str, Mapping[str, Any], Node]] = []
        self._uncovered: list[tuple[str, str, Mapping[str, Any]]] = []

    def read(self) -> Node | None:
        root = self._node("", self._documents[""])
        while self._pending:
            document, schema, node = self._pending.pop()
            self._work.spend(_NODE_COST)
            self._fill(document, schema, node)
        self._reject_uncovered()
        _mark_live(self._nodes.values())
        return root if root is not None and root.is_live else None

    def _node(self, document: str, schema: Any) -> Node | None:
        """Return the node of a subschema, to be read later; None for a schema without keywords."""
        if not isinstance(schema, Mapping):
            return None
        node = self._nodes.get((document, id(schema)))
        if node is None:
            node = self._nodes[document, id(schema)] = Node()
            self._pending.append((document, schema, node))
        return node

    def _nodes_of(self, document: str, schemas: Any) -> list[Node]:
        self._work.spend(_MEMBER_COST * len(schemas))
        return [node for each in schemas if (node := self._node(document, each)) is not None]

    def _fill(self, document: str, schema: Mapping[str, Any], node: Node) -> None:
        self._reject_nested_base(document, schema)
        node.is_secret = _is_secret(schema)
        for word, value in schema.items():
            match word, value:
                case ("allOf" | "anyOf" | "oneOf", list()):
                    node.same += self._nodes_of(document, value)
                case ("if" | "then" | "else", dict()):
                    node.same += self._nodes_of(document, [value])
                case ("dependentSchemas" | "dependencies", dict()):
                    node.same += self._nodes_of(document, value.values())
                case ("properties", dict()):
                    self._work.spend(_MEMBER_COST * len(value))
                    found = {name: self._node(document, each) for name, each in value.items()}
                    node.names = value
                    node.members = {name: each for name, each in found.items() if each is not None}
                case ("patternProperties", dict()):
                    node.each_member += self._nodes_of(document, value.values())
                case ("additionalProperties", dict()):
                    node.additional = self._node(document, value)
                case ("items" | "additionalItems", dict()):
                    node.each_item += self._nodes_of(document, [value])
                case ("items" | "prefixItems", list()):
                    for index, each in enumerate(value):
                        node.at.setdefault(index, []).extend(self._nodes_of(document, [each]))
                case ("$ref", str()):
                    node.same += self._nodes_of(document, [self._resolve_reference(document, value)])
                case ("format", str()) if value and value in self._documents:
                    node.same += self._nodes_of(value, [self._documents[value]])
                case _:
                    if word in _DYNAMIC:
                        raise _unsupported(f"it contains a {word}")
                    if word not in _DATA and word not in _DEFINITIONS:
                        self._uncovered += ((document, word, each) for each in _inside(value))

    def _reject_nested_base(self, document: str, schema: Any) -> None:
        """Reject a subschema with its own id, which changes the base of the references in it."""
        root = self._documents[document]
        if schema is root or not isinstance(schema, Mapping):
            return
        word = "id" if isinstance(root, Mapping) and str(root.get("$schema")).rstrip("#") == _DRAFT_4 else "$id"
        if isinstance(schema.get(word), str):
            raise _unsupported(f"a subschema has its own {word}, which changes the base of references")

    def _resolve_reference(self, document: str, reference: str) -> Any:
        found = self._documents[document]
        if reference.startswith("#/"):
            for part in unquote(reference[2:]).split("/"):
                self._work.spend(_MEMBER_COST)
                name = part.replace("~1", "/").replace("~0", "~")
                match found:
                    case Mapping() if name in found:
                        found = found[name]
                    case list() if _INDEX.fullmatch(name) and int(name) < len(found):
                        found = found[int(name)]
                    case _:
                        raise _unsupported(f"its $ref {reference[:100]!r} has no target")
                self._reject_nested_base(document, found)
        elif reference not in ("", "#"):
            raise _unsupported(f"its $ref {reference[:100]!r} is not supported")
        return found

    def _reject_uncovered(self) -> None:
        """Reject passwords that may apply through a keyword that the graph does not cover."""
        seen: set[tuple[str, int, bool]] = set()
        pending = self._uncovered
        while pending:
            document, word, part = pending.pop()
            is_applied = word in _APPLICATORS
            key = (document, id(part), is_applied)
            if key in seen or (not is_applied and key[:2] in self._nodes):
                continue
            seen.add(key)
            self._work.spend(_NODE_COST)
            if _is_secret(part) or _resource_type(part) is not None:
                raise _unsupported(f"it declares one below `{word[:100]}`")
            below = [each for value in part.values() for each in _inside(value)]
            if is_applied:
                self._reject_nested_base(document, part)
                if not _DYNAMIC.isdisjoint(part):
                    raise _unsupported(f"it contains a dynamic reference below `{word}`")
                if isinstance(reference := part.get("$ref"), str):
                    below += _inside(self._resolve_reference(document, reference))
            pending += ((document, word, each) for each in below)


def _mark_live(nodes: Any) -> None:
    above: dict[int, list[Node]] = {}
    for node in nodes:
        for each in node.below():
            above.setdefault(id(each), []).append(node)
    pending = [node for node in nodes if node.is_secret]
    while pending:
        node = pending.pop()
        if not node.is_live:
            node.is_live = True
            pending += above.get(id(node), ())
    for node in nodes:
        node.prune()


def _unsupported(reason: str) -> UnsupportedPassword:
    return UnsupportedPassword(f"The passwords that the schema declares cannot be protected: {reason}.", hint=_HINT)


def _inside(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the value if it is an object, or the objects in it if it is a list."""
    pending = [value]
    while pending:
        match pending.pop():
            case Mapping() as named:
                yield named
            case list() as listed:
                pending += listed


def _is_secret(part: Mapping[str, Any]) -> bool:
    return part.get("password") is True or part.get("format") == "password"


def _resource_type(part: Mapping[str, Any]) -> str | None:
    format_ = part.get("format")
    is_named = isinstance(format_, str) and format_.startswith(RESOURCE)
    return str(format_).removeprefix(RESOURCE) if is_named else None


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    pending = [schema]
    while pending:
        match pending.pop():
            case Mapping() as named:
                yield named
                pending += named.values()
            case list() as listed:
                pending += listed
