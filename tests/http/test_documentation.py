"""The documentation site at /docs: responses by path, its policy, and the page shown while it is not built."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from tests.http.harness import ApiHarness
from tests.http.test_pages import router

from orvanta_platform.http.documentation import POLICY, Documentation, find_site

INDEX = "<!doctype html><title>Orvanta</title>" + " " * 500


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "reference").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "404.html").write_text("<!doctype html><title>Not found</title>")
    (folder / "reference" / "settings.html").write_text("<!doctype html><title>Settings</title>")
    (folder / ".built-of-something").write_text("")
    (tmp_path / "key").write_text("secret")
    return folder


def client_of(*places: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Documentation(router, find_site(places)))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://orvanta")


async def test_page_is_sent_with_policy_and_validators(site: Path) -> None:
    async with client_of(site) as browser:
        page = await browser.get("/docs/index.html")
        again = await browser.get("/docs/index.html", headers={"If-None-Match": page.headers["etag"]})
        head = await browser.head("/docs/reference/settings.html")
        packed = await browser.get("/docs/index.html", headers={"Accept-Encoding": "gzip"})
    assert (page.status_code, page.text) == (200, INDEX)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
    assert packed.headers["content-encoding"] == "gzip" and int(packed.headers["content-length"]) < len(INDEX)


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
async def test_address_leads_to_first_page(site: Path, path: str) -> None:
    async with client_of(site) as browser:
        answer = await browser.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs/index.html")


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/docs/reference/settings/", "/docs/reference/settings.html"),
        ("/docs/reference/settings", "/docs/reference/settings.html"),
        ("/docs//", "/docs/index.html"),
    ],
)
async def test_address_without_ending_leads_to_its_page(site: Path, path: str, page: str) -> None:
    async with client_of(site) as browser:
        answer = await browser.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, page)


@pytest.mark.parametrize(
    "path", ["/docs/nowhere.html", "/docs/nowhere/", "/docs/a//b", "/docs/..%2fkey", "/docs/.built-of-something"]
)
async def test_missing_page_is_not_found(site: Path, path: str) -> None:
    async with client_of(site) as browser:
        answer = await browser.get(httpx.URL("http://orvanta", raw_path=path.encode()))
    assert answer.status_code == 404 and "Not found" in answer.text


async def test_other_paths_and_methods_pass(site: Path) -> None:
    async with client_of(site) as browser:
        answers = [await browser.get("/docsify"), await browser.get("/"), await browser.post("/docs/index.html")]
    assert [answer.headers["x-from"] for answer in answers] == ["router"] * 3


async def test_missing_site_names_the_command_that_builds_it(tmp_path: Path) -> None:
    async with client_of(tmp_path) as browser:
        answer = await browser.get("/docs/index.html")
    assert answer.status_code == 404 and "make docs" in answer.text


async def test_site_is_public_and_replaced_files_are_not_found(site: Path) -> None:
    async with client_of(site) as browser:
        (site / "reference" / "settings.html").unlink()
        answer = await browser.get("/docs/reference/settings.html")
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/docs/nowhere", "/docs/nowhere/", "/docs/a//b"])
async def test_unknown_page_needs_no_login_either(api: ApiHarness, path: str) -> None:
    async with httpx.AsyncClient(transport=api.client._transport, base_url=api.client.base_url) as stranger:
        answer = await stranger.get(httpx.URL(str(api.client.base_url), raw_path=path.encode()))
        written = await stranger.post(httpx.URL(str(api.client.base_url), raw_path=path.encode()))
    assert answer.status_code == 404 and answer.headers["content-security-policy"] == POLICY
    assert written.status_code in (401, 404, 405)


async def test_site_needs_no_login(api: ApiHarness) -> None:
    async with httpx.AsyncClient(transport=api.client._transport, base_url=api.client.base_url) as stranger:
        answers = [await stranger.get(path) for path in ("/docs", "/docs/", "/docs/index.html")]
        written = await stranger.post("/docs/index.html")
    assert [answer.status_code for answer in answers[:2]] == [307, 307]
    assert answers[2].status_code in (200, 404) and answers[2].headers["content-security-policy"] == POLICY
    assert all(answer.headers["x-content-type-options"] == "nosniff" for answer in answers)
    assert written.status_code in (404, 405)
