"""Policies: standards that workflows and scripts are checked against when they are deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.limits import check_text
from orvanta_platform.control.permissions import Target, readable, refuse_limited, require, require_workspace
from orvanta_platform.db import files, workflow_tests
from orvanta_platform.db import policies as rows
from orvanta_platform.db.items import Filter, ItemRow
from orvanta_platform.db.policies import DocumentRow, PolicyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import (
    AlreadyExists,
    BadRequest,
    Forbidden,
    InvalidWorkflow,
    LimitExceeded,
    NotFound,
    PolicyViolation,
)
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog import package_locks
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import package_policies, run_limits
from orvanta_platform.services.runs.package_policies import Codes
from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.policies.check import Violation, exceeds, violations
from orvanta_platform.workflow.policies.defaults import AppliedDefault, find_defaults
from orvanta_platform.workflow.policies.policy import INSTANCE, Limit, Policy, Resource, is_about_tests, parse
from orvanta_platform.workflow.policies.subject import (
    LockedCode,
    Subject,
    TestStates,
    subject_of_flow,
    subject_of_script,
    subject_of_tests,
)
from orvanta_platform.workflow.releases.bundle import BundleItem
from orvanta_platform.workflow.tree.item import Key

MAX_POLICIES = 100
"""Maximum number of policies of a workspace, and of the instance."""

MAX_PATTERNS = 2_000
"""Maximum number of patterns in the policies of a workspace, and of the instance."""

_PAGE = 50
_MAX_BYTES = 1 << 20
_KINDS: tuple[Kind, ...] = ("flow", "script")
_CHANGE = "change policies"
_INLINE_NODES = 50
"""Largest workflow, in nodes, that is checked in the event loop."""
_INLINE_COMPARISONS = 2_000
"""Maximum number of comparisons with patterns in the event loop."""


class Violating(msgspec.Struct, frozen=True):
    """An item that violates a policy."""

    kind: Kind
    path: str
    violations: list[Violation]


class LimitUse(msgspec.Struct, frozen=True):
    """Use of a resource that a policy limits."""

    resource: Resource
    maximum: int
    used: int
    """Runs are counted up to one more than the maximum."""


class ViolatingPage(msgspec.Struct, frozen=True):
    """Items that violate a policy, among those that were checked for this page."""

    items: list[Violating]
    unchecked: list[str]
    """Paths of items whose document is too long to be checked here."""
    next: str | None
    """Position at which the next page begins; None: this is the last page."""
    limits: list[LimitUse]
    """Use of the resources that the policy limits, on the first page."""


async def list_all(platform: Platform, actor: Actor, workspace: str | None) -> list[PolicyRow]:
    """Return the policies of a workspace and of the instance; None: of the instance. Raises NotFound, Forbidden."""
    _require(actor, workspace, "read")
    async with platform.db.acquire() as conn:
        return await rows.list_all(conn, workspace)


def require_reader(actor: Actor, workspace: str) -> None:
    """Check that the actor may read policies. Raises NotFound, Forbidden."""
    _require(actor, workspace, "read")


async def get(
    platform: Platform, actor: Actor, workspace: str | None, name: str, *, instance: bool = False
) -> PolicyRow:
    """Return a policy by its name: that of the workspace if there are two, or with `instance` that of the instance.

    Raises NotFound, Forbidden.
    """
    found = [
        each
        for each in await list_all(platform, actor, workspace)
        if each.name == name and not (instance and each.workspace is not None)
    ]
    if not found:
        raise _missing(name)
    return found[-1]


async def get_any_mode(
    platform: Platform, actor: Actor, workspace: str, name: str, *, instance: bool = False
) -> Policy:
    """Return a policy by its name as one that is checked, also if it is off. Raises NotFound, Forbidden."""
    row = await get(platform, actor, workspace, name, instance=instance)
    return msgspec.structs.replace(_decode(row.body), mode="evaluate")


async def create(platform: Platform, actor: Actor, workspace: str | None, tree: Mapping[str, Any]) -> Policy:
    """Create a policy. Raises NotFound, Forbidden, BadRequest, AlreadyExists, LimitExceeded."""
    _require(actor, workspace, "write")
    policy, body = _check(workspace, tree)
    async with platform.db.transaction() as conn:
        present = [each for each in await rows.list_all(conn, workspace) if each.workspace == workspace]
        if len(present) >= MAX_POLICIES:
            raise LimitExceeded(f"There are at most {MAX_POLICIES} policies.", details={"limit": MAX_POLICIES})
        _require_few_patterns(present, policy)
        if not await rows.insert(conn, workspace, policy.name, body, actor.username):
            raise AlreadyExists(f"The policy {policy.name} exists already.", hint="Update it, or use another name.")
        await _record(conn, actor, workspace, "create", policy.name, {"policy": msgspec.to_builtins(policy)})
    run_limits.forget(platform)
    return policy


async def update(platform: Platform, actor: Actor, workspace: str | None, name: str, tree: Mapping[str, Any]) -> Policy:
    """Replace a policy, whose name cannot be changed. Raises NotFound, Forbidden, BadRequest, LimitExceeded."""
    _require(actor, workspace, "write")
    policy, body = _check(workspace, tree)
    if policy.name != name:
        raise BadRequest(f"The name of the policy {name[:100]} cannot be changed.", hint="Create another policy.")
    async with platform.db.transaction() as conn:
        _require_few_patterns(
            [each for each in await rows.list_all(conn, workspace) if each.workspace == workspace], policy
        )
        version = await rows.update(conn, workspace, name, body, actor.username)
        if version is None:
            raise _missing(name)
        parameters = {"version": version, "policy": msgspec.to_builtins(policy)}
        await _record(conn, actor, workspace, "update", name, parameters)
    run_limits.forget(platform)
    return policy


async def delete(platform: Platform, actor: Actor, workspace: str | None, name: str) -> None:
    """Delete a policy. Raises NotFound, Forbidden."""
    _require(actor, workspace, "write")
    async with platform.db.transaction() as conn:
        if not await rows.delete(conn, workspace, name):
            raise _missing(name)
        await _record(conn, actor, workspace, "delete", name, {})
    run_limits.forget(platform)


async def enforce(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    path: str,
    subject: Callable[[], Subject],
    reason: str | None,
    codes: Codes,
) -> list[AppliedDefault]:
    """Check an item against all active policies, in the transaction that deploys it; returns the defaults that they
    give to its absent fields.

    `subject`: returns the item as policies see it; called only if there are policies.
    `reason`: reason for which a member whom all of the violated policies name in `bypass` deploys it nevertheless.
    `codes`: returns the known locks of its code, whose packages are checked; called only if policies restrict them.
    The run that makes another lock checks it.
    Raises PolicyViolation with all violations, including those of policies that are only evaluated.
    """
    require_workspace(actor, workspace)
    check_text("A reason", reason)
    applied = [each for each in await _get_applied(platform, conn, workspace) if each.covers(path)]
    if not applied:
        return []
    item = subject()
    if any(each.restricts_packages() for each in applied):
        item = msgspec.structs.replace(item, code=await package_policies.read(conn, workspace, codes))
    found, defaults = await _check_item(workspace, item, applied)
    active = {each.policy for each in found if each.mode == "active"}
    if not active:
        return defaults
    violated = [each for each in applied if each.name in active and each.mode == "active"]
    may_bypass = _is_person(actor) and all(_may_bypass(actor, each) for each in violated)
    if not may_bypass or not reason:
        raise refused(found, _hint(platform, may_bypass=may_bypass))
    parameters = {"reason": reason, "policies": sorted(active)}
    await audit.record(conn, actor, "policies.bypass", "Execute", path, parameters)
    return defaults


def _hint(platform: Platform, *, may_bypass: bool) -> str:
    if not may_bypass or platform.deployment is not None:
        return "Correct the violations."
    # A change set, which may contain many items, takes no reason.
    way = "deploy the item alone with" if platform.in_change_set else "give"
    return f"Correct the violations, or {way} a reason in `policy_bypass_reason`."


def _is_person(actor: Actor) -> bool:
    """Return whether a person acts. Members can often read the token of a pipeline, or start a job of somebody."""
    if names.is_service_email(actor.email):
        return False
    try:
        refuse_limited(actor, "bypass policies", bound=True)
    except Forbidden:
        return False
    return True


def _may_bypass(actor: Actor, policy: Policy) -> bool:
    if policy.scope == INSTANCE:  # usernames and groups are given by the admins of each workspace
        return actor.email in policy.bypass
    return not actor.principals.isdisjoint(policy.bypass)


async def list_new(
    platform: Platform, conn: Connection, actor: Actor, workspace: str, path: str, defaults: Sequence[AppliedDefault]
) -> list[AppliedDefault]:
    """Return those of the defaults whose policies do not apply to items at a path. Raises NotFound."""
    require_workspace(actor, workspace)
    if not defaults:
        return []
    known = {each.name for each in await _get_applied(platform, conn, workspace) if each.covers(path)}
    return [each for each in defaults if each.policy not in known]


async def list_caused(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    path: str,
    subjects: Callable[[], tuple[Subject, Subject]],
) -> list[Violation]:
    """Return the violations of active policies that the second of two versions of an item has, and the first has not.

    Raises NotFound.
    """
    require_workspace(actor, workspace)
    applied = [
        each for each in await _get_applied(platform, conn, workspace) if each.mode == "active" and each.covers(path)
    ]
    return await document_threads.run_in_thread(workspace, _find_caused, subjects, applied) if applied else []


def _find_caused(subjects: Callable[[], tuple[Subject, Subject]], applied: Sequence[Policy]) -> list[Violation]:
    before, after = subjects()
    known = violations(before, applied)
    return [each for each in violations(after, applied) if each not in known]


def refused(found: Sequence[Violation], hint: str) -> PolicyViolation:
    """Return the error for violations, of which the first is one of an active policy."""
    count = sum(each.mode == "active" for each in found)
    return PolicyViolation(
        found[0].diagnostic().message + (f" (and {count - 1} more)" if count > 1 else ""),
        hint=hint,
        details=[{**each.diagnostic().as_dict(), "policy": each.policy, "field": each.field} for each in found],
    )


async def examine(
    platform: Platform, actor: Actor, workspace: str, subject: Subject, codes: Codes
) -> tuple[list[Diagnostic], list[AppliedDefault]]:
    """Return the violations of an item that is being edited, errors first, and the defaults that it would get.

    `codes`: returns the locks that it contains, as in `enforce`. Raises NotFound.
    """
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        applied = await _get_applied(platform, conn, workspace)
        if any(each.restricts_packages() and each.covers(subject.path) for each in applied):
            subject = msgspec.structs.replace(subject, code=await package_policies.read(conn, workspace, codes))
    found, defaults = await _check_item(workspace, subject, applied)
    return [each.diagnostic() for each in found], defaults


async def list_requiring_tests(platform: Platform, actor: Actor, workspace: str, paths: Sequence[str]) -> list[str]:
    """Return those of the paths of workflows at which a policy that is not off requires tests. Raises NotFound."""
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        applied = [each for each in await _get_applied(platform, conn, workspace) if each.requires_tests()]
    return [path for path in paths if any(each.covers(path) for each in applied)]


async def list_untested(
    platform: Platform, conn: Connection, actor: Actor, workspace: str, states: Mapping[str, TestStates]
) -> dict[str, list[Violation]]:
    """Return the violations of active policies by the tests of workflows, by the paths of those that have some.

    Raises NotFound.
    """
    require_workspace(actor, workspace)
    rules = [
        msgspec.structs.replace(each, rules=tuple(filter(is_about_tests, each.rules)))
        for each in await _get_applied(platform, conn, workspace)
        if each.mode == "active"
    ]
    found = {path: violations(subject_of_tests(path, tests), rules) for path, tests in states.items()}
    return {path: each for path, each in found.items() if each}


async def list_blocking(
    platform: Platform, actor: Actor, workspace: str, items: Sequence[BundleItem]
) -> list[tuple[str, str, Violation]]:
    """Return the violations of active policies by the items of a release, with kind and path. Raises NotFound.

    Packages are checked as far as the release contains locks, and otherwise when it is deployed.
    """
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        applied = [each for each in await _get_applied(platform, conn, workspace) if each.mode == "active"]
        code: Mapping[Key, Sequence[LockedCode]] = {}
        if any(each.restricts_packages() for each in applied):
            code = await package_policies.read_many(conn, workspace, partial(package_locks.of_release, items))
    return await document_threads.run_in_thread(workspace, _find_blocking, items, applied, code) if applied else []


def _find_blocking(
    items: Sequence[BundleItem], applied: Sequence[Policy], code: Mapping[Key, Sequence[LockedCode]]
) -> list[tuple[str, str, Violation]]:
    found: list[tuple[str, str, Violation]] = []
    for item in items:
        if item.kind not in _KINDS:
            continue
        try:
            subject = _subject_of_item(item)
        except InvalidWorkflow:  # its deployment reports the error
            continue
        subject = msgspec.structs.replace(subject, code=code.get(item.key, ()))
        found += [(item.kind, item.path, each) for each in violations(subject, applied)]
    return found


def _subject_of_item(item: BundleItem) -> Subject:
    content = item.content
    if item.kind == "script":
        return subject_of_script(item.path, content["language"], content["content"], content.get("settings") or {})
    return subject_of_flow(item.path, document.parse(content["text"].encode(), "yaml").tree)


async def list_violating(
    platform: Platform, actor: Actor, workspace: str, name: str, after: str | None, *, instance: bool = False
) -> ViolatingPage:
    """Return a page of the readable items that violate a policy in their current version, also one that is off.

    `after`: position at which the page begins. `instance`: see `get`. Raises NotFound, Forbidden, BadRequest.
    """
    policy = await get_any_mode(platform, actor, workspace, name, instance=instance)
    kind, _, path = (after or _KINDS[0] + "/").partition("/")
    if kind not in _KINDS:
        raise BadRequest("`after` must be `next` of the previous page.")
    filter = Filter(**readable(actor, kind).conditions(), limit=_PAGE)
    async with platform.db.acquire() as conn:
        found = await rows.list_documents(conn, workspace, kind, filter, after=path, longest=_MAX_BYTES)
        limits = [
            await _use_of(conn, workspace, rule) for rule in policy.rules if isinstance(rule, Limit) and not after
        ]
        tested = await _count_tests(conn, workspace, kind, found, policy)
        code = await _read_packages(conn, workspace, kind, found, policy)
    items = await document_threads.run_in_thread(workspace, _find_violating, kind, found, policy, tested, code)
    unchecked = [each.path for each in found if each.body is None]
    if len(found) == _PAGE:
        following: str | None = f"{kind}/{found[-1].path}"
    else:
        following = f"{_KINDS[1]}/" if kind == _KINDS[0] else None
    return ViolatingPage(items, unchecked, following, limits)


async def _use_of(conn: Connection, workspace: str, rule: Limit) -> LimitUse:
    count = run_limits.COUNTS.get(rule.resource)
    if count is None:
        used = await files.sum_sizes(conn, workspace)
    else:
        used = await count(conn, workspace, rule.maximum + 1)
    return LimitUse(rule.resource, rule.maximum, used)


async def _count_tests(
    conn: Connection, workspace: str, kind: Kind, found: Sequence[DocumentRow], policy: Policy
) -> Mapping[str, int]:
    """Return the numbers of tests of the workflows, by path; empty if the policy does not require tests."""
    if kind != "flow" or not policy.requires_tests():
        return {}
    counts = dict.fromkeys([each.path for each in found], 0)
    return counts | await workflow_tests.count_by_path(conn, workspace, list(counts))


async def _read_packages(
    conn: Connection, workspace: str, kind: Kind, found: Sequence[DocumentRow], policy: Policy
) -> Mapping[str, Sequence[LockedCode]]:
    """Return the packages of items, by path; empty if the policy does not restrict packages."""
    if not policy.restricts_packages():
        return {}
    longest = package_policies.MAX_LENGTH + 1
    locks = await rows.list_locks(conn, workspace, kind, [each.path for each in found], longest)
    return await package_policies.read_many(conn, workspace, partial(package_locks.of_documents, kind, found, locks))


def _find_violating(
    kind: Kind,
    found: Sequence[DocumentRow],
    policy: Policy,
    tested: Mapping[str, int],
    code: Mapping[str, Sequence[LockedCode]],
) -> list[Violating]:
    items = []
    for row in found:
        if row.body is None or not policy.covers(row.path):
            continue
        try:
            subject = subject_of_stored(kind, row.path, row, row.body)
        except InvalidWorkflow:  # it was stored before limits were introduced
            continue
        if row.path in tested:
            subject = msgspec.structs.replace(subject, tests=TestStates(tested[row.path]))
        subject = msgspec.structs.replace(subject, code=code.get(row.path, ()))
        each = violations(subject, [policy])
        if each:
            items.append(Violating(kind, row.path, each))
    return items


def subject_of_stored(kind: str, path: str, row: DocumentRow | ItemRow, body: bytes) -> Subject:
    """Return a stored version as policies see it at a path. Raises InvalidWorkflow."""
    settings = msgspec.json.decode(row.settings)
    if kind == "script":
        return subject_of_script(path, row.language or "", body.decode(), settings)
    tree = document.parse(body, "yaml" if row.format == "yaml" else "json").tree
    return subject_of_flow(path, {**settings, "value": tree["value"]})


async def _get_applied(platform: Platform, conn: Connection, workspace: str) -> tuple[Policy, ...]:
    """Return the policies that are not off. A change set reads them once."""
    known = platform.change_set_policies
    if known is not None and workspace in known:
        return known[workspace]
    found = tuple(_decode(body) for body in await rows.list_applied(conn, workspace))
    if known is not None:
        known[workspace] = found
    return found


async def _check_item(
    workspace: str, subject: Subject, applied: Sequence[Policy]
) -> tuple[list[Violation], list[AppliedDefault]]:
    """Return the violations of policies by an item, and their defaults for it."""
    is_large = len(subject.parts.get("node", ())) > _INLINE_NODES or exceeds(subject, applied, _INLINE_COMPARISONS)
    if is_large and applied:
        return await document_threads.run_in_thread(workspace, _find_violations, subject, applied)
    return _find_violations(subject, applied)


def _find_violations(subject: Subject, applied: Sequence[Policy]) -> tuple[list[Violation], list[AppliedDefault]]:
    defaults = find_defaults(subject, applied)
    return violations(subject, applied, defaults), defaults


@lru_cache(maxsize=1024)
def _decode(body: str) -> Policy:
    return msgspec.json.decode(body, type=Policy)


def _check(workspace: str | None, tree: Mapping[str, Any]) -> tuple[Policy, str]:
    policy = parse(tree)
    if (policy.scope == INSTANCE) != (workspace is None):
        raise BadRequest(
            "Policies of the instance have the scope `instance`, those of workspaces `workspace` or a start of paths.",
            hint="Superadmins create policies of the instance by /api/policies/create.",
        )
    return policy, msgspec.json.encode(policy).decode()


def _require_few_patterns(present: Sequence[PolicyRow], new: Policy) -> None:
    """Limit the patterns of all policies, which each deployment compares. Raises LimitExceeded."""
    count = new.count_patterns()
    others = sum(_decode(each.body).count_patterns() for each in present if each.name != new.name)
    if count and count + others > MAX_PATTERNS:
        raise LimitExceeded(
            f"All policies together have at most {MAX_PATTERNS:,} patterns.", details={"limit": MAX_PATTERNS}
        )


def _require(actor: Actor, workspace: str | None, action: str) -> None:
    if workspace is None:
        require(actor, f"{action}_policies", Target(None, "instance"))
    else:
        require(actor, action, Target(workspace, "policy"))
    if action == "write":
        refuse_limited(actor, _CHANGE, bound=workspace is not None)


async def _record(
    conn: Connection, actor: Actor, workspace: str | None, verb: str, name: str, parameters: Mapping[str, Any]
) -> None:
    kinds: Mapping[str, audit.ActionKind] = {"create": "Created", "update": "Updated", "delete": "Delete"}
    record = audit.record_instance if workspace is None else audit.record
    await record(conn, actor, f"policies.{verb}", kinds[verb], name, parameters)


def _missing(name: str) -> NotFound:
    return NotFound(f"The policy {name[:100]} does not exist.")
