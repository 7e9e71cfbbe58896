"""Inputs of nodes that were paused before they started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.plan import Node
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator.scope import Load
from orvanta_platform.orchestrator.step_debounce import with_joined

EDITED: Final = "edited"
"""Name of the value (of a node's id, kind args) with the edited inputs of a paused node."""

_NOTHING: Mapping[ValueKey, bytes] = {}


async def with_replaced_inputs(
    load: Load,
    run: RunRow,
    node: Node,
    job: UUID,
    args: bytes,
    names: frozenset[str],
    known: Mapping[ValueKey, bytes] = _NOTHING,
) -> tuple[bytes, frozenset[str]]:
    """Return the inputs of a node (JSON object text), replaced by joined or edited ones if there are any.

    `names` are the inputs that may hold references. Joined inputs also come from other runs and hold none; edited ones
    were checked when they were submitted. If neither can exist, nothing is read. `known` holds values that are not in
    a table yet. Raises ObjectMissing.
    """
    if node.debounce is not None:
        names = names - node.debounce.inputs.keys()
    args = await with_joined(load, node, job, args)
    if not RunState.decode(run.state).breakpoints:
        return args, names
    key = (job, "args", EDITED)
    raw = known.get(key) or (await load([key])).get(key)
    if raw is None:
        return args, names
    edited = _members(raw)
    return msgspec.json.encode({**_members(args), **edited}), names | edited.keys()


def _members(args: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(args, type=dict[str, msgspec.Raw])
