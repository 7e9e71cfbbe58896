"""Tests of the workflows that a release changes, as a rule of the environment.

The tests are those of the workspace of the release. They are played against the documents of the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import workflow_tests as rows
from orvanta_platform.db.workflow_tests import TestName
from orvanta_platform.errors import InvalidWorkflow, OrvantaError
from orvanta_platform.orchestrator.recorded_tests import MAX_SECONDS as PLAYBACK_SECONDS
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.catalog.test_playback import TestedDocument, outcomes_of
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases.plans import MAX_TESTS, DeploymentPlan, changed_flows
from orvanta_platform.services.releases.preflight import Blocker
from orvanta_platform.services.releases.releases import Release


async def list_unfulfilled(
    platform: Platform, actor: Actor, release: Release, plan: DeploymentPlan, kind: str
) -> list[Blocker]:
    """Return the tests that fail or cannot be run, and the workflows without tests, if the rules of the environment
    require tests.

    Rollbacks need no tests: those of the workspace are written for later versions. Raises NotFound, and nothing that
    somebody in the workspace of the release can cause: a request must always be readable.
    """
    environment = plan.environment
    require_workspace(actor, environment.workspace)
    rule = rules_of(environment).workflow_tests
    changed = changed_flows(plan.plan)
    if rule == "ignore" or kind == "rollback" or not changed:
        return []
    source = release.row.workspace
    flows = [each for each in release.bundle.items if each.kind == "flow" and each.path in changed]
    texts = {each.path: each.content["text"] for each in flows}
    async with platform.db.acquire() as conn:
        found = await rows.list_names(conn, source, sorted(texts), MAX_TESTS + 1)
    if len(found) > MAX_TESTS:
        message = f"The changed workflows have more than {MAX_TESTS:,} tests."
        return [_not_run(None, message, "Split the release.", cause="limit", limit=MAX_TESTS)]
    tests: dict[str, list[TestName]] = {}
    for each in found:
        tests.setdefault(each.path, []).append(each)
    imported = release.row.imported is not None
    untested = [path for path in sorted(texts) if path not in tests] if rule == "require" else []
    missing = [_missing_test(path, source, imported=imported) for path in untested]
    until = clock.monotonic() + MAX_SECONDS
    return missing + [
        blocker
        for path, found_tests in tests.items()
        for blocker in await _blockers(platform, environment.workspace, source, path, texts[path], found_tests, until)
    ]


async def play(
    platform: Platform, workspace: str, source: str, path: str, text: str, tests: Sequence[TestName], until: float
) -> dict[str, bool]:
    """Return whether tests of a workflow of `source` pass with a document, for an environment.

    `workspace`: that of the environment. Tests that cannot be run until `until` (clock.monotonic) are left out. Raises
    InvalidWorkflow, BadRequest, RateLimited, EvaluatorUnavailable.
    """

    async def load(names: Sequence[str]) -> dict[str, str]:
        async with platform.db.acquire() as conn:
            return await rows.list_bodies(conn, source, path, names)

    # The turn of the environment: members of the source must not be able to delay it.
    document = TestedDocument(source, path, text, ("release_tests", workspace))
    return await outcomes_of(platform, document, tests, load, until)


async def _blockers(
    platform: Platform, workspace: str, source: str, path: str, text: str, tests: Sequence[TestName], until: float
) -> list[Blocker]:
    """Return the tests of a workflow that fail or cannot be run."""
    try:
        outcomes = await play(platform, workspace, source, path, text, tests, until)
    except InvalidWorkflow:
        message = f"The tests of the workflow {path} were not run: the workflow of the release is not valid."
        hint = f"Correct the workflow in {source} and create a release of it."
        return [_not_run(path, message, hint, cause="invalid", workspace=source)]
    except OrvantaError as error:
        message = f"The tests of the workflow {path} were not run: {error.message}"
        return [_not_run(path, message, _REPEAT, cause="error", reason=error.message)]
    failed = [_failed_test(path, name, source) for name, passed in outcomes.items() if not passed]
    if skipped := describe_not_run(tests, outcomes):
        message = f"Tests of the workflow {path} were not run: {skipped}"
        failed.append(_not_run(path, message, _REPEAT, cause="time", reason=skipped))
    return failed


def describe_not_run(tests: Sequence[TestName], outcomes: Mapping[str, bool]) -> str | None:
    """Return the end of a message that names the tests without an outcome and their limits; None: all have one."""
    names = [each.name for each in tests if each.name not in outcomes]
    if not names:
        return None
    shown = ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")
    return f"{shown}. A test takes at most {PLAYBACK_SECONDS:g} s, and all together {MAX_SECONDS:g} s."


def _missing_test(path: str, source: str, *, imported: bool) -> Blocker:
    hint = f"Create one in {source}, for example from a run."
    if imported:
        hint = f"Push those of its instance to {source} (orvanta push), also before the workflow exists there."
    values = {"workspace": source, "origin": "file" if imported else "workspace"}
    return Blocker("tests_missing", f"The workflow {path} has no test in {source}.", hint, "flow", path, values=values)


def _failed_test(path: str, name: str, source: str) -> Blocker:
    hint = f"Correct the workflow in {source} and create a release of it, or correct the test."
    values = {"test": name, "workspace": source}
    return Blocker("test_failed", f"The test {name} of the workflow {path} fails.", hint, "flow", path, values=values)


def _not_run(path: str | None, message: str, hint: str, **values: str | int) -> Blocker:
    named = {"workspace": "", "reason": "", "limit": 0, **values}
    return Blocker("tests_not_run", message, hint, None if path is None else "flow", path, values=named)


CODES: Final = ("tests_missing", "test_failed", "tests_not_run")
"""Codes of the reasons of unfulfilled test rules."""

_MAX_NAMES: Final = 5
_REPEAT: Final = "Load the request again; tests that were run are not repeated."
