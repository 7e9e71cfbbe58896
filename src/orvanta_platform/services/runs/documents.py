"""Workflow documents of requests: parsing, validation, and resolution of the scripts they refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orvanta_platform.control import limits, permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import runs
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import PinnedScript
from orvanta_platform.engine import duration
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.blueprints import Pin, limits_of, pin_key, unavailable, variables_of
from orvanta_platform.services.access import acceptance
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.services.runs import syntax
from orvanta_platform.workflow import document, item_settings, normal
from orvanta_platform.workflow.diagnostics import errors, invalid
from orvanta_platform.workflow.languages import HUB, hub_substitute
from orvanta_platform.workflow.validate import Examination, examine


class ScriptMissing(BadRequest):
    """A workflow refers to a script that does not exist, or that the member it runs for may not read."""

    code = "script_missing"


def missing(what: str, name: str, path: str) -> ScriptMissing:
    """Create the error for a script or workflow (`what`) that a workflow refers to."""
    return ScriptMissing(
        f"The workflow refers to the {what} {name}, which does not exist or may not be read.",
        hint=f"Deploy the {what} first, or correct the path.",
        details={"path": path},
    )


def missing_version(path: str, version: str) -> ScriptMissing:
    """Create the error for a version of a script that a node pins by its hash."""
    return ScriptMissing(
        f"The workflow runs the version {version} of the script {path}, which this workspace does not have or the "
        "member it runs for may not read.",
        hint="A hash names a version of one workspace. Remove `hash` from the node; it then runs the current version.",
        details={"path": path, "hash": version},
    )


async def check(evaluator: Evaluator, body: bytes) -> dict[str, Any]:
    """Return the tree of a valid JSON document ({value, schema?, …}), without running any of its code.

    Raises InvalidWorkflow with the diagnostics in its details.
    """
    tree, examined = await document_threads.run_in_thread(evaluator.workspace, _examine, body)
    found = await syntax.diagnostics(evaluator, examined)
    if errors(found):
        raise invalid(found)
    return tree


_RETRY_DOCUMENT = b"""{"value": {"modules": [{"id": "main", "retry": %s,
    "value": {"type": "rawscript", "language": "bash", "content": "", "input_transforms": {}}}]}}"""
"""Workflow that is valid if and only if its retry is."""


async def check_retry(evaluator: Evaluator, retry: str) -> None:
    """Check the retry of a trigger or schedule, as JSON text. Raises InvalidWorkflow, LimitExceeded."""
    limits.check_retry(retry)
    await check(evaluator, _RETRY_DOCUMENT % retry.encode())


def _examine(body: bytes) -> tuple[dict[str, Any], Examination]:
    """Parse and check a document. Takes seconds for a large one, so it never runs in the event loop."""
    tree = document.parse(body, "json").tree
    return tree, examine(tree)


async def plan_of_tree(workspace: str, tree: dict[str, Any]) -> Plan:
    """Return the plan of a checked document. Takes a second for a large one, so it is made outside the event loop."""
    return await document_threads.run_in_thread(workspace, lambda: compile_plan(normal.normalise(tree)["value"]))


async def resolve_scripts(
    connection: Connection, actor: Actor, workspace: str, plan: Plan, view: str | None
) -> dict[str, Pin]:
    """Resolve the scripts that the plan refers to, in at most two queries. Raises ScriptMissing, LockFailed,
    NotAccepted.

    The rights of the actor count without the scopes of its token: a token for one workflow may run all of it. `view`:
    the member for whom the versions must be accepted; None: current versions are used. A script of the hub is that of
    the workspace at its substitute's path, or is pinned as unavailable.
    """
    named = [node.value for node in plan.all_nodes if node.kind is Kind.SCRIPT]
    hub = {substitute: path for path in _paths(named) if (substitute := hub_substitute(path)) is not None}
    paths = sorted({path for path in _paths(named) if not path.startswith(HUB)} | hub.keys())
    hashes = sorted({str(value["hash"]) for value in named if value.get("hash")})
    if not named:
        return {}
    found = await runs.resolve_pins(connection, workspace, paths, hashes, view)
    owner = scopes.without_limits(actor)
    pins = {}
    for script in found:
        target = Target(workspace, "script", script.path, script.created_by, script.extra_perms)
        if permissions.can(owner, "read", target):
            locking.refuse_failed(f"script {script.path}", script.lock_state, None)
            pins[pin_key({"path": script.path, "hash": script.hash})] = _pin_of(script)
    pins |= {path: pins.get(substitute) or unavailable(path) for substitute, path in hub.items()}
    for value in named:
        if pin_key(value) not in pins:
            if version := value.get("hash"):
                raise missing_version(value["path"], str(version))
            await acceptance.resolve(connection, workspace, "script", value["path"], view)
            raise missing("script", pin_key(value), value["path"])
    return pins


def _paths(named: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(value["path"]) for value in named if not value.get("hash")}


def _pin_of(script: PinnedScript) -> Pin:
    """Return the pin of a script. Raises InvalidItemSettings."""
    item_settings.require_usable(f"script {script.path}", script.settings)
    return Pin(
        path=script.path,
        version=script.version,
        document=script.document.hex(),
        language=script.language,
        tag=script.settings.get("tag") or None,
        timeout_s=duration.setting(script.settings.get("timeout")),
        dedicated=script.settings.get("dedicated_worker") is True,
        limits=limits_of(script.settings),
        imports=script.imports.get(""),
        variables=variables_of(script.settings),
    )
