"""Warnings of owners and permissions in files of folders that name no member or group of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.errors import ServerRefused
from orvanta_platform.cli.client.item_failures import location_in
from orvanta_platform.cli.client.output import say, terminal_safe
from orvanta_platform.cli.client.tree_folder import Folder
from orvanta_platform.workflow.tree.item import Item


def warn_of_unknown(api: Api, folder: Folder, items: Iterable[Item]) -> None:
    """Print a warning for each owner or permission of these folders that names nobody; a server stores them as they
    are, because the member may join later.
    """
    named = [(item, *each) for item in items if item.kind == "folder" for each in _principals(item.content)]
    known = _known(api, folder) if named else None
    for item, pointer, name in named:
        if known is not None and name not in known:
            kind = "group" if name.startswith("g/") else "member"
            place = location_in(folder, item.key, pointer)
            say(terminal_safe(f"{place}: warning owner_unknown: the workspace has no {kind} {name}"))


def _principals(content: dict[str, Any] | Any) -> Iterator[tuple[str, str]]:
    """Yield the pointer and name of each member and group."""
    owners, perms = content.get("owners"), content.get("extra_perms")
    for at, name in enumerate(owners if isinstance(owners, list) else ()):
        if isinstance(name, str) and name.startswith(("u/", "g/")):
            yield f"/owners/{at}", name
    for name in perms if isinstance(perms, dict) else ():
        if name.startswith(("u/", "g/")) and name not in (owners or ()):
            yield f"/extra_perms/{name.replace('/', '~1')}", name


def _known(api: Api, folder: Folder) -> set[str] | None:
    """Return the members and groups of the workspace, with the groups of the folder; None if a token may not list
    them.
    """
    try:
        members = api.get(api.in_workspace("users/list_usernames"))
        groups = api.get(api.in_workspace("groups/listnames"))
    except ServerRefused:
        return None
    own = [path for kind, path in folder.located if kind == "group"]
    return {*(f"u/{name}" for name in members), *(f"g/{name}" for name in (*groups, *own))}
