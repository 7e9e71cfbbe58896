"""Comparison of a lock with the requirements of its script."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from orvanta_platform.workflow.requirements.declared import normal_name
from orvanta_platform.workflow.requirements.lock_text import usable_lock
from orvanta_platform.workflow.requirements.needs import Requirements

_PINNED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
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
