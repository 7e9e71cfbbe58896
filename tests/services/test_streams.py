"""Streams of jobs, read by offset: every character once, regardless of the pieces; a retry restarts the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.services.log_ground import LogGround, ground

from orvanta_platform import ids
from orvanta_platform.services.logs import streams as stream_text
from orvanta_platform.services.logs.objects import Attempt
from orvanta_platform.worker import logs

SECOND = 1 << 32


@pytest.fixture
async def on(database: TestDatabase, tmp_path: Path) -> AsyncIterator[LogGround]:
    async with ground(database, tmp_path) as made:
        yield made


async def streamed(on: LogGround, *pieces: str, made: Attempt | None = None) -> Attempt:
    """Create an ended attempt that has streamed these pieces; if `made` is set, the attempt that follows it."""
    run = made.run if made else ids.new_run_id()
    attempt, log = on.log(run, attempt=made.attempt + 1 if made else 1)
    for piece in pieces:
        await log.stream(piece)
    await log.write("not in the stream")
    await log.close()
    assert log.streamed == sum(map(len, pieces))
    return attempt


async def test_read_at_every_offset(on: LogGround, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "CHUNK_CHARS", 7)
    pieces = ["one\n", "žluť" * 10, "\N{MUSICAL SYMBOL G CLEF}\0", "end"]
    text = "".join(pieces)
    made = await streamed(on, *pieces)
    for start in range(len(text) + 3):
        for most in (1, 5, 1000):
            found = await stream_text.read(on.platform.db, made.job, start, limit=most)
            assert found.text == text[start : start + most]
            assert found.offset == start + len(found.text)
            assert found.attempt == (1 if found.text else None)
    assert await stream_text.read_all(on.platform.db, made.job) == text
    assert await on.whole(made.job) == "not in the stream"


async def test_long_stream_is_read_in_pages(on: LogGround) -> None:
    text = "".join(f"{n} \N{MUSICAL SYMBOL G CLEF}\n" for n in range(300_000))
    assert len(text) > 2 * stream_text.PAGE_CHARS
    made = await streamed(on, text)
    assert await stream_text.read_all(on.platform.db, made.job) == text


async def test_retry_restarts_the_stream(on: LogGround) -> None:
    first = await streamed(on, "the first attempt")
    half = await stream_text.read(on.platform.db, first.job, 0, limit=9)
    assert (half.text, half.offset, half.attempt) == ("the first", 9, 1)
    again = await streamed(on, "the second", made=first)
    for offset in (0, half.offset, 17, 5000):
        found = await stream_text.read(on.platform.db, again.job, offset)
        assert (found.text, found.offset, found.attempt) == ("the second", SECOND + 10, 2)
    rest = await stream_text.read(on.platform.db, again.job, SECOND + 4)
    assert (rest.text, rest.offset, rest.attempt) == ("second", SECOND + 10, 2)
    ended = await stream_text.read(on.platform.db, again.job, rest.offset)
    assert (ended.text, ended.offset, ended.attempt) == ("", rest.offset, None)
    assert await stream_text.read_all(on.platform.db, again.job) == "the second"


async def test_job_without_stream_data_has_no_stream(on: LogGround) -> None:
    made = await streamed(on)
    found = await stream_text.read(on.platform.db, made.job, 3)
    assert (found.text, found.offset, found.attempt) == ("", 3, None)
