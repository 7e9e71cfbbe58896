"""Comparison of a lock with the requirements of its script."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Final

from orvanta_platform.workflow.requirements.declared import normal_name
from orvanta_platform.workflow.requirements.lock_text import usable_lock
from orvanta_platform.workflow.requirements.needs import Requirements
from orvanta_platform.workflow.requirements.npm import LATEST

_PINNED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_LOCKED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==|@)", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRAS: Final = re.compile(r"^([A-Za-z0-9._-]+)\[[^\]]*\]")
"""Name of a requirement with its extras, whose packages are lines of their own in a lock."""


def covers(language: str, lock: str | None, needed: Requirements) -> bool:
    """Return whether a lock certainly has all packages that a script needs, in versions that it accepts.

    False if that cannot be decided from the texts: a Python range other than `==` is not compared.
    """
    text = usable_lock(language, lock)
    if text is None:
        return False
    if needed.ecosystem == "npm":
        manifest, _ = json.JSONDecoder().raw_decode(text.lstrip())
        return bool(manifest.get("dependencies") == dict(needed.packages))
    pinned = {normal_name(name): version for name, version in _PINNED.findall(text)}
    required = (_EXTRAS.sub(r"\1", line) for line in needed.lines)
    return all(_is_pinned(line, pinned) for line in required)


def _is_pinned(requirement: str, pinned: Mapping[str, str]) -> bool:
    name, equals, version = requirement.partition("==")
    return normal_name(name) in pinned and (not equals or version == pinned[normal_name(name)])


def missing_packages(language: str, lock: str | None, needed: Requirements) -> list[str]:
    """Return the required packages that a lock certainly lacks, or has in another version than the required one.

    None of them is missing if `covers` is true. The result is empty if the lock cannot be used, because then the
    packages are locked again, and for ecosystems whose locks cannot be compared with the code.
    """
    text = usable_lock(language, lock)
    if text is None:
        return []
    if needed.ecosystem == "npm":
        manifest, _ = json.JSONDecoder().raw_decode(text.lstrip())
        present = manifest.get("dependencies") or {}
        return [
            name for name, range_ in needed.packages if name not in present or range_ not in (LATEST, present[name])
        ]
    if needed.ecosystem != "python":
        return []
    locked = {normal_name(name) for name in _LOCKED.findall(text)}
    pinned = {normal_name(name): version for name, version in _PINNED.findall(text)}
    return [line for line in needed.lines if ";" not in line and _is_missing(line, locked, pinned)]


def _is_missing(requirement: str, locked: Collection[str], pinned: Mapping[str, str]) -> bool:
    found = _NAME.match(requirement)
    if found is None:
        return False
    name = normal_name(found[0])
    version = _EXTRAS.sub(r"\1", requirement)[len(found[0]) :].strip()
    is_exact = version.startswith("==") and "," not in version and not version.endswith(".*")
    return name not in locked or (is_exact and name in pinned and pinned[name] != version[2:].strip())
