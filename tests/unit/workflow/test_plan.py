"""Comparison of a wanted content with the stored one."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from orvanta_platform.workflow.mask import match_entries
from orvanta_platform.workflow.tree.item import Key, Kind
from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.plan import (
    Planner,
    Stored,
    Wanted,
    in_scope,
    is_same,
    normal_tree,
    with_removals,
)
from orvanta_platform.workflow.tree.reading import read

SCHEDULE = {
    "schedule": "0 0 6 * * *",
    "timezone": "UTC",
    "script_path": "f/a/b",
    "is_flow": True,
    "enabled": True,
    "missed": "once",
    "no_flow_overlap": False,
    "on_failure": "flow/f/a/c",
    "labels": ["x"],
}
FOLDER = {"summary": "Team", "owners": ["u/ann"], "extra_perms": {"u/ann": True}}


def same(kind: Kind, wanted: dict[str, Any], stored: dict[str, Any]) -> bool:
    return is_same(kind, wanted, stored, normal_tree)


@pytest.mark.parametrize("name", ["on_failure", "labels", "missed", "no_flow_overlap", "enabled", "timezone"])
def test_deleted_settings_are_removed_unless_an_item_needs_them(name: str) -> None:
    new = with_removals("schedule", SCHEDULE, {key: SCHEDULE[key] for key in SCHEDULE if key != name})
    assert same("schedule", {key: value for key, value in new.items() if key != name}, SCHEDULE)
    assert same("schedule", new, SCHEDULE) == (name not in ("on_failure", "labels"))
    assert name not in with_removals("schedule", None, {"schedule": "x"})


def test_emptied_owners_are_removed_and_other_empty_ones_grant_nothing() -> None:
    emptied = {"summary": "Team", "owners": [], "extra_perms": {}}
    assert same("folder", emptied, FOLDER)
    removed = with_removals("folder", FOLDER, emptied)
    assert removed == {"summary": "Team", "owners": None, "extra_perms": None}
    assert not same("folder", removed, FOLDER) and same("folder", removed, {"summary": "Team", "owners": []})
    assert with_removals("folder", emptied, emptied) == emptied
    assert not same("folder", {"summary": ""}, FOLDER)


@pytest.mark.parametrize("value", [0, 0.0, False, "", [], {}, None])
def test_zero_is_a_value_and_not_an_empty_setting(value: Any) -> None:
    """A limit of zero days is out of range: it is refused, and neither removes the limit nor is equal to none."""
    wanted, is_zero = {"retention_days": value}, value in (0, 0.0) and value is not False
    removed = {"retention_days": None}
    assert with_removals("settings", {"retention_days": 30}, wanted) == (wanted if is_zero else removed)
    assert same("settings", wanted, {}) == (not is_zero)


def test_null_in_a_file_removes_a_setting_and_is_a_value_of_a_resource() -> None:
    files = {
        "f/a/d.schedule.yaml": b"schedule: 0 0 6 * * *\nretry: null\nenabled: null\n",
        "f/a/n.resource.yaml": b"resource_type: any\nvalue: null\n",
        "f/a/o.resource.yaml": b"resource_type: any\n",
    }
    found = {each.path: read(each, files).content for each in locate(files)}
    assert found == {
        "f/a/d": {"schedule": "0 0 6 * * *", "retry": None},
        "f/a/n": {"resource_type": "any", "value": None},
        "f/a/o": {"resource_type": "any"},
    }


@pytest.mark.parametrize("value", [0, False, None, {}, [], ""])
def test_empty_values_of_resources_differ(value: Any) -> None:
    every: tuple[Any, ...] = (0, False, None, {}, [], "")
    for stored in every:
        equal = type(stored) is type(value)
        assert same("resource", {"value": value}, {"value": stored}) == equal
    assert same("resource", {"description": ""}, {"value": value})


@pytest.mark.parametrize(
    ("wanted", "stored", "places"),
    [
        ("abc", "abc", [0, 1, 2]),
        ("bc", "abc", [1, 2]),
        ("cab", "abc", [2, 0, 1]),
        ("axc", "abc", [0, 1, 2]),
        ("abcx", "abc", [0, 1, 2, None]),
        ("xb", "abc", [None, 1]),
        ("bcx", "abc", [1, 2, None]),
        ("aa", "aa", [0, 1]),
        ("a", "aa", [None]),
        ("ab", "aab", [None, 1 + 1]),
        ("ax", "aa", [0, 1]),
    ],
)
def test_entries_of_a_list_are_recognised_by_their_text(wanted: str, stored: str, places: list[int | None]) -> None:
    assert match_entries(wanted, stored) == places


def test_scope_of_a_prune_covers_the_folder_itself() -> None:
    assert in_scope(("folder", "duo"), ["f/duo"]) and in_scope(("variable", "f/duo/v"), ["f/duo"])
    assert not in_scope(("folder", "duo"), ["duo"]) and not in_scope(("folder", "duos"), ["f/duo"])
    assert in_scope(("workflow_test", "f/duo/w/tests/t"), ["f/duo/w"]) and in_scope(("group", "crew"), [""])
    assert not in_scope(("group", "crew"), None)


@pytest.mark.parametrize(
    ("stored", "occupied", "action"),
    [
        ([("flow", "f/duo/w")], [], "unchanged"),
        ([("variable", "f/duo/v")], [], "unchanged"),
        ([], ["duo"], "unchanged"),
        ([("flow", "f/duos/w"), ("folder", "f"), ("group", "duo")], ["duos"], "remove"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_folder_that_has_items_after_the_change_is_not_removed(
    stored: list[Key], occupied: list[str], action: str, force: bool
) -> None:
    """Removed items do not count."""
    gone: list[Key] = [("folder", "duo"), ("script", "f/duo/s")]
    wanted = [Wanted(*key, "h", None) for key in gone] + [Wanted(*key, None, {"text": ""}) for key in stored]
    planner = Planner(wanted, [""], {}, force=force)
    run(planner.sort())
    run(planner.compare({key: Stored("h", {}) for key in gone}))
    assert set(planner.removed(dict.fromkeys(gone, "h"))) == set(gone)
    plan = planner.plan(dict.fromkeys(gone, "h"), occupied=occupied)
    entries = {each.key: each for each in plan.entries}
    folder = entries["folder", "duo"]
    assert (folder.action, bool(folder.reason)) == (action, action == "unchanged")
    assert entries["script", "f/duo/s"].action == "remove"


def run(steps: Generator[None, None, None]) -> None:
    for _ in steps:
        pass
