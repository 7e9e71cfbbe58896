"""Checks after deployments, and automatic promotions, in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from orvanta_platform.db.automatic_promotions import AutomaticPromotionRow
from orvanta_platform.db.deployment_checks import CheckResult, CheckRow
from orvanta_platform.http.schemas.reasons import ReasonCode, reason_code, stored_reason
from orvanta_platform.reasons import Reason
from orvanta_platform.workflow.releases.rules import Checks, FailedCheckRule


class CheckOutcome(msgspec.Struct, kw_only=True):
    """Outcome of the tests of a workflow, or of the smoke run."""

    kind: Literal["workflow_tests", "smoke_run"]
    path: str
    """Empty if the tests of all workflows could not be run."""

    passed: bool
    tests: int
    """Number of tests that were run."""

    failed: list[str]
    """Names of tests that failed, at most 20."""

    message: str | None
    """Reason why it failed; null: it passed."""

    message_code: ReasonCode | None
    """Code of `message`; null: it has none."""


class DeploymentCheck(msgspec.Struct, kw_only=True):
    """Checks that the rules of the environment demand after a release was promoted."""

    state: Literal["waiting", "running", "passed", "failed"]
    """running: the smoke run was started."""

    checks: Checks
    """The rule `checks` at the time of the deployment."""

    on_failed_check: FailedCheckRule
    """The rule `on_failed_check` at the time of the deployment."""

    permissioned_as: str
    """`u/<username>` of the member who applied the release: the smoke run and a rollback have its permissions."""

    results: list[CheckOutcome]
    run: UUID | None
    """Smoke run."""

    run_until: datetime | None
    """Time at which the smoke run is cancelled."""

    created_at: datetime
    ended_at: datetime | None
    rollback: Literal["due", "done", "refused"] | None
    """State of the rollback after failed checks; null: there is none."""

    rollback_request: int | None
    """Request of the rollback, which remains open if it was refused."""

    rollback_detail: str | None
    """Reason why the rollback was refused. Members who may not apply see only that it was."""

    rollback_detail_code: ReasonCode | None
    """Code of `rollback_detail`; null: it has none."""


class AutomaticPromotion(msgspec.Struct, kw_only=True):
    """Releases of the previous environment are promoted after the soak time."""

    permissioned_as: str
    """`u/<username>` of the member who set it up, and with whose rights it is done."""

    since: datetime
    waits_for: str | None
    """Obstacle of the last attempt; null: none. Members who may not apply see only that there is one."""

    waits_for_code: ReasonCode | None
    """Code of `waits_for`; null: it has none."""

    disabled_reason: str | None
    """Reason for which it ended by itself; null: it is active. Members who may not apply see only that it did."""

    disabled_reason_code: ReasonCode | None
    """Code of `disabled_reason`; null: it has none."""


def check(row: CheckRow | None) -> DeploymentCheck | None:
    """Convert the checks of a deployment."""
    if row is None:
        return None
    same = ("permissioned_as", "run", "run_until", "created_at", "ended_at", "rollback_request")
    detail, code = stored_reason(row.rollback_detail)
    return DeploymentCheck(
        **{name: getattr(row, name) for name in same},
        rollback_detail=detail,
        rollback_detail_code=code,
        state=row.state,
        checks=msgspec.json.decode(row.checks, type=Checks),
        on_failed_check=row.on_failed,
        results=[_outcome(each) for each in row.results],
        rollback=row.rollback,
    )


def automatic_promotion(row: AutomaticPromotionRow) -> AutomaticPromotion:
    """Convert an automatic promotion."""
    waits_for, waits_for_code = stored_reason(row.waits_for)
    disabled_reason, disabled_reason_code = stored_reason(row.disabled_reason)
    return AutomaticPromotion(
        permissioned_as=row.permissioned_as,
        since=row.since,
        waits_for=waits_for,
        waits_for_code=waits_for_code,
        disabled_reason=disabled_reason,
        disabled_reason_code=disabled_reason_code,
    )


def _outcome(result: CheckResult) -> CheckOutcome:
    fields = asdict(result)
    found = Reason(result.message or "", fields.pop("code"), fields.pop("values"))
    return CheckOutcome(**fields, message_code=reason_code(found))
