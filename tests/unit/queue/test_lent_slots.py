"""Slots that workers lend: totals of messages, which may be lost, repeated, or of an earlier loan."""

from __future__ import annotations

from uuid import UUID

import pytest

from orvanta_platform import clock
from orvanta_platform.db.starts import Lender
from orvanta_platform.queue.lent_slots import LOAN_BEATS, MOST, MOST_LOANS, REQUESTS, BorrowedSlots, Grant, LentSlots

ONE, TWO = UUID(int=1), UUID(int=2)
SERVER = "0" * 32
LOAN_S = 8.0


class Clock:
    """The time of a test."""

    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "monotonic", lambda: made.now)
    return made


def granted(slots: LentSlots, free: int, beat: int = 0, queues: list[str] | None = None) -> Grant:
    found = slots.grant(SERVER, free, beat, queues)
    assert found is not None
    return found


def taken(borrowed: BorrowedSlots, queue: str = "default") -> list[UUID]:
    """Take all slots, at most 50, and return their workers."""
    return [each.worker for _ in range(50) if (each := borrowed.take(queue)) is not None]


def end(slots: LentSlots, beat: int = LOAN_BEATS + 1) -> None:
    """Record the heartbeat that ends the loan."""
    slots.end(beat)
    assert not slots.may_receive and slots.outstanding == 0


def test_each_slot_is_taken_once() -> None:
    slots, borrowed = LentSlots(ONE, 3), BorrowedSlots(LOAN_S)
    borrowed.receive(granted(slots, 2, beat=7))
    assert borrowed.take("default") == Lender(ONE, 3, 7 + LOAN_BEATS)
    assert len(taken(borrowed)) == 1 and slots.outstanding == 2
    slots.record(2)
    assert slots.outstanding == 0 and borrowed.take("default") is None


def test_repeated_message_lends_nothing(time: Clock) -> None:
    """Neither slots nor time."""
    slots, borrowed = LentSlots(ONE, 1), BorrowedSlots(LOAN_S)
    message = granted(slots, 2)
    borrowed.receive(message)
    assert borrowed.take("default") is not None
    time.now += LOAN_S - 1
    borrowed.receive(message)
    assert borrowed.take("default") is not None and borrowed.take("default") is None
    borrowed.put_back(ONE)
    time.now += 1
    assert taken(borrowed) == []


def test_slots_are_not_used_after_the_loan(time: Clock) -> None:
    slots, borrowed = LentSlots(ONE, 1), BorrowedSlots(LOAN_S)
    borrowed.receive(granted(slots, 4))
    time.now += LOAN_S - 0.1
    slots.record(1)
    assert borrowed.take("default") is not None
    slots.record(2)
    borrowed.receive(granted(slots, 4, beat=3))
    time.now += LOAN_S - 0.1
    assert borrowed.take("default") is not None
    time.now += 0.1
    assert taken(borrowed) == []


def test_message_after_lost_one_has_the_total() -> None:
    slots, borrowed = LentSlots(ONE, 1), BorrowedSlots(LOAN_S)
    granted(slots, 1)
    borrowed.receive(granted(slots, 3))
    assert len(taken(borrowed)) == 3


def test_slots_that_are_lent_are_not_lent_again() -> None:
    slots = LentSlots(ONE, 1)
    granted(slots, 3)
    assert slots.grant(SERVER, 3, 0, None) is None
    slots.record(2)
    assert granted(slots, 3).total == 5 and slots.outstanding == 3


def test_worker_lends_to_one_server_at_a_time() -> None:
    slots = LentSlots(ONE, 1)
    granted(slots, 2)
    slots.record(2)
    assert slots.grant("1" * 32, 2, 0, None) is None
    end(slots)
    assert slots.grant("1" * 32, 2, 9, None) is not None


def test_number_of_lent_slots_is_limited() -> None:
    slots, borrowed = LentSlots(ONE, 1), BorrowedSlots(LOAN_S)
    borrowed.receive(granted(slots, 1000))
    assert len(taken(borrowed)) == MOST


