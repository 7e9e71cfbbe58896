"""Starting runs of scripts, workflows and previews, and cancelling runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import names, permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import moves
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import VersionRow
from orvanta_platform.engine import debounce, duration
from orvanta_platform.engine.compile import single_plan
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.errors import Forbidden, NotFound, TooLarge
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import inputs
from orvanta_platform.orchestrator.blueprints import (
    OWN,
    Blueprint,
    Pin,
    Pins,
    blueprint_of,
    flow_key,
    inline_pins,
    own_pins,
    pin_key,
    preview_pins,
    single,
)
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import documents as artifacts
from orvanta_platform.services.runs import imports, pinning
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.services.runs.creation import create_run
from orvanta_platform.services.runs.insertion import TransactionHook
from orvanta_platform.services.runs.preview_access import refuse_previews
from orvanta_platform.services.runs.run_spec import RunOptions, RunSpec
from orvanta_platform.services.runs.trigger_event import event_schema
from orvanta_platform.workflow import item_settings
from orvanta_platform.workflow.languages import HUB_LANGUAGE, hub_substitute
from orvanta_platform.workflow.preprocessors import defines_preprocessor, is_event
from orvanta_platform.workflow.requirements.lock_text import usable_lock
from orvanta_platform.workflow.script_imports import may_import
from orvanta_platform.workflow.secret_schemas import may_declare

__all__ = [
    "RunOptions",
    "ScriptPreview",
    "start_flow",
    "start_flow_preview",
    "start_flow_version",
    "start_preview",
    "start_script",
    "start_script_version",
]

_SINGLE = Blueprint(single_plan(Kind.RAWSCRIPT), {})
_IDENTITY = Blueprint(single_plan(Kind.IDENTITY), {})


_MAX_LOCK_CHARS = 1 << 20


class ScriptPreview(msgspec.Struct, frozen=True):
    """Code to run without deploying it."""

    content: str = ""
    language: str = ""
    path: str | None = None
    tag: str | None = None
    kind: str = "code"
    """`code`, or `identity`, which runs no code and returns its input."""
    lock: str | None = None
    """Lock of its packages; one that cannot be used is ignored, as in a deployment."""
    flow_path: str | None = None
    """Workflow of which it is a part, for `OV_FLOW_PATH`."""


async def start_script(
    platform: Platform,
    actor: Actor,
    workspace: str,
    path: str,
    args: bytes,
    options: RunOptions,
    *,
    retry: dict[str, Any] | None = None,
    in_transaction: TransactionHook | None = None,
) -> UUID:
    """Run the newest version of a script; returns the run's id.

    `args`: JSON object text. `retry`: a valid Retry tree. A script of the hub is that of the workspace at its
    substitute's path; without one, its run fails. Raises NotFound, Forbidden, InvalidInput.
    """
    substitute = hub_substitute(path)
    version = await _current_version(platform, actor, workspace, "script", substitute or path)
    name = f"script {path}"
    if substitute is not None and not _may_read(actor, workspace, version):
        spec = _unavailable(actor, workspace, path)
        await inputs.check(platform.evaluator.of(workspace), None, options.unmasked(args))
        return await create_run(platform, actor, spec, args, options, in_transaction=in_transaction)
    if version is None:
        await _refuse_moved(platform, actor, workspace, "script", path)
    return await _run_script(
        platform, actor, workspace, version, name, args, options, retry=retry, in_transaction=in_transaction
    )


async def _current_version(
    platform: Platform, actor: Actor, workspace: str, kind: acceptance.Kind, path: str
) -> VersionRow | None:
    """Return the version that a run by path uses, whether or not the actor may run it. Raises NotAccepted."""
    async with platform.db.acquire() as connection:
        view = await acceptance.view_of(connection, actor)

    async def read() -> VersionRow | None:
        async with platform.db.acquire() as connection:
            return await acceptance.resolve(connection, workspace, kind, path, view)

    return await platform.reads.get((kind, workspace, path, view), read)


async def _refuse_moved(platform: Platform, actor: Actor, workspace: str, kind: acceptance.Kind, path: str) -> None:
    """Raise NotFound with the present path of an item that was moved from `path`, if the actor may read it there."""
    permissions.require_workspace(actor, workspace)
    async with platform.db.acquire() as connection:
        target = await moves.get_target(connection, workspace, kind, path)
        found = None if target is None else await run_rows.resolve_path(connection, workspace, kind, target)
    if found is None or found.archived:
        return
    if permissions.can(actor, "read", Target(workspace, kind, found.path, found.created_by, found.extra_perms)):
        hint = f"It was moved to {target}; runs are not started by its former path."
        raise NotFound(f"The {kind} {path} does not exist.", hint=hint, details={"moved_to": target})


def _may_read(actor: Actor, workspace: str, version: VersionRow | None) -> bool:
    """Return whether a current version exists that the member may read, regardless of the scopes of its token."""
    if version is None or version.archived:
        return False
    target = Target(workspace, version.kind, version.path, version.created_by, version.extra_perms)
    return permissions.can(scopes.without_limits(actor), "read", target)


def _unavailable(actor: Actor, workspace: str, path: str) -> RunSpec:
    """Return the specification of a run of a script of the hub, which fails. Raises Forbidden, NotFound."""
    permissions.require(actor, "run", Target(workspace, "hub_script", path))
    return RunSpec(
        workspace=workspace, kind="script", path=path, blueprint=_SINGLE, language=HUB_LANGUAGE, reference=path
    )


async def start_script_version(
    platform: Platform, actor: Actor, workspace: str, version_hash: str, args: bytes, options: RunOptions
) -> UUID:
    """Run the script version with this hash. Raises NotFound, Forbidden, InvalidInput."""
    async with platform.db.acquire() as connection:
        version = await run_rows.resolve_hash(connection, workspace, version_hash)
        await require_named(connection, actor, version)
    return await _run_script(platform, actor, workspace, version, f"script {version_hash}", args, options)


async def start_flow(
    platform: Platform,
    actor: Actor,
    workspace: str,
    path: str,
    args: bytes,
    options: RunOptions,
    *,
    in_transaction: TransactionHook | None = None,
) -> UUID:
    """Run the newest version of a workflow. Raises NotFound, Forbidden, InvalidInput, ScriptMissing."""
    version = await _current_version(platform, actor, workspace, "flow", path)
    if version is None:
        await _refuse_moved(platform, actor, workspace, "flow", path)
    return await _run_flow(
        platform, actor, workspace, version, f"flow {path}", args, options, in_transaction=in_transaction
    )


async def start_flow_version(
    platform: Platform, actor: Actor, workspace: str, version_id: int, args: bytes, options: RunOptions
) -> UUID:
    """Run the workflow version with this id. Raises NotFound, Forbidden, InvalidInput, ScriptMissing."""
    async with platform.db.acquire() as connection:
        version = await run_rows.resolve_version(connection, workspace, version_id)
        await require_named(connection, actor, version)
    return await _run_flow(platform, actor, workspace, version, f"flow version {version_id}", args, options)


async def start_preview(
    platform: Platform, actor: Actor, workspace: str, preview: ScriptPreview, args: bytes, options: RunOptions
) -> UUID:
    """Run code that is not deployed. Raises BadRequest for an invalid path, Forbidden, InvalidScript, InvalidInput."""
    for path in (preview.path, preview.flow_path):
        if path:
            names.check_path(path)
        permissions.require(actor, "run", Target(workspace, "preview", path))
    async with platform.db.acquire() as connection:
        await refuse_previews(connection, actor, workspace)
    await inputs.check(platform.evaluator.of(workspace), None, args)
    identity = preview.kind == "identity"
    if not identity:
        locking.require_language(preview.language)
    pins = {} if identity else await _pins_of_preview(platform, actor, workspace, preview)
    spec = RunSpec(
        workspace=workspace,
        kind="identity" if identity else "preview",
        path=preview.path,
        blueprint=_IDENTITY if identity else single(pins) if pins else _SINGLE,
        pins=pins,
        text=None if identity else preview.content.encode("utf-8", "replace"),
        language=None if identity else preview.language,
        tag=preview.tag,
    )
    return await create_run(platform, actor, spec, args, options)


async def _pins_of_preview(platform: Platform, actor: Actor, workspace: str, preview: ScriptPreview) -> dict[str, Pin]:
    """Return the pin of a preview: the scripts that it imports, and what it was sent with. Raises InvalidScript."""
    script = Script(preview.language, preview.content, preview.path)
    imported = None
    if may_import(script.language, script.content):
        async with platform.db.acquire() as connection:
            view = await imports.preview_view(connection, actor)
        imported = await imports.resolve(platform, actor, workspace, script, view)
    if len(preview.lock or "") > _MAX_LOCK_CHARS:
        raise TooLarge(f"A lock has at most {_MAX_LOCK_CHARS >> 20} MiB.", details={"limit": _MAX_LOCK_CHARS})
    lock = usable_lock(preview.language, preview.lock)
    return preview_pins(imported.digest if imported else None, lock, preview.flow_path)


async def start_flow_preview(
    platform: Platform,
    actor: Actor,
    workspace: str,
    value: bytes,
    path: str | None,
    args: bytes,
    options: RunOptions,
) -> UUID:
    """Run a workflow that is not deployed; `value`: its FlowValue as JSON text.

    Raises Forbidden, InvalidWorkflow, InvalidInput, ScriptMissing.
    """
    await inputs.check(platform.evaluator.of(workspace), None, args)
    spec = await flow_preview(platform, actor, workspace, value, path)
    return await create_run(platform, actor, spec, args, options)


async def flow_preview(platform: Platform, actor: Actor, workspace: str, value: bytes, path: str | None) -> RunSpec:
    """Return the specification of a run of an undeployed workflow.

    Raises BadRequest for an invalid path, Forbidden, InvalidWorkflow, ScriptMissing.
    """
    if path:
        names.check_path(path)
    permissions.require(actor, "run", Target(workspace, "preview", path))
    async with platform.db.acquire() as connection:
        await refuse_previews(connection, actor, workspace)
    body = b'{"value":%s}' % value
    tree = await artifacts.check(platform.evaluator.of(workspace), body)
    plan = await artifacts.plan_of_tree(workspace, tree)
    async with platform.db.acquire() as connection:
        view = await acceptance.view_of(connection, actor)
        pins = await pinning.resolve(connection, on_behalf.acting(actor, None, None), workspace, plan, view)
        seen = await imports.preview_view(connection, actor)
    imported = await imports.resolve_inline(platform, actor, workspace, path, tree, seen)
    pins |= inline_pins(path, {node: each.digest for node, each in imported.items()})
    _require_calls(actor, workspace, plan, pins)
    return RunSpec(
        workspace=workspace,
        kind="flowpreview",
        path=path,
        blueprint=blueprint_of(plan, pins),
        text=body,
        pins=pins,
        priority=priority_of(tree["value"]),
    )


def _require_calls(actor: Actor, workspace: str, plan: Plan, pins: Pins) -> None:
    """Raise Forbidden if an undeployed workflow runs items that the actor's token may not run."""
    if actor.scopes is None:
        return
    called = [pin_key(node.value) for node in plan.all_nodes if node.kind is Kind.SCRIPT]
    called += [flow_key(path) for path in pinning.flow_paths(plan)]
    for pin in (pins[key] for key in called if key in pins):
        if not scopes.allow(actor.scopes, "jobs:run", pin.path):
            raise Forbidden(f"The token may not run {pin.path}.", hint=f"It needs the scope jobs:run:{pin.path}.")


