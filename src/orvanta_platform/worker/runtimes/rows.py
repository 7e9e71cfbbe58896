"""Rows of a database as JSON, for hosts of SQL in a cell. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from orvanta_platform.units import size_text
from orvanta_platform.workflow.signature.sql import Collection


class Collected:
    """Results of the statements of a script: that of the last, or a list of all, up to `limit` bytes."""

    def __init__(self, collection: Collection, limit: int) -> None:
        self._all = collection.all_statements
        self._limit = limit
        self._texts = [] if self._all else [b"null" if collection.first_row else b"[]"]
        self._size = 0

    def add(self, text: bytes) -> None:
        """Add the result of a statement. Raises TooLarge."""
        if not self._all:
            self._texts, self._size = [], 0
        self._texts.append(text)
        self._size += len(text)
        if self._size > self._limit:
            raise TooLarge(f"the result is larger than the limit of {size_text(self._limit)}")

    def text(self) -> bytes:
        """Return the JSON text."""
        return b"[" + b",".join(self._texts) + b"]" if self._all else self._texts[0]


class TooLarge(Exception):
    """Raised if rows exceed the limit of a result; the message has the limit."""


class Rows:
    """Rows of one statement as a JSON array of objects, or as `collection` requires, up to `limit` bytes.

    `columns` are their names; duplicate ones get a suffix: a, a_2. Columns in `json_columns` contain JSON as text.
    """

    def __init__(
        self, columns: Sequence[str], limit: int, json_columns: Sequence[bool], collection: Collection
    ) -> None:
        self._names = list(_distinct(columns))
        self._json = json_columns or [False] * len(columns)
        self._collection = collection
        self._limit = limit
        self._size = 2
        self._parts: list[bytes] = []

    def add(self, batch: Iterable[Sequence[Any]]) -> None:
        """Add rows. Raises TooLarge."""
        for row in batch:
            values = (
                json.loads(value) if is_text and value is not None else plain(value)
                for is_text, value in zip(self._json, row, strict=True)
            )
            shown = next(values, None) if self._collection.scalar else dict(zip(self._names, values, strict=True))
            text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
            self._parts.append(text.encode("utf-8", "replace"))
            self._size += len(self._parts[-1]) + 1
            if self._size > self._limit:
                raise TooLarge(f"the result is larger than the limit of {size_text(self._limit)}")

    def text(self) -> bytes:
        """Return the JSON text."""
        if self._collection.first_row:
            return self._parts[0] if self._parts else b"null"
        return b"[" + b",".join(self._parts) + b"]"


def _distinct(names: Iterable[str]) -> Iterator[str]:
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for column in names:
        name = column
        while name in taken:
            counts[column] = counts.get(column, 1) + 1
            name = f"{column}_{counts[column]}"
        taken.add(name)
        yield name


def plain(value: Any) -> Any:
    """Return a value of a driver as a JSON value. Values that JSON cannot represent become text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        import base64

        return base64.b64encode(value).decode()
    return _other(value)


def _other(value: Any) -> Any:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return _exact(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _exact(value: Any) -> Any:
    """Return a decimal as a number if a double represents it exactly, otherwise as text."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) <= 1 << 53:
        return int(value)
    number = float(value)
    return number if type(value)(repr(number)) == value else format(value, "f")
