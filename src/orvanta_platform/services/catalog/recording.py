"""Recording of tests: a run that ended is played again with its stored values, which become the answers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from orvanta_platform.control import identity
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import approvals as approval_rows
from orvanta_platform.db import values as value_rows
from orvanta_platform.db import workflow_tests as rows
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.values import ValueKey
from orvanta_platform.db.workflow_tests import RecordedRow
from orvanta_platform.engine.events import Event
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import RunState
from orvanta_platform.errors import BadRequest, NotFound, OrvantaError, TooLarge
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.ids import opening_id
from orvanta_platform.orchestrator import values, wait_outcomes
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.orchestrator.dry_runs import Recording
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.orchestrator.playback import play
from orvanta_platform.orchestrator.playback_types import Execution, ExecutionKey, Played, RecordedOutcome
from orvanta_platform.orchestrator.recorded_answers import error_of
from orvanta_platform.orchestrator.recorded_tests import run_row
from orvanta_platform.orchestrator.view import ERROR
from orvanta_platform.services.catalog import deploy
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, virtual_jobs
from orvanta_platform.services.runs import present_paths
from orvanta_platform.services.secrets import resources, variables
from orvanta_platform.workflow.mask import MASK
from orvanta_platform.workflow.playback.document import (
    MAX_SIZE,
    AnswerDecision,
    Expect,
    Expectation,
    NodeExpectation,
    RecordedAnswer,
    WorkflowTest,
    check_size,
    key_of,
)

_OF_THE_WHOLE: Final = ("Timeout", "Canceled")
"""Errors with which a container fails although nothing inside of it does."""

MAX_JOBS: Final = 5_000
"""Maximum number of jobs and nodes of a run that a test is recorded from."""

MAX_CALLS: Final = 100
"""Maximum number of runs of sub-workflows whose answers are recorded."""

_ANSWERED: Final = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.WEBHOOK, Kind.FLOW})
"""Kinds of nodes whose results are recorded; those of others are computed."""


async def record(platform: Platform, actor: Actor, workspace: str, id: UUID) -> tuple[str, WorkflowTest]:
    """Return the path of a run's workflow, and a test with the answers and the result of the run.

    The actor must be able to read the run and to change the workflow. Raises NotFound, Forbidden, BadRequest for runs
    that cannot be recorded, TooLarge, RateLimited.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        path = await present_paths.of_workflow(conn, workspace, row.run_path, row.version, actor)
        if row.is_flow and row.run_path is not None:
            await deploy.require_write(conn, actor, workspace, "flow", path)
        row = await _recordable(conn, row)
    if row.run_path is None:
        raise _not_recordable()
    async with platform.turns.take("tests", workspace, actor.email):
        return path, await of_run(platform, actor, row)


async def record_answers(platform: Platform, actor: Actor, workspace: str, id: UUID) -> Recording:
    """Return the answers of a run that the actor may read, and of the runs of its sub-workflows that it may read.

    Raises NotFound, BadRequest for runs that cannot be recorded, TooLarge, RateLimited.
    """
    async with platform.db.acquire() as conn:
        row = await _recordable(conn, await jobs.get_readable(platform, conn, actor, workspace, id))
    async with platform.turns.take("tests", workspace, actor.email):
        made = await _recording_of(platform, actor, row, [MAX_CALLS])
    if len(msgspec.json.encode(made)) > MAX_SIZE:
        raise _too_large()
    return made


async def _recordable(conn: Connection, row: JobRow) -> JobRow:
    """Return the run with its details. Raises BadRequest if it cannot be recorded."""
    if not row.is_flow or not row.ended or row.cancelled or row.trigger == jobs.DRY_RUN:
        raise _not_recordable()
    (row,) = await jobs.add_details(conn, [row])
    if row.erased:
        raise BadRequest("The data of the run was erased.", hint="Select another run.")
    if row.run_state is not None and RunState.decode(row.run_state).reused is not None:
        raise BadRequest("The run reuses results of another run.", hint="Select a run that was not restarted.")
    return row


