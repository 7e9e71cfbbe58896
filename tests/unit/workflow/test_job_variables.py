"""Environment variables in the setting `envs` of a script."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.workflow import job_variables


@pytest.mark.parametrize(
    ("envs", "found", "left_out"),
    [
        (None, {}, []),
        ([], {}, []),
        (["A=1", "B_2=x=y", "C=", " D =4"], {"A": "1", "B_2": "x=y", "C": "", "D": "4"}, []),
        (["A=1", "A=2"], {"A": "2"}, []),
        (["B", "=1", "a b=1", 5, None], {}, ["B", "", "a b", "5", "None"]),
        (["A=1", "LD_PRELOAD=/x.so", "PATH=/x", "wm_token=t"], {"A": "1"}, ["LD_PRELOAD", "PATH", "wm_token"]),
        (["A=\0"], {}, ["A"]),
        (["A=" + "x" * 15_000, "B=" + "x" * 15_000, "C=1"], {"A": "x" * 15_000, "C": "1"}, ["B"]),
        ("A=1", {"A": "1"}, []),
        ({"A": "1"}, {}, ["{'A': '1'}"]),
    ],
)  # fmt: skip
def test_variables_of_a_script(envs: Any, found: dict[str, str], left_out: list[str]) -> None:
    assert job_variables.of_script(envs) == (found, left_out)
