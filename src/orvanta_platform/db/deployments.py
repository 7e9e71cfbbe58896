"""Rows of requests to deploy releases, of decisions about them, and of deployments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.deployment_checks import CheckRow
from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.releases import ReleaseRow

_SQL = query_texts("deployments")


class RequestRow(msgspec.Struct, frozen=True):
    """A request to deploy a release, with the release."""

    id: int
    environment: str
    release: int
    kind: str
    state: str
    overwrite: bool
    plan_hash: str
    author: str
    author_email: str
    created_at: datetime
    closed_by: str | None
    closed_at: datetime | None
    source: str
    """Workspace of the release."""
    number: int
    digest: str
    notes: str
    paths: list[str]
    assignees: list[str]
    """Usernames of the members who are asked to approve it."""
    reason: str | None
    """Reason of a rollback."""


class InUseRow(msgspec.Struct, frozen=True):
    """A workflow or script that schedules start, or that has runs in progress."""

    kind: str
    path: str
    schedules: int
    """Enabled schedules that start it."""
    runs: int
    """Runs in progress."""


class LastChangeRow(msgspec.Struct, frozen=True):
    """The last change of an item."""

    kind: str
    path: str
    changed_by: str | None
    """Username; None: it is not known."""
    changed_at: datetime | None


class DecisionRow(msgspec.Struct, frozen=True):
    """An approval, a rejection or a comment."""

    decision: str
    plan_hash: str
    username: str
    email: str
    comment: str | None
    created_at: datetime
    item_kind: str | None
    """Kind and path of the item that a comment is about; None: it is about the request."""
    item_path: str | None


class NewDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment to store."""

    environment: str
    request: int
    release: int
    source: str
    number: int
    digest: str
    paths: list[str]
    kind: str
    plan_hash: str
    bypass_reason: str | None
    applied_by: str
    restored: str
    """JSON text: ids of the releases of the items that a rollback restored, by `<kind>/<path>`."""
    bypassed: list[str]
    """Codes of the rules that were not fulfilled."""


class DeploymentRow(msgspec.Struct, frozen=True):
    """A release that was applied to an environment."""

    id: int
    environment: str
    request: int | None
    source: str
    number: int
    digest: str
    paths: list[str]
    kind: str
    plan_hash: str
    bypass_reason: str | None
    bypassed: list[str]
    """Codes of the rules that were not fulfilled."""
    applied_by: str
    applied_at: datetime
    imported: str | None
    """JSON text of the origin of an imported release."""
    reason: str | None
    """Reason of a rollback."""
    replaced_source: str | None
    """Workspace and number of the release that ran before; None: there was none, or not all of it is readable."""
    replaced_number: int | None
    check: CheckRow | None = None
    """Checks that followed it; None: the rules had none, or they were not read."""


class OutcomeRow(msgspec.Struct, frozen=True):
    """A request as it was closed."""

    closed_plan: str | None
    """JSON text: the items of its plan; None: it is open, or they were not stored."""
    deployment: int | None
    """Id of its deployment; None: it was not applied."""
    bypass_reason: str | None
    bypassed: list[str]
    """Codes of the rules that were not fulfilled."""
    replaced_source: str | None
    """Workspace and number of the release that ran before; None: there was none, or not all of it is readable."""
    replaced_number: int | None


async def list_deployed_items(conn: Connection, environment: str) -> dict[tuple[str, str], str]:
    """Return the hashes of the items of an environment as its deployments left them, by kind and path; items that
    were removed are not included.
    """
    rows = await conn.fetch(_SQL["list_deployed_items"], environment)
    return {(row["kind"], row["path"]): row["hash"] for row in rows}


async def list_removed_since(
    conn: Connection, environment: str, digest: str
) -> dict[tuple[str, str], list[int | None]]:
    """Return the items, by kind and path, that deployments removed from an environment since the release with this
    digest ran there, with earlier releases at their paths, newest first; None for those that were deleted. For a
    rollback that restored the item, it is the release that it restored it from.
    """
    rows = await conn.fetch(_SQL["list_removed_since"], environment, digest)
    return {(row["kind"], row["path"]): row["releases"] for row in rows}


async def list_requirements(
    conn: Connection, workspace: str, variables: Sequence[str], resources: Sequence[str], filter: Filter
) -> dict[tuple[str, str], str | None]:
    """Return those variables and resources that exist and are readable, with the types of the resources."""
    who = (filter.everything, filter.patterns, filter.principals)
    rows = await conn.fetch(_SQL["list_requirements"], workspace, variables, resources, *who)
    return {(row["kind"], row["path"]): row["resource_type"] for row in rows}


