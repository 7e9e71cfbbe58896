"""SIGKILL of random processes, including sandboxes, under runs of loops, branches, retries and sub-workflows.

Every run has its expected result, and each node is recorded once. `SOAK_KILL_SECONDS` (600) sets the duration.
"""

from __future__ import annotations

import json
import os

import pytest
from tests.soak import faults, load
from tests.soak.definitions import Definition, code, flow, loop, node
from tests.soak.house import every, house
from tests.soak.load import Record

pytestmark = pytest.mark.soak(minutes=40)

SECONDS = float(os.environ.get("SOAK_KILL_SECONDS", "600"))
RATE = float(os.environ.get("SOAK_KILL_RATE", "2"))
"""Runs started per second."""

_SLOW = "import time\ndef main(n):\n    time.sleep(1)\n    return n + 1\n"
_RETRIED = (
    "import os, time\ndef main(n):\n    time.sleep(1)\n"
    "    assert os.environ['OV_FLOW_RETRY_COUNT'] != '0'\n    return n\n"
)
_ITEMS = "Array.from({length: 4}, (_, i) => i + flow_input.n)"
_BODY = [node("x", code(_SLOW, n="flow_input.iter.value")), node("y", code(_SLOW, n="results.x"))]
_BRANCHES = [{"modules": [node(f"b{at}", code(_SLOW, n=f"flow_input.n + {at}"))]} for at in range(3)]
_RETRY = {"constant": {"attempts": 2, "seconds": 1}}
SLOW = [
    Definition("u/admin/slow", lambda n: n + 1, script=_SLOW, share=20),
    Definition(
        "u/admin/slow_each",
        lambda n: [n + 2 + at for at in range(4)],
        flow(node("l", loop(_ITEMS, _BODY, parallel=True))),
        share=10,
    ),
    Definition(
        "u/admin/slow_branches",
        lambda n: [n + 1 + at for at in range(3)],
        flow(node("b", {"type": "branchall", "parallel": True, "branches": _BRANCHES})),
        share=10,
    ),
    Definition(
        "u/admin/slow_retried",
        lambda n: n,
        flow(node("a", code(_RETRIED, n="flow_input.n"), retry=_RETRY)),
        share=10,
    ),
]
"""Definitions slow enough that most kills interrupt a job."""

LEFT_OUT = {
    "u/admin/same_worker",  # fails by design if its worker is lost
    "u/admin/webhook",  # these two call the platform itself, which may be unavailable
    "u/admin/files",
}
MANY = {"ORVANTA_MAX_LOSSES": "20"}
"""Setting that allows for the number of kills that may hit one job by chance."""


async def test_random_processes_are_killed() -> None:
    record = Record()
    async with house("kills", settings=MANY) as home:
        await home.deploy(*SLOW)
        kinds = every([each for path, each in home.definitions.items() if path not in LEFT_OUT])
        async with home.client() as client:
            # A first compilation in Go takes a minute on a busy machine and would not survive kills every few seconds.
            for kind in {kind.path: kind for kind in kinds if kind.language == "go"}.values():
                await load.until_ended(client, record, await load.start(client, record, kind, 0))
        async with load.people(home, record), load.calls(home, record, kinds, RATE):
            killed = await faults.kills(home, SECONDS)
        await load.until_empty(home, record)
        await load.look_for_doubles(home, record)
        await load.look_for_unasked(home, record)
        losses = await home.value("SELECT coalesce(sum(losses), 0)::bigint FROM job")
        load.print_record(record)
        print(json.dumps({"seconds": SECONDS, "killed": dict(killed), "losses": losses}))
        assert SECONDS < 300 or (set(killed) == set(faults.ROLES) and losses > 0)
        assert (record.wrong, record.lost, record.stuck, record.doubled) == ([], [], [], set())
        assert home.doctor() == ""
