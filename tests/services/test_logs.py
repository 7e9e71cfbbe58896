"""Logs: complete, ordered and readable by character offsets, both from rows and from the frames of an object."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.memory import peak, reset_peak
from tests.services.log_ground import LogGround, ground, step

from orvanta_platform.db import logs as log_rows
from orvanta_platform.services.logs import flow_log
from orvanta_platform.services.logs import objects as log_objects
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import Attempt
from orvanta_platform.storage import ObjectMissing
from orvanta_platform.worker import logs

ALPHABET = ["a", "b", " ", "\n", "é", "\N{MUSICAL SYMBOL G CLEF}", "\N{REPLACEMENT CHARACTER}", "中"]
ONE_LINE = "x" * (3 << 20)


@pytest.fixture
async def on(database: TestDatabase, tmp_path: Path) -> AsyncIterator[LogGround]:
    async with ground(database, tmp_path) as made:
        yield made


def pieces(seed: int, count: int, longest: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(ALPHABET, k=chance.randint(1, longest))) for _ in range(count)]


@pytest.mark.parametrize("object_from", [1 << 20, 0], ids=["chunks", "object"])
async def test_read_at_every_offset(on: LogGround, object_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "OBJECT_FROM", object_from)
    monkeypatch.setattr(logs, "CHUNK_CHARS", 50)
    monkeypatch.setattr(log_objects, "FRAME_CHARS", 120)
    said = pieces(1, 40, 70)
    text = "".join(said)
    made = await on.written(*said)
    chunks, objects = await on.counts(made.job)
    assert (chunks > 20, objects) == ((True, 0) if object_from else (False, 1))
    for start in range(0, len(text) + 3, 7):
        for most in (1, 2, 59, 5000):
            assert await on.read(made.job, start, most=most) == text[start : start + most]


@pytest.mark.parametrize("moved", [(), (1,), (1, 2), (2,)])
async def test_attempts_in_rows_and_objects_are_one_text(
    on: LogGround, moved: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, texts = None, {}
    for attempt in (1, 2):
        monkeypatch.setattr(logs, "OBJECT_FROM", 0 if attempt in moved else 1 << 20)
        texts[attempt] = "".join(pieces(attempt, 5, 40))
        made = await on.written(texts[attempt], attempt=attempt, run=run)
        run = made.run
    whole = texts[1] + texts[2]
    assert await on.whole(made.job) == whole
    for start in range(len(whole)):
        assert await on.read(made.job, start, most=30) == whole[start : start + 30]
    assert {attempt: await on.whole(made.job, attempt) for attempt in (1, 2)} == texts


@pytest.mark.parametrize(
    "text", [ONE_LINE, "".join(f"{n} \N{MUSICAL SYMBOL G CLEF}\n" for n in range(200_000))], ids=["one line", "lines"]
)
async def test_long_log_is_moved_to_an_object_when_it_ends(on: LogGround, text: str) -> None:
    made, log = on.log()
    for start in range(0, len(text), 10_000):
        await log.write(text[start : start + 10_000])
    await until_written(log)
    assert (await on.counts(made.job))[1] == 0
    assert text.startswith(await on.read(made.job, most=1 << 25))
    assert await log.close() == len(text)
    assert await on.counts(made.job) == (0, 1)
    assert on.stored() == [f"main/{made.run}/{made.job}/1/log"]
    assert await on.whole(made.job) == text
    offset = len(text) - 1000
    assert await on.read(made.job, offset) == text[offset:]


async def until_written(log: logs.JobLog) -> None:
    while not log.chars:
        await asyncio.sleep(0)


@pytest.mark.extended
async def test_moving_and_reading_a_long_log_uses_little_memory(on: LogGround) -> None:
    """The log has 64 MiB without repetition within a page; neither the text nor its compressed form is ever completely
    in memory."""
    chance = random.Random(4)
    made, log = on.log()
    before = reset_peak()
    for _ in range(64):
        await log.write(chance.randbytes(1 << 19).hex())
    await log.close()
    assert peak() - before < 24 << 20
    before, length = reset_peak(), 0
    async for page in log_text.pages(on.platform.db, on.platform.storage, made.job):
        length += len(page)
    assert (length, peak() - before < 24 << 20) == (64 << 20, True)
    before, lines = reset_peak(), 0
    async for part in flow_log.merged(on.platform.db, on.platform.storage, made.run, [step(made.run, "a")]):
        lines += part.count("a | ")
    assert (lines > 500, peak() - before < 24 << 20) == (True, True)


async def test_range_read_fetches_only_its_frames(on: LogGround) -> None:
    text = "".join(f"line {n}\n" for n in range(400_000))
    made = await on.written(text)
    path = on.objects / on.stored()[0]
    body = bytearray(path.read_bytes())
    half = len(body) // 2
    path.write_bytes(bytes(half) + body[half:])  # damages the first half
    assert await on.read(made.job, len(text) - 100_000) == text[-100_000:]
    path.write_bytes(body[:half])  # removes the second half
    assert await on.read(made.job, 0, most=100_000) == text[:100_000]
    with pytest.raises(ObjectMissing, match=f"{made.job}/1/log is shorter"):
        await on.read(made.job, len(text) - 100_000)


async def test_small_chunks_are_combined_into_frames(on: LogGround, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "OBJECT_FROM", 0)
    monkeypatch.setattr(logs, "CHUNK_CHARS", 1)  # one chunk per character
    text = "".join(f"line {n}\n" for n in range(30))
    made = await on.written(text)
    async with on.platform.db.acquire() as conn:
        frames = await conn.fetchval("SELECT frame_chars FROM log_object WHERE job = $1", made.job)
    assert frames == [len(text)]
    assert await on.whole(made.job) == text


async def test_crash_between_upload_and_row_preserves_the_log(on: LogGround, database: TestDatabase) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(f"REVOKE INSERT ON log_object FROM {on.platform.db.url.split('//')[1].split(':')[0]}")
    await owner.close()
    text = "y\n" * (1 << 20)
    made = await on.written(text)
    chunks, objects = await on.counts(made.job)
    assert (chunks >= 32, objects) == (True, 0)
    assert on.stored() == [f"main/{made.run}/{made.job}/1/log"]
    assert await on.whole(made.job) == text


async def test_full_storage_preserves_the_log(on: LogGround) -> None:
    on.objects.write_text("not a folder")
    text = "z\n" * (1 << 20)
    made = await on.written(text)
    assert (await on.counts(made.job))[1] == 0
    assert await on.whole(made.job) == text


async def test_late_chunk_of_moved_log_is_not_read_twice(on: LogGround) -> None:
    text = "".join(pieces(3, 400, 9000))
    made = await on.written(text)
    assert await on.counts(made.job) == (0, 1)
    async with on.platform.db.transaction() as conn:
        await conn.execute(
            "INSERT INTO log_chunk (job, attempt, seq, first_char, chars, body) VALUES ($1, 1, 0, 0, 5, '\\x00')",
            made.job,
        )
    assert await on.whole(made.job) == text


async def test_lost_object_is_reported(on: LogGround) -> None:
    made = await on.written("w" * (2 << 20))
    (on.objects / on.stored()[0]).unlink()
    with pytest.raises(ObjectMissing, match=f"The object main/{made.run}/{made.job}/1/log does not exist"):
        await on.read(made.job)


async def test_unreadable_later_page_is_reported_in_the_text(on: LogGround) -> None:
    made = await on.written("v" * (3 << 20))
    pages = log_text.pages(on.platform.db, on.platform.storage, made.job)
    assert len(await anext(pages)) == log_text.PAGE_CHARS
    (on.objects / on.stored()[0]).unlink()
    assert [page async for page in pages] == [
        f"\n[orvanta] the rest of this log cannot be read: The object {made.log_key} does not exist.\n"
    ]


async def test_platform_lines_are_marked_and_limited(on: LogGround) -> None:
    made, log = on.log()
    await log.write("half a line")
    await log.system("killed: timed out after 1 s")
    for n in range(200):
        await log.system(f"again {n}")
    await log.close()
    lines = (await on.whole(made.job)).splitlines()
    assert lines[:3] == ["half a line", "[orvanta] killed: timed out after 1 s", "[orvanta] again 0"]
    assert len(lines) == 1 + logs.SYSTEM_LINES
    assert lines[-1] == "[orvanta] further platform lines are omitted"


async def test_resent_chunk_replaces_the_first(on: LogGround) -> None:
    """A chunk whose response was lost has been written, and was masked with fewer secrets than are known now."""
    made, log = on.log()
    before = log._chunks([(16, 16, zlib.compress(b"a longer secret\n"))])
    async with on.platform.db.transaction() as conn:
        await log_rows.append(conn, before)
    await log.write("***\n")
    await log.close()
    async with on.platform.db.transaction() as conn:
        await log_rows.append(conn, log_chunk_again(made))
    assert (await on.counts(made.job), await on.whole(made.job)) == ((1, 0), "***\n")


def log_chunk_again(made: Attempt) -> list[log_rows.LogChunk]:
    return [log_rows.LogChunk(made.job, made.attempt, 0, 0, 4, zlib.compress(b"***\n"))]


async def test_output_is_readable_while_the_job_runs(on: LogGround) -> None:
    made, log = on.log()
    await log.write("begun\n")
    while not await on.read(made.job):
        await asyncio.sleep(0.001)
    await log.write("going on\n")
    while await on.read(made.job) != "begun\ngoing on\n":
        await asyncio.sleep(0.001)
    await log.close()


async def test_log_refused_by_the_database_is_reported(on: LogGround, database: TestDatabase) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("REVOKE INSERT ON log_chunk FROM PUBLIC")
    role = on.platform.db.url.split("//")[1].split(":")[0]
    await owner.execute(f"REVOKE INSERT ON log_chunk FROM {role}")
    await owner.close()
    _, log = on.log()
    await log.write("t" * logs.CHUNK_CHARS)  # accepted now, and written while the job continues
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await log.write("u" * logs.GATHERED_CHARS)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await log.close()
