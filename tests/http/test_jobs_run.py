"""Calls that start runs: parameters, responses and stored data."""

from __future__ import annotations

import asyncio
import base64
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script
from tests.http.jobs_running import job_client, started

from orvanta_platform import clock
from orvanta_platform.control.actor import Role, system
from orvanta_platform.ids import new_run_id
from orvanta_platform.services.catalog import scripts
from orvanta_platform.services.catalog.scripts import NewScript

PATH = "f/sales/import"
ANY = "f/sales/any"


@pytest.fixture
async def hash(api: ApiHarness) -> str:
    """Deploy a version of the script at PATH whose schema requires a number n."""
    schema = msgspec.Raw(b'{"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}')
    new = NewScript(PATH, PYTHON["content"], "python3", {"summary": msgspec.Raw(b'""'), "schema": schema})
    return await scripts.create(api.platform, system("main"), "main", new)


async def post(api: ApiHarness, call: str, body: bytes = b"{}", **more: Any) -> httpx.Response:
    return await api.client.post(f"{W}/jobs/{call}", content=body, **more)


async def test_run_returns_bare_id(api: ApiHarness, hash: str) -> None:
    for call in (f"run/p/{PATH}", f"run/h/{hash}", f"run/p/{PATH.replace('/', '%2F')}"):
        answer = await post(api, call, b'{"n": 1}')
        assert (answer.status_code, answer.headers["content-type"]) == (201, "text/plain; charset=utf-8"), call
        job = await api.get(f"jobs_u/get/{UUID(answer.text)}")
        assert (job["job_kind"], job["script_path"], job["script_hash"]) == ("script", PATH, hash)
        assert "raw_code" not in job


async def test_arguments_are_stored_unchanged(api: ApiHarness, hash: str) -> None:
    body = b'{"n": 1.0, "big": 12345678901234567890123, "n": 2.50}'
    answer = await post(api, f"run/p/{PATH}", body)
    assert (await api.client.get(f"{W}/jobs_u/get_args/{answer.text}")).content == body
    preview = await post(api, "run/preview", b'{"language": "bash", "content": "x", "args": %s}' % body)
    assert (await api.client.get(f"{W}/jobs_u/get_args/{preview.text}")).content == body


async def test_null_of_optional_argument_is_absent(api: ApiHarness) -> None:
    """If its type does not allow null. A required one is an error, in scripts and workflows."""
    types = {"s": "string", "n": "integer", "either": ["integer", "null"], "any": None}
    properties = {name: {} if kind is None else {"type": kind} for name, kind in types.items()}
    schema = {"type": "object", "properties": properties, "required": ["s"]}
    flow = {"path": "f/sales/flow", "summary": "", "value": {"modules": []}, "schema": schema}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    script = {**PYTHON, "path": PATH, "summary": "", "schema": schema}
    assert (await api.client.post(f"{W}/scripts/create", json=script)).status_code == 201
    body = b'{"s": "null", "n": null , "either": null, "any": null, "big": 12345678901234567890123, "other": null}'
    for call in (f"run/p/{PATH}", "run/f/f/sales/flow"):
        answer = await post(api, call, body)
        assert answer.status_code == 201, answer.text
        stored = (await api.client.get(f"{W}/jobs_u/get_args/{answer.text}")).text
        assert stored == '{"s":"null","either":null,"any":null,"big":12345678901234567890123,"other":null}'
        refused = await post(api, call, b'{"s": null}')
        assert (refused.status_code, refused.json()["error"]["details"]["path"]) == (400, "/s")


@pytest.mark.parametrize(
    "body", [b"[]", b'"x"', b"nonsense", b'{"n": "\xff"}', b'{"n": NaN}', b'{"n"', b'{"n": "one"}', b"", b"null"]
)
async def test_invalid_input_creates_no_run(api: ApiHarness, hash: str, body: bytes) -> None:
    answer = await post(api, f"run/p/{PATH}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")
    assert "path" in answer.json()["error"]["details"]
    assert await api.get("jobs/list") == []


