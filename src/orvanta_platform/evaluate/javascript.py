"""Expressions that need an engine: the children that have one, and what each request tells them."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from orvanta_platform.evaluate.child.frames import TIME_S
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.pool import Children
from orvanta_platform.evaluate.process import JAVASCRIPT, Ended, Fault, Reply
from orvanta_platform.evaluate.raw import encode_string, members, strip
from orvanta_platform.evaluate.small import Answer, Scope
from orvanta_platform.workflow.expressions import MAX_SOURCE
from orvanta_platform.workflow.reads import Opener, names_of_text, opened_by_text

Resolve: TypeAlias = Callable[[Opener, str], Awaitable[bytes]]
"""The value of a variable or a resource at a path, as JSON text. Raises ExpressionError."""

MAX_VALUES: Final = 16 << 20
"""Bytes of JSON text that one evaluation may read."""

MAX_COMPUTED: Final = 16
"""Variables and resources that one evaluation may name by a computed path."""

_WHOLE_BELOW: Final = 4096

# Texts, and characters of them, that are read in one context.
_MOST_TEXTS: Final = 200
_MOST_CHARS: Final = 64 << 10


class Moment(msgspec.Struct, frozen=True):
    """Where time and chance of an evaluation come from: milliseconds since 1970, and any text."""

    at_ms: int
    seed: str


class JavaScript:
    """A few children of one process, started as they are needed."""

    def __init__(self) -> None:
        self._children = Children(JAVASCRIPT)

    async def evaluate(self, workspace: str, text: str, scope: Scope, moment: Moment, resolve: Resolve) -> Answer:
        """The value of `text`. Raises ExpressionError, EvaluatorUnavailable."""
        given = _given(text, scope, moment)
        opened = {kind_path: await _open(resolve, *kind_path) for kind_path in sorted(opened_by_text(text))}
        for _ in range(MAX_COMPUTED + 1):
            reply = await self._ask(workspace, given + _opened(opened))
            if reply.need is None:
                return _answer(reply)
            kind, path = reply.need
            opened[kind, path] = await _open(resolve, kind, path)  # type: ignore[index, arg-type]
        raise ExpressionError(
            "Error", f"the expression computes the paths of more than {MAX_COMPUTED} variables and resources"
        )

    async def check(self, workspace: str, texts: Sequence[str]) -> list[str | None]:
        """Why each of `texts` cannot be read as JavaScript, None where it can. Raises EvaluatorUnavailable."""
        found: list[str | None] = []
        for some in _portions(texts):
            found += await self._check(workspace, some)
        return found

    async def _check(self, workspace: str, texts: Sequence[str]) -> list[str | None]:
        if len(texts[0]) > MAX_SOURCE:
            return [_TOO_LONG]
        try:
            reply = await self._ask(workspace, b'{"check":[%s]}' % b",".join(map(encode_string, texts)))
        except ExpressionError as error:
            reply = Reply(error=Fault(error.name, error.message))
        if reply.error is None:
            return [fault and fault["message"] for fault in json.loads(reply.value)]
        if len(texts) == 1:
            return [reply.error.message]
        # One of them is too much for the engine: each for itself.
        return [fault for text in texts for fault in await self._check(workspace, [text])]

    async def close(self) -> None:
        """End all children. Final."""
        await self._children.close()

    async def _ask(self, workspace: str, request: bytes) -> Reply:
        """An answer from any of the children."""
        try:
            return await self._children.ask(workspace, request)
        except Ended as end:
            if end.late:
                raise ExpressionError("expression_timeout", _OVER_TIME) from None
            raise ExpressionError("expression_crashed", "the expression broke the JavaScript engine") from None


def _portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """In order, so many together as one context reads in a moment; what is long stands alone."""
    some: list[str] = []
    chars = 0
    for text in texts:
        chars += len(text)
        if some and (len(some) >= _MOST_TEXTS or chars > _MOST_CHARS):
            yield some
            some, chars = [], len(text)
        some.append(text)
    if some:
        yield some


async def _open(resolve: Resolve, kind: Opener, path: str) -> bytes:
    """What the prelude is told of a path: its value, or the error that reading it throws."""
    try:
        return b'{"value":%s}' % await resolve(kind, path)
    except ExpressionError as error:
        return msgspec.json.encode({"error": {"name": error.name, "message": error.message}})


def _opened(opened: Mapping[tuple[Opener, str], bytes]) -> bytes:
    kinds: dict[str, dict[str, bytes]] = {"variable": {}, "resource": {}}
    for (kind, path), told in opened.items():
        kinds[kind][path] = told
    return b',"opened":%s}' % _object({kind: _object(told) for kind, told in kinds.items()})


def _answer(reply: Reply) -> Answer:
    if reply.error is not None:
        raise ExpressionError(reply.error.name, reply.error.message)
    return Answer(reply.value, reply.truthy)


_OVER_TIME: Final = f"the expression ran for more than {TIME_S:g} s"
_TOO_LONG: Final = f"an expression has at most {MAX_SOURCE} characters"


def _given(text: str, scope: Scope, moment: Moment) -> bytes:
    """A request up to what is opened. Raises ExpressionError where it would be too large."""
    if len(text) > MAX_SOURCE:
        raise ExpressionError("expression_too_long", _TOO_LONG)
    seed = struct.unpack("<4i", hashlib.sha256(moment.seed.encode("utf-8", "surrogatepass")).digest()[:16])
    values = _values(scope, names_of_text(text))
    if len(values) > MAX_VALUES:
        raise ExpressionError(
            "expression_value_too_large",
            f"the values that the expression reads have {len(values)} bytes together; at most {MAX_VALUES} "
            "are given to JavaScript (a bare path such as results.a passes on values of any size)",
        )
    fields = (encode_string(text), moment.at_ms, msgspec.json.encode(seed), values)
    return b'{"source":%s,"at":%d,"seed":%s,"scope":%s' % fields


def _values(scope: Scope, names: Mapping[str, frozenset[str] | None]) -> bytes:
    return _object({root: _value(scope[root], wanted) for root, wanted in names.items() if root in scope})


def _value(value: bytes | Mapping[str, bytes], wanted: frozenset[str] | None) -> bytes:
    if isinstance(value, bytes):
        raw = strip(value)
        if wanted is None or len(raw) < _WHOLE_BELOW or raw[:1] != b"{":
            return raw
        value = {name: bytes(each) for name, each in members(raw).items() if name in wanted}
    return _object({name: raw for name, raw in value.items() if wanted is None or name in wanted})


def _object(fields: Mapping[str, bytes]) -> bytes:
    return b"{%s}" % b",".join(encode_string(name) + b":" + raw for name, raw in fields.items())
