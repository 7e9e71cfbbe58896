"""Evaluation context of expressions besides the values they read: time, random seed, and access to secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, cast
from uuid import UUID

from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Plan
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.javascript import Moment, Resolve
from orvanta_platform.orchestrator.interpolation import Kind, Vault
from orvanta_platform.orchestrator.secret_access import Identity, open_for

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SERVER_ERROR: Final = 500

T = TypeVar("T")


async def all_of(asks: Iterable[Awaitable[T]]) -> list[T]:
    """Await all of these concurrently; once all are complete, return the results or raise the first error in order."""
    found = await asyncio.gather(*asks, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return cast("list[T]", found)


def moment_of(plan: Plan, run: RunRow, index: int, frame: UUID | None = None) -> Moment:
    """Return time and random seed for a node, from the run's row: the same for each attempt and replay.

    `index` is the node's, or one past the last for the failure module and the workflow's output. Each iteration has
    its own `frame` and therefore its own seed.
    """
    node = "" if index == len(plan.nodes) else plan.node(index).id
    node = f"{frame.hex}/{node}" if frame is not None else node
    return Moment((run.scheduled_at - _EPOCH) // _MILLISECOND, f"{run.seed}/{node}")


def resolver(vault: Vault, identity: Identity, workspace: str, opened: OpenedSecrets) -> Resolve:
    """Return a function that opens variables and resources for an expression and adds secret texts to `opened`."""

    async def resolve(kind: Kind, path: str) -> bytes:
        try:
            return await open_for(vault, identity, workspace, kind, path, opened)
        except OrvantaError as error:
            if error.status >= _SERVER_ERROR:  # a server error is not caused by the expression
                raise
            raise ExpressionError(error.code, error.message) from error

    return resolve
