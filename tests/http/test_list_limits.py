"""Size limits of stored lists that other calls read: scopes, labels, settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script

MANY = [f"label-{number}" for number in range(101)]
LONG = ["x" * 201]
FLOW = {"summary": "", "value": {"modules": [script("a")]}}
SCHEDULE = {"schedule": "0 0 4 * * *", "timezone": "UTC", "script_path": "f/team/job", "is_flow": True}
TRIGGER = {
    "script_path": "f/team/job",
    "is_flow": True,
    "route_path": "called",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
}
LABELLED: dict[str, tuple[dict[str, Any], bool]] = {
    "variables": ({"value": "v", "is_secret": False, "description": ""}, True),
    "resources": ({"value": {}, "resource_type": "any"}, True),
    "schedules": (SCHEDULE, True),
    "http_triggers": (TRIGGER, True),
    "flows": (FLOW, True),
    "scripts": ({"summary": "", **PYTHON}, False),
}
"""A body to create one of each kind of labelled item, and whether it has an update call."""


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team"})
        answer = await made.client.post(f"{W}/flows/create", json={**FLOW, "path": "f/team/job"})
        assert answer.status_code == 201, answer.text
        yield made


@pytest.mark.parametrize("kind", LABELLED)
async def test_labels_are_limited_in_number_and_length(api: ApiHarness, kind: str) -> None:
    path = f"f/team/{kind}"
    body, has_update = {**LABELLED[kind][0], "path": path}, LABELLED[kind][1]

    async def sent(call: str, labels: list[str]) -> tuple[int, str]:
        answer = await api.client.post(f"{W}/{kind}/{call}", json={**body, "labels": labels})
        return answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else ""

    for labels in (MANY, LONG):
        assert await sent("create", labels) == (400, "limit_exceeded")
    assert (await sent("create", MANY[1:]))[0] in (200, 201)
    if has_update:
        for labels in (MANY, LONG):
            assert await sent(f"update/{path}", labels) == (400, "limit_exceeded")


async def test_labels_in_a_yaml_document_are_limited(api: ApiHarness) -> None:
    labels = "".join(f"\n- {label}" for label in MANY)
    text = f"summary: ''\nlabels:{labels}\nvalue:\n  modules:\n  - id: a\n    value: {{type: identity}}\n"
    body = {"path": "f/team/yaml", "source": {"format": "yaml", "text": text}}
    answer = await api.client.post(f"{W}/flows/create", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "limit_exceeded"), answer.text


@pytest.mark.parametrize("kind", ["flows", "scripts"])
async def test_listed_settings_are_limited_in_size(api: ApiHarness, kind: str) -> None:
    body = {**LABELLED[kind][0], "path": f"f/team/{kind}"}
    large = {"description": "x" * (256 << 10)}, {"unknown": ["x"] * 100_000}
    for more in large:
        answer = await api.client.post(f"{W}/{kind}/create", json={**body, **more})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "limit_exceeded"), answer.text


@pytest.mark.parametrize("kind", ["schedules", "http_triggers"])
async def test_retry_is_limited_in_size(api: ApiHarness, kind: str) -> None:
    """Each call of a route, even an unauthenticated one, and each list of triggers reads the retry settings."""
    body = {**LABELLED[kind][0], "path": f"f/team/{kind}"}
    retry = {"constant": {"attempts": 1, "seconds": 1}}
    large = {**retry, "unknown": "x" * (16 << 10)}

    async def sent(call: str, retry: dict[str, Any]) -> int:
        return (await api.client.post(f"{W}/{kind}/{call}", json={**body, "retry": retry})).status_code

    assert await sent("create", large) == 400
    assert await sent("create", retry) in (200, 201)
    assert await sent(f"update/f/team/{kind}", large) == 400


async def test_scopes_of_a_token_are_limited_in_number_and_length(api: ApiHarness) -> None:
    async def created(scopes: list[str]) -> tuple[int, str]:
        answer = await api.client.post("/api/users/tokens/create", json={"label": "x", "scopes": scopes})
        return answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else ""

    many = [f"jobs:read:f/a{number}/*" for number in range(101)]
    assert await created(many) == (400, "limit_exceeded")
    assert await created(["jobs:read:f/" + "a" * 300]) == (400, "limit_exceeded")
    assert await created(many[1:]) == (201, "")


async def test_stored_token_with_too_many_scopes_is_invalid(api: ApiHarness) -> None:
    """Tokens created before the limit was introduced may have any number of scopes, which each of their calls reads."""
    scopes = [f"jobs:read:f/a{number}/*" for number in range(100)]
    token = (await api.client.post("/api/users/tokens/create", json={"label": "x", "scopes": scopes})).text
    headers = {"Authorization": f"Bearer {token}"}
    assert (await api.client.get(f"{W}/jobs/list", headers=headers)).status_code == 200
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE token SET scopes = array_append(scopes, 'jobs:read:f/b/*') WHERE label = 'x'")
    assert (await api.client.get(f"{W}/jobs/list", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("call", "update", "body", "field", "longest"),
    [
        (
            "variables/create",
            "variables/update/f/team/v",
            {**LABELLED["variables"][0], "path": "f/team/v"},
            "description",
            10_000,
        ),
        (
            "resources/create",
            "resources/update/f/team/r",
            {**LABELLED["resources"][0], "path": "f/team/r"},
            "description",
            10_000,
        ),
        ("resources/type/create", "resources/type/update/host", {"name": "host", "schema": {}}, "description", 10_000),
        ("groups/create", "groups/update/ops", {"name": "ops"}, "summary", 10_000),
        ("folders/create", "folders/update/more", {"name": "more"}, "summary", 10_000),
        ("/api/users/create", "/api/users/update/a@b", {"email": "a@b"}, "name", 1_000),
    ],
)
async def test_listed_texts_are_limited_in_length(
    api: ApiHarness, call: str, update: str, body: dict[str, Any], field: str, longest: int
) -> None:
    """Regression test: a page of 1,000 items with texts of 24 MB exhausted the memory of the server."""
    for url in (call, update):
        url = url if url.startswith("/") else f"{W}/{url}"
        answer = await api.client.post(url, json={**body, field: "x" * (longest + 1)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "limit_exceeded"), answer.text
        assert (await api.client.post(url, json={**body, field: "x" * longest})).status_code in (200, 201)


async def test_schema_of_resource_type_is_limited(api: ApiHarness) -> None:
    body = {"name": "host", "schema": {"description": "x" * (256 << 10)}}
    answer = await api.client.post(f"{W}/resources/type/create", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "limit_exceeded"), answer.text


async def test_texts_in_audit_rows_are_limited_in_length(api: ApiHarness) -> None:
    """The chain of the audit trail and its readers read 1,000 rows at a time."""
    long = "x" * 10_001
    run = await api.flow({"id": "ask", "value": {"type": "approval"}})
    consent = {"decision": "approved", "reason": long}
    deploy = {**FLOW, "path": "f/team/job", "deployment_message": long}
    for url, body in (
        (f"{W}/jobs_u/queue/cancel/{run}", {"reason": long}),
        (f"/api/v1/runs/{run}/consent", consent),
        (f"{W}/flows/update/f/team/job", deploy),
    ):
        answer = await api.client.post(url, json=body, headers={"X-Workspace": "main"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "limit_exceeded"), answer.text


async def test_list_of_variables_leaves_out_long_values(api: ApiHarness) -> None:
    """Regression test: a page of 1,000 values of 1 MiB exhausted the memory of the server."""
    for name, length in (("long", 10_001), ("short", 10_000)):
        body = {"path": f"f/team/{name}", "value": "x" * length, "is_secret": False, "description": ""}
        assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
    rows = {row["path"]: row.get("value") for row in await api.get("variables/list")}
    assert rows == {"f/team/long": None, "f/team/short": "x" * 10_000}
    assert len(await api.get("variables/get_value/f/team/long")) == 10_001


async def test_tags_are_limited_in_length(api: ApiHarness) -> None:
    long, most = "x" * 301, "x" * 300
    node = {"id": "a", "value": {**script("a")["value"], "tag": long}}
    for call, body, code in (
        ("scripts/create", {**PYTHON, "summary": "", "path": "f/team/s", "tag": long}, "limit_exceeded"),
        ("flows/create", {**FLOW, "path": "f/team/t", "tag": long}, "limit_exceeded"),
        ("flows/create", {"summary": "", "path": "f/team/t", "value": {"modules": [node]}}, "invalid_workflow"),
        ("schedules/create", {**SCHEDULE, "path": "f/team/t", "tag": long}, "limit_exceeded"),
        ("jobs/run/preview", {**PYTHON, "args": {}, "tag": long}, "limit_exceeded"),
        (f"jobs/run/f/f/team/job?tag={long}", {}, "limit_exceeded"),
    ):
        answer = await api.client.post(f"{W}/{call}", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), (call, answer.text)
    answer = await api.client.post(f"{W}/jobs/run/f/f/team/job?tag={most}", json={})
    assert answer.status_code == 201, answer.text
