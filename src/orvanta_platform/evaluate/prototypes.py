"""Property names inherited by JavaScript objects; reading one returns a function, which only an engine can."""

from __future__ import annotations

from typing import Final

_OBJECT: Final = (
    "constructor __defineGetter__ __defineSetter__ hasOwnProperty __lookupGetter__ __lookupSetter__ "
    "isPrototypeOf propertyIsEnumerable toString valueOf __proto__ toLocaleString "
)
_ARRAY: Final = (
    "at concat copyWithin fill find findIndex findLast findLastIndex lastIndexOf pop push reverse shift "
    "unshift slice sort splice includes indexOf join keys entries values forEach filter flat flatMap map "
    "every some reduce reduceRight toReversed toSorted toSpliced with "
)
_STRING: Final = (
    "anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fontcolor fontsize fixed "
    "includes indexOf isWellFormed italics lastIndexOf link localeCompare match matchAll normalize padEnd "
    "padStart repeat replace replaceAll search slice small split strike sub substr substring sup startsWith "
    "toWellFormed trim trimStart trimLeft trimEnd trimRight toLocaleLowerCase toLocaleUpperCase toLowerCase "
    "toUpperCase "
)
_NUMBER: Final = "toExponential toFixed toPrecision "
_NAMES: Final = {
    "object": frozenset(_OBJECT.split()),
    "boolean": frozenset(_OBJECT.split()),
    "array": frozenset((_OBJECT + _ARRAY).split()),
    "string": frozenset((_OBJECT + _STRING).split()),
    "number": frozenset((_OBJECT + _NUMBER).split()),
}


def inherits(kind: str, name: str) -> bool:
    """Return whether values of `kind` (object, array, string, number, boolean) inherit a property `name`."""
    return name in _NAMES[kind]
