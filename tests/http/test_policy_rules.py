"""Rules of policies that act on runs, files and tests: defaults, limits, and required tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role, system
from orvanta_platform.db import files
from orvanta_platform.services.catalog import deploy_tests
from orvanta_platform.services.runs import run_limits
from orvanta_platform.workflow.policies.subject import TestStates
from orvanta_platform.workflow.yaml_parts import flow_value

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


def limit(maximum: Any, resource: str = "runs_waiting") -> dict[str, Any]:
    return {"kind": "limit", "resource": resource, "maximum": maximum}


def default(field: str, value: Any, on: str = "node", **more: Any) -> dict[str, Any]:
    return {"kind": "default", "on": on, "field": field, "value": value, **more}


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


async def test_limit_of_concurrent_runs_counts_started_ones_without_sub_workflows(api: ApiHarness) -> None:
    await send(api.client, "flows/create", flow(), 201)
    call = {"type": "flow", "path": PATH, "input_transforms": {}}
    await set_policy(api, "busy", limit(2, "runs_concurrent"), limit(100))
    outer = await api.flow({"id": "a", "value": call}, {"id": "b", "value": call, "needs": []})
    await api.preview()
    await api.worker.claim(4)
    error = await send(api.client, "jobs/run/preview", PYTHON, 429)
    assert (error["code"], error["details"]["resource"], error["details"]["limit"]) == (
        *("run_limit_reached", "runs_concurrent"),
        2,
    )
    assert error["message"] == "The workspace has reached the limit of its policies for concurrent runs: 2."
    found = await api.get("policies/violations/busy")
    assert found["limits"][0] == {"resource": "runs_concurrent", "maximum": 2, "used": 2}
    await send(api.client, f"jobs_u/queue/cancel/{outer}", {})
    await send(api.client, f"jobs_u/queue/force_cancel/{outer}", {})
    await send(api.client, "jobs/run/preview", PYTHON, 201)


async def upload(api: ApiHarness, key: str, size: int, announced: bool = True) -> int | str:
    """Upload a file; return the status, or the code of the error."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"x"

    path = f"{W}/job_helpers/upload_s3_file?file_key={key}"
    answer = await api.client.post(path, content=b"x" * size if announced else pieces())
    return answer.status_code if answer.is_success else str(answer.json()["error"]["code"])


async def test_limit_of_files(api: ApiHarness) -> None:
    assert await upload(api, "f/team/before", 60) == 200
    await set_policy(api, "disk", limit(100, "file_bytes"))
    refused = "storage_limit_reached"
    assert [await upload(api, "f/team/new", size) for size in (41, 40, 41)] == [refused, 200, refused]
    assert await upload(api, "f/team/other", 1) == refused
    # A file that is replaced does not count, and remains if the new one is too large.
    assert [await upload(api, "f/team/before", 61), await upload(api, "f/team/before", 50)] == [refused, 200]
    found = await api.get("policies/violations/disk")
    assert found["limits"] == [{"resource": "file_bytes", "maximum": 100, "used": 90}]
    assert await upload(api, "f/team/stream", 11, announced=False) == refused
    objects = [each for each in api.platform.settings.home.rglob("main/files/*/*") if each.is_file()]
    assert len(objects) == 2, "the objects of refused uploads are deleted"


async def test_uploads_at_once_do_not_exceed_the_limit_of_files(api: ApiHarness) -> None:
    await set_policy(api, "disk", limit(10, "file_bytes"))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with api.platform.db.acquire() as watching, api.platform.db.transaction() as conn:
        await files.lock_total(conn, "main")
        await files.put(
            conn, "main", files.NewFile("f/team/first", "main/files/1/first", 6, "text/plain", None), "admin"
        )
        second = asyncio.create_task(upload(api, "f/team/second", 6))
        while not second.done() and not await watching.fetchval(waiting):
            await asyncio.sleep(POLL_S)
    assert await second == "storage_limit_reached"


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


