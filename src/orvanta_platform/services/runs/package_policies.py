"""Packages of scripts and workflows as policies see them: those of their locks, which are all that is installed.

Locks are read only if a policy restricts packages.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from orvanta_platform.db import dependency_locks
from orvanta_platform.db import policies as rows
from orvanta_platform.db.dependency_locks import StoredLock
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import PolicyViolation
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.workflow.policies.check import violations
from orvanta_platform.workflow.policies.policy import Policy, is_about_packages
from orvanta_platform.workflow.policies.subject import LockedCode, subject_of_locks
from orvanta_platform.workflow.requirements import (
    LockedPackage,
    LockUnreadable,
    lock_of,
    locked_packages,
    placed_rawscripts,
)

K = TypeVar("K", bound=Hashable)

_ADVICE: Final = (
    "Use other packages and deploy it again; those who may bypass the policy deploy it again with a reason."
)


MAX_LENGTH: Final = 1 << 20
"""Maximum length of a lock, in characters, and"""
MAX_PACKAGES: Final = 5_000
"""maximum number of its packages, up to which it is compared with policies; a longer lock is a violation."""


class CodeLock(msgspec.Struct, frozen=True):
    """Lock of a script, or of the inline code of a node: its language and text, or the key of a stored one."""

    node: str | None
    """Id of the node; None for a script."""
    path: str
    """JSON pointer to the code in the document, "" for a script."""
    language: str
    text: str | None = None
    key: bytes | None = None


Codes = Callable[[], Sequence[CodeLock]]
"""Function that returns locks; it is called in a thread, and only if a policy restricts packages."""


def codes_of_script(language: str, lock: str | None) -> list[CodeLock]:
    """Return the lock of a script; none if it is not known yet."""
    return [CodeLock(None, "", language, lock)] if lock is not None else []


def codes_of_keys(lock: str | None) -> list[CodeLock]:
    """Return the locks that the lock of a workflow names (`locks.flow_lock`); none if it is not known yet."""
    keys = msgspec.json.decode(lock, type=dict[str, str]) if lock else {}
    return [CodeLock(node, "", "", key=bytes.fromhex(key)) for node, key in keys.items()]


def codes_of_flow(tree: Any, lock: str | None) -> list[CodeLock]:
    """Return the locks of the inline scripts of a workflow: those in its document, and those that its lock names."""
    keys = {each.node: each for each in codes_of_keys(lock)}
    found = []
    for node, path, value in placed_rawscripts(tree):
        text = lock_of(value)
        if text is not None:
            found.append(CodeLock(node, path, value["language"], text))
        elif node in keys:
            found.append(msgspec.structs.replace(keys[node], path=path))
    return found


async def read(conn: Connection, workspace: str, codes: Codes) -> list[LockedCode]:
    """Return the packages of locks."""
    return (await read_many(conn, workspace, lambda: {None: codes()}))[None]


async def read_many(
    conn: Connection, workspace: str, codes: Callable[[], Mapping[K, Sequence[CodeLock]]]
) -> dict[K, list[LockedCode]]:
    """Return the packages of the locks of several items, by item. All keys are read in one query."""
    by_item = await document_threads.run_in_thread(workspace, codes)
    locks = [each for item in by_item.values() for each in item]
    keys = {each.key for each in locks if each.key is not None}
    stored = await dependency_locks.list_stored(conn, workspace, list(keys), MAX_LENGTH + 1) if keys else {}
    code = await document_threads.run_in_thread(workspace, _read, locks, stored)
    trusted = await _find_trusted(conn, workspace, locks, code)
    found = (each if is_trusted else _without_trust(each) for each, is_trusted in zip(code, trusted, strict=True))
    return {item: list(islice(found, len(each))) for item, each in by_item.items()}


def _read(codes: Sequence[CodeLock], stored: Mapping[bytes, StoredLock]) -> list[LockedCode]:
    """Return the packages of each lock."""
    known: dict[StoredLock | None, tuple[tuple[LockedPackage, ...], str | None]] = {}
    found = []
    for each in codes:
        lock = StoredLock(each.language, each.text or "") if each.key is None else stored.get(each.key)
        if lock not in known:
            known[lock] = _packages_of(lock)
        found.append(LockedCode(each.node, each.path, *known[lock]))
    return found


def _packages_of(lock: StoredLock | None) -> tuple[tuple[LockedPackage, ...], str | None]:
    """Return the packages of a lock, or the reason why it cannot be read."""
    if lock is None:
        return (), "it was deleted"
    if len(lock.body) > MAX_LENGTH:
        return (), f"it is longer than {MAX_LENGTH:,} characters"
    try:
        found = locked_packages(lock.language, lock.body)
    except LockUnreadable as error:
        return (), str(error)
    return (found, None) if len(found) <= MAX_PACKAGES else ((), f"it names more than {MAX_PACKAGES:,} packages")


async def _find_trusted(
    conn: Connection, workspace: str, codes: Sequence[CodeLock], read: Sequence[LockedCode]
) -> list[bool]:
    """Return for each lock whether the platform has made it, so that the addresses of its archives are right.

    Only texts with such addresses are compared with stored locks.
    """
    trusted = [each.text is None or not _has_archives(found) for each, found in zip(codes, read, strict=True)]
    doubtful = [position for position, is_trusted in enumerate(trusted) if not is_trusted]
    if doubtful:
        texts = {position: (codes[position].language, codes[position].text or "") for position in doubtful}
        made = await dependency_locks.filter_made(conn, workspace, list(set(texts.values())))
        for position, text in texts.items():
            trusted[position] = text in made
    return trusted


def _has_archives(code: LockedCode) -> bool:
    return any(each.archive is not None for each in code.packages)


def _without_trust(code: LockedCode) -> LockedCode:
    return msgspec.structs.replace(code, packages=tuple(each.without_trust() for each in code.packages))


async def find_refusal(conn: Connection, workspace: str, path: str, codes: Codes) -> PolicyViolation | None:
    """Return the error for packages of an item at a path that the active policies of a workspace do not allow."""
    bodies = await rows.list_package_policies(conn, workspace)
    policies = [msgspec.json.decode(body, type=Policy) for body in bodies]
    applied = [_packages_only(each) for each in policies if each.covers(path)]
    if not applied:
        return None
    subject = subject_of_locks(path, await read(conn, workspace, codes))
    found = await document_threads.run_in_thread(workspace, violations, subject, applied)
    if not found:
        return None
    diagnostics = [each.diagnostic() for each in found]
    return PolicyViolation(
        "\n".join([*(each.message for each in diagnostics), _ADVICE]), details=[each.as_dict() for each in diagnostics]
    )


def _packages_only(policy: Policy) -> Policy:
    return msgspec.structs.replace(policy, rules=tuple(filter(is_about_packages, policy.rules)))
