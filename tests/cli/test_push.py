"""Push of workflows and scripts from folders to the server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from tests.cli.client import Cli

FLOW = """\
# Grüße: a comment at the top
summary: Héllo 世界
value:
  modules:
    - id: greet # the only node
      value:
        type: rawscript
        language: python3
        content: '!inline greet.py'
        # what it gets
        input_transforms:
          name: {type: javascript, expr: flow_input.name}
"""
CODE = """\
def main(name: str):
    # "quotes", 'more' and a tab:\t
    return f"Grüße, {name}\\u2028\N{PARTY POPPER}"
"""


@pytest.fixture
def flow(cli: Cli, request: pytest.FixtureRequest) -> str:
    """Write a workflow in a folder, at a path that no other test uses; return the path."""
    path = f"f/examples/{request.node.originalname}"
    cli.write(f"{path}.flow/flow.yaml", FLOW)
    cli.write(f"{path}.flow/greet.py", CODE)
    return path


def at_server(cli: Cli, path: str) -> Any:
    return cli.installation.client.get(f"/api/w/main/flows/get/{path}").json()


def deploy(cli: Cli, path: str, summary: str) -> None:
    """Deploy a workflow as another user."""
    body = {"value": {"modules": []}, "summary": summary}
    assert cli.installation.client.post(f"/api/w/main/flows/update/{path}", json=body).status_code == 200


def test_pushed_workflow_keeps_its_yaml(cli: Cli, flow: str) -> None:
    done = cli("flow", "push", f"{flow}.flow", "--message", "Erste Fassung", "--json")
    assert (done.json["path"], done.json["state"]) == (flow, "created")
    deployed = at_server(cli, flow)
    assert (deployed["summary"], str(deployed["version_id"]), 1) == (
        "Héllo 世界",
        done.json["version"],
        done.json["number"],
    )
    assert deployed["value"]["modules"][0]["value"]["content"] == CODE
    text = deployed["source"]["text"]
    for comment in ("# Grüße: a comment at the top\n", "# the only node\n", "# what it gets\n"):
        assert comment in text
    assert cli("flow", "show", flow).out == text
    history = cli.installation.client.get(f"/api/w/main/flows/history/p/{flow}").json()
    assert history[0]["deployment_msg"] == "Erste Fassung"
    assert cli("flow", "run", flow, "-i", "name=Zoë", "--wait").json == "Grüße, Zoë\u2028\N{PARTY POPPER}"


def test_unchanged_item_is_not_deployed(cli: Cli, flow: str) -> None:
    assert cli("flow", "push", f"{flow}.flow").out == f"{flow}: created (version 1)\n"
    assert cli("flow", "push", f"{flow}.flow").out == f"{flow}: unchanged (version 1)\n"
    cli.write(f"{flow}.flow/greet.py", "def main(name):\n    return name\n")
    assert cli("flow", "push", f"{flow}.flow").out == f"{flow}: updated (version 2)\n"
    assert at_server(cli, flow)["value"]["modules"][0]["value"]["content"].startswith("def main(name):\n")
    assert len(cli.installation.client.get(f"/api/w/main/flows/history/p/{flow}").json()) == 2


@pytest.mark.extended
def test_dry_run_deploys_nothing(cli: Cli, flow: str) -> None:
    assert cli("flow", "push", f"{flow}.flow", "--dry-run").out == f"{flow}: would be created\n"
    assert cli.installation.client.get(f"/api/w/main/flows/exists/{flow}").json() is False
    cli("flow", "push", f"{flow}.flow")
    cli.write(f"{flow}.flow/greet.py", "def main(name):\n    return name\n")
    done = cli("flow", "push", f"{flow}.flow", "--dry-run", "--json")
    assert (done.json["state"], done.json["dry_run"]) == ("updated", True)
    assert at_server(cli, flow)["value"]["modules"][0]["value"]["content"] == CODE


def test_push_with_base_does_not_overwrite_newer_version(cli: Cli, flow: str) -> None:
    base = cli("flow", "push", f"{flow}.flow", "--json").json["number"]
    deploy(cli, flow, "Theirs")
    cli.write(f"{flow}.flow/greet.py", "def main(name):\n    return name\n")
    done = cli("flow", "push", f"{flow}.flow", "--base", str(base), code=1)
    newest = base + 1
    assert done.err.startswith(f"Error: The newest version of {flow} is version {newest}, not version {base}.\n")
    assert f"`orvanta flow show {flow}`" in done.err
    assert at_server(cli, flow)["summary"] == "Theirs"
    done = cli("flow", "push", f"{flow}.flow", "--base", str(base), "--json", code=1)
    assert done.json["error"]["code"] == "conflict"
    assert cli("flow", "push", f"{flow}.flow", "--base", str(newest)).out.startswith(f"{flow}: updated")


BAD = """\
summary: Bad
value:
  modules:
    - id: a
      value: {type: identity}
      needs: [b]
    - id: b
      needs:
        - a
        - ghost
      value: {type: identity}
