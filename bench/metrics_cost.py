"""Cost of metrics at the load of P15: `python -m bench.metrics_cost`, two installations in turns.

The endpoints of server and worker of one of them are scraped every five seconds. Prints steps per second, and CPU time
per step of servers, workers and PostgreSQL, with metrics as a multiple of those without.
"""

from __future__ import annotations

import statistics
import threading
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

INTERVAL_S = 5.0
STEPS = 40
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
        scrapes = stack.enter_context(scraping(ports))
        for _ in range(rounds):
            for measured in sides.values():
                measured.measure(each)
        assert scrapes, "nothing was scraped"
        for label, unit in (("rates", "steps/s"), ("cpu_us", "µs of CPU per step")):
            without, with_metrics = (statistics.median(getattr(each, label)) for each in sides.values())
            ratio = with_metrics / without
            print(f"{without:,.1f} {unit} without metrics, {with_metrics:,.1f} with them: {ratio:.3f} ×")
        print(f"{len(scrapes)} scrapes, {statistics.median(scrapes):,.0f} bytes each")


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

    def scrape() -> None:
        while not stopped.wait(INTERVAL_S):
            for port in ports:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                    sizes.append(len(answer.read()))

    with ThreadPoolExecutor(1) as pool:
        scraper = pool.submit(scrape)
        try:
            yield sizes
        finally:
            stopped.set()
        scraper.result()


if __name__ == "__main__":
    typer.run(main)
