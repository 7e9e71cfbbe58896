"""Set-up of a database: migrations, first account, examples; and its reports to `ServerProcess`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress

from orvanta_platform.db.migrate import migrate
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.services.access import setup as instance
from orvanta_platform.services.access.setup import FirstStart
from orvanta_platform.services.catalog import examples
from orvanta_platform.services.platform import open_platform
from orvanta_platform.settings import Settings


def set_up(settings: Settings, handle: int) -> bool:
    """Set up the database of these settings, write the reports for `ServerProcess` into the pipe `handle` and close it.

    Returns False if an error was reported.
    """
    os.set_inheritable(handle, False)
    with os.fdopen(handle, "w", buffering=1) as reports:

        def report(**fields: object) -> None:
            with suppress(BrokenPipeError):  # `orvanta up` has ended, and so will this process
                reports.write(json.dumps(fields, default=str) + "\n")

        try:
            first = asyncio.run(set_up_database(settings, migrated=report))
        except OrvantaError as error:
            report(error=error.as_dict())
            return False
        report(link=first.link, token_file=str(first.token_file))
        return True


async def set_up_database(settings: Settings, *, migrated: Callable[[], None] = lambda: None) -> FirstStart:
    """Apply missing migrations, and create the first account, workspace and examples if there are none.

    Calls `migrated` when the tables are up to date.
    """
    assert settings.owner_url is not None and settings.database_url is not None
    evaluator = Evaluator()
    if not instance.has_token(settings):
        evaluator.start()  # for the examples, while the tables are created
    try:
        await migrate(settings.owner_url, app_url=settings.database_url)
        migrated()
        platform = await open_platform(settings, evaluator=evaluator)
        try:
            first = await instance.first_start(platform.db, settings)
            if first.fresh:
                await examples.seed(platform, settings.workspace)
            return first
        finally:
            await platform.close()
    finally:
        await evaluator.close()
