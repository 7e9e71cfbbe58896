"""How large a value may be, and what is said of one that comes near it.

Results, inputs, arrays of loops and whatever expressions give have one limit, ORVANTA_RESULT_LIMIT. From half of it on
the history says so, and the log of the job that gave it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from orvanta_platform.db.steps import NewEvent
from orvanta_platform.engine.events import Answer, Err
from orvanta_platform.errors import TooLarge
from orvanta_platform.units import size_text

LIMIT = 100 << 20
"""Bytes, where no setting says otherwise."""

RESULT_TOO_LARGE = "result_too_large"
NEAR = "value_near_limit"
"""The kind of the event."""

_FROM = (80, 50)

K = TypeVar("K")


class Near(msgspec.Struct, frozen=True):
    """A value of `size` bytes has reached `percent` (50 or 80) of the `limit`."""

    what: str
    size: int
    limit: int
    percent: int

    @property
    def text(self) -> str:
        """As a line of a log says it."""
        return f"warning: {self.what} has {size_text(self.size)}, over {self.percent} % of {size_text(self.limit)}"

    def event(self, node: str | None) -> NewEvent:
        """As the history keeps it."""
        return NewEvent(NEAR, node, msgspec.json.encode(self).decode())


@dataclass(frozen=True, slots=True)
class Sizes:
    """The limit of one process."""

    limit: int = LIMIT

    def near(self, what: str, size: int) -> Near | None:
        """What is to be said of a value that fits; None: nothing."""
        percent = next((each for each in _FROM if size * 100 >= each * self.limit), None)
        return Near(what, size, self.limit, percent) if percent is not None and size <= self.limit else None

    def warnings(self, what: str, size: int, node: str | None = None) -> list[NewEvent]:
        """What the history says of a value that comes near the limit."""
        near = self.near(what, size)
        return [] if near is None else [near.event(node)]

    def fault(self, what: str, size: int) -> Err | None:
        """Why a value of `size` bytes is not kept; None where it is."""
        if size <= self.limit:
            return None
        return Err(RESULT_TOO_LARGE, f"{what} has {size_text(size)}, the limit is {size_text(self.limit)}")

    def answers(self, found: Mapping[K, Answer | Err]) -> dict[K, Answer | Err]:
        """Answers of expressions, a fault in the place of those that are too large."""
        return {
            key: (isinstance(each, Answer) and self.fault("what the expression gives", len(each.raw))) or each
            for key, each in found.items()
        }

    def require_input(self, size: int) -> None:
        """Raises TooLarge, with size and limit, for the input of a run."""
        if size > self.limit:
            details: dict[str, Any] = {"size": size, "limit": self.limit}
            raise TooLarge(
                f"The input has {size_text(size)}, the limit is {size_text(self.limit)}.",
                hint="Keep it as a file (job_helpers/upload_s3_file) and send its name.",
                details=details,
            )
