"""Set-up of a database: migrations, first account, examples; and `orvanta setup`, the process of `SetupProcess`."""

from __future__ import annotations

import asyncio
import json

from orvanta_platform.db.migrate import migrate
from orvanta_platform.errors import OrvantaError
from orvanta_platform.services.access.setup import FirstStart, first_start
from orvanta_platform.services.catalog import examples
from orvanta_platform.services.platform import open_platform
from orvanta_platform.settings import Settings


def set_up(settings: Settings) -> str:
    """Set up the database of these settings and return the JSON that `SetupProcess.run` reads."""
    try:
        first = asyncio.run(set_up_database(settings))
    except OrvantaError as error:
        return json.dumps({"error": error.as_dict()}, default=str)
    return json.dumps({"link": first.link, "token_file": str(first.token_file)})


async def set_up_database(settings: Settings) -> FirstStart:
    """Apply missing migrations, and create the first account, workspace and examples if there are none."""
    assert settings.owner_url is not None and settings.database_url is not None
    await migrate(settings.owner_url, app_url=settings.database_url)
    platform = await open_platform(settings)
    try:
        first = await first_start(platform.db, settings)
        if first.fresh:
            await examples.seed(platform, settings.workspace)
        return first
    finally:
        await platform.close()
