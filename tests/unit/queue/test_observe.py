"""Failure detection: a pure function of heartbeats and the times at which they were observed."""

from __future__ import annotations

from uuid import UUID

import pytest

from orvanta_platform.db.workers import ObservedWorker
from orvanta_platform.queue.failure_detector import Observer

A, B = UUID(int=1), UUID(int=2)
LEASE_S, GAP_S = 8.0, 4.0


def seen(worker: UUID, beat: int, generation: int = 1, state: str = "live") -> ObservedWorker:
    return ObservedWorker(worker, generation, beat, state)


def lost_after(*moments: tuple[float, list[ObservedWorker]]) -> list[UUID]:
    """Return the processes that the last of these observations reports as lost."""
    observer = Observer(LEASE_S, GAP_S)
    found: list[ObservedWorker] = []
    for now, workers in moments:
        found = observer.scan(workers, now)
    return [worker.id for worker in found]


def each_second(upto: int, beat: int = 5) -> list[tuple[float, list[ObservedWorker]]]:
    return [(float(now), [seen(A, beat), seen(B, now)]) for now in range(upto + 1)]


def test_member_is_lost_when_its_beat_stands_for_the_lease() -> None:
    assert lost_after(*each_second(7)) == []
    assert lost_after(*each_second(8)) == [A]


def test_new_beat_restarts_the_lease() -> None:
    assert lost_after(*each_second(7), (8.0, [seen(A, 6)]), *[(float(now), [seen(A, 6)]) for now in range(9, 16)]) == []


def test_observer_restarts_after_a_gap() -> None:
    """While the database was unavailable or this process was suspended, no heartbeat could be observed."""
    assert lost_after(*each_second(3), (3.0 + GAP_S + 0.1, [seen(A, 5)]), (11.0, [seen(A, 5)])) == []
    assert lost_after(*each_second(3), (3.0 + GAP_S, [seen(A, 5)]), (11.0, [seen(A, 5)])) == [A]


@pytest.mark.parametrize("state", ["lost", "stopped"])
def test_only_live_members_can_be_lost(state: str) -> None:
    assert lost_after(*[(float(now), [seen(A, 5, state=state)]) for now in range(20)]) == []


def test_new_generation_restarts_the_lease() -> None:
    assert lost_after(*each_second(7), (8.0, [seen(A, 5, generation=2)])) == []
