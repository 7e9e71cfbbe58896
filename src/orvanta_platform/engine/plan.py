"""What the engine runs: a workflow compiled once, indexed by small integers.

A plan is a value. It is compiled from the workflow's graph (`compile`), cached by artifact hash, and pinned
by the run that started with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kinds of node that this engine runs."""

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
        """Whether the node is work in the queue; otherwise it is decided inside the step."""
        return self in _JOBS

    @property
    def is_container(self) -> bool:
        """Whether the node holds others: it waits for its bodies, or for a run of its own."""
        return self in _CONTAINERS

    @property
    def is_loop(self) -> bool:
        """Whether its one body is run again and again."""
        return self in _LOOPS


_JOBS = frozenset({Kind.RAWSCRIPT, Kind.SCRIPT, Kind.IDENTITY})
_LOOPS = frozenset({Kind.FORLOOP, Kind.WHILELOOP})
_CONTAINERS = frozenset({*_LOOPS, Kind.BRANCHONE, Kind.BRANCHALL, Kind.FLOW})


class Join(StrEnum):
    """Which of its incoming edges a node waits for."""

    ALL = "all"
    SETTLED = "settled"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Edge:
    """An incoming edge: from the node with index `source`, taken on the outcome `on`."""

    source: int
    on: str


@dataclass(frozen=True, slots=True)
class Target:
    """An outgoing edge: to the node with index `index`, taken on the outcome `on`."""

    index: int
    on: str


@dataclass(frozen=True, slots=True)
class Retry:
    """`constant_attempts` retries after `constant_s` each, then `exponential_attempts` (see `retry.delay_s`).

    `random_factor` is in per cent, 0 to 100. `retry_if`: an expression, asked before each retry.
    """

    constant_attempts: int = 0
    constant_s: float = 0
    exponential_attempts: int = 0
    multiplier: float = 1
    seconds: float = 1
    random_factor: float = 0
    retry_if: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What is asked of people: by an approval node, or by `suspend` after a step.

    `required`: how many must agree. `approvers`: u/…, g/…, role/…; none: whoever may run the workflow. `groups`: a
    Transform of group names. `goes_on`: silence (of a suspend: a no as well) lets the run go on. `form`: a JSON Schema
    of what is sent along. `inputs`: Transforms whose values message and form may name. `notify`: [{channel, resource}].
    """

    required: int = 1
    timeout_s: float | None = None
    approvers: tuple[str, ...] = ()
    self_approval: bool = True
    login: bool = False
    groups: Any | None = None
    goes_on: bool = False
    message: str | None = None
    form: Any | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    hide_cancel: bool = False
    notify: tuple[Mapping[str, str], ...] = ()

    @property
    def needs_login(self) -> bool:
        """True if a link alone cannot decide. Where several must agree, each has to be signed in."""
        named = self.approvers or self.groups is not None
        return bool(self.login or named or not self.self_approval or self.required > 1)


@dataclass(frozen=True, slots=True)
class Stop:
    """When the list around a node ends early; `error_message` None: well, else failed, "" for the default message.

    `skips`: the run it ends is labelled skipped.
    """

    expr: str
    skips: bool = False
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A part of a key that is computed: what `source` (an expression or a Transform tree) gives, at this path."""

    source: Any
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """So many of one key at once at most, and, with a window, so many beginnings within any `window_s` seconds.

    `key` in parts: text; text that begins with NUL names a field of the run (workspace, path); the others are asked.
    """

    limit: int
    window_s: float
    key: tuple[str | KeyPart, ...]


