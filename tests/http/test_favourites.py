"""Favourites of members, and archives of selected items."""

from __future__ import annotations

import io
import zipfile

from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role


async def test_favourites_belong_to_a_member_and_follow_a_move(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    await api.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
    for path in ("f/team/a", "f/team/b", "f/secret/c"):
        value = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
        assert (await api.client.post(f"{W}/flows/create", json={"path": path, "value": value})).is_success
    bea = await api.member("bea", Role.VIEWER)

    async def call(verb: str, path: str) -> int:
        body = {"path": path, "favorite_kind": "flow"}
        return (await bea.post(f"{W}/favorites/{verb}", json=body)).status_code

    assert [await call("star", path) for path in ("f/team/a", "f/team/a", "f/secret/c", "f/team/none")] == [
        *(200, 200, 404, 404)
    ]
    listed = (await bea.get(f"{W}/flows/list")).json()
    assert {each["path"]: each["starred"] for each in listed} == {"f/team/a": True, "f/team/b": False}
    assert not any(each["starred"] for each in await api.get("flows/list"))
    one, asked = f"{W}/flows/get/f/team/a", {"with_starred_info": "true"}
    assert (await bea.get(one, params=asked)).json()["starred"] is True
    assert (await api.client.get(one, params=asked)).json()["starred"] is False
    body = {"items": [{"kind": "flow", "path": "f/team/a", "target": "f/team/moved"}]}
    assert (await api.client.post(f"{W}/moves/apply", json=body)).is_success
    only = (await bea.get(f"{W}/flows/list", params={"starred_only": "true"})).json()
    assert [each["path"] for each in only] == ["f/team/moved"]
    assert [await call("unstar", "f/team/moved"), await call("unstar", "f/team/moved")] == [200, 200]
    assert (await bea.get(f"{W}/flows/list", params={"starred_only": "true"})).json() == []
    operations = [each["operation"] for each in await api.get("audit/list", username="bea")]
    assert sorted(operations) == ["favourites.create", "favourites.delete"]
    chosen = {"archive_type": "zip", "items": "flow/f/team/b"}
    exported = await api.client.get(f"{W}/workspaces/tarball", params=chosen)
    assert zipfile.ZipFile(io.BytesIO(exported.content)).namelist() == ["f/team/b.flow.json"]
    for hidden in ("flow/f/secret/c", "flow/f/team/none"):
        assert (await bea.get(f"{W}/workspaces/tarball", params={"items": hidden})).status_code == 404
    wrong = await api.client.get(f"{W}/workspaces/tarball", params={"items": "variable/f/team/b"})
    assert wrong.status_code == 400
