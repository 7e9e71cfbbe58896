"""The simulation of cells, and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cells import CELL_STEPS_PER_S, place, plan, share, simulate, tables

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "scale.md"


@pytest.mark.extended
def test_page_has_the_figures_of_the_simulation() -> None:
    arithmetic, simulation = tables().split("\n\n")
    page = PAGE.read_text()
    assert arithmetic in page and simulation in page, "copy the output of `python -m bench.cells`"


def test_workers_of_two_cells_execute_more_than_those_of_one() -> None:
    one, two = (simulate(each, cells=4) for each in (1, 2))
    assert one.done_share < two.done_share <= 1 and two.longest_wait_s < one.longest_wait_s


def test_workers_execute_what_is_wanted_as_far_as_they_can() -> None:
    assert share([[0], [1]], [10, 0], 8) == pytest.approx([8, 0])
    assert share([[0, 1], [1, 0]], [10, 0], 8) == pytest.approx([10, 0])
    assert sum(share([[0, 1], [1, 2]], [5, 50, 5], 8)) == pytest.approx(16)


def test_largest_workspace_limits_the_placement() -> None:
    assert place([6, 1, 1, 1, 1, 1, 1], 2) == [6, 6]
    assert place([9, 1, 1], 2) == [9, 2]


def test_one_cell_carries_what_is_planned_for_it() -> None:
    for steps in (1_000, 100_000, 1_000_000):
        assert steps <= plan(steps).cells * CELL_STEPS_PER_S * 0.6 + 1e-6
