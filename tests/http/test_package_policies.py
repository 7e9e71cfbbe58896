"""Policies that restrict packages: locks that are sent, known, or made after the deployment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role, system
from orvanta_platform.db import dependency_locks
from orvanta_platform.db.dependency_locks import NewLock
from orvanta_platform.errors import PolicyViolation
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.services.catalog import moves, policies
from orvanta_platform.services.runs import locks as locking
from orvanta_platform.services.runs import package_policies
from orvanta_platform.services.runs.package_policies import CodeLock
from orvanta_platform.workflow.releases.bundle import BundleItem

CODE = "import greeting\ndef main():\n    return greeting.HELLO"
OTHER = "import parting\ndef main():\n    return parting.BYE"
GOOD = "greeting==1.4\nidna==3.6"
BAD = "greeting==1.4\nleftpad==0.1"
ALLOWED = ["greeting==1.*", "idna"]
PATH = "f/team/script"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        for name in ("team", "other"):
            await made.client.post(f"{W}/folders/create", json={"name": name, "owners": ["g/all"]})
        yield made


def rule(on: str, allowed: list[str] = ALLOWED) -> dict[str, Any]:
    return {"kind": "restrict", "on": on, "field": "packages", "allowed": allowed}


async def set_policy(api: ApiHarness, *rules: dict[str, Any], **more: Any) -> None:
    rules = rules or (rule("script"), rule("node"))
    body = {"name": "packages", "scope": "f/team", "mode": "active", "message": "Ask Ann.", "rules": rules, **more}
    answer = await api.client.post(f"{W}/policies/create", json=body)
    assert answer.status_code == 200, answer.text


def script(path: str = PATH, **more: Any) -> dict[str, Any]:
    return {"path": path, "summary": "", "content": CODE, "language": "python3", **more}


def inline(id: str, content: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "rawscript", "language": "python3", "content": content, **more}}


def flow(*modules: dict[str, Any], path: str = "f/team/flow", **more: Any) -> dict[str, Any]:
    return {"path": path, "summary": "", "value": {"modules": list(modules)}, **more}


async def send(client: Any, path: str, body: Any, status: int = 201) -> Any:
    """Return the text of the answer, or its error."""
    answer = await client.post(f"{W}/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["error"] if status >= 400 else answer.text


async def key_of(api: ApiHarness, content: str, language: str = "python3") -> bytes:
    """Return the key of the lock of some code."""
    needed = await locking.requirements(api.platform, "main", Script(language, content))
    assert needed is not None
    return locking.key_of(language, content, needed)


async def make_lock(api: ApiHarness, content: str, body: str, language: str = "python3") -> bytes:
    """Store a lock as a worker does when it has made it; return its key."""
    key = await key_of(api, content, language)
    async with api.platform.db.transaction() as conn:
        await dependency_locks.store(conn, "main", NewLock(key, language, "", body, None, None))
    return key


async def finish_lock(api: ApiHarness, item: str, lock: str) -> PolicyViolation | None:
    """Store the outcome of the run that makes a lock."""
    run = (await api.get(item))["job_id"]
    return await locking.store_outcome(api.platform, UUID(run), lock=lock)


async def test_lock_that_is_sent_is_checked_at_the_deployment(api: ApiHarness) -> None:
    await set_policy(api)
    error = await send(api.client, "scripts/create", script(lock=BAD), 400)
    assert error["code"] == "policy_violation"
    wanted = "The package leftpad 0.1 of the script is not allowed. Ask Ann. (policy packages)"
    assert (error["message"], error["details"][0]["field"]) == (wanted, "packages")
    for lock in ("greeting==2.0", "greeting", "greeting @ https://files.example/greeting.whl", "idna==3 -r x"):
        await send(api.client, "scripts/create", script(lock=lock), 400)
    digest = await send(api.client, "scripts/create", script(lock=GOOD))
    assert (await api.get(f"scripts/deployment_status/h/{digest}"))["lock"] == GOOD
    await send(api.client, "scripts/create", script("f/other/script", lock=BAD))
    # An inline script may contain its lock. Neither a preview nor the check in the editor hides it.
    document = flow(inline("a", CODE, lock=GOOD), inline("b", CODE, lock=BAD))
    error = await send(api.client, "flows/create", document, 400)
    assert [(each["node"], each["path"]) for each in error["details"]] == [("b", "/value/modules/1/value")]
    checked = (await api.client.post(f"{W}/flows/validate", json=document)).json()
    assert [each["code"] for each in checked["diagnostics"] if each["severity"] == "error"] == ["policy_violation"]
    await send(api.client, "flows/create", flow(inline("a", CODE, lock=GOOD)))


async def test_known_lock_is_checked_at_the_deployment(api: ApiHarness) -> None:
    await set_policy(api)
    await make_lock(api, CODE, BAD)
    await make_lock(api, OTHER, GOOD)
    error = await send(api.client, "scripts/create", script(), 400)
    assert "leftpad 0.1" in error["message"]
    await send(api.client, "scripts/create", script(content=OTHER))
    error = await send(api.client, "flows/create", flow(inline("a", OTHER), inline("b", CODE)), 400)
    assert [each["node"] for each in error["details"]] == ["b"]
    await send(api.client, "flows/create", flow(inline("a", OTHER)))


async def test_locks_of_modules_without_ids_are_all_checked(api: ApiHarness) -> None:
    await set_policy(api)
    await make_lock(api, CODE, BAD)
    await make_lock(api, OTHER, GOOD)
    codes = {"failure": CODE, "preprocessor": OTHER}
    for refused, contents in (("failure", codes), ("preprocessor", {"failure": OTHER, "preprocessor": CODE})):
        document = flow(inline("a", "def main(): pass"))
        for name, content in contents.items():
            document["value"][f"{name}_module"] = {"value": inline("", content)["value"]}
        error = await send(api.client, "flows/create", document, 400)
        place = f"/value/{refused}_module/value"
        assert [(each["node"], each["path"]) for each in error["details"]] == [(refused, place)]


async def test_lock_made_after_the_deployment_fails_the_version(api: ApiHarness) -> None:
    first = await send(api.client, "scripts/create", script(content="def main():\n    return 'old'"))
    await set_policy(api)
    second = await send(api.client, "scripts/create", script(parent_hash=first))
    refusal = await finish_lock(api, f"scripts/deployment_status/h/{second}", BAD)
    status = await api.get(f"scripts/deployment_status/h/{second}")
    wanted = "The package leftpad 0.1 of the script is not allowed. Ask Ann. (policy packages)"
    assert refusal is not None and status["lock"] is None
    assert status["lock_error_logs"] == refusal.message and refusal.message.startswith(f"{wanted}\n")
    error = await send(api.client, f"jobs/run/h/{second}", {}, 409)
    assert error["code"] == "lock_failed" and wanted in error["details"]["lock_error_logs"]
    run = await send(api.client, f"jobs/run/p/{PATH}", {})
    assert (await api.get(f"jobs_u/get/{run}"))["script_hash"] == first
    # Nothing changes if the worker repeats the call, and the lock of a later version may be allowed.
    assert await locking.store_outcome(api.platform, UUID(status["job_id"]), lock=BAD) is None
    third = await send(api.client, "scripts/create", script(parent_hash=second))
    assert await finish_lock(api, f"scripts/deployment_status/h/{third}", GOOD) is None
    assert (await api.get(f"scripts/deployment_status/h/{third}"))["lock"] == GOOD


async def test_locks_of_a_workflow_are_checked_together(api: ApiHarness) -> None:
    await set_policy(api)
    await send(api.client, "flows/create", flow(inline("a", CODE), inline("b", OTHER)))
    keys = {"a": await make_lock(api, CODE, GOOD), "b": await make_lock(api, OTHER, f"{BAD}\nevil==1")}
    assert await finish_lock(api, "flows/deployment_status/p/f/team/flow", locking.flow_lock(keys)) is not None
    error = (await api.get("flows/get/f/team/flow"))["lock_error_logs"]
    assert error.startswith("Packages of the node b are not allowed: leftpad 0.1, evil 1. Ask Ann. (policy packages)\n")
    assert (await send(api.client, "jobs/run/f/f/team/flow", {}, 409))["code"] == "lock_failed"
    await send(api.client, "flows/create", flow(inline("a", CODE), inline("b", "import x"), path="f/team/fine"))
    keys = {"a": keys["a"], "b": await make_lock(api, "import x", GOOD)}
    assert await finish_lock(api, "flows/deployment_status/p/f/team/fine", locking.flow_lock(keys)) is None


async def test_bypass_needs_a_known_lock(api: ApiHarness) -> None:
    """A reason applies to the violations that are known when it is sent."""
    ann = await api.member("ann", Role.DEVELOPER)
    bob = await api.member("bob", Role.DEVELOPER)
    await set_policy(api, bypass=["u/ann"])
    urgent = {"policy_bypass_reason": "Incident 7"}
    first = await send(ann, "scripts/create", script(**urgent))
    assert await finish_lock(api, f"scripts/deployment_status/h/{first}", BAD) is not None
    await make_lock(api, CODE, BAD)
    await send(ann, "scripts/create", script(parent_hash=first), 400)
    await send(bob, "scripts/create", script(parent_hash=first, **urgent), 400)
    second = await send(ann, "scripts/create", script(parent_hash=first, **urgent))
    assert (await api.get(f"scripts/deployment_status/h/{second}"))["lock"] == BAD
    run = await send(api.client, f"jobs/run/p/{PATH}", {})
    assert (await api.get(f"jobs_u/get/{run}"))["script_hash"] == second
    rows = await api.get("audit/list", per_page=100)
    assert [row["resource"] for row in rows if row["operation"] == "policies.bypass"] == [PATH]


async def test_evaluated_policy_only_lists_violations(api: ApiHarness) -> None:
    await set_policy(api, mode="evaluate")
    digest = await send(api.client, "scripts/create", script())
    assert await finish_lock(api, f"scripts/deployment_status/h/{digest}", BAD) is None
    await send(api.client, "scripts/create", script("f/team/fine", lock=GOOD))
    await send(api.client, "scripts/create", script("f/team/waiting", content=OTHER))
    await send(api.client, "flows/create", flow(inline("a", CODE, lock=BAD), inline("b", OTHER)))
    key = await make_lock(api, OTHER, BAD)
    lock = locking.flow_lock({"b": key})
    assert await finish_lock(api, "flows/deployment_status/p/f/team/flow", lock) is None
    flows = await api.get("policies/violations/packages")
    found = [(each["path"], [one["node"] for one in each["violations"]]) for each in flows["items"]]
    assert found == [("f/team/flow", ["a", "b"])]
    scripts = await api.get("policies/violations/packages", after=flows["next"])
    assert [each["path"] for each in scripts["items"]] == [PATH]
    await send(api.client, f"jobs/run/p/{PATH}", {})


async def test_version_that_comes_into_use_is_checked(api: ApiHarness) -> None:
    await send(api.client, "scripts/create", script("u/admin/one", lock=BAD))
    document = flow(inline("a", CODE, lock=BAD), path="u/admin/two")
    await send(api.client, "flows/create", document)
    await set_policy(api)
    for kind, path in (("script", "u/admin/one"), ("flow", "u/admin/two")):
        move = {"items": [{"kind": kind, "path": path, "target": f"f/team/{kind}"}]}
        error = await send(api.client, "moves/apply", move, 400)
        assert "leftpad 0.1" in error["message"]
    # A version that waits for its lock is checked at its new path when the lock is made.
    digest = await send(api.client, "scripts/create", script("u/admin/three"))
    move = {"items": [{"kind": "script", "path": "u/admin/three", "target": PATH}]}
    await send(api.client, "moves/apply", move, 200)
    assert await finish_lock(api, f"scripts/deployment_status/h/{digest}", BAD) is not None


@pytest.mark.parametrize("lock", [GOOD, BAD])
async def test_lock_of_an_item_that_is_moved_meanwhile_is_checked_and_stored(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    """The outcome waits for the move, whose row of the item at the new path it cannot see at first."""
    await set_policy(api)
    digest = await send(api.client, "scripts/create", script("u/admin/moved"))
    status = f"scripts/deployment_status/h/{digest}"
    run = UUID((await api.get(status))["job_id"])
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted)"
    outcomes: list[asyncio.Task[PolicyViolation | None]] = []
    write = moves._write

    async def write_while_locked(*values: Any) -> None:
        await write(*values)
        outcomes.append(asyncio.create_task(locking.store_outcome(api.platform, run, lock=lock)))
        async with api.platform.db.acquire() as watching:
            while not await watching.fetchval(waits):
                assert not outcomes[0].done()

    monkeypatch.setattr(moves, "_write", write_while_locked)
    move = {"items": [{"kind": "script", "path": "u/admin/moved", "target": PATH}]}
    await send(api.client, "moves/apply", move, 200)
    (outcome,) = outcomes
    refusal = await outcome
    found = await api.get(status)
    if lock == GOOD:
        assert (refusal, found["lock"]) == (None, GOOD)
    else:
        assert refusal is not None and found["lock_error_logs"] == refusal.message


async def test_jobs_of_a_version_without_lock_are_checked(api: ApiHarness) -> None:
    """A first version runs before it has a lock, and a run may continue after the lock has failed."""
    await set_policy(api)
    digest = await send(api.client, "scripts/create", script())
    version = (await api.get(f"scripts/get/p/{PATH}"))["hash"]
    assert version == digest
    async with api.platform.db.acquire() as conn:
        number = await conn.fetchval("SELECT id FROM version WHERE hash = $1", digest)
    found = locking.Locks(api.platform)
    key = await make_lock(api, CODE, BAD)
    await found.require_allowed("main", number, CodeLock(None, "", "python3", GOOD), key)
    for _ in range(2):
        with pytest.raises(PolicyViolation, match=r"leftpad 0\.1"):
            await found.require_allowed("main", number, CodeLock(None, "", "python3", BAD), key)
        await finish_lock(api, f"scripts/deployment_status/h/{digest}", BAD)
    # The lock of a version that was deployed before the policy is not checked again.
    old = await send(api.client, "flows/create", flow(inline("a", CODE), path="f/other/flow"))
    assert old
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE policy SET body = jsonb_set(body, '{scope}', '\"workspace\"')")
        number = await conn.fetchval("SELECT version FROM item WHERE path = 'f/other/flow'")
    await found.require_allowed("main", number, CodeLock("a", "", "python3", BAD), key)
    with pytest.raises(PolicyViolation, match=r"leftpad 0\.1 of the node a"):
        await found.require_allowed("main", number, CodeLock("a", "", "python3", BAD), b"other")


async def test_id_of_a_node_that_is_the_key_of_its_lock_proves_nothing(api: ApiHarness) -> None:
    """The lock of the node is hidden by a note with the same id, whose code is allowed."""
    code = CODE
    while (await key_of(api, code)).hex()[0] not in "abcdef":  # the first character of an id is a letter
        code += "  #"
    key = await make_lock(api, code, BAD)
    hidden = {"id": key.hex(), "text": "x", "x": inline("x", OTHER)["value"]}
    document = flow(inline(key.hex(), code))
    document["value"]["notes"] = [hidden]
    await send(api.client, "flows/create", document)
    await set_policy(api)
    other = await make_lock(api, OTHER, GOOD)
    lock = locking.flow_lock({key.hex(): other})
    assert await finish_lock(api, "flows/deployment_status/p/f/team/flow", lock) is None
    async with api.platform.db.acquire() as conn:
        number = await conn.fetchval("SELECT version FROM item WHERE path = 'f/team/flow'")
    with pytest.raises(PolicyViolation, match=r"leftpad 0\.1"):
        await locking.Locks(api.platform).require_allowed("main", number, CodeLock(key.hex(), "", "python3", BAD), key)


async def test_long_lock_is_a_violation(api: ApiHarness) -> None:
    await set_policy(api, rule("script", ["*"]))
    many = "\n".join(f"p{n}==1" for n in range(package_policies.MAX_PACKAGES + 1))
    for lock, fault in (
        (many, "it names more than 5,000 packages"),
        (f"greeting==1.4\n#{'x' * package_policies.MAX_LENGTH}", "it is longer than 1,048,576 characters"),
        ("greeting==1.4\n-r other.txt", "'-r other.txt' is not a requirement"),
    ):
        error = await send(api.client, "scripts/create", script(lock=lock), 400)
        message = f"The packages of the script cannot be checked, because its lock cannot be read: {fault}. Ask Ann."
        assert error["message"].startswith(message)
    await send(api.client, "scripts/create", script(lock=many.rpartition("\n")[0]))


COMPOSER = (
    '{"require": {"here/greeting": "*"}}\n//composer.lock\n{"packages": [{"name": "here/greeting", "version": "1.4",'
    ' "dist": {"type": "zip", "url": "https://files.example/any.zip"}}]}'
)
PHP = "<?php\n// require:\n// here/greeting\n\nfunction main() {}"


async def test_names_in_a_lock_that_names_addresses_prove_nothing(api: ApiHarness) -> None:
    """Anybody can write a lock in which an allowed name has the address of another file."""
    await set_policy(api, rule("script", ["here/*==1.*"]))
    sent = script(content=PHP, language="php", lock=COMPOSER)
    error = await send(api.client, "scripts/create", sent, 400)
    assert "here/greeting https://files.example/any.zip" in error["message"]
    await make_lock(api, PHP, COMPOSER, "php")
    await send(api.client, "scripts/create", sent)
    await send(api.client, "scripts/create", script("f/team/known", content=PHP, language="php"))


async def test_releases_are_checked_as_far_as_they_contain_locks(api: ApiHarness) -> None:
    await set_policy(api)
    text = json.dumps({"value": {"modules": [inline("a", CODE, lock=BAD), inline("b", CODE)]}})
    code = {"content": CODE, "language": "python3"}
    items = [
        BundleItem(kind="flow", path="f/team/flow", content={"text": text}),
        BundleItem(kind="script", path="f/team/one", content={**code, "lock": BAD}),
        BundleItem(kind="script", path="f/team/two", content={**code, "lock": GOOD}),
        BundleItem(kind="script", path="f/team/three", content=code),
    ]
    found = await policies.list_blocking(api.platform, system("main"), "main", items)
    assert [(path, each.node) for _, path, each in found] == [("f/team/flow", "a"), ("f/team/one", None)]


async def test_locks_are_read_only_for_policies_about_packages(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("locks were read")

    monkeypatch.setattr(package_policies, "read_many", fail)
    await set_policy(api, {"kind": "require", "on": "script", "field": "language"})
    await set_policy(api, name="elsewhere", scope="f/other")
    await send(api.client, "scripts/create", script(lock=BAD))
    digest = await send(api.client, "scripts/create", script("f/team/two"))
    assert await finish_lock(api, f"scripts/deployment_status/h/{digest}", BAD) is None
    await send(api.client, "flows/create", flow(inline("a", CODE, lock=BAD)))
    assert (await api.get("policies/violations/packages"))["items"] == []


async def test_corrections_leave_packages(api: ApiHarness) -> None:
    """A correction changes no code, so the violation by its packages remains."""
    await send(api.client, "scripts/create", script(lock=BAD, timeout=900))
    limit = {"kind": "restrict", "on": "script", "field": "timeout", "maximum": 60}
    await set_policy(api, rule("script"), limit, mode="evaluate")
    answer = await api.client.post(f"{W}/policies/fix/packages", json={"kind": "script", "path": PATH})
    assert answer.status_code == 200 and [each["field"] for each in answer.json()] == ["packages"], answer.text
