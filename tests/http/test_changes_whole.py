"""Change sets are atomic: 200 items are read back as they were sent, and a process that is killed before any of the
statements applies nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.http.harness import ApiHarness, W
from tests.http.interrupted_database import InterruptedDatabase

from orvanta_platform.control.actor import system
from orvanta_platform.services.access import users
from orvanta_platform.services.access.users import NewAccount
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.text import write_yaml
from orvanta_platform.workflow.tree.item import OPTIONAL_KINDS, SETTINGS_PATH, Item, Key
from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.plan import Wanted
from orvanta_platform.workflow.tree.reading import read
from orvanta_platform.workflow.tree.writing import write

pytestmark = pytest.mark.extended
ACTOR = system("main")
COPY = "/api/w/copy"
PARTS = ("schedules", "triggers", "groups", "tests", "users", "settings")


class Killed(BaseException):
    """Simulated kill of the process: none of its exception handlers runs, and the database rolls back."""


def raise_killed() -> None:
    raise Killed


async def apply(platform: Platform, items: list[Item], bases: Mapping[Key, str] | None = None) -> None:
    wanted = [Wanted(*item.key, (bases or {}).get(item.key), item.content) for item in items]
    made = await change_sets.plan(platform, ACTOR, "main", ChangeSet(wanted))
    await change_sets.apply(platform, ACTOR, "main", ChangeSet(wanted), made.hash, None)


def flow(n: int, summary: str = "") -> Item:
    value = {"type": "rawscript", "language": "bash", "content": f"echo {n}\necho done\n", "input_transforms": {}}
    tree = {"summary": summary or f"Workflow {n}", "value": {"modules": [{"id": "a", "value": value}]}}
    return Item("flow", f"f/many/flow_{n}", {"text": f"# Number {n}\n{write_yaml(tree)}"})


def every_kind() -> list[Item]:
    """Return 200 items of all kinds."""
    runs = {"script_path": "f/many/flow_0", "is_flow": True}
    hook = {**runs, "http_method": "post", "workspaced_route": True, "mode": "disabled", "request_type": "sync"}
    hook |= {"authentication_method": "none", "wrap_body": False, "raw_string": False}
    tick = {"schedule": "0 0 6 * * *", "timezone": "UTC", "enabled": False, "args": {}, "missed": "once"}
    code = {"content": "echo 1\n", "language": "bash", "settings": {"summary": "Total", "kind": "script"}}
    return [
        Item("folder", "many", {"summary": "Many", "owners": ["u/admin"], "extra_perms": {"u/admin": True}}),
        Item("group", "crew", {"summary": "Crew", "members": ["admin"], "managers": ["admin"]}),
        Item("resource_type", "shop", {"description": "A shop", "schema": {"type": "object"}}),
        *(flow(n) for n in range(20)),
        Item("workflow_test", "f/many/flow_0/tests/empty", {"expect": {"result": {"equals": {}}}}),
        *(Item("script", f"f/many/script_{n}", code | {"content": f"echo {n}\n"}) for n in range(17)),
        *(
            Item("schedule", f"f/many/tick_{n}", tick | runs | {"no_flow_overlap": False, "summary": f"Tick {n}"})
            for n in range(20)
        ),
        *(Item("http_trigger", f"f/many/hook_{n}", hook | {"route_path": f"hook/{n}"}) for n in range(20)),
        *(
            Item("variable", f"f/many/var_{n}", {"value": str(n), "is_secret": False, "description": "é"})
            for n in range(59)
        ),
        *(
            Item("resource", f"f/many/res_{n}", {"resource_type": "shop", "value": {"n": n}, "description": ""})
            for n in range(60)
        ),
    ]


def members_and_settings() -> list[Item]:
    """Return items of the optional kinds; ann@example.com has an account."""
    settings = {"secrets_readable": True, "search_run_data": False, "retention_days": 30, "token_max_age_days": 90}
    return [
        Item("user", "admin@localhost", {"username": "admin", "role": "admin", "disabled": False}),
        Item("user", "ann@example.com", {"username": "ann", "role": "operator", "disabled": True}),
        Item("settings", SETTINGS_PATH, {**settings, "error_handler": "flow/f/many/flow_0"}),
    ]


async def test_tree_of_every_kind_comes_back_byte_for_byte(api: ApiHarness) -> None:
    items = [*every_kind(), *members_and_settings()]
    files, left_out = write(items)
    assert len(items) == 203 and left_out == []
    async with api.platform.db.transaction() as conn:
        await users.add_account(conn, system(), NewAccount("ann@example.com", username="ann"), None)
    sent = [read(each, files) for each in locate(files, OPTIONAL_KINDS)]
    await apply(api.platform, sent)
    found = await change_sets.read_items(api.platform, ACTOR, "main", [item.key for item in items])
    assert write(Item(*key, each.content) for key, each in found.items()) == (files, [])
    wanted = ChangeSet([Wanted(*item.key, None, item.content) for item in sent])
    made = await change_sets.plan(api.platform, ACTOR, "main", wanted)
    assert {each.action for each in made.entries} == {"unchanged"}
    await comes_back_through_an_archive(api, items)


async def comes_back_through_an_archive(api: ApiHarness, items: list[Item]) -> None:
    """Export the items, import them into an empty workspace, and export them there: the archives are equal.

    An import creates triggers disabled, as those of the archive are.
    """
    parts = "&".join(f"include_{name}=true" for name in PARTS)
    optional = "include_users=true&include_settings=true"
    archive = (await api.client.get(f"{W}/workspaces/tarball?{parts}")).content
    found = (await api.client.post(f"{W}/changes/archive?{optional}", content=archive)).json()
    assert (found["failed"], found["left_out"], len(found["items"])) == ([], [], len(items))
    planned = await api.client.post(f"{W}/changes/plan", json={"items": found["items"]})
    assert {each["action"] for each in planned.json()["entries"]} == {"unchanged"}
    created = await api.client.post("/api/workspaces/create", json={"id": "copy", "name": "Copy"})
    assert created.status_code == 201
    found = (await api.client.post(f"{COPY}/changes/archive?{optional}", content=archive)).json()
    planned = await api.client.post(f"{COPY}/changes/plan", json={"items": found["items"]})
    body = {"items": found["items"], "plan_hash": planned.json()["plan_hash"]}
    applied = await api.client.post(f"{COPY}/changes/apply", json=body)
    actions = {(each["kind"], each["path"]): each["action"] for each in applied.json()["entries"]}
    # A new workspace has a member and settings.
    assert (actions.pop(("user", "admin@localhost")), actions.pop(("settings", "settings"))) == ("unchanged", "change")
    assert set(actions.values()) == {"add"}
    assert (await api.client.get(f"{COPY}/workspaces/tarball?{parts}")).content == archive


async def test_process_killed_at_any_statement_applies_nothing(api: ApiHarness) -> None:
    first = [Item("folder", "many", {"summary": "Many"}), flow(0), Item("variable", "f/many/v", {"value": "before"})]
    await apply(api.platform, first)
    before = await change_sets.list_items(api.platform, ACTOR, "main")
    bases = {key: each.hash for key, each in before.items()}
    tick = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/many/flow_0", "is_flow": True}
    second = [
        *(flow(0, "Changed"), Item("variable", "f/many/v", {"value": "after"})),
        *(Item("variable", "f/many/secret", {"value": "s", "is_secret": True}), Item("schedule", "f/many/tick", tick)),
    ]
    killed = 0
    while True:
        dying = replace(api.platform, db=InterruptedDatabase(api.platform.db, killed, raise_killed))
        try:
            await apply(dying, second, bases)
            break
        except Killed:
            killed += 1
        assert await change_sets.list_items(api.platform, ACTOR, "main") == before
    after = await change_sets.list_items(api.platform, ACTOR, "main")
    assert killed > 20 and {item.key for item in second} <= {key for key in after if after[key] != before.get(key)}
    rows = await api.get("audit/list", operation="change_sets.apply", per_page=100)
    assert len([row for row in rows if row["operation"] == "change_sets.apply"]) == 2


async def test_of_two_concurrent_applies_one_is_refused(api: ApiHarness) -> None:
    await apply(
        api.platform, [Item("folder", "many", {"summary": "Many"}), Item("variable", "f/many/v", {"value": "0"})]
    )
    key: Key = ("variable", "f/many/v")
    for n in range(5):
        present = (await change_sets.list_items(api.platform, ACTOR, "main"))[key].hash
        mine = [Item(*key, {"value": f"{n} mine"}), Item("variable", f"f/many/mine_{n}", {"value": "1"})]
        theirs = [Item(*key, {"value": f"{n} theirs"}), Item("variable", f"f/many/theirs_{n}", {"value": "1"})]
        outcomes = await asyncio.gather(
            *(apply(api.platform, each, {key: present}) for each in (mine, theirs)), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in outcomes) in (
            ["NoneType", "StalePlan"],
            ["ChangesConflict", "NoneType"],
        )
        found = await change_sets.list_items(api.platform, ACTOR, "main")
        winner = "mine" if outcomes[0] is None else "theirs"
        assert (await api.get(f"variables/get/{key[1]}"))["value"] == f"{n} {winner}"
        names = [name for _, name in found if name.startswith("f/many/") and name.endswith(f"_{n}")]
        assert names == [f"f/many/{winner}_{n}"]
