"""State of a run between two steps: one byte per node and a few rare fields, at most 8 kB for 5,000 nodes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from functools import lru_cache

import msgspec

from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.reused_results import ReusedResults, pack, unpack
from orvanta_platform.engine.states import NODE, NodeState, Status
from orvanta_platform.errors import OrvantaError

ENGINE_VERSION = 5
"""Version of the semantics of decide(). A run keeps the version it started with; a process refuses newer ones.

A run has the lowest version that gives it the same meaning, so that older processes can continue it. 1: the base. 2:
debounced steps. 3: breakpoints. 4: references tracked by provenance, sealed inputs. 5: dry runs.
"""

MAX_ORDERED_FAILURES = 1_000
"""Maximum number of unhandled failures stored in commit order; further ones follow by index, which bounds the size."""

_COMPRESS_FROM_BYTES = 8_000
_PLAIN, _COMPRESSED = b"\x01", b"\x02"


class Mark(IntEnum):
    """Byte of a node: its state and, once it has ended, its outcome."""

    PENDING = 0
    QUEUED = 1
    RUNNING = 2
    WAITING_TIMER = 3
    WAITING_APPROVAL = 4
    WAITING_GATE = 5
    WAITING_CHILDREN = 6
    SLEEPING = 7
    SUSPENDED = 8
    DEBOUNCING = 9
    PAUSED = 10
    SUCCEEDED = 16
    TRUE = 17
    FALSE = 18
    CONTINUED = 19
    PASSED = 20
    APPROVED = 21
    TIMEOUT = 22
    REJECTED_CONTINUED = 23
    TIMEOUT_CONTINUED = 24
    FAILED = 32
    UNHANDLED = 33
    REJECTED = 34
    TIMED_OUT = 35
    SKIPPED = 48
    CANCELLED = 49


MARK_STATE: Mapping[int, NodeState] = {
    Mark.PENDING: NodeState.PENDING,
    Mark.QUEUED: NodeState.QUEUED,
    Mark.RUNNING: NodeState.RUNNING,
    Mark.WAITING_TIMER: NodeState.WAITING_TIMER,
    Mark.WAITING_APPROVAL: NodeState.WAITING_APPROVAL,
    Mark.WAITING_GATE: NodeState.WAITING_GATE,
    Mark.WAITING_CHILDREN: NodeState.WAITING_CHILDREN,
    # The job succeeded and its result is stored: only the edges wait.
    Mark.SLEEPING: NodeState.WAITING_TIMER,
    Mark.SUSPENDED: NodeState.WAITING_APPROVAL,
    # The node waits for later nodes with the same key; its work has not started.
    Mark.DEBOUNCING: NodeState.WAITING_TIMER,
    Mark.PAUSED: NodeState.PAUSED,
    Mark.SUCCEEDED: NodeState.SUCCEEDED,
    Mark.TRUE: NodeState.SUCCEEDED,
    Mark.FALSE: NodeState.SUCCEEDED,
    Mark.PASSED: NodeState.SUCCEEDED,
    Mark.APPROVED: NodeState.SUCCEEDED,
    Mark.TIMEOUT: NodeState.SUCCEEDED,
    # The job failed; continue_on_error turned only the outcome into success.
    Mark.CONTINUED: NodeState.FAILED,
    Mark.REJECTED_CONTINUED: NodeState.FAILED,
    Mark.TIMEOUT_CONTINUED: NodeState.FAILED,
    Mark.REJECTED: NodeState.FAILED,
    Mark.TIMED_OUT: NodeState.FAILED,
    Mark.FAILED: NodeState.FAILED,
    Mark.UNHANDLED: NodeState.FAILED,
    Mark.SKIPPED: NodeState.SKIPPED,
    Mark.CANCELLED: NodeState.CANCELLED,
}

_NOTHING: frozenset[str] = frozenset()
OUTCOMES: Mapping[int, frozenset[str]] = {
    Mark.SUCCEEDED: frozenset({"success", "always"}),
    Mark.TRUE: frozenset({"success", "always", "true"}),
    Mark.FALSE: frozenset({"success", "always", "false"}),
    Mark.CONTINUED: frozenset({"success", "always"}),
    Mark.PASSED: frozenset({"success", "always"}),
    Mark.APPROVED: frozenset({"approved", "success", "always"}),
    Mark.TIMEOUT: frozenset({"timeout", "success", "always"}),
    Mark.REJECTED_CONTINUED: frozenset({"rejected", "success", "always"}),
    Mark.TIMEOUT_CONTINUED: frozenset({"timeout", "rejected", "success", "always"}),
    Mark.REJECTED: frozenset({"rejected", "failure", "always"}),
    Mark.TIMED_OUT: frozenset({"timeout", "rejected", "failure", "always"}),
    Mark.FAILED: frozenset({"failure", "always"}),
    Mark.UNHANDLED: frozenset({"failure", "always"}),
    Mark.SKIPPED: _NOTHING,
    Mark.CANCELLED: _NOTHING,
}
"""Outcomes that the edges of an ended node may be taken on. A mark not listed here has not ended."""

LIVE: tuple[Mark, ...] = tuple(mark for mark in Mark if mark != Mark.PENDING and MARK_STATE[mark] not in NODE.final)
"""Marks of nodes in progress."""

HELD = frozenset({Mark.SLEEPING, Mark.SUSPENDED})
"""Marks of nodes that succeeded and whose edges wait; `RunState.held` stores the mark that they get afterwards."""

SUCCESSES = frozenset(mark for mark, outcomes in OUTCOMES.items() if "success" in outcomes)
"""Marks of nodes whose outcome is success."""


class Phase(StrEnum):
    """Phase of a run: it determines what may start and how the run will end."""

    PREPROCESSING = "preprocessing"
    NORMAL = "normal"
    GATED = "gated"
    FAILING = "failing"
    DISAPPROVED = "disapproved"
    ABORTED = "aborted"
    STOPPING = "stopping"
    FAILURE_MODULE = "failure_module"
    CANCELLING = "cancelling"
    ENDED = "ended"


class Breakpoint(msgspec.Struct, frozen=True):
    """Breakpoint before a node."""

    by: str
    """User who set it."""
    when: str | None = None
    """Expression; the run pauses only if it is true."""
    on: bool = True
    """False once it has been removed."""


class UnreadableState(OrvantaError):
    """Bytes that are not the encoded state of a run."""

    code = "unreadable_state"


class StateTooNew(OrvantaError):
    """State written by a newer engine, which this process must not step."""

    code = "state_too_new"
    status = 503

    @classmethod
    def of(cls, version: int) -> StateTooNew:
        """Return the error for a run of this version."""
        return cls(
            f"The run has engine version {version}; this process supports up to {ENGINE_VERSION}.",
            hint="Upgrade this process to the newest release in use.",
        )


class RunState(msgspec.Struct, frozen=True):
    """Immutable state of a run, or of a list of nodes inside it; decide() returns a new one."""

    nodes: bytes
    """One Mark per node of the plan, followed by the failure module, and by a preprocessor that runs first."""
    phase: Phase = Phase.NORMAL
    status: Status = Status.QUEUED
    failures: Mapping[int, int] = msgspec.field(default_factory=dict)
    """Failed attempts of nodes that may still be retried."""
    order: tuple[int, ...] = ()
    """Indexes of unhandled failures in commit order."""
    chosen: Mapping[int, int] = msgspec.field(default_factory=dict)
    """For each started node with join any: the position, among its edges, of the edge that started it."""
    held: Mapping[int, int] = msgspec.field(default_factory=dict)
    """Mark that each node in HELD gets when its edges open."""
    votes: Mapping[int, int] = msgspec.field(default_factory=dict)
    """Number of approvals of each open approval, and of resumes of each suspend, which stay after it closes."""
    stopped: tuple[str, str] | None = None
    """(name, message) of the error with which a disapproved run, or an aborted body, ends."""
    halted: tuple[int, bool] | None = None
    """Node after which the list ends early, and whether the run that this ends is labelled skipped."""
    reused: ReusedResults | None = None
    """Results reused from the run that this one restarts."""
    cache_key: str | None = None
    """Cache key under which the result of the run is stored."""
    cache_keys: Mapping[int, str] = msgspec.field(default_factory=dict)
    """Cache keys under which the results of open nodes are stored."""
    handed_over: bool = False
    """True if the early end is a hand-over to a later node, which does not end a loop around it."""
    breakpoints: Mapping[int, Breakpoint] = msgspec.field(default_factory=dict)
    """Breakpoints of the whole run, including nested nodes, by document number; stored only at the top level."""
    references: tuple[str, ...] = ()
    """Names of the arguments in which `$var:` and `$res:` texts are references. Top level only.

    In all other arguments these texts are plain text.
    """
    sealed: bool = False
    """True if password inputs are stored sealed next to the arguments. Top level only."""

    @classmethod
    def new(cls, plan: Plan, *, preprocess: bool = False) -> RunState:
        """Return the state of a run before its start. With `preprocess`, its preprocessor, if any, runs first."""
        if preprocess and plan.preprocessor is not None:
            return cls(nodes=bytes(plan.preprocessor.index + 1), phase=Phase.PREPROCESSING)
        return cls(nodes=bytes(len(plan.nodes) + (plan.failure is not None)))

    def node_state(self, index: int) -> NodeState:
        """Return the state of the node at `index`."""
        return MARK_STATE[self.nodes[index]]

    def unhandled(self) -> tuple[int, ...]:
        """Return the indexes of the unhandled failures: those in `order` first, then the others by index."""
        listed = set(self.order)
        more = (i for i in _positions(self.nodes, Mark.UNHANDLED) if i not in listed)
        return self.order + tuple(more)

    @property
    def engine_version(self) -> int:
        """Return the lowest engine version that continues this state correctly."""
        if self.references or self.sealed:
            return 4
        if self.breakpoints or Mark.PAUSED in self.nodes:
            return 3
        return 2 if Mark.DEBOUNCING in self.nodes or self.handed_over else 1

    def encode(self) -> bytes:
        """Return the state as bytes, the first of which is the format; at most 8 kB for 5,000 nodes."""
        parts: list[object] = [
            self.engine_version,
            self.phase,
            self.status,
            self.nodes,
            pack(self.failures),
            self.order,
            pack(self.chosen),
        ]
        rare: dict[str, object] = {
            "held": pack(self.held),
            "votes": pack(self.votes),
            "stopped": self.stopped,
            "halted": self.halted,
            "kept": self.reused.encode() if self.reused is not None else b"",
            "cache_key": self.cache_key,
            "cache_keys": self.cache_keys,
            "handed_over": self.handed_over,
            "breakpoints": {node: (at.by, at.when, at.on) for node, at in self.breakpoints.items()},
            "references": self.references,
            "sealed": self.sealed,
        }
        if any(rare.values()):
            parts.append({name: value for name, value in rare.items() if value})
        raw = msgspec.msgpack.encode(parts)
        if len(raw) < _COMPRESS_FROM_BYTES:
            return _PLAIN + raw
        return _COMPRESSED + zlib.compress(raw, 6)

    @staticmethod
    def decode(data: bytes) -> RunState:
        """Decode the output of `encode`. Raises StateTooNew, or UnreadableState if the bytes are something else."""
        return _decoded(data)


_DECODED_STATES = 1_000
"""Size of the cache: runs of one workflow pass through the same few states of at most 8 kB each."""


@lru_cache(_DECODED_STATES)
def _decoded(data: bytes) -> RunState:
    form, raw = data[:1], data[1:]
    try:
        parts = msgspec.msgpack.decode(zlib.decompress(raw) if form == _COMPRESSED else raw)
        if form not in (_PLAIN, _COMPRESSED) or not isinstance(parts, list) or not parts:
            raise UnreadableState("These bytes are not the state of a run.")
        if not isinstance(parts[0], int) or parts[0] > ENGINE_VERSION:
            raise StateTooNew.of(parts[0]) if isinstance(parts[0], int) else UnreadableState("The version is missing.")
        _, phase, status, nodes, failures, order, chosen = msgspec.convert(parts[:7], _Parts)
        rare = msgspec.convert(parts[7], _RareFields) if len(parts) > 7 else _RareFields()
    except (msgspec.MsgspecError, zlib.error) as error:
        raise UnreadableState("These bytes are not the state of a run.") from error
    return RunState(
        nodes,
        phase,
        status,
        unpack(failures),
        order,
        unpack(chosen),
        unpack(rare.held),
        unpack(rare.votes),
        rare.stopped,
        rare.halted,
        ReusedResults.decode(rare.kept) if rare.kept else None,
        rare.cache_key,
        rare.cache_keys,
        rare.handed_over,
        {node: Breakpoint(*at) for node, at in rare.breakpoints.items()},
        rare.references,
        rare.sealed,
    )


_Parts = tuple[int, Phase, Status, bytes, list[int], tuple[int, ...], list[int]]


class _RareFields(msgspec.Struct):
    """Fields that most states do not have."""

    held: list[int] = []
    votes: list[int] = []
    stopped: tuple[str, str] | None = None
    halted: tuple[int, bool] | None = None
    kept: bytes = b""
    cache_key: str | None = None
    cache_keys: dict[int, str] = {}
    handed_over: bool = False
    breakpoints: dict[int, tuple[str, str | None, bool]] = {}
    references: tuple[str, ...] = ()
    sealed: bool = False


def _positions(nodes: bytes, mark: int) -> Iterable[int]:
    at = nodes.find(mark)
    while at >= 0:
        yield at
        at = nodes.find(mark, at + 1)
