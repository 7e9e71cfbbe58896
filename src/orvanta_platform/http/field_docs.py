"""Documentation of struct fields for the OpenAPI document: the string literals under the fields in the source."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.inspect import StructType

_Docs = dict[str, dict[str, str]]
"""Documentation by class and field."""


def describe(components: dict[str, Any], shapes: Iterable[Any]) -> None:
    """Add the documentation of fields to the schemas of the structs that `shapes` contain."""
    found: set[type] = set()
    for info in msgspec.inspect.multi_type_info(shapes):
        _collect(info, found)
    for struct in found:
        properties = components.get(struct.__name__, {}).get("properties", {})
        for name, text in field_docs(struct).items():
            if name in properties:
                properties[name]["description"] = text


def field_docs(struct: type) -> dict[str, str]:
    """Return the documentation of a struct's fields, including inherited ones, by their names in JSON."""
    docs: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        docs |= _of_module(each.__module__).get(each.__name__, {})
    fields: Any = struct
    names = zip(fields.__struct_fields__, fields.__struct_encode_fields__, strict=True)
    return {encoded: docs[name] for name, encoded in names if name in docs}


def _collect(info: Any, found: set[type]) -> None:
    """Add the structs in a type to `found`."""
    if isinstance(info, tuple):
        for each in info:
            _collect(each, found)
    elif isinstance(info, msgspec.Struct):
        if isinstance(info, StructType):
            if info.cls in found:
                return
            found.add(info.cls)
        for name in info.__struct_fields__:
            _collect(getattr(info, name), found)


@functools.cache
def _of_module(name: str) -> _Docs:
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    if not name.startswith("orvanta_platform.") or not file.endswith(".py"):
        return {}
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {each.name: dict(_literals(each)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _literals(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield each field that a string literal follows, with its text as one paragraph."""
    for field, literal in zip(node.body, node.body[1:], strict=False):
        match field, literal:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(inspect.cleandoc(text).split())
