"""Execution plan of a workflow: its nodes and edges, indexed by small integers.

A plan is immutable. `compile` builds it from the workflow's graph, the caller caches it by artifact hash, and a run
pins the plan that it started with.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from orvanta_platform.workflow.kinds import Effects


class Kind(StrEnum):
    """Kinds of node that the engine runs."""

    RAWSCRIPT = "rawscript"
    SCRIPT = "script"
    IDENTITY = "identity"
    CONDITION = "condition"
    DELAY = "delay"
    APPROVAL = "approval"
    WEBHOOK = "webhook"
    FORLOOP = "forloopflow"
    WHILELOOP = "whileloopflow"
    BRANCHONE = "branchone"
    BRANCHALL = "branchall"
    FLOW = "flow"

    @property
    def is_job(self) -> bool:
        """Return whether the node runs as a job in the queue; all others are decided inside the step."""
        return self in _JOBS

    @property
    def is_container(self) -> bool:
        """Return whether the node contains other nodes: it waits for its bodies, or for a child run."""
        return self in _CONTAINERS

    @property
    def runs_code(self) -> bool:
        """Return whether the node executes code or calls another system."""
        return self in _CODE

    @property
    def is_loop(self) -> bool:
        """Return whether the node repeats a single body."""
        return self in _LOOPS


_JOBS = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.IDENTITY})
_CODE = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.WEBHOOK})
_LOOPS = frozenset({Kind.FORLOOP, Kind.WHILELOOP})
_CONTAINERS = frozenset({*_LOOPS, Kind.BRANCHONE, Kind.BRANCHALL, Kind.FLOW})


class Join(StrEnum):
    """Condition on the incoming edges under which a node starts."""

    ALL = "all"
    SETTLED = "settled"
    ANY = "any"


class Edge(msgspec.Struct, frozen=True):
    """Incoming edge from the node with index `source`, taken on the outcome `on`."""

    source: int
    on: str


class Target(msgspec.Struct, frozen=True):
    """Outgoing edge to the node with index `index`, taken on the outcome `on`."""

    index: int
    on: str


class Retry(msgspec.Struct, frozen=True):
    """Retry policy: constant delays first, then exponential ones (see `retry.delay_s`)."""

    constant_attempts: int = 0
    """Number of retries that wait `constant_s` seconds each."""
    constant_s: float = 0
    exponential_attempts: int = 0
    """Number of retries after the constant ones, with growing delays."""
    multiplier: float = 1
    seconds: float = 1
    random_factor: float = 0
    """Jitter in per cent, 0 to 100."""
    retry_if: str | None = None
    """Expression evaluated before each retry; the node is retried only while it is true."""


class Consent(msgspec.Struct, frozen=True):
    """Approval policy of an approval node, or of `suspend` after a node."""

    required: int = 1
    """Number of people who must agree."""
    timeout_s: float | None = None
    approvers: tuple[str, ...] = ()
    """Approvers as u/…, g/… or role/…; if empty, everyone who may run the workflow may decide."""
    self_approval: bool = True
    login: bool = False
    groups: Any | None = None
    """Transform that computes the names of the groups whose members may decide."""
    continues: bool = False
    """True if the run continues after the timeout; for a suspend, after a rejection as well."""
    message: str | None = None
    form: Any | None = None
    """JSON Schema of the data sent along with a decision."""
    inputs: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Transforms whose values the message and the form may reference."""
    hide_cancel: bool = False
    notify: tuple[Mapping[str, str], ...] = ()
    """Notifications to send, each {channel, resource}."""

    @property
    def needs_login(self) -> bool:
        """Return whether approvers must be signed in; a link alone then cannot decide. True if several must agree."""
        named = self.approvers or self.groups is not None
        return bool(self.login or named or not self.self_approval or self.required > 1)


class Stop(msgspec.Struct, frozen=True):
    """Early end of the list that contains a node, if `expr` is true."""

    expr: str
    skips: bool = False
    """True if a run that ends this way is labelled skipped."""
    error_message: str | None = None
    """None: the list succeeds. Otherwise it fails with this message; "" stands for the default message."""


class KeyPart(msgspec.Struct, frozen=True):
    """Computed part of a key: the member at `path` of the value of `source`."""

    source: Any
    """Expression or Transform tree."""
    path: tuple[str, ...] = ()


class Gate(msgspec.Struct, frozen=True):
    """Concurrency limit on everything that has the same key."""

    limit: int
    """Maximum number of permits in use at the same time."""
    window_s: float
    """Length of the rate window: at most `limit` starts within any `window_s` seconds; 0: no window."""
    key: tuple[str | KeyPart, ...]
    """Parts of the key: literal texts, run fields (workspace, path) marked by a leading NUL, and computed parts."""


class Debounce(msgspec.Struct, frozen=True):
    """Debounce settings: the run starts `delay_s` seconds after the last call with the same key."""

    delay_s: float
    key: str | None = None
    """Template of the key; None: the arguments are the key."""
    accumulate: tuple[str, ...] = ()
    """Names of arguments whose values are concatenated over all calls; all others are those of the last call."""
    max_delay_s: float | None = None
    """Maximum delay since the first call in seconds; None: unlimited."""
    max_calls: int | None = None
    """Maximum number of debounced calls; None: unlimited."""


class StepDebounce(msgspec.Struct, frozen=True):
    """Debounce settings of a node: it waits for `window` and yields to a later execution with the same key."""

    window: Debounce
    key: tuple[str | KeyPart, ...]
    """Parts of the key as in `Gate`."""
    inputs: Mapping[str, Any]
    """Sources of the inputs that are concatenated, by name."""


