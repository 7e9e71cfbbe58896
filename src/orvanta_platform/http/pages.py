"""The editor's files, from memory, in front of the router: what is no call of the API is a page."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Receive

from orvanta_platform.services.access.setup import LINK_PATH

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Scripts and styles are files of this server and nothing else is."""

_OWN_STYLES = "style-src 'self' 'nonce-{}'"
_NONCE = b'name="csp-nonce" content="'
"""The page gives the nonce of its answer to the style sheets that its code editor makes."""

_PLACES = (Path(__file__).parents[3] / "editor" / "dist", Path(sys.prefix) / "share" / "orvanta" / "editor")
"""A checkout's folder, else where an installed distribution keeps it."""

_OURS = ("/approve", LINK_PATH)
_INDEX = "/index.html"
_HASHED = "/assets/"
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_PACKED = frozenset({".html", ".js", ".css", ".svg", ".json", ".webmanifest"})
_ABSENT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Orvanta</title>
<h1>The editor is not built</h1>
<p>The API answers under /api. To have the editor, start again with <code>make up</code>.</p>
</html>"""

_GONE = b"There is no such file."


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent: plain, and packed with gzip where that is worth it."""

    kind: str
    plain: bytes
    packed: bytes | None
    etag: str


def read_pages(places: tuple[Path, ...] = _PLACES) -> dict[str, Page]:
    """The files of the first folder that holds an editor by their paths (`/index.html`); none where none does."""
    root = next((place for place in places if (place / "index.html").is_file()), None)
    if root is None:
        return {}
    files = (file for file in sorted(root.rglob("*")) if file.is_file() and not file.name.startswith("."))
    return {f"/{file.relative_to(root).as_posix()}": _page(file) for file in files}


def _page(file: Path) -> Page:
    content = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(content, 9, mtime=0) if file.suffix in _PACKED else None
    return Page(kind, content, packed, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


class Pages:
    """ASGI middleware: GET and HEAD of what the API does not own are answered with a file, else with the page itself,
    which reads the rest of the address.
    """

    def __init__(self, app: ASGIApp, pages: Mapping[str, Page]) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer with a file, or let the router answer."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or _is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        status, headers, body = self._answer(scope["path"], MutableScopeHeaders(scope))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown, "more_body": False})

    def _answer(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        page = self._pages.get(path)
        if page is None and path.startswith(_HASHED):
            # A page of an older build asks for a file of that build: never the page itself as a script.
            return 404, _headers("text/plain; charset=utf-8", "no-store", len(_GONE)), _GONE
        if page is None:
            page, path = self._pages.get(_INDEX), _INDEX
        if page is None:
            return 503, _headers("text/html; charset=utf-8", "no-store", len(_ABSENT)), _ABSENT
        if path == _INDEX:
            return _page_itself(page)
        kept = {"ETag": page.etag, "Vary": "Accept-Encoding"}
        cached = _FOREVER if path.startswith(_HASHED) else _ASK_AGAIN
        if page.etag in asked.get("if-none-match", ""):
            return 304, {"Cache-Control": cached, **kept}, b""
        body = page.plain
        if page.packed is not None and "gzip" in asked.get("accept-encoding", ""):
            body = page.packed
            kept["Content-Encoding"] = "gzip"
        return 200, {**_headers(page.kind, cached, len(body)), **kept}, body


def _page_itself(page: Page) -> tuple[int, dict[str, str], bytes]:
    """The page with a nonce that no other answer has: it cannot be kept."""
    nonce = secrets.token_urlsafe(16)
    body = page.plain.replace(_NONCE, _NONCE + nonce.encode(), 1)
    policy = POLICY.replace("style-src 'self'", _OWN_STYLES.format(nonce), 1)
    return 200, {**_headers(page.kind, _ASK_AGAIN, len(body)), "Content-Security-Policy": policy}, body


def _headers(kind: str, cached: str, length: int) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Content-Length": str(length),
        "Cache-Control": cached,
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _is_ours(path: str) -> bool:
    if path.lower().startswith("/api"):
        return True
    return any(path == each or path.startswith(f"{each}/") for each in _OURS)
