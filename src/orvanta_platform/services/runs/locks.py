"""Locks of scripts: the resolved versions of their packages.

A lock is found by a key derived from the code and its requirements. A run creates it, and versions that need it wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform.control import actor as actors
from orvanta_platform.control import audit, names, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import dependency_locks, items
from orvanta_platform.db.dependency_locks import LockingItem, NewLock
from orvanta_platform.db.items import ItemRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.compile import single_plan
from orvanta_platform.engine.plan import Kind
from orvanta_platform.errors import InvalidScript, LockFailed, PolicyViolation
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE, Blueprint, Pins, inline_pins, own_pins
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import imports, package_policies
from orvanta_platform.services.runs.creation import create_run
from orvanta_platform.services.runs.insertion import TransactionHook
from orvanta_platform.services.runs.package_policies import CodeLock
from orvanta_platform.services.runs.run_spec import DEPLOYMENT, RunOptions, RunSpec
from orvanta_platform.workflow import document
from orvanta_platform.workflow.hashes import hash_text
from orvanta_platform.workflow.languages import is_language
from orvanta_platform.workflow.requirements import Requirements, inline_scripts, union

SCRIPT_KIND: Final = "dependencies"
FLOW_KIND: Final = "flowdependencies"
LOCKING_KINDS = frozenset({SCRIPT_KIND, FLOW_KIND})
"""Kinds of runs that create locks. They inspect code and never run it."""

_MAX_ERROR_LENGTH = 20_000
_SINGLE = Blueprint(single_plan(Kind.RAWSCRIPT), {})


class LockState(msgspec.Struct, frozen=True):
    """Lock of a version when it is deployed."""

    lock: str | None
    """None: a run creates it, on the queue of `language` unless a tag is set."""
    language: str = ""


def key_of(language: str, content: str, requirements: Requirements) -> bytes:
    """Return the key of a lock: the SHA-256 of (language, content, requirements)."""
    parts = [language, hash_text(content), requirements.lines]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


class InlineNeed(msgspec.Struct, frozen=True):
    """A script inside a workflow that needs packages."""

    node: str
    language: str
    content: str
    requirements: Requirements


async def requirements(
    platform: Platform, workspace: str, script: Script, imported: Sequence[Script] = ()
) -> Requirements | None:
    """Return the packages that a script needs, with those of the scripts that it imports.

    Raises InvalidScript, EvaluatorUnavailable.
    """
    scripts = [script, *imported]
    found = await platform.evaluator.scripts.requirements(workspace, scripts)
    return union(zip((each.path or "The script" for each in scripts), map(_valid, found), strict=True))


def _valid(needed: Requirements | InvalidScript | None) -> Requirements | None:
    if isinstance(needed, InvalidScript):
        raise needed
    return needed


async def inline_needs(
    platform: Platform, workspace: str, tree: dict[str, Any], imported: Mapping[str, Sequence[Script]]
) -> list[InlineNeed]:
    """Return the scripts without locks in the tree of a workflow that need packages, in document order.

    `imported`: the scripts that they import, by node. Raises InvalidScript, EvaluatorUnavailable.
    """
    inside = await document_threads.run_in_thread(workspace, inline_scripts, tree)
    scripts = [Script(each.language, each.content) for each in inside]
    outside = list(dict.fromkeys(script for each in imported.values() for script in each))
    read = await platform.evaluator.scripts.requirements(workspace, [*scripts, *outside])
    of_outside = dict(zip(outside, read[len(scripts) :], strict=True))
    needs = []
    for each, own in zip(inside, read, strict=False):
        try:
            parts = [("the script", own)]
            parts += [(script.path or "", of_outside[script]) for script in imported.get(each.node, ())]
            found = union((name, _valid(part)) for name, part in parts)
        except InvalidScript as error:
            raise InvalidScript(f"Node {each.node}: {error.message}", hint=error.hint) from error
        if found is not None:
            needs.append(InlineNeed(each.node, each.language, each.content, found))
    return needs


async def state_of_script(
    platform: Platform, workspace: str, script: Script, imported: Sequence[Script], lock: str | None
) -> LockState:
    """Return the lock of a script to deploy: the passed one, a known one, or "" if it needs no packages.

    The lock includes the packages of the scripts that it imports.
    """
    if lock:
        return LockState(lock)
    needed = await requirements(platform, workspace, script, imported)
    if needed is None:
        return LockState("")
    async with platform.db.acquire() as connection:
        key = key_of(script.language, script.content, needed)
        return LockState(await dependency_locks.get(connection, workspace, key), script.language)


async def state_of_flow(
    platform: Platform, workspace: str, tree: dict[str, Any], imported: Mapping[str, Sequence[Script]]
) -> LockState:
    """Return the lock of a workflow to deploy, or "" if it needs no packages.

    The lock is JSON text of {id of the node: key of the lock}. `imported`: the scripts that inline scripts import, by
    node.
    """
    needs = await inline_needs(platform, workspace, tree, imported)
    if not needs:
        return LockState("")
    keys = {need.node: key_of(need.language, need.content, need.requirements) for need in needs}
    async with platform.db.acquire() as connection:
        known = await dependency_locks.filter_known(connection, workspace, list(keys.values()))
    lock = flow_lock(keys) if known.issuperset(keys.values()) else None
    return LockState(lock, needs[0].language)


def flow_lock(keys: dict[str, bytes]) -> str:
    """Return a workflow's lock, which maps its nodes to the keys of their locks."""
    return msgspec.json.encode({node: key.hex() for node, key in keys.items()}).decode()


