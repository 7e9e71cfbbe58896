"""Expressions that need a JavaScript engine: the child processes that have one, and the requests to them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

import msgspec

from orvanta_platform.evaluate import intl_data
from orvanta_platform.evaluate.child.frames import TIME_S
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.intl_data import IntlKind
from orvanta_platform.evaluate.pool import Children
from orvanta_platform.evaluate.process import JAVASCRIPT, Ended, Fault, Reply
from orvanta_platform.evaluate.raw import encode_string, members, strip
from orvanta_platform.evaluate.small import ExpressionValue, Scope
from orvanta_platform.workflow.expressions import MAX_SOURCE
from orvanta_platform.workflow.reads import Opener, names_of_text, opened_by_text

Resolve: TypeAlias = Callable[[Opener, str], Awaitable[bytes]]
"""Function that returns the value of a variable or a resource at a path, as JSON text. Raises ExpressionError."""

MAX_VALUES: Final = 16 << 20
"""Maximum size of the JSON text that one evaluation may read, in bytes."""

MAX_COMPUTED_PATHS: Final = 16
"""Maximum number of variables, resources, locales and time zones that one evaluation may read by a computed name."""

_FILTERED_FROM_BYTES: Final = 4096

# Limits of the texts that are parsed in one context.
_MAX_BATCH_TEXTS: Final = 200
_MAX_BATCH_CHARS: Final = 64 << 10


class Moment(msgspec.Struct, frozen=True):
    """Source of the time and the random numbers of an evaluation: milliseconds since 1970, and any text as seed."""

    at_ms: int
    seed: str


class JavaScript:
    """JavaScript child processes of one process, started when needed."""

    def __init__(self) -> None:
        self._children = Children(JAVASCRIPT)

    def start(self) -> None:
        """Start a child process before the first request needs it."""
        self._children.start()

    async def evaluate(
        self, workspace: str, text: str, scope: Scope, moment: Moment, resolve: Resolve
    ) -> ExpressionValue:
        """Evaluate `text`. Raises ExpressionError, EvaluatorUnavailable."""
        intl_data.require_locales(text)
        head = _request_head(text, scope, moment)
        opened: dict[tuple[str, str], bytes] = {}
        for kind_path in sorted(opened_by_text(text)):
            opened[kind_path] = await _open(resolve, *kind_path)
        if intl_data.uses_intl(text):
            opened |= await asyncio.to_thread(_load_mentioned, text)
        for _ in range(MAX_COMPUTED_PATHS + 1):
            reply = await self._ask(workspace, head + _opened(opened))
            if reply.need is None:
                return _answer(reply)
            kind, path = reply.need
            if kind in ("locale", "zone"):
                opened[kind, path] = await _load(cast(IntlKind, kind), path)
            else:
                opened[kind, path] = await _open(resolve, kind, path)
        raise _too_many(kind)

    async def check(self, workspace: str, texts: Sequence[str]) -> list[str | None]:
        """Return, for each of `texts`, why it cannot be parsed as JavaScript, or None. Raises EvaluatorUnavailable."""
        found: list[str | None] = []
        for batch in _batches(texts):
            found += await self._check(workspace, batch)
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
        # One of the texts is too much for the engine: check each on its own.
        return [fault for text in texts for fault in await self._check(workspace, [text])]

    async def close(self) -> None:
        """End all child processes. The object cannot be used afterwards."""
        await self._children.close()

    async def _ask(self, workspace: str, request: bytes) -> Reply:
        """Send a request to any child process and return its answer."""
        try:
            return await self._children.ask(workspace, request)
        except Ended as end:
            if end.late:
                raise ExpressionError("expression_timeout", _OVER_TIME) from None
            raise ExpressionError("expression_crashed", "the expression broke the JavaScript engine") from None


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the texts in order, in batches that one context parses quickly; a long text is a batch of its own."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        chars += len(text)
        if batch and (len(batch) >= _MAX_BATCH_TEXTS or chars > _MAX_BATCH_CHARS):
            yield batch
            batch, chars = [], len(text)
        batch.append(text)
    if batch:
        yield batch


def _load_mentioned(text: str) -> dict[tuple[str, str], bytes]:
    """Return the prelude's entries for the locales and time zones that a text names. Reading them takes long."""
    return {each: _LOADED % intl_data.load(*each) for each in intl_data.mentioned(text)}


