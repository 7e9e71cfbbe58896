"""Cost of metrics at the load of P15: `python -m bench.metrics_cost`, two installations in turns.

The endpoints of server and worker of one of them are scraped every five seconds. Prints steps per second, and CPU time
per step of servers, workers and PostgreSQL, with metrics as a multiple of those without: the median of the rounds'
ratios, and the middle half of them.

On most machines these ratios vary more than metrics cost. The cost itself is therefore measured as well: the CPU time
of a scrape, and that of the values recorded per step, which are counted.
"""

from __future__ import annotations

import re
import statistics
import threading
import timeit
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import typer

from bench.client import Client
from bench.comparison import Side
from bench.installation import installation
from bench.machine import free_port
from bench.measures.chain import AT_ONCE, at_once, measure_orvanta
from orvanta_platform import clock
from orvanta_platform.measurements import JOB_DURATION, Histogram

INTERVAL_S = 5.0
STEPS = 40
SCRAPES = 100
"""Scrapes of each endpoint from which the CPU time of one is measured."""
RECORDED = re.compile(rb"^orvanta_\w+(?:_count|_total)(?:{.*})? (\S+)$", re.MULTILINE)
PLATFORM = ("server", "worker", "supervisor", "postgres")


@dataclass(slots=True)
class Measured:
    """Rounds of one installation."""

    name: str
    side: Side
    base: str
    rates: list[float] = field(default_factory=list)
    """Steps per second of each round."""
    cpu_us: list[float] = field(default_factory=list)
    """Microseconds of CPU time per step of each round."""

    def measure(self, each: int) -> None:
        """Run `each` chains by each client, and print the figures."""
        # The server closes connections that are idle during the rounds of the other installation.
        with connections(self.base) as clients:
            self.side.meter.total.clear()
            self.side.meter.start()
            seconds = at_once(clients, self.side, each)
            self.side.meter.stop()
        steps = AT_ONCE * each * STEPS
        used = self.side.meter.total
        self.rates.append(steps / seconds)
        self.cpu_us.append(sum(used.get(role, 0) for role in PLATFORM) / steps / 1000)
        print(f"{self.name} metrics: {self.rates[-1]:,.1f} steps/s, {self.cpu_us[-1]:,.0f} µs per step", flush=True)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each installation.")] = 9,
    each: Annotated[int, typer.Option(min=1, help="Chains of each of the 16 clients in a round.")] = 10,
) -> None:
    """Measure and print the ratios."""
    ports = [free_port(), free_port()]
    settings = dict(zip(("ORVANTA_METRICS_PORT", "ORVANTA_WORKER_METRICS_PORT"), map(str, ports), strict=True))
    with ExitStack() as stack:
        sides = {}
        for name, chosen in (("without", {}), ("with", settings)):
            orvanta = stack.enter_context(installation(ORVANTA_SLOTS=str(AT_ONCE), **chosen))
            sides[name] = Measured(name, measure_orvanta(orvanta, STEPS, dedicated=True), orvanta.base)
            with connections(orvanta.base) as clients:
                at_once(clients, sides[name].side, 1)
        before = recorded(ports)
        with scraping(ports) as scrapes:
            for number in range(rounds):
                # The first of a round finds caches as the other left them: neither is always first.
                for measured in list(sides.values())[:: 1 if number % 2 else -1]:
                    measured.measure(each)
        assert scrapes, "nothing was scraped"
        per_step = (recorded(ports) - before) / (rounds * AT_ONCE * each * STEPS)
        for label in ("rates", "cpu_us"):
            print_ratio(label, *(getattr(each, label) for each in sides.values()))
        print(f"{len(scrapes)} scrapes, {statistics.median(scrapes):,.0f} bytes each")
        print_cost(sides["with"], ports, per_step)


UNITS = {"rates": "steps/s", "cpu_us": "µs of CPU per step"}


def print_ratio(label: str, without: list[float], with_metrics: list[float]) -> None:
    """Print the medians, and the median and quartiles of the ratios of the rounds."""
    ratios = [after / before for before, after in zip(without, with_metrics, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    medians = f"{statistics.median(without):,.1f} {UNITS[label]} without, {statistics.median(with_metrics):,.1f} with"
    print(f"{medians}; ratio of a round {middle:.3f} × ({low:.3f} to {high:.3f})")


def print_cost(measured: Measured, ports: Sequence[int], per_step: float) -> None:
    """Print the CPU time of metrics per step, by its parts, and as a share of the CPU time of a step."""
    meter = measured.side.meter
    meter.total.clear()
    meter.start()
    for _ in range(SCRAPES):
        scrape(ports)
    meter.stop()
    scrape_us = sum(meter.total.get(role, 0) for role in PLATFORM) / SCRAPES / 1000
    scrape_per_step = scrape_us / INTERVAL_S / statistics.median(measured.rates)
    value_us = min(timeit.repeat(record_time, number=100_000, repeat=5)) * 10
    total = scrape_per_step + per_step * value_us
    print(f"a scrape of both endpoints takes {scrape_us:,.0f} µs of CPU, {scrape_per_step:.2f} µs per step")
    print(f"{per_step:.2f} values are recorded per step, {value_us:.2f} µs each, {per_step * value_us:.2f} µs per step")
    print(f"together {total:.2f} µs of CPU per step, {100 * total / statistics.median(measured.cpu_us):.2f} %")


TIMES = Histogram(JOB_DURATION)


def record_time() -> None:
    """Measure and record a time as the platform does."""
    started = clock.monotonic()
    TIMES.observe(clock.monotonic() - started, "script", "succeeded")


def scrape(ports: Sequence[int]) -> list[bytes]:
    """Return the answers of these endpoints."""
    answers = []
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            answers.append(answer.read())
    return answers


def recorded(ports: Sequence[int]) -> float:
    """Return how many values these processes have recorded since their start."""
    return sum(float(each[1]) for answer in scrape(ports) for each in RECORDED.finditer(answer))


@contextmanager
def connections(base: str) -> Iterator[list[Client]]:
    """Yield the clients of an installation, and close their connections."""
    clients = [Client(base) for _ in range(AT_ONCE)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


@contextmanager
def scraping(ports: Sequence[int]) -> Iterator[list[int]]:
    """Scrape these endpoints during the block; yield the list of the sizes of their answers in bytes.

    An endpoint that cannot be scraped fails the block at its end.
    """
    sizes: list[int] = []
    stopped = threading.Event()

    def scrape_often() -> None:
        while not stopped.wait(INTERVAL_S):
            sizes.extend(map(len, scrape(ports)))

    with ThreadPoolExecutor(1) as pool:
        scraper = pool.submit(scrape_often)
        try:
            yield sizes
        finally:
            stopped.set()
        scraper.result()


if __name__ == "__main__":
    typer.run(main)
