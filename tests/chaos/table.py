"""Output of the kill table."""

from __future__ import annotations

from tests.chaos.runs import Verdict

_COLUMNS = f"{'cell':<46}{'runs':>5}{'again':>7}{'doubles':>9}{'lost':>6}{'recovery s':>12}"


def print_table(found: dict[str, Verdict]) -> None:
    """Print one line for each cell, followed by its problems; `again` counts starts of jobs beyond the first."""
    print(f"\n{_COLUMNS}")
    for cell, verdict in found.items():
        counts = f"{verdict.runs:>5}{verdict.again:>7}{len(verdict.doubles):>9}{len(verdict.lost):>6}"
        print(f"{cell:<46}{counts}{verdict.recovery_s:>12.2f}")
        for problem in (*verdict.wrong, *verdict.doubles, *verdict.lost):
            print(f"    {problem}")
