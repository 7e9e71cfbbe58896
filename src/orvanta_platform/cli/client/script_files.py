"""Scripts in folders: a file whose extension determines the language, with optional settings next to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from orvanta_platform.cli.client.item_paths import is_within, items_under, path_of
from orvanta_platform.cli.client.tree_settings import read_settings
from orvanta_platform.errors import BadRequest, InvalidWorkflow, OrvantaError
from orvanta_platform.workflow import document
from orvanta_platform.workflow.script_imports import imports_of
from orvanta_platform.workflow.tree.extensions import LANGUAGES, ending_of
from orvanta_platform.workflow.tree.paths import FLOW_FOLDERS, SCRIPT_LOCK, SCRIPT_SETTINGS, with_runtime
from orvanta_platform.workflow.tree.plan import dependencies_first
from orvanta_platform.workflow.tree.reading import lock_in, script_settings


class UnreadableSettings(BadRequest):
    """The settings file of a script is not valid YAML or JSON."""

    def __init__(self, file: Path, error: InvalidWorkflow) -> None:
        super().__init__(f"The settings in {file} cannot be read: {error.message}.")
        self.file = file
        self.reason = error


class ScriptFile(msgspec.Struct, frozen=True):
    """Script read from a file."""

    file: Path
    path: str | None
    content: str
    language: str
    settings: dict[str, Any] | None
    """Summary, description, schema, kind, tag …; None without a settings file."""
    lock: str | None = None
    """Text of `<name>.script.lock`, or of `lock` in the settings, in which a missing file is `!inline <file>`."""
    tree: dict[str, Any] = {}
    """All keys of the settings file."""


def read(file: Path, language: str | None = None) -> ScriptFile:
    """Return the script in a file, or the one that a file of settings or a lock belongs to.

    Raises BadRequest, InvalidWorkflow, typer.BadParameter (unknown language, no code).
    """
    file = code_of(file)
    ending = ending_of(file.name)
    resolved = language or _language_of(file)
    if resolved is None:
        raise typer.BadParameter(f"The language of {file} is not determined by its extension: pass --language.")
    try:
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The script {file} is not UTF-8: byte {error.start}.") from None
    except OSError as error:
        raise BadRequest(f"The script {file} cannot be read: {error.strerror}.") from None
    tree = _settings(file)
    settings = tree and script_settings(tree)
    lock = _lock(file, ending, tree or {})
    return ScriptFile(file, path_of(file, [ending or file.suffix]), content, resolved, settings, lock, tree or {})


def code_of(file: Path) -> Path:
    """Return the file with the code of a script, of which `file` may be the settings or the lock.

    Raises typer.BadParameter if it has none.
    """
    suffix = next((each for each in (*SCRIPT_SETTINGS, SCRIPT_LOCK) if file.name.endswith(each)), None)
    if suffix is None:
        return file
    stem = file.name.removesuffix(suffix)
    found = [code for each in LANGUAGES if (code := file.with_name(stem + each)).is_file()]
    if len(found) != 1:
        raise typer.BadParameter(f"{file} has the settings or the lock of a script: push the file with its code.")
    return found[0]


def _language_of(file: Path) -> str | None:
    name = with_runtime(file.name, read_settings(file.parent).typescript)
    return LANGUAGES.get(ending_of(name) or "")


def find(folder: Path) -> list[Path]:
    """Return every script under a folder, sorted by name. Workflows, apps and hidden folders are excluded."""
    return [file for file in items_under(folder, FLOW_FOLDERS) if ending_of(file.name) is not None and file.is_file()]


def settings_file_of(file: Path) -> Path | None:
    """Return the file with the settings of the script in `file`, or None."""
    stem = file.name.removesuffix(ending_of(file.name) or file.suffix)
    found = (file.with_name(stem + suffix) for suffix in SCRIPT_SETTINGS)
    return next((each for each in found if each.is_file() and is_within(each, file.parent)), None)


def _settings(file: Path) -> dict[str, Any] | None:
    settings_file = settings_file_of(file)
    if settings_file is None:
        return None
    try:
        return document.parse(settings_file.read_bytes(), "json" if settings_file.suffix == ".json" else "yaml").tree
    except InvalidWorkflow as error:
        raise UnreadableSettings(settings_file, error) from None


def _lock(file: Path, ending: str | None, settings: dict[str, Any]) -> str | None:
    lock_file = file.with_name(file.name.removesuffix(ending or file.suffix) + SCRIPT_LOCK)
    if lock_file.is_file() and is_within(lock_file, file.parent):
        return lock_file.read_text(encoding="utf-8", errors="replace")
    return lock_in(settings)


def path_in_folders(file: Path) -> str | None:
    """Return the path derived from the location of a file in the folders, or None."""
    return path_of(file, [ending_of(file.name) or file.suffix])


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
