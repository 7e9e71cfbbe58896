"""Authentication of requests to HTTP triggers: API keys, HTTP Basic, signatures of the body.

Comparisons take constant time. Unknown settings are refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

METHODS: Final = ("api_key", "basic_http", "signature")
TOLERANCE_S: Final = 300
"""Maximum difference in seconds between a signed time and now."""

KEY_HEADER: Final = "X-API-Key"
"""Header of an API key, unless the resource names another one."""

_HASHES: Final = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_GITHUB: Final = {"header": "X-Hub-Signature-256", "prefix": "sha256="}


class RouteAuthInvalid(Exception):
    """The resource of a trigger is unusable; the message names the reason."""


def proves(method: str, resource: Any, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Return whether a request proves knowledge of the secret in `resource`. Names in `headers` are in lower case.

    Raises RouteAuthInvalid.
    """
    if not isinstance(resource, Mapping):
        raise RouteAuthInvalid("it is not an object")
    match method:
        case "api_key":
            key = _secret(resource, "api_key" if "api_key" in resource else "value")
            return _digests_match(headers.get(_text(resource, "header", KEY_HEADER).lower(), ""), key)
        case "basic_http":
            return _basic(resource, headers.get("authorization", ""))
        case "signature":
            return _signed(resource, headers, body, now_s)
    raise RouteAuthInvalid(f"the method {method} does not exist")


def _secret(resource: Mapping[str, Any], name: str) -> str:
    text = _text(resource, name, "")
    if not text:
        raise RouteAuthInvalid(f"it has no {name}")
    return text


def _text(resource: Mapping[str, Any], name: str, default: str) -> str:
    value = resource.get(name, default)
    if not isinstance(value, str):
        raise RouteAuthInvalid(f"{name} is not a string")
    return value


def _digests_match(received: str, expected: str) -> bool:
    """Compare digests of the texts, which have equal lengths, so that the time reveals nothing about the length of the
    secret.
    """
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (received, expected)]
    return hmac.compare_digest(*digests)


def _basic(resource: Mapping[str, Any], header: str) -> bool:
    expected = f"{_text(resource, 'username', '')}:{_secret(resource, 'password')}"
    scheme, _, received = header.strip().partition(" ")
    try:
        text = base64.b64decode(received.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    return _digests_match(text, expected) and scheme.lower() == "basic"


def _signed(resource: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    preset = _text(resource, "preset", "custom")
    secret = _secret(resource, "secret").encode()
    if preset == "stripe":
        return _stripe(headers.get("stripe-signature", ""), secret, body, now_s, _tolerance(resource))
    if preset not in ("github", "custom"):
        raise RouteAuthInvalid(f"the preset {preset[:50]!r} does not exist")
    named = dict(resource) if preset == "custom" else _GITHUB
    make = _HASHES.get(_text(named, "algorithm", "sha256"))
    encoding = _text(named, "encoding", "hex")
    if make is None or encoding not in ("hex", "base64"):
        raise RouteAuthInvalid("algorithm must be sha1, sha256 or sha512, and encoding hex or base64")
    received = headers.get(_secret(named, "header").lower(), "").strip()
    prefix = _text(named, "prefix", "")
    signed = body
    if timestamp_header := _text(named, "timestamp_header", ""):
        moment = headers.get(timestamp_header.lower(), "").strip()
        if not _is_recent(moment, now_s, _tolerance(resource)):
            return False
        signed = moment.encode() + b"." + body
    digest = hmac.new(secret, signed, make).digest()
    text = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    value = received.removeprefix(prefix)
    return received.startswith(prefix) and _digests_match(value.lower() if encoding == "hex" else value, text)


def _stripe(header: str, secret: bytes, body: bytes, now_s: float, tolerance_s: float) -> bool:
    """Check `t=<seconds>,v1=<hex>[,v1=…]`, a signature of `<seconds>.<body>`; any of the signatures may match."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    moment = next((value for name, _, value in pairs if name == "t"), "")
    if not _is_recent(moment, now_s, tolerance_s):
        return False
    expected = hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    found = [_digests_match(value, expected) for name, _, value in pairs if name == "v1"]
    return any(found)


def _is_recent(moment: str, now_s: float, tolerance_s: float) -> bool:
    digits = moment.isascii() and moment.isdigit() and len(moment) <= 12
    return digits and abs(now_s - int(moment)) <= tolerance_s


def _tolerance(resource: Mapping[str, Any]) -> float:
    value = resource.get("tolerance_s", TOLERANCE_S)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise RouteAuthInvalid("tolerance_s is not a positive number of seconds")
    return float(value)
