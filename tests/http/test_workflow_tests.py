"""Tests of workflows: recording from a run, playback, changes as items, and permissions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role
from orvanta_platform.services import turns
from orvanta_platform.services.catalog import recording, workflow_tests

PATH = "f/team/pay"


def flow(transform: str = "flow_input.user", limit: int = 100) -> dict[str, Any]:
    """Return a workflow that fetches an amount with a token, and charges it unless it is too large."""

    def code(id: str, **inputs: str) -> dict[str, Any]:
        transforms = {name: {"type": "javascript", "expr": expr} for name, expr in inputs.items()}
        return {
            "id": id,
            "value": {"type": "rawscript", "language": "bash", "content": "", "input_transforms": transforms},
        }

    fetch = code("fetch", user=transform, token="variable('f/team/token')")
    large = {"id": "large", "needs": ["fetch"], "value": {"type": "condition", "expr": f"results.fetch > {limit}"}}
    charge = {**code("charge", amount="results.fetch"), "needs": [{"node": "large", "on": "false"}]}
    refuse = {**code("refuse"), "needs": [{"node": "large", "on": "true"}]}
    modules = [{**fetch, "needs": []}, large, charge, refuse]
    return {"path": PATH, "summary": "", "value": {"modules": modules}}


async def recorded_run(api: ApiHarness) -> str:
    """Deploy the workflow, complete a run, and return its id."""
    for call, body in (
        ("folders/create", {"name": "team", "owners": ["u/admin"]}),
        ("variables/create", {"path": "f/team/token", "value": "s3cret-token", "is_secret": True}),
        ("flows/create", flow()),
    ):
        assert (await api.client.post(f"{W}/{call}", json=body)).is_success
    run = (await api.client.post(f"{W}/jobs/run/f/{PATH}", json={"user": "ann"})).text
    for result in (40, "charged"):
        (job,) = await api.worker.claim_all()
        await api.worker.finish(job, result)
    assert (await api.get(f"jobs_u/completed/get_result/{run}")) == {"charge": "charged"}
    return run


async def run_tests(api: ApiHarness, **body: Any) -> dict[str, Any]:
    answer = await api.client.post(f"{W}/workflow_tests/run/{PATH}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_run_is_kept_as_test_that_sees_changes(api: ApiHarness) -> None:
    run = await recorded_run(api)
    answer = await api.client.post(f"{W}/workflow_tests/record/{run}", json={"name": "small", "summary": "Small sums"})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["path"] == PATH and "s3cret" not in answer.text
    assert made["test"]["nodes"] == {
        "fetch": {"result": 40, "inputs": {"user": "ann", "token": "***"}},
        "charge": {"result": "charged", "inputs": {"amount": 40}},
    }
    found = await run_tests(api)
    assert (found["passed"], found["failed"], found["tests"][0]["failures"]) == (1, 0, [])
    assert [each["id"] for each in found["nodes"] if not each["covered"]] == ["refuse"]
    assert [(each["target"], each["covered"]) for each in found["edges"]] == [
        ("large", True),
        ("charge", True),
        ("refuse", False),
    ]
    # A node receives another input, and another branch is taken.
    for changed, node, check in ((flow("'bob'"), "fetch", "inputs"), (flow(limit=10), "refuse", "playback")):
        assert (await api.client.post(f"{W}/flows/update/{PATH}", json=changed)).is_success
        (test,) = (await run_tests(api, names=["small"]))["tests"]
        assert [(each["node"], each["check"]) for each in test["failures"]] == [(node, check)]
    queued = await api.client.get(f"{W}/jobs/queue/count")
    assert queued.json()["database_length"] == 0


async def test_documents_of_tests_are_handled_in_threads_and_recordings_take_turns(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, str] = {}

    def note(module: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def noted(*args: Any) -> Any:
            threads[name] = threading.current_thread().name.partition("_")[0]
            return function(*args)

        monkeypatch.setattr(module, name, noted)

    for module, name in (
        (workflow_tests, "parse"),
        (workflow_tests, "hash_test"),
        (workflow_tests, "decode"),
        (recording, "_answers"),
        (recording, "check_size"),
    ):
        note(module, name)
    record = f"{W}/workflow_tests/record/{await recorded_run(api)}"
    assert (await api.client.post(record, json={"name": "small"})).status_code == 200
    created = await api.client.post(f"{W}/workflow_tests/create/{PATH}", json={"name": "empty", "test": {}})
    assert created.status_code == 200
    await run_tests(api)
    assert len(threads) == 5 and set(threads.values()) == {"documents"}, threads
    monkeypatch.setattr(turns, "_MAX_WAITING", 0)
    async with api.platform.turns.take("tests", "main"):
        assert (await api.client.post(record, json={"name": "other"})).status_code == 429


async def test_tests_are_items_with_the_permissions_of_their_workflow(api: ApiHarness) -> None:
    run = await recorded_run(api)
    ann = await api.member("ann", Role.DEVELOPER)
    base = f"{W}/workflow_tests"
    assert (await ann.get(f"{base}/list/{PATH}")).status_code == 404
    await api.client.post(f"{W}/acls/add/flow/{PATH}", json={"owner": "u/ann", "write": False})
    assert (await api.client.post(f"{base}/create/{PATH}", json={"name": "empty", "test": {}})).status_code == 200
    assert (await ann.get(f"{base}/get/empty/{PATH}")).json()["test"] == {}
    assert (await ann.post(f"{base}/run/{PATH}")).json()["failed"] == 1
    for call, body in (
        (f"create/{PATH}", {"name": "other", "test": {}}),
        (f"update/empty/{PATH}", {"test": {}}),
        (f"record/{run}", {"name": "other"}),
    ):
        assert (await ann.post(f"{base}/{call}", json=body)).status_code in (403, 404), call
    assert (await ann.delete(f"{base}/delete/empty/{PATH}")).status_code == 403
    for body, status in (
        ({"name": "empty", "test": {}}, 409),
        ({"name": "a/b", "test": {}}, 400),
        ({"name": "wrong", "test": {"nodes": {"a b": {}}}}, 400),
    ):
        assert (await api.client.post(f"{base}/create/{PATH}", json=body)).status_code == status
    assert (await api.client.post(f"{base}/run/{PATH}", json={"names": ["none"]})).status_code == 404
    changed = {"test": {"summary": "Later", "expect": {"status": "failed"}}}
    assert (await api.client.post(f"{base}/update/empty/{PATH}", json=changed)).status_code == 200
    (row,) = await api.get(f"workflow_tests/list/{PATH}")
    assert (row["name"], row["summary"], row["version"]) == ("empty", "Later", 2)
    # The tests are moved with their workflow, and deleted with it.
    moved = {**flow(), "path": "f/team/paid"}
    assert (await api.client.post(f"{W}/flows/update/{PATH}", json=moved)).is_success
    assert [each["name"] for each in await api.get("workflow_tests/list/f/team/paid")] == ["empty"]
    move = {"items": [{"kind": "flow", "path": "f/team/paid", "target": "f/team/payment"}]}
    assert (await api.client.post(f"{W}/moves/apply", json=move)).is_success
    assert [each["name"] for each in await api.get("workflow_tests/list/f/team/payment")] == ["empty"]
    assert (await api.client.delete(f"{W}/flows/delete/f/team/payment")).is_success
    assert (await api.client.post(f"{W}/flows/create", json={**moved, "path": "f/team/payment"})).is_success
    assert await api.get("workflow_tests/list/f/team/payment") == []
    rows = [row["operation"] for row in await api.get("audit/list", per_page=100)]
    assert [each for each in rows if each.startswith("workflow_tests.")][::-1] == [
        "workflow_tests.create",
        "workflow_tests.update",
    ]


async def test_recorded_tests_have_no_values_hidden_from_the_run(api: ApiHarness) -> None:
    """Otherwise, a writer of the workflow would obtain an admin's values from a test that the admin records."""
    notes = {"u/admin/note": "only the admin knows", "f/team/note": "everybody knows"}
    ann = await api.member("ann", Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["u/ann"]})
    for path, text in notes.items():
        assert (await api.client.post(f"{W}/variables/create", json={"path": path, "value": text})).is_success
        resource = {"path": path, "resource_type": "any", "value": {"text": text}}
        assert (await api.client.post(f"{W}/resources/create", json=resource)).is_success
    reads = [f"{kind}('{path}')" for kind in ("variable", "resource") for path in notes]
    tries = " && ".join(f"(() => {{ try {{ return {each} }} catch (e) {{ return true }} }})()" for each in reads)
    modules = [{"id": "a", "value": {"type": "condition", "expr": f"!!({tries})"}}]
    body = {"path": PATH, "summary": "", "value": {"modules": modules}}
    assert (await ann.post(f"{W}/flows/create", json=body)).is_success
    run = (await ann.post(f"{W}/jobs/run/f/{PATH}", json={})).text
    answer = await api.client.post(f"{W}/workflow_tests/record/{run}", json={"name": "note"})
    assert answer.status_code == 200, answer.text
    assert "only the admin knows" not in answer.text
    test = answer.json()["test"]
    assert (test["variables"], test["resources"]) == (
        {"f/team/note": "everybody knows"},
        {"f/team/note": {"text": "everybody knows"}},
    )


