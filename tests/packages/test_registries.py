"""Package registries that are configured on this machine; skipped if they do not respond."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from tests.packages.conftest import Shop
from tests.worker.jobs import Ran

from orvanta_platform.services.runs.locks import Locks
from orvanta_platform.worker.imports import Imports
from orvanta_platform.worker.packages.store import PackageError, Packages

pytestmark = pytest.mark.extended

UNREACHED = re.compile(
    r"(?i)dns|connect|timed? ?out|unreachable|refused|sending request|enotfound|certificate|proxy|\b[45]\d\d\b"
)
"""Messages of uv and bun about an index that does not respond, as text or as a status."""


@pytest.fixture
async def world(shop: Shop) -> Shop:
    """Return the shop with the registries of this machine instead of the local indexes."""
    settings = replace(shop.platform.settings, python_index=None, npm_registry=None)
    imports = Imports(shop.platform, shop.runtimes)
    packages = Packages(shop.runtimes, settings, Locks(shop.platform), imports, dict(os.environ))
    return Shop(shop.platform, shop.runtimes, packages, shop.index)


async def run(world: Shop, language: str, content: str) -> Ran:
    try:
        return await world.run(content, language=language)
    except PackageError as error:
        if UNREACHED.search(error.message):
            pytest.skip(f"the registry does not answer: {error.message}")
        raise


async def test_python_index(world: Shop) -> None:
    content = "import tabulate\ndef main():\n    return tabulate.tabulate([[1]], tablefmt='plain')"
    assert (await run(world, "python3", content)).value == "1", world.log.text


async def test_npm_registry(world: Shop) -> None:
    content = 'import isOdd from "is-odd@3.0.1";\nexport function main() { return isOdd(3) }'
    assert (await run(world, "bun", content)).value is True, world.log.text
