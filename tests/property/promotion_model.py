"""Three environments as dictionaries, and the calls that must have the same effects on the real ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace
from tests.http.harness import ApiHarness

from orvanta_platform.control import limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.identity import actor_of
from orvanta_platform.db import tokens
from orvanta_platform.errors import ChangesRefused, Conflict, DeploymentBlocked, NotFound, StalePlan
from orvanta_platform.services.catalog import policies
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.services.releases import deployments, releases, requests
from orvanta_platform.services.releases.requests import PlannedRequest
from orvanta_platform.workflow.releases.bundle import RemovedItem
from orvanta_platform.workflow.tree.plan import Wanted

PATHS: Final = ("f/team/one", "f/team/two")
POLICY: Final = {"name": "described", "rules": [{"kind": "require", "on": "flow", "field": "description"}]}
FOLDER: Final = {"owners": ["g/all"]}

Content = Mapping[str, str | None]
"""Version of each workflow of a release by its path; None: the release removes it."""


@dataclass
class Environment:
    """Expected state of an environment."""

    workspace: str
    permits_removals: bool
    runs: dict[str, str] = field(default_factory=dict)
    """Version that runs of each workflow are started with."""
    released: dict[str, str] = field(default_factory=dict)
    """Version of each workflow that the deployments left."""
    history: list[tuple[Content, str, dict[str, str]]] = field(default_factory=list)
    """Release, kind, and `released` after each deployment."""
    hold: bool = False
    policy: str | None = None
    """Mode of the policy, which all workflows violate."""

    def blockers(self, content: Content, *, overwrite: bool) -> set[str]:
        """Return the codes of what prevents the deployment of a release, apart from a hold."""
        found = {"policy_violation"} if self.policy == "active" and any(content.values()) else set()
        for path, wanted in content.items():
            present, before = self.runs.get(path), self.released.get(path)
            if wanted == present:
                continue
            if before != present and not overwrite:
                found.add("conflict")
            elif wanted is None and not (self.permits_removals and before is not None):
                found.add("removal_refused")
        return found

    def deploy(self, content: Content, stored: Content, kind: str) -> None:
        """Apply a release. `stored`: its content with what a rollback restores."""
        for path, version in stored.items():
            for state in (self.runs, self.released):
                state.pop(path, None)
                if version is not None:
                    state[path] = version
        self.history.append((content, kind, dict(self.released)))

    def earlier(self) -> tuple[Content, Content] | None:
        """Return the release that a rollback deploys, and its content with the restored items."""
        if not self.history:
            return None
        now = self.history[-1][0]
        promoted = max(at for at, (each, kind, _) in enumerate(self.history) if each == now and kind == "promotion")
        for content, _, left in reversed(self.history[:promoted]):
            if content != now:
                return content, {**{path: left[path] for path in left if path not in self.released}, **content}
        return None


class Pipeline:
    """Environments dev, staging and prod of a lane; releases are created in dev."""

    def __init__(self, api: ApiHarness, lane: int) -> None:
        self._api = api
        self._actors: dict[str, Actor] = {}
        self._version = 0
        self.releases: list[Content] = []
        self.environments = [Environment(f"{name}{lane}", name != "prod") for name in ("dev", "staging", "prod")]
        self.seen: Counter[str] = Counter()
        """Number of times that each outcome occurred."""

    async def prepare(self) -> None:
        """Create the workspaces and environments."""
        token = names.token_hash(self._api.client.headers["Authorization"].removeprefix("Bearer "))
        for place in self.environments:
            name = place.workspace
            await self._api.client.post("/api/workspaces/create", json={"id": name, "name": name})
            rules = {"permit_removals": place.permits_removals}
            body = {"name": name, "workspace": name, "rules": rules}
            answer = await self._api.client.post("/api/environments/create", json=body)
            assert answer.is_success, answer.text
            async with self._api.platform.db.acquire() as conn:
                bearer = await tokens.resolve(conn, token, name, limits.MAX_SCOPES)
            assert bearer is not None
            self._actors[name] = replace(actor_of(bearer, name), token=token)
            await self._change(place, Wanted("folder", "team", None, FOLDER))

    async def act(self, chance: random.Random) -> None:
        """Call the platform at random, and compare the environment that the call concerns with the model."""
        acts: list[tuple[Callable[[random.Random, Environment], Awaitable[None]], int]] = [
            (self._edit_dev, 4),
            (self._release, 4),
            (self._promote, 6),
            (self._edit, 1),
            (self._policy, 1),
            (self._roll_back, 2),
            (self._lift, 1),
        ]
        act = chance.choices([each for each, _ in acts], [weight for _, weight in acts])[0]
        place = chance.choice(self.environments)
        try:
            await act(chance, place)
            await self.check(place)
        except BaseException as error:
            error.add_note(f"{act.__name__} in {place.workspace}, expected {place}")
            raise

    async def check(self, place: Environment) -> None:
        """Compare the workflows, the release and the hold of an environment with the model."""
        platform, actor = self._api.platform, self._actors[place.workspace]
        environment = await requests.environment_of(platform, actor, place.workspace)
        assert (environment.hold_by is not None) == place.hold
        keys = [("flow", path) for path in PATHS]
        found = await change_sets.read_items(platform, actor, place.workspace, keys)  # type: ignore[arg-type]
        assert {path: each.content["text"] for (_, path), each in found.items()} == {
            path: _text(version) for path, version in place.runs.items()
        }

    async def run(self, chance: random.Random) -> None:
        """Start a run in an environment, and compare its version with the model."""
        place, path = chance.choice(self.environments), chance.choice(PATHS)
        base = f"/api/w/{place.workspace}"
        answer = await self._api.client.post(f"{base}/jobs/run/f/{path}", json={})
        if path not in place.runs:
            assert answer.status_code == 404
            return
        job = (await self._api.client.get(f"{base}/jobs_u/get/{answer.text}")).json()
        assert [each["id"] for each in job["raw_flow"]["modules"]] == [place.runs[path]]
        drift = (await self._api.client.get(f"{base}/deployments/environment")).json()["drift"]
        changed = {path for path, version in place.released.items() if place.runs.get(path) != version}
        assert {each["path"] for each in drift} == changed

    async def _edit_dev(self, chance: random.Random, place: Environment) -> None:
        await self._edit(chance, self.environments[0])

    async def _edit(self, chance: random.Random, place: Environment, path: str | None = None) -> None:
        """Change or delete a workflow without a release."""
        path = path or chance.choice(PATHS)
        if path in place.runs and chance.random() < 0.3:
            await self._change(place, Wanted("flow", path, None, None))
            del place.runs[path]
            self.seen["deleted"] += 1
            return
        self._version += 1
        version = f"v{self._version}"
        try:
            await self._change(place, Wanted("flow", path, None, {"text": _text(version)}))
        except ChangesRefused:
            assert place.policy == "active"
            self.seen["edit refused"] += 1
        else:
            assert place.policy != "active"
            place.runs[path] = version

    async def _release(self, chance: random.Random, place: Environment) -> None:
        dev = self.environments[0]
        chosen = chance.sample(PATHS, chance.choice((1, 1, 2)))
        content = {path: dev.runs.get(path) for path in chosen}
        made = await releases.create(
            self._api.platform,
            self._actors[dev.workspace],
            dev.workspace,
            [("flow", path) for path, version in content.items() if version is not None],
            removed=[RemovedItem(kind="flow", path=path) for path, version in content.items() if version is None],
        )
        self.releases.append(content)
        assert made.row.number == len(self.releases)

    async def _promote(self, chance: random.Random, place: Environment) -> None:
        if not self.releases:
            return
        number = max(len(self.releases) - chance.choice((0, 0, 0, 1, 2)), 1)
        content, overwrite = self.releases[number - 1], chance.random() < 0.3
        platform, actor = self._api.platform, self._actors[place.workspace]
        source = self.environments[0].workspace
        planned = await requests.create(platform, actor, place.workspace, source, number, overwrite=overwrite)
        expected = place.blockers(content, overwrite=overwrite) | ({"on_hold"} if place.hold else set())
        before = dict(place.runs)
        if chance.random() < 0.15:
            await self._edit(chance, place, chance.choice([*content]))
        if place.runs != before:
            expected = {"stale_plan"}
        if not expected:
            place.deploy(content, content, "promotion")
        assert await self._apply(place, planned) == expected
        self.seen.update(f"promotion {each}" for each in expected or {"applied"})
        if not expected and None in content.values():
            self.seen["removal"] += 1
            await self._roll_back(chance, place)

    async def _apply(self, place: Environment, planned: PlannedRequest) -> set[str]:
        """Apply a request; return the codes of the errors, and withdraw it if there are any."""
        platform, actor, workspace = self._api.platform, self._actors[place.workspace], place.workspace
        try:
            await deployments.apply(platform, actor, workspace, planned.request.id, planned.request.plan_hash)
        except (DeploymentBlocked, StalePlan) as error:
            await requests.withdraw(platform, actor, workspace, planned.request.id)
            if isinstance(error, StalePlan):
                return {error.code}
            details: Any = error.details
            return {each["code"] for each in details}
        return set()

    async def _roll_back(self, chance: random.Random, place: Environment) -> None:
        platform, actor, workspace = self._api.platform, self._actors[place.workspace], place.workspace
        earlier = place.earlier()
        try:
            done = (await deployments.rollback(platform, actor, workspace, "Wrong")).planned
        except NotFound:
            assert earlier is None
            return
        assert earlier is not None
        content, stored = earlier
        expected = place.blockers(stored, overwrite=False)
        if done.request.state == "open":
            assert {each.code for each in done.plan.blocked} == expected
            # The hold that the request set, if there was none before, ends with it.
            await requests.withdraw(platform, actor, workspace, done.request.id)
        else:
            assert not expected
            place.hold = True
            place.deploy(content, stored, "rollback")
        self.seen["rollback blocked" if expected else "rollback restored" if stored != content else "rollback"] += 1

    async def _policy(self, chance: random.Random, place: Environment) -> None:
        mode = chance.choice((None, "evaluate", "active"))
        platform, actor, workspace = self._api.platform, self._actors[place.workspace], place.workspace
        if place.policy is not None:
            await policies.delete(platform, actor, workspace, "described")
        if mode is not None:
            await policies.create(platform, actor, workspace, {**POLICY, "mode": mode})
        place.policy = mode

    async def _lift(self, chance: random.Random, place: Environment) -> None:
        try:
            await requests.lift_hold(self._api.platform, self._actors[place.workspace], place.workspace)
            lifted = True
        except Conflict:
            lifted = False
        assert lifted == place.hold
        place.hold = False

    async def _change(self, place: Environment, wanted: Wanted) -> None:
        platform, actor, workspace = self._api.platform, self._actors[place.workspace], place.workspace
        change = ChangeSet([wanted], [""], force=True)
        plan = await change_sets.plan(platform, actor, workspace, change)
        await change_sets.apply(platform, actor, workspace, change, plan.hash, None)


def _text(version: str) -> str:
    return f"summary: {version}\nvalue:\n  modules:\n    - {{id: {version}, value: {{type: identity}}}}\n"
