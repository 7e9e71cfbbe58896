"""P8: frequent queries cost no more with a large history, a long queue, or a snapshot that retains dead rows."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bench.bars import Options, Outcome
from bench.client import Client
from bench.comparison import WARM_UP
from bench.database import settings_of
from bench.direct_database import until
from bench.installation import Installation, environment, installation
from bench.machine import free_port
from bench.processes import Program
from bench.run_cloner import ENDED, QUEUED, Tables, copy
from bench.samples import Samples
from bench.targets import outcome
from bench.timing import RollBack, timed
from orvanta_platform.db.pool import BY_INDEX
from orvanta_platform.db.queries import load
from orvanta_platform.embedded.postgres import start
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.queue.scan_cursor import START

_FINISHED, _WAITING, _PASSING, _AT_ONCE = 1_000_000, 200_000, 2_000_000, 100_000
_TRIES, _PAGE, _SLOTS = 60, 30, 100
_MANY = 100
"""Jobs of a large claim."""

_ONES = 10
"""Claims of one job before each large claim."""

_PARKED, _QUEUE = "bench", "native"
"""A queue that no worker serves, and the measured one, which a worker serves only between measurements."""

_FUTURE_QUEUE = """\
INSERT INTO timer (run, job, kind, due_at)
SELECT run, id, 'timeout', now() + seq % 100000 * interval '1 second' + interval '1 day' FROM job_live
"""
_DUE = "INSERT INTO timer (run, job, kind, due_at) VALUES ($1, $1, 'retry', now() - interval '1 second')"
_PASSED = "SELECT NOT EXISTS (SELECT FROM job_live WHERE queue = $1)"
_SESSION = BY_INDEX | {"plan_cache_mode": "force_generic_plan"}


def p8(options: Options) -> Outcome:
    """Run the same queries on an empty system, on a full one, and while a snapshot retains the rows of ended jobs."""
    sizes = (options.jobs,) * 3 if options.quick else (_FINISHED, _WAITING, _PASSING)
    finished, waiting, passing = sizes
    tries = 3 if options.quick else _TRIES
    with installation(ORVANTA_QUEUES="python3") as orvanta, start(orvanta.database) as database:
        url = database.owner_url
        model = _queue(orvanta, _PARKED)
        looks = {"empty": _measure_latencies(orvanta, url, tries)}
        started = time.perf_counter()
        ended = _ended(orvanta, url)
        asyncio.run(_copies(url, ended, ENDED, finished))
        asyncio.run(_copies(url, model, _queued_tables(QUEUED), waiting))
        asyncio.run(_execute(url, _FUTURE_QUEUE))
        options.say(f"  {finished:,} ended, {waiting:,} waiting, made in {time.perf_counter() - started:.0f} s")
        looks["full"] = _measure_latencies(orvanta, url, tries)
        started = time.perf_counter()
        with _snapshot(url), _worker(orvanta.home) as worker:
            for done in range(0, passing, _AT_ONCE):
                asyncio.run(
                    _copies(url, model, _queued_tables(QUEUED), min(_AT_ONCE, passing - done), skip=waiting + done)
                )
                until(url, _PASSED, [worker], _QUEUE)
            worker.stop()
            options.say(f"  {waiting + passing:,} passed in {time.perf_counter() - started:.0f} s")
            looks["held"] = _measure_latencies(orvanta, url, tries)
        about = {"settings": orvanta.settings, "postgresql": settings_of(database)}
    data: dict[str, Any] = {"finished": finished, "waiting": waiting, "passed": passing, **about}
    empty = looks["empty"]
    ratios = {name: [looks[each][name].median / empty[name].median for each in ("full", "held")] for name in empty}
    for name in empty:
        options.say(f"  {name}: " + "; ".join(f"{each} {look[name].text()}" for each, look in looks.items()))
        data[name] = {each: look[name].record() for each, look in looks.items()}
    data["ratios"] = {name: [round(ratio, 3) for ratio in both] for name, both in ratios.items()}
    measured = ", ".join(f"{name} {full:.2f} × and {held:.2f} ×" for name, (full, held) in ratios.items())
    return outcome("P8", options, measured, data)


def _queue(orvanta: Installation, queue: str = _QUEUE) -> UUID:
    """Start a run of one node whose job waits in a queue without a worker; return its id."""
    body = {"kind": "identity", "args": {}, "tag": queue}
    status, answer = orvanta.client.post("/api/w/main/jobs/run/preview", body, orvanta.headers)
    assert status == 201, answer
    return UUID(answer.decode())


def _queued_tables(tables: Tables) -> Tables:
    """Return the tables of copies that wait in the measured queue."""
    queue = f", 'queue', '{_QUEUE}'"
    return {
        table: (key, changed + queue if table in ("run_live", "job_live") else changed)
        for table, (key, changed) in tables.items()
    }


def _ended(orvanta: Installation, url: str) -> UUID:
    """Run one native node; return the id of the run."""
    run = _queue(orvanta)
    with _worker(orvanta.home) as worker:
        until(url, "SELECT EXISTS (SELECT FROM run WHERE id = $1)", [worker], run)
    return run


async def _copies(url: str, run: UUID, tables: Tables, wanted: int, skip: int = 0) -> None:
    for done in range(0, wanted, _AT_ONCE):
        await copy(url, run, tables, min(_AT_ONCE, wanted - done), skip=skip + done)
    await _execute(url, f"NOTIFY orvanta, 'queues\nqueue:{_QUEUE}'")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def _worker(home: Path) -> Iterator[Program]:
    """Run a worker for the measured queue while the block runs."""
    env = environment(home, free_port(), ORVANTA_SLOTS=str(_SLOTS), ORVANTA_QUEUES=_QUEUE)
    worker = Program([sys.executable, "-m", "orvanta_platform.cli.main", "worker"], env=env)
    try:
        yield worker
    finally:
        worker.stop()


@contextmanager
def _snapshot(url: str) -> Iterator[None]:
    """Hold a snapshot of the database, in a separate thread, while the block runs."""
    opened, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                await connection.fetchval("SELECT count(*) FROM workspace")
                opened.set()
                await asyncio.to_thread(over.wait)
        finally:
            opened.set()
            await connection.close()

    thread = threading.Thread(target=asyncio.run, args=(hold(),))
    thread.start()
    opened.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _measure_latencies(orvanta: Installation, url: str, tries: int) -> dict[str, Samples]:
    """Return the milliseconds of a small and a large claim, a due timer, a cancel and a page of the list."""
    queued = [_queue(orvanta) for _ in range(tries + WARM_UP)]
    # A claimer starts above the jobs that it has claimed before, even if the claim was rolled back.
    asyncio.run(_copies(url, queued[-1], QUEUED, 2 * _MANY * (tries + WARM_UP)))
    client = Client(orvanta.base)
    page = f"/api/w/main/jobs/list?per_page={_PAGE}&has_null_parent=true"

    def look_at_page(_: int) -> None:
        status, answer = client.get(page, orvanta.headers)
        assert status == 200 and len(json.loads(answer)) == _PAGE, answer

    def cancel(each: int) -> None:
        status, answer = client.post(f"/api/w/main/jobs_u/queue/cancel/{queued[each]}", {}, orvanta.headers)
        assert status == 200, answer

    found = asyncio.run(_in_database(url, tries))
    found |= {"list": timed(tries, look_at_page), "cancel": timed(tries, cancel)}
    client.close()
    return found


async def _in_database(url: str, tries: int) -> dict[str, Samples]:
    """Time queries of a worker over a connection like its own; each is rolled back, so that the rows stay the same."""
    connection = await asyncpg.connect(url, server_settings=_SESSION)
    found = {}
    try:
        worker = await connection.fetchrow("SELECT id, generation FROM worker WHERE state = 'live'")
        assert worker is not None
        claimer = Claimer(worker["id"], worker["generation"], [_QUEUE])
        taken: dict[int, list[float]] = {1: [], _MANY: []}
        for _ in range(WARM_UP + tries):
            # In turns: claims of one job only would take some milliseconds in all, which other load could disturb.
            for jobs in (*[1] * _ONES, _MANY):
                with suppress(RollBack):
                    async with connection.transaction():
                        started = time.perf_counter()
                        got = await claimer.claim(connection, jobs)
                        taken[jobs].append((time.perf_counter() - started) * 1000)
                        assert len(got) == jobs, len(got)
                        raise RollBack
        found["claim of 1"] = Samples.of("ms", taken[1][WARM_UP * _ONES :])
        found[f"claim of {_MANY}"] = Samples.of("ms", taken[_MANY][WARM_UP:])
        due = load("timers")["take_due_timers"].text
        fired = []
        for _ in range(WARM_UP + tries):
            with suppress(RollBack):
                async with connection.transaction():
                    await connection.execute(_DUE, worker["id"])
                    started = time.perf_counter()
                    assert len(await connection.fetch(due, START)) == 1
                    fired.append((time.perf_counter() - started) * 1000)
                    raise RollBack
        found["timer"] = Samples.of("ms", fired[WARM_UP:])
    finally:
        await connection.close()
    return found
