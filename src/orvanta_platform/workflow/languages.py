"""Languages of scripts."""

from __future__ import annotations

import re
from typing import Final

EXTENSIONS: Final = {
    "python3": "py",
    "bash": "sh",
    "bun": "ts",
    "bunnative": "ts",
    "nativets": "ts",
    "deno": "ts",
    "go": "go",
    "rust": "rs",
    "php": "php",
    "java": "java",
    "csharp": "cs",
    "ruby": "rb",
    "rlang": "r",
    "nu": "nu",
    "powershell": "ps1",
    "ansible": "yml",
    "graphql": "gql",
    "postgresql": "sql",
    "mysql": "sql",
    "mssql": "sql",
    "oracledb": "sql",
    "bigquery": "sql",
    "snowflake": "sql",
    "duckdb": "sql",
}
"""Every language of the artifact → its file extension."""

RUNNABLE: Final = frozenset(
    {
        "python3",
        "bash",
        "bun",
        "bunnative",
        "nativets",
        "deno",
        "php",
        "ruby",
        "go",
        "postgresql",
        "duckdb",
        "mysql",
        "mssql",
        "snowflake",
        "bigquery",
        "graphql",
        "rlang",
        "nu",
        "powershell",
        "java",
        "csharp",
        "rust",
    }
)
"""Languages with a runtime in this version. Scripts in others are deployed with a warning, and fail with no_runtime."""

_PROGRAMS: Final = {"powershell": "pwsh"}
"""Languages whose program is in no distribution of Linux, so that most workers lack it."""


def runtime_fault(language: str) -> str | None:
    """Return why a language has no runtime, at least on most workers; None if it has one."""
    if language not in RUNNABLE:
        return f"there is no runtime for the language {language!r}"
    program = _PROGRAMS.get(language)
    return program and f"workers without the program {program} have no runtime for the language {language!r}"


_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
_QUEUES: Final = frozenset({"native", "webhook"})
"""Queues in which scripts never run, because their jobs have no slot. A script's queue has the name of its language."""


def is_language(name: str) -> bool:
    """Return whether a text can be the name of a language, with a runtime in this version or without one."""
    return _NAME.fullmatch(name) is not None and name not in _QUEUES


_ADDRESS: Final = re.compile(
    r"""^(?:(?!//)[^\n])*?(?:\bfrom|\bimport|\bimport\()\s*["'](?P<module>(?:jsr:|https?://)[^"'\n]*)["']""",
    re.MULTILINE,
)
_BUN: Final = frozenset({"bun", "bunnative", "nativets"})


NPM_CLIENTS: Final = ("orvanta-client", "windmill-client")
"""Clients of the platform's API, which every script can import; with a version they are ordinary packages."""


def address_import(content: str) -> tuple[int, str] | None:
    """Return the line and name of the first module that a TypeScript script imports from an address or from JSR.

    Lines of comments do not count: templates of Deno scripts begin with one that shows such an import.
    """
    found = _ADDRESS.search(content)
    return None if found is None else (content.count("\n", 0, found.start("module")) + 1, found["module"])


def deno_only_import(language: str, content: str) -> tuple[int, str] | None:
    """Return `address_import` of a script in a language that runs in Bun, which cannot load such modules."""
    return address_import(content) if language in _BUN else None


UNSUPPORTED: Final = "unsupported"
"""Language in plans of nodes that this version cannot run; their code names the feature. It has no runtime."""

HUB: Final = "hub/"
"""Start of the paths of scripts of the ecosystem's hub, which the platform does not fetch."""


HUB_LANGUAGE: Final = "hub"
"""Language of a script of the hub for which the workspace has none. It has no runtime."""


def hub_substitute(path: str) -> str | None:
    """Return the path of the workspace script that stands for a script of the hub; None for any other path."""
    return f"f/{path}" if path.startswith(HUB) else None
