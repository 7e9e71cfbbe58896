"""Disabling and removal of members: everything that acts for the leaver stops immediately and gets a new owner."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.jobs_running import job_client, started
from tests.http.reader import read

from orvanta_platform import clock
from orvanta_platform.control import live_actor, names
from orvanta_platform.control.actor import Role
from orvanta_platform.db import tokens
from orvanta_platform.services.triggers import scheduler

PASS_ON = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
ASKS = {"modules": [{"id": "ask", "value": {"type": "approval"}}]}
SCHEDULE = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {}, "is_flow": True, "enabled": True}
HOOK = {
    "script_path": "f/team/flow",
    "is_flow": True,
    "route_path": "hook",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "is_static_website": False,
    "request_type": "async",
}
REASON = "identity_disabled"


async def sent(
    client: httpx.AsyncClient, call: str, body: Any = None, status: int = 200, method: str = "POST"
) -> httpx.Response:
    url = call if call.startswith("/") else f"{W}/{call}"
    answer = await client.request(method, url, json=body)
    assert answer.status_code == status, (call, answer.text)
    return answer


async def leaver(api: ApiHarness) -> httpx.AsyncClient:
    """Return the client of bea, on whose behalf a schedule, a route and a workflow act."""
    bea = await api.member("bea", Role.DEVELOPER)
    await sent(api.client, "folders/create", {"name": "team", "owners": ["g/all"]})
    await sent(bea, "flows/create", {"summary": "", "value": PASS_ON, "path": "f/team/flow"}, 201)
    await sent(bea, "flows/create", {"summary": "", "value": ASKS, "path": "f/team/asks"}, 201)
    hers = {"summary": "", "value": PASS_ON, "path": "f/team/hers", "on_behalf_of_email": "bea@example.com"}
    await sent(bea, "flows/create", hers, 201)
    await sent(bea, "schedules/create", {**SCHEDULE, "path": "f/team/nightly", "script_path": "f/team/flow"}, 201)
    await sent(bea, "http_triggers/create", {**HOOK, "path": "f/team/hook"}, 201)
    return bea


async def depart(api: ApiHarness, how: str, runs: str = "continue") -> None:
    match how:
        case "disabled":
            await sent(api.client, f"users/update/bea?runs={runs}", {"disabled": True})
        case "removed":
            await sent(api.client, f"users/delete/bea?runs={runs}", method="DELETE")
        case "account_disabled":
            await sent(api.client, f"/api/users/disable/bea@example.com?runs={runs}")
        case "account_deleted":
            await sent(api.client, f"/api/users/delete/bea@example.com?runs={runs}", method="DELETE")


WAYS = ["disabled", "removed", "account_disabled", "account_deleted"]


@pytest.mark.parametrize("how", WAYS)
async def test_everything_of_leaver_stops_at_once(api: ApiHarness, how: str) -> None:
    bea = await leaver(api)
    bound = (await bea.post("/api/users/tokens/create", json={"workspace_id": "main"})).text
    assert (await api.client.post("/api/r/main/hook")).is_success
    await sent(api.client, "jobs/run/f/f/team/hers", {}, 201)
    path = "users/departure/bea" if how in WAYS[:2] else "/api/users/departure/bea@example.com"
    before = (await sent(api.client, path, method="GET")).json()
    expected = [("flow", "f/team/hers"), ("http_trigger", "f/team/hook"), ("schedule", "f/team/nightly")]
    assert [(each["kind"], each["path"]) for each in before["items"]] == expected
    assert before["tokens"] == (1 if how in WAYS[:2] else 2)
    await depart(api, how)
    schedule = await api.get("schedules/get/f/team/nightly")
    assert not schedule["enabled"] and schedule["error"].startswith(REASON)
    hook = await api.get("http_triggers/get/f/team/hook")
    assert hook["mode"] == "disabled" and hook["disabled_reason"].startswith(REASON)
    assert (await api.client.post("/api/r/main/hook")).status_code == 404
    answer = await api.client.post(f"{W}/jobs/run/f/f/team/hers", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, REASON)
    assert (await client_of(api.app, bound).get(f"{W}/users/whoami")).status_code == 401
    assert (await bea.get(f"{W}/users/whoami")).status_code == (404 if how in WAYS[:2] else 401)
    for call, body in (
        ("schedules/setenabled/f/team/nightly", {"enabled": True}),
        ("http_triggers/setmode/f/team/hook", {"mode": "enabled"}),
    ):
        assert (await sent(api.client, call, body, 409)).json()["error"]["code"] == REASON
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT operation, resource FROM audit WHERE workspace = 'main' AND actor = 'admin'")
    assert {("schedules.stop", "f/team/nightly"), ("http_triggers.stop", "f/team/hook")} <= {
        (row["operation"], row["resource"]) for row in rows
    }


async def session_of(api: ApiHarness, email: str) -> httpx.AsyncClient:
    """Return the client of a new browser session of an account."""
    token = names.new_token("session")
    async with api.platform.db.transaction() as conn:
        digest, prefix = names.token_hash(token), names.token_prefix(token)
        await tokens.insert(conn, digest, prefix, "session", email, lives_s=3600)
    return client_of(api.app, token)


async def runs_of_all(api: ApiHarness) -> list[tuple[str, str, str]]:
    """Return the path, owner and address of each run, of those that have ended as well."""
    query = "SELECT coalesce(path, ''), permissioned_as, email FROM {} ORDER BY id"
    async with api.platform.db.acquire() as conn:
        return [tuple(row) for table in ("run", "run_live") for row in await conn.fetch(query.format(table))]


@pytest.mark.parametrize("how", ["account_disabled", "account_deleted"])
async def test_one_call_cuts_off_everything_of_leaver(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Streams, sessions, tokens and the running job end with the call, and nothing starts in the name of another."""
    bea = await leaver(api)
    sessions = [await session_of(api, "bea@example.com") for _ in range(2)]
    job = await started(api, bea)
    process = job_client(api, job)
    streams = [read(api.app, each, f"{W}/jobs_u/getupdate_sse/{job.run.id}") for each in sessions]
    for stream in streams:
        await stream.until_begun()
    clients = [*sessions, bea, process]
    assert [(await each.get(f"{W}/users/whoami")).status_code for each in clients] == [200] * 4
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE schedule SET next_at = app_now() - interval '1 minute'")
    before = await runs_of_all(api)
    await depart(api, how)
    # Changes are refused at once. The rights of a caller who reads are at most MAX_AGE_S old, which passes here.
    late = {"path": "u/bea/late", "value": "1", "is_secret": False}
    assert [(await each.post(f"{W}/variables/create", json=late)).status_code for each in clients] == [401] * 4
    real = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: real() + live_actor.MAX_AGE_S)
    await api.worker.print(job, "not for the leaver\n")
    for stream in streams:
        await stream.until_ended()
        assert "not for the leaver" not in stream.text
    assert [(await each.get(f"{W}/users/whoami")).status_code for each in clients] == [401] * 4
    assert await scheduler.fire(api.platform) == 0
    assert (await api.client.post("/api/r/main/hook")).status_code == 404
    assert (await api.client.post(f"{W}/jobs/run/f/f/team/hers", json={})).json()["error"]["code"] == REASON
    await api.worker.finish(job, "done")
    assert (await api.get(f"jobs_u/get/{job.run.id}"))["permissioned_as"] == "u/bea"
    assert sorted(await runs_of_all(api)) == sorted(before)


