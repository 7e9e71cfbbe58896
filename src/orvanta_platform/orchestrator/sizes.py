"""Size limit of values, and warnings about values near it.

Results, inputs, arrays of loops and values of expressions share one limit, ORVANTA_RESULT_LIMIT. A value of at least
half that size causes a warning in the run's history and in the log of the job that returned it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from orvanta_platform.db.steps import NewEvent
from orvanta_platform.engine.events import Answer, NamedError
from orvanta_platform.errors import TooLarge
from orvanta_platform.units import size_text

LIMIT = 100 << 20
"""Default limit in bytes."""

RESULT_TOO_LARGE = "result_too_large"
NEAR_LIMIT_EVENT = "value_near_limit"
"""The kind of the event."""

_WARNING_PERCENTS = (80, 50)

K = TypeVar("K")


class SizeWarning(msgspec.Struct, frozen=True):
    """A value of `size` bytes has reached `percent` (50 or 80) of the `limit`."""

    what: str
    size: int
    limit: int
    percent: int

    @property
    def text(self) -> str:
        """Line for the log of a job."""
        return f"warning: {self.what} has {size_text(self.size)}, over {self.percent} % of {size_text(self.limit)}"

    def event(self, node: str | None) -> NewEvent:
        """Return the event for the run's history."""
        return NewEvent(NEAR_LIMIT_EVENT, node, msgspec.json.encode(self).decode())


class Sizes(msgspec.Struct, frozen=True):
    """The size limit of this process."""

    limit: int = LIMIT

    def warning(self, what: str, size: int) -> SizeWarning | None:
        """Return a warning about a value within the limit; None if it is far from it or exceeds it."""
        if size <= self.limit:
            for percent in _WARNING_PERCENTS:
                if size * 100 >= percent * self.limit:
                    return SizeWarning(what, size, self.limit, percent)
        return None

    def warnings(self, what: str, size: int, node: str | None = None) -> list[NewEvent]:
        """Return the history events of a value near the limit."""
        near = self.warning(what, size)
        return [] if near is None else [near.event(node)]

    def fault(self, what: str, size: int) -> NamedError | None:
        """Return the error for a value of `size` bytes that exceeds the limit, otherwise None."""
        if size <= self.limit:
            return None
        return NamedError(RESULT_TOO_LARGE, f"{what} has {size_text(size)}, the limit is {size_text(self.limit)}")

    def answers(self, found: Mapping[K, Answer | NamedError]) -> dict[K, Answer | NamedError]:
        """Replace answers of expressions that exceed the limit by an error."""
        return {
            key: (isinstance(each, Answer) and self.fault("the value of the expression", len(each.raw))) or each
            for key, each in found.items()
        }

    def require_input(self, size: int) -> None:
        """Require that the input of a run is within the limit. Raises TooLarge, with size and limit."""
        if size > self.limit:
            details: dict[str, Any] = {"size": size, "limit": self.limit}
            raise TooLarge(
                f"The input has {size_text(size)}, the limit is {size_text(self.limit)}.",
                hint="Upload it as a file (job_helpers/upload_s3_file) and send the file's name.",
                details=details,
            )