@pytest.mark.parametrize(
    ("query", "kind", "body", "args"),
    [
        ("", "json", b' [1, {"a": 2}]', {"body": [1, {"a": 2}]}),
        ("", "json", '\ufeff"é"'.encode(), {"body": "é"}),
        ("raw=true", "json", b"[1.0]", {"body": [1.0], "raw_string": "[1.0]"}),
        ("raw=true", "json", b'{"n": 1.0}', {"n": 1.0, "raw_string": '{"n": 1.0}'}),
        ("wrap_body=true", "json", b'{"n": 1}', {"body": {"n": 1}}),
        ("wrap_body=true", "json", b" ", {}),
        ("wrap_body=true", "x-www-form-urlencoded", b"n=1", {"body": {"n": "1"}}),
        ("wrap_body=true", "x-www-form-urlencoded", b'{"n":1}', {"body": {"n": 1}}),
        ("raw=true", "json", b'{"raw_string": "forged"}', {"raw_string": '{"raw_string": "forged"}'}),
        ("raw=true", "x-www-form-urlencoded", b"n=1", {"n": "1", "raw_string": "n=1"}),
    ],
)
async def test_body_as_one_argument(api: ApiHarness, query: str, kind: str, body: bytes, args: dict[str, Any]) -> None:
    await scripts.create(
        api.platform, system("main"), "main", NewScript(ANY, "echo", "bash", {"summary": msgspec.Raw(b'""')})
    )
    headers = {"Content-Type": f"application/{kind}"}
    answer = await post(api, f"run/p/{ANY}?{query}", body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert await api.get(f"jobs_u/get_args/{answer.text}") == args


@pytest.mark.parametrize("body", [b'1, "n": 2', b"[1", b'"\xff"', b'"\\ud800"'])
async def test_body_as_one_argument_must_be_json(api: ApiHarness, body: bytes) -> None:
    await scripts.create(
        api.platform, system("main"), "main", NewScript(ANY, "echo", "bash", {"summary": msgspec.Raw(b'""')})
    )
    answer = await post(api, f"run/p/{ANY}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")


async def test_empty_body_is_empty_input(api: ApiHarness) -> None:
    answer = await post(api, "run/preview", b'{"language": "bash", "content": "x"}')
    assert (await api.get(f"jobs_u/get_args/{answer.text}")) == {}


async def test_items_that_cannot_run_are_refused(api: ApiHarness) -> None:
    for call, status in ((f"run/p/{PATH}", 404), ("run/h/0123456789abcdef", 404), ("run/f/f/no/flow", 404)):
        assert (await post(api, call)).status_code == status, call
    assert (await post(api, "run/fv/12345")).status_code == 404
    for body in (b"[]", b"{", b'{"content": "x"}', b'{"content": 1}'):
        assert (await post(api, "run/preview", body)).status_code == 400, body
    # The first two are names of queues without slots; the third is too long for an index.
    for language in ("native", "webhook", f"a{random.Random(1).randbytes(3_000).hex()}", "a b", ""):
        code = {"language": language, "content": "x"}
        inline = {"modules": [{"id": "a", "value": {"type": "rawscript", "input_transforms": {}, **code}}]}
        bodies = {
            "run/preview": code,
            "run/preview_flow": {"value": inline},
            "run/dependencies_async": {"raw_scripts": [{"raw_code": "x", "path": "f/a/b", "language": language}]},
        }
        for call, sent in bodies.items():
            assert (await post(api, call, msgspec.json.encode(sent))).status_code == 400, (call, language[:20])
    cyclic = [script("a", needs=["b"]), script("b", needs=["a"])]
    answer = await api.client.post(f"{W}/jobs/run/preview_flow", json={"value": {"modules": cyclic}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_workflow")
    async with await api.member("eve", Role.VIEWER) as eve:
        assert (await eve.post(f"{W}/jobs/run/preview", json=PYTHON)).status_code == 403


async def test_body_over_limit_is_refused(api: ApiHarness) -> None:
    headers = {"Content-Length": str(101 << 20)}
    answer = await post(api, "run/preview", b"{}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_run_options(api: ApiHarness) -> None:
    parent, id = await started(api), new_run_id()
    at = clock.now() + timedelta(hours=1)
    params = {
        "parent_job": str(parent.id),
        "root_job": str(parent.run.root),
        "job_id": str(id),
        "tag": "gpu",
        "scheduled_for": at.isoformat(),
    }
    async with job_client(api, parent) as inside:
        answer = await inside.post(f"{W}/jobs/run/preview", params=params, json=PYTHON)
    assert (answer.status_code, answer.text) == (201, str(id))
    job = await api.get(f"jobs_u/get/{id}")
    assert (job["parent_job"], job["tag"]) == (str(parent.id), "gpu")
    assert job["scheduled_for"] == at.isoformat().replace("+00:00", "Z")
    assert await api.get(f"jobs_u/get_root_job_id/{id}") == str(parent.run.root)
    assert [job["id"] for job in await api.get("jobs/list", parent_job=str(parent.id))] == [str(id)]
    again = await api.client.post(f"{W}/jobs/run/preview", params=params, json=PYTHON)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    naive = await api.client.post(f"{W}/jobs/run/preview", params={"scheduled_for": "2030-01-01T00:00:00"}, json=PYTHON)
    assert naive.status_code == 400


async def test_start_that_database_reads_as_infinity_is_refused(api: ApiHarness) -> None:
    """Regression test: a run with such a time made all lists of the workspace fail, so it could not be cancelled."""
    for at in ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999-12:00", "0001-01-01T00:00:00Z"):
        answer = await api.client.post(f"{W}/jobs/run/preview", params={"scheduled_for": at}, json=PYTHON)
        assert (answer.status_code, "1970 and 9000" in answer.text) == (400, True), answer.text
    for call in ("jobs/list", "jobs/queue/list", "overview"):
        assert (await api.client.get(f"{W}/{call}")).status_code == 200, call


async def test_same_idempotency_key_gives_the_same_run(api: ApiHarness) -> None:
    answers = [
        await api.client.post(f"{W}/jobs/run/preview", json=PYTHON, headers={"Idempotency-Key": key})
        for key in ("one", "one", "two")
    ]
    assert answers[0].text == answers[1].text != answers[2].text


async def test_requested_headers_become_arguments(api: ApiHarness) -> None:
    params, headers = {"include_header": "X-Shop-Id, X-Missing"}, {"X-Shop-Id": "s1"}
    body = b'{"language": "bash", "content": "x", "args": {"n": 1.0}}'
    answer = await post(api, "run/preview", body, params=params, headers=headers)
    stored = (await api.client.get(f"{W}/jobs_u/get_args/{answer.text}")).content
    assert stored == b'{"n":1.0,"x_shop_id":"s1","x_missing":""}'
    for name in ("Authorization", "Proxy-Authorization", "Cookie"):
        assert (await post(api, "run/preview", body, params={"include_header": name})).status_code == 400


async def test_trigger_is_recorded(api: ApiHarness) -> None:
    async def trigger(client: httpx.AsyncClient, **more: Any) -> str:
        answer = await client.post(f"{W}/jobs/run/preview", json=PYTHON, **more)
        assert answer.status_code == 201, answer.text
        kind: str = (await api.get(f"jobs_u/get/{answer.text}"))["trigger_kind"]
        return kind

    assert await trigger(api.client) == "api"
    assert await trigger(api.client, headers={"X-Trigger": "manual"}) == "manual"
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(transport=api.client._transport, base_url="http://orvanta") as bare:
        assert await trigger(bare, params={"token": token}) == "webhook"
    new = {**PYTHON, "path": "f/team/hooked", "summary": ""}
    await api.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": False}})
    assert (await api.client.post(f"{W}/scripts/create", json=new)).status_code == 201
    for scopes in (["jobs:run"], ["jobs:run:f/team/*", "jobs:delegate:f/team/*"]):
        async with await api.member(f"hook{len(scopes)}", Role.DEVELOPER, scopes=scopes) as hook:
            answer = await hook.post(f"{W}/jobs/run/p/f/team/hooked", json={})
            assert (await api.get(f"jobs_u/get/{answer.text}"))["trigger_kind"] == "webhook"


async def test_queue_limit_is_429(api: ApiHarness) -> None:
    await api.preview()
    full = await post(api, "run/preview", msgspec.json.encode(PYTHON), params={"queue_limit": 0})
    assert (full.status_code, full.json()["error"]["code"], full.headers["retry-after"]) == (429, "rate_limited", "1")
    assert (await post(api, "run/preview", msgspec.json.encode(PYTHON), params={"queue_limit": 1})).status_code == 201


async def test_instance_limits_waiting_runs(database: TestDatabase, tmp_path: Path) -> None:
    async with api_harness(database, tmp_path, waiting_run_limit=1) as api:
        body = msgspec.json.encode(PYTHON)
        answers = [await post(api, "run/preview", body, params={"queue_limit": 9}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
        error = answers[-1].json()["error"]
        assert (error["code"], error["details"]["limit"]) == ("rate_limited", 1)
        assert answers[-1].headers["retry-after"] == "1"
        await api.worker.claim()
        assert (await post(api, "run/preview", body)).status_code == 201


async def waited(
    api: ApiHarness, call: str, result: Any = None, error: str | None = None, **more: Any
) -> httpx.Response:
    """Return the response of a waiting call whose run the manual worker finishes."""
    request = asyncio.create_task(api.client.request(more.pop("method", "POST"), f"{W}/jobs/{call}", **more))
    await api.begun(request)
    for job in (await api.worker.claim()).values():
        await api.worker.finish(job, result, error=error)
    return await request


async def test_waiting_call_returns_result_and_id(api: ApiHarness, hash: str) -> None:
    raw = b'{"b": 1.0, "a": null}'
    answer = await waited(api, f"run_wait_result/p/{PATH}", raw, json={"n": 1})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, raw, "application/json")
    assert await api.get(f"jobs_u/completed/get_result/{answer.headers['x-run-id']}") == {"b": 1.0, "a": None}
    answer = await waited(api, "run_wait_result/preview", "text", json=PYTHON)
    assert (answer.status_code, answer.json()) == (200, "text")
    body = {"value": {"modules": [script("a")]}}
    answer = await waited(api, "run_wait_result/preview_flow", [1], json=body)
    assert (answer.status_code, answer.json()) == (200, [1])
    assert not api.platform.listen._watches


@pytest.mark.parametrize("pad", [True, False])
async def test_get_reads_input_from_payload(api: ApiHarness, hash: str, pad: bool) -> None:
    payload = base64.urlsafe_b64encode('{"n": 1, "s": "ÿþ?"}'.encode()).decode()
    params = {"payload": payload if pad else payload.rstrip("=")}
    answer = await waited(api, f"run_wait_result/p/{PATH}", 7, method="GET", params=params)
    assert (answer.status_code, answer.json()) == (200, 7)
    assert await api.get(f"jobs_u/get_args/{answer.headers['x-run-id']}") == {"n": 1, "s": "ÿþ?"}
    for bad in ("%%%", "e30", "WzFd"):
        refused = await api.client.get(f"{W}/jobs/run_wait_result/p/{PATH}", params={"payload": bad})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input"), bad


async def test_failed_run_is_500_with_error(api: ApiHarness) -> None:
    answer = await waited(api, "run_wait_result/preview", error="ValueError", json=PYTHON)
    assert (answer.status_code, answer.json()) == (
        500,
        {"error": {"name": "ValueError", "message": "ValueError happened"}},
    )
    assert (await api.get(f"jobs_u/get/{answer.headers['x-run-id']}"))["success"] is False


async def test_cancelled_run_is_500(api: ApiHarness) -> None:
    request = asyncio.create_task(api.client.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON))
    await api.begun(request)
    (job,) = await api.get("jobs/queue/list")
    await api.client.post(f"{W}/jobs_u/queue/cancel/{job['id']}", json={})
    answer = await request
    assert (answer.status_code, answer.json()["error"]["name"]) == (500, "Canceled")


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"orvanta_status_code": 201, "result": {"id": 5}}, 201, b'{"id": 5}'),
        ({"windmill_status_code": 404, "result": "gone"}, 404, b'"gone"'),
        ({"orvanta_status_code": 202}, 202, b"null"),
        ({"orvanta_status_code": 204, "result": 1}, 204, b""),
        ({"orvanta_status_code": 99, "result": 1}, 200, b"1"),
        ({"inner": {"orvanta_status_code": 201}}, 200, b'{"inner": {"orvanta_status_code": 201}}'),
        ("orvanta_status_code", 200, b'"orvanta_status_code"'),
    ],
    ids=str,
)
async def test_result_sets_status(api: ApiHarness, result: Any, status: int, body: bytes) -> None:
    answer = await waited(api, "run_wait_result/preview", result, json=PYTHON)
    assert (answer.status_code, answer.content) == (status, body)


