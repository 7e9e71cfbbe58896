"""Reports: a table for the terminal and the README, and all data as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.bars import Outcome

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_ANSWER = {True: "yes", False: "**no**", None: "–"}


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = ["| bar | what | asked | measured | reached |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.bar} | {each.what} | {each.asked} | {each.measured} | {_ANSWER[each.reached]} |" for each in outcomes
    ]
    return "\n".join(lines)


def document(machine: dict[str, Any], settings: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    """Return everything that was measured, including raw timings, as JSON text."""
    tree = {"machine": machine, "settings": settings, "bars": [each.record() for each in outcomes]}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def write_readme(readme: Path, machine: dict[str, Any], outcomes: Sequence[Outcome]) -> None:
    """Write the table between the two marker lines. Raises ValueError if they are missing."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} lacks the lines {BEGIN} and {END}")
    readme.write_text(f"{before}{begin}{_section(machine, outcomes)}{end}{after}", encoding="utf-8")


def _section(machine: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    memory = round(machine["memory_mib"] / 1024)
    where = f"{machine['cores']} cores, {memory} GiB, {machine['system']}, Python {machine['python']}"
    notes = [f"- {each.bar}: {note}." for each in outcomes for note in each.notes]
    parts = [f"Measured on {machine['date']} ({where}, `{machine['orvanta']}`):", table(outcomes), "\n".join(notes)]
    return "\n\n".join(part for part in parts if part) + "\n"
