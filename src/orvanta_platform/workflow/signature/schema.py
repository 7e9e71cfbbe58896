"""JSON Schema of a script's inputs, built from its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from orvanta_platform.workflow.signature import bash, functions, go, graphql, powershell, python, sql, typescript
from orvanta_platform.workflow.signature.parameter import Parameter

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_READERS: Final[Mapping[str, Callable[[str], list[Parameter] | None]]] = {
    "python3": python.parameters,
    "bun": typescript.parameters,
    "bunnative": typescript.parameters,
    "nativets": typescript.parameters,
    "deno": typescript.parameters,
    "bash": lambda content: [Parameter.of_text(p.name, p.default) for p in bash.parameters(content)],
    "go": go.parameters,
    "php": functions.of_php,
    "ruby": functions.of_ruby,
    "rlang": functions.of_r,
    "nu": functions.of_nu,
    "powershell": powershell.parameters,
    "java": functions.of_java,
    "csharp": functions.of_csharp,
    "rust": functions.of_rust,
    "postgresql": sql.numbered,
    "duckdb": sql.named,
    "mysql": sql.marked("mysql"),
    "mssql": sql.marked("mssql"),
    "snowflake": sql.marked("snowflake"),
    "bigquery": sql.marked("bigquery"),
    "graphql": graphql.parameters,
}


def has_signatures(language: str) -> bool:
    """Return whether scripts of a language have signatures."""
    return language in _READERS


def schema_of(language: str, content: str) -> dict[str, Any] | None:
    """Return the JSON Schema of a script's inputs, an object whose `order` lists the names as written.

    None if the language has no signatures, the script cannot be parsed, or it has no `main`.
    """
    reader = _READERS.get(language)
    found = None if reader is None else reader(content)
    if found is None:
        return None
    return {
        "$schema": _DRAFT,
        "type": "object",
        "properties": {each.name: each.schema for each in found},
        "required": [each.name for each in found if each.required],
        "order": [each.name for each in found],
    }
