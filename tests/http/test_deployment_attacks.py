"""Attacks on the rules of environments: approval by a second account, circumvented waiting times, floods."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.http.harness import W, client_of
from tests.http.jobs_running import job_client, started
from tests.http.test_deployments import CHOSEN, ITEMS, MAIN, D, L, Pipeline, act, codes, pipeline, waiting
from tests.http.test_impersonation import act_as
from tests.http.test_invitation_mail import set_server
from tests.http.test_notices import Mailbox, mail
from tests.http.test_releases import apply as apply_changes
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.daemons import alerts as alerts_daemon
from orvanta_platform.daemons.background import running
from orvanta_platform.daemons.server_daemons import IN_SERVERS
from orvanta_platform.db import deployments
from orvanta_platform.services import turns
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.maintenance import alerts
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import deployment_mails, requests

__all__ = ["mail", "pipeline"]

FLOOD = """
INSERT INTO deployment_request (environment, release, kind, state, overwrite, plan_hash, author, author_email)
SELECT environment, release, kind, 'withdrawn', overwrite, plan_hash, author, author_email
FROM deployment_request, generate_series(1, 20)
WHERE state = 'open'
"""
MORE = "    - {id: c, value: {type: script, path: f/team/step, input_transforms: {}}}\n"


async def test_nobody_approves_a_request_that_is_their_own_by_another_account(pipeline: Pipeline) -> None:
    """The other account is that of another member, a service account, or the author of the release."""
    ann = await pipeline.person("ann", Role.ADMIN, Role.ADMIN)
    bob = await pipeline.person("bob")
    await pipeline.rules(approvals=1)
    await apply_changes(pipeline.admin, ITEMS[2:], "live")
    assert (await pipeline.admin.post(f"{L}/releases/create", json={"items": CHOSEN})).status_code == 201
    own = {"source": "live", "number": 1}
    as_bob = client_of(pipeline.api.app, (await act_as(ann, "bob", workspace_id="live")).text)
    for path in ("deployments/create", "releases/create"):
        assert (await as_bob.post(f"{L}/{path}", json={**own, "items": CHOSEN})).status_code == 403
    request = (await bob.post(f"{D}/create", json=own)).json()
    assert (await as_bob.post(f"{D}/apply/{request['id']}", json=request)).status_code == 403
    assert (await as_bob.post(f"{D}/withdraw/{request['id']}")).status_code == 403
    await bob.post(f"{D}/withdraw/{request['id']}")
    # The owner of a service account is the author of its requests.
    robot = await service_account(pipeline, "robot", ann, ann)
    request = (await robot.post(f"{D}/create", json=own)).json()
    assert request["author"] == "robot"
    assert (await act(ann, "approve", request))[0] == 403
    # Neither does an approval count that was recorded while authors were allowed to approve.
    await pipeline.rules(approvals=1, author_may_approve=True)
    assert (await act(ann, "approve", request))[0] == 200
    await pipeline.rules(approvals=1)
    assert codes((await act(ann, "apply", request))[1]["details"]) == ["approvals_missing"]
    await ann.post(f"{D}/reject/{request['id']}", json={})
    await robot.post(f"{D}/withdraw/{request['id']}")
    # The author of a release is an author of all requests for it.
    request = await pipeline.request(bob)
    status, error = await act(pipeline.admin, "approve", request)
    assert (status, error["code"]) == (403, "forbidden"), error
    assert (await act(ann, "approve", request))[0] == 200
    assert (await act(bob, "apply", request))[0] == 200


async def test_release_file_of_this_instance_is_trusted_and_keeps_its_authors(pipeline: Pipeline) -> None:
    """Otherwise the author of a release could approve it once somebody else imported its file."""
    ann = await pipeline.person("ann")
    bob = await pipeline.person("bob", live=Role.ADMIN)
    cleo = await pipeline.person("cleo")
    await pipeline.rules(approvals=1, approvers=["u/ann", "u/cleo"])
    await apply_changes(pipeline.admin, ITEMS[2:], "live")
    assert (await ann.post(f"{W}/releases/create", json={"items": CHOSEN, "notes": "By ann"})).status_code == 201
    file = (await bob.get(f"{W}/releases/export/2")).json()
    answer = await bob.post(f"{L}/releases/import", json={"file": file})
    assert answer.status_code == 201, answer.text
    origin = answer.json()["imported"]
    assert (origin["name"], origin["workspace"], origin["number"]) == ("this instance", "main", 2)
    forged = await bob.post(f"{L}/releases/import", json={"file": {**file, "notes": "By bob"}})
    assert forged.json()["error"]["code"] == "untrusted_release"
    request = (await bob.post(f"{D}/create", json={"source": "live", "number": answer.json()["number"]})).json()
    assert (await act(ann, "approve", request))[0] == 403
    assert (await act(cleo, "approve", request))[0] == 200
    assert (await act(bob, "apply", request))[0] == 200
    current = (await bob.get(f"{D}/environment")).json()["current"]
    assert (current["source"], current["imported"]["workspace"], current["imported"]["number"]) == ("live", "main", 2)
    await pipeline.rules()
    await pipeline.deploy(2)
    assert (await bob.get(f"{D}/environment")).json()["current"]["imported"] is None


async def service_account(
    pipeline: Pipeline, name: str, owner: httpx.AsyncClient, issuer: httpx.AsyncClient
) -> httpx.AsyncClient:
    """Create a service account of the workspace live, and a token of it; return its client."""
    made = await owner.post(f"{L}/service_accounts/create", json={"username": name, "role": "developer"})
    assert made.is_success, made.text
    token = {"scopes": ["*:*"], "expiration": "2099-01-01T00:00:00Z"}
    made = await issuer.post(f"{L}/service_accounts/tokens/create/{name}", json=token)
    return client_of(pipeline.api.app, made.json()["token"] if made.text.startswith("{") else made.text)


async def test_authors_remain_authors_without_the_account_that_they_used(pipeline: Pipeline) -> None:
    """The owner deletes the service account, another admin created its token, or the author leaves the workspace."""
    ann = await pipeline.person("ann", Role.ADMIN, Role.ADMIN)
    bob = await pipeline.person("bob", Role.ADMIN, Role.ADMIN)
    await pipeline.rules(approvals=1)
    await apply_changes(pipeline.admin, ITEMS[2:], "live")
    assert (await pipeline.admin.post(f"{L}/releases/create", json={"items": CHOSEN})).status_code == 201
    own = {"source": "live", "number": 1}
    for name, issuer, author in (("first", ann, ann), ("second", bob, bob)):
        robot = await service_account(pipeline, name, ann, issuer)
        request = (await robot.post(f"{D}/create", json=own)).json()
        assert (await ann.delete(f"{L}/service_accounts/delete/{name}")).is_success
        assert (await act(author, "approve", request))[0] == 403, name
        assert await waiting(author) == []
        assert (await pipeline.admin.post(f"{D}/withdraw/{request['id']}")).is_success
    answer = await bob.post(f"{W}/releases/create", json={"items": CHOSEN})
    assert (await pipeline.admin.delete(f"{W}/users/delete/bob")).is_success
    request = await pipeline.request(ann, answer.json()["number"])
    assert (await act(bob, "approve", request))[0] == 403
    assert (await act(pipeline.admin, "approve", request))[0] == 200


async def test_only_authors_let_their_requests_overwrite_items(pipeline: Pipeline) -> None:
    """An approver who decides to overwrite a change in the environment would otherwise alone approve this decision."""
    bob = await pipeline.person("bob")
    await pipeline.deploy(1)
    await pipeline.rules(approvals=1)
    hotfix = {**ITEMS[2], "content": {**ITEMS[2]["content"], "content": "def main():\n    return 'hotfix'\n"}}
    await apply_changes(pipeline.admin, [hotfix], "live")
    cyd = await pipeline.person("cyd", Role.ADMIN, Role.ADMIN)
    request = await pipeline.request(bob, 1)
    refused = await cyd.post(f"{D}/renew/{request['id']}", json={"overwrite": True})
    assert (refused.status_code, (await found(pipeline, request))["overwrite"]) == (403, False), refused.text
    assert (await cyd.post(f"{D}/renew/{request['id']}", json={"overwrite": False})).status_code == 200
    renewed = (await bob.post(f"{D}/renew/{request['id']}", json={"overwrite": True})).json()
    assert (await act(bob, "approve", renewed))[0] == 403
    assert (await act(cyd, "approve", renewed))[0] == 200


async def test_versions_of_scripts_are_not_closed_where_only_releases_make_changes(pipeline: Pipeline) -> None:
    """Archiving or deleting a version makes the previous one current, which is a deployment."""
    await pipeline.deploy(1)
    digest = (await pipeline.admin.get(f"{L}/scripts/get/p/f/team/step")).json()["hash"]
    await pipeline.rules(refuse_direct_deploys=True)
    for verb in ("archive", "delete"):
        answer = await pipeline.admin.post(f"{L}/scripts/{verb}/h/{digest}")
        assert answer.status_code != 200 and answer.json()["error"]["code"] == "direct_deploys_refused", answer.text
    assert (await pipeline.admin.get(f"{L}/scripts/get/p/f/team/step")).json()["hash"] == digest


async def test_replaced_release_has_not_soaked(pipeline: Pipeline) -> None:
    """Release 1 was in staging for 29 minutes before release 2 replaced it."""
    for path, body in (
        ("/api/workspaces/create", {"id": "stage", "name": "stage"}),
        ("/api/environments/create", {"name": "staging", "workspace": "stage", "position": 1}),
    ):
        assert (await pipeline.admin.post(path, json=body)).is_success
    await apply_changes(pipeline.admin, ITEMS[:2], "stage")
    await pipeline.release("Two")
    base = "/api/w/stage/deployments"
    for number in (1, 2):
        made = (await pipeline.admin.post(f"{base}/create", json={"source": "main", "number": number})).json()
        answer = await pipeline.admin.post(f"{base}/apply/{made['id']}", json={"plan_hash": made["plan_hash"]})
        assert answer.status_code == 200, answer.text
    await pipeline.rules(soak_minutes=60)
    for first, expected in ((90, [["soak_time"], []]), (125, [[], []])):
        async with pipeline.api.platform.db.acquire() as conn:
            moved = "UPDATE deployment SET applied_at = now() - make_interval(mins => $1) WHERE number = $2"
            await conn.execute(moved, first, 1)
            await conn.execute(moved, 61, 2)
        plans = [
            (await pipeline.admin.post(f"{D}/plan", json={"source": "main", "number": number})).json()
            for number in (1, 2)
        ]
        assert [codes(each["unfulfilled"]) for each in plans] == expected


async def test_rollback_goes_back_only_and_a_refused_one_changes_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pipeline.deploy(1)
    await pipeline.deploy(await pipeline.release("Two"))
    ann = await pipeline.person("ann")
    for reason, status in (("Now", 403), (" ", 400)):
        refused = await ann.post(f"{D}/rollback", json={"reason": "Wrong", "bypass_reason": reason})
        assert refused.status_code == status, refused.text
    assert (await ann.get(f"{D}/environment")).json()["hold"] is None
    assert (await ann.get(f"{D}/list", params={"state": "open"})).json() == []
    # A rollback to Two waits for approvals while the environment is rolled back to One.
    await pipeline.deploy(await pipeline.release("Three"))
    await pipeline.rules(approvals=1)
    waits = (await ann.post(f"{D}/rollback", json={"reason": "Wrong", "source": "main", "number": 2})).json()
    await pipeline.rules()
    back = await ann.post(f"{D}/rollback", json={"reason": "Worse", "source": "main", "number": 1})
    assert (back.json()["state"], await pipeline.summary()) == ("applied", "One")
    # Neither another rollback nor the waiting one can remove the hold by deploying a later release.
    assert (await ann.post(f"{D}/rollback", json={"reason": "Again"})).status_code == 404
    assert (await ann.post(f"{D}/rollback", json={"reason": "x", "source": "main", "number": 3})).status_code == 404
    waits = (await ann.post(f"{D}/renew/{waits['id']}")).json()
    status, error = await act(ann, "apply", waits)
    assert (status, error.get("code"), await pipeline.summary()) == (409, "conflict", "One"), error
    # The rules are checked again after the environment is locked, not only when the call begins.
    assert (await ann.post(f"{D}/lift_hold")).status_code == 200
    apply_items = change_sets.apply

    async def held(platform: Platform, *args: Any) -> Any:
        async with platform.db.acquire() as conn:
            await deployments.set_hold(conn, "production", "bob", "Worse")
        return await apply_items(platform, *args)

    promoted = await pipeline.request(ann, 3)
    monkeypatch.setattr(change_sets, "apply", held)
    status, error = await act(ann, "apply", promoted)
    assert (status, error.get("code"), await pipeline.summary()) == (409, "deployment_blocked", "One"), error


async def test_rollback_names_no_items_that_its_caller_may_not_read(pipeline: Pipeline) -> None:
    """History does not list the release to those who may not read its items, so neither must a refused rollback."""
    ann = await pipeline.person("ann")
    secret = {"kind": "script", "path": "f/secret/deep"}
    for workspace in ("main", "live"):
        await apply_changes(pipeline.admin, [{"kind": "folder", "path": "secret", "content": {}}], workspace)
    content = {"content": "echo 1", "language": "bash"}
    await apply_changes(pipeline.admin, [{**secret, "content": content}])
    await pipeline.deploy(1)
    await pipeline.deploy(await pipeline.release("Two", items=[*CHOSEN, secret]))
    await pipeline.deploy(await pipeline.release("Three"))
    refused = await ann.post(f"{D}/rollback", json={"reason": "Wrong", "source": "main", "number": 2})
    assert refused.status_code == 403 and "may not read" in refused.text and "secret" not in refused.text, refused.text


async def test_rules_that_change_after_the_plan_was_made_apply_to_the_deployment(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member is removed from the appliers or from `bypass`, or other tests are required, while it waits its turn."""
    ann = await pipeline.person("ann")
    request = await pipeline.request(ann)
    apply_items = change_sets.apply

    async def apply_after(rules: dict[str, Any], bypass_reason: str | None) -> Any:
        async def apply_changed(*values: Any, **more: Any) -> Any:
            await pipeline.rules(**rules)
            return await apply_items(*values, **more)

        with monkeypatch.context() as during:
            during.setattr(change_sets, "apply", apply_changed)
            return await act(ann, "apply", request, bypass_reason=bypass_reason)

    changes: list[tuple[dict[str, Any], dict[str, Any], str | None, str]] = [
        ({"appliers": ["u/ann"]}, {"appliers": ["u/admin"]}, None, "forbidden"),
        ({"approvals": 1, "bypass": ["u/ann"]}, {"approvals": 1}, "Incident 7", "forbidden"),
        ({"workflow_tests": "pass"}, {"workflow_tests": "require"}, None, "stale_plan"),
    ]
    for before, after, bypass_reason, code in changes:
        await pipeline.rules(**before)
        _, error = await apply_after(after, bypass_reason)
        assert error.get("code") == code, (after, error)
    assert (await ann.get(f"{D}/history")).json() == []


