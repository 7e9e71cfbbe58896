"""Fixture of one evaluator per module, so that its child processes start once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.evaluate.bench import Bench

from orvanta_platform.evaluate.evaluator import Evaluator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    evaluator = Evaluator()
    yield Bench(evaluator)
    await evaluator.close()
