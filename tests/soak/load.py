"""Users of an installation: callers that start runs and wait for them, users that decide approvals, and the checks."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from tests.soak.definitions import REJECTED_EVERY, Definition, Fails
from tests.soak.house import POLL_S, House, W

PATIENCE_S = 900.0
"""Time after which a run counts as stuck, longer than any fault. No test measures this time."""

_ASKED_AT_ONCE = 5
_AT_ONCE = 20
_SETTLES_S = 2.0
"""Time for which a run may state no reason right after a write."""

_NOBODY = "u/admin/silence"
_ASKED = "SELECT a.run::text AS run, a.node FROM approval a"
_PATHS = "SELECT id::text AS id, path FROM run_live WHERE id = ANY ($1::text[]::uuid[])"
_EVENTS_TWICE = (
    "SELECT 'run ' || run || ': ' || kind || ' ' || count(*) || ' times' FROM event "
    "WHERE kind IN ('run_started', 'run_ended') GROUP BY run, kind HAVING count(*) > 1 LIMIT 100"
)
_NODES_TWICE = (
    "SELECT 'run ' || run || ': ' || count(*) || ' rows of ' || node FROM job "
    "GROUP BY run, node, parent, place HAVING count(*) > 1 LIMIT 100"
)
_UNASKED = (
    "SELECT 'run ' || id || ' of ' || path || ' was asked for by nobody' FROM run WHERE parent IS NULL "
    "AND trigger <> 'schedule' AND kind IN ('script', 'flow') AND path LIKE 'u/admin/%' "
    "AND id <> ALL ($1::text[]::uuid[]) LIMIT 100"
)
_LIVE = "SELECT id::text AS id FROM run_live WHERE id = ANY ($1::text[]::uuid[])"
_LEFT = "SELECT id::text AS id, path FROM run_live WHERE parent IS NULL"


@dataclass(slots=True)
class Record:
    """Requests and their outcomes.

    `open`: runs that were started and have not been seen to end; `starts`: by path; `reasons`: how often each reason of
    a wait was seen; `silent`: runs that waited without a reason.
    """

    accepted: dict[str, tuple[Definition, int]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    doubled: set[str] = field(default_factory=set)
    stuck: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    ended: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the totals as JSON values."""
        return {
            "runs": len(self.accepted),
            "ended": self.ended,
            "wrong": len(self.wrong),
            "doubled": len(self.doubled),
            "lost": len(self.lost),
            "stuck": len(self.stuck),
            "silent": len(self.silent),
            "reasons": dict(self.reasons.most_common()),
            "starts": dict(sorted(self.starts.items())),
        }


async def start(client: httpx.AsyncClient, record: Record, what: Definition, n: int) -> str:
    """Start a run, retrying with the same idempotency key, so that only one run is created."""
    headers = {"Idempotency-Key": uuid4().hex}
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with suppress(httpx.TransportError):
            answer = await client.post(f"{W}/jobs/run/{what.call}", json=what.args(n), headers=headers)
            if answer.status_code == 201:
                record.accepted[answer.text] = what, n
                record.open.add(answer.text)
                record.starts[what.path] += 1
                return answer.text
            assert answer.status_code in (429, 500, 503), (what.path, answer.text)
        assert time.monotonic() < deadline, f"{what.path} cannot be started"
        await asyncio.sleep(POLL_S)


async def until_ended(client: httpx.AsyncClient, record: Record, run: str) -> None:
    """Poll until the run has ended, and compare its result with the expected one."""
    what, n = record.accepted[run]
    pause_s = 0.05
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            answer = await client.get(f"{W}/jobs_u/completed/get_result_maybe/{run}")
            if answer.status_code == 200 and answer.json()["completed"]:
                if run in record.open:  # another caller may wait for it too
                    record.open.discard(run)
                    record.ended += 1
                    record.wrong += wrong(what, n, run, answer.json())
                return
            if answer.status_code == 404:
                record.open.discard(run)
                record.lost.append(f"run {run} of {what.path}: {answer.text}")
                return
        await asyncio.sleep(pause_s)
        pause_s = min(1.0, 1.5 * pause_s)
    record.stuck.append(f"run {run} of {what.path}: {await why(client, run)}")


