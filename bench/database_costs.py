"""Costs of a load in its PostgreSQL: statements, round trips, transactions that write, WAL, and time.

Counts do not depend on the speed of the machine. What the platform does without load is measured too and subtracted.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orvanta_platform.db
from bench.database import ask
from orvanta_platform.db.queries import load
from orvanta_platform.embedded.postgres import EmbeddedPostgres

IDLE_S = 5.0
"""Seconds for which the platform without load is measured."""

_PREFIX = "bench-line "
_LOGGED = f"log_min_duration_statement = 0\nlog_line_prefix = '{_PREFIX}'\nlog_parameter_max_length = 0\n"
_STATEMENT = re.compile(
    r"LOG:  duration: (?P<ms>[\d.]+) ms  (?P<phase>parse|bind|execute|statement)(?: [^:]*)?: (?P<text>.*)", re.DOTALL
)
_COUNTERS = """\
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS writes,
       pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal"""
_TRANSACTION = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b")
_CTE_PREFIXES = {"WITH step": "write_steps", "WITH written": "start_run", "WITH new_run": "start_runs"}
"""First words of the statements that are assembled from parts."""

_SETTLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Costs:
    """Numbers of one load. BEGIN and COMMIT count as statements."""

    statements: float
    round_trips: float
    """Those of statements, and of parsing them when a connection uses them for the first time."""
    writes: float
    """Transactions that wrote: their COMMIT is in the WAL."""
    notifications: float
    wal_bytes: float
    by_name: Mapping[str, float]
    """Statements by the name of the query."""

    us_by_name: Mapping[str, float]
    """Microseconds in the database by the name of the query."""

    def per(self, count: int, idle: Costs, idle_share: float) -> Costs:
        """Return the costs per unit of `count`, without `idle_share` times the costs of the idle platform."""

        def each(own: Mapping[str, float], of_idle: Mapping[str, float]) -> dict[str, float]:
            names = {name: (number - of_idle.get(name, 0) * idle_share) / count for name, number in own.items()}
            return {name: number for name, number in sorted(names.items(), key=lambda item: -item[1]) if number >= 0.02}

        return Costs(
            (self.statements - idle.statements * idle_share) / count,
            (self.round_trips - idle.round_trips * idle_share) / count,
            (self.writes - idle.writes * idle_share) / count,
            (self.notifications - idle.notifications * idle_share) / count,
            (self.wal_bytes - idle.wal_bytes * idle_share) / count,
            each(self.by_name, idle.by_name),
            each(self.us_by_name, idle.us_by_name),
        )

    def scaled(self, factor: float) -> Costs:
        """Return the costs multiplied by a factor."""
        return Costs(
            self.statements * factor,
            self.round_trips * factor,
            self.writes * factor,
            self.notifications * factor,
            self.wal_bytes * factor,
            {name: number * factor for name, number in self.by_name.items()},
            {name: number * factor for name, number in self.us_by_name.items()},
        )

    def record(self) -> dict[str, Any]:
        """Return the costs as JSON values."""
        return {
            "statements": round(self.statements, 2),
            "round_trips": round(self.round_trips, 2),
            "writing_transactions": round(self.writes, 2),
            "durable_commits": round(self.writes - self.notifications, 2),
            "notifications": round(self.notifications, 2),
            "wal_bytes": round(self.wal_bytes),
            "statements_by_name": {name: round(number, 2) for name, number in self.by_name.items()},
            "database_us_by_name": {name: round(number, 1) for name, number in self.us_by_name.items()},
        }


class StatementLog:
    """The log of a PostgreSQL that logs every statement."""

    def __init__(self, database: EmbeddedPostgres, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._names = {query.text: name for name, query in _queries()}

    def measure(self, load: Callable[[], object]) -> tuple[Costs, float]:
        """Run a load; return its costs, including those of the idle platform, and its duration in seconds."""
        sizes, before, started = self._sizes(), self._counters(), time.monotonic()
        load()
        seconds = time.monotonic() - started
        after = self._counters()
        time.sleep(_SETTLE_S)  # The log is written by another process.
        names: Counter[str] = Counter()
        parsed, us = 0, Counter[str]()
        for phase, ms, text in _statements(self._read(sizes)):
            if text == _COUNTERS:
                continue
            name = self._name(text)
            us[name] += round(ms * 1000)
            parsed += phase == "parse"
            names[name] += phase in ("execute", "statement")
        writes, wal = after["writes"] - before["writes"], float(after["wal"] - before["wal"])
        every = names.total()
        return Costs(every, every + parsed, writes, names["notify"], wal, names, us), seconds

    def _counters(self) -> Any:
        return ask(self._database, _COUNTERS)[0]

    def _name(self, text: str) -> str:
        assembled = next((name for words, name in _CTE_PREFIXES.items() if text.startswith(words)), None)
        if assembled is not None:
            return assembled
        control = _TRANSACTION.match(text)
        return control[1] if control else self._names.get(text, text[:60])

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("postgres-*.log"))

    def _sizes(self) -> dict[Path, int]:
        return {path: path.stat().st_size for path in self._files()}

    def _read(self, sizes: Mapping[Path, int]) -> str:
        texts = []
        for path in self._files():
            with path.open("rb") as file:
                file.seek(sizes.get(path, 0))
                texts.append(file.read().decode("utf-8", "replace"))
        return "".join(texts)


@contextmanager
def logging_statements(database: EmbeddedPostgres) -> Iterator[StatementLog]:
    """Log every statement while the block runs."""
    (row,) = ask(database, "SELECT current_setting('data_directory') AS data")
    data = Path(row["data"])
    settings = data / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text(before + _LOGGED)
    try:
        _reload(database)
        yield StatementLog(database, data.parent / "log")
    finally:
        settings.write_text(before)
        _reload(database)


def _statements(log: str) -> Iterator[tuple[str, float, str]]:
    """Yield the phases of the logged statements: name, milliseconds, and text of the statement.

    The lines of a statement after its first one are indented by a tab.
    """
    for entry in log.split(_PREFIX):
        if match := _STATEMENT.match(entry):
            yield match["phase"], float(match["ms"]), match["text"].strip().rstrip(";").replace("\n\t", "\n")


def _reload(database: EmbeddedPostgres) -> None:
    assert database.pid is not None
    os.kill(database.pid, signal.SIGHUP)
    time.sleep(_SETTLE_S)


def _queries() -> Iterator[tuple[str, Any]]:
    """Yield all named queries."""
    for path in sorted(Path(orvanta_platform.db.__path__[0], "sql").glob("*.sql")):
        yield from load(path.stem).items()
