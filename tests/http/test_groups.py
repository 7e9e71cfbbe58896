"""Groups: made and changed by admins, and what they give their members."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.http.scene import Scene, W, scene

from orvanta_platform.control.actor import Role


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        yield made


async def change(stage: Scene, call: str, status: int = 200, method: str = "POST", **body: str) -> None:
    answer = await stage.client.request(method, f"{W}/groups/{call}", json=body or None)
    assert answer.status_code == status, answer.text


async def test_a_group_gives_its_members_what_it_was_given(stage: Scene) -> None:
    bea = await stage.member("bea", Role.DEVELOPER)
    await change(stage, "create", name="ops", summary="Operations")
    folder = {"name": "night", "owners": [], "extra_perms": {"g/ops": False}}
    assert (await stage.client.post(f"{W}/folders/create", json=folder)).status_code == 200
    assert (await bea.get(f"{W}/folders/get/night")).status_code == 404
    for _ in range(2):
        await change(stage, "adduser/ops", username="bea")
    assert (await stage.get("groups/get/ops"))["members"] == ["bea"]
    assert (await bea.get(f"{W}/folders/get/night")).status_code == 200
    assert (await bea.get(f"{W}/users/whoami")).json()["groups"] == ["all", "ops"]
    await change(stage, "removeuser/ops", username="bea")
    assert (await bea.get(f"{W}/folders/get/night")).status_code == 404
    await change(stage, "update/ops", summary="Nights")
    assert (await stage.get("groups/get/ops"))["summary"] == "Nights"
    await change(stage, "delete/ops", method="DELETE")
    assert await stage.get("groups/listnames") == ["all"]


async def test_what_cannot_be_is_refused(stage: Scene) -> None:
    await change(stage, "create", name="ops")
    await change(stage, "create", 409, name="ops")
    await change(stage, "create", 409, name="all")
    await change(stage, "create", 400, name="no slash/es")
    for name, status in (("all", 400), ("none", 404)):
        await change(stage, f"update/{name}", status, summary="x")
        await change(stage, f"adduser/{name}", status, username="admin")
        await change(stage, f"removeuser/{name}", status, username="admin")
        await change(stage, f"delete/{name}", status, method="DELETE")
    await change(stage, "adduser/ops", 404, username="nobody")
    await change(stage, "removeuser/ops", 404, username="admin")
