"""Versions by less privileged writers: the triggers of other members run them only after their acceptance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.http.jobs_running import token_of
from tests.http.test_token_limits import limited

from orvanta_platform.control.actor import Role
from orvanta_platform.db import items
from orvanta_platform.services.triggers.outcomes import ScanPosition, process_ended
from orvanta_platform.services.triggers.scheduler import fire

NOTE = "u/admin/note"
SECRET = "only the admin knows"
STEALS = f"variable('{NOTE}')"
FLOW, SUB, SCRIPT = "f/team/main", "f/team/sub", "f/team/tool"
SCHEDULE = {"path": "f/team/nightly", "schedule": "0 0 3 * * *", "timezone": "UTC", "is_flow": True, "enabled": True}
HOOK = {
    "path": "f/team/hook",
    "is_flow": True,
    "route_path": "call",
    "http_method": "post",
    "authentication_method": "none",
    "is_static_website": False,
    "request_type": "async",
    "workspaced_route": True,
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    """Create a folder writable by everybody, and a variable readable only by the admin."""
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        body = {"path": NOTE, "value": SECRET, "is_secret": False, "description": ""}
        assert (await made.client.post(f"{W}/variables/create", json=body)).status_code == 201
        yield made


@pytest.fixture
async def bob(api: ApiHarness) -> httpx.AsyncClient:
    """Add a developer with write access to f/team, and return the client."""
    return await api.member("bob", role=Role.DEVELOPER)


def calling(path: str, kind: str = "flow") -> dict[str, Any]:
    """Return a node that runs a workflow or script by path."""
    return {"id": "called", "value": {"type": kind, "path": path, "input_transforms": {}}}


async def flow(
    client: httpx.AsyncClient, path: str, output: str, *modules: dict[str, Any], new: bool = True, **more: Any
) -> httpx.Response:
    """Deploy a workflow whose result is that of an expression. It needs no worker unless its `modules` do."""
    nodes = list(modules) or [{"id": "a", "value": {"type": "branchone", "branches": [], "default": []}}]
    value = {"modules": nodes, "output": {"type": "javascript", "expr": output}}
    call = "flows/create" if new else f"flows/update/{path}"
    answer = await client.post(f"{W}/{call}", json={"path": path, "summary": "", "value": value, **more})
    assert answer.status_code == (201 if new else 200), answer.text
    return answer


async def edit(client: httpx.AsyncClient, path: str, output: str, *modules: dict[str, Any], **more: Any) -> None:
    await flow(client, path, output, *modules, new=False, **more)


async def script(client: httpx.AsyncClient, content: str, path: str = SCRIPT) -> str:
    """Deploy a version of a script and return its hash."""
    found = await client.get(f"{W}/scripts/get/p/{path}")
    parent = {"parent_hash": found.json()["hash"]} if found.status_code == 200 else {}
    body = {"path": path, "summary": "", "content": content, "language": "bash", **parent}
    answer = await client.post(f"{W}/scripts/create", json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def schedule(client: httpx.AsyncClient, target: str = FLOW, **more: Any) -> None:
    answer = await client.post(f"{W}/schedules/create", json={**SCHEDULE, "script_path": target, "args": {}, **more})
    assert answer.status_code == 201, answer.text


async def rows(api: ApiHarness, query: str, *values: Any) -> list[Any]:
    async with api.platform.db.acquire() as conn:
        return list(await conn.fetch(query, *values))


async def tick(api: ApiHarness) -> str:
    """Process a tick of the schedule; return the id of its run, or an empty string."""
    await rows(api, "UPDATE schedule SET next_at = clock_timestamp() - interval '1 second'")
    assert await fire(api.platform)
    found = await rows(api, "SELECT coalesce(run, asked) AS run FROM schedule_tick ORDER BY at DESC LIMIT 1")
    return str(found[0]["run"] or "")


async def result(api: ApiHarness, run: str) -> Any:
    found = await api.get(f"jobs_u/completed/get/{run}")
    return found["result"]


async def code(api: ApiHarness) -> str:
    """Return the text of the only waiting script job."""
    (job,) = await api.worker.claim_all()
    async with api.platform.db.acquire() as conn:
        blueprint = await api.platform.blueprints.of(conn, job.run)
        plan = blueprint.plan
        version = job.run.version if plan.single else blueprint.pin(plan.nodes[job.node_index]).version
        assert version is not None and job.run.permissioned_as == "u/admin"
        row = await items.get_by_version(conn, "main", "script", version)
    assert row is not None
    await api.worker.finish(job, None)
    return row.body.decode()


async def waiting(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{W}/acceptance/list", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def accept(client: httpx.AsyncClient, path: str, version: int, kind: str = "flow", **more: Any) -> httpx.Response:
    return await client.post(f"{W}/acceptance/accept/{kind}/{path}", json={"version": version, **more})


async def test_edit_does_not_run_as_schedule_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await flow(api.client, FLOW, "'first'")
    await schedule(api.client)
    await edit(bob, FLOW, STEALS)
    assert await result(api, await tick(api)) == "first"


async def test_edit_does_not_run_as_http_trigger_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await flow(api.client, FLOW, "'first'")
    made = await api.client.post(f"{W}/http_triggers/create", json={**HOOK, "script_path": FLOW})
    assert made.status_code == 201, made.text
    await edit(bob, FLOW, STEALS)
    async with client_of(api.app, "") as stranger:
        run = await stranger.post("/api/r/main/call", json={})
    assert run.status_code == 201, run.text
    assert await result(api, run.text) == "first"


async def test_edited_script_does_not_run_inside_on_behalf_workflow(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await script(api.client, "echo first")
    email = (await api.get("users/whoami"))["email"]
    await flow(api.client, FLOW, "1", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await script(bob, "echo stolen")
    assert (await bob.post(f"{W}/jobs/run/f/{FLOW}", json={})).status_code == 201
    assert await code(api) == "echo first"


async def test_edit_of_item_reached_by_trigger_does_not_run_as_its_owner(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """Bob edits the script of a sub-workflow of the scheduled workflow, and then the sub-workflow itself."""
    await script(api.client, "echo first")
    await flow(api.client, SUB, "'middle'", calling(SCRIPT, "script"))
    await flow(api.client, FLOW, "results.called", calling(SUB))
    await schedule(api.client)
    await script(bob, "echo stolen")
    for query in ({"kind": "flow", "path": FLOW}, {"kind": "script", "path": SCRIPT}):
        (found,) = await waiting(api.client, **query)
        assert (found["path"], found["triggers"][0]["path"]) == (SCRIPT, "f/team/nightly")
    run = await tick(api)
    assert await code(api) == "echo first"
    assert await result(api, run) == "middle"
    await edit(bob, SUB, STEALS)
    run = await tick(api)
    assert await code(api) == "echo first"
    assert await result(api, run) == "middle"


@pytest.mark.parametrize("handler", ["dynamic_skip", "on_failure", "on_success"])
async def test_edit_of_handler_does_not_run_as_schedule_owner(
    api: ApiHarness, bob: httpx.AsyncClient, handler: str
) -> None:
    await script(api.client, "echo first")
    await flow(api.client, FLOW, "1" if handler == "on_success" else "missing.name")
    await schedule(api.client, **{handler: f"script/{SCRIPT}"})
    await script(bob, "echo stolen")
    await tick(api)
    await process_ended(api.platform, ScanPosition())
    assert await code(api) == "echo first"


async def test_waiting_version_is_listed_and_runs_after_acceptance(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The version is current for manual runs. Members without read access do not see it."""
    await flow(api.client, FLOW, "'first'")
    await schedule(api.client)
    assert await waiting(api.client) == []
    await edit(bob, FLOW, "'second'")
    (found,) = await waiting(api.client)
    assert (found["kind"], found["path"], found["permissioned_as"]) == ("flow", FLOW, "u/admin")
    assert found["version"]["author"] == "bob" and found["version"]["number"] == 2
    assert found["accepted"]["number"] == 1 and found["triggers"] == [{"kind": "schedule", "path": "f/team/nightly"}]
    assert found["may_accept"] and found["for_everybody"]
    for query in ({"kind": "flow", "path": FLOW}, {"trigger_kind": "schedule", "trigger": "f/team/nightly"}):
        assert await waiting(api.client, **query) == [found]
    assert await waiting(api.client, kind="flow", path=SUB) == []
    assert await waiting(api.client, trigger_kind="schedule", trigger="f/team/other") == []

    (seen,) = await waiting(bob)
    assert not seen["may_accept"]
    refused = await accept(bob, FLOW, found["version"]["id"])
    assert refused.status_code == 200  # Accepted for the developer only, so the admin's schedule is unaffected.
    assert refused.json() == {"permissioned_as": "u/bob"}
    for identity in ("u/admin", "g/all"):
        assert (await accept(bob, FLOW, found["version"]["id"], permissioned_as=identity)).status_code == 403
    eve = await api.member("eve")
    await rows(api, "UPDATE folder SET owners = '{u/admin}', extra_perms = '{}' WHERE name = 'team'")
    assert await waiting(eve) == []
    assert (await accept(eve, FLOW, found["version"]["id"])).status_code == 404
    assert await result(api, await tick(api)) == "first"

    assert (await accept(api.client, FLOW, found["version"]["id"])).json() == {"permissioned_as": "g/all"}
    assert await waiting(api.client) == []
    assert await result(api, await tick(api)) == "second"
    audited = await rows(api, "SELECT actor, parameters ->> 'as' AS owner FROM audit WHERE operation = 'flows.accept'")
    assert [tuple(each) for each in audited] == [("admin", "g/all")]


