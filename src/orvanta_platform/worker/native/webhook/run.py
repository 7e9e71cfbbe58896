"""Runs a webhook node: sends its request, follows redirects, reads the answer up to its limit."""

from __future__ import annotations

import asyncio
import base64
import codecs
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import msgspec

from orvanta_platform.outbound.http import CONNECT_S, pool
from orvanta_platform.outbound.ssrf import AddressRefused, Guard
from orvanta_platform.units import size_text
from orvanta_platform.worker.native.webhook.request import CallFailed, Request, build
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink, StoppedBy

LONGEST_RESPONSE: Final = 10 << 20
MOST_REDIRECTS: Final = 5
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
"""Encodings of text that a called server may name; each decodes in linear time. Any other counts as UTF-8."""

_MARKED: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
_PIECE: Final = 64 << 10

_SHOWN: Final = 500
"""Characters of an unexpected answer's body in the message."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def run(spec: JobSpec, sink: LogSink, cancelled: asyncio.Event, guard: Guard) -> JobOutcome:
    """Make the call of the job `spec`: its content is the node's value (JSON), its args the evaluated inputs.

    Never raises for what the other side does. It ends at the job's timeout, and when `cancelled` is set.
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
    request = build(node, spec.args, spec.job_id)
    expected: Sequence[int] = node.get("expect") or ()
    for _ in range(MOST_REDIRECTS + 1):
        answer = await _exchange(request, guard)
        await sink.write(f"{request.shown}: {answer.status}, {size_text(len(answer.body))}\n")
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or answer.status in expected or not location:
            return await _result(request, answer, expected, str(node.get("response") or ""))
        request = request.redirected(answer.status, location)
    raise CallFailed("webhook_too_many_redirects", f"{request.shown} was redirected more than {MOST_REDIRECTS} times")


async def _exchange(request: Request, guard: Guard) -> _Answer:
    """One request and its whole answer. Raises CallFailed."""
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
            return _Answer(got.status, named, await _read(request, got, named.get("content-encoding", "")))
    except AddressRefused as error:
        raise CallFailed("webhook_address_refused", f"{request.shown}: {error}") from error
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        said = str(error) or type(error).__name__
        raise CallFailed("webhook_unreachable", f"{request.shown}: {said}") from error


def _named(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names in lower case, those of the same name in one."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _read(request: Request, response: httpcore.Response, encoding: str) -> bytes:
    """The body, decompressed: neither what comes nor what it stands for goes over the limit."""
    inflate = _inflate(request, encoding.strip().lower())
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_stream():
        piece = chunk
        if inflate is not None:
            try:
                piece = inflate.decompress(chunk, LONGEST_RESPONSE + 1 - size)
            except zlib.error as error:
                raise CallFailed("webhook_response_invalid", f"{request.shown} answered broken {encoding}") from error
        size += len(piece)
        parts.append(piece)
        if size > LONGEST_RESPONSE:
            raise CallFailed(
                "webhook_response_too_large",
                f"{request.shown} answered with more than the limit of {size_text(LONGEST_RESPONSE)}",
            )
    if inflate is not None and parts and not inflate.eof:
        raise CallFailed("webhook_response_invalid", f"{request.shown} answered broken {encoding}")
    return b"".join(parts)


def _inflate(request: Request, encoding: str) -> Any:
    match encoding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case "deflate":
            return zlib.decompressobj()
    raise CallFailed("webhook_response_invalid", f"{request.shown} answered in the encoding {encoding}")


async def _result(request: Request, answer: _Answer, expected: Sequence[int], form: str) -> bytes:
    """JSON text of {status, headers, body}. Raises CallFailed for a status or a body that was not expected."""
    if answer.status not in expected if expected else not 200 <= answer.status < 300:
        wanted = ", ".join(map(str, expected)) or "200 to 299"
        told = answer.body[: 4 * _SHOWN].decode("utf-8", "replace")[:_SHOWN].strip()
        message = f"{request.shown} answered {answer.status}, expected {wanted}"
        raise CallFailed("webhook_status_unexpected", f"{message}: {told}" if told else message)
    body = await _body(request, answer, form or _form_of(answer.headers.get("content-type", "")))
    return msgspec.json.encode({"status": answer.status, "headers": answer.headers, "body": body})


def _form_of(content_type: str) -> str:
    """How a body is read that the node says nothing of."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return "json"
    textual = kind in ("", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
    return "text" if textual or kind.startswith("text/") or kind.endswith("+xml") else "bytes"


def _charset(content_type: str) -> str:
    """The codec for a text, one of CHARSETS. Other codecs may take quadratic time or raise."""
    named = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    name = named.replace("_", "-")
    return name if name in CHARSETS else "utf-8"


async def _decoded(body: bytes, charset: str) -> str:
    """The body as text, decoded in pieces: replacing 10 MiB of invalid bytes takes seconds."""
    if charset in _MARKED and not body.startswith(_MARKED[charset]):
        charset += "-le"
    decoder, parts = codecs.getincrementaldecoder(charset)("replace"), []
    for start in range(0, len(body), _PIECE):
        parts.append(decoder.decode(body[start : start + _PIECE]))
        await asyncio.sleep(0)
    return "".join([*parts, decoder.decode(b"", final=True)])


async def _body(request: Request, answer: _Answer, form: str) -> Any:
    """The body as a value; bytes are Base64."""
    if form == "bytes":
        return base64.b64encode(answer.body).decode()
    if form == "text":
        return await _decoded(answer.body, _charset(answer.headers.get("content-type", "")))
    if not answer.body.strip():
        return None
    try:
        msgspec.json.decode(answer.body, type=msgspec.Raw)
        answer.body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CallFailed("webhook_response_invalid", f"{request.shown} answered no JSON: {error}") from error
    return msgspec.Raw(answer.body.strip())
