"""`orvanta push`: all items of a tree of files, in the order of references."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cli.client import Cli

CALL = "value: {modules: [{id: a, value: {type: %s, path: %s, input_transforms: {}}}]}\n"
TREE = {
    "f/tree/folder.meta.yaml": "summary: The tree\nowners: []\nextra_perms: {}\n",
    "shop.resource-type.yaml": "description: A shop\nschema: {type: object, properties: {url: {type: string}}}\n",
    "f/tree/region.variable.yaml": "value: north\nis_secret: false\ndescription: Where\n",
    "f/tree/key.variable.yaml": "value: hidden\nis_secret: true\ndescription: ''\n",
    "f/tree/shop.resource.json": '{"resource_type": "shop", "value": {"url": "$var:f/tree/region"}, "labels": null}',
    "f/tree/a_user.py": "from f.tree.z_base import base\ndef main():\n    return base()\n",
    "f/tree/z_base.py": "def base():\n    return 7\ndef main():\n    pass\n",
    "f/tree/a_outer.flow/flow.yaml": CALL % ("flow", "f/tree/z_inner"),
    "f/tree/a_outer.flow/tests/happy.yaml": "nodes: {a: {result: 7, inputs: {}}}\nexpect: {result: {equals: 7}}\n",
    "f/tree/z_inner__flow/flow.yaml": CALL % ("script", "f/tree/a_user"),
    "f/tree/daily.schedule.yaml": (
        "schedule: 0 0 6 * * *\ntimezone: UTC\nenabled: false\nscript_path: f/tree/a_outer\nis_flow: true\nargs: {}\n"
        "retry: null\n"
    ),
    "f/tree/hook.http_trigger.yaml": (
        "script_path: f/tree/a_outer\nis_flow: true\nroute_path: tree/hook\nhttp_method: post\nenabled: true\n"
        "request_type: sync\nauthentication_method: none\nis_static_website: false\nworkspaced_route: true\n"
        "wrap_body: false\nraw_string: false\nretry: null\nerror_handler_path: null\nunknown_key: 1\n"
    ),
    "f/tree/queue.kafka_trigger.yaml": "script_path: f/tree/a_outer\n",
    "elsewhere/loose.flow/flow.yaml": "value: {modules: []}\n",
}
PATHS = [
    *("tree", "shop", "f/tree/key", "f/tree/region", "f/tree/shop", "f/tree/z_base", "f/tree/a_user"),
    *("f/tree/z_inner", "f/tree/a_outer", "f/tree/a_outer/tests/happy", "f/tree/daily", "f/tree/hook"),
]


def states(done: Any) -> dict[str, str]:
    return {each["path"]: each["state"] for each in done.json["pushed"]}


@pytest.mark.extended
def test_every_kind_of_file_is_pushed_in_the_order_of_references(cli: Cli) -> None:
    for name, text in TREE.items():
        cli.write(f"repo/{name}", text)
    done = cli("push", "repo", "--json")
    assert list(states(done)) == PATHS and set(states(done).values()) == {"created"}
    assert "1 trigger of another kind than HTTP is left out." in done.err
    assert "f/tree/key: warning secret_from_file" in done.err
    client = cli.installation.client
    assert client.post("/api/r/main/tree/hook", json={}).json() == 7
    assert client.get("/api/w/main/resources/get_value_interpolated/f/tree/shop").json() == {"url": "north"}
    assert set(states(cli("push", "repo", "--json")).values()) == {"unchanged"}
    cli.write("repo/f/tree/region.variable.yaml", "value: south\nis_secret: false\n")
    cli.write("repo/f/tree/folder.meta.yaml", "summary: Changed\n")
    cli.write("repo/f/tree/key.variable.yaml", "value: other\nis_secret: true\ndescription: ''\n")
    cli.write(
        "repo/f/tree/daily.schedule.yaml", TREE["f/tree/daily.schedule.yaml"].replace("enabled: false", "enabled: true")
    )
    cli.write("repo/f/tree/hook.http_trigger.yaml", TREE["f/tree/hook.http_trigger.yaml"].replace("post", "put"))
    cli.write("repo/f/tree/broken.resource.yaml", "value: {}\nresource_type: ghost type\n---\nvalue: {}\n")
    changed = {"tree", "f/tree/region", "f/tree/daily", "f/tree/hook"}
    for dry_run in (["--dry-run"], []):
        done = cli("push", "repo", "--json", *dry_run, code=1)
        (failed,) = done.json["failed"]
        assert failed["file"] == "repo/f/tree/broken.resource.yaml"
        assert "at line 3, column 1: a second document begins here" in failed["error"]["message"]
        updated = {path for path, state in states(done).items() if state == "updated"}
        assert updated == (changed if dry_run else set())
    (cli.folder / "repo/f/tree/broken.resource.yaml").unlink()
    pushed = states(cli("push", "repo", "--json"))
    assert {path for path, state in pushed.items() if state == "updated"} == changed
    assert set(states(cli("push", "repo", "--json")).values()) == {"unchanged"}
    assert client.get("/api/w/main/schedules/get/f/tree/daily").json()["enabled"] is True
    for source in ("repo", "f/tree/a_outer"):
        assert cli("test", source, "--json").json["workflows"][0]["passed"] == 1
    pushed_files = tree(cli.folder / "repo")
    assert cli("pull", "repo/f/tree", "--json").json["pulled"] == [] and tree(cli.folder / "repo") == pushed_files
    assert cli("status", "repo/f/tree", "--json", "--exit-code").json["in_sync"]
    cli("pull", "copy", "--json")
    assert "result: 7" in (cli.folder / "copy/f/tree/a_outer.flow/tests/happy.yaml").read_text()


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".orvanta" not in path.parts
    }


def test_references_to_missing_items_are_warnings(cli: Cli) -> None:
    """They name the missing scripts, workflows and resources, and no item of the workspace or of the folder."""
    cli.write("repo/f/gaps/there.sh", "echo 1")
    cli("push", "repo")
    (cli.folder / "repo/f/gaps/there.sh").unlink()
    named = [
        "script f/gaps/there",
        "script f/gaps/gone",
        "flow f/gaps/also_gone",
        "flow f/gaps/inner",
        "script hub/1/a/b",
    ]
    nodes = [each.split() for each in named]
    modules = ", ".join(
        f"{{id: n{at}, value: {{type: {kind}, path: {path}}}}}" for at, (kind, path) in enumerate(nodes)
    )
    cli.write("repo/f/gaps/outer.flow/flow.yaml", f"value: {{modules: [{modules}]}}\n")
    cli.write("repo/f/gaps/inner.flow/flow.yaml", "value: {modules: []}\n")
    hook = TREE["f/tree/hook.http_trigger.yaml"].replace("f/tree/a_outer", "f/gaps/inner").replace("tree/hook", "gaps")
    signed = "authentication_method: signature\nauthentication_resource_path: f/gaps/secret\n"
    cli.write("repo/f/gaps/hook.http_trigger.yaml", hook.replace("authentication_method: none\n", signed))
    done = cli("push", "repo", "--json")
    assert states(done)["f/gaps/outer"] == states(done)["f/gaps/hook"] == "created"
    warnings = [line for line in done.err.splitlines() if "_missing" in line]
    assert warnings == [
        "f/gaps/outer: warning script_missing: it runs the workflow f/gaps/also_gone, the script f/gaps/gone, which "
        "are neither in the folder nor in the workspace; its runs fail",
        "f/gaps/hook: warning resource_missing: the resource f/gaps/secret is neither in the folder nor in the "
        "workspace; its requests get 401",
    ]
    assert cli.installation.client.post("/api/r/main/gaps", json={}).status_code == 401


def test_settings_of_triggers_that_the_platform_lacks_are_warnings(cli: Cli) -> None:
    """A trigger whose callers a script authenticates is disabled, and never open."""
    hook = TREE["f/tree/hook.http_trigger.yaml"].replace("f/tree/a_outer", "f/lacking/inner")
    hook = hook.replace("error_handler_path: null\nunknown_key: 1", "error_handler_path: f/lacking/handler")
    checked = hook.replace("tree/hook", "lacking/checked").replace("_method: none", "_method: custom_script")
    cli.write("repo/f/lacking/inner.flow/flow.yaml", "value: {modules: []}\n")
    cli.write("repo/f/lacking/checked.http_trigger.yaml", checked)
    cli.write("repo/f/lacking/handled.http_trigger.yaml", hook.replace("tree/hook", "lacking/handled"))
    done = cli("push", "repo", "--json")
    assert states(done)["f/lacking/checked"] == states(done)["f/lacking/handled"] == "created"
    unhandled = "warning error_handler_ignored: triggers have no error handler, so f/lacking/handler is not run"
    assert [line for line in done.err.splitlines() if "warning" in line] == [
        "f/lacking/checked: warning authentication_unsupported: authentication by a script (custom_script) is not "
        "supported, so the trigger requires a token, and is disabled",
        f"f/lacking/checked: {unhandled}",
        f"f/lacking/handled: {unhandled}",
    ]
    client = cli.installation.client
    stored = client.get("/api/w/main/http_triggers/get/f/lacking/checked").json()
    assert (stored["authentication_method"], stored["mode"]) == ("orvanta", "disabled")
    called = "/api/r/main/lacking/checked"
    assert client.post(called, json={}).status_code == 404
    assert client.post("/api/w/main/http_triggers/setmode/f/lacking/checked", json={"mode": "enabled"}).is_success
    assert client.post(called, json={}, headers={"Authorization": ""}).status_code == 401
    assert client.post("/api/r/main/lacking/handled", json={}).is_success
    assert set(states(cli("push", "repo", "--json")).values()) == {"unchanged"}


def test_items_that_the_settings_of_a_tree_leave_out_remain_as_they_are(cli: Cli) -> None:
    """They are neither pulled, pushed nor deleted, and make no difference."""
    region, secret = "value: %s\nis_secret: false\n", "value: hidden\nis_secret: true\n"
    for name in ("mine", "theirs"):
        cli.write(f"all/f/{name}/total.sh", "echo 1\n")
    cli.write("all/f/mine/region.variable.yaml", region % "north")
    cli.write("all/f/mine/key.variable.yaml", secret)
    for name in ("total_test.py", "check_test.sh"):
        cli.write(f"all/f/mine/{name}", TREE["f/tree/z_base.py"] if name.endswith(".py") else "echo 2\n")
    cli("push", "all")
    choice = "includes: ['f/mine/**']\nexcludes: ['**/*_test.py']\nskipSecrets: true\nskipResourceTypes: true\n"
    cli.write("part/wmill.yaml", f"{choice}includeGroups: false\nskipFolders: true\n")
    cli("pull", "part")
    names = {"wmill.yaml", "f/mine/total.sh", "f/mine/total.script.yaml", "f/mine/check_test.sh"}
    names |= {"f/mine/check_test.script.yaml", "f/mine/region.variable.yaml"}
    assert set(tree(cli.folder / "part")) == names
    assert cli("status", "part", "--json", "--exit-code").json["in_sync"]
    cli.write("part/f/theirs/total.sh", "echo 3\n")
    cli.write("part/f/mine/region.variable.yaml", region % "south")
    cli.write("part/f/mine/key.variable.yaml", secret.replace("hidden", "other"))
    for forced in ([], ["--prune", "--force"]):
        pushed = set(states(cli("push", "part", "--json", *forced)))
        assert "f/mine/region" in pushed and not pushed & {"f/mine/key", "f/theirs/total"}
    shutil.rmtree(cli.folder / "part/.orvanta")
    (cli.folder / "part/f/mine/check_test.sh").unlink()
    done = states(cli("push", "part", "--json", "--prune", "--force"))
    assert {path for path, state in done.items() if state == "deleted"} == {"f/mine/check_test"}
    client = cli.installation.client
    for path in ("f/theirs/total", "f/mine/total_test"):
        assert client.get(f"/api/w/main/scripts/get/p/{path}").json()["content"] != "echo 3\n"
    assert client.get("/api/w/main/variables/exists/f/mine/key").json() is True
    assert client.get("/api/w/main/variables/get_value/f/mine/region").json() == "south"


def test_files_and_settings_without_effect_are_warnings(cli: Cli) -> None:
    files = {
        "amb.sql": "select 1",
        "orphan.script.yaml": "summary: x\n",
        "orphan.script.lock": "",
        "unlocked.py": "def main(): pass",
        "unlocked.script.yaml": "summary: x\nlock: '!inline missing.lock'\nenvs: [A=1, B, PATH=/x]\n",
        "locked.py": "def main(): pass",
        "locked.script.lock": "",
        "locked.script.yaml": "lock: '!inline f/odd/locked.script.lock'\n",
        "box.sh": "# shellcheck shell=bash\n# docker\ndocker run hello\n",
        "orders.my.sql": "select 1",
        "orders.script.yaml": "summary: x\nenvs: [A=1]\n",
        "std.deno.ts": "import { add } from 'https://deno.land/std/x.ts';\nexport const main = () => add;\n",
        "v1.schedule.yaml": WEEKLY % ("0 0 9 * * 1", "v1"),
        "named.schedule.yaml": WEEKLY % ("0 0 9 * * MON", "v1"),
        "v2.schedule.yaml": WEEKLY % ("0 0 9 * * 1", "v2"),
    }
    for name, text in files.items():
        cli.write(f"repo/f/odd/{name}", text)
    done = cli("push", "repo", "--no-wait")
    warnings = [" ".join(line.split()[:3]) for line in done.err.splitlines() if ": warning " in line]
    assert warnings == [
        "f/odd/amb.sql: warning dialect_missing:",
        "f/odd/orphan.script.lock: warning code_missing:",
        "f/odd/orphan.script.yaml: warning code_missing:",
        "f/odd/box: warning docker_ignored:",
        "f/odd/orders: warning envs_ignored:",
        "f/odd/std: warning runs_on_bun:",
        "f/odd/unlocked: warning lock_missing:",
        "f/odd/unlocked: warning envs_ignored:",
        "f/odd/v1: warning cron_version:",
    ]
    assert "does not use: B, PATH" in done.err and "its lock missing.lock is missing" in done.err


def test_settings_of_a_script_push_its_code(cli: Cli) -> None:
    cli.write("repo/f/odd/told.sh", "echo 1")
    cli.write("repo/f/odd/told.script.yaml", "summary: told\n")
    assert cli("script", "push", "repo/f/odd/told.script.yaml").out.startswith("f/odd/told: created")
    told = cli.installation.client.get("/api/w/main/scripts/get/p/f/odd/told").json()
    assert (told["language"], told["summary"]) == ("bash", "told")
    cli.write("repo/f/odd/lonely.script.yaml", "summary: x\n")
    assert "push the file with its code" in cli("script", "push", "repo/f/odd/lonely.script.yaml", code=2).err


WEEKLY = """schedule: '%s'
timezone: UTC
enabled: false
script_path: f/odd/box
is_flow: false
cron_version: %s
args: {}
"""


def test_code_in_another_folder_of_the_tree_is_included(cli: Cli) -> None:
    """A change of that file is pushed; `lock` writes beside the document; files outside of f and u are not read."""
    code = (
        "value: {modules: [{id: a, value: {type: rawscript, language: bash, input_transforms: {}, "
        "content: '!inline %s'}}]}\n"
    )
    cli.write("repo/f/far/a.flow/flow.yaml", code % "../../near/code.sh")
    cli.write("repo/f/near/code.sh", "echo 1")
    assert states(cli("push", "repo", "--json"))["f/far/a"] == "created"
    assert "unchanged" in cli("flow", "push", "repo/f/far/a.flow").out
    cli.write("repo/f/near/code.sh", "echo 2")
    assert not cli("status", "repo", "--json").json["in_sync"]
    assert states(cli("push", "repo", "--json"))["f/far/a"] == "updated"
    value = cli.installation.client.get("/api/w/main/flows/get/f/far/a").json()["value"]
    assert value["modules"][0]["value"]["content"] == "echo 2"
    cli("lint", "repo")
    cli.write("repo/code.sh", "echo secret")
    cli.write("repo/f/far/a.flow/flow.yaml", code % "../../../code.sh")
    said = " ".join(cli("push", "repo", code=1).err.split())
    assert "../../../code.sh, which is missing; only files below f and u are read" in said
    assert "inline_file_missing" in cli("lint", "repo", code=1).err


@pytest.mark.extended
def test_code_outside_of_a_pushed_folder_is_included(cli: Cli) -> None:
    """The code is not pushed as a script of its own. Hidden files and links out of the tree are missing."""
    node = "{id: %s, value: {type: rawscript, language: bash, input_transforms: {}, content: '!inline ../../%s'}}"
    flow = "repo/f/apart/a.flow/flow.yaml"
    cli.write(flow, f"value: {{modules: [{node % ('a', 'common/code.sh')}]}}\n")
    code = cli.write("repo/f/common/code.sh", "echo 1")
    client = cli.installation.client
    cli("init", "repo")
    assert states(cli("push", "repo/f/apart", "--json")) == {"f/apart/a": "created", "apart": "created"}
    assert client.get("/api/w/main/scripts/exists/p/f/common/code").json() is False
    assert cli("status", "repo/f/apart", "--json", "--exit-code").json["in_sync"]
    code.write_text("echo 2")
    assert cli("status", "repo/f/apart").out == "M  flow f/apart/a\n"
    assert states(cli("push", "repo/f/apart", "--json"))["f/apart/a"] == "updated"
    value = client.get("/api/w/main/flows/get/f/apart/a").json()["value"]
    assert value["modules"][0]["value"]["content"] == "echo 2"
    cli.write("elsewhere/secret.sh", "echo secret")
    cli.write("repo/f/common/.hidden.sh", "echo secret")
    (cli.folder / "repo/f/common/link.sh").symlink_to(cli.folder / "elsewhere/secret.sh")
    for name in ("link.sh", ".hidden.sh"):
        cli.write(flow, f"value: {{modules: [{node % ('a', f'common/{name}')}]}}\n")
        assert f"../../common/{name}, which is missing" in cli("push", "repo/f/apart", code=1).err


@pytest.mark.extended
def test_dry_run_names_what_the_push_would_refuse(cli: Cli) -> None:
    cli.write("repo/groups/promised.group.yaml", "members: [u/nobody]\nadmins: []\n")
    cli.write("repo/f/promised/one.variable.yaml", "value: a\nis_secret: false\n")
    for dry_run in (["--dry-run"], []):
        done = cli("push", "repo", "--json", *dry_run, code=1).json
        (failed,) = done["failed"]
        assert failed["error"]["message"] == "nobody is not a member of the workspace."
        assert [each["path"] for each in done["pushed"]] == (["f/promised/one"] if dry_run else [])
    assert cli.installation.client.get("/api/w/main/variables/get/f/promised/one").status_code == 404


@pytest.mark.extended
def test_folder_created_by_a_push_is_written(cli: Cli) -> None:
    """The folder of the workspace and the one of files are the same afterwards. A refused item is named once."""
    cli.write("repo/f/made/one.variable.yaml", "value: a\nis_secret: false\n")
    assert cli("push", "repo").out == "folder made: created\nvariable f/made/one: created\n"
    assert (cli.folder / "repo/f/made/folder.meta.yaml").is_file()
    assert cli("status", "repo/f/made", "--json", "--exit-code").json["in_sync"]
    cli.installation.client.post("/api/w/main/variables/update/f/made/one", json={"value": "b"})
    cli.write("repo/f/made/one.variable.yaml", "value: c\nis_secret: false\n")
    refused = cli("push", "repo/f/made", code=1).err
    assert "repo/f/made/one.variable.yaml: It was changed in the workspace" in refused


@pytest.mark.extended
def test_private_import_is_refused_like_a_missing_one_with_file_and_line(cli: Cli) -> None:
    client = cli.installation.client
    ann = {"email": "ann@push.example", "password": "correct horse battery"}
    assert client.post("/api/users/create", json={**ann, "username": "ann_push"}).status_code == 201
    for name, owners in (("open", ["u/ann_push"]), ("closed", [])):
        client.post("/api/w/main/folders/create", json={"name": f"{name}_import", "owners": owners}).raise_for_status()
    member = {"email": ann["email"], "username": "ann_push", "role": "developer"}
    client.post("/api/w/main/workspaces/add_user", json=member).raise_for_status()
    private = {"path": "f/closed_import/secret", "summary": "", "content": "KEY = 1\n", "language": "python3"}
    client.post("/api/w/main/scripts/create", json=private).raise_for_status()
    login = httpx.post(f"{cli.installation.base}/api/auth/login", json=ann, timeout=60).raise_for_status()
    given: dict[str, Any] = {"ORVANTA_URL": cli.installation.base, "ORVANTA_TOKEN": login.text}
    files = {
        "repo/f/open_import/job.py": "import os\nfrom f.closed_import.%s import KEY\n",
        "repo/f/open_import/job.flow/flow.yaml": (
            "value: {modules: [{id: a, value: {type: rawscript, language: python3, content: '!inline a.py'}}]}\n"
        ),
        "repo/f/open_import/job.flow/a.py": "\nimport os\nfrom f.closed_import.%s import KEY\n",
    }

    def refused(name: str, *options: str) -> tuple[str, str]:
        for file, text in files.items():
            cli.write(file, text.replace("%s", name))
        done = cli("push", "repo", *options, code=1, **given)
        return done.out.replace(name, "secrez"), done.err.replace(name, "secrez")

    for options in ((), ("--json",), ("--dry-run",)):
        assert refused("secret", *options) == refused("secrez", *options)
    error = refused("secret")[1]
    reason = "of f/open_import/job%s imports f/closed_import/secrez, which does not exist or may not be read."
    assert f"repo/f/open_import/job.py: Line 2 {reason % ''}" in error
    assert f"repo/f/open_import/job.flow/a.py: error import_not_found: Line 3 {reason % '/a'}" in error


@pytest.mark.extended
def test_files_of_items_that_may_not_be_read_remain(cli: Cli) -> None:
    """A token that reads scripts only, or a member without the folder, does not see the other items as deleted."""
    client = cli.installation.client
    cli.write("repo/f/shown/one.variable.yaml", "value: a\nis_secret: false\n")
    cli.write("repo/f/shown/two.sh", "echo 2\n")
    cli("push", "repo")
    before = tree(cli.folder / "repo")
    limited = {"label": "scripts", "scopes": ["scripts:read"], "workspace_id": "main"}
    token = client.post("/api/users/tokens/create", json=limited).text
    given: dict[str, Any] = {"ORVANTA_URL": cli.installation.base, "ORVANTA_TOKEN": token}
    client.post("/api/w/main/scripts/delete/p/f/shown/two").raise_for_status()
    assert cli("status", "repo/f/shown", **given).out == " D script f/shown/two\n"
    pulled = cli("pull", "repo/f/shown", **given)
    assert pulled.out == "script f/shown/two: deleted\n"
    assert "2 items are left out: you, or the token, may not read them in the workspace." in pulled.err
    del before["f/shown/two.sh"]
    assert tree(cli.folder / "repo") == before
    assert cli("status", "repo/f/shown", "--json", "--exit-code").json["in_sync"]


@pytest.mark.extended
def test_two_people_and_the_page_lose_nothing(cli: Cli) -> None:
    """Ann and Bob push and pull the same items while the workspace is changed by API."""
    push_of_ann_is_pulled_by_bob(cli)
    cli.write("bob/f/duo/one.variable.yaml", "value: bob\nis_secret: false\n")
    cli.write("bob/f/duo/code.flow/a.inline_script.sh", "echo bob")
    done = states(cli("push", "bob", "--json"))
    assert {path for path, state in done.items() if state == "updated"} == {"f/duo/one", "f/duo/code"}
    conflict_with_ann_is_reported(cli)
    changes_of_ann_are_merged(cli)
    push_of_ann_overwrites_conflict(cli)
    deleted_file_is_pruned(cli)
    cli("pull", "bob")
    assert (cli.folder / "bob/f/duo/one.variable.yaml").read_text().startswith("value: ann")
    assert "bob is initialised already." in cli("init", "bob", code=1).err


def push_of_ann_is_pulled_by_bob(cli: Cli) -> None:
    code = (
        "value: {modules: [{id: a, value: {type: rawscript, language: bash, content: echo 1, input_transforms: {}}}]}\n"
    )
    for name, text in {
        "f/duo/folder.meta.yaml": "summary: Duo\n",
        "f/duo/one.variable.yaml": "value: a\nis_secret: false\n",
        "f/duo/two.variable.yaml": "value: a\nis_secret: false\n",
        "f/duo/code.flow/flow.yaml": f"# kept\nsummary: Code\n{code}",
    }.items():
        cli.write(f"ann/{name}", text)
    cli("push", "ann")
    cli("pull", "bob")
    pulled = {name: body for name, body in tree(cli.folder / "bob").items() if name.startswith("f/duo")}
    assert (
        pulled["f/duo/code.flow/a.inline_script.sh"] == b"echo 1" and b"# kept" in pulled["f/duo/code.flow/flow.yaml"]
    )
    status = cli("status", "bob", "--json", "--exit-code").json
    assert status == {"in_sync": True, "items": [], "failed": []}
    assert states(cli("push", "bob", "--json")) and cli("push", "bob").out == "Nothing to do.\n"


def conflict_with_ann_is_reported(cli: Cli) -> None:
    """Change an item that Bob pushed, change another by API, and add one: nothing is pushed."""
    client = cli.installation.client
    cli.write("ann/f/duo/one.variable.yaml", "value: ann\nis_secret: false\n")
    cli.write("ann/f/duo/three.variable.yaml", "value: new\nis_secret: false\n")
    client.post("/api/w/main/variables/update/f/duo/two", json={"value": "page"})
    status = cli("status", "ann/f/duo", "--json", "--exit-code", code=1).json
    assert {each["path"]: each["state"] for each in status["items"]} == {
        "f/duo/one": "conflict",
        "f/duo/two": "remote modified",
        "f/duo/three": "added",
        "f/duo/code": "remote modified",
    }
    refused = cli("push", "ann/f/duo", "--json", code=1).json
    assert [each["path"] for each in refused["failed"]] == ["f/duo/one"] and refused["pushed"] == []
    assert client.get("/api/w/main/variables/get/f/duo/one").json()["value"] == "bob"
    shown = cli("diff", "ann/f/duo").out
    assert "-value: bob\n+value: ann\n" in shown and "-value: page\n" in shown


def changes_of_ann_are_merged(cli: Cli) -> None:
    flow = cli.folder / "ann/f/duo/code.flow/flow.yaml"
    flow.write_text(flow.read_text().replace("summary: Code", "summary: Ann's"))
    pulled = cli("pull", "ann/f/duo", "--json", code=1).json
    assert pulled["conflicts"] == [{"kind": "variable", "path": "f/duo/one", "places": ["/value"]}]
    assert {each["path"]: each["state"] for each in pulled["pulled"]} == {
        "f/duo/two": "updated",
        "f/duo/code": "merged",
    }
    assert "# kept\nsummary: Ann's\n" in flow.read_text()
    assert (cli.folder / "ann/f/duo/one.variable.yaml").read_text().startswith("value: ann")
    assert "value: page" in (cli.folder / "ann/f/duo/two.variable.yaml").read_text()
    assert (cli.folder / "ann/f/duo/code.flow/a.inline_script.sh").read_text() == "echo bob"


def push_of_ann_overwrites_conflict(cli: Cli) -> None:
    client = cli.installation.client
    cli("push", "ann/f/duo", "--force", "-m", "Ann's")
    assert client.get("/api/w/main/variables/get/f/duo/one").json()["value"] == "ann"
    merged = client.get("/api/w/main/flows/get/f/duo/code").json()
    assert merged["summary"] == "Ann's" and merged["value"]["modules"][0]["value"]["content"] == "echo bob"


def deleted_file_is_pruned(cli: Cli) -> None:
    client = cli.installation.client
    (cli.folder / "ann/f/duo/three.variable.yaml").unlink()
    assert "1 deleted item remains" in cli("push", "ann/f/duo").err
    assert "f/duo/three: deleted" in cli("push", "ann/f/duo", "--prune").out
    assert client.get("/api/w/main/variables/exists/f/duo/three").json() is False


def test_unknown_owners_of_a_folder_are_warnings_with_lines(cli: Cli) -> None:
    """A group of the pushed tree is known, and the folder is stored as written."""
    owners = "owners:\n  - u/admin\n  - u/nobody_here\n  - g/misowned_crew\n"
    cli.write("repo/f/misowned/folder.meta.yaml", f"{owners}extra_perms:\n  g/all: false\n  g/none_here: true\n")
    cli.write("repo/groups/misowned_crew.group.yaml", "members:\n  - admin\n")
    done = cli("push", "repo", "--json")
    assert states(done) == {"misowned": "created", "misowned_crew": "created"}
    assert [line for line in done.err.splitlines() if "owner_unknown" in line] == [
        "repo/f/misowned/folder.meta.yaml:3:5: warning owner_unknown: the workspace has no member u/nobody_here",
        "repo/f/misowned/folder.meta.yaml:7:3: warning owner_unknown: the workspace has no group g/none_here",
    ]
    assert "owner_unknown" not in cli("push", "repo").err


def test_errors_in_settings_files_name_the_line(cli: Cli) -> None:
    daily = "schedule: 0 0 6 * * *\ntimezone: UTC\nenabled: false\nscript_path: f/misset/x\nis_flow: true\nargs: {}\n"
    cli.write("repo/f/misset/folder.meta.yaml", "owners:\n  - somebody\n")
    cli.write("repo/f/misset/daily.schedule.yaml", f"{daily}on_failure: script/f/misset/x\non_failure_times: 0\n")
    cli.write("repo/f/misset/region.variable.yaml", "is_secret: false\nvalue: north\n")
    refused = cli("push", "repo", code=1).err
    assert "repo/f/misset/folder.meta.yaml:2:5: 'somebody' is neither u/<user> nor g/<group>." in refused
    assert "repo/f/misset/daily.schedule.yaml:8:1: on_failure_times must be a number" in refused
    cli.write("repo/f/misset/region.variable.yaml", "is_secret: false\n\nvalue: [north]\n")
    failed = cli("push", "repo", "--json", code=1).json["failed"]
    assert [(each["file"], each["line"]) for each in failed] == [("repo/f/misset/region.variable.yaml", 3)]
    cli.write("repo/wmill.yaml", "excludes: [\n")
    assert "wmill.yaml cannot be read: invalid YAML at line 2, column 1" in cli("push", "repo", code=1).err