def test_loan_ends_with_its_heartbeat() -> None:
    slots = LentSlots(ONE, 1)
    granted(slots, 2, beat=5)
    for beat in range(5, 6 + LOAN_BEATS):
        assert not slots.ends_with(beat)
        slots.end(beat)
        assert slots.may_receive and slots.outstanding == 2
    assert slots.ends_with(6 + LOAN_BEATS)
    end(slots, 6 + LOAN_BEATS)


def test_further_grant_extends_the_loan() -> None:
    slots = LentSlots(ONE, 1)
    granted(slots, 2, beat=0)
    slots.record(2)
    granted(slots, 2, beat=3)
    slots.end(LOAN_BEATS + 1)
    assert slots.may_receive
    end(slots, LOAN_BEATS + 4)


def test_withdrawn_slots_are_not_used() -> None:
    slots, borrowed = LentSlots(ONE, 1), BorrowedSlots(LOAN_S)
    old = granted(slots, 9)
    borrowed.receive(old)
    withdrawn = slots.withdraw()
    assert withdrawn is not None and withdrawn[0] == SERVER
    borrowed.receive(withdrawn[1])
    borrowed.receive(old)
    assert taken(borrowed) == [] and slots.outstanding == 0
    assert slots.withdraw() is None


def test_worker_lends_again_when_nothing_of_the_withdrawn_loan_can_arrive() -> None:
    slots, borrowed = LentSlots(ONE, 1), BorrowedSlots(LOAN_S)
    borrowed.receive(granted(slots, 4))
    slots.record(1)
    slots.withdraw()
    assert slots.may_receive and slots.grant(SERVER, 4, 1, None) is None
    end(slots)
    borrowed.receive(granted(slots, 2, beat=9))
    assert len(taken(borrowed)) == 2


def requests_until_lent(slots: LentSlots, beat: int) -> int:
    """Return the number of requests until slots are lent."""
    made = 0
    while slots.grant(SERVER, 4, beat, None) is None:
        slots.record_request()
        made += 1
    return made


def test_worker_lends_after_requests_that_follow_unused_loans() -> None:
    slots, beat, requests = LentSlots(ONE, 1), 0, []
    granted(slots, 4)
    for _ in range(7):
        beat += LOAN_BEATS + 1
        end(slots, beat)
        requests.append(requests_until_lent(slots, beat))
    assert requests == [2, 4, 8, 16, 32, 32, 32]


def test_used_loan_is_followed_by_another() -> None:
    slots = LentSlots(ONE, 1)
    granted(slots, 4)
    slots.record(1)
    end(slots)
    assert requests_until_lent(slots, LOAN_BEATS + 1) == 0


def test_used_loan_resets_the_number_of_requests() -> None:
    slots = LentSlots(ONE, 1)
    granted(slots, 4)
    end(slots)
    beat = LOAN_BEATS + 1
    requests_until_lent(slots, beat)
    slots.record(4)
    granted(slots, 4, beat)
    end(slots, 2 * beat)
    assert requests_until_lent(slots, 2 * beat) == REQUESTS[0]


def test_worker_with_most_slots_comes_first() -> None:
    borrowed = BorrowedSlots(LOAN_S)
    borrowed.receive(granted(LentSlots(ONE, 1), 1))
    borrowed.receive(granted(LentSlots(TWO, 1), 3))
    assert taken(borrowed) == [TWO, TWO, ONE, TWO]


def test_slots_are_taken_for_queues_of_their_worker() -> None:
    borrowed = BorrowedSlots(LOAN_S)
    borrowed.receive(granted(LentSlots(ONE, 1), 1, queues=["gpu"]))
    assert borrowed.take("default") is None
    assert taken(borrowed, "gpu") == [ONE]


def test_workers_without_slots_are_forgotten() -> None:
    borrowed = BorrowedSlots(LOAN_S)
    for n in range(1000):
        borrowed.receive(granted(LentSlots(UUID(int=n), 1), 1))
        borrowed.take("default")
    assert len(borrowed._loans) <= MOST_LOANS


def test_workers_whose_loans_are_over_are_forgotten(time: Clock) -> None:
    borrowed = BorrowedSlots(LOAN_S)
    for n in range(1000):
        borrowed.receive(granted(LentSlots(UUID(int=n), 1), 1))
        time.now += 1
    assert len(borrowed._loans) <= MOST_LOANS + 1
