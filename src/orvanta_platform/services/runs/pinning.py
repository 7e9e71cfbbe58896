"""Pinning of versions: a run resolves the versions of its scripts and sub-workflows once, at its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from orvanta_platform.control import permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import runs
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import PinnedScript
from orvanta_platform.engine import duration
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.errors import CannotRestart, InvalidWorkflow
from orvanta_platform.orchestrator.blueprints import Pin, Pins, flow_key, inline_pins, pin_key, scoped, scoped_key
from orvanta_platform.orchestrator.compilation import compiled_for_call
from orvanta_platform.orchestrator.interpolation import references
from orvanta_platform.orchestrator.view import NO_ENV
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.runs import documents as artifacts
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.workflow import item_settings
from orvanta_platform.workflow.secret_schemas import may_declare

MAX_DEPTH = 20
"""Maximum nesting depth of sub-workflows."""


async def resolve(connection: Connection, actor: Actor, workspace: str, plan: Plan, view: str | None) -> dict[str, Pin]:
    """Resolve the pins of a plan and of every workflow it runs. Raises ScriptMissing, LockFailed, InvalidWorkflow.

    `actor`: the member that the run acts for, with the scopes of the run; its rights to read count without these
    scopes. `view`: the member for whom the versions must be accepted; None: current versions are used. Versions inside
    a workflow that acts for another member must be accepted for that member, and have their own keys
    (`blueprints.scoped`). Raises NotAccepted.
    """
    return await _resolve(connection, actor, workspace, plan, view, _Newest(connection, workspace))


async def resolve_pinned(
    connection: Connection, actor: Actor, workspace: str, plan: Plan, view: str | None, taken: Pins
) -> dict[str, Pin]:
    """Resolve the pins to the versions that an earlier run of the plan used, if they may run for this run too.

    The rights at each place are those of this run, which may act for another member than the earlier one. Raises the
    errors of `resolve`, and CannotRestart if the earlier run used no version at some place.
    """
    return await _resolve(connection, actor, workspace, plan, view, _PinnedVersions(connection, workspace, taken))


async def _resolve(
    connection: Connection, actor: Actor, workspace: str, plan: Plan, view: str | None, versions: _Versions
) -> dict[str, Pin]:
    root = _Caller(actor.permissioned_as, plan.env, view, "")
    pins = await versions.scripts(actor, root, plan)
    calls: dict[_Call, list[_Call]] = {_ROOT: [("", path) for path in flow_paths(plan)]}
    level = {root: (actor, flow_paths(plan))} if calls[_ROOT] else {}
    seen: set[tuple[_Caller, str]] = set()
    while level:
        above, level = level, {}
        for caller, (reader, paths) in above.items():
            new_paths = [path for path in dict.fromkeys(paths) if (caller, path) not in seen]
            seen |= {(caller, path) for path in new_paths}
            found = await versions.workflows(reader, caller, new_paths)
            pins |= scoped(found, caller.scope)
            for path in new_paths:
                pin = found[flow_key(path)]
                digest = bytes.fromhex(pin.document)
                each = await compiled_for_call(digest, await runs.get_document(connection, digest))
                called, inner = await _identity_of_child(connection, workspace, reader, caller, pin, each)
                inside = await versions.scripts(called, inner, each)
                pins |= scoped(inside | inline_pins(path, pin.inline_imports or {}), inner.scope)
                named = flow_paths(each)
                calls[caller.scope, path] = [(inner.scope, one) for one in named]
                if named:
                    level.setdefault(inner, (called, []))[1].extend(named)
    _refuse_depth(calls)
    return pins


_Call = tuple[str, str]
"""A called workflow: the scope of its caller's pins, and its path."""

_ROOT: _Call = ("", "")


class _Caller(NamedTuple):
    """Identity that calls workflows."""

    permissioned_as: str
    env: bytes
    """Its flow_env (JSON text)."""
    view: str | None
    """Member for whom the versions must be accepted; None: current versions are used."""
    scope: str
    """Scope of the pins."""


async def _identity_of_child(
    connection: Connection, workspace: str, reader: Actor, caller: _Caller, pin: Pin, plan: Plan
) -> tuple[Actor, _Caller]:
    """Return the member that a sub-workflow acts for, and its identity as a caller.

    Raises NotFound, InvalidWorkflow.
    """
    env = caller.env if plan.env == NO_ENV else plan.env
    same = pin.permissioned_as == caller.permissioned_as
    if pin.permissioned_as is None or (same and reader.scopes is None):
        return reader, caller._replace(env=env)
    owner = str(pin.permissioned_as)
    found = await on_behalf.member(connection, workspace, owner, str(pin.email))
    if references(caller.env):
        raise InvalidWorkflow(
            f"{pin.path} acts for {pin.permissioned_as}: its caller's flow_env may contain no references.",
            hint="Pass the values as its inputs.",
            details={"path": pin.path},
        )
    return found, _Caller(owner, env, owner, owner)


def flow_paths(plan: Plan) -> list[str]:
    """Return the paths of the workflows that a plan runs, without duplicates."""
    return list(dict.fromkeys(str(node.value["path"]) for node in plan.all_nodes if node.kind is Kind.FLOW))


class _Versions(Protocol):
    """Selection of versions, with the rights of `reader` and accepted for `caller.view`."""

    async def scripts(self, reader: Actor, caller: _Caller, plan: Plan) -> dict[str, Pin]:
        """Return the pins of the scripts that the plan refers to."""

    async def workflows(self, reader: Actor, caller: _Caller, paths: Sequence[str]) -> dict[str, Pin]:
        """Return the pins of these workflows."""


