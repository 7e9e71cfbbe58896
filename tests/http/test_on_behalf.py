"""Workflows that act on behalf of another member: permission to deploy them, and the rights of their callers."""

from __future__ import annotations

from typing import Any

import httpx
from tests.http.harness import ApiHarness, W, client_of, script
from tests.http.jobs_running import token_of

from orvanta_platform.control.actor import Role
from orvanta_platform.services.triggers.scheduler import fire

ANN, BEA = "ann@example.com", "bea@example.com"
NOTE = "u/ann/note"


async def deploy(client: httpx.AsyncClient, path: str, modules: list[dict[str, Any]], **more: Any) -> httpx.Response:
    value = {"modules": modules, **more.pop("value", {})}
    return await client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": value, **more})


async def folder(api: ApiHarness) -> None:
    """Create f/team, readable by everybody, and a variable readable only by ann."""
    await api.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": False}})
    body = {"path": NOTE, "value": "only ann knows", "is_secret": False, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201


NOTHING: list[dict[str, Any]] = [{"id": "a", "value": {"type": "branchone", "branches": [], "default": []}}]
"""Nodes that need no worker."""


def output_flow(expr: str) -> dict[str, Any]:
    """Return a workflow with the result of an expression."""
    return {"output": {"type": "javascript", "expr": expr}}


READS = output_flow(f"variable('{NOTE}')")


def calling(path: str, **inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a node that runs a workflow."""
    return {"id": "sub", "value": {"type": "flow", "path": path, "input_transforms": inputs}}


async def start(client: httpx.AsyncClient, path: str, **args: Any) -> httpx.Response:
    return await client.post(f"{W}/jobs/run/f/{path}", json=args)


async def ended(api: ApiHarness, run: str) -> tuple[bool, Any]:
    """Return (true if the run has succeeded without a worker, its result)."""
    found = await api.get(f"jobs_u/completed/get/{run}")
    return found["success"], found["result"]


async def test_run_acts_for_member_named_by_workflow(api: ApiHarness) -> None:
    """A run, or a restart, belongs to its starter and reads as the workflow's owner; the audit trail names both."""
    await api.member("ann")
    bea = await api.member("bea")
    await folder(api)
    modules = [script("b")]
    assert (await deploy(api.client, "f/team/hers", modules, value=READS, on_behalf_of_email=ANN)).status_code == 201
    assert (await deploy(api.client, "f/team/plain", NOTHING, value=READS)).status_code == 201
    run = (await start(bea, "f/team/hers")).text
    jobs = await api.worker.claim()
    assert jobs["b"].run.permissioned_as == "u/ann" and jobs["b"].run.email == ANN
    await api.worker.finish(jobs["b"], "done")
    assert await ended(api, run) == (True, "only ann knows")
    shown = await api.get(f"jobs_u/get/{run}")
    assert (shown["created_by"], shown["permissioned_as"], shown["email"]) == ("bea", "u/ann", ANN)
    again = await bea.post(f"{W}/jobs/restart/f/{run}", json={"step_id": "b"})
    assert again.status_code == 201, again.text
    assert (await api.worker.claim())["b"].run.permissioned_as == "u/ann"
    rerun = await bea.post(f"{W}/jobs/rerun/{run}", json={})
    assert rerun.status_code == 201, rerun.text
    assert (await api.worker.claim())["b"].run.permissioned_as == "u/ann"
    plain = (await start(bea, "f/team/plain")).text
    success, result = await ended(api, plain)
    assert not success and NOTE in result["error"]["message"]
    async with api.platform.db.acquire() as conn:
        audited = await conn.fetch("SELECT actor, on_behalf_of FROM audit WHERE operation LIKE 'jobs.%' ORDER BY id")
    assert [tuple(row) for row in audited] == [("bea", "u/ann")] * 3 + [("bea", None)]


async def test_script_acts_for_member_it_names(api: ApiHarness) -> None:
    await api.member("ann")
    bea = await api.member("bea")
    await folder(api)
    body = {"path": "f/team/tool", "summary": "", "content": "echo", "language": "bash", "on_behalf_of_email": ANN}
    assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
    assert (await bea.post(f"{W}/jobs/run/p/f/team/tool", json={})).status_code == 201
    assert (await api.worker.claim())[""].run.permissioned_as == "u/ann"
    # As a node, the script acts for the same member as the workflow.
    node = {"id": "a", "value": {"type": "script", "path": "f/team/tool", "input_transforms": {}}}
    assert (await deploy(api.client, "f/team/plain", [node])).status_code == 201
    await start(bea, "f/team/plain")
    assert (await api.worker.claim())["a"].run.permissioned_as == "u/bea"


async def test_permission_to_name_members(api: ApiHarness) -> None:
    """Members may name themselves; admins and the group deployers may name others. Each change is checked again."""
    await api.member("ann")
    bea = await api.member("bea", role=Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "hers", "owners": ["u/bea"]})
    modules = NOTHING
    assert (await deploy(bea, "f/hers/own", modules, on_behalf_of_email=BEA)).status_code == 201
    refused = await deploy(bea, "f/hers/other", modules, on_behalf_of_email=ANN)
    assert refused.status_code == 403 and "deployers" in refused.json()["error"]["hint"]
    text = f"value: {{modules: [{{id: a, value: {{type: identity}}}}]}}\non_behalf_of_email: {ANN}\n"
    source = {"path": "f/hers/text", "summary": "", "source": {"format": "yaml", "text": text}}
    assert (await bea.post(f"{W}/flows/create", json=source)).status_code == 403
    script_body = {"path": "f/hers/s", "summary": "", "content": "echo", "language": "bash", "on_behalf_of_email": ANN}
    assert (await bea.post(f"{W}/scripts/create", json=script_body)).status_code == 403
    stranger = await deploy(api.client, "f/hers/x", modules, on_behalf_of_email="no@example.com")
    assert stranger.status_code == 400 and "not a member" in stranger.json()["error"]["message"]
    assert (await deploy(api.client, "f/hers/anns", modules, on_behalf_of_email=ANN)).status_code == 201
    change = {"path": "f/hers/anns", "summary": "", "value": {"modules": NOTHING, **READS}}
    unchanged = {**change, "on_behalf_of_email": ANN}
    assert (await bea.post(f"{W}/flows/update/f/hers/anns", json=unchanged)).status_code == 403
    assert (await bea.post(f"{W}/flows/update/f/hers/anns", json=change)).status_code == 200


async def test_preview_acts_for_its_starter(api: ApiHarness) -> None:
    await api.member("ann")
    bea = await api.member("bea", role=Role.DEVELOPER)
    body = {"value": {"modules": [script("a")], "on_behalf_of_email": ANN}, "args": {}, "on_behalf_of_email": ANN}
    assert (await bea.post(f"{W}/jobs/run/preview_flow", json=body)).status_code == 201
    assert (await api.worker.claim())["a"].run.permissioned_as == "u/bea"


async def test_sub_workflow_acts_for_member_it_names(api: ApiHarness) -> None:
    """Its items are read with the rights of its owner, or of its caller if it has no owner."""
    await api.member("ann")
    bea = await api.member("bea")
    await folder(api)
    tool = {"path": "u/ann/tool", "summary": "", "content": "echo", "language": "bash"}
    assert (await api.client.post(f"{W}/scripts/create", json=tool)).status_code == 201
    node = {"id": "t", "value": {"type": "script", "path": "u/ann/tool", "input_transforms": {}}}
    assert (await deploy(api.client, "f/team/hers", [node], value=READS, on_behalf_of_email=ANN)).status_code == 201
    assert (await deploy(api.client, "f/team/middle", [calling("f/team/hers")])).status_code == 201
    assert (await deploy(api.client, "f/team/plain", NOTHING, value=READS)).status_code == 201
    plain = {**calling("f/team/plain"), "id": "plain", "continue_on_error": True}
    top = [calling("f/team/middle"), plain, script("own")]
    assert (await deploy(api.client, "f/team/top", top)).status_code == 201
    assert (await start(bea, "f/team/top")).status_code == 201
    inner = (await api.worker.claim())["t"]
    assert inner.run.permissioned_as == "u/ann" and inner.run.created_by == "ann"
    await api.worker.finish(inner, "told")
    own = (await api.worker.claim())["own"]
    assert own.run.permissioned_as == "u/bea"
    graph = await api.get(f"jobs_u/get/{own.run.id}")
    states = {each["id"]: each["type"] for each in graph["flow_status"]["modules"]}
    assert states["sub"] == "Success" and states["plain"] == "Failure"
    # The caller has no read access to the workflow.
    assert (await deploy(api.client, "f/team/direct", [node])).status_code == 201
    assert (await start(bea, "f/team/direct")).status_code in (400, 404)


async def test_arguments_cannot_open_secrets_unreadable_to_caller(api: ApiHarness) -> None:
    """This holds for plain and escaped references, through a workflow in between, and through flow_env."""
    await api.member("ann")
    bea = await api.member("bea", role=Role.DEVELOPER)
    await folder(api)
    theirs = {"path": "f/team/note", "value": "for all", "is_secret": False, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=theirs)).status_code == 201
    hers = {"value": output_flow("flow_input.text"), "on_behalf_of_email": ANN}
    assert (await deploy(api.client, "f/team/hers", NOTHING, **hers)).status_code == 201
    for text in ('"$var:u/ann/note"', r'"\u0024var:u/ann/note"', '[{"deep": "$var:u/ann/note"}]'):
        body = b'{"text": %s}' % text.encode()
        refused = await bea.post(f"{W}/jobs/run/f/f/team/hers", content=body)
        assert refused.status_code == 403 and NOTE in refused.json()["error"]["message"], refused.text
    points = {"path": "f/team/points", "resource_type": "any", "value": {"x": f"$var:{NOTE}"}}
    assert (await api.client.post(f"{W}/resources/create", json=points)).status_code == 201
    outer = {"path": "f/team/outer", "resource_type": "any", "value": ["$res:f/team/points"]}
    assert (await api.client.post(f"{W}/resources/create", json=outer)).status_code == 201
    for path in ("f/team/points", "f/team/outer"):
        refused = await start(bea, "f/team/hers", text=f"$res:{path}")
        assert refused.status_code == 403 and NOTE in refused.json()["error"]["message"], refused.text
    assert (await start(bea, "f/team/hers", text="$var:f/team/note")).status_code == 201
    assert (await start(bea, "f/team/hers", text="costs $5")).status_code == 201
    assert (await start(api.client, "f/team/hers", text=f"$var:{NOTE}")).status_code == 201

    written, computed = {"type": "static", "value": f"$var:{NOTE}"}, {"type": "javascript", "expr": f"'$var:{NOTE}'"}
    through = {"modules": [calling("f/team/hers", text=written)]}
    run = await bea.post(f"{W}/jobs/run/preview_flow", json={"value": through, "args": {}})
    success, result = await ended(api, run.text)
    assert not success and NOTE in result["error"]["message"], result
    through = {"modules": [calling("f/team/hers", text=computed)]}
    run = await bea.post(f"{W}/jobs/run/preview_flow", json={"value": through, "args": {}})
    assert await ended(api, run.text) == (True, f"$var:{NOTE}"), "what is computed refers to nothing"

    value: dict[str, Any] = {"modules": [calling("f/team/hers")], "flow_env": {"stolen": f"$var:{NOTE}"}}
    refused = await bea.post(f"{W}/jobs/run/preview_flow", json={"value": value, "args": {}})
    assert refused.status_code == 400 and "flow_env" in refused.json()["error"]["message"]


