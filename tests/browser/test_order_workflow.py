"""A workflow of everyday size is composed by mouse within 45 clicks and fields, and runs.

Every morning it gets orders, enriches each in TypeScript, asks an admin with a form if they exceed 1,000, and
summarizes in Bash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect
from tests.browser.conftest import Site, write_code
from tests.browser.test_editing import draft_saved, flow, node
from tests.browser.test_journey import trigger

pytestmark = pytest.mark.extended

MAX_ACTIONS = 45
ORDERS = "def main():\n    return [{'id': 1, 'net': 900}, {'id': 2, 'net': 400}]\n"
ENRICH = "export async function main(order: object) {\n  return { ...order, gross: order.net * 1.2 };\n}\n"
SUMMARY = 'orders="$1"\necho "{\\"orders\\": $orders}"\n'


@dataclass(slots=True)
class Hand:
    """The mouse, and the keyboard for the text of fields. Each click, drag and field is an action."""

    page: Page
    actions: int = 0

    async def click(self, control: Locator, button: Literal["left", "right"] = "left") -> None:
        self.actions += 1
        await control.click(button=button)

    async def press(self, name: str, role: str = "button") -> None:
        await self.click(self.page.get_by_role(role, name=name, exact=role == "button").last)  # type: ignore[arg-type]

    async def fill(self, label: str, text: str) -> None:
        self.actions += 1
        await self.page.get_by_label(label, exact=True).fill(text)

    async def select(self, label: str, option: str) -> None:
        self.actions += 1
        await self.page.get_by_label(label, exact=True).select_option(option)

    async def write(self, label: str, text: str) -> None:
        """Replace the text of a code editor."""
        self.actions += 1
        await write_code(self.page.get_by_role("textbox", name=label, exact=True), text)

    async def drag(self, start: Locator, end: Locator) -> None:
        self.actions += 1
        await start.drag_to(end)

    async def connect(self, name: str, expression: str) -> None:
        """Set an input of the selected node to an expression."""
        mode = self.page.get_by_role("group", name=f"Input mode of {name}", exact=True)
        await self.click(mode.get_by_role("button", name="Expression"))
        await self.write(name, expression)

    async def add(self, kind: str, after: str | None = None) -> None:
        """Add a node, and wait until it is selected."""
        if after:
            await node(self.page, after).hover(position={"x": 12, "y": 12})
        await self.press(f"Add a node after {after}" if after else "Add a node")
        await self.click(self.page.get_by_role("option", name=kind).first)
        await expect(self.page.get_by_role("dialog")).to_have_count(0)


async def test_order_workflow_takes_at_most_45_actions(page: Page, site: Site) -> None:
    hand = Hand(page)
    await page.goto("/w/main/workflows")
    await hand.press("New workflow")
    await hand.fill("Name", "Morning orders")
    await expect(page.get_by_label("Id", exact=True)).to_have_value("morning_orders")
    await hand.press("Create workflow")
    await page.wait_for_url("**/workflows/*/*/morning_orders")
    path = page.url.partition("/workflows/")[2].partition("?")[0]
    await compose(hand)
    await draft_saved(page)
    await hand.press("Deploy")
    await hand.click(page.get_by_role("dialog").get_by_role("button", name="Deploy"))
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()
    await hand.press("Add a trigger")
    await hand.press("New schedule", "menuitem")
    await hand.press("Create schedule")
    await hand.press("Triggers", "link")
    await hand.press("Create token")
    await expect(page.get_by_text("shown only once")).to_be_visible()
    print(f"{hand.actions} clicks and fields")
    assert hand.actions <= MAX_ACTIONS
    modules = flow(site, path)["value"]["modules"]
    assert [each["id"] for each in modules] == ["script", "each", "check", "approval", "script_2"]
    [schedule] = site.client.get("/api/w/main/schedules/list", params={"path": path}).json()
    assert schedule["schedule"].startswith("0 0 8 ")
    done = trigger(site, path)
    assert done["result"] == {"orders": [{"id": 1, "net": 900, "gross": 1080}, {"id": 2, "net": 400, "gross": 480}]}


async def compose(hand: Hand) -> None:
    """Add the nodes of the workflow, with their code, inputs and form."""
    page = hand.page
    await hand.add("Python")
    await hand.write("Code", ORDERS)
    await hand.add("For-each loop", "script")
    await hand.write("Iterate over", "results.script")
    await hand.click(node(page, "item"), "right")
    await hand.press("Replace with…", "menuitem")
    await hand.click(page.get_by_role("option", name="TypeScript").first)
    await hand.write("Code", ENRICH)
    await hand.connect("order", "flow_input.iter.value")
    await hand.add("Condition", "each")
    await hand.write("Condition", "results.each.reduce((sum, each) => sum + each.gross, 0) > 1000")
    await hand.add("Approval", "check")
    await hand.press("Add approver")
    await hand.click(page.get_by_role("option", name="role/admin"))
    await hand.fill("Field name", "comment")
    await hand.press("Add field")
    await hand.add("Bash", "approval")
    await hand.write("Code", SUMMARY)
    await hand.connect("orders", "results.each")
    await hand.drag(node(page, "check").locator('.react-flow__handle[data-handleid="false"]'), node(page, "script_2"))
