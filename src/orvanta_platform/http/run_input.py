"""Arguments of runs as callers send them: bodies of several types, GET payloads, headers. JSON is not parsed here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.datastructures import UploadFile

from orvanta_platform.errors import BadRequest, InvalidInput, TooLarge
from orvanta_platform.evaluate.raw import require_utf8
from orvanta_platform.http.requests import AnyRequest, require_few_values, whole_body
from orvanta_platform.services.runs.idempotency import IdempotencyKey
from orvanta_platform.services.runs.trigger_event import TriggerEvent
from orvanta_platform.units import size_text

NO_ARGS = b"{}"
_READ_HERE = 1 << 20
"""Size of the largest body that is checked for invalid UTF-8 here. Larger ones are checked in another process."""

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "x-orvanta"})
_BOM = b"\xef\xbb\xbf"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MAX_FIELDS = 1000
_MAX_FORM = 1 << 20
_MAX_TEXT = 8 << 20
RAW = "raw_string"
"""Name of the argument that holds a text body."""


async def args_of(request: AnyRequest) -> bytes:
    """Return the arguments in a request's body, as determined by its content type only. Raises InvalidInput.

    The members of JSON and the fields of a form become arguments (fields of the same name a list); text becomes the
    argument `raw_string`. A file of a multipart form becomes the object `{name, type, base64}`. A body without a type
    is treated as JSON, and so is JSON sent as a form, as by curl's -d.
    """
    kind, body = await _read(request)
    return await _args(request, kind, body)


async def args_of_call(request: AnyRequest, *, wrap: bool, raw: bool) -> bytes:
    """Return the arguments of a call that runs an item: those of `args_of`, but JSON of another kind is not refused.

    `wrap`: the whole body becomes the argument `body`, like JSON that is no object. `raw`: the text of the body becomes
    the argument `raw_string` as well. Raises InvalidInput, TooLarge.
    """
    kind, body = await _read(request)
    if not _is_json(kind):
        is_object = kind == _FORM and body.lstrip()[:1] == b"{"
        args = _wrapped(body) if wrap and is_object else await _args(request, kind, body)
        args = b'{"body":%b}' % args if wrap and not is_object else args
    elif (text := body.removeprefix(_BOM).lstrip()) and (wrap or text[:1] != b"{"):
        args = _wrapped(text)
    else:
        args = args_of_body(body)
    return _with_text(args, body) if raw else args


async def _read(request: AnyRequest) -> tuple[str, bytes]:
    """Return the type of a body and the body, which is read here, once, if it is JSON. Raises TooLarge."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    _require_length(request.content_length or 0, kind)
    body = await (whole_body(request) if _is_json(kind) else request.body())
    _require_length(len(body), kind)
    return kind, body


async def _args(request: AnyRequest, kind: str, body: bytes) -> bytes:
    if kind == _MULTIPART:
        return await _multipart(request)
    if _is_json(kind) or (kind == _FORM and body.lstrip()[:1] == b"{"):
        return args_of_body(body)
    if kind == _FORM:
        return _fields(_form_pairs(body))
    if _is_text(kind):
        return msgspec.json.encode({RAW: text_of(body)})
    raise InvalidInput(
        f"A body of type {kind[:100]} cannot be used as arguments.",
        hint="Send JSON, a form or text.",
        details={"path": ""},
    )


def _wrapped(text: bytes) -> bytes:
    """Return the arguments with a body of JSON as `body`. Raises InvalidInput, TooLarge."""
    _require_short(text, "A body that becomes one argument")
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}.", details={"path": ""}) from error
    text_of(text)
    return b'{"body":%b}' % text


def _with_text(args: bytes, body: bytes) -> bytes:
    """Return the arguments with the text of the body as `raw_string`. Raises InvalidInput, TooLarge."""
    _require_short(body, "A body that is passed as text")
    require_few_values(args)
    return msgspec.json.encode(members_of(args) | {RAW: text_of(body)})


def _require_short(body: bytes, subject: str) -> None:
    """Raise TooLarge for a body that must be read here and would take long."""
    if len(body) > _MAX_TEXT:
        raise TooLarge(f"{subject} is limited to {size_text(_MAX_TEXT)}.", details={"limit": _MAX_TEXT})


