"""Authentication of all routes, their path variants, unusual methods, cookies, query tokens and job tokens."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
import structlog
from litestar.routes import HTTPRoute
from tests.http.harness import ApiHarness, W, client_of, script
from tests.http.jobs_running import claimed, job_client

from orvanta_platform.control import job_tokens, names
from orvanta_platform.control.actor import Role
from orvanta_platform.control.job_tokens import JobClaim
from orvanta_platform.db import tokens
from orvanta_platform.http.app import create_router
from orvanta_platform.http.auth_middleware import CALLBACK, OPEN, ROUTE_PREFIX, RUN_CALLS, SIGNED
from orvanta_platform.services.access import setup

_FILLED = {"path": "f/x/y", "uuid": "00000000-0000-7000-8000-000000000000", "int": "1", "str": "main"}


def is_open(path: str) -> bool:
    """Return whether the call needs no token."""
    signed = SIGNED.fullmatch(path) or CALLBACK.fullmatch(path)
    return path in OPEN or path.startswith(ROUTE_PREFIX) or signed is not None


def _calls() -> list[tuple[str, str]]:
    """Return (method, path) of every route under /api, with parameters filled in."""
    found = set()
    for route in create_router().routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/"):
            path = re.sub(r"\{\w+:(\w+)\}", lambda match: _FILLED[match[1]], route.path)
            found |= {(str(method), path) for method in route.methods}
    return sorted(found)


CALLS = _calls()
BY_PEOPLE = {
    f"/api/w/main/jobs/run/{name}"
    for name in (
        *("dependencies_async", "flow_dependencies_async", "batch_rerun_jobs"),
        f"code_flow/{_FILLED['uuid']}/main",
    )
}


@pytest.fixture
async def stranger(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client without a token."""
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as client:
        yield client


