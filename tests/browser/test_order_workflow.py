"""A workflow of everyday size is composed by mouse within 45 clicks and fields, by keyboard and by palette, and runs.

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
    path = await path_of(page, "morning_orders")
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
    works(site, path)


async def path_of(page: Page, name: str) -> str:
    """Wait for the page of a new workflow, and return its path."""
    await page.wait_for_url(f"**/workflows/*/*/{name}")
    return page.url.partition("/workflows/")[2].partition("?")[0]


def works(site: Site, path: str) -> None:
    """Check the nodes, the schedule and the result of the workflow."""
    value = flow(site, path)["value"]
    assert [each["id"] for each in value["modules"]] == ["script", "each", "check", "approval", "script_2"]
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


HAS_FOCUS = "(each) => each === document.activeElement"
GROUP_HAS_FOCUS = (
    "(each) => each.tabIndex < 0 && each.closest('nav, [role=toolbar]')?.contains(document.activeElement) === true"
)
"""True if the focus is on another control of a group that is one stop of Tab."""
MAX_TABS = 80


@dataclass(slots=True)
class Keyboard:
    """The keyboard without the mouse: keys, among them Tab, and texts of fields.

    With `palette`, commands are found by their names in the command palette; otherwise they have keys.
    """

    page: Page
    palette: bool
    keys: int = 0
    tabs: int = 0
    texts: int = 0

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += 1
            await self.page.keyboard.press(key)

    async def write(self, text: str) -> None:
        """Replace the text of the focused field."""
        self.texts += 1
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.insert_text(text)

    async def reach(self, control: Locator) -> None:
        """Press Tab until a control has the focus; inside a group that is one stop of Tab, the arrow key."""
        await control.wait_for()
        for _ in range(MAX_TABS):
            if await control.evaluate(HAS_FOCUS):
                return
            self.tabs += 1
            await self.page.keyboard.press("ArrowRight" if await control.evaluate(GROUP_HAS_FOCUS) else "Tab")
        raise AssertionError(f"Tab does not reach {control}")

    async def choose(self, name: str) -> None:
        """Select the first match in the open dialog of a search."""
        search = self.page.get_by_role("dialog").get_by_role("combobox")
        await expect(search).to_be_focused()
        placeholder = str(await search.get_attribute("placeholder"))
        await self.write(name)
        await expect(self.page.get_by_role("option", selected=True)).to_contain_text(name)
        await self.press("Enter")
        await expect(self.page.get_by_placeholder(placeholder, exact=True)).to_have_count(0)

    async def command(self, name: str, key: str) -> None:
        """Execute a command."""
        if self.palette:
            await self.press("Control+k")
            await self.choose(name)
        else:
            await self.press(key)

    async def select(self, id: str) -> None:
        """Select a node."""
        await self.press("Control+k" if self.palette else "Control+f")
        await self.choose(id)
        await expect(node(self.page, id)).to_contain_class("selected")

    async def open_form(self) -> None:
        """Move the focus to the first field of the selected node."""
        await self.command("Rename", "F2")
        await expect(self.page.get_by_label("Id", exact=True)).to_be_focused()

    async def add(self, kind: str) -> None:
        """Add a node after the selected one."""
        await self.command("Add a node", "n")
        await self.choose(kind)
        await expect(self.page.get_by_role("dialog")).to_have_count(0)
        await self.open_form()

    async def fill(self, label: str, text: str, *, is_code: bool = True) -> None:
        """Replace the text of a field of the selected node, and leave it."""
        await self.reach(self.page.get_by_role("textbox", name=label, exact=True))
        await self.write(text)
        if is_code:  # Closes completions, and lets Tab leave a code editor, in which it indents.
            await self.press("Escape", "Escape")
        self.tabs += 1
        await self.page.keyboard.press("Tab")

    async def connect(self, name: str, expression: str) -> None:
        """Set an input of the selected node to an expression."""
        mode = self.page.get_by_role("group", name=f"Input mode of {name}", exact=True)
        await self.reach(mode.get_by_role("button", name="Expression"))
        await self.press("Enter")
        await self.fill(name, expression)


@pytest.mark.parametrize(
    "palette", [pytest.param(False, id="keys"), pytest.param(True, id="palette", marks=pytest.mark.soak)]
)
async def test_order_workflow_is_composed_without_a_mouse(page: Page, site: Site, palette: bool) -> None:
    hand = Keyboard(page, palette)
    name = "palette_orders" if palette else "key_orders"
    await page.goto("/w/main/workflows")
    button = page.get_by_role("button", name="New workflow").first
    await button.wait_for()
    if palette:
        await hand.command("New workflow", "")
    else:
        await hand.reach(button)
        await hand.press("Enter")
    await hand.reach(page.get_by_role("dialog").get_by_label("Name", exact=True))
    await hand.write(name.replace("_", " ").capitalize())
    await expect(page.get_by_label("Id", exact=True)).to_have_value(name)
    await hand.press("Enter")
    path = await path_of(page, name)
    await expect(page.get_by_role("region", name="Workflow graph").get_by_role("heading")).to_be_visible()
    await compose_by_keys(hand)
    await draft_saved(page)
    await hand.command("Deploy", "Control+Shift+s")
    await hand.reach(page.get_by_label("What changed?"))
    await hand.press("Enter")
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()
    await open_triggers(hand)
    await hand.reach(page.get_by_role("button", name="New schedule"))
    await hand.press("Enter")
    await hand.reach(page.get_by_role("button", name="Create schedule"))
    await hand.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await hand.reach(page.get_by_role("button", name="Create token"))
    await hand.press("Enter")
    await expect(page.get_by_text("shown only once")).to_be_visible()
    print(f"{hand.keys} keys, {hand.tabs} times Tab, {hand.texts} texts")
    works(site, path)


async def compose_by_keys(hand: Keyboard) -> None:
    """Add the nodes of the workflow, with their code, inputs and form."""
    page = hand.page
    await hand.add("Python")
    await hand.fill("Code", ORDERS)
    await hand.add("For-each loop")
    await hand.fill("Iterate over", "results.script")
    await hand.select("item")
    await hand.command("Replace with…", "r")
    await hand.choose("TypeScript")
    await hand.open_form()
    await hand.fill("Code", ENRICH)
    await hand.connect("order", "flow_input.iter.value")
    await hand.select("each")
    await hand.add("Condition")
    await hand.fill("Condition", "results.each.reduce((sum, each) => sum + each.gross, 0) > 1000")
    await hand.add("Approval")
    await hand.reach(page.get_by_role("button", name="Add approver"))
    await hand.press("Enter")
    await hand.choose("role/admin")
    await hand.fill("Field name", "comment", is_code=False)
    await hand.reach(page.get_by_role("button", name="Add field"))
    await hand.press("Enter")
    await hand.add("Bash")
    await hand.fill("Code", SUMMARY)
    await hand.connect("orders", "results.each")
    await hand.select("check")
    await hand.command("Connect to…", "c")
    await hand.choose("script_2")
    await expect(page.locator('[data-edge^="check script_2"]')).to_contain_text("false")


async def open_triggers(hand: Keyboard) -> None:
    """Open the triggers of the workflow."""
    if hand.palette:
        await hand.command("Triggers", "")
    else:
        await hand.reach(hand.page.get_by_role("link", name="Triggers"))
        await hand.press("Enter")
