"""Callers that start runs of a workflow while something fails, and wait for the result of each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from time import monotonic
from typing import Any

import asyncpg
import httpx
from tests.installation import PATIENCE_S
from tests.polling import POLL_S

W = "/api/w/main"
PATH = "f/topologies/double_twice"
CALLERS = 20

_CODE = "import time\ndef main(n: int) -> int:\n    time.sleep(PAUSE)\n    return 2 * n\n"
_NODE = {"type": "rawscript", "language": "python3", "content": _CODE}
_FLOW = {
    "modules": [
        {"id": "first", "value": {**_NODE, "input_transforms": {"n": {"type": "javascript", "expr": "flow_input.n"}}}},
        {
            "id": "second",
            "value": {**_NODE, "input_transforms": {"n": {"type": "javascript", "expr": "results.first"}}},
        },
    ]
}
_TEXT = 1 << 20
_LARGE = f"def main(n: int) -> dict[str, object]:\n    return {{'n': 2 * n, 'text': 'x' * {_TEXT}}}\n"
_UNAVAILABLE = (502, 503, 504)
_CALL_S = 30.0
"""Time limit of one call, after which it is repeated: one that is lost must not take the patience with the run."""
_IDS = "SELECT id FROM run WHERE path = $1 UNION SELECT id FROM run_live WHERE path = $1"


async def deploy(client: httpx.AsyncClient, pause_s: float = 0, path: str = PATH, *, large: bool = False) -> None:
    """Deploy the workflow of the runs, whose two nodes wait for this time in seconds.

    `large`: the result of the first node is too large for the database.
    """
    value = json.loads(json.dumps(_FLOW).replace("PAUSE", str(pause_s)))
    if large:
        first, second = value["modules"]
        first["value"]["content"] = _LARGE
        second["value"]["input_transforms"]["n"]["expr"] = "results.first.n"
    made = await client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": value})
    assert made.status_code == 201, made.text


@dataclass
class Calls:
    """Calls that start runs: the argument of each run by id, and the times of the responses in seconds."""

    wanted: int = 1_000_000
    waits: bool = False
    """True: each caller waits for the result before it starts the next run."""
    accepted: dict[str, int] = field(default_factory=dict)
    _times: list[float] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _callers: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self, client: httpx.AsyncClient, callers: int = CALLERS) -> None:
        """Start runs by this number of concurrent callers."""
        self._callers = [asyncio.create_task(self._start_runs(client)) for _ in range(callers)]

    async def finish(self) -> None:
        """Wait until all runs that were begun are accepted."""
        await asyncio.gather(*self._callers)

    async def _start_runs(self, client: httpx.AsyncClient) -> None:
        """Start runs until all are accepted; repeat a call that fails, with the same key."""
        while (n := next(self._numbers)) < self.wanted:
            while not await self._start_run(client, n):
                await asyncio.sleep(POLL_S)

    def stop(self) -> None:
        """Start no more runs than those that were begun."""
        self.wanted = next(self._numbers)

    async def _start_run(self, client: httpx.AsyncClient, n: int) -> bool:
        try:
            answer = await client.post(
                f"{W}/jobs/run/f/{PATH}", json={"n": n}, headers={"Idempotency-Key": str(n)}, timeout=_CALL_S
            )
        except httpx.TransportError:
            return False
        if answer.status_code == 201:
            self.accepted[answer.text] = n
            self._times.append(monotonic())
            if self.waits:
                assert await _result(client, answer.text) == 4 * n, answer.text
            return True
        assert answer.status_code in _UNAVAILABLE, answer.text
        return False

    async def until_more(self, number: int) -> None:
        """Wait until `number` more runs are accepted."""
        await self.until_accepted(len(self.accepted) + number)

    async def until_accepted(self, number: int) -> None:
        """Wait until `number` runs are accepted. Raises the error of a caller that failed."""
        while len(self.accepted) < number:
            for caller in self._callers:
                if caller.done():
                    caller.result()
            await asyncio.sleep(POLL_S)

    async def forget_lost(self, client: httpx.AsyncClient, lost: set[str]) -> None:
        """Remove accepted runs that the database has lost; check that calls for them return 404."""
        for run in lost:
            answer = await client.get(f"{W}/jobs_u/completed/get_result_maybe/{run}")
            assert answer.status_code == 404, answer.text
            del self.accepted[run]
        self.wanted -= len(lost)

    async def check(self, client: httpx.AsyncClient, database_url: str) -> None:
        """Wait for all results; check that no run is lost, wrong or doubled. Prints how long no run was accepted."""
        for run, n in self.accepted.items():
            assert await _result(client, run) == 4 * n, run
        found = await stored(database_url)
        unknown = found - self.accepted.keys()
        assert not unknown and len(self.accepted) == self.wanted, (unknown, len(self.accepted), self.wanted)
        longest = max(later - earlier for earlier, later in pairwise(self._times))
        print(f"{self.wanted} runs, longest time without an accepted run {longest:.1f} s")


async def stored(database_url: str) -> set[str]:
    """Return the ids of the runs in the database."""
    connection = await asyncpg.connect(database_url)
    try:
        return {str(row["id"]) for row in await connection.fetch(_IDS, PATH)}
    finally:
        await connection.close()


async def _result(client: httpx.AsyncClient, run: str) -> Any:
    deadline = monotonic() + PATIENCE_S
    while True:
        assert monotonic() < deadline, run
        try:
            path = f"{W}/jobs_u/completed/get_result_maybe/{run}"
            answer = await client.get(path, params={"timeout": 1}, timeout=_CALL_S)
        except httpx.TransportError:
            await asyncio.sleep(POLL_S)
            continue
        if answer.status_code == 200 and answer.json()["completed"]:
            assert answer.json()["success"], answer.text
            return answer.json()["result"]
        assert answer.status_code in (200, *_UNAVAILABLE), answer.text
        await asyncio.sleep(POLL_S)
