"""Merged logs of a workflow's nodes: ordered by time, in complete lines, without loss or duplication."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.services.log_ground import LogGround, ground, step

from orvanta_platform import ids
from orvanta_platform.db.job_views import NodeJobRow
from orvanta_platform.services.logs import flow_log
from orvanta_platform.services.logs import objects as log_objects
from orvanta_platform.worker import logs
from orvanta_platform.worker.logs import JobLog


@pytest.fixture
async def on(database: TestDatabase, tmp_path: Path) -> AsyncIterator[LogGround]:
    async with ground(database, tmp_path) as made:
        yield made


async def merged(on: LogGround, run: UUID, *steps: NodeJobRow) -> str:
    pages = flow_log.merged(on.platform.db, on.platform.storage, run, steps)
    return "".join([page async for page in pages])


async def say(log: JobLog, text: str) -> None:
    """Write a chunk immediately."""
    await log.write(text)
    await log._write_all(last=False)


async def test_lines_of_all_nodes_are_ordered_by_time(on: LogGround) -> None:
    run = ids.new_run_id()
    _, a = on.log(run, "a")
    _, b = on.log(run, "b")
    await say(a, "one\nhalf ")
    await say(b, "two\n")
    await say(a, "and half\n")
    await say(b, "three\nfour without end")
    await say(a, "five\n")
    done = step(run, "b", chars=len("two\nthree\nfour without end"))
    assert await merged(on, run, step(run, "a"), done) == (
        "a | one\nb | two\na | half and half\nb | three\nb | four without end\na | five\n"
    )
    for log in (a, b):
        await log.close()


async def test_attempts_are_concatenated(on: LogGround) -> None:
    run = ids.new_run_id()
    await on.written("first, broken off", run=run)
    await on.written("second\n", run=run, attempt=2)
    assert await merged(on, run, step(run, "a", attempt=2, chars=7)) == "a | first, broken off\na | second\n"


@pytest.mark.parametrize("page", [1, 3, 16])
@pytest.mark.parametrize("move_at", [None, 0, 5, 20])
async def test_merged_log_is_exact_while_logs_are_moved(
    on: LogGround, page: int, move_at: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes print alternately, with several chunks per statement, and logs are moved to objects while they are read."""
    monkeypatch.setattr(logs, "CHUNK_CHARS", 40)
    monkeypatch.setattr(log_objects, "FRAME_CHARS", 90)
    monkeypatch.setattr(flow_log, "_PIECES", page)
    chance, run = random.Random(page), ids.new_run_id()
    names = ["a", "b", "c"]
    attempts, files = zip(*(on.log(run, name) for name in names), strict=True)
    lines: dict[str, list[str]] = {name: [] for name in names}
    for n in range(60):
        which = chance.randrange(3)
        text = f"{n} " + "x" * chance.randint(0, 200)
        lines[names[which]].append(text)
        await say(files[which], text + "\n")
    written: list[str] = []
    pages = flow_log.merged(on.platform.db, on.platform.storage, run, [step(run, name) for name in names])
    while page_text := await anext(pages, ""):
        if len(written) == move_at:
            for attempt in attempts[:2]:
                await log_objects.move(on.platform.db, on.platform.storage, attempt)
        written.append(page_text)
    found = "".join(written).splitlines()
    for name in names:
        assert [line.removeprefix(f"{name} | ") for line in found if line.startswith(f"{name} | ")] == lines[name]
    assert len(found) == 60
    if move_at is None:
        assert [int(line.split()[2]) for line in found] == list(range(60))


async def test_clock_set_back_does_not_reorder_a_log(on: LogGround) -> None:
    run = ids.new_run_id()
    made, log = on.log(run)
    for n in range(5):
        await say(log, f"{n}\n")
    async with on.platform.db.transaction() as conn:
        await conn.execute("UPDATE log_chunk SET at = at - interval '1 hour' WHERE job = $1 AND seq >= 2", made.job)
    assert await merged(on, run, step(run, "a")) == "".join(f"a | {n}\n" for n in range(5))
    await log.close()


async def test_line_over_the_limit_is_split(on: LogGround) -> None:
    run = ids.new_run_id()
    await on.written("x" * (flow_log.MAX_LINE_LENGTH * 5), run=run)
    lines = (await merged(on, run, step(run, "a"))).splitlines()
    assert "".join(line.removeprefix("a | ") for line in lines) == "x" * (flow_log.MAX_LINE_LENGTH * 5)
    assert max(map(len, lines)) <= 3 * flow_log.MAX_LINE_LENGTH


async def test_lost_object_is_reported_and_the_rest_is_read(on: LogGround) -> None:
    run = ids.new_run_id()
    lost = await on.written("x\n" * (1 << 20), run=run, node="a")
    await on.written("still here\n", run=run, node="b")
    (on.objects / lost.log_key).unlink()
    assert await merged(on, run, step(run, "a"), step(run, "b")) == (
        f"a | [orvanta] the rest of this log cannot be read: The object {lost.log_key} does not exist.\n"
        "b | still here\n"
    )


async def test_logs_of_other_runs_are_excluded(on: LogGround) -> None:
    run, other = ids.new_run_id(), ids.new_run_id()
    await on.written("mine\n", run=run)
    await on.written("theirs\n", run=other)
    assert await merged(on, run, step(run, "a")) == "a | mine\n"
