"""`orvanta import archive`: three-way, all or nothing, and never over what changed in the workspace."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from tests.cli.client import Cli

NODE = "    - id: %s\n      value: {type: rawscript, language: bash, content: echo %s, input_transforms: {}}\n"
FLOW = "summary: Orders\nvalue:\n  modules:\n" + NODE + NODE
BASE = {
    "f/arch/folder.meta.yaml": "summary: Archived\n",
    "f/arch/one.variable.yaml": "value: north\nis_secret: false\n",
    "f/arch/two.variable.yaml": "value: '1'\nis_secret: false\n",
    "f/arch/orders.flow/flow.yaml": FLOW % ("a", "1", "b", "1"),
    "README.md": "# Orders\n",
    ".orvanta/state.json": "{}\n",
}
W = "/api/w/main"


def pack(cli: Cli, name: str, files: Mapping[str, str]) -> str:
    """Write a zip archive like those of repositories; return its name."""
    with zipfile.ZipFile(cli.folder / name, "w") as archive:
        for file, text in files.items():
            archive.writestr(f"shop-main/{file}", text)
    return name


def states(done: Any) -> dict[str, str]:
    return {each["path"]: each["state"] for each in done.json["imported"]}


def value_of(cli: Cli, name: str) -> Any:
    return cli.installation.client.get(f"{W}/variables/get_value/f/arch/{name}").json()


@pytest.mark.extended
def test_archive_is_imported_three_way_and_replaces_nothing(cli: Cli) -> None:
    base = pack(cli, "base.zip", BASE)
    done = cli("import", "archive", base, "--json")
    assert set(states(done).values()) == {"created"} and done.json["left_out"] == ["README.md"]
    assert cli("import", "archive", base).out == "Nothing to do.\n"
    client = cli.installation.client
    assert client.post(f"{W}/variables/update/f/arch/one", json={"value": "south"}).status_code == 200
    changed = {"source": {"format": "yaml", "text": FLOW % ("a", "2", "b", "1")}}
    assert client.post(f"{W}/flows/update/f/arch/orders", json=changed).status_code == 200
    theirs = {"f/arch/two.variable.yaml": "value: '2'\nis_secret: false\n"}
    theirs["f/arch/orders.flow/flow.yaml"] = FLOW % ("a", "1", "b", "2")
    new = pack(cli, "new.zip", {**BASE, **theirs})

    done = cli("import", "archive", new, "--json", code=1)
    assert {each["path"] for each in done.json["failed"]} == {"f/arch/one", "f/arch/two", "f/arch/orders"}
    assert {each["error"]["code"] for each in done.json["failed"]} == {"changes_conflict"}
    assert (states(done), value_of(cli, "two")) == ({}, "1"), "nothing is imported"

    expected = {"arch": "unchanged", "f/arch/one": "unchanged", "f/arch/two": "updated", "f/arch/orders": "updated"}
    for plan in (["--plan"], []):
        assert states(cli("import", "archive", new, "--base", base, *plan, "--json")) == expected
        assert value_of(cli, "two") == ("1" if plan else "2")
    merged = client.get(f"{W}/flows/get/f/arch/orders").json()["value"]["modules"]
    assert [each["value"]["content"] for each in merged] == ["echo 2", "echo 2"] and value_of(cli, "one") == "south"

    both = pack(cli, "both.zip", {**BASE, "f/arch/one.variable.yaml": "value: east\nis_secret: false\n"})
    refused = cli("import", "archive", both, "--base", base, code=1)
    assert "f/arch/one: changed in the archive and in the workspace at /value." in refused.err
    assert refused.out == "1 failed; nothing was imported.\n" and value_of(cli, "one") == "south"
    cli("import", "archive", both, "--force", "--no-wait", "-m", "Take over")
    assert (value_of(cli, "one"), value_of(cli, "two")) == ("east", "1")


def test_items_deleted_since_the_base_remain_deleted(cli: Cli) -> None:
    base = pack(cli, "base.zip", BASE)
    cli("import", "archive", base, "--force", "--no-wait")
    client = cli.installation.client
    assert client.delete(f"{W}/variables/delete/f/arch/two").status_code == 200
    exists = f"{W}/variables/exists/f/arch/two"
    assert cli("import", "archive", base, "--base", base).out == "Nothing to do.\n"
    assert client.get(exists).json() is False
    changed = pack(cli, "changed.zip", {**BASE, "f/arch/two.variable.yaml": "value: '2'\nis_secret: false\n"})
    refused = cli("import", "archive", changed, "--base", base, code=1)
    assert "f/arch/two: changed in the archive and deleted in the workspace." in refused.err
    assert client.get(exists).json() is False
    assert cli("import", "archive", base).out == "variable f/arch/two: created\n"
    broken = pack(cli, "twice.zip", {**BASE, "f/arch/two.variable.json": '{"value": "1", "is_secret": false}'})
    assert "f/arch/two.variable.yaml are both the variable f/arch/two." in cli("import", "archive", broken, code=1).err


@pytest.mark.extended
def test_unreadable_archives_and_items_are_named(cli: Cli) -> None:
    cli.write("text.zip", "no archive")
    assert "text.zip" not in cli("import", "archive", "text.zip", code=1).out
    assert "none.zip cannot be read: No such file" in cli("import", "archive", "none.zip", code=1).err
    broken = pack(cli, "broken.zip", {"f/arch/x.variable.yaml": "value: [\n", "f/arch/y.variable.yaml": "value: y\n"})
    done = cli("import", "archive", broken, code=1)
    assert "f/arch/x.variable.yaml cannot be read" in done.err and "nothing was imported" in done.out
    assert cli.installation.client.get(f"{W}/variables/exists/f/arch/y").json() is False


@pytest.mark.extended
def test_secrets_are_exported_and_imported_with_the_key_of_the_workspace(cli: Cli) -> None:
    client = cli.installation.client
    secret = {"path": "f/sealed/token", "value": "hush-hush-hush", "is_secret": True, "description": ""}
    assert client.post(f"{W}/variables/create", json=secret).status_code == 201
    assert client.post("/api/workspaces/create", json={"id": "sealed", "name": "Sealed"}).status_code == 201
    assert cli("workspace", "export", "main.zip", "--secrets", "encrypted").out == "main.zip: written\n"
    assert (cli.folder / "main.zip").stat().st_mode & 0o777 == 0o600
    assert "exists already; --force replaces it" in cli("workspace", "export", "main.zip", code=2).err
    assert cli("workspace", "export", "main.zip", "--secrets", "encrypted", "--force").out == "main.zip: written\n"
    assert [each.name for each in cli.folder.glob("*main.zip*")] == ["main.zip"]
    assert "must end in" in cli("workspace", "export", "main.rar", code=2).err
    archive = zipfile.ZipFile(cli.folder / "main.zip")
    for name in ("f/sealed/folder.meta.json", "f/sealed/token.variable.json"):
        (cli.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (cli.folder / name).write_bytes(archive.read(name))
    refused = cli("push", "f", "-w", "sealed", code=1)
    assert "cannot be decrypted" in refused.err + refused.out
    key = cli("workspace", "key").out
    done = cli("workspace", "key", "--set", "--key-stdin", "-w", "sealed", text=key)
    assert done.out == "sealed: changed\n"
    assert cli("workspace", "key", "-w", "sealed", "--json").json == {"key": key.strip()}
    done = cli("push", "f", "-w", "sealed")
    assert "created" in done.out and "secret_from_file" not in done.err
    readable = {"secrets_readable": True}
    assert client.post("/api/w/sealed/workspaces/edit_secrets_readable", json=readable).status_code == 200
    assert client.get("/api/w/sealed/variables/get_value/f/sealed/token").json() == "hush-hush-hush"
    assert cli("push", "f", "-w", "sealed").out == "Nothing to do.\n"


def test_plan_names_what_the_import_would_refuse(cli: Cli) -> None:
    tick = "schedule: 0 0 6 * * *\ntimezone: UTC\nenabled: true\nscript_path: f/arch/daily\nis_flow: true\nargs: {}\n"
    good = {
        "f/arch/daily.flow/flow.yaml": "summary: Daily\nvalue:\n  modules: []\n",
        "f/arch/daily.schedule.yaml": tick,
    }
    bad = pack(cli, "bad.zip", {**good, "groups/support.group.yaml": "members: [bea]\n"})
    for options, created in ((["--plan"], True), ([], False)):
        refused = cli("import", "archive", bad, *options, code=1)
        assert "group support: bea is not a member of the workspace." in refused.err
        assert ("schedule f/arch/daily: would be created, disabled" in refused.out) == created
        assert "group support" not in refused.out and "1 failed; nothing was imported." in refused.out
    plan = cli("import", "archive", pack(cli, "good.zip", good), "--plan")
    assert "schedule f/arch/daily: would be created, disabled" in plan.out
    client = cli.installation.client
    assert client.get(f"{W}/flows/exists/f/arch/daily").json() is False
