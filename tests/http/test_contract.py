"""The API contract: each call exists with its codes, and the published generated client can read its response."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from orvanta_api import AuthenticatedClient
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W
from tests.http.published_calls import Call, calls, readers, shape
from tests.http.route_examples import Examples, scene_with_examples

from orvanta_platform.http import app, openapi

SETTINGS_OF_BUCKETS = ("s3_resource_info", "polars_connection_settings", "duckdb_connection_settings")

REFUSED = {
    "POST /w/{w}/jobs/run/code_flow/{job_id}/{entrypoint}": "workflows as code need functions",
    "POST /w/{w}/jobs/completed/import": "the history contains only what ran in the workspace",
    "GET /w/{w}/workspaces/encryption_key": "archives contain no secrets, and the keys that seal them stay here",
    "POST /w/{w}/workspaces/encryption_key": "archives contain no secrets, and the keys that seal them stay here",
    "POST /w/{w}/workspaces/edit_large_file_storage_config": "files are in the storage of the installation",
}
"""Calls that fail with `not_yet_supported`, with the reason."""

ELSEWHERE = {
    "POST /auth/login": "tests/http/test_session.py",
    "POST /auth/logout": "tests/http/test_session.py",
    "POST /w/{w}/job_metrics/set_progress/{id}": "tests/http/test_user_states.py",
    "DELETE /workspaces/delete/{workspace}": "tests/http/test_workspace_life.py",
}
"""Calls that need a session, a running job, or a workspace without runs, with the tests of their responses."""

BEYOND = {
    "GET /w/{w}/jobs/completed/export": "the generated client expects an object as the result, which may be any value",
    "GET /w/{w}/audit/list": "operations of this product are recorded under their own names",
    "GET /w/{w}/audit/get/{id}": "operations of this product are recorded under their own names",
    "GET /w/{w}/jobs_u/resume/{id}/{resume_id}/{signature}": "a GET decides nothing, as previews of links send it",
    "GET /w/{w}/jobs_u/cancel/{id}/{resume_id}/{signature}": "a GET decides nothing, as previews of links send it",
}
"""Calls whose responses the generated client cannot read, with the reason."""


def operations() -> dict[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """Return the path and operation of each route by its shape."""
    found = openapi.document(app.api_handlers(app.create_router()))["paths"]
    return {shape(method, path): (path, each) for path, methods in found.items() for method, each in methods.items()}


def test_calls_of_the_contract_are_served_with_their_codes() -> None:
    served = operations()
    wrong = []
    for call in calls():
        found = served.get(call.key)
        name = f"{call.method} {call.path}"
        if found is None:
            wrong.append(f"{name}: missing")
        elif not {int(code) for code in found[1]["responses"] if code.isdigit()} & call.codes:
            wrong.append(f"{name}: {sorted(found[1]['responses'])} instead of {sorted(call.codes)}")
    assert not wrong, "\n".join(wrong)
    assert len(calls()) == 231 and sum(call.ring == 1 for call in calls()) == 111


@pytest.mark.extended
async def test_generated_client_reads_every_answer(database: TestDatabase, tmp_path: Path) -> None:
    """Each call is sent with an example. The client raises for an unexpected code or a missing field."""
    served, wrong = operations(), []
    client = AuthenticatedClient(base_url="http://orvanta/api", token="x", raise_on_unexpected_status=True)
    async with scene_with_examples(database, tmp_path) as (api, examples):
        for call in sorted(calls(), key=order):
            name = f"{call.method} {call.path}"
            if name in ELSEWHERE:
                continue
            answer = await send(api, examples, call, served[call.key][0])
            if name in BEYOND:
                assert answer.status_code in (200, 405), (name, answer.text)
                continue
            if name in REFUSED:
                assert answer.json()["error"]["code"] == "not_yet_supported", name
                continue
            try:
                assert answer.status_code in call.codes, answer.text
                readers()[call.key](client=client, response=answer)
            except Exception as error:
                wrong.append(f"{name}: {type(error).__name__} {str(error)[:300]}")
    assert not wrong, f"{len(wrong)} of them\n" + "\n".join(wrong)


def order(call: Call) -> tuple[bool, bool, bool]:
    """Return the sort key by which deletions are sent last, and the archiving of the workspace after all others."""
    return call.path == "/w/{w}/workspaces/archive", call.method == "DELETE", "delete" in call.path


async def send(api: ApiHarness, examples: Examples, call: Call, path: str) -> httpx.Response:
    """Send an example of a call as the admin."""
    prepare = PREPARED.get(call.path)
    values = await prepare(api) if prepare is not None else {}
    url, body = await examples.request(call.method, path, values)
    return await api.client.request(call.method, url, json=BODIES.get(call.path, body))


async def sign(api: ApiHarness, action: str) -> dict[str, str]:
    """Return the path parameters of a signed link of a run that waits for an approval."""
    run = (await api.client.post(f"{W}/jobs/run/f/f/team/asks", json={})).text
    job = (await api.get(f"jobs_u/get/{run}"))["flow_status"]["modules"][0]["job"]
    signature = (await api.client.get(f"{W}/jobs/job_signature/{job}/1", params={"action": action})).text
    return {"id": job, "resume_id": "1", "signature": signature}


async def decide_by_link(api: ApiHarness) -> dict[str, str]:
    return await sign(api, "resume")


async def reject_by_link(api: ApiHarness) -> dict[str, str]:
    return await sign(api, "cancel")


async def name_live_run(api: ApiHarness) -> dict[str, str]:
    return {"id": (await api.client.post(f"{W}/jobs/run/f/f/team/asks", json={})).text}


async def create_token(api: ApiHarness) -> dict[str, str]:
    await api.client.post("/api/users/tokens/create", json={"label": "x"})
    return {"token_prefix": (await api.client.get("/api/users/tokens/list")).json()[0]["token_prefix"]}


async def create_draft(api: ApiHarness) -> dict[str, str]:
    body = {"path": "f/team/drafted", "typ": "flow", "value": {}}
    assert (await api.client.post(f"{W}/drafts/create", json=body)).status_code == 201
    return {"path": "f/team/drafted"}


async def create_account(api: ApiHarness) -> dict[str, str]:
    await api.member("ann", workspace="admins")
    return {}


async def create_bucket(api: ApiHarness) -> dict[str, str]:
    await api.client.post(f"{W}/workspaces/edit_secrets_readable", json={"secrets_readable": True})
    value = {"bucket": "b", "region": "r", "endPoint": "s3.example.org", "accessKey": "k", "secretKey": "s"}
    body = {"path": "f/team/bucket", "resource_type": "s3", "value": value}
    await api.client.post(f"{W}/resources/create", params={"update_if_exists": True}, json=body)
    return {}


async def name_setting(api: ApiHarness) -> dict[str, str]:
    return {"name": "audit_retention_days"}


_SIGNED = "/w/{w}/jobs_u/{action}/{id}/{resume_id}/{signature}"
PREPARED = {
    "/settings/global/{key}": name_setting,
    "/users/tokens/delete/{token_prefix}": create_token,
    "/w/{w}/drafts/delete/{kind}/{path}": create_draft,
    "/w/{w}/workspaces/add_user": create_account,
    "/w/{w}/jobs/flow/user_states/{id}/{key}": name_live_run,
    _SIGNED.replace("{action}", "resume"): decide_by_link,
    _SIGNED.replace("{action}", "get_flow"): decide_by_link,
    _SIGNED.replace("{action}", "cancel"): reject_by_link,
    **{f"/w/{{w}}/job_helpers/v2/{each}": create_bucket for each in SETTINGS_OF_BUCKETS},
}
"""Functions that create objects for a call and return path parameters that the examples do not have."""

BODIES = {
    "/settings/global/{key}": {"value": 365},
    "/w/{w}/workspaces/add_user": {"email": "ann@example.com", "username": "ann", "is_admin": False, "operator": True},
    **{f"/w/{{w}}/job_helpers/v2/{each}": {"s3_resource_path": "f/team/bucket"} for each in SETTINGS_OF_BUCKETS},
}
"""Bodies of calls that differ from those of the examples."""
