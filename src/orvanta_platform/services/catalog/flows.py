"""Workflows: documents deployed as versions, whose text is stored unchanged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, require, require_workspace
from orvanta_platform.db import captures, items, moves, workflow_tests
from orvanta_platform.db.items import Filter, ItemHead, ItemRow, NewVersion, VersionRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, InvalidWorkflow, NotFound, VersionConflict
from orvanta_platform.orchestrator import document_threads, inputs
from orvanta_platform.orchestrator.blueprints import inline_pins
from orvanta_platform.services.access import acceptance, on_behalf
from orvanta_platform.services.catalog import (
    deploy,
    deploy_tests,
    environments,
    policies,
    stored_policies,
    version_references,
)
from orvanta_platform.services.catalog.deploy_tests import Outcomes
from orvanta_platform.services.catalog.stored_policies import TestedVersion
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import imports, script_access, syntax
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.services.runs.imports import Imported
from orvanta_platform.services.runs.package_policies import codes_of_flow
from orvanta_platform.workflow import document, item_settings, secret_schemas
from orvanta_platform.workflow.canonical import artifact_hash
from orvanta_platform.workflow.diagnostics import Diagnostic, errors, invalid
from orvanta_platform.workflow.grammar import DOCUMENT
from orvanta_platform.workflow.limits import MAX_YAML_CHARS, require_writable
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.policies.defaults import completed_document
from orvanta_platform.workflow.policies.subject import Subject, subject_of_normal_flow
from orvanta_platform.workflow.tree.stored_text import comments_lost
from orvanta_platform.workflow.validate import Examination, examine
from orvanta_platform.workflow.yaml_edit import edit_yaml, same

_SCHEMA_PATH = "/schema"
_SUMMARY = "summary"
"""Setting that each document of a workflow has."""


_NULL = msgspec.Raw(b"null")
_INLINE_PARSE_LIMIT = 16 << 10
"""Maximum size in bytes of a stored document that is parsed in the event loop."""


class Source(msgspec.Struct, frozen=True):
    """Text of a document as written by a person."""

    format: Literal["json", "yaml"]
    text: str
    members: dict[str, msgspec.Raw] = {}
    """Other members of a stored document than its value and schema, as JSON text by name."""


class NewFlow(msgspec.Struct, frozen=True):
    """A workflow to deploy: `value` and `schema` as JSON text, or `source`, which takes precedence."""

    path: str
    value: msgspec.Raw | None
    schema: msgspec.Raw | None
    settings: dict[str, msgspec.Raw]
    """All other keys of the call by name (summary, description, tag …)."""
    source: Source | None = None
    base_version: int | None = None
    """Id of the version that was edited; None: deploy regardless of the newest version."""
    message: str | None = None
    draft_revision: int | None = None
    """Revision of the draft that is deployed."""
    bypass_reason: str | None = None
    """Reason for deploying it in spite of violated policies."""
    keeps_settings: bool = False
    """The settings are those of a deployed version. Earlier versions of the platform stored any value: they are not
    checked again.
    """


class FlowParts(msgspec.Struct, frozen=True):
    """Parts of a version's document."""

    value: msgspec.Raw
    """JSON text."""
    schema: msgspec.Raw | None
    """JSON text."""
    source: Source | None
    """The text if it is YAML."""


async def create(platform: Platform, actor: Actor, workspace: str, new: NewFlow) -> int:
    """Deploy the first version at a path; returns the version's id.

    Raises NotFound, Forbidden, BadRequest, InvalidWorkflow (diagnostics in details), AlreadyExists.
    """
    require_workspace(actor, workspace)
    names.check_path(new.path)
    checked = await _check(platform, workspace, new)

    async def write(conn: Connection, resolved: _Resolved) -> int:
        head = await deploy.open_to_write(conn, actor, workspace, "flow", new.path)
        deploy.refuse_taken(head, "flow", new.path, "Use flows/update to deploy a new version of it.")
        await script_access.refuse_unreadable(conn, actor, workspace, checked.tree)
        return await _store(platform, conn, actor, workspace, new, checked, resolved, is_new=True)

    return await _deploy(platform, actor, workspace, new, checked, new.path, write)


class Updated(msgspec.Struct, frozen=True):
    """An update of a workflow."""

    version: int
    """Id of the new version."""
    warnings: Sequence[Diagnostic]


