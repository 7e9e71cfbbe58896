"""Validation of scripts and other items in files without a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import msgspec
import typer
from ruamel.yaml.comments import CommentedMap

from orvanta_platform.cli.client import flow_files, script_files, secret_warnings
from orvanta_platform.cli.client.code_check import code_fault, lock_warning, schema_warning
from orvanta_platform.cli.client.deploy import print_located
from orvanta_platform.cli.client.flow_files import FlowFile, position_in
from orvanta_platform.cli.client.item_failures import location_of
from orvanta_platform.cli.client.item_names import name_fault
from orvanta_platform.cli.client.script_files import ScriptFile, UnreadableSettings, settings_file_of
from orvanta_platform.cli.client.tree_folder import Folder, open_folder
from orvanta_platform.cli.client.tree_pull import say_other_code
from orvanta_platform.engine.ticks import Cron
from orvanta_platform.errors import BadRequest, InvalidWorkflow, OrvantaError
from orvanta_platform.workflow import item_settings, unknown_keys
from orvanta_platform.workflow.diagnostics import Diagnostic, Severity
from orvanta_platform.workflow.requirements import lock_of, placed_rawscripts
from orvanta_platform.workflow.signature.missing_main import missing_main
from orvanta_platform.workflow.text import open_yaml
from orvanta_platform.workflow.time_zones import zone_of
from orvanta_platform.workflow.tree import advice
from orvanta_platform.workflow.tree.extensions import ending_of
from orvanta_platform.workflow.tree.item import Item, Key
from orvanta_platform.workflow.tree.paths import ALONE, FLOW_FOLDERS, SCRIPT_LOCK, SCRIPT_SETTINGS
from orvanta_platform.workflow.tree.reading import settings_in

Located = tuple[str, Diagnostic]
"""Location, and what is wrong there."""


class Selection(msgspec.Struct, frozen=True):
    """Files to validate."""

    workflows: list[Path]
    scripts: list[Path]
    items: list[tuple[Folder, Key]]
    """Items of other kinds, and those of which two files exist."""
    unused: list[Located]
    """Files that have no effect: code that no workflow refers to, and files in the wrong place."""


def select(source: Sequence[Path]) -> Selection:
    """Return what these files and folders contain. Raises typer.BadParameter if that is nothing, BadRequest."""
    found = Selection([], [], [], [])
    for path in source:
        if not path.exists():
            raise typer.BadParameter(f"{path} does not exist.")
        if path.is_dir() and not flow_files.is_workflow(path):
            _select_under(path, found)
        elif path.is_dir() or not _select_file(path, found):
            found.workflows.append(path)
            if path.is_dir():
                found.unused.extend(_unused(open_folder(path)))
    if not (found.workflows or found.scripts or found.items):
        raise typer.BadParameter("The folder contains no workflow, script or other item.")
    return found


def _select_under(root: Path, found: Selection) -> None:
    found.workflows.extend(flow_files.find(root))
    folder = open_folder(root)
    found.unused.extend(_unused(folder))
    say_other_code(folder)
    for key, located in folder.located.items():
        if folder.two_files(key) is not None:
            found.items.append((folder, key))
        elif key[0] == "script":
            found.scripts.append(_shown(folder.files[located.files[0]], root))
        elif key[0] != "flow":
            found.items.append((folder, key))


def _unused(folder: Folder) -> list[Located]:
    return [(file, _advice(each)) for file, each in folder.warnings()]


def _select_file(file: Path, found: Selection) -> bool:
    """Select the item that a file belongs to; return False if it is none, such as a document of a workflow."""
    name = file.name
    if ending_of(name) is not None or name.endswith((*SCRIPT_SETTINGS, SCRIPT_LOCK)):
        found.scripts.append(script_files.code_of(file))
        return True
    if name.endswith(ALONE) or file.absolute().parent.name.endswith(FLOW_FOLDERS):
        return False
    folder = open_folder(file.parent)
    keys = [key for key, each in folder.located.items() if file.absolute() == folder.files[each.files[0]].absolute()]
    found.items.extend((folder, key) for key in keys)
    return bool(keys)


def _shown(file: Path, root: Path) -> Path:
    """Return a file below `root` as the caller named it."""
    return root / file.relative_to(root.absolute()) if file.is_relative_to(root.absolute()) else file


def check_script(file: Path) -> list[Located]:
    """Print and return the problems of a script: its code, its settings and their keys."""
    try:
        script = script_files.read(file)
    except UnreadableSettings as error:
        found = flow_files.error_locations(error.file, error.reason)
    except BadRequest as error:  # a script that is not UTF-8
        found = [(str(file), Diagnostic(error.code, "error", None, "", error.message))]
    else:
        settings = item_settings.script_faults(script.settings or {})
        path = script_files.path_in_folders(file)
        fault = None if path is None else name_fault(("script", path))
        found = [
            *(() if fault is None else [(str(file), fault)]),
            *code_faults(str(file), script.language, script.content, "error"),
            *_located(settings_file_of(file), [*settings, *unknown_keys.of_item("script", script.tree)]),
            *((str(file), _advice(each)) for each in advice.of_script(*_parts(script))),
            *_metadata(str(file), settings_file_of(file), *_parts(script), script.lock),
        ]
        if (reason := missing_main(*_parts(script))) is not None:
            found.append((str(file), Diagnostic("main_missing", "warning", None, "", f"{reason}: its runs fail")))
    print_located(found)
    return found


def check_item(folder: Folder, key: Key) -> list[Located]:
    """Print and return the problems of an item of another kind."""
    found: list[Located]
    if (fault := name_fault(key)) is not None:
        found = [(folder.file_of(key), fault)]
        print_located(found)
        return found
    try:
        item = folder.read(key)
    except OrvantaError as error:
        place = str(location_of(folder, key, error))
        reasons = [Diagnostic(**each) for each in error.details or []]
        found = [(place, each) for each in reasons or [Diagnostic(error.code, "error", None, "", error.message)]]
    else:
        from orvanta_platform.services.changes.writers import type_faults

        name = settings_name(folder, key)
        file = None if name is None else folder.shown(name)
        found = [
            *_located(file, list(type_faults(item))),
            *_located(file, _time_faults(item)),
            *key_warnings(folder, key),
            *((folder.file_of(key), _advice(each)) for each in advice.of_item(item)),
            *_located(file, _secrets(folder, item)),
        ]
    print_located(found)
    return found


def _time_faults(item: Item) -> Iterator[Diagnostic]:
    """Yield the errors in the times of a schedule, which a push refuses."""
    times, name = item.content.get("schedule"), item.content.get("timezone")
    if item.kind != "schedule":
        return
    zone: tzinfo = UTC
    try:
        zone = zone_of(name) if isinstance(name, str) else UTC
    except BadRequest as error:
        yield Diagnostic("invalid_value", "error", None, "/timezone", f"{error.message} {error.hint}")
    try:
        if isinstance(times, str):
            Cron(times, zone)
    except BadRequest as error:
        yield Diagnostic("invalid_value", "error", None, "/schedule", error.message)
    args = item.content.get("args")
    if args is not None and not isinstance(args, dict):
        yield Diagnostic("wrong_type", "error", None, "/args", "the setting args is not valid: it must be an object")


def _secrets(folder: Folder, item: Item) -> Iterator[Diagnostic]:
    """Yield the warning about secrets that the file of an item contains in clear."""
    if at := secret_warnings.in_clear(folder, item):
        code, message = secret_warnings.clear_warning(item, at, None)
        yield Diagnostic(code, "warning", None, at[0], message)


def workflow_faults(flow: FlowFile, severity: Severity) -> list[Located]:
    """Return what validation by the server does not report: code that cannot be parsed, and unknown keys."""
    found = [(flow.location(each.path), each) for each in unknown_keys.of_workflow(flow.tree)]
    for node, at, value in placed_rawscripts(flow.tree):
        language, content = value.get("language"), value.get("content")
        if not isinstance(language, str) or not isinstance(content, str):
            continue
        pointer = f"{at}/content"
        location, where = flow.location(pointer), ""
        if (fault := code_fault(language, content)) is not None:
            code, place = fault
            if pointer in flow.inlined:
                location = f"{location}:{place.line}:{place.column}"
            else:
                where = f"line {place.line}: "
            message = f"node {node}: {where}{place.message}"
            found.append((location, Diagnostic(code, severity, node, pointer, message)))
        elif (outdated := lock_warning(language, content, lock_of(value), str(flow.source))) is not None:
            code, message = outdated
            found.append((location, Diagnostic(code, "warning", node, pointer, f"node {node}: {message}")))
    return found


def push_warnings(folder: Folder, item: Item) -> list[Located]:
    """Return the warnings about the files of an item that is pushed: its code, which is deployed nevertheless, and
    unknown keys.
    """
    if item.kind == "flow":
        try:
            return workflow_faults(flow_files.read(Path(folder.file_of(item.key))), "warning")
        except (BadRequest, InvalidWorkflow):  # the server reports it
            return []
    found: list[Located] = []
    if item.kind == "script":
        file, content = folder.file_of(item.key), item.content
        name = settings_name(folder, item.key)
        parts = content["language"], content["content"], content.get("settings") or {}, content.get("lock")
        found += code_faults(file, content["language"], content["content"], "warning")
        found += _metadata(file, None if name is None else folder.shown(name), *parts)
    return found + key_warnings(folder, item.key)


def script_warnings(script: ScriptFile) -> list[Located]:
    """Return the warnings of `push_warnings` about a script."""
    file, settings = str(script.file), settings_file_of(script.file)
    return [
        *code_faults(file, script.language, script.content, "warning"),
        *_located(settings, unknown_keys.of_item("script", script.tree)),
        *_metadata(file, settings, *_parts(script), script.lock),
    ]


def setting_faults(script: ScriptFile) -> list[Located]:
    """Return the errors in the settings of a script."""
    return _located(settings_file_of(script.file), item_settings.script_faults(script.settings or {}))


def key_warnings(folder: Folder, key: Key) -> list[Located]:
    """Return the warnings about unknown keys in the settings file of an item."""
    name = settings_name(folder, key)
    if name is None:
        return []
    try:
        tree = settings_in(name, folder.bytes_of(folder.located[key]))
    except BadRequest:
        return []
    return _located(folder.shown(name), unknown_keys.of_item(key[0], tree))


def settings_name(folder: Folder, key: Key) -> str | None:
    """Return the name in the tree of the file with the settings of an item; None if a script has none."""
    files = folder.located[key].files
    if key[0] != "script":
        return files[0]
    return next((each for each in files if each.endswith(SCRIPT_SETTINGS)), None)


def code_faults(file: str, language: str, content: str, severity: Severity) -> Iterator[Located]:
    """Yield the reason why code cannot run, if it is known."""
    fault = code_fault(language, content)
    if fault is not None:
        code, place = fault
        yield f"{file}:{place.line}:{place.column}", Diagnostic(code, severity, None, "", place.message)


def _metadata(
    file: str, settings_file: Path | None, language: str, content: str, settings: dict[str, Any], lock: str | None
) -> Iterator[Located]:
    """Yield the warnings about the lock and the schema of a script."""
    if (outdated := lock_warning(language, content, lock, file)) is not None:
        yield file, _advice(outdated)
    if (outdated := schema_warning(language, content, settings, file)) is not None:
        code, message = outdated
        yield from _located(settings_file, [Diagnostic(code, "warning", None, "/schema", message)])


def _located(file: Path | None, found: Sequence[Diagnostic] | Iterator[Diagnostic]) -> list[Located]:
    """Return diagnostics of a settings file with their lines."""
    every = list(found)
    if file is None or not every:
        return []
    opened = _opened(file)
    places = [position_in(opened, each.path) for each in every]
    return [
        (str(file) if place is None else f"{file}:{place[0]}:{place[1]}", each)
        for place, each in zip(places, every, strict=True)
    ]


def _opened(file: Path) -> CommentedMap | None:
    try:
        return open_yaml(file.read_text(encoding="utf-8-sig")) if file.suffix != ".json" else None
    except (OSError, ValueError, OrvantaError):
        return None


def _advice(found: advice.Advice) -> Diagnostic:
    return Diagnostic(found[0], "warning", None, "", found[1])


def _parts(script: ScriptFile) -> tuple[str, str, dict[str, Any]]:
    return script.language, script.content, script.settings or {}
