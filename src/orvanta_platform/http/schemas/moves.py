"""Schemas of moves."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.moves import Move
from orvanta_platform.services.catalog.moves import Affected, BlockReason, MovePlan


class MovedItem(msgspec.Struct, kw_only=True):
    """A script or workflow and its new path."""

    kind: Literal["flow", "script"]
    path: str
    target: str
    """The new path."""


class Moves(msgspec.Struct, kw_only=True):
    """Items to move, at most 100."""

    items: list[MovedItem]


class AffectedItem(msgspec.Struct, kw_only=True):
    """An item that refers to a moved one."""

    kind: Literal["flow", "script", "schedule", "http_trigger", "error_handler"]
    path: str
    nodes: list[str] | UnsetType = UNSET
    """Nodes of a workflow that refer to it."""

    reason: BlockReason | UnsetType = UNSET
    """Why it blocks the move."""


class MoveEffect(msgspec.Struct, kw_only=True):
    """Effect of a move."""

    rewritten: list[AffectedItem]
    """Items in which the path is replaced."""

    importing: list[AffectedItem]
    """Items whose code imports a moved script. They use the imported version until their code is changed."""

    blocking: list[AffectedItem]
    """Items because of which nothing can be moved."""

    hidden: int
    """Number of further blocking items, which the caller may not read."""


def moves(body: Moves) -> list[Move]:
    """Return the moves of a request."""
    return [Move(each.kind, each.path, each.target) for each in body.items]


def effect(plan: MovePlan) -> MoveEffect:
    """Return the wire form of the effect of a move."""
    rewritten, importing, blocking = (
        [_affected(each) for each in part] for part in (plan.rewritten, plan.importing, plan.blocking)
    )
    return MoveEffect(rewritten=rewritten, importing=importing, blocking=blocking, hidden=plan.hidden)


def _affected(each: Affected) -> AffectedItem:
    return msgspec.convert(
        {
            "kind": each.kind,
            "path": each.path,
            **({"nodes": list(each.nodes)} if each.nodes else {}),
            **({"reason": each.reason} if each.reason else {}),
        },
        AffectedItem,
    )
