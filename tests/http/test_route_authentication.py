"""Authentication of calls of HTTP triggers: keys, passwords, signatures and tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import httpx
import pytest
from tests.http import test_route_calls
from tests.http.harness import ApiHarness, W
from tests.http.test_route_calls import SECRET, args_of, hook, resource, signature

from orvanta_platform import clock
from orvanta_platform.control import login_limits
from orvanta_platform.control.actor import Role

api, stranger = test_route_calls.api, test_route_calls.stranger


@pytest.mark.parametrize("resource_value", [{"api_key": SECRET}, {"header": "X-Own", "value": SECRET}])
async def test_api_keys(api: ApiHarness, stranger: httpx.AsyncClient, resource_value: dict[str, str]) -> None:
    path = await resource(api, resource_value)
    await hook(api, authentication_method="api_key", authentication_resource_path=path)
    name = resource_value.get("header", "X-API-Key")
    for given in ({}, {name: ""}, {name: SECRET[:-1]}, {name: f"{SECRET}x"}, {"Authorization": f"Bearer {SECRET}"}):
        assert (await stranger.post("/api/r/orders/7", headers=given)).status_code == 401, given
    assert (await stranger.post("/api/r/orders/7", headers={name: SECRET})).status_code == 201
    assert len(await api.get("jobs/list")) == 1


async def test_route_is_closed_until_its_resource_exists(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api, authentication_method="api_key", authentication_resource_path="f/hooks/auth")
    key = {"X-API-Key": SECRET}
    for given in ({}, {"X-API-Key": ""}, key):
        assert (await stranger.post("/api/r/orders/7", headers=given)).status_code == 401, given
    assert await resource(api, {"api_key": SECRET}) == "f/hooks/auth"
    assert (await stranger.post("/api/r/orders/7", headers=key)).status_code == 201


async def test_http_basic(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    path = await resource(api, {"username": "ada", "password": SECRET})
    await hook(api, authentication_method="basic_http", authentication_resource_path=path)
    assert (await stranger.post("/api/r/orders/7")).status_code == 401
    for given in (("ada", ""), ("ada", "x"), ("bob", SECRET), ("", f"ada:{SECRET}")):
        answer = await stranger.post("/api/r/orders/7", auth=given)
        assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic "), given
    assert (await stranger.post("/api/r/orders/7", auth=("ada", SECRET))).status_code == 201


async def test_http_basic_guesses_are_rate_limited(api: ApiHarness) -> None:
    """Attempts are counted by route and address. Calls without a password do not count; a correct password resets the
    count.
    """
    path = await resource(api, {"username": "ada", "password": SECRET})
    basic: dict[str, Any] = {"authentication_method": "basic_http", "authentication_resource_path": path}
    await hook(api, **basic)
    await hook(api, **basic, path="f/hooks/other", route_path="other")
    right = ("ada", SECRET)

    def at(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(api.app, client=(address, 1))  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://orvanta")

    async def guess(client: httpx.AsyncClient, times: int) -> None:
        for number in range(times):
            answer = await client.post("/api/r/orders/7", auth=("ada", str(number)))
            assert answer.status_code == 401, answer.text

    async with at("203.0.113.1") as guesser, at("198.51.100.7") as sender, api.platform.db.acquire() as conn:
        await guess(guesser, login_limits.FREE - 1)
        assert (await guesser.post("/api/r/orders/7", auth=right)).status_code == 201
        await guess(guesser, login_limits.FREE)
        await conn.execute("UPDATE login_failure SET count = count + 9, last_at = app_now()")
        counted = await conn.fetch("SELECT key, count FROM login_failure")
        for auth in (("ada", "more"), right):
            refused = await guesser.post("/api/r/orders/7", auth=auth)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited"), refused.text
            assert int(refused.headers["retry-after"]) > 60
        assert await conn.fetch("SELECT key, count FROM login_failure") == counted, "refused calls write nothing"
        assert (await guesser.post("/api/r/orders/7")).status_code == 401
        assert (await guesser.post("/api/r/other", auth=right)).status_code == 201
        assert (await sender.post("/api/r/orders/7", auth=right)).status_code == 201
        await conn.execute("UPDATE login_failure SET last_at = last_at - interval '16 minutes'")
        assert (await guesser.post("/api/r/orders/7", auth=right)).status_code == 201
        assert await conn.fetchval("SELECT count(*) FROM login_failure WHERE count > 0") == 0


async def test_github_signatures(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    path = await resource(api, {"preset": "github", "secret": SECRET})
    await hook(api, authentication_method="signature", authentication_resource_path=path)
    body, name = b'{"a": 1}', "X-Hub-Signature-256"
    for given in ("", signature(body), f"sha256={signature(body + b' ')}", f"sha1={signature(body)}", "sha256="):
        answer = await stranger.post("/api/r/orders/7", content=body, headers={name: given})
        assert answer.status_code == 401, given
    answer = await stranger.post("/api/r/orders/7", content=body, headers={name: f"sha256={signature(body)}"})
    assert await args_of(api, answer) == {"a": 1, "id": "7"}


async def test_stripe_signatures_expire(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    path = await resource(api, {"preset": "stripe", "secret": SECRET})
    await hook(api, authentication_method="signature", authentication_resource_path=path)
    body, now = b'{"a": 1}', int(clock.now().timestamp())
    refused = [
        "",
        f"v1={signature(body)}",
        f"t={now},v1={signature(body)}",
        f"t={now},v1={signature(body, now, 'other')}",
        f"t={now - 400},v1={signature(body, now - 400)}",
        f"t={now + 400},v1={signature(body, now + 400)}",
        f"t={now},v0={signature(body, now)}",
        f"t={now},t={now - 1},v1={signature(body, now - 1)}",
    ]
    for given in refused:
        answer = await stranger.post("/api/r/orders/7", content=body, headers={"Stripe-Signature": given})
        assert answer.status_code == 401, given
    good = f"t={now},v1={signature(body, now, 'old')},v1={signature(body, now)}"
    answer = await stranger.post("/api/r/orders/7", content=body, headers={"Stripe-Signature": good})
    assert answer.status_code == 201


async def test_custom_signatures(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    value = {"secret": SECRET, "header": "X-Sign", "prefix": "v0=", "algorithm": "sha512", "encoding": "base64"}
    path = await resource(api, {**value, "timestamp_header": "X-Time"})
    await hook(api, authentication_method="signature", authentication_resource_path=path)
    now, body = str(int(clock.now().timestamp())), b'{"a": 1}'
    digest = hmac.new(SECRET.encode(), now.encode() + b"." + body, hashlib.sha512).digest()
    headers = {"X-Time": now, "X-Sign": f"v0={base64.b64encode(digest).decode()}"}
    assert (await stranger.post("/api/r/orders/7", content=body, headers=headers)).status_code == 201
    for wrong in ({"X-Time": ""}, {"X-Time": "1"}, {"X-Sign": base64.b64encode(digest).decode()}):
        answer = await stranger.post("/api/r/orders/7", content=body, headers={**headers, **wrong})
        assert answer.status_code == 401, wrong


async def test_unreadable_secret_refuses_calls(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    path = await resource(api, {"preset": "nonsense", "secret": SECRET})
    await hook(api, authentication_method="signature", authentication_resource_path=path)
    assert (await stranger.post("/api/r/orders/7")).status_code == 401
    assert (await api.client.delete(f"{W}/resources/delete/{path}")).status_code == 200
    await api.client.post(f"{W}/http_triggers/setmode/f/hooks/hook", json={"mode": "enabled"})
    answer = await stranger.post("/api/r/orders/7")
    assert answer.status_code == 401 and "auth" not in answer.json()["error"]["message"].lower()


async def test_openings_of_the_secret_are_audited(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    path = await resource(api, {"preset": "github", "secret": SECRET})
    await hook(api, authentication_method="signature", authentication_resource_path=path)
    for _ in range(3):
        await stranger.post("/api/r/orders/7", content=b"{}")
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT resource, parameters FROM audit WHERE operation = 'resources.open'")
    assert [row["resource"] for row in rows] == [path], "kept for a moment: a flood of calls is no flood of rows"


async def test_platform_token_authentication(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    await hook(api, authentication_method="orvanta")
    bea = await api.member("bea", role=Role.OPERATOR)
    token = api.client.headers["Authorization"]
    for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401), ({"Authorization": token}, 201)):
        assert (await stranger.post("/api/r/orders/7", headers=headers)).status_code == status
    assert (await bea.post("/api/r/orders/7")).status_code == 404, "she may not run the script"
    bare = token.removeprefix("Bearer ")
    assert (await stranger.post("/api/r/orders/7", params={"token": bare})).status_code == 401
    assert (await stranger.post("/api/r/orders/7", headers={"Cookie": f"token={bare}"})).status_code == 401
