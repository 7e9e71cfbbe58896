"""Schemas of schedules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.schedules import NextTick, ScheduleRow
from orvanta_platform.db.ticks import PastTick
from orvanta_platform.http.schemas.reasons import ReasonCode, stored_reason
from orvanta_platform.services.triggers import calendar as schedule_calendar
from orvanta_platform.services.triggers.schedules import ScheduleDraft

T = TypeVar("T")


class _Settings(msgspec.Struct, kw_only=True):
    """Common settings of the calls that create and update a schedule."""

    schedule: str
    """Cron expression with seconds."""

    timezone: str
    """IANA time zone."""

    args: Raw | UnsetType = UNSET
    missed: str | UnsetType = UNSET
    tag: str | UnsetType | None = UNSET
    retry: Raw | UnsetType = UNSET
    no_flow_overlap: bool | UnsetType | None = UNSET
    paused_until: datetime | UnsetType | None = UNSET
    dynamic_skip: str | UnsetType | None = UNSET
    on_failure: str | UnsetType | None = UNSET
    on_failure_times: float | UnsetType | None = UNSET
    on_failure_exact: bool | UnsetType | None = UNSET
    on_failure_extra_args: Raw | UnsetType = UNSET
    on_recovery: str | UnsetType | None = UNSET
    on_recovery_times: float | UnsetType | None = UNSET
    on_recovery_extra_args: Raw | UnsetType = UNSET
    on_success: str | UnsetType | None = UNSET
    on_success_extra_args: Raw | UnsetType = UNSET
    ws_error_handler_muted: bool | UnsetType | None = UNSET
    summary: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    cron_version: str | UnsetType | None = UNSET
    labels: list[str] | UnsetType | None = UNSET
    permissioned_as: str | None = None
    preserve_permissioned_as: bool | None = None


class CreateSchedule(_Settings, kw_only=True):
    """A schedule to create."""

    path: str
    script_path: str
    is_flow: bool = False
    enabled: bool = False


class EditSchedule(_Settings, kw_only=True):
    """New settings of a schedule. Settings that are not sent, and the scheduled item, are not changed."""


class SetEnabled(msgspec.Struct, kw_only=True):
    """New state of a schedule."""

    enabled: bool


class PreviewSchedule(msgspec.Struct, kw_only=True):
    """A schedule to preview."""

    schedule: str
    timezone: str


class Schedule(msgspec.Struct, kw_only=True):
    """A schedule."""

    workspace_id: str
    path: str
    edited_by: str
    edited_at: datetime
    schedule: str
    timezone: str
    enabled: bool
    script_path: str
    is_flow: bool
    extra_perms: dict[str, bool]
    email: str
    permissioned_as: str
    missed: str
    no_flow_overlap: bool
    next_at: datetime | UnsetType = UNSET
    """Time of the next tick."""

    args: Raw | UnsetType = UNSET
    error: str | UnsetType = UNSET
    """Reason for which the last tick, or a handler, could not start."""

    error_code: ReasonCode | UnsetType = UNSET

    tag: str | UnsetType = UNSET
    retry: Raw | UnsetType = UNSET
    paused_until: datetime | UnsetType = UNSET
    dynamic_skip: str | UnsetType = UNSET
    on_failure: str | UnsetType = UNSET
    on_failure_times: int | UnsetType = UNSET
    on_failure_exact: bool | UnsetType = UNSET
    on_failure_extra_args: Raw | UnsetType = UNSET
    on_recovery: str | UnsetType = UNSET
    on_recovery_times: int | UnsetType = UNSET
    on_recovery_extra_args: Raw | UnsetType = UNSET
    on_success: str | UnsetType = UNSET
    on_success_extra_args: Raw | UnsetType = UNSET
    ws_error_handler_muted: bool | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    cron_version: str | UnsetType = UNSET
    labels: list[str] | UnsetType = UNSET


class ScheduledJob(msgspec.Struct, kw_only=True):
    """A completed run of a schedule."""

    id: UUID
    success: bool
    duration_ms: float


class Tick(msgspec.Struct, kw_only=True):
    """The outcome of a tick."""

    tick_at: datetime
    state: str
    """asking, running, ended, skipped, missed or failed."""

    job: UUID | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    """Details of the state. For `missed`, the number of further missed ticks."""

    detail_code: ReasonCode | UnsetType = UNSET


class ScheduleWithJobs(Schedule, kw_only=True):
    """A schedule with its last runs and ticks, newest first, and its next five ticks, in its time zone."""

    jobs: list[ScheduledJob]
    ticks: list[Tick]
    upcoming: list[datetime]
    script_summary: str | UnsetType = UNSET
    """Summary of the scheduled item."""


class ScheduleTick(Tick, kw_only=True):
    """The outcome of a tick of the schedule at `path`."""

    path: str
    script_path: str
    is_flow: bool


class UpcomingTick(msgspec.Struct, kw_only=True):
    """A future tick of the schedule at `path`."""

    tick_at: datetime
    path: str
    script_path: str
    is_flow: bool
    timezone: str
    script_summary: str | UnsetType = UNSET
    """On the home page, the summary of the scheduled item."""


class Calendar(msgspec.Struct, kw_only=True):
    """The ticks of a period, in order."""

    past: list[ScheduleTick]
    coming: list[UpcomingTick]
    complete_until: datetime | UnsetType = UNSET
    """Time up to which all future ticks are listed. It is set if there are more than 2,000 of them."""


_JSON = ("args", "retry", "on_failure_extra_args", "on_recovery_extra_args", "on_success_extra_args")
_SAME = (
    *("missed", "tag", "paused_until", "dynamic_skip", "on_failure", "on_failure_exact", "on_recovery", "on_success"),
    *("ws_error_handler_muted", "summary", "description", "cron_version", "labels"),
)
_TIMES = ("on_failure_times", "on_recovery_times")


def draft(body: CreateSchedule | EditSchedule) -> ScheduleDraft:
    """Convert the settings of a schedule. `permissioned_as` is used only with `preserve_permissioned_as`."""
    values: dict[str, Any] = {name: getattr(body, name) for name in _SAME}
    for name in _JSON:
        raw = getattr(body, name)
        text = raw if raw is UNSET else bytes(raw).decode()
        values[name] = None if text == "null" else text
    if body.args is UNSET:
        values["args"] = None
    for name in _TIMES:
        times = getattr(body, name)
        values[name] = int(times) if isinstance(times, float) else times
    overlap = body.no_flow_overlap
    values["no_flow_overlap"] = bool(overlap) if overlap is not UNSET else UNSET
    owner = body.permissioned_as if body.preserve_permissioned_as else None
    return ScheduleDraft(cron=body.schedule, timezone=body.timezone, owner=owner or None, **values)


def schedule(row: ScheduleRow) -> Schedule:
    """Convert a schedule."""
    return Schedule(**_shown(row))


def schedule_with_jobs(row: ScheduleRow, ticks: list[PastTick], upcoming: Sequence[datetime]) -> ScheduleWithJobs:
    """Convert a schedule with the outcomes of its last ticks, and its next ticks."""
    jobs = [
        ScheduledJob(id=tick.run, success=tick.outcome == "succeeded", duration_ms=tick.duration_ms or 0)
        for tick in ticks
        if tick.run is not None and tick.outcome is not None
    ]
    return ScheduleWithJobs(
        **_shown(row),
        jobs=jobs,
        ticks=[Tick(**_tick(tick)) for tick in ticks],
        upcoming=list(upcoming),
        script_summary=_optional(row.script_summary),
    )


def upcoming_tick(tick: NextTick) -> UpcomingTick:
    """Convert a future tick."""
    return UpcomingTick(
        tick_at=tick.at, timezone=tick.timezone, script_summary=_optional(tick.script_summary), **_of(tick)
    )


def calendar(found: schedule_calendar.Calendar) -> Calendar:
    """Convert the ticks of a period."""
    return Calendar(
        past=[ScheduleTick(**_tick(tick), **_of(row)) for row, tick in found.past],
        coming=[upcoming_tick(each) for each in found.coming],
        complete_until=_optional(found.until),
    )


def _of(row: ScheduleRow | NextTick) -> dict[str, Any]:
    return {"path": row.path, "script_path": row.script_path, "is_flow": row.is_flow}


def _tick(tick: PastTick) -> dict[str, Any]:
    detail, code = stored_reason(tick.detail)
    return {
        "tick_at": tick.tick_at,
        "state": tick.state,
        "job": _optional(tick.run),
        "outcome": _optional(tick.outcome),
        "detail": _optional(detail),
        "detail_code": _optional(code),
    }


def _shown(row: ScheduleRow) -> dict[str, Any]:
    shown: dict[str, Any] = {name: _optional(getattr(row, name)) for name in (*_SAME, *_TIMES, "next_at")}
    shown |= {name: UNSET if (text := getattr(row, name)) is None else Raw(text.encode()) for name in _JSON}
    for name in ("path", "edited_by", "edited_at", "timezone", "enabled", "script_path", "is_flow", "extra_perms"):
        shown[name] = getattr(row, name)
    for name in ("email", "permissioned_as", "no_flow_overlap"):
        shown[name] = getattr(row, name)
    error, code = stored_reason(row.error)
    shown |= {"error": _optional(error), "error_code": _optional(code)}
    shown["args"] = Raw((row.args or "null").encode())
    return shown | {"workspace_id": row.workspace, "schedule": row.cron}


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