class _Newest(msgspec.Struct, frozen=True):
    """Current versions, or the newest accepted ones."""

    connection: Connection
    workspace: str

    async def scripts(self, reader: Actor, caller: _Caller, plan: Plan) -> dict[str, Pin]:
        return await artifacts.resolve_scripts(self.connection, reader, self.workspace, plan, caller.view)

    async def workflows(self, reader: Actor, caller: _Caller, paths: Sequence[str]) -> dict[str, Pin]:
        pins: dict[str, Pin] = {}
        if not paths:
            return pins
        owner = scopes.without_limits(reader)
        for found in await runs.resolve_flow_pins(self.connection, self.workspace, paths, caller.view):
            target = Target(self.workspace, "flow", found.path, found.created_by, found.extra_perms)
            if permissions.can(owner, "read", target):
                locking.refuse_failed(f"flow {found.path}", found.lock_state, None)
                pins[flow_key(found.path)] = _flow_pin(found)
        missing = next((path for path in paths if flow_key(path) not in pins), None)
        if missing is not None:
            await acceptance.resolve(self.connection, self.workspace, "flow", missing, caller.view)
            raise artifacts.missing("workflow", missing, missing)
        return pins


class _PinnedVersions(msgspec.Struct, frozen=True):
    """Versions that an earlier run used."""

    connection: Connection
    workspace: str
    pins: Pins

    async def scripts(self, reader: Actor, caller: _Caller, plan: Plan) -> dict[str, Pin]:
        named = [node.value for node in plan.all_nodes if node.kind is Kind.SCRIPT]
        found = {pin_key(value): self._pin(caller, pin_key(value)) for value in named}
        pins = [found[pin_key(value)] for value in named if not value.get("hash")]
        by_path = [pin.version for pin in pins if not pin.is_unavailable]
        await self._require(reader, caller, "script", found, by_path)
        return found

    async def workflows(self, reader: Actor, caller: _Caller, paths: Sequence[str]) -> dict[str, Pin]:
        found = {flow_key(path): self._pin(caller, flow_key(path)) for path in paths}
        await self._require(reader, caller, "workflow", found, [pin.version for pin in found.values()])
        return found

    def _pin(self, caller: _Caller, key: str) -> Pin:
        """Return the pin at this place. The earlier run had it in another scope if it acted for another member."""
        for scope in (caller.scope, _ROOT[0], caller.permissioned_as):
            if (pin := self.pins.get(scoped_key(key, scope))) is not None:
                return pin
        raise CannotRestart(
            f"The run used no version of {key.removeprefix(flow_key(''))} at the place where it is needed now.",
            hint="Run it again instead of restarting it.",
        )

    async def _require(self, reader: Actor, caller: _Caller, what: str, found: Pins, by_path: Sequence[int]) -> None:
        """Check that the versions may be read and are accepted. `by_path`: versions that are not referred to by their
        hash.

        Raises ScriptMissing, NotAccepted.
        """
        if not found:
            return
        found = {key: pin for key, pin in found.items() if not pin.is_unavailable}
        owner = scopes.without_limits(reader)
        rows = await runs.get_items(self.connection, self.workspace, [pin.version for pin in found.values()])
        for key, pin in found.items():
            row = rows.get(pin.version)
            if row is None or not permissions.can(
                owner, "read", Target(self.workspace, row.kind, row.path, row.created_by, row.extra_perms)
            ):
                raise artifacts.missing(what, key.removeprefix(flow_key("")), pin.path)
        await acceptance.require_pins(self.connection, by_path, caller.view)


def _flow_pin(found: PinnedScript) -> Pin:
    settings = found.settings
    item_settings.require_usable(f"flow {found.path}", settings)
    return Pin(
        path=found.path,
        version=found.version,
        document=found.document.hex(),
        language="flow",
        tag=settings.get("tag") or None,
        timeout_s=duration.setting(settings.get("timeout")),
        permissioned_as=found.permissioned_as,
        email=settings.get("on_behalf_of_email") if found.permissioned_as is not None else None,
        passwords=settings["schema"] if may_declare(settings.get("schema")) else None,
        inline_imports=found.imports or None,
    )


def _refuse_depth(calls: Mapping[_Call, Sequence[_Call]]) -> None:
    """Check the calls between workflows, starting at _ROOT. Raises InvalidWorkflow for a cycle or a deep chain.

    Each workflow is visited once, regardless of the number of chains that lead to it.
    """
    longest: dict[_Call, list[_Call]] = {}

    def visit(chain: list[_Call]) -> None:
        found: list[_Call] = []
        for call in calls[chain[-1]]:
            if call in chain:
                raise InvalidWorkflow(
                    f"A workflow calls itself: {_chain_text([*chain[1:], call])}.",
                    hint="Use a loop instead.",
                    details={"path": call[1]},
                )
            if call not in longest:
                _refuse_longer([*chain[1:], call])
                visit([*chain, call])
            found = max(found, [call, *longest[call]], key=len)
        longest[chain[-1]] = found

    visit([_ROOT])
    _refuse_longer(longest[_ROOT])


def _refuse_longer(chain: Sequence[_Call]) -> None:
    if len(chain) > MAX_DEPTH:
        path = chain[-1][1]
        raise InvalidWorkflow(
            f"Sub-workflows are more than {MAX_DEPTH} deep: {_chain_text(chain)}.", details={"path": path}
        )


def _chain_text(chain: Sequence[_Call]) -> str:
    return " → ".join(path for _, path in chain)