@dataclass(frozen=True, slots=True)
class Debounce:
    """`delay_s` after the last call the run begins. `key`: a template, None: the arguments count.

    `accumulate`: names of arguments that are joined, all others are those of the last call. A run is put off for
    `longest_s` seconds and `most` calls at most; None: without end.
    """

    delay_s: float
    key: str | None = None
    accumulate: tuple[str, ...] = ()
    longest_s: float | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class StepDebounce:
    """A step waits as `window` says, and hands over to a later one of the same key that comes up until then.

    `key` in parts as of Gate; `inputs`: sources of the inputs that are joined, by name.
    """

    window: Debounce
    key: tuple[str | KeyPart, ...]
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """A list of nodes inside a node. `expr`: a branch is taken where it is true. `skip_failure`: its own is none."""

    plan: Plan
    expr: str | None = None
    skip_failure: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `value` is the node's plain tree (for the slot that runs it), never looked at by decide().

    `index` counts in its own list, `number` in the whole document (`Plan.node` of the top level takes it).

    `edges` are incoming, `targets` outgoing (ascending by index), `ancestors` a bit set of the indexes of
    nodes whose results this node may read. `timeout` and the exports are Transform trees; `timeout` may be
    a number of seconds. `skip_if` is an expression, `mock` the JSON text given instead of running, `sleep` a
    Transform of seconds. `delay`: "seconds" or "until", and the Transform of that.
    `squash`: inside a loop whose iterations share a process for each script.
    `approval`: of an approval node; `suspend`: what the edges wait for after success.
    """

    index: int
    id: str
    kind: Kind
    value: Any
    edges: tuple[Edge, ...]
    targets: tuple[Target, ...]
    join: Join
    ancestors: int
    condition: str | None = None
    retry: Retry | None = None
    timeout: Any | None = None
    continue_on_error: bool = False
    exports: tuple[tuple[str, Any], ...] = ()
    tag: str | None = None
    priority: int | None = None
    skip_if: str | None = None
    mock: bytes | None = None
    sleep: Any | None = None
    delay: tuple[str, Any] | None = None
    approval: Consent | None = None
    suspend: Consent | None = None
    number: int = -1
    bodies: tuple[Body, ...] = ()
    iterator: Any | None = None
    parallel: bool = False
    parallelism: Any | None = None
    skip_failures: bool = False
    stop_after_if: Stop | None = None
    stop_after_all: Stop | None = None
    squash: bool = False
    gate: Gate | None = None
    debounce: StepDebounce | None = None
    cache_s: float | None = None
    erase_s: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`failure` is the failure module (its index is len(nodes)). `output` is a Transform tree.

    `preprocessor`: what makes the input of runs that begin so; its index and number are the ones after the failure
    module's.
    `skip_expr`: an expression; where it is true nothing runs. `env`: JSON text of `flow_env`. `early`: the
    node whose result answers those who wait for the run (early_return).

    `indexes` finds a node of `nodes` by id.
    `is_list`: no node has `needs`; the result is that of the last module run.
    `single`: a run of one script, preview or identity: one node whose job id is the run id.
    `inner`: the list stands inside a node. `each_stop`: asked at the end of each time that a loop's list was run.
    `deep`: the preprocessor and every node inside others, in the order of their numbers (of the top level alone).
    `nests`: some node holds others. `erasures`: nodes by number (-1: all of the run), and how many seconds after
    its end what they left is erased. `cache_s`: so long the same input gives the same result. `gate`: what the run
    waits for as a whole. `gated`: it has a gate, or some node (at the top level). `debounces`: some node waits for
    later ones of its key. `same_worker`: one worker runs all its jobs.
    """

    nodes: tuple[Node, ...]
    starts: tuple[int, ...]
    failure: Node | None = None
    preprocessor: Node | None = None
    output: Any | None = None
    is_list: bool = True
    main_sinks: tuple[int, ...] = ()
    handling_sinks: tuple[int, ...] = ()
    single: bool = False
    skip_expr: str | None = None
    env: bytes = b"{}"
    early: int | None = None
    indexes: Mapping[str, int] = field(default_factory=dict)
    inner: bool = False
    each_stop: Stop | None = None
    deep: tuple[Node, ...] = ()
    nests: bool = False
    gate: Gate | None = None
    gated: bool = False
    cache_s: float | None = None
    same_worker: bool = False
    debounce: Debounce | None = None
    debounces: bool = False
    erasures: tuple[tuple[int, float], ...] = ()

    def node(self, index: int) -> Node:
        """The node at `index`, or of that number, the failure module included. Raises IndexError."""
        here = len(self.nodes)
        if index < here:
            return self.nodes[index]
        if index == here and self.failure is not None:
            return self.failure
        if index <= here:
            raise IndexError(f"the plan has no node {index}")
        return self.deep[index - here - 1]

    @property
    def asks_below(self) -> bool:
        """Whether some node inside another asks people, or a sub-workflow may."""
        inside = any(node.approval is not None or node.suspend is not None for node in self.deep)
        return inside or any(node.kind is Kind.FLOW for node in self.all_nodes)

    @property
    def bound(self) -> bool:
        """Whether one worker is to run all jobs: for the folder that they share, or for processes that are kept."""
        return self.same_worker or any(node.squash for node in self.deep)

    @property
    def engine_version(self) -> int:
        """The oldest version of the engine (`state.ENGINE_VERSION`) that runs it as it is meant."""
        return 2 if self.debounces else 1

    @property
    def locks_at_end(self) -> bool:
        """Whether the end of a run changes more than its own rows."""
        return self.gated or self.debounces or bool(self.erasures)

    @property
    def all_nodes(self) -> tuple[Node, ...]:
        """Every node of the document, the failure module and those inside others included."""
        return (*self.nodes, *((self.failure,) if self.failure else ()), *self.deep)
