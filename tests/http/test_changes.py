"""Change sets over the API: plans, atomic application, and archives of a workspace."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role
from orvanta_platform.services.changes import contents
from orvanta_platform.workflow import document
from orvanta_platform.workflow.hashes import hash_json

FLOW = "summary: %s\nvalue:\n  modules:\n    - id: a\n      value:\n        type: %s\n"
SCHEDULE = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/team/main", "is_flow": True, "args": {}}
HOOK = {
    "script_path": "f/team/main",
    "is_flow": True,
    "route_path": "team/hook",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "mode": "enabled",
    "request_type": "sync",
}
SHOP = {"url": "u", "key": "s"}
ITEMS: list[dict[str, Any]] = [
    {"kind": "http_trigger", "path": "f/team/hook", "content": HOOK},
    {"kind": "schedule", "path": "f/team/daily", "content": SCHEDULE},
    {"kind": "flow", "path": "f/team/main", "content": {"text": FLOW % ("Main", "flow\n        path: f/team/sub")}},
    {"kind": "flow", "path": "f/team/sub", "content": {"text": FLOW % ("Sub # with: signs", "identity")}},
    {"kind": "script", "path": "f/team/user", "content": {"content": "import f.team.zbase\n", "language": "python3"}},
    {
        "kind": "script",
        "path": "f/team/zbase",
        "content": {"content": "x = 1\n", "language": "python3", "settings": {}},
    },
    {
        "kind": "resource",
        "path": "f/team/shop",
        "content": {"resource_type": "shop", "value": {"url": "u", "key": "s"}},
    },
    {"kind": "variable", "path": "f/team/key", "content": {"is_secret": True, "value": "hidden", "description": ""}},
    {"kind": "variable", "path": "f/team/region", "content": {"is_secret": False, "value": "north"}},
    {
        "kind": "resource_type",
        "path": "shop",
        "content": {"schema": {"type": "object", "properties": {"key": {"type": "string", "password": True}}}},
    },
    {"kind": "group", "path": "crew", "content": {"summary": "Crew", "members": ["admin"], "managers": []}},
    {"kind": "folder", "path": "team", "content": {"summary": "Team", "owners": ["g/crew"]}},
]


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made


async def plan(api: ApiHarness, items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    answer = await api.client.post(f"{W}/changes/plan", json={"items": items, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def apply(api: ApiHarness, items: list[dict[str, Any]], code: int = 200, **more: Any) -> dict[str, Any]:
    made = await plan(api, items, **{name: more[name] for name in more if name != "message"})
    body = {"items": items, "plan_hash": made["plan_hash"], **more}
    answer = await api.client.post(f"{W}/changes/apply", json=body)
    assert answer.status_code == code, answer.text
    done: dict[str, Any] = answer.json()
    return done


def actions(found: dict[str, Any]) -> dict[str, str]:
    return {f"{each['kind']} {each['path']}": each["action"] for each in found["entries"]}


async def hashes(api: ApiHarness) -> dict[str, str]:
    return {f"{each['kind']} {each['path']}": each["hash"] for each in await api.get("changes/items")}


async def test_every_kind_is_applied_in_the_order_of_references(api: ApiHarness) -> None:
    made = await plan(api, ITEMS)
    order = [f"{each['kind']} {each['path']}" for each in made["entries"]]
    assert order.index("flow f/team/sub") < order.index("flow f/team/main") < order.index("schedule f/team/daily")
    assert order.index("script f/team/zbase") < order.index("script f/team/user")
    assert set(actions(made).values()) == {"add"} and not made["nothing_to_do"]
    done = await apply(api, ITEMS, message="First")
    before = await hashes(api)
    assert {f"{each['kind']} {each['path']}": each["hash"] for each in done["items"]} == before
    again = await plan(api, ITEMS)
    assert set(actions(again).values()) == {"unchanged"} and again["nothing_to_do"]
    assert (await apply(api, ITEMS))["nothing_to_do"] and await hashes(api) == before
    names = [{"kind": each["kind"], "path": each["path"]} for each in ITEMS]
    read = (await api.client.post(f"{W}/changes/read", json={"items": names})).json()
    found = {f"{each['kind']} {each['path']}": each["content"] for each in read}
    assert "hidden" not in json.dumps(read) and found["resource f/team/shop"]["value"]["key"] != "s"
    assert found["flow f/team/sub"]["text"] == FLOW % ("Sub # with: signs", "identity")
    rows = [each["operation"] for each in await api.get("audit/list", per_page=100)]
    assert rows.count("change_sets.apply") == 1 and {"flows.create", "variables.create", "groups.create"} <= set(rows)
    moved = {"kind": "resource", "path": "f/team/shop", "content": {"value": {**SHOP, "url": "v", "key": "other"}}}
    await apply(api, [moved | {"base": before["resource f/team/shop"]}])
    assert (await api.get("resources/get/f/team/shop"))["value"]["url"] == "v"
    sent = [{"kind": each["kind"], "path": each["path"], "content": each["content"]} for each in read]
    found = await plan(api, sent)
    assert [name for name, action in actions(found).items() if action != "unchanged"] == ["resource f/team/shop"]


async def test_nothing_is_applied_if_one_item_fails(api: ApiHarness) -> None:
    await apply(api, [ITEMS[-1] | {"content": {"summary": "Team"}}])
    before = await hashes(api)
    bad = [
        {"kind": "variable", "path": "f/team/fine", "content": {"value": "1"}},
        {"kind": "flow", "path": "f/team/broken", "content": {"text": FLOW % ("Broken", "nonsense")}},
        {"kind": "schedule", "path": "f/team/daily", "content": SCHEDULE | {"script_path": "f/team/gone"}},
        {"kind": "flow", "path": "f/team/good", "content": {"text": FLOW % ("Good", "identity")}},
        {"kind": "script", "path": "f/team/packaged", "content": {"content": "import six\n", "language": "python3"}},
    ]
    done = await apply(api, bad, 400)
    assert (await api.get("jobs/queue/count"))["database_length"] == 0
    refused = {each["path"]: each["error"]["code"] for each in done["error"]["details"]}
    assert done["error"]["code"] == "changes_refused"
    assert refused == {"f/team/broken": "invalid_workflow", "f/team/daily": "not_found"}
    assert await hashes(api) == before
    for content in ({"text": 1}, {}):
        answer = await api.client.post(
            f"{W}/changes/plan", json={"items": [{"kind": "flow", "path": "f/team/x", "content": content}]}
        )
        (entry,) = answer.json()["entries"]
        assert (entry["action"], entry["reason"][:33]) == ("conflict", "The content of f/team/x is not va")
        assert entry["code"] == "invalid"
    deep = '{"kind":"resource","path":"f/team/r","content":{"value":' + "[" * 900 + "]" * 900 + "}}"
    answer = await api.client.post(f"{W}/changes/plan", content=f'{{"items":[{deep}]}}')
    assert answer.status_code == 400 and "200 levels" in answer.text
    await apply(api, bad[-1:])
    assert (await api.get("jobs/queue/count"))["database_length"] == 1  # its packages are locked


async def test_change_since_the_base_is_a_conflict(api: ApiHarness) -> None:
    folder = ITEMS[-1] | {"content": {"summary": "Team"}}
    region = {"kind": "variable", "path": "f/team/region"}
    await apply(api, [folder, region | {"content": {"value": "north"}}])
    base = (await hashes(api))["variable f/team/region"]
    mine = [region | {"base": base, "content": {"value": "mine"}}]
    made = await plan(api, mine)
    assert actions(made) == {"variable f/team/region": "change"}
    await api.client.post(f"{W}/variables/update/f/team/region", json={"value": "theirs"})
    stale = await api.client.post(f"{W}/changes/apply", json={"items": mine, "plan_hash": made["plan_hash"]})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale_plan")
    done = await apply(api, mine, 409)
    assert done["error"]["details"] == [{**region, "reason": "It was changed in the workspace in the meantime."}]
    assert (await api.get("variables/get/f/team/region"))["value"] == "theirs"
    assert actions(await apply(api, mine, force=True)) == {"variable f/team/region": "change"}
    assert (await api.get("variables/get/f/team/region"))["value"] == "mine"
    gone = [region | {"base": (await hashes(api))["variable f/team/region"], "content": None}]
    assert actions(await plan(api, gone)) == {"variable f/team/region": "conflict"}
    assert actions(await plan(api, gone, prune=["f/te"])) == {"variable f/team/region": "conflict"}
    removed = await apply(api, gone, prune=["f/team"])
    assert actions(removed) == {"variable f/team/region": "remove"} and removed["items"] == []
    assert actions(await plan(api, mine)) == {"variable f/team/region": "conflict"}


async def test_members_read_and_change_what_they_may(api: ApiHarness) -> None:
    await apply(api, [*ITEMS[2:4], ITEMS[8], ITEMS[-1] | {"content": {"summary": "Team"}}])
    viewer = await api.member("viewer", Role.VIEWER)
    developer = await api.member("developer", Role.DEVELOPER)
    limited = await api.member("limited", Role.ADMIN, scopes=["workspaces:read", "flows:read"])
    assert [each["kind"] for each in (await viewer.get(f"{W}/changes/items")).json()] == []
    assert {each["kind"] for each in (await limited.get(f"{W}/changes/items")).json()} == {"flow"}
    body = {"items": [ITEMS[8] | {"content": {"value": "taken"}}]}
    made = (await developer.post(f"{W}/changes/plan", json=body)).json()
    assert actions(made) == {"variable f/team/region": "add"}
    # Items that the caller may not read seem to be new.
    assert made["entries"][0]["reason"] == "You may not read this item, which may exist."
    absent = {"items": [ITEMS[8] | {"path": "u/developer/absent"}]}
    assert "reason" not in (await developer.post(f"{W}/changes/plan", json=absent)).json()["entries"][0]
    answer = await developer.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})
    assert answer.json()["error"]["details"][0]["error"]["code"] == "not_found"
    assert (await viewer.post(f"{W}/changes/apply", json={**body, "plan_hash": "x"})).status_code == 403
    # Removals of what the caller may not read say that it may exist, whether it does or not.
    removals = [{**ITEMS[8], "content": None}, {"kind": "variable", "path": "f/team/none", "content": None}]
    for caller, doubt in ((api.client, False), (developer, True), (limited, True)):
        entries = (await caller.post(f"{W}/changes/plan", json={"items": removals[1:]})).json()["entries"]
        assert [(each["action"], "reason" in each) for each in entries] == [("unchanged", doubt)]
        if doubt:
            both = (await caller.post(f"{W}/changes/plan", json={"items": removals})).json()["entries"]
            assert [each["reason"] for each in both] == [entries[0]["reason"]] * 2
    own = {"items": [{"kind": "variable", "path": "u/developer/own", "content": {"value": "1"}}]}
    made = (await developer.post(f"{W}/changes/plan", json=own)).json()
    done = await developer.post(f"{W}/changes/apply", json={**own, "plan_hash": made["plan_hash"]})
    assert done.status_code == 200
    names = zipfile.ZipFile(
        io.BytesIO((await viewer.get(f"{W}/workspaces/tarball?archive_type=zip")).content)
    ).namelist()
    assert names == []


async def test_token_with_scopes_of_items_changes_these_alone(api: ApiHarness) -> None:
    folders = [ITEMS[-1] | {"content": {"summary": "Team"}}, {"kind": "folder", "path": "other", "content": {}}]
    flow, script, region = ITEMS[3], ITEMS[5], ITEMS[8]
    outside = flow | {"path": "f/other/sub"}
    await apply(api, [*folders, flow, script, region, outside])
    before = await hashes(api)
    pusher = await api.member("pusher", Role.ADMIN, scopes=["flows:write:f/team/*", "scripts:read"])
    listed = (await pusher.get(f"{W}/changes/items")).json()
    assert {each["path"]: each["hash"] for each in listed} == {
        each["path"]: before[f"{each['kind']} {each['path']}"] for each in (flow, script)
    }
    names = [{"kind": each["kind"], "path": each["path"]} for each in (*folders, flow, script, region, outside)]
    read = (await pusher.post(f"{W}/changes/read", json={"items": names})).json()
    assert {each["path"] for each in read} == {"f/team/sub", "f/team/zbase"}

    async def sent(item: dict[str, Any], **more: Any) -> Any:
        body = {"items": [item], **more}
        made = (await pusher.post(f"{W}/changes/plan", json=body)).json()
        return await pusher.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})

    text = {"content": {"text": FLOW % ("Pushed", "identity")}}
    done = await sent(flow | text | {"base": before["flow f/team/sub"]})
    assert done.status_code == 200 and (await api.get("flows/get/f/team/sub"))["summary"] == "Pushed"
    now = await hashes(api)
    for item in (
        outside | text,
        flow | text | {"path": "f/other/new"},
        script | {"content": {"content": "x = 2\n", "language": "python3"}},
        region | {"content": {"value": "taken"}},
        {"kind": "variable", "path": "f/team/new", "content": {"value": "1", "is_secret": True}},
        {"kind": "folder", "path": "new", "content": {"summary": "New"}},
        {"kind": "group", "path": "crew", "content": {"members": ["admin"]}},
        {"kind": "resource_type", "path": "shop", "content": {"description": "A shop"}},
        {"kind": "script", "path": "f/team/zbase", "content": None, "base": before["script f/team/zbase"]},
    ):
        refused = await sent(item, force=True, prune=[""])
        assert refused.json()["error"]["code"] == "changes_refused", (item, refused.text)
    gone = await sent(outside | {"content": None}, force=True, prune=[""])
    assert gone.json()["nothing_to_do"] and await hashes(api) == now
    runner = await api.member("runner", Role.ADMIN, scopes=["jobs:run", "files:write"])
    viewer = await api.member("viewer", Role.VIEWER, scopes=["flows:write"])
    assert (await runner.get(f"{W}/changes/items")).status_code == 403
    for client in (runner, viewer):
        answer = await client.post(f"{W}/changes/apply", json={"items": [], "plan_hash": "x"})
        assert answer.status_code == 403


async def test_archive_has_the_same_bytes_for_the_same_items(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    every = "&".join(f"include_{name}=true" for name in ("schedules", "triggers", "users", "groups", "settings"))
    first, second = [await api.client.get(f"{W}/workspaces/tarball?archive_type=zip&{every}") for _ in range(2)]
    assert first.content == second.content and first.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(first.content))
    assert archive.namelist() == sorted(
        [
            *("f/team/folder.meta.json", "f/team/main.flow.json", "f/team/sub.flow.json", "f/team/user.py"),
            *("f/team/user.script.json", "f/team/zbase.py", "f/team/zbase.script.json", "shop.resource-type.json"),
            *("f/team/shop.resource.json", "f/team/key.variable.json", "f/team/region.variable.json"),
            *("f/team/daily.schedule.json", "f/team/hook.http_trigger.json", "groups/crew.group.json"),
            *("settings.json", "users/admin@localhost.user.json"),
        ]
    )
    assert b"hidden" not in b"".join(map(archive.read, archive.namelist()))
    assert json.loads(archive.read("f/team/key.variable.json")) == {"value": "", "is_secret": True, "description": ""}
    tar = await api.client.get(f"{W}/workspaces/tarball?skip_secrets=true&skip_resources=true&default_ts=deno")
    with tarfile.open(fileobj=io.BytesIO(tar.content)) as opened:
        names = opened.getnames()
    assert "f/team/region.variable.json" in names and "f/team/key.variable.json" not in names
    assert "f/team/daily.schedule.json" not in names and "f/team/shop.resource.json" not in names
    for query, code in (("archive_type=rar", 400), ("plain_secret=true", 403)):
        assert (await api.client.get(f"{W}/workspaces/tarball?{query}")).status_code == code


async def test_workflow_deployed_as_json_has_a_text(api: ApiHarness) -> None:
    await apply(api, [ITEMS[-1] | {"content": {"summary": "Team"}}])
    body = {
        "path": "f/team/json",
        "summary": "On",
        "tag": "fast",
        "value": {"modules": []},
        "schema": {"type": "object"},
    }
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    name = {"kind": "flow", "path": "f/team/json"}
    (read,) = (await api.client.post(f"{W}/changes/read", json={"items": [name]})).json()
    text = read["content"]["text"]
    assert text == "summary: 'On'\nvalue:\n  modules: []\nschema:\n  type: object\ntag: fast\n"
    for base in (None, read["hash"]):
        assert (await plan(api, [{**name, "base": base, "content": {"text": f"# same\n{text}"}}]))["nothing_to_do"]
    changed = [{**name, "base": read["hash"], "content": {"text": text.replace("fast", "slow")}}]
    (entry,) = (await apply(api, changed))["items"]
    assert (await api.get("flows/get/f/team/json"))["tag"] == "slow"
    commented = [{**name, "base": entry["hash"], "content": {"text": "# why\n" + changed[0]["content"]["text"]}}]
    assert actions(await plan(api, commented)) == {"flow f/team/json": "change"}
    assert (await plan(api, [commented[0] | {"base": None}]))["nothing_to_do"]


async def test_documents_are_read_without_a_connection(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is in use while documents are parsed for seconds, so other workspaces are not delayed."""
    items = [*ITEMS[2:4], ITEMS[-1] | {"content": {"summary": "Team"}}]
    await apply(api, items)
    used: list[int] = []
    parse = document.parse
    pool = api.platform.db.pool

    def counted(body: bytes, format: Any, **limits: bool) -> Any:
        used.append(pool.get_size() - pool.get_idle_size())
        return parse(body, format, **limits)

    def hashed(content: object) -> str:
        used.append(pool.get_size() - pool.get_idle_size())
        assert threading.current_thread() is not threading.main_thread()
        return hash_json(content)

    monkeypatch.setattr(document, "parse", counted)
    changed = [items[0] | {"content": {"text": items[0]["content"]["text"] + "# note\n"}}, *items[1:]]
    assert (await plan(api, changed))["nothing_to_do"] and set(used) == {0}
    assert (await apply(api, changed))["nothing_to_do"] and set(used) == {0}
    monkeypatch.setattr(contents, "hash_json", hashed)
    used.clear()
    assert (await api.client.get(f"{W}/workspaces/tarball?include_groups=true")).status_code == 200
    assert used == [0] * len(items), "each item is hashed in a thread, and no document is parsed"