@pytest.mark.parametrize("product", ["orvanta", "windmill"])
async def test_result_sets_content_type_and_headers_of_a_page_that_cannot_act(api: ApiHarness, product: str) -> None:
    page = {
        f"{product}_content_type": "text/html",
        f"{product}_headers": {"X-Mine": "1", "Set-Cookie": "token=x", "Content-Security-Policy": "script-src *"},
        "result": "<script>alert(1)</script>",
    }
    answer = await waited(api, "run_wait_result/preview", page, json=PYTHON)
    assert (answer.status_code, answer.text) == (200, "<script>alert(1)</script>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8" and answer.headers["x-mine"] == "1"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers and "x-run-id" in answer.headers


async def test_result_does_not_redirect_a_caller_with_a_token(api: ApiHarness) -> None:
    """Clients send their token to the new location: a script could let an admin's client change what jobs cannot."""
    elsewhere = {"orvanta_status_code": 307, "orvanta_headers": {"Location": "/api/settings/global/oidc_providers"}}
    answer = await waited(api, "run_wait_result/preview", elsewhere, json=PYTHON)
    assert answer.status_code == 307 and "location" not in answer.headers


async def test_wait_times_out_and_run_continues(database: TestDatabase, tmp_path: Path) -> None:
    async with api_harness(database, tmp_path, wait_s=0) as api:
        answer = await api.client.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (504, "wait_timeout")
        assert error["details"]["run_id"] == answer.headers["x-run-id"]
        await api.worker.finish((await api.worker.claim())[""], 1)
        assert await api.get(f"jobs_u/completed/get_result/{error['details']['run_id']}") == 1


async def test_disconnected_caller_does_not_affect_run(api: ApiHarness) -> None:
    request = asyncio.create_task(api.client.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON))
    await api.begun(request)
    request.cancel()
    await asyncio.wait([request])
    assert not api.platform.listen._watches
    await api.worker.finish((await api.worker.claim())[""], "done")
    (job,) = await api.get("jobs/list")
    assert (job["success"], job["canceled"]) == (True, False)


