"""The editor's files, served from memory in front of the router for all paths outside the API."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import mimetypes
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Receive

from orvanta_platform.services.access.one_time_links import LINK_PATH

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the editor: scripts and styles are files of this server."""

_OWN_STYLES = "style-src 'self' 'nonce-{}'"
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
"""Script that is part of the page: it sends the first calls of the API before the other scripts are loaded."""

_NONCE = b'name="csp-nonce" content="'
"""Position of the nonce in the page, which adds it to the style sheets that its code editor creates."""

_FOLDERS = (Path(__file__).parents[3] / "editor" / "dist", Path(sys.prefix) / "share" / "orvanta" / "editor")
"""Folders of the editor: that of a checkout, and that of an installed distribution."""

_OURS = ("/approve", "/scim", LINK_PATH)
_INDEX = "/index.html"
_ROUTES = "/routes.json"
"""Routes of the editor's pages, written by its build."""

_HASHED = "/assets/"
_FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
"""Cache-Control of files whose name says nothing about their content."""
_PACKED = frozenset({".html", ".js", ".css", ".svg", ".json", ".webmanifest"})
_ABSENT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Orvanta</title>
<h1>The editor is not built</h1>
<p>The API is available under /api. To build the editor, run <code>make up</code> again.</p>
</html>"""

_NOT_FOUND = b"This file does not exist."


class Page(msgspec.Struct):
    """A file as it is sent."""

    kind: str
    plain: bytes
    etag: str
    compresses: bool
    """True if its type compresses well."""
    _packed: bytes | None = None

    async def packed(self) -> bytes:
        """Return the content compressed with gzip, which the first call does."""
        if self._packed is None:
            self._packed = await asyncio.to_thread(gzip.compress, self.plain, 9, mtime=0)
        return self._packed


def read_pages(folders: tuple[Path, ...] = _FOLDERS) -> dict[str, Page]:
    """Return the files of the first folder that contains an editor, by path (`/index.html`); empty if none does."""
    root = next((folder for folder in folders if (folder / "index.html").is_file()), None)
    if root is None:
        return {}
    files = (file for file in sorted(root.rglob("*")) if file.is_file() and not file.name.startswith("."))
    return {f"/{file.relative_to(root).as_posix()}": read_page(file) for file in files}


def read_page(file: Path) -> Page:
    """Return a file with its type."""
    content = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return Page(kind, content, f'"{hashlib.sha256(content).hexdigest()[:32]}"', file.suffix in _PACKED)


class Route(msgspec.Struct):
    """A page of the editor. `pattern`: regular expression of its path. `files`: those that the index does not name."""

    pattern: str
    files: list[str]

    def link(self) -> str:
        """Return the Link header (RFC 8288) that makes a browser request the files together with the first scripts."""
        return ", ".join(map(_link, self.files))


def _link(file: str) -> str:
    # A style sheet is preloaded in the mode in which it will be requested.
    how = "preload; as=style; crossorigin" if file.endswith(".css") else "modulepreload"
    return f"</{file}>; rel={how}"


def _read_links(pages: Mapping[str, Page]) -> list[tuple[re.Pattern[str], str]]:
    routes = pages.get(_ROUTES)
    if routes is None:
        return []
    return [(re.compile(each.pattern), each.link()) for each in msgspec.json.decode(routes.plain, type=list[Route])]


class Pages:
    """ASGI middleware that answers GET and HEAD outside the API with a file of the editor.

    A path that is not a file gets the page itself, which reads the rest of the address.
    """

    def __init__(self, app: ASGIApp, pages: Mapping[str, Page]) -> None:
        self._app = app
        self._pages = pages
        self._links = _read_links(pages)
        self._policy = _index_policy(pages)

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer with a file, or pass the request to the router."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or _is_reserved(scope["path"]):
            await self._app(scope, receive, send)
            return
        await send_page(scope, send, *await self._answer(scope["path"], MutableScopeHeaders(scope)))

    async def _answer(self, path: str, request: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        page = self._pages.get(path)
        if page is None and path.startswith(_HASHED):
            # A page of an older build requests a file of that build: never send the page itself as a script.
            return 404, headers("text/plain; charset=utf-8", "no-store", len(_NOT_FOUND)), _NOT_FOUND
        if page is None or path == _INDEX:
            return self._index(path)
        return await answer_file(page, _FOREVER if path.startswith(_HASHED) else REVALIDATE, request)

    def _index(self, path: str) -> tuple[int, dict[str, str], bytes]:
        page = self._pages.get(_INDEX)
        if page is None:
            return 503, headers("text/html; charset=utf-8", "no-store", len(_ABSENT)), _ABSENT
        status, fields, body = _index(page, self._policy)
        link = next((link for pattern, link in self._links if pattern.fullmatch(path)), "")
        return status, {**fields, **({"Link": link} if link else {})}, body


async def answer_file(
    page: Page, cached: str, request: Mapping[str, str], policy: str = POLICY
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body for a file: compressed if the client accepts that, 304 if it has the file."""
    validators = {"ETag": page.etag, "Vary": "Accept-Encoding"}
    if page.etag in request.get("if-none-match", ""):
        return 304, {"Cache-Control": cached, **validators}, b""
    body = page.plain
    if page.compresses and "gzip" in request.get("accept-encoding", ""):
        body = await page.packed()
        validators["Content-Encoding"] = "gzip"
    return 200, {**headers(page.kind, cached, len(body), policy), **validators}, body


async def send_page(scope: Any, send: Any, status: int, fields: Mapping[str, str], body: bytes) -> None:
    """Send a response; to HEAD without its body."""
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    shown = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": shown, "more_body": False})


def _index_policy(pages: Mapping[str, Page]) -> str:
    """Return the policy of the page, which allows the scripts that are part of it."""
    page = pages.get(_INDEX)
    digests = (hashlib.sha256(code).digest() for code in _INLINE_SCRIPT.findall(page.plain if page else b""))
    sources = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return POLICY.replace("script-src 'self'", f"script-src 'self'{sources}", 1)


def _index(page: Page, policy: str) -> tuple[int, dict[str, str], bytes]:
    """Return the page with a nonce of its own, which makes it uncacheable."""
    nonce = secrets.token_urlsafe(16)
    body = page.plain.replace(_NONCE, _NONCE + nonce.encode(), 1)
    policy = policy.replace("style-src 'self'", _OWN_STYLES.format(nonce), 1)
    return 200, {**headers(page.kind, REVALIDATE, len(body)), "Content-Security-Policy": policy}, body


def headers(kind: str, cached: str, length: int, policy: str = POLICY) -> dict[str, str]:
    """Return the headers of a page of this server."""
    return {
        "Content-Type": kind,
        "Content-Length": str(length),
        "Cache-Control": cached,
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _is_reserved(path: str) -> bool:
    if path.lower().startswith("/api"):
        return True
    return any(path == each or path.startswith(f"{each}/") for each in _OURS)
