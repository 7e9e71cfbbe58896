"""Names of the files of a tree, from which kind and path of an item are determined."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from orvanta_platform.workflow.tree.extensions import LANGUAGES, ending_of
from orvanta_platform.workflow.tree.item import OPTIONAL_KINDS, SETTINGS_PATH, Key, Kind, parts_of_test, path_of_test

FLOW_FOLDERS: Final = (".flow", "__flow")
"""Endings of folders that contain a workflow."""
APP_FOLDERS: Final = (".raw_app", "__raw_app", ".app", "__app")
"""Endings of folders that contain an app, which the platform does not have."""
DOCUMENTS: Final = ("flow.yaml", "flow.yml", "flow.json")
ALONE: Final = (".flow.yaml", ".flow.yml", ".flow.json")
"""Endings of workflows in a single file."""
SCRIPT_SETTINGS: Final = (".script.json", ".script.yaml")
SCRIPT_LOCK: Final = ".script.lock"
FORMATS: Final = (".yaml", ".yml", ".json")
FOLDER_FILES: Final = tuple(f"folder.meta{each}" for each in FORMATS)
RESOURCE_FILE: Final = ".resource.file."
"""Part of the name of a file with a text of a resource, between the path of the resource and its extension."""
_EVERYONE: Final = "all"
"""Group that every workspace has, and nobody changes."""
_NAMED: Final[Mapping[str, Kind]] = {
    "resource-type": "resource_type",
    "variable": "variable",
    "resource": "resource",
    "group": "group",
    "schedule": "schedule",
    "http_trigger": "http_trigger",
    "user": "user",
}
_BY_NAME: Final = ("resource_type", "group", "user")
"""Kinds whose files may be in any folder."""
_SUFFIXES: Final = {f".{name}{format}": kind for name, kind in _NAMED.items() for format in FORMATS}
PLACED: Final = tuple(suffix for suffix, kind in _SUFFIXES.items() if kind not in _BY_NAME)
"""Endings of the settings files of items whose path is that of their file."""
_SETTINGS_FILES: Final = tuple(f"{SETTINGS_PATH}{format}" for format in FORMATS)
_ENDINGS: Final = (*LANGUAGES, *FORMATS, SCRIPT_LOCK, ".sql")
_MIN_PARTS: Final = 3
_TYPESCRIPT: Final = ".ts"


class Located(msgspec.Struct, frozen=True):
    """Files of an item, by their names in the tree. The first is its document, source or settings."""

    kind: Kind
    path: str
    files: tuple[str, ...]

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path


def locate(names: Iterable[str], optional: Collection[Kind] = ()) -> list[Located]:
    """Return the items that the files of a tree belong to, by their first file. Other files are left out.

    Names are relative to the folder that contains f and u, with slashes. `optional`: the optional kinds that are
    located as well.
    """
    present = sorted(names)
    every = set(present)
    folders: dict[str, list[str]] = {}
    texts: dict[str, list[str]] = {}
    found = []
    for name in present:
        folder = folder_of(name)
        if RESOURCE_FILE in name.rpartition("/")[2]:
            texts.setdefault(name.rpartition(RESOURCE_FILE)[0], []).append(name)
        elif folder is not None and (test := _test(name, folder)) is not None:
            found.append(test)
        elif folder is not None:
            folders.setdefault(folder, []).append(name)
        elif (each := _alone(name, every)) is not None:
            found.append(each)
    for folder, inside in folders.items():
        document = next((f"{folder}/{each}" for each in DOCUMENTS if f"{folder}/{each}" in every), None)
        path = item_path(folder, FLOW_FOLDERS)
        if document is not None and path is not None:
            found.append(Located("flow", path, (document, *(each for each in inside if each != document))))
    found = [each for each in found if each.kind not in OPTIONAL_KINDS or each.kind in optional]
    found = [_with_texts(each, texts) if each.kind == "resource" else each for each in found]
    return sorted(found, key=lambda each: each.files[0])


def may_belong(name: str) -> bool:
    """Return False for files that belong to no item, whatever the other files of the tree are."""
    last = name.rpartition("/")[2]
    return last.endswith(_ENDINGS) or RESOURCE_FILE in last or any(f"{each}/" in name for each in FLOW_FOLDERS)


def _with_texts(resource: Located, texts: Mapping[str, Sequence[str]]) -> Located:
    """Return a resource with the files of its texts."""
    name = resource.files[0]
    stem = name[: name.rindex(".resource.")]
    return replace(resource, files=(name, *texts.get(stem, ())))


def folded(name: str) -> str:
    """Return a name so that names which some file systems do not distinguish are equal."""
    return unicodedata.normalize("NFC", name).casefold()


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the files and folders whose names differ only in case or form, in pairs.

    A repository with such names cannot be checked out on every system, so that Git bindings refuse it.
    """
    known: dict[str, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for name in sorted(names):
        parts = name.split("/")
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            other = known.setdefault(folded(part), part)
            if other != part:
                pairs[other, part] = None
                break
    return list(pairs)


def place_of(key: Key) -> str:
    """Return the place of an item among those of a tree: items at different places have different files."""
    kind, path = key
    match kind:
        case "folder":
            return f"f/{path}"
        case "group" | "resource_type" | "user":
            return f"{kind}s/{path}"
        case "workflow_test":
            flow, name = parts_of_test(path)
            return f"{flow}.flow/tests/{name}"
        case _:
            return f"{path}.{kind}"


def folder_of(name: str) -> str | None:
    """Return the folder of a workflow that a file is in, or None."""
    parts = name.split("/")
    index = next((n for n, part in enumerate(parts[:-1]) if part.endswith(FLOW_FOLDERS)), None)
    return None if index is None else "/".join(parts[: index + 1])


def included_name(document: str, reference: str) -> str | None:
    """Return the name of the file that a document includes, by its path from the document; None outside f and u."""
    name = posixpath.normpath(posixpath.join(posixpath.dirname(document), reference))
    return name if name.startswith(("f/", "u/")) else None


def with_runtime(name: str, runtime: Literal["bun", "deno"]) -> str:
    """Return the name of a script `<path>.ts` with its runtime, `<path>.deno.ts`; other names unchanged.

    Such a name means the same in every tree, whatever the runtime of its files `.ts` is.
    """
    if ending_of(name) != _TYPESCRIPT or folder_of(name) is not None:
        return name
    return f"{name.removesuffix(_TYPESCRIPT)}.{runtime}{_TYPESCRIPT}"


def _test(name: str, folder: str) -> Located | None:
    """Return the test of a workflow in a file of its folder."""
    inner, _, last = name.removeprefix(f"{folder}/").rpartition("/")
    format = next((each for each in FORMATS if last.endswith(each) and last != each), None)
    path = item_path(folder, FLOW_FOLDERS)
    if inner != "tests" or format is None or path is None:
        return None
    return Located("workflow_test", path_of_test(path, last.removesuffix(format)), (name,))


def item_path(name: str, suffixes: Sequence[str]) -> str | None:
    """Return the path of the item with a file, without the first of the suffixes that it has; None outside f and u."""
    suffix = next((each for each in suffixes if name.endswith(each) and not name.endswith("/" + each)), "")
    path = name.removesuffix(suffix)
    parts = path.split("/")
    if parts[0] not in ("f", "u") or len(parts) < _MIN_PARTS:
        return None
    return unicodedata.normalize("NFC", path)


def _alone(name: str, every: set[str]) -> Located | None:
    last = name.rpartition("/")[2]
    if last in FOLDER_FILES:
        parts = name.split("/")
        named = len(parts) == _MIN_PARTS and parts[0] == "f"
        return Located("folder", unicodedata.normalize("NFC", parts[1]), (name,)) if named else None
    if name.endswith(ALONE):
        path = item_path(name, ALONE)
        return None if path is None or last in ALONE else Located("flow", path, (name,))
    if name in _SETTINGS_FILES:
        return Located("settings", SETTINGS_PATH, (name,))
    ending = ending_of(name)
    if ending is not None:
        return _script(name, ending, every)
    suffix = next((each for each in _SUFFIXES if last.endswith(each) and last != each), None)
    if suffix is None:
        return None
    kind = _SUFFIXES[suffix]
    path = last.removesuffix(suffix) if kind in _BY_NAME else item_path(name, [suffix])
    if path is None or (kind == "group" and path == _EVERYONE):
        return None
    return Located(kind, path.lower() if kind == "user" else path, (name,))


def _script(name: str, ending: str, every: set[str]) -> Located | None:
    path = item_path(name, [ending])
    if path is None:
        return None
    stem = name.removesuffix(ending)
    settings = next((stem + each for each in SCRIPT_SETTINGS if stem + each in every), None)
    lock = stem + SCRIPT_LOCK if stem + SCRIPT_LOCK in every else None
    return Located("script", path, tuple(each for each in (name, settings, lock) if each is not None))