async def test_run_only_token_gets_result_of_its_run(api: ApiHarness) -> None:
    async with await api.member("hook", Role.DEVELOPER, scopes=["jobs:preview"]) as hook:
        request = asyncio.create_task(hook.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON))
        await api.begun(request)
        await api.worker.finish((await api.worker.claim())[""], "mine")
        answer = await request
        assert (answer.status_code, answer.json()) == (200, "mine")
        assert (await hook.get(f"{W}/jobs_u/get/{answer.headers['x-run-id']}")).status_code in (403, 404)


async def test_wait_survives_lost_connections(api: ApiHarness, database: TestDatabase) -> None:
    request = asyncio.create_task(api.client.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON))
    await api.begun(request)
    lost = api.platform.listen.connection
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await owner.close()
    await api.until(lambda: api.platform.listen.connection is not lost)
    job = (await api.platform.db.retrying(api.worker.claim_on))[""]
    await api.worker.finish(job, "still here")
    answer = await request
    assert (answer.status_code, answer.json()) == (200, "still here")


@pytest.mark.parametrize("error", [None, "Broken"])
async def test_early_return_node_answers_while_run_continues(api: ApiHarness, error: str | None) -> None:
    more = {"continue_on_error": True} if error else {}
    body = {"value": {"modules": [script("a", **more), script("b")], "early_return": "a"}}
    request = asyncio.create_task(api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body))
    await api.begun(request)
    await api.worker.finish((await api.worker.claim())["a"], {"x": 1}, error=error)
    answer = await request
    stored = {"error": {"name": "Broken", "message": "Broken happened"}} if error else {"x": 1}
    assert (answer.status_code, answer.json()) == (500 if error else 200, stored)
    await api.worker.finish((await api.worker.claim())["b"], error="Late")
    assert (await api.get(f"jobs_u/completed/get/{answer.headers['x-run-id']}"))["success"] is False


