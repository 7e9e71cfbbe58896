"""The approval page in a browser: on a phone and on a wide screen, without the editor and without an account."""

from __future__ import annotations

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
    },
}
ASK = {"id": "ask", "value": {"type": "approval", "message": "Pay? " + "unbreakable" * 20, "form": FORM}}


def asked(site: Site, value: dict[str, Any]) -> tuple[str, str]:
    """A run that asks, and the address of its page."""
    started = site.client.post("/api/w/main/jobs/run/preview_flow", json={"value": value, "args": {}})
    assert started.status_code == 201, started.text
    job = node_job_id(UUID(started.text), "ask")
    answer = site.client.get(f"/api/w/main/jobs/resume_urls/{job}/1")
    assert answer.status_code == 200, answer.text
    return started.text, answer.json()["approvalPage"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1440)])
async def test_somebody_answers_on_a_phone(
    stranger: Page, site: Site, scheme: Literal["light", "dark"], width: int
) -> None:
    run, address = asked(site, {"modules": [ASK]})
    await stranger.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await stranger.set_viewport_size({"width": width, "height": 740})
    await stranger.goto(address)
    await check(stranger)
    buttons = stranger.get_by_role("button")
    assert await buttons.count() == 2
    for button in await buttons.all():
        box = await button.bounding_box()
        assert box is not None and box["height"] >= 40
    await stranger.get_by_label("Sum").fill("7")
    await stranger.get_by_role("button", name="Approve").click()
    await expect(stranger.get_by_role("heading", name="It is approved")).to_be_visible()
    await check(stranger)
    result = site.client.get(f"/api/w/main/jobs_u/completed/get_result/{run}").json()
    assert (result["decision"], result["form"]["sum"]) == ("approved", 7)