async def update(platform: Platform, actor: Actor, workspace: str, path: str, new: NewFlow) -> Updated:
    """Deploy the next version of the workflow at `path`, and move it if `new.path` differs.

    If a client sends `value` and `schema` without YAML text, the stored one is edited where they differ from it: its
    comments and order remain. If that is not possible, a warning names the workflow. Raises the errors of `create`, and
    VersionConflict if `base_version` is not the newest.
    """
    require_workspace(actor, workspace)
    names.check_path(new.path)

    while True:
        try:
            return await _update(platform, actor, workspace, path, new)
        except _ConcurrentDeploy:
            continue


async def _update(platform: Platform, actor: Actor, workspace: str, path: str, new: NewFlow) -> Updated:
    before = await get(platform, actor, workspace, path)
    require(actor, "write", deploy.target_of(before))
    if new.base_version is not None and new.base_version != before.id:
        raise await _conflict(before, new)
    merged, tree = await document_threads.run_in_thread(workspace, _with_stored_source, before, new)
    checked = await _check(platform, workspace, merged, tree)

    async def write(conn: Connection, resolved: _Resolved) -> int:
        head = await deploy.open_to_write(conn, actor, workspace, "flow", new.path)
        present = await items.get(conn, workspace, "flow", path)
        if present is None:
            raise deploy.missing("flow", path)
        require(actor, "write", deploy.target_of(present))
        if present.id != before.id:
            raise _ConcurrentDeploy
        if new.path != path:
            await _move(conn, actor, present, new, head)
        await script_access.refuse_unreadable(conn, actor, workspace, checked.tree)
        return await _store(platform, conn, actor, workspace, merged, checked, resolved, is_new=False)

    version = await _deploy(platform, actor, workspace, merged, checked, path, write)
    is_rewritten = before.format == "yaml" and checked.format == "json"
    return Updated(version, [comments_lost(path)] if is_rewritten else [])


class _ConcurrentDeploy(Exception):
    """Another version was deployed concurrently. The update is repeated on top of it."""


class _Resolved(msgspec.Struct, frozen=True):
    """Imports, lock and tests of a version to store."""

    imports: Mapping[str, Imported]
    """The scripts that inline scripts import, by node."""
    lock: str | None
    """None: `run` creates it."""
    run: UUID | None = None
    tests: Outcomes | None = None
    """Outcomes of the tests that policies require."""


async def _deploy(
    platform: Platform,
    actor: Actor,
    workspace: str,
    new: NewFlow,
    checked: _Checked,
    tested_at: str,
    write: Callable[[Connection, _Resolved], Awaitable[int]],
) -> int:
    """Write the version, directly if all its scripts are locked, otherwise with the run that locks them.

    `tested_at`: path at which the tests are stored.
    """
    settings = _settings(new, checked)
    limits.check_settings(settings)
    if not new.keeps_settings:
        item_settings.check_workflow(_plain(settings))
    tests = await deploy_tests.run_required(platform, actor, workspace, tested_at, new.path, checked.body.decode())
    tree = dict(checked.tree)
    imported = await imports.resolve_inline(platform, actor, workspace, new.path, tree)
    scripts = {node: each.scripts for node, each in imported.items()}
    state = await locking.state_of_flow(platform, workspace, tree, scripts)
    lock, stored = state.lock, 0
    if lock is not None:
        return await platform.db.retrying(lambda conn: write(conn, _Resolved(imported, lock, tests=tests)))

    async def with_run(conn: Connection, run: UUID) -> None:
        nonlocal stored
        stored = await write(conn, _Resolved(imported, None, run, tests))

    tag = _plain(_settings(new, checked).get("tag")) or None
    what = (locking.FLOW_KIND, new.path, checked.body, state.language)
    pins = inline_pins(new.path, {node: each.digest for node, each in imported.items()})
    await locking.start(platform, actor, workspace, *what, tag=tag, pins=pins, in_transaction=with_run)
    return stored


async def get(platform: Platform, actor: Actor, workspace: str, path: str) -> ItemRow:
    """Return the newest version at a path. Raises NotFound."""
    return await deploy.get(platform, actor, workspace, "flow", path)


async def get_version(platform: Platform, actor: Actor, workspace: str, version: int) -> ItemRow:
    """Return the version with this id. Raises NotFound."""
    return await deploy.get_version(platform, actor, workspace, "flow", version)


