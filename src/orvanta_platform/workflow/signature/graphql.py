"""Arguments of a GraphQL script: the variables of its operation, and the resource `api` that it is sent to."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter

_OPERATION: Final = re.compile(r"^\s*(?:query|mutation|subscription)\b[^({]*\((?P<variables>[^)]*)\)", re.MULTILINE)
_COMMENT: Final = re.compile(r"#[^\n]*")
_VARIABLE: Final = re.compile(
    r"\$(?P<name>[A-Za-z_]\w*)\s*:\s*(?P<type>[\[\]!\w]+)(?:\s*=\s*(?P<default>\"[^\"]*\"|\[[^\]]*\]|[^\s,@)$]+))?"
)
_TYPES: Final[dict[str, dict[str, Any]]] = {
    "Int": {"type": "integer"},
    "Float": {"type": "number"},
    "Boolean": {"type": "boolean"},
    "String": {"type": "string"},
    "ID": {"type": "string"},
}
_API: Final = Parameter("api", {"type": "object", "format": "resource-graphql"}, True)


def parameters(content: str) -> list[Parameter]:
    """Return `api`, then the variables of the first operation that has some."""
    operation = _OPERATION.search(_COMMENT.sub("", content))
    variables = operation["variables"] if operation is not None else ""
    return [_API, *(_parameter(match) for match in _VARIABLE.finditer(variables))]


def _parameter(match: re.Match[str]) -> Parameter:
    name, schema, default = match["name"], _schema(match["type"]), match["default"]
    if default is None:
        return Parameter(name, schema, match["type"].endswith("!"))
    try:
        return Parameter(name, schema | {"default": json.loads(default)}, False)
    except ValueError:  # an object, or a member of an enumeration
        return Parameter(name, schema, False)


def _schema(type_name: str) -> dict[str, Any]:
    bare = type_name.removesuffix("!")
    if bare.startswith("["):
        return {"type": "array", "items": _schema(bare.removeprefix("[").removesuffix("]"))}
    return dict(_TYPES.get(bare, {}))