async def _run_script(
    platform: Platform,
    actor: Actor,
    workspace: str,
    version: VersionRow | None,
    name: str,
    args: bytes,
    options: RunOptions,
    *,
    retry: dict[str, Any] | None = None,
    in_transaction: TransactionHook | None = None,
) -> UUID:
    found = require_runnable(actor, workspace, version, name)
    schema = found.settings.get("schema")
    takes_event = await _takes_event(platform, found, args, options)
    args = args if takes_event else inputs.without_nulls(schema, args)
    await inputs.check(platform.evaluator.of(workspace), None if takes_event else schema, options.unmasked(args))
    if takes_event:
        args, options = options.with_event(args)
        schema = event_schema(schema)
    owner = None
    if found.permissioned_as is not None:
        async with platform.db.acquire() as connection:
            owner = await on_behalf.owner_of(connection, workspace, found)
    settings = found.settings
    pins = own_pins(settings, retry, found.imports.get(""))
    spec = RunSpec(
        workspace=workspace,
        kind="script",
        path=found.path,
        blueprint=single(pins) if pins else _SINGLE,
        version=found.id,
        document=found.document,
        language=found.language,
        pins=pins,
        tag=settings.get("tag") or None,
        priority=priority_of(settings),
        timeout_s=duration.setting(settings.get("timeout")),
        debounce=debounce.of_settings(settings),
        owner=owner,
        reference=name,
        schema=schema,
    )
    return await create_run(platform, actor, spec, args, options, in_transaction=in_transaction)


