"""The API contract: each call exists with its codes, and the published client sends it and reads the response."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import pytest
from tests.conftest import TestDatabase
from tests.http.audit_rows import WITHOUT_ROW, operations_of
from tests.http.harness import ApiHarness, W
from tests.http.jobs_running import token_of as job_token_of
from tests.http.published_calls import PARAMETER, Call, calls, shape
from tests.http.route_examples import Examples, scene_with_examples
from tests.http.test_jobs_server import served as network
from tests.http.test_jobs_server import token_of

from orvanta_platform.http import app, openapi

ROOT = Path(__file__).parents[2]
SETTINGS_OF_BUCKETS = ("s3_resource_info", "polars_connection_settings", "duckdb_connection_settings")

REFUSED = {
    "POST /w/{w}/jobs/run/code_flow/{job_id}/{entrypoint}": "workflows as code need functions",
    "POST /w/{w}/jobs/completed/import": "the history contains only what ran in the workspace",
    "POST /w/{w}/workspaces/edit_large_file_storage_config": "files are in the storage of the installation",
}
"""Calls that fail with `not_yet_supported`, with the reason."""

_LINK = "/w/{w}/jobs_u/%s/{id}/{resume_id}/{signature}"
DIFFERENT = {
    f"GET {_LINK % 'resume'}": (405, "a GET decides nothing, as previews of links send it"),
    f"GET {_LINK % 'cancel'}": (405, "a GET decides nothing, as previews of links send it"),
}
"""Calls that fail by design, with their status and the reason."""


def operations() -> dict[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """Return the path and operation of each route by its shape."""
    found = openapi.document(app.api_handlers(app.create_router()))["paths"]
    return {shape(method, path): (path, each) for path, methods in found.items() for method, each in methods.items()}


def test_calls_of_the_contract_are_served_with_their_codes() -> None:
    served = operations()
    wrong = []
    for call in calls():
        found = served.get(call.key)
        if found is None:
            wrong.append(f"{call.name}: missing")
        elif not {int(code) for code in found[1]["responses"] if code.isdigit()} & call.codes:
            wrong.append(f"{call.name}: {sorted(found[1]['responses'])} instead of {sorted(call.codes)}")
    assert not wrong, "\n".join(wrong)
    assert len(calls()) == 231 and sum(call.ring == 1 for call in calls()) == 111


def test_refused_calls_are_documented_with_response_and_reason() -> None:
    """In the OpenAPI document, and in the table of the reference, which has the calls that differ too."""
    served = operations()
    reference = (ROOT / "docs/reference/http.md").read_text(encoding="utf-8").partition("## Calls of the published")[2]
    rows = [line for line in reference.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    for call in calls():
        if call.name in REFUSED:
            operation = served[call.key][1]
            assert "400 `not_yet_supported`" in operation["summary"], call.name
            assert "because" in operation["description"], call.name
            (row,) = [each for each in rows if call.path.removeprefix("/w/{w}/") in each]
            assert "400, `not_yet_supported`: " in row, row
    assert REFUSED.keys() <= {call.name for call in calls()}
    assert any("`GET jobs_u/{resume,cancel}/…` | 405" in each for each in rows)


@pytest.mark.extended
async def test_published_client_sends_every_call_over_the_network(database: TestDatabase, tmp_path: Path) -> None:
    """The program of the client raises for an unexpected code, a missing field and an unknown value.

    Each call that changes something leaves a row in the audit trail.
    """
    served, wrong, sent, audited = operations(), [], 0, 0
    async with (
        scene_with_examples(database, tmp_path) as (api, examples),
        network(api) as base,
        program(f"{base}/api", token_of(api)) as client,
    ):
        for call in sorted(calls(), key=order):
            path = served[call.key][0]
            done = await client.send(await request_of(api, examples, call, path))
            sent += 1
            if fault := fault_of(call, done.status, done.error):
                wrong.append(f"{call.name}: {done.status} {fault}")
            elif done.status < 400 and call.method != "GET" and f"{call.method} {path}" not in WITHOUT_ROW:
                audited += 1
                wrong += (
                    [] if await operations_of(api, done.request_id) else [f"{call.name}: no row in the audit trail"]
                )
    assert not wrong, f"{len(wrong)} of them\n" + "\n".join(wrong)
    assert sent == 231 and audited > 70


def fault_of(call: Call, status: int, error: str | None) -> str | None:
    """Return how the outcome of a call differs from the contract, or from the reasons above; None if it does not."""
    if call.name in REFUSED:
        return None if status == 400 and "not_yet_supported" in (error or "") else error or "it is served"
    if call.name in DIFFERENT:
        return None if status == DIFFERENT[call.name][0] else error or "it is served"
    if status not in call.codes:
        return error or "another status of success"
    return error


class Outcome(NamedTuple):
    """Outcome of a call."""

    status: int
    request_id: str
    error: str | None
    """The error that the client raised."""


@dataclass(frozen=True, slots=True)
class Program:
    """Process that sends calls through the published client."""

    process: asyncio.subprocess.Process

    async def send(self, request: Mapping[str, Any]) -> Outcome:
        """Send a call and return its outcome."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        return Outcome(**json.loads(await self.process.stdout.readline()))


