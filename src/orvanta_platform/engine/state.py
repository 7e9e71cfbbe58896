"""The state of a run between two steps: one byte per node and little else, at most 8 kB for 5,000 nodes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import lru_cache

import msgspec

from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.reused_results import ReusedResults, pack, unpack
from orvanta_platform.engine.states import NODE, NodeState, Status
from orvanta_platform.errors import OrvantaError

ENGINE_VERSION = 4
"""Semantics of decide(): a run keeps the version it started with, a process refuses newer ones.

A run has the oldest version that gives it the same meaning, so that older processes can continue it.
1: everything else. 2: `debouncing` of steps. 3: breakpoints. 4: references by provenance, sealed inputs.
"""

MAX_ORDERED_FAILURES = 1_000
"""Unhandled failures kept in order of commit; any beyond follow by index, so the state stays small."""

_COMPRESS_FROM_BYTES = 8_000
_PLAIN, _COMPRESSED = b"\x01", b"\x02"


class Mark(IntEnum):
    """The byte of a node: its state, and where it ended, with which outcome."""

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
    # The job ended well and its result is kept: only the edges wait.
    Mark.SLEEPING: NodeState.WAITING_TIMER,
    Mark.SUSPENDED: NodeState.WAITING_APPROVAL,
    # It waits for later ones of its key; its work has not begun.
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
"""What an ended node's edges may be taken on. A mark that is not here has not ended: its edges are open."""

LIVE: tuple[Mark, ...] = tuple(mark for mark in Mark if mark != Mark.PENDING and MARK_STATE[mark] not in NODE.final)
"""Marks of nodes under way."""

HELD = frozenset({Mark.SLEEPING, Mark.SUSPENDED})
"""Marks of nodes that ended well and whose edges wait; `RunState.held` has the mark they get then."""

SUCCESSES = frozenset(mark for mark, outcomes in OUTCOMES.items() if "success" in outcomes)
"""Marks of nodes whose outcome is success."""


class Phase(StrEnum):
    """How the run goes on: what may start, and what its end will be."""

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


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Set by whom; `when`: an expression, it counts only where that is true; `on`: not taken back."""

    by: str
    when: str | None = None
    on: bool = True


class UnreadableState(OrvantaError):
    """The bytes are not the state of a run."""

    code = "unreadable_state"


class StateTooNew(OrvantaError):
    """A newer engine began or stepped the run; this process must not."""

    code = "state_too_new"
    status = 503

    @classmethod
    def of(cls, version: int) -> StateTooNew:
        """For a run of this version."""
        return cls(
            f"The run is one of engine version {version}, this process has {ENGINE_VERSION}.",
            hint="Update this process to the release of the newest one.",
        )


@dataclass(frozen=True, slots=True)
class RunState:
    """A value: decide() returns a new one.

    `nodes`: a Mark per node of the plan, then those of the failure module, and of a preprocessor that runs first.
    `failures`: failed attempts of nodes that may still be retried. `order`: indexes of unhandled failures in order of
    commit. `chosen`: for a node with join any that began, the place among its edges of the one it began by. `held`: the
    mark each node in HELD gets. `votes`: people who agreed, of open approvals; of a suspend, its resumes, for good.
    `stopped`: (name, message) of the error that a run disapproved, or a body aborted, ends with. `halted`: the node
    after which the list ends early, and whether the run that it ends is labelled skipped; `handed_over`: but no loop
    ends by it. `kept`: what it has from the run that it is a restart of. `cache_key`, `cache_keys`: for what the result
    of the run, and those of nodes that are open, are to stand. `breakpoints`: of the whole run, also of nodes inside
    others, by number in the document; kept in the state of its top level alone. `references`: names of the arguments
    whose `$var:` and `$res:` texts are references; in all others they are plain text. `sealed`: password
    inputs stand beside the arguments, sealed. Both of the top level alone.
    """

    nodes: bytes
    phase: Phase = Phase.NORMAL
    status: Status = Status.QUEUED
    failures: Mapping[int, int] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    chosen: Mapping[int, int] = field(default_factory=dict)
    held: Mapping[int, int] = field(default_factory=dict)
    votes: Mapping[int, int] = field(default_factory=dict)
    stopped: tuple[str, str] | None = None
    halted: tuple[int, bool] | None = None
    kept: ReusedResults | None = None
    cache_key: str | None = None
    cache_keys: Mapping[int, str] = field(default_factory=dict)
    handed_over: bool = False
    breakpoints: Mapping[int, Breakpoint] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    sealed: bool = False

    @classmethod
    def new(cls, plan: Plan, *, preprocess: bool = False) -> RunState:
        """The state of a run that has not been started. `preprocess`: its preprocessor, if it has one, runs first."""
        if preprocess and plan.preprocessor is not None:
            return cls(nodes=bytes(plan.preprocessor.index + 1), phase=Phase.PREPROCESSING)
        return cls(nodes=bytes(len(plan.nodes) + (plan.failure is not None)))

    def node_state(self, index: int) -> NodeState:
        """The state of the node at `index`."""
        return MARK_STATE[self.nodes[index]]

    def unhandled(self) -> tuple[int, ...]:
        """Indexes of the failures nobody handled, the first in order of commit first."""
        listed = set(self.order)
        more = (i for i in _positions(self.nodes, Mark.UNHANDLED) if i not in listed)
        return self.order + tuple(more)

    @property
    def engine_version(self) -> int:
        """The oldest version of the engine that goes on with it as it is meant."""
        if self.references or self.sealed:
            return 4
        if self.breakpoints or Mark.PAUSED in self.nodes:
            return 3
        return 2 if Mark.DEBOUNCING in self.nodes or self.handed_over else 1

    def encode(self) -> bytes:
        """The state as bytes, first a byte for the form; at most 8 kB for 5,000 nodes."""
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
            "kept": self.kept.encode() if self.kept is not None else b"",
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
        """Read what `encode` wrote. Raises StateTooNew, or UnreadableState where it is nothing of ours."""
        return _decoded(data)


_STATES_KEPT = 1_000
"""Runs of one workflow pass through the same few states, at most 8 kB each."""


@lru_cache(_STATES_KEPT)
def _decoded(data: bytes) -> RunState:
    form, raw = data[:1], data[1:]
    try:
        parts = msgspec.msgpack.decode(zlib.decompress(raw) if form == _COMPRESSED else raw)
        if form not in (_PLAIN, _COMPRESSED) or not isinstance(parts, list) or not parts:
            raise UnreadableState("These bytes are not the state of a run.")
        if not isinstance(parts[0], int) or parts[0] > ENGINE_VERSION:
            raise StateTooNew.of(parts[0]) if isinstance(parts[0], int) else UnreadableState("It has no version.")
        _, phase, status, nodes, failures, order, chosen = msgspec.convert(parts[:7], _Parts)
        rare = msgspec.convert(parts[7], _Rare) if len(parts) > 7 else _Rare()
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


class _Rare(msgspec.Struct):
    """What most states do not have."""

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