SET_TIME = """
UPDATE workflow_test
SET body = jsonb_set(body::jsonb, '{scheduled_at}', to_jsonb($1::text))::json, hash = $1
"""


async def test_rule_of_workflow_tests(pipeline: Pipeline) -> None:
    """The tests of the workspace run against the documents of the release, not against the current ones."""
    await pipeline.rules(workflow_tests="require", bypass=["u/admin"])
    request = await pipeline.request(pipeline.admin)
    assert codes(request["plan"]["unfulfilled"]) == ["tests_missing"]
    answers = {"a": {"result": "one"}, "b": {"result": "two"}}
    test = {"nodes": answers, "variables": {"f/team/region": "x"}, "expect": {"status": "succeeded"}}
    made = await pipeline.admin.post(f"{W}/workflow_tests/create/f/team/main", json={"name": "plays", "test": test})
    assert made.status_code == 200, made.text
    # Approvals are bound to the tests: editing a test makes the plan stale.
    added = await found(pipeline, request)
    assert (added["unfulfilled"], added["plan_hash"] == request["plan"]["plan_hash"]) == ([], False)
    status, error = await act(pipeline.admin, "apply", request)
    assert (status, error["code"]) == (409, "stale_plan")
    request = await renewed(pipeline, request)
    # A test that cannot be run blocks the deployment, but neither the request nor its rejection.
    late = {"name": "late", "test": {**test, "scheduled_at": "x"}}
    assert (await pipeline.admin.post(f"{W}/workflow_tests/create/f/team/main", json=late)).status_code == 400
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute(SET_TIME, "x")
    assert codes((await found(pipeline, request))["unfulfilled"]) == ["tests_not_run"]
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute(SET_TIME, "2030-01-31")
    assert (await found(pipeline, request))["unfulfilled"] == []
    request = await renewed(pipeline, request)
    # The current document fails its test; the release does not contain it.
    await apply_changes(pipeline.admin, [{**ITEMS[3], "content": {"text": MAIN % "Two" + MORE}}])
    assert (await found(pipeline, request))["unfulfilled"] == []
    second = await pipeline.request(pipeline.admin, await pipeline.release())
    (failed,) = second["plan"]["unfulfilled"]
    assert (failed["code"], failed["kind"], failed["path"]) == ("test_failed", "flow", "f/team/main")
    assert "The test plays" in failed["message"]
    status, error = await act(pipeline.admin, "apply", second)
    assert (status, codes(error["details"])) == (409, ["test_failed"])
    assert (await act(pipeline.admin, "apply", request))[0] == 200
    second = await renewed(pipeline, second)
    assert (await act(pipeline.admin, "apply", second, bypass_reason="Incident 7"))[0] == 200
    # A rollback needs no tests.
    deleted = await pipeline.admin.delete(f"{W}/workflow_tests/delete/plays/f/team/main")
    assert deleted.status_code == 200, deleted.text
    answer = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong", "number": 1, "source": "main"})
    assert answer.json()["state"] == "applied", answer.text