def _not_recordable() -> BadRequest:
    return BadRequest(
        "A test is recorded from a run of a stored workflow that succeeded or failed.",
        hint="Wait until the run has ended, or select another one.",
    )


async def of_run(platform: Platform, actor: Actor, row: JobRow) -> WorkflowTest:
    """Return a test with the answers and the result of a run that ended. Raises BadRequest, TooLarge."""
    try:
        played = await _play(platform, actor, row)
        return await run_in_thread(row.workspace, _test, row, played)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The run has a value that cannot be part of a test: {error}.") from error


async def _recording_of(platform: Platform, actor: Actor, row: JobRow, calls_left: list[int]) -> Recording:
    """Return the answers of a run and of those that it calls. `calls_left`: how many more of these are recorded."""
    try:
        replay = await _play(platform, actor, row)
        made = Recording(await run_in_thread(row.workspace, _answers, replay.played, replay.source))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The run has a value that cannot be played: {error}.") from error
    for each in replay.played.executions.values():
        key = each.key
        if key.node.kind is not Kind.FLOW or calls_left[0] == 0:
            continue
        calls_left[0] -= 1
        called = child_id(row.run, opening_id(row.run, key.id, key.attempt))
        with contextlib.suppress(NotFound, BadRequest):
            async with platform.db.acquire() as conn:
                inner = await jobs.get_readable(platform, conn, actor, row.workspace, called)
                inner = await _recordable(conn, inner)
            recorded = await _recording_of(platform, actor, inner, calls_left)
            made.calls[key_of(key.node.id, key.iterations)] = recorded
    return made


class _Replay(msgspec.Struct, frozen=True):
    """A run that was played again with its stored values."""

    inputs: bytes
    result: bytes
    played: Played
    source: _RunAnswers
    opened: _Opened
    preprocess: bool


async def _play(platform: Platform, actor: Actor, row: JobRow) -> _Replay:
    async with platform.db.acquire() as conn:
        plan = await virtual_jobs.plan_of(platform, conn, row)
        recorded = await rows.list_recorded(conn, row.run, MAX_JOBS + 1)
        keys = _keys(row.run, row.result_of, recorded)
        stored = await _rows_of(conn, keys)
        decisions = await approval_rows.list_decisions_of_run(conn, row.run)
    found = await values.open_rows(platform.storage, stored)
    inputs = found.get((row.run, "args", ""), b"{}")
    before = plan.preprocessor
    preprocess = before is not None and len(RunState.decode(row.run_state or b"").nodes) > before.index
    source = _RunAnswers(recorded, found, decisions, row.scheduled_at)
    opened = _Opened(platform, actor, row)
    run = msgspec.structs.replace(run_row(row.run_path or "", row.scheduled_at), id=row.run, root=row.run)
    played = await play(
        plan, run, inputs, source, platform.evaluator.of(row.workspace), opened.resolve, preprocess=preprocess
    )
    if played.fault is not None:
        where = f"{played.fault.node}: " if played.fault.node is not None else ""
        raise BadRequest(
            f"The run cannot be played again. {where}{played.fault.message}",
            hint="Runs with nodes that were changed or cancelled by a person cannot be recorded.",
        )
    result = found.get((row.result_of, "result", ""), b"null") if row.result_of is not None else b"null"
    return _Replay(inputs, result, played, source, opened, preprocess)


def _test(row: JobRow, replay: _Replay) -> WorkflowTest:
    test = WorkflowTest(
        inputs=msgspec.json.decode(replay.inputs),
        nodes=_answers(replay.played, replay.source),
        variables=replay.opened.variables,
        resources=replay.opened.resources,
        preprocess=replay.preprocess,
        scheduled_at=row.scheduled_at.isoformat(),
        expect=Expect(
            status="succeeded" if row.success else "failed",
            result=Expectation(equals=msgspec.json.decode(replay.result)),
            nodes=_expect_computed(replay.played),
        ),
    )
    check_size(test)
    return test


