"""The kill table: one kill in each cell, with 20 runs in flight and a tenth of the real heartbeat and lease times.

The soak runs the same cells with 200 runs in flight and the real times. Only the soak runs the cells whose victim is
not involved at the crash point, and those at a point where the quick mode already kills the worker or the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from tests.chaos.cells import TABLE, FencedLender, FrozenLender, Kill, Stop
from tests.chaos.conftest import open_stage
from tests.chaos.decisions import Decide, DecideTogether
from tests.chaos.large import LARGE_TABLE, Erased, Uploaded
from tests.chaos.runs import Verdict
from tests.chaos.stage import A_TENTH, Stage
from tests.chaos.table import print_table
from tests.chaos.ticking import TICKS_TABLE, Tick
from tests.chaos.waiting import Continue, Join

pytestmark = pytest.mark.extended

MODES = [pytest.param("quick", id="20 in flight"), pytest.param("soak", id="200 in flight", marks=pytest.mark.soak)]
IN_FLIGHT = {"quick": 20, "soak": 200}
SLOTS = {"quick": 12, "soak": 110}
"""Slots of each of the two workers; their total exceeds the number of runs, so that finished jobs hand off the next."""

DECISIONS = [Decide("decision left"), Decide("decision against its deadline", brief=True)]
DECISIONS_TOGETHER = [DecideTogether("server"), DecideTogether("PostgreSQL"), DecideTogether("backend")]

RECOVERY_S = 15.0

APART = {
    *(f"{when}, server" for when in ("after claim", "process started", "before the first user line", "result read")),
    *(f"{when}, worker's process" for when in ("process started", "before the first user line", "result read")),
    *(f"{when}, server" for when in ("user code running", "handed-off job not started")),
    *(
        f"{when}, PostgreSQL"
        for when in ("process started", "before the first user line", "handed-off job not started")
    ),
    *(
        f"{when}, worker's process"
        for when in ("claim's COMMIT sent", "after claim", "committed, not notified", "beat late")
    ),
    *(
        f"{when}, worker's process"
        for when in ("handed-off job not started", "while reaping", "object uploaded, not committed")
    ),
    *(
        f"{when}, PostgreSQL"
        for when in ("after claim", "result read", "log uploaded, not named", "permit given, COMMIT not sent")
    ),
    *(f"{when}, PostgreSQL" for when in ("beat late", "committed, not notified", "tick taken, its run not begun")),
    *(f"assigned, not notified, {victim}" for victim in ("worker's process", "PostgreSQL")),
    *(f"assigned job not started, {victim}" for victim in ("worker's process", "server")),
    *(str(Join()), str(DECISIONS[0])),
}
CELLS = [
    pytest.param(cell, id=str(cell), marks=[pytest.mark.soak] if str(cell) in APART else [])
    for cell in [*TABLE, *DECISIONS, *DECISIONS_TOGETHER, Continue(), Join(), *TICKS_TABLE, *LARGE_TABLE]
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=MODES)
async def mode(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    yield request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(mode: str) -> AsyncIterator[Stage]:
    async with open_stage(SLOTS[mode], A_TENTH if mode == "quick" else {}) as made:
        yield made


@pytest.fixture(scope="module")
def table(mode: str) -> Iterator[dict[str, Verdict]]:
    found: dict[str, Verdict] = {}
    yield found
    print_table(found)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("cell", CELLS)
async def test_kill_neither_loses_nor_duplicates(
    cell: Kill
    | Stop
    | FencedLender
    | FrozenLender
    | Decide
    | DecideTogether
    | Continue
    | Join
    | Tick
    | Uploaded
    | Erased,
    stage: Stage,
    table: dict[str, Verdict],
    mode: str,
) -> None:
    verdict = table[str(cell)] = await cell.play(stage, IN_FLIGHT[mode])
    assert verdict.runs >= IN_FLIGHT[mode]
    assert verdict.wrong == []
    assert verdict.doubles == []
    assert verdict.lost == []
    if mode == "soak":
        assert verdict.recovery_s <= RECOVERY_S
