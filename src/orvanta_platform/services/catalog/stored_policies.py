"""Policies checked for a stored version that comes into use without a deployment: by a move, because its item is
restored from the archive, or because a newer version is archived or deleted.
"""

from __future__ import annotations

from functools import partial

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import items
from orvanta_platform.db.items import ItemRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import PolicyViolation
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog import deploy, deploy_tests, package_locks, policies
from orvanta_platform.services.catalog.deploy_tests import Outcomes
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.policies.defaults import AppliedDefault


class TestedVersion(msgspec.Struct, frozen=True):
    """A stored version whose tests were run, because policies require them at its path."""

    __test__ = False  # tells pytest that this is no test class

    version: int
    outcomes: Outcomes


async def run_tests(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: str,
    path: str,
    target: str,
    seconds: float = MAX_SECONDS,
) -> TestedVersion | None:
    """Run the tests of the workflow at `path` that policies require at `target`, before the transaction that puts it
    there, for at most `seconds`; None: they require none.

    Raises NotFound, Forbidden, RateLimited, BadRequest, EvaluatorUnavailable.
    """
    if kind != "flow":
        return None
    async with platform.db.acquire() as conn:
        await deploy.require_write(conn, actor, workspace, "flow", path)
        row = await items.get(conn, workspace, kind, path)
    if row is None:
        return None
    found = await deploy_tests.run_required(platform, actor, workspace, path, target, row.body.decode(), seconds)
    return None if found is None else TestedVersion(row.id, found)


async def enforce(
    platform: Platform, conn: Connection, actor: Actor, row: ItemRow, path: str, tested: TestedVersion | None = None
) -> list[AppliedDefault]:
    """Check a version against the policies at a path, in the transaction that brings it into use; return the defaults
    that a deployment would give to it.

    `tested`: outcomes of its tests; those of another version do not count. Raises PolicyViolation.
    """
    require_workspace(actor, row.workspace)
    subject = await document_threads.run_in_thread(
        row.workspace, policies.subject_of_stored, row.kind, path, row, row.body
    )
    if tested is not None:
        outcomes = tested.outcomes if tested.version == row.id else {}
        tests = await deploy_tests.states_of(conn, row.workspace, row.path, outcomes, is_first=False)
        subject = msgspec.structs.replace(subject, tests=tests)
    codes = partial(package_locks.of_version, row)
    return await policies.enforce(platform, conn, actor, row.workspace, path, lambda: subject, None, codes)


async def enforce_reused(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    kind: str,
    path: str,
    tested: TestedVersion | None = None,
) -> None:
    """Check the version that comes into use again at its path, if there is one. Raises PolicyViolation, also if a
    policy sets a default that the version does not have.
    """
    require_workspace(actor, workspace)
    row = await items.get(conn, workspace, kind, path)
    if row is None:
        return
    needed = await enforce(platform, conn, actor, row, path, tested)
    stored = await items.get_defaults(conn, row.id)
    known = msgspec.json.decode(stored, type=list[AppliedDefault]) if stored is not None else []
    fields = {(each.node, each.field) for each in known}
    for each in needed:
        if (each.node, each.field) not in fields:
            raise PolicyViolation(
                f"The policy {each.policy} sets `{each.field}`, which the version of {path} does not have.",
                hint="Deploy the version again.",
            )
