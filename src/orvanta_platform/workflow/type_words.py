"""Errors about types of values, in the words of authors of files instead of those of the program."""

from __future__ import annotations

import re
from typing import Final

_EXPECTED: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
_WORDS: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "a time with a date",
}
_SCALARS: Final = ("int", "float", "bool")


def in_words(message: str, subject: str = "it") -> str:
    """Return the message of a conversion in plain words, unchanged if it is about something else than a type.

    `subject`: what the message is about, unless it names a member.
    """
    found = _EXPECTED.fullmatch(message)
    if found is None:
        return message
    expected = [each for each in found[1].split(" | ") if each != "null"]
    if not {*expected, found[2]} <= {*_WORDS, "null"}:
        return message
    wanted = " or ".join(_WORDS[each] for each in expected)
    advice = "; write it in quotes" if "str" in expected and found[2] in _SCALARS else ""
    return f"{found[3] or subject} must be {wanted}, not {_WORDS.get(found[2], 'null')}{advice}"
