"""Packages that a lock names: exactly those that are installed for its script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.lock_formats import (
    BUN_LOCK,
    COMPOSER_LOCK,
    GEMFILE_LOCK,
    GO_SUM,
    read_bun_lock,
    with_module,
)
from orvanta_platform.workflow.requirements import declared
from orvanta_platform.workflow.requirements.lock_text import lock_fault
from orvanta_platform.workflow.requirements.needs import Ecosystem, ecosystem_of
from orvanta_platform.workflow.requirements.python_lock import NotOnlyPackages, python_lines

_EMPTY: Final = ("", "<empty>")
_PYTHON: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\])? ?(?P<rest>.*)")
_RANGE_END: Final = re.compile(r";| --hash=")
_EXACT: Final = re.compile(r"={2,3} ?(?P<version>[^=,* ]+)")
_COMPOSER_V: Final = re.compile(r"v(?=[0-9])")
_NPM_NAME: Final = re.compile(r"(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*")
_NPM_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+-]*")
_BUN_KEYS: Final = frozenset({"lockfileVersion", "configVersion", "workspaces", "packages"})
"""Members of a bun.lock for a package.json that has dependencies only."""
_GO_MODULE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/+-]*")
_GO_VERSION: Final = re.compile(r"v[0-9][A-Za-z0-9.+-]*")
_GO_SKIPPED: Final = frozenset({"module", "go", "exclude", "retract"})
_GEM: Final = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*) \((?P<version>[0-9][A-Za-z0-9.]*)(?:-[^)\s]+)?\)")
_GEM_SECTIONS: Final = frozenset({"GEM", "PLATFORMS", "DEPENDENCIES", "CHECKSUMS", "BUNDLED WITH", "RUBY VERSION"})


class LockUnreadable(ValueError):
    """Raised if the packages of a lock cannot be determined, with the reason as the rest of a sentence."""


class LockedPackage(msgspec.Struct, frozen=True):
    """A package that a lock names."""

    ecosystem: Ecosystem
    name: str
    """Normal form of the name."""
    version: str
    """Exact version. A range if a Python lock contains one, empty if it contains none; the address of a package that
    comes from an address instead of a registry.
    """
    is_direct: bool = False
    """True if it comes from an address, where a package of any content may have this name."""
    archive: str | None = None
    """Address of the archive of a package of a registry, as it is written in the lock."""

    def without_trust(self) -> LockedPackage:
        """Return the package as it appears in a lock that anybody may have written: its archive may be any file."""
        if self.archive is None:
            return self
        return LockedPackage(self.ecosystem, self.name, self.archive, is_direct=True)


def normal_name(ecosystem: Ecosystem, name: str) -> str:
    """Return the form of a name, or of a pattern of names, that is equal for all spellings of it."""
    match ecosystem:
        case "python":
            return declared.normal_name(name)
        case "composer":
            return name.lower()
        case "npm" | "go" | "gems":
            return name


def locked_packages(language: str, lock: str) -> tuple[LockedPackage, ...]:
    """Return all packages of the lock of a script, also those that others require; empty if it has no packages.

    Lines and entries are read as by the program that installs them, and what is not understood is an error, so that
    no other package is installed. Raises LockUnreadable.
    """
    ecosystem = ecosystem_of(language)
    if ecosystem is None or lock.strip() in _EMPTY:
        return ()
    fault = lock_fault(language, lock)
    if fault is not None:
        raise LockUnreadable(fault)
    try:
        return tuple(dict.fromkeys(_READERS[ecosystem](lock)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise LockUnreadable("its JSON cannot be read") from error
    except ValueError as error:
        raise LockUnreadable(str(error)) from error


def _python(lock: str) -> Iterator[LockedPackage]:
    try:
        lines = python_lines(lock)
    except NotOnlyPackages as error:
        raise LockUnreadable(f"{str(error)[:80]!r} is not a requirement") from error
    for line in lines:
        parts = _PYTHON.fullmatch(line)
        if parts is None:
            raise LockUnreadable(f"{line[:80]!r} is not a requirement")
        name, rest = normal_name("python", parts["name"]), parts["rest"]
        if rest.startswith("@"):
            yield LockedPackage("python", name, rest[1:].split()[0], is_direct=True)
            continue
        range_ = _RANGE_END.split(rest)[0].strip()
        exact = _EXACT.fullmatch(range_)
        yield LockedPackage("python", name, exact["version"] if exact else range_)


def _npm(lock: str) -> Iterator[LockedPackage]:
    text = lock.partition(BUN_LOCK)[2]
    if text.strip() in _EMPTY:
        return
    tree = read_bun_lock(text)
    packages = tree.get("packages", {}) if isinstance(tree, dict) else None
    if not isinstance(packages, dict):
        raise LockUnreadable("it has no list of packages")
    unknown = next((name for name in tree if name not in _BUN_KEYS), None)
    if unknown is not None:
        raise LockUnreadable(f"it contains {unknown[:80]!r}")
    if any(name for name in tree.get("workspaces", {})):
        raise LockUnreadable("it has several workspaces")
    for entry in packages.values():
        yield _npm_package(entry)


def _npm_package(entry: Any) -> LockedPackage:
    if not isinstance(entry, list) or not entry or not isinstance(entry[0], str) or not entry[0]:
        raise LockUnreadable("an entry names no package")
    first, at, version = entry[0][1:].partition("@")  # the first character of a name may be @
    name = entry[0][0] + first
    if not at or not _NPM_NAME.fullmatch(name):
        raise LockUnreadable(f"{entry[0][:80]!r} is not a package and its version")
    if not _NPM_VERSION.fullmatch(version):
        return LockedPackage("npm", name, version, is_direct=True)
    archive = entry[1] if len(entry) > 1 else None
    if not isinstance(archive, str):
        raise LockUnreadable(f"{name[:80]!r} has no registry")
    return LockedPackage("npm", name, version, archive=archive or None)


def _go(lock: str) -> Iterator[LockedPackage]:
    module, _, sums = lock.partition(GO_SUM)
    block = ""
    for line in with_module(module).split("\n"):
        words = line.partition("//")[0].split()
        if not words:
            continue
        if block and words == [")"]:
            block = ""
        elif not block and len(words) == 2 and words[1] == "(":
            block = words[0]
            _check_directive(block)
        else:
            directive, rest = (block, words) if block else (words[0], words[1:])
            _check_directive(directive)
            if directive == "require":
                yield _go_package(rest)
    if block:
        raise LockUnreadable("a block of its go.mod has no end")
    for line in sums.split("\n"):
        words = line.split()
        if len(words) not in (0, 3):
            raise LockUnreadable(f"{line[:80]!r} is not a line of a go.sum")
        # A module whose go.mod alone is listed is not downloaded.
        if words and not words[1].endswith("/go.mod"):
            yield _go_package(words[:2])


def _check_directive(name: str) -> None:
    if name != "require" and name not in _GO_SKIPPED:
        raise LockUnreadable(f"its go.mod contains {name[:80]!r}")


def _go_package(words: list[str]) -> LockedPackage:
    if len(words) != 2 or not _GO_MODULE.fullmatch(words[0]) or not _GO_VERSION.fullmatch(words[1]):
        raise LockUnreadable(f"{' '.join(words)[:80]!r} is not a module and its version")
    return LockedPackage("go", words[0], words[1])


def _composer(lock: str) -> Iterator[LockedPackage]:
    tree = json.loads(lock.partition(COMPOSER_LOCK)[2])
    packages = tree.get("packages", [])
    if not isinstance(packages, list):
        raise LockUnreadable("its packages are not a list")
    for each in packages:
        if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in ("name", "version")):
            raise LockUnreadable("a package has no name or no version")
        dist = each.get("dist")
        archive = str(dist.get("url")) if isinstance(dist, dict) else None
        version = _COMPOSER_V.sub("", each["version"], count=1)
        yield LockedPackage("composer", normal_name("composer", each["name"]), version, archive=archive)


def _gems(lock: str) -> Iterator[LockedPackage]:
    section = ""
    for line in lock.replace("\r", "").partition(GEMFILE_LOCK)[2].split("\n"):
        if not line.strip():
            continue
        if not line.startswith(" "):
            if line not in _GEM_SECTIONS:
                raise LockUnreadable(f"its Gemfile.lock contains {line[:80]!r}")
            section = line
        elif section == "GEM" and not (line.startswith(("  remote: ", " " * 6)) or line == "  specs:"):
            yield _gem(line.removeprefix("    "), line)
        elif section == "CHECKSUMS":  # every gem that is installed needs one
            yield _gem(line.removeprefix("  ").partition(" sha256=")[0], line)


def _gem(text: str, line: str) -> LockedPackage:
    parts = _GEM.fullmatch(text)
    if parts is None:
        raise LockUnreadable(f"{line.strip()[:80]!r} is not a gem and its version")
    return LockedPackage("gems", parts["name"], parts["version"])


_READERS: Final = {"python": _python, "npm": _npm, "go": _go, "composer": _composer, "gems": _gems}
