"""Policies: permissions, refused changes, and existing items that violate them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.http.test_impersonation import act_as

from orvanta_platform.control.actor import Role
from orvanta_platform.workflow.policies.policy import parse
from orvanta_platform.workflow.policies.templates import TEMPLATES

NEEDS = {"kind": "require", "on": "flow", "field": "description"}
CODED = {"kind": "restrict", "on": "script", "field": "language", "allowed": ["python3"]}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        for name in ("team", "other"):
            await made.client.post(f"{W}/folders/create", json={"name": name, "owners": ["g/all"]})
        yield made


def flow(path: str = "f/team/flow", **more: Any) -> dict[str, Any]:
    return {"path": path, "summary": "", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}, **more}


def script(path: str = "f/team/script", **more: Any) -> dict[str, Any]:
    return {"path": path, "summary": "", "content": "echo 1", "language": "bash", **more}


def policy(name: str = "described", **more: Any) -> dict[str, Any]:
    return {"name": name, "scope": "workspace", "mode": "active", "rules": [NEEDS, CODED], **more}


async def send(client: Any, path: str, body: Any) -> tuple[int, Any]:
    """Return the status and the error of a call."""
    answer = await client.post(path if path.startswith("/") else f"{W}/{path}", json=body)
    return answer.status_code, answer.json()["error"] if answer.status_code >= 400 else answer.text


async def operations(api: ApiHarness) -> list[tuple[str, str]]:
    """Return the audit rows of policies, oldest first."""
    rows = await api.get("audit/list", per_page=100)
    found = [(row["operation"], row["resource"]) for row in rows if row["operation"].startswith("policies.")]
    return found[::-1]


async def test_active_policy_prevents_deployments_of_both_kinds(api: ApiHarness) -> None:
    assert (await send(api.client, "flows/create", flow("f/team/old")))[0] == 201
    assert (await send(api.client, "policies/create", policy(mode="evaluate")))[0] == 200
    checked = (await api.client.post(f"{W}/flows/validate", json=flow())).json()
    assert checked["deployable"] and checked["diagnostics"][0]["severity"] == "warning"
    assert (await send(api.client, "flows/create", flow("f/team/tried")))[0] == 201
    assert (await send(api.client, "policies/update/described", policy(scope="f/team")))[0] == 200
    checked = (await api.client.post(f"{W}/flows/validate", json=flow())).json()
    assert (checked["deployable"], checked["diagnostics"][0]["code"]) == (False, "policy_violation")
    for call, body in (
        ("flows/create", flow()),
        ("flows/update/f/team/old", flow("f/team/old")),
        ("scripts/create", script()),
    ):
        status, error = await send(api.client, call, body)
        assert (status, error["code"], len(error["details"])) == (400, "policy_violation", 1), call
        assert error["details"][0]["policy"] == "described"
    # Changes outside of the scope, or without the violation, are accepted.
    assert (await send(api.client, "flows/create", flow("f/other/flow")))[0] == 201
    assert (await send(api.client, "flows/create", flow(description="Reports.")))[0] == 201
    assert (await send(api.client, "scripts/create", script(language="python3")))[0] == 201
    found = await api.get("policies/violations/described")
    assert [(each["kind"], each["path"]) for each in found["items"]] == [
        ("flow", "f/team/old"),
        ("flow", "f/team/tried"),
    ]
    rest = await api.get("policies/violations/described", after=found["next"])
    assert (rest["items"], rest["next"]) == ([], None)
    names = [each["name"] for each in await api.get("policies/list")]
    assert names == ["described"] and (await api.get("policies/get/described"))["version"] == 2
    assert (await api.client.delete(f"{W}/policies/delete/described")).status_code == 200
    assert (await send(api.client, "scripts/create", script("f/team/bash")))[0] == 201
    assert [each[0] for each in await operations(api)] == ["policies.create", "policies.update", "policies.delete"]


async def test_yaml_documents_are_parsed_once(api: ApiHarness) -> None:
    """Violations of a YAML document are found in its stored JSON, and in the document if there is none."""
    text = "# A comment\nvalue:\n  modules:\n    - {id: a, value: {type: identity}, timeout: 1e2}\n"
    await send(api.client, "flows/create", {"path": "f/team/flow", "source": {"format": "yaml", "text": text}})
    await send(api.client, "policies/create", policy(rules=[NEEDS, {**CODED, "on": "node", "field": "timeout"}]))
    found = await api.get("policies/violations/described")
    assert [each["path"] for each in found["items"][0]["violations"]] == ["", "/value/modules/0/timeout"]
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE document SET body = 'not read' WHERE tree IS NOT NULL")
        assert await api.get("policies/violations/described") == found
        await conn.execute("UPDATE document SET body = $1, tree = NULL WHERE tree IS NOT NULL", text.encode())
    assert await api.get("policies/violations/described") == found


async def test_bypass_needs_a_named_member_and_a_reason(api: ApiHarness) -> None:
    ann = await api.member("ann", Role.DEVELOPER)
    bob = await api.member("bob", Role.DEVELOPER)
    assert (await send(api.client, "policies/create", policy(bypass=["u/ann", "u/lim"])))[0] == 200
    urgent = {"policy_bypass_reason": "Incident 7"}
    assert (await send(ann, "flows/create", flow()))[1]["hint"].count("policy_bypass_reason") == 1
    assert (await send(bob, "flows/create", flow(**urgent)))[0] == 400
    assert (await send(ann, "flows/create", flow(**urgent)))[0] == 201
    assert (await send(ann, "scripts/create", script(**urgent)))[0] == 201
    assert "policy_bypass_reason" not in await api.get("flows/get/f/team/flow")
    rows = await operations(api)
    assert rows[1:] == [("policies.bypass", "f/team/flow"), ("policies.bypass", "f/team/script")]
    # Members can often read the token of a pipeline.
    limited = await api.member("lim", Role.DEVELOPER, scopes=["flows:write"])
    assert (await send(limited, "flows/create", flow("f/team/other", **urgent)))[0] == 400
    # A second policy that allows no bypass still applies.
    assert (await send(api.client, "policies/create", policy("strict")))[0] == 200
    assert (await send(ann, "flows/create", flow("f/team/more", **urgent)))[0] == 400


async def test_policies_of_the_instance_cannot_be_lifted_by_a_workspace(api: ApiHarness) -> None:
    admin = await api.member("wendy", Role.ADMIN)
    developer = await api.member("dan", Role.DEVELOPER)
    wide = policy(scope="instance")
    assert (await send(api.client, "/api/policies/create", wide))[0] == 200
    assert (await send(admin, "/api/policies/create", {**wide, "name": "mine"}))[0] == 403
    assert (await send(admin, "/api/policies/update/described", {**wide, "mode": "off"}))[0] == 403
    assert (await send(admin, "policies/update/described", policy(mode="off")))[0] == 404
    assert (await send(admin, "policies/create", {**wide, "name": "mine"}))[0] == 400
    assert (await send(admin, "policies/create", policy(mode="off", bypass=["u/dan"])))[0] == 200
    assert (await send(developer, "policies/create", policy("more")))[0] == 403
    assert (await send(developer, "flows/create", flow(policy_bypass_reason="Now")))[0] == 400
    # The policy of the workspace hides that of the instance only if the call does not set `instance`.
    modes = [(await api.get("policies/get/described", instance=each))["mode"] for each in ("true", "false")]
    assert modes == ["active", "off"]
    assert (await api.get("policies/violations/described", instance="true"))["items"] == []
    assert (await api.client.delete("/api/policies/delete/described")).status_code == 200
    assert (await send(developer, "flows/create", flow()))[0] == 201


async def test_only_accounts_bypass_policies_of_the_instance(api: ApiHarness) -> None:
    """The admins of a workspace give usernames and groups to whom they want."""
    admin = await api.member("wendy", Role.ADMIN)
    assert (await send(admin, "groups/create", {"name": "oncall"}))[0] in (200, 201)
    assert (await send(admin, "groups/adduser/oncall", {"username": "wendy"}))[0] == 200
    wide = policy(scope="instance", bypass=["g/oncall", "u/wendy"])
    assert (await send(api.client, "/api/policies/create", wide))[0] == 400
    assert (await send(api.client, "/api/policies/create", {**wide, "bypass": ["ann@example.com"]}))[0] == 200
    # Such a policy may be stored from before.
    async with api.platform.db.acquire() as conn:
        await conn.execute(
            "UPDATE policy SET body = jsonb_set(body, '{bypass}', '[\"g/oncall\", \"ann@example.com\"]')"
        )
    urgent = flow(policy_bypass_reason="Incident 7")
    assert (await send(admin, "flows/create", urgent))[0] == 400
    ann = await api.member("ann", Role.DEVELOPER)
    as_ann = client_of(api.app, (await act_as(admin, "ann")).text)
    assert (await send(as_ann, "flows/create", urgent))[0] == 400
    assert (await send(ann, "flows/create", urgent))[0] == 201


async def test_versions_that_come_into_use_again_are_checked(api: ApiHarness) -> None:
    """An older version becomes current if the newest is closed, and any version if its item is restored."""
    assert (await send(api.client, "flows/create", flow()))[0] == 201
    assert (await send(api.client, "scripts/create", script()))[0] == 201
    old = await api.get("scripts/get/p/f/team/script")
    coded = script(content="def main(): pass", language="python3", lock="# none\n", parent_hash=old["hash"])
    assert (await send(api.client, "scripts/create", coded))[0] == 201
    new = (await api.get("scripts/get/p/f/team/script"))["hash"]
    assert (await send(api.client, "policies/create", policy()))[0] == 200
    for verb in ("archive", "delete"):
        status, error = await send(api.client, f"scripts/{verb}/h/{new}", {})
        assert (status, error["code"]) == (400, "policy_violation"), verb
    assert (await api.get("scripts/get/p/f/team/script"))["hash"] == new
    assert (await send(api.client, f"scripts/archive/h/{old['hash']}", {}))[0] == 200
    assert (await send(api.client, f"scripts/archive/h/{new}", {}))[0] == 200
    for archived in (True, False):
        status, error = await send(api.client, "flows/archive/f/team/flow", {"archived": archived})
        assert status == (200 if archived else 400), error
    # A default of a policy, which only a deployment stores, does not fulfil the rule.
    default = {"kind": "default", "on": "flow", "field": "timeout", "value": 60}
    needs = {"kind": "require", "on": "flow", "field": "timeout"}
    assert (await send(api.client, "policies/update/described", policy(rules=[needs, default])))[0] == 200
    status, error = await send(api.client, "flows/archive/f/team/flow", {"archived": False})
    assert (status, error["hint"]) == (400, "Deploy the version again."), error
    assert (await send(api.client, "flows/create", flow()))[0] == 201
    for archived in (True, False):
        assert (await send(api.client, "flows/archive/f/team/flow", {"archived": archived}))[0] == 200


async def test_policies_apply_to_change_sets(api: ApiHarness) -> None:
    """One violation rejects the whole change set, which takes no reason to bypass the policy."""
    assert (await send(api.client, "policies/create", policy(bypass=["u/admin"])))[0] == 200
    text = "summary: ''\n{}value:\n  modules:\n  - id: a\n    value:\n      type: identity\n"

    def change(description: str) -> dict[str, Any]:
        return {
            "items": [
                {
                    "kind": "script",
                    "path": "f/team/fine",
                    "content": {"content": "def main(): pass", "language": "python3"},
                },
                {"kind": "flow", "path": "f/team/flow", "content": {"text": text.format(description)}},
            ]
        }

    for description, status in (("", 400), ("description: Reports.\n", 200)):
        plan = (await api.client.post(f"{W}/changes/plan", json=change(description))).json()
        body = {**change(description), "plan_hash": plan["plan_hash"]}
        found, error = await send(api.client, "changes/apply", body)
        assert found == status, error
        if status == 400:
            (refused,) = [each["error"] for each in error["details"]]
            hint = "Correct the violations, or deploy the item alone with a reason in `policy_bypass_reason`."
            assert (refused["code"], refused["hint"]) == ("policy_violation", hint)
        assert await api.get("scripts/exists/p/f/team/fine") is (status == 200)


async def test_patterns_of_all_policies_are_limited(api: ApiHarness) -> None:
    """Each deployment matches all patterns."""
    rules = [{**CODED, "allowed": ["x" * 100] * 100}] * 20
    assert (await send(api.client, "policies/create", policy("large", mode="off", rules=rules)))[0] == 200
    assert (await send(api.client, "policies/create", policy("plain", mode="off", rules=[NEEDS])))[0] == 200
    for call in ("create", "update/plain"):
        status, error = await send(api.client, f"policies/{call}", policy("plain" if "/" in call else "more"))
        assert (status, error["code"]) == (400, "limit_exceeded"), call
    assert (await send(api.client, "policies/update/large", policy("large", rules=rules)))[0] == 200


async def test_templates_are_valid_and_off(api: ApiHarness) -> None:
    assert {parse(each).mode for each in TEMPLATES} == {"off"}
    assert len(await api.get("policies/templates")) == len(TEMPLATES) >= 10
