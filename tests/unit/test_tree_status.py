"""Standing of an item, from its files, its state at the last synchronisation, and the workspace."""

from __future__ import annotations

from itertools import product

from orvanta_platform.cli.client.tree_folder import Synced
from orvanta_platform.cli.client.tree_status import standing_of

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


def test_every_combination_of_changes_has_a_standing() -> None:
    """No change on one side is taken for that of the other, so neither direction loses one."""
    sides = product(("digest", "other", None), ("hash", "other", None))
    assert {each: standing_of(each[0], SYNCED, each[1]) for each in sides} == EXPECTED
    new = {(here, there): standing_of(here, None, there) for here, there in product(("digest", None), ("hash", None))}
    assert list(new.values()) == ["conflict", "added", "remote added", None]
