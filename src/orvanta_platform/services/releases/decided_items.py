"""Items of the plan of a request, as they are stored when the request is closed."""

from __future__ import annotations

import msgspec

from orvanta_platform.workflow.tree.item import Key, Kind
from orvanta_platform.workflow.tree.plan import Action, Plan


class DecidedItem(msgspec.Struct, frozen=True):
    """Effect on an item that a closed request had, or would have had."""

    kind: Kind
    path: str
    action: Action
    overwrites: bool
    """It replaces a change that was made in the environment."""

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path


def encode_items(plan: Plan) -> str:
    """Return the items of a plan as JSON text."""
    items = [DecidedItem(each.kind, each.path, each.action, each.overwrites) for each in plan.entries]
    return msgspec.json.encode(items).decode()


def decode_items(text: str | None) -> list[DecidedItem] | None:
    """Return the stored items of a plan; None if there are none."""
    return None if text is None else msgspec.json.decode(text, type=list[DecidedItem])
