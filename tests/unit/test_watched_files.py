"""Files that `orvanta dev` watches: their states, and the effort of reading them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orvanta_platform.cli.client import dev_files
from orvanta_platform.cli.client.dev_files import Files, WatchedFiles

FLOW = "value:\n  modules: []\n"


def write(root: Path, name: str, text: str) -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def changed(before: Files, after: Files) -> set[str]:
    return {item.name for item, state in after.items() if state and before.get(item) != state}


def test_items_are_searched_only_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = write(tmp_path, "f/team/main.flow/flow.yaml", FLOW)
    script = write(tmp_path, "f/team/code.py", "x = 1\n")
    write(tmp_path, "f/team/.hidden/other.py", "x = 1\n")
    write(tmp_path, "f/team/venv/pyvenv.cfg", "")
    inside = write(tmp_path, "f/team/venv/other.py", "x = 1\n")
    searches = []
    search = dev_files.search_items

    def counted(folder: Path) -> list[Path]:
        searches.append(folder)
        return search(folder)

    monkeypatch.setattr(dev_files, "search_items", counted)
    watched = WatchedFiles(tmp_path, is_folder=True)
    first = watched.states(None)
    assert {each.name for each in first} == {"main.flow", "code.py"}
    assert watched.states(None) == first and len(searches) == 1
    for file, text, name in (
        (document, FLOW + "# changed\n", "main.flow"),
        (script, "x = 22\n", "code.py"),
        (script.with_suffix(".script.yaml"), "summary: Code\n", "code.py"),
        (tmp_path / "f/team/new.py", "x = 1\n", "new.py"),
    ):
        file.write_text(text)
        after = watched.states(None)
        assert changed(first, after) == {name}
        first = after
    assert len(searches) == 5
    inside.write_text("x = 22\n")
    assert watched.states(None) == first and len(searches) == 5
    script.unlink()
    assert "code.py" not in {each.name for each in watched.states(None)}


def test_file_of_inputs_is_watched_beside_the_items(tmp_path: Path) -> None:
    write(tmp_path, "f/team/code.py", "x = 1\n")
    inputs = write(tmp_path, "elsewhere/input.json", "{}")
    for source, is_folder in ((tmp_path / "f", True), (tmp_path / "f/team/code.py", False)):
        watched = WatchedFiles(source, is_folder=is_folder)
        first = watched.states(str(inputs))
        inputs.write_text(inputs.read_text() + "\n")
        assert changed(first, watched.states(str(inputs))) == {"input.json"}
