"""Requirements of several scripts that run in one process."""

from __future__ import annotations

from collections.abc import Iterable

from orvanta_platform.errors import InvalidScript
from orvanta_platform.workflow.requirements.needs import Requirements
from orvanta_platform.workflow.requirements.npm import LATEST


def union(scripts: Iterable[tuple[str, Requirements | None]]) -> Requirements | None:
    """Return the requirements of all scripts (name, requirements); None if they need no packages.

    In Python all ranges of a package apply. In npm a package has one range. Raises InvalidScript for two.
    """
    found: dict[str, dict[str, str]] = {}
    ecosystem = None
    for script, needed in scripts:
        if needed is not None:
            ecosystem = needed.ecosystem
            for name, range_ in needed.packages:
                found.setdefault(name, {}).setdefault(range_, script)
    if ecosystem is None:
        return None
    packages: list[tuple[str, str]] = []
    for name, ranges in sorted(found.items()):
        unspecific = LATEST if ecosystem == "npm" else ""
        specific = sorted(range_ for range_ in ranges if range_ != unspecific)
        if ecosystem == "npm" and len(specific) > 1:
            first, second = specific[:2]
            raise InvalidScript(
                f"{ranges[first]} imports {name} as {first}, and {ranges[second]} as {second}.",
                hint="Import one version of a package in all scripts that run together.",
            )
        packages += [(name, range_) for range_ in specific or [unspecific]]
    return Requirements(ecosystem, tuple(packages))
