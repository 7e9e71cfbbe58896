"""Execution of a webhook node: sends its request, follows redirects, and reads the response up to its limit."""

from __future__ import annotations

import asyncio
import base64
import codecs
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpcore
import msgspec

from orvanta_platform.outbound.http import CONNECT_S, pool
from orvanta_platform.outbound.ssrf import AddressNotPublic, AddressRefused, Guard
from orvanta_platform.tracing import TRACEPARENT
from orvanta_platform.units import size_text
from orvanta_platform.worker.native.webhook.request import CallFailed, Request, build
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink, StoppedBy

MAX_RESPONSE_BYTES: Final = 10 << 20
MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
CHARSETS: Final = frozenset(
    {
        "ascii", "big5", "big5-hkscs", "cp1250", "cp1251", "cp1252", "cp437", "cp850", "cp932", "euc-jp", "euc-kr",
        "gb18030", "gb2312", "gbk", "ibm866", "iso-2022-jp", "koi8-r", "koi8-u", "latin-1", "latin1", "macintosh",
        "shift-jis", "sjis", "us-ascii", "utf-16", "utf-16be", "utf-16le", "utf-32", "utf-8", "utf8",
        *(f"iso-8859-{part}" for part in range(1, 17) if part != 12),
        *(f"windows-125{part}" for part in range(9)),
    }
)  # fmt: skip
"""Text encodings accepted from a server; each decodes in linear time. Any other is treated as UTF-8."""

_BYTE_ORDER_MARKS: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
_PIECE: Final = 64 << 10

_EXCERPT: Final = 500
"""Number of characters of an unexpected response's body in the message."""


