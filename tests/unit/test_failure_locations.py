"""Locations in files that errors of items name."""

from __future__ import annotations

from pathlib import Path

import pytest

from orvanta_platform.cli.client.item_failures import location_of
from orvanta_platform.cli.client.tree_folder import open_folder
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.workflow.tree.item import Key, Kind


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def located(root: Path, key: Key, error: OrvantaError | None = None) -> str:
    """Return the location of an error of an item, by default of the one that reading it raises."""
    folder = open_folder(root)
    if error is None:
        with pytest.raises(BadRequest) as raised:
            folder.read(key)
        error = raised.value
    return str(location_of(folder, key, error))


@pytest.mark.parametrize(
    ("kind", "name", "text", "location"),
    [
        ("resource", "x.resource.yaml", "resource_type: shop\nvalue:\n  a: [1\nx: 2\n", "x.resource.yaml:4:2"),
        ("schedule", "x.schedule.yaml", "timezone: UTC\n\ntimezone: CET\n", "x.schedule.yaml:3:1"),
        ("variable", "x.variable.json", '{"value": 1,\n "is_secret": fals}\n', "x.variable.json:2:15"),
        ("variable", "x.variable.yaml", "- a\n", "x.variable.yaml"),
        ("script", "x.script.yaml", "summary: a\n  b: c\n", "x.script.yaml:2:4"),
        ("flow", "x.flow/flow.yaml", "summary: a\nvalue: [\n", "x.flow/flow.yaml:3:1"),
    ],
)
def test_file_that_cannot_be_read_has_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, name: str, text: str, location: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "repo/f/team/x.py", "x = 1\n") if kind == "script" else None
    write(tmp_path, f"repo/f/team/{name}", text)
    assert located(tmp_path / "repo", (kind, "f/team/x")) == f"repo/f/team/{location}"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("The content of f/team/x is not valid: Expected `str`, got `int` - at `$.value`.", ":3:1"),
        ("The content of f/team/x is not valid: Expected `str`, got `int` - at `$.labels[1]`.", ":6:5"),
        ("The content of f/team/x is not valid: Expected `str`, got `int` - at `$.none`.", ""),
        ("The content of f/team/x is not valid: value must be a text, not a whole number; write it in quotes.", ":3:1"),
        ("The content of f/team/x is not valid: labels[1] must be a text, not a list.", ":6:5"),
        ("on_failure_times must be a number from 1 to 10.", ":7:1"),
        ("There is no rule 'twice' for missed ticks.", ":8:1"),
        ("'nobody' is neither u/<user> nor g/<group>.", ":10:5"),
        ("You may not change the variable f/team/x.", ""),
    ],
)
def test_refused_value_has_the_line_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "# A variable\nis_secret: false\nvalue: 7\nlabels:\n  - a\n  - 7\non_failure_times: 11\nmissed: twice\n"
    text += "owners:\n  - nobody\n"
    write(tmp_path, "f/team/x.variable.yaml", text)
    assert located(tmp_path, ("variable", "f/team/x"), BadRequest(message)) == f"f/team/x.variable.yaml{line}"


def test_item_without_a_file_has_no_location(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    assert located(tmp_path, ("variable", "f/team/gone"), BadRequest("It was deleted.")) == ""
