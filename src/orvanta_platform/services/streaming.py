"""Answers that go on: the first piece is there before they begin, so that what fails is still an error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def begun(pieces: AsyncIterator[T]) -> AsyncIterator[T]:
    """The same pieces, the first of them read already: what it raises is raised here."""
    first = [piece] if (piece := await anext(pieces, None)) is not None else []
    return _behind(first, pieces)


async def _behind(first: list[T], rest: AsyncIterator[T]) -> AsyncIterator[T]:
    for piece in first:
        yield piece
    async for piece in rest:
        yield piece
