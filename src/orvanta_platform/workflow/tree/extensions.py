"""File extensions of scripts, which determine the language."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = {
    ".pg.sql": "postgresql",
    ".my.sql": "mysql",
    ".bq.sql": "bigquery",
    ".sf.sql": "snowflake",
    ".ms.sql": "mssql",
    ".odb.sql": "oracledb",
    ".duckdb.sql": "duckdb",
    ".fetch.ts": "nativets",
    ".deno.ts": "deno",
    ".bunnative.ts": "bunnative",
    ".playbook.yml": "ansible",
    ".py": "python3",
    ".sh": "bash",
    ".ts": "bun",
    ".bun.ts": "bun",
    ".js": "bun",
    ".go": "go",
    ".php": "php",
    ".rb": "ruby",
    ".gql": "graphql",
    ".rs": "rust",
    ".cs": "csharp",
    ".nu": "nu",
    ".java": "java",
    ".r": "rlang",
    ".ps1": "powershell",
}
"""File extension → language; the longest matching extension applies. The first of a language is the one written."""


def ending_of(name: str) -> str | None:
    """Return the extension of a script's file name, or None if it determines no language."""
    matching = [each for each in LANGUAGES if name.endswith(each) and name.rpartition("/")[2] != each]
    return max(matching, key=len, default=None)


def file_of(path: str, language: str) -> str | None:
    """Return the file name of a script, from which both can be read again; None if there is none."""
    names = (path + ending for ending, named in LANGUAGES.items() if named == language)
    return next((name for name in names if name == path + (ending_of(name) or "")), None)
