"""Releases whose scripts have settings that are no longer valid: named in plans, and restored by rollbacks."""

from __future__ import annotations

import pytest
from tests.http.harness import W
from tests.http.test_deployments import ITEMS, STEP, D, L, Pipeline, act
from tests.http.test_deployments import pipeline as pipeline
from tests.http.test_item_settings import store_settings
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.workflow import item_settings
from orvanta_platform.workflow.shapes import Record

PATH = "f/team/step"


async def test_invalid_setting_blocks_a_promotion_until_a_new_release(pipeline: Pipeline) -> None:
    await store_settings(pipeline.api, PATH, timeout="30")
    request = await pipeline.request(pipeline.admin, await pipeline.release("Two"))
    (blocked,) = request["plan"]["blocked"]
    assert (blocked["code"], blocked["kind"], blocked["path"]) == ("invalid_item_settings", "script", PATH)
    assert "the setting timeout must be a number" in blocked["message"] and "new release" in blocked["hint"]
    status, refused = await act(pipeline.admin, "apply", request)
    assert (status, refused["code"]) == (409, "deployment_blocked")
    await apply_changes(pipeline.admin, [{**ITEMS[2], "content": {**STEP, "settings": {"timeout": 30}}}])
    await pipeline.deploy(await pipeline.release())


async def test_unchanged_script_with_an_invalid_setting_does_not_block(pipeline: Pipeline) -> None:
    await pipeline.deploy(1)
    await store_settings(pipeline.api, PATH, timeout="30")  # in both workspaces
    await pipeline.deploy(await pipeline.release("Two"))
    assert await pipeline.summary() == "Two"


async def test_rollback_to_a_release_of_an_earlier_version_is_not_refused(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store_settings(pipeline.api, PATH, timeout="30")
    old = await pipeline.release("Old")
    with monkeypatch.context() as earlier:
        earlier.setattr(item_settings, "_SCRIPT", Record({}))
        await pipeline.deploy(old)
    changed = {"content": "def main(region=''):\n    return 2\n", "language": "python3", "settings": {"timeout": 30}}
    await apply_changes(pipeline.admin, [{**ITEMS[2], "content": changed}])
    await pipeline.deploy(await pipeline.release("New"))
    answer = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong totals"})
    assert (answer.status_code, answer.json().get("state")) == (200, "applied"), answer.text
    assert await pipeline.summary() == "Old"
    assert (await pipeline.admin.get(f"{L}/scripts/get/p/{PATH}")).json()["content"] == STEP["content"]
    # The run names the setting, as before.
    answer = await pipeline.admin.post(f"{L}/jobs/run/p/{PATH}", json={})
    assert answer.json()["error"]["code"] == "invalid_item_settings", answer.text
    assert (await pipeline.admin.get(f"{W}/scripts/get/p/{PATH}")).json()["timeout"] == 30
