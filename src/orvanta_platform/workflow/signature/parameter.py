"""One input of a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """`schema`: JSON Schema of the value, its `default` in it where the script has a literal one."""

    name: str
    schema: dict[str, Any]
    required: bool

    @classmethod
    def of_text(cls, name: str, default: str | None) -> Parameter:
        """A string; required without a default."""
        schema: dict[str, Any] = {"type": "string"}
        return cls(name, schema if default is None else schema | {"default": default}, default is None)


def resource(name: str) -> dict[str, Any]:
    """A value whose type only the platform knows: a resource of the type `name`."""
    return {"type": "object", "format": f"resource-{name}"}


def snake(name: str) -> str:
    """`PostgresDb` → `postgres_db`: classes of resources are named after their types."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def enum(values: list[Any]) -> dict[str, Any]:
    """One of these JSON scalars, with their type where they have one in common."""
    kinds = {_TYPES.get(type(value), "") for value in values}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return {"type": kind, "enum": values} if kind else {"enum": values}


_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
