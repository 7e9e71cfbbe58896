"""The hash chain of the audit trail, and the manipulations that it detects."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W

from orvanta_platform import clock
from orvanta_platform.services.access import audit_chain

UNLINKED = (
    "SELECT count(*) FROM audit AS a WHERE resource = any($1) AND NOT EXISTS "
    "(SELECT FROM audit_link AS l WHERE l.audit = a.id)"
)


async def verified(api: ApiHarness, path: str = f"{W}/audit/verify", status: int = 200, **params: Any) -> Any:
    answer = await api.client.get(path, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


async def grown(api: ApiHarness, *names: str) -> None:
    for name in names:
        assert (await api.client.post(f"{W}/groups/create", json={"name": name})).status_code == 200
    await link(api, *names)


async def link(api: ApiHarness, *names: str) -> None:
    """Link the rows of these groups. A transaction in another database of the cluster delays linking."""
    async with asyncio.timeout(60), api.platform.db.acquire() as conn:
        while await conn.fetchval(UNLINKED, names):
            await audit_chain.link_new(api.platform)


async def test_chains_of_workspaces_grow_separately(api: ApiHarness) -> None:
    await grown(api, "one", "two")
    first = await verified(api)
    await grown(api, "three")
    second = await verified(api, anchor=f"{first['links']}:{first['head']}")
    assert second["links"] > first["links"] and second["head"] != first["head"]
    assert not {"broken"} & set(second)
    instance = await verified(api, "/api/audit/verify")
    assert instance["links"] > 0 and "broken" not in instance
    assert (await verified(api, anchor=f"{first['links']}:00"))["broken"]["reason"].startswith(
        "the anchor does not belong"
    )
    assert not {"inserted", "first_unlinked"} & set(second)
    for anchor in ("x:1", "12", f"{'9' * 30}:1"):
        await verified(api, status=400, anchor=anchor)


async def test_row_of_running_transaction_is_linked_later(api: ApiHarness) -> None:
    """Rows with higher ids may be committed first; each row is linked exactly once."""
    insert = (
        "INSERT INTO audit (workspace, actor, operation, action_kind, resource)"
        " VALUES ('main', 'a', 'x.y', 'Execute', $1)"
    )
    linked = "SELECT a.resource FROM audit_link l JOIN audit a ON a.id = l.audit WHERE operation = 'x.y' ORDER BY l.n"
    async with api.platform.db.acquire() as conn:
        async with api.platform.db.transaction() as other:
            await other.execute(insert, "slow")
            await conn.execute(insert, "fast")
            _, position = await audit_chain.link_new(api.platform)
            assert await conn.fetch(linked) == []
        _, position = await audit_chain.link_new(api.platform, position)
        await audit_chain.link_new(api.platform, position)
        assert sorted(row["resource"] for row in await conn.fetch(linked)) == ["fast", "slow"]
    assert "broken" not in await verified(api)


PAIR = "audit IN (SELECT id FROM audit WHERE resource IN ('one', 'two'))"
REORDERED = f"""
UPDATE audit_link SET n = n + 1000 WHERE {PAIR};
UPDATE audit_link
SET n = n - 1000 + CASE WHEN audit = (SELECT id FROM audit WHERE resource = 'one') THEN 1 ELSE -1 END
WHERE {PAIR}
"""  # noqa: S608


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("UPDATE audit SET actor = 'somebody' WHERE resource = 'two'", "the entry was changed"),
        ("UPDATE audit SET workspace = 'admins' WHERE resource = 'two'", "the entry was changed"),
        ("DELETE FROM audit WHERE resource = 'two'", "the entry was deleted"),
        (REORDERED, "changed"),
        ("DELETE FROM audit_link WHERE audit = (SELECT id FROM audit WHERE resource = 'two')", "a link is missing"),
        ("UPDATE audit_link SET row_hash = '' WHERE audit = (SELECT id FROM audit WHERE resource = 'two')", "changed"),
    ],
)
async def test_changes_by_database_owner_are_found(
    api: ApiHarness, database: TestDatabase, attack: str, reason: str
) -> None:
    await grown(api, "one", "two", "three")
    owner = await asyncpg.connect(database.owner_url)
    try:
        for table in ("audit", "audit_link"):
            await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await owner.execute(attack)
    finally:
        await owner.close()
    assert reason in (await verified(api))["broken"]["reason"]


async def test_rows_are_linked_after_move_to_cluster_with_lower_transactions(
    api: ApiHarness, database: TestDatabase
) -> None:
    """This happens after pg_dump and pg_restore; otherwise, no new row would ever be linked."""
    await grown(api, "one")
    before = await verified(api)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await owner.execute("UPDATE audit SET xid = (xid::text::bigint + 1000000000000)::text::xid8")
    await owner.close()
    await grown(api, "two")
    after = await verified(api, anchor=f"{before['links']}:{before['head']}")
    assert after["links"] > before["links"] and "broken" not in after


async def test_rows_are_linked_after_a_standby_lost_linked_rows(api: ApiHarness) -> None:
    """The leader remembers a row that the promoted standby has not received, and transactions have lower ids again."""
    await grown(api, "one")
    async with api.platform.db.acquire() as conn:
        xid = await conn.fetchval("SELECT pg_current_xact_id()::text::bigint")
        lost = (xid + 1_000_000, await conn.fetchval("SELECT max(id) FROM audit") + 1)
        assert (await api.client.post(f"{W}/groups/create", json={"name": "two"})).status_code == 200
        async with asyncio.timeout(10):
            while await conn.fetchval(UNLINKED, ["two"]):
                await audit_chain.link_new(api.platform, lost)
    assert "broken" not in await verified(api)


async def test_cut_tail_is_found_by_published_heads(api: ApiHarness, database: TestDatabase) -> None:
    await grown(api, "one", "two", "three")
    heads = await audit_chain.publish_heads(api.platform, {})
    stored = await api.platform.storage.get(f"{audit_chain.HEADS}/{clock.now():%Y-%m-%d}.json")
    assert json.loads(stored) == heads and {"", "main"} <= set(heads)
    owner = await asyncpg.connect(database.owner_url)
    try:
        for table in ("audit", "audit_link"):
            await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        second = await owner.fetchval("SELECT id FROM audit WHERE resource = 'two'")
        await owner.execute("DELETE FROM audit_link WHERE audit >= $1", second)
        await owner.execute("DELETE FROM audit WHERE id >= $1", second)
    finally:
        await owner.close()
    assert "broken" not in await verified(api)
    assert (await verified(api, anchor=heads["main"]))["broken"]["reason"].startswith("the anchor does not belong")


async def test_retention_leaves_a_checkpoint(
    api: ApiHarness, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_chain, "BATCH", 2)
    platform = replace(api.platform, settings=replace(api.platform.settings, owner_url=database.owner_url))
    owner = await asyncpg.connect(database.owner_url)
    for name in ("one", "two", "three"):
        await api.client.post(f"{W}/groups/create", json={"name": name})
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE audit SET at = at - interval '31 days'")
    await owner.execute("SET session_replication_role = origin")
    await link(api, "one", "two", "three")
    early = await verified(api)
    await grown(api, "four")
    late = await verified(api)
    before = await owner.fetchval("SELECT count(*) FROM audit")
    assert await audit_chain.drop_old(platform) == 0
    answer = await api.client.post("/api/settings/global/audit_retention_days", json={"value": 30})
    assert answer.status_code == 200, answer.text
    assert await audit_chain.drop_old(api.platform) == 0, "the application cannot delete"
    dropped = await audit_chain.drop_old(replace(platform))
    assert 0 < dropped < before
    names = [
        row["resource"] for row in await owner.fetch("SELECT resource FROM audit WHERE operation = 'groups.create'")
    ]
    assert names == ["four"]
    found = await verified(api, anchor=f"{late['links']}:{late['head']}")
    assert "broken" not in found
    await grown(api, "five")
    assert (await verified(api))["links"] > late["links"]
    assert (await verified(api, status=400, anchor="1:00"))["error"]["hint"] == "Use a later anchor."
    rows = (await api.client.get(f"{W}/audit/list", params={"operation": "audit.drop"})).json()
    assert rows[0]["username"] == "retention" and rows[0]["parameters"]["links"] <= early["links"]
    for attack in ("DELETE FROM audit", "DELETE FROM audit_link", "DELETE FROM audit_checkpoint"):
        with pytest.raises(asyncpg.RaiseError):
            await owner.execute(attack)
    await owner.close()


async def test_late_insertion_is_reported(api: ApiHarness, database: TestDatabase) -> None:
    await grown(api, "one")
    owner = await asyncpg.connect(database.owner_url)
    insert = (
        "INSERT INTO audit (workspace, at, actor, operation, action_kind)"
        " VALUES ('main', app_now() - interval '1 day', 'a', 'x.y', 'Execute')"
    )
    await owner.execute(insert)
    late = await owner.fetchval("SELECT id FROM audit WHERE operation = 'x.y'")
    await owner.close()
    found = await verified(api)
    assert (found["unlinked"], found["first_unlinked"]) == (1, late)
    await grown(api, "two")
    found = await verified(api)
    assert (found["unlinked"], found["inserted"]["audit_id"]) == (0, late), "the running server links it like a new row"
    assert "inserted" not in await verified(api, anchor=f"{found['links']}:{found['head']}")


async def test_application_cannot_change_links(api: ApiHarness) -> None:
    await grown(api, "one")
    async with api.platform.db.acquire() as conn:
        await conn.execute("SELECT set_config('orvanta.audit_retention', 'on', false)")
        for attack in (
            "UPDATE audit_link SET hash = ''",
            "DELETE FROM audit_link",
            "TRUNCATE audit_link",
            "DELETE FROM audit",
            "INSERT INTO audit_checkpoint VALUES ('main', 1, '')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(attack)
