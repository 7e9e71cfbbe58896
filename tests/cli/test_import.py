"""`orvanta import`: written files, report, and invalid input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.unit.workflow.test_importers import EXPORTS

from orvanta_platform.cli.import_workflows import read_export
from orvanta_platform.errors import OrvantaError


def test_import_writes_files_and_names_what_is_left(tmp_path: Path) -> None:
    """The exit code is 1 if a part is not converted."""
    export = EXPORTS / "n8n" / "loop_over_customers.json"
    done = run("import", "n8n", str(export), "--output", str(tmp_path), "--path", "f/sales/loop")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("6 nodes, 0 parts not converted.\n")
    assert (tmp_path / "f/sales/loop.flow/flow.yaml").is_file()
    assert "schedule: 15 */6 * * *" in (tmp_path / "f/sales/loop_schedule_trigger.schedule.yaml").read_text()

    done = run("import", "n8n", str(EXPORTS / "n8n" / "support_agent.json"), "-o", str(tmp_path), "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["complete"], found["path"]) == (1, False, "f/imported/support_agent")
    assert "f/imported/support_agent.flow/flow.yaml" in found["files"]
    levels = {each["level"] for each in found["findings"] if each["node"] == "AI Agent"}
    assert levels == {"not_converted"}


@pytest.mark.extended
def test_import_replaces_files_only_with_force(tmp_path: Path) -> None:
    arguments = ("import", "n8n", str(EXPORTS / "n8n" / "polling.json"), "-o", str(tmp_path))
    assert run(*arguments).returncode == 1
    assert json.loads(run(*arguments, "--json").stdout)["error"]["code"] == "conflict"
    assert run(*arguments, "--force").stdout.endswith("parts not converted.\n")
    assert "not a valid path" in run(*arguments, "--path", "../x").stderr
    assert run("lint", str(tmp_path), "--strict").returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "invalid JSON at line 1"),
        ("a.json", b"\xff", "not UTF-8"),
        ("a.json", b"[" * 300 + b"]" * 300, "nested deeper than 200 levels"),
        ("a.json", b'{"name": "' + b"x" * (10 << 20) + b'"}', "larger than 10 MB"),
        ("a.yaml", b"a: &a [1]\nb: *c\n", "alias"),
        ("a.yaml", b"a" * (600 << 10), "more than 524,288 characters"),
        ("a.yaml", b"- 1\n", "must be an object"),
        ("none.json", None, "No such file"),
    ],
)
def test_unreadable_file_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OrvantaError, match=message) as refused:
        read_export(file)
    assert str(file) in refused.value.message
