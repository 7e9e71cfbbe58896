"""Shared reads: concurrent callers share one, which never began before one of them asked."""

from __future__ import annotations

import asyncio

import pytest

from orvanta_platform.services import shared_reads
from orvanta_platform.services.shared_reads import SharedReads


class Source:
    """A row that is read in two moments: a read returns the value at its beginning, and ends when it is let go."""

    def __init__(self) -> None:
        self.value = 0
        self.began: list[int] = []
        self._go = asyncio.Event()

    async def read(self) -> int:
        value = self.value
        self.began.append(value)
        await self._go.wait()
        return value

    def release(self) -> None:
        self._go.set()


async def turn() -> None:
    """Let all other tasks run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_callers_of_one_turn_share_a_read() -> None:
    reads, source = SharedReads(), Source()
    calls = [asyncio.create_task(reads.get("key", source.read)) for _ in range(5)]
    await turn()
    source.release()
    assert await asyncio.gather(*calls) == [0] * 5
    assert source.began == [0]
    assert not reads._running and not reads._next


async def test_caller_gets_no_read_that_began_before_it_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_reads, "_MAX_WAIT_S", 20)
    reads, source = SharedReads(), Source()
    first = asyncio.create_task(reads.get("key", source.read))
    await turn()
    source.value = 1
    later = [asyncio.create_task(reads.get("key", source.read)) for _ in range(3)]
    other = asyncio.create_task(reads.get("other key", source.read))
    await turn()
    assert source.began == [0, 1], "the reads of one key do not wait for those of another"
    source.release()
    assert (await first, await asyncio.gather(*later), await other) == (0, [1] * 3, 1)
    assert source.began == [0, 1, 1]


async def test_slow_read_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_reads, "_MAX_WAIT_S", 0.001)
    reads, stuck, source = SharedReads(), Source(), Source()
    first = asyncio.create_task(reads.get("key", stuck.read))
    await turn()
    source.release()
    assert await reads.get("key", source.read) == 0
    assert not first.done()
    stuck.release()
    await first
    assert not reads._running and not reads._next


async def test_error_reaches_all_callers_and_is_not_kept() -> None:
    async def broken() -> int:
        raise ConnectionError

    reads, source = SharedReads(), Source()
    found = await asyncio.gather(*(reads.get("key", broken) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [ConnectionError] * 3
    source.release()
    assert await reads.get("key", source.read) == 0


async def test_cancelled_caller_does_not_end_the_read_of_others() -> None:
    reads, source = SharedReads(), Source()
    calls = [asyncio.create_task(reads.get("key", source.read)) for _ in range(2)]
    await turn()
    calls[0].cancel()
    await turn()
    source.release()
    assert await calls[1] == 0
