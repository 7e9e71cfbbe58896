"""Output of `orvanta admin storage`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.table import Table

from orvanta_platform import clock
from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
from orvanta_platform.services.maintenance.retention import Policy
from orvanta_platform.services.maintenance.storage_report import StorageReport, storage

_MAX_TABLES = 15
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def show(*, as_json: bool) -> None:
    """Print the storage report of the database that the settings name."""
    with with_database(take_settings()) as settings:
        policy, owner_url = Policy(settings.retention_days), settings.owner_url
        found = run_with_database(
            settings, lambda database: storage(database, policy, clock.now(), owner_url=owner_url)
        )
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return
    console = Console()
    for table in _tables(found):
        console.print(table)


def size(count: int) -> str:
    """Return a size in bytes as text with at most four digits and a unit."""
    number, unit = float(count), 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if unit == 0 or number >= 100 else f"{number:.1f} {_UNITS[unit]}"


def _tables(found: StorageReport) -> Iterator[Table]:
    tables = _table("table", "size", "indexes", "rows (estimate)")
    for each in found.tables[:_MAX_TABLES]:
        tables.add_row(each.name, size(each.bytes), size(each.index_bytes), str(each.rows))
    yield tables
    weeks = _table("week of", "size", "dropped on", "held back by")
    for week in found.weeks:
        dropped_on = "never" if week.goes_at is None else f"{week.goes_at:%Y-%m-%d}"
        weeks.add_row(f"{week.begins_at:%Y-%m-%d}", size(week.bytes), dropped_on, week.held_by or "")
    yield weeks
    workspaces = _table("workspace", "runs", "oldest", "values", "in objects", "log characters", "retention days")
    for one in found.workspaces:
        workspaces.add_row(
            one.id,
            str(one.runs),
            f"{one.oldest_at:%Y-%m-%d}" if one.oldest_at else "",
            size(one.value_bytes),
            size(one.object_bytes),
            str(one.log_chars),
            str(one.retention_days or ""),
        )
    yield workspaces


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
