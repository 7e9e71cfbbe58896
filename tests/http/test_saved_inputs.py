"""Saved inputs of scripts and workflows."""

from __future__ import annotations

import httpx
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role

CODE = {"summary": "", "content": "echo 1", "language": "bash"}
OF = {"runnable_id": "f/team/script", "runnable_type": "ScriptPath"}
SECRET = {"type": "object", "properties": {"key": {"type": "string", "password": True}}}


async def prepare(api: ApiHarness) -> httpx.AsyncClient:
    """Create scripts that everybody may use, and one that only admins may use; return a member's client."""
    for folder, owners in (("team", ["g/all"]), ("secret", [])):
        await api.client.post(f"{W}/folders/create", json={"name": folder, "owners": owners})
        await api.client.post(f"{W}/scripts/create", json={**CODE, "path": f"f/{folder}/script"})
    await api.client.post(f"{W}/scripts/create", json={**CODE, "path": "f/team/locked", "schema": SECRET})
    return await api.member("bea", Role.OPERATOR)


async def test_saved_inputs_are_private_until_they_are_public(api: ApiHarness) -> None:
    bea = await prepare(api)
    cat = await api.member("cat", Role.OPERATOR)
    saved = await bea.post(f"{W}/inputs/create", params=OF, json={"name": "usual", "args": {"n": 1}})
    assert saved.status_code == 201, saved.text
    args = f"{W}/inputs/{saved.text}/args"
    assert (await bea.get(args)).json() == {"n": 1}
    assert (await cat.get(args)).status_code == 404
    assert (await cat.get(f"{W}/inputs/list", params=OF)).json() == []
    change = {"id": saved.text, "name": "common", "is_public": True}
    assert (await cat.post(f"{W}/inputs/update", json=change)).status_code == 404
    assert (await bea.post(f"{W}/inputs/update", json=change)).text == saved.text
    assert [each["name"] for each in (await cat.get(f"{W}/inputs/list", params=OF)).json()] == ["common"]
    assert (await cat.get(args)).json() == {"n": 1}
    move = {"items": [{"kind": "script", "path": "f/team/script", "target": "f/team/moved"}]}
    assert (await api.client.post(f"{W}/moves/apply", json=move)).status_code == 200
    of_moved = {**OF, "runnable_id": "f/team/moved"}
    assert [each["id"] for each in (await cat.get(f"{W}/inputs/list", params=of_moved)).json()] == [saved.text]
    assert (await cat.post(f"{W}/inputs/delete/{saved.text}")).status_code == 403
    viewer = await api.member("vic", Role.VIEWER)
    assert (await viewer.post(f"{W}/inputs/create", params=of_moved, json={"name": "x", "args": {}})).status_code == 403
    assert (await api.client.post(f"{W}/inputs/delete/{saved.text}")).status_code == 200
    assert (await bea.get(args)).status_code == 404


async def test_inputs_that_may_contain_passwords_are_not_saved(api: ApiHarness) -> None:
    await prepare(api)
    body = {"name": "x", "args": {"key": "hush"}}
    answer = await api.client.post(f"{W}/inputs/create", params={**OF, "runnable_id": "f/team/locked"}, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_password")
    for sent, status in (({"name": " ", "args": {}}, 400), ({"name": "x", "args": [1]}, 400)):
        assert (await api.client.post(f"{W}/inputs/create", params=OF, json=sent)).status_code == status


async def test_history_lists_ended_runs_with_their_arguments(api: ApiHarness) -> None:
    bea = await prepare(api)
    run = (await bea.post(f"{W}/jobs/run/p/f/team/script", json={"n": 7})).text
    assert (await bea.get(f"{W}/inputs/history", params=OF)).json() == []
    await api.worker.finish((await api.worker.claim())[""], 1)
    (found,) = (await bea.get(f"{W}/inputs/history", params=OF)).json()
    assert (found["id"], found["created_by"], found["success"]) == (run, "bea", True)
    assert (await bea.get(f"{W}/inputs/{run}/args")).json() == {"n": 7}
