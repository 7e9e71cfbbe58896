"""Rules of policies that act on runs and tests: limits of waiting runs, and required tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role, system
from orvanta_platform.services.catalog import deploy_tests
from orvanta_platform.workflow.policies.subject import TestStates

CODE = {"type": "rawscript", "language": "bash", "content": "echo 1", "input_transforms": {}}
PATH = "f/team/flow"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        yield made


def flow(*modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"path": PATH, "summary": "", "value": {"modules": list(modules or [{"id": "a", "value": CODE}])}, **more}


async def send(client: Any, path: str, body: Any, status: int = 200) -> Any:
    """Send a call that must have this status; return its error, if it has one, or its text."""
    answer = await client.post(path if path.startswith("/") else f"{W}/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["error"] if status >= 400 else answer.text


async def set_policy(api: ApiHarness, name: str, *rules: dict[str, Any], **more: Any) -> None:
    body = {"name": name, "scope": "workspace", "mode": "active", "rules": list(rules), **more}
    path = "/api/policies/create" if body["scope"] == "instance" else "policies/create"
    await send(api.client, path, body)


def limit(maximum: Any) -> dict[str, Any]:
    return {"kind": "limit", "resource": "runs_waiting", "maximum": maximum}


async def test_limit_refuses_runs_until_one_starts(api: ApiHarness) -> None:
    await send(api.client, "flows/create", flow(), 201)
    await set_policy(api, "queue", limit(3))
    for call in ("jobs/run/preview", "jobs/run/preview", f"jobs/run/f/{PATH}"):
        await send(api.client, call, PYTHON if "preview" in call else {}, 201)
    for call in ("jobs/run/preview", f"jobs/run/f/{PATH}", f"jobs/run_wait_result/f/{PATH}"):
        answer = await api.client.post(f"{W}/{call}", json=PYTHON)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["details"]["limit"]) == (429, "run_limit_reached", 3), call
        assert answer.headers["retry-after"] == "1" and error["hint"]
    found = await api.get("policies/violations/queue")
    assert found["limits"] == [{"resource": "runs_waiting", "maximum": 3, "used": 3}]
    await api.worker.claim()
    await send(api.client, "jobs/run/preview", PYTHON, 201)


async def test_smallest_limit_of_all_scopes_applies(api: ApiHarness) -> None:
    """A policy of the workspace cannot raise the limit of the instance, and an evaluated one has no effect."""
    await set_policy(api, "wide", limit(2), scope="instance")
    await set_policy(api, "more", limit(100))
    await set_policy(api, "tried", limit(1), mode="evaluate")
    for status in (201, 201, 429):
        await send(api.client, "jobs/run/preview", PYTHON, status)
    await send(api.client, "policies/update/tried", {"name": "tried", "mode": "off", "rules": [limit(1)]})
    await send(api.client, "policies/update/more", {"name": "more", "mode": "active", "rules": [limit(1)]})
    error = await send(api.client, "jobs/run/preview", PYTHON, 429)
    assert error["details"]["limit"] == 1


async def test_concurrent_calls_do_not_exceed_the_limit(api: ApiHarness) -> None:
    """Runs that are being created count as well."""
    await set_policy(api, "queue", limit(3))
    calls = [api.client.post(f"{W}/jobs/run/preview", json=PYTHON) for _ in range(20)]
    states = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert set(states) == {201, 429} and states.count(201) <= 3


async def test_repeated_call_returns_its_run_at_the_limit(api: ApiHarness) -> None:
    await set_policy(api, "queue", limit(1))
    headers = {"Idempotency-Key": "k1"}
    first = await api.client.post(f"{W}/jobs/run/preview", json=PYTHON, headers=headers)
    again = await api.client.post(f"{W}/jobs/run/preview", json=PYTHON, headers=headers)
    assert (again.status_code, again.text) == (201, first.text)
    other = await api.client.post(f"{W}/jobs/run/preview", json=PYTHON, headers={"Idempotency-Key": "k2"})
    assert other.json()["error"]["code"] == "run_limit_reached"
    # The limit delays runs, but does not prevent the deployment that corrects their cause.
    code = {"content": "import idna\ndef main():\n    return idna.__version__\n", "language": "python3"}
    await send(api.client, "scripts/create", {"path": "f/team/s", "summary": "", **code}, 201)


async def test_tests_are_required_of_later_versions(api: ApiHarness) -> None:
    rule = {"kind": "require", "on": "flow", "field": "tests"}
    await set_policy(api, "tested", rule)
    identity = {"id": "a", "value": {"type": "identity"}}
    await send(api.client, "flows/create", flow(identity), 201)
    error = await send(api.client, f"flows/update/{PATH}", flow(identity), 400)
    assert [each["message"] for each in error["details"]] == ["The workflow needs a test. (policy tested)"]
    assert [each["path"] for each in (await api.get("policies/violations/tested"))["items"]] == [PATH]
    test = {"inputs": {"n": 1}, "expect": {"status": "succeeded"}}
    await send(api.client, f"workflow_tests/create/{PATH}", {"name": "plain", "test": test})
    await send(api.client, f"flows/update/{PATH}", flow(identity))
    # A node without a recorded answer fails the test of the new document; the deployed one is not changed.
    changed = flow(identity, {"id": "b", "value": CODE})
    error = await send(api.client, f"flows/update/{PATH}", changed, 400)
    assert error["details"][0]["message"] == "The test plain of the workflow fails. (policy tested)"
    checked = (await api.client.post(f"{W}/flows/validate", json=changed)).json()
    assert [each["code"] for each in checked["diagnostics"]] == ["policy_violation"] and not checked["deployable"]
    assert len((await api.get(f"flows/get/{PATH}"))["value"]["modules"]) == 1
    assert (await api.get("policies/violations/tested"))["items"] == []
    await send(api.client, "policies/update/tested", {"name": "tested", "mode": "evaluate", "rules": [rule]})
    await send(api.client, f"flows/update/{PATH}", changed)


async def apply(api: ApiHarness, items: list[dict[str, Any]], status: int) -> Any:
    plan = (await api.client.post(f"{W}/changes/plan", json={"items": items})).json()
    return await send(api.client, "changes/apply", {"items": items, "plan_hash": plan["plan_hash"]}, status)


async def test_change_set_is_tested_with_the_tests_it_contains(api: ApiHarness) -> None:
    await set_policy(api, "tested", {"kind": "require", "on": "flow", "field": "tests"})
    text = "summary: ''\nvalue:\n  modules:\n  - id: a\n    value:\n      type: identity\n"
    new = {"kind": "flow", "path": PATH, "content": {"text": text}}

    def test(status: str) -> dict[str, Any]:
        content = {"inputs": {"n": 1}, "expect": {"status": status}}
        return {"kind": "workflow_test", "path": f"{PATH}/tests/plain", "content": content}

    for items, message in (([new], "needs a test"), ([new, test("failed")], "The test plain of the workflow fails")):
        error = await apply(api, items, 400)
        (refused,) = error["details"]
        assert (error["code"], refused["path"], refused["error"]["code"]) == (
            "changes_refused",
            PATH,
            "policy_violation",
        )
        assert message in refused["error"]["message"]
        assert await api.get(f"flows/exists/{PATH}") is False
    await apply(api, [new, test("succeeded")], 200)


async def test_limit_needs_a_whole_workspace_and_an_admin(api: ApiHarness) -> None:
    developer = await api.member("dan", Role.DEVELOPER)
    await send(developer, "policies/create", {"name": "p", "rules": [limit(1)]}, 403)
    error = await send(api.client, "policies/create", {"name": "p", "scope": "f/team", "rules": [limit(1)]}, 400)
    assert "whole workspaces" in error["message"]
    for rule in (limit(0), limit("7"), limit(1.5), limit(10**30)):
        error = await send(api.client, "policies/create", {"name": "p", "rules": [rule]}, 400)
        assert error["message"].startswith("The policy is not valid: "), rule


async def test_test_that_changes_during_a_deployment_counts_as_not_run(api: ApiHarness) -> None:
    await send(api.client, "flows/create", flow({"id": "a", "value": {"type": "identity"}}), 201)
    await set_policy(api, "tested", {"kind": "require", "on": "flow", "field": "tests"})
    await send(api.client, f"workflow_tests/create/{PATH}", {"name": "early", "test": {}})
    text = '{"value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}'
    outcomes = await deploy_tests.run_required(api.platform, system("main"), "main", PATH, PATH, text)
    await send(api.client, f"workflow_tests/update/early/{PATH}", {"test": {"inputs": {"n": 2}}})
    await send(api.client, f"workflow_tests/create/{PATH}", {"name": "late", "test": {"inputs": {"n": 3}}})
    async with api.platform.db.acquire() as conn:
        states = await deploy_tests.states_of(conn, "main", PATH, outcomes, is_new=False)
    assert states == TestStates(2, [], ["early", "late"])


async def test_tests_of_unreadable_workflows_are_not_revealed(api: ApiHarness) -> None:
    await set_policy(api, "tested", {"kind": "require", "on": "flow", "field": "tests"})
    hidden = {**flow({"id": "a", "value": {"type": "identity"}}), "path": "u/admin/secret"}
    await send(api.client, "flows/create", hidden, 201)
    test = {"name": "salaries", "test": {"expect": {"status": "failed"}}}
    await send(api.client, "workflow_tests/create/u/admin/secret", test)
    stranger = await api.member("eve", Role.DEVELOPER)
    for client, codes in ((api.client, ["policy_violation"]), (stranger, [])):
        found = (await client.post(f"{W}/flows/validate", json=hidden)).json()
        assert [each["code"] for each in found["diagnostics"]] == codes
