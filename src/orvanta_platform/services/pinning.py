"""What a run will run, resolved once at its start: its scripts, its sub-workflows, and theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orvanta_platform.control import permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Thing
from orvanta_platform.db import runs
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine import duration
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.services import artifacts, locking
from orvanta_platform.services.blueprints import Pin, flow_key, plan_of

MAX_DEPTH = 20
"""Sub-workflows inside sub-workflows, at most."""


async def resolve(connection: Connection, actor: Actor, workspace: str, plan: Plan) -> dict[str, Pin]:
    """The pins of a plan and of every workflow that it runs. Raises ScriptMissing, LockFailed, InvalidWorkflow.

    What the actor may read counts, whatever its token is limited to.
    """
    pins = await artifacts.resolve_scripts(connection, actor, workspace, plan)
    calls: dict[str, list[str]] = {"": flow_paths(plan)}
    level = calls[""]
    while level:
        wanted = [path for path in dict.fromkeys(level) if path not in calls]
        level = []
        for path, each in (await _workflows(connection, actor, workspace, wanted, pins)).items():
            pins |= await artifacts.resolve_scripts(connection, actor, workspace, each)
            calls[path] = flow_paths(each)
            level += calls[path]
    _refuse_depth(calls, [""])
    return pins


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


def _refuse_depth(calls: Mapping[str, Sequence[str]], chain: list[str]) -> None:
    for path in calls[chain[-1]]:
        shown = " → ".join([*chain[1:], path])
        if path in chain:
            raise InvalidWorkflow(
                f"A workflow runs itself: {shown}.", hint="Use a loop instead.", details={"path": path}
            )
        if len(chain) > MAX_DEPTH:
            raise InvalidWorkflow(f"Sub-workflows are more than {MAX_DEPTH} deep: {shown}.", details={"path": path})
        _refuse_depth(calls, [*chain, path])
