"""Verdicts on nodes that are ready to start, computed before anything changes."""

from __future__ import annotations

from typing import Final

import msgspec

from orvanta_platform.engine.effects import EnterDebounce, EnterGate, Opening, Pause, Simulated
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.state import Mark


class Hold(msgspec.Struct, frozen=True):
    """Reason why the edges of a successful node stay closed."""

    sleep_s: float = 0.0
    """Seconds of `sleep`."""
    suspend: bool = False
    """True if people must resume the run first."""
    stops: bool = False
    """True if the edges stay closed because the list ends here."""
    groups: bytes | None = None
    """JSON text of the groups whose members may decide."""


NO_HOLD = Hold()

Exports = tuple[tuple[str, bytes], ...]
"""(name, JSON text) of each value that a node exports into the context."""


class Prepare(msgspec.Struct, frozen=True):
    """The node becomes a job with this time limit in seconds, or without one."""

    timeout_s: float | None


class Enter(msgspec.Struct, frozen=True):
    """The node queues for a permit before it becomes a job."""

    gate: EnterGate


class StartDebounce(msgspec.Struct, frozen=True):
    """The node waits for later nodes with the same key."""

    debounce: EnterDebounce


class Paused(msgspec.Struct, frozen=True):
    """The node waits until a person resumes it."""

    pause: Pause


class Succeed(msgspec.Struct, frozen=True):
    """The node succeeded without a job."""

    mark: Mark
    result: bytes
    exports: Exports
    hold: Hold = NO_HOLD
    cached: str | None = None
    """Run whose cached result is used."""


class Delay(msgspec.Struct, frozen=True):
    """The node waits `seconds`, or `until` a time (RFC 3339)."""

    seconds: float | None = None
    until: str | None = None


class OpenApproval(msgspec.Struct, frozen=True):
    """The node asks for approval; its fields are described in `effects.OpenWait`."""

    message: tuple[str, ...]
    form: bytes | None = None
    inputs: bytes | None = None


class OpenBodies(msgspec.Struct, frozen=True):
    """The container node opens its bodies."""

    opening: Opening
    cache_key: str | None = None
    """Cache key (hexadecimal) under which its result is stored."""


class Fail(msgspec.Struct, frozen=True):
    """An expression of the node threw."""

    error: NamedError


class Reject(msgspec.Struct, frozen=True):
    """The approval of the node is rejected, or times out."""

    marks: tuple[Mark, Mark]
    """Marks as in `node_completion.fail_for_good`."""
    record: bytes
    """JSON object of the decision."""
    reason: str


class Simulate(msgspec.Struct, frozen=True):
    """A dry run answers for the node."""

    attempts: tuple[Simulated, ...]
    outcome: Succeed | Fail | Reject


Readiness = Prepare | Enter | StartDebounce | Paused | Succeed | Delay | OpenApproval | OpenBodies | Fail | Simulate

BEGIN: Final = Prepare(None)
"""Verdict of a check that does not prevent the node from starting; compared by identity."""
