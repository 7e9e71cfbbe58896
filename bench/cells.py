"""`python -m bench.cells`: arithmetic and a simulation of cells, for docs/explanation/scale.md.

A cell is an installation with one PostgreSQL. Each workspace belongs to one cell, and workers subscribe to several.
Nothing is measured here: the costs of a step are those of P15 (bench/results), and the capacity of a large database is
assumed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

import msgspec

POSTGRES_US: Final = 133
"""CPU time of PostgreSQL for a step, measured, in microseconds."""

WORKER_US: Final = 366
"""CPU time of the worker and its job for a step of a light script, measured, in microseconds."""

CELL_STEPS_PER_S: Final = 10_000
"""Assumed capacity of a cell: a database with 8 cores, of which steps take 1.3, measured, and the rest is reserve for
queries, vacuum and replication."""

UTILISATION: Final = 0.6
"""Share of the capacity that is planned, so that a cell survives a burst."""

STEP_BYTES: Final = 1_700
"""Growth of the database by a run of one node with small inputs and results, measured (`bench.sizing`), in bytes."""

WORKER_STEPS_PER_S: Final = 100
"""Assumed rate of a worker process: 8 slots with steps of 80 ms."""

CONNECTIONS: Final = 2
"""Connections of a worker process to each of its cells: one for queries, one for notifications."""

SUBSCRIPTIONS: Final = 2
"""Cells of a worker in the arithmetic."""


class Plan(msgspec.Struct, frozen=True):
    """Size of an installation for a number of steps per second."""

    steps_per_s: int
    cells: int
    postgres_cores: int
    worker_cores: int
    connections_per_cell: int
    gigabytes_per_day: float


def plan(steps_per_s: int) -> Plan:
    """Return the size for a rate of steps."""
    cells = math.ceil(steps_per_s / (CELL_STEPS_PER_S * UTILISATION))
    workers = math.ceil(steps_per_s / WORKER_STEPS_PER_S)
    subscribed = min(SUBSCRIPTIONS, cells)
    return Plan(
        steps_per_s,
        cells,
        math.ceil(steps_per_s * POSTGRES_US / 1e6),
        math.ceil(steps_per_s * WORKER_US / 1e6),
        math.ceil(workers * subscribed * CONNECTIONS / cells),
        steps_per_s * STEP_BYTES * 86_400 / 1e9,
    )


class Simulated(msgspec.Struct, frozen=True):
    """Outcome of a simulation."""

    subscriptions: int
    done_share: float
    """Steps that were executed, of those that arrived while the simulation ran."""

    longest_wait_s: float
    """Longest backlog of a cell, as the seconds that its capacity needs for it."""

    affected_share: float
    """Share of the steps whose cell was down for a minute, of those that arrived in that minute."""


def simulate(subscriptions: int, *, cells: int = 12, seconds: int = 420, seed: int = 1) -> Simulated:
    """Simulate workspaces of different sizes, with bursts, on workers that each subscribe to `subscriptions` cells.

    Time passes in seconds. 2,000 workspaces, the n-th with 1/n of the load of the first, are placed by size, largest
    first, each in the cell with the least load. Every 30 seconds a quarter of the cells begins a burst. Workers have a
    quarter more capacity than the average load. The first cell is down from second 300 to 360.
    """
    source = random.Random(seed)
    loads = place([1 / rank for rank in range(1, 2001)], cells)
    total = cells * CELL_STEPS_PER_S * UTILISATION
    rates = [load * total / sum(loads) for load in loads]
    workers = cells * 10
    subscribed = [[(worker + 5 * step) % cells for step in range(subscriptions)] for worker in range(workers)]
    backlog = [0.0] * cells
    bursts = [1.0] * cells
    arrived = done = down = during = longest = 0.0
    for second in range(seconds):
        if second % 30 == 0:
            bursts = burst_factors(source, cells)
        is_down = 300 <= second < 360
        new = [rate * burst for rate, burst in zip(rates, bursts, strict=True)]
        backlog = [waiting + more for waiting, more in zip(backlog, new, strict=True)]
        arrived += sum(new)
        during += sum(new) if is_down else 0
        down += new[0] if is_down else 0
        wanted = [0.0 if is_down and not cell else min(backlog[cell], CELL_STEPS_PER_S) for cell in range(cells)]
        executed = share(subscribed, wanted, total * 1.25 / workers)
        backlog = [waiting - steps for waiting, steps in zip(backlog, executed, strict=True)]
        done += sum(executed)
        longest = max(longest, *(waiting / CELL_STEPS_PER_S for waiting in backlog[1:]))
    return Simulated(subscriptions, done / arrived, longest, down / during)


def place(sizes: Sequence[float], cells: int) -> list[float]:
    """Return the load of each cell after placing each workspace, largest first, in the cell with the least load."""
    loads = [0.0] * cells
    for size in sorted(sizes, reverse=True):
        loads[loads.index(min(loads))] += size
    return loads


def burst_factors(source: random.Random, cells: int) -> list[float]:
    """Return factors with the average 1: a quarter of the cells has a burst of up to 1.6 times its average."""
    factors = [source.uniform(1.2, 1.6) if source.random() < 0.25 else source.uniform(0.6, 1) for _ in range(cells)]
    average = sum(factors) / cells
    return [min(1.6, factor / average) for factor in factors]


def share(subscribed: Sequence[Sequence[int]], wanted: Sequence[float], each: float) -> list[float]:
    """Return the steps that workers execute for each cell.

    `each`: steps of one worker. A worker asks its cells for equal parts, and those that have more for what is left.
    """
    open_ = list(wanted)
    left = [each] * len(subscribed)
    for _ in range(6):
        asked = [0.0] * len(open_)
        parts = []
        for own, capacity in zip(subscribed, left, strict=True):
            having = [cell for cell in own if open_[cell] > 1e-6]
            parts.append((having, capacity / len(having) if having else 0.0))
            for cell in having:
                asked[cell] += parts[-1][1]
        granted = [min(1.0, have / want) if want else 0.0 for have, want in zip(open_, asked, strict=True)]
        for worker, (having, part) in enumerate(parts):
            left[worker] -= sum(part * granted[cell] for cell in having)
        open_ = [have - want * part for have, want, part in zip(open_, asked, granted, strict=True)]
    return [total - rest for total, rest in zip(wanted, open_, strict=True)]


def tables() -> str:
    """Return the arithmetic and the outcomes as Markdown tables."""
    lines = [
        "| steps/s | cells | cores of PostgreSQL | cores of workers | connections per cell | history per day |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.steps_per_s:,} | {each.cells} | {each.postgres_cores} | {each.worker_cores} "
        f"| {each.connections_per_cell} | {each.gigabytes_per_day:,.0f} GB |"
        for each in map(plan, (1_000, 10_000, 100_000, 1_000_000))
    ]
    lines += [
        "",
        "| cells of each worker | steps executed | longest wait | steps whose cell was down, of those that minute |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {found.subscriptions} | {100 * found.done_share:.1f} % | {found.longest_wait_s:.1f} s "
        f"| {100 * found.affected_share:.1f} % |"
        for found in map(simulate, (1, 2, 3, 12))
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(tables())
