"""Tests of workflows that policies require when a workflow is deployed.

They are run before the transaction of the deployment, which compares the hashes of the stored tests with those that
were run: a test that was added or changed meanwhile counts as not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import workflow_tests as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workflow_tests import TestName
from orvanta_platform.services.catalog import policies
from orvanta_platform.services.catalog.test_playback import Loader, TestedDocument, outcomes_of
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS, MAX_TESTS
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.policies.subject import TestStates

Outcomes: TypeAlias = Mapping[str, bool]
"""Outcomes of tests of a document, by the hash of the test."""


async def run_required(
    platform: Platform,
    actor: Actor,
    workspace: str,
    stored_at: str,
    path: str,
    text: str,
    seconds: float = MAX_SECONDS,
) -> Outcomes | None:
    """Run the tests that are stored at `stored_at` with a document for `path`; None: no policy requires tests.

    In the transaction of a change set nothing is run: its tests were run before it. The caller checks that the
    actor may read the workflow before it returns an outcome. Raises NotFound, RateLimited, BadRequest,
    EvaluatorUnavailable.
    """
    if platform.in_change_set or not await policies.list_requiring_tests(platform, actor, workspace, [path]):
        return None
    async with platform.db.acquire() as conn:
        tests = await rows.list_names(conn, workspace, [stored_at], MAX_TESTS)

    async def load(names: Sequence[str]) -> Mapping[str, str]:
        async with platform.db.acquire() as conn:
            return await rows.list_bodies(conn, workspace, stored_at, names)

    return await run(platform, workspace, path, text, tests, load, seconds)


async def run(
    platform: Platform,
    workspace: str,
    path: str,
    text: str,
    tests: Sequence[TestName],
    load: Loader,
    seconds: float = MAX_SECONDS,
) -> Outcomes:
    """Return the outcomes of tests of a document, without those that take too long. Raises the errors of
    `outcomes_of`.
    """
    document = TestedDocument(workspace, path, text, ("tests", workspace))
    found = await outcomes_of(platform, document, tests, load, clock.monotonic() + seconds)
    return {each.hash: found[each.name] for each in tests if each.name in found}


async def states_of(
    conn: Connection, workspace: str, path: str, outcomes: Outcomes | None, *, is_first: bool
) -> TestStates | None:
    """Return the states of the tests that are stored at `path`; None: they do not matter.

    `is_first`: for the first version at a path, which cannot have a test yet. That of a workflow that was deleted or
    moved away is not: otherwise the workflow could be replaced by one without tests.
    """
    if outcomes is None:
        return None
    tests = await rows.list_names(conn, workspace, [path], MAX_TESTS)
    if is_first and not tests:
        return None
    return TestStates(
        len(tests),
        [each.name for each in tests if outcomes.get(each.hash) is False],
        [each.name for each in tests if each.hash not in outcomes],
    )
