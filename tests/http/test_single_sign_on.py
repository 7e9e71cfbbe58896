"""Login by OpenID Connect with a certified provider, and attacks on it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of

from orvanta_platform.control import instance_settings
from orvanta_platform.control.actor import Role
from orvanta_platform.services.access import setup, single_sign_on

pytestmark = pytest.mark.extended

FOLDER = Path(__file__).parents[1] / "oidc" / "provider"
CLIENT = {
    "client_id": "orvanta",
    "client_secret": "a secret of the client",
    "redirect_uris": ["http://orvanta/api/auth/oidc/callback/corp"],
    "post_logout_redirect_uris": ["http://orvanta/login"],
}
ACCOUNTS = {
    "ada": {"email": "Ada@Example.org", "email_verified": True, "name": "Ada", "groups": ["eng", "ops"]},
    "bob": {"email": "bob@example.org", "email_verified": False},
    "eve": {"email": "eve@example.com", "email_verified": True},
    "local": {"email": "local@example.org", "email_verified": True},
    "root": {"email": "admin@localhost", "email_verified": True},
    "kim": {"email": "kim@example.org", "xms_edov": "1", "oid": "kim-1"},
}
PASSWORD = "correct horse"


@dataclass
class Provider:
    """The provider, in its own process."""

    issuer: str
    process: subprocess.Popen[str]

    def forge(self, kind: str) -> None:
        httpx.get(f"{self.issuer}/forge", params={"kind": kind}, timeout=60).raise_for_status()

    def set_claims(self, account: str, **claims: Any) -> None:
        query = {"account": account, "claims": json.dumps(claims)}
        httpx.get(f"{self.issuer}/claims", params=query, timeout=60).raise_for_status()

    def key_reads(self) -> int:
        return int(httpx.get(f"{self.issuer}/key_reads", timeout=60).text)


@dataclass
class Browser:
    """A browser, initially without cookies, that uses the platform and the provider."""

    api: ApiHarness
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        mounts = {"http://orvanta": httpx.ASGITransport(self.api.app)}  # type: ignore[arg-type]
        limits = httpx.Limits(max_keepalive_connections=0)
        headers = {"X-Orvanta": "1"}
        self.client = httpx.AsyncClient(mounts=mounts, base_url="http://orvanta", headers=headers, limits=limits)

    async def start(self, then: str = "/runs") -> str:
        answer = await self.client.post("/api/auth/oidc/start", json={"provider": "corp", "then": then})
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        return url

    async def at_provider(self, url: str, account: str) -> str:
        """Log in at the provider; return the URL to which it redirects the browser."""
        for _ in range(10):
            if url.startswith("http://orvanta"):
                return url
            answer = await self.client.get(url)
            if answer.status_code == 200:
                form = {"prompt": "login", "login": account, "password": "any"}
                answer = await self.client.post(url, data=form)
            assert answer.is_redirect, answer.text
            url = str(answer.next_request.url if answer.next_request else "")
        raise AssertionError("the provider does not return")

    async def log_in(self, account: str, status: int = 303) -> httpx.Response:
        answer = await self.client.get(await self.at_provider(await self.start(), account))
        assert answer.status_code == status, answer.text
        return answer

    async def whoami(self) -> Any:
        return (await self.client.get("/api/users/whoami")).json()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    if not (FOLDER / "node_modules" / "oidc-provider").exists():
        subprocess.run(["npm", "ci", "--loglevel=error", "--ignore-scripts"], cwd=FOLDER, check=True)
    command = ["node", "provider.js"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=FOLDER, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"client": CLIENT, "accounts": ACCOUNTS}) + "\n")
        process.stdin.flush()
        yield Provider(process.stdout.readline().strip(), process)
        process.kill()


@pytest.fixture
async def api(
    database: TestDatabase, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ApiHarness]:
    monkeypatch.setattr(instance_settings, "_CACHE_S", 0.0)
    provider.forge("")
    async with api_harness(database, tmp_path, base_url="http://orvanta") as made:
        await configure(made, provider)
        yield made


async def configure(api: ApiHarness, provider: Provider, status: int = 200, **more: Any) -> None:
    config = {
        "label": "Corp",
        "issuer": provider.issuer,
        "client_id": CLIENT["client_id"],
        "client_secret": CLIENT["client_secret"],
        "scopes": ["openid", "email", "profile"],
        "networks": ["127.0.0.0/8"],
        **more,
    }
    await set_to(api, "oidc_providers", {"corp": config}, status)


async def set_to(api: ApiHarness, name: str, value: Any, status: int = 200) -> None:
    answer = await api.client.post(f"/api/settings/global/{name}", json={"value": value})
    assert answer.status_code == status, answer.text


async def failures(api: ApiHarness) -> list[dict[str, Any]]:
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT parameters FROM audit WHERE operation = 'users.login_failed' ORDER BY id")
    return [msgspec.json.decode(row["parameters"]) for row in rows]


async def sessions(api: ApiHarness) -> int:
    async with api.platform.db.acquire() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM token WHERE kind = 'session'"))


async def test_first_login_creates_account_and_later_ones_find_it(api: ApiHarness) -> None:
    browser = Browser(api)
    offered = (await browser.client.get("/api/auth/oidc/providers")).json()
    ways = {"providers": [{"name": "corp", "label": "Corp"}], "password_login": True}
    assert offered == {**ways, "first_visit": True}
    await setup.create_user(api.platform.db, "cleo@example.org", "correct horse")
    offered = (await browser.client.get("/api/auth/oidc/providers")).json()
    assert offered == {**ways, "first_visit": False}, "an account has a password"
    answer = await browser.log_in("ada")
    assert answer.headers["location"] == "/runs"
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("token="))
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    first = await browser.whoami()
    assert (first["email"], first["name"], first["super_admin"]) == ("ada@example.org", "Ada", False)
    again = Browser(api)
    returned = await again.client.get(await again.at_provider(await again.start("/flows/f/ärger/выпуск?a=%20"), "ada"))
    assert returned.headers["location"] == "/flows/f/%C3%A4rger/%D0%B2%D1%8B%D0%BF%D1%83%D1%81%D0%BA?a=%20"
    assert (await again.whoami())["username"] == first["username"]
    listed = (await api.client.get("/api/users/identities/ada@example.org")).json()
    assert [each["subject"] for each in listed] == ["ada"]


async def test_logout_ends_both_sessions(api: ApiHarness) -> None:
    browser = Browser(api)
    await browser.log_in("ada")
    url = (await browser.client.post("/api/auth/oidc/logout")).json()["url"]
    assert "/session/end?" in url and "post_logout_redirect_uri=http%3A%2F%2Forvanta%2Flogin" in url
    assert (await browser.client.get(url)).status_code == 200
    assert (await browser.client.get("/api/users/whoami")).status_code == 401


@pytest.mark.parametrize(
    "kind",
    [
        *("audience", "party", "nonce", "missing_nonce", "issuer", "expiry"),
        *("none", "public_key_as_secret", "other_key", "unknown_key"),
    ],
)
async def test_forged_id_token_is_refused(api: ApiHarness, provider: Provider, kind: str) -> None:
    provider.forge(kind)
    browser = Browser(api)
    await browser.log_in("ada", 403)
    assert "token" not in browser.client.cookies
    assert await sessions(api) == 0
    [failure] = await failures(api)
    assert failure["provider"] == "corp" and failure["reason"]


async def test_unknown_keys_are_read_again_once_a_minute(api: ApiHarness, provider: Provider) -> None:
    await Browser(api).log_in("ada")
    provider.forge("unknown_key")
    before = provider.key_reads()
    for _ in range(3):
        await Browser(api).log_in("ada", 403)
    assert provider.key_reads() == before
    entry = api.platform.identity_providers["corp"][1]
    entry._keys = (entry._keys[0] - 61, entry._keys[1])
    for _ in range(3):
        await Browser(api).log_in("ada", 403)
    assert provider.key_reads() == before + 1


async def test_response_is_bound_to_browser_state_and_issuer_and_used_once(api: ApiHarness, provider: Provider) -> None:
    browser, victim = Browser(api), Browser(api)
    callback = await browser.at_provider(await browser.start(), "ada")
    # The browser of another person, with and without its own login in progress.
    assert (await victim.client.get(callback)).status_code == 403
    await victim.start()
    assert (await victim.client.get(callback)).status_code == 403
    parts = urlsplit(callback)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    changed = urlencode({**query, "state": "another"})
    assert (await browser.client.get(f"{parts.path}?{changed}")).status_code == 403
    assert (await browser.client.get(callback)).status_code == 403, "the cookie ends with the first response"
    callback = await browser.at_provider(await browser.start(), "ada")
    cookie = browser.client.cookies["orvanta_login"]
    assert (await browser.client.get(callback)).status_code == 303
    replayed = await Browser(api).client.get(callback, headers={"Cookie": f"orvanta_login={cookie}"})
    assert replayed.status_code == 403
    for issuer in ("https://id.example.org", None):
        callback = await browser.at_provider(await browser.start(), "ada")
        query = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        query = {**query, "iss": issuer} if issuer else {name: query[name] for name in ("code", "state")}
        assert (await browser.client.get(f"{parts.path}?{urlencode(query)}")).status_code == 403
    for answered in ({"error": "access_denied"}, {"code": "made up"}, {}):
        state = parse_qs(urlsplit(await browser.start()).query)["state"][0]
        answered |= {"state": state, "iss": provider.issuer}
        assert (await browser.client.get(f"{parts.path}?{urlencode(answered)}")).status_code == 403
    assert await sessions(api) == 1
    assert not await failures(api), "strangers cannot fill the audit trail, also with logins that they start themselves"


async def test_state_of_one_provider_is_refused_at_another(api: ApiHarness, provider: Provider) -> None:
    corp = (await api.client.get("/api/settings/global/oidc_providers")).json()["corp"]
    assert corp["client_secret"] == "***"
    other = {**corp, "issuer": "https://id.example.org", "client_secret": "another"}
    await set_to(api, "oidc_providers", {"corp": corp, "other": other})
    browser = Browser(api)
    callback = await browser.at_provider(await browser.start(), "ada")
    assert (await browser.client.get(callback.replace("/corp?", "/other?"))).status_code == 403
    assert await sessions(api) == 0


@pytest.mark.parametrize("then", ["//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", ""])
async def test_login_returns_to_this_server_only(api: ApiHarness, then: str) -> None:
    body = {"provider": "corp", "then": then}
    assert (await Browser(api).client.post("/api/auth/oidc/start", json=body)).status_code == 400


async def test_login_is_not_started_by_another_site(api: ApiHarness) -> None:
    body, headers = {"provider": "corp"}, {"Origin": "https://evil.example"}
    answer = await Browser(api).client.post("/api/auth/oidc/start", json=body, headers=headers)
    assert answer.status_code == 403


async def test_addresses_select_no_account_unless_linked(api: ApiHarness, provider: Provider) -> None:
    await setup.create_user(api.platform.db, "local@example.org", PASSWORD)
    for account in ("local", "root", "bob"):
        browser = Browser(api)
        await browser.log_in(account, 403)
        assert (await browser.client.get("/api/users/whoami")).status_code == 401
    reasons = [each["reason"] for each in await failures(api)]
    assert ["another account" in each for each in reasons] == [True, True, False]
    assert "not verified" in reasons[2]
    for subject in ("", " ", "local ", "\u202elocal", "lo\ncal", "x" * 256):
        body = {"provider": "corp", "subject": subject}
        answer = await api.client.post("/api/users/link_identity/local@example.org", json=body)
        assert answer.status_code == 400, subject
    body = {"provider": "corp", "subject": "local"}
    assert (await api.client.post("/api/users/link_identity/local@example.org", json=body)).status_code == 200
    assert (await api.client.post("/api/users/link_identity/admin@localhost", json=body)).status_code == 409
    browser = Browser(api)
    await browser.log_in("local")
    assert (await browser.whoami())["email"] == "local@example.org"
    body = {"issuer": provider.issuer, "subject": "local"}
    assert (await api.client.post("/api/users/unlink_identity/local@example.org", json=body)).status_code == 200
    assert (await browser.client.get("/api/users/whoami")).status_code == 401
    await Browser(api).log_in("local", 403)


async def test_account_of_scim_is_linked_at_first_login(api: ApiHarness, provider: Provider) -> None:
    """The external identifier must be the subject, and the account must have no other way to log in."""
    await configure(api, provider, sign_up=False)
    scim = client_of(api.app, (await api.client.post("/api/scim_tokens/create")).text)
    user = {"userName": "ada@example.org", "externalId": "somebody"}
    created = await scim.post("/scim/v2/Users", json=user)
    assert created.status_code == 201
    await Browser(api).log_in("ada", 403)
    place = f"/scim/v2/Users/{created.json()['id']}"
    assert (await scim.put(place, json={**user, "externalId": "ada"})).status_code == 200
    change = "UPDATE account SET {} WHERE email = 'ada@example.org'"
    async with api.platform.db.acquire() as conn:
        for unsafe, safe in (
            ("super_admin = true", "super_admin = false"),
            ("password_hash = 'x'", "password_hash = NULL"),
        ):
            await conn.execute(change.format(unsafe))
            await Browser(api).log_in("ada", 403)
            await conn.execute(change.format(safe))
    browser = Browser(api)
    await browser.log_in("ada")
    assert (await browser.whoami())["email"] == "ada@example.org"
    assert (await api.client.get("/api/users/identities/ada@example.org")).json()[0]["subject"] == "ada"
    # What a superadmin unlinks is not linked again.
    body = {"issuer": provider.issuer, "subject": "ada"}
    assert (await api.client.post("/api/users/unlink_identity/ada@example.org", json=body)).status_code == 200
    await Browser(api).log_in("ada", 403)
    # An account with an identity gets no second one by its address.
    body = {"provider": "corp", "subject": "other"}
    assert (await api.client.post("/api/users/link_identity/ada@example.org", json=body)).status_code == 200
    await Browser(api).log_in("ada", 403)


async def test_account_of_scim_is_not_linked_by_any_of_several_providers(api: ApiHarness, provider: Provider) -> None:
    """The second provider, that of a partner, could state address and identifier of people of the first."""
    scim = client_of(api.app, (await api.client.post("/api/scim_tokens/create")).text)
    for name, external in (("ada", "ada"), ("kim", "kim-1")):
        user = {"userName": f"{name}@example.org", "externalId": external}
        assert (await scim.post("/scim/v2/Users", json=user)).status_code == 201
    corp = (await api.client.get("/api/settings/global/oidc_providers")).json()["corp"]
    first = {**corp, "issuer": "https://id.example.org", "client_secret": "another", "scim_claim": "sub"}
    await set_to(api, "oidc_providers", {"corp": corp, "first": first})
    await Browser(api).log_in("ada", 403)
    assert "another account" in (await failures(api))[-1]["reason"]
    first["client_secret"] = "***"
    await set_to(api, "oidc_providers", {"corp": {**corp, "scim_claim": "sub"}, "first": first})
    await Browser(api).log_in("ada")
    # A provider can state the identifier, and that the address is verified, in claims of its own.
    for claims in ({"scim_claim": "oid"}, {"verified_claim": "xms_edov"}):
        await set_to(api, "oidc_providers", {"corp": {**corp, **claims}, "first": first})
        await Browser(api).log_in("kim", 403)
    claims = {"scim_claim": "oid", "verified_claim": "xms_edov"}
    await set_to(api, "oidc_providers", {"corp": {**corp, **claims}, "first": first})
    await Browser(api).log_in("kim")


async def test_domains_sign_up_and_disabled_accounts(api: ApiHarness, provider: Provider) -> None:
    await configure(api, provider, domains=["example.org"])
    await Browser(api).log_in("eve", 403)
    browser = Browser(api)
    await browser.log_in("ada")
    assert (await api.client.post("/api/users/disable/ada@example.org")).status_code == 200
    assert (await browser.client.get("/api/users/whoami")).status_code == 401
    await Browser(api).log_in("ada", 403)
    await configure(api, provider, sign_up=False)
    await Browser(api).log_in("eve", 403)
    reasons = [each["reason"] for each in await failures(api)]
    assert ["domain" in reasons[0], "disabled" in reasons[1], "creates none" in reasons[2]] == [True, True, True]


async def test_memberships_follow_the_group_claim(api: ApiHarness, provider: Provider) -> None:
    for name in ("night", "own"):
        assert (await api.client.post(f"{W}/groups/create", json={"name": name})).status_code == 200
    grants = [
        {"claim": "eng", "workspace": "main", "role": "viewer", "groups": []},
        {"claim": "ops", "workspace": "main", "role": "developer", "groups": ["night", "unknown"]},
        {"claim": "ops", "workspace": "unknown", "role": "admin"},
    ]
    await configure(api, provider, grants=grants)
    browser = Browser(api)
    await browser.log_in("ada")
    member = (await browser.client.get(f"{W}/users/whoami")).json()
    assert (member["role"], member["groups"]) == ("developer", ["all", "night"])
    await api.client.post(f"{W}/groups/adduser/own", json={"username": member["username"]})
    provider.set_claims("ada", groups=["eng"])
    await browser.log_in("ada")
    member = (await browser.client.get(f"{W}/users/whoami")).json()
    assert (member["role"], member["groups"]) == ("viewer", ["all", "own"])
    provider.set_claims("ada", groups=[])
    await browser.log_in("ada")
    assert (await browser.client.get(f"{W}/users/whoami")).status_code == 404
    provider.set_claims("ada", groups=["eng", "ops"])
    await browser.log_in("ada")
    assert (await browser.client.get(f"{W}/users/whoami")).json()["role"] == "developer"
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch(
            "SELECT operation FROM audit WHERE workspace = 'main' AND parameters ->> 'by' = 'claim' ORDER BY id"
        )
    assert [row["operation"] for row in rows][:5] == [
        *("workspaces.add_user", "groups.adduser", "users.update", "groups.removeuser", "users.delete")
    ]


async def test_users_of_a_domain_join_once(api: ApiHarness, provider: Provider) -> None:
    """Later changes by an admin remain, also the removal."""
    await configure(api, provider, grants=[{"domain": "example.net", "workspace": "main", "role": "admin"}])
    browser = Browser(api)
    await browser.log_in("ada")
    assert (await browser.client.get(f"{W}/users/whoami")).status_code == 404, "an address of another domain"
    assert (await api.client.post(f"{W}/groups/create", json={"name": "ops"})).is_success
    grant = {"domain": "example.org", "workspace": "main", "role": "viewer", "groups": ["ops"]}
    await configure(api, provider, grants=[grant, {**grant, "role": "operator"}])
    await browser.log_in("ada")
    member = (await browser.client.get(f"{W}/users/whoami")).json()
    assert member["role"] == "operator"
    (joined,) = (await api.client.get(f"{W}/audit/list", params={"operation": "groups.adduser"})).json()
    assert (joined["resource"], joined["parameters"]["username"]) == ("ops", member["username"])
    change = f"{W}/users/update/{member['username']}"
    assert (await api.client.post(change, json={"role": "developer"})).status_code == 200
    await browser.log_in("ada")
    assert (await browser.client.get(f"{W}/users/whoami")).json()["role"] == "developer"
    assert (await api.client.delete(f"{W}/users/delete/{member['username']}")).status_code == 200
    await browser.log_in("ada")
    assert (await browser.client.get(f"{W}/users/whoami")).status_code == 404
    for wrong in ({"domain": "x"}, {"claim": "eng"}, {"domain": ""}):
        await configure(api, provider, 400, grants=[{**grant, **wrong}])
    await set_to(api, "scim_grants", [grant], 400)


async def test_passwords_are_switched_off_but_for_one_superadmin(api: ApiHarness) -> None:
    await setup.create_user(api.platform.db, "local@example.org", PASSWORD)
    await setup.create_user(api.platform.db, "glass@example.org", PASSWORD, superadmin=True)
    for invalid in ("local@example.org", "nobody@example.org", "admin@localhost"):
        await set_to(api, "break_glass_account", invalid, 400)
    await set_to(api, "break_glass_account", "glass@example.org")
    # Another superadmin does not take the only way in.
    changes: tuple[tuple[str, str, Any], ...] = (
        ("POST", "update", {"is_super_admin": False}),
        ("POST", "disable", None),
        ("DELETE", "delete", None),
        ("POST", "reset_password", None),
    )
    for method, call, body in changes:
        answer = await api.client.request(method, f"/api/users/{call}/glass@example.org", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict"), call

    async def login(email: str, password: str) -> httpx.Response:
        return await client_of(api.app, "").post("/api/auth/login", json={"email": email, "password": password})

    refused = await login("local@example.org", PASSWORD)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "password_login_disabled")
    assert (await login("local@example.org", "wrong")).json() == (await login("glass@example.org", "wrong")).json()
    assert (await login("glass@example.org", PASSWORD)).status_code == 200
    link = (await api.client.post("/api/users/create", json={"email": "new@example.org", "link": True})).text
    body = {"token": link.partition("#")[2], "password": PASSWORD}
    assert (await client_of(api.app, "").post("/api/auth/first_password", json=body)).status_code == 403
    assert (await Browser(api).client.get("/api/auth/oidc/providers")).json()["password_login"] is False


async def test_secret_is_not_sent_to_another_issuer_and_private_addresses_are_refused(
    api: ApiHarness, provider: Provider
) -> None:
    await configure(api, provider, 400, issuer="https://evil.example", client_secret="***")
    await configure(api, provider, 400, issuer="http://id.example.org")
    await configure(api, provider, networks=[])
    answer = await Browser(api).client.post("/api/auth/oidc/start", json={"provider": "corp"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_unavailable")


async def test_issuer_is_checked_before_it_is_stored(api: ApiHarness, provider: Provider) -> None:
    """A problem is a warning: the provider may be away. Addresses that it may not have are not called."""

    async def problem(issuer: str, networks: tuple[str, ...] = ("127.0.0.0/8",), status: int = 200) -> str | None:
        body = {"issuer": issuer, "networks": networks}
        answer = await api.client.post("/api/settings/check_issuer", json=body)
        assert answer.status_code == status, answer.text
        found: str | None = answer.json().get("problem")
        codes.append(answer.json().get("code"))
        return found

    codes: list[str | None] = []
    port = urlsplit(provider.issuer).port
    assert await problem(provider.issuer) is None
    assert "another issuer: " in str(await problem(f"{provider.issuer}/"))
    assert "cannot be used" in str(await problem(f"{provider.issuer}/other"))
    assert codes == [None, "issuer_differs", "unusable"]
    assert "other than ASCII" in str(await problem(f"{provider.issuer}/größe"))
    assert "other than ASCII" in str(await problem("https://größe.example.org"))
    assert "not a public address" in str(await problem(provider.issuer, ()))
    assert "the name missing.invalid cannot be resolved" in str(await problem("https://missing.invalid"))
    # A wide network that is allowed opens no metadata service.
    assert "not a public address" in str(await problem("https://169.254.169.254", ("169.0.0.0/8",)))
    await problem(f"http://id.example.org:{port}", status=400)
    await problem(provider.issuer, ("everything",), 400)
    ada = await api.member("ada", Role.ADMIN)
    assert (await ada.post("/api/settings/check_issuer", json={"issuer": provider.issuer})).status_code == 403


async def test_calls_do_not_wait_in_line_for_a_slow_provider(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(api)
    await browser.log_in("ada")
    monkeypatch.setattr(single_sign_on, "_TIMEOUT_S", 0)
    async with asyncio.timeout(30), api.platform.identity_providers["corp"][1]._lock:
        answer = await Browser(api).client.post("/api/auth/oidc/start", json={"provider": "corp"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_unavailable")
        assert (await browser.client.post("/api/auth/oidc/logout")).json() == {"url": None}


async def test_provider_away_affects_neither_sessions_nor_passwords(api: ApiHarness, provider: Provider) -> None:
    await setup.create_user(api.platform.db, "glass@example.org", PASSWORD, superadmin=True)
    browser = Browser(api)
    await browser.log_in("ada")
    api.platform.identity_providers.clear()
    provider.process.kill()
    provider.process.wait()
    answer = await Browser(api).client.post("/api/auth/oidc/start", json={"provider": "corp"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_unavailable")
    assert (await browser.whoami())["email"] == "ada@example.org"
    body = {"email": "glass@example.org", "password": PASSWORD}
    assert (await client_of(api.app, "").post("/api/auth/login", json=body)).status_code == 200
    assert (await browser.client.post("/api/auth/oidc/logout")).json() == {"url": None}
