"""Links in a pushed tree: no link may send a file from outside of the tree to the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from orvanta_platform.cli.client import flow_files, script_files, tree_folder
from orvanta_platform.cli.client.item_paths import say_left_out
from orvanta_platform.errors import BadRequest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Create a tree with files, next to a file with a secret."""
    folder = tmp_path / "repo" / "f" / "sales"
    (folder / "report.flow").mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text("value: of the machine\n")
    (folder / "own.py").write_text("def main(): ...")
    (folder / "linked.py").symlink_to("own.py")
    return tmp_path / "repo"


def names(files: list[Path]) -> list[str]:
    return [file.name for file in files]


def test_links_out_of_the_tree_are_left_out(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, secret = tree / "f" / "sales", tree.parent / "secret.yaml"
    for name in ("leak.py", "leak.variable.yaml", "leak.resource.yaml", "leak.flow.yaml"):
        (folder / name).symlink_to(secret)
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "outside").symlink_to(tree.parent, target_is_directory=True)
    (folder / "outside.flow").symlink_to(tree.parent, target_is_directory=True)
    assert names(script_files.find(tree)) == ["linked.py", "own.py"]
    assert {path for _, path in tree_folder.open_folder(tree).located} == {"f/sales/linked", "f/sales/own"}
    assert flow_files.find(tree) == []
    say_left_out([tree])
    assert "7 links are left out" in capsys.readouterr().err


def test_links_beside_a_script_or_in_a_workflow_are_left_out(tree: Path) -> None:
    folder, secret = tree / "f" / "sales", tree.parent / "secret.yaml"
    (folder / "own.script.yaml").symlink_to(secret)
    (folder / "own.script.lock").symlink_to(secret)
    script = script_files.read(folder / "own.py")
    assert script.settings is None and script.lock is None
    (folder / "report.flow" / "flow.yaml").symlink_to(secret)
    with pytest.raises(BadRequest):
        flow_files.read(folder / "report.flow")
