"""Random calls of users with random roles and tokens in two workspaces, compared with an independent permission model.

Every answer is compared: a permitted call succeeds, a forbidden one is refused without disclosing more than allowed,
and every list, count and search holds exactly the rows that the model lets the caller see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, api_harness, client_of
from tests.property.permission_model import (
    Caller,
    Folder,
    Workspace,
    may_read,
    may_run,
    may_see_run,
    may_write,
    owns_folder,
)

from orvanta_platform import clock
from orvanta_platform.control import names
from orvanta_platform.control.actor import Role, system
from orvanta_platform.db import tokens, workspaces
from orvanta_platform.http.requests import MAX_PAGE
from orvanta_platform.services.access import users
from orvanta_platform.services.access.users import NewAccount

WORKSPACES = ("main", "other")
PEOPLE = ("ann", "bob", "cal", "dee", "eva", "fay")
FOLDERS = ("red", "blue")
GROUPS = ("ops", "dev")
KINDS = ("scripts", "flows", "variables", "resources")
SCOPES: tuple[tuple[str, ...] | None, ...] = (
    None,
    None,
    None,
    ("scripts:read:f/red/*",),
    ("flows:read", "jobs:run:f/blue/*"),
    ("jobs:read:f/red/*", "jobs:run"),
    ("variables:write:f/red/*", "resources:read"),
    ("scripts:write", "flows:write:u/*"),
)
BODIES: dict[str, dict[str, Any]] = {
    "scripts": {"summary": "", "content": "echo 1", "language": "bash"},
    "flows": {"summary": "", "value": {"modules": []}},
    "variables": {"value": "1"},
    "resources": {"resource_type": "thing", "value": {}},
}
READS = {"scripts": "get/p", "flows": "get", "variables": "get", "resources": "get"}


class World:
    """The platform, its model, and the calling users."""

    def __init__(self, api: ApiHarness, random: Random) -> None:
        self._stage = api
        self._random = random
        self.model = {name: Workspace(folders={each: Folder() for each in FOLDERS}) for name in WORKSPACES}
        self._clients: list[tuple[Caller, httpx.AsyncClient]] = []
        self.log: list[str] = []

    async def prepare(self) -> None:
        admin = self._stage.client
        answer = await admin.post("/api/workspaces/create", json={"id": "other", "name": "other", "username": "admin"})
        assert answer.is_success, answer.text
        for workspace in WORKSPACES:
            for folder in FOLDERS:
                await self._must(admin.post(f"/api/w/{workspace}/folders/create", json={"name": folder}))
            for group in GROUPS:
                await self._must(admin.post(f"/api/w/{workspace}/groups/create", json={"name": group}))
                self.model[workspace].groups[group] = set()
            for folder in FOLDERS:
                self.model[workspace].folders[folder].owners.add("u/admin")
            await self._must(admin.post(f"/api/w/{workspace}/resources/type/create", json={"name": "thing"}))
        for name in PEOPLE:
            await self._add_person(name)

    async def _add_person(self, name: str) -> None:
        email = f"{name}@example.com"
        async with self._stage.platform.db.transaction() as conn:
            await users.add_account(conn, system(), NewAccount(email, username=name), None)
            for workspace in self._random.sample(WORKSPACES, self._random.choice((1, 1, 2))):
                role = self._random.choice(list(Role))
                await workspaces.add_member(conn, workspace, name, email, role)
                self.model[workspace].roles[name] = role.value
            for scopes in {None, self._random.choice(SCOPES)}:
                token = names.new_token("user")
                limits = None if scopes is None else list(scopes)
                await tokens.insert(
                    conn, names.token_hash(token), names.token_prefix(token), "user", email, scopes=limits
                )
                self._clients.append((Caller(name, scopes), client_of(self._stage.app, token)))

    async def step(self) -> None:
        """Make one random call and compare it with the model."""
        moves: list[Callable[[], Awaitable[None]]] = [
            *[self._create] * 4,
            *[self._read] * 4,
            *[self._list] * 4,
            *[self._run] * 4,
            *[self._see_run] * 3,
            *[self._list_runs] * 3,
            self._delete,
            self._grant,
            self._join_group,
        ]
        await self._random.choice(moves)()

    def _pick(self) -> tuple[Caller, httpx.AsyncClient, str, Workspace]:
        caller, client = self._random.choice(self._clients)
        name = self._random.choice(WORKSPACES)
        return caller, client, name, self.model[name]

    def _path(self) -> str:
        place = self._random.choice([f"f/{self._random.choice(FOLDERS)}", f"u/{self._random.choice(PEOPLE)}"])
        return f"{place}/{self._random.choice('abc')}"

    async def _create(self) -> None:
        caller, client, name, workspace = self._pick()
        kind, path = self._random.choice(KINDS), self._path()
        answer = await client.post(f"/api/w/{name}/{kind}/create", json={**BODIES[kind], "path": path})
        if self._check(caller, name, answer, may_write(workspace, caller, kind, path), f"create {kind} {path}", {409}):
            workspace.items.setdefault(kind, set()).add(path)

    async def _read(self) -> None:
        caller, client, name, workspace = self._pick()
        kind, path = self._random.choice(KINDS), self._existing()
        answer = await client.get(f"/api/w/{name}/{kind}/{READS[kind]}/{path}")
        there = path in workspace.items.get(kind, set())
        self._check(caller, name, answer, there and may_read(workspace, caller, kind, path), f"read {kind} {path}")

    async def _list(self) -> None:
        caller, client, name, workspace = self._pick()
        kind = self._random.choice(KINDS)
        answer = await client.get(f"/api/w/{name}/{kind}/list", params={"per_page": 1000})
        expected = {path for path in workspace.items.get(kind, set()) if may_read(workspace, caller, kind, path)}
        if answer.status_code in (403, 404):
            assert not expected, (caller, name, kind, answer.text, expected)
        else:
            shown = {each["path"] for each in answer.json()}
            assert shown == expected, (caller, name, kind, shown ^ expected, self.log[-20:])

    async def _run(self) -> None:
        caller, client, name, workspace = self._pick()
        path = self._existing()
        answer = await client.post(f"/api/w/{name}/jobs/run/f/{path}", json={})
        there = path in workspace.items.get("flows", set())
        if self._check(caller, name, answer, there and may_run(workspace, caller, path), f"run {path}"):
            workspace.runs[answer.text] = (path, caller.name)

    async def _see_run(self) -> None:
        caller, client, name, _ = self._pick()
        known = [(where, run) for where in WORKSPACES for run in self.model[where].runs]
        if not known:
            return
        where, run = self._random.choice(known)
        call = self._random.choice(
            ("jobs_u/get/", "jobs_u/completed/get_result/", "jobs_u/get_args/", "jobs_u/getupdate/", "jobs_u/get_logs/")
        )
        answer = await client.get(f"/api/w/{name}/{call}{run}")
        allowed = where == name and may_see_run(self.model[where], caller, run)
        self._check(caller, name, answer, allowed, f"{call}{run} of {where}")

    async def _list_runs(self) -> None:
        caller, client, name, workspace = self._pick()
        answer = await client.get(f"/api/w/{name}/jobs/list", params={"per_page": MAX_PAGE})
        expected = {run for run in workspace.runs if may_see_run(workspace, caller, run)}
        if answer.status_code in (403, 404):
            assert not expected, (caller, name, answer.text, expected)
            return
        shown, page = {each["id"] for each in answer.json()}, 1
        while len(answer.json()) == MAX_PAGE:
            page += 1
            answer = await client.get(f"/api/w/{name}/jobs/list", params={"per_page": MAX_PAGE, "page": page})
            shown |= {each["id"] for each in answer.json()}
        assert shown == expected, (caller, name, shown ^ expected, self.log[-20:])
        counted = (await client.get(f"/api/w/{name}/jobs/completed/count")).json()
        assert counted["database_length"] == len(expected), (caller, name, counted, len(expected), self.log[-20:])

    async def _delete(self) -> None:
        caller, client, name, workspace = self._pick()
        path = self._existing()
        answer = await client.delete(f"/api/w/{name}/variables/delete/{path}")
        there = path in workspace.items.get("variables", set())
        allowed = there and may_write(workspace, caller, "variables", path)
        if self._check(caller, name, answer, allowed, f"delete variable {path}"):
            workspace.items["variables"].discard(path)

    async def _grant(self) -> None:
        """Change owners, writers and readers of a folder."""
        caller, client, name, workspace = self._pick()
        if self._random.random() < 0.6:
            caller, client = Caller("admin"), self._stage.client
        folder = self._random.choice(FOLDERS)
        everybody = [*(f"u/{person}" for person in PEOPLE), *(f"g/{group}" for group in GROUPS), "g/all"]
        owners = self._random.sample(everybody, self._random.choice((0, 1)))
        perms = {each: self._random.random() < 0.5 for each in self._random.sample(everybody, 2)}
        body = {"owners": owners, "extra_perms": perms}
        answer = await client.post(f"/api/w/{name}/folders/update/{folder}", json=body)
        allowed = caller.name == "admin" or owns_folder(workspace, caller, folder)
        if self._check(caller, name, answer, allowed, f"grant {folder} {body}"):
            writers = {each for each, may in perms.items() if may}
            workspace.folders[folder] = Folder(set(owners), writers, set(perms) - writers)

    async def _join_group(self) -> None:
        _, _, name, workspace = self._pick()
        members = [person for person in PEOPLE if person in workspace.roles]
        if not members:
            return
        person, group = self._random.choice(members), self._random.choice(GROUPS)
        joins = person not in workspace.groups[group]
        call = "adduser" if joins else "removeuser"
        url = f"/api/w/{name}/groups/{call}/{group}"
        await self._must(self._stage.client.post(url, json={"username": person}))
        (workspace.groups[group].add if joins else workspace.groups[group].discard)(person)
        self.log.append(f"{call} {person} {group} in {name}")

    def _existing(self) -> str:
        """Return a path, mostly that of an item."""
        paths = sorted({path for each in self.model.values() for found in each.items.values() for path in found})
        return self._random.choice(paths) if paths and self._random.random() < 0.8 else self._path()

    def _check(
        self, caller: Caller, name: str, answer: httpx.Response, allowed: bool, call: str, also: set[int] | None = None
    ) -> bool:
        """Compare an answer with the model; return whether the call has changed something."""
        self.log.append(f"{caller} in {name}: {call}: {answer.status_code}, {'allowed' if allowed else 'refused'}")
        fine = answer.is_success or answer.status_code in (also or set())
        refused = answer.status_code in (403, 404)
        assert fine if allowed else refused, (answer.text, self.log[-20:])
        return answer.is_success

    async def _must(self, call: Awaitable[httpx.Response]) -> None:
        answer = await call
        assert answer.is_success, answer.text


@pytest.mark.parametrize("seed", range(3))
async def test_random_calls_match_permission_model(database: TestDatabase, tmp_path: Path, seed: int) -> None:
    async with api_harness(database, tmp_path) as api:
        world = World(api, Random(seed))
        await world.prepare()
        for _ in range(400):
            await world.step()


@pytest.mark.soak(minutes=75)
async def test_random_calls_for_an_hour(database: TestDatabase, tmp_path: Path) -> None:
    async with api_harness(database, tmp_path) as api:
        world = World(api, Random())
        await world.prepare()
        until = clock.monotonic() + 3600
        while clock.monotonic() < until:
            await world.step()
