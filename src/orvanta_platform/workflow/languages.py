"""Languages of scripts."""

from __future__ import annotations

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
    }
)
"""Languages with a runtime in this version, which may be deployed. A worker reports what it lacks for one."""
