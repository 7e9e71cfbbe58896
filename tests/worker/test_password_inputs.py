"""Inputs that are passwords by their schema: jobs receive them, but no table or response contains them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W, api_harness
from tests.http.test_token_limits import limited as limited_client
from tests.polling import POLL_S
from tests.worker.test_masked_jobs import House, digest, working

from orvanta_platform.control import secrets
from orvanta_platform.control.actor import Role
from orvanta_platform.control.secrets import DataKey
from orvanta_platform.daemons import timers
from orvanta_platform.workflow.mask import MASK

PASSWORD, DEEP, OF_TYPE = "pass-word-of-the-run", "deep-password-in-a-list", "password-of-a-database"
STORED = ("value", "event", "audit", "inbox", "log_chunk", "opening", "run_live", "run", "run_text", "stream_chunk")
SCHEMA = {
    "type": "object",
    "properties": {
        "user": {"type": "string"},
        "password": {"type": "string", "format": "password", "minLength": 8},
        "list": {"type": "array", "items": {"properties": {"key": {"type": "string", "format": "password"}}}},
        "db": {"type": "object", "format": "resource-postgresql"},
    },
}
ARGS = {
    "user": "ada",
    "password": PASSWORD,
    "list": [{"key": DEEP, "name": "n"}],
    "db": {"host": "h", "password": OF_TYPE},
}
SHOWN = {
    "user": "ada",
    "password": MASK,
    "list": [{"key": MASK, "name": "n"}],
    "db": {"host": "h", "password": MASK},
}
ALL = """
import hashlib
def main(user='', password='', list=None, db=None):
    print(password, list, db)
    texts = [password, (list or [{}])[0].get('key'), (db or {}).get('password')]
    return {'digest': hashlib.sha256(str(texts).encode()).hexdigest(), 'echo': [password, list, db]}
