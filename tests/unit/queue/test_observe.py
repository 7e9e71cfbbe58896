"""Who is lost, by observation: a pure rule over what was seen when."""

from __future__ import annotations

from uuid import UUID

import pytest

from orvanta_platform.db.workers import Observed
from orvanta_platform.queue.failure_detector import Observer

A, B = UUID(int=1), UUID(int=2)
LEASE_S, GAP_S = 8.0, 4.0


def seen(worker: UUID, beat: int, generation: int = 1, state: str = "live") -> Observed:
    return Observed(worker, generation, beat, state)


def looks(*moments: tuple[float, list[Observed]]) -> list[UUID]:
    """Whom the last of these looks finds lost."""
    observer = Observer(LEASE_S, GAP_S)
    found: list[Observed] = []
    for now, workers in moments:
        found = observer.look(workers, now)
    return [worker.id for worker in found]


def each_second(upto: int, beat: int = 5) -> list[tuple[float, list[Observed]]]:
    return [(float(now), [seen(A, beat), seen(B, now)]) for now in range(upto + 1)]


def test_a_beat_that_stands_for_the_lease_is_lost_and_no_sooner() -> None:
    assert looks(*each_second(7)) == []
    assert looks(*each_second(8)) == [A]


def test_a_beat_that_moves_in_time_begins_the_lease_anew() -> None:
    assert looks(*each_second(7), (8.0, [seen(A, 6)]), *[(float(now), [seen(A, 6)]) for now in range(9, 16)]) == []


def test_an_observer_that_saw_nothing_for_a_while_begins_anew() -> None:
    """The database was away, or this process stood still: nobody's beat could be seen."""
    assert looks(*each_second(3), (3.0 + GAP_S + 0.1, [seen(A, 5)]), (11.0, [seen(A, 5)])) == []
    assert looks(*each_second(3), (3.0 + GAP_S, [seen(A, 5)]), (11.0, [seen(A, 5)])) == [A]


@pytest.mark.parametrize("state", ["lost", "stopped"])
def test_only_the_living_can_be_lost(state: str) -> None:
    assert looks(*[(float(now), [seen(A, 5, state=state)]) for now in range(20)]) == []


def test_another_generation_begins_the_lease_anew() -> None:
    assert looks(*each_second(7), (8.0, [seen(A, 5, generation=2)])) == []
