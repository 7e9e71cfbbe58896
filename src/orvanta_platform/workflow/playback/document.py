"""Document of a test: input, recorded answers and expectations of one run of a workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.hashes import hash_json

MAX_SIZE: Final = 1 << 20
"""Maximum size of a test, in bytes of JSON."""

MAX_KEYS: Final = 5_000
"""Maximum number of executions with answers, and of those with expectations."""

MAX_NAME: Final = 100

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Names of tests; they are file names."""

_KEY: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)((?:\[\d+\])*)")

Status: TypeAlias = Literal["succeeded", "failed", "cancelled"]
NodeStatus: TypeAlias = Literal["succeeded", "failed", "cancelled", "skipped"]


class _Shape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class AnswerDecision(_Shape):
    """Decision of a person on an approval or a suspended node, or its timeout."""

    decision: Literal["approved", "rejected", "timeout"] = "approved"
    by: str = "admin"
    at: str | None = None
    """Time, RFC 3339; None: that of the run."""
    reason: str | None = None
    form: Any = {}


class RecordedAnswer(_Shape):
    """Recorded answer of one execution of a node: its result or error, and the decisions of people."""

    result: Any = msgspec.UNSET
    """Result; beside `error`, the whole result if it has more members than the error."""
    error: dict[str, Any] | None = None
    """Error with `name` and `message`; of a loop or branch only if it failed as a whole, as at its time limit."""
    inputs: Any = msgspec.UNSET
    """Inputs that the answer belongs to; a node that receives others fails the test."""
    decisions: list[AnswerDecision] = []


class Expectation(_Shape):
    """Expectation on a value. All given members must hold."""

    equals: Any = msgspec.UNSET
    contains: Any = msgspec.UNSET
    """Part of the value: objects may have further members, everything else is equal."""
    schema: dict[str, Any] | None = None
    """JSON Schema."""
    expr: str | None = None
    """Expression that is true; it reads the value as `result`."""


class NodeExpectation(Expectation):
    """Expectation on the result of a node."""

    status: NodeStatus | None = None
    """skipped: the node has not been executed."""


class Expect(_Shape):
    """Expectations on a run."""

    status: Status | None = "succeeded"
    result: Expectation | None = None
    nodes: dict[str, NodeExpectation] = {}


class WorkflowTest(_Shape):
    """Test of a workflow."""

    summary: str = ""
    inputs: dict[str, Any] = {}
    nodes: dict[str, RecordedAnswer | list[RecordedAnswer]] = {}
    """Answers by node: `id`, or `id[0]` for the first iteration of the loop around it; a list has one for each attempt.

    Nodes that run at the same time end in this order.
    """
    variables: dict[str, str] = {}
    """Values of variables by path; others are `***`."""
    resources: dict[str, Any] = {}
    """Values of resources by path."""
    preprocess: bool = False
    """True if the preprocessor of the workflow runs first, as in runs that triggers start."""
    scheduled_at: str | None = None
    """Time of the run, RFC 3339."""
    expect: Expect = msgspec.field(default_factory=Expect)

    def answers(self, key: str) -> list[RecordedAnswer]:
        """Return the answers of a node by its key, otherwise those of its id."""
        found = self.nodes.get(key)
        if found is None:
            found = self.nodes.get(key.partition("[")[0])
        return [] if found is None else found if isinstance(found, list) else [found]


def key_of(node: str, iterations: tuple[int, ...]) -> str:
    """Return the key of an execution of a node; `iterations` are those of the loops around it, outermost first."""
    return node + "".join(f"[{number}]" for number in iterations)


def parse(tree: Any) -> WorkflowTest:
    """Return a test from its data. Raises BadRequest if it is not valid."""
    try:
        test = msgspec.convert(tree, WorkflowTest)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The test is not valid: {error}.") from error
    wrong = next((key for key in (*test.nodes, *test.expect.nodes) if not _KEY.fullmatch(key)), None)
    if wrong is not None:
        raise BadRequest(f"The test is not valid: {wrong[:100]!r} is not a node, such as `fetch` or `fetch[0]`.")
    for moment in (test.scheduled_at, *_decision_times(test)):
        time_of(moment)
    check_size(test)
    return test


def decode(body: str) -> WorkflowTest:
    """Return a stored test from its JSON text."""
    return msgspec.json.decode(body, type=WorkflowTest)


def time_of(text: str | None) -> datetime | None:
    """Return the moment of a text in RFC 3339, in UTC without an offset. Raises BadRequest."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{text[:100]!r} is not a time such as 2030-01-31T12:00:00Z.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _decision_times(test: WorkflowTest) -> Iterator[str | None]:
    for key in test.nodes:
        for answer in test.answers(key):
            yield from (each.at for each in answer.decisions)


def check_size(test: WorkflowTest) -> None:
    """Require that a test can be stored. Raises BadRequest."""
    if max(len(test.nodes), len(test.expect.nodes)) > MAX_KEYS:
        raise BadRequest(
            f"A test has answers and expectations of at most {MAX_KEYS:,} executions.", details={"limit": MAX_KEYS}
        )
    try:
        size = len(msgspec.json.encode(test))
    except UnicodeEncodeError as error:
        raise BadRequest(f"The test has a value that cannot be stored: {error}.") from error
    if size > MAX_SIZE:
        raise BadRequest(
            f"A test has at most {MAX_SIZE >> 10:,} KiB.",
            hint="Select a run with smaller inputs and results.",
            details={"limit": MAX_SIZE},
        )


def check_name(name: str) -> None:
    """Require that a text can be the name of a test. Raises BadRequest."""
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        raise BadRequest(
            f"{name[:MAX_NAME]!r} cannot be the name of a test.",
            hint=f"Use 1 to {MAX_NAME} letters, digits, - and _; begin with a letter or digit.",
        )


def tree_of(test: WorkflowTest) -> dict[str, Any]:
    """Return the data of a test, without members that have their default."""
    tree: dict[str, Any] = msgspec.to_builtins(test)
    return {name: value for name, value in tree.items() if name != "expect" or value}


def hash_test(tree: Mapping[str, Any]) -> str:
    """Return the hash of a test: equal tests have equal ones."""
    return hash_json(tree)[:16]
