"""The calls of the API contract, and the functions of the published generated client that read their responses.

`contract.txt` has one call per line: ring, method, path and the codes of success. A program that is written against the
published clients uses these calls; the first ring is used most.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orvanta_api

PARAMETER = re.compile(r"\{[^}]*\}")
_URL = re.compile(r'"method": "(\w+)",\s+"url": "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the contract."""

    ring: int
    method: str
    path: str
    codes: frozenset[int]

    @property
    def key(self) -> tuple[str, str]:
        """Method and path without the names of its parameters."""
        return shape(self.method, f"/api{self.path}")


def shape(method: str, path: str) -> tuple[str, str]:
    """Return a call without the names of its path parameters."""
    return method.upper(), PARAMETER.sub("{}", path)


def calls() -> list[Call]:
    """Return the calls of the contract."""
    lines = (Path(__file__).parent / "contract.txt").read_text().splitlines()
    fields = [line.split() for line in lines]
    return [
        Call(int(ring), method, path, frozenset(map(int, codes.split(",")))) for ring, method, path, codes in fields
    ]


@cache
def readers() -> dict[tuple[str, str], Callable[..., Any]]:
    """Return the function of the generated client that reads the response of each of its calls."""
    folder = Path(str(orvanta_api.__file__)).parent / "api"
    found = {}
    for file in sorted(folder.glob("*/*.py")):
        url = _URL.search(file.read_text())
        if url:
            found[shape(url[1], f"/api{url[2]}")] = f"orvanta_api.api.{file.parent.name}.{file.stem}"
    wanted = {call.key for call in calls()}
    return {key: importlib.import_module(name)._parse_response for key, name in found.items() if key in wanted}
