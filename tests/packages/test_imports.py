"""Imports of scripts by scripts, from the deploy to the run at the strongest isolation level."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.http.harness import ApiHarness, W
from tests.packages.importing import Catalog

from orvanta_platform.worker.loop import Worker


@pytest.fixture
async def catalog(api: ApiHarness, working: Worker) -> AsyncIterator[Catalog]:
    """Scripts of the workspace, with a worker that runs them."""
    for name in ("lib", "app"):
        await api.client.post(f"{W}/folders/create", json={"name": name, "owners": []})
    running = asyncio.create_task(working.run())
    yield Catalog(api, working)
    working.drain()
    await running


async def test_run_executes_imports_pinned_at_deploy(catalog: Catalog) -> None:
    await catalog.deploy("f/lib/base", "ONE = 1")
    await catalog.deploy("f/lib/numbers", "from f.lib.base import ONE\ndef two(): return ONE + 1")
    main = "from f.lib.numbers import two\nimport f.lib.base as base\ndef main(): return [two(), base.ONE]"
    first = await catalog.deploy("f/app/main", main)
    assert await catalog.result("f/app/main") == [2, 1]
    await catalog.deploy("f/lib/base", "ONE = 10")
    assert await catalog.result("f/app/main") == [2, 1], "a version keeps the imports of its deployment"
    second = await catalog.deploy("f/app/main", main)
    assert second != first
    assert await catalog.result("f/app/main") == [11, 10], "the next deployment takes the newest versions"
    assert await catalog.deploy("f/app/main", main) == second
    assert await catalog.result_of_version(first) == [2, 1]
