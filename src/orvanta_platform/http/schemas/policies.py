"""Schemas of policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.policies import PolicyRow
from orvanta_platform.services.catalog.policies import ViolatingPage
from orvanta_platform.workflow.policies.check import Violation
from orvanta_platform.workflow.policies.policy import Resource


class PolicyBody(msgspec.Struct, kw_only=True):
    """A standard for the workflows and scripts in its scope."""

    name: str
    rules: list[dict[str, Any]]
    """Rules of the kinds require, restrict, deny, default and limit."""

    scope: str | UnsetType = UNSET
    """`instance`, `workspace` (the default), or a path prefix, such as `f/sales`."""

    mode: Literal["active", "evaluate", "off"] | UnsetType = UNSET
    """active: violations prevent a deployment; evaluate (the default): they are warnings; off: not checked."""

    message: str | UnsetType = UNSET
    """Advice that is appended to the message of each violation."""

    bypass: list[str] | UnsetType = UNSET
    """Those who may deploy in spite of violations, with a reason: members `u/<username>` and groups `g/<name>`; for a
    policy of the instance e-mail addresses.
    """


class StoredPolicy(PolicyBody, kw_only=True):
    """A policy of the workspace or of the instance."""

    version: int
    """Number of the change; 1 is the first."""

    edited_by: str
    edited_at: datetime


class PolicyProblem(msgspec.Struct, kw_only=True):
    """A part of an item that does not meet a rule."""

    node: str | None
    """Id of the node; null for the item itself."""

    path: str
    """JSON pointer into the document."""

    field: str | None
    """Field that the rule is about; null for a denied feature."""

    message: str
    fixable: bool
    """`policies/fix` can correct it."""


class PolicyFix(msgspec.Struct, kw_only=True):
    """An item to correct."""

    kind: Literal["flow", "script"]
    path: str
    instance: bool = False
    """Ignore policies of the workspace of this name."""


class ViolatingItem(msgspec.Struct, kw_only=True):
    """A workflow or script that violates the policy."""

    kind: Literal["flow", "script"]
    path: str
    violations: list[PolicyProblem]


class PolicyLimit(msgspec.Struct, kw_only=True):
    """Use of a resource that the policy limits."""

    resource: Resource
    maximum: int
    used: int
    """Runs are counted up to one more than the maximum."""


class PolicyViolations(msgspec.Struct, kw_only=True):
    """Items that violate a policy, among those that were checked for this page."""

    items: list[ViolatingItem]
    unchecked: list[str]
    """Paths of items whose document is longer than 1 MiB, which are checked only when they are deployed."""

    next: str | None
    """Value of `after` for the next page; null: this is the last page."""

    limits: list[PolicyLimit]
    """Use of the resources that the policy limits; only on the first page."""


def tree_of(body: PolicyBody) -> dict[str, Any]:
    """Return a policy that was sent as data."""
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}


def stored(row: PolicyRow) -> StoredPolicy:
    """Convert a stored policy."""
    body = msgspec.json.decode(row.body, type=dict[str, Any])
    return StoredPolicy(**body, version=row.version, edited_by=row.edited_by, edited_at=row.edited_at)


def problems(found: Sequence[Violation]) -> list[PolicyProblem]:
    """Convert violations."""
    return [
        PolicyProblem(
            node=each.node, path=each.path, field=each.field, message=each.message, fixable=each.fix is not None
        )
        for each in found
    ]


def violating(page: ViolatingPage) -> PolicyViolations:
    """Convert a page of items that violate a policy."""
    items = [
        ViolatingItem(
            kind=item.kind,
            path=item.path,
            violations=problems(item.violations),
        )
        for item in page.items
    ]
    limits = [PolicyLimit(resource=each.resource, maximum=each.maximum, used=each.used) for each in page.limits]
    return PolicyViolations(items=items, unchecked=page.unchecked, next=page.next, limits=limits)
