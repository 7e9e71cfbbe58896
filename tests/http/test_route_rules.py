"""Every API route called as every role, compared with the published table of routes and roles."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W
from tests.http.route_examples import scene_with_examples

from orvanta_platform.control.actor import Role
from orvanta_platform.control.permissions import RULES, Condition
from orvanta_platform.http import app, route_rules

DENIED = {401, 403, 404}
ROUTES = [(method, path, rule) for method, path, rule in route_rules.routes() if isinstance(rule, tuple)]
ABSENT_FOR_EVERYBODY = {
    "GET /api/v1/runs/{run_id}/pauses/{job}": "nothing is paused in this run",
    "POST /api/v1/runs/{run_id}/pauses/{job}/continue": "nothing is paused in this run",
    "DELETE /api/users/tokens/delete/{token_prefix}": "there is no such token",
    "DELETE /api/users/sessions/delete/{token_prefix}": "there is no such session",
    "DELETE tokens/delete/{token_prefix}": "there is no such token",
    "POST deployments/rollback": "no other release ran in the environment",
    "POST /api/users/accept_invite": "there is no such invitation",
    "POST /api/users/decline_invite": "there is no such invitation",
    "GET /api/v1/runs/{run_id}/failure": "the run did not fail",
    "GET git/incoming/{kind}/{path}": "the repository has no change that is not applied",
}
"""Routes that return 404 even to permitted callers: the example names an object that does not exist."""


def test_every_route_has_a_rule() -> None:
    router = app.create_router()
    served = {
        (method, re.sub(r"\{(\w+):\w+\}", r"{\1}", path))
        for handler in app.api_handlers(router)
        for path in handler.paths
        for method in handler.http_methods
    }
    listed = [(method, path) for method, path, _ in route_rules.routes()]
    assert served == set(listed)
    assert len(listed) == len(served)


def is_allowed(role: Role, rule: tuple[str, str]) -> bool:
    """Return true if the table permits the call to a member with this role, who reads, writes and owns the folder and
    manages the group."""
    found = RULES[rule]
    if found.roles:
        return role in found.roles
    return found.by in (Condition.LOGIN, Condition.SELF)


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_as_every_role(database: TestDatabase, tmp_path: Path, role: Role) -> None:
    wrong = []
    async with scene_with_examples(database, tmp_path) as (api, examples):
        client = await api.member("bea", role=role)
        for name in ("flow", "asks"):
            await client.put(f"{W}/drafts/flow/f/team/{name}", json={"value": {}})
        await api.client.post(f"{W}/groups/update/ops", json={"managers": ["bea"]})
        for method, path, rule in sorted(ROUTES, key=lambda each: (each[0] == "DELETE", "delete" in each[1])):
            url, body = await examples.request(method, path)
            status, text = await call(client, method, url, body)
            short = f"{method} {path.removeprefix('/api/w/{workspace}/')}"
            expected = is_allowed(role, rule)
            if expected and status == 404 and short in ABSENT_FOR_EVERYBODY:
                continue
            is_denied = status in DENIED or (status == 201 and text.startswith("Error: ") and "may not" in text)
            if is_denied is expected or status >= 500:
                wrong.append((short, rule, status, text[:200]))
    assert not wrong, "\n".join(map(str, wrong))


async def test_workspace_routes_are_404_for_outsider(database: TestDatabase, tmp_path: Path) -> None:
    """This also applies to an admin of another workspace."""
    wrong = []
    async with scene_with_examples(database, tmp_path) as (api, examples):
        client = await api.member("zoe", role=Role.ADMIN, workspace="admins")
        for method, path, rule in ROUTES:
            if RULES[rule].roles:
                url, body = await examples.request(method, path)
                status, text = await call(client, method, url, body)
                if status != 404 and not ("exists" in path and text == "false"):
                    wrong.append((method, path, status, text[:200]))
    assert not wrong, "\n".join(map(str, wrong))


async def call(client: httpx.AsyncClient, method: str, url: str, body: object) -> tuple[int, str]:
    answer = await client.request(method, url, json=body, headers={"X-Workspace": "main"})
    return answer.status_code, answer.text