def is_refusal(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and answer.json()["error"]["code"] == "unauthenticated"


def test_open_calls_match_router() -> None:
    paths = {path for _, path in CALLS}
    assert paths >= OPEN
    assert len(paths) > 80
    run_calls = {path for method, path in CALLS if RUN_CALLS.fullmatch(path) and method == "POST"}
    starting = {path for method, path in CALLS if ("/jobs/run" in path or "/capture_u/" in path) and method == "POST"}
    assert run_calls - starting == set()
    assert starting - run_calls == BY_PEOPLE, "a token in the address is for webhooks"


async def test_calls_without_token_are_401(stranger: httpx.AsyncClient) -> None:
    for method, path in CALLS:
        answer = await stranger.request(method, path)
        assert is_refusal(answer) is not is_open(path), (method, path, answer.status_code)
    for token in ("", "ov_wrong", "jt_wrong", "null"):
        for method, path in CALLS:
            answer = await stranger.request(method, path, headers={"Authorization": f"Bearer {token}"})
            assert is_refusal(answer) is not is_open(path), (method, path, token)


def _variants(path: str) -> Iterator[str]:
    """Return variants of a path that some routers treat as the path itself."""
    yield from (f"{path}/", f"{path}//", f"{path};x", f"{path};/", f"{path}.json", f"{path}%00", f"{path}%20")
    yield from (f"{path}/.", f"{path}/%2e", f"{path}/x/..", f"{path}%2f", f"{path}%3f", f"{path}\\", f"{path}%5c")
    yield from (path.replace("/api/", "/api//"), path.replace("/api/", "//api/"), path.replace("/api/", "/api/./"))
    yield from (path.replace("/api/", "/api/%2e/"), path.replace("/api/", "/api/version/../"))
    yield from (path.replace("/api/", "/api/version/%2e%2e/"), path.replace("/api/", "/api/openapi.json/../"))
    yield from (path.replace("/api/", "/%61pi/"), path.replace("/api/", "/api%2f"), path.replace("/api/", "/API/"))
    yield from (path.replace("/api/", "/x/../api/"), path.upper(), path.replace("/api/", "/api/version;/"))


async def sent(app: Any, method: str, raw_path: str, token: str | None = None) -> int:
    """Return the status of a call whose path is sent unchanged: HTTP clients would normalize it."""
    headers = [(b"host", b"orvanta"), *([(b"authorization", f"Bearer {token}".encode())] if token else [])]
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("orvanta", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "asgi": {"version": "3.0"},
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


async def test_path_variants_without_token_are_refused(api: ApiHarness) -> None:
    for method, path in CALLS:
        for variant in _variants(path):
            if not is_open(unquote(variant)):
                assert await sent(api.app, method, variant) in (401, 404), (method, variant)
        assert await sent(api.app, method, path.replace("/api/", "/%61pi%2f")) == 401 or is_open(path)


async def test_unknown_route_is_401_then_404_with_token(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/w/main/nothing", "/api/r", "/api/v1/nothing"):
        assert is_refusal(await stranger.get(path)), path
        answer = await api.client.get(path)
        assert answer.status_code in (400, 404)
        assert set(answer.json()["error"]) == {"code", "message", "hint", "details"}
    answer = await stranger.post("/nothing")
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"


async def test_dotted_and_empty_segments_are_refused_with_token(api: ApiHarness) -> None:
    token = _token(api.client)
    paths = ("/api//version", "/api/users/./whoami", f"{W}/scripts/get/p/f/x/..", f"{W}//users/list", f"{W}/x\0/y")
    for path in paths:
        for spelled in (path, path.replace("/.", "/%2e"), path.replace("/", "%2f")):
            assert await sent(api.app, "GET", spelled, token) == 400, spelled


async def test_paths_are_decoded_exactly_once(api: ApiHarness) -> None:
    body = {"path": "f/x/b", "summary": "", "content": "echo", "language": "bash"}
    assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
    for spelled, status in (("f/x/b", 200), ("f%2Fx%2Fb", 200), ("f%2fx/b", 200), ("f%252Fx%252Fb", 404)):
        path = f"{W}/scripts/get/p/{spelled}"
        assert await sent(api.app, "GET", path, _token(api.client)) == status, spelled


async def test_unusual_methods_are_refused(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    for method in ("HEAD", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "FOO"):
        assert (await stranger.request(method, "/api/users/whoami")).status_code == 401
        answer = await api.client.request(method, "/api/users/whoami")
        assert answer.status_code == 405 and "GET" in answer.headers["allow"], method
    answer = await api.client.options("/api/users/whoami")
    assert answer.status_code == 204 and "access-control-allow-origin" not in answer.headers


async def test_header_does_not_change_method(api: ApiHarness) -> None:
    body = {"name": "keep"}
    assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 200
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        answer = await api.client.get(f"{W}/folders/get/keep", headers={header: "DELETE"})
        assert answer.status_code == 200
    assert (await api.client.post(f"{W}/folders/delete/keep", params={"_method": "DELETE"})).status_code == 405


async def test_query_token_is_accepted_on_run_calls_only(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    query = {"token": token}
    body = {"content": "echo 1", "language": "bash"}
    answer = await stranger.post(f"{W}/jobs/run/preview", params=query, json=body)
    assert answer.status_code == 201
    run = await api.get(f"jobs_u/get/{answer.text}")
    assert run["job_kind"] == "preview"
    for method, path in CALLS:
        if not is_open(path) and not RUN_CALLS.fullmatch(path):
            assert is_refusal(await stranger.request(method, path, params=query)), path


async def test_tokens_are_not_logged(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    with structlog.testing.capture_logs() as lines:
        await stranger.post(f"{W}/jobs/run/preview", params={"token": token}, json={"content": "", "language": "bash"})
        await api.client.get("/api/users/whoami", params={"token": token})
        await sent(api.app, "GET", "/api/users/whoami%0aforged", token)
    assert len(lines) >= 3
    assert token not in str(lines) and "?" not in str([line.get("path") for line in lines])
    assert all("\n" not in str(line.get("path")) for line in lines)


async def test_cookie_needs_header_for_changes(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await setup.create_user(api.platform.db, "root@example.org", "correct horse", superadmin=True)
    login = {"email": "root@example.org", "password": "correct horse"}
    assert (await stranger.post("/api/auth/login", json=login)).status_code == 200
    assert (await stranger.get("/api/users/whoami")).status_code == 200
    body = {"name": "made"}
    refused = await stranger.post(f"{W}/folders/create", json=body)
    assert refused.status_code == 403 and "X-Orvanta" in refused.json()["error"]["message"]
    changing = ("jobs/run_wait_result/p/f/x/y", "jobs/run_wait_result/p/f%2Fx%2Fy", "job_helpers/move_s3_file")
    for path in (f"{W}/{call}" for call in changing):
        assert (await stranger.get(path)).status_code == 403
    assert (await stranger.post(f"{W}/folders/create", json=body, headers={"X-Orvanta": "1"})).status_code == 200


async def test_program_may_send_its_token_as_a_cookie(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    """The published command-line client does when it creates locks. A browser with such a cookie needs the header."""
    stranger.cookies.set("token", api.client.headers["Authorization"].removeprefix("Bearer "))
    call = f"{W}/folders/create"
    for name, value in (("Origin", "http://other"), ("Referer", "http://other/page"), ("Sec-Fetch-Site", "cross-site")):
        assert (await stranger.post(call, json={"name": "made"}, headers={name: value})).status_code == 403, name
    assert (await stranger.post(call, json={"name": "made"})).status_code == 200
    stranger.cookies.set("token", "ov_wrong")
    assert is_refusal(await stranger.post(call, json={"name": "other"}))


async def test_cookie_does_not_replace_invalid_header(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    stranger.cookies.set("token", token)
    for header in ("Bearer wrong", "Bearer", "Basic YTpi", f"Token {token}", ""):
        assert is_refusal(await stranger.get("/api/users/whoami", headers={"Authorization": header})), header


@pytest.mark.parametrize("change", ["prefix", "case", "space", "longer", "shorter"])
async def test_token_prefix_is_refused(api: ApiHarness, change: str) -> None:
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    changed = {
        "prefix": token.removeprefix("ov_"),
        "case": token.swapcase(),
        "space": token.replace("_", "_ ", 1),
        "longer": token + "A",
        "shorter": token[:-1],
    }[change]
    assert is_refusal(await client_of(api.app, changed).get("/api/users/whoami"))


async def test_expired_deleted_or_disabled_token_is_refused(api: ApiHarness) -> None:
    ada = await api.member("ada")
    assert (await ada.get("/api/users/whoami")).status_code == 200
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE token SET expires_at = app_now() WHERE email = 'ada@example.com'")
        assert is_refusal(await ada.get("/api/users/whoami"))
        await conn.execute("UPDATE token SET expires_at = NULL WHERE email = 'ada@example.com'")
        assert (await ada.get("/api/users/whoami")).status_code == 200
        await conn.execute("UPDATE account SET disabled = true WHERE email = 'ada@example.com'")
        assert is_refusal(await ada.get("/api/users/whoami"))
        await conn.execute("UPDATE account SET disabled = false WHERE email = 'ada@example.com'")
        await conn.execute("UPDATE member SET disabled = true WHERE email = 'ada@example.com'")
        assert (await ada.get(f"{W}/users/whoami")).status_code == 404
        await tokens.delete_by_prefix(conn, "ada@example.com", names.token_prefix(_token(ada)), sessions=False)
    assert is_refusal(await ada.get("/api/users/whoami"))


def _token(client: httpx.AsyncClient) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


async def test_job_token_is_valid_for_its_attempt_and_generation(api: ApiHarness) -> None:
    ada = await api.member("ada", role=Role.DEVELOPER)
    run = (await ada.post(f"{W}/jobs/run/preview", json={"content": "", "language": "bash"})).text
    async with api.platform.db.acquire() as conn:
        await conn.execute(
            "UPDATE job_live SET state = 'running', seq = NULL, attempt = 2, generation = 5, worker = $1, nonce = $1"
            " WHERE id = $1",
            UUID(run),
        )

    def client(attempt: int, generation: int) -> httpx.AsyncClient:
        id = UUID(run)
        claim = JobClaim(id, attempt, generation, id, id, "main", "ada@example.com", "u/ada")
        return client_of(api.app, job_tokens.mint(api.platform.keys, claim))

    good = client(2, 5)
    who = (await good.get(f"{W}/users/whoami")).json()
    assert who["username"] == "ada" and who["role"] == "developer"
    assert (await good.get("/api/w/admins/users/whoami")).status_code == 404
    assert (await good.post("/api/users/tokens/create", json={"label": "escape"})).status_code == 403
    for attempt, generation in ((1, 5), (3, 5), (2, 4), (2, 6)):
        assert is_refusal(await client(attempt, generation).get(f"{W}/users/whoami"))
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE job_live SET attempt = 3 WHERE id = $1", UUID(run))
    assert is_refusal(await good.post(f"{W}/jobs/run/preview", json={"content": "", "language": "bash"}))
    assert is_refusal(await good.get(f"{W}/users/whoami"))


async def test_job_of_superadmin_has_no_instance_rights(api: ApiHarness) -> None:
    job = job_client(api, await claimed(api, await api.preview()))
    assert (await job.get(f"{W}/users/whoami")).json()["is_admin"] is True
    assert (await job.get("/api/w/admins/users/whoami")).status_code == 404
    assert (await job.get("/api/users/list_as_super_admin")).status_code == 403
    assert (await job.post("/api/workspaces/create", json={"id": "new"})).status_code == 403
    assert [each["id"] for each in (await job.get("/api/workspaces/list")).json()] == ["main"]


async def test_scoped_token_starts_only_named_items(api: ApiHarness) -> None:
    for path in ("f/sales/a", "f/other/a"):
        body = {"path": path, "summary": "", "value": {"modules": [script("a")]}}
        assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["jobs:run:f/sales/*"]})
    client = client_of(api.app, made.text)
    assert (await client.post(f"{W}/jobs/run/f/f/sales/a", json={})).status_code == 201
    refused: list[Any] = [
        await client.post(f"{W}/jobs/run/f/f/other/a", json={}),
        await client.post(f"{W}/jobs/run/preview", json={"content": "", "language": "bash"}),
        await client.get(f"{W}/jobs/list"),
        await client.get(f"{W}/flows/list"),
        await client.get(f"{W}/flows/get/f/sales/a"),
        await client.get("/api/users/tokens/list"),
        await client.post("/api/users/tokens/create", json={}),
        await client.delete(f"{W}/flows/delete/f/sales/a"),
    ]
    assert {answer.status_code for answer in refused} <= {403, 404}


async def test_responses_have_request_id_and_are_not_cached(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    given = await api.client.get("/api/version", headers={"X-Request-Id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    for answer in (await stranger.get("/api/nothing"), await api.client.get("/api/nothing")):
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"
    forged = await stranger.get("/api/version", headers={"X-Request-Id": "a b\x7f"})
    assert len(forged.headers["x-request-id"]) == 32


def test_api_reference_lists_open_calls() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "http.md").read_text()
    exceptions = page.partition("The exceptions are exactly:")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(/api/[^`]+)`", exceptions)) == OPEN


async def test_health_checks_are_logged_at_debug_level(api: ApiHarness) -> None:
    with structlog.testing.capture_logs() as lines:
        for path in ("/api/health/status", "/api/version", "/api/health/nowhere"):
            await api.client.get(path)
    levels = {line["path"]: line["log_level"] for line in lines if line["event"] == "request"}
    assert levels == {"/api/health/status": "debug", "/api/version": "info", "/api/health/nowhere": "info"}
