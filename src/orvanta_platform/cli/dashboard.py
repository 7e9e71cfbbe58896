"""Generator of the Grafana dashboard of the metrics of `measurements.METRICS`.

`python -m orvanta_platform.cli.dashboard deploy/grafana/orvanta.json` writes it; a test compares it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orvanta_platform import measurements as m
from orvanta_platform.measurements import METRICS, Metric

_COLUMNS, _HEIGHT = 24, 8
_PER_ROW = 3
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart over time."""

    title: str
    unit: str
    """Unit of the values, by its name in Grafana."""
    queries: tuple[tuple[str, str], ...]
    """Expressions of PromQL with the legends of their series."""


def _rate(metric: Metric, by: str, where: str = "") -> str:
    """Return an expression for the events per second of a counter."""
    return f"sum by ({by}) (rate({metric.name}{where}[$__rate_interval]))"


def _events(metric: Metric, by: str) -> str:
    """Return an expression for the observations per second of a histogram."""
    return f"sum by ({by}) (rate({metric.name}_count[$__rate_interval]))"


def _quantiles(metric: Metric, where: str = "", by: str = "") -> tuple[tuple[str, str], ...]:
    """Return expressions for the median and the 95th percentile of a histogram."""
    suffix = f" {{{{{by}}}}}" if by else ""
    return tuple((_quantile(of, metric, where, by), f"{name}{suffix}") for of, name in ((0.5, "p50"), (0.95, "p95")))


def _quantile(of: float, metric: Metric, where: str = "", by: str = "") -> str:
    grouped = ", ".join(filter(None, ("le", by)))
    buckets = f"sum by ({grouped}) (rate({metric.name}_bucket{where}[$__rate_interval]))"
    return f"histogram_quantile({of}, {buckets})"


_QUEUE = '{queue=~"$queue"}'
_JOBS = f"max by (queue, state) ({m.QUEUE_JOBS.name}{_QUEUE})"

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Runs",
        (
            Panel("Ended runs by outcome", "ops", ((_rate(m.RUNS, "outcome"), "{{outcome}}"),)),
            Panel("Failed runs by trigger", "ops", ((_rate(m.RUNS, "trigger", '{outcome="failed"}'), "{{trigger}}"),)),
            Panel("Live runs", "short", ((f"max by (status) ({m.RUNS_LIVE.name})", "{{status}}"),)),
            Panel("Delay of triggers", "s", _quantiles(m.TRIGGER_LAG, by="kind")),
        ),
    ),
    (
        "Queues and workers",
        (
            Panel("Jobs by state", "short", ((_JOBS, "{{queue}} {{state}}"),)),
            Panel("Wait of the oldest job", "s", ((f"max by (queue) ({m.QUEUE_AGE.name}{_QUEUE})", "{{queue}}"),)),
            Panel("Time until a job starts", "s", _quantiles(m.JOB_WAIT, _QUEUE)),
            Panel("Duration of jobs", "s", _quantiles(m.JOB_DURATION, by="kind")),
            Panel("Attempts of jobs by outcome", "ops", ((_events(m.JOB_DURATION, "outcome"), "{{outcome}}"),)),
            Panel("Slots", "short", ((f"sum by (state) ({m.SLOTS.name})", "{{state}}"),)),
            Panel("Workers", "short", ((f"max by (group, state) ({m.WORKERS.name})", "{{group}} {{state}}"),)),
            Panel("Lost workers", "short", ((f"sum (increase({m.LOST.name}[$__rate_interval]))", "lost"),)),
        ),
    ),
    (
        "Servers",
        (
            Panel("Requests by status", "reqps", ((_events(m.HTTP, "status"), "{{status}}"),)),
            Panel("Time to answer a request", "s", _quantiles(m.HTTP)),
            Panel("Slowest routes", "s", ((f"topk(10, {_quantile(0.95, m.HTTP, by='route')})", "{{route}}"),)),
            Panel("Spans of traces", "ops", ((_rate(m.SPANS, "outcome"), "{{outcome}}"),)),
            Panel("Versions", "short", ((f"count by (version) ({m.BUILD.name})", "{{version}}"),)),
        ),
    ),
    (
        "Database",
        (
            Panel("Time to write steps", "s", _quantiles(m.STEP)),
            Panel("Wait for a connection", "s", _quantiles(m.DB_WAIT)),
            Panel("Retried transactions", "ops", ((_rate(m.RETRIES, "error"), "{{error}}"),)),
            Panel("Size", "bytes", ((f"max ({m.DB_SIZE.name})", "size"),)),
            Panel("Dead rows", "short", ((f"max by (table) ({m.DB_DEAD.name})", "{{table}}"),)),
            Panel("Oldest transaction", "s", ((f"max ({m.DB_XMIN.name})", "age"),)),
            Panel("Connections", "short", ((f"max ({m.DB_CONNECTIONS.name})", "connections"),)),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """Return the dashboard as a document that Grafana imports."""
    return {
        "title": "Orvanta",
        "uid": "orvanta",
        "tags": ["orvanta"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": list(_variables())},
        "panels": list(_panels()),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    query = f"label_values({m.QUEUE_JOBS.name}, queue)"
    yield {
        "name": "queue",
        "label": "Queue",
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "queue"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    width = _COLUMNS // _PER_ROW
    for title, panels in ROWS:
        place = {"h": 1, "w": _COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        number, top = number + 1, top + 1
        for index, panel in enumerate(panels):
            line, column = divmod(index, _PER_ROW)
            place = {"h": _HEIGHT, "w": width, "x": column * width, "y": top + line * _HEIGHT}
            yield _panel(panel, number, place)
            number += 1
        top += -(-len(panels) // _PER_ROW) * _HEIGHT


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    shown = " ".join(expression for expression, _ in panel.queries)
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": " ".join(each.text for each in METRICS if each.name in shown),
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


def text() -> str:
    """Return the dashboard as a JSON text."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
