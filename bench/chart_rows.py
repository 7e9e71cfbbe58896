"""Charts of the bars: which numbers of a record they show."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.svg import Bar
from bench.targets import TARGETS, numbers

_FEW = 30
"""Up to this number of values, the spread is from the smallest to the largest; with more, from the 5th to the 95th
percentile."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a chart: the numbers at `path` of the record, or the figure's number if `path` is empty."""

    label: str
    path: str = ""
    figure: int | None = None
    """Index of the figure whose limit is drawn."""

    relative_to: str = ""
    """Path of the numbers whose median the numbers are divided by."""

    limit_times: str = ""
    """Path of the numbers whose median the limit is multiplied by."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a bar."""

    bar: str
    title: str
    unit: str
    rows: Sequence[Row]
    factor: float = 1
    """From the unit of the record to `unit`."""


_PEERS = ("Restate", "DBOS")
_QUERIES = ("claim of 1", "claim of 100", "timer", "list", "cancel")
_STATES = {"full": "full", "held": "under a snapshot"}
_LOADS = {"run": "run", "run_of_50_callers": "run, 50 callers", "step": "step"}
_PAGES = ("home", "runs", "editor", "run")

CHARTS: Mapping[str, Chart] = {
    "p1": Chart(
        "P1",
        "40 nodes, dedicated",
        "ms",
        (Row("Orvanta", "ours/wall", 0, limit_times="Restate/wall"), Row("Restate", "Restate/wall")),
        1000,
    ),
    "p2": Chart(
        "P2",
        "40 nodes, each in a confined process",
        "ms",
        (Row("Orvanta", "ours/wall", 0, limit_times="DBOS/wall"), Row("DBOS", "DBOS/wall")),
        1000,
    ),
    "p3": Chart(
        "P3",
        "Synchronous runs of 50 callers",
        "runs/s",
        (
            Row("Orvanta, dedicated", "dedicated/ours/rate", 0, limit_times="dedicated/Restate/rate"),
            Row("Restate", "dedicated/Restate/rate"),
            Row("Orvanta, confined", "confined/ours/rate", 1, limit_times="confined/DBOS/rate"),
            Row("DBOS", "confined/DBOS/rate"),
        ),
    ),
    "p4": Chart("P4", "Drained by one worker", "runs/s", (Row("identity", "rate", 0),)),
    "p5": Chart(
        "P5",
        "Enqueued to first line",
        "ms",
        (
            Row("confined", "confined", 0),
            Row("confined, p99", "confined/p99", 1),
            Row("dedicated", "dedicated", 2),
            Row("dedicated, p99", "dedicated/p99", 3),
        ),
    ),
    "p6": Chart("P6", "Parallel loops", "s", (Row("10,000 identity", "identities", 0), Row("400 Python", "python", 1))),
    "p7": Chart("P7", "Jobs that sleep", "% of the slots' maximum", (Row("100 slots", "share", 0),), 100),
    "p8": Chart(
        "P8",
        "Queries on a large history, against an empty system",
        "×",
        tuple(
            Row(f"{query}, {text}", f"{query}/{state}", 0, relative_to=f"{query}/empty")
            for query in _QUERIES
            for state, text in _STATES.items()
        ),
    ),
    "p9": Chart("P9", "Lines of one job", "lines/s", (Row("stored", "rate", 0),)),
    "p10": Chart("P10", "Growth by a large value", "× its size", (Row("result", figure=0), Row("input", figure=1))),
    "p11": Chart(
        "P11",
        "Memory of the idle platform (PSS)",
        "MiB",
        (
            Row("all", figure=0),
            *(Row(role, f"pss_mib/{role}") for role in ("server", "worker", "supervisor", "postgres", "jobs")),
        ),
    ),
    "p12": Chart("P12", "Start to first result", "s", (Row("first start", "first", 0), Row("later start", "later", 1))),
    "p13": Chart(
        "P13",
        "500 nodes",
        "ms",
        (Row("deploy and compile", figure=0), Row("deploy", "first"), Row("compile", "compile")),
    ),
    "p13-decide": Chart(
        "P13", "decide on a step", "µs", (Row("decide", "step/deciding", 1), Row("with state", "step/whole"))
    ),
    "p14": Chart("P14", "Finding ticks", "ms per second", (Row("leader", "finding", 0),)),
    "p15": Chart("P15", "16 concurrent chains", "steps/s", (Row("dedicated", "rate", 0),)),
    "p16": Chart(
        "P16",
        "Queries beside 100,000 waiting runs, against hardly any",
        "×",
        tuple(Row(query, f"{query}/full", 0, relative_to=f"{query}/empty") for query in ("claim", "list", "decision")),
    ),
    "p17": Chart(
        "P17",
        "Synchronous runs of 50 callers",
        "runs/s",
        (Row("2 servers, 4 workers", "several", 0, limit_times="one"), Row("1 server, 1 worker", "one")),
    ),
    "p18": Chart("P18", "Last tenth against the first", "×", (Row("chain", "chain", 0), Row("loop", "loop", 1))),
    "p19": Chart(
        "P19",
        "Statements",
        "statements",
        tuple(
            Row(f"{text}, {mode}", f"{mode}/{load}/statements", 1 if (load, mode) == ("step", "dedicated") else None)
            for mode in ("dedicated", "confined")
            for load, text in _LOADS.items()
        ),
    ),
    "p20": Chart(
        "P20",
        "Pages in a browser",
        "ms",
        tuple(
            Row(f"{page}, {text}", f"pages/{page}/{state}", 0 if state == "cold" else None)
            for page in _PAGES
            for state, text in (("cold", "empty cache"), ("warm", "again"))
        ),
    ),
    "p21": Chart("P21", "Deploy with 200 imports", "ms", (Row("deploy", "deploy", 0),)),
}


def bars_of(chart: Chart, record: Mapping[str, Any]) -> list[Bar]:
    """Return the rows of a chart for which the record has numbers."""
    return [bar for row in chart.rows if (bar := _bar(chart, row, record)) is not None]


def _bar(chart: Chart, row: Row, record: Mapping[str, Any]) -> Bar | None:
    figure = None if row.figure is None else TARGETS[chart.bar].figures[row.figure]
    if row.path:
        values = _values(record, row.path)
        base = _median(record, row.relative_to) if row.relative_to else 1 / chart.factor
        values = [value / base for value in values] if base else []
    else:
        value = figure.value(record) if figure is not None else None
        values = [] if value is None else [value]
    if not values:
        return None
    limit = None if figure is None else figure.limit
    if limit is not None and row.limit_times:
        times = _median(record, row.limit_times)
        limit = None if times is None else limit * times * chart.factor
    low, high = _spread(values)
    is_peer = row.label in _PEERS
    return Bar(row.label, statistics.median(values), low, high, tuple(values), is_peer, limit)


def _values(record: Mapping[str, Any], path: str) -> list[float]:
    """Return the raw numbers at a path, or the only one."""
    return list(numbers(record, [*path.split("/"), "raw"])) or [
        each for each in [next(numbers(record, path.split("/")), None)] if each is not None
    ]


def _median(record: Mapping[str, Any], path: str) -> float | None:
    values = _values(record, path)
    return statistics.median(values) if values else None


def _spread(values: Sequence[float]) -> tuple[float, float]:
    if len(values) <= _FEW:
        return min(values), max(values)
    parts = statistics.quantiles(values, n=20)
    return parts[0], parts[-1]
