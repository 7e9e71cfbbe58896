"""Schemas of deployments: plans of releases, requests to deploy them, and what was deployed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from orvanta_platform.db.automatic_promotions import AutomaticPromotionRow
from orvanta_platform.db.deployments import DecisionRow, DeploymentRow, InUseRow, LastChangeRow, OutcomeRow, RequestRow
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.http.schemas import environments
from orvanta_platform.http.schemas.changes import ItemName, PlanEntry, change_plan
from orvanta_platform.http.schemas.deployment_checks import (
    AutomaticPromotion,
    DeploymentCheck,
    automatic_promotion,
    check,
)
from orvanta_platform.http.schemas.releases import ReleaseOrigin, origin
from orvanta_platform.services.platform import RequestKind
from orvanta_platform.services.releases.approver_access import Permission
from orvanta_platform.services.releases.decided_items import decode_items
from orvanta_platform.services.releases.deployments import ApplyResult
from orvanta_platform.services.releases.item_changes import ItemChange
from orvanta_platform.services.releases.plans import DeploymentPlan
from orvanta_platform.services.releases.preflight import Blocker
from orvanta_platform.services.releases.requests import PlannedRequest, RequestState
from orvanta_platform.workflow.diff import Difference
from orvanta_platform.workflow.tree.item import Kind
from orvanta_platform.workflow.tree.plan import Action


class ReleaseName(msgspec.Struct, kw_only=True):
    """A release to deploy."""

    source: str
    """Workspace of the release."""

    number: int
    overwrite: bool = False
    """Replace items that were changed in the environment, instead of reporting conflicts."""


class NewRequest(ReleaseName, kw_only=True):
    """A request to deploy a release."""

    assignees: list[str] = []
    """Usernames of approvers who are asked for their approval; none: all approvers are asked."""


class Assignment(msgspec.Struct, kw_only=True):
    """Members who are asked to approve a request."""

    assignees: list[str]
    """Usernames of approvers; none: all approvers are asked."""


class BlockingReason(msgspec.Struct, kw_only=True):
    """Something that prevents a deployment."""

    code: str
    message: str
    hint: str | None
    kind: str | None
    """Kind of the item, variable or resource that it is about."""

    path: str | None
    resource_type: str | None
    """Type that a missing resource must have; null if it is not known."""

    values: dict[str, str | int]
    """Values that `message` and `hint` name in addition, from which a client can write them in another language."""


class TriggerOwner(msgspec.Struct, kw_only=True):
    """The member that the runs of a schedule or HTTP trigger act for after the deployment."""

    kind: Kind
    path: str
    owner: str | None
    """`u/<username>` of its present owner, who remains; null: it is new and acts for the member who applies."""


class ItemInUse(msgspec.Struct, kw_only=True):
    """A changed or removed workflow or script that is in use. Runs in progress keep their version."""

    kind: Kind
    path: str
    schedules: int
    """Enabled schedules that start it."""

    runs: int
    """Runs in progress; at most 10,000 of all items together are counted."""


class DriftItem(ItemName, kw_only=True):
    """An item that was changed outside of releases since its last deployment."""

    changed_by: str | None
    """Username of the member who changed it last; null: it is not known."""

    changed_at: datetime | None


class ReleasePlan(msgspec.Struct, kw_only=True):
    """Effect of a release on the environment."""

    environment: str
    plan_hash: str
    """Hash that approvals are bound to."""

    nothing_to_do: bool
    overwrite: bool
    entries: list[PlanEntry]
    """Items in the order in which they are applied."""

    drift: list[DriftItem]
    """Items that were changed outside of releases since their last deployment, as far as you may read them."""

    origin: ReleaseOrigin | None
    """Instance and key of an imported release."""

    acts_for: list[TriggerOwner]
    """Schedules and HTTP triggers that are added or changed, with the members whom they act for."""

    in_use: list[ItemInUse]
    """Changed and removed workflows and scripts that enabled schedules start, or that have runs in progress."""

    blocked: list[BlockingReason]
    """Everything that prevents the deployment, apart from the rules of the environment."""

    unfulfilled: list[BlockingReason]
    """Rules of the environment that are not fulfilled yet."""


class DeploymentRequest(msgspec.Struct, kw_only=True):
    """A request to deploy a release to the environment."""

    id: int
    environment: str
    kind: RequestKind
    state: RequestState
    source: str
    """Workspace of the release."""

    number: int
    digest: str
    notes: str
    """Notes of the release."""

    reason: str | None
    """Reason of a rollback."""

    overwrite: bool
    plan_hash: str
    author: str
    assignees: list[str]
    """Usernames of the members who are asked for their approval; none: all approvers are."""

    created_at: datetime
    closed_by: str | None
    closed_at: datetime | None


class Decision(msgspec.Struct, kw_only=True):
    """An approval, a rejection or a comment."""

    decision: Literal["approved", "rejected", "comment"]
    plan_hash: str
    """Plan that was approved. An approval of another plan than that of the request does not count."""

    username: str
    comment: str | None
    item_kind: str | None
    """Kind and path of the item of the plan that a comment is about; null: it is about the request."""

    item_path: str | None
    created_at: datetime


class ReplacedRelease(msgspec.Struct, kw_only=True):
    """The release that ran in the environment before another one."""

    source: str
    """Workspace of the release."""

    number: int


class DecidedItem(msgspec.Struct, kw_only=True):
    """Effect on an item that a closed request had, or would have had."""

    kind: Kind
    path: str
    action: Action
    overwrites: bool
    """It replaces a change that was made in the environment."""


class DetailedRequest(DeploymentRequest, kw_only=True):
    """A request with its decisions, and its plan as it is now."""

    stale: bool
    """The environment or a required test was changed since the plan of the request; renew the plan."""

    replaces: ReplacedRelease | None
    """Release that runs in the environment, or ran there until the request was closed; null: there is none, or it has
    paths that you may not read.
    """

    plan: ReleasePlan
    decided: list[DecidedItem] | None
    """Plan with which the request was closed; null: it is open, or was closed with another request or by an
    earlier version.
    """

    bypass_reason: str | None
    """Reason for which it was applied although rules were not fulfilled."""

    bypassed: list[str]
    """Codes of these rules, as in `unfulfilled`."""

    decisions: list[Decision]
    check: DeploymentCheck | None
    """Checks after it was applied; null: there are none."""

    approvers: list[str]
    """Usernames of the members who may approve the open request, at most 1,000."""

    permitted: list[Permission]
    """Your permissions for the open request. `change`: renew, withdraw and assign it; `bypass`: apply it although rules
    are not fulfilled.
    """

    unable_approvers: list[str]
    """Usernames of those who are asked to approve the open request and cannot, because they may not read all of its
    items. Without assignees, the first 50 approvers are checked.
    """


class RequestOutcome(DetailedRequest, kw_only=True):
    """A request after an attempt to apply it."""

    nothing_to_do: bool
    """It was applied, and no item had to be changed."""


class RequestedChange(msgspec.Struct, kw_only=True):
    """An item that a request changes, with its contents."""

    kind: Kind
    path: str
    action: Action
    before: dict[str, Any] | None
    """Content in the environment; null: the item does not exist."""

    after: dict[str, Any] | None
    """Content that the request stores. Keys of a schedule or HTTP trigger that are absent stay as they are, and
    null removes a value."""

    difference: Difference | None
    """Nodes and edges of a workflow that differ; null for other items, and for a workflow that does not exist."""


class PlanHash(msgspec.Struct, kw_only=True):
    """The plan that is approved."""

    plan_hash: str
    comment: str | None = None


class ApplyRequest(msgspec.Struct, kw_only=True):
    """The plan that is applied."""

    plan_hash: str
    bypass_reason: str | None = None
    """Reason for not waiting until the rules are fulfilled, for members whom the rules name in `bypass`."""


class Comment(msgspec.Struct, kw_only=True):
    """A comment on a rejection."""

    comment: str | None = None


class NewComment(msgspec.Struct, kw_only=True):
    """A comment on a request, or on one item of its plan."""

    comment: str = ""
    kind: str | None = None
    """Kind and path of an item of the plan."""

    path: str | None = None


class RenewRequest(msgspec.Struct, kw_only=True):
    """Changes to a request whose plan is renewed."""

    overwrite: bool | UnsetType = UNSET


class Rollback(msgspec.Struct, kw_only=True):
    """A rollback, by default to the release before the one that runs in the environment."""

    reason: str
    """Reason for holding promotions, which members of the workspace see."""

    source: str | None = None
    """Workspace of the release, together with `number`."""

    number: int | None = None
    overwrite: bool = False
    bypass_reason: str | None = None


class Deployment(msgspec.Struct, kw_only=True):
    """A release that was applied to the environment."""

    id: int
    environment: str
    request: int | None
    kind: RequestKind
    source: str
    """Workspace of the release."""

    number: int
    digest: str
    plan_hash: str
    reason: str | None
    """Reason of a rollback."""

    replaces: ReplacedRelease | None
    """Release that ran before; null: there was none, or it has paths that you may not read."""

    bypass_reason: str | None
    bypassed: list[str]
    """Codes of the rules that were not fulfilled."""

    applied_by: str
    applied_at: datetime
    imported: ReleaseOrigin | None
    """Origin of a release that was imported from a file."""

    check: DeploymentCheck | None
    """Checks that followed it; null: there are none."""


class Hold(msgspec.Struct, kw_only=True):
    """Promotions are refused until it is lifted."""

    by: str
    """Member who requested a rollback; `system` after failed checks."""

    since: datetime
    reason: str


class AutomaticSetting(msgspec.Struct, kw_only=True):
    """Start or end of automatic promotions."""

    enabled: bool


class EnvironmentState(msgspec.Struct, kw_only=True):
    """The environment of the workspace."""

    environment: environments.Environment
    hold: Hold | None
    current: Deployment | None
    """The last deployment; null: there is none, or it has paths that you may not read."""

    current_unreadable: bool
    """The last deployment has paths that you may not read."""

    possible_approvals: int
    """Number of members who may approve, counted up to 20. The rule `approvals` cannot be fulfilled by fewer."""

    drift: list[DriftItem]
    """Items that were changed outside of releases since their last deployment, as far as you may read them."""

    automatic: AutomaticPromotion | None


def release_plan(made: DeploymentPlan, unfulfilled: list[Blocker]) -> ReleasePlan:
    """Convert a plan."""
    entries = change_plan(made.plan)
    return ReleasePlan(
        environment=made.environment.name,
        plan_hash=made.hash,
        nothing_to_do=entries.nothing_to_do,
        overwrite=made.change.force,
        entries=entries.entries,
        drift=_drift(made.drift),
        origin=origin(made.origin),
        acts_for=[TriggerOwner(kind=kind, path=path, owner=owner) for (kind, path), owner in made.acts_for.items()],
        in_use=[_in_use(each) for each in made.in_use],
        blocked=[_reason(each) for each in made.blocked],
        unfulfilled=[_reason(each) for each in unfulfilled],
    )


def request(row: RequestRow) -> DeploymentRequest:
    """Convert a request."""
    return DeploymentRequest(**_request(row))


def detailed(found: PlannedRequest) -> DetailedRequest:
    """Convert a request with its plan and decisions."""
    return DetailedRequest(**_detailed(found))


def requested_change(change: ItemChange) -> RequestedChange:
    """Convert an item that a request changes."""
    entry = change.entry
    before = None if change.before is None else dict(change.before)
    after = None if change.after is None else dict(change.after)
    return RequestedChange(
        kind=entry.kind,
        path=entry.path,
        action=entry.action,
        before=before,
        after=after,
        difference=change.difference,
    )


def outcome(done: ApplyResult) -> RequestOutcome:
    """Convert the outcome of an attempt to apply a request."""
    return RequestOutcome(**_detailed(done.planned), nothing_to_do=done.nothing_to_do)


def deployment(row: DeploymentRow) -> Deployment:
    """Convert a deployment."""
    derived: dict[str, Any] = {
        "imported": origin(row.imported),
        "check": check(row.check),
        "replaces": _replaced(row),
    }
    same = {name: getattr(row, name) for name in Deployment.__struct_fields__ if name not in derived}
    return Deployment(**same, **derived)


def _replaced(row: DeploymentRow | OutcomeRow) -> ReplacedRelease | None:
    if row.replaced_source is None or row.replaced_number is None:
        return None
    return ReplacedRelease(source=row.replaced_source, number=row.replaced_number)


def state(
    environment: EnvironmentRow,
    readable: DeploymentRow | None,
    drift: list[LastChangeRow],
    automatic: AutomaticPromotionRow | None,
    possible_approvals: int,
) -> EnvironmentState:
    """Convert the state of an environment. `readable`: the last deployment that the caller may read."""
    last = environment.deployment
    is_unreadable = last is not None and (readable is None or readable.id < last)
    current = None if is_unreadable else readable
    by, since = environment.hold_by, environment.hold_since
    hold = None if by is None or since is None else Hold(by=by, since=since, reason=environment.hold_reason or "")
    return EnvironmentState(
        environment=environments.environment(environment),
        hold=hold,
        current=None if current is None else deployment(current),
        current_unreadable=is_unreadable,
        possible_approvals=possible_approvals,
        drift=_drift(drift),
        automatic=None if automatic is None else automatic_promotion(automatic),
    )


def _drift(rows: list[LastChangeRow]) -> list[DriftItem]:
    return [DriftItem(**asdict(row)) for row in rows]


def _detailed(found: PlannedRequest) -> dict[str, Any]:
    decided = decode_items(found.outcome.closed_plan)
    return {
        **_request(found.request),
        "stale": found.is_stale,
        "replaces": _replaced(found.outcome),
        "plan": release_plan(found.plan, found.unfulfilled),
        "decided": None if decided is None else [DecidedItem(**asdict(each)) for each in decided],
        "bypass_reason": found.outcome.bypass_reason,
        "bypassed": found.outcome.bypassed,
        "decisions": [_decision(each) for each in found.decisions],
        "check": check(found.check),
        "approvers": found.access.approvers,
        "unable_approvers": found.access.unable,
        "permitted": found.access.permitted,
    }


def _request(row: RequestRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in DeploymentRequest.__struct_fields__}


def _decision(row: DecisionRow) -> Decision:
    return Decision(**{name: getattr(row, name) for name in Decision.__struct_fields__})


def _in_use(row: InUseRow) -> ItemInUse:
    return ItemInUse(**asdict(row))


def _reason(each: Blocker) -> BlockingReason:
    return BlockingReason(**asdict(each))
