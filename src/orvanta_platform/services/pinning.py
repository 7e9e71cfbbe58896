"""What a run will run, resolved once at its start: its scripts, its sub-workflows, and theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orvanta_platform.control import permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Thing
from orvanta_platform.db import runs
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine import duration
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.services import acceptance, artifacts, locking, on_behalf
from orvanta_platform.services.blueprints import Pin, flow_key, plan_of, scoped
from orvanta_platform.services.interpolation import references
from orvanta_platform.services.sealed_inputs import names_passwords
from orvanta_platform.services.steps.scope import NO_ENV

MAX_DEPTH = 20
"""Sub-workflows inside sub-workflows, at most."""


async def resolve(connection: Connection, actor: Actor, workspace: str, plan: Plan, view: str | None) -> dict[str, Pin]:
    """The pins of a plan and of every workflow it runs. Raises ScriptMissing, LockFailed, InvalidWorkflow.

    The rights of the actor count without the limits of its token. `view`: the member for whom the versions must be
    accepted; None: current versions are taken. Versions inside a workflow that acts for somebody else must be accepted
    for that member, and have their own keys (`blueprints.scoped`). Raises NotAccepted.
    """
    pins = await artifacts.resolve_scripts(connection, actor, workspace, plan, view)
    calls: dict[_Call, list[_Call]] = {_ROOT: [("", path) for path in flow_paths(plan)]}
    level = {}
    if calls[_ROOT]:
        level[_Caller(actor.permissioned_as, plan.env, view, "")] = (actor, flow_paths(plan))
    seen: set[tuple[_Caller, str]] = set()
    while level:
        above, level = level, {}
        for caller, (reader, paths) in above.items():
            wanted = [path for path in dict.fromkeys(paths) if (caller, path) not in seen]
            seen |= {(caller, path) for path in wanted}
            found, plans = await _workflows(connection, reader, workspace, wanted, caller.view)
            pins |= scoped(found, caller.scope)
            for path, each in plans.items():
                called, inner = await _acting(connection, workspace, reader, caller, found[flow_key(path)], each)
                pins |= scoped(
                    await artifacts.resolve_scripts(connection, called, workspace, each, inner.view), inner.scope
                )
                named = flow_paths(each)
                calls[caller.scope, path] = [(inner.scope, one) for one in named]
                if named:
                    level.setdefault(inner, (called, []))[1].extend(named)
    _refuse_depth(calls)
    return pins


_Call = tuple[str, str]
"""A workflow that is called: the scope of its caller's pins, and its path."""

_ROOT: _Call = ("", "")


class _Caller(NamedTuple):
    """The identity for which workflows are called, and their flow_env (JSON text).

    `view`: the member for whom their versions must be accepted; None: current versions. `scope`: that of their pins.
    """

    permissioned_as: str
    env: bytes
    view: str | None
    scope: str


async def _acting(
    connection: Connection, workspace: str, reader: Actor, caller: _Caller, pin: Pin, plan: Plan
) -> tuple[Actor, _Caller]:
    """The member that a sub-workflow acts for, and how it calls others. Raises NotFound, InvalidWorkflow."""
    env = caller.env if plan.env == NO_ENV else plan.env
    same = pin.permissioned_as == caller.permissioned_as
    if pin.permissioned_as is None or (same and reader.scopes is None):
        return reader, caller._replace(env=env)
    owner = str(pin.permissioned_as)
    found = await on_behalf.member(connection, workspace, owner, str(pin.email))
    if references(caller.env):
        raise InvalidWorkflow(
            f"{pin.path} acts for {pin.permissioned_as}: its caller's flow_env may hold no references.",
            hint="Give it what it needs as its inputs.",
            details={"path": pin.path},
        )
    return found, _Caller(owner, env, owner, owner)


def flow_paths(plan: Plan) -> list[str]:
    """The workflows that a plan runs, each once."""
    return list(dict.fromkeys(str(node.value["path"]) for node in plan.all_nodes if node.kind is Kind.FLOW))


async def _workflows(
    connection: Connection, actor: Actor, workspace: str, paths: Sequence[str], view: str | None
) -> tuple[dict[str, Pin], dict[str, Plan]]:
    """The pins and the plans of these workflows."""
    pins: dict[str, Pin] = {}
    plans: dict[str, Plan] = {}
    if not paths:
        return pins, plans
    owner = scopes.without(actor)
    for found in await runs.resolve_flow_pins(connection, workspace, paths, view):
        if not permissions.can(
            owner, "read", Thing(workspace, "flow", found.path, found.created_by, found.extra_perms)
        ):
            continue
        locking.refuse_failed(f"flow {found.path}", found.lock_state, None)
        settings = found.settings
        pins[flow_key(found.path)] = Pin(
            path=found.path,
            version=found.version,
            document=found.document.hex(),
            language="flow",
            tag=settings.get("tag") or None,
            timeout_s=duration.setting(settings.get("timeout")),
            permissioned_as=found.permissioned_as,
            email=settings.get("on_behalf_of_email") if found.permissioned_as is not None else None,
            passwords=settings["schema"] if names_passwords(settings.get("schema")) else None,
        )
        plans[found.path] = plan_of(await runs.get_document(connection, found.document))
    missing = next((path for path in paths if path not in plans), None)
    if missing is not None:
        await acceptance.resolve(connection, workspace, "flow", missing, view)
        raise artifacts.ScriptMissing(
            f"The workflow names the workflow {missing}, which does not exist or may not be read.",
            hint="Deploy the sub-workflow first, or correct the path.",
            details={"path": missing},
        )
    return pins, plans


def _refuse_depth(calls: Mapping[_Call, Sequence[_Call]]) -> None:
    """Check which workflows call which, from _ROOT. Raises InvalidWorkflow for a cycle or a deep chain.

    Each workflow is visited once, however many chains lead to it.
    """
    longest: dict[_Call, list[_Call]] = {}

    def visit(chain: list[_Call]) -> None:
        found: list[_Call] = []
        for call in calls[chain[-1]]:
            if call in chain:
                raise InvalidWorkflow(
                    f"A workflow runs itself: {_shown([*chain[1:], call])}.",
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
        raise InvalidWorkflow(f"Sub-workflows are more than {MAX_DEPTH} deep: {_shown(chain)}.", details={"path": path})


def _shown(chain: Sequence[_Call]) -> str:
    return " → ".join(path for _, path in chain)
