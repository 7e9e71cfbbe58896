"""Memory of plans and change sets whose items are large in the workspace."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_changes import FLOW, SCHEDULE, actions, apply, hashes, plan
from tests.memory import peak, reset_peak

from orvanta_platform.db import tree
from orvanta_platform.services.changes import contents

ITEMS = 24
SIZE = 3 << 20
LIMIT = ITEMS * SIZE // 2
EXPORT_LIMIT = ITEMS * SIZE * 2
EXPANDED = 9 << 20
COUNT = 12
"""Number of workflows whose documents are large because of aliases."""


def bodies() -> list[tuple[str, str, dict[str, Any]]]:
    """Return kind, path and content of large items."""
    modules = [{"id": "a", "value": {"type": "identity"}, "mock": {"enabled": False, "return_value": "x" * SIZE}}]
    flows = [(f"f/team/flow{n}", {"summary": "", "value": {"modules": modules}}) for n in range(ITEMS)]
    return [("flow", path, {"path": path, **content}) for path, content in flows]


@pytest.fixture
async def stored(api: ApiHarness) -> ApiHarness:
    await apply(api, [{"kind": "folder", "path": "team", "content": {"summary": "Team"}}])
    for _, _, body in bodies():
        assert (await api.client.post(f"{W}/flows/create", json=body)).is_success
    return api


async def test_plan_and_application_do_not_hold_all_present_contents(stored: ApiHarness) -> None:
    bases = await hashes(stored)
    small: list[dict[str, Any]] = [
        {"kind": "flow", "path": f"f/team/flow{n}", "content": {"text": FLOW % (f"Number {n}", "identity")}}
        for n in range(ITEMS // 2)
    ]
    removed = [{"kind": "flow", "path": f"f/team/flow{n}"} for n in range(ITEMS // 2, ITEMS)]
    wanted = [{**each, "base": bases[f"flow {each['path']}"]} for each in (*small, *removed)]
    before = reset_peak()
    made = await plan(stored, wanted, prune=[""])
    planned = peak() - before
    assert set(actions(made).values()) == {"change", "remove"}
    before = reset_peak()
    await apply(stored, wanted, prune=[""])
    applied = peak() - before
    assert (planned < LIMIT, applied < LIMIT) == (True, True), (planned, applied)
    assert len(await hashes(stored)) == ITEMS // 2 + 1


async def test_export_does_not_hold_all_files(stored: ApiHarness) -> None:
    before = reset_peak()
    answer = await stored.client.get(f"{W}/workspaces/tarball?archive_type=zip")
    needed = peak() - before
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        sizes = [each.file_size for each in archive.infolist() if each.filename.endswith(".flow.json")]
    assert len(sizes) == ITEMS and min(sizes) > SIZE
    assert needed < EXPORT_LIMIT, needed


async def test_changed_resources_have_a_limit(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their present values are necessary to keep the secrets; unchanged items do not count."""
    content = {"resource_type": "any", "value": "x" * 500}
    values: list[dict[str, Any]] = [{"kind": "resource", "path": f"f/team/r{n}", "content": content} for n in range(4)]
    await apply(api, [{"kind": "folder", "path": "team", "content": {"summary": "Team"}}, *values])
    monkeypatch.setattr(contents, "MAX_READ_SIZE", 1200)
    short = [{**each, "content": {"resource_type": "any", "value": "y"}} for each in values]
    made = await plan(api, short, force=True)
    body = {"items": short, "force": True, "plan_hash": made["plan_hash"]}
    refused = await api.client.post(f"{W}/changes/apply", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large"), refused.text
    assert refused.json()["error"]["details"] == {"limit": 1200}
    await apply(api, [*values[:2], *short[2:]], force=True)
    await apply(api, [*short[:1], *values[1:2], *short[2:]], force=True)


def repeating(name: str) -> str:
    """Return 21 kB of YAML whose aliases stand for 9 MiB."""
    texts = ["&s " + name.ljust(8000, "x"), *["*s"] * 1200]
    mock = "\n".join(f"      - {each}" for each in texts)
    node = f"  - id: a\n    value: {{type: identity}}\n    mock:\n      enabled: false\n      return_value:\n{mock}\n"
    return f"summary: {name}\nvalue:\n  modules:\n{node}"


@pytest.fixture
async def expanding(api: ApiHarness) -> ApiHarness:
    """Workflows with little YAML and large documents, after many small items."""
    await apply(api, [{"kind": "folder", "path": "team", "content": {"summary": "Team"}}])
    content = {"resource_type": "any", "value": 1}
    small: list[dict[str, Any]] = [
        {"kind": "flow", "path": f"f/team/a{n:02}", "content": {"text": FLOW % (f"Small {n}", "identity")}}
        for n in range(20)
    ]
    small += [{"kind": "resource", "path": f"f/team/r{n:03}", "content": content} for n in range(100)]
    await apply(api, small)
    for n in range(COUNT):
        body = {"path": f"f/team/flow{n}", "source": {"format": "yaml", "text": repeating(f"n{n}")}}
        assert (await api.client.post(f"{W}/flows/create", json=body)).is_success
    return api


async def test_plan_does_not_hold_all_documents_that_aliases_expand(expanding: ApiHarness) -> None:
    """Neither if many small items come before."""
    wanted = [
        {"kind": kind, "path": path, "content": {"text": FLOW % ("Other", "identity")}}
        for kind, _, path in (each.partition(" ") for each in await hashes(expanding))
        if kind == "flow"
    ]
    before = reset_peak()
    made = await plan(expanding, wanted, force=True)
    planned = peak() - before
    assert set(actions(made).values()) == {"change"}
    assert planned < COUNT * EXPANDED, planned


async def test_documents_that_aliases_expand_count_when_they_are_read(expanding: ApiHarness) -> None:
    items = [{"kind": "flow", "path": f"f/team/flow{n}"} for n in range(COUNT)]
    before = reset_peak()
    refused = await expanding.client.post(f"{W}/changes/read", json={"items": items})
    needed = peak() - before
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large"), refused.text[:300]
    assert needed < COUNT * EXPANDED, needed
    single = await expanding.client.post(f"{W}/changes/read", json={"items": items[:1]})
    assert single.json()[0]["content"] == {"text": repeating("n0")}


async def test_sizes_are_those_of_stored_contents(api: ApiHarness) -> None:
    text, args = FLOW % ("Main", "identity"), {"text": "z" * 3000}
    script: dict[str, Any] = {"content": "def main():\n    return 1\n", "language": "python3", "settings": {}}
    items: list[dict[str, Any]] = [
        {"kind": "folder", "path": "team", "content": {"summary": "Team"}},
        {"kind": "variable", "path": "f/team/v", "content": {"value": "x" * 1000, "is_secret": False}},
        {"kind": "variable", "path": "f/team/secret", "content": {"value": "x" * 1000, "is_secret": True}},
        {"kind": "resource", "path": "f/team/r", "content": {"resource_type": "any", "value": "y" * 2000}},
        {"kind": "flow", "path": "f/team/main", "content": {"text": text}},
        {"kind": "script", "path": "f/team/code", "content": script},
        {"kind": "schedule", "path": "f/team/daily", "content": {**SCHEDULE, "args": args}},
    ]
    await apply(api, items)
    paths = {each["kind"]: [each["path"], "f/team/secret"] for each in items}
    async with api.platform.db.acquire() as conn:
        sizes = await tree.list_sizes(conn, "main", paths, bodies=True)
        without = await tree.list_sizes(conn, "main", paths, bodies=False)
    fixed = {("variable", "f/team/secret"): 0, ("resource", "f/team/r"): 2002, ("schedule", "f/team/daily"): 3011}
    documents = {("flow", "f/team/main"): len(text), ("script", "f/team/code"): len(script["content"])}
    for found in (sizes, without):
        assert {key: found.get(key) for key in fixed} == fixed and documents.keys() < found.keys(), found
    assert all(sizes[key] >= without[key] + length for key, length in documents.items()), (sizes, without)