async def start(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: str,
    path: str | None,
    body: bytes,
    language: str,
    *,
    tag: str | None = None,
    args: bytes = b"{}",
    pins: Pins | None = None,
    in_transaction: TransactionHook | None = None,
) -> UUID:
    """Start the run, of one of LOCKING_KINDS, that locks `body` (a script or a workflow's document); returns its id.

    `pins` names the scripts that are imported.

    `in_transaction` writes the version that waits for the run, in the transaction that creates the run.
    """
    spec = RunSpec(
        workspace=workspace,
        kind=kind,
        path=path,
        blueprint=_SINGLE,
        text=body,
        language=language,
        tag=tag,
        pins=pins or {},
    )
    return await create_run(platform, actor, spec, args, RunOptions(trigger=DEPLOYMENT), in_transaction=in_transaction)


def require_language(name: str) -> None:
    """Check that a text can be the name of a language. Raises InvalidScript."""
    if not is_language(name):
        raise InvalidScript(f"{name[:100]!r} is not the name of a language.", hint="Write it as in python3.")


async def lock_script(
    platform: Platform, actor: Actor, workspace: str, path: str | None, content: str, language: str
) -> UUID:
    """Start a run that returns `{"lock": text}` for this code; returns its id.

    Raises BadRequest for an invalid path, Forbidden, InvalidScript.
    """
    if path:
        names.check_path(path)
    permissions.require(actor, "run", Target(workspace, "preview", path))
    require_language(language)
    script = Script(language, content, path)
    imported = await imports.resolve(platform, actor, workspace, script)
    await requirements(platform, workspace, script, imported.scripts if imported else ())
    pins = own_pins({}, imports=imported.digest) if imported else {}
    body = content.encode("utf-8", "replace")
    return await start(platform, actor, workspace, SCRIPT_KIND, path, body, language, pins=pins)


async def lock_flow(platform: Platform, actor: Actor, workspace: str, path: str | None, value: bytes) -> UUID:
    """Start a run that returns `{"updated_flow_value": value}`, which includes the locks of its scripts; returns its
    id.

    Raises BadRequest for an invalid path, Forbidden, InvalidWorkflow, InvalidScript.
    """
    if path:
        names.check_path(path)
    permissions.require(actor, "run", Target(workspace, "preview", path))
    body = b'{"value":%s}' % value
    parsed = await document_threads.run_in_thread(workspace, document.parse, body, "json")
    imported = await imports.resolve_inline(platform, actor, workspace, path, parsed.tree)
    scripts = {node: each.scripts for node, each in imported.items()}
    needs = await inline_needs(platform, workspace, parsed.tree, scripts)
    language = needs[0].language if needs else NATIVE_QUEUE
    args = b'{"updated_flow_value":true}'
    pins = inline_pins(path, {node: each.digest for node, each in imported.items()})
    return await start(platform, actor, workspace, FLOW_KIND, path, body, language, args=args, pins=pins)


async def status_of(platform: Platform, actor: Actor, row: ItemRow) -> ItemRow:
    """Return a version that the caller has read with its current lock state; failed if its run was lost."""
    permissions.require(actor, "read", Target(row.workspace, row.kind, row.path, row.created_by, row.extra_perms))
    if row.lock_state != "locking":
        return row
    await store_abandoned(platform)
    async with platform.db.acquire() as connection:
        return await items.get_by_version(connection, row.workspace, row.kind, row.id) or row


def refuse_failed(name: str, state: str, error: str | None) -> None:
    """Raise LockFailed if the version's lock has failed."""
    if state == "failed":
        raise LockFailed(
            f"The packages of the {name} could not be locked.",
            hint="Correct its requirements and deploy it again; details contain the output.",
            details={"lock_error_logs": error},
        )