@pytest.mark.parametrize("how", ["removed", "account_disabled"])
@pytest.mark.parametrize("runs", ["continue", "cancel"])
async def test_runs_of_leaver_continue_or_are_cancelled(api: ApiHarness, how: str, runs: str) -> None:
    bea = await leaver(api)
    run = (await sent(bea, "jobs/run/f/f/team/asks", {}, 201)).text
    other = (await sent(api.client, "jobs/run/f/f/team/asks", {}, 201)).text
    path = "users/departure/bea" if how == "removed" else "/api/users/departure/bea@example.com"
    assert (await sent(api.client, path, method="GET")).json()["runs"] == 1
    await depart(api, how, runs)
    found = await api.get(f"jobs_u/get/{run}")
    assert found["type"] == ("CompletedJob" if runs == "cancel" else "QueuedJob")
    assert (await api.get(f"jobs_u/get/{other}"))["type"] == "QueuedJob"
    if runs == "cancel":
        assert (found["canceled"], found["canceled_by"], found["canceled_reason"]) == (True, "admin", REASON)
        return
    await sent(api.client, f"jobs_u/flow/resume_suspended/{run}", {"approved": True}, 201)
    assert (await api.get(f"jobs_u/get/{run}"))["success"] is True


@pytest.mark.parametrize(("how", "deployed"), [("disabled", 400), ("account_disabled", 409)])
async def test_nothing_new_acts_for_disabled_member(api: ApiHarness, how: str, deployed: int) -> None:
    """Otherwise, it would start automatically once the member is enabled again."""
    await leaver(api)
    await depart(api, how)
    owner = {"permissioned_as": "u/bea", "preserve_permissioned_as": True}
    schedule = {**SCHEDULE, "path": "f/team/late", "script_path": "f/team/flow", **owner}
    await sent(api.client, "schedules/create", schedule, 409)
    await sent(api.client, "http_triggers/create", {**HOOK, "path": "f/team/late", "route_path": "late", **owner}, 409)
    flow = {"summary": "", "value": PASS_ON, "path": "f/team/late", "on_behalf_of_email": "bea@example.com"}
    await sent(api.client, "flows/create", flow, deployed)


