"""Schemas of bindings to Git repositories."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.db.git import BindingRow, CommitRow
from orvanta_platform.errors import NotFound
from orvanta_platform.http.schemas.changes import ItemUse, uses
from orvanta_platform.outbound.git.messages import Probed
from orvanta_platform.services.git import incoming_differences
from orvanta_platform.services.git.bindings import Draft
from orvanta_platform.services.git.incoming import Choice, Review
from orvanta_platform.workflow.diff import Difference
from orvanta_platform.workflow.tree.item import KINDS, Key, Kind
from orvanta_platform.workflow.tree.plan import Action


class BindGit(msgspec.Struct, kw_only=True):
    """Repository that a workspace is bound to."""

    url: str
    """https://host/path; file:///path if the instance permits it."""

    branch: str = "main"
    folder: str = ""
    """Folder of the repository with the items; empty: the root."""

    username: str | None = None
    """User of the server; by default `git`."""

    token: str | None = None
    """Token or password; null keeps that of a binding to the same URL."""

    check: bool = True
    """Refuse a repository that cannot be read; false: it is bound without reading it first."""


class GitBound(msgspec.Struct, kw_only=True):
    """Workspace that was bound, with what was found in the repository."""

    workspace: str
    has_branch: bool | None
    """The branch exists; false: the first commit creates it; null: it was not checked."""

    branches: list[str]
    """Names of some branches of the repository."""


class GitFinding(msgspec.Struct, kw_only=True):
    """File of the branch that is ignored."""

    name: str
    reason: str


class GitFault(msgspec.Struct, kw_only=True):
    """Error of the last synchronisation."""

    code: str
    message: str


class GitBinding(msgspec.Struct, kw_only=True):
    """Binding of a workspace, with its state."""

    url: str
    branch: str
    folder: str
    username: str | None
    has_token: bool
    edited_by: str
    edited_at: datetime
    state: Literal["pending", "synchronised", "failed"]
    head: str | None
    """Commit of the branch that was read or pushed last."""

    fetched_at: datetime | None
    fetch_at: datetime
    """Time of the next fetch."""

    retry_at: datetime | None
    """Time of the next attempt after an error."""

    error: GitFault | None
    findings: list[GitFinding]
    """Files that are ignored, for admins."""


class GitFetch(msgspec.Struct, kw_only=True):
    """A requested fetch."""

    requested_at: datetime


class GitCommit(msgspec.Struct, kw_only=True):
    """Commit of the branch. `in`: it was made elsewhere; `out`: it was made for a deployment."""

    n: int
    """Position in the history, for `before`."""

    id: str
    direction: str
    author: str
    email: str
    message: str
    """Empty if it may name items that the caller may not read."""

    at: datetime


class IncomingItem(msgspec.Struct, kw_only=True):
    """Effect of the changes of the repository on an item."""

    kind: Kind
    path: str
    action: Action
    merged: bool
    """Both sides changed it, and the changes are merged."""

    places: list[str] | None
    """Places that both sides changed differently, as JSON pointers; null: there is no conflict."""

    reason: str | None
    """Reason for which the item cannot be applied, or remains as it is."""

    used_by: list[ItemUse]
    """Items that use the item that is removed, and remain. They may fail afterwards."""

    hidden_uses: int
    """Number of further such items, which the caller may not read."""

    is_new: bool
    """The workspace has no such item."""

    moved_to: str | None
    """Path that the item has in the workspace now, if it was moved there."""

    secrets: list[str]
    """Secrets that its files contain in clear, as JSON pointers into its content."""


class IncomingPlan(msgspec.Struct, kw_only=True):
    """Plan of the changes of the repository."""

    plan_hash: str
    items: list[IncomingItem]
    hidden: int
    """Number of further items, which the caller may not read."""

    uses_truncated: bool
    """Removed items may have more uses than the items name."""


