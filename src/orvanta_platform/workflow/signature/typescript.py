"""Parameters of a TypeScript script's exported `main`, from its syntax tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tree_sitter import Node

from orvanta_platform.workflow.signature.parameter import Parameter, enum, resource, snake
from orvanta_platform.workflow.typescript import parse, string, text

_TYPE_SCHEMAS: Final[Mapping[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "String": {"type": "string"},
    "number": {"type": "number"},
    "Number": {"type": "number"},
    "bigint": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "Boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "Object": {"type": "object"},
    "Record": {"type": "object"},
    "Map": {"type": "object"},
    "Array": {"type": "array"},
    "ReadonlyArray": {"type": "array"},
    "Set": {"type": "array"},
    "Date": {"type": "string", "format": "date-time"},
    "Base64": {"type": "string", "contentEncoding": "base64"},
    "Email": {"type": "string", "format": "email"},
    "any": {},
    "unknown": {},
    "null": {"type": "null"},
    "undefined": {"type": "null"},
    "void": {"type": "null"},
}
_SDK_TYPES: Final = frozenset({"Base64", "Email"})
"""Names that have a meaning only in the SDK's namespace: `wmill.Base64`."""

_TRANSPARENT: Final = frozenset({"Partial", "Required", "Readonly", "Promise", "NonNullable"})
_MAX_DEPTH: Final = 8


def parameters(content: str) -> list[Parameter] | None:
    """Return the parameters of the exported `main`; None if there is none."""
    root = parse(content)
    main = next((found for node in root.named_children for found in _main_functions(node, root)), None)
    formal_parameters = None if main is None else main.child_by_field_name("parameters")
    if formal_parameters is None:
        return None
    types = _Types(dict(_declared(root)))
    found = (each for node in formal_parameters.named_children for each in _parameter(node, types))
    return [*{each.name: each for each in found}.values()]


def _main_functions(node: Node, root: Node) -> Iterator[Node]:
    """Yield the functions that a statement exports as `main`: its own, or one declared elsewhere in the script."""
    if node.type != "export_statement" or any(child.type == "default" for child in node.children):
        return
    declared = node.child_by_field_name("declaration")
    if declared is not None:
        yield from _functions(declared, "main")
    for clause in node.named_children:
        for each in clause.named_children if clause.type == "export_clause" else ():
            name, alias = each.child_by_field_name("name"), each.child_by_field_name("alias")
            if name is not None and text(alias or name) == "main":
                yield from (found for other in root.named_children for found in _functions(other, text(name)))


def _functions(declared: Node, name: str) -> Iterator[Node]:
    """Yield the functions of this name in a declaration."""
    own = declared.child_by_field_name("name")
    if declared.type == "function_declaration" and own is not None and text(own) == name:
        yield declared
    for each in declared.named_children:
        variable, value = each.child_by_field_name("name"), each.child_by_field_name("value")
        if each.type == "variable_declarator" and variable is not None and text(variable) == name and value is not None:
            yield value