async def test_unknown_choice_for_runs_is_400(api: ApiHarness) -> None:
    await api.member("bea")
    await sent(api.client, "users/delete/bea?runs=pause", None, 400, "DELETE")
    assert "bea" in await api.get("users/list_usernames")


async def test_items_that_act_for_nobody_get_new_owner(api: ApiHarness) -> None:
    await leaver(api)
    carl = await api.member("carl", Role.DEVELOPER)
    await api.member("dora", Role.DEVELOPER)
    await depart(api, "removed")
    await sent(api.client, "users/update/dora", {"disabled": True})
    rows = await api.get("ownership/list")
    assert [(each["kind"], each["path"], each["permissioned_as"]) for each in rows] == [
        ("flow", "f/team/hers", "u/bea"),
        ("http_trigger", "f/team/hook", "u/bea"),
        ("schedule", "f/team/nightly", "u/bea"),
    ]
    paged = await api.get("ownership/list", per_page=1, after="flow:f/team/hers")
    assert [each["kind"] for each in paged] == ["http_trigger"]
    one = {"kind": "schedule", "path": "f/team/nightly"}
    for owner in ("u/bea", "u/dora", "u/nobody", "g/all", "carl"):
        await sent(api.client, "ownership/assign", {**one, "owner": owner}, 400)
    await api.member("vera", Role.VIEWER)
    for kind, path in (("schedule", "f/team/nightly"), ("http_trigger", "f/team/hook")):
        refused = await sent(api.client, "ownership/assign", {"kind": kind, "path": path, "owner": "u/vera"}, 400)
        assert "u/vera may not run the workflow f/team/" in refused.text
    await sent(carl, "ownership/assign", {**one, "owner": "u/carl"}, 403)
    await sent(api.client, "ownership/assign", {**one, "path": "f/team/none", "owner": "u/carl"}, 404)
    for row in rows:
        body = {"kind": row["kind"], "path": row["path"], "owner": "u/carl", "enable": True}
        await sent(api.client, "ownership/assign", body)
    assert await api.get("ownership/list") == []
    schedule = await api.get("schedules/get/f/team/nightly")
    assert (schedule["enabled"], schedule["permissioned_as"], schedule.get("error")) == (True, "u/carl", None)
    assert (await api.client.post("/api/r/main/hook")).is_success
    run = (await sent(api.client, "jobs/run/f/f/team/hers", {}, 201)).text
    assert (await api.get(f"jobs_u/get/{run}"))["permissioned_as"] == "u/carl"


