"""Starts of runs that share a statement: each run is inserted as it would be alone, and a rejected one fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness

from orvanta_platform.db.starts import NewStart, start_runs
from orvanta_platform.ids import new_run_id
from orvanta_platform.orchestrator import run_starts
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview

pytestmark = pytest.mark.every_postgres

COUNT = 60

ROWS_OF_RUN = """\
SELECT to_jsonb(r) - '{id,root,created_at,scheduled_at,seed}'::text[] AS run,
       (SELECT to_jsonb(j) - '{id,run,seq,enqueued_at}'::text[] FROM job_live j WHERE j.run = r.id) AS job,
       (SELECT to_jsonb(v) - '{id}'::text[] FROM value v WHERE v.id = r.id) AS args,
       (SELECT to_jsonb(a) - '{id,at,xid,parameters}'::text[] FROM audit a WHERE a.parameters ->> 'run' = r.id::text)
           AS audit,
       (SELECT to_jsonb(p) FROM pin_set p WHERE p.hash = r.pin_set) AS pins,
       (SELECT to_jsonb(d) FROM document d WHERE d.hash = r.document) AS document
FROM run_live r
WHERE id = ANY ($1)
ORDER BY document
"""


class Recorder:
    """Records the batches that are sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[NewStart]] = []
        monkeypatch.setattr(run_starts, "start_runs", self._start_runs)

    async def _start_runs(self, connection: Any, starts: list[NewStart]) -> set[UUID]:
        self.batches.append(starts)
        return await start_runs(connection, starts)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


async def start(core: CoreHarness, number: int = 0, *, scopes: list[str] | None = None) -> UUID:
    """Start a run of a script of its own; scripts with an odd number have a lock, and so a pin set."""
    preview = ScriptPreview(f"# {number}", "bash", lock="" if number % 2 == 0 else None, flow_path="f/a/b")
    actor = ACTOR if scopes is None else replace(ACTOR, scopes=tuple(scopes))
    return await runs.start_preview(core.platform, actor, WORKSPACE, preview, b'{"n": %d}' % number, RunOptions())


