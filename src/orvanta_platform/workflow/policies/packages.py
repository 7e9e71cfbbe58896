"""Packages that a policy does not allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from typing import Final, TypeAlias

from orvanta_platform.workflow.policies.policy import PACKAGES, Restrict, split_pattern
from orvanta_platform.workflow.policies.subject import LockedCode, SubjectPart
from orvanta_platform.workflow.requirements import Ecosystem, LockedPackage, normal_name

_MAX_NAMED: Final = 5
_MAX_LENGTH: Final = 200
"""Maximum length of a name or version in a message."""

_Matcher: TypeAlias = Callable[[LockedPackage], bool]


def find_disallowed(rule: Restrict, code: Sequence[LockedCode]) -> Iterator[tuple[SubjectPart, str, str, str]]:
    """Yield part, field, JSON pointer and message for each code with packages that a rule does not allow."""
    is_allowed = _matcher(rule.allowed or ())
    for each in code:
        if each.part.part != rule.on:
            continue
        message = _fault(each, is_allowed)
        if message is not None:
            yield each.part, PACKAGES, each.path, message


def _fault(code: LockedCode, is_allowed: _Matcher) -> str | None:
    name = "the script" if code.node is None else f"the node {code.node}"
    if code.fault is not None:
        return f"The packages of {name} cannot be checked, because its lock cannot be read: {code.fault}."
    found = [_shown(each) for each in code.packages if not is_allowed(each)]
    if not found:
        return None
    if len(found) == 1:
        return f"The package {found[0]} of {name} is not allowed."
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return f"Packages of {name} are not allowed: {', '.join(found[:_MAX_NAMED])}{more}."


def _shown(package: LockedPackage) -> str:
    return f"{package.name[:_MAX_LENGTH]} {package.version[:_MAX_LENGTH]}".rstrip()


def _matcher(patterns: Sequence[str]) -> _Matcher:
    """Return a function that compares packages with patterns, each package once."""
    known: dict[LockedPackage, bool] = {}
    by_ecosystem: dict[Ecosystem, list[_Pattern]] = {}

    def is_allowed(package: LockedPackage) -> bool:
        if package not in known:
            ecosystem = package.ecosystem
            if ecosystem not in by_ecosystem:
                by_ecosystem[ecosystem] = [_compiled(ecosystem, each) for each in patterns]
            known[package] = any(_matches(each, package) for each in by_ecosystem[ecosystem])
        return known[package]

    return is_allowed


_Pattern: TypeAlias = tuple[re.Pattern[str], re.Pattern[str] | None]


def _compiled(ecosystem: Ecosystem, pattern: str) -> _Pattern:
    name, version = split_pattern(pattern)
    of_versions = None if version is None else re.compile(translate(version))
    return re.compile(translate(normal_name(ecosystem, name))), of_versions


def _matches(pattern: _Pattern, package: LockedPackage) -> bool:
    name, version = pattern
    if not name.match(package.name):
        return False
    # A package from an address has the name that its author wrote: only an explicit pattern allows it.
    return not package.is_direct if version is None else version.match(package.version) is not None
