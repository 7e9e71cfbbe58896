"""The pages of benchmark results are generated from the stored JSON files, with a row for each bar."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import budget_page, report
from bench.__main__ import BARS, SHORT
from bench.results_page import PAGE, README, ROOT, pages, verdict
from bench.stored_results import FOLDER, StoredResult, newest, read_results
from bench.svg import Bar, Panel, bar_chart, number, panels
from bench.targets import TARGETS

MACHINE = {
    "date": "2026-01-02",
    "committed": "2026-01-02T03:00:00Z",
    "cores": 2,
    "processor": "Some(R) CPU Processor",
    "memory_mib": 24105,
    "system": "Debian",
    "kernel": "6.1.0-x",
    "load_before": [0.5, 0.5, 0.5],
    "python": "3.11.7",
    "orvanta": "0123456789ab",
}


def store(folder: Path, name: str, bars: Sequence[Mapping[str, Any]], *, short: bool = False, **machine: Any) -> None:
    """Write a result as `make bench` does."""
    settings = {"quick": False, "short": short, "rounds": 3, "jobs": 100}
    tree = {"machine": {**MACHINE, **machine}, "settings": settings, "bars": bars}
    (folder / f"{name}.json").write_text(json.dumps(tree))


def p1(ours: Sequence[float], theirs: Sequence[float], ratio: float) -> dict[str, Any]:
    """Return a record of P1."""
    sides = {name: {"wall": {"raw": list(raw)}} for name, raw in (("ours", ours), ("Restate", theirs))}
    return {"bar": "P1", "measured": f"{ratio:.2f} ×", "reached": None, "ratio": ratio, **sides}


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    table = page.split(f"## {heading}\n")[1].split("\n\n|")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.split("\n")[2:] if line]


def test_pages_are_those_of_stored_results() -> None:
    generated = pages(read_results())
    stale = [name for name, text in generated.items() if (ROOT / name).read_text(encoding="utf-8") != text]
    assert not stale, "python -m bench.results_page renews them"
    assert {path.name for path in (ROOT / "docs/images/bench").iterdir()} == {
        Path(name).name for name in generated if name.endswith(".svg")
    }


def test_each_bar_has_row_with_target_figure_date_commit_and_machine() -> None:
    assert {bar.upper() for bar in BARS} == set(TARGETS) and set(SHORT) < set(BARS)
    results = read_results()
    found = {cells[0]: cells for cells in rows(pages(results)[PAGE], "Bars")}
    assert set(found) == {f"P{number}" for number in range(1, 22)}
    for bar, (_, _, target, measured, reached, date, commit, machine) in found.items():
        assert re.match(r"[\w` ]*[≤≥] [\d,.]+", target), target
        if newest(results, bar) is None:
            assert (measured, reached, date, commit, machine) == ("not measured", "–", "–", "–", "–")
        else:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", date) and re.fullmatch(r"`[0-9a-f]{8}\+?`", commit)
            assert machine.endswith("cores") and measured and reached in report.ANSWER.values()


def test_row_is_that_of_newest_full_result(tmp_path: Path) -> None:
    store(tmp_path, "b-older", [p1([4], [5], 0.8)])
    store(tmp_path, "a-newer", [p1([2], [5], 0.4)], committed="2026-01-02T04:00:00Z", orvanta="abcdef012345+")
    store(tmp_path, "c-short", [p1([9], [5], 1.8)], short=True, committed="2026-01-02T05:00:00Z")
    (tmp_path / "soak-x.json").write_text('{"machine": {}}')
    results = read_results(tmp_path)
    assert [result.name for result in results] == ["b-older.json", "a-newer.json", "c-short.json"]
    page = pages(results)[PAGE]
    first = rows(page, "Bars")[0]
    assert first[3:] == ["0.40 ×", "yes", "2026-01-02", "`abcdef01+`", "Some CPU, 2 cores"]
    assert rows(page, "Trend")[0][2:] == ["0.8", "0.4", "1.8"]
    assert "P1, 40 nodes, dedicated in ms: Orvanta 2,000, Restate 5,000" in page
    assert "| P1 | a chain of 40 light Python nodes" in pages(results)[README]


@pytest.mark.parametrize(
    ("bar", "record", "reached"),
    [
        ("P3", {"dedicated": {"ratio": 2.0}, "confined": {"ratio": 1.3}}, True),
        ("P3", {"dedicated": {"ratio": 2.0}, "confined": {"ratio": 1.29}}, False),
        ("P3", {"dedicated": {"ratio": 2.0}}, None),
        ("P3", {"confined": {"ratio": 1.0}}, False),
        ("P8", {"ratios": {"list": [1.0, 1.16], "claim of 1": [1.0, 1.0]}}, False),
        ("P9", {"rate": {"median": 300_000}, "worker_grown_mib": [3.0, 64.0]}, True),
        (
            "P9",
            {"rate": {"median": 300_000}, "worker_grown_mib": [3.0], "measured": "…, lines lost", "reached": False},
            False,
        ),
        ("P11", {"pss_mib": {"server": 120.2, "worker": 100.2}, "cpu_percent": {"server": 0.25, "worker": 0.25}}, True),
        ("P11", {"pss_mib": {"server": 120, "worker": 101}, "cpu_percent": {"server": 0.2}}, False),
        ("P13", {"first": {"median": 30}, "compile": {"median": 11}, "step": {"deciding": {"median": 9}}}, False),
        ("P20", {"pages": {"home": {"cold": {"median": 299}}, "run": {"cold": {"median": 301}}}}, False),
    ],
)
def test_verdict_is_that_of_worst_number(bar: str, record: dict[str, Any], reached: bool | None) -> None:
    assert verdict(bar, {"measured": "", "reached": None, **record}) is reached


def test_budget_has_counts_of_every_load(tmp_path: Path) -> None:
    cost = {
        "statements": 4.02,
        "statements_by_name": {"claim": 1.0, "rare": 0.02},
        "cpu_us": {"server": 900.4, "all": 1500.0},
    }
    modes = {mode: {"run": cost, "functions": {"server": {"a.b": [0.25, 0.5]}}} for mode in ("dedicated", "confined")}
    store(tmp_path, "one", [{"bar": "P19", "measured": "", "reached": False, **modes}])
    text = budget_page.text(read_results(tmp_path))
    assert "| statements | 4.02 | 4.02 | – | – | – | – |" in text
    assert text.index("| `claim` | 1 | 1 |") < text.index("| `rare` | 0.02 |")
    assert "| `all` | 1,500 | 1,500 |" in text and "| `a.b` | 25.0% | 50.0% |" in text
    assert budget_page.text([]).endswith("Not measured.\n")


def test_charts_show_median_spread_and_target() -> None:
    bars = [Bar("ours <1>", 4, 3, 9, (3, 4, 9), False, 2.5), Bar("theirs", 5, 5, 5, (5,), True, None)]
    tree = ElementTree.fromstring(bar_chart("P1: a & b", "ms", bars))
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"P1: a & b", "ours <1>", "4 (3 to 9)", "theirs", "5", "ms"} <= set(texts)
    kinds = [each.get("class") for each in tree.iter()]
    assert (kinds.count("ours"), kinds.count("peer"), kinds.count("limit"), kinds.count("range")) == (1, 1, 1, 1)
    widths = [float(each.get("width", "0")) for each in tree.iter() if each.get("class") in ("ours", "peer")]
    assert widths[1] == pytest.approx(widths[0] * 5 / 4, abs=0.2)
    trend = ElementTree.fromstring(panels("all", [Panel("P1", "×", ((0, 1.0, 0), (1, 0.5, 1)), 0.5)], 2, ["A", "B"]))
    assert {"P1", "0.5 ×", "A", "B"} <= {each.text for each in trend.iter("{http://www.w3.org/2000/svg}text")}
    assert [number(value) for value in (0, 0.0123456, 1.234, 98.76, 12345.6)] == [
        "0",
        "0.0123",
        "1.23",
        "98.8",
        "12,346",
    ]


def test_charts_have_colours_for_light_and_dark() -> None:
    for file in (ROOT / "docs/images/bench").glob("*.svg"):
        style = ElementTree.parse(file).getroot().find("{http://www.w3.org/2000/svg}style")
        assert style is not None and style.text is not None
        light, dark = style.text.split("@media (prefers-color-scheme:dark)")
        used = {each.get("class") for each in ElementTree.parse(file).iter() if each.get("class")}
        for name in used & {"paper", "ours", "peer", "range", "limit", "m0", "m1", "small", "grid"}:
            assert f".{name}{{" in light and f".{name}{{" in dark, (file.name, name)


def test_stored_results_have_every_timing() -> None:
    """The oldest files lack the timings of some bars, which their notes say; no newer file does."""
    for result in read_results(FOLDER):
        for bar, record in result.bars.items():
            if result.machine["date"] > "2026-11-26" and not record["measured"].startswith("failed"):
                assert any(figure.value(record) is not None for figure in TARGETS[bar].figures), (result.name, bar)


def test_stored_result_has_order_of_commits() -> None:
    names = [result.name for result in read_results(FOLDER)]
    assert names.index("2026-11-26-intel-xeon.json") < names.index("2026-11-26-amd-epyc.json")
    assert StoredResult("a", MACHINE, {}, {}).computer == "Some CPU, 2 cores"
