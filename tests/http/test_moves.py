"""Moves of scripts and workflows: history, references and triggers are updated; items without write access block."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role
from orvanta_platform.db import acceptance, runs
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog import moves
from orvanta_platform.workflow import node_references

CODE = {"summary": "", "content": "echo 1", "language": "bash"}
SCHEDULE = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {}, "path": "f/team/nightly"}
HOOK = {
    "path": "f/team/hook",
    "route_path": "hook",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "is_static_website": False,
}
OUTER = """\
summary: Outer
value:
  modules:
    - id: inner  # the sub-workflow
      value: {type: flow, path: f/team/inner, input_transforms: {}}
    - id: each
      value:
        type: forloopflow
        iterator: {type: static, value: [{type: script, path: f/team/script}]}
        skip_failures: false
        modules:
          - id: one
            value:
              type: script
              path: "f/team/script"
              input_transforms:
                where: {type: static, value: f/team/script}
"""


def calls_item(node: str, kind: str, path: str) -> dict[str, Any]:
    return {"id": node, "value": {"type": kind, "path": path, "input_transforms": {}}}


async def create(api: ApiHarness, route: str, **body: Any) -> None:
    answer = await api.client.post(f"{W}/{route}/create", json=body)
    assert answer.is_success, answer.text


async def scene(api: ApiHarness) -> None:
    for name, owners in (("team", ["g/all"]), ("ops", ["g/all"]), ("secret", [])):
        await create(api, "folders", name=name, owners=owners)
    await create(api, "scripts", **CODE, path="f/team/script")
    await create(api, "flows", path="f/team/inner", value={"modules": [calls_item("a", "script", "f/team/script")]})
    await create(api, "flows", path="f/team/outer", source={"format": "yaml", "text": OUTER})
    target = {"script_path": "f/team/inner", "is_flow": True}
    await create(api, "schedules", **SCHEDULE, **target, on_failure="script/f/team/script")
    await create(api, "http_triggers", **HOOK, **target)
    handler = {"error_handler": "script/f/team/script"}
    assert (await api.client.post(f"{W}/workspaces/edit_error_handler", json=handler)).is_success


def move(*items: tuple[str, str, str]) -> dict[str, Any]:
    return {"items": [{"kind": kind, "path": path, "target": target} for kind, path, target in items]}


BOTH = move(("script", "f/team/script", "f/ops/script"), ("flow", "f/team/inner", "f/ops/inner"))


async def test_everything_follows(api: ApiHarness) -> None:
    await scene(api)
    run = (await api.client.post(f"{W}/jobs/run/f/f/team/inner", json={})).text
    await api.client.put(f"{W}/drafts/flow/f/team/inner", json={"value": {"modules": []}})
    planned = await api.client.post(f"{W}/moves/plan", json=BOTH)
    assert planned.status_code == 200, planned.text
    moved = await api.client.post(f"{W}/moves/apply", json=BOTH)
    assert moved.status_code == 200, moved.text
    assert moved.json() == planned.json()
    assert [(each["kind"], each["path"], each.get("nodes")) for each in moved.json()["rewritten"]] == [
        ("flow", "f/team/inner", ["a"]),
        ("flow", "f/team/outer", ["inner", "one"]),
        ("error_handler", "f/team/script", None),
        ("http_trigger", "f/team/hook", None),
        ("schedule", "f/team/nightly", None),
    ]
    outer = await api.get("flows/get/f/team/outer")
    expected = OUTER.replace("flow, path: f/team/inner", "flow, path: f/ops/inner")
    assert outer["source"]["text"] == expected.replace('path: "f/team/script"', 'path: "f/ops/script"')
    schedule = await api.get("schedules/get/f/team/nightly")
    assert (schedule["script_path"], schedule["on_failure"]) == ("f/ops/inner", "script/f/ops/script")
    assert (await api.get("http_triggers/get/f/team/hook"))["script_path"] == "f/ops/inner"
    assert (await api.get("workspaces/get_settings"))["error_handler"]["path"] == "script/f/ops/script"
    assert [each["number"] for each in await api.get("versions/list/flow/f/ops/inner")] == [2, 1]
    assert [each["path"] for each in await api.get("drafts/list/flow")] == ["f/ops/inner"]
    found = await api.get("jobs/list", script_path_exact="f/ops/inner")
    assert [each["id"] for each in found] == [run]
    assert [each["path"] for each in await api.get("jobs/item_histories", kind="flow")] == ["f/ops/inner"]
    gone = await api.client.get(f"{W}/flows/get/f/team/inner")
    assert gone.status_code == 404
    assert gone.json()["error"]["details"] == {"moved_to": "f/ops/inner"}
    stranger = await api.member("eve", Role.DEVELOPER, scopes=["jobs:run:f/team/*"])
    for former, present in (("f/f/team/inner", "f/ops/inner"), ("p/f/team/script", "f/ops/script")):
        refused = await api.client.post(f"{W}/jobs/run/{former}", json={})
        assert refused.status_code == 404 and refused.json()["error"]["details"] == {"moved_to": present}
        refused = await stranger.post(f"{W}/jobs/run/{former}", json={})
        assert refused.status_code == 404 and present not in refused.text
    users = (await api.get("references/script/f/ops/script"))["references"]
    assert [(each["kind"], each["path"]) for each in users if each["distance"] == 1] == [
        ("error_handler", "f/ops/script"),
        ("flow", "f/ops/inner"),
        ("flow", "f/team/outer"),
        ("schedule", "f/team/nightly"),
    ]
    operations = {(each["operation"], each["resource"]) for each in await api.get("audit/list", per_page=100)}
    assert operations >= {
        ("scripts.move", "f/team/script"),
        ("flows.move", "f/team/inner"),
        ("flows.update", "f/team/outer"),
        ("schedules.update", "f/team/nightly"),
        ("http_triggers.update", "f/team/hook"),
        ("workspaces.edit_error_handler", "f/team/script"),
    }
    started = await api.client.post(f"{W}/jobs/run/f/f/team/outer", json={})
    assert started.status_code == 201, started.text


async def test_runs_from_before_a_move_belong_to_the_moved_item(api: ApiHarness) -> None:
    """Another workflow at the former path has none of these runs."""
    await scene(api)
    ask = {"id": "ask", "value": {"type": "approval"}}
    imports = "from f.team.helpers import x\ndef main():\n    return x\n"
    await create(api, "scripts", summary="", language="python3", content="x = 1\n", path="f/team/helpers")
    code = {"id": "code", "value": {"type": "rawscript", "language": "python3", "content": imports}}
    await create(api, "flows", path="f/team/long", value={"modules": [ask, code]})
    waiting, ended = [(await api.client.post(f"{W}/jobs/run/f/f/team/long", json={})).text for _ in range(2)]
    decision = {"decision": "approved"}
    consent = await api.client.post(f"/api/v1/runs/{ended}/consent", headers={"X-Workspace": "main"}, json=decision)
    assert consent.is_success, consent.text
    await api.worker.finish((await api.worker.claim())["code"], 1)
    single = (await api.client.post(f"{W}/jobs/run/p/f/team/script", json={})).text
    await api.worker.finish((await api.worker.claim())[""], 1)
    moved = move(("flow", "f/team/long", "f/ops/long"), ("script", "f/team/script", "f/ops/script"))
    assert (await api.client.post(f"{W}/moves/apply", json=moved)).is_success
    await create(api, "flows", path="f/team/long", value={"modules": [ask]})
    changed = {"path": "f/ops/long", "value": {"modules": [ask, code, {"id": "more", "value": {"type": "identity"}}]}}
    assert (await api.client.post(f"{W}/flows/update/f/ops/long", json=changed)).is_success
    newest = (await api.get("flows/get/f/ops/long"))["version_id"]

    calls: list[tuple[str, dict[str, Any], str]] = [
        (f"jobs/restart/f/{ended}", {"step_id": "code"}, "f/ops/long"),
        (f"jobs/restart/f/{ended}", {"step_id": "code", "flow_version": newest}, "f/ops/long"),
        (f"jobs/rerun/{ended}", {}, "f/ops/long"),
        (f"jobs/rerun/{ended}?latest=true", {}, "f/ops/long"),
        (f"jobs/rerun/{single}?latest=true", {}, "f/ops/script"),
    ]
    for call, body, path in calls:
        started = await api.client.post(f"{W}/{call}", json=body)
        assert started.status_code == 201, (call, started.text)
        assert (await api.get(f"jobs_u/get/{started.text}"))["script_path"] == path, call
    jobs = [job for job in await api.worker.claim_all() if job.node == "code"]
    assert len(jobs) == 2
    for job in jobs:
        async with api.platform.db.acquire() as conn:
            run = await runs.get_live_run(conn, job.run.id)
            assert run is not None
            blueprint = await api.platform.blueprints.of(conn, run)
        node = blueprint.plan.nodes[blueprint.plan.indexes["code"]]
        assert blueprint.imports(node, run.path) is not None, "the code imports a script"

    kept = await api.client.post(f"{W}/workflow_tests/record/{ended}", json={"name": "kept"})
    assert kept.status_code == 200 and kept.json()["path"] == "f/ops/long", kept.text

    assert (await api.get("versions/earlier_runs/f/team/long"))["count"] == 0
    earlier = await api.get("versions/earlier_runs/f/ops/long")
    assert waiting in [each["id"] for each in earlier["runs"]] and earlier["runs"][0]["obstacles"] == []
    for path, done in (("f/team/long", False), ("f/ops/long", True)):
        answer = await api.client.post(f"{W}/versions/move_runs/{path}", json={"runs": [waiting]})
        assert [each["moved"] for each in answer.json()] == [done], answer.text


async def test_starter_of_a_run_does_not_learn_the_hidden_path_of_a_moved_item(api: ApiHarness) -> None:
    await scene(api)
    eve = await api.member("eve", Role.DEVELOPER)
    await create(api, "folders", name="open", owners=["g/all"])
    await create(api, "scripts", **CODE, path="f/open/script")
    code = {"id": "a", "value": {"type": "rawscript", "language": "bash", "content": "echo 1"}}
    for path in ("f/open/flow", "f/open/other"):
        await create(api, "flows", path=path, value={"modules": [code]})
    flow = (await eve.post(f"{W}/jobs/run/f/f/open/flow", json={})).text
    script = (await eve.post(f"{W}/jobs/run/p/f/open/script", json={})).text
    for job in await api.worker.claim_all():
        await api.worker.finish(job, 1)
    other = (await api.get("flows/get/f/open/other"))["version_id"]
    moved = move(("flow", "f/open/flow", "f/secret/flow"), ("script", "f/open/script", "f/secret/script"))
    assert (await api.client.post(f"{W}/moves/apply", json=moved)).is_success
    calls: list[tuple[str, dict[str, Any]]] = [
        (f"jobs/rerun/{flow}?latest=true", {}),
        (f"jobs/rerun/{script}?latest=true", {}),
        (f"jobs/restart/f/{flow}", {"step_id": "a", "flow_version": other}),
        (f"workflow_tests/record/{flow}", {"name": "kept"}),
    ]
    for call, body in calls:
        answer = await eve.post(f"{W}/{call}", json=body)
        assert (answer.status_code, "f/secret" in answer.text) == (404, False), (call, answer.text)


async def test_moving_back_and_over_a_deleted_item(api: ApiHarness) -> None:
    await scene(api)
    await create(api, "scripts", **CODE, path="f/ops/script")
    taken = await api.client.post(f"{W}/moves/plan", json=BOTH)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "already_exists")
    await api.client.post(f"{W}/scripts/delete/p/f/ops/script")
    assert (await api.client.post(f"{W}/moves/apply", json=BOTH)).status_code == 200
    assert [each["number"] for each in await api.get("versions/list/script/f/ops/script")] == [2]
    back = move(("script", "f/ops/script", "f/team/script"))
    assert (await api.client.post(f"{W}/moves/apply", json=back)).status_code == 200
    assert (await api.client.get(f"{W}/scripts/get/p/f/ops/script")).json()["error"]["details"] == {
        "moved_to": "f/team/script"
    }
    body = {**CODE, "content": "echo 2", "path": "f/team/script"}
    body["parent_hash"] = (await api.get("scripts/get/p/f/team/script"))["hash"]
    assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201


async def test_acceptances_follow_and_are_not_widened(api: ApiHarness) -> None:
    await scene(api)
    bea = await api.member("bea", Role.DEVELOPER)
    value = {"modules": [calls_item("one", "script", "f/team/script")]}
    for path in ("f/team/hers", "f/team/ours"):
        poster = bea if path == "f/team/hers" else api.client
        body = {"path": path, "value": value}
        assert (await poster.post(f"{W}/flows/create", json=body)).status_code == 201
    change = move(("script", "f/team/script", "f/ops/script"))
    assert (await api.client.post(f"{W}/moves/apply", json=change)).status_code == 200
    async with api.platform.db.acquire() as conn:
        for path, everybody in (("f/team/hers", False), ("f/team/ours", True)):
            version = (await api.get(f"versions/list/flow/{path}"))[0]["id"]
            assert await acceptance.is_accepted(conn, [version], "u/bea")
            assert await acceptance.is_accepted(conn, [version], "u/other") is everybody
    # Runs of other members use the version before bea's, whose reference the move would break.
    changed = {"modules": [calls_item(node, "script", "f/ops/script") for node in ("one", "two")]}
    body = {"path": "f/team/ours", "value": changed}
    assert (await bea.post(f"{W}/flows/update/f/team/ours", json=body)).is_success
    refused = await api.client.post(f"{W}/moves/apply", json=move(("script", "f/ops/script", "f/team/script")))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "move_refused")
    assert refused.json()["error"]["details"] == {
        "blocking": [{"kind": "flow", "path": "f/team/ours", "reason": "earlier_version"}],
        "hidden": 0,
    }


async def test_items_that_may_not_be_changed_block(api: ApiHarness) -> None:
    await scene(api)
    await create(api, "folders", name="shown", owners=[], extra_perms={"g/all": False})
    for folder in ("secret", "shown"):
        value = {"modules": [calls_item("one", "script", "f/team/script")]}
        await create(api, "flows", path=f"f/{folder}/user", value=value)
    await create(api, "scripts", **CODE, path="f/team/free")
    code = "from f.team.shared import x\ndef main():\n    return x\n"
    shared = {"summary": "", "language": "python3", "content": "x = 1\n", "path": "f/team/shared"}
    await create(api, "scripts", **shared)
    await create(api, "scripts", **{**shared, "content": code, "path": "f/team/importer"})
    bea = await api.member("bea", Role.DEVELOPER)
    refused = await bea.post(f"{W}/moves/apply", json=move(("script", "f/team/script", "f/ops/script")))
    assert refused.status_code == 409, refused.text
    assert refused.json()["error"]["details"] == {
        "blocking": [
            {"kind": "flow", "path": "f/shown/user", "reason": "not_writable"},
            {"kind": "error_handler", "path": "f/team/script", "reason": "not_writable"},
        ],
        "hidden": 1,
    }
    assert (await api.get("flows/get/f/team/inner"))["value"]["modules"][0]["value"]["path"] == "f/team/script"
    denied = [
        (("script", "f/team/free", "f/secret/free"), 404),
        (("script", "f/team/free", "f/shown/free"), 403),
        (("flow", "f/shown/user", "f/ops/user"), 403),
        (("flow", "f/secret/user", "f/ops/user"), 404),
        (("script", "f/team/none", "f/ops/none"), 404),
        (("script", "f/team/free", "f/team/free"), 400),
        (("script", "f/team/free", "nowhere"), 400),
    ]
    for item, status in denied:
        for step in ("plan", "apply"):
            answer = await bea.post(f"{W}/moves/{step}", json=move(item))
            assert answer.status_code == status, (item, answer.text)
    importing = await bea.post(f"{W}/moves/apply", json=move(("script", "f/team/shared", "f/ops/shared")))
    assert importing.json() == {
        "rewritten": [],
        "importing": [{"kind": "script", "path": "f/team/importer"}],
        "blocking": [],
        "hidden": 0,
    }
    assert (await bea.post(f"{W}/moves/apply", json=move(("script", "f/team/free", "u/bea/free")))).is_success
    limited = await api.member("lim", Role.ADMIN, scopes=["scripts:write:f/team/*"])
    body = move(("script", "f/team/script", "f/team/other"))
    assert (await limited.post(f"{W}/moves/apply", json=body)).status_code == 409


@pytest.mark.parametrize("call", ["plan", "apply"])
async def test_references_to_an_item_are_read_for_its_writers_only(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The error for too many of them would tell that a hidden item exists and is used."""
    await scene(api)
    bea = await api.member("bea", Role.DEVELOPER)
    await create(api, "scripts", **CODE, path="f/secret/script")
    await create(api, "flows", path="f/secret/user", value={"modules": [calls_item("a", "script", "f/secret/script")]})
    monkeypatch.setattr(moves, "MAX_REFERRING", 0)
    for name in ("script", "missing"):
        body = move(("script", f"f/secret/{name}", "f/team/free"))
        refused = await bea.post(f"{W}/moves/{call}", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


async def test_other_calls_of_the_workspace_proceed_between_rewritten_items(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene(api)
    monkeypatch.setattr(document_threads, "_SLICE_S", 0)
    order: list[str] = []

    def rewrite_document(*args: Any) -> Any:
        if not order:
            document_threads._threads.submit("main", lambda: order.append("other call"))
        order.append("item")
        return node_references.rewrite(*args)

    monkeypatch.setattr(moves, "rewrite", rewrite_document)
    assert (await api.client.post(f"{W}/moves/plan", json=BOTH)).status_code == 200
    assert order == ["item", "other call", "item"]
