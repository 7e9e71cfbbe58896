"""What becomes of a node that may begin, before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orvanta_platform.engine.effects import EnterGate, Opening, Pause, PutOff
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.state import Mark


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps the edges of a node that succeeded closed: so many seconds of `sleep`, or people (`suspend`).

    `stops`: they stay closed, its list ends here.

    `groups`: JSON text of the groups whose members may answer.
    """

    sleep_s: float = 0.0
    suspend: bool = False
    stops: bool = False
    groups: bytes | None = None


NO_HOLD = Hold()

Exports = tuple[tuple[str, bytes], ...]
"""(name, JSON text) of each value a node writes into the context."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """It becomes a job, with this time limit in seconds, or none."""

    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Enter:
    """It stands in line for a permit before it becomes a job."""

    gate: EnterGate


@dataclass(frozen=True, slots=True)
class WaitForLater:
    """It waits for later ones of its key."""

    put_off: PutOff


@dataclass(frozen=True, slots=True)
class Paused:
    """It waits until somebody lets it go on."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class Succeed:
    """It has succeeded at once; `cached`: with the result of this run."""

    mark: Mark
    result: bytes
    exports: Exports
    hold: Hold = NO_HOLD
    cached: str | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """It waits so many seconds, or `until` a time (RFC 3339)."""

    seconds: float | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """It asks people; for `message` and `form` see effects.OpenWait."""

    message: tuple[str, ...]
    form: bytes | None = None


@dataclass(frozen=True, slots=True)
class OpenUp:
    """It opens what is inside it; what comes of it is to stand for `cache_key` (hexadecimal)."""

    opening: Opening
    cache_key: str | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """An expression of it threw."""

    error: Err


Verdict = Prepare | Enter | WaitForLater | Paused | Succeed | Delay | Open | OpenUp | Fail

BEGIN: Final = Prepare(None)
"""Said, and compared by identity, by what may keep a node from beginning and does not."""