async def list_unserved_queues(conn: Connection, queues: Sequence[str]) -> list[str]:
    """Return those queues that no live worker serves."""
    return [row["queue"] for row in await conn.fetch(_SQL["list_unserved_queues"], queues)]


async def list_inactive_owners(
    conn: Connection, workspace: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Return those of some items that act for an identity which is no longer active, with its `u/<username>`."""
    wanted = list(keys)
    triggers = [_paths(wanted, kind) for kind in ("schedule", "http_trigger")]
    versions = [key for key in wanted if key[0] in ("flow", "script")]
    values = (*triggers, [kind for kind, _ in versions], [path for _, path in versions])
    rows = await conn.fetch(_SQL["list_inactive_owners"], workspace, *values)
    return {(row["kind"], row["path"]): row["permissioned_as"] for row in rows}


async def list_in_use(
    conn: Connection, workspace: str, keys: Iterable[tuple[str, str]], max_runs: int
) -> list[InUseRow]:
    """Return those of some items that are workflows and scripts in use, with at most `max_runs` runs in total."""
    wanted = [key for key in keys if key[0] in ("flow", "script")]
    kinds, paths = [kind for kind, _ in wanted], [path for _, path in wanted]
    return [InUseRow(**row) for row in await conn.fetch(_SQL["list_in_use"], workspace, kinds, paths, max_runs)]


async def list_last_changes(conn: Connection, workspace: str, keys: Iterable[tuple[str, str]]) -> list[LastChangeRow]:
    """Return the last change of each of some items, by kind and path."""
    wanted = list(keys)
    kinds, paths = [kind for kind, _ in wanted], [path for _, path in wanted]
    return [LastChangeRow(**row) for row in await conn.fetch(_SQL["list_last_changes"], workspace, kinds, paths)]


async def insert_request(
    conn: Connection,
    environment: str,
    release: int,
    kind: str,
    plan_hash: str,
    author: str,
    email: str,
    authors: Sequence[str],
    *,
    overwrite: bool,
    reason: str | None,
) -> int:
    """Add a request; return its id. `authors`: addresses of the accounts that may not approve it."""
    values = (environment, release, kind, overwrite, plan_hash, author, email, authors, reason)
    added: int = await conn.fetchval(_SQL["insert_request"], *values)
    return added


async def find_open(conn: Connection, environment: str, release: int, kind: str, email: str) -> tuple[int | None, int]:
    """Return the open request of an author for a release, and the number of open requests of the author.

    The requests of other members prevent none.
    """
    row = await conn.fetchrow(_SQL["find_open"], environment, release, kind, email)
    assert row is not None
    return row["same"], row["own"]


async def count_recent(conn: Connection, environment: str, email: str) -> int:
    """Return the number of requests that an author has made in the last hour."""
    count: int = await conn.fetchval(_SQL["count_recent"], environment, email)
    return count


async def list_requests(
    conn: Connection, environment: str, email: str, filter: Filter, *, before: int | None, state: str | None
) -> list[RequestRow]:
    """Return a page of the requests of an environment that an account may see, newest first, below `before`."""
    who = (email, filter.everything, filter.patterns, filter.scope)
    found = await conn.fetch(_SQL["list_requests"], environment, before, state, *who, filter.limit)
    return await _get_requests(conn, found)


async def list_unapproved(
    conn: Connection, environment: str, email: str, filter: Filter, *, without_own: bool, readable: bool = True
) -> list[RequestRow]:
    """Return the open requests of an environment, oldest first, whose paths are all readable, or are not, and whose
    plan an account has not approved. `without_own`: without those of which it is an author.
    """
    who = (filter.everything, filter.patterns, filter.scope)
    found = await conn.fetch(_SQL["list_unapproved"], environment, email, *who, without_own, filter.limit, readable)
    return await _get_requests(conn, found)


async def get_request(
    conn: Connection, environment: str, request: int, email: str, filter: Filter
) -> RequestRow | None:
    """Return a request of an environment that an account may see."""
    who = (email, filter.everything, filter.patterns, filter.scope)
    found = await _get_requests(conn, await conn.fetch(_SQL["find_request"], environment, request, *who))
    return found[0] if found else None


async def _get_requests(conn: Connection, found: Sequence[Mapping[str, int]]) -> list[RequestRow]:
    """Return requests with their releases, in the order of the rows with their ids."""
    ids = [row["id"] for row in found]
    return [RequestRow(**dict(row)) for row in await conn.fetch(_SQL["get_requests"], ids)] if ids else []


async def is_open(conn: Connection, environment: str, request: int) -> bool:
    """Return whether an environment has an open request with this id."""
    return bool(await conn.fetchval(_SQL["is_open"], environment, request))


async def get_release(conn: Connection, release: int) -> ReleaseRow | None:
    """Return the release of a request, with its content."""
    row = await conn.fetchrow(_SQL["get_release"], release)
    return None if row is None else ReleaseRow(**dict(row))


async def lock_request(conn: Connection, request: int) -> tuple[str, str] | None:
    """Lock a request; return its state and the hash of its plan."""
    row = await conn.fetchrow(_SQL["lock_request"], request)
    return None if row is None else (row["state"], row["plan_hash"])


async def close_request(conn: Connection, request: int, state: str, username: str, plan: str) -> None:
    """Close a request with the items of its plan, as JSON text."""
    await conn.execute(_SQL["close_request"], request, state, username, plan)


async def withdraw_same(conn: Connection, environment: str, applied: RequestRow, username: str) -> list[int]:
    """Close the other open requests for what a request has done; return their ids."""
    values = (environment, applied.release, applied.id, username, applied.kind)
    return [row["id"] for row in await conn.fetch(_SQL["withdraw_same"], *values)]


async def set_plan(conn: Connection, request: int, plan_hash: str, *, overwrite: bool) -> None:
    """Store a new plan of a request; approvals of the previous one no longer count."""
    await conn.execute(_SQL["set_plan"], request, plan_hash, overwrite)


async def insert_decision(
    conn: Connection,
    request: int,
    decision: str,
    plan_hash: str,
    username: str,
    email: str,
    comment: str | None,
    item: tuple[str, str] | None = None,
) -> None:
    """Add an approval, a rejection or a comment. `item`: kind and path of the item that a comment is about."""
    values = (request, decision, plan_hash, username, email, comment, *(item or (None, None)))
    await conn.execute(_SQL["insert_decision"], *values)


async def find_approvers(
    conn: Connection,
    workspace: str,
    usernames: Sequence[str] | None,
    approvers: Sequence[str],
    without: Sequence[str],
    limit: int,
) -> dict[str, str]:
    """Return the e-mail addresses of those members, by username, who may approve (`approvers` empty: admins).

    `usernames`: None: of all members. `without`: addresses of accounts that may not.
    """
    names = None if usernames is None else list(usernames)
    values = (workspace, names, list(approvers), list(without), limit)
    return {row["username"]: row["email"] for row in await conn.fetch(_SQL["find_approvers"], *values)}


async def assign(conn: Connection, request: int, members: Mapping[str, str]) -> list[str]:
    """Assign a request to members (addresses by username) and nobody else; return the addresses that are new to it."""
    rows = await conn.fetch(_SQL["assign"], request, list(members.values()), list(members))
    return [row["email"] for row in rows if row["is_new"]]


async def list_decisions(conn: Connection, request: int) -> list[DecisionRow]:
    """Return the last 1,000 approvals and rejections of a request and its last 1,000 comments, oldest first."""
    return [DecisionRow(**dict(row)) for row in await conn.fetch(_SQL["list_decisions"], request)]


async def has_approved(conn: Connection, request: int, plan_hash: str, email: str) -> bool:
    """Return whether an account has approved a plan of a request."""
    return bool(await conn.fetchval(_SQL["has_approved"], request, plan_hash, email))


async def count_comments(conn: Connection, request: int, email: str) -> int:
    """Return the number of comments of an account on a request."""
    count: int = await conn.fetchval(_SQL["count_comments"], request, email)
    return count


async def lock_environment(conn: Connection, environment: str) -> bool:
    """Lock an environment, so that one deployment is applied at a time; return False if it does not exist."""
    return await conn.fetchval(_SQL["lock_environment"], environment) is not None


async def insert_deployment(conn: Connection, new: NewDeployment) -> int:
    """Add a deployment as the last one of its environment; return its id."""
    names = NewDeployment.__struct_fields__
    added: int = await conn.fetchval(_SQL["insert_deployment"], *(getattr(new, name) for name in names))
    return added


async def store_deployed_items(
    conn: Connection, environment: str, items: Mapping[tuple[str, str], str], deployment: int
) -> None:
    """Store the hashes of items, by kind and path, as a deployment left them; "" if it removed the item."""
    kinds, paths = [kind for kind, _ in items], [path for _, path in items]
    values = (environment, kinds, paths, list(items.values()), deployment)
    await conn.execute(_SQL["store_deployed_items"], *values)


async def list_deployments(
    conn: Connection, environment: str, filter: Filter, before: int | None
) -> list[DeploymentRow]:
    """Return a page of the deployments of an environment whose paths are readable, newest first, below `before`."""
    who = (filter.everything, filter.patterns, filter.scope)
    rows = await conn.fetch(_SQL["list_deployments"], environment, before, *who, filter.limit)
    return [DeploymentRow(**dict(row)) for row in rows]


async def list_trigger_owners(
    conn: Connection, workspace: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Return the members that schedules and HTTP triggers act for, by kind and path."""
    wanted = list(keys)
    paths = [_paths(wanted, kind) for kind in ("schedule", "http_trigger")]
    rows = await conn.fetch(_SQL["list_trigger_owners"], workspace, *paths)
    return {(row["kind"], row["path"]): row["permissioned_as"] for row in rows}


async def get_outcome(conn: Connection, request: int, filter: Filter) -> OutcomeRow | None:
    """Return how a request was closed."""
    row = await conn.fetchrow(_SQL["get_outcome"], request, filter.everything, filter.patterns, filter.scope)
    return None if row is None else OutcomeRow(**dict(row))


async def list_closed_items(
    conn: Connection, request: int, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int | None, int]]:
    """Return, for items of a closed request by kind and path, the release from which the environment had the item
    before (None: none, or it was deleted) and that from which the request takes it.
    """
    wanted = list(keys)
    kinds, paths = [kind for kind, _ in wanted], [path for _, path in wanted]
    found = await conn.fetch(_SQL["list_closed_items"], request, kinds, paths)
    return {(row["kind"], row["path"]): (row["before"], row["after"]) for row in found}


