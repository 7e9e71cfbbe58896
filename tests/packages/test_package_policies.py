"""Policies that restrict packages, with a worker that makes the locks."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.packages.indexes import Index, wheel
from tests.packages.test_deploy import CODE, PATH, create, deployed, finished, locked, rawscript, result, start

from orvanta_platform.worker.loop import Worker

pytestmark = pytest.mark.extended


def publish(index: Index) -> None:
    """Publish a package that requires another one."""
    files = {"greeting.py": "HELLO = 'hello'\n"}
    index.publish("greeting", *wheel("greeting", "1.0", files, requires=("Left_Pad",)))
    index.publish("left-pad", *wheel("left_pad", "2.0", {"left_pad.py": ""}))


async def set_policy(api: ApiHarness, call: str, *allowed: str) -> None:
    rules = [{"kind": "restrict", "on": on, "field": "packages", "allowed": allowed} for on in ("script", "node")]
    body = {"name": "packages", "scope": "f/team", "mode": "active", "message": "Ask Ann.", "rules": rules}
    answer = await api.client.post(f"{W}/policies/{call}", json=body)
    assert answer.status_code == 200, answer.text


async def test_packages_that_others_require_are_restricted(api: ApiHarness, working: Worker, index: Index) -> None:
    """The first version is run before it has a lock: its job makes the lock, and does not run either."""
    publish(index)
    await set_policy(api, "create", "greeting==1.*")
    digest = await create(api, priority=50)
    run = await api.client.post(f"{W}/jobs/run/p/{PATH}", json={})
    start(working)
    status = await deployed(api, digest)
    wanted = "The package left-pad 2.0 of the script is not allowed. Ask Ann. (policy packages)"
    assert status["lock"] is None and wanted in status["lock_error_logs"]
    early: dict[str, Any] = (await finished(api, run.text))["error"]
    assert early["name"] == "policy_violation" and wanted in early["message"]
    made: dict[str, Any] = (await finished(api, status["job_id"]))["error"]
    assert made["name"] == "policy_violation" and wanted in made["message"]
    await create(api, parent_hash=digest, status=400)
    await set_policy(api, "update/packages", "greeting==1.*", "left_pad==2.0")
    await create(api, parent_hash=digest)
    assert await result(api, f"p/{PATH}") == "hello"


async def test_packages_of_inline_scripts_are_restricted(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    await set_policy(api, "create", "left-pad")
    start(working)
    modules = [rawscript("a", "import left_pad\ndef main(): return 1"), rawscript("b", CODE)]
    body = {"path": "f/team/flow", "summary": "", "value": {"modules": modules}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    run = await api.client.post(f"{W}/jobs/run/f/f/team/flow", json={})
    status = await locked(api, "flows/deployment_status/p/f/team/flow")
    assert "The package greeting 1.0 of the node b is not allowed." in status["lock_error_logs"]
    if run.status_code == 201:  # it was started before the lock had failed
        assert (await finished(api, run.text))["error"]["name"] == "policy_violation"
    body["value"] = {"modules": modules[:1]}
    assert (await api.client.post(f"{W}/flows/update/f/team/flow", json=body)).status_code == 200
    assert (await locked(api, "flows/deployment_status/p/f/team/flow"))["lock"]
    assert await result(api, "f/f/team/flow") == 1
