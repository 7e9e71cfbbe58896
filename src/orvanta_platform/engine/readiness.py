"""Verdicts on nodes that are ready to start, computed before anything changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orvanta_platform.engine.effects import EnterDebounce, EnterGate, Opening, Pause
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.state import Mark


@dataclass(frozen=True, slots=True)
class Hold:
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


@dataclass(frozen=True, slots=True)
class Prepare:
    """The node becomes a job with this time limit in seconds, or without one."""

    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Enter:
    """The node queues for a permit before it becomes a job."""

    gate: EnterGate


@dataclass(frozen=True, slots=True)
class StartDebounce:
    """The node waits for later nodes with the same key."""

    debounce: EnterDebounce


@dataclass(frozen=True, slots=True)
class Paused:
    """The node waits until a person resumes it."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class Succeed:
    """The node succeeded without a job."""

    mark: Mark
    result: bytes
    exports: Exports
    hold: Hold = NO_HOLD
    cached: str | None = None
    """Run whose cached result is used."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The node waits `seconds`, or `until` a time (RFC 3339)."""

    seconds: float | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """The node asks for approval; its fields are described in `effects.OpenWait`."""

    message: tuple[str, ...]
    form: bytes | None = None
    inputs: bytes | None = None


@dataclass(frozen=True, slots=True)
class OpenBodies:
    """The container node opens its bodies."""

    opening: Opening
    cache_key: str | None = None
    """Cache key (hexadecimal) under which its result is stored."""


@dataclass(frozen=True, slots=True)
class Fail:
    """An expression of the node threw."""

    error: NamedError


Readiness = Prepare | Enter | StartDebounce | Paused | Succeed | Delay | OpenApproval | OpenBodies | Fail

BEGIN: Final = Prepare(None)
"""Verdict of a check that does not prevent the node from starting; compared by identity."""