async def _takes_event(platform: Platform, script: VersionRow, args: bytes, options: RunOptions) -> bool:
    """Return whether the function `preprocessor` of a script runs before its `main`."""
    if script.document is None or not (options.preprocess or is_event(args)):
        return False
    return defines_preprocessor(script.language, await _text(platform, script.document))


async def _text(platform: Platform, digest: bytes) -> str:
    """Return the script with this hash; a cached one needs no connection."""
    cached = platform.blueprints.get_cached_text(digest)
    if cached is not None:
        return cached
    async with platform.db.acquire() as connection:
        return await platform.blueprints.text(connection, digest)


async def _run_flow(
    platform: Platform,
    actor: Actor,
    workspace: str,
    version: VersionRow | None,
    name: str,
    args: bytes,
    options: RunOptions,
    *,
    in_transaction: TransactionHook | None = None,
) -> UUID:
    found = require_runnable(actor, workspace, version, name)
    async with platform.db.acquire() as connection:
        plan = (await platform.blueprints.workflow(connection, found.document, None)).plan
    preprocessed = options.preprocess and plan.preprocessor is not None
    schema = found.settings.get("schema")
    args = args if preprocessed else inputs.without_nulls(schema, args)
    await inputs.check(platform.evaluator.of(workspace), None if preprocessed else schema, options.unmasked(args))
    async with platform.db.acquire() as connection:
        owner = await on_behalf.owner_of(connection, workspace, found)
        view = await acceptance.view_of(connection, actor, owner)
        runner = on_behalf.acting(actor, owner, found.path)
        pins = await pinning.resolve(connection, runner, workspace, plan, view)
    pins |= own_pins(found.settings) | inline_pins(found.path, found.imports)
    if preprocessed and may_declare(schema):
        own = pins.get(OWN) or Pin(path="", version=0, document="", language="")
        pins[OWN] = replace(own, passwords=schema)
    blueprint = blueprint_of(plan, pins)
    if preprocessed and await _preprocessor_takes_event(platform, blueprint):
        args, options = options.with_event(args)
        schema = event_schema(schema)
    spec = RunSpec(
        workspace=workspace,
        kind="flow",
        path=found.path,
        blueprint=blueprint,
        version=found.id,
        document=found.document,
        pins=pins,
        tag=found.settings.get("tag") or None,
        priority=priority_of(found.settings),
        timeout_s=duration.setting(found.settings.get("timeout")),
        debounce=plan.debounce,
        owner=owner,
        reference=name,
        schema=schema,
    )
    return await create_run(platform, actor, spec, args, options, in_transaction=in_transaction)