class IncomingDifference(msgspec.Struct, kw_only=True):
    """Contents of an item before and after its incoming change."""

    kind: Kind
    path: str
    before: dict[str, Any] | None
    """Content in the workspace; null: the item does not exist."""

    after: dict[str, Any] | None
    """Content to store; null: the item is removed. Keys of settings that are absent stay as they are, and null removes
    a value."""

    difference: Difference | None
    """Nodes and edges of a workflow that differ; null for other items, and for a workflow that does not exist."""


class ItemChoice(msgspec.Struct, kw_only=True):
    """Side that remains of an item."""

    kind: Kind
    path: str
    choice: Choice


class GitItem(msgspec.Struct, kw_only=True):
    """Name of an item."""

    kind: Kind
    path: str


class ApplyIncoming(msgspec.Struct, kw_only=True):
    """Application of a reviewed plan."""

    plan_hash: str
    choices: list[ItemChoice] = []
    """Decisions about items in conflict."""

    items: list[GitItem] | None = None
    """Items to apply; null: all."""

    message: str | None = None


def draft_of(body: BindGit) -> Draft:
    """Convert a binding to set."""
    return Draft(body.url, body.branch, body.folder, body.username or None, body.token or None, body.check)


def bound(workspace: str, found: Probed | None) -> GitBound:
    """Convert what was found in a repository."""
    if found is None:
        return GitBound(workspace=workspace, has_branch=None, branches=[])
    return GitBound(workspace=workspace, has_branch=found.has_branch, branches=found.branches)


def choices_of(body: ApplyIncoming) -> dict[Key, Choice]:
    """Convert the decisions."""
    return {(each.kind, each.path): each.choice for each in body.choices}


def binding(actor: Actor, row: BindingRow | None) -> GitBinding | None:
    """Convert a binding."""
    if row is None:
        return None
    findings = msgspec.json.decode(row.findings, type=list[GitFinding]) if actor.role is Role.ADMIN else []
    error = None if row.error_code is None else GitFault(code=row.error_code, message=row.error or "")
    return GitBinding(
        url=row.url,
        branch=row.branch,
        folder=row.folder,
        username=row.username,
        has_token=row.sealed is not None,
        edited_by=row.edited_by,
        edited_at=row.edited_at,
        state="failed" if error else "synchronised" if row.fetched_at else "pending",
        head=row.head,
        fetched_at=row.fetched_at,
        fetch_at=row.fetch_at,
        retry_at=row.retry_at if error else None,
        error=error,
        findings=findings,
    )


def commit(row: CommitRow) -> GitCommit:
    """Convert a commit."""
    return GitCommit(
        n=row.n,
        id=row.id,
        direction=row.direction,
        author=row.author,
        email=row.email,
        message=row.message,
        at=row.at,
    )


def kind_of(text: str) -> Kind:
    """Parse the kind of an item in a path. Raises NotFound."""
    for kind in KINDS:
        if text == kind:
            return kind
    raise NotFound(f"{text[:100]!r} is no kind of item.", hint=f"Use {', '.join(KINDS)}.")


def incoming_difference(key: Key, found: incoming_differences.IncomingDifference) -> IncomingDifference:
    """Convert the difference of an item."""
    before, after = found.contents.before, found.contents.after
    return IncomingDifference(
        kind=key[0],
        path=key[1],
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        difference=found.difference,
    )


def incoming(found: Review) -> IncomingPlan:
    """Convert a plan."""
    items = [
        IncomingItem(
            kind=each.key[0],
            path=each.key[1],
            action=each.action,
            merged=each.merged,
            places=None if each.places is None else list(each.places),
            reason=each.reason,
            used_by=uses(each.used_by),
            hidden_uses=each.hidden_uses,
            is_new=each.is_new,
            moved_to=each.moved_to,
            secrets=list(each.secrets),
        )
        for each in found.items
    ]
    return IncomingPlan(plan_hash=found.hash, items=items, hidden=found.hidden, uses_truncated=found.uses_truncated)