async def find_earlier(
    conn: Connection, environment: str, source: str | None = None, number: int | None = None
) -> ReleaseRow | None:
    """Return the last release before the one that runs in an environment, or that of `source` and `number` if it ran
    there before.
    """
    row = await conn.fetchrow(_SQL["find_earlier"], environment, source, number)
    return None if row is None else ReleaseRow(**dict(row))


async def find_dependent(conn: Connection, workspace: str) -> str | None:
    """Return an environment of another workspace whose last ten deployments need a release of a workspace."""
    name: str | None = await conn.fetchval(_SQL["find_dependent"], workspace)
    return name


async def has_soaked(conn: Connection, environment: str, digest: str, minutes: int) -> bool:
    """Return whether a release has been in an environment for this many minutes without interruption.

    A release that was rolled back since does not count.
    """
    return bool(await conn.fetchval(_SQL["has_soaked"], environment, digest, minutes))


async def find_previous(conn: Connection, environment: str) -> str | None:
    """Return the name of the environment before one in the pipeline."""
    name: str | None = await conn.fetchval(_SQL["find_previous"], environment)
    return name


async def set_hold(conn: Connection, environment: str, username: str, reason: str, request: int | None = None) -> bool:
    """Prevent promotions to an environment until the hold is lifted, or until `request` is closed and not applied.

    Return False if there is a hold, which remains as it is. One that ends with a request is replaced by one that does
    not.
    """
    return await conn.fetchval(_SQL["set_hold"], environment, username, reason, request) is not None


