"""Prerequisites of a step: the lock of its run, uploads, results to compose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from orvanta_platform.db.steps import NewEvent, NewValue
from orvanta_platform.db.values import ValueKey
from orvanta_platform.orchestrator.sizes import SizeWarning


class NeedsLock(Exception):
    """The step affects jobs that may only be read under the run's lock: it takes the slow path."""


class NeedsUpload(Exception):
    """Large values, `missing`, must be uploaded before the step is written."""

    def __init__(self, missing: Mapping[ValueKey, bytes]) -> None:
        super().__init__(f"{len(missing)} values to upload")
        self.missing = missing


class NeedsResults(Exception):
    """The run's result is composed of these nodes' results, which must be read first; `made`: those of this step."""

    def __init__(self, members: Sequence[tuple[str, int]], made: Sequence[NewValue]) -> None:
        super().__init__(f"{len(members)} results to compose")
        self.members = members
        self.made = made


class Prepared(msgspec.Struct):
    """Work done outside the transaction for a step."""

    uploads: dict[ValueKey, NewValue] = {}
    nears: dict[ValueKey, SizeWarning] = {}
    """Warnings for uploads near their limit."""
    composed: bytes | None = None
    """The composed result."""
    fetched: dict[str, bytes] = {}
    """Contents of objects by name."""

    def warnings(self, key: ValueKey, node: str | None) -> list[NewEvent]:
        """Return the history events of a value near its limit."""
        return [self.nears[key].event(node)] if key in self.nears else []
