"""Operations of the audit trail that change items, and the items that they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from orvanta_platform.db.changes import ChangeRow
from orvanta_platform.workflow.tree.item import KINDS, Key, Kind

_KINDS: Final[Mapping[str, Kind]] = {f"{kind}s": kind for kind in KINDS}
CHANGE_SETS: Final = "change_sets"
NOUNS: Final = (*_KINDS, "acls", CHANGE_SETS)
"""First parts of the operations of the audit trail that change items."""


def parameters_of(row: ChangeRow) -> dict[str, Any]:
    """Return the parameters of an operation."""
    found = msgspec.json.decode(row.parameters) if row.parameters else None
    return found if isinstance(found, dict) else {}


def key_of(row: ChangeRow, parameters: Mapping[str, Any]) -> Key | None:
    """Return the item that an operation changes; None for a change set, whose items have rows of their own."""
    noun = row.operation.partition(".")[0]
    kind = _KINDS.get(noun)
    if kind is None and noun != CHANGE_SETS and parameters.get("kind") in KINDS:
        kind = cast(Kind, parameters["kind"])
    return None if kind is None or row.resource is None else (kind, row.resource)
