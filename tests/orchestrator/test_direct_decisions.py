"""Decisions by the fast path: they share statements, and whatever happens meanwhile is left to the slow path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job, on

from orvanta_platform.control.actor import Role
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.errors import Conflict, NotFound, OrvantaError
from orvanta_platform.orchestrator import decision_batches
from orvanta_platform.services.approvals import decisions, direct_decisions
from orvanta_platform.services.approvals.decisions import DecisionOutcome

pytestmark = pytest.mark.every_postgres

COUNT = 40
ASK: dict[str, Any] = {"id": "ask", "value": {"type": "approval", "timeout": 60}, "needs": []}
AFTER = (job("yes", on("ask", "approved")), job("no", on("ask", "rejected")))
OTHER = replace(ACTOR, username="bob", email="bob@example.com")

ROWS_OF_RUN = """\
SELECT (SELECT to_jsonb(r) - '{id,root,created_at,scheduled_at,started_at,ended_at,seed,result_of}'::text[]
        FROM run r WHERE r.id = d.run) AS run,
       (SELECT to_jsonb(l) - '{id,root,created_at,scheduled_at,started_at,seed}'::text[]
        FROM run_live l WHERE l.id = d.run) AS live,
       to_jsonb(d) - '{job,run,resume_id,seq,at}'::text[] AS decision,
       (SELECT to_jsonb(a) - '{id,at,xid,parameters}'::text[] || (a.parameters - '{run,job}'::text[])
        FROM audit a WHERE a.operation = 'approvals.decide' AND a.parameters ->> 'run' = d.run::text) AS audit,
       (SELECT jsonb_agg(to_jsonb(j) - '{id,run,enqueued_at,started_at,ended_at}'::text[] ORDER BY j.node_index)
        FROM job j WHERE j.run = d.run) AS jobs,
       (SELECT jsonb_agg(to_jsonb(j) - '{id,run,seq,enqueued_at}'::text[]) FROM job_live j
        WHERE j.run = d.run) AS queued,
       (SELECT replace(jsonb_agg(to_jsonb(e) - '{run,seq,at}'::text[] ORDER BY e.seq)::text,
                       to_char(d.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'time of decision')
        FROM event e WHERE e.run = d.run) AS events,
       (SELECT replace(convert_from(v.body, 'UTF8'),
                       to_char(d.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'time of decision')
        FROM value v WHERE v.id = d.job AND v.kind = 'result') AS result,
       (SELECT count(*) FROM approval a WHERE a.run = d.run) AS approvals,
       (SELECT count(*) FROM notice n WHERE n.run = d.run) AS notices,
       (SELECT count(*) FROM timer t WHERE t.run = d.run) AS timers,
       (SELECT count(*) FROM inbox i WHERE i.run = d.run) AS events_left
FROM decision d
WHERE d.run = $1
"""


class Recorder:
    """Records the steps that the fast path sends; `before` is called with each batch, `after` once it is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[StepWrite]] = []
        self.written: list[set[int]] = []
        self.before: Callable[[], Awaitable[object]] | None = None
        self.after: Callable[[], Awaitable[object]] | None = None
        monkeypatch.setattr(decision_batches, "write_steps", self._write)

    async def _write(self, connection: Any, steps: Sequence[StepWrite]) -> set[int]:
        self.batches.append([*steps])
        before, self.before = self.before, None
        if before is not None:
            await before()
        self.written.append(await write_steps(connection, steps))
        if self.after is not None:
            await self.after()
        return self.written[-1]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


async def decide(core: CoreHarness, run: UUID, *, approved: bool = True, **options: Any) -> DecisionOutcome:
    actor = options.pop("actor", ACTOR)
    return await decisions.decide(core.platform, actor, WORKSPACE, run, approved=approved, **options)


async def nodes(core: CoreHarness, run: UUID) -> set[str]:
    return {row["node"] for row in await core.rows("SELECT node FROM job_live WHERE run = $1", run)}


async def audited(core: CoreHarness) -> int:
    return len(await core.rows("SELECT FROM audit WHERE operation = 'approvals.decide'"))


async def is_left_to_slow_path(*_: object) -> None:
    return None


FLOWS: dict[str, tuple[dict[str, Any], ...]] = {
    "last node": (ASK,),
    "next nodes": (ASK, *AFTER),
    "two approvals": ({**ASK, "value": {**ASK["value"], "required_approvals": 2}}, *AFTER),
    "notifications": (
        {**ASK, "value": {**ASK["value"], "notify": [{"channel": "webhook", "resource": "u/ann/hook"}]}},
        *AFTER,
    ),
}


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("flow", FLOWS)
async def test_fast_path_writes_the_same_rows_as_slow_path(
    core: CoreHarness, sent: Recorder, monkeypatch: pytest.MonkeyPatch, flow: str, approved: bool
) -> None:
    runs = [await core.start(*FLOWS[flow]) for _ in range(2)]
    options: dict[str, Any] = {"approved": approved, "payload": b'{"n": 1}', "reason": "because"}
    outcomes = [await decide(core, runs[0], **options)]
    assert len(sent.written) == 1 and sent.written[0] == {0}
    monkeypatch.setattr(direct_decisions, "attempt", is_left_to_slow_path)
    outcomes.append(await decide(core, runs[1], **options))
    assert len(sent.written) == 1
    assert {(each.first, each.approved, each.approver) for each in outcomes} == {(True, approved, ACTOR.username)}
    of_fast, of_slow = [dict(await core.row(ROWS_OF_RUN, run)) for run in runs]
    assert of_fast == of_slow
    assert of_fast["audit"] is not None and of_fast["events_left"] == 0
    assert json.loads(of_fast["decision"])["taken"] is True
    await core.is_whole()


@pytest.mark.parametrize("approved", [True, False])
async def test_suspended_node_is_decided_by_fast_path(
    core: CoreHarness, sent: Recorder, monkeypatch: pytest.MonkeyPatch, approved: bool
) -> None:
    worker = await core.worker()
    runs = [await core.start(job("a", suspend={}), job("b", "a")) for _ in range(2)]
    for first in await worker.claim():
        await worker.finish(first, 1)
    await decide(core, runs[0], approved=approved, payload=b'{"n": 1}')
    assert sent.written == [{0}]
    monkeypatch.setattr(direct_decisions, "attempt", is_left_to_slow_path)
    await decide(core, runs[1], approved=approved, payload=b'{"n": 1}')
    of_fast, of_slow = [dict(await core.row(ROWS_OF_RUN, run)) for run in runs]
    for rows in (of_fast, of_slow):
        del rows["jobs"]  # with the times of their attempts
    assert of_fast == of_slow and (await nodes(core, runs[0]) == {"b"}) is approved
    await core.is_whole()


async def test_decisions_that_arrive_together_share_statements(core: CoreHarness, sent: Recorder) -> None:
    runs = [await core.start(ASK, *AFTER) for _ in range(COUNT)]
    outcomes = await asyncio.gather(*(decide(core, run, approved=n % 2 == 0) for n, run in enumerate(runs)))
    assert all(each.first for each in outcomes)
    assert sum(map(len, sent.written)) == COUNT and len(sent.batches) < COUNT / 2
    for n, run in enumerate(runs):
        assert await nodes(core, run) == ({"yes"} if n % 2 == 0 else {"no"})
    assert len(await core.rows("SELECT FROM decision WHERE taken")) == COUNT == await audited(core)
    await core.is_whole()


async def test_one_of_concurrent_decisions_about_a_run_wins(core: CoreHarness) -> None:
    runs = [await core.start(ASK, *AFTER) for _ in range(10)]
    calls = [(run, n % 2 == 0, (ACTOR, OTHER)[n % 2]) for run in runs for n in range(4)]
    outcomes = await asyncio.gather(
        *(decide(core, run, approved=approved, actor=actor) for run, approved, actor in calls), return_exceptions=True
    )
    for run in runs:
        won = [call for call, outcome in zip(calls, outcomes, strict=True)
               if call[0] == run and isinstance(outcome, DecisionOutcome) and outcome.first]  # fmt: skip
        assert len(won) == 1
        assert await nodes(core, run) == ({"yes"} if won[0][1] else {"no"})
        assert len(await core.rows("SELECT FROM decision WHERE run = $1 AND taken", run)) == 1
    assert all(isinstance(each, DecisionOutcome | Conflict) for each in outcomes), outcomes
    assert len(await core.rows("SELECT FROM decision")) == await audited(core)
    await core.is_whole()


@pytest.mark.parametrize("required", [1, 2])
async def test_decision_of_another_process_meanwhile_is_counted_first(
    core: CoreHarness, sent: Recorder, monkeypatch: pytest.MonkeyPatch, required: int
) -> None:
    """A decision that was recorded, but not counted, between the read and the write of the fast path precedes it."""
    ask = {**ASK, "value": {**ASK["value"], "required_approvals": required}}
    run = await core.start(ask, *AFTER)

    async def record() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(direct_decisions, "attempt", is_left_to_slow_path)
            patch.setattr(decisions, "advance", dies)
            with pytest.raises(ConnectionResetError):
                await decide(core, run, approved=required == 2, actor=OTHER)

    async def dies(*_: object) -> None:
        raise ConnectionResetError

    sent.before = record
    if required == 1:
        with pytest.raises(Conflict):
            await decide(core, run)
    else:
        assert (await decide(core, run)).first
    assert sent.written == [set()]
    assert await nodes(core, run) == ({"no"} if required == 1 else {"yes"})
    counted = await core.rows("SELECT account FROM decision WHERE taken ORDER BY seq")
    assert [row["account"] for row in counted] == [OTHER.email, ACTOR.email][:required]
    await core.is_whole()


async def test_cancelled_run_is_not_decided(core: CoreHarness, sent: Recorder) -> None:
    run = await core.start(ASK, *AFTER)
    sent.before = lambda: core.cancel(run)
    with pytest.raises(Conflict):
        await decide(core, run)
    assert sent.written == [set()] and (await core.ended(run))["status"] == "cancelled"
    assert await core.rows("SELECT FROM decision") == [] and await audited(core) == 0
    await core.is_whole()


@pytest.mark.parametrize("flow", ["last node", "next nodes", "two approvals"])
async def test_decision_without_answer_is_recorded_once(core: CoreHarness, sent: Recorder, flow: str) -> None:
    """The connection is lost after the COMMIT: the caller learns that its decision counts."""
    run = await core.start(*FLOWS[flow])

    async def lose() -> None:
        raise asyncpg.ConnectionDoesNotExistError

    sent.after = lose
    outcome = await decide(core, run)
    assert outcome.first and sent.written == [{0}]
    stored = await core.row("SELECT resume_id, taken FROM decision")
    assert (stored["resume_id"], stored["taken"]) == (outcome.resume_id, True)
    assert await audited(core) == 1
    await core.is_whole()


async def test_decision_without_answer_is_not_one_about_the_next_approval(core: CoreHarness, sent: Recorder) -> None:
    second = {**ASK, "id": "second", "needs": ["b"]}
    run = await core.start(ASK, job("b", on("ask", "approved")), second, job("c", on("second", "approved")))

    async def next_opens() -> None:
        sent.after = None
        worker = await core.worker()
        await worker.finish((await worker.claim())[0])
        assert await core.rows("SELECT FROM approval WHERE node = 'second'")
        raise asyncpg.ConnectionDoesNotExistError

    sent.after = next_opens
    assert (await decide(core, run)).first
    assert [row["taken"] for row in await core.rows("SELECT taken FROM decision")] == [True]
    assert await core.rows("SELECT FROM approval WHERE node = 'second'") and not await nodes(core, run)
    await core.is_whole()


async def test_decision_without_answer_of_approver_who_cannot_read_the_run(core: CoreHarness, sent: Recorder) -> None:
    bob = replace(ACTOR, username="bob", email="bob@example.com", role=Role.OPERATOR, super_admin=False)
    run = await core.start({**ASK, "value": {**ASK["value"], "approvers": ["u/bob"]}}, *AFTER)

    async def lose() -> None:
        raise asyncpg.ConnectionDoesNotExistError

    sent.after = lose
    assert (await decide(core, run, actor=bob)).first and sent.written == [{0}]
    await core.is_whole()


async def test_decision_whose_batch_was_not_written_is_made_by_slow_path(core: CoreHarness, sent: Recorder) -> None:
    run = await core.start(ASK, *AFTER)

    async def lose() -> None:
        raise asyncpg.ConnectionDoesNotExistError

    sent.before = lose
    assert (await decide(core, run)).first
    assert await nodes(core, run) == {"yes"} and await audited(core) == 1
    await core.is_whole()


async def test_rejected_decision_fails_alone(core: CoreHarness) -> None:
    """The database rejects a NUL in one payload; decisions of the same batch are recorded."""
    runs = [await core.start(ASK, *AFTER) for _ in range(COUNT)]
    outcomes = await asyncio.gather(
        *(decide(core, run, payload=b'{"a": "\0"}' if n == 7 else b"{}") for n, run in enumerate(runs)),
        return_exceptions=True,
    )
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
    assert failed == [7], outcomes
    assert await nodes(core, runs[7]) == set() and len(await core.rows("SELECT FROM approval")) == 1
    assert len(await core.rows("SELECT FROM decision WHERE taken")) == COUNT - 1 == await audited(core)
    await core.is_whole()


@pytest.mark.parametrize(
    ("actor", "error"),
    [
        (replace(ACTOR, username="eve", email="eve@example.com", role="viewer"), OrvantaError),
        (replace(ACTOR, scopes=("jobs:run:f/other/*",)), OrvantaError),
        (replace(ACTOR, workspace="elsewhere"), NotFound),
    ],
    ids=["viewer", "scope", "workspace"],
)
async def test_refused_caller_sends_nothing(
    core: CoreHarness, sent: Recorder, actor: Any, error: type[OrvantaError]
) -> None:
    run = await core.start(ASK, *AFTER)
    with pytest.raises(error):
        await decide(core, run, actor=actor)
    assert sent.batches == [] and await core.rows("SELECT FROM decision") == []
    assert await nodes(core, run) == set()


SLOW: dict[str, tuple[dict[str, Any], ...]] = {
    "loop": (ASK, {"id": "loop", "needs": ["ask"], "value": {
        "type": "forloopflow", "iterator": {"type": "static", "value": [1]}, "modules": [job("in")]}}),
    "two approvals open": (ASK, {**ASK, "id": "too"}),
    "next approval": (ASK, {**ASK, "id": "too", "needs": ["ask"]}),
    "own runs are decided by others": ({**ASK, "value": {**ASK["value"], "self_approval": False}},),
}  # fmt: skip


@pytest.mark.parametrize("flow", SLOW)
async def test_run_that_needs_its_lock_takes_slow_path(core: CoreHarness, sent: Recorder, flow: str) -> None:
    run = await core.start(*SLOW[flow])
    actor = ACTOR if flow != "own runs are decided by others" else OTHER
    assert (await decide(core, run, node="ask", actor=actor)).first
    assert sent.batches == [] and await audited(core) == 1
    await core.is_whole()
