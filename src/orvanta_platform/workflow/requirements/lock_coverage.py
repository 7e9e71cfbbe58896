"""Comparison of a lock with the requirements of its script."""

from __future__ import annotations

import json
import re
from typing import Final

from orvanta_platform.workflow.requirements.lock_text import usable_lock
from orvanta_platform.workflow.requirements.needs import Requirements

_PINNED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_SEPARATORS: Final = re.compile(r"[-_.]+")


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
    pinned = {_normal(name): version for name, version in _PINNED.findall(text)}
    return all(
        _normal(name) in pinned and range_ in ("", f"=={pinned[_normal(name)]}") for name, range_ in needed.packages
    )


def _normal(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