async def test_items_are_assigned_before_departure_and_do_not_stop(api: ApiHarness) -> None:
    bea = await leaver(api)
    await api.member("carl", Role.DEVELOPER)
    await api.member("dora", Role.DEVELOPER)
    await sent(api.client, "/api/users/disable/dora@example.com")
    disabled = {each["username"]: (each["disabled"], each["account_disabled"]) for each in await api.get("users/list")}
    assert (disabled["carl"], disabled["dora"]) == ((False, False), (False, True))
    items = (await sent(api.client, "users/departure/bea", method="GET")).json()["items"]
    for each in items:
        assign = {"kind": each["kind"], "path": each["path"], "enable": False}
        refused = await sent(api.client, "ownership/assign", {**assign, "owner": "u/dora"}, 400)
        assert "u/dora is not an enabled member" in refused.text
        await sent(api.client, "ownership/assign", {**assign, "owner": "u/carl"})
    assert (await bea.get(f"{W}/users/whoami")).status_code == 200
    assert (await sent(api.client, "users/departure/bea", method="GET")).json()["items"] == []
    await depart(api, "account_disabled")
    schedule = await api.get("schedules/get/f/team/nightly")
    assert (schedule["enabled"], schedule["permissioned_as"]) == (True, "u/carl")
    assert (await api.client.post("/api/r/main/hook")).is_success
    run = (await sent(api.client, "jobs/run/f/f/team/hers", {}, 201)).text
    assert (await api.get(f"jobs_u/get/{run}"))["permissioned_as"] == "u/carl"
    assert await api.get("ownership/list") == []


BEAS_FLOW = """\
summary: Hers
value:
  modules:
    - id: run  # her script
      value:
        type: script
        path: u/bea/code
        input_transforms:
          db: {type: static, value: $res:u/bea/db}
          key: {type: javascript, expr: variable('u/bea/key')}
          other: {type: static, value: $var:u/bea/key.old}
"""


async def beas_items(api: ApiHarness) -> None:
    """Create items at u/bea/… that refer to each other, and items of a folder that refer to them."""
    bea = await api.member("bea", Role.DEVELOPER)
    await sent(api.client, "folders/create", {"name": "team", "owners": ["g/all"]})
    for path, value in (("key", "one"), ("key.old", "two"), ("taken", "three")):
        await sent(bea, "variables/create", {"path": f"u/bea/{path}", "value": value, "is_secret": True}, 201)
    database = {"path": "u/bea/db", "resource_type": "object", "value": {"password": "$var:u/bea/key"}}
    await sent(bea, "resources/create", database, 201)
    code = {"summary": "", "content": "echo 1", "language": "bash", "path": "u/bea/code"}
    await sent(bea, "scripts/create", code, 201)
    await sent(bea, "flows/create", {"path": "u/bea/flow", "source": {"format": "yaml", "text": BEAS_FLOW}}, 201)
    outer = {"modules": [{"id": "a", "value": {"type": "flow", "path": "u/bea/flow", "input_transforms": {}}}]}
    await sent(bea, "flows/create", {"summary": "", "path": "f/team/outer", "value": outer}, 201)
    reads = {**code, "content": "curl $API/variables/get_value/u/bea/key", "path": "f/team/reads"}
    await sent(bea, "scripts/create", reads, 201)
    await sent(bea, "scripts/create", {**reads, "path": "u/bea/reads"}, 201)
    schedule = {**SCHEDULE, "path": "u/bea/nightly", "script_path": "u/bea/flow", "args": {"k": "$var:u/bea/key"}}
    await sent(bea, "schedules/create", schedule, 201)
    await sent(bea, "http_triggers/create", {**HOOK, "path": "u/bea/hook", "script_path": "u/bea/flow"}, 201)
    await sent(api.client, "variables/create", {"path": "f/team/hers/taken", "value": "", "is_secret": False}, 201)


