"""Open approvals of a workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orvanta_platform.control import permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import approvals as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.approvals import ApprovalViewer, DecisionRow, OpenApproval, RunApproval
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.services.access import item_names
from orvanta_platform.services.approvals import approvers, forms
from orvanta_platform.services.approvals.approvers import ApprovalRequest
from orvanta_platform.services.approvals.forms import Field
from orvanta_platform.services.approvals.lookup import find_request, hints_of
from orvanta_platform.services.platform import Platform

MAX_PAGE = 500
"""Maximum number of open approvals that are returned."""

_BATCH = 500
"""Number of open approvals that are examined at a time."""


class Waiting(msgspec.Struct, frozen=True):
    """An open approval."""

    run: RunRow
    opened: OpenApproval
    request: ApprovalRequest
    mine: bool
    """The actor may decide and has not done so."""
    decisions: Sequence[DecisionRow]
    """Decisions about it so far."""
    fields: Sequence[Field]
    summary: str | None = None
    """Summary of the workflow."""


async def list_waiting(
    platform: Platform, actor: Actor, workspace: str, *, mine: bool = False, limit: int = 100
) -> list[Waiting]:
    """Return the open approvals that the actor may decide (`mine`: only those) or see, oldest first.

    A named approver sees the requested approval even without access to the run. Raises NotFound.
    """
    permissions.require_workspace(actor, workspace)
    found: list[_Found] = []
    opened: list[RunApproval] = []
    viewer = _viewer(actor)
    while not opened or len(opened) == _BATCH:
        async with platform.db.acquire() as conn:
            opened = await rows.list_open_of_workspace(
                conn, workspace, viewer, _BATCH, opened[-1].asks if opened else None
            )
            found += await _visible(platform, conn, actor, opened, mine=mine)
        if len(found) >= limit or not opened:
            break
    del found[limit:]
    async with platform.db.acquire() as conn:
        keys = [("flow", each.run.path) for each in found if each.run.path is not None]
        names = await item_names.get_names(conn, actor, workspace, keys)
    hints: Sequence[Mapping[str, Any]] = await hints_of(platform, [each.request for each in found])
    waiting: list[Waiting] = []
    for each, hint in zip(found, hints, strict=True):
        await asyncio.sleep(0)  # a large form takes long, so other tasks run in between
        fields = forms.fields(each.request.consent.form, hint)
        summary = names.get(("flow", each.run.path or ""))
        waiting.append(Waiting(each.run, each.asks, each.request, each.decides, each.decisions, fields, summary))
    return waiting


def _viewer(actor: Actor) -> ApprovalViewer:
    """Return the conditions of the query. The limits of a token are checked for each of the rows."""
    seen = permissions.readable(scopes.without_limits(actor))
    names = sorted({*seen.principals, f"role/{actor.role}"})
    return ApprovalViewer(seen.everything, seen.patterns, seen.username, seen.principals, names)


class _Found(msgspec.Struct, frozen=True):
    run: RunRow
    asks: OpenApproval
    request: ApprovalRequest
    decides: bool
    decisions: list[DecisionRow]


async def _visible(
    platform: Platform, conn: Connection, actor: Actor, opened: Sequence[RunApproval], *, mine: bool
) -> list[_Found]:
    """Return those of these approvals that the actor may decide or, unless `mine`, see."""
    found: list[_Found] = []
    runs = await run_rows.get_live_runs(conn, [each.run for each in opened])
    decisions = await rows.list_decisions_of_runs(conn, list(runs))
    for each in opened:
        live = runs.get(each.run)
        request = await find_request(platform, conn, live, each.asks.job, [each.asks]) if live else None
        if live is None or request is None:
            continue
        target = Target(live.workspace, "run", live.path, created_by=live.created_by, extra_perms=each.extra_perms)
        decides = _may(request, actor, target) and not _has_decided(actor, each.asks, decisions)
        if decides or (not mine and permissions.can(actor, "read", target)):
            made = [decision for decision in decisions if decision.job == each.asks.job]
            found.append(_Found(live, each.asks, request, decides, made))
    return found


def _may(request: ApprovalRequest, actor: Actor, target: Target) -> bool:
    """Return whether the actor may decide without a link."""
    return approvers.admits(actor, target, request.consent) and approvers.may(request, actor)


def _has_decided(actor: Actor, opened: OpenApproval, decisions: Sequence[DecisionRow]) -> bool:
    return any(each.job == opened.job and each.account == actor.email for each in decisions)
