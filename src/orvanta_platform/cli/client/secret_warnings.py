"""Warnings about secrets in files: those in clear, and those that a new item lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.cli.client.tree_folder import Folder
from orvanta_platform.errors import OrvantaError
from orvanta_platform.workflow.tree.advice import Advice
from orvanta_platform.workflow.tree.item import ENCRYPTED, Item, Key
from orvanta_platform.workflow.tree.plan import without_masks

Effect: TypeAlias = Literal["stored", "ignored"] | None
"""Effect of a secret in clear; None: it is not known, without a server."""
KINDS: Final = ("variable", "resource")
"""Kinds of items that may contain secrets."""
_REMOVALS = {"variable": "delete `value` from the file", "resource": "write `***` in the file"}
_SETTERS = {
    "variable": "set it with `orvanta variable set {path} --secret`",
    "resource": "set it with `orvanta resource set {path}`",
}
_EFFECTS: Mapping[Effect, str] = {
    None: "",
    "stored": ", which is stored as it is, without being decrypted",
    "ignored": ", which is ignored, because the workspace has a value",
}


def in_clear(folder: Folder, item: Item, types: Mapping[str, Item] | None = None) -> list[str]:
    """Return the JSON pointers of the secrets that the file of an item contains in clear.

    `types`: resource types of the workspace, by name; None without a server. Those of the folder and the built-in ones
    are known. With a server, a variable whose file does not state whether it is secret counts: the workspace may.
    """
    value = item.content.get("value")
    if item.kind == "variable" and item.content.get("is_secret", types is not None):
        return ["/value"] if value and isinstance(value, str) and not value.startswith(ENCRYPTED) else []
    if item.kind != "resource" or not value:
        return []
    from orvanta_platform.control import secret_fields

    schema = _schema(folder, str(item.content.get("resource_type") or ""), types or {})
    try:
        _, taken = secret_fields.extract(msgspec.json.encode(without_masks(value)), schema, {})
    except OrvantaError:  # too complex, which the server reports
        return []
    return [f"/value{pointer}" for pointer in taken]


def _schema(folder: Folder, name: str, types: Mapping[str, Item]) -> Any:
    from orvanta_platform.orchestrator.resource_schemas import shipped

    key: Key = ("resource_type", name)
    if key in folder.located:
        try:
            return folder.read(key).content.get("schema")
        except OrvantaError:  # it is reported as its own item
            return None
    if name in types:
        return types[name].content.get("schema")
    row = shipped().get(name)
    return msgspec.json.decode(row.schema) if row is not None and row.schema else None


def clear_warning(item: Item, pointers: Sequence[str], effect: Effect) -> Advice:
    """Return the warning about secrets in clear."""
    where = ", ".join(pointers)
    remedy = f"{_REMOVALS[item.kind]}, and {_setter(item)}"
    return "secret_from_file", f"its file contains a secret in clear ({where}){_EFFECTS[effect]}; {remedy}"


def _setter(item: Item) -> str:
    return _SETTERS[item.kind].format(path=item.path)


def effect_on(stored: Item | None, item: Item, pointers: Sequence[str]) -> Effect:
    """Return the effect of secrets in clear on an item of the workspace; `stored`: None if it is new."""
    if stored is None:
        return "stored"
    if item.kind == "variable":
        return "ignored" if stored.content.get("is_secret") else "stored"
    return "ignored" if all(_is_masked(stored.content, pointer) for pointer in pointers) else None


def _is_masked(content: Any, pointer: str) -> bool:
    value = content
    for name in pointer.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value is not None and without_masks(value) != value


def lacks_secret(item: Item) -> bool:
    """Return whether the file of an item has no value for a secret, which is empty if the item is new."""
    value = item.content.get("value")
    if item.kind == "variable":
        return item.content.get("is_secret") is True and value in (None, "")
    return item.kind == "resource" and without_masks(value) != value


def without_value(item: Item, removed: Iterable[Item]) -> Advice:
    """Return the warning about a new item that lacks a secret.

    `removed`: items that the same push deletes. One with the same content was probably renamed.
    """
    what = "it is created with an empty value" if item.kind == "variable" else "it is created with empty secret fields"
    same = [each.path for each in removed if each.kind == item.kind and _settings(each) == _settings(item)]
    lost = "".join(f"; {path}, which has the same content, is deleted, and its secret is lost" for path in same)
    return "secret_without_value", f"{what}, because files contain no secrets{lost}; {_setter(item)}"


def _settings(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.content.items() if value not in (None, "", [])}