async def test_pause_condition_needs_identity_of_run(api: ApiHarness) -> None:
    """Otherwise, it would be evaluated with the owner's rights, and its errors would be visible."""
    ann, bea = await api.member("ann"), await api.member("bea")
    await folder(api)
    assert (await deploy(api.client, "f/team/hers", [script("b")], on_behalf_of_email=ANN)).status_code == 201
    call = f"{W}/jobs/run/f/f/team/hers?pause_before=b"
    refused = await bea.post(f"{call}&pause_if=throw(variable('{NOTE}'))", json={})
    assert refused.status_code == 403 and "u/ann" in refused.json()["error"]["message"]
    assert (await bea.post(call, json={})).status_code == 201
    assert (await ann.post(f"{call}&pause_if=true", json={})).status_code == 201


async def test_owner_who_left_runs_nothing(api: ApiHarness) -> None:
    await api.member("ann")
    await folder(api)
    assert (await deploy(api.client, "f/team/hers", NOTHING, on_behalf_of_email=ANN)).status_code == 201
    assert (await deploy(api.client, "f/team/top", [calling("f/team/hers")])).status_code == 201
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE account SET disabled = true WHERE email = $1", ANN)
    for path in ("f/team/hers", "f/team/top"):
        refused = await start(api.client, path)
        assert refused.status_code == 409 and "u/ann" in refused.json()["error"]["message"]


