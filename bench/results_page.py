"""Generator of the page of results, with its charts, from the stored JSON files.

`python -m bench.results_page` writes it; a test compares it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import budget_page
from bench.chart_rows import CHARTS, Chart, bars_of
from bench.report import ANSWER, between_markers
from bench.stored_results import StoredResult, newest, read_results
from bench.svg import Bar, Panel, bar_chart, number, panels
from bench.targets import TARGETS, Figure

ROOT = Path(__file__).parents[1]
README = "README.md"
PAGE = "docs/reference/benchmark-results.md"
_IMAGES = "docs/images/bench"
_TREND = f"{_IMAGES}/trend.svg"
_COLUMNS = 8
"""Number of results in the table of the trend: the newest ones."""

_HEAD = """\
# Benchmark results

[Benchmarks](benchmarks.md) describes the bars and how they are measured. `python -m bench.results_page` generates this
page from the JSON files in `bench/results`, which contain every single timing; `make bench` measures and renews it.
[Cost of a run and of a step](benchmark-budget.md) shows statements, wake-ups and CPU time.

## Bars

The newest measurement of each bar, compared with its present target. Compare times of one machine only. Both sides of a
ratio were measured in turns on the same machine.
"""

_CHARTS_TEXT = """\
## Charts

The length of a bar is the median. The thin line is the spread: all values if there are up to 30, otherwise those from
the 5th to the 95th percentile. A point is a round or a call. The dashed line is the target.
"""

_TREND_TEXT = """\
## Trend