async def test_start_that_waits_for_a_count_uses_it(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine the count is no longer fresh when the calls that waited for it continue."""
    monkeypatch.setattr(run_limits, "_MAX_AGE_S", 0.0)

    async def is_admitted() -> bool:
        async with run_limits.admission(api.platform, "main") as refusal:
            return refusal is None

    assert await asyncio.gather(*(is_admitted() for _ in range(5))) == [True] * 5


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


async def test_workflow_is_not_replaced_by_one_without_tests(api: ApiHarness) -> None:
    """Deleting it, moving it away, or moving one without tests into the scope of the policy evades no rule."""
    await set_policy(api, "tested", {"kind": "require", "on": "flow", "field": "tests"}, scope="f/team")
    identity = {"id": "a", "value": {"type": "identity"}}
    away, back = f"{PATH}2", {"items": [{"kind": "flow", "path": "u/admin/free", "target": PATH}]}
    await send(api.client, "flows/create", flow(identity), 201)
    assert (await api.client.delete(f"{W}/flows/delete/{PATH}")).status_code == 200
    error = await send(api.client, "flows/create", flow(identity), 400)
    assert error["message"] == "The workflow needs a test. (policy tested)"
    await send(api.client, "flows/create", {**flow(identity), "path": "u/admin/free"}, 201)
    error = await send(api.client, "moves/apply", back, 400)
    assert error["message"] == "The workflow needs a test. (policy tested)"
    test = {"name": "plain", "test": {"inputs": {"n": 1}, "expect": {"status": "succeeded"}}}
    await send(api.client, "workflow_tests/create/u/admin/free", test)
    await send(api.client, "moves/apply", back)
    await send(api.client, "moves/apply", {"items": [{"kind": "flow", "path": PATH, "target": away}]})
    await send(api.client, "flows/create", flow(identity), 400)
    failing = {"test": {"inputs": {"n": 1}, "expect": {"status": "failed"}}}
    await send(api.client, f"workflow_tests/update/plain/{away}", failing)
    await send(api.client, f"flows/archive/{away}", {"archived": True})
    error = await send(api.client, f"flows/archive/{away}", {"archived": False}, 400)
    assert error["message"] == "The test plain of the workflow fails. (policy tested)"


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


async def test_defaults_apply_to_runs_but_not_to_the_document(api: ApiHarness) -> None:
    await set_policy(api, "defaults", default("tag", "slow", on="flow"), default("timeout", 300), default("tag", "own"))
    modules: list[dict[str, Any]] = [
        {"id": "a", "value": CODE},
        {"id": "b", "value": {**CODE, "tag": "mine"}, "timeout": 7},
    ]
    checked = (await api.client.post(f"{W}/flows/validate", json=flow(*modules))).json()
    assert [(each["node"], each["path"], each["value"]) for each in checked["defaults"]] == [
        (None, "/tag", "slow"),
        ("a", "/value/modules/0/timeout", 300),
        ("a", "/value/modules/0/value/tag", "own"),
    ]
    await send(api.client, "flows/create", flow(*modules), 201)
    found = await api.get(f"flows/get/{PATH}")
    assert found["value"]["modules"] == modules and not found.get("tag")
    run = await send(api.client, f"jobs/run/f/{PATH}", {}, 201)
    assert (await api.get(f"jobs_u/get/{run}"))["tag"] == "slow"
    jobs = await api.worker.claim()
    assert [(job.queue, job.timeout_s) for job in jobs.values()] == [("own", 300)]
    # Runs of deployed versions do not change with the policy, and the item no longer lacks the fields.
    assert (await api.get("policies/violations/defaults"))["items"] == []
    assert (await api.client.delete(f"{W}/policies/delete/defaults")).status_code == 200
    run = await send(api.client, f"jobs/run/f/{PATH}", {}, 201)
    assert (await api.get(f"jobs_u/get/{run}"))["tag"] == "slow"
    await send(api.client, f"flows/update/{PATH}", flow(*modules))
    run = await send(api.client, f"jobs/run/f/{PATH}", {}, 201)
    assert (await api.get(f"jobs_u/get/{run}"))["tag"] != "slow"


async def test_defaults_of_scripts_and_pulled_items_are_stable(api: ApiHarness) -> None:
    """A default causes no difference between the files and the workspace."""
    await set_policy(api, "defaults", default("timeout", 60, on="script"), default("timeout", 300))
    script = {"path": "f/team/s", "summary": "", "content": "echo 1", "language": "bash"}
    await send(api.client, "scripts/create", script, 201)
    await send(api.client, "flows/create", flow(), 201)
    run = await send(api.client, "jobs/run/p/f/team/s", {}, 201)
    assert (await api.get(f"jobs_u/get/{run}"))["id"] == run
    jobs = await api.worker.claim()
    assert [job.timeout_s for job in jobs.values()] == [60]
    assert not (await api.get("scripts/get/p/f/team/s")).get("timeout")
    text = "summary: ''\nvalue:\n  modules:\n  - id: a\n    value: {type: rawscript, language: bash, content: echo}\n"
    item = {"kind": "flow", "path": "f/team/pushed", "content": {"text": text}}
    await apply(api, [item], 200)
    (listed,) = [each for each in await api.get("changes/items") if each["path"] == "f/team/pushed"]
    plan = (await api.client.post(f"{W}/changes/plan", json={"items": [{**item, "base": listed["hash"]}]})).json()
    assert [each["action"] for each in plan["entries"]] == ["unchanged"]


async def test_default_must_fulfil_the_restrictions_of_wider_scopes(api: ApiHarness) -> None:
    restrict = {"kind": "restrict", "on": "node", "field": "timeout", "maximum": 100}
    await set_policy(api, "wide", restrict, default("timeout", 50), scope="instance")
    await set_policy(api, "own", default("timeout", 60), scope="workspace")
    await set_policy(api, "team", default("timeout", 900), scope="f/team")
    error = await send(api.client, "flows/create", flow(), 400)
    assert [(each["policy"], each["field"]) for each in error["details"]] == [("wide", "timeout")]
    await send(
        api.client, "policies/update/team", {"name": "team", "scope": "f/team", "rules": [default("timeout", 9)]}
    )
    await send(api.client, "flows/create", flow(), 201)
    await send(api.client, f"jobs/run/f/{PATH}", {}, 201)
    jobs = await api.worker.claim()
    assert [job.timeout_s for job in jobs.values()] == [60]


async def test_limit_needs_a_whole_workspace_and_an_admin(api: ApiHarness) -> None:
    developer = await api.member("dan", Role.DEVELOPER)
    await send(developer, "policies/create", {"name": "p", "rules": [limit(1)]}, 403)
    error = await send(api.client, "policies/create", {"name": "p", "scope": "f/team", "rules": [limit(1)]}, 400)
    assert "whole workspaces" in error["message"]
    for rule in (limit(0), limit("7"), limit(1.5), limit(10**30), default("tag", [], on="flow")):
        error = await send(api.client, "policies/create", {"name": "p", "rules": [rule]}, 400)
        assert error["message"].startswith("The policy is not valid: "), rule
    nul = default("tag", "a\0", on="flow")
    await send(api.client, "policies/create", {"name": "p", "rules": [nul]}, 400)


async def test_moved_items_keep_their_defaults(api: ApiHarness) -> None:
    """The document that runs use refers to the new path, and has the same defaults."""
    await send(
        api.client, "scripts/create", {"path": "f/team/s", "summary": "", "content": "echo", "language": "bash"}, 201
    )
    await set_policy(api, "defaults", default("timeout", 300), default("tag", "slow", on="flow"))
    call = {"id": "a", "value": {"type": "script", "path": "f/team/s", "input_transforms": {}}}
    await send(api.client, "flows/create", flow(call), 201)
    assert (await api.client.delete(f"{W}/policies/delete/defaults")).status_code == 200
    await send(api.client, "moves/apply", {"items": [{"kind": "script", "path": "f/team/s", "target": "f/team/t"}]})
    (module,) = (await api.get(f"flows/get/{PATH}"))["value"]["modules"]
    assert module["value"]["path"] == "f/team/t" and "timeout" not in module
    run = await send(api.client, f"jobs/run/f/{PATH}", {}, 201)
    assert (await api.get(f"jobs_u/get/{run}"))["tag"] == "slow"
    jobs = await api.worker.claim()
    assert [(job.path, job.timeout_s) for job in jobs.values()] == [("f/team/t", 300)]


async def test_moves_into_the_scope_of_a_policy_are_checked(api: ApiHarness) -> None:
    """Neither an archived item nor one without the defaults of the new path gets there by a move."""
    outside = {**flow(), "path": "u/admin/one"}
    await send(api.client, "flows/create", outside, 201)
    move = {"items": [{"kind": "flow", "path": "u/admin/one", "target": PATH}]}
    await set_policy(api, "no-code", {"kind": "deny", "feature": "inline_code"}, scope="f/team")
    await send(api.client, "flows/archive/u/admin/one", {"archived": True})
    await send(api.client, "moves/apply", move, 400)
    await send(api.client, "flows/archive/u/admin/one", {"archived": False})
    assert (await api.client.delete(f"{W}/policies/delete/no-code")).status_code == 200
    required = {"kind": "require", "on": "node", "field": "timeout"}
    await set_policy(api, "timeouts", required, default("timeout", 60), scope="f/team")
    error = await send(api.client, "moves/apply", move, 400)
    assert error["message"] == "The policy timeouts sets `timeout` at the new path, which a move cannot do."
    await send(api.client, "flows/update/u/admin/one", flow())
    await send(api.client, "moves/apply", {"items": [{"kind": "flow", "path": PATH, "target": "f/team/two"}]})


FIXABLE: list[dict[str, Any]] = [
    {"kind": "restrict", "on": "node", "field": "timeout", "maximum": 60},
    {"kind": "restrict", "on": "flow", "field": "tag", "allowed": ["batch"]},
    {"kind": "restrict", "on": "script", "field": "timeout", "maximum": 2.5},
    {"kind": "require", "on": "flow", "field": "labels", "matches": "team"},
    {"kind": "require", "on": "flow", "field": "description", "matches": "Reports"},
    {"kind": "deny", "feature": "unpinned_script"},
    {"kind": "deny", "feature": "dedicated_worker"},
    {"kind": "default", "on": "node", "field": "priority", "value": 7},
    {"kind": "default", "on": "flow", "field": "concurrent_limit", "value": 3},
]
DECIDED = {"kind": "require", "on": "flow", "field": "failure_module"}
"""Rule whose violation cannot be corrected mechanically."""
FIXABLE_TEXT = """\
summary: Report  # kept
labels: [daily]
tag: slow
dedicated_worker: true
value:
  modules:
    # The only node.
    - id: a
      timeout: {type: static, value: 900}
      value: {type: script, path: f/team/s, input_transforms: {}}
"""
FIXED_TEXT = """\
summary: Report  # kept
labels: [daily, team]
tag: batch
value:
  modules:
    # The only node.
    - id: a
      timeout: {type: static, value: 60}
      value: {type: script, path: f/team/s, input_transforms: {}, hash: %s}
      priority: 7
  concurrent_limit: 3
description: Reports
"""


async def test_violations_are_corrected_where_the_rules_determine_the_values(api: ApiHarness) -> None:
    """The text of a workflow keeps its comments. Members correct what they may change."""
    code = {"path": "f/team/s", "summary": "", "content": "echo", "language": "bash", "timeout": 9}
    await send(api.client, "scripts/create", {**code, "dedicated_worker": True}, 201)
    pinned = (await api.get("scripts/get/p/f/team/s"))["hash"]
    await send(api.client, "flows/create", {"path": PATH, "source": {"format": "yaml", "text": FIXABLE_TEXT}}, 201)
    call = {"type": "script", "path": "f/team/s", "input_transforms": {}}
    json = {**flow({"id": "a", "timeout": 900, "value": call}), "path": f"{PATH}2", "tag": "slow", "labels": ["daily"]}
    await send(api.client, "flows/create", {**json, "dedicated_worker": True}, 201)
    await set_policy(api, "fixable", *FIXABLE, DECIDED, mode="off")

    async def fixable() -> dict[str, list[bool]]:
        found = await api.get("policies/violations/fixable")
        found["items"] += (await api.get("policies/violations/fixable", after=found["next"]))["items"]
        return {each["path"]: [one["fixable"] for one in each["violations"]] for each in found["items"]}

    before = await fixable()
    assert {path: (len(each), each.count(False)) for path, each in before.items()} == {
        PATH: (9, 1),
        f"{PATH}2": (9, 1),
        "f/team/s": (2, 0),
    }
    eve = await api.member("eve", Role.OPERATOR)
    await send(eve, "policies/fix/fixable", {"kind": "flow", "path": PATH}, 403)
    for kind, path in (("flow", PATH), ("flow", f"{PATH}2"), ("script", "f/team/s")):
        await send(api.client, "policies/fix/fixable", {"kind": kind, "path": path})
    assert await fixable() == {PATH: [False], f"{PATH}2": [False]}
    found = await api.get(f"flows/get/{PATH}")
    assert found["source"]["text"] == FIXED_TEXT % flow_value(pinned, plain=True)
    found = await api.get(f"flows/get/{PATH}2")
    assert (found["tag"], found["labels"], found["value"]["concurrent_limit"]) == ("batch", ["daily", "team"], 3)
    assert (await api.get("scripts/get/p/f/team/s"))["timeout"] == 2.5
    error = await send(api.client, "policies/fix/fixable", {"kind": "flow", "path": PATH}, 400)
    assert error["message"] == f"Nothing in {PATH} can be corrected without a decision."


async def test_move_causes_no_violation_of_workflows_that_refer_to_it(api: ApiHarness) -> None:
    """The move of a script from a permitted path changes the path in the workflow, which did not violate the policy."""
    code = {"path": "f/team/checked/s", "summary": "", "content": "echo", "language": "bash"}
    await send(api.client, "scripts/create", code, 201)
    call = {"id": "a", "value": {"type": "script", "path": "f/team/checked/s", "input_transforms": {}}}
    await send(api.client, "flows/create", flow(call, {"id": "b", "value": CODE}), 201)
    rule = {"kind": "restrict", "on": "node", "field": "path", "allowed": ["f/team/checked/*"]}
    await set_policy(api, "checked", rule, {"kind": "deny", "feature": "inline_code"})

    def to(target: str) -> dict[str, Any]:
        return {"items": [{"kind": "script", "path": "f/team/checked/s", "target": target}]}

    error = await send(api.client, "moves/apply", to("u/admin/s"), 400)
    assert [each["node"] for each in error["details"]] == ["a"], "the inline code violated its policy before"
    await send(api.client, "moves/apply", to("f/team/checked/t"))


async def test_test_that_changes_during_a_deployment_counts_as_not_run(api: ApiHarness) -> None:
    await send(api.client, "flows/create", flow({"id": "a", "value": {"type": "identity"}}), 201)
    await set_policy(api, "tested", {"kind": "require", "on": "flow", "field": "tests"})
    await send(api.client, f"workflow_tests/create/{PATH}", {"name": "early", "test": {}})
    text = '{"value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}'
    outcomes = await deploy_tests.run_required(api.platform, system("main"), "main", PATH, PATH, text)
    await send(api.client, f"workflow_tests/update/early/{PATH}", {"test": {"inputs": {"n": 2}}})
    await send(api.client, f"workflow_tests/create/{PATH}", {"name": "late", "test": {"inputs": {"n": 3}}})
    async with api.platform.db.acquire() as conn:
        states = await deploy_tests.states_of(conn, "main", PATH, outcomes, is_first=False)
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
