"""Groups: management by admins, and the permissions of their members."""

from __future__ import annotations

from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role


async def change(api: ApiHarness, call: str, status: int = 200, method: str = "POST", **body: str) -> None:
    answer = await api.client.request(method, f"{W}/groups/{call}", json=body or None)
    assert answer.status_code == status, answer.text


async def test_group_grants_apply_to_members(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await change(api, "create", name="ops", summary="Operations")
    folder = {"name": "night", "owners": [], "extra_perms": {"g/ops": False}}
    assert (await api.client.post(f"{W}/folders/create", json=folder)).status_code == 200
    assert (await bea.get(f"{W}/folders/get/night")).status_code == 404
    for _ in range(2):
        await change(api, "adduser/ops", username="bea")
    assert (await api.get("groups/get/ops"))["members"] == ["bea"]
    assert (await bea.get(f"{W}/folders/get/night")).status_code == 200
    assert (await bea.get(f"{W}/users/whoami")).json()["groups"] == ["all", "ops"]
    await change(api, "removeuser/ops", username="bea")
    assert (await bea.get(f"{W}/folders/get/night")).status_code == 404
    await change(api, "update/ops", summary="Nights")
    assert (await api.get("groups/get/ops"))["summary"] == "Nights"
    await change(api, "delete/ops", method="DELETE")
    assert await api.get("groups/listnames") == ["all"]


async def test_later_group_of_same_name_has_no_grants_of_deleted_one(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await change(api, "create", name="ops")
    for body in (
        {"name": "owned", "owners": ["g/ops"]},
        {"name": "shared", "extra_perms": {"g/ops": True, "g/other": True}},
    ):
        assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 200
    await change(api, "delete/ops", method="DELETE")
    await change(api, "create", name="ops")
    await change(api, "adduser/ops", username="bea")
    assert (await bea.get(f"{W}/folders/listnames")).json() == []
    assert (await api.get("folders/get/shared"))["extra_perms"] == {"u/admin": True, "g/other": True}
    await change(api, "delete/none", 404, method="DELETE")


async def test_invalid_groups_are_refused(api: ApiHarness) -> None:
    await change(api, "create", name="ops")
    await change(api, "create", 409, name="ops")
    await change(api, "create", 409, name="all")
    await change(api, "create", 400, name="no slash/es")
    for name, status in (("all", 400), ("none", 404)):
        await change(api, f"update/{name}", status, summary="x")
        await change(api, f"adduser/{name}", status, username="admin")
        await change(api, f"removeuser/{name}", status, username="admin")
        await change(api, f"delete/{name}", status, method="DELETE")
    await change(api, "adduser/ops", 404, username="nobody")
    await change(api, "removeuser/ops", 404, username="admin")