async def check_ended(house: House, client: httpx.AsyncClient, record: Record, begun: asyncio.Event) -> None:
    """Check the results of runs as they end, until `begun` is set and all have ended.

    One query finds the runs that are no longer in progress, however many there are: calls for each of them would take
    the time in which they are executed. A run is stuck if none has ended for PATIENCE_S.
    """
    few = asyncio.Semaphore(_AT_ONCE)

    async def check(run: str) -> None:
        async with few:
            await until_ended(client, record, run)

    deadline = time.monotonic() + PATIENCE_S
    while record.open or not begun.is_set():
        open_runs = list(record.open)
        live = {row["id"] for row in await house.ask(_LIVE, open_runs)}
        if ended := [run for run in open_runs if run not in live]:
            await asyncio.gather(*map(check, ended))
            deadline = time.monotonic() + PATIENCE_S
        elif time.monotonic() > deadline:
            record.stuck += [f"run {run} of {record.accepted[run][0].path}: {await why(client, run)}" for run in live]
            return
        await asyncio.sleep(POLL_S)


def wrong(what: Definition, n: int, run: str, ended: dict[str, Any]) -> list[str]:
    """Return the differences between the result of a run and the expected one."""
    right, result = what.gives(n), ended["result"]
    if isinstance(right, Fails):
        name = result.get("error", {}).get("name") if isinstance(result, dict) else None
        return (
            []
            if not ended["success"] and name == right.name
            else [f"run {run} of {what.path}({n}) gave {result!r:.1000}"]
        )
    return [] if ended["success"] and result == right else [f"run {run} of {what.path}({n}) gave {result!r:.1000}"]


async def why(client: httpx.AsyncClient, run: str) -> str:
    """Return the reasons for which a run or its nodes wait; empty if the platform states none."""
    answer = await client.get(f"/api/v1/runs/{run}")
    if answer.is_error:
        return ""
    shown = answer.json()
    reasons = [str(each.get("reason")) for each in shown["waits"]]
    return "; ".join([shown["status"], *([shown["wait_reason"]] if "wait_reason" in shown else []), *reasons])


@asynccontextmanager
async def calls(house: House, record: Record, kinds: Sequence[Definition], rate: float) -> AsyncIterator[None]:
    """Start `rate` runs each second during the block, and wait for the end of all."""
    over = asyncio.Event()

    async def go_on(client: httpx.AsyncClient) -> None:
        async with asyncio.TaskGroup() as group:
            for what, n in zip(itertools.cycle(kinds), itertools.count()):
                group.create_task(one(client, what, n))
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), 1 / rate)
                if over.is_set():
                    return

    async def one(client: httpx.AsyncClient, what: Definition, n: int) -> None:
        await until_ended(client, record, await start(client, record, what, n))

    limits = httpx.Limits(max_connections=50)
    async with house.client(limits=limits) as client, asyncio.TaskGroup() as group:
        group.create_task(go_on(client))
        try:
            yield
        finally:
            over.set()


async def many(
    client: httpx.AsyncClient, record: Record, kinds: Sequence[Definition], count: int, at_once: int
) -> None:
    """Start `count` runs by `at_once` concurrent callers."""
    numbers = iter(range(count))

    async def call() -> None:
        for n in numbers:
            await start(client, record, kinds[n % len(kinds)], n)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(call())


async def recovered(house: House, record: Record) -> float:
    """Return the seconds until a new run has succeeded."""
    began = time.monotonic()
    async with house.client() as client:
        await until_ended(client, record, await start(client, record, house.definitions["u/admin/plus"], 1))
    return time.monotonic() - began


