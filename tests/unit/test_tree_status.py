"""Status of an item, determined from its files, its state at the last synchronisation, and the workspace."""

from __future__ import annotations

from itertools import product

from orvanta_platform.cli.client.tree_pull import at_places
from orvanta_platform.cli.client.tree_state import Synced
from orvanta_platform.cli.client.tree_status import change_of, parts, sync_status_of
from orvanta_platform.workflow.tree.item import Item

SYNCED = Synced("hash", "digest")
EXPECTED = {
    ("digest", "hash"): "unchanged",
    ("digest", "other"): "remote modified",
    ("digest", None): "remote deleted",
    ("other", "hash"): "modified",
    ("other", "other"): "conflict",
    ("other", None): "conflict",
    (None, "hash"): "deleted",
    (None, "other"): "conflict",
    (None, None): None,
}


def test_every_combination_of_changes_has_a_status() -> None:
    """A change on one side is never attributed to the other, so neither direction loses changes."""
    sides = product(("digest", "other", None), ("hash", "other", None))
    assert {each: sync_status_of(each[0], SYNCED, each[1]) for each in sides} == EXPECTED
    new = {
        (here, there): sync_status_of(here, None, there) for here, there in product(("digest", None), ("hash", None))
    }
    assert list(new.values()) == ["conflict", "added", "remote added", None]


def test_large_changes_are_compared_in_parts() -> None:
    """No call exceeds the limits of the server, and no change is lost."""
    large = [change_of(Item("script", f"f/many/s_{n}", {"content": "#" * 300_000}), None, None) for n in range(7)]
    small = [change_of(Item("variable", f"f/many/v_{n}", {"value": "1"}), None, None) for n in range(450)]
    found = list(parts([*large, *small]))
    assert [change for part in found for change in part] == [*large, *small]
    assert [len(part) for part in found] == [3, 3, 200, 200, 51]
    assert list(parts([])) == []


def test_places_whose_keys_an_author_chose_cannot_look_like_several() -> None:
    assert at_places(["/value/a/content", "comments"]) == " at /value/a/content, comments"
    assert at_places(["/schema, /value/b", "/a.\nflow f/x: removed"]) == (
        ' at "/schema, /value/b", "/a.\\nflow f/x: removed"'
    )
