"""Replacement of the paths of moved items in documents."""

from __future__ import annotations

from orvanta_platform.workflow.node_references import rewrite

SHARED = b"""value:
  modules:
    - id: a
      value: &call
        type: script
        path: f/a/one
    - id: b
      value: *call
"""


def test_value_that_an_alias_repeats_is_replaced_once() -> None:
    """The new path of one item may be the former one of another."""
    moves = {("script", "f/a/one"): "f/a/two", ("script", "f/a/two"): "f/a/three"}
    made = rewrite(SHARED, "yaml", moves)
    assert made is not None and made.body == SHARED.replace(b"f/a/one", b"f/a/two")
    assert [(each.node, each.path) for each in made.references] == [("a", "f/a/two"), ("b", "f/a/two")]