async def _preprocessor_takes_event(platform: Platform, blueprint: Blueprint) -> bool:
    """Return whether the code of a workflow's preprocessor is a function `preprocessor(event)`."""
    node = blueprint.plan.preprocessor
    if node is None or node.kind is Kind.RAWSCRIPT:
        return node is not None and defines_preprocessor(node.value.get("language"), str(node.value.get("content")))
    if node.kind is not Kind.SCRIPT or (pin := blueprint.pin(node)).is_unavailable:
        return False
    return defines_preprocessor(pin.language, await _text(platform, bytes.fromhex(pin.document)))


async def require_named(connection: Connection, actor: Actor, version: VersionRow | None) -> None:
    """Check that the actor's program may name this version. Jobs may: the version is part of accepted code."""
    if actor.kind != "job":
        await acceptance.require_version(connection, version, await acceptance.view_of(connection, actor))


def require_runnable(actor: Actor, workspace: str, version: VersionRow | None, name: str) -> VersionRow:
    """Return the version if the actor may run it and it can run. Raises NotFound, Forbidden, LockFailed,
    InvalidItemSettings.
    """
    permissions.require_workspace(actor, workspace)
    missing = NotFound(f"The {name} does not exist.", hint="Check the path, and that it is deployed.")
    if version is None or version.archived:
        raise missing
    target = Target(workspace, version.kind, version.path, version.created_by, version.extra_perms)
    if permissions.is_hidden(actor, target):
        raise missing
    permissions.require(actor, "run", target)
    locking.refuse_failed(name, version.lock_state, version.lock_error)
    item_settings.require_usable(name, version.settings)
    return version


def priority_of(settings: dict[str, Any]) -> int:
    """Return the priority that the settings of a script or workflow specify, limited to 0 to 100."""
    priority = settings.get("priority")
    return min(max(int(priority), 0), 100) if isinstance(priority, int | float) else 0
