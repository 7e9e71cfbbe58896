"""P16: cost of very many runs that wait for approval, and the speed of many decisions."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg

from bench import load_generator
from bench.bars import Options, Outcome
from bench.client import Call, Client
from bench.comparison import WARM_UP
from bench.database import settings_of
from bench.installation import Installation, installation, role_of
from bench.processes import command_line, descendants, rss_kib
from bench.run_cloner import WAITING, copy
from bench.samples import Samples
from bench.targets import outcome
from bench.timing import RollBack, timed
from orvanta_platform.embedded.postgres import EmbeddedPostgres, start
from orvanta_platform.queue.claim import Claimer

_PATH, _NODE = "f/bench/ask", "ask"
_WAITING, _DECIDED, _CALLERS = 100_000, 10_000, 16
_TRIES, _PAGE = 60, 30
_QUEUE = "bench"
_VALUE = {"modules": [{"id": _NODE, "value": {"type": "approval", "timeout": 604_800, "message": "May it go on?"}}]}
_UNDER_WAY = "SELECT count(*) FROM run_live WHERE path = $1"
_SUCCEEDED = "SELECT count(*) FROM run WHERE path = $1 AND status = 'succeeded'"


def p16(options: Options) -> Outcome:
    """Run the same queries on a system with few waiting runs and on one with very many."""
    waiting, decided = (options.jobs, options.jobs // 3) if options.quick else (_WAITING, _DECIDED)
    tries = 3 if options.quick else _TRIES
    # The jobs of the measured queue remain there: no worker serves it.
    with installation(ORVANTA_QUEUES="python3,native") as orvanta, start(orvanta.database) as database:
        status, answer = orvanta.deploy(_PATH, _VALUE)
        assert status == 201, answer
        _queue_jobs(orvanta)
        runs = [_start_waiting_run(orvanta) for _ in range(2 * (tries + WARM_UP) + _PAGE)]
        empty = _measure_latencies(orvanta, database, tries, runs[: tries + WARM_UP])
        started = time.perf_counter()
        copies = asyncio.run(copy(database.owner_url, runs[-1], WAITING, waiting, node=_NODE))
        options.say(f"  {waiting:,} more wait, made in {time.perf_counter() - started:.0f} s")
        full = _measure_latencies(orvanta, database, tries, runs[tries + WARM_UP : 2 * (tries + WARM_UP)])
        for name, samples in full.items():
            options.say(f"  {name}: empty {empty[name].text()}; full {samples.text()}")
        meter = orvanta.meter()
        meter.start()
        calls = [_decision(orvanta, run) for run in copies[:decided]]
        seen = load_generator.run(orvanta.base, calls, _CALLERS)
        meter.stop()
        _check(database, waiting, decided, 2 * (tries + WARM_UP), len(runs))
        about = {"settings": orvanta.settings, "postgresql": settings_of(database)}
    ratios = {name: full[name].median / empty[name].median for name in empty}
    shown_ratios = ", ".join(f"{name} {ratio:.2f} ×" for name, ratio in ratios.items())
    data: dict[str, Any] = {"waiting": waiting, "decided": decided, **about}
    data["ratios"] = {name: round(ratio, 3) for name, ratio in ratios.items()}
    data |= {name: {"empty": empty[name].record(), "full": full[name].record()} for name in empty}
    data["all_decided_s"], data["callers_cpu_s"] = round(seen.seconds, 2), round(seen.cpu_s, 2)
    data["cpu_us_per_decision"] = meter.result().per(decided)
    measured = f"{shown_ratios}; {seen.seconds:.1f} s"
    return outcome("P16", options, measured, data)


def _queue_jobs(orvanta: Installation) -> None:
    body = {"kind": "identity", "args": {}, "tag": _QUEUE}
    for _ in range(5):
        status, answer = orvanta.client.post("/api/w/main/jobs/run/preview", body, orvanta.headers)
        assert status == 201, answer


def _start_waiting_run(orvanta: Installation) -> UUID:
    status, answer = orvanta.client.post(f"/api/w/main/jobs/run/f/{_PATH}", {}, orvanta.headers)
    assert status == 201, answer
    return UUID(answer.decode())


def _decision(orvanta: Installation, run: UUID) -> Call:
    headers = {**orvanta.headers, "X-Workspace": "main"}
    return Call(f"/api/v1/runs/{run}/consent", {"decision": "approved"}, None, headers)


def _measure_latencies(
    orvanta: Installation, database: EmbeddedPostgres, tries: int, runs: list[UUID]
) -> dict[str, Samples]:
    """Measure a claim, a page of the list, a decision, and the memory of the server."""
    client = Client(orvanta.base)
    page = f"/api/w/main/jobs/list?per_page={_PAGE}&has_null_parent=true"

    def look_at_page(_: int) -> None:
        status, answer = client.get(page, orvanta.headers)
        assert status == 200 and len(json.loads(answer)) == _PAGE, answer

    found = {
        "claim": Samples.of("ms", asyncio.run(_claims(database.owner_url, tries))),
        "list": timed(tries, look_at_page),
        "decision": timed(tries, lambda each: client.time(_decision(orvanta, runs[each]))),
        "server RSS": Samples.of("MiB", [_server_kib(orvanta.program.pid) / 1024]),
    }
    client.close()
    return found


async def _claims(url: str, tries: int) -> list[float]:
    """Return the milliseconds of a claim by a new claimer; each is rolled back, so that the jobs stay the same."""
    connection = await asyncpg.connect(url)
    taken = []
    try:
        worker = await connection.fetchrow("SELECT id, generation FROM worker WHERE state = 'live'")
        assert worker is not None
        for _ in range(WARM_UP + tries):
            claimer = Claimer(worker["id"], worker["generation"], [_QUEUE])
            with suppress(RollBack):
                async with connection.transaction():
                    started = time.perf_counter()
                    found = await claimer.claim(connection, 1)
                    taken.append((time.perf_counter() - started) * 1000)
                    assert len(found) == 1, found
                    raise RollBack
    finally:
        await connection.close()
    return taken[WARM_UP:]


def _server_kib(pid: int) -> int:
    return sum(rss_kib(each) for each in (pid, *descendants(pid)) if role_of(command_line(each)) == "server")


def _check(database: EmbeddedPostgres, waiting: int, decided: int, looked: int, begun: int) -> None:
    """Check that every decision ended its run, and that no other run has ended."""

    async def count() -> tuple[int, int]:
        connection = await asyncpg.connect(database.owner_url)
        try:
            under_way, succeeded = [await connection.fetchval(query, _PATH) for query in (_UNDER_WAY, _SUCCEEDED)]
            return under_way, succeeded
        finally:
            await connection.close()

    found = asyncio.run(count())
    assert found == (waiting - decided + begun - looked, decided + looked), found
