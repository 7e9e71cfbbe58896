"""Schemas of tests of workflows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from orvanta_platform.db.workflow_tests import WorkflowTestRow
from orvanta_platform.orchestrator.recorded_tests import Failure, TestedWorkflow


class WorkflowTestSummary(msgspec.Struct, kw_only=True):
    """A test of a workflow."""

    name: str
    summary: str
    hash: str
    """Equal tests have equal hashes."""

    version: int
    """Number of the change; 1 is the first."""

    edited_by: str
    edited_at: datetime


class StoredWorkflowTest(WorkflowTestSummary, kw_only=True):
    """A test of a workflow, with its document."""

    test: dict[str, Any]
    """`inputs`, `nodes` (recorded answers), `variables`, `resources`, `scheduled_at` and `expect`."""


class NewWorkflowTest(msgspec.Struct, kw_only=True):
    """A test to create."""

    name: str
    """Letters, digits, - and _."""

    test: dict[str, Any]
    """The document, as in `get`."""


class ChangedWorkflowTest(msgspec.Struct, kw_only=True):
    """A test to replace."""

    test: dict[str, Any]
    """The document, as in `get`."""


class RecordedRun(msgspec.Struct, kw_only=True):
    """Name of the test that is created from a run."""

    name: str
    summary: str = ""


class RecordedTest(msgspec.Struct, kw_only=True):
    """A test that was created from a run."""

    path: str
    """Path of the workflow."""

    name: str
    test: dict[str, Any]


class TestsToRun(msgspec.Struct, kw_only=True):
    """Tests to run."""

    names: list[str] | None = None
    """null: all tests of the workflow."""


class TestFailure(msgspec.Struct, kw_only=True):
    """An expectation that does not hold."""

    check: Literal["playback", "inputs", "status", "equals", "contains", "schema", "expr"]
    """playback: an answer is missing, or the run does not end. inputs: the answer belongs to other inputs."""

    node: str | None
    """Node, with the iteration in brackets; null: the run."""

    message: str
    place: str
    """JSON pointer of the first difference."""

    expected: Any
    got: Any


class TestResult(msgspec.Struct, kw_only=True):
    """Outcome of a test."""

    name: str
    passed: bool
    failures: list[TestFailure]


class CoveredNode(msgspec.Struct, kw_only=True):
    """A node of the workflow."""

    id: str
    covered: bool
    """True if a test executes it."""


class CoveredEdge(msgspec.Struct, kw_only=True):
    """An edge of the workflow."""

    source: str
    target: str
    on: str
    covered: bool
    """True if a test takes it."""


class TestResults(msgspec.Struct, kw_only=True):
    """Outcomes of tests, and the nodes and edges that these tests cover."""

    passed: int
    failed: int
    tests: list[TestResult]
    nodes: list[CoveredNode]
    edges: list[CoveredEdge]


def summary(row: WorkflowTestRow) -> WorkflowTestSummary:
    """Convert a stored test, without its document."""
    text = msgspec.json.decode(row.body).get("summary", "")
    return WorkflowTestSummary(
        name=row.name,
        summary=text,
        hash=row.hash,
        version=row.version,
        edited_by=row.edited_by,
        edited_at=row.edited_at,
    )


def stored(row: WorkflowTestRow) -> StoredWorkflowTest:
    """Convert a stored test."""
    return StoredWorkflowTest(**msgspec.structs.asdict(summary(row)), test=msgspec.json.decode(row.body))


def results(found: TestedWorkflow) -> TestResults:
    """Convert the outcomes of tests."""
    tests = [
        TestResult(name=name, passed=each.passed, failures=[_failure(failure) for failure in each.failures])
        for name, each in found.outcomes.items()
    ]
    passed = sum(each.passed for each in tests)
    return TestResults(
        passed=passed,
        failed=len(tests) - passed,
        tests=tests,
        nodes=[CoveredNode(id=id, covered=covered) for id, covered in found.coverage.nodes],
        edges=[
            CoveredEdge(source=source, target=target, on=on, covered=covered)
            for source, target, on, covered in found.coverage.edges
        ],
    )


def _failure(each: Failure) -> TestFailure:
    return TestFailure(
        check=each.check, node=each.node, message=each.message, place=each.place, expected=each.expected, got=each.got
    )
