"""What a step has to have before it can be written: the lock of its run, uploads, results to compose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueKey


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
    """What was done outside the transaction for this step: uploads by key, the composed result, objects by name."""

    uploads: dict[ValueKey, NewValue] = field(default_factory=dict)
    composed: bytes | None = None
    fetched: dict[str, bytes] = field(default_factory=dict)
