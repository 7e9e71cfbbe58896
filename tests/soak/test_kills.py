"""kill -9 at random processes, sandboxes included, under runs of loops, branches, retries and sub-workflows.

Every run gives what it should, and each node is recorded once. `SOAK_KILL_SECONDS` (600) is how long it goes on.
"""

from __future__ import annotations

import json
import os

import pytest
from tests.soak import blows, load
from tests.soak.house import every, house
from tests.soak.load import Record

pytestmark = pytest.mark.soak(minutes=40)

SECONDS = float(os.environ.get("SOAK_KILL_SECONDS", "600"))
RATE = float(os.environ.get("SOAK_KILL_RATE", "3"))
"""Runs that are started each second."""

LEFT_OUT = {
    "u/admin/same_worker",  # fails by design where its worker is lost
    "u/admin/webhook",  # call the platform itself, which may be away
    "u/admin/files",
}
MANY = {"ORVANTA_MAX_LOSSES": "20"}
"""So often by chance alone one job may be hit."""


async def test_random_processes_are_killed() -> None:
    record = Record()
    async with house("kills", settings=MANY) as home:
        kinds = every([each for path, each in home.definitions.items() if path not in LEFT_OUT])
        async with load.people(home, record), load.calls(home, record, kinds, RATE):
            killed = await blows.kills(home, SECONDS)
        await load.until_empty(home, record)
        await load.look_for_doubles(home, record)
        await load.look_for_unasked(home, record)
        losses = await home.value("SELECT coalesce(sum(losses), 0)::bigint FROM job")
        load.print_record(record)
        print(json.dumps({"seconds": SECONDS, "killed": dict(killed), "losses": losses}))
        assert set(killed) == set(blows.ROLES)
        assert (record.wrong, record.lost, record.stuck, record.doubled) == ([], [], [], set())
        assert home.doctor() == ""
