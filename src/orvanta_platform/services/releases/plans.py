"""Plans: the effect of a release on an environment, and everything that prevents its deployment."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor, system
from orvanta_platform.control.permissions import Target, can, require
from orvanta_platform.db import deployments as rows
from orvanta_platform.db import workflow_tests
from orvanta_platform.db.deployments import InUseRow, LastChangeRow
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.errors import Forbidden, InvalidItemSettings
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog.environments import rules_of
from orvanta_platform.services.changes import contents
from orvanta_platform.services.changes.change_sets import ChangeSet, prepare, stored_items
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import preflight
from orvanta_platform.services.releases.preflight import Blocker
from orvanta_platform.services.releases.releases import Release
from orvanta_platform.services.releases.restored_items import with_restored
from orvanta_platform.workflow.hashes import hash_json
from orvanta_platform.workflow.item_settings import script_faults
from orvanta_platform.workflow.releases.adapt import environment_content
from orvanta_platform.workflow.releases.bundle import Bundle, drop_state
from orvanta_platform.workflow.tree.item import Key, Kind
from orvanta_platform.workflow.tree.plan import Entry, Plan, Wanted

MAX_RUNS: Final = 10_000
"""Maximum number of runs in progress that a plan counts."""

MAX_TESTS: Final = 2_000
"""Maximum number of tests of the workflows that a release changes; the release is blocked by more."""

_TRIGGERS: Final = ("schedule", "http_trigger")
_OTHER: Final = "changed since"
"""Base that equals no hash: the item was changed since the last deployment."""


class DeploymentPlan(msgspec.Struct, frozen=True):
    """Effect of a release on an environment."""

    environment: EnvironmentRow
    change: ChangeSet
    plan: Plan
    hash: str
    """Hash that approvals are bound to: of the release, the environment, the effect on each item and the tests that the
    rules require."""
    drift: list[LastChangeRow]
    """Last changes of the items that were changed outside of releases since their last deployment, as far as the actor
    may read them."""
    origin: str | None
    """JSON text of the origin of an imported release."""
    acts_for: dict[Key, str | None]
    """Member that the runs of each added or changed schedule and HTTP trigger act for; None: the one who applies."""
    in_use: list[InUseRow]
    """Changed and removed workflows and scripts that enabled schedules start, or that have runs in progress."""
    blocked: list[Blocker]
    """Everything that prevents the deployment, apart from the rules of the environment that can be bypassed."""
    paths: list[str]
    """Paths of the items of the release, and of those that a rollback restores."""
    restored: Mapping[str, int]
    """Ids of the releases of the items that a rollback restores, by `<kind>/<path>`."""


async def make(
    platform: Platform,
    actor: Actor,
    environment: EnvironmentRow,
    release: Release,
    kind: str,
    *,
    overwrite: bool,
    restores: bool = True,
) -> DeploymentPlan:
    """Return the effect of a release on an environment.

    `kind`: promotion or rollback. `overwrite`: items that were changed in the environment are replaced, instead of
    being conflicts. `restores`: a rollback restores the items that were removed since. The actor must be able to
    read the paths of all items in the environment. Raises NotFound, Forbidden, RateLimited.
    """
    require(actor, "read", Target(environment.workspace, "deployment"))
    restored: Mapping[str, int] = {}
    if kind == "promotion":
        require_paths(actor, environment.workspace, release.bundle)
    else:
        if restores:
            bundle, restored = await with_restored(platform, environment, release)
            release = replace(release, bundle=bundle)
        require_restored(actor, environment.workspace, release.bundle.item_keys())
    async with platform.turns.take("plans", environment.workspace, actor.email):
        return await _make(platform, actor, environment, release, kind, restored, overwrite=overwrite)


async def _make(
    platform: Platform,
    actor: Actor,
    environment: EnvironmentRow,
    release: Release,
    kind: str,
    restored: Mapping[str, int],
    *,
    overwrite: bool,
) -> DeploymentPlan:
    workspace = environment.workspace
    async with platform.db.acquire() as conn:
        deployed = await rows.list_deployed_items(conn, environment.name)
        keys = set(release.bundle.item_keys()) | {_key(kind, path) for kind, path in deployed}
        # Read as the platform, so that the plan and its hash are the same for every caller; the paths were checked.
        reading = await contents.read(conn, system(workspace), workspace, keys, depth="trees")
    present = await contents.items_in(workspace, reading)
    comparison = _Comparison(environment, release, present, deployed, overwrite)
    wanted = await document_threads.run_in_slices(workspace, comparison.change_set())
    change, planner = await prepare(platform, workspace, wanted)
    await document_threads.run_in_slices(workspace, planner.compare(stored_items(present)))
    hashes = {key: each.hash for key, each in present.items()}
    plan = await document_threads.run_in_thread(workspace, planner.plan, hashes)
    written = [each.key for each in plan.of("add", "change", "conflict") if each.wanted is not None]
    triggers = [each.key for each in plan.of("add", "change") if each.kind in _TRIGGERS]
    acts_for = {key: present[key].acts_for if key in present else None for key in triggers}
    parts = [release.row.digest, environment.name, overwrite, plan.hash, sorted(acts_for.items())]
    if tests := await _required_tests(platform, environment, release, plan, kind):
        parts.append(tests)
    touched = [each.key for each in plan.of("change", "remove", "conflict")]
    async with platform.db.acquire() as conn:
        in_use = await rows.list_in_use(conn, workspace, touched, MAX_RUNS)
        drifted = [key for key in comparison.drift() if _may_read(actor, workspace, key)]
        drift = await rows.list_last_changes(conn, workspace, drifted)
    blocked = [
        *(_conflict_blocker(each) for each in plan.of("conflict")),
        *list_refused_removals(environment, plan),
        *(_unknown_blocker(each.kind, each.path) for each in plan.of("remove") if each.key not in deployed),
        *(_settings_blockers(release.bundle, plan) if kind == "promotion" else []),
        *await preflight.list_blockers(platform, actor, workspace, release.bundle, written),
    ]
    return DeploymentPlan(
        environment,
        change,
        plan,
        hash_json(parts),
        drift,
        release.row.imported,
        acts_for,
        in_use,
        blocked,
        release.bundle.paths(),
        restored,
    )


async def _required_tests(
    platform: Platform, environment: EnvironmentRow, release: Release, plan: Plan, kind: str
) -> list[tuple[str, str, str]]:
    """Return path, name and hash of the tests of the changed workflows, if the environment requires tests."""
    paths = changed_flows(plan)
    if kind == "rollback" or not paths or rules_of(environment).workflow_tests == "ignore":
        return []
    async with platform.db.acquire() as conn:
        found = await workflow_tests.list_names(conn, release.row.workspace, paths, MAX_TESTS + 1)
    return [(each.path, each.name, each.hash) for each in found]


def changed_flows(plan: Plan) -> list[str]:
    """Return the paths of the workflows that a deployment changes, sorted."""
    written = plan.of("add", "change", "conflict")
    return sorted(each.path for each in written if each.kind == "flow" and each.wanted is not None)


def list_refused_removals(environment: EnvironmentRow, plan: Plan) -> list[Blocker]:
    """Return the removals of a plan that the rules of the environment do not permit."""
    if rules_of(environment).permit_removals:
        return []
    return [_removal_blocker(environment.name, each.kind, each.path) for each in plan.of("remove")]


def require_restored(actor: Actor, workspace: str, keys: Iterable[Key]) -> None:
    """Check that the actor may read the items of a rollback, whose paths it does not learn. Raises Forbidden."""
    if not all(_may_read(actor, workspace, key) for key in keys):
        # The paths are those of earlier releases, which the actor may not know.
        raise Forbidden(
            f"The rollback restores items that you may not read in {workspace}.",
            hint="An admin of the workspace can give you access to their folders.",
        )


def require_paths(actor: Actor, workspace: str, bundle: Bundle) -> None:
    """Check that the actor may read the paths of all items in a workspace. Raises Forbidden."""
    hidden = [path for kind, path in bundle.item_keys() if not _may_read(actor, workspace, (kind, path))]
    if hidden:
        raise Forbidden(
            f"The release contains {hidden[0][:200]}, which you may not read in {workspace}.",
            hint="An admin of the workspace can give you access to the folder.",
        )


async def find_drift(platform: Platform, actor: Actor, environment: EnvironmentRow) -> list[LastChangeRow]:
    """Return the last changes of the items that were changed outside of releases since their last deployment, as far
    as the actor may read them. Raises NotFound, Forbidden, RateLimited.
    """
    workspace = environment.workspace
    require(actor, "read", Target(workspace, "deployment"))
    async with platform.turns.take("plans", workspace, actor.email):
        async with platform.db.acquire() as conn:
            deployed = await rows.list_deployed_items(conn, environment.name)
            keys = [_key(kind, path) for kind, path in deployed]
            readable_keys = [key for key in keys if _may_read(actor, workspace, key)]
            reading = await contents.read(conn, system(workspace), workspace, readable_keys, depth="hashes")
        present = await contents.items_in(workspace, reading)
        drifted = [key for key in readable_keys if _differs(key, present, deployed)]
        async with platform.db.acquire() as conn:
            return await rows.list_last_changes(conn, workspace, drifted)


def item_hash(kind: Kind, present: Present) -> str:
    """Return the hash of an item without what each environment sets for itself."""
    return hash_json(drop_state(kind, present.content)) if kind in _TRIGGERS else present.hash


def _differs(key: Key, present: Mapping[Key, Present], deployed: Mapping[tuple[str, str], str]) -> bool:
    return key not in present or item_hash(key[0], present[key]) != deployed[key]


class _Comparison:
    """The items of a release compared with those of an environment."""

    def __init__(
        self,
        environment: EnvironmentRow,
        release: Release,
        present: Mapping[Key, Present],
        deployed: Mapping[tuple[str, str], str],
        overwrite: bool,
    ) -> None:
        self._environment = environment
        self._bundle = release.bundle
        self._present = present
        self._deployed = deployed
        self._overwrite = overwrite

    def change_set(self) -> Generator[None, None, ChangeSet]:
        """Compute the change set."""
        wanted = []
        for each in self._bundle.items:
            wanted.append(self._wanted_item(each.key, each.content))
            yield
        removed = [self._removed_item(each.key) for each in self._bundle.removed]
        prune = [each.path for each in removed] or None
        return ChangeSet([*wanted, *removed], prune, force=self._overwrite)

    def drift(self) -> set[Key]:
        """Return the items that differ from what the last deployment left."""
        keys = [_key(kind, path) for kind, path in self._deployed]
        return {key for key in keys if _differs(key, self._present, self._deployed)}

    def _wanted_item(self, key: Key, content: Mapping[str, Any]) -> Wanted:
        kind, path = key
        present = self._present.get(key)
        enabled = self._bundle.is_enabled(key, self._environment.name)
        fitted = environment_content(kind, content, None if present is None else present.content, enabled=enabled)
        if kind in _TRIGGERS and present is not None:
            # An absent key would leave the value unchanged; a release contains all settings that its trigger has.
            fitted = {**dict.fromkeys(drop_state(kind, present.content)), **fitted}
        return Wanted(kind, path, self._base(key), fitted)

    def _removed_item(self, key: Key) -> Wanted:
        return Wanted(*key, self._base(key), None)

    def _base(self, key: Key) -> str | None:
        present, before = self._present.get(key), self._deployed.get(key)
        if before is None:
            return None
        if present is not None and item_hash(key[0], present) == before:
            return present.hash
        return _OTHER


def _conflict_blocker(each: Entry) -> Blocker:
    hint = "Review the item. To replace it, let the plan overwrite changed items."
    message = f"The {each.kind} {each.path} is in conflict: {each.reason}"
    values = {"cause": each.code or "", "reason": each.reason or ""}
    return Blocker("conflict", message, hint, each.kind, each.path, values=values)


def _removal_blocker(environment: str, kind: str, path: str) -> Blocker:
    message = f"The release removes the {kind} {path}, which the rules of {environment} do not permit."
    hint = "A superadmin can permit removals in the rules of the environment."
    values = {"cause": "rules", "environment": environment}
    return Blocker("removal_refused", message, hint, kind, path, values=values)


def _unknown_blocker(kind: str, path: str) -> Blocker:
    message = f"The {kind} {path} was never deployed by a release, so that no rollback could restore it."
    hint = "Delete it in the workspace of the environment."
    return Blocker("removal_refused", message, hint, kind, path, values={"cause": "unknown", "environment": ""})


def _settings_blockers(bundle: Bundle, plan: Plan) -> list[Blocker]:
    """Return the invalid settings of scripts. Those of workflows are checked with their documents."""
    written = {each.key for each in plan.of("add", "change")}
    found = []
    for each in bundle.items:
        if each.kind != "script" or each.key not in written:
            continue
        for fault in script_faults(each.content.get("settings") or {}):
            message = f"The script {each.path} cannot be deployed: {fault.message}."
            hint = "Correct the script where the release was made, or leave it out there, and make a new release."
            values = {"reason": fault.message}
            found.append(Blocker(InvalidItemSettings.code, message, hint, each.kind, each.path, values=values))
    return found


def _may_read(actor: Actor, workspace: str, key: Key) -> bool:
    return can(actor, "read", contents.target_of(workspace, key))


def _key(kind: str, path: str) -> Key:
    return kind, path  # type: ignore[return-value]
