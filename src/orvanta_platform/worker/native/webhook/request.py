"""The request of a webhook node, built from the node and its evaluated inputs."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import httpx
import msgspec
from msgspec.structs import replace

from orvanta_platform.worker.outcome import JobError

_METHOD: Final = re.compile(r"[A-Za-z]{1,20}")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_OURS: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that belong to the connection. A node that set one would send another request than it shows."""

_CROSS_ORIGIN: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "idempotency-key", "user-agent"}
)
"""Headers sent to another origin after a redirect. All others are dropped, as any may hold a credential."""

_FORM: Final = "application/x-www-form-urlencoded"


class CallFailed(Exception):
    """Raised with the error of the job if the call failed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.error = JobError(name, message)


class Inputs(msgspec.Struct):
    """The evaluated inputs of the node, with references filled in."""

    url: Any = None
    headers: Any = None
    query: Any = None
    body: msgspec.Raw = msgspec.Raw(b"null")
    """JSON text."""

    auth: Any = None


class Request(msgspec.Struct, frozen=True):
    """One HTTP request."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    """Names and values; the names are in lower case."""

    body: bytes | None
    auth: str | None = None
    """Name of the header that holds the credential."""

    @property
    def shown(self) -> str:
        """Method and URL for messages, without the query, which may hold secrets."""
        return f"{self.method} {self.url.copy_with(query=None, fragment=None)}"

    def redirected(self, status: int, location: str) -> Request:
        """Return the request that a redirect leads to. Raises CallFailed if its target is not an http or https URL.

        Another origin receives only headers that describe the body and the accepted responses.
        """
        try:
            joined = str(self.url.join(location))
        except (httpx.InvalidURL, ValueError) as error:
            raise _invalid(f"the target of the redirect is not a URL: {error}") from error
        url = _url(joined)
        changed = (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST")
        headers = self.headers
        if not _is_same_site(self.url, url):
            headers = tuple((name, value) for name, value in headers if name in _CROSS_ORIGIN)
        if changed:
            headers = tuple((name, value) for name, value in headers if name != "content-type")
            return replace(self, method="GET", url=url, headers=headers, body=None)
        return replace(self, url=url, headers=headers)


def credentials(args: bytes) -> list[str]:
    """Return the texts of the credential in evaluated inputs, as stored and as sent. They must be masked."""
    auth = msgspec.json.decode(args, type=Inputs).auth
    if not isinstance(auth, Mapping):
        return []
    texts = [auth[key] for key in ("token", "password", "value", "api_key") if isinstance(auth.get(key), str)]
    if isinstance(auth.get("username"), str) and isinstance(auth.get("password"), str):
        texts.append(_basic(auth["username"], auth["password"]))
    return texts


def build(node: Mapping[str, Any], args: bytes, job: UUID, traceparent: str | None = None) -> Request:
    """Return the request of a node. `traceparent`: the context of its attempt, unless its headers name another one.

    Raises CallFailed `webhook_request_invalid`, `webhook_auth_invalid`.
    """
    inputs = msgspec.json.decode(args, type=Inputs)
    method = str(node["method"]).upper()
    if not _METHOD.fullmatch(method) or method in ("CONNECT", "TRACE"):
        raise _invalid(f"{method!r} is not an HTTP method that an HTTP request may use")
    if not isinstance(inputs.url, str):
        raise _invalid("url must evaluate to text")
    url = _with_query(_url(inputs.url.strip()), inputs.query)
    named = {"user-agent": "Orvanta", "accept": "*/*", "accept-encoding": "gzip, deflate", "idempotency-key": str(job)}
    named |= {"traceparent": traceparent} if traceparent is not None else {}
    named |= _headers(inputs.headers)
    body, kind = _body(inputs.body, named.get("content-type", ""))
    if kind and "content-type" not in named:
        named["content-type"] = kind
    auth = None
    if node.get("auth"):
        auth, value = _auth(inputs.auth, url)
        named[auth] = value
    return Request(method, url, tuple(named.items()), body, auth)


def _invalid(message: str) -> CallFailed:
    return CallFailed("webhook_request_invalid", message)


def _url(text: str) -> httpx.URL:
    """Parse an http or https URL. Raises CallFailed."""
    try:
        url = httpx.URL(text)
        strict = urlsplit(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise _invalid(f"url is not a URL: {error}") from error
    if url.scheme not in ("http", "https"):
        raise CallFailed("webhook_address_refused", "url must start with http:// or https://")
    if not url.host:
        raise _invalid("url has no host")
    if url.userinfo or "@" in strict.netloc or "\\" in text:
        raise _invalid("url must not contain a user, a password or a backslash: name a resource in auth instead")
    return url


def _is_same_site(before: httpx.URL, after: httpx.URL) -> bool:
    """Return True if a credential for one URL may be sent to the other: the same origin, or its https equivalent."""
    if before.host != after.host:
        return False
    return _origin(before) == _origin(after) or (_origin(before), _origin(after)) == (("http", 80), ("https", 443))


def _origin(url: httpx.URL) -> tuple[str, int]:
    return url.scheme, url.port or (443 if url.scheme == "https" else 80)


def _with_query(url: httpx.URL, query: Any) -> httpx.URL:
    if query is None:
        return url
    pairs = _pairs("query", query)
    added = urlencode(pairs)
    before = url.query.decode("ascii")
    return url.copy_with(query="&".join(filter(None, (before, added))).encode()) if added else url


def _pairs(name: str, members: Any) -> list[tuple[str, str]]:
    """Return the members of an object as pairs: one for each item of a list, none for null."""
    if not isinstance(members, Mapping):
        raise _invalid(f"{name} must evaluate to an object")
    pairs: list[tuple[str, str]] = []
    for key, value in members.items():
        several = value if isinstance(value, list) else [value]
        pairs += [(key, _text(f"{name}.{key}", each)) for each in several if each is not None]
    return pairs


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _invalid(f"{name} must be text, a number or a boolean")


def _headers(headers: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _pairs("headers", {} if headers is None else headers):
        lower = name.lower()
        if not _NAME.fullmatch(name) or lower in _OURS or lower.startswith("proxy-"):
            raise _invalid(f"the header {name!r} cannot be set")
        _require_value(name, value)
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def _require_value(name: str, value: str) -> None:
    if not _VALUE.fullmatch(value):
        raise _invalid(f"the header {name} contains a line break or another control character")


def _body(raw: msgspec.Raw, kind: str) -> tuple[bytes | None, str]:
    """Return the body and its default content type; null is no body."""
    text = bytes(raw)
    if text == b"null":
        return None, ""
    if text.startswith(b'"'):
        return msgspec.json.decode(text, type=str).encode(), "text/plain; charset=utf-8"
    if kind.partition(";")[0].strip().lower() == _FORM and text.startswith(b"{"):
        return urlencode(_pairs("body", msgspec.json.decode(text))).encode(), _FORM
    return text, "application/json"


def _auth(auth: Any, url: httpx.URL) -> tuple[str, str]:
    """Return the header for the credential of a resource, with its name in lower case."""
    if not isinstance(auth, Mapping):
        raise CallFailed("webhook_auth_invalid", "the resource named in auth does not hold an object")
    _require_host(auth.get("hosts"), url)
    match auth:
        case {"token": str(token)} if token:
            name, value = "authorization", f"Bearer {token}"
        case {"username": str(user), "password": str(password)}:
            name, value = "authorization", f"Basic {_basic(user, password)}"
        case {"header": str(name), "value": str(value)} if _NAME.fullmatch(name) and name.lower() not in _OURS:
            name = name.lower()
        case {"api_key": str(value)} if value:
            name = "x-api-key"
        case _:
            raise CallFailed(
                "webhook_auth_invalid",
                "the resource named in auth has none of: token; username and password; header and value; api_key",
            )
    _require_value(name, value)
    return name, value


def _require_host(hosts: Any, url: httpx.URL) -> None:
    """Refuse a host that is not among those the credential is restricted to."""
    if hosts is None:
        return
    if not isinstance(hosts, Sequence) or isinstance(hosts, str) or url.host not in hosts:
        raise CallFailed("webhook_auth_refused", f"the credential must not be sent to {url.host}")


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()
