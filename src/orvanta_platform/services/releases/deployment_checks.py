"""Checks after a deployment: tests of the released workflows against the environment, and a smoke run.

They are stored in the transaction of the deployment and performed by any server, which claims them for a time: a server
that crashes is replaced, and its smoke run continues. The smoke run acts for the member who applied the release, with
the limits of the token that did, and like other runs that this member does not start runs accepted versions only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor, system
from orvanta_platform.db import deployment_checks as rows
from orvanta_platform.db import deployments as deployment_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import workflow_tests
from orvanta_platform.db.deployment_checks import CheckResult, DueCheck
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Forbidden, IdentityDisabled, InvalidWorkflow, OrvantaError
from orvanta_platform.reasons import TEXTS, Reason, reason, reason_of
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import (
    deployment_notices,
    environment_rules,
    failed_checks,
    release_tests,
    releases,
)
from orvanta_platform.services.releases.failed_checks import PASSING, RETRY_S
from orvanta_platform.services.releases.plans import MAX_TESTS
from orvanta_platform.services.runs import cancellation
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.run_spec import RunOptions
from orvanta_platform.workflow.releases.rules import Checks, SmokeRun
from orvanta_platform.workflow.tree.item import Key

TRIGGER: Final = "deployment_check"

CLAIM_S: Final = 120.0
"""Seconds for which a server claims checks, longer than tests are played at once."""

POLL_S: Final = 1.0
"""Seconds between checks of a smoke run."""

LATE_S: Final = 600.0
"""Seconds after which attempts are not repeated; of a smoke run, counted from its time limit."""

_AT_ONCE: Final = 10
_MAX_NAMES: Final = 20

log = structlog.get_logger(__name__)


class _RunTaken(Exception):
    """Another server has started the smoke run."""


async def run_due(platform: Platform) -> int:
    """Perform checks and rollbacks that are due, or a part of them; return their number."""
    async with platform.db.acquire() as conn:
        due = await rows.claim_due(conn, _AT_ONCE, CLAIM_S, LATE_S)
    await asyncio.gather(*(_process(platform, each) for each in due))
    return len(due)


async def _process(platform: Platform, due: DueCheck) -> None:
    try:
        if due.rollback == "due":
            await failed_checks.roll_back(platform, due)
        elif due.state == "running":
            await _observe_run(platform, due)
        else:
            await _perform(platform, due)
    except _RunTaken:
        return
    except Exception as error:  # one check must not delay the others; the claim expires, and it is attempted again
        log.warning("check not performed", action="check", environment=due.environment, error=repr(error))
        if due.is_late:
            await _abandon(platform, due)


async def _abandon(platform: Platform, due: DueCheck) -> None:
    """End checks, or a rollback, that failed for an unknown reason each time."""
    internal = reason("internal")
    if due.rollback == "due":
        await failed_checks.refuse(platform, due, due.rollback_request, internal)
    elif due.state == "running":
        await _abandon_run(platform, due)
    else:
        await _finish(platform, due, [_tests_failed(internal)])


async def _abandon_run(platform: Platform, due: DueCheck) -> None:
    """Cancel a smoke run long after its time limit, and end the checks with its failure."""
    smoke = msgspec.json.decode(due.checks, type=Checks).smoke_run
    assert smoke is not None
    assert due.run is not None
    with suppress(OrvantaError):  # the checks end even if the run was deleted or cannot be cancelled
        await cancellation.cancel(platform, system(due.workspace), due.workspace, due.run, TEXTS["internal"])
    await _finish(platform, due, [*due.results, _failure(smoke, "smoke_run_internal")])


async def _perform(platform: Platform, due: DueCheck) -> None:
    """Play the tests, and start the smoke run if they pass."""
    checks = msgspec.json.decode(due.checks, type=Checks)
    try:
        results = await _play_tests(platform, due) if checks.workflow_tests else []
    except PASSING as error:
        results = _unless_repeated(due, error.message)
    if results is None:
        async with platform.db.acquire() as conn:
            await rows.postpone(conn, due.deployment, RETRY_S)
    elif checks.smoke_run is None or not all(each.passed for each in results):
        await _finish(platform, due, results)
    else:
        await _start_run(platform, due, checks.smoke_run, results)


def _unless_repeated(due: DueCheck, cause: str) -> list[CheckResult] | None:
    """Return the failure of tests that could not be played, or None if they are attempted again."""
    if not due.is_late:
        return None
    return [_tests_failed(Reason(f"The tests were not run: {cause}"))]


def _tests_failed(found: Reason, path: str = "", tests: int = 0, failed: Sequence[str] = ()) -> CheckResult:
    return _result("workflow_tests", path, found, tests, failed)


def _result(
    kind: Literal["workflow_tests", "smoke_run"], path: str, found: Reason, tests: int = 0, failed: Sequence[str] = ()
) -> CheckResult:
    """Return the result of a check that failed for a reason."""
    return CheckResult(
        kind=kind,
        path=path,
        passed=False,
        tests=tests,
        failed=list(failed),
        message=found.message,
        code=found.code,
        values=dict(found.values),
    )


async def _play_tests(platform: Platform, due: DueCheck) -> list[CheckResult] | None:
    """Return the outcomes of the tests of each workflow of the release; None: some must be played again.

    They are the tests of the workspace of the release, played against the workflows as they are in the environment.
    """
    async with platform.db.acquire() as conn:
        stored = None if due.release is None else await deployment_rows.get_release(conn, due.release)
    if stored is None:
        return [_tests_failed(reason("release_deleted"))]
    release = await releases.open_release(due.workspace, stored)
    keys: list[Key] = [each.key for each in release.bundle.items if each.kind == "flow"]
    present = await change_sets.read_items(platform, system(due.workspace), due.workspace, keys)
    async with platform.db.acquire() as conn:
        found = await workflow_tests.list_names(conn, due.source, [path for _, path in keys], MAX_TESTS + 1)
    if len(found) > MAX_TESTS:
        return [_tests_failed(reason("too_many_tests", count=MAX_TESTS))]
    until, results = clock.monotonic() + MAX_SECONDS, []
    for key in keys:
        text = present[key].content["text"] if key in present else None
        result = await _play(platform, due, key[1], text, [each for each in found if each.path == key[1]], until)
        if result is None:
            return None
        results.append(result)
    return results


async def _play(
    platform: Platform,
    due: DueCheck,
    path: str,
    text: str | None,
    tests: Sequence[workflow_tests.TestName],
    until: float,
) -> CheckResult | None:
    """Return the outcome of the tests of a workflow, whose document in the environment is `text`; None: unfinished."""
    if text is None:
        return _tests_failed(reason("workflow_absent", path=path, workspace=due.workspace), path)
    try:
        outcomes = await release_tests.play(platform, due.workspace, due.source, path, text, tests, until)
    except InvalidWorkflow:
        return _tests_failed(reason("workflow_invalid", path=path, workspace=due.workspace), path)
    failed = [name for name, passed in outcomes.items() if not passed]
    if failed:
        found = reason("test_failed", test=failed[0], path=path)
        return _tests_failed(found, path, len(outcomes), failed[:_MAX_NAMES])
    not_run = release_tests.describe_not_run(tests, outcomes)
    if not_run is None:
        return CheckResult(kind="workflow_tests", path=path, passed=True, tests=len(tests))
    if not due.is_late:
        return None
    return _tests_failed(Reason(f"Tests of the workflow {path} were not run: {not_run}"), path, len(outcomes))


async def _start_run(platform: Platform, due: DueCheck, smoke: SmokeRun, results: list[CheckResult]) -> None:
    """Start the smoke run; its row and that of the check change in one transaction."""

    async def take(conn: Connection, run: UUID) -> None:
        if not await rows.start_run(conn, due.deployment, run, smoke.time_limit_s, results):
            raise _RunTaken

    options = RunOptions(trigger=TRIGGER, references=frozenset())
    start = runs.start_flow if smoke.kind == "flow" else runs.start_script
    args = msgspec.json.encode(smoke.args)
    try:
        actor = await _runner(platform, due)
        await start(platform, actor, due.workspace, smoke.path, args, options, in_transaction=take)
    except OrvantaError as error:
        if isinstance(error, PASSING) and not due.is_late:
            async with platform.db.acquire() as conn:
                await rows.postpone(conn, due.deployment, RETRY_S)
        else:
            # The message of the error may name items that readers of the result may not read.
            await _finish(platform, due, [*results, _failure(smoke, "smoke_run_not_started", error=error.code)])


async def _runner(platform: Platform, due: DueCheck) -> Actor:
    """Return the member for whom the smoke run acts. Raises IdentityDisabled."""
    who = (due.permissioned_as, due.email, due.scopes)
    try:
        member = await environment_rules.resolve_member(platform, due.workspace, *who)
    except Forbidden as error:
        raise IdentityDisabled(reason_of(error)) from error
    return replace(member, kind="system")


async def _observe_run(platform: Platform, due: DueCheck) -> None:
    """End the checks with the smoke run, or cancel it at its time limit."""
    smoke = msgspec.json.decode(due.checks, type=Checks).smoke_run
    assert smoke is not None
    assert due.run is not None
    async with platform.db.acquire() as conn:
        live = await run_rows.find_run(conn, due.workspace, due.run)
        ended = None if live is not None else await run_rows.get_ended_run(conn, due.run)
        if live is not None and not due.is_run_late:
            await rows.postpone(conn, due.deployment, POLL_S)
            return
        done = await rows.get_interventions(conn, due.workspace, due.run)
    if live is not None:
        cause = f"The smoke run exceeded its time limit of {smoke.time_limit_s} s."
        await cancellation.cancel(platform, system(due.workspace), due.workspace, due.run, cause)
        result = _failure(smoke, "smoke_run_late", seconds=str(smoke.time_limit_s))
    elif ended is None:
        result = _failure(smoke, "smoke_run_deleted")
    elif done.changed:
        result = _failure(smoke, "smoke_run_changed")
    elif ended.status == "succeeded":
        result = CheckResult(kind="smoke_run", path=smoke.path, passed=True)
    else:
        result = _failure(smoke, "smoke_run_status", status=ended.status)
    has_failed = ended is not None and ended.status == "failed" and not (done.changed or done.decided)
    await _finish(platform, due, [*due.results, result], smoke_run_failed=has_failed)


def _failure(smoke: SmokeRun, code: str, **values: str) -> CheckResult:
    return _result("smoke_run", smoke.path, reason(code, kind=smoke.kind, path=smoke.path, **values))


async def _finish(
    platform: Platform, due: DueCheck, results: list[CheckResult], *, smoke_run_failed: bool = False
) -> None:
    """Store the outcome, and what follows from it, in one transaction.

    Only a smoke run that failed by itself is followed by a rollback. Members without rights in the environment can
    change the tests of the workspace of the release, and those who may cancel, pause or decide in a smoke run cannot
    apply a rollback: a run in which they did so orders none, and one that they changed does not pass.
    Nothing follows from failed checks of a release that was replaced meanwhile, such as by a rollback of a member.
    """
    failure = failed_checks.failure_of(results)
    state = "passed" if failure is None else "failed"
    notices = await deployment_notices.prepare(platform)
    async with platform.db.transaction() as conn:
        await deployment_rows.lock_environment(conn, due.environment)
        follows = failure is not None and await rows.is_current(conn, due.deployment)
        rolls_back = follows and smoke_run_failed and due.on_failed == "rollback"
        if not await rows.finish(conn, due.deployment, state, due.state, results, rolls_back=rolls_back):
            return
        parameters: dict[str, Any] = {"deployment": due.deployment, "request": due.request, "state": state}
        if failure is not None:
            parameters["reason"] = failure
        actor = system(due.workspace)
        await audit.record(conn, actor, "deployments.check", "Updated", due.environment, parameters)
        if failure is not None:
            await failed_checks.report(conn, notices, due)
        if follows and due.on_failed != "nothing":
            await failed_checks.hold(conn, notices, due)
