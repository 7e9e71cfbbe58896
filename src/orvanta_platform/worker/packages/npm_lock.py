"""Locks of Bun, which anybody may have written: their packages must come from servers. Standard library only."""

from __future__ import annotations

import re
from typing import Any, Final

from orvanta_platform.workflow.lock_formats import read_bun_lock

_SERVER: Final = re.compile(
    r"[0-9][0-9A-Za-z.+-]*|(?:(?:git\+)?(?:https?|ssh)://|github:)[0-9A-Za-z@\[][^#]*(?:#[0-9A-Za-z].*)?"
)
"""A version in the registry, or an address, neither of whose parts is an option of git."""


def other_source(lock: str) -> str | None:
    """Return the first entry of a bun.lock that is read from a folder of the machine; None if there is none.

    In a cell that installs packages, such a folder could be the cache of the workspace. Raises ValueError if it is not
    a lock that Bun writes.
    """
    tree = read_bun_lock(lock)
    packages = tree.get("packages", {}) if isinstance(tree, dict) else {}
    if not isinstance(packages, dict):
        return "packages"
    if "patchedDependencies" in tree:
        return "patchedDependencies"
    return next((str(name) for name, entry in packages.items() if not _is_of_server(entry)), None)


def _is_of_server(entry: Any) -> bool:
    if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
        return False
    _, _, source = entry[0][1:].partition("@")  # the first character of a name may be @
    return _SERVER.fullmatch(source) is not None
