"""Captured requests of scripts and workflows: permissions, stored data, limits and retention."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role
from orvanta_platform.db import captures
from orvanta_platform.services.triggers.captures import MAX_CAPTURE_BYTES, MAX_CAPTURES

FLOW = {"summary": "", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
SECRET = {"type": "object", "properties": {"key": {"type": "string", "password": True}}}
LISTEN = {"trigger_kind": "webhook", "path": "f/team/flow", "is_flow": True}
ADDRESS = f"{W}/capture_u/webhook/flow/f/team/flow"
LIST = "capture/list/flow/f/team/flow"


async def prepare(api: ApiHarness) -> None:
    """Create a workflow that everybody may run and developers may change, and one whose inputs have a password."""
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    await api.client.post(f"{W}/folders/create", json={"name": "secret"})
    for path, more in (("f/team/flow", {}), ("f/team/locked", {"schema": SECRET}), ("f/secret/flow", {})):
        answer = await api.client.post(f"{W}/flows/create", json={**FLOW, "path": path, **more})
        assert answer.status_code == 201, answer.text


async def test_request_is_captured_while_editor_listens(api: ApiHarness) -> None:
    await prepare(api)
    dev, caller = await api.member("dev", Role.DEVELOPER), await api.member("opal", Role.OPERATOR)
    assert (await caller.post(ADDRESS, json={"n": 1})).status_code == 404
    config = {**LISTEN, "trigger_config": {"route_path": "x"}}
    assert (await dev.post(f"{W}/capture/set_config", json=config)).json() == {}
    headers = {"X-Shop": "7", "X-Gitlab-Event": "Push Hook", "X-Api-Key": "hush", "X-Pw": "hush", "X-Sso": "hush"}
    sent = await caller.post(ADDRESS, params={"include_header": "X-Shop"}, json={"n": 1}, headers=headers)
    assert sent.status_code == 201, sent.text
    (found,) = (await dev.get(f"{W}/{LIST}")).json()
    assert found == (await dev.get(f"{W}/capture/{sent.text}")).json() and found["id"] == int(sent.text)
    assert found["main_args"] == found["preprocessor_args"] == {"n": 1, "x_shop": "7"}
    assert (found["headers"]["x-shop"], found["headers"]["x-gitlab-event"]) == ("7", "Push Hook")
    assert set(found["headers"]) - {"accept", "content-length", "content-type", "user-agent"} == {
        "x-shop",
        "x-gitlab-event",
    }
    (listening,) = (await dev.get(f"{W}/capture/get_configs/flow/f/team/flow")).json()
    assert (listening["trigger_kind"], listening["trigger_config"]) == ("webhook", {"route_path": "x"})
    await dev.post(f"{W}/capture/set_config", json={**LISTEN, "trigger_kind": "http", "path": "u/dev/new"})
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM run_live") == 0
        await conn.execute("UPDATE capture_config SET pinged_at = app_now() - interval '61 s'")
    assert (await caller.post(ADDRESS, json={})).status_code == 404
    assert (await dev.post(f"{W}/capture/ping_config/webhook/flow/f/team/flow")).status_code == 200
    assert (await caller.post(ADDRESS, json={})).status_code == 201
    assert (await dev.delete(f"{W}/capture/{sent.text}")).status_code == 200
    assert [each["main_args"] for each in (await dev.get(f"{W}/{LIST}")).json()] == [{}]
    async with api.platform.db.acquire() as conn:
        await conn.execute(
            "UPDATE capture_config SET pinged_at = app_now() - interval '25 h' WHERE path = 'f/team/flow'"
        )
        await captures.delete_old(conn)
        assert await conn.fetchval("SELECT count(*) FROM capture") == 0
        assert await conn.fetchval("SELECT count(*) FROM capture_config") == 1


async def test_http_request_has_its_query_as_arguments_without_token(api: ApiHarness) -> None:
    await prepare(api)
    await api.client.post(f"{W}/capture/set_config", json={**LISTEN, "trigger_kind": "http"})
    address = ADDRESS.replace("webhook", "http")
    sent = await api.client.post(
        address, params={"token": "ov_x", "TOKEN": "ov_y", "page": "2", "n": "1"}, json={"n": 3}
    )
    assert (await api.get(f"capture/{sent.text}"))["main_args"] == {"page": "2", "n": 3}
    assert await api.get(LIST, trigger_kind="webhook") == []


async def test_captures_need_right_to_change_item(api: ApiHarness) -> None:
    await prepare(api)
    await api.client.post(f"{W}/capture/set_config", json=LISTEN)
    id = (await api.client.post(ADDRESS, json={"n": 1})).text
    opal, vic = await api.member("opal", Role.OPERATOR), await api.member("vic", Role.VIEWER)
    dev = await api.member("dev", Role.DEVELOPER)
    limited = await api.member("eve", Role.DEVELOPER, scopes=["jobs:run"])
    for client in (opal, vic, limited):
        for call in (LIST, f"capture/{id}", "capture/get_configs/flow/f/team/flow"):
            assert (await client.get(f"{W}/{call}")).status_code in (403, 404), call
        assert (await client.post(f"{W}/capture/set_config", json=LISTEN)).status_code in (403, 404)
        assert (await client.delete(f"{W}/capture/{id}")).status_code in (403, 404)
    assert (await limited.post(ADDRESS, json={})).status_code == 201
    assert (await vic.post(ADDRESS, json={})).status_code == 403
    hidden = {**LISTEN, "path": "f/secret/flow"}
    await api.client.post(f"{W}/capture/set_config", json=hidden)
    other = (await api.client.post(f"{W}/capture_u/webhook/flow/f/secret/flow", json={})).text
    assert (await dev.post(f"{W}/capture/set_config", json=hidden)).status_code == 404
    assert (await dev.get(f"{W}/capture/{other}")).status_code == 404
    assert (await dev.get(f"{W}/capture/list/flow/f/secret/flow")).status_code == 404
    assert (await dev.post(f"{W}/capture_u/webhook/flow/f/secret/flow", json={})).status_code == 404


async def test_captures_are_limited_in_number_size_and_kind(api: ApiHarness) -> None:
    await prepare(api)
    await api.client.post(f"{W}/capture/set_config", json=LISTEN)
    for number in range(MAX_CAPTURES + 2):
        await api.client.post(ADDRESS, json={"n": number})
    stored = [each["main_args"]["n"] for each in await api.get(LIST)]
    assert stored == list(range(MAX_CAPTURES + 1, 1, -1))
    for body in ('{"a":', "[1]", '{"a": "\\ud800"}'):
        answer = await api.client.post(ADDRESS, content=body.encode())
        assert answer.status_code in (400, 201) and (await api.client.get(f"{W}/{LIST}")).status_code == 200
    refused = [
        (await api.client.get(f"{W}/capture/{10**30}"), 400, "bad_request"),
        (await api.client.post(ADDRESS, json={"n": "x" * MAX_CAPTURE_BYTES}), 413, "too_large"),
        (
            await api.client.post(f"{W}/capture/set_config", json={**LISTEN, "trigger_kind": "kafka"}),
            400,
            "not_yet_supported",
        ),
        (await api.client.post(f"{W}/capture/set_config", json={**LISTEN, "trigger_config": 1}), 400, "bad_request"),
        (
            await api.client.post(f"{W}/capture/set_config", json={**LISTEN, "path": "f/team/locked"}),
            400,
            "unsupported_password",
        ),
        (await api.client.post(f"{W}/capture/ping_config/http/flow/f/team/flow"), 404, "not_found"),
    ]
    for answer, status, code in refused:
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_requests_with_references_are_not_captured(api: ApiHarness) -> None:
    await prepare(api)
    await api.client.post(f"{W}/capture/set_config", json={**LISTEN, "trigger_kind": "http"})
    await api.client.post(f"{W}/capture/set_config", json=LISTEN)
    caller = await api.member("eve", Role.DEVELOPER, scopes=["jobs:run"])
    text = "$res:f/team/db"
    answers = [
        await caller.post(ADDRESS, json={"n": [{"deep": text}]}),
        await api.client.post(ADDRESS, content=b'{"n": "\\u0024var:u/admin/key"}'),
        await caller.post(ADDRESS.replace("webhook", "http"), params={"n": text}, json={}),
        await caller.post(ADDRESS, params={"include_header": "X-Ref"}, headers={"X-Ref": text}, json={}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "references_in_capture")
    assert await api.get(LIST) == []
    assert (await caller.post(ADDRESS, json={"n": f"see {text}"})).status_code == 201


async def test_passwords_of_drafts_are_not_captured(api: ApiHarness) -> None:
    await prepare(api)
    await api.client.post(f"{W}/capture/set_config", json=LISTEN)
    id = (await api.client.post(ADDRESS, json={"n": 1})).text
    text = "schema:\n  properties:\n    key: {type: string, format: password}\nvalue: {modules: []}\n"
    bodies: list[dict[str, Any]] = [
        {"schema": SECRET},
        {"source": {"format": "yaml", "text": text}},
        {"source": {"format": "yaml", "text": f"{text}  - ["}},
        {"schema": SECRET, "summary": "x" * (256 << 10)},
    ]
    dev = await api.member("dev", Role.DEVELOPER)
    for body in bodies:
        draft = {"path": "f/team/flow", "typ": "flow", "value": body}
        assert (await dev.post(f"{W}/drafts/create", json=draft)).status_code == 201
        for answer in (
            await api.client.post(f"{W}/capture/set_config", json=LISTEN),
            await api.client.post(ADDRESS, json={"key": "hush"}),
            await api.client.get(f"{W}/{LIST}"),
            await api.client.get(f"{W}/capture/{id}"),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_password"), body
    draft = {"path": "f/team/flow", "typ": "flow", "value": {"summary": "a password", "schema": {"properties": {}}}}
    await dev.post(f"{W}/drafts/create", json=draft)
    assert [each["main_args"] for each in await api.get(LIST)] == [{"n": 1}]
    update = {**FLOW, "path": "f/team/flow", "schema": SECRET}
    assert (await api.client.post(f"{W}/flows/update/f/team/flow", json=update)).status_code == 200
    assert (await api.client.get(f"{W}/{LIST}")).status_code == 400
    assert (await api.client.delete(f"{W}/capture/{id}")).status_code == 200


async def test_captures_end_with_item_and_folder(api: ApiHarness) -> None:
    await prepare(api)

    async def left_after(method: str, call: str, body: Any = None) -> int:
        """Capture a request, make a call, and return the number of stored requests."""
        for path in ("f/team/flow", "f/team/new"):
            await api.client.post(f"{W}/capture/set_config", json={**LISTEN, "path": path})
            sent = await api.client.post(f"{W}/capture_u/webhook/flow/{path}", json={})
            assert sent.status_code == 201, sent.text
        answer = await api.client.request(method, f"{W}/{call}", json=body)
        assert answer.status_code == 200, answer.text
        async with api.platform.db.acquire() as conn:
            left = int(await conn.fetchval("SELECT count(*) FROM capture"))
            await conn.execute("DELETE FROM capture_config")
        return left

    moved = {"kind": "flow", "path": "f/team/flow", "target": "f/secret/moved"}
    assert await left_after("POST", "moves/apply", {"items": [moved]}) == 1
    answer = await api.client.post(f"{W}/flows/create", json={**FLOW, "path": "f/team/flow"})
    assert answer.status_code == 201, answer.text
    assert await left_after("POST", "flows/update/f/team/flow", {**FLOW, "path": "f/secret/second"}) == 1
    await api.client.post(f"{W}/flows/archive/f/team/flow", json={"archived": False})
    assert await left_after("POST", "flows/archive/f/team/flow", {"archived": True}) == 1
    assert await left_after("DELETE", "flows/delete/f/team/flow") == 1
    assert await left_after("DELETE", "folders/delete/team") == 0


async def test_requests_are_not_read_without_permission_or_beyond_limit(api: ApiHarness) -> None:
    await prepare(api)
    vic = await api.member("vic", Role.VIEWER)
    assert (await vic.post(ADDRESS, content=b"{")).status_code == 403
    assert (await api.client.post(ADDRESS, content=b"{")).status_code == 404, "nobody listens"
    await api.client.post(f"{W}/capture/set_config", json=LISTEN)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"["
        yield b"[" * MAX_CAPTURE_BYTES

    for answer in (
        await api.client.post(ADDRESS, content=b"[" * (MAX_CAPTURE_BYTES + 1)),
        await api.client.post(ADDRESS, content=pieces()),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