"""
EXPECTED = {"digest": digest([PASSWORD, DEEP, OF_TYPE]), "echo": [MASK, SHOWN["list"], SHOWN["db"]]}
HASH = "import hashlib\ndef main(x):\n    return hashlib.sha256(str(x).encode()).hexdigest()\n"


@pytest.fixture
async def house(database: TestDatabase, tmp_path: Path) -> AsyncIterator[House]:
    async with api_harness(database, tmp_path / "home") as api:
        firing = asyncio.create_task(timers.run(api.platform))
        async with working(api, tmp_path):
            yield House(api)
        firing.cancel()


async def post(client: httpx.AsyncClient, call: str, body: Any, status: int = 201) -> httpx.Response:
    answer = await client.post(f"{W}/{call}", json=body)
    assert answer.status_code in (200, status), answer.text
    return answer


async def script(house: House, path: str = "f/team/login", content: str = ALL) -> None:
    body = {"path": path, "summary": "", "content": content, "language": "python3", "schema": SCHEMA}
    await post(house.api.client, "scripts/create", body)


async def deploy(house: House, path: str, value: dict[str, Any], schema: Any = SCHEMA) -> None:
    await post(house.api.client, "flows/create", {"path": path, "summary": "", "value": value, "schema": schema})


async def writer(house: House) -> httpx.AsyncClient:
    """Return the client of a developer with write access to f/team."""
    oda = await house.api.member("oda", role=Role.DEVELOPER)
    await post(house.api.client, "folders/addowner/team", {"owner": "u/oda"}, 200)
    return oda


async def ended(house: House, id: str) -> Any:
    while not (found := await house.api.get(f"jobs_u/completed/get_result_maybe/{id}"))["completed"]:
        await asyncio.sleep(POLL_S)
    return found["result"]


def code(content: str, **inputs: str) -> dict[str, Any]:
    transforms = {name: {"type": "javascript", "expr": expr} for name, expr in inputs.items()}
    return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": transforms}


async def nowhere(house: House, *texts: str) -> None:
    """Check that no table contains any of these texts."""
    held = await house.stored(*STORED)
    for text in texts:
        assert text not in held, text


READS = (
    "jobs_u/get_args/{0}",
    "jobs_u/get/{0}",
    "jobs_u/completed/get/{0}",
    "jobs_u/completed/get_result/{0}",
    "jobs_u/get_logs/{0}",
    "jobs_u/getupdate/{0}",
    "jobs/list?has_null_parent=true",
    "jobs/list?args=%7B%7D",
)


async def test_script_receives_passwords_that_nobody_can_read(house: House) -> None:
    await script(house)
    id = (await post(house.api.client, "jobs/run/p/f/team/login", ARGS)).text
    assert await ended(house, id) == EXPECTED
    viewer = await house.api.member("vera", role=Role.VIEWER)
    assert await house.api.get(f"jobs_u/get_args/{id}") == SHOWN
    for call in READS:
        for client in (house.api.client, viewer):
            text = (await client.get(f"{W}/{call.format(id)}")).text
            assert not any(each in text for each in (PASSWORD, DEEP, OF_TYPE)), call
    await nowhere(house, PASSWORD, DEEP, OF_TYPE)


async def test_restarted_run_has_passwords(house: House) -> None:
    """The user who started a run can rerun it, unchanged or edited. Masks in the arguments of others are refused."""
    await script(house)
    oda = await writer(house)
    id = (await post(house.api.client, "jobs/run/p/f/team/login", ARGS)).text
    assert await ended(house, id) == EXPECTED
    again = (await post(house.api.client, f"jobs/rerun/{id}", None)).text
    assert await ended(house, again) == EXPECTED
    third = (await post(house.api.client, f"jobs/rerun/{again}", None)).text
    assert await ended(house, third) == EXPECTED
    edited = {**SHOWN, "user": "bob"}
    own = await post(house.api.client, f"jobs/rerun/{id}", edited)
    assert (await ended(house, own.text))["digest"] == EXPECTED["digest"]
    refused = await oda.post(f"{W}/jobs/rerun/{id}", json=edited)
    assert refused.status_code == 400 and "/password" in refused.text, refused.text
    refused = await house.api.client.post(f"{W}/jobs/run/p/f/team/login", json=SHOWN)
    assert refused.status_code == 400, "a mask stands for no password of a new run"
    await nowhere(house, PASSWORD, DEEP, OF_TYPE)


async def test_run_with_passwords_of_others_cannot_be_repeated(house: House) -> None:
    """Other users could reveal the passwords by newer code, a pause condition, or an input of a paused node."""
    reverses = "def main(password='', x='', **more):\n    return (password or x)[::-1]\n"
    await script(house)
    client, oda = house.api.client, await writer(house)
    of_script = (await post(client, "jobs/run/p/f/team/login", ARGS)).text
    await deploy(house, "f/team/flow", {"modules": [{"id": "a", "value": code(HASH, x="flow_input.password")}]})
    of_flow = (await post(client, "jobs/run/f/f/team/flow", ARGS)).text
    assert await ended(house, of_script) == EXPECTED and await ended(house, of_flow) == digest(PASSWORD)
    parent = (await oda.get(f"{W}/scripts/get/p/f/team/login")).json()["hash"]
    new = {"path": "f/team/login", "summary": "", "content": reverses, "language": "python3", "schema": SCHEMA}
    await post(oda, "scripts/create", {**new, "parent_hash": parent})
    value = {"modules": [{"id": "a", "value": code(reverses, x="flow_input.password")}]}
    await post(
        oda, "flows/update/f/team/flow", {"path": "f/team/flow", "summary": "", "value": value, "schema": SCHEMA}
    )
    newest = max(each["id"] for each in await house.api.get("flows/history/p/f/team/flow"))
    tells = "(() => { throw new Error(flow_input.password.split('').join(' ')) })()"
    limited = await limited_client(house.api, "jobs:run", "jobs:read", "jobs:edit")
    for caller in (oda, limited):
        for call, body, query in (
            (f"rerun/{of_script}", None, {}),
            (f"rerun/{of_script}", None, {"latest": "true"}),
            (f"rerun/{of_flow}", None, {"pause_before": "a", "pause_if": tells}),
            (f"restart/f/{of_flow}", {"step_id": "a"}, {}),
            (f"restart/f/{of_flow}", {"step_id": "a", "flow_version": newest}, {}),
        ):
            refused = await caller.post(f"{W}/jobs/{call}", json=body, params=query)
            assert refused.status_code == 409 and "password inputs" in refused.text.lower(), refused.text
        batch = {"job_ids": [of_script], "script_options_by_path": {"f/team/login": {"use_latest_version": True}}}
        many = await caller.post(f"{W}/jobs/run/batch_rerun_jobs", json=batch)
        assert many.text.startswith("Error: "), many.text


async def test_expressions_read_passwords_and_values_are_masked(house: House) -> None:
    bearer = code(HASH, x="'Bearer ' + flow_input.password")
    exported = {"v": {"type": "javascript", "expr": "flow_input.password"}}
    asked = f"flow_input.password === '{PASSWORD[:4]}' + '{PASSWORD[4:]}'"
    taken = {"expr": asked, "modules": [{"id": "yes", "value": code(HASH, x="flow_input.list[0].key")}]}
    modules = [
        {"id": "a", "value": bearer, "export": exported},
        {"id": "c", "value": {"type": "branchone", "branches": [taken], "default": []}},
    ]
    output = {"type": "javascript", "expr": "({a: results.a, c: results.c, p: flow_input.password, v: context.v})"}
    await deploy(house, "f/team/flow", {"modules": modules, "output": output})
    id = (await post(house.api.client, "jobs/run/f/f/team/flow", ARGS)).text
    expected = {"a": digest(f"Bearer {PASSWORD}"), "c": digest(DEEP), "p": MASK, "v": MASK}
    assert await ended(house, id) == expected
    assert await house.api.get(f"jobs_u/get_args/{id}") == SHOWN
    again = (await post(house.api.client, f"jobs/restart/f/{id}", {"step_id": "a"})).text
    assert await ended(house, again) == expected
    held = (await house.stored(*STORED)).replace(f"'{PASSWORD[:4]}'", "")
    assert PASSWORD not in held and DEEP not in held and OF_TYPE not in held


async def test_edited_workflow_does_not_receive_passwords_of_others(house: House) -> None:
    """The editor of the workflow could reveal the passwords."""
    await deploy(house, "f/team/flow", {"modules": [{"id": "a", "value": code(HASH, x="flow_input.password")}]})
    id = (await post(house.api.client, "jobs/run/f/f/team/flow", ARGS)).text
    assert await ended(house, id) == digest(PASSWORD)
    oda = await writer(house)
    reverses = "def main(x):\n    return x[::-1]\n"
    value = {"modules": [{"id": "a", "value": code(reverses, x="flow_input.password")}]}
    body = {"value": value, "restarted_from": {"flow_job_id": id, "step_id": "a"}}
    refused = await oda.post(f"{W}/jobs/run/preview_flow", json=body)
    assert refused.status_code == 409 and "password inputs" in refused.text, refused.text
    own = await post(house.api.client, "jobs/run/preview_flow", body)
    assert await ended(house, own.text) == PASSWORD[::-1]


async def test_passwords_are_passed_to_sub_workflows(house: House) -> None:
    """A password is passed alone or inside a text. The schema of the sub-workflow determines its password inputs."""
    inner = {"modules": [{"id": "b", "value": code(HASH, x="[flow_input.x, flow_input.secret]")}]}
    schema = {"properties": {"x": {}, "secret": {"type": "string", "format": "password"}}}
    await deploy(house, "f/team/sub", inner, schema)
    for expr, given in (("flow_input.password", PASSWORD), ("'Bearer ' + flow_input.password", f"Bearer {PASSWORD}")):
        inputs = {
            "x": {"type": "javascript", "expr": expr},
            "secret": {"type": "javascript", "expr": "'p-' + flow_input.user + '-as-well'"},
        }
        call = {"id": "s", "value": {"type": "flow", "path": "f/team/sub", "input_transforms": inputs}}
        path = f"f/team/top{len(expr)}"
        await deploy(house, path, {"modules": [call]})
        id = (await post(house.api.client, f"jobs/run/f/{path}", ARGS)).text
        assert await ended(house, id) == digest([given, "p-ada-as-well"])
        listed = await house.api.get("jobs/list", parent_job=id, script_path_exact="f/team/sub")
        child = next(each["id"] for each in listed if each["job_kind"] == "flow")
        assert await house.api.get(f"jobs_u/get_args/{child}") == {"x": MASK, "secret": MASK}
        again = (await post(house.api.client, f"jobs/rerun/{child}", None)).text
        assert await ended(house, again) == digest([given, "p-ada-as-well"])
    await nowhere(house, PASSWORD, "p-ada-as-well")


async def test_preprocessor_returns_passwords(house: House) -> None:
    """A password of the input remains one under the same name; the schema of the workflow can add passwords."""
    content = """