def _declared(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield (name, type) of the aliases, interfaces and enums of the script."""
    for node in root.named_children:
        each = (node.child_by_field_name("declaration") or node) if node.type == "export_statement" else node
        name = each.child_by_field_name("name")
        definition = each.child_by_field_name("value" if each.type == "type_alias_declaration" else "body")
        if each.type in ("type_alias_declaration", "interface_declaration", "enum_declaration") and name and definition:
            yield text(name), definition


def _parameter(node: Node, types: _Types) -> Iterator[Parameter]:
    pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
    annotation = node.child_by_field_name("type")
    if node.type not in ("required_parameter", "optional_parameter") or pattern is None:
        return
    literal = _Unknown if value is None else _literal(value)
    schema = types.schema(annotation) if annotation is not None else _of_value(literal)
    if literal is not _Unknown:
        schema = schema | {"default": literal}
    required = node.type == "required_parameter" and value is None
    if pattern.type == "object_pattern":
        yield from _members_of(pattern, schema, required=required)
    elif pattern.type not in ("rest_pattern", "this"):
        yield Parameter(text(pattern) if pattern.type == "identifier" else "input", schema, required)


def _members_of(pattern: Node, schema: dict[str, Any], *, required: bool) -> Iterator[Parameter]:
    """Yield the members of an object as parameters: a call passes the arguments by their names."""
    schemas: dict[str, Any] = dict(schema.get("properties", {}))
    defaults = dict(_destructured(pattern))
    for name in [*schemas, *(name for name in defaults if name not in schemas)]:
        default = defaults.get(name)
        literal = _Unknown if default is None else _literal(default)
        found = schemas.get(name) or _of_value(literal)
        if literal is not _Unknown:
            found = found | {"default": literal}
        needed = name not in schemas or name in schema.get("required", ())
        yield Parameter(name, found, required and needed and default is None)


def _destructured(pattern: Node) -> Iterator[tuple[str, Node | None]]:
    """Yield the names of the members in an object pattern, with the expressions of their defaults."""
    for each in pattern.named_children:
        key, value = each.child_by_field_name("key"), each.child_by_field_name("value")
        if each.type == "shorthand_property_identifier_pattern":
            yield text(each), None
        elif each.type == "object_assignment_pattern" and (left := each.child_by_field_name("left")) is not None:
            yield text(left), each.child_by_field_name("right")
        elif each.type == "pair_pattern" and key is not None and value is not None:
            name = string(key) if key.type == "string" else text(key)
            if name is not None:
                yield name, value.child_by_field_name("right") if value.type == "assignment_pattern" else None


class _Unknown:
    """Marker for an expression that is not a literal."""


def _literal(node: Node) -> Any:
    """Return the JSON value of a literal; _Unknown if it would have to be run."""
    match node.type:
        case "string" | "template_string":
            value = string(node)
            return _Unknown if value is None else value
        case "number" | "unary_expression":
            return _number(text(node).replace("_", "").replace(" ", ""))
        case "true" | "false" | "null":
            return {"true": True, "false": False, "null": None}[node.type]
        case "array":
            members = [_literal(member) for member in node.named_children]
            return _Unknown if _Unknown in members else members
        case "object":
            pairs = [_pair(member) for member in node.named_children]
            return _Unknown if None in pairs else dict(pair for pair in pairs if pair is not None)
        case _:
            return _Unknown


def _number(digits: str) -> Any:
    try:
        value = json.loads(digits)
    except ValueError:
        return _Unknown
    return value if isinstance(value, int | float) and abs(value) != float("inf") else _Unknown


def _pair(node: Node) -> tuple[str, Any] | None:
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    if node.type != "pair" or key is None or value is None:
        return None
    literal, name = _literal(value), string(key) if key.type == "string" else text(key)
    return None if literal is _Unknown or name is None else (name, literal)


def _of_value(value: Any) -> dict[str, Any]:
    """Return the schema of a parameter without annotation, derived from its default."""
    for kind, name in ((bool, "boolean"), (int | float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return {"type": "array"} if isinstance(value, list) else {"type": "object"} if isinstance(value, dict) else {}


@dataclass(slots=True)
class _Types:
    """Meaning of annotations in one script."""

    declared: Mapping[str, Node]
    """Types that the script declares."""
    remaining: int = 2_000
    """Number of types that may still be evaluated, which bounds the work for deeply combined types."""

    def schema(self, node: Node | None, depth: int = 0) -> dict[str, Any]:
        """Return the schema of a type; {} if any value is allowed."""
        self.remaining -= 1
        if node is None or depth > _MAX_DEPTH or self.remaining < 0:
            return {}
        match node.type:
            case "type_annotation" | "parenthesized_type" | "readonly_type":
                return self.schema(next(iter(node.named_children), None), depth)
            case "predefined_type" | "type_identifier":
                return self._named(text(node), depth)
            case "nested_type_identifier":
                return self._qualified(node)
            case "array_type":
                return self._array(next(iter(node.named_children), None), depth)
            case "tuple_type":
                return {"type": "array"}
            case "generic_type":
                return self._generic(node, depth)
            case "literal_type":
                return self._of_literal(node)
            case "union_type":
                return self._one_of(node, depth)
            case "object_type" | "interface_body":
                return self._object(node, depth)
            case "enum_body":
                return self._enum(node)
            case _:
                return {}

    def _named(self, name: str, depth: int) -> dict[str, Any]:
        if name in self.declared:
            return self.schema(self.declared[name], depth + 1)
        if name in _TYPE_SCHEMAS and name not in _SDK_TYPES:
            return dict(_TYPE_SCHEMAS[name])
        return resource(snake(name))

    def _qualified(self, node: Node) -> dict[str, Any]:
        """Return the schema of a qualified name: `RT.Postgresql` is a resource type, `wmill.Base64` a kind of text."""
        name = node.child_by_field_name("name")
        word = "" if name is None else text(name)
        return dict(_TYPE_SCHEMAS[word]) if word in _SDK_TYPES else resource(snake(word))

    def _array(self, items: Node | None, depth: int) -> dict[str, Any]:
        schema = self.schema(items, depth + 1)
        return {"type": "array"} | ({"items": schema} if schema else {})

    def _generic(self, node: Node, depth: int) -> dict[str, Any]:
        name, arguments = node.child_by_field_name("name"), node.child_by_field_name("type_arguments")
        word, first = ("" if name is None else text(name)), None
        if arguments is not None:
            first = next(iter(arguments.named_children), None)
        if word in _TRANSPARENT:
            return self.schema(first, depth + 1)
        if word == "Resource" and first is not None:
            return resource(text(first).strip("'\""))
        schema = self._named(word, depth) if name is not None and name.type == "type_identifier" else {}
        return self._array(first, depth) if schema.get("type") == "array" else schema

    def _of_literal(self, node: Node) -> dict[str, Any]:
        inner = next(iter(node.named_children), None)
        if inner is None or inner.type in ("null", "undefined"):
            return {"type": "null"}
        value = _literal(inner)
        return {} if value is _Unknown else enum([value])

    def _one_of(self, node: Node, depth: int) -> dict[str, Any]:
        """Return the schema of a union without null; a union of one member is that member."""
        schemas = [self.schema(member, depth + 1) for member in _members(node)]
        non_null = [schema for schema in schemas if schema != {"type": "null"}]
        if len(non_null) == 1:
            return non_null[0]
        if {} in non_null:
            return {}
        values = [value for schema in non_null for value in schema.get("enum", [])]
        return enum(values) if all("enum" in schema for schema in non_null) else {"anyOf": non_null}

    def _object(self, node: Node, depth: int) -> dict[str, Any]:
        properties, required = {}, []
        for each in node.named_children:
            name = each.child_by_field_name("name")
            if each.type != "property_signature" or name is None:
                continue
            key = string(name) if name.type == "string" else text(name)
            if key is None:
                continue
            properties[key] = self.schema(each.child_by_field_name("type"), depth + 1)
            if not any(child.type == "?" for child in each.children):
                required.append(key)
        if not properties:
            return {"type": "object"}
        schema: dict[str, Any] = {"type": "object", "properties": properties, "order": list(properties)}
        return schema | ({"required": required} if required else {})

    def _enum(self, node: Node) -> dict[str, Any]:
        values = [each.child_by_field_name("value") for each in node.named_children if each.type == "enum_assignment"]
        literals = [_literal(value) for value in values if value is not None]
        return {} if not literals or _Unknown in literals else enum(literals)


def _members(node: Node) -> Iterator[Node]:
    """Yield the types of a union, from left to right; a long one is a deep tree."""
    pending = [node]
    while pending:
        each = pending.pop()
        if each.type == "union_type":
            pending += reversed(each.named_children)
        else:
            yield each