async def test_items_of_leaver_are_transferred_with_references(api: ApiHarness) -> None:
    await beas_items(api)
    carl = await api.member("carl", Role.DEVELOPER)
    owned = (await sent(api.client, "users/departure/bea", method="GET")).json()["owned"]
    assert len(owned) == 9
    await depart(api, "removed")
    body = {"username": "bea", "target": "f/team/hers"}
    await sent(carl, "ownership/transfer", body, 403)
    for target in ("u/bea", "u/nobody", "f", "f/team/"):
        await sent(api.client, "ownership/transfer", {**body, "target": target}, 400)
    planned = (await sent(api.client, "ownership/transfer", {**body, "dry_run": True})).json()
    await api.get("variables/get/u/bea/key")
    done = (await sent(api.client, "ownership/transfer", body)).json()
    assert planned == done, "the plan names what would be refused, and what would still refer to a former path"
    moved_or_refused = [*planned["moved"], *planned["refused"]]
    assert {each["path"] for each in moved_or_refused} == {each["path"] for each in owned}
    moved = [(each["kind"], each["path"].removeprefix("u/bea/")) for each in done["moved"]]
    assert moved == [
        ("variable", "key"),
        ("variable", "key.old"),
        ("resource", "db"),
        ("schedule", "nightly"),
        ("http_trigger", "hook"),
        ("script", "code"),
        ("script", "reads"),
        ("flow", "flow"),
    ]
    assert [(each["path"], each["code"]) for each in done["refused"]] == [("u/bea/taken", "already_exists")]
    assert {each["path"] for each in done["referring"]} == {"f/team/reads", "f/team/hers/reads"}
    text = (await api.get("flows/get/f/team/hers/flow"))["source"]["text"]
    assert text == BEAS_FLOW.replace("u/bea/", "f/team/hers/")
    outer = await api.get("flows/get/f/team/outer")
    assert outer["value"]["modules"][0]["value"]["path"] == "f/team/hers/flow"
    assert (await api.get("resources/get/f/team/hers/db"))["value"] == {"password": "$var:f/team/hers/key"}
    schedule = await api.get("schedules/get/f/team/hers/nightly")
    assert (schedule["script_path"], schedule["args"]) == ("f/team/hers/flow", {"k": "$var:f/team/hers/key"})
    assert (schedule["enabled"], schedule["permissioned_as"]) == (False, "u/bea")
    assert (await api.get("http_triggers/get/f/team/hers/hook"))["script_path"] == "f/team/hers/flow"
    operations = {(each["operation"], each["resource"]) for each in await api.get("audit/list", per_page=100)}
    assert {
        ("ownership.transfer", "u/bea"),
        ("variables.update", "u/bea/key"),
        ("flows.move", "u/bea/flow"),
        ("schedules.update", "u/bea/nightly"),
        ("flows.update", "u/bea/flow"),
    } <= operations
    again = (await sent(api.client, "ownership/transfer", {**body, "target": "u/carl"})).json()
    assert [each["target"] for each in again["moved"]] == ["u/carl/taken"]


async def test_successor_is_checked_at_new_paths(api: ApiHarness) -> None:
    """A successor may not run what is at the paths of the leaver, but what has moved to another place."""
    await beas_items(api)
    await api.member("carl", Role.DEVELOPER)
    await sent(api.client, "folders/create", {"name": "private", "owners": ["u/admin"]})
    assign = {"kind": "schedule", "path": "u/bea/nightly", "owner": "u/carl", "references": True}
    refused = await sent(api.client, "ownership/assign", assign, 400)
    assert "u/carl may not run the workflow u/bea/flow" in refused.text
    assigned = [{"kind": "schedule", "path": "u/bea/nightly"}, {"kind": "http_trigger", "path": "u/bea/hook"}]
    new = {"owner": "u/carl", "references": True, "assigned": assigned}
    body: dict[str, Any] = {"username": "bea", "target": "f/private", **new}
    refused = await sent(api.client, "ownership/transfer", body, 400)
    assert "u/carl may not run the workflow f/private/flow" in refused.text
    body["target"] = "u/carl"
    refused = await sent(api.client, "ownership/transfer", {**body, "references": False}, 403)
    assert "references" in refused.text
    schedule = await api.get("schedules/get/u/bea/nightly")
    assert schedule["permissioned_as"] == "u/bea", "what is refused changes nothing"
    planned = (await sent(api.client, "ownership/transfer", {**body, "dry_run": True})).json()
    await api.get("schedules/get/u/bea/nightly")
    assert planned == (await sent(api.client, "ownership/transfer", body)).json()
    for path in ("schedules/get/u/carl/nightly", "http_triggers/get/u/carl/hook"):
        assert (await api.get(path))["permissioned_as"] == "u/carl", path
    await depart(api, "removed")
    assert (await api.get("schedules/get/u/carl/nightly"))["enabled"]
    assert await api.get("ownership/list") == []
    await sent(api.client, "ownership/transfer", body, 404)