def main(**event):
    return {"password": event["password"], "list": [{"key": event["body"] + "-in-a-list"}]}
"""
    first = {"id": "preprocessor", "value": {**code(content), "input_transforms": {}}}
    node = {"id": "b", "value": code(HASH, x="[flow_input.password, flow_input.list[0].key]")}
    await deploy(house, "f/team/pre", {"preprocessor_module": first, "modules": [node]})
    id = (await post(house.api.client, "jobs/run/f/f/team/pre", {"password": PASSWORD, "body": "deep-password"})).text
    assert await ended(house, id) == digest([PASSWORD, DEEP])
    assert await house.api.get(f"jobs_u/get_args/{id}") == {"password": MASK, "list": [{"key": MASK}]}
    again = (await post(house.api.client, f"jobs/rerun/{id}?skip_preprocessor=true", None)).text
    assert await ended(house, again) == digest([PASSWORD, DEEP])
    await nowhere(house, PASSWORD, DEEP)


async def test_preprocessor_runs_once_while_database_restarts(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost when the passwords that it has returned are encrypted."""
    ran = tmp_path / "ran"
    content = f"def main(**event):\n    open({str(ran)!r}, 'a').write('x')\n    return {{'password': {PASSWORD!r}}}\n"
    first = {"id": "preprocessor", "value": {**code(content), "input_transforms": {}}}
    node = {"id": "b", "value": code(HASH, x="flow_input.password")}
    await deploy(house, "f/team/pre", {"preprocessor_module": first, "modules": [node]})
    newest_key = secrets.newest_key
    failures = iter([ConnectionResetError("the server restarts")])

    async def lost_once(*args: Any) -> DataKey:
        if (error := next(failures, None)) is not None:
            raise error
        return await newest_key(*args)

    monkeypatch.setattr(secrets, "newest_key", lost_once)
    id = (await post(house.api.client, "jobs/run/f/f/team/pre", {"body": "b"})).text
    assert await ended(house, id) == digest(PASSWORD)
    assert next(failures, None) is None and ran.read_text() == "x"


async def test_reference_is_not_treated_as_password(house: House) -> None:
    await script(house)
    body = {"path": "f/team/pw", "value": PASSWORD, "is_secret": True, "description": ""}
    await post(house.api.client, "variables/create", body)
    given = {**ARGS, "password": "$var:f/team/pw"}
    id = (await post(house.api.client, "jobs/run/p/f/team/login", given)).text
    assert await ended(house, id) == EXPECTED
    assert await house.api.get(f"jobs_u/get_args/{id}") == {**SHOWN, "password": "$var:f/team/pw"}


async def test_cache_key_includes_password(house: House) -> None:
    value = {"modules": [{"id": "a", "value": code(HASH, x="flow_input.password")}], "cache_ttl": 60}
    await deploy(house, "f/team/cached", value)
    for password in (PASSWORD, DEEP, PASSWORD):
        id = (await post(house.api.client, "jobs/run/f/f/team/cached", {"password": password})).text
        assert await ended(house, id) == digest(password)