async def test_starter_reads_inner_runs_by_their_paths(api: ApiHarness) -> None:
    """Otherwise, the starter could read them with all their arguments, as they belong to the starter."""
    await api.member("ann")
    bea = await api.member("bea")
    await folder(api)
    assert (await deploy(api.client, "u/ann/inner", [script("t")])).status_code == 201
    given = {"type": "javascript", "expr": f"variable('{NOTE}')"}
    modules = [calling("u/ann/inner", text=given)]
    assert (await deploy(api.client, "f/team/hers", modules, on_behalf_of_email=ANN)).status_code == 201
    run = (await start(bea, "f/team/hers")).text
    inner = (await api.worker.claim())["t"]
    for id in (inner.run.id, inner.id):
        assert (await bea.get(f"{W}/jobs_u/get/{id}")).status_code == 404
        assert (await bea.get(f"{W}/jobs_u/get_args/{id}")).status_code == 404
        assert (await bea.post(f"{W}/jobs_u/queue/cancel/{id}", json={})).status_code == 404
    assert "u/ann/inner" not in (await bea.get(f"{W}/jobs/list")).text
    await api.worker.finish(inner, error="what only ann knows")
    assert (await bea.get(f"{W}/jobs_u/get/{run}")).status_code == 200
    found = (await bea.get(f"/api/v1/runs/{run}/failure", headers={"X-Workspace": "main"})).json()
    assert found["failure"]["run"] == run
    own = (await api.client.get(f"/api/v1/runs/{run}/failure", headers={"X-Workspace": "main"})).json()
    assert own["failure"]["run"] == str(inner.run.id)


