"""Files written by a pull: only those of items, regardless of the server's response and the tree's content."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.item_failures import show_failures
from orvanta_platform.cli.client.tree_folder import open_folder, open_whole
from orvanta_platform.cli.client.tree_pull import difference_of_files, show_differences
from orvanta_platform.cli.client.tree_state import BASES, open_state
from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.tree.item import Item, Kind

CODE = {"content": "print('theirs')\n", "language": "python3"}
VARIABLE = {"value": "theirs"}
CONNECTION = Connection("http://localhost:1", "main", "token", "local")


def files(root: Path) -> dict[str, str]:
    return {str(place.relative_to(root)): place.read_text() for place in root.rglob("*") if place.is_file()}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("script", "conftest"),
        ("script", "src/app/main"),
        ("script", "f/../conftest"),
        ("script", "f/sales/a\0b"),
        ("script", "f/sales/a\nb"),
        ("script", "f/sales/../../conftest"),
        ("variable", "x"),
        ("folder", "../src"),
        ("folder", "a/b"),
        ("group", "a/../../b"),
        ("resource_type", "src/app"),
        ("resource_type", ".hidden"),
    ],
)
def test_names_outside_the_grammar_are_not_written(tmp_path: Path, kind: Kind, path: str) -> None:
    (tmp_path / "conftest.py").write_text("mine\n")
    content = CODE if kind == "script" else VARIABLE if kind == "variable" else {}
    with pytest.raises(BadRequest):
        open_folder(tmp_path).write(Item(kind, path, content))
    assert files(tmp_path) == {"conftest.py": "mine\n"}


@pytest.mark.parametrize(
    ("kind", "path"), [("script", "f/sales/aux"), ("script", "f/sales/Com1.old"), ("folder", "nul")]
)
def test_names_of_devices_are_refused_by_windows_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, path: str
) -> None:
    item = Item(kind, path, CODE if kind == "script" else {})
    open_folder(tmp_path).write(item)
    written = files(tmp_path)
    assert written
    for name in written:
        (tmp_path / name).unlink()
    folder = open_folder(tmp_path)
    monkeypatch.setattr("orvanta_platform.cli.client.tree_folder._is_windows", lambda: True)
    with pytest.raises(BadRequest):
        folder.write(item)
    assert files(tmp_path) == {}


def test_files_that_belong_to_no_item_are_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "f" / "sales" / "node_modules" / "tool.py"
    place.parent.mkdir(parents=True)
    place.write_text("mine\n")
    folder = open_folder(tmp_path)
    with pytest.raises(BadRequest, match="not known as a file of the script") as refused:
        folder.write(Item("script", "f/sales/node_modules/tool", CODE))
    assert refused.value.hint and place.read_text() == "mine\n"
    own = Item("script", "f/sales/tool", CODE)
    folder.write(own)
    open_folder(tmp_path).write(Item("script", "f/sales/tool", CODE | {"content": "newer\n"}))
    assert (tmp_path / "f/sales/tool.py").read_text() == "newer\n"


def test_state_of_removed_item_leaves_no_file(tmp_path: Path) -> None:
    state = open_state(tmp_path, CONNECTION)
    for name in ("a", "b"):
        state.remember(Item("script", f"f/sales/{name}", CODE), "hash", "digest")
    state.forget(("script", "f/sales/a"))
    state.forget(("script", "f/sales/never"))
    assert list(state.items) == [("script", "f/sales/b")]
    assert len(list((tmp_path / BASES).iterdir())) == 1
    assert state.base_of(("script", "f/sales/b")) is not None


def test_workflow_in_one_file_becomes_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "f" / "sales").mkdir(parents=True)
    (tmp_path / "f/sales/report.flow.yaml").write_text("value: {modules: []}\n")
    (tmp_path / "f/sales/flow.yaml").write_text("mine\n")
    open_folder(tmp_path).write(Item("flow", "f/sales/report", {"text": "summary: New\nvalue: {modules: []}\n"}))
    assert files(tmp_path) == {
        "f/sales/flow.yaml": "mine\n",
        "f/sales/report.flow/flow.yaml": "summary: New\nvalue: {modules: []}\n",
    }


def test_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """On a full disk, the old text remains; a part of the new one would be pushed by the next push."""
    own = tmp_path / "f/sales/tool.py"
    open_folder(tmp_path).write(Item("script", "f/sales/tool", CODE))
    own.chmod(0o755)
    folder = open_folder(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(BadRequest, match="cannot be written: File too large"):
            folder.write(Item("script", "f/sales/tool", CODE | {"content": "#" * 5000}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == {"f/sales/tool.py": CODE["content"]}
    folder.write(Item("script", "f/sales/tool", CODE | {"content": "newer\n"}))
    assert files(tmp_path) == {"f/sales/tool.py": "newer\n"} and own.stat().st_mode & 0o777 == 0o755


def test_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its items would seem to be deleted, and `push --prune` would delete them in the workspace."""
    for name in ("f/sales", "data"):
        (tmp_path / name).mkdir(parents=True)
    scan = os.scandir

    def scandir(folder: Path) -> Any:
        if folder in closed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(folder)

    closed = [tmp_path / "data"]
    monkeypatch.setattr(os, "scandir", scandir)
    assert open_folder(tmp_path).located == {}
    for each in ("f/sales", "f", ""):
        closed = [tmp_path / each]
        with pytest.raises(BadRequest, match="cannot be read: Permission denied"):
            open_folder(tmp_path)


