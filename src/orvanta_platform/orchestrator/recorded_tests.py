"""Runs of tests: the workflow is played with the recorded answers, and its outcome compared with the expectations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from orvanta_platform import clock
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Plan
from orvanta_platform.errors import InvalidInput, TooComplex
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.javascript import Moment
from orvanta_platform.ids import new_run_id
from orvanta_platform.orchestrator import inputs
from orvanta_platform.orchestrator.document_threads import run_in_thread
from orvanta_platform.orchestrator.playback import play
from orvanta_platform.orchestrator.playback_types import Execution, Played
from orvanta_platform.orchestrator.recorded_answers import RecordedAnswers
from orvanta_platform.workflow.mask import MASK
from orvanta_platform.workflow.playback.comparison import difference
from orvanta_platform.workflow.playback.document import (
    Expectation,
    NodeExpectation,
    WorkflowTest,
    key_of,
    time_of,
)

MAX_SECONDS: Final = 20.0
"""Maximum duration of the comparison of one playback."""

MAX_FAILURES: Final = 100
"""Maximum number of failures of a test; the comparison ends with the last of them."""

_SHOWN: Final = 4_000
"""Longest JSON text of an expected or found value in a failure, in bytes."""

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

Check = Literal["playback", "inputs", "status", "equals", "contains", "schema", "expr"]


class Failure(msgspec.Struct, frozen=True):
    """An expectation that does not hold."""

    check: Check
    """playback: an answer is missing, or the run does not end."""
    node: str | None
    """Key of the node; None: the run."""
    message: str
    place: str = ""
    """JSON pointer of the first difference."""
    expected: Any = None
    got: Any = None


class RecordedTestOutcome(msgspec.Struct, frozen=True):
    """Outcome of a test."""

    failures: list[Failure]
    nodes: set[str] = msgspec.field(default_factory=set)
    """Ids of the nodes that were executed."""
    edges: set[tuple[str, str, str]] = msgspec.field(default_factory=set)
    """Edges that were taken, as (from, to, on)."""

    @property
    def passed(self) -> bool:
        """Return whether all expectations hold."""
        return not self.failures


class Coverage(msgspec.Struct, frozen=True):
    """Coverage of the nodes and edges of a workflow by tests."""

    nodes: list[tuple[str, bool]]
    """(id, whether a test executes it), in document order."""
    edges: list[tuple[str, str, str, bool]]
    """(from, to, on, whether a test takes it)."""


class TestedWorkflow(msgspec.Struct, frozen=True):
    """Outcomes of tests of a workflow, and the coverage by all of these tests."""

    outcomes: Mapping[str, RecordedTestOutcome]
    """By the name of the test."""
    coverage: Coverage


def coverage(plan: Plan, outcomes: list[RecordedTestOutcome]) -> Coverage:
    """Return the coverage of a workflow by its tests, whether or not they passed."""
    nodes = set[str]().union(*(each.nodes for each in outcomes))
    edges = set[tuple[str, str, str]]().union(*(each.edges for each in outcomes))
    lists = [plan, *(body.plan for node in plan.all_nodes for body in node.bodies)]
    every = [
        (each.nodes[edge.source].id, node.id, edge.on) for each in lists for node in each.nodes for edge in node.edges
    ]
    return Coverage(
        [(node.id, node.id in nodes) for node in plan.all_nodes], [(*edge, edge in edges) for edge in every]
    )


async def run_test(plan: Plan, path: str, test: WorkflowTest, evaluator: Evaluator) -> RecordedTestOutcome:
    """Return the outcome of a test of the workflow with this plan and path."""
    at = time_of(test.scheduled_at) or _EPOCH
    resolver = _Resolver(test)
    played = await play(
        plan,
        run_row(path, at),
        msgspec.json.encode(test.inputs),
        RecordedAnswers(test, at),
        evaluator,
        resolver.resolve,
        preprocess=test.preprocess,
    )
    failures = await _Checks(plan, test, played, evaluator).failures(resolver.missing)
    return RecordedTestOutcome(failures, played.nodes, played.edges)


def run_row(path: str, at: datetime) -> RunRow:
    """Return a run that exists only in memory, as expressions read it."""
    id = new_run_id()
    return RunRow(
        id=id, workspace="", kind="flow", path=path, version=None, document=None, language=None, pin_set=None,
        engine_version=0, rev=0, state=b"", status="running", root=id, created_by="test", email="",
        permissioned_as="", seed=0, scheduled_at=at,
    )  # fmt: skip


class _Resolver:
    """Variables and resources of a test."""

    def __init__(self, test: WorkflowTest) -> None:
        self._test = test
        self.missing: list[str] = []

    async def resolve(self, kind: Literal["variable", "resource"], path: str) -> bytes:
        """Return a value as JSON text. Raises ExpressionError."""
        if kind == "variable":
            return msgspec.json.encode(self._test.variables.get(path, MASK))
        if path not in self._test.resources:
            self.missing.append(path)
            raise ExpressionError("NotFound", f"The test has no value of the resource {path}.")
        return msgspec.json.encode(self._test.resources[path])


class _Checks:
    """Comparison of a playback with the expectations of its test."""

    def __init__(self, plan: Plan, test: WorkflowTest, played: Played, evaluator: Evaluator) -> None:
        self._plan = plan
        self._test = test
        self._played = played
        self._evaluator = evaluator
        self._executions: dict[str, list[Execution]] = {}
        for each in played.executions.values():
            for name in dict.fromkeys((key_of(each.key.node.id, each.key.iterations), each.key.node.id)):
                self._executions.setdefault(name, []).append(each)

    async def failures(self, missing: list[str]) -> list[Failure]:
        """Return the expectations that do not hold, at most MAX_FAILURES.

        Comparisons come first, in the order of the nodes, those of the run last; then schemas and expressions.
        """
        found = [Failure("playback", None, f"The test has no value of the resource {path}.") for path in missing]
        workspace, until = self._evaluator.workspace, clock.monotonic() + MAX_SECONDS
        try:
            async with asyncio.timeout(MAX_SECONDS):
                found += await run_in_thread(workspace, self._compare, until)
                if (fault := self._played.fault) is not None:
                    return [*found[: MAX_FAILURES - 1], Failure("playback", fault.node, fault.message)]
                for node, expected, raw in self._values():
                    if len(found) >= MAX_FAILURES:
                        break
                    await asyncio.sleep(0)  # Simple expressions are evaluated without yielding.
                    found += await self._evaluate(node, expected, raw)
        except TimeoutError:
            found.append(Failure("playback", None, f"The comparison takes longer than {MAX_SECONDS:g} s."))
        return found[:MAX_FAILURES]

    def _compare(self, until: float) -> list[Failure]:
        """Return the failures that need no evaluator. Raises TimeoutError."""
        found: list[Failure] = []
        for each in self._comparisons():
            found += each
            if len(found) >= MAX_FAILURES:
                break
            if clock.monotonic() > until:
                raise TimeoutError
        return found

    def _comparisons(self) -> Iterator[list[Failure]]:
        for each in self._played.executions.values():
            yield self._inputs(each)
        if self._played.fault is not None:
            return
        for key, expected in self._test.expect.nodes.items():
            executions = self._executions.get(key, [])
            if not executions or expected.status == "skipped":
                yield self._check_skipped(key, expected, executions)
                continue
            for each in executions:
                if expected.status is not None and expected.status != each.status:
                    message = f"The node {key} {each.status}; expected: {expected.status}."
                    yield [Failure("status", key, message, "", expected.status, each.status)]
                yield self._differences(key, expected, each.result)
        expect = self._test.expect
        if expect.status is not None and expect.status != self._played.status:
            message = f"The run {self._played.status}; expected: {expect.status}."
            got = {"status": self._played.status, "result": _decode(self._played.result)}
            yield [Failure("status", None, message, "", expect.status, _show(got))]
        if expect.result is not None:
            yield self._differences(None, expect.result, self._played.result)

    def _values(self) -> Iterator[tuple[str | None, Expectation, bytes]]:
        """Return the values that schemas or expressions describe."""
        for key, expected in self._test.expect.nodes.items():
            if expected.status != "skipped" and (expected.schema is not None or expected.expr is not None):
                yield from ((key, expected, each.result) for each in self._executions.get(key, []))
        if self._test.expect.result is not None:
            yield None, self._test.expect.result, self._played.result

    def _inputs(self, execution: Execution) -> list[Failure]:
        key = execution.key
        name = key_of(key.node.id, key.iterations)
        answers = self._test.answers(name)
        expected = answers[min(key.attempt, len(answers) - 1)].inputs if answers else msgspec.UNSET
        if expected is msgspec.UNSET or execution.inputs is None:
            return []
        got = _decode(execution.inputs)
        at = difference(expected, got)
        if at is None:
            return []
        message = f"The answer belongs to other inputs; they differ at {at or 'the whole value'}."
        return [Failure("inputs", name, message, at, _show(expected), _show(got))]

    def _check_skipped(self, key: str, expected: NodeExpectation, executions: list[Execution]) -> list[Failure]:
        if expected.status == "skipped":
            ran = f"The node {key} was executed; expected: skipped."
            return [Failure("status", key, ran, "", "skipped", executions[0].status)] if executions else []
        return [Failure("status", key, f"The node {key} was not executed.", "", expected.status, "skipped")]

    def _differences(self, node: str | None, expected: Expectation, raw: bytes) -> list[Failure]:
        found: list[Failure] = []
        sides: list[tuple[Check, Any]] = [("equals", expected.equals), ("contains", expected.contains)]
        for check, value in sides:
            if value is msgspec.UNSET:
                continue
            got = _decode(raw)
            at = difference(value, got, partial=check == "contains")
            if at is not None:
                message = f"{_what(node)} differs" + (f" at {at}." if at else ".")
                found.append(Failure(check, node, message, at, _show(value), _show(got)))
        return found

    async def _evaluate(self, node: str | None, expected: Expectation, raw: bytes) -> list[Failure]:
        faults: list[tuple[Check, Any, str]] = []
        if expected.schema is not None:
            fault = await self._schema_fault(expected.schema, raw)
            if fault is not None:
                faults.append(("schema", _show(expected.schema), fault))
        if expected.expr is not None:
            fault = await self._expression_fault(expected.expr, raw)
            if fault is not None:
                faults.append(("expr", expected.expr, fault))
        if not faults:
            return []
        got = await run_in_thread(self._evaluator.workspace, lambda: _show(_decode(raw)))
        return [Failure(check, node, f"{_what(node)} {fault}.", "", shown, got) for check, shown, fault in faults]

    async def _schema_fault(self, schema: Mapping[str, Any], raw: bytes) -> str | None:
        """Return why a value does not match a schema; it is checked as the only member of an object."""
        wrapped = {"type": "object", "properties": {"result": schema}}
        try:
            await inputs.check(self._evaluator, wrapped, b'{"result":%s}' % raw)
        except InvalidInput as error:
            return f"does not match the schema: {error.message}"
        except TooComplex:
            return "cannot be checked in time"
        return None

    async def _expression_fault(self, text: str, raw: bytes) -> str | None:
        async def resolve(kind: str, path: str) -> bytes:
            raise ExpressionError("NotFound", "An expectation reads no variables and resources.")

        try:
            found = await self._evaluator.expression(text, {"result": raw}, Moment(0, "test"), resolve)
        except ExpressionError as error:
            return f"cannot be checked: {error.name}: {error.message}"
        return None if found.truthy else f"does not satisfy {text}"


def _what(node: str | None) -> str:
    return f"The result of {node}" if node is not None else "The result"


def _decode(raw: bytes) -> Any:
    """Return a value; one that an expression computed with unpaired surrogates as text."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode("utf-8", "replace")


def _show(value: Any) -> Any:
    """Return a value, or the beginning of its text if it is long."""
    raw = msgspec.json.encode(value)
    return value if len(raw) <= _SHOWN else raw[:_SHOWN].decode("utf-8", "ignore") + "…"
