"""The bodies of a loop: how many there are at most."""

from __future__ import annotations

from dataclasses import replace

from orvanta_platform.engine.loop import MAX_ITERATIONS, Loop


def test_a_loop_has_at_most_a_million_iterations() -> None:
    last, places = replace(Loop(None, 1), next=MAX_ITERATIONS - 1).begin()
    assert (places, last.limited) == (range(MAX_ITERATIONS - 1, MAX_ITERATIONS), False)
    beyond, places = last.end(MAX_ITERATIONS - 1, failed=False, stopped=False).begin()
    assert (len(places), beyond.limited, beyond.done) == (0, True, True)


def test_a_loop_comes_back_from_its_bytes() -> None:
    for loop in (Loop(3, 1, next=2, open=1), Loop(None, 1, limited=True, over=True), Loop(2, 2).disapprove(1)):
        assert Loop.decode(loop.encode()) == loop
