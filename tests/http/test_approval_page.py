"""The approval page: opening it decides nothing, buttons send POST requests, and workflow text is escaped (S22)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness
from tests.http.test_approvals import SUSPENDED, approval, ended, export_node, job_of, status, urls

from orvanta_platform.services.approvals import forms

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\" autofocus onfocus='x' {{ context.x }}"
FORM = {
    "type": "object",
    "required": ["sum"],
    "properties": {
        "sum": {"type": "number", "title": "Sum", "maximum": 9},
        "why": {"type": "string", "enum": ["a", EVIL], "description": EVIL},
        EVIL: {"type": "string", "default": EVIL},
        "sure": {"type": "boolean"},
        "more": {"type": "object"},
        "whole": {"type": "integer"},
    },
}


@pytest.fixture
async def browser(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client like a browser that is not logged in."""
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta", headers=headers) as client:
        yield client


class Elements(HTMLParser):
    """The elements of a page, as a browser parses them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


async def page_of(api: ApiHarness, run: str, node: str, kind: str = "approvalPage", **params: Any) -> str:
    return (await urls(api, await job_of(api, run, node), **params))[kind]


async def test_page_view_decides_nothing_and_button_decides(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    page = await page_of(api, run, "a", approver="eve")
    shown = await browser.get(page)
    assert shown.status_code == 200 and shown.headers["content-type"] == "text/html; charset=utf-8"
    assert await status(api, run) == "awaiting_approval"
    assert {each["value"] for each in Elements(shown.text).of("button")} == {"approved", "rejected"}
    # Rejecting takes two steps.
    _, _, hidden = shown.text.partition("<details><summary>Reject…</summary>")
    assert 'value="rejected"' in hidden.partition("</details>")[0]
    done = await browser.post(page, data={"decision": "approved", "reason": "fine"})
    assert done.status_code == 200 and "approved by link:eve" in done.text
    assert (await ended(api, run))["success"] is True
    again = await browser.post(page, data={"decision": "approved"})
    assert again.status_code == 200 and "approved by link:eve" in again.text
    assert (await browser.post(page, data={"decision": "rejected"})).status_code == 409
    assert "not waiting for a decision" in (await browser.get(page)).text


async def test_page_has_content_security_policy(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    shown = await browser.get(await page_of(api, run, "a"))
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert shown.headers["cache-control"] == "no-store" and shown.headers["referrer-policy"] == "no-referrer"
    elements = Elements(shown.text)
    assert not elements.of("script") and [each["lang"] for each in elements.of("html")] == ["en"]
    labelled = {each["for"] for each in elements.of("label")}
    fields = [each for tag in ("input", "select", "textarea") for each in elements.of(tag)]
    assert fields and all(each["id"] in labelled for each in fields)
    assert "width=device-width" in shown.text


async def test_workflow_text_is_escaped(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    node = approval(message=EVIL + " {{ flow_input.x }}", form=FORM)
    run = await api.flow(node, args={"x": EVIL})
    shown = (await browser.get(await page_of(api, run, "ask", approver=EVIL))).text
    elements = Elements(shown)
    assert not elements.of("script") and not elements.of("img") and "{{ context.x }}" in shown
    allowed = {"id", "name", "value", "for", "type", "rows", "maxlength", "required", "step", "selected", "checked"}
    for tag in ("input", "select", "textarea", "option", "label", "button"):
        assert all(set(each) <= allowed for each in elements.of(tag)), tag
    refused = await browser.post(
        await page_of(api, run, "ask", approver=EVIL), data={"decision": "approved", "form.sum": EVIL, "reason": EVIL}
    )
    assert refused.status_code == 400 and not Elements(refused.text).of("script")
    assert 'role="alert"' in refused.text and await status(api, run) == "awaiting_approval"


async def test_form_is_parsed_by_schema(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow(approval(form=FORM))
    fields = {"form.sum": "2.5", "form.why": "a", "form.sure": "on", "form.more": '{"x": [1]}', "form.whole": ""}
    done = await browser.post(await page_of(api, run, "ask"), data={"decision": "approved", **fields})
    assert done.status_code == 200
    found = (await ended(api, run))["result"]
    assert found["form"] == {"sum": 2.5, "why": "a", "sure": True, "more": {"x": [1]}}


async def test_node_defines_form(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    form = {"schema": {"type": "object", "properties": {"to": {"type": "string"}, "n": {"type": "integer"}}}}
    hints = {"default_args": {"n": 4}, "enums": {"to": ["x", "y"]}}
    a = {**export_node("a", "1"), "suspend": {"resume_form": form}, "mock": {"enabled": True, "return_value": hints}}
    run = await api.flow(a, export_node("b", "resume"))
    elements = Elements((await browser.get(await page_of(api, run, "a"))).text)
    assert [each.get("value") for each in elements.of("input")] == ["4"]
    assert len(elements.of("option")) == 3


async def test_anonymous_visitor_is_asked_to_log_in(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow(approval(approvers=["u/admin"]))
    page = await page_of(api, run, "ask")
    shown = await browser.get(page)
    assert "needs a login" in shown.text and not Elements(shown.text).of("button")
    assert (await browser.post(page, data={"decision": "approved"})).status_code == 401
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    browser.cookies.set("token", token)
    assert "You decide as <strong>admin</strong>" in (await browser.get(page)).text
    foreign = await browser.post(page, data={"decision": "approved"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 401 and await status(api, run) == "awaiting_approval"
    assert (await browser.post(page, data={"decision": "approved"})).status_code == 200
    assert (await ended(api, run))["result"]["by"] == "admin"


async def test_link_for_one_decision_shows_one_button(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    for kind, value, other in (("resume", "approved", "rejected"), ("cancel", "rejected", "approved")):
        link = await page_of(api, run, "a", kind)
        answer = await browser.get(link)
        assert answer.status_code == 303
        shown = await browser.get(answer.headers["location"])
        assert [each["value"] for each in Elements(shown.text).of("button")] == [value]
        assert not Elements(shown.text).of("details")
        assert (await browser.post(answer.headers["location"], data={"decision": other})).status_code == 400
    assert await status(api, run) == "awaiting_approval"


async def test_hide_cancel_leaves_one_button(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow({**export_node("a", "1"), "suspend": {"hide_cancel": True}}, export_node("b", "1"))
    page = await page_of(api, run, "a")
    assert [each["value"] for each in Elements((await browser.get(page)).text).of("button")] == ["approved"]
    assert (await browser.post(page, data={"decision": "rejected"})).status_code == 400


async def test_errors_are_pages(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    page = await page_of(api, run, "a")
    wrong = page[:-5] + "AAAAA"
    for answer in (await browser.get(wrong), await browser.post(wrong, data={"decision": "approved"})):
        assert answer.status_code == 404 and "<h1>" in answer.text
        assert "content-security-policy" in answer.headers
    assert (await browser.post(page, data={})).status_code == 400
    assert (await browser.post(page, content=b"\xff\xfe=1")).status_code == 400


def test_kinds_of_fields_follow_formats() -> None:
    formats = {"day": "date", "mail": "email", "site": "uri", "note": "textarea", "other": "unknown"}
    schema = {"properties": {name: {"type": "string", "format": each} for name, each in formats.items()}}
    kinds = [each.kind for each in forms.fields(schema, {})]
    assert kinds == ["date", "email", "url", "long_text", "text"]


def test_fields_follow_the_order_of_the_schema() -> None:
    schema = {
        "properties": {name: {"type": "string"} for name in ("note", "day", "sum")},
        "order": ["sum", 3, "gone", "note"],
    }
    assert [each.name for each in forms.fields(schema, {})] == ["sum", "note", "day"]
