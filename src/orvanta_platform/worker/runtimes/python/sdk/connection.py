"""HTTP requests to the platform's API."""

from __future__ import annotations

import functools
import http.client
import json
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_CHUNK = 64 << 10


class ApiError(Exception):
    """Raised if the platform refuses a request."""

    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.status_code = status_code


class Response:
    """Response whose body has been read."""

    def __init__(self, url: str, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.url = url
        self.status_code = status_code
        self.headers = headers
        self.content = content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def is_success(self) -> bool:
        """True if the status is 2xx."""
        return 200 <= self.status_code < 300

    def json(self) -> Any:
        """Return the body parsed as JSON. Raises json.JSONDecodeError."""
        return json.loads(self.content)

    def raise_for_status(self) -> Response:
        """Return this response. Raises ApiError if the status is not 2xx."""
        if not self.is_success:
            raise ApiError(f"{self.url}: {self.status_code}, {self.text}", self.status_code)
        return self


class OpenResponse:
    """Response whose body is read in parts; a context manager."""

    def __init__(self, url: str, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self._url = url
        self._connection = connection
        self._answer = answer

    def __enter__(self) -> OpenResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, or all if it is negative. Raises IncompleteRead if the connection was lost."""
        data = self._answer.read(None if size < 0 else size)
        if not data and size > 0 and self._answer.length:
            raise http.client.IncompleteRead(data, self._answer.length)
        return data

    def iter_bytes(self) -> Iterator[bytes]:
        """Yield the body in parts. Raises IncompleteRead if the connection was lost."""
        while part := self.read(_CHUNK):
            yield part

    def finish(self) -> Response:
        """Read the rest of the body, close the connection and return the complete response."""
        with self:
            return Response(self._url, self._answer.status, dict(self._answer.headers), self._answer.read())

    def raise_for_status(self) -> OpenResponse:
        """Return this response. Raises ApiError if the status is not 2xx, after which it is closed."""
        if not 200 <= self._answer.status < 300:
            self.finish().raise_for_status()
        return self


class Connection:
    """Access to the API at `base_url`. Each request has a connection of its own."""

    def __init__(self, base_url: str, token: Callable[[], str | None], verify: bool = True) -> None:
        """Create the access. `verify`: certificates are checked.

        `token` is called for each request, as the jobs of a dedicated process have different ones.
        """
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._verify = verify

    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = 900.0,
    ) -> OpenResponse:
        """Send a request and return the response, whose body is not yet read.

        `path` is relative to `base_url`. The body is `content` (bytes, text, a file or an iterable of bytes), otherwise
        `json` unless None for GET and DELETE. `timeout` is in seconds.
        """
        url = f"{self.base_url}/{quote(path.lstrip('/'), safe='/%:@?=&,;+!$~')}"
        if query := _query(params or {}):
            url += ("&" if "?" in url else "?") + query
        sent = {"Authorization": f"Bearer {self._token()}", **(headers or {})}
        if content is None and (json is not None or method not in ("GET", "DELETE")):
            content = _encode(json)
            sent.setdefault("Content-Type", "application/json")
        parts = urlsplit(url)
        connection = self._connect(parts.scheme, parts.hostname or "", parts.port, timeout)
        try:
            connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, content, sent)
            return OpenResponse(url, connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise

    def _connect(self, scheme: str, host: str, port: int | None, timeout: float | None) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=_context(self._verify))
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def request(self, method: str, path: str, **options: Any) -> Response:
        """Send a request and return the response; `options` are those of `stream`."""
        return self.stream(method, path, **options).finish()

    def get(self, path: str, **options: Any) -> Response:
        """Send a GET request."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """Send a POST request."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Response:
        """Send a PUT request."""
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> Response:
        """Send a DELETE request."""
        return self.request("DELETE", path, **options)


@functools.cache
def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _query(params: Mapping[str, Any]) -> str:
    """Return the query without values that are None; lists repeat their name."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        values: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, _parameter(each)) for each in values if each is not None]
    return urlencode(pairs)


def _parameter(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
