"""Tests of workflows: stored beside them, and run with recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import workflow_tests as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workflow_tests import WorkflowTestRow
from orvanta_platform.errors import AlreadyExists, BadRequest, LimitExceeded, NotFound
from orvanta_platform.orchestrator.compilation import compiled
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.orchestrator.recorded_tests import (
    Failure,
    RecordedTestOutcome,
    TestedWorkflow,
    coverage,
    run_test,
)
from orvanta_platform.services.catalog import deploy, recording
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.playback.document import WorkflowTest, check_name, decode, hash_test, parse, tree_of

MAX_TESTS: Final = 200
"""Maximum number of tests of a workflow."""

MAX_SECONDS: Final = 60.0
"""Maximum duration of a call that runs tests."""


async def list_all(platform: Platform, actor: Actor, workspace: str, path: str) -> list[WorkflowTestRow]:
    """Return the tests of a workflow by name. Raises NotFound."""
    await deploy.get(platform, actor, workspace, "flow", path)
    async with platform.db.acquire() as conn:
        return await rows.list_of_workflow(conn, workspace, path)


async def get(platform: Platform, actor: Actor, workspace: str, path: str, name: str) -> WorkflowTestRow:
    """Return a test of a workflow. Raises NotFound."""
    found = await list_all(platform, actor, workspace, path)
    row = next((each for each in found if each.name == name), None)
    if row is None:
        raise _missing(path, name)
    return row


async def create(
    platform: Platform, actor: Actor, workspace: str, path: str, name: str, tree: Mapping[str, Any]
) -> None:
    """Create a test. Raises NotFound, Forbidden, BadRequest, AlreadyExists, LimitExceeded."""
    test = await run_in_thread(workspace, parse, tree)
    await _create(platform, actor, workspace, path, name, test, {})


async def update(
    platform: Platform, actor: Actor, workspace: str, path: str, name: str, tree: Mapping[str, Any]
) -> None:
    """Replace a test. Raises NotFound, Forbidden, BadRequest."""
    text, digest = await run_in_thread(workspace, lambda: encode(parse(tree)))
    async with platform.db.transaction() as conn:
        await _require_write(conn, actor, workspace, path)
        version = await rows.update(conn, workspace, path, name, text, digest, actor.username)
        if version is None:
            raise _missing(path, name)
        await audit.record(conn, actor, "workflow_tests.update", "Updated", f"{path}/tests/{name}", {"hash": digest})


async def delete(platform: Platform, actor: Actor, workspace: str, path: str, name: str) -> None:
    """Delete a test. Raises NotFound, Forbidden."""
    async with platform.db.transaction() as conn:
        await _require_write(conn, actor, workspace, path)
        if not await rows.delete(conn, workspace, path, name):
            raise _missing(path, name)
        await audit.record(conn, actor, "workflow_tests.delete", "Delete", f"{path}/tests/{name}")


async def record(
    platform: Platform, actor: Actor, workspace: str, run: UUID, name: str, summary: str
) -> tuple[str, WorkflowTest]:
    """Create a test from a run that ended; return the path of its workflow and the test.

    The test contains data of the run, which everybody may read who may read the workflow. Raises NotFound, Forbidden,
    BadRequest, AlreadyExists, LimitExceeded, RateLimited.
    """
    path, test = await recording.record(platform, actor, workspace, run)
    test.summary = summary
    await _create(platform, actor, workspace, path, name, test, {"run": str(run)})
    return path, test


async def run(
    platform: Platform, actor: Actor, workspace: str, path: str, names: Sequence[str] | None
) -> TestedWorkflow:
    """Run tests of the current version of a workflow, all if `names` is None. Nothing is sent or stored.

    Raises NotFound, BadRequest, RateLimited.
    """
    item = await deploy.get(platform, actor, workspace, "flow", path)
    evaluator = platform.evaluator.of(workspace)
    outcomes: dict[str, RecordedTestOutcome] = {}
    async with platform.turns.take("tests", workspace, actor.email):
        async with platform.db.acquire() as conn:
            found = await rows.list_of_workflow(conn, workspace, path)
        chosen = [each for each in found if names is None or each.name in names]
        unknown = set(names or ()) - {each.name for each in chosen}
        if unknown:
            raise _missing(path, min(unknown))
        plan = await compiled(item.body)
        until = clock.monotonic() + MAX_SECONDS
        for each in chosen:
            if clock.monotonic() > until:
                message = f"It was not run: the tests take longer than {MAX_SECONDS:g} s."
                outcomes[each.name] = RecordedTestOutcome([Failure("playback", None, message)])
            else:
                test = await run_in_thread(workspace, decode, each.body)
                outcomes[each.name] = await run_test(plan, path, test, evaluator)
    return TestedWorkflow(outcomes, coverage(plan, list(outcomes.values())))


async def _create(
    platform: Platform,
    actor: Actor,
    workspace: str,
    path: str,
    name: str,
    test: WorkflowTest,
    parameters: Mapping[str, Any],
) -> None:
    check_name(name)
    text, digest = await run_in_thread(workspace, encode, test)
    async with platform.db.transaction() as conn:
        await _require_write(conn, actor, workspace, path)
        if await rows.count(conn, workspace, path) >= MAX_TESTS:
            raise LimitExceeded(f"A workflow has at most {MAX_TESTS} tests.", details={"limit": MAX_TESTS})
        if not await rows.insert(conn, workspace, path, name, text, digest, actor.username):
            raise AlreadyExists(f"The test {name} of {path} exists already.", hint="Use another name.")
        await audit.record(
            conn,
            actor,
            "workflow_tests.create",
            "Created",
            f"{path}/tests/{name}",
            {**parameters, "hash": digest},
        )


async def _require_write(conn: Connection, actor: Actor, workspace: str, path: str) -> None:
    """Check that the actor may change the tests of a workflow, which may still have to be deployed.

    The tests of a release from another instance must exist before its first deployment. Raises NotFound, Forbidden.
    """
    if await rows.is_awaited(conn, workspace, path):
        require(actor, "write", Target(workspace, "flow", path))
    else:
        await deploy.require_write(conn, actor, workspace, "flow", path)


def encode(test: WorkflowTest) -> tuple[str, str]:
    """Return the text of a test and its hash. Raises BadRequest."""
    tree = tree_of(test)
    text = msgspec.json.encode(tree).decode()
    if "\\u0000" in text:
        raise BadRequest("A test cannot contain the character U+0000.")
    return text, hash_test(tree)


def _missing(path: str, name: str) -> NotFound:
    return NotFound(f"The workflow {path} has no test {name[:100]}.")
