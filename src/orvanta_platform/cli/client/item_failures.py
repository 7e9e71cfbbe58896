"""Errors of items of a tree, with the lines of their files that they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from ruamel.yaml.comments import CommentedMap

from orvanta_platform.cli.client.flow_files import position_in
from orvanta_platform.cli.client.output import say_error
from orvanta_platform.cli.client.tree_folder import Folder
from orvanta_platform.errors import InvalidItemSettings, InvalidWorkflow, OrvantaError
from orvanta_platform.workflow.diagnostics import pointer
from orvanta_platform.workflow.text import open_yaml
from orvanta_platform.workflow.tree.item import Key
from orvanta_platform.workflow.tree.paths import SCRIPT_SETTINGS

_LINE: Final = re.compile(r" at line (\d+), column (\d+)")
_VALUE: Final = re.compile(r" - at `\$([^`]*)`")
_SUBJECT: Final = re.compile(r" is not valid: ([\w.\[\]]+) must be ")
_PART: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_FIRST_WORD: Final = re.compile(r"`?(\w+)")


class Location(msgspec.Struct, frozen=True):
    """Place in a file."""

    file: str
    """Empty for an item without a file."""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"


def failures(folder: Folder, failed: Sequence[tuple[Key, OrvantaError]]) -> list[dict[str, Any]]:
    """Return the errors of items as JSON objects."""
    return [
        {
            "kind": key[0],
            "path": key[1],
            "file": folder.file_of(key),
            "line": location_of(folder, key, error).line,
            "error": error.as_dict(),
        }
        for key, error in failed
    ]


def show_failures(folder: Folder, failed: Sequence[tuple[Key, OrvantaError]]) -> None:
    """Print the errors of items with their files and lines."""
    for key, error in failed:
        place = location_of(folder, key, error)
        say_error(f"{str(place) or key[1]}: {_sentence(folder, key, error, place)}", error.hint)


def _sentence(folder: Folder, key: Key, error: OrvantaError, place: Location) -> str:
    """Return the message of an error without what its place and earlier lines say."""
    if isinstance(error, InvalidWorkflow) and error.details:
        return "it is not valid, for the reasons above"
    for start in _starts(folder, key):
        if error.message.startswith(start):
            message = error.message[len(start) :]
            return f"cannot be read: {message if place.line is None else _LINE.sub('', message, count=1)}"
    return error.message


def _starts(folder: Folder, key: Key) -> dict[str, Path]:
    """Return the beginnings of messages about files of an item that cannot be read, with the files."""
    located = folder.located.get(key)
    files = {} if located is None else {name: folder.files[name] for name in located.files}
    return {f"{shown} cannot be read: ": file for name, file in files.items() for shown in (name, folder.shown(name))}


def location_of(folder: Folder, key: Key, error: OrvantaError) -> Location:
    """Return the place that an error of an item is about: the position that it names, or that of the key whose value
    it refuses.
    """
    located = folder.located.get(key)
    if located is None:
        return Location("")
    files = {name: folder.files[name] for name in located.files}
    unreadable = next((file for start, file in _starts(folder, key).items() if error.message.startswith(start)), None)
    if unreadable is not None:
        line = _LINE.search(error.message)
        return Location(_shown(unreadable), *(map(int, line.groups()) if line else ()))
    if key[0] == "script" and (at := _setting(error)) is not None:
        settings = next((file for name, file in files.items() if name.endswith(SCRIPT_SETTINGS)), None)
        if settings is not None:
            opened = _opened(settings)
            return Location(_shown(settings), *((opened is not None and position_in(opened, at)) or ()))
    place = None if key[0] in ("flow", "script") else _position(files[located.files[0]], error.message)
    return Location(folder.file_of(key), *(place or ()))


def _setting(error: OrvantaError) -> str | None:
    """Return the JSON pointer of the first setting that an error refuses; None if it refuses something else."""
    code = getattr(error, "server_code", error.code)
    details = error.details if code == InvalidItemSettings.code and isinstance(error.details, list) else []
    return next((each["path"] for each in details), None)


def location_in(folder: Folder, key: Key, at: str) -> Location:
    """Return the place of a JSON pointer in the settings file of an item."""
    file = folder.files[folder.located[key].files[0]]
    opened = _opened(file)
    return Location(_shown(file), *((opened is not None and position_in(opened, at)) or ()))


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _position(file: Path, message: str) -> tuple[int, int] | None:
    """Return line and column of the key whose value a message refuses; None if it names none."""
    opened = _opened(file)
    at = None if opened is None else _pointer(message, opened)
    return None if at is None else position_in(opened, at)


def _opened(file: Path) -> CommentedMap | None:
    """Return a YAML file with the positions of its values; None for others."""
    try:
        return open_yaml(file.read_text(encoding="utf-8-sig")) if file.suffix != ".json" else None
    except (OSError, ValueError, OrvantaError):
        return None


def _pointer(message: str, tree: Mapping[str, Any]) -> str | None:
    if value := _VALUE.search(message):
        return "".join(f"/{name or index}" for name, index in _PART.findall(value[1]))
    if subject := _SUBJECT.search(message):
        return "".join(f"/{name or index}" for name, index in _PART.findall(f".{subject[1]}"))
    word = _FIRST_WORD.match(message)
    if word and word[1] in tree:
        return f"/{word[1]}"
    return next((at for at, text in _texts(tree, "") if text and repr(str(text)) in message), None)


def _texts(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Yield each text in a value, with its pointer."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, pointer(at, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, pointer(at, index))
