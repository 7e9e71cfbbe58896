"""Scripts as they lie in folders: a file whose extension is its language, settings beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from orvanta_platform.cli.client.places import path_of
from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import document

LANGUAGES = {
    ".pg.sql": "postgresql",
    ".my.sql": "mysql",
    ".bq.sql": "bigquery",
    ".sf.sql": "snowflake",
    ".ms.sql": "mssql",
    ".odb.sql": "oracledb",
    ".duckdb.sql": "duckdb",
    ".fetch.ts": "nativets",
    ".deno.ts": "deno",
    ".bun.ts": "bun",
    ".playbook.yml": "ansible",
    ".py": "python3",
    ".sh": "bash",
    ".ts": "bun",
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
"""What a file's name ends with → its language; the longest ending counts."""

_SETTINGS = (".script.json", ".script.yaml")
_NOT_SETTINGS = ("path", "content", "language", "lock", "hash", "parent_hash")


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A script that was read. `settings`: summary, description, schema, kind, tag …; None without a file of them."""

    file: Path
    path: str | None
    content: str
    language: str
    settings: dict[str, Any] | None


def read(file: Path, language: str | None = None) -> ScriptFile:
    """The script in a file. Raises BadRequest, InvalidWorkflow, and typer.BadParameter for an unknown language."""
    ending = _ending(file)
    spoken = language or LANGUAGES.get(ending or "")
    if spoken is None:
        raise typer.BadParameter(f"The language of {file} is not plain from its name: say --language.")
    try:
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The script {file} is not UTF-8: byte {error.start}.") from None
    except OSError as error:
        raise BadRequest(f"The script {file} cannot be read: {error.strerror}.") from None
    return ScriptFile(file, path_of(file, [ending or file.suffix]), content, spoken, _settings(file, ending))


def find(folder: Path) -> list[Path]:
    """Every script under a folder, by name; code of workflows and hidden folders are left out."""
    found = []
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        hidden = any(part.startswith(".") or part.endswith(".flow") for part in parts)
        if not hidden and _ending(file) is not None and file.is_file():
            found.append(file)
    return sorted(found)


def _ending(file: Path) -> str | None:
    fitting = [each for each in LANGUAGES if file.name.endswith(each) and file.name != each]
    return max(fitting, key=len, default=None)


def _settings(file: Path, ending: str | None) -> dict[str, Any] | None:
    stem = file.name.removesuffix(ending or file.suffix)
    for suffix in _SETTINGS:
        beside = file.with_name(stem + suffix)
        if beside.is_file():
            try:
                tree = document.parse(beside.read_bytes(), "json" if suffix.endswith("json") else "yaml").tree
            except InvalidWorkflow as error:
                raise BadRequest(f"The settings in {beside} cannot be read: {error.message}.") from None
            return {name: value for name, value in tree.items() if name not in _NOT_SETTINGS and value is not None}
    return None


def path_in_folders(file: Path) -> str | None:
    """The path that the place of a file in the folders says, None where that says none."""
    return path_of(file, [_ending(file) or file.suffix])
