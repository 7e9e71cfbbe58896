"""Items written as the files of a tree: equal items yield equal bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import document, inline
from orvanta_platform.workflow.inline import FileNames
from orvanta_platform.workflow.text import write_document
from orvanta_platform.workflow.tree.extensions import LANGUAGES, file_of
from orvanta_platform.workflow.tree.item import FIELDS, Item, Key, parts_of_test
from orvanta_platform.workflow.tree.paths import APP_FOLDERS, FLOW_FOLDERS, SCRIPT_LOCK
from orvanta_platform.workflow.yaml_text import INLINE

_SUFFIXES = {
    "resource_type": ".resource-type.yaml",
    "variable": ".variable.yaml",
    "resource": ".resource.yaml",
    "schedule": ".schedule.yaml",
    "http_trigger": ".http_trigger.yaml",
}
_SCRIPT_FIRST = ("summary", "description", "kind", "schema")


def write(items: Iterable[Item]) -> tuple[dict[str, bytes], list[Item]]:
    """Return the files of items by name, and the items that have no form as files."""
    files: dict[str, bytes] = {}
    left_out = []
    for item in items:
        try:
            files |= write_item(item)
        except BadRequest:
            left_out.append(item)
    return dict(sorted(files.items())), left_out


def has_files(item: Item) -> bool:
    """Return whether an item has a form as files."""
    try:
        write_item(item)
    except BadRequest:
        return False
    return True


def first_names(key: Key) -> list[str]:
    """Return the names that the first file of an item may have when it is written: of a script, one per language."""
    kind, path = key
    match kind:
        case "script":
            return [f"{path}{ending}" for ending in LANGUAGES]
        case "flow":
            return [f"{path}{FLOW_FOLDERS[0]}/flow.yaml"]
        case _:
            return list(write_item(Item(kind, path, {})))


def write_item(item: Item, known: FileNames | None = None) -> dict[str, bytes]:
    """Return the files of an item by name, its first file first. Raises BadRequest if it has no form as files.

    `known`: names of the files with the code of a workflow; others are named after the nodes.
    """
    folders = item.path.split("/")[:-1]
    if any(part.endswith((*FLOW_FOLDERS, *APP_FOLDERS)) for part in folders):
        raise BadRequest(f"{item.path} has no form as files: its folder would be read as a workflow or app.")
    match item.kind:
        case "flow":
            texts = _flow(item, known or FileNames())
        case "script":
            texts = _script(item)
        case "workflow_test":
            flow, name = parts_of_test(item.path)
            texts = {f"{flow}{FLOW_FOLDERS[0]}/tests/{name}.yaml": _settings(item)}
        case "folder":
            texts = {f"f/{item.path}/folder.meta.yaml": _settings(item)}
        case "group":
            texts = {f"groups/{item.path}.group.yaml": _settings(item)}
        case "user":
            texts = {f"users/{item.path}.user.yaml": _settings(item)}
        case "settings":
            texts = {"settings.yaml": _settings(item)}
        case _:
            texts = {item.path + _SUFFIXES[item.kind]: _settings(item)}
    return {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}


def _settings(item: Item) -> str:
    tree = {name: item.content[name] for name in FIELDS[item.kind] if item.content.get(name) is not None}
    return write_document(tree) if tree else "{}\n"


def _script(item: Item) -> dict[str, str]:
    content = item.content
    name = file_of(item.path, content["language"])
    if name is None:
        raise BadRequest(f"The script {item.path} has no form as files: its language has no file extension.")
    lock = content.get("lock")
    files = {name: content["content"]}
    settings = content.get("settings")
    if settings is not None:
        tree = script_tree(settings)
        if lock:
            tree["lock"] = f"{INLINE}{item.path}{SCRIPT_LOCK}"
        files[f"{item.path}.script.yaml"] = write_document(tree) if tree else "{}\n"
    if lock:
        files[item.path + SCRIPT_LOCK] = lock
    return files


def script_tree(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a script in the order in which they are written."""
    names = [*(each for each in _SCRIPT_FIRST if each in settings), *sorted(settings.keys() - set(_SCRIPT_FIRST))]
    return {name: settings[name] for name in names if settings[name] is not None}


def _flow(item: Item, known: FileNames) -> dict[str, str]:
    folder = f"{item.path}{FLOW_FOLDERS[0]}"
    text = item.content["text"]
    written, code = _split(text, known)
    own = {f"{folder}/{name}": each for name, each in code.items() if name not in known.elsewhere}
    return {f"{folder}/flow.yaml": written, **own}


def _split(text: str, known: FileNames) -> tuple[str, dict[str, str]]:
    """Return a document without its code, and the code by file name; the whole document if it cannot be split."""
    if "rawscript" not in text and "\\" not in text:  # it has no code, also none of a type written with escapes
        return text, {}
    try:
        written, code = inline.extract_yaml(text, known)
        if not code:
            return text, {}
        whole = inline.resolve_yaml(written, code)
        same = document.parse(whole.encode(), "yaml").tree == document.parse(text.encode(), "yaml").tree
    except (InvalidWorkflow, UnicodeEncodeError):
        return text, {}
    return (written, code) if same else (text, {})
