"""Reports: a table for the terminal, all data as JSON, and the section of the README."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bench.bars import Outcome

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
ANSWER = {True: "yes", False: "**no**", None: "–"}


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = ["| bar | what | asked | measured | reached |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.bar} | {each.what} | {each.asked} | {each.measured} | {ANSWER[each.reached]} |" for each in outcomes
    ]
    return "\n".join(lines)


def document(machine: dict[str, Any], settings: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    """Return everything that was measured, including raw timings, as JSON text."""
    tree = {"machine": machine, "settings": settings, "bars": [each.record() for each in outcomes]}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def file_name(machine: dict[str, Any], outcomes: Sequence[Outcome], *, short: bool, every: int) -> str:
    """Return the name of the file of a result: date, commit, and the bars unless it has `every` bar."""
    commit = machine["orvanta"][:8] + ("-changed" if machine["orvanta"].endswith("+") else "")
    bars = [] if len(outcomes) == every else ["short"] if short else [each.bar.lower() for each in outcomes]
    return "-".join([machine["date"], commit, *bars]) + ".json"


def between_markers(text: str, section: str) -> str:
    """Return the text with this section between the two marker lines. Raises ValueError if they are missing."""
    before, begin, rest = text.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the text lacks the lines {BEGIN} and {END}")
    return f"{before}{begin}{section}{end}{after}"
