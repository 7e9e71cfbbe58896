"""Arguments as callers send them: the body, a GET's payload, headers. The JSON itself is not parsed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec

from orvanta_platform.errors import InvalidInput

NO_ARGS = b"{}"
_SECRET = frozenset({"authorization", "cookie", "x-orvanta"})
_BOM = b"\xef\xbb\xbf"


def args_of_body(body: bytes) -> bytes:
    """The arguments of a body: a JSON object in UTF-8, nothing being the empty one. Raises InvalidInput."""
    text = body.removeprefix(_BOM).strip()
    if not text:
        return NO_ARGS
    if not text.startswith(b"{"):
        raise InvalidInput("The input must be a JSON object.", details={"path": ""})
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The input is not UTF-8: byte {error.start}.", details={"path": ""}) from error
    return text


def args_of_payload(payload: str | None) -> bytes:
    """The arguments of `payload`, base64 of JSON in either alphabet, padded or not. Raises InvalidInput."""
    text = (payload or "").strip().replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    try:
        return args_of_body(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("The payload is not base64.", hint="Send base64url of a JSON object.") from error


def with_headers(args: bytes, headers: Mapping[str, str]) -> bytes:
    """The arguments and, where they have no such name, the headers: `X-Shop-Id` as `x_shop_id`. Raises InvalidInput."""
    try:
        given = msgspec.json.decode(args, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}.", details={"path": ""}) from error
    for name, value in headers.items():
        if name.lower() in _SECRET:
            raise InvalidInput(f"The header {name} cannot become an argument.", details={"path": ""})
        given.setdefault(name.lower().replace("-", "_"), msgspec.Raw(msgspec.json.encode(value)))
    return msgspec.json.encode(given)