class Body(msgspec.Struct, frozen=True):
    """List of nodes inside a container node."""

    plan: Plan
    expr: str | None = None
    """Expression of a branch, which is taken if it is true."""
    skip_failure: bool = False
    """True if a failure of this body does not fail the container."""


class Node(msgspec.Struct, frozen=True):
    """Node of a plan."""

    index: int
    """Position in its own list."""
    id: str
    kind: Kind
    value: Any
    """Plain tree of the node for the worker slot that runs it; decide() never reads it."""
    edges: tuple[Edge, ...]
    targets: tuple[Target, ...]
    """Outgoing edges, in ascending order of index."""
    join: Join
    ancestors: int
    """Bit set of the indexes of the nodes whose results this node may read."""
    condition: str | None = None
    retry: Retry | None = None
    timeout: Any | None = None
    """Transform tree or a number of seconds."""
    continue_on_error: bool = False
    exports: tuple[tuple[str, Any], ...] = ()
    """(name, Transform tree) of each value exported into the context."""
    tag: str | None = None
    priority: int | None = None
    skip_if: str | None = None
    """Expression; if it is true the node passes previous_result on instead of running."""
    mock: bytes | None = None
    """JSON text used as the result instead of running the node."""
    sleep: Any | None = None
    """Transform of the seconds for which the outgoing edges wait."""
    delay: tuple[str, Any] | None = None
    """(`seconds` or `until`, Transform of that value)."""
    approval: Consent | None = None
    """Approval policy of an approval node."""
    suspend: Consent | None = None
    """Approval policy that the outgoing edges wait for after success."""
    number: int = -1
    """Position in the whole document, as `Plan.node` of the top level expects it."""
    bodies: tuple[Body, ...] = ()
    iterator: Any | None = None
    parallel: bool = False
    parallelism: Any | None = None
    skip_failures: bool = False
    stop_after_if: Stop | None = None
    stop_after_all: Stop | None = None
    squash: bool = False
    """True if the node is inside a loop whose iterations share one process per script."""
    gate: Gate | None = None
    debounce: StepDebounce | None = None
    cache_s: float | None = None
    erase_s: float | None = None
    effects: Effects = "sends"
    """Declared effects of its code; a node that declares none may send."""
    result_schema: Any | None = None
    """JSON Schema of its result."""
    simulated: bool = False
    """True if the run is a dry run that answers for the node instead of executing it."""


class Plan(msgspec.Struct, frozen=True):
    """Compiled list of nodes: the top level of a workflow, or a body inside a container node."""

    nodes: tuple[Node, ...]
    starts: tuple[int, ...]
    failure: Node | None = None
    """Failure module; its index is len(nodes)."""
    preprocessor: Node | None = None
    """Node that computes the input of runs started by events; its index and number follow the failure module's."""
    output: Any | None = None
    """Transform tree of the run's result."""
    is_list: bool = True
    """True if no node has `needs`; the result is then that of the last module that ran."""
    main_sinks: tuple[int, ...] = ()
    handling_sinks: tuple[int, ...] = ()
    single: bool = False
    """True if this is a run of one script, preview or identity: one node, whose job id is the run id."""
    skip_expr: str | None = None
    """Expression; if it is true no node runs."""
    env: bytes = b"{}"
    """JSON text of `flow_env`."""
    early: int | None = None
    """Index of the node whose result answers callers that wait for the run (early_return)."""
    indexes: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Indexes in `nodes` by node id."""
    inner: bool = False
    """True if the list is a body inside a container node."""
    each_stop: Stop | None = None
    """Stop condition evaluated after each iteration of a loop's body."""
    deep: tuple[Node, ...] = ()
    """The preprocessor and every nested node in the order of their numbers; set only at the top level."""
    nests: bool = False
    """True if any node is a container."""
    gate: Gate | None = None
    """Concurrency limit of the run as a whole."""
    gated: bool = False
    """True if the run or any of its nodes has a concurrency limit; set only at the top level."""
    cache_s: float | None = None
    """Seconds for which the same input reuses the result."""
    same_worker: bool = False
    """True if one worker runs all jobs of the run."""
    debounce: Debounce | None = None
    debounces: bool = False
    """True if any node is debounced."""
    erasures: tuple[tuple[int, float], ...] = ()
    """(node number, or -1 for the whole run; seconds after its end at which its data is erased)."""
    dry: bool = False
    """True if this is the list of a dry run, which waits for nothing."""

    def node(self, index: int) -> Node:
        """Return the node at `index`, or with that number, including the failure module. Raises IndexError."""
        count = len(self.nodes)
        if index < count:
            return self.nodes[index]
        if index == count and self.failure is not None:
            return self.failure
        if index <= count:
            raise IndexError(f"the plan has no node {index}")
        return self.deep[index - count - 1]

    @property
    def has_nested_approvals(self) -> bool:
        """Return whether a nested node asks for approval, or a sub-workflow may."""
        inside = any(node.approval is not None or node.suspend is not None for node in self.deep)
        return inside or any(node.kind is Kind.FLOW for node in self.all_nodes)

    @property
    def bound(self) -> bool:
        """Return whether one worker must run all jobs: they share a folder, or processes that are reused."""
        return self.same_worker or any(node.squash for node in self.deep)

    @property
    def engine_version(self) -> int:
        """Return the lowest engine version (`state.ENGINE_VERSION`) that runs this plan correctly."""
        if self.dry:
            return 5
        return 2 if self.debounces else 1

    @property
    def locks_at_end(self) -> bool:
        """Return whether the end of a run changes rows other than its own."""
        return self.gated or self.debounces or bool(self.erasures)

    @property
    def all_nodes(self) -> tuple[Node, ...]:
        """Return every node of the document, including the failure module and nested nodes."""
        return (*self.nodes, *((self.failure,) if self.failure else ()), *self.deep)