@asynccontextmanager
async def reasons(house: House, record: Record, every_s: float) -> AsyncIterator[None]:
    """Query the reasons for which a sample of the open runs wait, while the block runs."""
    async with house.client() as client:
        task = asyncio.create_task(_ask_why(client, record, every_s))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _ask_why(client: httpx.AsyncClient, record: Record, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        for run in random.sample(sorted(record.open), min(_ASKED_AT_ONCE, len(record.open))):
            with suppress(httpx.TransportError):
                before = await _waits(client, run)
                if before is None:
                    continue
                record.reasons.update(before)
                if not before:
                    await asyncio.sleep(_SETTLES_S)
                    if await _waits(client, run) == set():
                        record.silent[run] = f"run {run} of {record.accepted[run][0].path} waits, and does not say why"
                    else:
                        record.silent.pop(run, None)


async def _waits(client: httpx.AsyncClient, run: str) -> set[str] | None:
    """Return the codes for which a run waits: empty if it waits without a reason, None if it does not wait."""
    answer = await client.get(f"/api/v1/runs/{run}")
    if answer.is_error:
        return {answer.json()["error"]["code"]}
    shown = answer.json()
    codes = {each["code"] for each in (shown.get("wait"), *shown["waits"]) if each}
    parts = shown["nodes"] or [shown]
    if not codes and ("ended_at" in shown or any(each["status"] == "running" for each in parts)):
        return None
    return codes


@asynccontextmanager
async def people(house: House, record: Record) -> AsyncIterator[None]:
    """Decide all approvals while the block runs: reject each fifth, approve the others."""
    async with house.client() as client:
        task = asyncio.create_task(_answer_all(house, client, record))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _answer_all(house: House, client: httpx.AsyncClient, record: Record) -> None:
    answered: set[tuple[str, str]] = set()
    while True:
        asked = [(row["run"], row["node"]) for row in await house.ask(_ASKED)]
        paths = {row["id"]: row["path"] for row in await house.ask(_PATHS, [run for run, _ in asked])}
        new = [each for each in asked if each not in answered and paths.get(each[0], _NOBODY) != _NOBODY]
        decided = await asyncio.gather(*(_decide(client, record, *each, paths[each[0]]) for each in new[:_AT_ONCE]))
        answered |= {each for each, done in zip(new, decided, strict=False) if done}
        await asyncio.sleep(POLL_S)


async def _decide(client: httpx.AsyncClient, record: Record, run: str, name: str, path: str) -> bool:
    _, n = record.accepted.get(run, (None, 1))
    no = path.endswith("/asks") and n % REJECTED_EVERY == 0
    with suppress(httpx.TransportError):
        body = {"decision": "rejected" if no else "approved", "node": name}
        answer = await client.post(f"/api/v1/runs/{run}/consent", json=body)
        return answer.status_code in (200, 409)
    return False


async def look_for_doubles(house: House, record: Record) -> None:
    """Record the runs, nodes and events in history that occur twice."""
    for query in (_EVENTS_TWICE, _NODES_TWICE):
        record.doubled |= {row[0] for row in await house.ask(query)}


async def look_for_unasked(house: House, record: Record) -> None:
    """Record the runs whose ids no call received; call it while no calls are in progress."""
    record.doubled |= {row[0] for row in await house.ask(_UNASKED, list(record.accepted))}


async def until_empty(house: House, record: Record) -> None:
    """Wait until no run is in progress; runs that remain are stuck."""
    deadline = time.monotonic() + PATIENCE_S
    while (left := await house.ask(_LEFT)) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
    async with house.client() as client:
        for row in left:
            record.stuck.append(f"run {row['id']} of {row['path']}: {await why(client, row['id'])}")


def batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield parts of `size` items."""
    for at in range(0, len(items), size):
        yield items[at : at + size]


def print_record(record: Record) -> None:
    """Print the outcomes in a few lines."""
    print(json.dumps(record.summary() | {"starts": len(record.starts)}))
    for each in (*record.wrong, *record.doubled, *record.lost, *record.stuck, *record.silent.values()):
        print("   ", each)
