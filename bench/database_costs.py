"""Costs of a load in its PostgreSQL: statements, transactions that write, and WAL.

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
_LOGGED = f"log_statement = 'all'\nlog_line_prefix = '{_PREFIX}'\nlog_parameter_max_length = 0\n"
_STATEMENT = re.compile(r"LOG:  (?:execute [^:]*|statement): (?P<text>.*)", re.DOTALL)
_COUNTERS = """\
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS writes,
       pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal"""
_TRANSACTION = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b")
_CTE_PREFIXES = {"WITH step": "write_steps", "WITH written": "start_run", "WITH new_run": "start_runs"}
"""First words of the statements that are assembled from parts."""

_SETTLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Costs:
    """Numbers of one load. A statement is one round trip; BEGIN and COMMIT count."""

    statements: float
    writes: float
    """Transactions that wrote: their COMMIT is in the WAL."""
    notifications: float
    wal_bytes: float
    by_name: Mapping[str, float]
    """Statements by the name of the query."""

    def per(self, count: int, idle: Costs, idle_share: float) -> Costs:
        """Return the costs per unit of `count`, without `idle_share` times the costs of the idle platform."""
        names = {
            name: round((number - idle.by_name.get(name, 0) * idle_share) / count, 2)
            for name, number in self.by_name.items()
        }
        return Costs(
            (self.statements - idle.statements * idle_share) / count,
            (self.writes - idle.writes * idle_share) / count,
            (self.notifications - idle.notifications * idle_share) / count,
            (self.wal_bytes - idle.wal_bytes * idle_share) / count,
            {name: each for name, each in sorted(names.items(), key=lambda item: -item[1]) if each >= 0.02},
        )

    def record(self) -> dict[str, Any]:
        """Return the costs as JSON values."""
        return {
            "statements": round(self.statements, 2),
            "writing_transactions": round(self.writes, 2),
            "notifications": round(self.notifications, 2),
            "wal_bytes": round(self.wal_bytes),
            "statements_by_name": dict(self.by_name),
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
        texts = [text for text in _statements(self._read(sizes)) if text != _COUNTERS]
        names = Counter(map(self._name, texts))
        costs = Costs(
            len(texts), after["writes"] - before["writes"], names["notify"], float(after["wal"] - before["wal"]), names
        )
        return costs, seconds

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


def _statements(log: str) -> Iterator[str]:
    """Yield the logged statements. The lines of a statement after its first one are indented by a tab."""
    for entry in log.split(_PREFIX):
        if match := _STATEMENT.match(entry):
            yield match["text"].strip().rstrip(";").replace("\n\t", "\n")


def _reload(database: EmbeddedPostgres) -> None:
    assert database.pid is not None
    os.kill(database.pid, signal.SIGHUP)
    time.sleep(_SETTLE_S)


def _queries() -> Iterator[tuple[str, Any]]:
    """Yield all named queries."""
    for path in sorted(Path(orvanta_platform.db.__path__[0], "sql").glob("*.sql")):
        yield from load(path.stem).items()
