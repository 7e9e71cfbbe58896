"""Metrics of a process in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from orvanta_platform import __version__, measurements
from orvanta_platform.measurements import SECONDS, Counter, Histogram, Measurements, Metric
from orvanta_platform.services.maintenance.metrics import Figures

_PROCESS = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=_PROCESS)


def write(measured: Measurements, figures: Figures | None) -> bytes:
    """Return the metrics of this process; with `figures` also those of the database."""
    return generate_latest(_Families([*_PROCESS.collect(), *_families(measured), *_of_database(figures)]))


class _Families(CollectorRegistry):
    """Families of one response."""

    def __init__(self, families: Iterable[Family]) -> None:
        super().__init__(auto_describe=False)
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _families(measured: Measurements) -> Iterator[Family]:
    yield _gauge(measurements.BUILD, {(__version__,): 1})
    if measured.slots is not None:
        used, free = measured.slots()
        yield _gauge(measurements.SLOTS, {("used",): used, ("free",): free})
    for each in measured:
        yield _counter(each) if isinstance(each, Counter) else _histogram(each)


def _of_database(figures: Figures | None) -> Iterator[Family]:
    if figures is None:
        return
    ages = {(row.queue,): row.oldest_s for row in figures.jobs if row.oldest_s is not None}
    states = {(row.worker_group, "drained" if row.drained else "claiming"): row.workers for row in figures.workers}
    yield _gauge(measurements.QUEUE_JOBS, {(row.queue, row.state): row.jobs for row in figures.jobs})
    yield _gauge(measurements.QUEUE_AGE, ages)
    yield _gauge(measurements.WORKERS, states)
    yield _gauge(measurements.RUNS_LIVE, {(status,): runs for status, runs in figures.runs.items()})
    yield _gauge(measurements.DB_SIZE, {(): figures.database.size})
    yield _gauge(measurements.DB_XMIN, {(): figures.database.oldest_xmin_s})
    yield _gauge(measurements.DB_CONNECTIONS, {(): figures.database.connections})
    yield _gauge(measurements.DB_DEAD, {(table,): rows for table, rows in figures.dead_rows.items()})


def _gauge(metric: Metric, values: Mapping[Any, float]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _counter(counter: Counter) -> Family:
    family = CounterMetricFamily(counter.metric.name, counter.metric.text, labels=counter.metric.labels)
    for labels, value in counter.values.items():
        family.add_metric(labels, value)
    return family


def _histogram(histogram: Histogram) -> Family:
    family = HistogramMetricFamily(histogram.metric.name, histogram.metric.text, labels=histogram.metric.labels)
    bounds = [*map(str, SECONDS), "+Inf"]
    for labels, series in histogram.series.items():
        total, buckets = 0, []
        for bound, count in zip(bounds, series.counts, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric(labels, buckets, series.total)
    return family
