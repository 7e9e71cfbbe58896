"""Input of a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """Input of a script."""

    name: str
    schema: dict[str, Any]
    """JSON Schema of the value, including its `default` if the script has a literal one."""
    required: bool

    @classmethod
    def of_text(cls, name: str, default: str | None) -> Parameter:
        """Return a string parameter, required if it has no default."""
        schema: dict[str, Any] = {"type": "string"}
        return cls(name, schema if default is None else schema | {"default": default}, default is None)


def resource(name: str) -> dict[str, Any]:
    """Return the schema of a resource of the type `name`, which only the platform knows."""
    return {"type": "object", "format": f"resource-{name}"}


def snake(name: str) -> str:
    """Convert `PostgresDb` to `postgres_db`: classes of resources are named after their types."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def enum(values: list[Any]) -> dict[str, Any]:
    """Return the schema of one of these JSON scalars, with their common type if they have one."""
    kinds = {_TYPES.get(type(value), "") for value in values}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return {"type": kind, "enum": values} if kind else {"enum": values}


_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
