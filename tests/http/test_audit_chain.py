"""The hash chain of the audit trail, and what it reveals."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W

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
    # A transaction of another database of the cluster delays the links.
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
    assert (await verified(api, anchor=f"{first['links']}:00"))["broken"]["reason"].endswith("the anchor")
    for anchor in ("x:1", "12", f"{'9' * 30}:1"):
        await verified(api, status=400, anchor=anchor)


async def test_row_of_running_transaction_is_linked_later(api: ApiHarness) -> None:
    """Rows with higher ids may be committed first; each is linked exactly once."""
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


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("UPDATE audit SET actor = 'somebody' WHERE resource = 'two'", "the row was changed"),
        ("UPDATE audit SET workspace = 'admins' WHERE resource = 'two'", "the row was changed"),
        ("DELETE FROM audit WHERE resource = 'two'", "the row was deleted"),
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
    """As after pg_dump and pg_restore; otherwise no new row is ever linked again."""
    await grown(api, "one")
    before = await verified(api)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    await owner.execute("UPDATE audit SET xid = (xid::text::bigint + 1000000000000)::text::xid8")
    await owner.close()
    await grown(api, "two")
    after = await verified(api, anchor=f"{before['links']}:{before['head']}")
    assert after["links"] > before["links"] and "broken" not in after


async def test_late_insertion_is_reported(api: ApiHarness, database: TestDatabase) -> None:
    await grown(api, "one")
    owner = await asyncpg.connect(database.owner_url)
    insert = (
        "INSERT INTO audit (workspace, at, actor, operation, action_kind)"
        " VALUES ('main', app_now() - interval '1 day', 'a', 'x.y', 'Execute')"
    )
    await owner.execute(insert)
    await owner.close()
    assert (await verified(api))["unlinked"] == 1


async def test_application_cannot_change_links(api: ApiHarness) -> None:
    await grown(api, "one")
    async with api.platform.db.acquire() as conn:
        for attack in ("UPDATE audit_link SET hash = ''", "DELETE FROM audit_link", "TRUNCATE audit_link"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(attack)
