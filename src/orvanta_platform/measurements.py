"""Measurements of one process: counters and histograms in memory, from which the endpoint of metrics is served.

`METRICS` is the table of all metrics. `reference()` generates the page docs/reference/metrics.md from it.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the buckets of all histograms, in seconds."""

MAX_SERIES = 1000
"""Maximum number of label combinations of one metric; further ones are counted with the label values `other`."""

MAX_QUEUES = 200
"""Maximum number of queues in the metrics of the database, as any member can name queues; the others are `other`."""

MAX_ENDED = 100_000
"""Maximum number of ended runs that wait to be recorded."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: one row of the table."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Labels
    origin: str
    """Processes that expose it: servers, workers, `servers and workers`, or the leading server."""
    text: str


def _metric(kind: Literal["counter", "gauge", "histogram"], name: str, labels: str, origin: str, text: str) -> Metric:
    return Metric(f"orvanta_{name}", kind, tuple(labels.split()), origin, text)


_ALL, _LEADER = "servers and workers", "leading server"

BUILD = _metric("gauge", "build_info", "version", _ALL, "Version of the process; the value is always 1.")
RUNS = _metric(
    "counter",
    "runs_total",
    "trigger outcome",
    _ALL,
    "Runs that ended, by outcome: succeeded, failed, cancelled. Those of sub-workflows have the trigger flow; dry runs "
    "do not count.",
)
JOB_WAIT = _metric(
    "histogram",
    "job_schedule_to_start_seconds",
    "queue",
    "workers",
    "Time between the enqueuing of a job and its first claim; the queues of single workers count as one, `worker`.",
)
JOB_DURATION = _metric(
    "histogram",
    "job_duration_seconds",
    "kind outcome",
    "workers",
    "Time for which an attempt of a job occupied its slot, by outcome: succeeded, failed, cancelled.",
)
SLOTS = _metric("gauge", "worker_slots", "state", "workers", "Slots of the worker by state: used, free.")
STEP = _metric("histogram", "step_duration_seconds", "", _ALL, "Time to write a batch of steps to the database.")
RETRIES = _metric(
    "counter", "db_retries_total", "error", _ALL, "Transactions that were retried, by the class of the error."
)
DB_WAIT = _metric("histogram", "db_pool_wait_seconds", "", _ALL, "Time that a task waited for a database connection.")
LOST = _metric("counter", "leases_expired_total", "", _ALL, "Workers that this process declared lost.")
HTTP = _metric(
    "histogram",
    "http_request_duration_seconds",
    "route method status",
    "servers",
    "Time to answer a request, by the template of its path.",
)
TRIGGER_LAG = _metric(
    "histogram",
    "trigger_lag_seconds",
    "kind",
    "servers",
    "Time between a tick and the start of its run; the only kind is schedule.",
)
SPANS = _metric(
    "counter",
    "trace_spans_total",
    "outcome",
    _ALL,
    "Spans of runs: exported, dropped by a slow or unavailable receiver.",
)
QUEUE_JOBS = _metric(
    "gauge", "queue_jobs", "queue state", _LEADER, "Live jobs by state: available, running, scheduled (to be retried)."
)
QUEUE_AGE = _metric(
    "gauge", "queue_oldest_seconds", "queue", _LEADER, "Time for which the oldest job that may start has been waiting."
)
WORKERS = _metric("gauge", "workers", "group state", _LEADER, "Live workers by state: claiming, drained.")
RUNS_LIVE = _metric("gauge", "runs_live", "status", _LEADER, "Runs that have not ended.")
DB_SIZE = _metric("gauge", "db_size_bytes", "", _LEADER, "Size of the database.")
DB_XMIN = _metric(
    "gauge", "db_oldest_xmin_seconds", "", _LEADER, "Age of the oldest transaction that holds back vacuum."
)
DB_CONNECTIONS = _metric("gauge", "db_connections", "", _LEADER, "Connections to the database.")
DB_DEAD = _metric("gauge", "db_dead_rows", "table", _LEADER, "Dead rows of the tables of the queue.")

METRICS = (
    *(BUILD, RUNS, JOB_WAIT, JOB_DURATION, SLOTS, STEP, RETRIES, DB_WAIT, LOST, HTTP, TRIGGER_LAG, SPANS),
    *(QUEUE_JOBS, QUEUE_AGE, WORKERS, RUNS_LIVE, DB_SIZE, DB_XMIN, DB_CONNECTIONS, DB_DEAD),
)


class Counter:
    """Counter with labels."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.values: dict[Labels, float] = {}

    def add(self, *labels: str, by: float = 1) -> None:
        """Add `by` to the series of these labels."""
        key = _bounded(self.values, labels)
        self.values[key] = self.values.get(key, 0) + by


