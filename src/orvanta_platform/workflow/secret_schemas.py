"""Passwords that a JSON Schema declares, as a graph of the schema nodes that lead to them.

A node stands for one subschema. It is read once, whatever number of references lead to it, and only nodes below which a
password is declared are live: the rest of a value is not walked. All alternatives count, regardless of which of them
the value fits. Schemas come from users, so everything here is charged to a `Work`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from orvanta_platform.errors import TooComplex, UnsupportedPassword

RESOURCE: Final = "resource-"
"""Beginning of the format of a value whose schema is that of a resource type."""

MOST_WORK: Final = 100_000_000
"""Limit of a `Work` in an event loop; a unit takes about a nanosecond."""

_NODE: Final = 10_000
_MEMBER: Final = 1_000
_DATA: Final = frozenset({"const", "default", "enum", "examples"})
_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_APPLIED: Final = frozenset(
    {
        "additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "dependencies",
        "dependentSchemas", "else", "if", "items", "not", "oneOf", "patternProperties", "prefixItems", "properties",
        "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords that apply subschemas. What another keyword holds applies only if a reference leads to it."""
_DYNAMIC: Final = frozenset({"$dynamicRef", "$recursiveRef"})
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_DRAFT_4: Final = "http://json-schema.org/draft-04/schema"
_HINT: Final = (
    "Passwords are protected below properties, patternProperties, additionalProperties, items, prefixItems, allOf, "
    "anyOf, oneOf, if, then, else, dependentSchemas, and where a $ref that begins with #/ leads."
)


class Work:
    """Units of work that may still be done."""

    __slots__ = ("_left",)

    def __init__(self, limit: int | None = MOST_WORK) -> None:
        self._left = limit

    def spend(self, units: int) -> None:
        """Count units. Raises TooComplex when there are none left."""
        if self._left is None:
            return
        self._left -= units
        if self._left < 0:
            self._refuse()

    def exhaust(self) -> None:
        """Refuse work that would go over the limit. Raises TooComplex unless there is no limit."""
        if self._left is not None:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise TooComplex(
            "The passwords cannot be found within the limit: the schema is too complex, or the value is too large.",
            hint="Simplify the schema (recursive alternatives), or send less at a time, or as a file.",
            details={"path": ""},
        )


class Node:
    """One subschema: whether its value is a password, and the nodes that apply to the value, its members and items."""

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
        """All nodes that this one leads to."""
        yield from self.same
        yield from self.members.values()
        yield from self.each_member
        yield from self.each_item
        for each in self.at.values():
            yield from each
        if self.additional is not None:
            yield self.additional

    def of_member(self, name: str) -> Iterator[Node]:
        """The nodes that apply to a member. Patterns are not compared: each counts for all members."""
        if name in self.members:
            yield self.members[name]
        elif name not in self.names and self.additional is not None:
            yield self.additional
        yield from self.each_member

    def of_item(self, place: int) -> Iterator[Node]:
        """The nodes that apply to an item. `items` counts for all, since drafts differ about what it leaves out."""
        yield from self.each_item
        yield from self.at.get(place, ())

    def prune(self) -> None:
        """Forget the nodes that are not live."""
        self.same = [each for each in self.same if each.is_live]
        self.members = {name: each for name, each in self.members.items() if each.is_live}
        self.each_member = [each for each in self.each_member if each.is_live]
        self.each_item = [each for each in self.each_item if each.is_live]
        self.at = {place: live for place, each in self.at.items() if (live := [one for one in each if one.is_live])}
        if self.additional is not None and not self.additional.is_live:
            self.additional = None


def read(schema: Any, types: Mapping[str, Any], work: Work) -> Node | None:
    """The graph of a schema; None if it declares no password. `types`: the schemas of resource types by name.

    Raises UnsupportedPassword if one may be declared in a place that the graph does not cover, TooComplex.
    """
    return _Reader({"": schema, **{RESOURCE + name: each for name, each in types.items()}}, work).read()


def check(schema: Any) -> None:
    """Check a schema that is to be stored. Raises as `read`."""
    if may_declare(schema):
        read(schema, {}, Work())


def may_declare(schema: Any) -> bool:
    """Tests for a schema that declares a password, or may do so through a resource type."""
    return any(_is_secret(part) or _resource_type(part) is not None for part in _parts(schema))


def declares(schema: Any) -> bool:
    """Tests for a schema that declares a password itself."""
    return any(map(_is_secret, _parts(schema)))


def resource_types(schema: Any) -> frozenset[str]:
    """The names of the resource types whose schemas are part of this one."""
    return frozenset(name for part in _parts(schema) if (name := _resource_type(part)) is not None)