async def test_required_tests_of_an_imported_release_exist_before_its_workflow(pipeline: Pipeline) -> None:
    """The first deployment to another instance needs no bypass: tests are pushed before the workflow exists there."""
    await pipeline.rules(workflow_tests="require")
    key = (await pipeline.admin.get("/api/releases/key")).json()["public_key"]
    await pipeline.admin.post("/api/settings/global/trusted_release_keys", json={"value": {"here": key}})
    file = (await pipeline.admin.get(f"{W}/releases/export/1")).json()
    test = {"variables": {"f/team/region": "x"}, "expect": {"status": "succeeded"}}
    item = {"kind": "workflow_test", "path": "f/team/main/tests/plays", "content": {**test, "nodes": {}}}
    change = {"items": [item], "force": True}
    plan = (await pipeline.admin.post(f"{L}/changes/plan", json=change)).json()
    # A test needs a workflow, unless an imported release awaits it.
    refused = await pipeline.admin.post(f"{L}/changes/apply", json={**change, "plan_hash": plan["plan_hash"]})
    assert "The flow f/team/main does not exist." in refused.text
    imported = await pipeline.admin.post(f"{L}/releases/import", json={"file": file})
    assert imported.status_code == 201, imported.text
    request = await pipeline.request(pipeline.admin, imported.json()["number"], source="live")
    (missing,) = request["plan"]["unfulfilled"]
    assert (missing["code"], missing["hint"].split("(")[0]) == ("tests_missing", "Push those of its instance to live ")
    strangers = await pipeline.person("eve", live=Role.OPERATOR)
    create = f"{L}/workflow_tests/create/f/team/main"
    assert (await strangers.post(create, json={"name": "n", "test": test})).status_code in (403, 404)
    answers = {"a": {"result": "one"}, "b": {"result": "two"}}
    item["content"] = {**test, "nodes": answers, "expect": {"status": "failed"}}
    await apply_changes(pipeline.admin, [item], "live")
    request = await renewed(pipeline, request)
    assert codes(request["plan"]["unfulfilled"]) == ["test_failed"]
    # A workflow that is moved to the path has its own tests, of which one has the same name.
    moved = {**item, "path": "f/team/moved/tests/plays"}
    other = {"kind": "flow", "path": "f/team/moved", "content": {"text": MAIN % "Moved"}}
    await apply_changes(pipeline.admin, [ITEMS[2], other, moved], "live")
    there, back = (
        {"items": [{"kind": "flow", "path": path, "target": target}]}
        for path, target in (("f/team/moved", "f/team/main"), ("f/team/main", "f/team/moved"))
    )
    assert (await pipeline.admin.post(f"{L}/moves/apply", json=there)).status_code == 200
    assert (await pipeline.admin.post(f"{L}/moves/apply", json=back)).status_code == 200
    await pipeline.admin.delete(f"{L}/flows/delete/f/team/moved")
    await pipeline.admin.delete(f"{L}/scripts/delete/p/f/team/step")
    await apply_changes(pipeline.admin, [item], "live")
    listed = (await pipeline.admin.get(f"{L}/changes/items")).json()
    (stored,) = [each for each in listed if each["kind"] == "workflow_test"]
    item["content"] = {**test, "nodes": answers}
    await apply_changes(pipeline.admin, [{**item, "base": stored["hash"]}], "live")
    request = await renewed(pipeline, request)
    status, done = await act(pipeline.admin, "apply", request)
    assert (status, done["state"]) == (200, "applied"), done