def _keys(run: UUID, result_of: UUID | None, recorded: list[RecordedRow]) -> list[ValueKey]:
    if len(recorded) > MAX_JOBS:
        raise TooLarge(
            f"A test is recorded from a run with at most {MAX_JOBS:,} jobs and nodes.", details={"limit": MAX_JOBS}
        )
    keys: list[ValueKey] = [(run, "args", "")]
    for each in recorded:
        keys += [(each.id, "result", ""), (each.id, "result", ERROR)]
    return keys if result_of is None else [*keys, (result_of, "result", "")]


async def _rows_of(conn: Connection, keys: list[ValueKey]) -> list[value_rows.ValueRow]:
    sizes = await value_rows.get_digests(conn, keys, 0)
    if sum(each.size for each in sizes.values()) > MAX_SIZE * 2:
        raise _too_large()
    return await value_rows.get_values(conn, list(sizes))


def _too_large() -> TooLarge:
    return TooLarge(
        f"The values of the run exceed {MAX_SIZE >> 10:,} KiB, the largest test.",
        hint="Select a run with smaller inputs and results.",
        details={"limit": MAX_SIZE},
    )


class _RunAnswers:
    """Outcomes of a run's jobs by their ids, which a playback of the same run derives again."""

    def __init__(
        self, recorded: list[RecordedRow], found: Mapping[ValueKey, bytes], decisions: list[DecisionRow], at: datetime
    ) -> None:
        self._at = at
        self._states = {each.id: each.state for each in recorded}
        # A cancelled node ended at the moment of the node that cancelled it, and nothing of it is played.
        self._ranks = {each.id: float(number) for number, each in enumerate(recorded) if each.state != "cancelled"}
        self._found = found
        self._decisions: dict[UUID, list[DecisionRow]] = {}
        for each in decisions:
            self._decisions.setdefault(each.job, []).append(each)
        self.decided: dict[UUID, list[AnswerDecision]] = {}

    def outcome(self, key: ExecutionKey) -> RecordedOutcome | None:
        """Return the outcome of a job or sub-workflow that ended."""
        state = self._states.get(key.id)
        raw = self._found.get((key.id, "result", ""))
        if state not in ("succeeded", "failed") or raw is None:
            return None
        failure = self._found.get((key.id, "result", ERROR), raw) if state == "failed" else None
        error = error_of(_members(failure).get("error")) if failure is not None else None
        kind = key.node.kind
        if kind.is_container and kind is not Kind.FLOW and (error is None or error.name not in _OF_THE_WHOLE):
            return None
        return RecordedOutcome(raw, error, failure)

    def decision(self, key: ExecutionKey, number: int) -> Event | None:
        """Return a decision; after the last one of a node that ended, its timeout."""
        made, approval = self._decisions.get(key.id, []), key.node.approval is not None
        decided = self.decided.setdefault(key.id, [])
        if number < len(made):
            each = made[number]
            form = msgspec.json.decode(each.payload)
            outcome: Literal["approved", "rejected"] = "approved" if each.approved else "rejected"
            at = each.at.isoformat()
            decided.append(AnswerDecision(decision=outcome, by=each.approver, at=at, reason=each.reason, form=form))
            return wait_outcomes.decision_event(key.node.index, each, approval=approval)
        if self._states.get(key.id, "cancelled") == "cancelled":
            return None
        found = _members(self._found.get((key.id, "result", ""), b"null")).get("at") if approval else None
        timed_out = datetime.fromisoformat(found) if isinstance(found, str) else self._at
        decided.append(AnswerDecision(decision="timeout", at=timed_out.isoformat()))
        return wait_outcomes.deadline_event(key.node.index, timed_out, approval=approval)

    def rank(self, key: ExecutionKey) -> float:
        """Return the position at which the node ended."""
        return self._ranks.get(key.id, float("inf"))


