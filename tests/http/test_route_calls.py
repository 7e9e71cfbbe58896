"""HTTP triggers: matching, arguments and responses."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers

SCRIPT = "f/hooks/take"
SECRET = "a-secret-of-the-other-side"
HOOK = {
    "path": "f/hooks/hook",
    "script_path": SCRIPT,
    "is_flow": False,
    "route_path": "orders/:id",
    "http_method": "post",
    "authentication_method": "none",
    "is_static_website": False,
    "request_type": "async",
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        answer = await made.client.post(f"{W}/scripts/create", json={**PYTHON, "path": SCRIPT, "summary": ""})
        assert answer.status_code == 201, answer.text
        yield made


@pytest.fixture
async def stranger(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as client:
        yield client


async def hook(api: ApiHarness, status: int = 201, **more: Any) -> httpx.Response:
    answer = await api.client.post(f"{W}/http_triggers/create", json={**HOOK, **more})
    assert answer.status_code == status, answer.text
    return answer


async def resource(api: ApiHarness, value: dict[str, Any]) -> str:
    kind = {"name": "hook_auth", "schema": {"properties": {"secret": {"type": "string", "password": True}}}}
    await api.client.post(f"{W}/resources/type/create", json=kind)
    body = {"path": "f/hooks/auth", "resource_type": "hook_auth", "value": value}
    answer = await api.client.post(f"{W}/resources/create", json=body)
    assert answer.status_code == 201, answer.text
    return "f/hooks/auth"


async def args_of(api: ApiHarness, answer: httpx.Response) -> Any:
    assert answer.status_code == 201, answer.text
    return await api.get(f"jobs_u/get_args/{answer.text}")


def signature(body: bytes, moment: int | None = None, secret: str = SECRET) -> str:
    """Return the hexadecimal HMAC-SHA256 of a body, after the time `moment` if it is set."""
    signed = body if moment is None else b"%d." % moment + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


async def test_call_starts_run_of_owner_and_records_trigger(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api)
    answer = await stranger.post("/api/r/orders/7?q=1&q=2&id=no", json={"n": 1.0, "id": "no", "q": "body"})
    assert await args_of(api, answer) == {"n": 1.0, "q": "body", "id": "7"}, "route before body before query"
    job = await api.get(f"jobs_u/get/{answer.text}")
    assert (job["trigger_kind"], job["permissioned_as"], job["script_path"]) == ("http", "u/admin", SCRIPT)
    async with api.platform.db.acquire() as conn:
        (row,) = await conn.fetch("SELECT data FROM event WHERE kind = 'trigger'")
    data = json.loads(row["data"])
    assert (data["kind"], data["path"], data["method"], data["route"]) == (
        "http",
        "f/hooks/hook",
        "POST",
        "orders/:id",
    )


async def test_route_matching(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    routes = {"any": "a/:x", "exact": "a/b", "rest": "a/*rest", "deep": "a/:x/c", "own": "a/b"}
    for name, route in routes.items():
        await hook(api, path=f"f/hooks/{name}", route_path=route, workspaced_route=name == "own")
    expected = {
        "a/b": {},
        "a/c": {"x": "c"},
        "a/b/c": {"x": "b"},
        "a/b/d/e": {"rest": "b/d/e"},
        "main/a/b": {},
        "a/x%20y": {"x": "x y"},
    }
    for path, params in expected.items():
        assert await args_of(api, await stranger.post(f"/api/r/{path}")) == params, path
    for path in ("a", "a/", "b", "other/a/b", "A/b", "a//b", "main/a/c"):
        assert (await stranger.post(f"/api/r/{path}")).status_code == 404, path
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await stranger.request(method, "/api/r/a/b")).status_code == 404
    await api.client.post(f"{W}/http_triggers/setmode/f/hooks/deep", json={"mode": "disabled"})
    assert (await stranger.post("/api/r/a/b/c")).status_code == 404, "what it would have got goes to no other"


async def test_references_in_requests_are_plain_text(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api)
    for path, body in (("7", {"x": ["$var:u/admin/a"]}), ("7", {"x": "$res:f/hooks/auth"}), ("$res:f/hooks/auth", {})):
        answer = await stranger.post(f"/api/r/orders/{path}", json=body)
        assert answer.status_code in (400, 404), (path, body)
    assert (await stranger.post("/api/r/orders/7?x=$var:u/admin/a")).status_code == 400
    escaped = rb'{"x": "\u0024var:u/admin/a"}'
    answer = await stranger.post("/api/r/orders/7", content=escaped, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, "an expression would write it without escapes"
    assert await api.get("jobs/list") == []


@pytest.mark.parametrize(
    ("settings", "kind", "body", "found"),
    [
        ({}, "application/x-www-form-urlencoded", b"a=1", {"a": "1"}),
        ({"wrap_body": True}, "application/json", b"[1, 2.50]", {"body": [1, 2.5]}),
        ({"wrap_body": True}, "application/x-www-form-urlencoded", b"a=1", {"body": {"a": "1"}}),
        ({"wrap_body": True}, "application/json", b"", {"body": None}),
        ({"raw_string": True}, "application/json", b'{"a": 1 }', {"a": 1, "raw_string": '{"a": 1 }'}),
        ({"raw_string": True}, "application/json", b"[1]", {"raw_string": "[1]"}),
        ({"raw_string": True, "wrap_body": True}, "text/plain", b"x", {"body": {"raw_string": "x"}, "raw_string": "x"}),
    ],
)
async def test_bodies(
    api: ApiHarness, stranger: httpx.AsyncClient, settings: dict[str, bool], kind: str, body: bytes, found: Any
) -> None:
    await hook(api, route_path="in", **settings)
    answer = await stranger.post("/api/r/in", content=body, headers={"Content-Type": kind})
    assert await args_of(api, answer) == found


async def test_forms_with_files_and_a_signature(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    path = await resource(api, {"preset": "github", "secret": SECRET})
    more: dict[str, Any] = {"authentication_method": "signature", "authentication_resource_path": path}
    await hook(api, route_path="in", raw_string=True, wrap_body=True, **more)
    request = stranger.build_request("POST", "/api/r/in", files={"f": ("a.txt", b"x", "text/plain")}, data={"a": "1"})
    body = await request.aread()
    request.headers["X-Hub-Signature-256"] = f"sha256={signature(body)}"
    found = await args_of(api, await stranger.send(request))
    assert found == {
        "body": {"a": "1", "f": {"name": "a.txt", "type": "text/plain", "base64": "eA=="}},
        "raw_string": body.decode(),
    }


async def test_workflow_with_inline_and_other_scripts(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    named = {"id": "b", "value": {"type": "script", "path": SCRIPT, "input_transforms": {}}}
    value = {"modules": [script("a"), named]}
    flow = {"path": "f/hooks/flow", "summary": "", "value": value}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    await hook(api, script_path="f/hooks/flow", is_flow=True)
    assert await args_of(api, await stranger.post("/api/r/orders/7")) == {"id": "7"}


@pytest.mark.parametrize(("kind", "body"), [("application/json", b"[1]"), ("application/json", b"{"), ("x/y", b"{}")])
async def test_invalid_bodies_are_refused(api: ApiHarness, stranger: httpx.AsyncClient, kind: str, body: bytes) -> None:
    await hook(api)
    answer = await stranger.post("/api/r/orders/1", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400 and await api.get("jobs/list") == []


async def waited(api: ApiHarness, stranger: httpx.AsyncClient, result: Any = None, error: str | None = None) -> Any:
    """Return the response of a synchronous route whose run the manual worker finishes."""
    request = asyncio.create_task(stranger.post("/api/r/sync"))
    await api.until(lambda: bool(api.platform.listen._watches) or request.done())
    jobs: dict[str, Any] = {}
    while not jobs and not request.done():
        jobs = await api.worker.claim()
    for job in jobs.values():
        await api.worker.finish(job, result, error=error)
    return await request


async def test_script_of_a_route_is_retried(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    await hook(api, route_path="sync", request_type="sync", retry=retry)
    (listed,) = await api.get("http_triggers/list")
    assert listed["retry"] == retry
    request = asyncio.create_task(stranger.post("/api/r/sync"))
    await api.begun(request)
    for error in ("no luck", None):
        (job,) = (await api.worker.claim()).values()
        await api.worker.finish(job, 7, error=error)
        await timers.fire(api.platform.tools)
    answer = await request
    assert (answer.status_code, answer.json()) == (200, 7)
    unchanged = {"script_path": SCRIPT, "is_flow": False}
    for sent, stored in (({}, retry), ({"retry": None}, None)):
        path = f"{W}/http_triggers/update/{listed['path']}"
        assert (await api.client.post(path, json=unchanged | sent)).status_code == 200
        assert (await api.get("http_triggers/list"))[0].get("retry") == stored


async def test_synchronous_responses(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api, route_path="sync", request_type="sync")
    answer = await waited(api, stranger, b'{"a": 1.0}')
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (
        200,
        b'{"a": 1.0}',
        "application/json",
    )
    page = {
        "orvanta_status_code": 201,
        "orvanta_content_type": "text/html; charset=utf-8",
        "orvanta_headers": {
            "X-Mine": "1",
            "Set-Cookie": "token=x",
            "Content-Security-Policy": "script-src *",
            "X-Content-Type-Options": "no",
            "Content-Type": "text/x",
            "Bad Name": "x",
            "X-Split": "a\r\nSet-Cookie: b",
        },
        "result": "<script>alert(1)</script>",
    }
    answer = await waited(api, stranger, page)
    assert (answer.status_code, answer.text) == (201, "<script>alert(1)</script>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8" and answer.headers["x-mine"] == "1"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers and "x-split" not in answer.headers
    missing = await stranger.get("/api/r/nothing")
    assert missing.status_code == 404 and missing.headers["content-security-policy"] == "sandbox"


TRACE = 'KeyError in File "/srv/secret_path/shop.py", line 7, in charge'


@pytest.mark.parametrize("request_type", ["sync", "sync_sse"])
async def test_anonymous_caller_sees_no_error_details(
    api: ApiHarness, stranger: httpx.AsyncClient, request_type: str
) -> None:
    await hook(api, route_path="sync", request_type=request_type)
    answer = await waited(api, stranger, error=TRACE)
    if request_type == "sync":
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "route_failed")
    else:
        event = json.loads(answer.text.strip().splitlines()[-1].removeprefix("data: "))
        assert (event["success"], event["result"]["error"]["code"]) == (False, "route_failed")
    for word in ("KeyError", "secret_path", "charge", SCRIPT):
        assert word not in answer.text, word
    assert "x-run-id" not in answer.headers and answer.headers["x-request-id"]


async def test_authenticated_caller_sees_error(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api, route_path="sync", request_type="sync", authentication_method="orvanta")
    stranger.headers["authorization"] = api.client.headers["authorization"]
    answer = await waited(api, stranger, error="ValueError")
    assert (answer.status_code, answer.json()["error"]["name"]) == (500, "ValueError")
    assert answer.headers["x-run-id"]
    elsewhere = {"orvanta_status_code": 307, "orvanta_headers": {"Location": "/api/settings/global/oidc_providers"}}
    answer = await waited(api, stranger, elsewhere)
    assert answer.status_code == 307 and "location" not in answer.headers, "the client would send the token along"


async def test_anonymous_caller_sees_no_details_of_failed_start_or_timeout(
    database: TestDatabase, tmp_path: Path
) -> None:
    async with api_harness(database, tmp_path, wait_s=1) as api:
        await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": SCRIPT, "summary": ""})
        await hook(api, route_path="sync", request_type="sync")
        transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as caller:
            late = await caller.post("/api/r/sync")
            await api.client.post(f"{W}/scripts/delete/p/{SCRIPT}")
            missing = await caller.post("/api/r/sync")
    assert (late.status_code, late.json()["error"]["code"], late.json()["error"]["details"]) == (
        504,
        "wait_timeout",
        None,
    )
    assert (missing.status_code, missing.json()["error"]["code"]) == (500, "route_failed")
    assert SCRIPT not in missing.text and "x-run-id" not in {*late.headers, *missing.headers}


REFUSED = re.findall(
    r"[\w-]+",
    """
    NEL Report-To Reporting-Endpoints X-Accel-Redirect X-Accel-Buffering X-Sendfile X-LiteSpeed-Location
    X-Lighttpd-Send-File X-Reproxy-URL Refresh Link Alt-Svc Server-Timing Clear-Site-Data Service-Worker-Allowed
    Strict-Transport-Security Set-Cookie Set-Cookie2 Access-Control-Allow-Credentials Permissions-Policy
    Access-Control-Allow-Private-Network Content-Security-Policy Content-Security-Policy-Report-Only
    Cross-Origin-Opener-Policy Origin-Agent-Cluster Public-Key-Pins Expect-CT Accept-CH Critical-CH
    Speculation-Rules Use-As-Dictionary SourceMap Transfer-Encoding Content-Length Content-Encoding Connection
    Upgrade Trailer Server WWW-Authenticate X-Content-Type-Options X-Frame-Options X-DNS-Prefetch-Control
    X-Robots-Tag X-Forwarded-For X-Request-Id X-Run-Id X-Orvanta Activate-Storage-Access Set-Login
    X_Accel_Redirect
    """,
)
ALLOWED = {
    "Location": "/elsewhere",
    "Cache-Control": "max-age=60",
    "ETag": '"1"',
    "Content-Disposition": "attachment",
    "Access-Control-Allow-Origin": "*",
    "Retry-After": "5",
    "X-Shop-Id": "7",
}


async def test_result_sets_only_harmless_headers(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api, route_path="sync", request_type="sync")
    headers = dict.fromkeys(REFUSED, "made-by-a-result") | ALLOWED
    answer = await waited(api, stranger, {"orvanta_headers": headers, "result": 1})
    assert answer.status_code == 200
    assert [name for name, value in answer.headers.items() if "made-by-a-result" in value] == []
    assert {name: answer.headers.get(name) for name in ALLOWED} == ALLOWED


async def test_stream_has_result_without_internals(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api, route_path="sync", request_type="sync_sse")
    request = asyncio.create_task(stranger.post("/api/r/sync"))
    jobs: dict[str, Any] = {}
    while not jobs:
        jobs = await api.worker.claim()
    (job,) = jobs.values()
    await api.worker.print(job, "a line that is nobody's business\n")
    await api.worker.finish(job, {"done": True})
    answer = await request
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == {"completed": True, "success": True, "result": {"done": True}}
    assert "business" not in answer.text and "mem_peak" not in answer.text


async def test_stream_ends_with_token(
    api: ApiHarness, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hook(api, route_path="sync", request_type="sync_sse", authentication_method="orvanta")
    bea = await api.member("bea", role=Role.ADMIN)
    headers = {"Authorization": bea.headers["Authorization"]}
    request = asyncio.create_task(stranger.post("/api/r/sync", headers=headers))
    jobs: dict[str, Any] = {}
    while not jobs:
        jobs = await api.worker.claim()
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM token WHERE email = 'bea@example.com'")
    now = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: now() + 1.01)
    # A query that was authorized before the token was deleted may still be running: the next one ends the stream.
    for line in range(200):
        if request.done():
            break
        await api.worker.print(jobs[""], f"{line}\n")
    await api.worker.finish(jobs[""], {"done": "secretly"})
    answer = await request
    assert answer.status_code == 200 and "secretly" not in answer.text


async def test_repeated_key_returns_first_run(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api)
    answers = [
        await stranger.post("/api/r/orders/7", headers={"Idempotency-Key": key}) for key in ("one", "one", "two")
    ]
    assert answers[0].text == answers[1].text != answers[2].text
    other = await stranger.post("/api/r/orders/7", headers={"Idempotency-Key": "one"}, json={"n": 1})
    assert other.status_code == 201 and other.text != answers[0].text, "a guessed key neither gives nor prevents a run"


async def test_trigger_without_owner_is_refused(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await api.client.post(f"{W}/folders/addowner/hooks", json={"owner": "g/all"})
    bea = await api.member("bea", role=Role.DEVELOPER)
    made = await bea.post(f"{W}/http_triggers/create", json={**HOOK, "workspaced_route": True})
    assert made.status_code == 201, made.text
    answer = await stranger.post("/api/r/main/orders/7")
    assert (await api.get(f"jobs_u/get/{answer.text}"))["permissioned_as"] == "u/bea"
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM member WHERE username = 'bea'")
    assert (await stranger.post("/api/r/main/orders/7")).status_code == 404
