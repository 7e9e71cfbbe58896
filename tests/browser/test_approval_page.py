"""The approval page, which needs no account, and the inbox, on narrow and wide screens."""

from __future__ import annotations

import re
from typing import Any, Literal
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check

from orvanta_platform.ids import node_job_id

FORM = {
    "type": "object",
    "required": ["sum"],
    "properties": {
        "sum": {"type": "integer", "title": "Sum", "description": "At most nine.", "maximum": 9},
        "why": {"type": "string", "enum": ["rent", "food"]},
        "sure": {"type": "boolean"},
        "reason": {"type": "string"},
    },
}
ASK = {"id": "ask", "value": {"type": "approval", "message": "Pay? " + "unbreakable" * 20, "form": FORM}}


def asked(site: Site, value: dict[str, Any]) -> tuple[str, str]:
    """Start a run with an approval; return its id and the address of the approval page."""
    started = site.client.post("/api/w/main/jobs/run/preview_flow", json={"value": value, "args": {}})
    assert started.status_code == 201, started.text
    job = node_job_id(UUID(started.text), "ask")
    answer = site.client.get(f"/api/w/main/jobs/resume_urls/{job}/1")
    assert answer.status_code == 200, answer.text
    return started.text, answer.json()["approvalPage"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1440)])
async def test_approval_is_decided_on_phone(
    stranger: Page, site: Site, scheme: Literal["light", "dark"], width: int
) -> None:
    run, address = asked(site, {"modules": [ASK]})
    await stranger.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await stranger.set_viewport_size({"width": width, "height": 740})
    await stranger.goto(address)
    await check(stranger)
    for control in (stranger.get_by_role("button", name="Approve"), stranger.locator("summary")):
        box = await control.bounding_box()
        assert box is not None and box["height"] >= 40
    # Rejecting takes two steps.
    reject = stranger.get_by_role("button", name="Reject", exact=True)
    await expect(reject).to_have_count(0)
    await stranger.get_by_text("Reject…").click()
    await expect(reject).to_be_visible()
    await check(stranger)
    await stranger.get_by_label("Sum").fill("7")
    await stranger.get_by_role("button", name="Approve").click()
    await expect(stranger.get_by_role("heading", name="Approved", exact=True)).to_be_visible()
    await check(stranger)
    result = site.client.get(f"/api/w/main/jobs_u/completed/get_result/{run}").json()
    assert (result["decision"], result["form"]["sum"]) == ("approved", 7)


def fields_of(page: Page, form: str = "form") -> Any:
    """Return the fields of the form, each with its label, type, requirement and options."""
    return page.evaluate(
        """form => [...document.querySelectorAll(`${form} :is(input, select, textarea)`)]
          .map((each) => [
            (each.labels[0].querySelector("span") ?? each.labels[0]).textContent.trim(), each.type, each.required,
            [...(each.options ?? [])].map((option) => option.text).filter((text) => text && text !== "\u2014")])""",
        form,
    )