async def test_early_return_is_node_result_after_run_has_ended(api: ApiHarness) -> None:
    value: dict[str, Any] = {"modules": [{"id": "a", "value": {"type": "condition", "expr": "true"}}]}
    value |= {"early_return": "a", "output": {"type": "static", "value": "late"}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json={"value": value})
    assert (answer.status_code, answer.json()) == (200, True)


async def test_preview_names_readable_workflow_and_short_lock(api: ApiHarness) -> None:
    code = {"language": "bash", "content": "x"}
    url = f"{W}/jobs/run/preview"
    dev = await api.member("dev", Role.DEVELOPER)
    assert (await dev.post(url, json={**code, "flow_path": "u/dev/flow", "lock": "x"})).status_code == 201
    assert (await dev.post(url, json={**code, "flow_path": "u/admin/flow"})).status_code in (403, 404)
    for member, path in (("path", "u/dev/a\n"), ("flow_path", "u/dev/\0"), ("flow_path", "u/dev/" + "x" * 300)):
        wrong = await dev.post(url, json={**code, member: path})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_request"), path
    flow = {"path": "u/dev/\0", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
    assert (await dev.post(f"{url}_flow", json=flow)).status_code == 400
    for path in ("u/dev/a\n", "u/dev/" + "x" * 300):
        script = {"raw_code": "x", "language": "bash", "path": path}
        locks: dict[str, dict[str, Any]] = {
            "dependencies_async": {"raw_scripts": [script]},
            "flow_dependencies_async": {"path": path},
        }
        for call, sent in locks.items():
            wrong = await dev.post(f"{W}/jobs/run/{call}", json={"flow_value": {"modules": []}, **sent})
            assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_request"), (call, path)
    long = await dev.post(url, json={**code, "lock": "x" * ((1 << 20) + 1)})
    assert (long.status_code, long.json()["error"]["code"]) == (413, "too_large")


async def test_preview_without_code_runs_the_named_version(api: ApiHarness) -> None:
    """The permissions are those of a run of the version."""
    new = {"path": "u/admin/own", "summary": "", "content": "echo 1", "language": "bash"}
    version = (await api.client.post(f"{W}/scripts/create", json=new)).text
    started = await api.client.post(f"{W}/jobs/run/preview", json={"script_hash": version, "args": {}})
    assert started.status_code == 201, started.text
    assert (await api.get(f"jobs_u/get/{started.text}"))["script_hash"] == version
    code = {"script_hash": version, "content": "echo 2", "language": "bash"}
    other = await api.client.post(f"{W}/jobs/run/preview", json=code)
    assert (await api.get(f"jobs_u/get/{other.text}"))["raw_code"] == "echo 2"
    dev = await api.member("dev", Role.DEVELOPER)
    limited = await api.member("limited", Role.DEVELOPER, scopes=["jobs:run:flows"])
    for client in (dev, limited):
        refused = await client.post(f"{W}/jobs/run/preview", json={"script_hash": version})
        assert refused.status_code in (403, 404), refused.text
