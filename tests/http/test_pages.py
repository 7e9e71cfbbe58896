"""The editor's files: responses by path, caching and Content-Security-Policy."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar.types import Receive, Scope, Send

from orvanta_platform.http.pages import POLICY, Pages, read_pages

META = '<meta name="csp-nonce" content="">'
INDEX = f"<!doctype html>{META}<title>The editor</title>" + " " * 500
SCRIPT = "console.log('the page');" * 50


async def router(scope: Scope, receive: Receive, send: Send) -> None:
    """Stub of the application that receives all other requests."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"x-from", b"router")]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "assets" / "main-4f3a.js").write_text(SCRIPT)
    (tmp_path / ".built-of-something").write_text("")
    return tmp_path


@pytest.fixture
async def browser(dist: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(dist) as client:
        yield client


def client_of(dist: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Pages(router, read_pages((dist,))))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://orvanta")


@pytest.mark.parametrize("path", ["/", "/index.html", "/login", "/w/main/workflows/f/sales/invoice.v2", "/no/such"])
async def test_other_paths_return_the_page(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 200 and plain(answer) == INDEX
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


def plain(answer: httpx.Response) -> str:
    """Return the built page, without the nonce of the response."""
    return re.sub(r'(csp-nonce" content=")[\w-]+', r"\1", answer.text)


async def test_each_response_has_own_style_nonce(browser: httpx.AsyncClient) -> None:
    answers = [await browser.get("/") for _ in range(2)]
    nonces = [re.findall(r'csp-nonce" content="([\w-]{22})"', answer.text) for answer in answers]
    assert len({nonce for found in nonces for nonce in found}) == 2
    for answer, [nonce] in zip(answers, nonces, strict=True):
        policy = answer.headers["content-security-policy"]
        assert policy == POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")
        assert "etag" not in answer.headers


async def test_policy_allows_the_script_in_the_page_by_its_hash(dist: Path) -> None:
    code = "let page = 1;\nsend();"
    (dist / "index.html").write_text(
        INDEX.replace("<title>", f'<script>{code}</script><script src="/a.js"></script><title>')
    )
    source = f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"
    async with client_of(dist) as browser:
        for path in ("/", "/w/main/runs"):
            policy = (await browser.get(path)).headers["content-security-policy"]
            assert f"script-src 'self' {source}; style-src" in policy
        assert (await browser.get("/assets/main-4f3a.js")).headers["content-security-policy"] == POLICY


ROUTES = b"""[
    {"pattern": "/w/[^/]+/runs", "files": ["assets/runs-1.js", "assets/runs-2.css"]},
    {"pattern": "/w/[^/]+/workflows(?:/.*)?", "files": ["assets/graph-3.js"]}
]"""
RUNS = "</assets/runs-1.js>; rel=modulepreload, </assets/runs-2.css>; rel=preload; as=style; crossorigin"


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/w/main/runs", RUNS),
        ("/w/main/workflows/f/sales/invoice", "</assets/graph-3.js>; rel=modulepreload"),
        ("/w/main/runs/1", None),
        ("/", None),
    ],
)
async def test_page_names_the_files_of_its_route(dist: Path, path: str, link: str | None) -> None:
    (dist / "routes.json").write_bytes(ROUTES)
    async with client_of(dist) as browser:
        assert (await browser.get(path)).headers.get("link") == link


async def test_hashed_files_are_immutable_and_compressed(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/assets/main-4f3a.js")
    assert answer.text == SCRIPT and answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 9, mtime=0))
    plain = await browser.get("/assets/main-4f3a.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == SCRIPT and "content-encoding" not in plain.headers


async def test_unchanged_file_is_304(browser: httpx.AsyncClient) -> None:
    etag = (await browser.get("/assets/main-4f3a.js")).headers["etag"]
    again = await browser.get("/assets/main-4f3a.js", headers={"If-None-Match": etag})
    assert again.status_code == 304 and again.content == b""
    assert (await browser.head("/")).content == b""


@pytest.mark.parametrize("path", ["/assets/main-0000.js", "/assets/%2e%2e/index.html", "/assets/"])
async def test_missing_hashed_file_is_404(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(httpx.URL("http://orvanta", raw_path=path.encode()))
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/.built-of-something", "/../secret", "/assets/main-4f3a.js/x"])
async def test_only_editor_files_are_served(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(httpx.URL("http://orvanta", raw_path=path.encode()))
    assert plain(answer) == INDEX or answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/nothing"),
        ("GET", "/API/version"),
        ("GET", "/apix"),
        ("GET", "/first_password"),
        ("GET", "/approve/main/a/1/b"),
        ("POST", "/"),
        ("DELETE", "/w/main"),
    ],
)
async def test_api_calls_reach_router(browser: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await browser.request(method, path)).headers["x-from"] == "router"


async def test_missing_editor_page_has_instructions(tmp_path: Path) -> None:
    async with client_of(tmp_path) as browser:
        answer = await browser.get("/")
    assert answer.status_code == 503 and "make up" in answer.text


def test_policy_allows_only_own_scripts() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["script-src"] == "'self'" and rules["default-src"] == "'none'"
    assert not {"http:", "https:", "*", "'unsafe-inline'", "'unsafe-eval'"} & set(POLICY.replace(";", " ").split())