async def test_inbox_on_phone_shows_approval_form(page: Page, site: Site) -> None:
    """The inbox has the fields and error messages of the approval page, and decides in place."""
    message = "Pay the rent of November?"
    order = {"type": "javascript", "expr": "({ id: 'A-17', lines: [1, 2] })"}
    ask = {"type": "approval", "message": message, "form": FORM, "timeout": 900}
    ask["input_transforms"] = {"order": order, "total": {"type": "javascript", "expr": "1000 + 200"}}
    value = {"modules": [{"id": "ask", "value": ask}]}
    run, address = asked(site, value)
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(address)
    on_page = await fields_of(page)
    labels = ["Sum", "why (optional)", "sure", "reason (optional)", "Reason for the decision (optional)"]
    assert [each[0] for each in on_page] == labels
    await page.get_by_label("Sum").fill("12")
    await page.get_by_role("button", name="Approve").click()
    refused = await page.get_by_role("alert").text_content()
    assert refused and "maximum of 9" in refused
    await page.goto("/w/main/approvals?q=november")
    card = page.get_by_role("region", name="Awaiting your approval").get_by_role("listitem").filter(has_text=message)
    await expect(card).to_contain_text("Started by admin")
    await expect(card).to_contain_text("Due in 1")
    assert await fields_of(page) == on_page
    inputs = card.locator("dl")
    await expect(inputs).to_contain_text("A-17")
    await expect(inputs).to_contain_text("total1200")
    await check(page)
    await card.get_by_label("Sum").fill("12")
    await card.get_by_role("button", name="Approve").click()
    await expect(card.get_by_role("alert")).to_contain_text(refused)
    # The page of the run has the same form as well.
    await card.get_by_role("link", name="Preview").click()
    await page.wait_for_url(f"**/runs/{run}*")
    await page.goto(f"/w/main/runs/{run}?node=ask")
    form = page.get_by_role("form", name="Decide on ask")
    await expect(form.get_by_label("Sum")).to_be_visible()
    node = page.get_by_role("complementary", name="ask")
    await expect(node).to_contain_text(message)
    await expect(node.locator("dl")).to_contain_text("A-17")
    assert await fields_of(page, "form[aria-label='Decide on ask']") == on_page
    await form.get_by_label("Sum").fill("7")
    await form.get_by_label("sure").check()
    await form.get_by_label("reason (optional)", exact=True).fill("of the form")
    await form.get_by_label("Reason for the decision").fill("It is due")
    await form.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("Approved", exact=True).first).to_be_visible()
    await page.goto("/w/main/approvals?q=november")
    await expect(page.get_by_role("heading", name="Approvals", exact=True)).to_be_visible()
    await expect(card).to_have_count(0)
    result = site.client.get(f"/api/w/main/jobs_u/completed/get_result/{run}").json()
    assert (result["decision"], result["reason"], result["form"]) == (
        "approved",
        "It is due",
        {"sum": 7, "sure": True, "reason": "of the form"},
    )