async def test_change_sets_list_and_apply_tests(api: ApiHarness) -> None:
    await recorded_run(api)
    item = {"kind": "workflow_test", "path": f"{PATH}/tests/happy"}
    content = {"inputs": {"user": "ann"}, "nodes": {"fetch": {"result": 1}, "charge": {"result": 2}}}

    async def apply(items: list[dict[str, Any]], **more: Any) -> list[str]:
        body = {"items": items, **more}
        plan = (await api.client.post(f"{W}/changes/plan", json=body)).json()
        answer = await api.client.post(f"{W}/changes/apply", json={**body, "plan_hash": plan["plan_hash"]})
        assert answer.status_code == 200, answer.text
        return [each["action"] for each in plan["entries"]]

    assert await apply([{**item, "content": content}]) == ["add"]
    (listed,) = [each for each in await api.get("changes/items") if each["kind"] == "workflow_test"]
    assert listed["path"] == item["path"]
    (read,) = (await api.client.post(f"{W}/changes/read", json={"items": [item]})).json()
    assert read["content"] == content
    assert (await run_tests(api))["passed"] == 1
    same = {**item, "content": content, "base": listed["hash"]}
    assert await apply([same]) == ["unchanged"]
    assert await apply([{**same, "content": {"nodes": {}}}]) == ["change"]
    assert (await run_tests(api))["failed"] == 1
    assert await apply([{**item, "base": None, "content": None}], prune=["f/team"], force=True) == ["remove"]
    for force in (False, True):
        wrong = {"items": [{**item, "content": {"nodes": {"a b": {}}}}], "force": force}
        plan = (await api.client.post(f"{W}/changes/plan", json=wrong)).json()
        assert plan["entries"][0]["action"] == "conflict" and "a b" in plan["entries"][0]["reason"]
        answer = await api.client.post(f"{W}/changes/apply", json={**wrong, "plan_hash": plan["plan_hash"]})
        assert answer.status_code == 409
