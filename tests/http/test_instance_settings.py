"""Settings of the instance: values, validation, audit, and the rules that use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of, script

from orvanta_platform.control import instance_settings
from orvanta_platform.control.actor import Role
from orvanta_platform.control.instance_settings import Setting

G = "/api/settings/global"
SECRETIVE: Setting[dict[str, str]] = Setting(
    name="secretive",
    kind=dict[str, str],
    default={},
    shown="none",
    text="A setting with a secret.",
    secrets={"type": "object", "properties": {"key": {"type": "string", "password": True}}},
)


@pytest.fixture(autouse=True)
def uncached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_settings, "_CACHE_S", 0.0)


async def put(api: ApiHarness, name: str, value: Any, status: int = 200) -> str:
    answer = await api.client.post(f"{G}/{name}", json={"value": value})
    assert answer.status_code == status, answer.text
    return answer.text


async def audit_rows(api: ApiHarness) -> list[tuple[str, str, Any]]:
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch(
            "SELECT operation, resource, parameters, workspace FROM audit WHERE operation LIKE 'settings.%' ORDER BY id"
        )
    assert all(row["workspace"] is None for row in rows)
    return [(row["operation"], row["resource"], msgspec.json.decode(row["parameters"] or "null")) for row in rows]


async def test_settings_have_defaults_and_invalid_values_are_refused(api: ApiHarness) -> None:
    assert (await api.client.get(f"{G}/min_password_length")).json() == 8
    await put(api, "min_password_length", 12)
    page = (await client_of(api.app, "").get("/first_password")).text
    assert "12 characters or more" in page and 'minlength="12"' in page
    await put(api, "min_password_length", 7, 400)
    await put(api, "min_password_length", "12", 400)
    await put(api, "nothing", 1, 404)
    for issuer in ("https://[::1/", "https://id.example.org:99999999", "ftp://id.example.org"):
        await put(api, "oidc_providers", {"corp": {"label": "Corp", "issuer": issuer, "client_id": "x"}}, 400)
    listed = {each["name"]: each for each in (await api.client.get("/api/settings/list_global")).json()}
    assert listed.keys() == instance_settings.REGISTRY.keys()
    shown = listed["min_password_length"]
    assert (shown["value"], shown["default"], shown["updated_by"]) == (12, 8, "admin")
    assert "updated_at" not in listed["token_max_age_days"]
    assert (shown["schema"]["type"], shown["schema"]["minimum"]) == ("integer", 8)
    environment = {each["name"]: each for each in (await api.client.get("/api/settings/list_environment")).json()}
    assert environment["DATABASE_URL"]["value"] == "***"
    assert (environment["ORVANTA_PORT"]["set"], environment["ORVANTA_PORT"]["value"]) == (False, "8000")
    assert environment["ORVANTA_MEMORY_LIMIT"]["value"] == "1 GiB"
    bea = await api.member("bea", Role.ADMIN)
    assert (await bea.get("/api/settings/list_environment")).status_code == 403
    await put(api, "min_password_length", None)
    assert (await api.client.get(f"{G}/min_password_length")).json() == 8
    expected = [
        ("settings.set", "min_password_length", {"value": 12}),
        ("settings.unset", "min_password_length", None),
    ]
    assert await audit_rows(api) == expected


async def test_limited_token_of_superadmin_cannot_change_settings(api: ApiHarness) -> None:
    body = {"label": "ci", "scopes": ["settings:write"]}
    token = (await api.client.post("/api/users/tokens/create", json=body)).text
    limited = client_of(api.app, token)
    assert (await limited.get(f"{G}/min_password_length")).status_code == 200
    assert (await limited.post(f"{G}/min_password_length", json={"value": 20})).status_code == 403


async def test_secret_of_setting_is_sealed_and_never_returned(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_settings, "REGISTRY", {"secretive": SECRETIVE})
    monkeypatch.setattr("orvanta_platform.services.access.instance_settings.REGISTRY", {"secretive": SECRETIVE})
    await put(api, "secretive", {"key": "***"}, 400)
    await put(api, "secretive", {"key": "swordfish", "a": "1"})
    assert (await api.client.get(f"{G}/secretive")).json() == {"key": "***", "a": "1"}
    assert "swordfish" not in (await api.client.get("/api/settings/list_global")).text
    await put(api, "secretive", {"key": "***", "a": "2"})
    assert await api.platform.instance.get(SECRETIVE) == {"key": "swordfish", "a": "2"}
    assert await audit_rows(api) == [
        ("settings.set", "secretive", {"value": {"key": "***", "a": "1"}}),
        ("settings.set", "secretive", {"value": {"key": "***", "a": "2"}}),
    ]
    async with api.platform.db.acquire() as conn:
        row = await conn.fetchrow("SELECT value, sealed FROM instance_setting")
    assert row is not None
    assert "swordfish" not in row["value"] and b"swordfish" not in row["sealed"]


async def test_stored_password_is_not_sent_to_another_server(api: ApiHarness) -> None:
    """A mask preserves the password only for the same server and encryption; a password that is sent is accepted."""
    server = {"host": "mail.example.org", "sender": "orvanta@example.org", "user": "u", "password": "swordfish"}
    await put(api, "smtp", server)
    masked = {**server, "password": "***"}
    await put(api, "smtp", {**masked, "sender": "other@example.org"})
    for change in ({"host": "evil.example"}, {"port": 2525}, {"tls": "none"}):
        await put(api, "smtp", {**masked, **change}, 400)
        await put(api, "smtp", {**server, **change})
        await put(api, "smtp", server)


async def test_value_is_cached_for_a_second(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = instance_settings.MIN_PASSWORD_LENGTH
    now = 100.0
    monkeypatch.setattr(instance_settings, "_CACHE_S", 1.0)
    monkeypatch.setattr("orvanta_platform.clock.monotonic", lambda: now)
    assert await api.platform.instance.get(setting) == 8
    await put(api, "min_password_length", 10)
    assert await api.platform.instance.get(setting) == 8
    now = 101.0
    assert await api.platform.instance.get(setting) == 10


async def test_password_length_and_token_age_are_limited(api: ApiHarness) -> None:
    await put(api, "min_password_length", 12)
    body = {"email": "new@example.org", "password": "eleven char"}
    assert (await api.client.post("/api/users/create", json=body)).status_code == 400
    body["password"] = "twelve chars"
    assert (await api.client.post("/api/users/create", json=body)).status_code == 201
    await put(api, "token_max_age_days", 30)
    late = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    create = "/api/users/tokens/create"
    assert (await api.client.post(create, json={"label": "late", "expiration": late})).status_code == 400
    assert (await api.client.post(create, json={"label": "default"})).status_code == 201
    found = (await api.client.get("/api/users/tokens/list")).json()
    expiry = next(each["expiration"] for each in found if each.get("label") == "default")
    assert datetime.fromisoformat(expiry) - datetime.now(UTC) < timedelta(days=30)


async def test_workspace_limits_lifetime_of_its_tokens(api: ApiHarness) -> None:
    ada = await api.member("ada")
    limit = {"token_max_age_days": 10}
    assert (await ada.post(f"{W}/workspaces/edit_token_max_age", json=limit)).status_code == 403
    too_long = await api.client.post(f"{W}/workspaces/edit_token_max_age", json={"token_max_age_days": 3651})
    assert too_long.status_code == 400
    assert (await api.client.post(f"{W}/workspaces/edit_token_max_age", json=limit)).status_code == 200
    assert (await api.get("workspaces/get_settings"))["token_max_age_days"] == 10
    for workspace in ("main", None):
        query = {"workspace": workspace} if workspace else {}
        assert (await ada.get("/api/users/tokens/max_age", params=query)).json() == limit
        body = {"label": "x", "workspace_id": workspace}
        late = await ada.post("/api/users/tokens/create", json={**body, "expiration": "2999-01-01T00:00:00Z"})
        assert late.status_code == 400 and late.json()["error"]["details"] == {"max_age_days": 10}
        assert (await ada.post("/api/users/tokens/create", json=body)).status_code == 201
    made = [each for each in (await ada.get("/api/users/tokens/list")).json() if each.get("label") == "x"]
    assert len(made) == 2 and all("expiration" in each for each in made)
    assert (await ada.get("/api/users/tokens/max_age", params={"workspace": "admins"})).status_code == 404
    bound = await api.client.post("/api/users/tokens/create", json={"workspace_id": "admins"})
    assert bound.status_code == 201, "another workspace has no limit"
    await put(api, "token_max_age_days", 5)
    api.platform.instance._cache.clear()
    assert (await ada.get("/api/users/tokens/max_age")).json() == {"token_max_age_days": 5}


async def test_two_superadmins_do_not_overwrite_a_setting(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = {**instance_settings.REGISTRY, "secretive": SECRETIVE}
    monkeypatch.setattr(instance_settings, "REGISTRY", registry)
    monkeypatch.setattr("orvanta_platform.services.access.instance_settings.REGISTRY", registry)

    async def change(name: str, value: Any, base: str) -> tuple[int, Any]:
        answer = await api.client.post(f"{G}/{name}", json={"value": value, "base_version": base})
        return answer.status_code, answer.json()["error"] if answer.status_code >= 400 else None

    async def version(name: str) -> str:
        listed = (await api.client.get("/api/settings/list_global")).json()
        return str(next(each["version"] for each in listed if each["name"] == name))

    base = await version("min_password_length")
    assert await change("min_password_length", 12, base) == (200, None)
    status, error = await change("min_password_length", 14, base)
    assert (status, error["code"]) == (409, "version_conflict")
    newest = await version("min_password_length")
    assert error["details"] == {"name": "min_password_length", "base": base, "newest": newest, "theirs": 12}
    assert await change("min_password_length", None, base) == (409, error)
    assert await change("min_password_length", 14, newest) == (200, None)
    # A changed secret is a conflict, although both versions have the same masked value.
    await put(api, "secretive", {"key": "first"})
    base = await version("secretive")
    await put(api, "secretive", {"key": "second"})
    status, error = await change("secretive", {"key": "third"}, base)
    assert (status, error["details"]["theirs"]) == (409, {"key": "***"})


async def test_environment_takes_precedence_over_stored_setting(database: TestDatabase, tmp_path: Path) -> None:
    """The stored value remains, and applies again without the variable."""
    async with api_harness(database, tmp_path, branding_color="#00aa77", default_tags=("*=shared-$workspace",)) as api:
        listed = {each["name"]: each for each in (await api.client.get("/api/settings/list_global")).json()}
        shown = {name: (listed[name]["value"], listed[name].get("variable")) for name in SHOWN}
        assert shown == {
            "branding_color": ("#00aa77", "ORVANTA_BRANDING_COLOR"),
            "default_tags": ({"*": "shared-$workspace"}, "ORVANTA_DEFAULT_TAGS"),
            "require_totp": (False, None),
        }
        refused = msgspec.json.decode(await put(api, "branding_color", "#123456", 409))["error"]
        assert (refused["code"], refused["details"]) == ("set_by_environment", {"variable": "ORVANTA_BRANDING_COLOR"})
        assert (await api.client.get(f"{G}/branding_color")).json() == "#00aa77"
        options = await client_of(api.app, "").get("/api/auth/oidc/providers")
        assert options.json()["branding_color"] == "#00aa77"
        await api.preview()
        assert [job.queue for job in (await api.worker.claim()).values()] == ["shared-main"]


SHOWN = ("branding_color", "default_tags", "require_totp")


async def test_run_without_tag_has_default_tag_of_its_workspace(api: ApiHarness) -> None:
    for wrong in ({"main": "a,b"}, {"no/workspace": "gpu"}, {"main": "$args[x]"}, {"main": "worker:1"}, ["gpu"]):
        await put(api, "default_tags", wrong, 400)
    for color in ("red", "#12", 7):
        await put(api, "branding_color", color, 400)
    await put(api, "default_tags", {"*": "shared", "main": "gpu-$workspace"})
    tagged = {**script("b"), "value": {**script("b")["value"], "tag": "own"}}
    for start in (api.preview(), api.preview(tag="called"), api.flow(script("a")), api.flow(tagged)):
        await start
    found = sorted((job.node or "", job.queue) for job in await api.worker.claim_all())
    assert found == [("", "called"), ("", "gpu-main"), ("a", "gpu-main"), ("b", "own")]
    await put(api, "default_tags", {"other": "shared"})
    await api.preview()
    assert [job.queue for job in await api.worker.claim_all()] == ["python3"]