async def test_approvers_and_authors_get_mails(pipeline: Pipeline, mail: tuple[Mailbox, int]) -> None:
    """Approvers get mails about requests, authors about the decisions of others; the number of mails is limited."""
    box, port = mail
    await set_server(pipeline.api, port=port, networks=["127.0.0.0/8"])
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    await pipeline.person("eve")
    await pipeline.rules(approvals=1, approvers=["u/ann", "u/bob"])

    async def sent() -> list[tuple[str, str]]:
        before = len(box.mails)
        while await deployment_mails.send_due(pipeline.api.platform):
            pass
        return sorted((each["To"], each["Subject"].rpartition(": ")[2]) for each in box.mails[before:])

    request = await pipeline.request(ann)
    assert await sent() == [("bob@example.com", "requested")]
    assert f"/w/live/environments/production/requests/{request['id']}" in box.mails[-1].as_string()
    await act(bob, "approve", request)
    await act(ann, "apply", request)
    assert await sent() == [("ann@example.com", "approved")]
    second = await pipeline.request(ann, await pipeline.release("Two"))
    await act(bob, "reject", second)
    assert await sent() == [("ann@example.com", "rejected")]
    for statement in (
        "UPDATE deployment_request SET state = 'withdrawn'",
        "UPDATE account SET disabled = email = 'bob@example.com'",
        FLOOD,
    ):
        request = await pipeline.request(ann, 2)
        async with pipeline.api.platform.db.acquire() as conn:
            await conn.execute(statement)
        assert await sent() == ([("bob@example.com", "requested")] if statement == FLOOD else [])
        await ann.post(f"{D}/withdraw/{request['id']}")
        async with pipeline.api.platform.db.acquire() as conn:
            await conn.execute("UPDATE account SET disabled = false")
    await pipeline.request(ann, 2)
    assert await sent() == []
    # An invalid address is retried as often as an unreachable server; then its mail is dropped.
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute("INSERT INTO account (email, username) VALUES ('a:;@b.co', 'odd')")
        await conn.execute(
            "INSERT INTO deployment_mail (request, event, email, username) "
            "SELECT max(id), 'approved', 'a:;@b.co', 'bob' FROM deployment_request"
        )
        for _ in range(deployment_mails.MAX_TRIES):
            await conn.execute("UPDATE deployment_mail SET due_at = app_now()")
            assert await deployment_mails.send_due(pipeline.api.platform) == 1
        assert await conn.fetchval("SELECT count(*) FROM deployment_mail") == 0