def _require_length(length: int, kind: str) -> None:
    """Raise TooLarge for a body that must be parsed here and would take long."""
    longest = _MAX_FORM if kind == _FORM else _MAX_TEXT
    if length > longest and not _is_json(kind):
        raise TooLarge(
            f"A body of type {kind[:100]} is limited to {size_text(longest)}.",
            hint="Send JSON, or upload it as a file (job_helpers/upload_s3_file) and send its name.",
            details={"limit": longest},
        )


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind == "application/xml" or kind.endswith("+xml")


def _is_json(kind: str) -> bool:
    return kind in ("", "application/json") or kind.endswith("+json")


def text_of(body: bytes) -> str:
    """Return the body as text. Raises InvalidInput if it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The input is not UTF-8 at byte {error.start}.", details={"path": ""}) from error


def _form_pairs(body: bytes) -> list[tuple[str, Any]]:
    try:
        return [*parse_qsl(body.decode("ascii"), True, errors="strict", max_num_fields=_MAX_FIELDS)]
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(f"The form cannot be read: {error}.", details={"path": ""}) from error


async def _multipart(request: AnyRequest) -> bytes:
    form = await request.form()
    pairs: list[tuple[str, Any]] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = base64.b64encode(await value.read()).decode()
            pairs.append((name, {"name": value.filename, "type": value.content_type, "base64": content}))
        else:
            pairs.append((name, value))
    return _fields(pairs)


def _fields(pairs: Iterable[tuple[str, Any]]) -> bytes:
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return msgspec.json.encode({name: values[0] if len(values) == 1 else values for name, values in found.items()})


def args_of_body(body: bytes) -> bytes:
    """Return the arguments in a body, a JSON object in UTF-8; an empty body is `{}`. Raises InvalidInput."""
    text = body.removeprefix(_BOM)
    if len(text) <= _READ_HERE or not (text[:1] == b"{" and text[-1:] == b"}"):
        text = text.strip()
    if not text:
        return NO_ARGS
    if not text.startswith(b"{"):
        raise InvalidInput("The input must be a JSON object.", details={"path": ""})
    if len(text) <= _READ_HERE:
        try:
            require_utf8(text)
        except UnicodeDecodeError:
            text_of(text)
    return text


def args_of_query(request: AnyRequest) -> Mapping[str, Any]:
    """Return the arguments in the query of a request; a repeated name is a list. Raises BadRequest."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise BadRequest("The query cannot be read.") from error
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def members_of(args: bytes) -> dict[str, Any]:
    """Return the members of arguments, whose values are not decoded. Raises InvalidInput."""
    try:
        return msgspec.json.decode(args, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}.", details={"path": ""}) from error


def args_of_payload(payload: str | None) -> bytes:
    """Return the arguments in `payload`: base64 or base64url of JSON, with or without padding. Raises InvalidInput."""
    text = (payload or "").strip().replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    try:
        return args_of_body(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("The payload is not base64.", hint="Send base64url of a JSON object.") from error


def with_headers(args: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the arguments with the headers added, `X-Shop-Id` as `x_shop_id`. Existing arguments are not replaced.

    Raises InvalidInput, TooLarge.
    """
    require_few_values(args)
    arguments = members_of(args)
    for name, value in headers.items():
        if name.lower() in _SECRET:
            raise InvalidInput(f"The header {name} cannot be used as an argument.", details={"path": ""})
        arguments.setdefault(name.lower().replace("-", "_"), msgspec.Raw(msgspec.json.encode(value)))
    return msgspec.json.encode(arguments)


_INPUTS = (
    *("tag", "scheduled_for", "scheduled_in_secs", "parent_job", "root_job"),
    *("skip_preprocessor", "pause_before", "pause_if", "latest"),
)
"""Query parameters that belong to the input of a call, for its Idempotency-Key."""


def webhook_event(request: AnyRequest) -> TriggerEvent:
    """Return the event of a call, for preprocessors. Its body are the arguments of the call."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return TriggerEvent("webhook", headers=request.headers, query=request.query_params, is_text=_is_text(kind))


def idempotency_key(request: AnyRequest) -> IdempotencyKey | None:
    """Return the Idempotency-Key of a call that starts a run, with the options that belong to the input."""
    key = request.headers.get("idempotency-key")
    return IdempotencyKey(key, options=[request.query_params.get(name) for name in _INPUTS]) if key else None