async def test_version_of_another_path_or_workspace_cannot_be_accepted(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await flow(api.client, FLOW, "1")
    await flow(bob, SUB, "1")
    other = (await api.get(f"flows/get/{SUB}"))["version_id"]
    assert (await accept(api.client, FLOW, other)).status_code == 404
    assert (await accept(api.client, SUB, other, kind="script")).status_code == 404
    assert (await accept(api.client, SUB, other, permissioned_as="everybody")).status_code == 400


async def test_deploys_that_are_accepted_immediately(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Versions deployed by the member, an admin or a member of the group deployers are accepted immediately."""
    carol = await api.member("carol", role=Role.DEVELOPER)
    await flow(carol, FLOW, "'carol'")
    await schedule(bob)
    await edit(bob, FLOW, "'bob'")
    assert await result(api, await tick(api)) == "bob"
    await edit(carol, FLOW, "'carol again'")
    assert await result(api, await tick(api)) == "bob"
    await edit(api.client, FLOW, "'admin'")
    assert await result(api, await tick(api)) == "admin"
    await api.client.post(f"{W}/groups/create", json={"name": "deployers"})
    await api.client.post(f"{W}/groups/adduser/deployers", json={"username": "carol"})
    await edit(carol, FLOW, "'deployer'")
    assert await result(api, await tick(api)) == "deployer"


async def test_new_trigger_accepts_its_items_and_edited_trigger_accepts_changed_ones(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """A new owner, target or handler accepts the current versions; a new time does not, as no diff was shown."""
    await script(bob, "echo first")
    await flow(bob, SUB, "'sub'", calling(SCRIPT, "script"))
    await flow(bob, FLOW, "results.called", calling(SUB))
    await schedule(api.client)
    run = await tick(api)
    assert await code(api) == "echo first"
    assert await result(api, run) == "sub"
    await script(bob, "echo second")
    body = {**SCHEDULE, "script_path": FLOW, "args": {}, "schedule": "0 0 4 * * *"}
    answer = await api.client.post(f"{W}/schedules/update/f/team/nightly", json=body)
    assert answer.status_code == 200, answer.text
    await tick(api)
    assert await code(api) == "echo first"
    carol = await api.member("carol", role=Role.DEVELOPER)
    assert (await carol.post(f"{W}/schedules/update/f/team/nightly", json=body)).status_code == 200
    assert (await waiting(api.client)) == []


async def test_manual_run_uses_current_version(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await flow(api.client, SUB, "'first'")
    await flow(api.client, FLOW, "results.called", calling(SUB))
    await schedule(api.client)
    await edit(bob, SUB, "'second'")
    for client in (api.client, bob):
        run = await client.post(f"{W}/jobs/run/f/{FLOW}", json={})
        assert await result(api, run.text) == "second"
    assert await result(api, await tick(api)) == "first"


async def test_on_behalf_workflow_uses_versions_accepted_for_its_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The starter's own script node runs the current version; the one of the on-behalf workflow the accepted one."""
    await script(api.client, "echo first")
    email = (await api.get("users/whoami"))["email"]
    await flow(api.client, SUB, "'sub'", calling(SCRIPT, "script"), on_behalf_of_email=email)
    outer = calling(SCRIPT, "script") | {"id": "own"}
    await flow(api.client, FLOW, "1", calling(SUB), outer)
    await script(bob, "echo second")
    run = await bob.post(f"{W}/jobs/run/f/{FLOW}", json={})
    assert run.status_code == 201, run.text
    assert await code(api) == "echo first"
    (job,) = await api.worker.claim_all()
    assert job.run.permissioned_as == "u/bob"
    async with api.platform.db.acquire() as conn:
        pin = (await api.platform.blueprints.of(conn, job.run)).pins[SCRIPT]
        assert (await items.get_by_version(conn, "main", "script", pin.version)).body == b"echo second"  # type: ignore[union-attr]


async def test_path_recreated_by_another_user_waits_for_acceptance(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await flow(api.client, FLOW, "'first'")
    await schedule(api.client)
    assert (await bob.delete(f"{W}/flows/delete/{FLOW}")).status_code == 200
    await flow(bob, FLOW, STEALS)
    run = await tick(api)
    assert run == ""
    assert "u/admin" in (await api.get("schedules/get/f/team/nightly"))["error"]
    (found,) = await waiting(api.client)
    assert "accepted" not in found or found["version"]["number"] == 2


async def moves(client: httpx.AsyncClient, path: str, target: str) -> None:
    body = {"items": [{"kind": "flow", "path": path, "target": target}]}
    answer = await client.post(f"{W}/moves/apply", json=body)
    assert answer.status_code == 200, answer.text


async def test_item_moved_to_path_of_deleted_one_waits_for_acceptance(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """A version is accepted at the path that it had, not in place of whatever triggers of others run by name."""
    await flow(api.client, FLOW, "'first'")
    await schedule(api.client)
    await flow(api.client, "f/team/dangerous", STEALS)
    assert (await bob.delete(f"{W}/flows/delete/{FLOW}")).status_code == 200
    await moves(bob, "f/team/dangerous", FLOW)
    assert await tick(api) == ""
    assert [each["path"] for each in await waiting(api.client)] == [FLOW]
    # What its mover may accept remains accepted; an admin's move is an acceptance for everybody.
    assert len(await rows(api, "SELECT FROM acceptance WHERE path = $1", FLOW)) == 0
    await flow(api.client, "f/team/other", "'other'")
    assert (await api.client.delete(f"{W}/flows/delete/{FLOW}")).status_code == 200
    await moves(api.client, "f/team/other", FLOW)
    assert await result(api, await tick(api)) == "other"


async def test_item_moved_to_path_that_another_left_waits_for_acceptance(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """Tokens name paths, and do not follow a move."""
    await flow(api.client, FLOW, "'first'")
    await flow(api.client, "f/team/dangerous", STEALS)
    body = {"label": "run", "scopes": [f"jobs:run:{FLOW}"]}
    token = (await api.client.post("/api/users/tokens/create", json=body)).text.strip('"')
    unattended = client_of(api.app, token)
    await moves(bob, FLOW, "f/team/elsewhere")
    await moves(bob, "f/team/elsewhere", FLOW)  # back, with its acceptances
    assert (await unattended.post(f"{W}/jobs/run/f/{FLOW}", json={})).status_code == 201
    await moves(bob, FLOW, "f/team/elsewhere")
    await moves(bob, "f/team/dangerous", FLOW)
    refused = await unattended.post(f"{W}/jobs/run/f/{FLOW}", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_accepted")


async def test_archiving_does_not_restore_older_version(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Archiving a version accepted by the admin stops the admin's triggers. Only the admin's own archiving restores
    one.
    """
    await script(api.client, "echo flawed")
    await schedule(api.client, SCRIPT, is_flow=False)
    mended = await script(api.client, "echo mended")
    assert (await bob.post(f"{W}/scripts/archive/h/{mended}")).status_code == 200
    assert await tick(api) == ""
    assert [each["path"] for each in await waiting(api.client)] == [SCRIPT]
    await rows(api, "UPDATE version SET archived = false")
    await rows(api, "UPDATE item SET version = (SELECT max(id) FROM version WHERE path = item.path)")
    assert (await api.client.post(f"{W}/scripts/archive/h/{mended}")).status_code == 200
    await tick(api)
    assert await code(api) == "echo flawed"


async def test_new_reference_to_accepted_version_runs_that_version(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await flow(api.client, FLOW, "'none'")
    await schedule(api.client)
    await script(bob, "echo first")
    await edit(api.client, FLOW, "1", calling(SCRIPT, "script"))
    await script(bob, "echo stolen")
    await tick(api)
    assert await code(api) == "echo first"


async def test_restart_uses_only_versions_accepted_for_its_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The owner ran the workflow manually with the current versions, and another member restarts this run."""
    await script(api.client, "echo first")
    email = (await api.get("users/whoami"))["email"]
    await flow(api.client, FLOW, "1", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await script(bob, "echo stolen")
    run = (await api.client.post(f"{W}/jobs/run/f/{FLOW}", json={})).text
    assert await code(api) == "echo stolen"
    refused = await bob.post(f"{W}/jobs/restart/f/{run}", json={"step_id": "called"})
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "not_accepted", refused.text
    assert (await bob.post(f"{W}/jobs/rerun/{run}", json={})).status_code == 201
    assert await code(api) == "echo first"


async def test_run_only_token_uses_versions_accepted_for_its_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """A call by path runs the accepted version; a call that names a version awaiting acceptance is refused."""
    await flow(bob, FLOW, "'first'")
    made = await api.client.post("/api/users/tokens/create", json={"label": "shop", "scopes": [f"jobs:run:{FLOW}"]})
    assert made.status_code == 201, made.text
    await edit(bob, FLOW, STEALS)
    (found,) = await waiting(api.client)
    assert found["triggers"] == [{"kind": "webhook", "path": "shop"}]
    async with client_of(api.app, made.text) as hook:
        run = await hook.post(f"{W}/jobs/run/f/{FLOW}", json={})
        assert run.status_code == 201, run.text
        assert await result(api, run.text) == "first"
        refused = await hook.post(f"{W}/jobs/run/fv/{found['version']['id']}", json={})
        assert refused.status_code == 409, refused.text


async def test_run_started_by_job_uses_versions_of_its_run(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Under a schedule the accepted version runs, under a manual run the current one."""
    await script(api.client, "echo first")
    await flow(api.client, SUB, "'first'")
    await schedule(api.client, SCRIPT, is_flow=False)
    await edit(bob, SUB, STEALS)
    await tick(api)
    assert (await api.client.post(f"{W}/jobs/run/p/{SCRIPT}", json={})).status_code == 201
    results = {}
    for job in await api.worker.claim_all():
        token = token_of(api, job)
        async with client_of(api.app, token) as inside:
            run = await inside.post(f"{W}/jobs/run/f/{SUB}", json={})
            assert run.status_code == 201, run.text
        trigger = (await rows(api, "SELECT trigger FROM run_live WHERE id = $1", job.run.id))[0]["trigger"]
        results[trigger] = await result(api, run.text)
        await api.worker.finish(job, None)
    assert results == {"schedule": "first", "api": SECRET}


async def test_naming_versions_of_others_does_not_accept_them(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Naming a version in a trigger accepts it only for the writer."""
    await script(bob, "echo stolen")
    await flow(bob, SUB, "1", calling(SCRIPT, "script"))
    found = await rows(api, "SELECT DISTINCT permissioned_as FROM acceptance WHERE path = ANY($1)", [SCRIPT, SUB])
    assert [each["permissioned_as"] for each in found] == ["u/bob"]


async def test_versions_existing_at_upgrade_are_accepted(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await script(bob, "echo first")
    await script(bob, "echo second")
    await schedule(api.client, SCRIPT, is_flow=False)
    await rows(api, "DELETE FROM acceptance")
    assert await tick(api) == ""
    folder = resources.files("orvanta_platform.db").joinpath("migrations")
    text = folder.joinpath("0042_create_acceptance.sql").read_text(encoding="utf-8")
    await rows(api, text[text.index("INSERT INTO acceptance") :])
    await tick(api)
    assert await code(api) == "echo second"


async def test_run_only_token_is_not_a_person_despite_its_headers(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Runs that its jobs start, and reruns, use the accepted versions as well."""
    await script(api.client, "echo first")
    await flow(api.client, SUB, "'first'")
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["jobs:run"]})
    await edit(bob, SUB, STEALS)
    headers = {"X-Trigger": "manual"}
    async with client_of(api.app, made.text) as hook:
        run = await hook.post(f"{W}/jobs/run/p/{SCRIPT}", json={}, headers=headers)
        assert run.status_code == 201, run.text
        (job,) = await api.worker.claim_all()
        async with client_of(api.app, token_of(api, job)) as inside:
            inner = await inside.post(f"{W}/jobs/run/f/{SUB}", json={})
        assert await result(api, inner.text) == "first"


async def test_deploy_by_limited_token_accepts_nothing(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The owner's schedule has no limits, so a deploy or acceptance would let the token read more than it may."""
    await flow(api.client, FLOW, "'first'")
    await schedule(api.client)
    client = await limited(api, "flows:write", "schedules:write", "http_triggers:write", "jobs:run")
    await edit(client, FLOW, STEALS)
    assert await result(api, await tick(api)) == "first"
    await edit(bob, FLOW, STEALS)
    for each in (client, api.client):
        (found,) = await waiting(each)
        assert found["may_accept"] is (each is api.client)
    for identity in ({}, {"permissioned_as": "u/admin"}, {"permissioned_as": "g/all"}):
        assert (await accept(client, FLOW, found["version"]["id"], **identity)).status_code == 403
    await schedule(client, path="f/team/another", schedule="0 0 3 1 1 *", enabled=False)
    made = await client.post(f"{W}/http_triggers/create", json={**HOOK, "script_path": FLOW})
    assert made.status_code == 201, made.text
    await rows(api, "DELETE FROM schedule WHERE path = 'f/team/another'")
    assert await result(api, await tick(api)) == "first"


async def test_delegating_token_uses_versions_accepted_for_its_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Runs of such a token have all rights of its owner."""
    await flow(api.client, FLOW, "'first'")
    held = [f"jobs:run:{FLOW}", f"jobs:delegate:{FLOW}"]
    for scopes in (held, [*held, "jobs:read"], ["*:*", "jobs:delegate"]):
        made = await api.client.post("/api/users/tokens/create", json={"label": scopes[-1], "scopes": scopes})
        await edit(bob, FLOW, STEALS)
        async with client_of(api.app, made.text) as client:
            run = await client.post(f"{W}/jobs/run/f/{FLOW}", json={}, headers={"X-Trigger": "manual"})
        assert await result(api, run.text) == "first"
        (found,) = await waiting(api.client)
        assert {"kind": "webhook", "path": scopes[-1]} in found["triggers"]
        await edit(api.client, FLOW, "'first'")


@pytest.mark.parametrize("nested", [False, True])
async def test_limited_token_uses_accepted_versions_in_on_behalf_workflow(
    api: ApiHarness, bob: httpx.AsyncClient, nested: bool
) -> None:
    """A workflow on behalf of the token's owner acts without the limits of the token."""
    await script(api.client, "echo first")
    email = (await api.get("users/whoami"))["email"]
    await flow(api.client, SUB, "1", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await flow(api.client, FLOW, "1", calling(SUB))
    await script(bob, "echo stolen")
    client = await limited(api, "jobs:run", "jobs:read")
    run = await client.post(f"{W}/jobs/run/f/{FLOW if nested else SUB}", json={})
    assert run.status_code == 201, run.text
    assert await code(api) == "echo first"


async def test_restart_uses_only_accepted_versions_in_workflow_on_behalf_of_first_starter(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """A manual start uses the current versions, which no other member may run on behalf of the starter."""
    await script(api.client, "echo first")
    email = (await api.get("users/whoami"))["email"]
    await flow(api.client, SUB, "1", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await flow(api.client, FLOW, "1", calling(SUB))
    await script(bob, "echo stolen")
    run = await api.client.post(f"{W}/jobs/run/f/{FLOW}", json={})
    assert await code(api) == "echo stolen"
    again = await bob.post(f"{W}/jobs/restart/f/{run.text}", json={"step_id": "called"})
    assert again.status_code == 409 and "not_accepted" in again.text, again.text
    own = await api.client.post(f"{W}/jobs/restart/f/{run.text}", json={"step_id": "called"})
    assert own.status_code == 201, own.text


@pytest.mark.parametrize("way", ["unarchive", "deploy"])
async def test_restoring_archived_item_does_not_restore_acceptance_of_others(
    api: ApiHarness, bob: httpx.AsyncClient, way: str
) -> None:
    """The admin archived the item, so it must be accepted again before it runs for the admin."""
    await flow(api.client, FLOW, "'first'")
    await schedule(api.client)
    assert (await api.client.post(f"{W}/flows/archive/{FLOW}", json={"archived": True})).status_code == 200
    assert await tick(api) == ""
    if way == "unarchive":
        assert (await bob.post(f"{W}/flows/archive/{FLOW}", json={"archived": False})).status_code == 200
    else:
        await edit(bob, FLOW, "'second'")
    assert await tick(api) == ""
    assert "u/admin" in (await api.get("schedules/get/f/team/nightly"))["error"]
    (found,) = await waiting(api.client)
    assert found["path"] == FLOW and "accepted" not in found
    assert (await accept(api.client, FLOW, found["version"]["id"])).status_code == 200
    assert await result(api, await tick(api)) == ("first" if way == "unarchive" else "second")


async def test_restoring_item_keeps_acceptance_its_user_could_give(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """A restore by an admin keeps all acceptances; a restore by another member keeps only that member's."""
    await flow(bob, FLOW, "'bob'")
    await schedule(bob)
    for client in (api.client, bob):
        for archived in (True, False):
            assert (await client.post(f"{W}/flows/archive/{FLOW}", json={"archived": archived})).status_code == 200
        assert await result(api, await tick(api)) == "bob"
    limits = await limited(api, "flows:write")
    for client, archived in ((api.client, True), (limits, False)):
        assert (await client.post(f"{W}/flows/archive/{FLOW}", json={"archived": archived})).status_code == 200
    assert await tick(api) == ""
