"""Moves of scripts and workflows to other paths, with everything that refers to them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Literal

import msgspec
from msgspec import structs

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, require, require_workspace
from orvanta_platform.db import items
from orvanta_platform.db import moves as rows
from orvanta_platform.db.moves import AffectedRow, Move, NewDocument, ReferringVersion
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.version_references import VersionReference
from orvanta_platform.errors import AlreadyExists, BadRequest, InvalidWorkflow, MoveRefused, PolicyViolation, TooLarge
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access import acceptance, folders
from orvanta_platform.services.catalog import deploy, environments, policies, stored_policies
from orvanta_platform.services.catalog.stored_policies import TestedVersion
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import document
from orvanta_platform.workflow.node_references import Rewritten, rewrite
from orvanta_platform.workflow.policies.defaults import AppliedDefault, completed_document
from orvanta_platform.workflow.policies.subject import Subject, subject_of_flow

MAX_MOVES = 100
"""Maximum number of items that are moved at once."""

MAX_REFERRING = 1000
"""Maximum number of items that refer to the moved ones."""

BlockReason = Literal["not_writable", "earlier_version", "not_current", "not_rewritable"]
"""Reason for which an item blocks a move: it may not be changed; the runs of some member use an earlier version of it;
its newest version is not the current one; its text cannot be changed.
"""

_Documents = dict[int, Rewritten | Literal["not_rewritable"] | None]
_Tested = dict[str, TestedVersion | None]
"""Outcomes of the tests of the moved workflows, by their path."""


class Affected(msgspec.Struct, frozen=True):
    """An item that refers to a moved one. `kind`: script, flow, schedule, http_trigger or error_handler."""

    kind: str
    path: str
    nodes: Sequence[str] = ()
    """Nodes of a workflow that refer to it."""
    reason: BlockReason | None = None
    """Reason for which it blocks the move; None: it does not block it."""


class MovePlan(msgspec.Struct, frozen=True):
    """Effect of a move on the items that refer to the moved ones."""

    rewritten: list[Affected] = msgspec.field(default_factory=list)
    """Items in which the path is replaced."""
    importing: list[Affected] = msgspec.field(default_factory=list)
    """Items whose code imports a moved script. They use the version that they import until they are deployed again."""
    blocking: list[Affected] = msgspec.field(default_factory=list)
    """Items because of which nothing can be moved."""
    hidden: int = 0
    """Number of further blocking items, which the actor may not read."""


async def plan(platform: Platform, actor: Actor, workspace: str, moves: Sequence[Move]) -> MovePlan:
    """Return the effect of moving items. Raises NotFound, Forbidden, BadRequest, AlreadyExists, TooLarge,
    RateLimited.
    """
    _check(actor, workspace, moves)
    async with platform.turns.take("plans", workspace, actor.email):
        async with platform.db.acquire() as conn:
            await _require_moves(conn, actor, workspace, moves)
            found = await _read(conn, workspace, moves)
        return _make_plan(actor, workspace, found, await _documents(workspace, moves, found, {}))


async def apply(platform: Platform, actor: Actor, workspace: str, moves: Sequence[Move]) -> MovePlan:
    """Move items in one transaction: their versions, drafts and acceptances, and all references to them.

    Workflows that refer to them get a new version, accepted for the same members. Runs remain at the path that they
    had. At a path that another item had, only acceptances that the actor could grant remain. Raises NotFound,
    Forbidden, BadRequest, AlreadyExists, TooLarge, RateLimited, PolicyViolation, DirectDeploysRefused, and MoveRefused
    if an item blocks the move.
    """
    _check(actor, workspace, moves)
    known: _Documents = {}
    async with platform.turns.take("plans", workspace, actor.email):
        async with platform.db.acquire() as conn:
            await _require_moves(conn, actor, workspace, moves)
            found = await _read(conn, workspace, moves)
        # Documents are parsed here: the transaction parses only those that were deployed meanwhile.
        await _documents(workspace, moves, found, known)

    tested = await _run_tests(platform, actor, workspace, moves)

    async def write(conn: Connection) -> MovePlan:
        await environments.refuse_direct(platform, conn, actor, workspace)
        await _require_moves(conn, actor, workspace, moves)
        found = await _read(conn, workspace, moves)
        referring = [Move(each.kind, each.path, "") for each in found.versions]
        await rows.lock_items(conn, workspace, [*moves, *referring])
        documents = await _documents(workspace, moves, found, known)
        planned = _make_plan(actor, workspace, found, documents)
        _refuse_blocked(planned)
        await _enforce_policies(platform, conn, actor, workspace, moves, tested)
        await _enforce_references(platform, conn, actor, workspace, found, documents)
        await _write(conn, actor, workspace, moves, planned, _new_documents(found, documents))
        return planned

    return await platform.db.retrying(write, snapshot=True)


def _check(actor: Actor, workspace: str, moves: Sequence[Move]) -> None:
    require_workspace(actor, workspace)
    if len(moves) > MAX_MOVES:
        raise TooLarge(f"At most {MAX_MOVES} items can be moved at once.", hint="Move them in several calls.")
    if len({(each.kind, each.path) for each in moves}) < len(moves):
        raise BadRequest("An item is named twice.")
    if len({(each.kind, each.target) for each in moves}) < len(moves):
        raise BadRequest("Two items have the same new path.")
    for each in moves:
        names.check_path(each.target)
        if each.path == each.target:
            raise BadRequest(f"{each.path[:200]} is at this path already.")


async def _require_moves(conn: Connection, actor: Actor, workspace: str, moves: Sequence[Move]) -> None:
    """Check that the actor may write the items, that the new paths are free, and create missing folders."""
    targets = [structs.replace(each, path=each.target) for each in moves]
    heads = {(each.kind, each.path): each for each in await rows.lock_items(conn, workspace, [*moves, *targets])}
    for each in moves:
        row = heads.get((each.kind, each.path))
        kind: deploy.Kind = "flow" if each.kind == "flow" else "script"
        if row is None:
            require(actor, "write", Target(workspace, kind, each.path))
            raise deploy.missing(kind, each.path)
        require(actor, "write", Target(workspace, kind, each.path, row.created_by, row.extra_perms))
        require(actor, "write", Target(workspace, kind, each.target))
        if (each.kind, each.target) in heads:
            raise AlreadyExists(f"The {kind} {each.target} exists already.", hint="Use another path.")


class _Found(msgspec.Struct, frozen=True):
    versions: list[ReferringVersion]
    earlier: list[AffectedRow]
    triggers: list[AffectedRow]


async def _read(conn: Connection, workspace: str, moves: Sequence[Move]) -> _Found:
    found = _Found(*await rows.list_referring(conn, workspace, moves, MAX_REFERRING + 1))
    if max(len(found.versions), len(found.earlier), len(found.triggers)) > MAX_REFERRING:
        raise TooLarge(f"More than {MAX_REFERRING} items refer to it.", hint="Move fewer items at once.")
    return found


async def _documents(workspace: str, moves: Sequence[Move], found: _Found, known: _Documents) -> _Documents:
    """Return the rewritten documents by version, None if only code refers to the items. Adds them to `known`."""
    missing = [each for each in found.versions if each.version not in known]
    if missing:
        targets = {(each.kind, each.path): each.target for each in moves}
        known |= await document_threads.run_in_slices(workspace, _rewrite_documents(missing, targets))
    return known


def _rewrite_documents(
    versions: Sequence[ReferringVersion], targets: Mapping[tuple[str, str], str]
) -> Generator[None, None, _Documents]:
    """Rewrite one document after the other."""
    made: _Documents = {}
    for each in versions:
        yield
        made[each.version] = None
        if each.kind == "flow":
            try:
                made[each.version] = rewrite(each.body, "yaml" if each.format == "yaml" else "json", targets)
            except (InvalidWorkflow, ValueError):
                made[each.version] = "not_rewritable"
    return made


def _make_plan(actor: Actor, workspace: str, found: _Found, documents: _Documents) -> MovePlan:
    planned = MovePlan()
    hidden: set[tuple[str, str]] = set()
    earlier = {(each.kind, each.path) for each in found.earlier}

    def block(row: AffectedRow, reason: BlockReason, nodes: Sequence[str] = ()) -> None:
        if _may(actor, "read", workspace, row):
            planned.blocking.append(Affected(row.kind, row.path, nodes, reason))
        else:
            hidden.add((row.kind, row.path))

    for row in found.versions:
        made = documents[row.version]
        if made is None:
            if row.current and _may(actor, "read", workspace, row):
                planned.importing.append(Affected(row.kind, row.path, [each for each in row.nodes if each]))
        elif not _may(actor, "write", workspace, row):
            block(row, "not_writable", row.nodes)
        elif not (row.current and row.newest):
            block(row, "not_current", row.nodes)
        elif made == "not_rewritable":
            block(row, "not_rewritable", row.nodes)
        elif (row.kind, row.path) not in earlier:
            planned.rewritten.append(Affected(row.kind, row.path, row.nodes))
    for each in found.earlier:
        block(each, "earlier_version")
    for each in found.triggers:
        if _may(actor, "write", workspace, each):
            planned.rewritten.append(Affected(each.kind, each.path))
        else:
            block(each, "not_writable")
    return structs.replace(planned, hidden=len(hidden))


def _may(actor: Actor, action: Literal["read", "write"], workspace: str, row: AffectedRow) -> bool:
    if row.kind == "error_handler":
        return can(actor, "read" if action == "read" else "admin", Target(workspace, "workspace"))
    return can(actor, action, Target(workspace, row.kind, row.path, row.created_by, row.extra_perms))


def _refuse_blocked(planned: MovePlan) -> None:
    count = len(planned.blocking) + planned.hidden
    if count:
        raise MoveRefused(
            f"{count} of the items that refer to it cannot be changed; nothing was moved.",
            hint="The details name those that you may read, with reasons. An admin can move it.",
            details={
                "blocking": [{"kind": e.kind, "path": e.path, "reason": e.reason} for e in planned.blocking],
                "hidden": planned.hidden,
            },
        )


def _new_documents(found: _Found, documents: _Documents) -> list[NewDocument]:
    made = []
    for row in found.versions:
        new = documents[row.version]
        if isinstance(new, Rewritten):
            references = [VersionReference(each.node, each.kind, each.path, each.pinned) for each in new.references]
            made.append(
                NewDocument(
                    row.version, hashlib.sha256(new.body).digest(), new.body, new.hash, references, _run_body(row, new)
                )
            )
    return made


def _run_body(row: ReferringVersion, new: Rewritten) -> bytes | None:
    """Return the document that runs of the rewritten version use: with the defaults that its version has."""
    if row.defaults is None:
        return None
    tree = document.parse(new.body, "yaml" if row.format == "yaml" else "json").tree
    return completed_document(tree, msgspec.json.decode(row.defaults, type=list[AppliedDefault]))


async def _write(
    conn: Connection,
    actor: Actor,
    workspace: str,
    moves: Sequence[Move],
    planned: MovePlan,
    documents: Sequence[NewDocument],
) -> None:
    message = "; ".join(f"{each.path} moved to {each.target}" for each in moves[:3]) + ("; …" if moves[3:] else "")
    for path in sorted({each.target for each in moves}):
        await folders.ensure(conn, actor, workspace, path)
    await rows.rewrite_versions(conn, documents, actor.username, message)
    by_kind = {
        kind: [each.path for each in planned.rewritten if each.kind == kind] for kind in ("schedule", "http_trigger")
    }
    await rows.move_triggers(conn, workspace, moves, by_kind["schedule"], by_kind["http_trigger"])
    reused = await rows.list_reused_targets(conn, workspace, moves)
    if not await rows.move_items(conn, workspace, moves, actor.username):
        raise AlreadyExists("One of the new paths is in use.", hint="Use another path.")
    for kind, path in reused:
        await acceptance.withdraw_moved(conn, actor, workspace, kind, path)
    moved = [{"kind": each.kind, "path": each.path, "to": each.target} for each in moves]
    subjects = [(workspace, f"{each.kind}s.move", each.path) for each in moves]
    subjects += [(workspace, _OPERATIONS[each.kind], each.path) for each in planned.rewritten]
    await audit.record_many(conn, actor, subjects, {"moved": moved})


_OPERATIONS = {
    "flow": "flows.update",
    "schedule": "schedules.update",
    "http_trigger": "http_triggers.update",
    "error_handler": "workspaces.edit_error_handler",
}


async def _run_tests(platform: Platform, actor: Actor, workspace: str, moves: Sequence[Move]) -> _Tested:
    """Run the tests that policies require of the workflows at their new paths."""
    return {
        each.path: await stored_policies.run_tests(platform, actor, workspace, each.kind, each.path, each.target)
        for each in moves
        if each.kind == "flow"
    }


async def _enforce_policies(
    platform: Platform, conn: Connection, actor: Actor, workspace: str, moves: Sequence[Move], tested: _Tested
) -> None:
    """Check the items at their new paths against the policies, also archived ones. Raises PolicyViolation."""
    joined = dataclasses.replace(platform, change_set_policies={})
    for move in moves:
        row = await items.get(conn, workspace, move.kind, move.path)
        if row is None:
            continue
        tests = tested.get(move.path) if move.kind == "flow" else None
        defaults = await stored_policies.enforce(joined, conn, actor, row, move.target, tests)
        for each in await policies.list_new(joined, conn, actor, workspace, row.path, defaults):
            raise PolicyViolation(
                f"The policy {each.policy} sets `{each.field}` at the new path, which a move cannot do.",
                hint="Deploy the item at the new path.",
            )


async def _enforce_references(
    platform: Platform, conn: Connection, actor: Actor, workspace: str, found: _Found, documents: _Documents
) -> None:
    """Check that no workflow violates a policy because it refers to a new path. Raises PolicyViolation."""
    joined = dataclasses.replace(platform, change_set_policies={})
    for row in found.versions:
        new = documents[row.version]
        if isinstance(new, Rewritten):
            subjects = partial(_subjects, row, new.body)
            caused = await policies.list_caused(joined, conn, actor, workspace, row.path, subjects)
            if caused:
                raise policies.refused(caused, f"The workflow {row.path} would violate it; use another path.")


def _subjects(row: ReferringVersion, new: bytes) -> tuple[Subject, Subject]:
    """Return a workflow as policies see it before and after the move."""
    form: Literal["yaml", "json"] = "yaml" if row.format == "yaml" else "json"
    before, after = (
        subject_of_flow(row.path, {"value": document.parse(body, form).tree["value"]}) for body in (row.body, new)
    )
    return before, after
