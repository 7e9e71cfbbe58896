"""Tests of the workflows that a release changes, as a rule of the environment.

The tests are those of the workspace of the release. They are played against the documents of the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import workflow_tests as rows
from orvanta_platform.db.workflow_tests import WorkflowTestRow
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.orchestrator.compilation import compiled
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.orchestrator.recorded_tests import run_test
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases.plans import Blocker, DeploymentPlan
from orvanta_platform.services.releases.releases import Release
from orvanta_platform.workflow.hashes import hash_text
from orvanta_platform.workflow.playback.document import WorkflowTest

MAX_OUTCOMES: Final = 10_000
"""Maximum number of outcomes that a process stores. A test of the same document has the same outcome."""


async def list_unfulfilled(
    platform: Platform, actor: Actor, release: Release, plan: DeploymentPlan, kind: str
) -> list[Blocker]:
    """Return the tests that fail, and the workflows without tests, if the rules of the environment require them.

    Rollbacks need no tests: those of the workspace are written for later versions. Raises NotFound, RateLimited.
    """
    require_workspace(actor, plan.environment.workspace)
    rule = rules_of(plan.environment).workflow_tests
    changed = {each.path for each in plan.plan.of("add", "change", "conflict") if each.kind == "flow"}
    if rule == "ignore" or kind == "rollback" or not changed:
        return []
    source = release.row.workspace
    flows = [each for each in release.bundle.items if each.kind == "flow" and each.path in changed]
    texts = {each.path: each.content["text"] for each in flows}
    async with platform.db.acquire() as conn:
        found = await rows.list_of_workflows(conn, source, sorted(texts))
    tests: dict[str, list[WorkflowTestRow]] = {}
    for each in found:
        tests.setdefault(each.path, []).append(each)
    missing = [_missing_test(path, source) for path in sorted(texts) if path not in tests] if rule == "require" else []
    return [*missing, *await _failing(platform, source, texts, tests)]


async def _failing(
    platform: Platform, source: str, texts: Mapping[str, str], tests: Mapping[str, Sequence[WorkflowTestRow]]
) -> list[Blocker]:
    blockers: list[Blocker] = []
    async with platform.turns.take("tests", source):
        until = clock.monotonic() + MAX_SECONDS
        for path, found in tests.items():
            try:
                failed, skipped = await _run_tests(platform, source, path, texts[path], found, until)
            except InvalidWorkflow:
                blockers.append(_invalid_workflow(path, source))
                continue
            blockers += [_failed_test(path, each, source) for each in failed]
            if skipped:
                blockers.append(_skipped_tests(path, skipped))
    return blockers


async def _run_tests(
    platform: Platform, source: str, path: str, text: str, tests: Sequence[WorkflowTestRow], until: float
) -> tuple[list[str], int]:
    """Return the names of the tests that fail, and the number of those that were not run in time.

    Raises InvalidWorkflow.
    """
    known = platform.test_outcomes
    digest = hash_text(text)
    plan = None
    failed: list[str] = []
    for index, each in enumerate(tests):
        key = (path, digest, each.hash)
        if key not in known:
            if clock.monotonic() > until:
                return failed, len(tests) - index
            plan = plan or await compiled(text.encode())
            test = await run_in_thread(source, _decoded, each.body)
            known[key] = (await run_test(plan, path, test, platform.evaluator.of(source))).passed
            while len(known) > MAX_OUTCOMES:
                known.popitem(last=False)
        if not known[key]:
            failed.append(each.name)
    return failed, 0


def _decoded(body: str) -> WorkflowTest:
    return msgspec.json.decode(body, type=WorkflowTest)


def _missing_test(path: str, source: str) -> Blocker:
    hint = f"Create one in {source}, for example from a run."
    return Blocker("tests_missing", f"The workflow {path} has no test in {source}.", hint, "flow", path)


def _failed_test(path: str, name: str, source: str) -> Blocker:
    hint = f"Correct the workflow in {source} and create a release of it, or correct the test."
    return Blocker("test_failed", f"The test {name} of the workflow {path} fails.", hint, "flow", path)


def _invalid_workflow(path: str, source: str) -> Blocker:
    hint = f"Correct the workflow in {source} and create a release of it."
    message = f"The tests of the workflow {path} were not run: the workflow of the release is not valid."
    return Blocker("tests_not_run", message, hint, "flow", path)


def _skipped_tests(path: str, count: int) -> Blocker:
    message = f"{count} tests of the workflow {path} were not run: they take longer than {MAX_SECONDS:g} s."
    return Blocker(
        "tests_not_run", message, "Load the request again; tests that were run are not repeated.", "flow", path
    )
