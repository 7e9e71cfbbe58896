"""Texts of locks, which other tools may have written."""

from __future__ import annotations

import json
import re
from typing import Final

from orvanta_platform.workflow.lock_formats import COMPOSER_LOCK, GEMFILE_LOCK, GO_SUM, forbidden_directive
from orvanta_platform.workflow.requirements.needs import ecosystem_of
from orvanta_platform.workflow.yaml_text import INLINE

_BUN_LOCK: Final = re.compile(r"^//bun\.lock(b?)(?:\n|\Z)", re.MULTILINE)
_DENO_KEYS: Final = frozenset({"specifiers", "packages", "npm", "jsr", "remote", "redirects"})
_CONTINUED: Final = re.compile(r"\\\r?\n")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9-]")
_EMPTY: Final = ("", "<empty>")


def usable_lock(language: str, lock: str | None) -> str | None:
    """Return the lock of a script, or None if it has none or one that cannot be used; see `lock_fault`."""
    if not lock or lock_fault(language, lock) is not None:
        return None
    return lock if _has_packages(language, lock) else None


def lock_fault(language: str, lock: str) -> str | None:
    """Return the reason why a lock cannot be used, as the rest of a sentence; None if it can be used.

    The packages of a script with such a lock are locked as if there were none.
    """
    if lock.startswith(INLINE):
        return f"its file {lock.removeprefix(INLINE).strip()[:200]} is missing"
    match ecosystem_of(language):
        case "npm":
            return _npm_fault(lock)
        case "python":
            return _python_fault(lock)
        case "go":
            return _go_fault(lock)
        case "composer":
            return _composer_fault(lock)
        case "gems":
            return _gems_fault(lock)
        case None:
            return None


def _npm_fault(lock: str) -> str | None:
    if lock.strip() in _EMPTY:
        return None
    separator = _BUN_LOCK.search(lock)
    manifest = _object(lock[: separator.start()] if separator else lock)
    if separator is None:
        if manifest is not None and "version" in manifest and not _DENO_KEYS.isdisjoint(manifest):
            return "it is a lock of Deno"
        return "it is not a package.json and a bun.lock"
    if separator[1]:
        return "it is in the binary format of Bun"
    if manifest is None or not isinstance(manifest.get("dependencies", {}), dict):
        return "it does not start with a package.json"
    rest = lock[separator.end() :].strip()
    if rest in _EMPTY:
        return "nothing follows //bun.lock" if manifest.get("dependencies") else None
    return None if rest.startswith("{") else "no bun.lock follows //bun.lock"


def _python_fault(lock: str) -> str | None:
    wrong = next((line for line in _requirements(lock) if not _REQUIREMENT.match(line)), None)
    return None if wrong is None else f"{wrong[:80]!r} is not a requirement"


def _go_fault(lock: str) -> str | None:
    if lock.strip() in _EMPTY:
        return None
    module, separator, _ = lock.partition(GO_SUM)
    if not separator:
        return "it is not a go.mod and a go.sum"
    forbidden = forbidden_directive(module)
    return None if forbidden is None else f"its go.mod contains {forbidden}"


def _composer_fault(lock: str) -> str | None:
    if lock.strip() in _EMPTY:
        return None
    head, separator, rest = lock.partition(COMPOSER_LOCK)
    manifest = _object(head)
    if not separator or manifest is None or not isinstance(manifest.get("require"), dict) or _object(rest) is None:
        return "it is not a list of required packages and a composer.lock"
    return None


def _gems_fault(lock: str) -> str | None:
    if lock.strip() in _EMPTY:
        return None
    head, separator, _ = lock.partition(GEMFILE_LOCK)
    manifest = _object(head)
    if not separator or manifest is None or not isinstance(manifest.get("gems"), dict):
        return "it is not a list of required gems and a Gemfile.lock"
    return None


def _has_packages(language: str, lock: str) -> bool:
    """Return whether the lock names packages: other tools write headers such as `# py: 3.12` into empty ones."""
    match ecosystem_of(language):
        case "npm":
            separator = _BUN_LOCK.search(lock)
            return separator is not None and lock[separator.end() :].strip() not in _EMPTY
        case "python":
            return bool(_requirements(lock))
        case "go":
            return bool(lock.partition(GO_SUM)[2].strip())
        case "composer":
            return bool(lock.partition(COMPOSER_LOCK)[2].strip())
        case "gems":
            return bool(lock.partition(GEMFILE_LOCK)[2].strip())
        case None:
            return True


def _requirements(lock: str) -> list[str]:
    lines = [line.strip() for line in _CONTINUED.sub(" ", lock).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _object(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
