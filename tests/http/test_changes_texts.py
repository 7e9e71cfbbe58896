"""Texts of workflows with settings sent beside them: none prevents the others from being read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.workflow import document

LONG = "k" * 1_100
SOURCES = {
    "plain": "summary: x # shown\nvalue: {modules: []}\n",
    "returns": "summary: x # shown\rvalue: {modules: []}\r",
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made


async def texts(api: ApiHarness) -> dict[str, str]:
    keys = [{"kind": "flow", "path": f"f/beside/{name}"} for name in SOURCES]
    answer = await api.client.post(f"{W}/changes/read", json={"items": keys})
    assert answer.status_code == 200, answer.text
    return {each["path"]: each["content"]["text"] for each in answer.json()}


async def deploy_all(api: ApiHarness) -> None:
    answer = await api.client.post(f"{W}/folders/create", json={"name": "beside"})
    assert answer.status_code in (200, 201), answer.text
    for name, text in SOURCES.items():
        body = {"path": f"f/beside/{name}", "source": {"format": "yaml", "text": text}, LONG: 1}
        answer = await api.client.post(f"{W}/flows/create", json=body)
        assert answer.status_code in (200, 201), answer.text


async def test_any_text_with_settings_beside_it_is_read(api: ApiHarness) -> None:
    await deploy_all(api)
    found = await texts(api)
    assert {path: document.parse(text.encode(), "yaml").tree for path, text in found.items()} == {
        f"f/beside/{name}": {"summary": "x", "value": {"modules": []}, LONG: 1} for name in SOURCES
    }
    assert "# shown" in found["f/beside/plain"]
    for kind in ("zip", "tar"):
        answer = await api.client.get(f"{W}/workspaces/tarball?archive_type={kind}")
        assert answer.status_code == 200, answer.text
    answer = await api.client.get(f"{W}/workspaces/tarball?archive_type=zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {f"f/beside/{name}.flow.json" for name in SOURCES} <= set(archive.namelist())


async def test_text_that_is_no_longer_valid_is_read_as_it_is(api: ApiHarness) -> None:
    """An older version may have stored a text that is now refused."""
    await deploy_all(api)
    text = "summary: x\nsummary: y\nvalue: {modules: []}\n"
    async with api.platform.db.acquire() as conn:
        stored = SOURCES["plain"].encode()
        await conn.execute("UPDATE document SET body = $1, tree = NULL WHERE body = $2", text.encode(), stored)
    with capture_logs() as logged:
        found = await texts(api)
    assert found["f/beside/plain"] == text and LONG in found["f/beside/returns"]
    assert [each["path"] for each in logged if each.get("action") == "read"] == ["f/beside/plain"]
    answer = await api.client.get(f"{W}/workspaces/tarball?archive_type=zip")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("f/beside/plain.flow.yaml").decode() == text
        assert LONG.encode() in archive.read("f/beside/returns.flow.json")
