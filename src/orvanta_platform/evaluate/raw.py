"""Single-level parsing of JSON text: the members of an object and the items of an array, as JSON text."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE: Final = msgspec.json.Decoder(msgspec.Raw)
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],:]', re.DOTALL)
_MARK_OR_QUOTE: Final = re.compile(_MARK.pattern + rb'|"', re.DOTALL)
_PIECE: Final = 1 << 20
_SPACE: Final = b" \t\n\r"


def strip(raw: bytes | bytearray | memoryview) -> bytes:
    """Return JSON text without surrounding white space."""
    return bytes(raw).strip(_SPACE)


def _ignore(_raw: bytes) -> None:
    """Do nothing."""


def members(raw: bytes, before_scan: Callable[[bytes], None] = _ignore) -> Mapping[str, bytes | msgspec.Raw]:
    """Return the members of a valid JSON object, name → JSON text; of equal names the last, as in JavaScript.

    `before_scan` is called with a text that only the slow scanner can parse.
    """
    try:
        return _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        # msgspec rejects unpaired surrogates and deep nesting; JavaScript does not.
        before_scan(raw)
        return {decode_string(key): value for key, value in map(_split, _parts(raw))}


def items(raw: bytes, before_scan: Callable[[bytes], None] = _ignore) -> Sequence[bytes | msgspec.Raw]:
    """Return the items of a valid JSON array as JSON text; `before_scan` as in `members`."""
    try:
        return _ITEMS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        before_scan(raw)
        return [*_parts(raw)]


def is_value(raw: bytes) -> bool:
    """Return whether the text is one JSON value, so that it can be a member of an object without changing others.

    Of a text that msgspec does not accept, such as one with unpaired surrogates, only brackets and strings are checked.
    """
    try:
        _VALUE.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return _is_closed(strip(raw))
    return True


def _is_closed(text: bytes) -> bool:
    """Return whether all brackets and strings end in the text, and no comma or colon is outside of them."""
    depth = 0
    if not text.startswith((b"{", b"[", b'"')):
        return False
    for mark in _MARK_OR_QUOTE.finditer(text):
        match mark[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"':
                return False
            case b"," | b":" if depth == 0:
                return False
        if depth <= 0 and mark.end() < len(text):
            return False
    return depth == 0


def require_utf8(text: bytes) -> None:
    """Raise UnicodeDecodeError if the text is not UTF-8. It is decoded in pieces, so that no copy is kept."""
    if text.isascii():
        return
    decoder, whole = getincrementaldecoder("utf-8")(), memoryview(text)
    for start in range(0, len(text), _PIECE):
        decoder.decode(whole[start : start + _PIECE])
    decoder.decode(b"", final=True)


def count_values(raw: bytes) -> int:
    """Return an upper bound, less one, of the number of values in JSON text, without parsing it."""
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def has_more(raw: bytes, mark: bytes, limit: int) -> bool:
    """Return whether the text has more than `limit` marks; reads no further than necessary.

    An array has at most one item more than commas, and an object no more members than colons.
    """
    count = 0
    for start in range(0, len(raw), _PIECE):
        count += raw.count(mark, start, start + _PIECE)
        if count > limit:
            return True
    return False


def decode_string(raw: bytes) -> str:
    """Decode a JSON string; unpaired surrogates are preserved."""
    text: str = json.loads(raw, strict=False)
    return text


def encode_string(value: str) -> bytes:
    """Encode a string as JSON text; an unpaired surrogate is escaped, since UTF-8 cannot represent it."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _parts(raw: bytes) -> Iterator[bytes]:
    depth = 0
    start = 0
    for mark in _MARK.finditer(raw):
        match mark[0]:
            case b"{" | b"[":
                depth += 1
                if depth == 1:
                    start = mark.end()
            case b"}" | b"]":
                depth -= 1
                if depth == 0 and raw[start : mark.start()].strip(_SPACE):
                    yield raw[start : mark.start()]
            case b"," if depth == 1:
                yield raw[start : mark.start()]
                start = mark.end()


def _split(member: bytes) -> tuple[bytes, bytes]:
    key = _MARK.search(member)
    assert key is not None
    return key[0], member[member.index(b":", key.end()) + 1 :]
