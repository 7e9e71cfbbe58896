"""Consequences of failed checks after a deployment: a hold, and a rollback.

The rule `on_failed_check` of the environment orders them. The hold is the platform's own. A rollback writes items, with
the permissions that the member who applied the release has at that time, limited like the token that applied it. The
rule stands for the approvals of this rollback, which do not arrive in time; everything else that prevents a rollback
prevents it too, and leaves its request open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor, system
from orvanta_platform.db import deployment_checks as rows
from orvanta_platform.db import deployment_mails, environments
from orvanta_platform.db import deployments as deployment_rows
from orvanta_platform.db.deployment_checks import CheckResult, DueCheck
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import (
    Conflict,
    DatabaseUnavailable,
    OrvantaError,
    QueryTimeout,
    RateLimited,
    StalePlan,
    StorageError,
)
from orvanta_platform.evaluate.process import EvaluatorUnavailable
from orvanta_platform.reasons import Reason, reason, reason_of, stored
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import deployments, environment_rules
from orvanta_platform.services.releases.deployment_notices import Notices, Subject

RETRY_S: Final = 5.0
"""Seconds after which an attempt is repeated that failed for a passing reason, such as a limit of runs."""

PASSING: Final = (DatabaseUnavailable, EvaluatorUnavailable, QueryTimeout, RateLimited, StalePlan, StorageError)
"""Errors that may not occur again a few seconds later."""

log = structlog.get_logger(__name__)


class _Ended(Exception):
    """Another server has ended the rollback."""


async def report(conn: Connection, notices: Notices, due: DueCheck) -> None:
    """Queue messages about failed checks."""
    await notices.queue(conn, "failed", _subject(due))
    if due.request is not None:
        itself = system()
        await deployment_mails.queue_for_author(conn, due.request, "failed", itself.username, itself.email)


async def hold(conn: Connection, notices: Notices, due: DueCheck) -> None:
    """Prevent promotions to the environment until a member lifts the hold.

    A hold of a member remains as it is, unless it would end with a request for a rollback.
    """
    reason, actor = _reason(due), system(due.workspace)
    if not await deployment_rows.set_hold(conn, due.environment, actor.username, reason):
        return
    await audit.record(conn, actor, "deployments.hold", "Updated", due.environment, {"reason": reason})
    await notices.queue(conn, "held", _subject(due))


async def roll_back(platform: Platform, due: DueCheck) -> None:
    """Deploy the release before the one whose checks failed, once; or record why that was refused."""
    async with platform.db.transaction() as conn:
        is_current = await rows.lock_rollback(conn, due.deployment)
    if is_current is None:
        return
    request: int | None = None
    try:
        if not is_current:
            raise _replaced()
        actor = await environment_rules.resolve_member(
            platform, due.workspace, due.permissioned_as, due.email, due.scopes
        )
        opened = await deployments.open_previous(platform, actor, due.workspace, _reason(due))
        request = opened.request.id

        async def begin(conn: Connection) -> None:
            await _take(conn, actor, due, opened.request.id)

        if opened.plan.blocked:
            raise Conflict(opened.plan.blocked[0].as_reason())
        await deployments.apply_ordered(platform, actor, opened, _reason(due), begin)
    except _Ended:
        return
    except OrvantaError as error:
        if isinstance(error, PASSING) and not due.is_late:
            async with platform.db.acquire() as conn:
                await rows.postpone(conn, due.deployment, RETRY_S)
        else:
            await refuse(platform, due, request, reason_of(error))


async def _take(conn: Connection, actor: Actor, due: DueCheck, request: int) -> None:
    """Mark the rollback as done in the transaction that applies it.

    Raises Conflict if the release was replaced, or if the rules no longer order a rollback.
    """
    is_current = await rows.lock_rollback(conn, due.deployment)
    if is_current is None:
        raise _Ended
    if not is_current:
        raise _replaced()
    environment = await environments.get(conn, due.workspace)
    if environment is None or rules_of(environment).on_failed_check != "rollback":
        raise Conflict(reason("rollback_not_ordered"))
    await rows.end_rollback(conn, due.deployment, "done", request, None)
    parameters = {"request": request, "deployment": due.deployment}
    await audit.record(conn, actor, "deployments.roll_back_automatically", "Execute", due.environment, parameters)


def _replaced() -> Conflict:
    return Conflict(reason("release_replaced"))


async def refuse(platform: Platform, due: DueCheck, request: int | None, found: Reason) -> None:
    """Record that a rollback is not made, with the reason."""
    log.warning("rollback refused", action="rollback", environment=due.environment, deployment=due.deployment)
    async with platform.db.transaction() as conn:
        if not await rows.end_rollback(conn, due.deployment, "refused", request, stored(found)):
            return
        parameters = {"deployment": due.deployment, "request": request, "reason": found.message}
        actor = system(due.workspace)
        await audit.record(conn, actor, "deployments.refuse_rollback", "Updated", due.environment, parameters)


def _subject(due: DueCheck) -> Subject:
    return Subject(due.environment, due.workspace, due.source, due.number, due.request, system().username)


def failure_of(results: Sequence[CheckResult]) -> str | None:
    """Return the reason of the first check that failed; None: all passed."""
    return next((each.message or "" for each in results if not each.passed), None)


def _reason(due: DueCheck) -> str:
    """Return the reason of a hold or rollback. It names no items, which not every member may be able to read."""
    return f"The checks of release {due.number} of {due.source} failed."