class _Reader:
    """The reading of one schema; `documents`: the schema, and those of resource types by their format."""

    def __init__(self, documents: Mapping[str, Any], work: Work) -> None:
        self._documents = documents
        self._work = work
        self._nodes: dict[tuple[str, int], Node] = {}
        self._waiting: list[tuple[str, Mapping[str, Any], Node]] = []
        self._unread: list[tuple[str, str, Mapping[str, Any]]] = []

    def read(self) -> Node | None:
        root = self._node("", self._documents[""])
        while self._waiting:
            document, schema, node = self._waiting.pop()
            self._work.spend(_NODE)
            self._fill(document, schema, node)
        self._refuse_unread()
        _mark_live(self._nodes.values())
        return root if root is not None and root.is_live else None

    def _node(self, document: str, schema: Any) -> Node | None:
        """The node of a subschema, read later; None for one that says nothing of members."""
        if not isinstance(schema, Mapping):
            return None
        node = self._nodes.get((document, id(schema)))
        if node is None:
            node = self._nodes[document, id(schema)] = Node()
            self._waiting.append((document, schema, node))
        return node

    def _nodes_of(self, document: str, schemas: Any) -> list[Node]:
        self._work.spend(_MEMBER * len(schemas))
        return [node for each in schemas if (node := self._node(document, each)) is not None]

    def _fill(self, document: str, schema: Mapping[str, Any], node: Node) -> None:
        self._refuse_base(document, schema)
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
                    self._work.spend(_MEMBER * len(value))
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
                    for place, each in enumerate(value):
                        node.at.setdefault(place, []).extend(self._nodes_of(document, [each]))
                case ("$ref", str()):
                    node.same += self._nodes_of(document, [self._referred(document, value)])
                case ("format", str()) if value and value in self._documents:
                    node.same += self._nodes_of(value, [self._documents[value]])
                case _:
                    if word in _DYNAMIC:
                        raise _unsupported(f"it holds a {word}")
                    if word not in _DATA and word not in _DEFINITIONS:
                        self._unread += ((document, word, each) for each in _inside(value))

    def _refuse_base(self, document: str, schema: Any) -> None:
        """References inside a schema with an id of its own would lead elsewhere."""
        root = self._documents[document]
        if schema is root or not isinstance(schema, Mapping):
            return
        word = "id" if isinstance(root, Mapping) and str(root.get("$schema")).rstrip("#") == _DRAFT_4 else "$id"
        if isinstance(schema.get(word), str):
            raise _unsupported(f"a part of it has an {word} of its own, in which references lead elsewhere")

    def _referred(self, document: str, reference: str) -> Any:
        found = self._documents[document]
        if reference.startswith("#/"):
            for part in unquote(reference[2:]).split("/"):
                self._work.spend(_MEMBER)
                name = part.replace("~1", "/").replace("~0", "~")
                match found:
                    case Mapping() if name in found:
                        found = found[name]
                    case list() if _INDEX.fullmatch(name) and int(name) < len(found):
                        found = found[int(name)]
                    case _:
                        raise _unsupported(f"its $ref {reference[:100]!r} leads nowhere")
                self._refuse_base(document, found)
        elif reference not in ("", "#"):
            raise _unsupported(f"its $ref {reference[:100]!r} is not followed")
        return found

    def _refuse_unread(self) -> None:
        """Refuse passwords that may apply through a keyword that the graph does not cover."""
        seen: set[tuple[str, int, bool]] = set()
        waiting = self._unread
        while waiting:
            document, word, part = waiting.pop()
            is_applied = word in _APPLIED
            key = (document, id(part), is_applied)
            if key in seen or (not is_applied and key[:2] in self._nodes):
                continue
            seen.add(key)
            self._work.spend(_NODE)
            if _is_secret(part) or _resource_type(part) is not None:
                raise _unsupported(f"it declares one below `{word[:100]}`")
            below = [each for value in part.values() for each in _inside(value)]
            if is_applied:
                self._refuse_base(document, part)
                if not _DYNAMIC.isdisjoint(part):
                    raise _unsupported(f"it holds a dynamic reference below `{word}`")
                if isinstance(reference := part.get("$ref"), str):
                    below += _inside(self._referred(document, reference))
            waiting += ((document, word, each) for each in below)


def _mark_live(nodes: Any) -> None:
    above: dict[int, list[Node]] = {}
    for node in nodes:
        for each in node.below():
            above.setdefault(id(each), []).append(node)
    waiting = [node for node in nodes if node.is_secret]
    while waiting:
        node = waiting.pop()
        if not node.is_live:
            node.is_live = True
            waiting += above.get(id(node), ())
    for node in nodes:
        node.prune()


def _unsupported(reason: str) -> UnsupportedPassword:
    return UnsupportedPassword(f"The passwords that the schema declares cannot be protected: {reason}.", hint=_HINT)


def _inside(value: Any) -> Iterator[Mapping[str, Any]]:
    """The value if it is an object, the objects in it if it is a list."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case Mapping() as named:
                yield named
            case list() as listed:
                waiting += listed


def _is_secret(part: Mapping[str, Any]) -> bool:
    return part.get("password") is True or part.get("format") == "password"


def _resource_type(part: Mapping[str, Any]) -> str | None:
    format_ = part.get("format")
    is_named = isinstance(format_, str) and format_.startswith(RESOURCE)
    return str(format_).removeprefix(RESOURCE) if is_named else None


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [schema]
    while waiting:
        match waiting.pop():
            case Mapping() as named:
                yield named
                waiting += named.values()
            case list() as listed:
                waiting += listed
