"""Import of archives: their items are planned and applied as those of a folder, and hostile files are refused."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_changes import ITEMS
from tests.unit.workflow.test_unpack import tar_with_header

from orvanta_platform.control.actor import Role
from orvanta_platform.workflow.tree import unpack

PARTS = ("schedules", "triggers", "groups", "users", "settings", "tests")
EVERYTHING = "&".join(f"include_{name}=true" for name in PARTS)
COPY = "/api/w/copy"
FLOW = {"summary": "Other", "value": {"modules": []}, "on_behalf_of_email": "admin@localhost"}
TEST = {"kind": "workflow_test", "path": "f/team/sub/tests/empty", "content": {"expect": {"result": {"equals": {}}}}}
BARE_GROUP = {"kind": "group", "path": "bare", "content": {"members": ["admin"], "managers": []}}


def zip_of(files: Mapping[str, bytes | str], **attributes: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in attributes.items():
                setattr(entry, attribute, value)
            archive.writestr(entry, body)
    return buffer.getvalue()


def tar_of(name: str, body: bytes = b"", format: int = tarfile.PAX_FORMAT, **attributes: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(body)
        for attribute, value in attributes.items():
            setattr(member, attribute, value)
        archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


async def read(api: ApiHarness, body: bytes, workspace: str = W, query: str = "") -> dict[str, Any]:
    answer = await api.client.post(f"{workspace}/changes/archive{query}", content=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def apply(client: Any, workspace: str, items: list[dict[str, Any]], **options: Any) -> Any:
    body: dict[str, Any] = {"items": items}
    made = (await client.post(f"{workspace}/changes/plan", json=body)).json()
    return await client.post(f"{workspace}/changes/apply", json={**body, **options, "plan_hash": made["plan_hash"]})


async def start_triggers(api: ApiHarness, workspace: str) -> None:
    tick = await api.client.post(f"{workspace}/schedules/setenabled/f/team/daily", json={"enabled": True})
    hook = await api.client.post(f"{workspace}/http_triggers/setmode/f/team/hook", json={"mode": "enabled"})
    assert tick.is_success and hook.is_success, (tick.text, hook.text)


@pytest.mark.parametrize("archive_type", ["zip", "tar"])
async def test_archive_is_imported_into_an_empty_workspace(api: ApiHarness, archive_type: str) -> None:
    assert (await apply(api.client, W, [*ITEMS, TEST, BARE_GROUP])).status_code == 200
    await start_triggers(api, W)
    export = f"workspaces/tarball?archive_type={archive_type}&{EVERYTHING}"
    archive = (await api.client.get(f"{W}/{export}")).content
    found = await read(api, archive)
    assert found["failed"] == [] and found["left_out"] == ["settings.json", "users/admin@localhost.user.json"]
    made = await api.client.post(f"{W}/changes/plan", json={"items": found["items"]})
    assert made.json()["nothing_to_do"] and len(made.json()["entries"]) == len(ITEMS) + 2
    created = await api.client.post("/api/workspaces/create", json={"id": "copy", "name": "Copy"})
    assert created.status_code == 201
    found = await read(api, archive, COPY)
    done = await apply(api.client, COPY, found["items"])
    assert done.status_code == 200, done.text
    assert {each["action"] for each in done.json()["entries"]} == {"add"}
    shop = (await api.client.get(f"{COPY}/resources/get/f/team/shop")).json()
    assert shop["value"] == {"url": "u", "key": ""}, "secrets are empty until they are set"
    again = await api.client.post(f"{COPY}/changes/plan", json={"items": found["items"]})
    assert again.json()["nothing_to_do"]
    tick = (await api.client.get(f"{COPY}/schedules/get/f/team/daily")).json()
    hook = (await api.client.get(f"{COPY}/http_triggers/get/f/team/hook")).json()
    assert (tick["enabled"], hook["mode"]) == (False, "disabled"), "a copy starts no runs on its own"
    await start_triggers(api, COPY)
    again = await apply(api.client, COPY, (await read(api, archive, COPY))["items"])
    assert again.json()["nothing_to_do"], "triggers that exist keep their state"
    elsewhere = (await read(api, archive))["items"]
    await api.client.post(f"{COPY}/resources/update/f/team/shop", json={"value": {"url": "u", "key": "set"}})
    assert (await api.client.get(f"{COPY}/{export}")).content == archive
    # An archive that was read where its triggers are enabled starts none elsewhere.
    await api.client.post("/api/workspaces/create", json={"id": "third", "name": "Third"})
    assert (await apply(api.client, "/api/w/third", elsewhere)).status_code == 200
    tick = (await api.client.get("/api/w/third/schedules/get/f/team/daily")).json()
    hook = (await api.client.get("/api/w/third/http_triggers/get/f/team/hook")).json()
    assert (tick["enabled"], hook["mode"]) == (False, "disabled")


async def test_trees_and_archives_of_repositories_are_read(api: ApiHarness) -> None:
    files = {
        "shop-main/README.md": "# Shop\n",
        "shop-main/f/team/sum.ts": "export function main() {}\n",
        "shop-main/f/team/order.flow/flow.yaml": (
            "value:\n  modules:\n    - id: a\n      value:\n        type: rawscript\n        language: bash\n"
            "        content: '!inline a.inline_script.sh'\n"
            "    - id: b\n      value:\n        type: rawscript\n        language: bun\n"
            "        content: '!inline b.inline_script.ts'\n"
        ),
        "shop-main/f/team/order.flow/a.inline_script.sh": "echo 1\n",
        "shop-main/f/team/order.flow/b.inline_script.ts": "export function main() { return 2; }\n",
        "shop-main/f/team/total__flow/flow.yaml": (
            "value:\n  modules:\n    - id: a\n      value:\n        type: rawscript\n        language: deno\n"
            "        content: '!inline ../sum.ts'\n"
        ),
        "shop-main/app/start.ts": "start();\n",
        "shop-main/f/team/broken.variable.yaml": "value: [\n",
    }
    found = await read(api, zip_of(files), query="?default_ts=deno")
    items = {each["path"]: each["content"] for each in found["items"]}
    assert "echo 1" in items["f/team/order"]["text"] and items["f/team/sum"]["language"] == "deno"
    assert "export function main() {}" in items["f/team/total"]["text"]
    assert found["left_out"] == ["README.md", "app/start.ts"]
    (failed,) = found["failed"]
    assert failed["path"] == "f/team/broken" and "f/team/broken.variable.yaml cannot be read" in failed["message"]


def hostile() -> dict[str, bytes]:
    """Return archives that are refused, by their defect."""
    large = bytes(unpack.MAX_SIZE + 1)
    lying = zip_of({"f/team/a.sh": large}).replace(len(large).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    bomb = zip_of(dict.fromkeys((f"f/team/a{n}.sh" for n in range(40)), bytes(1 << 20)))
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "f/team/a.sh"}
    values = f'{{"value": [{"0," * (1 << 19)}0]}}'
    twice = zip_of({"f/team/a.sh": "1", "f/team/b.sh": "2"}).replace(b"b.sh", b"a.sh")
    plain = zip_of({"f/team/a.sh": "1"})
    start = plain.index(b"PK\x01\x02")  # the flags of an entry are two bytes at 8
    repeated = "value: {modules: []}\na: &a0 []\n"
    repeated += "".join(f"b{n}: &a{n} [{f'*a{n - 1},' * 10}]\n" for n in range(1, 7))
    return {
        "zip bomb": bomb,
        "aliases": zip_of({"f/team/a.flow.yaml": repeated}),
        "one large member": zip_of({"f/team/a.sh": large}),
        "a size that is not true": lying,
        "many members": zip_of(dict.fromkeys(map(str, range(unpack.MAX_FILES + 1)), "")),
        "large values": zip_of({f"f/team/a{n}.resource.json": values for n in range(9)}),
        "alias bomb": zip_of({"f/team/a.resource.yaml": f"a: &a {'x' * 9000}\nvalue: [{'*a,' * 4000}]\n" * 2}),
        "parent folder": zip_of({"f/team/../../a.sh": "1"}),
        "absolute path": zip_of({"/f/team/a.sh": "1"}),
        "backslash": zip_of({"f\\team\\a.sh": "1", "f/b.sh": ""}),
        "link": zip_of({"f/team/a.sh": "/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16),
        "same name twice": twice,
        "other compression": zip_of({"f/team/a.sh": "1"}, compress_type=zipfile.ZIP_LZMA),
        "encrypted": plain.replace(plain[start : start + 10], plain[start : start + 8] + b"\x01\x00"),
        "truncated": bomb[: len(bomb) // 2],
        "no archive": b"value: 1\n",
        "empty": b"",
        "link in tar": tar_of("f/team/a.sh", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "hard link in tar": tar_of("f/team/a.sh", type=tarfile.LNKTYPE, linkname="f/team/b.sh"),
        "device in tar": tar_of("f/team/a.sh", type=tarfile.CHRTYPE),
        "parent folder in tar": tar_of("../f/team/a.sh", b"1"),
        "sparse file in tar": tar_of("f/team/a.sh", b"1\n0\n9\n".ljust(512), pax_headers=sparse),
        "digits in the header of a tar": tar_with_header(b"1" * 10_000),
        "name in tar that is not UTF-8": tar_of("f/team/\udcff.txt", format=tarfile.GNU_FORMAT),
        "compressed tar": b"\x1f\x8b" + bytes(100),
    }


async def test_hostile_archives_are_refused(api: ApiHarness) -> None:
    """Each is refused with an error of its own, and none is unpacked beyond the limits."""
    codes = {}
    for name, body in hostile().items():
        assert len(body) < 24 << 20, name
        answer = await api.client.post(f"{W}/changes/archive", content=body)
        codes[name] = answer.status_code
        if answer.status_code == 200:
            codes[name] = 400 if answer.json()["failed"] and not answer.json()["items"] else 200
    large = {"zip bomb", "one large member", "many members", "large values"}
    assert codes == {name: 413 if name in large else 400 for name in codes}
    assert await api.get("changes/items") == []


async def test_import_acts_for_the_importer_only(api: ApiHarness) -> None:
    """No file makes its items act for somebody else, and each item needs the permission of its kind."""
    await apply(api.client, W, [*ITEMS[2:4], ITEMS[-1] | {"content": {"summary": "Team"}}])
    bea = await api.member("bea", Role.DEVELOPER)
    viewer = await api.member("viewer", Role.VIEWER)
    outsider = await api.member("zoe", Role.ADMIN, workspace="admins")
    tick = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "u/bea/mine", "is_flow": True, "args": {}}
    tick |= {"permissioned_as": "u/admin", "email": "admin@localhost", "edited_by": "admin"}
    own = {"u/bea/mine.flow.json": json.dumps({"summary": "", "value": {"modules": []}})}
    archive = zip_of({**own, "u/bea/tick.schedule.json": json.dumps(tick)})
    found = (await bea.post(f"{W}/changes/archive", content=archive)).json()
    assert (await apply(bea, W, found["items"])).status_code == 200
    assert (await api.get("schedules/get/u/bea/tick"))["permissioned_as"] == "u/bea"
    for files, code in (
        ({"u/bea/other.flow.json": json.dumps(FLOW)}, "forbidden"),
        ({"f/team/sub.flow.json": json.dumps({"summary": "Taken", "value": {"modules": []}})}, "not_found"),
        ({"u/admin/theirs.flow.json": own["u/bea/mine.flow.json"]}, "not_found"),
        ({"groups/mine.group.json": '{"members": ["bea"], "admins": ["bea"]}'}, "forbidden"),
    ):
        found = (await bea.post(f"{W}/changes/archive", content=zip_of(files))).json()
        refused = await apply(bea, W, found["items"])
        details = refused.json()["error"]["details"]
        assert refused.status_code == 400 and details[0]["error"]["code"] == code, (files, refused.text)
    assert (await outsider.post(f"{W}/changes/archive", content=archive)).status_code == 404
    assert (await apply(viewer, W, found["items"])).status_code == 403


async def test_change_set_is_checked_without_being_stored(api: ApiHarness) -> None:
    """The check names each item that the change set cannot store, and stores none of the others."""
    group = {"kind": "group", "path": "support", "content": {"members": ["admin", "bea"], "managers": []}}
    folder = {"kind": "folder", "path": "team", "content": {"summary": "Team"}}
    refused = await apply(api.client, W, [group, folder], check_only=True)
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "changes_refused"
    (detail,) = refused.json()["error"]["details"]
    assert (detail["kind"], detail["path"]) == ("group", "support")
    assert detail["error"]["message"] == "bea is not a member of the workspace."
    checked = await apply(api.client, W, [folder], check_only=True)
    assert checked.status_code == 200 and [each["action"] for each in checked.json()["entries"]] == ["add"]
    assert await api.get("changes/items") == []
    assert (await apply(api.client, W, [folder])).status_code == 200
    assert [each["path"] for each in await api.get("changes/items")] == ["team"]


async def test_short_items_that_stand_for_much_are_not_read(api: ApiHarness) -> None:
    nodes = [
        {"id": f"n{n}", "value": {"type": "rawscript", "language": "bash", "content": "!inline a.sh"}} for n in range(5)
    ]
    files = {
        "f/a/big.resource.json": json.dumps({"value": ["!inline big.resource.file.txt"] * 5, "resource_type": "any"}),
        "f/a/big.resource.file.txt": "x" * (1 << 20),
        "f/a/inline.flow/flow.json": json.dumps({"summary": "", "value": {"modules": nodes}}),
        "f/a/inline.flow/a.sh": "x" * (1 << 20),
        "f/a/events.flow/flow.yaml": "summary: x\nvalue:\n  modules: []\n  list:\n" + "  - 1\n" * 20_000,
        "f/a/fine.variable.json": json.dumps({"value": "1", "is_secret": False}),
    }
    answer = await api.client.post(f"{W}/changes/archive", content=zip_of(files))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [each["path"] for each in found["items"]] == ["f/a/fine"]
    reasons = {each["path"]: each["message"] for each in found["failed"]}
    assert reasons.keys() == {"f/a/big", "f/a/inline", "f/a/events"}
    assert "4 MiB together" in reasons["f/a/big"] and reasons["f/a/big"] == reasons["f/a/inline"]
    assert "20,000 keys, values and brackets" in reasons["f/a/events"]