async def test_what_was_not_reviewed_is_not_assigned(api: ApiHarness) -> None:
    """A leaver who creates a schedule at the last moment would otherwise run code with the rights of the successor."""
    await beas_items(api)
    await api.member("carl", Role.DEVELOPER)
    assigned = [{"kind": "http_trigger", "path": "u/bea/hook"}]
    body = {"username": "bea", "target": "u/carl", "owner": "u/carl", "references": True, "assigned": assigned}
    await sent(api.client, "ownership/transfer", body)
    assert (await api.get("http_triggers/get/u/carl/hook"))["permissioned_as"] == "u/carl"
    assert (await api.get("schedules/get/u/carl/nightly"))["permissioned_as"] == "u/bea"


async def test_references_in_arguments_need_confirmation(api: ApiHarness) -> None:
    """The leaver could not read the secret, but runs on behalf of the new owner would."""
    bea = await leaver(api)
    carl = await api.member("carl", Role.DEVELOPER)
    await sent(carl, "variables/create", {"path": "u/carl/secret", "value": "1", "is_secret": True}, 201)
    args = {**SCHEDULE, "path": "f/team/refers", "script_path": "f/team/flow", "args": {"x": "$var:u/carl/secret"}}
    await sent(bea, "schedules/create", args, 201)
    await depart(api, "removed")
    body = {"kind": "schedule", "path": "f/team/refers", "owner": "u/carl"}
    await sent(api.client, "ownership/assign", body, 403)
    assert (await api.get("schedules/get/f/team/refers"))["permissioned_as"] == "u/bea"
    await sent(api.client, "ownership/assign", {**body, "references": True})


async def test_departure_shows_own_workspace_only(api: ApiHarness) -> None:
    await leaver(api)
    async with api.platform.db.transaction() as conn:
        await conn.execute(
            "INSERT INTO member (workspace, username, email, role) VALUES ('admins', 'bea', 'bea@example.com', 'admin')"
        )
    zoe = await api.member("zoe", Role.ADMIN, workspace="admins")
    found = (await zoe.get("/api/w/admins/users/departure/bea")).json()
    assert (found["items"], found["sessions"], found["tokens"]) == ([], 0, 0)
    await sent(zoe, "users/departure/bea", None, 404, "GET")
    await sent(zoe, "/api/users/departure/bea@example.com", None, 403, "GET")
    await sent(zoe, "/api/w/admins/users/delete/bea", None, 200, "DELETE")
    assert (await api.get("schedules/get/f/team/nightly"))["enabled"] is True
    assert (await api.get("users/get/bea"))["username"] == "bea"


async def test_account_that_is_only_admin_is_shown(api: ApiHarness) -> None:
    await sent(api.client, "/api/workspaces/create", {"id": "other", "name": "other"}, 201)
    await api.member("ada", Role.ADMIN, workspace="other")
    await sent(api.client, "/api/w/other/users/delete/admin", method="DELETE")
    found = (await sent(api.client, "/api/users/departure/ada@example.com", method="GET")).json()
    assert found["only_admin_of"] == ["other"]
