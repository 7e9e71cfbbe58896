"""Masking: replacement of the texts of secrets by `***` in all output of a job.

A text is found unchanged, Base64-encoded at any of the three alignments, URL-encoded and JSON-escaped. Each line of a
multi-line text is masked as well, and each string in a text that is JSON.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

import msgspec

from orvanta_platform.workflow.mask import MASK

MIN_LENGTH = 6
"""Minimum length in characters. Shorter texts are not masked: they would match everywhere, and hide more than they
protect.
"""

_MASKED = f'"{MASK}"'
_PEM = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+-----")
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d[\d.eE+-]*+', re.DOTALL)
_ALIGNMENTS = ((0, 0), (1, 2), (2, 3))
"""Bytes before the secret → characters of its Base64 that depend on them."""


class OpenedSecrets:
    """Secrets resolved for one purpose, usually an attempt of a job.

    `mask_text` and `mask_json` mask the secrets known at the time of the call.
    """

    __slots__ = ("_patterns", "_raw_patterns", "_texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts: set[str] = set()
        self._patterns: tuple[str, ...] | None = None
        self._raw_patterns: tuple[bytes, ...] = ()
        for text in texts:
            self.add(text)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Mask this secret from now on."""
        if text not in self._texts:
            self._texts.add(text)
            self._patterns = None

    def update(self, other: OpenedSecrets) -> None:
        """Mask the secrets of `other` as well."""
        if not other._texts <= self._texts:
            self._texts |= other._texts
            self._patterns = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The texts to search for."""
        if self._patterns is None:
            found = {form for text in self._texts for each in _parts(text) for form in _forms(each)}
            self._patterns = tuple(found)
            self._raw_patterns = tuple(form.encode("utf-8", "surrogatepass") for form in found)
        return self._patterns

    def mask_text(self, text: str) -> str:
        """Return the text with every secret in it masked."""
        return _replaced(text, _spans(text, self.patterns)) if self._texts else text

    def mask_json(self, raw: bytes) -> bytes:
        """Return JSON text with every secret in its strings, names and numbers masked; the result is valid JSON."""
        if not self._texts or not (self.patterns and any(form in raw for form in self._raw_patterns)):
            return raw
        text = raw.decode("utf-8", "surrogatepass")
        return "".join(self._masked_json(text, _spans(text, self.patterns))).encode("utf-8", "surrogatepass")

    def _masked_json(self, text: str, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
        """Yield the JSON text in pieces. Only tokens that overlap a span are decoded."""
        done, index = 0, 0
        for token in _TOKEN.finditer(text):
            while index < len(spans) and spans[index][1] <= token.start():
                index += 1
            if index == len(spans):
                break
            start, end = spans[index]
            if start < token.end():
                yield text[done : token.start()]
                inside = token.start() <= start and end <= token.end()
                yield self._masked_token(token[0]) if inside else _MASKED
                done = token.end()
        yield text[done:]

    def _masked_token(self, token: str) -> str:
        if not token.startswith('"'):
            return _MASKED
        text = json.loads(token, strict=False) if "\\" in token else token[1:-1]
        masked = self.mask_text(text)
        return token if masked == text else json.dumps(masked, ensure_ascii=not masked.isprintable())

    def split(self, text: str) -> tuple[str, str]:
        """Split the beginning of a longer text into a masked part and an end that may be the beginning of a secret.

        Prepend that end to the next part of the text, or mask it if there is none.
        """
        if not self._texts:
            return text, ""
        cut = _partial_match(text, self.patterns)
        spans = _spans(text, self.patterns)
        cut = next((end for start, end in spans if start < cut < end), cut)
        return _replaced(text[:cut], [span for span in spans if span[1] <= cut]), text[cut:]


def texts_of(raw: bytes) -> list[str]:
    """Return the texts to mask of a secret that is JSON text: the value of a string, the digits of a number, each
    string in it.
    """
    value = raw.strip()
    if value[:1] not in (b'"', b"{", b"["):
        return [value.decode()]
    return [text for text in _strings(json.loads(value, strict=False)) if text]


def _parts(text: str) -> Iterator[str]:
    """Yield a secret and the parts of it that may be printed separately."""
    whole = text.strip()
    yield from (each for each in {text, whole} if len(each) >= MIN_LENGTH)
    lines = whole.splitlines()
    if len(lines) > 1:
        yield from (each for line in lines if len(each := line.strip()) >= MIN_LENGTH and not _PEM.fullmatch(each))
    if whole[:1] in ("{", "["):
        try:
            tree = msgspec.json.decode(whole)
        except (msgspec.DecodeError, RecursionError):
            return
        yield from (each for each in _strings(tree) if len(each) >= MIN_LENGTH)


def _strings(tree: object) -> Iterator[str]:
    """Yield the strings in a JSON tree, without its names."""
    pending = [tree]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case dict() as named:
                pending += named.values()
            case list() as listed:
                pending += listed


def _forms(text: str) -> Iterator[str]:
    yield text
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    yield from (escaped, escaped.replace("/", r"\/"), json.dumps(text)[1:-1])
    data = text.encode("utf-8", "surrogatepass")
    for before, foreign in _ALIGNMENTS:
        own = (before + len(data)) * 8 // 6
        encoded = b64encode(b"\0" * before + data).decode()[foreign:own]
        yield from (encoded, encoded.replace("+", "-").replace("/", "_"))
    for quoted in (quote(data, safe=""), quote(data), quote_plus(data), quote(data, safe="!'()*")):
        yield quoted
        if "%" in quoted:
            yield re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), quoted)


def _spans(text: str, patterns: Iterable[str]) -> list[tuple[int, int]]:
    """Return the positions of the patterns, with overlapping ones merged."""
    found: list[tuple[int, int]] = []
    for pattern in patterns:
        start = text.find(pattern)
        while start >= 0:
            found.append((start, start + len(pattern)))
            start = text.find(pattern, start + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replaced(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in spans:
        parts += (text[done:start], MASK)
        done = end
    return "".join([*parts, text[done:]]) if spans else text


def _partial_match(text: str, patterns: Iterable[str]) -> int:
    """Return the position from which the end of the text may be the beginning of a pattern; its length if there is
    none.
    """
    cut = len(text)
    for pattern in patterns:
        position = max(len(text) - len(pattern) + 1, 0)
        while 0 <= (position := text.find(pattern[0], position)) < cut:
            if pattern.startswith(text[position:]):
                cut = position
            position += 1
    return cut
