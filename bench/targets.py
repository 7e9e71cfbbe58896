"""Targets of the bars: the numbers of a record that count, and their limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.bars import Options, Outcome

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a record and its limit."""

    name: str
    """Name among the figures of the bar, in front of the limit; empty if the bar has one figure."""

    unit: str
    limit: float
    paths: tuple[str, ...]
    """Keys of the record, separated by slashes; `*` stands for every key. The worst number counts."""

    at_least: bool = False
    """True if larger numbers are better."""

    summed: bool = False
    """True if the sum of the numbers counts."""

    factor: float = 1
    """From the unit of the record to `unit`."""

    decimals: int = 3
    """Decimals that are compared with the limit."""

    def value(self, record: Mapping[str, Any]) -> float | None:
        """Return the number, or None if the record lacks it."""
        found = [number for path in self.paths for number in numbers(record, path.split("/"))]
        if not found:
            return None
        worst = min if self.at_least else max
        return float(sum(found) if self.summed else worst(found)) * self.factor

    def is_reached(self, value: float) -> bool:
        """Return whether a number reaches the limit."""
        rounded = round(value, self.decimals)
        return rounded >= self.limit if self.at_least else rounded <= self.limit

    @property
    def asked(self) -> str:
        """The limit as text."""
        return f"{self.name} {'≥' if self.at_least else '≤'} {self.limit:,g} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a bar, reached if all its figures are."""

    what: str
    figures: tuple[Figure, ...]

    @property
    def asked(self) -> str:
        """The limits as text."""
        return "; ".join(figure.asked for figure in self.figures)

    def is_reached(self, record: Mapping[str, Any]) -> bool | None:
        """Return whether the record reaches the target; None if it lacks a number and reaches the others."""
        values = [(figure, figure.value(record)) for figure in self.figures]
        if any(value is not None and not figure.is_reached(value) for figure, value in values):
            return False
        return None if any(value is None for _, value in values) else True


def numbers(tree: Any, keys: Sequence[str]) -> Iterator[float]:
    """Yield the numbers of JSON values under these keys, in their order."""
    if not keys:
        if isinstance(tree, int | float):
            yield tree
        for each in tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ():
            yield from numbers(each, ())
    elif isinstance(tree, dict):
        for each in tree.values() if keys[0] == _ANY else [tree[keys[0]]] if keys[0] in tree else ():
            yield from numbers(each, keys[1:])


def outcome(
    bar: str,
    options: Options,
    measured: str,
    data: Mapping[str, Any],
    notes: tuple[str, ...] = (),
    *,
    is_whole: bool = True,
) -> Outcome:
    """Return the outcome of a bar. `is_whole`: nothing was lost, without which no target is reached."""
    target = TARGETS[bar]
    reached = target.is_reached(data) if is_whole else False
    return Outcome(bar, target.what, target.asked, measured, None if options.quick else reached, data, notes)


