"""Streamed responses whose first item is produced before the response starts, so that early failures are errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def prefetch_first(pieces: AsyncIterator[T]) -> AsyncIterator[T]:
    """Read the first item and return an iterator over all items. Errors of the first item are raised here."""
    first = [piece] if (piece := await anext(pieces, None)) is not None else []
    return _chain(first, pieces)


async def _chain(first: list[T], rest: AsyncIterator[T]) -> AsyncIterator[T]:
    for piece in first:
        yield piece
    async for piece in rest:
        yield piece
