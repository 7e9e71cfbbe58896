"""Memory of plans and change sets whose items are large in the workspace."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_changes import FLOW, actions, apply, hashes, plan
from tests.memory import peak, reset_peak

from orvanta_platform.services.changes import contents

ITEMS = 24
SIZE = 3 << 20
LIMIT = ITEMS * SIZE // 2


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
