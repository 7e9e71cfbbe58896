"""Warnings about nodes whose code cannot be read, or whose inputs have no value or one of another type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can
from orvanta_platform.db import items
from orvanta_platform.evaluate.scripts import CodeTooComplex, Script, Signature
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs.script_access import placed_modules
from orvanta_platform.workflow.diagnostics import Diagnostic, pointer
from orvanta_platform.workflow.languages import RUNNABLE
from orvanta_platform.workflow.signature.schema import has_signatures

MAX_READ_CHARS: Final = 256 << 10
"""Maximum length in characters of all inline scripts together; beyond it they are not read."""

_KINDS: Final = ("script", "flow")
"""Kinds of nodes that run an item of the same kind by its path."""


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
"""Types of JSON Schema whose values are checked, with the types of their decoded values."""


class _Caller(msgspec.Struct, frozen=True):
    """A node with inputs."""

    node: str
    pointer: str
    """JSON pointer of its value."""
    value: Mapping[str, Any]

    def warning(self, code: str, where: str, message: str) -> Diagnostic:
        return Diagnostic(code, "warning", self.node, self.pointer + where, f"node {self.node}: {message}")


async def diagnostics(platform: Platform, actor: Actor, workspace: str, value: Mapping[str, Any]) -> list[Diagnostic]:
    """Return warnings about the nodes of a normalised flow value, which may have errors.

    The schemas of scripts and workflows are those of their current versions, if the actor may read them. Raises
    EvaluatorUnavailable.
    """
    callers = list(_callers(value))
    read = await _signatures(platform, workspace, callers)
    schemas = {kind: await _schemas(platform, actor, workspace, kind, callers) for kind in _KINDS}
    found: list[Diagnostic] = []
    for each in callers:
        kind = str(each.value.get("type"))
        if kind in schemas:
            found += _faulty_inputs(each, schemas[kind].get(str(each.value.get("path"))))
            continue
        signature = read.get(_script(each))
        if signature is not None and (signature.schema is None or signature.fault is not None):
            found.append(_unreadable(each, signature))
        if signature is not None:
            found += _faulty_inputs(each, signature.schema)
    return found


def _callers(value: Mapping[str, Any]) -> Iterator[_Caller]:
    for at, module in placed_modules(value, "/value"):
        inner, mock = module.get("value"), module.get("mock")
        is_mocked = isinstance(mock, dict) and mock.get("enabled") is True
        # A preprocessor without inputs receives the input of the run.
        if isinstance(inner, dict) and not is_mocked and at != "/value/preprocessor_module":
            yield _Caller(str(module.get("id")), f"{at}/value", inner)


def _script(caller: _Caller) -> Script:
    return Script(str(caller.value.get("language")), str(caller.value.get("content")))


async def _signatures(platform: Platform, workspace: str, callers: list[_Caller]) -> dict[Script, Signature]:
    inline = [_script(each) for each in callers if each.value.get("type") == "rawscript"]
    scripts = [each for each in dict.fromkeys(inline) if each.language in RUNNABLE and has_signatures(each.language)]
    if sum(len(each.content) for each in scripts) > MAX_READ_CHARS:
        return {}
    try:
        return dict(zip(scripts, await platform.evaluator.scripts.signatures(workspace, scripts), strict=True))
    except CodeTooComplex:
        return {}


async def _schemas(
    platform: Platform, actor: Actor, workspace: str, kind: str, callers: list[_Caller]
) -> dict[str, Any]:
    paths = {str(each.value.get("path")) for each in callers if each.value.get("type") == kind}
    if not paths:
        return {}
    async with platform.db.acquire() as conn:
        rows = await items.list_schemas(conn, workspace, kind, sorted(paths))
    return {
        row.path: msgspec.json.decode(row.schema)
        for row in rows
        if row.schema and can(actor, "read", Target(workspace, kind, row.path, row.created_by, row.extra_perms))
    }


def _unreadable(caller: _Caller, signature: Signature) -> Diagnostic:
    fault = signature.fault
    reason = f"line {fault.line}: {fault.message}" if fault else "it has a syntax error, or no function `main`"
    return caller.warning("code_unreadable", "/content", f"the inputs of the code cannot be read: {reason}")


def _faulty_inputs(caller: _Caller, schema: Any) -> list[Diagnostic]:
    if not isinstance(schema, dict):
        return []
    given = caller.value.get("input_transforms")
    transforms = given if isinstance(given, dict) else {}
    return _missing_inputs(caller, schema, transforms) + _wrong_inputs(caller, schema, transforms)


def _missing_inputs(caller: _Caller, schema: dict[str, Any], transforms: dict[str, Any]) -> list[Diagnostic]:
    required = schema.get("required")
    return [
        caller.warning("missing_input", pointer("/input_transforms", name), f"the required input {name!r} has no value")
        for name in (required if isinstance(required, list) else [])
        if isinstance(name, str) and not _has_value(transforms.get(name))
    ]


def _has_value(transform: Any) -> bool:
    match transform:
        case None:
            return False
        case {"type": "static"}:
            return transform.get("value") is not None
        case {"type": "javascript"}:
            return bool(str(transform.get("expr") or "").strip())
    return True


def _wrong_inputs(caller: _Caller, schema: dict[str, Any], transforms: dict[str, Any]) -> list[Diagnostic]:
    """Return warnings about literal values that are not of the declared type.

    References are not read. Texts are not checked, because languages such as Bash turn each value into one.
    """
    properties = schema.get("properties")
    found = []
    for name, declared in properties.items() if isinstance(properties, dict) else ():
        transform = transforms.get(name)
        kind = _checked_type(declared)
        if kind and isinstance(transform, dict) and transform.get("type") == "static":
            value = transform.get("value")
            if value is not None and not _is_reference(value) and not _is_of_type(value, kind):
                message = f"the input {name!r} must be of the type {kind}"
                found.append(caller.warning("wrong_input", pointer("/input_transforms", name), message))
    return found


def _checked_type(declared: Any) -> str | None:
    """Return the only type, apart from null, that a schema permits; None if its values are not checked."""
    kinds = declared.get("type") if isinstance(declared, dict) else None
    named = [each for each in (kinds if isinstance(kinds, list) else [kinds]) if each != "null"]
    kind = named[0] if len(named) == 1 else None
    return kind if isinstance(kind, str) and kind in _TYPES else None


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("$var:", "$res:"))


def _is_of_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])
