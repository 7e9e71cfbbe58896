"""Process that performs only the duties of a leading server. Environment: DATABASE_URL; argument: a folder."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from orvanta_platform.daemons import background, leader_duties
from orvanta_platform.services.platform import open_platform
from orvanta_platform.settings import Settings


async def main() -> None:
    platform = await open_platform(Settings(home=Path(sys.argv[1]), database_url=os.environ["DATABASE_URL"]))
    async with background.running(platform, (leader_duties.run,)):
        await asyncio.Event().wait()


asyncio.run(main())
