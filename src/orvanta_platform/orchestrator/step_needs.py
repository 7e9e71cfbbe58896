"""What a step has to have before it can be written: the lock of its run, uploads, results to compose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orvanta_platform.db.steps import NewEvent, NewValue
from orvanta_platform.db.values import ValueKey
from orvanta_platform.orchestrator.sizes import Near


class NeedsLock(Exception):
    """The step touches jobs that only the run's lock lets it look at: it goes the slow path."""


class NeedsUpload(Exception):
    """Values of the step are large: `missing` are to be uploaded before it can be written."""

    def __init__(self, missing: Mapping[ValueKey, bytes]) -> None:
        super().__init__(f"{len(missing)} values to upload")
        self.missing = missing


class NeedsResults(Exception):
    """The run's result is made of these nodes' results, which are to be read first; `made`: those of this step."""

    def __init__(self, members: Sequence[tuple[str, int]], made: Sequence[NewValue]) -> None:
        super().__init__(f"{len(members)} results to compose")
        self.members = members
        self.made = made


@dataclass(slots=True)
class Prepared:
    """What was done outside the transaction for this step: uploads by key, the composed result, objects by name.

    `nears`: which of the uploads come near their limit.
    """

    uploads: dict[ValueKey, NewValue] = field(default_factory=dict)
    nears: dict[ValueKey, Near] = field(default_factory=dict)
    composed: bytes | None = None
    fetched: dict[str, bytes] = field(default_factory=dict)

    def warnings(self, key: ValueKey, node: str | None) -> list[NewEvent]:
        """What the history says of a value of this step that comes near its limit."""
        return [self.nears[key].event(node)] if key in self.nears else []