"""


FLOW_WITH = "value: {modules: [{id: a, value: {type: identity}, skip_if: {expr: '%s'}}]}\n"


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_error_shows_file_line_node_and_path(cli: Cli, dry: list[str]) -> None:
    cli.write("f/examples/bad.flow/flow.yaml", BAD)
    done = cli("flow", "push", "f/examples/bad.flow", *dry, "--json", code=1)
    assert "f/examples/bad.flow/flow.yaml:10:11: error unknown_node: node b: it needs ghost" in done.err
    assert "    at /value/modules/1/needs/1\n" in done.err
    assert "f/examples/bad.flow/flow.yaml:6:15: error cyclic_graph: node a: " in done.err
    assert done.json["error"]["code"] == "invalid_workflow"
    assert {each["node"] for each in done.json["error"]["details"]} == {"a", "b"}


def test_dry_run_parses_expressions(cli: Cli) -> None:
    cli.write("f/examples/bad.flow/flow.yaml", FLOW_WITH % "results.a. ===")
    done = cli("flow", "push", "f/examples/bad.flow", "--dry-run", code=1)
    assert "error expression_syntax: node a: " in done.err


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"flow.yaml": "value: {modules: ["}, "flow.yaml:1:19: error invalid_yaml"),
        ({"flow.yaml": FLOW}, "error inline_file_missing: node greet"),
        (
            {"flow.yaml": FLOW.replace("greet.py", "../../../secret.py"), "../../../secret.py": "x"},
            "inline_file_missing",
        ),
        ({"flow.json": "{"}, "error invalid_json"),
        ({"flow.yaml": "value: {modules: []}\n---\nvalue: {modules: []}\n"}, "flow.yaml:2:1: error invalid_yaml"),
        ({"readme.md": ""}, "contains no flow.yaml"),
    ],
)
def test_unreadable_folder_is_rejected_locally(cli: Cli, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        cli.write(f"f/examples/refused.flow/{name}", text)
    assert message in cli("flow", "push", "f/examples/refused.flow", code=1).err


@pytest.mark.extended
def test_json_document_is_pushed(cli: Cli) -> None:
    tree = {"summary": "Json", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
    cli.write("here.json", json.dumps(tree))
    assert cli("flow", "push", "here.json", "f/examples/json").out.startswith("f/examples/json: created")
    assert cli("flow", "push", "here.json", "f/examples/json").out.startswith("f/examples/json: unchanged")
    assert cli("flow", "show", "f/examples/json").out.startswith("summary: Json\nvalue:\n  modules:\n    - id: a\n")
    listed = {each["path"] for each in cli("flow", "list", "f/examples/js", "--json").json}
    assert listed == {"f/examples/json"}


@pytest.mark.extended
def test_path_with_special_characters_is_rejected(cli: Cli) -> None:
    cli.write("loose.flow/flow.yaml", FLOW)
    cli.write("loose.flow/greet.py", CODE)
    done = cli("flow", "push", "loose.flow", code=2)
    assert "Pass the path of loose.flow" in done.err
    assert cli("flow", "push", "loose.flow", "no/path", code=1).err.startswith("Error: 'no/path' is not a valid path.")
    cli("flow", "push", code=2)
    cli("flow", "push", "nowhere.flow", code=2)


def test_policy_is_bypassed_with_a_reason(cli: Cli) -> None:
    """A single item at a time; one that is unchanged is deployed again."""
    client = cli.installation.client
    rules = [{"kind": "require", "on": kind, "field": "description"} for kind in ("flow", "script")]
    policy = {"name": "described", "scope": "f/urgent", "mode": "active", "rules": rules, "bypass": ["u/admin"]}
    assert client.post("/api/w/main/folders/create", json={"name": "urgent"}).is_success
    assert client.post("/api/w/main/policies/create", json=policy).is_success
    cli.write("f/urgent/report.flow/flow.yaml", "value: {modules: []}\n")
    cli.write("f/urgent/total.sh", "echo 1\n")
    reason = ("--policy-bypass-reason", "Incident 7")
    for kind, file, path in (("flow", "report.flow", "report"), ("script", "total.sh", "total")):
        refused = cli(kind, "push", f"f/urgent/{file}", code=1)
        assert "policy_bypass_reason" in refused.err, refused
        for state, number in (("created", 1), ("updated", 2)):
            done = cli(kind, "push", f"f/urgent/{file}", *reason)
            assert done.out == f"f/urgent/{path}: {state} (version {number})\n"
        assert cli(kind, "push", "f/urgent", "--all", *reason, code=2).out == ""
    rows = client.get("/api/w/main/audit/list", params={"operations": "policies.bypass"}).json()
    assert {(row["resource"], row["parameters"]["reason"]) for row in rows} == {
        ("f/urgent/report", "Incident 7"),
        ("f/urgent/total", "Incident 7"),
    }
    assert client.delete("/api/w/main/policies/delete/described").is_success


def test_everything_under_a_folder_is_pushed_and_faults_are_collected(cli: Cli) -> None:
    for name in ("one", "two"):
        cli.write(f"repo/f/examples/tree_{name}.flow/flow.yaml", "value: {modules: []}\n")
    cli.write("repo/f/examples/tree_bad.flow/flow.yaml", BAD)
    for folder in (".git", "node_modules", ".venv/lib", "env", "__pycache__"):
        cli.write(f"repo/{folder}/f/examples/tree_hidden.flow/flow.yaml", "value: {modules: []}\n")
        cli.write(f"repo/{folder}/f/examples/tree_hidden.py", "def main(): pass\n")
    cli.write("repo/env/pyvenv.cfg", "home = /usr/bin\n")
    done = cli("flow", "push", "repo", "--all", "--json", code=1)
    assert [(each["path"], each["state"]) for each in done.json["pushed"]] == [
        ("f/examples/tree_one", "created"),
        ("f/examples/tree_two", "created"),
    ]
    (failed,) = done.json["failed"]
    assert (failed["file"], failed["error"]["code"]) == ("repo/f/examples/tree_bad.flow", "invalid_workflow")
    cli("flow", "push", "repo", "f/examples/x", code=2)


def test_both_forms_of_folders_and_references_are_pushed_without_apps(cli: Cli) -> None:
    tagged = FLOW.replace("'!inline greet.py'", "!inline greet.py")
    for name, text in {"old.flow": FLOW, "отчёт__flow": tagged}.items():
        cli.write(f"tree/f/examples/{name}/flow.yaml", text)
        cli.write(f"tree/f/examples/{name}/greet.py", CODE)
    for name in ("a__app", "b.app", "c__raw_app", "d.raw_app"):
        cli.write(f"tree/f/examples/{name}/app.yaml", "summary: App\n")
        cli.write(f"tree/f/examples/{name}/inline.py", CODE)
        cli.write(f"tree/f/examples/{name}/inner.flow/flow.yaml", BAD)
    line = "4 apps are left out: the platform has no apps.\n"
    assert cli("lint", "tree").err == line
    pushed = cli("flow", "push", "tree", "--all", "--json")
    assert [each["path"] for each in pushed.json["pushed"]] == ["f/examples/old", "f/examples/отчёт"]
    assert pushed.err == line
    for path in ("f/examples/old", "f/examples/отчёт"):
        assert at_server(cli, path)["value"]["modules"][0]["value"]["content"] == CODE
    assert cli("flow", "run", "f/examples/отчёт", "-i", "name=Zoë", "--wait").json.startswith("Grüße, Zoë")
    assert cli("script", "push", "tree", "--all", code=2).err.startswith(line)


@pytest.mark.extended
def test_script_language_follows_extension(cli: Cli) -> None:
    cli.write("f/examples/hello.py", "def main(name: str):\n    return 'Grüße, ' + name\n")
    first = cli("script", "push", "f/examples/hello.py", "-m", "Eins", "--json").json
    assert (first["path"], first["state"]) == ("f/examples/hello", "created")
    assert cli("script", "push", "f/examples/hello.py", "--json").json["state"] == "unchanged"
    assert cli("script", "run", "f/examples/hello", "-i", "name=Zoë").json == "Grüße, Zoë"
    cli.write("f/examples/hello.script.yaml", "summary: Says hello\ntag: python3\n")
    assert cli("script", "push", "f/examples/hello.py", "--json").json["state"] == "updated"
    (cli.folder / "f/examples/hello.script.yaml").unlink()
    text = "def main(name: str):\n    return name\n"
    cli.write("f/examples/hello.py", text)
    assert cli("script", "push", "f/examples/hello.py").out.startswith("f/examples/hello: updated (version ")
    shown = cli("script", "show", "f/examples/hello", "--json").json
    assert (shown["summary"], shown["tag"], shown["language"]) == ("Says hello", "python3", "python3")
    assert cli("script", "show", "f/examples/hello").out == text
    listed = cli("script", "list", "f/examples/hello", "--json").json
    assert [each["path"] for each in listed] == ["f/examples/hello"]


@pytest.mark.extended
def test_unlockable_dependencies_are_reported(cli: Cli) -> None:
    """The URL names another distribution, which is detected without a request."""
    needs = "# requirements:\n# first @ http://127.0.0.1:9/second-1.0-py3-none-any.whl\n"
    cli.write("f/examples/unlocked.py", f"{needs}def main():\n    return 1\n")
    done = cli("script", "push", "f/examples/unlocked.py", "--json", code=1)
    # The job is named only if it has not ended when the command first checks it.
    assert done.err.startswith(("f/examples/unlocked: locking its dependencies, job ", "Error: "))
    assert "Error: The dependencies of f/examples/unlocked cannot be locked.\n" in done.err
    assert done.json["error"]["code"] == "lock_failed"
    assert "`first` does not match `second`" in done.json["error"]["hint"]
    cli.write("f/examples/unlocked.py", f"{needs}def main():\n    return 2\n")
    assert cli("script", "push", "f/examples/unlocked.py", "--no-wait", "--json").json["state"] == "updated"
    for name in ("one", "two"):
        cli.write(f"tree/f/unlocked/{name}.py", f"{needs}def main():\n    return '{name}'\n")
    cli.write("tree/f/unlocked/fine.py", "def main():\n    return 3\n")
    tree = cli("push", "tree", "--json", code=1).json
    assert [each["path"] for each in tree["failed"]] == ["f/unlocked/one", "f/unlocked/two"]
    assert {each["error"]["code"] for each in tree["failed"]} == {"lock_failed"}
    items = {"f/unlocked/one", "f/unlocked/two", "f/unlocked/fine"}
    assert {each["path"] for each in tree["pushed"] if each["kind"] == "script"} == items
    assert cli("push", "tree").out == "Nothing to do.\n"


@pytest.mark.extended
def test_lock_file_of_script(cli: Cli) -> None:
    """A pushed lock is stored unchanged, so that the next push changes nothing."""
    cli.write("f/examples/locked.py", "import six\ndef main():\n    return 1\n")
    cli.write("f/examples/locked.script.yaml", "summary: Locked\nlock: '!inline f/examples/locked.script.lock'\n")
    lock = "# py: 3.11\nsix==1.16.0"
    cli.write("f/examples/locked.script.lock", lock)
    assert cli("script", "push", "f/examples/locked.py", "--json").json["state"] == "created"
    assert cli("script", "show", "f/examples/locked", "--json").json["lock"] == lock
    assert cli("script", "push", "f/examples/locked.py", "--dry-run", "--json").json["state"] == "unchanged"
    assert cli("script", "push", "f/examples/locked.py", "--json").json["state"] == "unchanged"


def test_missing_lock_file_is_a_warning(cli: Cli) -> None:
    cli.write("f/examples/nolock.py", "def main():\n    return 1\n")
    cli.write("f/examples/nolock.script.yaml", "summary: ''\nlock: '!inline f/examples/nolock.script.lock'\n")
    done = cli("script", "push", "f/examples/nolock.py", "--json")
    assert (
        "warning lock_not_used: its lock is not used, since its file f/examples/nolock.script.lock is missing"
        in done.err
    )
    assert cli("script", "push", "f/examples/nolock.py", "--json").json["state"] == "unchanged"
    cli.write(
        "f/examples/nolock.flow/flow.yaml", FLOW.replace("greet.py'", "greet.py'\n        lock: '!inline greet.lock'")
    )
    cli.write("f/examples/nolock.flow/greet.py", CODE)
    done = cli("flow", "push", "f/examples/nolock.flow", "--json")
    assert done.json["state"] == "created"
    assert "warning lock_not_used: node greet" in cli("lint", "f/examples/nolock.flow").err


def test_push_with_base_does_not_overwrite_newer_script(cli: Cli) -> None:
    cli.write("f/examples/mine.sh", "echo 1\n")
    base = cli("script", "push", "f/examples/mine.sh", "--json").json["number"]
    cli.write("f/examples/mine.sh", "echo 2\n")
    newest = cli("script", "push", "f/examples/mine.sh", "--json").json["number"]
    cli.write("f/examples/mine.sh", "echo 3\n")
    done = cli("script", "push", "f/examples/mine.sh", "--base", str(base), code=1)
    assert done.err.startswith(
        f"Error: The newest version of f/examples/mine is version {newest}, not version {base}.\n"
    )
    assert cli("script", "run", "f/examples/mine").json == "2"


def test_scripts_of_a_tree_without_code_of_workflows_and_loose_files(cli: Cli, flow: str) -> None:
    cli.write("f/examples/tree_script.sh", "echo tree\n")
    cli.write("tools/loose.py", "def main(): pass\n")
    assert flow.startswith("f/examples/")
    done = cli("script", "push", "--all", "--json")
    assert [each["path"] for each in done.json["pushed"]] == ["f/examples/tree_script"]
    cli.write("f/examples/data.sql", "SELECT 1")
    assert "pass --language" in cli("script", "push", "f/examples/data.sql", code=2).err


def test_push_prints_the_warnings_of_the_server(cli: Cli) -> None:
    rules = {"reserved": {"of-another-workspace": ["admins"]}}
    call = "/api/settings/global/queue_rules"
    assert cli.installation.client.post(call, json={"value": rules}).status_code == 200
    try:
        cli.write("f/examples/tagged.py", "def main():\n    return 1\n")
        cli.write("f/examples/tagged.script.yaml", "summary: ''\ntag: of-another-workspace\n")
        done = cli("script", "push", "f/examples/tagged.py")
        while "queue_reserved" not in done.err:  # servers read the settings again within seconds
            cli.write("f/examples/tagged.py", f"def main():\n    return {time.monotonic_ns()}\n")
            done = cli("script", "push", "f/examples/tagged.py")
    finally:
        cli.installation.client.post(call, json={"value": {}})
    message = "The workspace main may not use the queue of-another-workspace."
    assert f"warning queue_reserved: {message}" in done.err