async def test_change_sets_have_limits(api: ApiHarness) -> None:
    """Limits apply to the size and number of contents, the items of a read, and the number of waiting calls."""
    name = {"kind": "variable", "path": "f/team/region"}
    large = [{"kind": "script", "path": "f/x/y", "content": {"content": "#" * (4 << 20), "language": "bash"}}]
    values = f'[{{"kind":"resource","path":"f/x/y","content":{{"value":[{"0," * (5 << 20)}0]}}}}]'
    for route, body in (
        ("plan", json.dumps({"items": large})),
        ("apply", json.dumps({"items": large, "plan_hash": "x"})),
        ("plan", f'{{"items":{values}}}'),
        ("plan", json.dumps({"items": [], "prune": ["f/x"] * 5001})),
        ("read", json.dumps({"items": [name] * 5001})),
    ):
        answer = await api.client.post(f"{W}/changes/{route}", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large"), route
        assert answer.json()["error"]["hint"]
    # Of one member 8 calls are accepted, in all 20 that wait.
    ann, bob = await api.member("ann", Role.ADMIN), await api.member("bob", Role.ADMIN)
    calls: tuple[
        tuple[Literal["changes", "archive"], Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]], ...
    ] = (
        ("changes", lambda client: client.post(f"{W}/changes/plan", json={"items": []})),
        ("archive", lambda client: client.get(f"{W}/workspaces/tarball")),
    )
    for what, call in calls:
        waiting: set[asyncio.Future[httpx.Response]] = set()
        async with api.platform.turns.take(what, "main"):
            for client, many in ((api.client, 9), (ann, 9), (bob, 5)):
                tasks = [asyncio.ensure_future(call(client)) for _ in range(many)]
                (refused,), others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                assert refused.result().status_code == 429 and len(others) == many - 1
                waiting |= others
            assert api.platform.db.pool.get_idle_size() == api.platform.db.pool.get_size()
        assert {each.status_code for each in await asyncio.gather(*waiting)} == {200}


async def test_item_above_the_limit_is_named(api: ApiHarness) -> None:
    content = {"content": "#" * (4 << 20), "language": "bash"}
    items = [{"kind": "script", "path": "f/team/large", "content": content}]
    answer = await api.client.post(f"{W}/changes/plan", json={"items": items})
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "The script f/team/large is too large: an item has at most 4 MiB."