@asynccontextmanager
async def program(base: str, token: str) -> AsyncIterator[Program]:
    """Start `contract_program.py` in the environment of the published client, which has nothing of the product."""
    command = [str(ROOT / "scripts" / "test-environment"), "contract"]
    python = await asyncio.to_thread(subprocess.check_output, command, text=True)
    command = [python.strip(), str(Path(__file__).with_name("contract_program.py")), base, token]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        yield Program(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def order(call: Call) -> tuple[bool, bool, bool]:
    """Return the sort key by which deletions are sent last, and the archiving of the workspace after all others."""
    return call.path == "/w/{w}/workspaces/archive", call.method == "DELETE", "delete" in call.path


async def request_of(api: ApiHarness, examples: Examples, call: Call, path: str) -> dict[str, Any]:
    """Return an example of a call, as the program reads it. `path`: that of the route, with its own parameter names."""
    prepare = PREPARED.get(call.path)
    values = await prepare(api) if prepare is not None else {}
    url, body = await examples.request(call.method, path, values)
    found = {**await examples.path_values(call.method, path), **values}
    return {
        "method": call.method,
        "path": call.path,
        "values": [found[name] for name in PARAMETER.findall(path)],
        "query": dict(parse_qsl(url.partition("?")[2])) | QUERIES.get(call.path, {}),
        "body": {**body, **REQUIRED[call.path]} if call.path in REQUIRED else BODIES.get(call.path, body),
        "token": values.get("token"),
    }


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


async def create_flow(api: ApiHarness) -> dict[str, str]:
    body = {"path": "f/team/retired", "summary": "", "value": {"modules": []}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    return {"path": "f/team/retired"}


async def create_account(api: ApiHarness) -> dict[str, str]:
    await api.member("ann", workspace="admins")
    return {}


async def log_in(api: ApiHarness) -> dict[str, str]:
    """Return the token of a session of a new account."""
    account = {"email": "leo@example.com", "password": "correct horse", "username": "leo"}
    await api.client.post("/api/users/create", json=account)
    answer = await api.client.post("/api/auth/login", json=LOGIN)
    assert answer.status_code == 200, answer.text
    return {"token": answer.text}


async def start_job(api: ApiHarness) -> dict[str, str]:
    """Start a job that is still running at the call, and return its id with its token."""
    while True:
        run = await api.preview()
        for job in await api.worker.claim_all():
            if str(job.run.id) == run:
                return {"id": str(job.id), "token": job_token_of(api, job)}
            await api.worker.finish(job, 1)


async def archive_workspace(api: ApiHarness) -> dict[str, str]:
    await api.client.post("/api/workspaces/create", json={"id": "old", "name": "old"})
    assert (await api.client.post("/api/w/old/workspaces/archive")).status_code == 200
    return {"workspace": "old"}


async def create_bucket(api: ApiHarness) -> dict[str, str]:
    await api.client.post(f"{W}/workspaces/edit_secrets_readable", json={"secrets_readable": True})
    value = {"bucket": "b", "region": "r", "endPoint": "s3.example.org", "accessKey": "k", "secretKey": "s"}
    body = {"path": "f/team/bucket", "resource_type": "s3", "value": value}
    await api.client.post(f"{W}/resources/create", params={"update_if_exists": True}, json=body)
    return {}


async def name_setting(api: ApiHarness) -> dict[str, str]:
    return {"name": "audit_retention_days"}


async def end_run(api: ApiHarness) -> dict[str, str]:
    """Create the newest completed run, whose result is an object, unless the worker of the scene ends it first."""
    ended = False
    while not ended:
        run = await api.preview()
        for job in sorted(await api.worker.claim_all(), key=lambda job: str(job.run.id) == run):
            ended = str(job.run.id) == run
            await api.worker.finish(job, {"n": 1} if ended else 1)
    return {}


async def find_entry(api: ApiHarness) -> dict[str, str]:
    return {"id": str((await api.get("audit/list", **QUERIES["/w/{w}/audit/list"]))[0]["id"])}


LOGIN = {"email": "leo@example.com", "password": "correct horse"}
PREPARED = {
    "/auth/login": log_in,
    "/auth/logout": log_in,
    "/workspaces/delete/{workspace}": archive_workspace,
    "/w/{w}/job_metrics/set_progress/{id}": start_job,
    "/settings/global/{key}": name_setting,
    "/users/tokens/delete/{token_prefix}": create_token,
    "/w/{w}/drafts/delete/{kind}/{path}": create_draft,
    "/w/{w}/flows/archive/{path}": create_flow,
    "/w/{w}/workspaces/add_user": create_account,
    "/w/{w}/jobs/flow/user_states/{id}/{key}": name_live_run,
    "/w/{w}/jobs/completed/export": end_run,
    "/w/{w}/audit/get/{id}": find_entry,
    _LINK % "resume": decide_by_link,
    _LINK % "get_flow": decide_by_link,
    _LINK % "cancel": reject_by_link,
    **{f"/w/{{w}}/job_helpers/v2/{each}": create_bucket for each in SETTINGS_OF_BUCKETS},
}
"""Functions that create objects for a call and return path parameters that the examples do not have."""

QUERIES = {
    "/w/{w}/jobs/completed/export": {"per_page": "1"},
    "/w/{w}/audit/list": {"operation": "flows.create"},
}
"""Parameters of calls so that the client can read the response: it refuses results that are no objects, which a run may
have, and the names of operations that the product it was published for lacks.
"""

BODIES = {
    "/auth/login": LOGIN,
    "/settings/global/{key}": {"value": 365},
    "/w/{w}/flows/archive/{path}": {"archived": True},
    "/w/{w}/workspaces/add_user": {"email": "ann@example.com", "username": "ann", "is_admin": False, "operator": True},
    **{f"/w/{{w}}/job_helpers/v2/{each}": {"s3_resource_path": "f/team/bucket"} for each in SETTINGS_OF_BUCKETS},
}
"""Bodies of calls that differ from those of the examples."""

_ARGS: dict[str, Any] = {"args": {}}
REQUIRED: dict[str, dict[str, Any]] = {
    "/users/create": {"super_admin": False},
    "/w/{w}/workspaces/invite_user": {"is_admin": False, "operator": True},
    "/w/{w}/jobs/run/preview": _ARGS,
    "/w/{w}/jobs/run/preview_flow": _ARGS,
    "/w/{w}/jobs/run_wait_result/preview": _ARGS,
    "/w/{w}/jobs/run_wait_result/preview_flow": _ARGS,
    "/w/{w}/jobs/run_inline/preview": _ARGS,
    "/w/{w}/jobs/run/dependencies_async": {"entrypoint": "main"},
    "/w/{w}/jobs/run/batch_rerun_jobs": {"script_options_by_path": {}, "flow_options_by_path": {}},
    "/w/{w}/variables/create": {"is_secret": False, "description": ""},
    "/w/{w}/http_triggers/update/{path}": {"path": "f/team/hook"},
}
"""Members of bodies that the client requires and the examples lack."""
