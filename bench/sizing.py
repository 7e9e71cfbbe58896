"""`python -m bench.sizing`: a table of runs per second, memory and database size by the slots of one worker process.

A run is a script of one node, in the default isolation. Small runs compute fib(10); long runs sleep for one second.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import msgspec
import typer

from bench.direct_database import EMPTY, ended_since, now, prepared, until, with_platform
from bench.installation import environment, new_home, role_of
from bench.loader import load_script
from bench.machine import describe, free_port
from bench.processes import Program, command_line, descendants, pss_kib
from bench.workflows import LIGHT
from orvanta_platform.control.actor import system
from orvanta_platform.embedded import postgres
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.services.catalog import scripts
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.platform import Platform
from orvanta_platform.settings import Settings

SMALL: Final = "f/bench/small"
LONG: Final = "f/bench/long"
_SCRIPTS: Final = {
    SMALL: LIGHT.replace("def main(n)", "def main(n=10)"),
    LONG: "import time\n\n\ndef main():\n    time.sleep(1)\n",
}
_LIVE = "SELECT count(*) = 1 FROM worker WHERE state = 'live'"
_STOPPED = "SELECT count(*) = 0 FROM worker WHERE state = 'live'"
_WARM_UP = 20


class Row(msgspec.Struct, frozen=True):
    """Figures of one number of slots."""

    slots: int
    small_per_s: float
    """Small runs per second, from the first start to the last end."""

    long_per_s: float
    """Runs of one second per second; at most the number of slots."""

    worker_mib: float
    """Memory (PSS) of the worker with its jobs, while the long runs ran."""

    postgres_mib: float
    """Memory (PSS) of PostgreSQL, at the same time."""

    database_kib_per_1000: float
    """Growth of the database by 1,000 small runs with their history."""


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    slots: Annotated[str, typer.Option(help="Numbers of slots, separated by commas.")] = "1,2,4,8",
    runs: Annotated[int, typer.Option(min=10, help="Small runs for each number of slots.")] = 1000,
    seconds: Annotated[int, typer.Option(min=1, help="Long runs of each slot.")] = 10,
) -> None:
    """Measure, and print a Markdown table."""
    machine = describe()
    rows = measure([int(each) for each in slots.split(",")], runs, seconds)
    place = (
        f"{machine['cores']} cores, {machine['memory_mib'] // 1024} GiB, {machine['processor']}, {machine['system']}"
    )
    load = machine["load_before"][0]
    print(f"Measured on {machine['date']} ({place}, `{machine['orvanta']}`, load before {load}):\n\n{table(rows)}")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| slots | small runs/s | runs of 1 s/s | worker and jobs | PostgreSQL | database per 1,000 runs |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.slots} | {row.small_per_s:,.0f} | {row.long_per_s:.1f} | {row.worker_mib:.0f} MiB "
        f"| {row.postgres_mib:.0f} MiB | {row.database_kib_per_1000 / 1024:.1f} MiB |"
        for row in rows
    ]
    return "\n".join(lines)


def measure(slots: Sequence[int], runs: int, seconds: int) -> list[Row]:
    """Return the figures for each number of slots, all measured on one database."""
    with new_home() as home, postgres.start(home / "orvanta") as database:
        settings = prepared(home, database)
        with_platform(settings, _deploy)
        return [_measure(home, settings, database, each, runs, seconds) for each in slots]


async def _deploy(platform: Platform) -> None:
    for path, content in _SCRIPTS.items():
        await scripts.create(platform, system("main"), "main", NewScript(path, content, "python3", {}))


def _measure(home: Path, settings: Settings, database: EmbeddedPostgres, slots: int, runs: int, seconds: int) -> Row:
    program = Program(
        [sys.executable, "-m", "orvanta_platform.cli.main", "worker"],
        env=environment(home, free_port(), ORVANTA_SLOTS=str(slots)),
    )
    try:
        until(database.owner_url, _LIVE, [program])
        _drain(settings, database, program, SMALL, _WARM_UP)
        before = _bytes_of(database.owner_url)
        small = _drain(settings, database, program, SMALL, runs)
        grown = _bytes_of(database.owner_url) - before
        long, memory = _drain_and_weigh(settings, database, program, slots * seconds)
    finally:
        program.stop()
    until(database.owner_url, _STOPPED, [])
    per_1000 = grown / runs * 1000 / 1024
    return Row(slots, runs / small, slots * seconds / long, memory["worker"], memory["postgres"], per_1000)


def _drain(settings: Settings, database: EmbeddedPostgres, program: Program, path: str, count: int) -> float:
    """Enqueue runs together, wait for them, and return the seconds from the first start to the last end."""
    since = with_platform(settings, lambda platform: _enqueue(platform, path, count))
    until(database.owner_url, EMPTY, [program])
    return _seconds(database, since, count)


def _drain_and_weigh(
    settings: Settings, database: EmbeddedPostgres, program: Program, count: int
) -> tuple[float, dict[str, float]]:
    """Run long runs; return their seconds, and the MiB of the processes by role when half of them have ended."""
    since = with_platform(settings, lambda platform: _enqueue(platform, LONG, count))
    until(database.owner_url, "SELECT count(*) <= $1 FROM run_live", [program], count // 2)
    memory = {"worker": 0.0, "postgres": 0.0}
    for root, role in ((program.pid, "worker"), (database.keeper_pid, "postgres")):
        for pid in (root, *descendants(root)):
            try:
                own = role_of(command_line(pid))
                memory["postgres" if own == "postgres" else role] += pss_kib(pid) / 1024
            except OSError:
                continue  # the process has ended
    until(database.owner_url, EMPTY, [program])
    return _seconds(database, since, count), memory


async def _enqueue(platform: Platform, path: str, count: int) -> Any:
    since = await now(platform)
    await load_script(platform, path, count)
    return since


def _seconds(database: EmbeddedPostgres, since: Any, count: int) -> float:
    row = ended_since(database.owner_url, since)
    assert row["ended"] == row["succeeded"] == count, row
    return float(row["seconds"])


def _bytes_of(url: str) -> int:
    async def call() -> int:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("VACUUM")
            return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
        finally:
            await connection.close()

    return asyncio.run(call())


if __name__ == "__main__":
    app()