async def exists(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor can see a workflow at this path."""
    return await deploy.exists(platform, actor, workspace, "flow", path)


async def list_page(platform: Platform, actor: Actor, workspace: str, filter: Filter) -> list[ItemRow]:
    """Return a page of the workflows that the actor may read, without their documents."""
    return await deploy.list_page(platform, actor, workspace, "flow", filter)


async def list_paths(platform: Platform, actor: Actor, workspace: str) -> list[str]:
    """Return all paths of workflows that the actor may read."""
    return await deploy.list_paths(platform, actor, workspace, "flow")


async def history(
    platform: Platform, actor: Actor, workspace: str, path: str, *, before: int | None, limit: int, offset: int
) -> list[VersionRow]:
    """Return the versions at a path, newest first. Raises NotFound."""
    return await deploy.history(platform, actor, workspace, "flow", path, before=before, limit=limit, offset=offset)


async def archive(platform: Platform, actor: Actor, workspace: str, path: str, *, archived: bool) -> None:
    """Archive or unarchive a workflow. Raises NotFound, Forbidden, PolicyViolation."""
    tested = None if archived else await stored_policies.run_tests(platform, actor, workspace, "flow", path, path)
    await set_archived(platform, actor, workspace, path, archived=archived, tested=tested)


async def set_archived(
    platform: Platform, actor: Actor, workspace: str, path: str, *, archived: bool, tested: TestedVersion | None
) -> None:
    """Archive or unarchive a workflow, whose tests were run as policies require. Raises NotFound, Forbidden,
    PolicyViolation.
    """

    async def check(conn: Connection) -> None:
        await stored_policies.enforce_reused(platform, conn, actor, workspace, "flow", path, tested)

    await deploy.set_archived(platform, actor, workspace, "flow", path, archived=archived, check=check)


async def delete(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    """Delete a workflow and its versions. Raises NotFound, Forbidden.

    Deleting a deleted workflow is no error, because the published command-line client sends a call for each file of it.
    """
    try:
        await deploy.delete(platform, actor, workspace, "flow", path)
    except NotFound:
        async with platform.db.acquire() as conn:
            number, digest = await items.get_newest_version(conn, workspace, "flow", path)
        is_deleted = number > 0 and digest is None
        if not is_deleted or not can(actor, "write", Target(workspace, "flow", path)):
            raise


async def read_parts(row: ItemRow) -> FlowParts:
    """Return the parts of a stored document.

    A large one takes seconds to parse and is parsed outside the event loop.
    """
    return (
        parts_of(row)
        if len(row.body) <= _INLINE_PARSE_LIMIT or row.tree is not None
        else await document_threads.run_in_thread(row.workspace, parts_of, row)
    )


def parts_of(row: ItemRow) -> FlowParts:
    """Return the parts of a stored document; those of a JSON document are the original bytes."""
    if row.format == "yaml":
        members = _yaml_members(row)
        schema = members.pop("schema") if members.get("schema", _NULL) != _NULL else None
        return FlowParts(members.pop("value"), schema, Source("yaml", row.body.decode(), members))
    whole = msgspec.json.decode(row.body, type=dict[str, msgspec.Raw])
    return FlowParts(whole["value"], whole.get("schema"), None)


def _yaml_members(row: ItemRow) -> dict[str, msgspec.Raw]:
    """Return the members of a YAML document. To decode its stored JSON takes a hundredth of the time of a parser."""
    tree = row.tree or msgspec.json.encode(document.parse(row.body, "yaml").tree)
    return msgspec.json.decode(tree, type=dict[str, msgspec.Raw])


class _Checked(msgspec.Struct, frozen=True):
    """A valid document."""

    body: bytes
    format: Literal["json", "yaml"]
    tree: Mapping[str, Any]
    value: Mapping[str, Any]
    """Normal form of the document's `value`."""
    hash: str

    @property
    def yaml_tree(self) -> str | None:
        """Return the JSON text of a YAML document."""
        return msgspec.json.encode(self.tree).decode() if self.format == "yaml" else None


async def _check(platform: Platform, workspace: str, new: NewFlow, tree: Mapping[str, Any] | None = None) -> _Checked:
    """Parse and validate a document. A large one takes seconds, so most of the work is done outside the event loop.

    `tree`: the document, if its text has been parsed. Raises InvalidWorkflow with all diagnostics, BadRequest,
    EvaluatorUnavailable.
    """
    body, format_, parsed, seen = await document_threads.run_in_thread(workspace, examine_document, new, tree)
    found = await diagnostics(platform, workspace, parsed, seen)
    if errors(found):
        raise invalid(found)
    digest = await document_threads.run_in_thread(workspace, artifact_hash, parsed)
    return _Checked(body, format_, parsed, seen.value, digest)


def examine_document(
    new: NewFlow, tree: Mapping[str, Any] | None = None
) -> tuple[bytes, Literal["json", "yaml"], Mapping[str, Any], Examination]:
    """Return the bytes to store, their format, the parsed document, and its diagnostics except for expressions and the
    schema. `tree`: the document, if its text has been parsed.

    Raises InvalidWorkflow for an unparsable document, BadRequest.
    """
    body, format_ = _body(new)
    if tree is None:
        tree = document.parse(body, format_, limit_yaml=True).tree
    return body, format_, tree, examine(tree)


async def diagnostics(
    platform: Platform, workspace: str, tree: Mapping[str, Any], seen: Examination
) -> list[Diagnostic]:
    """Return all diagnostics of an examined document, errors first. Raises EvaluatorUnavailable."""
    faults = await _schema_faults(platform, workspace, tree.get("schema"))
    return await syntax.diagnostics(
        platform.evaluator.of(workspace), replace(seen, diagnostics=seen.diagnostics + faults)
    )


def _body(new: NewFlow) -> tuple[bytes, Literal["json", "yaml"]]:
    """Return the bytes to store: the YAML text, or `{value, schema}` assembled from the original bytes."""
    if new.source is not None and new.source.format == "yaml":
        return new.source.text.encode(), "yaml"
    if new.source is not None:
        whole = _members(new.source.text.encode())
        return _join(whole.get("value"), whole.get("schema")), "json"
    return _join(new.value, new.schema), "json"


def _members(source: bytes) -> dict[str, msgspec.Raw]:
    document.parse(source, "json")
    return msgspec.json.decode(source, type=dict[str, msgspec.Raw])


def _join(value: msgspec.Raw | None, schema: msgspec.Raw | None) -> bytes:
    if value is None:
        raise BadRequest("A workflow needs `value`, or `source` with its format and text.")
    if schema is None or bytes(schema) == b"null":
        return b'{"value":' + bytes(value) + b"}"
    return b'{"value":' + bytes(value) + b',"schema":' + bytes(schema) + b"}"


async def _schema_faults(platform: Platform, workspace: str, schema: Any) -> list[Diagnostic]:
    if schema is None:
        return []
    try:
        unchecked = await inputs.check_schema(platform.evaluator.of(workspace), schema)
    except BadRequest as error:
        return [Diagnostic("invalid_schema", "error", None, _SCHEMA_PATH, error.message)]
    try:
        secret_schemas.check(schema)
    except BadRequest as error:
        return [Diagnostic(error.code, "error", None, _SCHEMA_PATH, f"{error.message} {error.hint}")]
    message = "forms check this pattern in the browser; calls of the API are not checked against it"
    return [Diagnostic("pattern_not_checked", "warning", None, _SCHEMA_PATH + each, message) for each in unchecked]


def _with_stored_source(present: ItemRow, new: NewFlow) -> tuple[NewFlow, Mapping[str, Any] | None]:
    """Return a call without YAML text with the stored one, edited where its values differ from those sent, and the
    document in it.

    A document that is too large for YAML, or whose text cannot be edited, is deployed as JSON.
    """
    if present.format != "yaml":
        return new, None
    body, format_ = _body(new)
    if format_ == "yaml":
        return new, None
    sent = document.parse(body, "json").tree
    text = present.body.decode()
    try:
        stored = _stored_tree(present, text)
        wanted = _wanted_document(stored, sent, new.settings)
        if same(stored, wanted):
            return replace(new, value=None, schema=None, source=Source("yaml", present.body.decode())), stored
        edited = edit_yaml(text, wanted, limit=True)
    except (InvalidWorkflow, ValueError):
        return new, None
    return replace(new, value=None, schema=None, source=Source("yaml", edited.source.decode())), edited.tree


def _stored_tree(present: ItemRow, text: str) -> dict[str, Any]:
    """Return a stored document. Raises InvalidWorkflow if it was stored before limits of YAML were introduced."""
    if present.tree is None or len(text) > MAX_YAML_CHARS:
        return document.parse(present.body, "yaml", limit_yaml=True).tree
    tree: dict[str, Any] = msgspec.json.decode(present.tree)
    require_writable(tree)
    return tree


def _wanted_document(
    stored: Mapping[str, Any], sent: Mapping[str, Any], settings: Mapping[str, msgspec.Raw]
) -> dict[str, Any]:
    """Return the document that a call without `source` deploys, with its settings that the stored document contains.

    A call with a `summary` contains a whole workflow, so settings that it lacks are removed. Another one leaves them.
    Unknown keys of the document stay.
    """
    wanted = {}
    for name, present in stored.items():
        if name in ("value", "schema"):
            value = sent.get(name)
        elif name in settings:
            value = _plain(settings[name])
        else:
            value = None if _SUMMARY in settings and name in DOCUMENT.known else present
        if value is not None or (present is None and name not in settings):
            wanted[name] = value
    return {**wanted, **sent}


async def _move(conn: Connection, actor: Actor, present: ItemRow, new: NewFlow, head: ItemHead) -> None:
    """Archive the old path of a workflow that gets a new one."""
    deploy.refuse_taken(head, "flow", new.path, "Use another path.")
    await items.set_archived(conn, present.workspace, "flow", present.path, True, actor.username)
    await captures.delete_at(conn, present.workspace, "flow", present.path)
    await workflow_tests.move(conn, present.workspace, present.path, new.path)


async def _store(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    new: NewFlow,
    checked: _Checked,
    resolved: _Resolved,
    *,
    is_new: bool,
) -> int:
    number, newest = await items.get_newest_version(conn, workspace, "flow", new.path)
    settings = _settings(new, checked)
    await environments.refuse_direct(platform, conn, actor, workspace)
    is_first = is_new and number == 0 and await moves.get_target(conn, workspace, "flow", new.path) is None
    tests = await deploy_tests.states_of(conn, workspace, new.path, resolved.tests, is_first=is_first)

    def subject() -> Subject:
        return replace(policy_subject(new, checked.value, settings), tests=tests)

    codes = partial(codes_of_flow, checked.tree, resolved.lock)
    defaults = await policies.enforce(platform, conn, actor, workspace, new.path, subject, new.bypass_reason, codes)
    version = NewVersion(
        workspace=workspace,
        kind="flow",
        path=new.path,
        number=number + 1,
        hash=checked.hash,
        content_hash=checked.hash,
        body=checked.body,
        format=checked.format,
        language=None,
        settings=msgspec.json.encode(settings).decode(),
        parent=newest,
        author=actor.username,
        message=new.message,
        lock=resolved.lock,
        lock_job=resolved.run,
        imports={node: each.digest for node, each in resolved.imports.items()},
        tree=checked.yaml_tree,
        permissioned_as=await on_behalf.deployed_for(conn, actor, workspace, _plain(settings.get(on_behalf.KEY))),
    )
    if defaults:
        run_body = await document_threads.run_in_thread(workspace, completed_document, checked.tree, defaults)
        version = deploy.with_defaults(version, _plain(settings), defaults, run_body)
    stored = await deploy.store(conn, actor, version, is_new=is_new, draft_revision=new.draft_revision)
    await version_references.record(conn, actor, workspace, stored, checked.tree)
    await version_references.record_imports(conn, actor, workspace, stored, resolved.imports)
    await acceptance.accept_references(conn, actor, workspace, stored)
    return stored


def policy_subject(new: NewFlow, value: Mapping[str, Any], settings: Mapping[str, Any]) -> Subject:
    """Return the normal form of a valid `value`, and the settings, as policies see them."""
    return subject_of_normal_flow(new.path, {**normalise(_plain(settings)), "value": value})


def _settings(new: NewFlow, checked: _Checked) -> dict[str, Any]:
    """Return the settings to store with the document. Those in a YAML document apply unless the call specifies them.

    They include the schema, so that a run's inputs can be checked without parsing the document.
    """
    base = checked.tree if checked.format == "yaml" else {"schema": checked.tree.get("schema")}
    settings = {**base, **new.settings}
    settings.pop("value", None)
    return settings


def _plain(setting: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(setting))


async def _conflict(present: ItemRow, new: NewFlow) -> VersionConflict:
    theirs = await read_parts(present)
    return VersionConflict(
        f"The newest version of {present.path} is {present.id}, not {new.base_version}.",
        hint="Compare the two documents, then deploy with base_version set to the newest.",
        details={
            "base": new.base_version,
            "newest": present.id,
            "theirs": {"value": theirs.value, "schema": theirs.schema},
            "mine": {"value": new.value, "schema": new.schema},
        },
    )
