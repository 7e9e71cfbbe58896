"""CORS: only pages of configured origins can read responses of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W, api_harness

from orvanta_platform import settings
from orvanta_platform.errors import SettingsError

EDITOR, OTHER = "https://orvanta.example.org", "https://orvanta.example.org.attacker.net"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-orvanta"}


@pytest.fixture
async def client(database: TestDatabase, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client with the admin's token, on a server with one additional editor origin."""
    async with api_harness(database, tmp_path, editor_origins=(EDITOR,)) as made:
        yield made.client


def marks(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_only_configured_origin_is_allowed(client: httpx.AsyncClient) -> None:
    asked = await client.options(f"{W}/folders/create", headers={"Origin": EDITOR, **ASKS})
    assert asked.status_code == 204
    assert marks(asked)["access-control-allow-origin"] == EDITOR
    assert "x-orvanta" in marks(asked)["access-control-allow-headers"]
    allowed = await client.get("/api/users/whoami", headers={"Origin": EDITOR})
    assert allowed.status_code == 200
    assert marks(allowed)["access-control-allow-credentials"] == "true"
    for origin in (OTHER, "null", EDITOR.replace("https", "http"), f"{EDITOR}:8443", ""):
        for answer in (
            await client.options(f"{W}/folders/create", headers={"Origin": origin, **ASKS}),
            await client.get("/api/users/whoami", headers={"Origin": origin}),
        ):
            assert marks(answer) == {}
            assert answer.headers["vary"] == "Origin"


async def test_route_responses_have_no_cors_headers(client: httpx.AsyncClient) -> None:
    for method in ("OPTIONS", "GET"):
        assert marks(await client.request(method, "/api/r/orders", headers={"Origin": EDITOR, **ASKS})) == {}


@pytest.mark.parametrize("value", ["*", "null", "orvanta.example.org", f"{EDITOR}/", f"{EDITOR}/w", "https://a@b.org"])
def test_invalid_origin_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="origins such as"):
        settings.load({"ORVANTA_EDITOR_ORIGINS": value})
