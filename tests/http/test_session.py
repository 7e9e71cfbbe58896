"""Login, logout, tokens and accounts."""

from __future__ import annotations

import ast
import asyncio
import base64
import hashlib
import inspect
import json
import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of

from orvanta_platform.control import login_limits, passwords
from orvanta_platform.http.auth_middleware import SIGN_IN_PREFIX
from orvanta_platform.http.routes import impersonation, single_sign_on
from orvanta_platform.http.routes import session as session_routes
from orvanta_platform.services.access import setup

JSON = {"Content-Type": "application/json"}
PASSWORD = "correct horse"
EMAIL = "ada@example.org"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await setup.create_user(made.platform.db, EMAIL, PASSWORD)
        yield made


@pytest.fixture
async def browser(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as client:
        yield client


async def login(client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/auth/login", json={"email": email, "password": password})


async def test_login_returns_token_and_http_only_cookie(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    answer = await login(browser, "Ada@Example.org")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    cookie = answer.headers["set-cookie"]
    assert f"token={answer.text}" in cookie
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert (await browser.get("/api/users/email")).text == EMAIL
    assert (await client_of(api.app, answer.text).get("/api/users/email")).text == EMAIL


async def test_cookie_of_https_belongs_to_this_host_alone(database: TestDatabase, tmp_path: Path) -> None:
    """Otherwise, another host of the domain, or an unencrypted connection, could set the cookie `token`."""
    async with api_harness(database, tmp_path, base_url="https://orvanta.example.org") as api:
        await setup.create_user(api.platform.db, EMAIL, PASSWORD)
        transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
        base = "https://orvanta.example.org"
        async with httpx.AsyncClient(transport=transport, base_url=base) as browser:
            answer = await login(browser)
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith(f"__Host-token={answer.text};")
            assert "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
            assert (await browser.get("/api/users/email")).text == EMAIL
            left = await browser.post("/api/auth/logout", headers={"X-Orvanta": "1"})
            assert left.headers["set-cookie"].startswith('__Host-token=""') and "Secure" in left.headers["set-cookie"]
            other = (await login(browser)).text
            browser.cookies.clear()
            browser.cookies.set("token", other)
            assert (await browser.get("/api/users/email")).status_code == 401
            browser.cookies.set("token", api.client.headers["Authorization"].removeprefix("Bearer "))
            as_page = await browser.get("/api/users/email", headers={"Sec-Fetch-Site": "same-origin"})
            assert (as_page.status_code, (await browser.get("/api/users/email")).status_code) == (401, 200)
            browser.cookies.clear()
            # For a browser these names have no cookie prefix, so another host of the domain can set them.
            for space in (b"\xa0", b"\x85", b"\x1c", b"\x0b"):
                for name in (space + b"__Host-token", b"__Host-token" + space):
                    sent = {b"Cookie": b"a=b; %s=%s" % (name, other.encode())}
                    assert (await browser.get("/api/users/email", headers=sent)).status_code == 401, name
            sent = {b"Cookie": b"a=b;\t__Host-token = %s" % other.encode()}
            assert (await browser.get("/api/users/email", headers=sent)).text == EMAIL


async def test_each_login_creates_session(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    browser.cookies.set("token", "ovs_chosen_by_somebody_else")
    first, second = (await login(browser)).text, (await login(browser)).text
    assert len({first, second, "ovs_chosen_by_somebody_else"}) == 3


async def test_logout_ends_only_this_session(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    other = client_of(api.app, (await login(browser)).text)
    mine = client_of(api.app, (await login(browser)).text)
    answer = await mine.post("/api/auth/logout")
    assert answer.status_code == 200 and 'token=""' in answer.headers["set-cookie"]
    assert (await mine.get("/api/users/whoami")).status_code == 401
    assert (await other.get("/api/users/whoami")).status_code == 200


async def test_logout_keeps_other_tokens(api: ApiHarness) -> None:
    await api.client.post("/api/auth/logout")
    assert (await api.client.get("/api/users/whoami")).status_code == 200


async def test_failed_login_hides_reason(browser: httpx.AsyncClient) -> None:
    wrong = await login(browser, password="wrong password")
    unknown = await login(browser, email="nobody@example.org")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers


def at(api: ApiHarness, address: str, **headers: str) -> httpx.AsyncClient:
    """Return a client at an address."""
    transport = httpx.ASGITransport(api.app, client=(address, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://orvanta", headers=headers)


async def failed_more(api: ApiHarness) -> None:
    """Fail nine more logins for each account and address that has failed, so that the delay is minutes."""
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE login_failure SET count = count + 9, last_at = app_now() WHERE key LIKE 'pair:%'")


async def test_password_guesses_are_rate_limited(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    for _ in range(login_limits.FREE):
        assert (await login(browser, password="wrong")).status_code == 401
    await failed_more(api)
    closed = await login(browser)
    assert closed.status_code == 429 and int(closed.headers["retry-after"]) > 0
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE login_failure SET last_at = last_at - interval '16 minutes'")
    assert (await login(browser)).status_code == 200
    assert (await login(browser, password="wrong")).status_code == 401
    await failed_more(api)
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE login_failure SET last_at = last_at - interval '61 minutes'")
    for _ in range(2):
        assert (await login(browser, password="wrong")).status_code == 401, "failures of more than an hour ago"


async def test_concurrent_attempts_are_counted_before_comparison(
    api: ApiHarness, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the attempts without delay are compared; the comparison lasts until all other attempts are refused."""
    many, compared, answered = 3 * login_limits.FREE, 0, 0
    settled = asyncio.Event()

    def look() -> None:
        if compared + answered == many:
            settled.set()

    async def matches(stored: str | None, password: str) -> bool:
        nonlocal compared
        compared += 1
        look()
        await settled.wait()
        return False

    async def attempt() -> int:
        nonlocal answered
        status = (await login(browser, password="wrong")).status_code
        if not settled.is_set():
            answered += 1
            look()
        return status

    monkeypatch.setattr(passwords, "matches", matches)
    monkeypatch.setattr(login_limits, "_FIRST_S", login_limits.FORGOTTEN_S)
    monkeypatch.setattr(login_limits, "_MAX_DELAY_S", login_limits.FORGOTTEN_S)
    codes = await asyncio.gather(*(attempt() for _ in range(many)))
    assert (codes.count(401), codes.count(429)) == (login_limits.FREE, many - login_limits.FREE)


async def test_attacks_from_elsewhere_do_not_lock_account(api: ApiHarness) -> None:
    """This also holds if the attacks come from enough addresses for the account to count as attacked."""
    async with at(api, "203.0.113.1") as attacker:
        for _ in range(login_limits.FREE):
            assert (await login(attacker, password="wrong")).status_code == 401
    async with api.platform.db.acquire() as conn:
        query = "UPDATE login_failure SET count = $1 WHERE key = $2"
        await conn.execute(query, login_limits.ATTACKED, login_limits.keys_of(EMAIL, "203.0.113.1").account)
    async with at(api, "198.51.100.7") as owner:
        assert (await login(owner)).status_code == 200
        for _ in range(3):
            assert (await login(owner, password="wrong")).status_code == 401, "known here"
    async with at(api, "198.51.100.8") as elsewhere:
        assert (await login(elsewhere, password="wrong")).status_code == 401
        assert (await login(elsewhere)).status_code == 429, "of an attacked account a new address has one attempt"


async def test_refused_login_writes_nothing(api: ApiHarness) -> None:
    async with at(api, "203.0.113.1") as client, api.platform.db.acquire() as conn:
        assert (await login(client, password="wrong")).status_code == 401
        query = "UPDATE login_failure SET count = $1, last_at = app_now() WHERE key LIKE 'address:%'"
        await conn.execute(query, login_limits.FREE_OF_ADDRESS + 20)

        async def written() -> list[int]:
            counts = "SELECT count(*) FROM login_failure", "SELECT count(*) FROM audit"
            return [await conn.fetchval(query) for query in counts]

        before = await written()
        for number in range(20):
            assert (await login(client, email=f"{number}@example.org", password="wrong")).status_code == 429
        assert await written() == before


async def test_typed_account_is_not_stored(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    assert (await login(browser, email="typed-by-mistake" * 20)).status_code == 401
    async with api.platform.db.acquire() as conn:
        keys = [row["key"] for row in await conn.fetch("SELECT key FROM login_failure")]
    assert len(keys) == 3 and all(len(key) < 120 and "typed-by-mistake" not in key for key in keys)


async def test_migration_hashes_accounts(api: ApiHarness) -> None:
    """The migration computes the same keys as this version."""
    migrations = resources.files("orvanta_platform.db") / "migrations"
    text = (migrations / "0045_hash_accounts_of_failed_logins.sql").read_text(encoding="utf-8")
    keys = login_limits.keys_of("Ada Õ@Example.org", "203.0.113.1")
    typed = "ada õ@example.org"
    before = [f"account:{typed}", "address:203.0.113.1", f"pair:203.0.113.1 {typed}"]
    async with api.platform.db.transaction() as conn:
        await conn.executemany("INSERT INTO login_failure (key, count) VALUES ($1, 7)", [(key,) for key in before])
        for statement in text.split(";"):
            if "UPDATE" in statement:
                await conn.execute(statement)
        assert {row["key"] for row in await conn.fetch("SELECT key FROM login_failure")} == set(keys.all)


async def test_address_trying_many_accounts_is_rate_limited(api: ApiHarness) -> None:
    async with at(api, "203.0.113.1") as known:
        assert (await login(known)).status_code == 200
    async with api.platform.db.acquire() as conn:
        query = "UPDATE login_failure SET count = $1, last_at = app_now() WHERE key = 'address:203.0.113.1'"
        await conn.execute(query, login_limits.FREE_OF_ADDRESS + 20)
    async with at(api, "203.0.113.1") as client:
        assert (await login(client, email="bob@example.org")).status_code == 429
        assert (await login(client)).status_code == 200, "whoever logged in from here before is not held"
    async with at(api, "203.0.113.2") as other:
        assert (await login(other, email="bob@example.org")).status_code == 401


async def test_ipv6_network_counts_as_one_address(api: ApiHarness) -> None:
    codes = []
    for number in range(login_limits.FREE + 1):
        if number == login_limits.FREE:
            await failed_more(api)
        async with at(api, f"2001:db8:1:2::{number + 1:x}") as attacker:
            codes.append((await login(attacker, password="wrong")).status_code)
    assert codes == [401] * login_limits.FREE + [429]


async def test_address_is_taken_from_trusted_proxy(database: TestDatabase, tmp_path: Path) -> None:
    async with api_harness(database, tmp_path, trusted_proxies=("10.0.0.0/8",)) as api:
        await setup.create_user(api.platform.db, EMAIL, PASSWORD)
        async with at(api, "10.0.0.1", **{"X-Forwarded-For": "203.0.113.1"}) as attacker:
            codes = [(await login(attacker, password="wrong")).status_code for _ in range(login_limits.FREE)]
            await failed_more(api)
            codes.append((await login(attacker)).status_code)
        assert codes == [401] * login_limits.FREE + [429]
        async with at(api, "10.0.0.1", **{"X-Forwarded-For": "203.0.113.1, 198.51.100.7"}) as owner:
            assert (await login(owner)).status_code == 200
        async with api.platform.db.acquire() as conn:
            rows = await conn.fetch("SELECT DISTINCT operation, address FROM audit WHERE operation LIKE 'users.login%'")
        assert {tuple(row) for row in rows} == {
            ("users.login_failed", "203.0.113.1"),
            ("users.login", "198.51.100.7"),
        }


async def test_failed_logins_are_audited_without_input(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    await login(browser, password="wrong password")
    await login(browser, email="my secret password", password="x")
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT * FROM audit WHERE operation = 'users.login_failed' ORDER BY id")
    assert [(row["actor"], row["resource"], row["address"]) for row in rows] == [
        ("ada", EMAIL, "127.0.0.1"),
        ("nobody", None, "127.0.0.1"),
    ]
    assert all(row["request_id"] for row in rows) and "password" not in str([dict(row) for row in rows])


async def test_first_password_without_link_costs_no_hash(browser: httpx.AsyncClient, monkeypatch: Any) -> None:
    async def make(password: str) -> str:
        raise AssertionError("hashed")

    monkeypatch.setattr(passwords, "make", make)
    body = {"token": "ovl_guessed", "password": PASSWORD}
    assert (await browser.post("/api/auth/first_password", json=body)).status_code == 401


@pytest.mark.parametrize("path", ["login", "first_password", "logout"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 400),
        ({"Content-Type": ""}, 400),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain", "Origin": "https://evil.example"}, 403),
    ],
)
async def test_other_sites_cannot_sign_in(
    browser: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD, "token": "x"}).encode()
    answer = await browser.post(f"/api/auth/{path}", content=body, headers=headers)
    assert answer.status_code == status and "set-cookie" not in answer.headers, answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://orvanta"},
        {"Origin": "http://orvanta", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Content-Type": "application/json; charset=utf-8"},
    ],
)
async def test_own_pages_and_programs_sign_in(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    answer = await browser.post(
        "/api/auth/login", content=body, headers={"Content-Type": "application/json", **headers}
    )
    assert answer.status_code == 200, answer.text


async def test_only_checked_calls_set_cookie() -> None:
    """The handlers that set a cookie are below the checked prefix, and in three files."""
    folder = Path(inspect.getfile(session_routes)).parent.parent
    found = {path.name for path in folder.rglob("*.py") if re.search(r"set_cookie|delete_cookie", path.read_text())}
    assert found == {"impersonation.py", "session.py", "single_sign_on.py"}
    setters: dict[str, Any] = {}
    for module in (impersonation, session_routes, single_sign_on):
        used = {name for name, node in functions_of(module).items() if "cookie" in ast.unparse(node).lower()}
        setters |= {h.fn.__name__: h.paths for h in module.ROUTES if h.fn.__name__ in used}
    assert set(setters) == {
        "login", "first_password", "logout", "start_login", "finish_login", "logout_at_provider",
        "impersonate", "end_impersonation",
    }  # fmt: skip
    assert all(path.startswith(SIGN_IN_PREFIX) for paths in setters.values() for path in paths)


def functions_of(module: Any) -> dict[str, ast.AsyncFunctionDef | ast.FunctionDef]:
    body = ast.parse(inspect.getsource(module)).body
    return {node.name: node for node in body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"email": 1, "password": "x"}', b'{"email": "a"}', b"\xff"])
async def test_malformed_login_is_400(browser: httpx.AsyncClient, body: bytes) -> None:
    answer = await browser.post("/api/auth/login", content=body, headers=JSON)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "bad_request"


async def test_anonymous_large_body_is_refused(browser: httpx.AsyncClient) -> None:
    for path in ("login", "first_password"):
        answer = await browser.post(f"/api/auth/{path}", content=b" " * 20_000 + b"{}", headers=JSON)
        assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"


async def test_nul_in_login_is_not_server_error(browser: httpx.AsyncClient) -> None:
    assert (await login(browser, email="a\0b@example.org")).status_code == 400
    assert (await login(browser, password="a\0b")).status_code == 401


async def test_first_password(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE account SET password_hash = NULL")
    link = (await setup.first_start(api.platform.db, api.platform.settings)).link
    assert link is not None
    page = await browser.get("/first_password")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    script = page.text.partition("<script>")[2].partition("</script>")[0]
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in page.headers["content-security-policy"]
    german = await browser.get("/first_password", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"})
    assert '<html lang="de">' in german.text and "Neues Passwort" in german.text and "password</" not in german.text
    assert f"<script>{script}</script>" in german.text and german.headers["vary"] == "Accept-Language"
    approval = await browser.get(f"/approve/main/{uuid4()}/1/nothing")
    assert style and style in approval.text  # both pages are identical
    body = {"token": link.partition("#")[2], "password": PASSWORD}
    answer = await browser.post("/api/auth/first_password", json=body)
    assert answer.status_code == 200
    assert (await client_of(api.app, answer.text).get("/api/users/whoami")).json()["username"] == "admin"
    assert (await browser.post("/api/auth/first_password", json=body)).status_code == 401


async def test_tokens_are_created_listed_and_deleted(api: ApiHarness) -> None:
    body = {"label": "ci", "expiration": "2999-01-01T00:00:00Z", "scopes": ["jobs:run", "scripts:read"]}
    made = await api.client.post("/api/users/tokens/create", json=body)
    assert made.status_code == 201 and made.headers["content-type"].startswith("text/plain")
    listed = (await api.client.get("/api/users/tokens/list")).json()
    row = next(each for each in listed if each.get("label") == "ci")
    assert made.text.startswith(row["token_prefix"]) and made.text not in str(listed)
    assert row["scopes"] == body["scopes"] and row["expiration"] == "2999-01-01T00:00:00Z"
    local = next(each for each in listed if each.get("label") == "local")
    assert not {"expiration", "scopes", "workspace_id"} & set(local)
    path = f"/api/users/tokens/delete/{row['token_prefix']}"
    assert (await api.client.delete(path)).status_code == 200
    assert (await api.client.delete(path)).status_code == 404
    assert (await client_of(api.app, made.text).get("/api/users/whoami")).status_code == 401


@pytest.mark.parametrize(
    "body",
    [{"scopes": ["everything"]}, {"expiration": "2001-01-01T00:00:00Z"}, {"expiration": "soon"}, {"label": "x" * 2000}],
)
async def test_invalid_token_settings_are_400(api: ApiHarness, body: dict[str, object]) -> None:
    assert (await api.client.post("/api/users/tokens/create", json=body)).status_code == 400


async def test_workspace_token_is_valid_in_its_workspace_only(api: ApiHarness) -> None:
    made = await api.client.post("/api/users/tokens/create", json={"workspace_id": "main"})
    client = client_of(api.app, made.text)
    assert (await client.get(f"{W}/users/whoami")).status_code == 200
    assert (await client.get("/api/w/admins/users/whoami")).status_code == 404
    assert (await client.get("/api/users/list_as_super_admin")).status_code == 403
    missing = await api.client.post("/api/users/tokens/create", json={"workspace_id": "nowhere"})
    assert missing.status_code == 404


async def test_tokens_of_others_are_inaccessible(api: ApiHarness) -> None:
    ada = await api.member("bea")
    prefix = (await api.client.get("/api/users/tokens/list")).json()[0]["token_prefix"]
    assert (await ada.delete(f"/api/users/tokens/delete/{prefix}")).status_code == 404
    assert (await api.client.get("/api/users/whoami")).status_code == 200


async def test_only_superadmins_create_and_list_accounts(api: ApiHarness) -> None:
    bea = await api.member("bea")
    body = {"email": "New@example.org", "password": PASSWORD, "super_admin": False, "name": "N"}
    assert (await bea.post("/api/users/create", json=body)).status_code == 403
    assert (await bea.get("/api/users/list_as_super_admin")).status_code == 403
    assert (await api.client.post("/api/users/create", json=body)).status_code == 201
    assert (await api.client.post("/api/users/create", json=body)).status_code == 409
    rows = (await api.client.get("/api/users/list_as_super_admin")).json()
    row = next(each for each in rows if each["email"] == "new@example.org")
    required = {"email", "login_type", "super_admin", "verified", "first_time_user", "role_source", "disabled"}
    assert required <= set(row) and row["name"] == "N"
    page = await api.client.get("/api/users/list_as_super_admin", params={"page": 2, "per_page": 1})
    assert [each["email"] for each in page.json()] == [rows[1]["email"]]


async def test_actions_are_in_audit_trail(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    await login(browser)
    await api.client.post("/api/users/tokens/create", json={"label": "ci"}, headers={"X-Request-Id": "req-1"})
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT actor, operation, request_id, address, parameters FROM audit ORDER BY id")
    found = {row["operation"]: row for row in rows}
    assert found["users.login"]["actor"] == "ada" and found["users.login"]["address"] == "127.0.0.1"
    assert found["users.token.create"]["request_id"] == "req-1"
    assert all(PASSWORD not in str(tuple(row)) for row in rows)