async def test_runs_that_arrive_together_share_a_statement(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Recorder(monkeypatch)
    await start(core)
    assert sent.sizes == [1]
    ids = await asyncio.gather(*(start(core, n % 4) for n in range(COUNT)))
    assert sum(sent.sizes) == COUNT + 1 and max(sent.sizes) > 1
    assert len(await core.rows("SELECT id FROM run_live WHERE id = ANY ($1)", ids)) == COUNT
    assert len(await (await core.worker()).claim(COUNT + 1)) == COUNT + 1
    await core.is_whole()


@pytest.mark.parametrize(
    "scopes", [None, ["jobs:preview"], ["jobs:run:f/a,b", 'jobs:*:f/"x\\y"', "jobs:preview", "jobs:read"]]
)
async def test_batch_inserts_the_same_rows_as_single_statements(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch, scopes: list[str] | None
) -> None:
    sent = Recorder(monkeypatch)
    alone = [await start(core, n, scopes=scopes) for n in range(4)]
    starts = [with_id(each) for [each] in sent.batches]
    assert await asyncio.gather(*map(core.platform.starts.submit, starts)) == ["enqueued"] * 4
    assert sent.sizes == [1, 1, 1, 1, 4]
    together = [each.run.id for each in starts]
    of_single, of_batch = [await core.rows(ROWS_OF_RUN, ids) for ids in (alone, together)]
    assert [dict(row) for row in of_batch] == [dict(row) for row in of_single]
    assert all(row["job"] and row["args"] and row["audit"] and row["document"] for row in of_batch)


async def test_empty_scopes_stay_empty(core: CoreHarness) -> None:
    """A run without scopes has all permissions of its member, one with an empty list has none."""
    model = await model_start(core)
    starts = [with_id(replace(model, run=replace(model.run, scopes=[]))) for _ in range(3)]
    for submitted in (starts[:1], starts[1:]):
        assert await asyncio.gather(*map(core.platform.starts.submit, submitted)) == ["enqueued"] * len(submitted)
    rows = await core.rows("SELECT scopes FROM run_live WHERE id = ANY ($1)", [each.run.id for each in starts])
    assert [row["scopes"] for row in rows] == [[]] * 3


REJECTED: dict[str, Callable[[NewStart, NewStart], NewStart]] = {
    "id of a live run": lambda start, live: with_id(start, live.run.id),
    "audit": lambda start, live: replace(start, audit=replace(start.audit, action_kind="Nonsense")),
    "nul": lambda start, live: replace(start, run=replace(start.run, path="a\0b")),
    "overflow": lambda start, live: replace(start, run=replace(start.run, priority=1 << 40)),
}


@pytest.mark.parametrize("why", REJECTED)
async def test_rejected_start_fails_alone(core: CoreHarness, why: str) -> None:
    model = await model_start(core)
    starts = [with_id(model) for _ in range(COUNT)]
    starts[COUNT // 3] = REJECTED[why](starts[COUNT // 3], model)
    done = await asyncio.gather(*map(core.platform.starts.submit, starts), return_exceptions=True)
    failed = [n for n, result in enumerate(done) if isinstance(result, BaseException)]
    assert failed == [COUNT // 3], done
    assert isinstance(done[COUNT // 3], asyncpg.PostgresError | asyncpg.InterfaceError)
    assert [result for n, result in enumerate(done) if n != COUNT // 3] == ["enqueued"] * (COUNT - 1)
    assert len(await core.rows("SELECT id FROM run_live")) == COUNT
    assert len(await core.rows("SELECT id FROM audit WHERE operation = 'jobs.run'")) == COUNT
    await core.is_whole()


async def test_outcome_of_lost_batch_is_found_for_each_run(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to the COMMIT of a batch is lost: each run exists once, also one that has ended meanwhile."""

    async def unanswered(connection: Any, starts: list[NewStart]) -> set[UUID]:
        assigned = await start_runs(connection, starts)
        if len(starts) > 1:
            lost.append(len(starts))
            (job,) = await worker.claim(1)
            await worker.finish(job, 1)
            raise asyncpg.ConnectionDoesNotExistError
        return assigned

    lost: list[int] = []
    worker = await core.worker()
    monkeypatch.setattr(run_starts, "start_runs", unanswered)
    ids = await asyncio.gather(*(start(core) for _ in range(8)))
    live = [row["id"] for row in await core.rows("SELECT id FROM run_live")]
    ended = [row["id"] for row in await core.rows("SELECT id FROM run")]
    assert sorted([*live, *ended]) == sorted(ids) and len(ended) == len(lost) > 0
    assert len(await core.rows("SELECT id FROM audit WHERE operation = 'jobs.run'")) == 8
    await core.is_whole()


async def test_batch_without_answer_delays_no_other(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = asyncio.Event()
    waiting = [True]

    async def slow(connection: Any, starts: list[NewStart]) -> set[UUID]:
        if waiting:
            waiting.pop()
            await answered.wait()
        return await start_runs(connection, starts)

    monkeypatch.setattr(run_starts, "start_runs", slow)
    first = asyncio.create_task(start(core))
    while waiting:
        await asyncio.sleep(0)
    others = await asyncio.gather(*(start(core) for _ in range(5)))
    assert not first.done()
    answered.set()
    assert len({await first, *others}) == 6
    await core.is_whole()


async def model_start(core: CoreHarness) -> NewStart:
    """Start a run, and return its insertion."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        sent = Recorder(monkeypatch)
        await start(core)
    return sent.batches[0][0]


def with_id(start: NewStart, id: UUID | None = None) -> NewStart:
    """Return the insertion of another run."""
    id = id or new_run_id()
    step = replace(
        start.step,
        run=id,
        jobs=[replace(job, id=id) for job in start.step.jobs],
        values=[replace(value, id=id) for value in start.step.values],
    )
    parameters = start.audit.parameters
    assert parameters is not None
    audit = replace(start.audit, parameters=parameters.replace(str(start.run.id), str(id)))
    return replace(start, run=replace(start.run, id=id, root=id), step=step, audit=audit)