async def _load(kind: IntlKind, name: str) -> bytes:
    """Return the prelude's entry for a locale or time zone. Raises ExpressionError if the name is too long for any."""
    if len(name) > intl_data.MAX_NAME:
        raise ExpressionError("RangeError", f"the name of a {kind} has at most {intl_data.MAX_NAME} characters")
    return _LOADED % await asyncio.to_thread(intl_data.load, kind, name)


async def _open(resolve: Resolve, kind: str, path: str) -> bytes:
    """Return the prelude's entry for a path: its value, or the error that reading it throws."""
    try:
        return b'{"value":%s}' % await resolve(cast(Opener, kind), path)
    except ExpressionError as error:
        return msgspec.json.encode({"error": {"name": error.name, "message": error.message}})


def _too_many(kind: str) -> ExpressionError:
    """Return the error for an evaluation that needs one more of a kind."""
    if kind in ("locale", "zone"):
        return ExpressionError(
            "intl_limit",
            f"the expression uses too many locales or time zones: beside the first {intl_data.MAX_MENTIONED} of each "
            f"in its text, at most {MAX_COMPUTED_PATHS} may be used",
        )
    return ExpressionError(
        "Error",
        f"the expression computes the names of more than {MAX_COMPUTED_PATHS} variables, resources, locales "
        "and time zones",
    )


def _opened(opened: Mapping[tuple[str, str], bytes]) -> bytes:
    kinds: dict[str, dict[str, bytes]] = {"variable": {}, "resource": {}, "locale": {}, "zone": {}}
    for (kind, path), entry in opened.items():
        kinds[kind][path] = entry
    return b',"opened":%s}' % _object({kind: _object(entry) for kind, entry in kinds.items()})


def _answer(reply: Reply) -> ExpressionValue:
    if reply.error is not None:
        raise ExpressionError(reply.error.name, reply.error.message)
    return ExpressionValue(reply.value, reply.truthy)


_LOADED: Final = b'{"value":%s}'
_OVER_TIME: Final = f"the expression ran for more than {TIME_S:g} s"
_TOO_LONG: Final = f"an expression has at most {MAX_SOURCE} characters"


def _request_head(text: str, scope: Scope, moment: Moment) -> bytes:
    """Return the request up to the opened values. Raises ExpressionError if it would be too large."""
    if len(text) > MAX_SOURCE:
        raise ExpressionError("expression_too_long", _TOO_LONG)
    seed = struct.unpack("<4i", hashlib.sha256(moment.seed.encode("utf-8", "surrogatepass")).digest()[:16])
    values = _values(scope, names_of_text(text))
    if len(values) > MAX_VALUES:
        raise ExpressionError(
            "expression_value_too_large",
            f"the values that the expression reads have {len(values)} bytes together; at most {MAX_VALUES} "
            "are passed to JavaScript (a bare path such as results.a passes on values of any size)",
        )
    fields = (encode_string(text), moment.at_ms, msgspec.json.encode(seed), values)
    return b'{"source":%s,"at":%d,"seed":%s,"scope":%s' % fields


def _values(scope: Scope, names: Mapping[str, frozenset[str] | None]) -> bytes:
    return _object({root: _value(scope[root], members_read) for root, members_read in names.items() if root in scope})


def _value(value: bytes | Mapping[str, bytes], names: frozenset[str] | None) -> bytes:
    if isinstance(value, bytes):
        raw = strip(value)
        if names is None or len(raw) < _FILTERED_FROM_BYTES or raw[:1] != b"{":
            return raw
        value = {name: bytes(each) for name, each in members(raw).items() if name in names}
    return _object({name: raw for name, raw in value.items() if names is None or name in names})


def _object(fields: Mapping[str, bytes]) -> bytes:
    return b"{%s}" % b",".join(encode_string(name) + b":" + raw for name, raw in fields.items())
