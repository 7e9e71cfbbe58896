"""`orvanta push`, `pull` and `status`: what a change of a file means."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from tests.cli.client import Cli

from orvanta_platform.cli.client import tree_pull, tree_status
from orvanta_platform.cli.client.command import Session

FLOW = """\
# top
summary: Code
value:
  modules:
    - id: a
      value: {type: rawscript, language: bash, content: echo 1, input_transforms: {}}
    - id: b
      value: {type: rawscript, language: bash, content: echo 1, input_transforms: {}}
"""
FOLDER = "summary: Pair\nowners: [u/admin, g/all]\nextra_perms: {u/admin: true, g/all: true}\n"


def schedule(**more: Any) -> str:
    """Return the file of a schedule."""
    needed = {"schedule": "0 0 6 * * *", "timezone": "UTC", "enabled": False, "script_path": "f/pair1/code"}
    return json.dumps({**needed, "is_flow": True, "args": {}, **more})


def test_settings_deleted_in_a_file_are_removed(cli: Cli) -> None:
    """Also by a push of somebody who pulled the file, and with null in its place."""
    code = "flow/f/pair1/code"
    handlers = {"on_failure": code, "on_recovery": code, "paused_until": "2099-01-01T00:00:00Z"}
    cli.write("ann/f/pair1/folder.meta.yaml", FOLDER)
    cli.write("ann/f/pair1/code.flow/flow.yaml", FLOW)
    cli.write("ann/f/pair1/daily.schedule.json", schedule(**handlers))
    cli("push", "ann")
    cli.write("ann/f/pair1/daily.schedule.json", schedule(**handlers | {"on_failure": None}))
    assert "schedule f/pair1/daily: updated" in cli("push", "ann").out
    cli("pull", "bob")
    file = cli.folder / "bob/f/pair1/daily.schedule.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "paused" not in line))
    assert "M  schedule f/pair1/daily" in cli("status", "bob").out
    cli.write("bob/f/pair1/folder.meta.yaml", "summary: Pair\nowners: []\nextra_perms: {u/admin: true}\n")
    assert cli("push", "bob").out == "folder pair1: updated\nschedule f/pair1/daily: updated\n"
    found = cli.installation.client.get("/api/w/main/schedules/get/f/pair1/daily").json()
    assert {name: found.get(name) for name in handlers} == dict.fromkeys(handlers) | {"on_recovery": code}
    folder = cli.installation.client.get("/api/w/main/folders/get/pair1").json()
    assert (folder["owners"], folder["extra_perms"]) == ([], {"u/admin": True})
    assert cli("push", "bob").out == "Nothing to do.\n"


def test_push_of_one_item_of_a_synchronised_folder_replaces_nothing_newer(cli: Cli) -> None:
    """Its state remains that of the folder: a push of all of it, or of the item again, has no conflict."""
    cli.write("bob/f/pair2/code.flow/flow.yaml", FLOW)
    cli.write("bob/f/pair2/total.sh", "echo 1\n")
    cli("push", "bob")
    cli("pull", "ann")

    cli.write("bob/f/pair2/code.flow/flow.yaml", FLOW.replace("content: echo 1", "content: echo bob", 1))
    cli.write("bob/f/pair2/total.sh", "echo bob\n")
    cli("push", "bob")
    client = cli.installation.client
    code = cli.folder / "ann/f/pair2/code.flow/b.inline_script.sh"
    for change, file, get in (
        (("flow", "ann/f/pair2/code.flow"), code, "flows/get/f/pair2/code"),
        (("script", "ann/f/pair2/total.sh"), cli.folder / "ann/f/pair2/total.sh", "scripts/get/p/f/pair2/total"),
    ):
        file.write_text("echo ann\n")
        push = (change[0], "push", change[1])
        for more in ((), ("--dry-run",)):
            refused = cli(*push, *more, code=1)
            assert "It was changed in the workspace in the meantime." in refused.err and "orvanta pull" in refused.err
        assert "echo bob" in client.get(f"/api/w/main/{get}").text
        assert ": updated" in cli(*push, "--force").out
        file.write_text("echo ann again\n")
        assert ": updated" in cli(*push).out
        assert ": unchanged" in cli(*push).out
        assert "echo ann again" in client.get(f"/api/w/main/{get}").text
    state = (cli.folder / "ann/.orvanta/state.json").read_text()
    assert cli("status", "ann").out == "The folder and the workspace have the same items.\n"
    assert (cli.folder / "ann/.orvanta/state.json").read_text() == state


def test_status_and_diff_write_nothing_and_leave_the_base_of_merges(cli: Cli) -> None:
    cli.write("bob/f/pair3/code.flow/flow.yaml", FLOW)
    cli("push", "bob")
    cli("pull", "ann")
    both = FLOW.replace("summary: Code", "summary: Both")
    cli.write("bob/f/pair3/code.flow/flow.yaml", both)
    cli("push", "bob")
    for name in ("a", "b"):  # the code of both nodes is in files of their own
        (cli.folder / f"ann/f/pair3/code.flow/{name}.inline_script.sh").unlink()
    mine = cli.write("ann/f/pair3/code.flow/flow.yaml", both)
    kept = {file: file.read_bytes() for file in (cli.folder / "ann").rglob("*") if file.is_file()}
    assert cli("status", "ann").out == cli("status", "ann").out == "The folder and the workspace have the same items.\n"
    cli("diff", "ann")
    assert kept == {file: file.read_bytes() for file in (cli.folder / "ann").rglob("*") if file.is_file()}
    mine.write_text(both.replace("# top", "# mine").replace("id: a\n", "id: a\n      summary: Mine\n"))
    cli.write("bob/f/pair3/code.flow/flow.yaml", both.replace("id: b\n", "id: b\n      summary: Theirs\n"))
    cli("push", "bob")
    assert cli("pull", "ann").out == "flow f/pair3/code: merged\n"
    assert "summary: Mine" in mine.read_text() and "summary: Theirs" in mine.read_text()
    assert "flow f/pair3/code: would be created" in cli("pull", "absent", "--dry-run").out
    assert not (cli.folder / "absent").exists()
    cli.write("new/f/pair3/code.flow/flow.yaml", FLOW)
    cli("status", "new")
    assert not (cli.folder / "new/.orvanta").exists()


def test_merge_that_cannot_be_written_has_its_reason(cli: Cli) -> None:
    cli.write("bob/f/unmerged1/code.flow/flow.yaml", FLOW)
    cli("push", "bob")
    cli("pull", "ann")
    mine = cli.folder / "ann/f/unmerged1/code.flow/flow.yaml"
    mine.write_text(mine.read_text().replace("summary: Code", "summary: Mine"))
    added = "    - id: extra\n      value: {type: rawscript, language: bash, content: echo 3, input_transforms: {}}\n"
    cli.write("bob/f/unmerged1/code.flow/flow.yaml", FLOW + added)
    cli("push", "bob")
    (cli.folder / "ann/f/unmerged1/code.flow/extra.inline_script.sh").mkdir()
    refused = cli("pull", "ann", code=1)
    assert "conflict" not in refused.out
    assert "extra.inline_script.sh is not replaced" in refused.out + refused.err


def test_items_deleted_while_they_are_pulled_are_not_reported(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("bob/f/vanished1/one.sh", "echo 1\n")
    cli.write("bob/f/vanished1/two.sh", "echo 2\n")
    cli("push", "bob")
    cli("pull", "ann")
    for name in ("one", "two"):
        cli.write(f"bob/f/vanished1/{name}.sh", "echo 3\n")
    cli("push", "bob")
    client, fetch = cli.installation.client, tree_status.fetch

    def delete_and_fetch(*arguments: Any) -> Any:
        client.post("/api/w/main/scripts/delete/p/f/vanished1/one").raise_for_status()
        return fetch(*arguments)

    for name, value in cli.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tree_pull, "fetch", delete_and_fetch)
    shown: list[Any] = []
    monkeypatch.setattr(tree_pull, "print_json", shown.append)
    session = Session(None, None, as_json=True)
    tree_pull.pull(session, cli.folder / "ann", dry_run=False, force=False)
    session.close()
    assert [(each["path"], each["state"]) for each in shown[0]["pulled"]] == [("f/vanished1/two", "updated")]
    assert "script f/vanished1/one: deleted" in cli("pull", "ann").out


def test_push_prunes_the_file_of_the_folder_and_what_a_fresh_checkout_lacks(cli: Cli) -> None:
    exists = "/api/w/main/{}/exists/{}"
    cli.write("ann/f/gone/folder.meta.yaml", "summary: Gone\n")
    cli.write("ann/f/gone/one.variable.yaml", "value: a\nis_secret: false\n")
    cli.write("ann/f/stays/code.flow/flow.yaml", FLOW)
    cli.write("ann/f/stays/one.variable.yaml", "value: a\nis_secret: false\n")
    cli("push", "ann")
    for name in ("folder.meta", "one.variable"):
        (cli.folder / f"ann/f/gone/{name}.yaml").unlink()
    assert cli("push", "ann/f/gone", "--prune").out == "variable f/gone/one: deleted\nfolder gone: deleted\n"
    client = cli.installation.client
    assert client.get(exists.format("folders", "gone")).json() is False
    cli.write("fresh/f/stays/code.flow/flow.yaml", FLOW)
    cli.write("fresh/f/stays/folder.meta.yaml", "summary: Stays\n")
    push = ("push", "fresh/f/stays", "--prune", "--force")
    assert cli("push", "fresh/f/stays", "--force").out == "folder stays: updated\n"
    assert client.get(exists.format("variables", "f/stays/one")).json() is True
    shutil.rmtree(cli.folder / "fresh/.orvanta")

    assert cli(*push, "--dry-run").out == "variable f/stays/one: would be deleted\n"
    assert cli(*push).out == "variable f/stays/one: deleted\n"
    assert client.get(exists.format("flows", "f/stays/code")).json() is True
    assert client.get(exists.format("variables", "f/stays/one")).json() is False


@pytest.mark.parametrize(("head", "reason"), [("0" * 40, "no branch is checked out"), ("ref: refs/heads/try", "try")])
def test_push_leaves_items_of_an_unknown_branch_alone(cli: Cli, head: str, reason: str) -> None:
    """A pipeline often checks out a commit, where the files of no branch are those of the item."""
    area = f"cut{len(head)}"
    tree = f"{area}/f/{area}"
    cli.write(f"{area}/wmill.yaml", "gitBranches: {main: {specificItems: {variables: ['f/**']}}, dev: {}}\n")
    cli.write(f"{area}/.git/HEAD", "ref: refs/heads/main\n")
    cli.write(f"{tree}/folder.meta.yaml", "summary: Cut\n")
    cli.write(f"{tree}/own.main.variable.yaml", "value: main\nis_secret: false\n")
    cli.write(f"{tree}/gone.variable.yaml", "value: a\nis_secret: false\n")
    assert f"variable f/{area}/own: created" in cli("push", area).out
    cli.write(f"{area}/.git/HEAD", f"{head}\n")
    (cli.folder / tree / "gone.variable.yaml").unlink()
    for state in ("synchronised", "fresh"):
        done = cli("push", tree, "--force", "--prune", "--dry-run")
        assert done.out == f"variable f/{area}/gone: would be deleted\n", state
        assert f"reason: variable f/{area}/own." in done.err.replace(reason, "reason")
        shutil.rmtree(cli.folder / area / ".orvanta", ignore_errors=True)
    cli("push", tree, "--force", "--prune")
    client = cli.installation.client
    assert client.get(f"/api/w/main/variables/exists/f/{area}/own").json() is True
    assert client.get(f"/api/w/main/variables/exists/f/{area}/gone").json() is False
    assert f"variable f/{area}/own" not in cli("status", area).out
    cli.write(f"{area}/.git/HEAD", "ref: refs/heads/dev\n")
    shutil.rmtree(cli.folder / area / ".orvanta")
    assert f"variable f/{area}/own: would be deleted" in cli("push", tree, "--force", "--prune", "--dry-run").out


def test_script_without_files_of_its_settings_keeps_them(cli: Cli) -> None:
    cli.write("ann/f/bare/total.sh", "echo 1\n")
    cli.write("ann/f/bare/total.script.yaml", "summary: The total\n")
    cli("push", "ann")
    (cli.folder / "ann/f/bare/total.script.yaml").unlink()
    cli.write("ann/f/bare/total.sh", "echo 2\n")
    shown = cli("diff", "ann").out
    assert "-echo 1" in shown and "+echo 2" in shown and "The total" not in shown
    cli("push", "ann", "--no-wait")
    found = cli.installation.client.get("/api/w/main/scripts/get/p/f/bare/total").json()
    assert (found["summary"], found["content"]) == ("The total", "echo 2\n")


def test_invalid_contents_and_two_files_of_an_item_are_named(cli: Cli) -> None:
    cli.write("ann/f/pair5/folder.meta.yaml", "summary: Pair\n")
    cli.write("ann/f/pair5/wrong.variable.yaml", "value: a\nis_secret: false\n")
    cli.write("ann/f/pair5/fine.variable.yaml", "value: a\nis_secret: false\n")
    cli.write("ann/f/pair5/dup.sh", "echo 1\n")
    cli("push", "ann", "--no-wait")
    client = cli.installation.client
    client.post("/api/w/main/variables/update/f/pair5/fine", json={"value": "b"}).raise_for_status()
    cli.write("ann/f/pair5/wrong.variable.yaml", "value: [1]\nis_secret: false\n")
    cli.write("ann/f/pair5/dup.py", "def main(): return 1\n")
    wrong = (
        "ann/f/pair5/wrong.variable.yaml:1:1: "
        "The content of f/pair5/wrong is not valid: value must be a text, not a list"
    )
    both = "f/pair5/dup.py and "
    status = cli("status", "ann")
    assert wrong in status.err and both in status.err and "dup.sh are both the script f/pair5/dup." in status.err
    assert " M variable f/pair5/fine" in status.out
    assert wrong in cli("diff", "ann").err
    assert "variable f/pair5/fine: updated\n" in cli("pull", "ann").out
    for more in ((), ("--dry-run",)):
        refused = cli("push", "ann", *more, code=1)
        assert wrong in refused.err and both in refused.err
    failed = cli("push", "ann", "--json", code=1).json["failed"]
    assert {each["path"] for each in failed} == {"f/pair5/wrong", "f/pair5/dup"}


def test_pull_of_a_folder_leaves_the_state_of_others(cli: Cli) -> None:
    """A change of the workspace outside of it is then no conflict."""
    for name in ("pair7", "pair8"):
        cli.write(f"ann/f/{name}/code.sh", "echo 1\n")
    cli("push", "ann")
    cli("pull", "bob")
    cli("pull", "bob/f/pair7")
    cli.write("ann/f/pair8/code.sh", "echo 2\n")
    cli("push", "ann")
    assert " M script f/pair8/code" in cli("status", "bob").out.splitlines()


def test_pull_reads_large_items_in_parts(cli: Cli) -> None:
    """Together they are larger than the answer to one call."""
    cli.write("ann/f/pair9/folder.meta.yaml", FOLDER)
    cli("push", "ann")
    client = cli.installation.client
    for n in range(3):
        body = {"path": f"f/pair9/s{n}", "summary": "", "language": "bash", "content": f"echo {n}\n" + "#" * (6 << 20)}
        client.post("/api/w/main/scripts/create", json=body).raise_for_status()
    keys = [{"kind": "script", "path": f"f/pair9/s{n}"} for n in range(3)]
    answer = client.post("/api/w/main/changes/read", json={"items": keys})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    cli("pull", "ann")
    files = [cli.folder / f"ann/f/pair9/s{n}.sh" for n in range(3)]
    assert [file.read_text()[:7] for file in files] == ["echo 0\n", "echo 1\n", "echo 2\n"]
    for n in range(3):
        client.post(f"/api/w/main/scripts/delete/p/f/pair9/s{n}").raise_for_status()


@pytest.mark.parametrize("place", ["pair8/code.flow", "pair9/code.flow/tests"])
def test_folder_of_a_workflow_stands_for_it_with_its_tests(cli: Cli, place: str) -> None:
    """Other items whose paths begin with that of the workflow do not belong to it."""
    folder, _, _ = place.partition("/")
    flow, named = f"bob/f/{folder}/code.flow", f"bob/f/{place}"
    cli.write(f"{flow}/flow.yaml", FLOW)
    cli.write(f"{flow}/tests/happy.yaml", "nodes: {a: {result: 7, inputs: {}}}\nexpect: {result: {equals: 7}}\n")
    cli.write(f"bob/f/{folder}/code/more.sh", "echo 1\n")
    cli("push", "bob")
    assert cli("status", named).out == "The folder and the workspace have the same items.\n"
    assert cli("pull", named).out == "Nothing to do.\n"
    cli.write(f"{flow}/flow.yaml", FLOW.replace("echo 1", "echo 2"))
    assert cli("status", named).out.splitlines()[-1] == f"M  flow f/{folder}/code"
    assert cli("push", named).out == f"flow f/{folder}/code: updated\n"
    assert (cli.folder / flow / "tests/happy.yaml").is_file()


def test_differences_lack_settings_that_a_file_never_had(cli: Cli) -> None:
    """Also those with defaults of the server. Those that a file had, and that were removed, are shown."""
    cli.write("repo/f/lean/region.variable.yaml", "value: north\n")
    cli.write("repo/f/lean/total.sh", "echo 1\n")
    cli.write("repo/f/lean/total.script.yaml", "summary: Total\n")
    cli.write("repo/f/lean/daily.schedule.json", schedule(script_path="f/lean/total", is_flow=False, summary="Daily"))
    cli("push", "repo")
    cli.write("repo/f/lean/region.variable.yaml", "value: south\n")
    cli.write("repo/f/lean/total.script.yaml", "summary: Sum\n")
    shown = cli("diff", "repo/f/lean", "--json").json["items"]
    text = "".join(each["diff"] for each in shown)
    changed = [line for line in text.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-value: north", "+value: south", "-summary: Total", "+summary: Sum"]
    cli.write("repo/f/lean/daily.schedule.json", schedule(script_path="f/lean/total", is_flow=False))
    assert "-summary: Daily" in cli("diff", "repo/f/lean").out


def test_same_item_in_two_trees_below_a_folder_is_refused(cli: Cli) -> None:
    cli.write("two6/north/f/pair6/total.sh", "echo 1\n")
    cli.write("two6/south/f/pair6/total.sh", "echo 2\n")
    cli.write("two6/north/f/pair6/sum.flow/flow.yaml", "value: {modules: []}\n")
    cli.write("two6/south/f/pair6/sum.flow/flow.yaml", "summary: Sum\nvalue: {modules: []}\n")
    for command in (("push", "two6", "--dry-run"), ("push", "two6", "--no-wait"), ("lint", "two6")):
        refused = cli(*command, code=1).err
        for name, item in (("total.sh", "script f/pair6/total"), ("sum.flow/flow.yaml", "flow f/pair6/sum")):
            both = {f"two6/{tree}/f/pair6/{name} and two6/{other}/f/pair6/{name} are both the {item}."
                    for tree, other in (("north", "south"), ("south", "north"))}  # fmt: skip
            assert any(each in refused for each in both), refused
    assert cli.installation.client.get("/api/w/main/scripts/exists/p/f/pair6/total").json() is False
    cli("push", "two6/north", "--no-wait")
    cli.write("two6/north/f/pair6/total.py", "def main(): return 1\n")
    assert "are both the script f/pair6/total." in cli("lint", "two6/north", code=1).err


@pytest.mark.parametrize("command", ["push", "pull", "status", "diff"])
def test_working_copies_below_a_folder_are_refused(cli: Cli, command: str) -> None:
    """They may belong to another workspace. The folder in which one was last synchronised has a state."""
    base = f"copies8/{command}/north"
    cli.write(f"{base}/f/copies8/{command}.sh", "echo 1\n")
    cli("push", base, "--no-wait")
    for folder in (f"copies8/{command}", "copies8"):
        refused = cli(command, folder, code=1)
        assert f"Error: {base} is a working copy of its own.\nRun the command in that folder." in refused.err
    cli("status", f"{base}/f/copies8")


def test_lint_names_script_that_is_not_utf8_and_checks_others(cli: Cli) -> None:
    cli.write("utf8a/f/pair7/fine.sh", "echo 1\n")
    (cli.folder / "utf8a/f/pair7/bytes.py").write_bytes(b"# \xff\n")
    (cli.folder / "utf8a/f/pair7/zero.py").write_text("def main(:\n")
    refused = cli("lint", "utf8a", code=1)
    assert (
        "utf8a/f/pair7/bytes.py: error bad_request: The script utf8a/f/pair7/bytes.py is not UTF-8: byte 2."
        in refused.err
    )
    assert "utf8a/f/pair7/zero.py:1" in refused.err and "2 errors" in refused.out


def test_forced_push_of_a_moved_workflow_creates_its_tests_as_well(cli: Cli) -> None:
    """They were moved with it, and their files have not changed."""
    flow = "repo/f/moved_tests/old.flow"
    file = cli.write(f"{flow}/flow.yaml", "summary: One\nvalue: {modules: []}\n")
    cli.write(f"{flow}/tests/first.yaml", "inputs: {}\nexpect: {result: {equals: null}}\n")
    cli("push", "repo")
    cli("flow", "move", "f/moved_tests/old", "f/moved_tests/new")
    file.write_text("summary: Two\nvalue: {modules: []}\n")
    assert "It was moved to f/moved_tests/new" in cli("push", "repo", code=1).err
    assert cli("push", "repo", "--force").out == (
        "flow f/moved_tests/old: created\nworkflow_test f/moved_tests/old/tests/first: created\n"
    )
    assert "workflow_test f/moved_tests/old" not in cli("status", "repo").out
    # Tests that were deleted with the workflow, too.
    cli.installation.client.delete("/api/w/main/flows/delete/f/moved_tests/old").raise_for_status()
    file.write_text("summary: Three\nvalue: {modules: []}\n")
    assert cli("push", "repo", "--force").out.count("created") == 2


def test_status_and_diff_name_added_files_that_cannot_be_read(cli: Cli) -> None:
    cli.write("repo/f/added1/good.sh", "echo 1\n")
    cli.write("repo/f/added1/broken.variable.yaml", "value: [\n")
    cli.write("repo/f/added1/latin.py", "").write_bytes(b"def main():\n    return '\xe9'\n")
    for command in ("status", "diff"):
        done = cli(command, "repo", "--json")
        assert [each["path"] for each in done.json["failed"]] == ["f/added1/broken", "f/added1/latin"]
        shown = cli(command, "repo").err
        assert "f/added1/latin.py is not UTF-8" in shown and "repo/f/added1/broken.variable.yaml:2:1" in shown
        assert "good.sh" not in shown
