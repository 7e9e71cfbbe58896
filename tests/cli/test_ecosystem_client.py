"""The command-line client that the ecosystem publishes on npm (`windmill-cli`), with the same server as `orvanta`.

The client is run as a program, in a folder of its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cli.client import Cli
from tests.cli.test_push_tree import tree
from tests.e2e.installation import PATIENCE_S
from tests.http.test_changes_whole import every_kind

pytestmark = pytest.mark.soak(minutes=6)

W = "/api/w/ecosystem"
PROGRAM = "node_modules/windmill-cli/esm/main.js"
CHOICE = """defaultTs: bun
includes: ["f/**", "u/**"]
includeSchedules: true
includeTriggers: true
includeGroups: true
"""
EDITS = {
    "f/many/flow_3.flow/a.inline_script.sh": ("echo 3", "echo changed"),
    "f/many/script_1.sh": ("echo 1", "echo changed"),
    "f/many/var_5.variable.yaml": ("'5'", "changed"),
    "f/many/res_7.resource.yaml": ("n: 7", "n: 77"),
    "f/many/tick_2.schedule.yaml": ("0 0 6", "0 0 7"),
    "f/many/hook_2.http_trigger.yaml": ("method: post", "method: put"),
    "shop.resource-type.yaml": ("A shop", "The shop"),
    "groups/crew.group.yaml": ("Crew", "The crew"),
    "f/many/folder.meta.yaml": ("summary: Many", "summary: Very many"),
}
NEW = {
    "f/many/var_6.variable.yaml": "f/many/new.variable.yaml",
    "f/many/res_6.resource.yaml": "f/many/new.resource.yaml",
    "f/many/tick_6.schedule.yaml": "f/many/new.schedule.yaml",
    "f/many/script_6.sh": "f/many/new_script.sh",
    "f/many/script_6.script.yaml": "f/many/new_script.script.yaml",
    "f/many/flow_6.flow": "f/many/new_flow.flow",
}
REMOVED = (
    *("f/many/var_9.variable.yaml", "f/many/res_9.resource.yaml", "f/many/tick_9.schedule.yaml"),
    *("f/many/hook_9.http_trigger.yaml", "f/many/script_9.sh", "f/many/script_9.script.yaml", "f/many/flow_9.flow"),
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the installed client, without the scripts of its packages."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("ecosystem")
    shutil.copytree(Path(__file__).with_name("ecosystem"), folder, dirs_exist_ok=True)
    done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and re.search("ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED", done.stderr):
        pytest.skip("the registry of packages does not answer")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / PROGRAM


def test_its_tree_is_pulled_pushed_and_compared_without_a_difference(cli: Cli, program: Path) -> None:
    client = cli.installation.client
    assert client.post("/api/workspaces/create", json={"id": "ecosystem", "name": "E"}).status_code == 201
    store(client)
    theirs = cli.folder / "theirs"
    theirs.mkdir()
    (theirs / "wmill.yaml").write_text(CHOICE)

    def sync(direction: str) -> int:
        """Run `sync pull` or `sync push` of the client; return the number of changes."""
        environ = {"PATH": cli.environ["PATH"], "HOME": str(cli.folder / "home"), "NO_COLOR": "1"}
        where = ["--base-url", cli.installation.base, "--token", cli.installation.token, "--workspace", "ecosystem"]
        command = ["node", str(program), "sync", direction, "--yes", "--skip-branch-validation", *where]
        done = subprocess.run(
            command, cwd=theirs, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        found = re.search(r"(\d+) changes to apply", done.stdout)
        assert done.returncode == 0 and found is not None, (done.stdout[-3000:], done.stderr[-3000:])
        return int(found[1])

    assert sync("pull") > 200
    assert (sync("push"), sync("pull")) == (0, 0)
    is_compared_by_orvanta(cli, theirs)
    for name, (before, after) in EDITS.items():
        text = (theirs / name).read_text()
        assert before in text, (name, text)
        (theirs / name).write_text(text.replace(before, after))
    for name, copy in NEW.items():
        if (theirs / name).is_dir():
            shutil.copytree(theirs / name, theirs / copy)
        else:
            shutil.copy(theirs / name, theirs / copy)
    for name in REMOVED:
        if (theirs / name).is_dir():
            shutil.rmtree(theirs / name)
        else:
            (theirs / name).unlink()
    assert sync("push") > 20
    assert (sync("push"), sync("pull")) == (0, 0)
    crew = client.get(f"{W}/groups/get/crew").json()
    assert (crew["summary"], crew["members"], crew["managers"]) == ("The crew", ["admin"], ["admin"])
    is_compared_by_orvanta(cli, theirs)


def store(client: Any) -> None:
    """Deploy 200 items of all kinds, but the tests of workflows, which the client does not know."""
    items = [item for item in every_kind() if item.kind != "workflow_test"]
    body = {"items": [{"kind": item.kind, "path": item.path, "content": item.content} for item in items]}
    made = client.post(f"{W}/changes/plan", json=body).json()
    done = client.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})
    assert done.status_code == 200, done.text


def is_compared_by_orvanta(cli: Cli, theirs: Path) -> None:
    """Require that `orvanta` finds no difference in the tree, and writes none."""
    before = tree(theirs)
    assert cli("status", "theirs", "-w", "ecosystem", "--json", "--exit-code").json["in_sync"]
    pushed = cli("push", "theirs", "-w", "ecosystem", "--no-wait", "--json").json
    assert pushed["failed"] == [] and {each["state"] for each in pushed["pushed"]} == {"unchanged"}
    assert cli("pull", "theirs", "-w", "ecosystem", "--json").json["pulled"] == []
    assert cli("diff", "theirs", "-w", "ecosystem").out == ""
    assert tree(theirs) == before