class Locks:
    """Locks for a worker. Locks of versions never change and are cached in memory."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._of_versions: dict[int, str] = {}

    async def of_version(self, version: int) -> str | None:
        """Return the lock of a version; None while it is being created."""
        cached = self._of_versions.get(version)
        if cached is not None:
            return cached
        async with self._platform.db.acquire() as connection:
            found = await dependency_locks.get_lock_of_version(connection, version)
        if found is None or found.state != "locked" or found.lock is None:
            return None
        if len(self._of_versions) >= 1_000:
            del self._of_versions[next(iter(self._of_versions))]
        self._of_versions[version] = found.lock
        return found.lock

    async def require_allowed(self, workspace: str, version: int, code: CodeLock, key: bytes) -> None:
        """Check a lock that a job of a version uses, unless it was checked as a part of the lock of the version.

        That lock may not exist yet, or another release of the platform has determined other requirements for the
        code. Raises PolicyViolation.
        """
        known = await self.of_version(version)
        if known is not None and _is_part(known, code, key):
            return
        async with self._platform.db.acquire() as connection:
            found = await dependency_locks.get_lock_of_version(connection, version)
            path = "" if found is None else found.path
            refusal = await package_policies.find_refusal(connection, workspace, path, lambda: [code])
        if refusal is not None:
            raise refusal

    async def requirements(
        self, workspace: str, language: str, content: str, imported: Sequence[Script]
    ) -> Requirements | None:
        """Return the packages that a script needs, with those of the scripts that it imports.

        Raises InvalidScript, EvaluatorUnavailable.
        """
        return await requirements(self._platform, workspace, Script(language, content), imported)

    async def get(self, workspace: str, key: bytes) -> str | None:
        """Return the lock of a key that a workspace uses; None if it does not exist."""
        async with self._platform.db.acquire() as connection:
            return await dependency_locks.get(connection, workspace, key)

    async def is_made(self, workspace: str, language: str, lock: str) -> bool:
        """Return whether the platform has made this lock; a caller may have written any other one."""
        async with self._platform.db.acquire() as connection:
            return bool(await dependency_locks.filter_made(connection, workspace, [(language, lock)]))

    async def store(self, workspace: str, lock: NewLock) -> str:
        """Store a lock; returns the one that a workspace uses, which may be that of a concurrent call."""
        async with self._platform.db.transaction() as connection:
            return await dependency_locks.store(connection, workspace, lock)


def _is_part(known: str, code: CodeLock, key: bytes) -> bool:
    """Return whether the lock of a version is that of its script, or names the lock of one of its nodes by this key."""
    if code.node is None:
        return known == code.text
    # Ids of nodes are chosen by the author, and could contain the key.
    return any(each.key == key for each in package_policies.codes_of_keys(known))


async def store_outcome(
    platform: Platform, run: UUID, *, lock: str | None, error: str | None = None
) -> PolicyViolation | None:
    """Set the lock of the versions that wait for `run`, or its error. A repeated call has no effect.

    A lock with packages that an active policy does not allow fails its versions; returns the error.
    """

    async def write(connection: Connection) -> PolicyViolation | None:
        refusal = None
        found = await dependency_locks.list_locking_items(connection, run)
        if not found:  # the first query may have waited for a move, which replaces the rows of items
            found = await dependency_locks.list_locking_items(connection, run)
        for item in found:
            refused = await _refusal_of(connection, item, lock)
            message = error if refused is None else refused.message
            text = None if message is None else message[-_MAX_ERROR_LENGTH:].replace("\0", "\ufffd")
            stored = lock if refused is None else None
            for each in await dependency_locks.store_outcome(connection, run, item, stored, text):
                parameters = {"hash": each.hash, "run": str(run), "state": "failed" if stored is None else "locked"}
                acting = actors.system(each.workspace)
                await audit.record(connection, acting, f"{each.kind}s.lock", "Updated", each.path, parameters)
            refusal = refusal or refused
        return refusal

    return await platform.db.retrying(write)


async def _refusal_of(connection: Connection, item: LockingItem, lock: str | None) -> PolicyViolation | None:
    """Return the error for the packages of a lock that an active policy does not allow."""
    if not lock:
        return None
    if item.kind == "script":
        codes = package_policies.codes_of_script(item.language or "", lock)
    else:
        codes = package_policies.codes_of_keys(lock)
    return await package_policies.find_refusal(connection, item.workspace, item.path, lambda: codes)


async def store_abandoned(platform: Platform) -> None:
    """Fail the versions whose run ended without a result: cancelled before it started, or lost too often."""
    async with platform.db.acquire() as connection:
        runs = await dependency_locks.list_abandoned(connection)
    for run in runs:
        await store_outcome(platform, run, lock=None, error=f"The run {run} ended without creating the lock.")
