"""`orvanta pull`, `push`, `status`, `diff` and `lint`: the files with the code of a workflow's nodes."""

from __future__ import annotations

import re
from typing import Any

from tests.cli.client import Cli

FLOW = """\
summary: Lines
value:
  modules:
    - id: line
      value: {type: rawscript, language: bash, content: '!inline line.sh', input_transforms: {}}
    - id: again
      value: {type: rawscript, language: bash, content: '!inline ../named1/shared.sh', input_transforms: {}}
"""
ADDED = """\
    - id: sum
      value: {type: rawscript, language: bash, content: echo sum, input_transforms: {}}
"""
UNUSED = "warning code_unused: it has no effect: no workflow refers to it"


def files(cli: Cli) -> set[str]:
    return {each.name for each in (cli.folder / "ann/f/named1/report.flow").iterdir()}


def test_pull_writes_code_to_the_files_that_the_document_names(cli: Cli) -> None:
    """After a change on both sides, and after one in the workspace only. A shared file is never written."""
    flow = cli.write("ann/f/named1/report.flow/flow.yaml", FLOW.replace("../named1", ".."))
    line = cli.write("ann/f/named1/report.flow/line.sh", "echo 1\n")
    shared = cli.write("ann/f/named1/shared.sh", "echo shared\n")
    cli("push", "ann")
    cli("pull", "bob")
    theirs = cli.folder / "bob/f/named1/report.flow"
    (theirs / "flow.yaml").write_text((theirs / "flow.yaml").read_text() + ADDED)
    cli("push", "bob")
    line.write_text("echo mine\n")
    assert cli("pull", "ann").out.startswith("flow f/named1/report: merged\n")
    assert files(cli) == {"flow.yaml", "line.sh", "sum.inline_script.sh"}
    assert line.read_text() == "echo mine\n" and shared.read_text() == "echo shared\n"
    assert "!inline line.sh" in flow.read_text() and "!inline ../shared.sh" in flow.read_text()
    assert "M  flow f/named1/report" in cli("status", "ann").out
    assert "line.inline_script.sh" not in cli("diff", "ann").out
    cli("push", "ann")

    cli("pull", "bob")
    (theirs / "line.inline_script.sh").write_text("echo theirs\n")
    (theirs / "again.inline_script.sh").write_text("echo own\n")
    cli("push", "bob")
    pulled = cli("pull", "ann")
    assert "flow f/named1/report: updated" in pulled.out and "code_unused" not in pulled.err
    assert files(cli) == {"flow.yaml", "line.sh", "again.inline_script.sh", "sum.inline_script.sh"}
    assert line.read_text() == "echo theirs\n" and shared.read_text() == "echo shared\n"


def test_files_of_code_that_no_workflow_refers_to_are_warnings(cli: Cli) -> None:
    flow = FLOW.replace("../named1/shared.sh", "../other.flow/shared.sh")
    cli.write("repo/f/named2/report.flow/flow.yaml", flow)
    cli.write("repo/f/named2/report.flow/line.sh", "echo 1\n")
    cli.write("repo/f/named2/report.flow/README.md", "Not code.\n")
    cli.write("repo/f/named2/report.flow/tests/happy.yaml", "inputs: {}\n")
    cli.write("repo/f/named2/other.flow/flow.yaml", "value: {modules: []}\n")
    cli.write("repo/f/named2/other.flow/shared.sh", "echo 1\n")
    for name in ("old.py", "old.lock"):
        cli.write(f"repo/f/named2/report.flow/{name}", "x\n")
    for command in (["lint"], ["push", "--dry-run"], ["push"], ["status"], ["pull"]):
        err = cli(*command, "repo").err
        assert [line.split("; ")[0] for line in err.splitlines() if "code_unused" in line] == [
            f"repo/f/named2/report.flow/{name}: {UNUSED}" for name in ("old.lock", "old.py")
        ]
    found = cli("lint", "--json", "repo/f/named2").json
    assert [each["place"] for each in found["unused"]] == [
        f"repo/f/named2/report.flow/{name}" for name in ("old.lock", "old.py")
    ]
    assert "2 warnings" in cli("lint", "repo/f/named2/report.flow").out
    assert found["warnings"] == 2


def test_file_in_place_of_a_folder_is_refused(cli: Cli) -> None:
    cli.write("repo/f/named3/label.sh", "echo 1\n")
    for command in (["pull"], ["pull", "--force"], ["pull", "--dry-run"], ["init"], ["status"], ["push"]):
        for place in ("repo/f/named3/label.sh", "repo/f/named3/label.sh/inner"):
            err = cli(*command, place, code=None if "--dry-run" in command else 2).err
            assert "Traceback" not in err and ("is not a folder" in err or "--dry-run" in command)


def test_commands_on_a_folder_name_workspace_and_server(cli: Cli) -> None:
    cli.write("repo/f/named4/label.sh", "echo 1\n")
    for command in (["status"], ["diff"], ["push", "--dry-run"], ["push"], ["pull"], ["push", "--json"]):
        assert re.match(r"Workspace main on https?://[^ ]+\n", cli(*command, "repo").err)


def test_default_workspace_of_the_environment_is_named_as_such(cli: Cli) -> None:
    """As in a pipeline that names the server, and forgets the workspace."""
    cli.write("repo/f/named5/label.sh", "echo 1\n")
    token = cli("token", "create", "--label", "named5").out.strip()
    pipeline: dict[str, Any] = {
        "ORVANTA_URL": str(cli.installation.client.base_url).rstrip("/"),
        "ORVANTA_TOKEN": token,
    }
    note = " (the default: ORVANTA_WORKSPACE is not set)"
    first = cli("push", "repo", "--dry-run", **pipeline).err.splitlines()[0]
    assert first.startswith("Workspace main on http") and first.endswith(note)
    assert note not in cli("push", "repo", "--dry-run", "--workspace", "main", **pipeline).err
    assert note not in cli("push", "repo", "--dry-run", ORVANTA_WORKSPACE="main", **pipeline).err
