"""Words of run data and of search texts. Pure functions.

A word is a sequence of letters and digits in lower case: ORD-4711-x has three. An id is found by any of its words, and
by all of them if they occur in one place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from orvanta_platform.orchestrator.interpolation import is_reference

MAX_WORDS = 2_000
"""Maximum number of distinct words stored per run."""

MAX_PLACES = 1_000
_MAX_WORD_LENGTH = 64
_MAX_TEXT_LENGTH = 4_000
_MIN_PREFIX_LENGTH = 3
_WORD = re.compile(r"[^\W_]+")
_MAX_PARTS: Final = 8
_MAX_TERMS: Final = 32


class Words:
    """Collects the words of one run by their places."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._found: dict[str, set[int]] = {}
        self._secret: set[str] = set()

    def add(self, place: str, raw: bytes) -> None:
        """Add the words of JSON text at a place, except for member names and references."""
        if place not in self._places and len(self._places) >= MAX_PLACES:
            return
        at = self._places.setdefault(place, len(self._places) + 1)
        for text in _texts(json.loads(raw, parse_int=str, parse_float=str)):
            for word in words_in(text[:_MAX_TEXT_LENGTH]):
                if word in self._found or len(self._found) < MAX_WORDS:
                    self._found.setdefault(word, set()).add(at)

    def leave_out(self, raw: bytes) -> None:
        """Exclude all words of this JSON text, also where they occur elsewhere."""
        self._secret.update(word for text in _texts(json.loads(raw)) for word in words_in(text))

    @property
    def places(self) -> Sequence[str]:
        """Names of the places, whose positions start at 1."""
        return list(self._places)

    @property
    def vector(self) -> str:
        """Text of a tsvector. Words have no characters that need quoting."""
        parts = (
            f"'{word}':{','.join(map(str, sorted(at)))}"
            for word, at in sorted(self._found.items())
            if word not in self._secret
        )
        return " ".join(parts)


def words_of_value(text: str) -> list[str]:
    """Return the words of the strings and numbers in JSON text, or of a text that is not JSON, without duplicates."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        value = text
    return list(dict.fromkeys(word for each in _texts(value) for word in words_in(each[:_MAX_TEXT_LENGTH])))[
        :_MAX_TERMS
    ]


def words_in(text: str) -> Iterator[str]:
    """Return the words of a text, in order."""
    return (found[0][:_MAX_WORD_LENGTH].lower() for found in _WORD.finditer(text))


def _texts(value: Any) -> Iterator[str]:
    coming = [value]
    while coming:
        each = coming.pop()
        if isinstance(each, str):
            if not is_reference(each):
                yield each
        elif isinstance(each, dict):
            coming += each.values()
        elif isinstance(each, list):
            coming += each


class SearchTerms(msgspec.Struct, frozen=True):
    """A search text split at blanks into lists of words. The last word may be a prefix."""

    parts: Sequence[Sequence[str]]

    @classmethod
    def of(cls, text: str) -> SearchTerms:
        """Parse a search text. Parts without a word are omitted."""
        parts = [[*words_in(part)] for part in text.split()]
        return cls([part for part in parts if part][:_MAX_PARTS])

    @property
    def start(self) -> str | None:
        """The last word, if it is long enough to be used as a prefix."""
        last = self.parts[-1][-1]
        return last if len(last) >= _MIN_PREFIX_LENGTH else None

    @property
    def words(self) -> list[str]:
        """All words without duplicates."""
        return list(dict.fromkeys(word for part in self.parts for word in part))

    @property
    def query(self) -> str:
        """Text of a tsquery that matches all runs with every word."""
        return " & ".join(f"'{word}':*" if word == self.start else f"'{word}'" for word in self.words)

    def places(self, found: Mapping[str, frozenset[str]]) -> list[str]:
        """Return the places of a run that contain a whole part of the search text.

        Returns nothing if some part has no such place.
        """
        places: set[str] = set()
        for part in self.parts:
            here = [self._of_word(word, found) for word in part]
            whole = frozenset.intersection(*here)
            if not whole:
                return []
            places |= whole
        return sorted(places)

    def _of_word(self, word: str, found: Mapping[str, frozenset[str]]) -> frozenset[str]:
        if word != self.start:
            return found.get(word, frozenset())
        return frozenset[str]().union(*(at for each, at in found.items() if each.startswith(word)))
