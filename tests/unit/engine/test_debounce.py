"""Debouncing of calls: the calls that share a run, its arguments, and its delay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from orvanta_platform.engine.debounce import due_at, key_text, merge_args, of_settings
from orvanta_platform.engine.plan import Debounce

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def args(**values: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "settings",
    [{}, {"debounce_delay_s": 0}, {"debounce_delay_s": None}, {"debounce_key": "k"}, {"debounce_delay_s": "5"}],
)
def test_without_a_delay_each_call_is_a_run(settings: dict[str, Any]) -> None:
    assert of_settings(settings) is None


def test_settings_are_read() -> None:
    settings = {
        "debounce_delay_s": 5,
        "debounce_key": "$args[x]",
        "debounce_args_to_accumulate": ["items"],
        "max_total_debouncing_time": 60,
        "max_total_debounces_amount": 3,
    }
    assert of_settings(settings) == Debounce(5.0, "$args[x]", ("items",), 60.0, 3)


def test_key_consists_of_the_named_arguments() -> None:
    debounce = Debounce(1, "$workspace/$args[who.name]!")
    assert key_text(debounce, "main", args(who={"name": "ann"}, n=1)) == "main/main/ann!"
    assert key_text(Debounce(1, "$global-all"), "main", args(n=1)) == "-all"


def test_without_a_key_all_but_accumulated_arguments_count() -> None:
    debounce = Debounce(1, accumulate=("items",))
    one = key_text(debounce, "main", args(x={"a": 1, "b": 2}, items=[1]))
    assert key_text(debounce, "main", args(items=[2], x={"b": 2, "a": 1})) == one
    assert key_text(debounce, "main", args(x=2, items=[1])) != one
    assert key_text(debounce, "other", args(x={"a": 1, "b": 2})) != one


def test_last_arguments_win_and_named_ones_are_accumulated() -> None:
    found = merge_args(
        Debounce(1, accumulate=("items", "one")), args(items=[1], x=1, one=5, y=1), args(items=[2, 3], x=2)
    )
    assert msgspec.json.decode(msgspec.json.encode(found)) == {"items": [1, 2, 3], "x": 2, "one": [5]}


def test_run_is_delayed_after_each_call_up_to_the_limits() -> None:
    assert due_at(Debounce(5), 1000, NOW, after(900)) == after(905)
    longest = Debounce(5, max_delay_s=12)
    assert due_at(longest, 1, NOW, after(4)) == after(9)
    assert due_at(longest, 2, NOW, after(9)) == after(12)
    assert due_at(longest, 3, NOW, after(12)) is None
    most = Debounce(5, max_calls=2)
    assert [due_at(most, calls, NOW, NOW) is not None for calls in (1, 2, 3)] == [True, True, False]