@pytest.mark.parametrize(
    ("gone", "left"), [("f/sales/b.py", {"a"}), ("f/sales/b.script.yaml", {"a", "b"}), ("f", set())]
)
def test_files_deleted_while_a_folder_is_read_count_as_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str, left: set[str]
) -> None:
    """Such as by a checkout of another branch; a script without its settings file is one that never had any."""
    (tmp_path / "f/sales").mkdir(parents=True)
    for name in ("a.py", "a.script.yaml", "b.py", "b.script.yaml"):
        (tmp_path / "f/sales" / name).write_text("{}\n")
    read = Path.read_bytes

    def read_bytes(file: Path) -> bytes:
        if file.suffix != ".py":  # such as the settings of the tree, which are read first
            return read(file)
        target = tmp_path / gone
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    folder = open_whole(tmp_path)
    assert {key[1].rpartition("/")[2] for key in folder.located} == left
    assert [len(each.files) for key, each in folder.located.items() if key[1] == "f/sales/b"] in ([], [1])


def test_folder_whose_files_are_deleted_all_the_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f/sales").mkdir(parents=True)
    for n in range(9):
        (tmp_path / f"f/sales/s{n}.py").write_text("")
    read = Path.read_bytes

    def read_bytes(file: Path) -> bytes:
        file.unlink()
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(BadRequest, match=r"s4.py was deleted while it was read\.") as refused:
        open_whole(tmp_path)
    assert "Run the command again" in (refused.value.hint or "")


def test_folder_deleted_while_folders_are_listed_counts_as_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("f/gone", "f/sales"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "f/sales/a.py").write_text("")
    scan = os.scandir

    def scandir(folder: Path) -> Any:
        if folder == tmp_path / "f/gone":
            (tmp_path / "f/gone").rmdir()
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [path for _, path in open_folder(tmp_path).located] == ["f/sales/a"]


@pytest.mark.parametrize("name", [".orvanta", ".orvanta/bases", ".orvanta/state.json", ".orvanta/.gitignore"])
def test_state_behind_links_is_refused(tmp_path: Path, name: str) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / name).parent.mkdir(parents=True)
    if name in (".orvanta", ".orvanta/bases"):
        outside.mkdir()
    else:
        outside.write_text("{}")
    state = open_state(tree, CONNECTION)
    (tree / name).symlink_to(outside)
    before = files(tmp_path)
    with pytest.raises(BadRequest, match="is a link"):
        open_state(tree, CONNECTION)
    with pytest.raises(BadRequest, match="is a link"):
        state.save()
    with pytest.raises(BadRequest, match="is a link"):
        state.remember(Item("variable", "f/sales/v", VARIABLE), "hash", "digest")
    assert files(tmp_path) == before


def test_base_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    state = open_state(tmp_path, CONNECTION)
    item = Item("variable", "f/sales/v", VARIABLE)
    state.remember(item, "hash", "digest")
    (base,) = (tmp_path / ".orvanta/bases").iterdir()
    outside = base.rename(tmp_path / "outside.json")
    base.symlink_to(outside)
    before = outside.read_text()
    assert state.base_of(item.key) is None
    with pytest.raises(BadRequest):
        state.remember(Item("variable", "f/sales/v", {"value": "newer"}), "hash", "digest")
    assert outside.read_text() == before


def test_texts_of_others_cannot_control_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "f/sales/\x1b]0;title\x07"
    folder = open_folder(tmp_path)
    show_failures(folder, [(("script", path), BadRequest("Refused\x1b[2J", hint="Run\x9b2J this"))])
    assert capsys.readouterr().err == "f/sales/�]0;title�: Refused�[2J\n    Run�2J this\n"
    difference = "-\x1b]52;c;eA==\x07a\n+b\r\n"
    show_differences([difference])
    assert capsys.readouterr().out == difference
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show_differences([difference])
    assert capsys.readouterr().out == "-�]52;c;eA==�a\n+b\n"


def test_differences_are_a_patch(tmp_path: Path) -> None:
    """Git applies it to the files of the workspace: also without a last line feed, and with other separators."""
    before = {
        "f/sales/changed.py": "a = 1\nb = '\u2028 \x0b'\r\nc = 3".encode(),
        "f/sales/ended.py": b"a = 1",
        "f/sales/removed.py": b"gone\n",
    }
    after = {
        "f/sales/changed.py": "a = 2\nb = '\u2028 \x0b'\r\nc = 4".encode(),
        "f/sales/ended.py": b"a = 1\n",
        "f/sales/added.py": b"new\rline",
    }
    for name, body in before.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    patch = difference_of_files(before, after, "folder")
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    assert {name: (tmp_path / name).read_bytes() for name in after} == after
    assert not (tmp_path / "f/sales/removed.py").exists()
