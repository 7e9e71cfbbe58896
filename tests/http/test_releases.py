"""Releases: contents, read permissions, and exchange between instances as signed files."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role
from orvanta_platform.services.releases.releases import SignedRelease

MAIN = """\
summary: Main # what it does
on_behalf_of_email: admin@localhost
value:
  modules:
    - id: a
      value: {type: script, path: f/team/step, input_transforms: {}}
    - id: b
      value: {type: flow, path: f/team/sub, input_transforms: {shop: {type: static, value: "$res:f/team/shop"}}}
    - id: c
      value:
        type: rawscript
        language: python3
        content: |
          import wmill
          def main():
              return wmill.get_variable("f/team/region")
        input_transforms: {}
"""
SUB = """\
summary: Sub
schema: {type: object, properties: {shop: {type: object, format: resource-shop}}}
value:
  modules:
    - {id: a, value: {type: identity}}
"""
SCHEDULE = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/team/main", "is_flow": True, "args": {}}
ITEMS: list[dict[str, Any]] = [
    {"kind": "folder", "path": "team", "content": {"owners": ["g/all"]}},
    {"kind": "resource_type", "path": "shop", "content": {"schema": {"type": "object", "properties": {}}}},
    {"kind": "resource", "path": "f/team/shop", "content": {"resource_type": "shop", "value": {"url": "hidden-url"}}},
    {"kind": "variable", "path": "f/team/region", "content": {"value": "hidden-region", "is_secret": False}},
    {"kind": "script", "path": "f/team/base", "content": {"content": "x = 1\n", "language": "python3"}},
    {"kind": "script", "path": "f/team/step", "content": {"content": "import f.team.base\n", "language": "python3"}},
    {"kind": "script", "path": "f/team/other", "content": {"content": "x = 2\n", "language": "python3"}},
    {"kind": "flow", "path": "f/team/sub", "content": {"text": SUB}},
    {"kind": "flow", "path": "f/team/main", "content": {"text": MAIN}},
    {"kind": "schedule", "path": "f/team/daily", "content": {**SCHEDULE, "enabled": True}},
]
CHOSEN = [{"kind": "schedule", "path": "f/team/daily"}]


async def apply(client: httpx.AsyncClient, items: list[dict[str, Any]], workspace: str = "main") -> None:
    """Apply a change set to a workspace."""
    base = f"/api/w/{workspace}/changes"
    plan = (await client.post(f"{base}/plan", json={"items": items, "force": True})).json()["plan_hash"]
    answer = await client.post(f"{base}/apply", json={"items": items, "force": True, "plan_hash": plan})
    assert answer.status_code == 200, answer.text


async def create(client: httpx.AsyncClient, code: int = 201, workspace: str = "main", **body: Any) -> dict[str, Any]:
    """Create a release."""
    answer = await client.post(f"/api/w/{workspace}/releases/create", json={"items": CHOSEN, **body})
    assert answer.status_code == code, answer.text
    found: dict[str, Any] = answer.json()
    return found if code == 201 else found["error"]


async def test_release_contains_what_its_items_reference_and_no_values(api: ApiHarness) -> None:
    await apply(api.client, ITEMS)
    enabled = [{"kind": "schedule", "path": "f/team/daily", "environments": ["production"]}]
    made = await create(api.client, notes="First", enabled=enabled)
    names = [f"{each['kind']} {each['path']}" for each in made["items"]]
    assert names == [
        *("flow f/team/main", "flow f/team/sub", "resource_type shop", "schedule f/team/daily"),
        *("script f/team/base", "script f/team/step"),
    ]
    assert made["requirements"] == [
        {"kind": "resource", "path": "f/team/shop", "resource_type": "shop"},
        {"kind": "variable", "path": "f/team/region", "resource_type": None},
    ]
    assert (made["number"], made["notes"], made["enabled"]) == (1, "First", enabled)
    contents = {each["path"]: each["content"] for each in made["items"]}
    assert "hidden" not in json.dumps(made) and "enabled" not in contents["f/team/daily"]
    text = contents["f/team/main"]["text"]
    assert "on_behalf_of" not in text and "# what it does" in text
    # The digest depends only on the content; a release does not change with its workspace.
    assert (await create(api.client, enabled=enabled))["digest"] == made["digest"]
    assert (await create(api.client))["digest"] != made["digest"]
    await apply(
        api.client,
        [{"kind": "script", "path": "f/team/base", "content": {"content": "x = 3\n", "language": "python3"}}],
    )
    assert (await api.get("releases/get/1"))["items"] == made["items"]
    assert (await create(api.client, enabled=enabled))["digest"] != made["digest"]
    listed = await api.get("releases/list", per_page=2, before=4)
    assert [each["number"] for each in listed] == [3, 2] and "items" not in listed[0]
    for body, code in (
        ({"items": []}, 400),
        ({"items": [{"kind": "flow", "path": "f/team/gone"}]}, 404),
        ({"items": [{"kind": "variable", "path": "f/team/region"}]}, 400),
        ({"enabled": [{"kind": "schedule", "path": "f/team/none", "environments": []}]}, 400),
    ):
        await create(api.client, code, **body)
    rows = [(row["operation"], row["resource"]) for row in await api.get("audit/list", per_page=3)]
    assert rows[0] == ("releases.create", "4")


@pytest.mark.extended
async def test_release_is_read_and_made_by_those_who_read_all_items(api: ApiHarness) -> None:
    await apply(api.client, ITEMS)
    await apply(api.client, [{"kind": "folder", "path": "secret", "content": {}}])
    hidden = {"content": "x = 'secret'\n", "language": "python3"}
    await apply(api.client, [{"kind": "script", "path": "f/secret/deep", "content": hidden}])
    developer = await api.member("dan", Role.DEVELOPER)
    viewer = await api.member("vic", Role.VIEWER)
    outsider = await api.member("zoe", Role.ADMIN, workspace="admins")
    limited = await api.member("lim", Role.DEVELOPER, scopes=["releases:write", "flows:read", "schedules:read"])
    await create(developer)
    await create(viewer, 403)
    await create(outsider, 404)
    # A release cannot contain items that are hidden from the caller or that the token may not read.
    await create(developer, 404, items=[{"kind": "script", "path": "f/secret/deep"}])
    uses = {"content": "import f.team.base\nimport f.secret.deep\n", "language": "python3"}
    await apply(api.client, [{"kind": "script", "path": "f/team/step", "content": uses}])
    await create(developer, 404)
    await create(limited, 404)
    await create(api.client, items=[{"kind": "script", "path": "f/secret/deep"}])
    for client in (developer, viewer):
        assert [each["number"] for each in (await client.get(f"{W}/releases/list")).json()] == [1]
        for call in ("get", "export"):
            assert (await client.get(f"{W}/releases/{call}/1")).status_code == 200
            assert (await client.get(f"{W}/releases/{call}/2")).status_code == 404
    for call in ("list", "get/1", "export/1"):
        assert (await outsider.get(f"{W}/releases/{call}")).status_code == 404
        assert (await outsider.get(f"/api/w/admins/releases/{call}")).status_code in (200, 404)
    assert (await outsider.get("/api/w/admins/releases/list")).json() == []


async def test_grants_of_items_do_not_open_releases(api: ApiHarness) -> None:
    """An item of another kind can have the same path."""
    await apply(api.client, [{"kind": "folder", "path": "secret", "content": {}}])
    shared = {"content": "echo shared\n", "language": "bash"}
    await apply(api.client, [{"kind": "script", "path": "f/secret/report", "content": shared}])
    hidden = {"summary": "Hidden", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
    body = {"path": "f/secret/report", **hidden}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    viewer = await api.member("vic", Role.VIEWER)
    grant = {"owner": "u/vic", "write": False}
    assert (await api.client.post(f"{W}/acls/add/script/f/secret/report", json=grant)).is_success
    assert (await viewer.get(f"{W}/scripts/get/p/f/secret/report")).status_code == 200
    await create(api.client, items=[{"kind": "flow", "path": "f/secret/report"}])
    assert (await viewer.get(f"{W}/releases/list")).json() == []
    for call in ("get", "export"):
        assert (await viewer.get(f"{W}/releases/{call}/1")).status_code == 404


class Signer:
    """Another instance, or an attacker with a key of their own."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.key = base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def sign(self, file: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """Return a signed file with these values replaced."""
        new = msgspec.convert({**file, **changed, "public_key": self.key, "signature": ""}, SignedRelease)
        signature = self._private.sign(msgspec.json.encode(new, order="sorted"))
        return {**msgspec.to_builtins(new), "signature": base64.b64encode(signature).decode()}


async def send(client: httpx.AsyncClient, file: dict[str, Any]) -> tuple[int, Any]:
    """Import a release into the workspace admins."""
    answer = await client.post("/api/w/admins/releases/import", json={"file": file})
    return answer.status_code, answer.json() if answer.status_code == 201 else answer.json()["error"]


async def trust(api: ApiHarness, **keys: str) -> int:
    api.platform.instance._cache.clear()
    return (await api.client.post("/api/settings/global/trusted_release_keys", json={"value": keys})).status_code


@pytest.mark.extended
async def test_releases_are_imported_only_from_trusted_instances_and_as_far_as_items_may_be_written(
    api: ApiHarness,
) -> None:
    await apply(api.client, ITEMS)
    await apply(api.client, ITEMS[:1], "admins")
    made = await create(api.client, notes="First")
    file = await api.get("releases/export/1")
    key = (await api.client.get("/api/releases/key")).json()["public_key"]
    assert file["public_key"] == key
    developer = await api.member("dan", Role.DEVELOPER, workspace="admins")
    other = Signer()
    # A file signed with the caller's own key is refused.
    forged = other.sign(file, body=file["body"].replace("x = 1", "x = 9"))
    assert (await send(developer, forged))[1]["code"] == "untrusted_release"
    assert await trust(api, bad="no key") == 400
    assert (await developer.post("/api/settings/global/trusted_release_keys", json={"value": {}})).status_code == 403
    assert await trust(api, staging=key, vendor=other.key) == 200
    for wrong in (
        {**file, "body": forged["body"]},
        {**file, "notes": "Other"},
        {**file, "signature": ""},
        {**file, "public_key": other.key},
    ):
        assert (await send(api.client, wrong))[1]["code"] == "untrusted_release"
    # The content is validated like that of a change set, and its requirements are determined from it.
    bundle = json.loads(file["body"])
    items = {each["path"]: each for each in bundle["items"]}
    for broken in (
        {**items["f/team/main"], "content": {}},
        {**items["f/team/main"], "content": {"text": "summary: x\n"}},
        {**items["f/team/base"], "path": "f/../base"},
        {**items["f/team/base"], "content": {"content": "", "language": 5}},
        {"kind": "variable", "path": "f/team/region", "content": {"value": "x"}},
    ):
        status, refused = await send(api.client, other.sign(file, body=json.dumps({"items": [broken]})))
        assert status == 400, refused
    twice = {"items": [items["f/team/base"], items["f/team/base"]]}
    assert (await send(api.client, other.sign(file, body=json.dumps(twice))))[0] == 400
    silent = other.sign(file, body=json.dumps({**bundle, "requirements": []}))
    status, imported = await send(api.client, silent)
    assert (status, [each["path"] for each in imported["requirements"]]) == (201, ["f/team/shop", "f/team/region"])
    # All paths must be writable, not only readable; only admins may import resource types.
    await apply(
        api.client, [{**ITEMS[0], "content": {"owners": ["u/admin"], "extra_perms": {"g/all": False}}}], "admins"
    )
    only = other.sign(file, body=json.dumps({"items": [items["f/team/base"]]}))
    assert (await send(developer, only))[0] == 403
    status, imported = await send(api.client, file)
    assert status == 201, imported
    assert (imported["digest"], imported["items"], imported["workspace"]) == (made["digest"], made["items"], "admins")
    origin = {"name": "staging", "public_key": key, "workspace": "main", "number": 1}
    assert imported["imported"] == origin
    # Approvers see the origin of the content.
    await api.client.post("/api/environments/create", json={"name": "production", "workspace": "admins"})
    body = {"source": "admins", "number": imported["number"]}
    planned = (await api.client.post("/api/w/admins/deployments/create", json=body)).json()
    assert planned["plan"]["origin"] == origin