class _Response(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes


async def run(spec: JobSpec, sink: LogSink, cancelled: asyncio.Event, guard: Guard) -> JobOutcome:
    """Make the call of the job `spec`: its content is the node's value (JSON), its args the evaluated inputs.

    Never raises an error of the other server. The call ends at the job's timeout and when `cancelled` is set.
    """
    running = asyncio.ensure_future(_call(spec, sink, guard))
    cancelling = asyncio.ensure_future(cancelled.wait())
    most_s = min(spec.timeout_s, spec.limits.time_s)
    try:
        await asyncio.wait({running, cancelling}, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return JobOutcome(running.result(), None, 0, started=True)
        if cancelling.done():
            return _failed(JobError("Cancelled", "cancelled"), "cancel")
        return _failed(JobError("Timeout", f"timed out after {most_s:g} s"), "timeout")
    except CallFailed as failed:
        return _failed(failed.error, None)
    finally:
        for task in (running, cancelling):
            task.cancel()
        await asyncio.gather(running, cancelling, return_exceptions=True)


def _failed(error: JobError, stopped_by: StoppedBy | None) -> JobOutcome:
    return JobOutcome(None, error, 0, started=True, stopped_by=stopped_by)


async def _call(spec: JobSpec, sink: LogSink, guard: Guard) -> bytes:
    node: dict[str, Any] = json.loads(spec.content)
    request = build(node, spec.args, spec.job_id, spec.env.get(TRACEPARENT))
    expected: Sequence[int] = node.get("expect") or ()
    for _ in range(MAX_REDIRECTS + 1):
        response = await _exchange(request, guard)
        await sink.write(f"{request.shown}: {response.status}, {size_text(len(response.body))}\n")
        location = response.headers.get("location")
        if response.status not in _REDIRECTS or response.status in expected or not location:
            return await _result(request, response, expected, str(node.get("response") or ""))
        request = request.redirected(response.status, location)
    raise CallFailed("webhook_too_many_redirects", f"{request.shown} was redirected more than {MAX_REDIRECTS} times")


async def _exchange(request: Request, guard: Guard) -> _Response:
    """Send one request and return its complete response. Raises CallFailed."""
    headers = [(name.encode("ascii"), value.encode("utf-8")) for name, value in request.headers]
    timeouts = {"timeout": {"connect": CONNECT_S, "pool": CONNECT_S}}
    url = httpcore.URL(
        scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
    )
    try:
        async with (
            pool(guard) as connections,
            connections.stream(request.method, url, headers=headers, content=request.body, extensions=timeouts) as got,
        ):
            named = _named(got.headers)
            return _Response(got.status, named, await _read(request, got, named.get("content-encoding", "")))
    except AddressNotPublic as error:
        message = f"HTTP request refused: {request.shown}: {error}. ORVANTA_ALLOWED_NETWORKS lists allowed networks."
        raise CallFailed("webhook_address_refused", message) from error
    except AddressRefused as error:
        raise CallFailed("webhook_address_refused", f"HTTP request refused: {request.shown}: {error}") from error
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise CallFailed("webhook_unreachable", f"{request.shown}: {reason}") from error


def _named(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by their names in lower case, with duplicates joined."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _read(request: Request, response: httpcore.Response, encoding: str) -> bytes:
    """Return the decompressed body. Both the received and the decompressed bytes are limited."""
    inflate = _inflate(request, encoding.strip().lower())
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_stream():
        piece = chunk
        if inflate is not None:
            try:
                piece = inflate.decompress(chunk, MAX_RESPONSE_BYTES + 1 - size)
            except zlib.error as error:
                raise CallFailed("webhook_response_invalid", f"{request.shown} answered invalid {encoding}") from error
        size += len(piece)
        parts.append(piece)
        if size > MAX_RESPONSE_BYTES:
            raise CallFailed(
                "webhook_response_too_large",
                f"{request.shown} answered with more than the limit of {size_text(MAX_RESPONSE_BYTES)}",
            )
    if inflate is not None and parts and not inflate.eof:
        raise CallFailed("webhook_response_invalid", f"{request.shown} answered invalid {encoding}")
    return b"".join(parts)


def _inflate(request: Request, encoding: str) -> Any:
    match encoding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case "deflate":
            return zlib.decompressobj()
    raise CallFailed("webhook_response_invalid", f"{request.shown} answered in the unsupported encoding {encoding}")


async def _result(request: Request, response: _Response, expected: Sequence[int], form: str) -> bytes:
    """Return {status, headers, body} as JSON text. Raises CallFailed for an unexpected status or body."""
    if response.status not in expected if expected else not 200 <= response.status < 300:
        statuses = ", ".join(map(str, expected)) or "200 to 299"
        excerpt = response.body[: 4 * _EXCERPT].decode("utf-8", "replace")[:_EXCERPT].strip()
        message = f"{request.shown} answered {response.status}, expected {statuses}"
        raise CallFailed("webhook_status_unexpected", f"{message}: {excerpt}" if excerpt else message)
    body = await _body(request, response, form or _form_of(response.headers.get("content-type", "")))
    return msgspec.json.encode({"status": response.status, "headers": response.headers, "body": body})


def _form_of(content_type: str) -> str:
    """Return the form of a body for which the node sets none: json, text or bytes."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return "json"
    textual = kind in ("", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
    return "text" if textual or kind.startswith("text/") or kind.endswith("+xml") else "bytes"


def _charset(content_type: str) -> str:
    """Return the codec for a text, one of CHARSETS. Other codecs may take quadratic time or raise."""
    named = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    name = named.replace("_", "-")
    return name if name in CHARSETS else "utf-8"


async def _decoded(body: bytes, charset: str) -> str:
    """Return the body as text. It is decoded in pieces, as replacing 10 MiB of invalid bytes takes seconds."""
    if charset in _BYTE_ORDER_MARKS and not body.startswith(_BYTE_ORDER_MARKS[charset]):
        charset += "-le"
    decoder, parts = codecs.getincrementaldecoder(charset)("replace"), []
    for start in range(0, len(body), _PIECE):
        parts.append(decoder.decode(body[start : start + _PIECE]))
        await asyncio.sleep(0)
    return "".join([*parts, decoder.decode(b"", final=True)])


async def _body(request: Request, response: _Response, form: str) -> Any:
    """Return the body as a JSON value; bytes are encoded as Base64."""
    if form == "bytes":
        return base64.b64encode(response.body).decode()
    if form == "text":
        return await _decoded(response.body, _charset(response.headers.get("content-type", "")))
    if not response.body.strip():
        return None
    try:
        msgspec.json.decode(response.body, type=msgspec.Raw)
        response.body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CallFailed("webhook_response_invalid", f"{request.shown} answered invalid JSON: {error}") from error
    return msgspec.Raw(response.body.strip())