async def test_starter_cannot_decide_inside_own_run(api: ApiHarness) -> None:
    await api.member("ann")
    bea = await api.member("bea")
    await folder(api)
    asks = script("t", suspend={"required_events": 1, "user_auth_required": True, "self_approval_disabled": True})
    assert (await deploy(api.client, "f/team/inner", [asks, script("after")])).status_code == 201
    modules = [calling("f/team/inner")]
    assert (await deploy(api.client, "f/team/hers", modules, on_behalf_of_email=ANN)).status_code == 201
    assert (await start(bea, "f/team/hers")).status_code == 201
    inner = (await api.worker.claim())["t"]
    await api.worker.finish(inner, "asked")
    refused = await bea.post(f"{W}/jobs/flow/resume/{inner.run.id}", json={})
    assert refused.status_code == 403, refused.text


async def test_reused_username_is_not_acted_for(api: ApiHarness) -> None:
    """Schedules, deployed versions and running jobs also name an account, and ann's account is no longer a member."""
    await api.member("ann")
    await api.member("eve", role=Role.ADMIN)
    bea = await api.member("bea")
    await folder(api)
    assert (await deploy(api.client, "f/team/hers", [script("a")], on_behalf_of_email=ANN)).status_code == 201
    assert (await deploy(api.client, "f/team/plain", NOTHING, value=READS)).status_code == 201
    nightly = {
        "path": "f/team/nightly",
        "schedule": "0 0 3 * * *",
        "timezone": "UTC",
        "script_path": "f/team/plain",
        "is_flow": True,
        "args": {},
        "enabled": True,
        "permissioned_as": "u/ann",
        "preserve_permissioned_as": True,
    }
    made = await api.client.post(f"{W}/schedules/create", json=nightly)
    assert made.status_code == 201, made.text
    assert (await start(bea, "f/team/hers")).status_code == 201
    job = (await api.worker.claim())["a"]
    async with client_of(api.app, token_of(api, job)) as inside:
        assert (await inside.get(f"{W}/users/whoami")).json()["username"] == "ann"
        async with api.platform.db.acquire() as conn:
            await conn.execute("DELETE FROM member WHERE username = 'ann'")
            await conn.execute("UPDATE member SET username = 'ann' WHERE username = 'eve'")
            await conn.execute("UPDATE account SET username = 'former' WHERE email = $1", ANN)
            await conn.execute("UPDATE schedule SET next_at = clock_timestamp() - interval '1 second'")
        # Reads cache the actor for at most a second.
        note = {"path": "u/ann/more", "value": "1", "is_secret": False, "description": ""}
        assert (await inside.post(f"{W}/variables/create", json=note)).status_code == 401
    refused = await start(bea, "f/team/hers")
    assert refused.status_code == 409 and "u/ann" in refused.json()["error"]["message"], refused.text
    assert await fire(api.platform)
    assert "u/ann" in (await api.get("schedules/get/f/team/nightly"))["error"]
