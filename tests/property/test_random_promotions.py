"""Random edits, releases, promotions, rollbacks, holds and policies over three environments against a small model."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.test_releases import apply as apply_changes

PATH = "f/team/main"
FOLDER = {"kind": "folder", "path": "team", "content": {"owners": ["g/all"]}}
POLICY = {"name": "described", "mode": "active", "rules": [{"kind": "require", "on": "flow", "field": "description"}]}


def flow(version: str) -> dict[str, Any]:
    text = f"summary: {version}\nvalue:\n  modules:\n    - {{id: {version}, value: {{type: identity}}}}\n"
    return {"kind": "flow", "path": PATH, "content": {"text": text}}


@dataclass
class Environment:
    """Expected state of an environment."""

    workspace: str
    version: str | None = None
    """Version of the workflow that runs are started with."""
    released: str | None = None
    """Version of the release that was applied last."""
    number: int = 0
    """Number of that release."""
    hold: bool = False
    policy: bool = False


@dataclass
class Model:
    api: ApiHarness
    edited: str = "v0"
    count: int = 0
    releases: list[str] = field(default_factory=list)
    environments: list[Environment] = field(default_factory=lambda: [Environment("stage"), Environment("live")])
    seen: set[str] = field(default_factory=set)
    """Outcomes that occurred."""

    def new(self) -> str:
        self.count += 1
        return f"v{self.count}"

    async def edit(self, chance: random.Random) -> None:
        self.edited = self.new()
        await apply_changes(self.api.client, [flow(self.edited)])

    async def release(self, chance: random.Random) -> None:
        body = {"items": [{"kind": "flow", "path": PATH}]}
        answer = await self.api.client.post(f"{W}/releases/create", json=body)
        if answer.status_code == 409:  # this content has been released before
            self.seen.add("release exists")
            return
        assert answer.status_code == 201, answer.text
        number = answer.json()["number"]
        if number > len(self.releases):
            self.releases.append(self.edited)
        assert self.releases[number - 1] == self.edited

    async def drift(self, chance: random.Random) -> None:
        """Change the workflow of an environment outside of releases."""
        place = chance.choice(self.environments)
        if place.version is not None and not place.policy:
            place.version = self.new()
            await apply_changes(self.api.client, [flow(place.version)], place.workspace)

    async def policy(self, chance: random.Random) -> None:
        place = chance.choice(self.environments)
        base = f"/api/w/{place.workspace}/policies"
        client = self.api.client
        answer = await (
            client.delete(f"{base}/delete/described") if place.policy else client.post(f"{base}/create", json=POLICY)
        )
        assert answer.is_success, answer.text
        place.policy = not place.policy

    async def promote(self, chance: random.Random) -> None:
        if not self.releases:
            return
        place, number = chance.choice(self.environments), chance.randint(1, len(self.releases))
        overwrite = chance.random() < 0.3
        base = f"/api/w/{place.workspace}/deployments"
        body = {"source": "main", "number": number, "overwrite": overwrite}
        request = (await self.api.client.post(f"{base}/create", json=body)).json()
        wanted = self.releases[number - 1]
        refused = {"policy_violation"} if place.policy else set()
        if wanted != place.version and place.version not in (None, place.released) and not overwrite:
            refused.add("conflict")
        refused |= {"on_hold"} if place.hold else set()
        answer = await self.api.client.post(f"{base}/apply/{request['id']}", json={"plan_hash": request["plan_hash"]})
        if refused:
            assert answer.status_code == 409, (refused, answer.text)
            assert {each["code"] for each in answer.json()["error"]["details"]} == refused
            await self.api.client.post(f"{base}/withdraw/{request['id']}")
        else:
            assert answer.status_code == 200, answer.text
            place.version = place.released = wanted
            place.number = number
        self.seen |= {f"promote {each}" for each in refused or {"applied"}}

    async def rollback(self, chance: random.Random) -> None:
        """Roll back to an earlier release. A rejected rollback changes nothing; an applied one sets a hold."""
        place = chance.choice(self.environments)
        base = f"/api/w/{place.workspace}/deployments"
        answer = await self.api.client.post(f"{base}/rollback", json={"reason": "Wrong"})
        found = answer.json()
        if answer.status_code == 200 and found["state"] == "applied":
            place.version = place.released = self.releases[found["number"] - 1]
            place.number, place.hold = found["number"], True
            self.seen.add("rollback applied")
        elif answer.status_code == 200:
            self.seen.add("rollback waits")
            place.hold = True
            await self.api.client.post(f"{base}/withdraw/{found['id']}")
        else:
            assert answer.status_code in (404, 409), answer.text
            self.seen.add(f"rollback {answer.status_code}")

    async def lift(self, chance: random.Random) -> None:
        place = chance.choice(self.environments)
        answer = await self.api.client.post(f"/api/w/{place.workspace}/deployments/lift_hold")
        assert answer.status_code == (200 if place.hold else 409), answer.text
        place.hold = False

    async def check(self) -> None:
        """Compare each environment with the model: its workflow, and the version that a new run uses."""
        for place in self.environments:
            base = f"/api/w/{place.workspace}"
            state = (await self.api.client.get(f"{base}/deployments/environment")).json()
            assert (state["hold"] is not None) == place.hold
            if place.version is None:
                assert (await self.api.client.get(f"{base}/flows/exists/{PATH}")).json() is False
                continue
            assert state["current"]["number"] == place.number
            assert (state["drift"] != []) == (place.version != place.released)
            assert (await self.api.client.get(f"{base}/flows/get/{PATH}")).json()["summary"] == place.version
            run = (await self.api.client.post(f"{base}/jobs/run/f/{PATH}", json={})).text
            job = (await self.api.client.get(f"{base}/jobs_u/get/{run}")).json()
            assert [each["id"] for each in job["raw_flow"]["modules"]] == [place.version]


@pytest.fixture
async def model(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Model]:
    async with api_harness(database, tmp_path) as api:
        for position, place in enumerate(Model(api).environments, 1):
            name = place.workspace
            await api.client.post("/api/workspaces/create", json={"id": name, "name": name})
            body = {"name": name, "workspace": name, "position": position}
            assert (await api.client.post("/api/environments/create", json=body)).is_success
            await apply_changes(api.client, [FOLDER], name)
        await apply_changes(api.client, [FOLDER, flow("v0")])
        yield Model(api)


async def walk(model: Model, seed: int, steps: int) -> None:
    chance = random.Random(seed)
    acts = [
        model.edit,
        model.release,
        model.promote,
        model.promote,
        model.drift,
        model.policy,
        model.rollback,
        model.lift,
    ]
    for step in range(steps):
        act = chance.choice(acts)
        try:
            await act(chance)
            await model.check()
        except BaseException as error:
            error.add_note(f"seed {seed}, step {step}: {act.__name__}")
            raise


@pytest.mark.extended
@pytest.mark.parametrize("seed", [5])
async def test_environments_run_what_the_model_says(model: Model, seed: int) -> None:
    await walk(model, seed, 60)
    assert {"promote applied", "promote conflict", "promote on_hold", "rollback applied"} <= model.seen


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 110))
async def test_environments_run_what_the_model_says_at_length(model: Model, seed: int) -> None:
    await walk(model, seed, 300)
