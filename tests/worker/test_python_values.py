"""Values of Python scripts: arguments by annotation, and results in JSON."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import json
import re
import types
import uuid
from typing import Any

import pydantic
import pytest
from tests.worker.jobs import run
from tests.worker.shared_runtimes import runtimes as runtimes

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.python import arguments
from orvanta_platform.worker.runtimes.python.results import NotJson, to_json


class Colour(enum.Enum):
    RED = "r"


@dataclasses.dataclass
class Order:
    day: datetime.date
    lines: list[decimal.Decimal]


class Model(pydantic.BaseModel):
    at: datetime.datetime


DAY = datetime.date(2026, 2, 28)
NOON = datetime.datetime(2026, 2, 28, 12, tzinfo=datetime.UTC)
UID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (datetime.datetime, "2026-02-28T12:00:00Z", NOON),
        (datetime.datetime | None, None, None),
        (datetime.date, "2026-02-28", DAY),
        (datetime.date, "2026-02-28T23:00:00Z", DAY),
        (datetime.time, "12:30", datetime.time(12, 30)),
        (bytes, "aGk=", b"hi"),
        (decimal.Decimal, 0.1, decimal.Decimal("0.1")),
        (uuid.UUID, str(UID), UID),
        (Colour, "r", Colour.RED),
        (Colour, "RED", Colour.RED),
        (Order, {"day": "2026-02-28", "lines": ["1.50"]}, Order(DAY, [decimal.Decimal("1.50")])),
        (Model, {"at": "2026-02-28T12:00:00Z"}, Model(at=NOON)),
        (list[datetime.date], ["2026-02-28"], [DAY]),
        (set[Colour], ["r"], {Colour.RED}),
        (tuple[int, datetime.date], [1, "2026-02-28"], (1, DAY)),
        (dict[str, Colour], {"a": "r"}, {"a": Colour.RED}),
        (str | datetime.date, "2026-02-28", "2026-02-28"),
        (int | datetime.date, "2026-02-28", DAY),
        (float | datetime.datetime, 3, 3),
        (list[str] | datetime.date, "2026-02-28", DAY),
        (Order | str, "an order", "an order"),
        (list[str], "a text", "a text"),
        (list[dict[str, Any]] | None, "a text", "a text"),
        (Any, "2026-02-28", "2026-02-28"),
    ],
    ids=str,
)
def test_argument_has_the_type_of_its_parameter(kind: Any, value: Any, expected: Any) -> None:
    assert arguments.convert("x", value, kind) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime.date, "soon"),
        (bytes, "!"),
        (Colour, "blue"),
        (decimal.Decimal, "x"),
        (Order, {"other": 1}),
        (Model, {"at": "soon"}),
        (Model, "soon"),
        (Order, "soon"),
        (datetime.date, ["2026-02-28"]),
        (datetime.datetime, {"at": 0}),
        (uuid.UUID, 3),
        (datetime.date | None, "soon"),
        (list[datetime.date], "2026-02-28"),
        (dict[str, datetime.date], ["2026-02-28"]),
        (list[datetime.date] | None, "2026-02-28"),
        (list[str] | datetime.date, {"a": 1}),
    ],
    ids=str,
)
def test_argument_of_another_type_is_refused(kind: Any, value: Any) -> None:
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    with pytest.raises(arguments.InvalidArgument, match=re.escape(f"the argument x is not of the type {name}: ")):
        arguments.convert("x", value, kind)


def library(module: str, name: str, **members: Any) -> Any:
    methods = {key: lambda _, found=found: found for key, found in members.items()}
    return type(name, (), {"__module__": module, "__str__": lambda _: f"{module}.{name}", **methods})()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": b"hi", "m": bytearray(b"hi")}, {"b": "aGk=", "m": "aGk="}),
        ({3, 1, 2}, [1, 2, 3]),
        ([float("nan"), {"x": float("-inf")}, (float("inf"), 1.5)], [None, {"x": None}, [None, 1.5]]),
        ([DAY, NOON, decimal.Decimal("1.50"), UID], ["2026-02-28", "2026-02-28T12:00:00+00:00", "1.50", str(UID)]),
        (datetime.timedelta(days=1, hours=2), "1 day, 2:00:00"),
        (
            [range(3), {"a": 1}.keys(), {"a": DAY}.values(), {"a": 1}.items()],
            [[0, 1, 2], ["a"], ["2026-02-28"], [["a", 1]]],
        ),
        (Model(at=NOON), {"at": "2026-02-28T12:00:00+00:00"}),
        (library("numpy", "ndarray", tolist=[1, float("nan")]), [1, None]),
        (library("polars.dataframe.frame", "DataFrame", rows=[(1, DAY)]), [[1, "2026-02-28"]]),
        (library("polars.series.series", "Series", to_list=[1]), [1]),
        (library("pandas._libs.missing", "NAType"), None),
        ({"row": types.MappingProxyType({"a": DAY})}, {"row": {"a": "2026-02-28"}}),
        (collections.UserDict(a=collections.deque([1, NOON])), {"a": [1, "2026-02-28T12:00:00+00:00"]}),
        (types.MappingProxyType({"a": float("nan")}), {"a": None}),
        ([ipaddress.ip_address("10.0.0.1"), fractions.Fraction(1, 3)], ["10.0.0.1", "1/3"]),
        ({"ok": False, "error": ValueError("too large")}, {"ok": False, "error": "too large"}),
        (library("bson.objectid", "ObjectId"), "bson.objectid.ObjectId"),
    ],
    ids=str,
)
def test_result_has_a_form_in_json(value: Any, expected: Any) -> None:
    assert json.loads(to_json(value)) == expected


class Silent(Exception):
    __str__: Any = None


class Loud:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("value", [Silent(), Loud(), Loud, (each for each in "ab"), iter([1]), 1j])
def test_value_without_a_text_of_its_own_is_refused(value: Any) -> None:
    with pytest.raises(NotJson, match=re.escape(f"result.a is of type {type(value).__name__}, which is not JSON")):
        to_json({"a": value})


def test_mapping_in_itself_is_a_cycle() -> None:
    outer: dict[str, Any] = {}
    outer["inner"] = types.MappingProxyType(outer)
    with pytest.raises(NotJson, match="contains itself"):
        to_json(outer)


def test_key_that_is_no_number_is_a_text() -> None:
    assert json.loads(to_json({"a": {float("nan"): float("nan"), float("-inf"): 1}})) == {
        "a": {"NaN": None, "-Infinity": 1}
    }


def test_number_of_too_many_digits_is_refused() -> None:
    with pytest.raises(NotJson, match=r"^the result is not JSON: Exceeds the limit"):
        to_json([10**5000])


async def test_annotation_that_cannot_be_read_has_no_effect_on_others(runtimes: Runtimes) -> None:
    content = (
        "from __future__ import annotations\nimport dataclasses, datetime\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from elsewhere import Unknown\n"
        "@dataclasses.dataclass\nclass Stay:\n    room: Unknown\n    day: datetime.date\n"
        "def main(a: Unknown, day: datetime.date, stay: Stay):\n"
        "    return [a, type(day).__name__, stay.room, type(stay.day).__name__]\n"
    )
    given = {"a": 1, "day": "2026-02-28", "stay": {"room": 2, "day": "2026-02-28"}}
    assert (await run(runtimes, "python3", content, given)).value == [1, "date", 2, "date"]


async def test_script_receives_and_returns_typed_values(runtimes: Runtimes) -> None:
    content = (
        "from __future__ import annotations\n"
        "import datetime, enum\nfrom typing import TYPE_CHECKING, Optional\n"
        "class Size(enum.Enum):\n    S = 's'\n"
        "def main(at: datetime.datetime, data: Optional[bytes], size: Size = Size.S, n: int = 1):\n"
        "    return [type(at).__name__, data, at.year, size.name, {n}]\n"
    )
    given = {"at": "2026-02-28T12:00:00Z", "data": "aGk="}
    assert (await run(runtimes, "python3", content, given)).value == ["datetime", "aGk=", 2026, "S", [1]]
    error = (await run(runtimes, "python3", content, given | {"size": "x"})).error
    assert error == ("InvalidArgument", "the argument size is not of the type Size: 'x' is not a valid Size")


@pytest.mark.parametrize(
    ("parameters", "given", "expected"),
    [
        ("a, b=2, *, c=3, d", {"a": 1, "b": None, "c": None}, [1, 2, 3, None]),
        ("a, b=2, /, c=3, d=4", {"b": None, "d": 5}, [None, 2, 3, 5]),
        ("a, b=2, c=0, d=0, **more", {"b": None, "more": None}, [None, 2, 0, 0]),
        ("a, b: int | None = 2, c: 'UUID | None' = 3, d=None", {"b": None, "c": None}, [None, 2, 3, None]),
    ],
)
@pytest.mark.parametrize("decorator", ["", "@functools.cache\n"])
async def test_null_is_replaced_by_default(
    runtimes: Runtimes, parameters: str, given: dict[str, Any], expected: list[Any], decorator: str
) -> None:
    """A missing argument without a default is None."""
    content = f"import functools\nfrom uuid import UUID\n{decorator}def main({parameters}):\n    return [a, b, c, d]\n"
    assert (await run(runtimes, "python3", content, given)).value == expected
