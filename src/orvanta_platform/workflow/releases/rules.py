"""Rules of an environment: approvals, who may apply, frozen hours, soak time, and checks after a deployment."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.time_zones import zone_of

TestRule: TypeAlias = Literal["ignore", "pass", "require"]
FailedCheckRule: TypeAlias = Literal["nothing", "hold", "rollback"]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

MAX_APPROVALS: Final = 20
MAX_ENTRIES: Final = 100
"""Maximum number of members and groups in a list, and of frozen windows."""
MAX_SOAK_MINUTES: Final = 60 * 24 * 90
MAX_PRINCIPAL_LENGTH: Final = 200
MAX_SMOKE_RUN_S: Final = 3_600
MAX_SMOKE_RUN_INPUT: Final = 100_000
"""Maximum length of the inputs of a smoke run, as JSON text."""

_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = 24 * 60
"""Minutes of a day."""
_WEEK: Final = timedelta(days=7)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class FrozenWindow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Hours of some weekdays. A window whose end is not after its start ends on the following day."""

    days: tuple[Day, ...]
    start: str
    """Local time `HH:MM`."""
    end: str
    """Local time `HH:MM`, 24:00 for the end of the day."""


class FrozenHours(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Hours of the week in which nothing is applied."""

    timezone: str = "UTC"
    """IANA time zone."""
    windows: tuple[FrozenWindow, ...] = ()


class SmokeRun(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A run of a deployed workflow or script that must succeed after a deployment."""

    kind: Literal["flow", "script"] = "flow"
    path: str
    args: dict[str, Any] = {}
    """Inputs, without secrets: everybody who may read the rules reads them."""
    time_limit_s: int = 300
    """Seconds after its start at which it is cancelled and counts as failed."""


class Checks(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Checks of the environment after a release was promoted to it. The smoke run starts once the tests pass."""

    workflow_tests: bool = False
    """The tests of the workflows of the release are played against the workflows as they are in the environment."""
    smoke_run: SmokeRun | None = None

    def __bool__(self) -> bool:
        return self.workflow_tests or self.smoke_run is not None


class Rules(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Conditions of a deployment to an environment. Members and groups are those of its workspace."""

    approvals: int = 0
    """Number of different members who must approve."""
    approvers: tuple[str, ...] = ()
    """Members `u/<username>` and groups `g/<name>` who may approve; empty: the admins of the workspace."""
    author_may_approve: bool = False
    appliers: tuple[str, ...] = ()
    """Members and groups who may apply; empty: everybody who may deploy to the workspace."""
    frozen_hours: FrozenHours | None = None
    soak_minutes: int = 0
    """Minutes that a release must have been in the environment before."""
    refuse_direct_deploys: bool = False
    """Scripts and workflows of the workspace are changed by releases only."""
    refuse_previews: bool = False
    """Code that is not deployed does not run in the workspace."""
    permit_removals: bool = False
    """Releases may remove items."""
    workflow_tests: TestRule = "ignore"
    """pass: the tests of each workflow that a release changes pass; require: in addition each of them has a test."""
    checks: Checks = Checks()
    """Checks that are performed after a release was promoted."""
    on_failed_check: FailedCheckRule = "nothing"
    """hold: promotions are on hold; rollback: if the smoke run fails, the previous release is deployed again, too."""
    bypass: tuple[str, ...] = ()
    """Members and groups who can apply a request that does not fulfil the rules (approvals, frozen hours, soak time,
    tests, hold). They must give a reason, which is recorded."""


def parse(tree: Any) -> Rules:
    """Return rules from their data. Raises BadRequest if they are not valid."""
    try:
        rules = msgspec.convert(tree, Rules)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The rules are not valid: {error}.") from error
    fault = _fault(rules)
    if fault is not None:
        raise BadRequest(f"The rules are not valid: {fault}.")
    return rules


def is_frozen(rules: Rules, at: datetime) -> bool:
    """Return whether a time is in the frozen hours. `at`: with a time zone."""
    return rules.frozen_hours is not None and _window_end(rules.frozen_hours, at) is not None


def frozen_until(rules: Rules, at: datetime) -> datetime | None:
    """Return the end of the frozen hours that a time is in, in their time zone; None: it is in none, or they never end.

    Windows that follow each other without a break end with the last one.
    """
    until, end = at, None
    while rules.frozen_hours is not None and (following := _window_end(rules.frozen_hours, until)) is not None:
        until = end = following
        if until - at > _WEEK:
            return None
    return end


def _window_end(hours: FrozenHours, at: datetime) -> datetime | None:
    """Return the last end of the windows that contain a time."""
    local = at.astimezone(zone_of(hours.timezone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    minute = local.hour * 60 + local.minute
    today, yesterday = _DAYS[local.weekday()], _DAYS[(local - timedelta(days=1)).weekday()]
    ends = []
    for window in hours.windows:
        start, end = _minutes(window.start), _minutes(window.end)
        ends_today = end > start
        if today in window.days and minute >= start and (minute < end or not ends_today):
            ends.append(end if ends_today else end + _DAY)
        if not ends_today and yesterday in window.days and minute < end:
            ends.append(end)
    return midnight + timedelta(minutes=max(ends)) if ends else None


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def _fault(rules: Rules) -> str | None:
    if not 0 <= rules.approvals <= MAX_APPROVALS:
        return f"`approvals` is a number from 0 to {MAX_APPROVALS}"
    if not 0 <= rules.soak_minutes <= MAX_SOAK_MINUTES:
        return f"`soak_minutes` is a number from 0 to {MAX_SOAK_MINUTES}"
    for name, entries in (("approvers", rules.approvers), ("appliers", rules.appliers), ("bypass", rules.bypass)):
        valid = all(each.startswith(("u/", "g/")) and 2 < len(each) <= MAX_PRINCIPAL_LENGTH for each in entries)
        if len(entries) > MAX_ENTRIES or not valid:
            return f"`{name}` has at most {MAX_ENTRIES} entries u/<username> or g/<name>"
    if rules.on_failed_check != "nothing" and not rules.checks:
        return "`on_failed_check` needs `checks`"
    if rules.on_failed_check == "rollback" and rules.checks.smoke_run is None:
        return "`on_failed_check: rollback` needs a smoke run"
    frozen = None if rules.frozen_hours is None else _frozen_fault(rules.frozen_hours)
    return frozen or (None if rules.checks.smoke_run is None else _smoke_fault(rules.checks.smoke_run))


def _smoke_fault(run: SmokeRun) -> str | None:
    if not 1 <= run.time_limit_s <= MAX_SMOKE_RUN_S:
        return f"`time_limit_s` is a number from 1 to {MAX_SMOKE_RUN_S}"
    if len(msgspec.json.encode(run.args)) > MAX_SMOKE_RUN_INPUT:
        return f"`args` of a smoke run have at most {MAX_SMOKE_RUN_INPUT:,} characters"
    return None


def _frozen_fault(hours: FrozenHours) -> str | None:
    try:
        zone_of(hours.timezone)
    except BadRequest:
        return f"{hours.timezone[:100]!r} is not a time zone"
    if len(hours.windows) > MAX_ENTRIES:
        return f"`windows` has at most {MAX_ENTRIES} entries"
    for window in hours.windows:
        if not window.days or len(window.days) > len(_DAYS):
            return "a window has 1 to 7 `days`"
        if not (_TIME.fullmatch(window.start) and _TIME.fullmatch(window.end)) or window.start == "24:00":
            return "`start` and `end` of a window are times HH:MM"
    return None
