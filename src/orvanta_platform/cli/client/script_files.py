"""Scripts in folders: a file whose extension determines the language, with optional settings next to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from orvanta_platform.cli.client.file_order import dependencies_first
from orvanta_platform.cli.client.places import FLOW_FOLDERS, is_within, items_under, path_of
from orvanta_platform.errors import BadRequest, InvalidWorkflow, OrvantaError
from orvanta_platform.workflow import document
from orvanta_platform.workflow.imports import imports_of

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
"""File extension → language; the longest matching extension applies."""

_SETTINGS = (".script.json", ".script.yaml")
_LOCK = ".script.lock"
_NOT_SETTINGS = ("path", "content", "language", "lock", "hash", "parent_hash")


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """Script read from a file."""

    file: Path
    path: str | None
    content: str
    language: str
    settings: dict[str, Any] | None
    """Summary, description, schema, kind, tag …; None without a settings file."""
    lock: str | None = None
    """Text of `<name>.script.lock`, or of `lock` in the settings, in which a missing file is `!inline <file>`."""


def read(file: Path, language: str | None = None) -> ScriptFile:
    """Return the script in a file. Raises BadRequest, InvalidWorkflow, typer.BadParameter (unknown language)."""
    ending = _ending(file)
    resolved = language or LANGUAGES.get(ending or "")
    if resolved is None:
        raise typer.BadParameter(f"The language of {file} is not determined by its extension: pass --language.")
    try:
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The script {file} is not UTF-8: byte {error.start}.") from None
    except OSError as error:
        raise BadRequest(f"The script {file} cannot be read: {error.strerror}.") from None
    tree = _settings(file, ending)
    settings = tree and {name: value for name, value in tree.items() if name not in _NOT_SETTINGS and value is not None}
    lock = _lock(file, ending, tree or {})
    return ScriptFile(file, path_of(file, [ending or file.suffix]), content, resolved, settings, lock)


def find(folder: Path) -> list[Path]:
    """Return every script under a folder, sorted by name. Workflows, apps and hidden folders are excluded."""
    return [file for file in items_under(folder, FLOW_FOLDERS) if _ending(file) is not None and file.is_file()]


def _ending(file: Path) -> str | None:
    matching = [each for each in LANGUAGES if file.name.endswith(each) and file.name != each]
    return max(matching, key=len, default=None)


def _settings(file: Path, ending: str | None) -> dict[str, Any] | None:
    stem = file.name.removesuffix(ending or file.suffix)
    for suffix in _SETTINGS:
        settings_file = file.with_name(stem + suffix)
        if settings_file.is_file() and is_within(settings_file, file.parent):
            try:
                return document.parse(settings_file.read_bytes(), "json" if suffix.endswith("json") else "yaml").tree
            except InvalidWorkflow as error:
                raise BadRequest(f"The settings in {settings_file} cannot be read: {error.message}.") from None
    return None


def _lock(file: Path, ending: str | None, settings: dict[str, Any]) -> str | None:
    lock_file = file.with_name(file.name.removesuffix(ending or file.suffix) + _LOCK)
    if lock_file.is_file() and is_within(lock_file, file.parent):
        return lock_file.read_text(encoding="utf-8", errors="replace")
    lock = settings.get("lock")
    if isinstance(lock, list):
        return "\n".join(map(str, lock))
    return lock if isinstance(lock, str) else None


def path_in_folders(file: Path) -> str | None:
    """Return the path derived from the location of a file in the folders, or None."""
    return path_of(file, [_ending(file) or file.suffix])


def in_import_order(files: list[Path]) -> list[Path]:
    """Return the scripts so that each follows those that it imports; otherwise in the order of `files`.

    Scripts that cannot be read, and cycles, remain for the deployment to report.
    """
    by_path = {path: file for file in files if (path := path_in_folders(file)) is not None}
    return dependencies_first(files, lambda file: _imported_files(file, by_path))


def _imported_files(file: Path, by_path: dict[str, Path]) -> list[Path]:
    try:
        script = read(file)
    except (OrvantaError, typer.BadParameter):
        return []
    paths = [path for each in imports_of(script.language, script.content, script.path) for path in each.candidates]
    return [by_path[path] for path in paths if path in by_path]