async def keep_hold(conn: Connection, environment: str, request: int) -> None:
    """Let the hold of an environment, if there is one, be that of a rollback that is applied."""
    await conn.execute(_SQL["keep_hold"], environment, request)


async def release_hold(conn: Connection, environment: str, request: int) -> bool:
    """End the hold that a request has set; return whether promotions are permitted again.

    They are not if the request has set none, or if an open request for another rollback takes it over.
    """
    row = await conn.fetchrow(_SQL["release_hold"], environment, request)
    return row is not None and row["hold_by"] is None


async def lift_hold(conn: Connection, environment: str) -> bool:
    """Permit promotions to an environment again; return False if there is no hold."""
    return await conn.fetchval(_SQL["lift_hold"], environment) is not None


async def list_authors(conn: Connection, request: int) -> list[str]:
    """Return the e-mail addresses of those who made a request or its release, and of the owners of service accounts
    among them.
    """
    return [row["email"] for row in await conn.fetch(_SQL["list_authors"], request)]


async def count_approvals(
    conn: Connection,
    request: int,
    plan_hash: str,
    workspace: str,
    approvers: Sequence[str],
    authors: Sequence[str],
) -> int:
    """Return the number of accounts except `authors` that approved a plan and may still do so (`approvers` empty:
    admins).
    """
    values = (request, plan_hash, workspace, list(approvers), list(authors))
    count: int = await conn.fetchval(_SQL["count_approvals"], *values)
    return count


def _paths(keys: Iterable[tuple[str, str]], kind: str) -> list[str]:
    return [path for each, path in keys if each == kind]
