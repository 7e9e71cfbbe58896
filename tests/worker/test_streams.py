"""Output of a job is written at most a few hundred times a second, and without waiting for the end of the job."""

from __future__ import annotations

import asyncio
import fcntl
import os

import pytest
from tests.worker.jobs import Collected

from orvanta_platform.worker.limited_log import LimitedLog
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.runtimes import streams
from orvanta_platform.worker.runtimes.streams import MergedOutput, OutputWaiter, Source


async def test_many_small_pieces_are_taken_together() -> None:
    read, write = os.pipe()
    log, waiting = Collected(), OutputWaiter()
    output = MergedOutput(read, LimitedLog(log, Limits(log_bytes=1 << 20)))
    pumping = asyncio.ensure_future(output.pump(waiting))
    for n in range(3000):
        os.write(write, b"%d\n" % n)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    waiting.end()
    await pumping
    output.close()
    os.close(write)
    assert log.text == "".join(f"{n}\n" for n in range(3000))
    assert len(log.parts) < 1000


async def test_job_end_does_not_wait_for_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_SMALL_READS", 1)
    monkeypatch.setattr(streams, "_GATHER_S", 3600)
    read, write = os.pipe()
    log, waiting = Collected(), OutputWaiter()
    output = MergedOutput(read, LimitedLog(log, Limits(log_bytes=1 << 20)))
    pumping = asyncio.ensure_future(output.pump(waiting))
    os.write(write, b"first ")
    await log.arrived.wait()
    os.write(write, b"last")
    waiting.end()
    await pumping
    output.close()
    os.close(write)
    assert log.text == "first last"


def test_draining_reads_a_pipe_that_the_job_has_enlarged_but_not_what_is_written_meanwhile() -> None:
    read, write = os.pipe()
    size = fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 512 << 10)
    source = Source(read, 64 << 10)
    assert [*source.drain()] == []
    os.write(write, b"x" * size)
    assert sum(map(len, source.drain())) == size
    os.write(write, b"x")
    assert sum(os.write(write, b"y" * (64 << 10)) for _ in source.drain()) <= size + (64 << 10)
    os.close(write)
    assert sum(map(len, source.drain())) == 64 << 10
    assert [source.ended, *source.drain()] == [True]
    source.close()
