"""The interface of the provided clients, compared with that of the published ones."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from orvanta_platform.worker.runtimes.python import sdk
from orvanta_platform.worker.runtimes.python.sdk.connection import Connection

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "sdk" / "published.json").read_text())
PYTHON = {**PUBLISHED["wmill 1.850.0"], **PUBLISHED["orvanta 6.5.0"]} | PUBLISHED["wmill 1.850.0"]
UNAVAILABLE = ("DataTableClient", "DucklakeClient", "SqlQuery")


def parameters(function: Any) -> list[str]:
    """Return the parameters in the notation of published.json."""
    found = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
    return [each.name + ("" if each.default is each.empty else "?") for each in found]


@pytest.mark.parametrize("name", PYTHON)
def test_python_function_takes_published_parameters(name: str) -> None:
    owner, _, member = name.rpartition(".")
    if owner in UNAVAILABLE:
        member, owner = owner, ""
    found = inspect.getattr_static(getattr(sdk, owner) if owner else sdk, member)
    refused = {**sdk.unavailable.METHODS, **sdk.unavailable.FUNCTIONS, **sdk.unavailable.CLASSES}
    if isinstance(found, property) or member in refused:
        return
    found = getattr(getattr(sdk, owner) if owner else sdk, member)
    expected = [each for each in PYTHON[name].split() if not each.startswith(("=", "**"))]
    if expected == ["endpoint", "raise_for_status?"]:
        expected.append("options")
    own = parameters(found)
    assert all(each.endswith("?") for each in own[len(expected) :]), own
    for one, published in zip(own, expected, strict=False):
        assert one in (published, published + "?"), (own, expected)
    assert len(own) >= len(expected)


def test_refused_function_names_itself() -> None:
    with pytest.raises(sdk.NotServed, match=r"^get_id_token\(\) is not available on this platform: .*\.$"):
        vars(sdk)["get_id_token"]("vault")


def test_parameters_without_value_are_not_sent() -> None:
    client = Connection("http://127.0.0.1:1/api", "t")
    with pytest.raises(ConnectionError):
        client.get("/w/a/x", params={"a": None, "b": True, "c": ["1", None]})
