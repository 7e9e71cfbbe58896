"""Metrics of a server and a worker, parsed by the library of Prometheus and compared with the database."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.installation import PATIENCE_S, Installation

from orvanta_platform.measurements import METRICS

QUIET = {"language": "bash", "content": "echo 1"}
BUSY = 100
"""Number of runs that are started without waiting for their results."""
FAILING = {"content": "def main():\n    raise ValueError('no')\n", "language": "python3"}

INPUT = json.loads((Path(__file__).parents[2] / "examples" / "order_receipt.input.json").read_text())

Samples = dict[tuple[str, tuple[str, ...]], float]


def scrape(port: str) -> Samples:
    """Return the samples of an endpoint by name and label values, without those of buckets."""
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60)
    assert answer.status_code == 200, answer.text
    found: Samples = {}
    labels = {metric.name.removesuffix("_total"): metric.labels for metric in METRICS}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if "le" not in sample.labels and family.name in labels:
                found[sample.name, tuple(sample.labels[label] for label in labels[family.name])] = sample.value
    return found


def total(samples: Samples, name: str, *labels: str) -> float:
    """Return the sum of the series whose last labels are these."""
    return sum(
        value for (of, values), value in samples.items() if of == name and values[len(values) - len(labels) :] == labels
    )


async def test_metrics_equal_the_database(installation: Installation) -> None:
    """Counters of both processes equal the rows of the history, gauges the live rows."""
    client = installation.client
    for _ in range(3):
        client.post("/api/w/main/jobs/run_wait_result/f/f/examples/order_receipt", json=INPUT).raise_for_status()
    client.post("/api/w/main/jobs/run/preview", json={**FAILING, "args": {}}).raise_for_status()
    for _ in range(BUSY):
        client.post("/api/w/main/jobs/run/preview", json={**QUIET, "args": {}}).raise_for_status()
    connection = await asyncpg.connect(installation.owner_url)
    try:
        deadline = monotonic() + PATIENCE_S
        while not await _agree(installation, connection):
            assert monotonic() < deadline
    finally:
        await connection.close()
    ports = installation.environ["ORVANTA_METRICS_PORT"], installation.environ["ORVANTA_WORKER_METRICS_PORT"]
    server, worker = map(scrape, ports)
    named = {name.removesuffix("_count").removesuffix("_sum") for name, _ in {**server, **worker}}
    absent = {"orvanta_leases_expired_total", "orvanta_db_retries_total", "orvanta_trigger_lag_seconds"}
    absent.add("orvanta_trace_spans_total")
    empty = {"orvanta_queue_jobs", "orvanta_queue_oldest_seconds", "orvanta_runs_live"}
    assert {metric.name for metric in METRICS} - named <= absent | empty
    assert server["orvanta_workers", ("default", "claiming")] == 1
    assert worker["orvanta_worker_slots", ("free",)] + worker["orvanta_worker_slots", ("used",)] >= 4
    assert server["orvanta_db_size_bytes", ()] > 1 << 20
    assert total(worker, "orvanta_job_schedule_to_start_seconds_count", "python3") > 0
    (route,) = {
        labels[0] for _, labels in server if labels[1:] == ("POST", "201") and labels[0].endswith("/run/preview")
    }
    assert route.startswith("/api/w/{")


async def _agree(installation: Installation, connection: Any) -> bool:
    """Return whether the runs that have ended, by trigger and outcome, and the live jobs agree."""
    server = scrape(installation.environ["ORVANTA_METRICS_PORT"])
    worker = scrape(installation.environ["ORVANTA_WORKER_METRICS_PORT"])
    ended = await connection.fetch("SELECT trigger, status, count(*) AS runs FROM run GROUP BY 1, 2")
    live = await connection.fetchval("SELECT count(*) FROM job_live")
    name = "orvanta_runs_total"
    counted = {key[1]: value for key, value in server.items() if key[0] == name}
    for (of, labels), value in worker.items():
        if of == name:
            counted[labels] = counted.get(labels, 0) + value
    expected = {(row["trigger"], row["status"]): row["runs"] for row in ended}
    jobs = sum(value for (of, _), value in server.items() if of == "orvanta_queue_jobs")
    return (
        bool(expected) and expected == counted and live == jobs and any(outcome == "failed" for _, outcome in counted)
    )
