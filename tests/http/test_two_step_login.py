"""Two-step login: enrolment, codes that are accepted once, recovery codes, and resets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import segno
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, api_harness, client_of
from tests.http.test_scim import until_waiting

from orvanta_platform import clock
from orvanta_platform.control import login_limits, totp
from orvanta_platform.control.instance_settings import REQUIRE_TOTP
from orvanta_platform.services.access import setup

PASSWORD = "correct horse"
EMAIL = "ada@example.org"


@pytest.fixture(autouse=True)
def _fixed_time() -> Iterator[None]:
    clock.freeze(datetime.now(UTC))
    yield
    clock.freeze(None)


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await setup.create_user(made.platform.db, EMAIL, PASSWORD)
        yield made


@pytest.fixture
async def browser(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    headers = {"X-Orvanta": "1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta", headers=headers) as client:
        yield client


async def login(client: httpx.AsyncClient, code: str | None = None, password: str = PASSWORD) -> httpx.Response:
    body = {"email": EMAIL, "password": password, **({} if code is None else {"code": code})}
    return await client.post("/api/auth/login", json=body)


def code_of(secret: str, steps: int = 0) -> str:
    """Return the code of the time step that is `steps` from now."""
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()) + 30 * steps)


async def enrolled(browser: httpx.AsyncClient) -> dict[str, Any]:
    """Log in and enable two-step login with the code of the previous time step."""
    assert (await login(browser)).status_code == 200
    answer = await browser.post("/api/users/totp/enrol", json={"password": PASSWORD})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    confirmed = await browser.post("/api/users/totp/confirm", json={"code": code_of(made["secret"], -1)})
    assert confirmed.status_code == 200, confirmed.text
    return made


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def operations(api: ApiHarness) -> list[str]:
    async with api.platform.db.acquire() as conn:
        query = "SELECT operation FROM audit WHERE operation ~ 'totp|login' AND actor = 'ada' ORDER BY id"
        return [row["operation"] for row in await conn.fetch(query)]


async def test_enrolment_until_removal(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    assert (await login(browser)).status_code == 200
    other = client_of(api.app, (await login(browser)).text)
    assert error_of(await browser.post("/api/users/totp/enrol", json={"password": "x"})) == (400, "wrong_password")
    made = (await browser.post("/api/users/totp/enrol", json={"password": PASSWORD})).json()
    assert made["uri"].startswith("otpauth://totp/Orvanta") and made["secret"] in made["uri"]
    assert made["qr"].startswith("data:image/svg+xml") and len(set(made["recovery_codes"])) == totp.RECOVERY_CODES
    async with api.platform.db.acquire() as conn:
        stored = str([dict(row) for row in await conn.fetch("SELECT * FROM totp")])
    assert made["secret"] not in stored and made["recovery_codes"][0] not in stored
    assert (await login(browser)).status_code == 200, "not confirmed yet"
    assert error_of(await browser.post("/api/users/totp/confirm", json={"code": "000000"})) == (400, "wrong_code")
    used = code_of(made["secret"], -1)
    assert (await browser.post("/api/users/totp/confirm", json={"code": used})).status_code == 200
    assert (await other.get("/api/users/email")).status_code == 401, "a session that began without a code"
    assert error_of(await browser.post("/api/users/totp/enrol", json={"password": PASSWORD})) == (409, "conflict")
    assert (await browser.get("/api/users/totp/get")).json() == {
        "enabled": True, "required": False, "has_password": True, "recovery_codes": totp.RECOVERY_CODES,
    }  # fmt: skip
    assert (await browser.get("/api/users/whoami")).json()["totp"] is True

    assert error_of(await login(browser)) == (401, "second_factor_required")
    assert error_of(await login(browser, "000000")) == (401, "second_factor_required")
    assert error_of(await login(browser, used)) == (401, "second_factor_required"), "used to confirm"
    assert error_of(await login(browser, code_of(made["secret"]), "wrong")) == (401, "unauthenticated")
    assert (await login(browser, code_of(made["secret"]))).status_code == 200
    assert error_of(await login(browser, code_of(made["secret"]))) == (401, "second_factor_required"), "used"
    assert error_of(await login(browser, code_of(made["secret"], 3))) == (401, "second_factor_required"), "too early"
    recovery = made["recovery_codes"][0]
    assert (await login(browser, recovery.upper().replace("-", " "))).status_code == 200
    assert error_of(await login(browser, recovery)) == (401, "second_factor_required"), "used"

    off = {"password": PASSWORD, "code": recovery}
    assert error_of(await browser.post("/api/users/totp/disable", json=off)) == (400, "wrong_code")
    off["code"] = made["recovery_codes"][1]
    wrong = {**off, "password": "wrong"}
    assert error_of(await browser.post("/api/users/totp/disable", json=wrong)) == (400, "wrong_password")
    assert (await browser.post("/api/users/totp/disable", json=off)).status_code == 200
    assert (await login(browser)).status_code == 200
    assert await operations(api) == [
        "users.login", "users.login", "users.totp.enrol_failed", "users.login", "users.totp.enable",
        *["users.login_failed"] * 3, "users.login", *["users.login_failed"] * 2, "users.login", "users.login_failed",
        "users.totp.disable_failed", "users.totp.disable_failed", "users.totp.disable", "users.login",
    ]  # fmt: skip


async def test_codes_are_rate_limited_like_passwords(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    secret = (await enrolled(browser))["secret"]
    async with api.platform.db.acquire() as conn:
        counts = "SELECT max(count) FROM login_failure"
        before = await conn.fetchval(counts)
        assert error_of(await login(browser)) == (401, "second_factor_required")
        assert await conn.fetchval(counts) == before, "the request for a code is no failure"
        assert (await login(browser, "000000")).status_code == 401
        assert await conn.fetchval("SELECT count FROM login_failure WHERE key LIKE 'pair:%'") == 1
        query = "UPDATE login_failure SET count = count + $1, last_at = app_now() WHERE key LIKE 'pair:%'"
        await conn.execute(query, login_limits.FREE + 9)
    assert (await login(browser, code_of(secret))).status_code == 429


async def test_right_password_gives_no_more_guesses_of_codes(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    await enrolled(browser)
    for _ in range(3):
        assert error_of(await login(browser, "000000")) == (401, "second_factor_required")
    count = "SELECT count FROM login_failure WHERE key LIKE 'pair:%'"
    async with api.platform.db.acquire() as conn:
        assert error_of(await browser.post("/api/users/totp/enrol", json={"password": PASSWORD})) == (409, "conflict")
        assert await conn.fetchval(count) == 3
        body = {"current_password": PASSWORD, "password": "battery staple"}
        assert (await browser.post("/api/users/setpassword", json=body)).status_code == 200
        assert await conn.fetchval(count) == 3


async def test_codes_are_not_guessed_from_many_addresses(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    made = await enrolled(browser)
    transports = [httpx.ASGITransport(api.app, client=(f"203.0.113.{last}", 1)) for last in range(5)]  # type: ignore[arg-type]
    elsewhere = [httpx.AsyncClient(transport=each, base_url="http://orvanta", timeout=60) for each in transports]
    for client in elsewhere[:4]:
        for _ in range(3):
            answer = await login(client, "000000")
    assert error_of(answer) == (429, "rate_limited") and int(answer.headers["retry-after"]) >= 1
    # At a new address, recovery codes are accepted, but codes are not even checked; the usual address is exempt.
    codes = "UPDATE login_failure SET count = 18, last_at = app_now() WHERE key LIKE 'code:%'"
    async with api.platform.db.acquire() as conn:
        await conn.execute(codes)
        assert error_of(await login(elsewhere[4], code_of(made["secret"]))) == (429, "rate_limited")
        assert error_of(await login(elsewhere[4], code_of(made["secret"]), "wrong")) == (401, "unauthenticated")
        assert (await login(elsewhere[4], made["recovery_codes"][0])).status_code == 200
        assert error_of(await login(browser, "000000")) == (401, "second_factor_required")
        assert (await login(browser, code_of(made["secret"]))).status_code == 200
        assert await conn.fetchval("SELECT count FROM login_failure WHERE key LIKE 'code:%'") == 19


async def test_concurrent_logins_use_a_code_once(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    code = code_of((await enrolled(browser))["secret"])
    async with api.platform.db.transaction() as conn:
        await conn.execute("SELECT FROM totp FOR UPDATE")
        logins = [asyncio.ensure_future(login(browser, code)) for _ in range(2)]
        await until_waiting(api, *logins)
    assert sorted([(await each).status_code for each in logins]) == [200, 401]


async def test_image_of_secret_is_made_in_thread(browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await login(browser)).status_code == 200
    make, threads = segno.make, list[threading.Thread]()

    def recorded(*args: Any, **more: Any) -> segno.QRCode:
        threads.append(threading.current_thread())
        return make(*args, **more)

    monkeypatch.setattr(segno, "make", recorded)
    assert (await browser.post("/api/users/totp/enrol", json={"password": PASSWORD})).status_code == 200
    assert threads and threading.current_thread() not in threads


async def test_superadmin_and_machine_reset_lost_authenticator(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    await enrolled(browser)
    assert (await browser.post(f"/api/users/reset_totp/{EMAIL}")).status_code == 403
    link = (await api.client.post(f"/api/users/reset_password/{EMAIL}")).text
    body = {"token": link.partition("#")[2], "password": PASSWORD}
    answer = await browser.post("/api/auth/first_password", json=body)
    assert (answer.status_code, answer.text) == (200, "") and "set-cookie" not in answer.headers
    assert error_of(await login(browser)) == (401, "second_factor_required"), "a new password is no new authenticator"
    assert (await api.client.post(f"/api/users/reset_totp/{EMAIL}")).status_code == 200
    assert error_of(await api.client.post(f"/api/users/reset_totp/{EMAIL}")) == (409, "conflict")
    await enrolled(browser)
    await setup.reset_totp(api.platform.db, EMAIL)
    assert (await browser.get("/api/users/email")).status_code == 401
    assert (await login(browser)).status_code == 200


async def test_instance_requires_two_step_login(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    credentials = {"email": EMAIL, "password": PASSWORD}
    assert error_of(await browser.post("/api/auth/enrol_totp", json=credentials)) == (409, "conflict")
    answer = await api.client.post(f"/api/settings/global/{REQUIRE_TOTP.name}", json={"value": True})
    assert answer.status_code == 200, answer.text
    api.platform.instance._cache.clear()
    assert error_of(await login(browser)) == (401, "enrolment_required")
    assert (await browser.get("/api/users/email")).status_code == 401
    wrong = {**credentials, "password": "wrong"}
    assert error_of(await browser.post("/api/auth/enrol_totp", json=wrong)) == (401, "unauthenticated")
    made = (await browser.post("/api/auth/enrol_totp", json=credentials)).json()
    assert error_of(await login(browser)) == (401, "enrolment_required")
    assert error_of(await login(browser, made["recovery_codes"][0])) == (401, "second_factor_required")
    assert (await login(browser, code_of(made["secret"]))).status_code == 200
    assert error_of(await browser.post("/api/auth/enrol_totp", json=credentials)) == (409, "conflict")
    assert error_of(await login(browser)) == (401, "second_factor_required")


async def test_tokens_with_limits_do_not_change_two_step_login(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    await login(browser)
    made = await browser.post("/api/users/tokens/create", json={"scopes": ["users:write", "users:read"]})
    limited = client_of(api.app, made.text)
    for call, body in (
        ("enrol", {"password": PASSWORD}),
        ("confirm", {"code": "0"}),
        ("disable", {"password": "", "code": ""}),
    ):
        assert (await limited.post(f"/api/users/totp/{call}", json=body)).status_code == 403
