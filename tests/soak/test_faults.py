"""Faults under runs of every kind: database restarts, full disks, storage outages, idle connections, open transactions.

No run is lost, duplicated or stuck, and each wait states its reason. `SOAK_RUNS` (default 5,000 for restarts, 1,000
otherwise) and `SOAK_SECONDS` (300 for restarts, 600 for the idle transaction, 60 otherwise) change the sizes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.soak import faults, load
from tests.soak.faults import Line
from tests.soak.house import House, every, house
from tests.soak.load import Record
from tests.storage import seaweed

from orvanta_platform.embedded.postgres import start

pytestmark = pytest.mark.soak(minutes=40)

CALLING = ("of u/admin/files(", "of u/admin/webhook(")
"""Paths of runs that call the platform, whose errors may state that the database is unavailable."""

_AT_ONCE = 100
_POLL_S = 2.0


def runs(otherwise: int) -> int:
    """Return the number of runs to start."""
    return int(os.environ.get("SOAK_RUNS", otherwise))


def seconds(otherwise: float) -> float:
    """Return the duration in seconds."""
    return float(os.environ.get("SOAK_SECONDS", otherwise))


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a home folder that the database's user can access."""
    made = Path(tempfile.mkdtemp(prefix="orvanta-faults-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@asynccontextmanager
async def under_way(home: House, record: Record, count: int, *excuses: str) -> AsyncIterator[asyncio.Event]:
    """Start `count` runs during the block, wait for them to end, and check them; the event is set when all have begun.

    `excuses`: substrings of the reports on runs that are allowed to fail.

    Prints the time until a run started at the end of the block has ended, and the time until all others have ended.
    """
    kinds = every(list(home.definitions.values()))
    begun, recovery = asyncio.Event(), 0.0
    async with load.people(home, record), home.client() as client, load.reasons(home, record, _POLL_S):

        async def begin() -> None:
            await load.many(client, record, kinds, count, _AT_ONCE)
            begun.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(begin())
            group.create_task(load.check_ended(home, client, record, begun))
            yield begun
            over = time.monotonic()
            recovery = await load.recovered(home, record)
        rest = time.monotonic() - over
        await load.until_empty(home, record)
    await load.look_for_doubles(home, record)
    await load.look_for_unasked(home, record)
    print(f"\nrecovered {recovery:.1f} s after it was over, all ended after {rest:.1f} s")
    load.print_record(record)
    wrong = [each for each in record.wrong if not any(excuse in each for excuse in excuses)]
    assert (wrong, record.lost, record.stuck, record.doubled) == ([], [], [], set())
    assert record.silent == {}
    assert home.doctor() == ""


async def lasting(wanted_s: float) -> None:
    """Wait for the duration of the test."""
    await asyncio.sleep(wanted_s)


async def test_database_restart() -> None:
    record = Record()
    async with house("restarts") as home, under_way(home, record, runs(5000), *CALLING) as begun:
        count = await faults.restarts(home, seconds(300), begun, lambda: len(record.accepted) + record.ended)
    print(f"{count} restarts")


async def test_full_disk_of_the_database() -> None:
    with folder() as place, _disk(place / "postgres", "400m"):
        home_there = {"ORVANTA_HOME": str(place)}
        async with house("full", settings=home_there) as home, under_way(home, Record(), runs(1000), *CALLING):
            await lasting(5)
            with faults.full(place / "postgres"):
                await lasting(seconds(60))


@pytest.mark.parametrize("isolation", ["auto", "landlock"])
async def test_full_disk_of_the_jobs(isolation: str) -> None:
    """Fill the disk of builds and packages and, if jobs have no file system of their own, that of their folders.

    The errors of Go's compiler do not always mention the full disk.
    """
    with folder() as place, _disk(place / "packages", "200m"), _disk(place / "tmp", "100m"):
        (place / "tmp").chmod(0o1777)
        settings = {"ORVANTA_HOME": str(place), "TMPDIR": str(place / "tmp"), "ORVANTA_ISOLATION": isolation}
        async with (
            house("full", settings=settings) as home,
            under_way(home, Record(), runs(1000), "o space left on device", "of u/admin/go("),
        ):
            await lasting(5)
            with faults.full(place / "packages"), faults.full(place / "tmp"):
                await lasting(seconds(60))


async def test_object_store_outage_then_slowness() -> None:
    with seaweed.running() as store:
        address = urlsplit(store.endpoint)
        async with Line.to(address.hostname or "", address.port or 0) as line:
            url = store.url("orvanta", "soak").replace(f":{address.port}?", f":{line.port}?")
            url = url.replace(f":{address.port}&", f":{line.port}&")
            settings = {"OBJECT_STORAGE_URL": url, **store.environment}
            async with house("store", settings=settings) as home, under_way(home, Record(), runs(1000)):
                await lasting(5)
                async with line.cut():
                    await lasting(seconds(60))
                async with line.slow(100_000):
                    await lasting(seconds(60))


@pytest.mark.parametrize("most", [100, 400], ids=["as many as there may be", "beside them"])
async def test_300_idle_connections(most: int) -> None:
    with folder() as place, start(place, options={"max_connections": str(most)}):
        home_there = {"ORVANTA_HOME": str(place)}
        async with house("idle", settings=home_there) as home, under_way(home, Record(), runs(1000)):
            await lasting(5)
            async with faults.idle_connections(home, 300) as held:
                print(f"{held} idle connections")
                await lasting(seconds(60))


async def test_idle_transaction() -> None:
    async with house("transaction") as home, under_way(home, Record(), runs(1000)):
        await lasting(5)
        async with faults.idle_transaction(home):
            await lasting(seconds(600))


@contextmanager
def _disk(place: Path, size: str) -> Iterator[None]:
    try:
        with faults.small_disk(place, size):
            yield
    except PermissionError as error:
        pytest.skip(f"no file system may be mounted here: {error}")
