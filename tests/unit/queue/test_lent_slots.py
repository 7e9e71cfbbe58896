"""Slots that workers lend: totals of messages, which may be lost, repeated, or of an earlier loan."""

from __future__ import annotations

from uuid import UUID

import pytest

from orvanta_platform.queue.lent_slots import MOST, MOST_LOANS, BorrowedSlots, LentSlots

ONE, TWO = UUID(int=1), UUID(int=2)
SERVER = "s"


def lender(worker: UUID = ONE, generation: int = 1) -> LentSlots:
    """Return the slots of a worker that has begun a loan."""
    slots = LentSlots(worker, generation)
    slots.begin()
    return slots


def granted(slots: LentSlots, free: int, queues: list[str] | None = None) -> str:
    message = slots.grant(SERVER, free, queues)
    assert message is not None
    return message


def taken(borrowed: BorrowedSlots, queue: str = "default") -> list[UUID]:
    """Take all slots, at most 50, and return their workers."""
    return [each.worker for _ in range(50) if (each := borrowed.take(queue)) is not None]


def test_each_slot_is_taken_once() -> None:
    slots, borrowed = lender(generation=3), BorrowedSlots()
    borrowed.receive(granted(slots, 2))
    first = borrowed.take("default")
    assert first is not None and (first.worker, first.generation) == (ONE, 3)
    assert len(taken(borrowed)) == 1 and slots.outstanding == 2
    slots.record(2)
    assert slots.outstanding == 0 and borrowed.take("default") is None


def test_repeated_message_lends_nothing() -> None:
    slots, borrowed = lender(), BorrowedSlots()
    message = granted(slots, 2)
    borrowed.receive(message)
    assert len(taken(borrowed)) == 2
    borrowed.receive(message)
    assert taken(borrowed) == []


def test_message_after_lost_one_has_the_total() -> None:
    slots, borrowed = lender(), BorrowedSlots()
    granted(slots, 1)
    borrowed.receive(granted(slots, 3))
    assert len(taken(borrowed)) == 3


def test_slots_that_are_lent_are_not_lent_again() -> None:
    slots = lender()
    granted(slots, 3)
    assert slots.grant(SERVER, 3, None) is None and slots.grant("other", 2, None) is None
    slots.record(1)
    assert slots.grant("other", 3, None) is not None and slots.outstanding == 3


def test_number_of_lent_slots_is_limited() -> None:
    slots, borrowed = lender(), BorrowedSlots()
    borrowed.receive(granted(slots, 1000))
    assert len(taken(borrowed)) == MOST


def test_messages_of_earlier_loan_are_ignored() -> None:
    slots, borrowed = lender(), BorrowedSlots()
    old = granted(slots, 9)
    slots.end()
    assert slots.outstanding == 0
    slots.begin()
    borrowed.receive(granted(slots, 1))
    borrowed.receive(old)
    assert len(taken(borrowed)) == 1


def test_jobs_of_earlier_loan_lend_no_more_than_the_free_slots() -> None:
    slots = lender()
    slots.record(5)
    assert slots.outstanding == 0
    granted(slots, 2)
    assert slots.outstanding <= 2


def test_worker_with_most_slots_comes_first() -> None:
    borrowed = BorrowedSlots()
    borrowed.receive(granted(lender(ONE), 1))
    borrowed.receive(granted(lender(TWO), 3))
    assert taken(borrowed) == [TWO, TWO, ONE, TWO]


def test_slots_are_taken_for_queues_of_their_worker() -> None:
    borrowed = BorrowedSlots()
    borrowed.receive(granted(lender(ONE), 1, ["gpu"]))
    assert borrowed.take("default") is None
    assert taken(borrowed, "gpu") == [ONE]


def test_refusing_worker_lends_again_with_its_next_loan() -> None:
    slots, borrowed = lender(), BorrowedSlots()
    borrowed.receive(message := granted(slots, 2))
    assert borrowed.take("default") is not None
    borrowed.drop(ONE)
    borrowed.receive(message)
    assert taken(borrowed) == []
    borrowed.drop(TWO)
    slots.end()
    slots.begin()
    borrowed.receive(granted(slots, 1))
    assert taken(borrowed) == [ONE]


@pytest.mark.parametrize("message", ["", "{}", "[]", "[1,2]", '["x",1,1,1,null]', '["' + "0" * 8000])
def test_message_of_another_form_is_ignored(message: str) -> None:
    borrowed = BorrowedSlots()
    borrowed.receive(message)
    assert taken(borrowed) == []


def test_workers_without_slots_are_forgotten() -> None:
    borrowed = BorrowedSlots()
    for n in range(1000):
        borrowed.receive(granted(lender(UUID(int=n)), 1))
        borrowed.take("default")
    assert len(borrowed._loans) <= MOST_LOANS
