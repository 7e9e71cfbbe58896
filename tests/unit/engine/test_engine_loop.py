"""Bodies of a loop and their limits."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import replace

from orvanta_platform.engine.loop import MAX_ITERATIONS, Loop, reused_bodies


def test_loop_has_at_most_million_iterations() -> None:
    last, places = replace(Loop(None, 1), next=MAX_ITERATIONS - 1).begin()
    assert (places, last.limited) == (range(MAX_ITERATIONS - 1, MAX_ITERATIONS), False)
    beyond, places = last.end(MAX_ITERATIONS - 1, failed=False, stopped=False).begin()
    assert (len(places), beyond.limited, beyond.done) == (0, True, True)


def test_loop_round_trips_through_its_bytes() -> None:
    reused = reused_bodies((UUID(int=1), UUID(int=2)), (1, 3, 7, MAX_ITERATIONS), 9)
    loops = (Loop(3, 1, next=2, open=1), Loop(None, 1, limited=True, over=True), Loop(2, 2).disapprove(1))
    for loop in (*loops, Loop(2, 2).abort("enough"), Loop(4, 2, next=1, open=1, reused=reused)):
        assert Loop.decode(loop.encode()) == loop


def test_repeated_bodies_keep_their_positions() -> None:
    """Bodies 1, 2, 7 and 8 of nine run again."""
    reused = reused_bodies((), (1, 3, 7, MAX_ITERATIONS), 9)
    loop = Loop(reused.count, 3, reused=reused)
    assert (reused.count, [loop.place(number) for number in range(4)], loop.length) == (4, [1, 2, 7, 8], 9)
    assert [place for place in range(9) if reused.runs(place)] == [1, 2, 7, 8]
    loop, opened = loop.begin()
    assert ([loop.place(number) for number in opened], loop.reached) == ([1, 2, 7], 8)


def test_loop_with_fewer_items_than_before() -> None:
    """None of the bodies that would run again exists any longer."""
    reused = reused_bodies((), (5, MAX_ITERATIONS), 3)
    assert (reused.count, Loop(reused.count, 1, reused=reused).done) == (0, True)