TARGETS: Mapping[str, Target] = {
    "P1": Target(
        "a chain of 40 light Python nodes, dedicated, beside Restate",
        (Figure("", "× Restate", 0.5, ("ratio",)),),
    ),
    "P2": Target(
        "the same chain, each node in a confined process of its own, beside DBOS",
        (Figure("", "× DBOS", 0.8, ("ratio",)),),
    ),
    "P3": Target(
        "50 callers that wait for runs of a one-node Python script: runs per second",
        (
            Figure("dedicated", "× Restate", 2.0, ("dedicated/ratio",), at_least=True),
            Figure("confined", "× DBOS", 1.3, ("confined/ratio",), at_least=True),
        ),
    ),
    "P4": Target(
        "100,000 queued runs of one `identity` node, drained by one worker process",
        (Figure("", "runs/s", 25_000, ("rate/median",), at_least=True),),
    ),
    "P5": Target(
        "from enqueueing a job to the first line of its code, idle",
        (
            Figure("confined p50", "ms", 3.5, ("confined/p50",)),
            Figure("confined p99", "ms", 8, ("confined/p99",)),
            Figure("dedicated p50", "ms", 1.5, ("dedicated/p50",)),
            Figure("dedicated p99", "ms", 3, ("dedicated/p99",)),
        ),
    ),
    "P6": Target(
        "parallel loops: 10,000 `identity` iterations; 400 light Python iterations, confined, 10 slots",
        (
            Figure("identity", "s", 1.0, ("identities/median",)),
            Figure("Python", "s", 1.5, ("python/median",)),
        ),
    ),
    "P7": Target(
        "5,000 jobs that sleep 100 ms, dedicated, 100 slots over 4 worker processes",
        (Figure("", "% of the slots' maximum", 97, ("share/median",), at_least=True, factor=100),),
    ),
    "P8": Target(
        "frequent queries with 1,000,000 runs in history and 200,000 waiting, and after 2,000,000 more under a "
        "snapshot, against an empty system",
        (Figure("", "×", 1.15, ("ratios",)),),
    ),
    "P9": Target(
        "a job that prints 1,000,000 lines of 100 bytes, all stored: lines per second; growth of the worker",
        (
            Figure("stored", "lines/s", 200_000, ("rate/median",), at_least=True),
            Figure("worker", "MiB more", 64, ("worker_grown_mib",)),
        ),
    ),
    "P10": Target(
        "growth of server or worker by a 50 MiB result; by a 10 MiB input through ten nodes",
        (
            Figure("result", "× its size", 0.5, ("ratios/result",)),
            Figure("input", "× its size", 1.0, ("ratios/input",)),
        ),
    ),
    "P11": Target(
        "idle server, worker and embedded PostgreSQL: memory (PSS); CPU time",
        (
            Figure("memory", "MiB", 220, ("pss_mib",), summed=True, decimals=0),
            Figure("CPU", "% of a core", 0.5, ("cpu_percent",), summed=True, decimals=2),
        ),
    ),
    "P12": Target(
        "from `orvanta up` to the result of a Python workflow: first start; later start",
        (
            Figure("first", "s", 2.5, ("first/median",)),
            Figure("later", "s", 1.2, ("later/median",)),
        ),
    ),
    "P13": Target(
        "a workflow of 500 nodes, deployed and compiled; `decide` on each step of its runs",
        (
            Figure("deploy", "ms", 40, ("first/median", "compile/median"), summed=True),
            Figure("`decide`", "µs per step", 15, ("step/deciding/median",)),
        ),
    ),
    "P14": Target(
        "10,000 schedules, each ticking once an hour: the leader's time for finding ticks",
        (Figure("", "ms per second", 5, ("finding/median",)),),
    ),
    "P15": Target(
        "16 concurrent chains, dedicated: durable steps per second",
        (Figure("", "steps/s", 4_500, ("rate/median",), at_least=True),),
    ),
    "P16": Target(
        "100,000 runs that wait for approval, against hardly any; 10,000 of them decided concurrently",
        (
            Figure("queries", "×", 1.3, ("ratios",)),
            Figure("decided", "s", 8, ("all_decided_s",)),
        ),
    ),
    "P17": Target(
        "two servers and four workers against one of each: 50 callers that wait for runs: runs per second",
        (Figure("", "×", 1.0, ("ratio",), at_least=True),),
    ),
    "P18": Target(
        "time of the last tenth against the first: a chain of 1,000 nodes; a while loop of 10,000 turns",
        (
            Figure("chain", "×", 1.1, ("chain/median",)),
            Figure("loop", "×", 1.1, ("loop/median",)),
        ),
    ),
    "P19": Target(
        "durable commits of a one-node synchronous run; statements and commits of a step of a chain, dedicated",
        (
            Figure("run", "commits", 2, ("dedicated/run/durable_commits",), decimals=1),
            Figure("step", "statement", 1, ("dedicated/step/statements",), decimals=1),
            Figure("step", "commit", 1, ("dedicated/step/writing_transactions",), decimals=1),
        ),
    ),
    "P20": Target(
        "home, list of runs, editor of 50 nodes and page of a run in a browser with 1,000,000 runs: until the data is "
        "shown, with an empty cache",
        (Figure("each", "ms", 300, ("pages/*/cold/median",)),),
    ),
    "P21": Target(
        "a script that imports a chain of 200 scripts: deploy; first line, against a script without imports",
        (
            Figure("deploy", "ms", 1_000, ("deploy/median",)),
            Figure("first line", "ms later", 2, ("first_line_later_ms",)),
        ),
    ),
}