class Series:
    """One series of a histogram."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        """Number of observations per bucket; the last bucket has no upper bound."""
        self.total = 0.0


class Histogram:
    """Histogram of times in seconds, with labels."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.series: dict[Labels, Series] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one time."""
        series = self.series.get(labels)
        if series is None:
            series = self.series.setdefault(_bounded(self.series, labels), Series())
        series.counts[bisect_left(SECONDS, seconds)] += 1
        series.total += seconds


def _bounded(known: dict[Labels, float] | dict[Labels, Series], labels: Labels) -> Labels:
    """Return the labels, or `other` for each of them if there are too many series."""
    return labels if labels in known or len(known) < MAX_SERIES else ("other",) * len(labels)


class EndedRuns:
    """Runs that ended in this process and are not recorded yet."""

    def __init__(self) -> None:
        self._runs: list[UUID] = []
        self._filled = asyncio.Event()
        self.recording = asyncio.Lock()
        """Held while runs that were taken are recorded: who acquires it next finds them recorded or put back."""

    def add(self, run: UUID) -> None:
        """Add a run. If nobody takes them, the list stops growing."""
        if len(self._runs) < MAX_ENDED:
            self._runs.append(run)
        self._filled.set()

    async def wait(self) -> None:
        """Wait until there are runs to record."""
        await self._filled.wait()

    def take(self) -> list[UUID]:
        """Remove and return all runs."""
        self._filled.clear()
        taken, self._runs = self._runs, []
        return taken

    def put_back(self, runs: list[UUID]) -> None:
        """Add runs that were taken and not recorded, before those that ended since."""
        self._runs = [*runs, *self._runs][:MAX_ENDED]
        if self._runs:
            self._filled.set()


class Measurements:
    """All measurements of one process."""

    def __init__(self) -> None:
        self.runs = Counter(RUNS)
        self.job_wait = Histogram(JOB_WAIT)
        self.job_duration = Histogram(JOB_DURATION)
        self.steps = Histogram(STEP)
        self.retries = Counter(RETRIES)
        self.pool_wait = Histogram(DB_WAIT)
        self.lost_workers = Counter(LOST)
        self.requests = Histogram(HTTP)
        self.trigger_lag = Histogram(TRIGGER_LAG)
        self.spans = Counter(SPANS)
        self.ended = EndedRuns()
        self.slots: Callable[[], tuple[int, int]] | None = None
        """Numbers of used and free slots, in a worker."""
        self.unready: Callable[[], str | None] = lambda: None
        """Reason for which this process takes no work; None if it does."""

    def __iter__(self) -> Iterator[Counter | Histogram]:
        """Iterate over the counters and histograms."""
        return (each for each in vars(self).values() if isinstance(each, Counter | Histogram))


def reference() -> str:
    """Return the page docs/reference/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "`ORVANTA_METRICS_PORT` (server) and `ORVANTA_WORKER_METRICS_PORT` (worker) switch the endpoint on;",
        "[Monitor](../how-to/operate/monitor.md#metrics) describes it. Times are in seconds. Servers elect one of them",
        "to expose the metrics of the database; if it changes, these series continue at another target.",
        "",
        "The buckets of histograms end at",
        f"{', '.join(f'{each:g}' for each in SECONDS)} s.",
        f"A metric has at most {MAX_SERIES:,} combinations of labels in one process; further ones are counted with",
        "`other` as the value of each label. The standard metrics `process_*` are served as well.",
        "",
        "| name | type | labels | processes | meaning |",
        "|---|---|---|---|---|",
    ]
    for each in METRICS:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.name}` | {each.kind} | {labels} | {each.origin} | {each.text} |")
    return "\n".join(lines) + "\n"
