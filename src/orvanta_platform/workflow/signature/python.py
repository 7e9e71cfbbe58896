"""Parameters of a Python script's `main`, from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter, enum, resource, snake

_TYPE_SCHEMAS: Final[Mapping[str, dict[str, Any]]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "Decimal": {"type": "number"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "UUID": {"type": "string", "format": "uuid"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "Sequence": {"type": "array"},
    "Iterable": {"type": "array"},
    "set": {"type": "array"},
    "tuple": {"type": "array"},
    "Tuple": {"type": "array"},
    "Any": {},
    "object": {},
    "None": {"type": "null"},
}
_OPTIONAL: Final = frozenset({"Optional"})
_WRAPPERS: Final = frozenset({"Annotated", "Required", "NotRequired", "ReadOnly", "Final"})
_MAX_DEPTH: Final = 8
_NONE: Final = ast.Constant(None)


def parameters(content: str) -> list[Parameter] | None:
    """Return the parameters of the last top-level `main`; None if there is none or the text cannot be parsed."""
    found = _main(content)
    if found is None:
        return None
    tree, main = found
    types = _Types({node.name: node for node in tree.body if isinstance(node, ast.ClassDef)})
    return [_parameter(argument, default, types) for argument, default in _arguments(main.args)]


def accepts_any(content: str) -> bool:
    """Return whether `main` accepts inputs that it does not name (`**inputs`)."""
    found = _main(content)
    return found is not None and found[1].args.kwarg is not None


def _main(content: str) -> tuple[ast.Module, ast.FunctionDef | ast.AsyncFunctionDef] | None:
    """Return the syntax tree and its last top-level `main`."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    mains = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "main"
    ]
    return (tree, mains[-1]) if mains else None


def _arguments(signature: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    positional = [*signature.posonlyargs, *signature.args]
    defaults = [None] * (len(positional) - len(signature.defaults)) + list(signature.defaults)
    yield from zip(positional, defaults, strict=True)
    yield from zip(signature.kwonlyargs, signature.kw_defaults, strict=True)


def _parameter(argument: ast.arg, default: ast.expr | None, types: _Types) -> Parameter:
    literal = _Unknown if default is None else _literal(default)
    schema = types.schema(argument.annotation) if argument.annotation else _of_value(literal)
    if literal is not _Unknown:
        schema = schema | {"default": literal}
    return Parameter(argument.arg, schema, default is None)


class _Unknown:
    """Marker for an expression that is not a literal."""


def _literal(node: ast.expr) -> Any:
    """Return the JSON value of a literal; _Unknown if it would have to be run, or is not JSON."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _Unknown
    return value if _is_json(value) else _Unknown


def _is_json(value: Any) -> bool:
    match value:
        case None | str() | bool() | int():
            return True
        case float():
            return value == value and abs(value) != float("inf")
        case list():
            return all(map(_is_json, value))
        case dict():
            return all(isinstance(key, str) and _is_json(member) for key, member in value.items())
        case _:
            return False


def _of_value(value: Any) -> dict[str, Any]:
    """Return the schema of a parameter without annotation, derived from its default."""
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return {"type": "array"} if isinstance(value, list) else {"type": "object"} if isinstance(value, dict) else {}


@dataclass(slots=True)
class _Types:
    """Meaning of annotations in one script."""

    classes: Mapping[str, ast.ClassDef]
    """Classes that the script defines at its top level."""
    remaining: int = 2_000
    """Number of types that may still be evaluated, which bounds the work for deeply combined types."""

    def schema(self, node: ast.expr, depth: int = 0) -> dict[str, Any]:
        """Return the schema of an annotation; {} if any value is allowed."""
        self.remaining -= 1
        if depth > _MAX_DEPTH or self.remaining < 0:
            return {}
        match node:
            case ast.Constant(value=None):
                return {"type": "null"}
            case ast.Constant(value=str(text)):
                return self._quoted(text, depth)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return self._named(name, depth)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._one_of([left, right], depth)
            case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
                members = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
                return self._generic(name, members, depth)
            case _:
                return {}

    def _quoted(self, text: str, depth: int) -> dict[str, Any]:
        try:
            return self.schema(ast.parse(text, mode="eval").body, depth + 1)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {}

    def _named(self, name: str, depth: int) -> dict[str, Any]:
        if name in self.classes:
            return self._of_class(self.classes[name], depth)
        if name in _TYPE_SCHEMAS:
            return dict(_TYPE_SCHEMAS[name])
        return resource(snake(name))

    def _generic(self, name: str, members: list[ast.expr], depth: int) -> dict[str, Any]:
        if name == "Literal":
            values = [_literal(member) for member in members]
            return {} if _Unknown in values else enum(values)
        if name in _OPTIONAL:
            return self._one_of([*members, _NONE], depth)
        if name == "Union":
            return self._one_of(members, depth)
        if name in _WRAPPERS and members:
            return self.schema(members[0], depth + 1)
        schema = self._named(name, depth)
        if schema.get("type") == "array" and members:
            items = self.schema(members[0], depth + 1)
            return schema | ({"items": items} if items else {})
        return schema

    def _one_of(self, members: list[ast.expr], depth: int) -> dict[str, Any]:
        """Return the schema of a union without null: an input with a default may always be omitted."""
        schemas = [self.schema(member, depth + 1) for member in members]
        non_null = [schema for schema in schemas if schema != {"type": "null"}]
        if len(non_null) == 1:
            return non_null[0]
        if {} in non_null:
            return {}
        literals = [value for schema in non_null for value in schema.get("enum", [])]
        return enum(literals) if all("enum" in schema for schema in non_null) else {"anyOf": non_null}

    def _of_class(self, node: ast.ClassDef, depth: int) -> dict[str, Any]:
        """Return the schema of a TypedDict, dataclass, model or Enum of the script."""
        if any("Enum" in _name(base) for base in node.bases):
            values = [_literal(each.value) for each in node.body if isinstance(each, ast.Assign)]
            return {} if _Unknown in values else enum(values)
        if depth >= _MAX_DEPTH:
            return {"type": "object"}
        fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
        properties = {each.target.id: self._field(each, depth) for each in fields if isinstance(each.target, ast.Name)}
        optional = any(_name(keyword.value) == "False" for keyword in node.keywords if keyword.arg == "total")
        pairs = zip(properties, fields, strict=True)
        required = [] if optional else [name for name, each in pairs if _is_required(each)]
        schema: dict[str, Any] = {"type": "object", "properties": properties, "order": list(properties)}
        return schema | ({"required": required} if required else {})

    def _field(self, node: ast.AnnAssign, depth: int) -> dict[str, Any]:
        schema = self.schema(node.annotation, depth + 1)
        literal = _Unknown if node.value is None else _literal(node.value)
        return schema if literal is _Unknown else schema | {"default": literal}


def _is_required(node: ast.AnnAssign) -> bool:
    is_optional = isinstance(node.annotation, ast.Subscript) and _name(node.annotation.value) == "NotRequired"
    return node.value is None and not is_optional


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=value):
            return str(value)
        case _:
            return ""
