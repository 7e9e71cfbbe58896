"""The documentation site at /docs: static files that `make docs` builds, public like the editor's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Receive

from orvanta_platform.http.pages import REVALIDATE, Page, answer_file, headers, read_page, send_page

ADDRESS = "/docs"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the site. Its search runs in a worker; it has no web fonts and no inline scripts."""

_FOLDERS = (Path(__file__).parents[3] / "build" / "docs", Path(sys.prefix) / "share" / "orvanta" / "docs")
"""Folders of the site: that of a checkout, and that of an installed distribution."""

_START = "/index.html"
_MISSING = "/404.html"
_HTML = "text/html; charset=utf-8"
_ABSENT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Orvanta</title>
<h1>The documentation is not built</h1>
<p>To build it, run <code>make docs</code>. The pages are in the folder <code>docs</code> as well.</p>
</html>"""
_NOT_FOUND = b"This page does not exist."


def find_site(folders: tuple[Path, ...] = _FOLDERS) -> dict[str, Path]:
    """Return the files of the first folder that contains a site, by path (`/index.html`); empty if none does."""
    root = next((folder for folder in folders if (folder / "index.html").is_file()), None)
    if root is None:
        return {}
    files = (file for file in root.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {f"/{file.relative_to(root).as_posix()}": file for file in files}


def answers(scope: Any) -> bool:
    """Return True for the requests that the site answers: GET and HEAD of every path below /docs."""
    path: str = scope["path"]
    is_below = path == ADDRESS or path.startswith(f"{ADDRESS}/")
    return is_below and scope["method"] in ("GET", "HEAD")


class Documentation:
    """ASGI middleware that answers GET and HEAD below /docs with a file of the site.

    A file is read and compressed at its first request: servers whose documentation nobody reads hold none of it.
    """

    def __init__(self, app: ASGIApp, site: Mapping[str, Path]) -> None:
        self._app = app
        self._site = site
        self._read: dict[str, Page] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer with a file, or pass the request on."""
        if scope["type"] != "http" or not answers(scope):
            await self._app(scope, receive, send)
            return
        answer = await self._answer(scope["path"].removeprefix(ADDRESS), MutableScopeHeaders(scope))
        await send_page(scope, send, *answer)

    async def _answer(self, path: str, request: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path in ("", "/"):
            # The links of the site are relative to a file.
            return 307, {**headers(_HTML, "no-store", 0, POLICY), "Location": ADDRESS + _START}, b""
        if not self._site:
            return 404, headers(_HTML, "no-store", len(_ABSENT), POLICY), _ABSENT
        page = await self._page(path)
        if page is not None:
            return await answer_file(page, REVALIDATE, request, POLICY)
        if found := self._page_of(path):
            return 307, {**headers(_HTML, "no-store", 0, POLICY), "Location": ADDRESS + found}, b""
        missing = await self._page(_MISSING)
        body = missing.plain if missing else _NOT_FOUND
        return 404, headers(_HTML, "no-store", len(body), POLICY), body

    def _page_of(self, path: str) -> str | None:
        """Return the file of an address without `.html` or of a folder, such as `/tutorials/schedule/`, if any."""
        name = path.rstrip("/")
        return next((file for file in (f"{name}.html", f"{name}{_START}") if file in self._site), None)

    async def _page(self, path: str) -> Page | None:
        """Return a file of the site, or None if there is none or it was replaced by another build."""
        if path not in self._read and path in self._site:
            try:
                self._read[path] = await asyncio.to_thread(read_page, self._site[path])
            except FileNotFoundError:
                return None
        return self._read.get(path)
