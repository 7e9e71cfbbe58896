"""Authors of releases from files: they cannot approve the deployment of what they made on another instance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W, api_harness
from tests.http.test_deployments import CHOSEN, L, Pipeline, act, waiting

from orvanta_platform.control import release_signatures


@pytest.fixture
async def pipeline(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Pipeline]:
    """A pipeline on an instance that trusts its own release files."""
    async with api_harness(database, tmp_path) as api:
        made = Pipeline(api)
        await made.prepare()
        key = (await made.admin.get("/api/releases/key")).json()["public_key"]
        await made.admin.post("/api/settings/global/trusted_release_keys", json={"value": {"here": key}})
        yield made


async def send(client: httpx.AsyncClient, file: dict[str, Any]) -> tuple[int, Any]:
    answer = await client.post(f"{L}/releases/import", json={"file": file})
    return answer.status_code, answer.json()


async def test_author_of_an_imported_release_cannot_approve_it(pipeline: Pipeline) -> None:
    """The release is made by ann and imported twice: the second file was exported by the importing workspace."""
    await pipeline.rules(approvals=1, approvers=["u/ann", "u/bob"])
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    assert (await ann.post(f"{W}/releases/create", json={"items": CHOSEN})).status_code == 201
    file = (await pipeline.admin.get(f"{W}/releases/export/2")).json()
    assert file["authors"] == ["ann@example.com"]
    status, imported = await send(pipeline.admin, file)
    assert status == 201, imported
    again = (await pipeline.admin.get(f"{L}/releases/export/1")).json()
    assert again["authors"] == ["admin@localhost", "ann@example.com"]
    status, imported = await send(pipeline.admin, again)
    assert status == 201, imported
    for number in (1, 2):
        request = await pipeline.request(pipeline.admin, number, source="live")
        assert (await waiting(ann), await waiting(bob)) == ([], [request["id"]])
        assert (await act(ann, "approve", request))[0] == 403
        assert (await act(bob, "approve", request))[0] == 200
        assert (await act(bob, "apply", request))[1]["state"] == "applied"


async def test_authors_of_a_release_file_cannot_be_forged(pipeline: Pipeline) -> None:
    ann = await pipeline.person("ann")
    await ann.post(f"{W}/releases/create", json={"items": CHOSEN})
    file = (await pipeline.admin.get(f"{W}/releases/export/2")).json()
    without = {name: each for name, each in file.items() if name != "authors"}
    for forged in (without, {**file, "authors": []}, {**file, "authors": ["bob@example.com"]}):
        status, refused = await send(pipeline.admin, forged)
        assert (status, refused["error"]["code"]) == (400, "untrusted_release"), refused
    for authors in (["a" * 400], ["ann@example.com"] * 1001):
        assert (await send(pipeline.admin, {**file, "authors": authors}))[0] == 400


async def test_release_file_without_authors_is_read(pipeline: Pipeline) -> None:
    """Earlier versions exported files without authors, and signed the other fields."""
    file = (await pipeline.admin.get(f"{W}/releases/export/1")).json()
    old = {name: each for name, each in file.items() if name != "authors"}
    text = json.dumps({**old, "signature": ""}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = release_signatures.sign(pipeline.api.platform.keys, text)
    status, imported = await send(pipeline.admin, {**old, "signature": signature})
    assert status == 201, imported
