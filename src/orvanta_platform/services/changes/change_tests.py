"""Tests that policies require of the workflows of a change set, which may contain new and changed tests.

They are run before the transaction. It compares their hashes with those of the stored tests after all changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import workflow_tests as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workflow_tests import TestName
from orvanta_platform.errors import ChangesRefused, InvalidWorkflow, LimitExceeded
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.services.catalog import deploy_tests, policies
from orvanta_platform.services.catalog.deploy_tests import Outcomes
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS, encode
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.playback.document import parse
from orvanta_platform.workflow.tree.item import parts_of_test
from orvanta_platform.workflow.tree.plan import Plan, Wanted

MAX_TESTS = 1_000
"""Maximum number of tests that a change set may require."""

Tests = Mapping[str, Outcomes]
"""Outcomes of the tests of the changed workflows at whose paths policies require tests, by path."""


class _WantedTest(msgspec.Struct, frozen=True):
    """A test that the change set contains."""

    text: str | None
    """None: it is removed."""
    hash: str


async def run_required(platform: Platform, actor: Actor, workspace: str, items: Sequence[Wanted], plan: Plan) -> Tests:
    """Run the tests that policies require of the changed workflows. Raises LimitExceeded, and the errors of `run`."""
    changed = {each.key for each in plan.of("add", "change")}
    flows = {each.path: each for each in items if each.kind == "flow" and each.key in changed}
    required = await policies.list_requiring_tests(platform, actor, workspace, sorted(flows))
    if not required:
        return {}
    async with platform.db.acquire() as conn:
        stored = await rows.list_names(conn, workspace, required, MAX_TESTS + 1)
    if len(stored) > MAX_TESTS:
        raise LimitExceeded(f"The changed workflows have more than {MAX_TESTS:,} tests.", hint="Apply them in parts.")
    written = {each.key for each in plan.of("add", "change", "remove")}
    wanted = await run_in_thread(
        workspace, _wanted_tests, [each for each in items if each.key in written], set(required)
    )
    until = clock.monotonic() + MAX_SECONDS
    found: dict[str, Outcomes] = {}
    for path in required:
        content = flows[path].content or {}
        tests = {each.name: each for each in stored if each.path == path}
        new = wanted.get(path, {})
        tests |= {name: TestName(path, name, each.hash) for name, each in new.items()}
        left = [each for name, each in tests.items() if name not in new or new[name].text is not None]
        found[path] = await _run(platform, workspace, path, str(content.get("text")), left, new, until)
    return found


async def _run(
    platform: Platform,
    workspace: str,
    path: str,
    text: str,
    tests: Sequence[TestName],
    new: Mapping[str, _WantedTest],
    until: float,
) -> Outcomes:
    async def load(names: Sequence[str]) -> Mapping[str, str]:
        async with platform.db.acquire() as conn:
            bodies = await rows.list_bodies(conn, workspace, path, [each for each in names if each not in new])
        return bodies | {name: text for name in names if name in new and (text := new[name].text) is not None}

    try:
        return await deploy_tests.run(platform, workspace, path, text, tests, load, max(until - clock.monotonic(), 0))
    except InvalidWorkflow:  # its deployment reports the error
        return {}


def _wanted_tests(items: Sequence[Wanted], paths: set[str]) -> dict[str, dict[str, _WantedTest]]:
    found: dict[str, dict[str, _WantedTest]] = {}
    for each in items:
        if each.kind == "workflow_test":
            path, name = parts_of_test(each.path)
            if path in paths:
                text, digest = (None, "") if each.content is None else encode(parse(each.content))
                found.setdefault(path, {})[name] = _WantedTest(text, digest)
    return found


async def require_passed(platform: Platform, conn: Connection, actor: Actor, workspace: str, tests: Tests) -> None:
    """Check the tests after all items were stored. Raises ChangesRefused."""
    states = {}
    for path, outcomes in tests.items():
        found = await deploy_tests.states_of(conn, workspace, path, outcomes, is_first=False)
        if found is not None:
            states[path] = found
    violated = await policies.list_untested(platform, conn, actor, workspace, states)
    if violated:
        raise ChangesRefused(
            f"The tests of {len(violated)} workflows do not fulfil the policies; nothing was applied.",
            hint="The details contain the reason of each.",
            details=[
                {"kind": "flow", "path": path, "error": policies.refused(each, "Correct the violations.").as_dict()}
                for path, each in violated.items()
            ],
        )
