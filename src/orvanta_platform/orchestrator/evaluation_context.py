"""What an expression of a run is evaluated with, beside the values it reads: time, chance, and what it may open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, cast
from uuid import UUID

from orvanta_platform.control.masking import Opened
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Plan
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.javascript import Moment, Resolve
from orvanta_platform.orchestrator.interpolation import Kind, Vault
from orvanta_platform.orchestrator.secret_access import Identity, open_for

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_OURS: Final = 500

T = TypeVar("T")


async def all_of(asks: Iterable[Awaitable[T]]) -> list[T]:
    """What all of these give, asked at once; the first error of them in their order, when all have ended."""
    found = await asyncio.gather(*asks, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return cast("list[T]", found)


def moment_of(plan: Plan, run: RunRow, index: int, frame: UUID | None = None) -> Moment:
    """Time and chance for a node of a run, from what the run's row records: the same at each attempt and replay.

    `index` is the node's, or one past the last for the failure module and the workflow's output. Each iteration has
    its own `frame`, and with it its own chance.
    """
    node = "" if index == len(plan.nodes) else plan.node(index).id
    node = f"{frame.hex}/{node}" if frame is not None else node
    return Moment((run.scheduled_at - _EPOCH) // _MILLISECOND, f"{run.seed}/{node}")


def resolver(vault: Vault, identity: Identity, workspace: str, opened: Opened) -> Resolve:
    """Opens variables and resources for an expression; the texts of secrets are added to `opened`."""

    async def resolve(kind: Kind, path: str) -> bytes:
        try:
            return await open_for(vault, identity, workspace, kind, path, opened)
        except OrvantaError as error:
            if error.status >= _OURS:  # not the expression's fault
                raise
            raise ExpressionError(error.code, error.message) from error

    return resolve
