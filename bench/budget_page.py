"""Generator of the page of budgets: the cost of a run and of a step, from the newest result of P19."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.stored_results import StoredResult, newest

PAGE = "docs/reference/benchmark-budget.md"

_HEAD = """\
# Cost of a run and of a step

This page is generated from the newest result of [P19](benchmarks.md). `make bench` renews it, `make bench ARGS=p19` in
a few minutes. All numbers are for one run of a one-node Python script whose caller waits for the result, or for one
step of a chain of 40 nodes. What the installation does without load is subtracted, except from CPU time and wake-ups.
Counts hardly depend on the machine, CPU time does.
"""

_LOADS = {
    "run": "run, one caller",
    "run_of_50_callers": "run, 50 callers",
    "step": "step of a chain",
}
_MODES = ("dedicated", "confined")
_COLUMNS = tuple((mode, load) for load in _LOADS for mode in _MODES)
_COUNTS = {
    "statements": "statements",
    "round_trips": "round trips to PostgreSQL",
    "durable_commits": "durable commits",
    "notifications": "transactions of notifications",
    "wal_bytes": "WAL bytes",
}


def text(results: Sequence[StoredResult]) -> str:
    """Return the page."""
    result = newest(results, "P19")
    if result is None:
        return f"{_HEAD}\nNot measured.\n"
    record = result.bars["P19"]
    machine = result.machine
    about = f"Measured on {machine['date']} at `{result.commit}` ({result.computer}, Python {machine['python']})."
    parts = [
        _HEAD,
        about + "\n",
        "## Counts\n",
        _table(record, [(label, [key]) for key, label in _COUNTS.items()]),
        "## Statements by name\n",
        _named(record, "statements_by_name"),
        "## Time in PostgreSQL by statement, in µs\n",
        "Wall time in the server process, including planning, and the flush of the WAL if the statement commits.\n",
        _named(record, "database_us_by_name", least=5),
        "## Wake-ups\n",
        "Voluntary context switches: how often a process waited and was woken, without processes that have ended.\n",
        _named(record, "wake_ups"),
        "## CPU time by process, in µs\n",
        _named(record, "cpu_us"),
        "## CPU time of server and worker by function\n",
        "Shares of the samples of a profile. C code counts for the function that calls it.\n",
        _functions(record),
    ]
    return "\n".join(part for part in parts if part)


def _table(record: Mapping[str, Any], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    titles = [f"{_LOADS[load]}, {mode}" for mode, load in _COLUMNS]
    lines = ["| | " + " | ".join(titles) + " |", "|---|" + "---:|" * len(titles)]
    for label, keys in rows:
        values = [_find(record, [mode, load, *keys]) for mode, load in _COLUMNS]
        lines.append(f"| {label} | " + " | ".join(_shown(value) for value in values) + " |")
    return "\n".join(lines) + "\n"


def _named(record: Mapping[str, Any], key: str, *, least: float = 0) -> str:
    """Return a table of named numbers, the largest first; names whose numbers are all below `least` are left out."""
    names: dict[str, float] = {}
    for mode, load in _COLUMNS:
        for name, value in (_find(record, [mode, load, key]) or {}).items():
            names[name] = max(names.get(name, 0), value)
    if not names:
        return "Not measured.\n"
    shown = [name for name, number in names.items() if number >= least]
    ordered = sorted(shown, key=lambda name: (name == "all", -names[name]))
    return _table(record, [(f"`{' '.join(name.split())}`", [key, name]) for name in ordered])


def _functions(record: Mapping[str, Any]) -> str:
    parts = []
    for mode in _MODES:
        for role, functions in (_find(record, [mode, "functions"]) or {}).items():
            lines = [
                f"### {role}, runs of 50 callers, {mode}\n",
                "| function | itself | with callees |",
                "|---|---:|---:|",
            ]
            lines += [f"| `{name}` | {own:.1%} | {whole:.1%} |" for name, (own, whole) in functions.items()]
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts) or "Not measured.\n"


def _find(tree: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")