All results in the order of their commits, including those of `make bench-quick`. The dashed line is the target. Each
machine has a colour.
"""


def pages(results: Sequence[StoredResult]) -> dict[str, str]:
    """Return the text of every generated file by its path."""
    files = _charts(results)
    files[README] = between_markers((ROOT / README).read_text(encoding="utf-8"), _readme(results))
    files[_TREND] = _trend_chart(results)
    files[PAGE] = _page(results, files)
    files[budget_page.PAGE] = budget_page.text(results)
    return files


def write() -> None:
    """Write all files, and delete charts that are no longer generated."""
    files = pages(read_results())
    for old in (ROOT / _IMAGES).glob("*.svg"):
        if f"{_IMAGES}/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


def _page(results: Sequence[StoredResult], files: Mapping[str, str]) -> str:
    parts = [_HEAD, _bars(results), _sources(results), _CHARTS_TEXT]
    for name, chart in CHARTS.items():
        if (file := f"{_IMAGES}/{name}.svg") in files:
            parts.append(f"![{_description(chart, _bars_of(results, chart))}](../{_in_docs(file)})\n")
    parts += [_TREND_TEXT, f"![Trend of every figure](../{_in_docs(_TREND)})\n", _trend_table(results)]
    return "\n".join(parts)


def _in_docs(file: str) -> str:
    return file.removeprefix("docs/")


def _readme(results: Sequence[StoredResult]) -> str:
    """Return the section of the README: the table, and the machines that it was measured on."""
    lines = _header("bar", "what", "target", "measured", "reached")
    sources: dict[str, list[str]] = {}
    for bar, target in TARGETS.items():
        result = newest(results, bar)
        measured, reached = "not measured", ANSWER[None]
        if result is not None:
            record = result.bars[bar]
            measured, reached = _cell(record["measured"]), ANSWER[verdict(bar, record)]
            where = (
                f"{result.machine['date']} (`{result.commit}`, {result.computer}, Python {result.machine['python']})"
            )
            sources.setdefault(where, []).append(bar)
        lines.append(f"| {bar} | {target.what} | {target.asked} | {measured} | {reached} |")
    lines += ["", *(f"- Measured on {where}: {', '.join(bars)}." for where, bars in sources.items())]
    return "\n".join(lines) + "\n"


def _bars(results: Sequence[StoredResult]) -> str:
    lines = _header("bar", "what", "target", "measured", "reached", "date", "commit", "machine")
    for bar, target in TARGETS.items():
        result = newest(results, bar)
        if result is None:
            cells = ["not measured", "–", "–", "–", "–"]
        else:
            record = result.bars[bar]
            reached = ANSWER[verdict(bar, record)]
            cells = [_cell(record["measured"]), reached, result.machine["date"], f"`{result.commit}`", result.computer]
        lines.append("| " + " | ".join([bar, target.what, target.asked, *cells]) + " |")
    return "\n".join(lines) + "\n"


def verdict(bar: str, record: Mapping[str, Any]) -> bool | None:
    """Return whether a record reaches the present target: None if that is unknown."""
    reached = TARGETS[bar].is_reached(record)
    # A record that failed or lost something has the numbers as well.
    return False if reached and record["reached"] is False and _is_incomplete(record) else reached


def _is_incomplete(record: Mapping[str, Any]) -> bool:
    return any(word in record["measured"] for word in ("failed", "lost", "in the database"))


def _sources(results: Sequence[StoredResult]) -> str:
    lines = _header(
        "file", "date", "commit", "machine", "system", "Python", "rounds", "load before", "fixed work, hot / cold"
    )
    for result in results:
        machine = result.machine
        cells = (
            f"`{result.name}`",
            machine["date"],
            f"`{result.commit}`",
            f"{result.computer}, {round(machine['memory_mib'] / 1024)} GiB",
            f"{machine['system']}, kernel {machine['kernel'].split('-')[0]}",
            machine["python"],
            str(result.settings["rounds"]),
            f"{machine['load_before'][0]:g}",
            _probe_cell(machine.get("probe_us")),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _probe_cell(times: Mapping[str, float] | None) -> str:
    return f"{times['hot']:,.0f} / {times['cold']:,.0f} µs" if times else "–"


def _charts(results: Sequence[StoredResult]) -> dict[str, str]:
    found = {}
    for name, chart in CHARTS.items():
        if bars := _bars_of(results, chart):
            found[f"{_IMAGES}/{name}.svg"] = bar_chart(f"{chart.bar}: {chart.title}", chart.unit, bars)
    return found


def _bars_of(results: Sequence[StoredResult], chart: Chart) -> list[Bar]:
    result = newest(results, chart.bar)
    return [] if result is None else bars_of(chart, result.bars[chart.bar])


def _description(chart: Chart, bars: Sequence[Bar]) -> str:
    values = ", ".join(f"{bar.label} {number(bar.value)}" for bar in bars)
    return f"{chart.bar}, {chart.title} in {chart.unit}: {values}"


def _trend_chart(results: Sequence[StoredResult]) -> str:
    machines = list(dict.fromkeys(result.computer for result in results))
    charts = []
    for bar, figure in _figures():
        points = tuple(
            (position, value, machines.index(result.computer))
            for position, result in enumerate(results)
            if (value := figure.value(result.bars.get(bar, {}))) is not None
        )
        if points:
            unit = figure.unit.split(" ")[0]
            charts.append(Panel(_name(bar, figure), unit, points, figure.limit))
    return panels("Every figure by commit", charts, len(results), machines)


def _trend_table(results: Sequence[StoredResult]) -> str:
    shown = results[-_COLUMNS:]
    heads = [f"{result.machine['date']} `{result.commit}` {result.computer.split(' ')[0]}" for result in shown]
    lines = _header("figure", "target", *heads)
    for bar, figure in _figures():
        values = [figure.value(result.bars.get(bar, {})) for result in shown]
        cells = ["–" if value is None else number(value) for value in values]
        lines.append("| " + " | ".join([_name(bar, figure), _limit(figure), *cells]) + " |")
    return "\n".join(lines) + "\n"


def _figures() -> list[tuple[str, Figure]]:
    return [(bar, figure) for bar, target in TARGETS.items() for figure in target.figures]


def _name(bar: str, figure: Figure) -> str:
    same = [each for each in TARGETS[bar].figures if each.name == figure.name]
    parts = [bar, figure.name, figure.unit if len(same) > 1 else ""]
    return " ".join(part for part in parts if part).replace("`", "")


def _limit(figure: Figure) -> str:
    return f"{'≥' if figure.at_least else '≤'} {figure.limit:,g} {figure.unit}"


def _header(*titles: str) -> list[str]:
    return [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write()