async def test_repeated_clicks_in_inbox_decide_one_approval(page: Page, site: Site) -> None:
    """A decided card keeps its place until the page is left, so that the next one does not move under the mouse.

    It is no longer counted, and has no buttons; a group without open approvals is named "Decided".
    """
    runs = []
    for person in ("Ada", "Bob", "Cleo"):
        ask = {"id": "ask", "value": {"type": "approval", "message": f"Hire {person} repeatedly?"}}
        runs.append(asked(site, {"modules": [ask]})[0])
    await page.goto("/w/main/approvals?q=repeatedly")
    awaiting = page.get_by_role("region", name="Awaiting your approval")
    cards = awaiting.get_by_role("listitem")
    await expect(cards).to_have_count(3)
    await expect(awaiting.get_by_role("heading")).to_have_text("Awaiting your approval 3")
    box = await cards.first.get_by_role("button", name="Approve").bounding_box()
    assert box is not None
    for _ in range(3):
        await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await expect(cards.first.get_by_text("Approved", exact=True)).to_be_visible()
        async with page.expect_response("**/approvals/list*"):
            pass
    await expect(cards).to_have_count(3)
    await expect(cards.first.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(awaiting.get_by_role("heading")).to_have_text("Awaiting your approval 2")
    waiting = {each["run"] for each in site.client.get("/api/w/main/approvals/list").json()}
    assert [run in waiting for run in runs] == [False, True, True]
    await page.reload()
    await expect(cards).to_have_count(2)
    await cards.first.get_by_role("button", name="Approve").click()
    await expect(awaiting.get_by_role("heading")).to_have_text("Awaiting your approval 1")
    await cards.last.get_by_role("button", name="Approve").click()
    decided = page.get_by_role("region", name="Decided").get_by_role("listitem")
    await expect(decided).to_have_count(2)
    await expect(decided.get_by_text("Approved", exact=True)).to_have_count(2)
    await expect(awaiting).to_have_count(0)


async def test_rejection_is_confirmed(page: Page, site: Site) -> None:
    """The dialog says what follows; cancelling it decides nothing."""
    message = "Reject this by mistake?"
    run, _ = asked(site, {"modules": [{"id": "ask", "value": {"type": "approval", "message": message}}]})
    await page.goto("/w/main/approvals?q=mistake")
    card = page.get_by_role("listitem").filter(has_text=message)
    await card.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog", name="Reject ask?")
    await expect(dialog).to_contain_text("Without such an edge it fails.")
    await check(page)
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert run in {each["run"] for each in site.client.get("/api/w/main/approvals/list").json()}
    await card.get_by_role("button", name="Reject").click()
    await dialog.get_by_role("button", name="Reject").click()
    await expect(card.get_by_text("Rejected", exact=True)).to_be_visible()
    assert run not in {each["run"] for each in site.client.get("/api/w/main/approvals/list").json()}


async def test_failed_list_of_deployments_is_not_shown_as_empty(page: Page, site: Site) -> None:
    site.client.post("/api/workspaces/create", json={"id": "undecided", "name": "Undecided"}).raise_for_status()
    await page.route("**/deployments/list*", lambda route: route.fulfill(status=403, json={}))
    await page.goto("/w/undecided/approvals")
    await expect(page.get_by_role("alert")).to_contain_text("Something went wrong")
    await expect(page.get_by_text("No approvals waiting")).to_have_count(0)
    await page.unroute_all()
    await page.get_by_role("button", name="Retry").click()
    await expect(page.get_by_text("No approvals waiting")).to_be_visible()
    site.client.post("/api/w/undecided/workspaces/archive").raise_for_status()
    site.client.delete("/api/workspaces/delete/undecided", params={"confirm": "undecided"}).raise_for_status()


@pytest.mark.extended
async def test_page_of_run_shows_approval_of_chosen_iteration(page: Page, site: Site) -> None:
    asking = {"id": "ask", "value": {"type": "approval", "message": "Order {{ flow_input.iter.value }}?"}}
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1, 2, 3]}, "skip_failures": False}
    modules = [{"id": "take", "value": {"type": "identity"}}, asking]
    value = {"modules": [{"id": "each", "value": {**loop, "parallel": True, "modules": modules}}]}
    started = site.client.post("/api/w/main/jobs/run/preview_flow", json={"value": value, "args": {}})
    for iteration in (3, 1):
        await page.goto(f"/w/main/runs/{started.text}?node=ask&at=each.{iteration}")
        pane = page.get_by_role("complementary", name="Node ask")
        await expect(pane.get_by_role("form", name="Decide on ask")).to_have_count(1)
        await expect(pane).to_contain_text(f"Order {iteration}?")
    await page.get_by_role("tab", name="Timeline").click()
    grid = page.get_by_role("treegrid", name="Timeline")
    for name in ("each", "each[1]"):
        await grid.get_by_role("row").filter(has=page.get_by_text(name, exact=True)).focus()
        await page.keyboard.press("ArrowRight")
    ask = grid.get_by_role("row").filter(has=page.get_by_text("ask", exact=True))
    await expect(ask).to_contain_text(re.compile("Waiting.*waited .*s"))
    await expect(ask.locator("rect[data-kind=waiting]")).to_have_count(1)
    await page.get_by_role("tab", name="Graph").click()
    await pane.get_by_role("button", name="Reject").click()
    await page.get_by_role("dialog", name="Reject ask?").get_by_role("button", name="Reject").click()
    await expect(page.get_by_text("Rejected", exact=True)).to_be_visible()
    waiting = site.client.get("/api/w/main/approvals/list").json()
    assert {each["message"] for each in waiting if each["run"] == started.text} == {"Order 2?", "Order 3?"}
    site.client.post(f"/api/w/main/jobs_u/queue/cancel/{started.text}", json={}).raise_for_status()


async def test_number_in_navigation_follows_the_list(page: Page, site: Site) -> None:
    message = "Count this request?"
    await page.goto("/w/main/approvals")
    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Approvals")
    asked(site, {"modules": [{"id": "ask", "value": {"type": "approval", "message": message}}]})
    await expect(page.get_by_text(message)).to_be_visible(timeout=20_000)
    waiting = site.client.get("/api/w/main/overview").json()["waiting_runs"]
    await expect(link).to_have_attribute("title", re.compile(rf"^{waiting} approvals? await"))
