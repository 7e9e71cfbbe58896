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
from orvanta_platform.services import artifacts, locking, on_behalf
from orvanta_platform.services.blueprints import Pin, flow_key, plan_of
from orvanta_platform.services.interpolation import references
from orvanta_platform.services.steps.scope import NO_ENV

MAX_DEPTH = 20
"""Sub-workflows inside sub-workflows, at most."""


async def resolve(connection: Connection, actor: Actor, workspace: str, plan: Plan) -> dict[str, Pin]:
    """The pins of a plan and of every workflow that it runs. Raises ScriptMissing, LockFailed, InvalidWorkflow.

    What the actor may read counts, whatever its token is limited to.
    """
    pins = await artifacts.resolve_scripts(connection, actor, workspace, plan)
    calls: dict[str, list[str]] = {"": flow_paths(plan)}
    level = {_Caller(actor.permissioned_as, plan.env): (actor, calls[""])} if calls[""] else {}
    seen: set[tuple[_Caller, str]] = set()
    while level:
        above, level = level, {}
        for caller, (reader, paths) in above.items():
            wanted = [path for path in dict.fromkeys(paths) if (caller, path) not in seen]
            seen |= {(caller, path) for path in wanted}
            for path, each in (await _workflows(connection, reader, workspace, wanted, pins)).items():
                called = await _acting(connection, workspace, reader, caller, pins[flow_key(path)])
                pins |= await artifacts.resolve_scripts(connection, called, workspace, each)
                calls[path] = flow_paths(each)
                if calls[path]:
                    env = caller.env if each.env == NO_ENV else each.env
                    level.setdefault(_Caller(called.permissioned_as, env), (called, []))[1].extend(calls[path])
    _refuse_depth(calls)
    return pins


class _Caller(NamedTuple):
    """For whom workflows are called, with which flow_env (JSON text)."""

    permissioned_as: str
    env: bytes


async def _acting(connection: Connection, workspace: str, reader: Actor, caller: _Caller, pin: Pin) -> Actor:
    """Whom a sub-workflow acts for. Raises NotFound where they are gone, InvalidWorkflow."""
    if pin.permissioned_as is None or (pin.permissioned_as == caller.permissioned_as and reader.scopes is None):
        return reader
    found = await on_behalf.member(connection, workspace, str(pin.permissioned_as), str(pin.email))
    if references(caller.env):
        raise InvalidWorkflow(
            f"{pin.path} acts for {pin.permissioned_as}: its caller's flow_env may hold no references.",
            hint="Give it what it needs as its inputs.",
            details={"path": pin.path},
        )
    return found


def flow_paths(plan: Plan) -> list[str]:
    """The workflows that a plan runs, each once."""
    return list(dict.fromkeys(str(node.value["path"]) for node in plan.all_nodes if node.kind is Kind.FLOW))


async def _workflows(
    connection: Connection, actor: Actor, workspace: str, paths: Sequence[str], pins: dict[str, Pin]
) -> dict[str, Plan]:
    """The plans of these workflows; their pins are added to `pins`."""
    if not paths:
        return {}
    owner = scopes.without(actor)
    plans: dict[str, Plan] = {}
    for found in await runs.resolve_flow_pins(connection, workspace, paths):
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
        )
        plans[found.path] = plan_of(await runs.get_document(connection, found.document))
    missing = next((path for path in paths if path not in plans), None)
    if missing is not None:
        raise artifacts.ScriptMissing(
            f"The workflow names the workflow {missing}, which does not exist or may not be read.",
            hint="Deploy the sub-workflow first, or correct the path.",
            details={"path": missing},
        )
    return plans


def _refuse_depth(calls: Mapping[str, Sequence[str]]) -> None:
    """Check which workflows call which, from the one named "". Raises InvalidWorkflow for a cycle or a deep chain.

    Each workflow is visited once, however many chains lead to it.
    """
    longest: dict[str, list[str]] = {}

    def visit(chain: list[str]) -> None:
        found: list[str] = []
        for path in calls[chain[-1]]:
            if path in chain:
                shown = " → ".join([*chain[1:], path])
                raise InvalidWorkflow(
                    f"A workflow runs itself: {shown}.", hint="Use a loop instead.", details={"path": path}
                )
            if path not in longest:
                _refuse_longer([*chain[1:], path])
                visit([*chain, path])
            found = max(found, [path, *longest[path]], key=len)
        longest[chain[-1]] = found

    visit([""])
    _refuse_longer(longest[""])


def _refuse_longer(chain: Sequence[str]) -> None:
    if len(chain) > MAX_DEPTH:
        shown = " → ".join(chain)
        raise InvalidWorkflow(f"Sub-workflows are more than {MAX_DEPTH} deep: {shown}.", details={"path": chain[-1]})