def _members(raw: bytes) -> dict[str, Any]:
    found = msgspec.json.decode(raw)
    return found if isinstance(found, dict) else {}


def _answers(played: Played, source: _RunAnswers) -> dict[str, RecordedAnswer | list[RecordedAnswer]]:
    """Return the answers of the nodes in the order of their ends. A delay has an empty one, which is its position.

    Raises TooLarge.
    """
    found: dict[str, RecordedAnswer | list[RecordedAnswer]] = {}
    size = 0
    for each in played.executions.values():
        key = each.key
        decisions = source.decided.get(key.id, [])
        failed_as_a_whole = key.node.kind.is_container and source.outcome(key) is not None
        if key.node.kind in _ANSWERED or decisions or key.node.kind is Kind.DELAY or failed_as_a_whole:
            size += len(each.inputs or b"") + len(each.result)
            if size > MAX_SIZE * 2:
                raise _too_large()
            found[key_of(key.node.id, key.iterations)] = _answer(each, decisions, source)
    return found


def _answer(execution: Execution, decisions: list[AnswerDecision], source: _RunAnswers) -> RecordedAnswer:
    answer = RecordedAnswer(decisions=decisions)
    kind = execution.key.node.kind
    recorded = source.outcome(execution.key) if kind in _ANSWERED or kind.is_container else None
    if execution.inputs is not None:
        answer.inputs = msgspec.json.decode(execution.inputs)
    if recorded is not None and recorded.error is not None:
        fields = _members(recorded.failure or recorded.raw).get("error")
        answer.error = fields if isinstance(fields, dict) else {"name": recorded.error.name}
        result = msgspec.json.decode(recorded.raw)
        if result != {"error": answer.error}:
            answer.result = result
    elif recorded is not None:
        answer.result = msgspec.json.decode(recorded.raw)
    return answer


def _expect_computed(played: Played) -> dict[str, NodeExpectation]:
    """Return expectations on the conditions, whose results are computed."""
    return {
        key_of(each.key.node.id, each.key.iterations): NodeExpectation(equals=msgspec.json.decode(each.result))
        for each in played.executions.values()
        if each.key.node.kind is Kind.CONDITION and each.status == "succeeded"
    }


class _Opened:
    """Variables and resources that the expressions read, with secrets masked.

    Both the actor and the member that the run acted for must be able to read them: otherwise, the writer of a workflow
    could let the member who records a test copy values of items that only this member may read.
    """

    def __init__(self, platform: Platform, actor: Actor, run: JobRow) -> None:
        self._platform = platform
        self._actor = actor
        self._run = run
        self._member: Actor | None = None
        self.variables: dict[str, str] = {}
        self.resources: dict[str, Any] = {}

    async def resolve(self, kind: Literal["variable", "resource"], path: str) -> bytes:
        """Return a value as JSON text. Raises ExpressionError."""
        platform, workspace = self._platform, self._run.workspace
        read = variables.get if kind == "variable" else resources.get
        try:
            await read(platform, await self._member_of_run(path), workspace, path)
            if kind == "variable":
                _, value = await variables.get(platform, self._actor, workspace, path)
                self.variables[path] = MASK if value is None else value
                return msgspec.json.encode(self.variables[path])
            row = await resources.get(platform, self._actor, workspace, path)
        except OrvantaError as error:
            raise ExpressionError(error.code, error.message) from error
        self.resources[path] = msgspec.json.decode(row.value or "null")
        return msgspec.json.encode(self.resources[path])

    async def _member_of_run(self, path: str) -> Actor:
        """Return the member that the run acted for, with its present rights. Raises NotFound if it has left."""
        run = self._run
        if self._member is None:
            async with self._platform.db.acquire() as conn:
                self._member = await identity.actor_of_run(conn, run.workspace, run.permissioned_as, run.email)
        if self._member is None:
            raise NotFound(f"{run.permissioned_as}, for whom the run acted, may not read {path}.")
        return self._member