async def test_mail_server_that_does_not_answer_delays_nothing_else(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conditions of alerts are checked, and failed runs handled, while a mail waits for its server."""
    connected, checked, await_check = asyncio.Event(), asyncio.Event(), alerts.await_check

    async def check(platform: Platform, wait_s: float) -> bool:
        is_needed = await await_check(platform, wait_s)
        if connected.is_set():
            checked.set()
        return is_needed

    async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    monkeypatch.setattr(alerts, "await_check", check)
    monkeypatch.setattr(alerts_daemon, "CHECK_S", 0.02)
    await pipeline.person("ann")
    await pipeline.rules(approvals=1, approvers=["u/ann"])
    await pipeline.request(pipeline.admin)
    server = await asyncio.start_server(be_silent, "127.0.0.1", 0)
    async with server:
        await set_server(pipeline.api, port=server.sockets[0].getsockname()[1], networks=["127.0.0.0/8"])
        senders = [each for each in IN_SERVERS if each.__module__.endswith(("alerts", "messages"))]
        async with running(pipeline.api.platform, tuple(senders)), asyncio.timeout(10):
            await checked.wait()
            async with pipeline.api.platform.db.acquire() as conn:
                await conn.execute("INSERT INTO failed_run (run, workspace) VALUES (gen_random_uuid(), 'main')")
                while await conn.fetchval("SELECT EXISTS (SELECT FROM failed_run)"):
                    await asyncio.sleep(POLL_S)
                assert await conn.fetchval("SELECT count(*) FROM deployment_mail") == 1


async def renewed(pipeline: Pipeline, request: dict[str, Any]) -> dict[str, Any]:
    """Renew the plan of a request, and return the request."""
    await pipeline.admin.post(f"{D}/renew/{request['id']}", json={})
    answer: dict[str, Any] = (await pipeline.admin.get(f"{D}/get/{request['id']}")).json()
    return answer


async def found(pipeline: Pipeline, request: dict[str, Any]) -> dict[str, Any]:
    """Return the current plan of a request."""
    plan: dict[str, Any] = (await pipeline.admin.get(f"{D}/get/{request['id']}")).json()["plan"]
    return plan


async def test_floods_of_requests_and_comments_are_limited(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floods neither hide decisions nor prevent decisions and requests of other members."""
    ann, bob, vic = await pipeline.person("ann"), await pipeline.person("bob"), await pipeline.person("vic")
    await pipeline.rules(approvals=2, approvers=["u/bob"])
    request = await pipeline.request(ann)
    async with pipeline.api.platform.db.acquire() as conn:
        flood = """INSERT INTO deployment_decision (request, decision, plan_hash, username, email, comment)
                   SELECT $1, 'comment', '', 'vic', 'vic@example.com', 'x' FROM generate_series(1, 1000)"""
        await conn.execute(flood, request["id"])
    assert (await act(bob, "approve", request))[0] == 200
    assert (await act(bob, "approve", request))[1]["code"] == "conflict"
    decisions = (await ann.get(f"{D}/get/{request['id']}")).json()["decisions"]
    assert [each["decision"] for each in decisions if each["decision"] != "comment"] == ["approved"]
    for client, status in ((vic, 400), (ann, 200)):
        answer = await client.post(f"{D}/comment/{request['id']}", json={"comment": "Now"})
        assert answer.status_code == status, answer.text
    job = job_client(pipeline.api, await started(pipeline.api, vic, base=L))
    assert (await job.post(f"{D}/comment/{request['id']}", json={"comment": "x"})).status_code == 403
    # A member has at most one open request for a release, and at most MAX_OPEN.
    again = await ann.post(f"{D}/create", json={"source": "main", "number": 1})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    monkeypatch.setattr(requests, "MAX_OPEN", 1)
    named = {"source": "main", "number": await pipeline.release("Two")}
    assert [(await each.post(f"{D}/create", json=named)).status_code for each in (ann, bob)] == [400, 201]


async def test_floods_of_rollbacks_do_not_flood_channels(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request puts promotions on hold, but the channels receive messages about few of them."""
    monkeypatch.setattr(requests, "MAX_NOTIFIED", 2)
    await pipeline.deploy(1)
    await pipeline.deploy(await pipeline.release("Two"))
    channel = {"kind": "slack", "url": "https://hooks.example.com/x", "deployments": ["held"]}
    channels = {"value": {"channels": {"team": channel}}}
    assert (await pipeline.admin.post("/api/settings/global/alerts", json=channels)).is_success
    pipeline.api.platform.instance._cache.clear()
    await pipeline.rules(approvals=1)
    ann = await pipeline.person("ann")
    for _ in range(4):
        request = (await ann.post(f"{D}/rollback", json={"reason": "Wrong"})).json()
        assert request["state"] == "open", request
        assert (await ann.post(f"{D}/withdraw/{request['id']}")).is_success
    async with pipeline.api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM alert_message") == 2


async def test_plans_of_a_workspace_are_made_one_at_a_time(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each plan reads all items of a release or all referring workflows."""
    request = await pipeline.request(pipeline.admin)
    monkeypatch.setattr(turns, "_MAX_WAITING", 0)
    move = {"items": [{"kind": "flow", "path": "f/team/main", "target": "f/team/moved"}]}
    taken = pipeline.api.platform.turns
    calls = [
        ("GET", f"{D}/environment", None),
        ("GET", f"{D}/get/{request['id']}", None),
        ("GET", f"{D}/changes/{request['id']}", None),
        ("POST", f"{D}/plan", {"source": "main", "number": 1}),
        ("POST", f"{W}/moves/plan", move),
        ("POST", f"{W}/moves/apply", move),
    ]
    async with taken.take("plans", "live"), taken.take("plans", "main"):
        answers = [await pipeline.admin.request(method, path, json=body) for method, path, body in calls]
    assert [each.status_code for each in answers] == [429] * len(calls)
    assert [(await pipeline.admin.request(each[0], each[1], json=each[2])).status_code for each in calls] == [200] * 6


async def test_releases_that_a_rollback_may_need_are_not_deleted_with_their_workspace(pipeline: Pipeline) -> None:
    await pipeline.deploy(1)
    await pipeline.deploy(await pipeline.release("Two"))
    assert (await pipeline.admin.post(f"{W}/workspaces/archive")).is_success
    deleted = await pipeline.admin.delete("/api/workspaces/delete/main", params={"confirm": "main"})
    assert (deleted.status_code, deleted.json()["error"]["code"]) == (409, "conflict")
    back = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong"})
    assert (back.status_code, await pipeline.summary()) == (200, "One"), back.text
