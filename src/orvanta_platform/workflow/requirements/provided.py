"""Clients of the platform's API in locks: other tools list them there, although no script required a version."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from orvanta_platform.workflow.languages import NPM_CLIENTS
from orvanta_platform.workflow.lock_formats import BUN_LOCK, read_bun_lock
from orvanta_platform.workflow.requirements.needs import Requirements

_CLIENTS: Final = frozenset({"orvanta", "wmill", *NPM_CLIENTS})
_PYTHON_LINE: Final = re.compile(r"^(?P<name>orvanta|wmill) ?==[^\s\\;]+[ \t]*(?:\n|\Z)", re.MULTILINE)
"""A line without hashes, as only other tools write it."""


def names_provided(lock: str) -> bool:
    """Return False if a lock certainly lists no client."""
    return any(name in lock for name in _CLIENTS)


def without_provided(ecosystem: str, lock: str, needed: Requirements | None) -> str:
    """Return a lock without the clients that its script does not require, so that the provided ones are imported."""
    unwanted = {name for name in _CLIENTS if name in lock} - {name for name, _ in (needed.packages if needed else ())}
    if not unwanted:
        return lock
    match ecosystem:
        case "python":
            return _PYTHON_LINE.sub(lambda line: "" if line["name"] in unwanted else line[0], lock)
        case "npm":
            return _npm(lock, unwanted)
        case _:
            return lock


def _npm(lock: str, unwanted: set[str]) -> str:
    head, separator, text = lock.partition(BUN_LOCK)
    try:
        manifest, tree = json.loads(head), read_bun_lock(text)
        direct, own = manifest["dependencies"], tree["workspaces"][""]["dependencies"]
        for name in unwanted & direct.keys():
            if _requires_others(tree["packages"][name]):
                return lock
            del direct[name], own[name], tree["packages"][name]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # its installation reports the error
        return lock
    return f"{json.dumps(manifest)}\n{separator}{json.dumps(tree)}\n" if tree["packages"] else ""


def _requires_others(entry: Any) -> bool:
    return any(isinstance(part, dict) and part.get("dependencies") for part in entry)
