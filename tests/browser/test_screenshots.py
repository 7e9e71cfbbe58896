"""Screenshots of the running product for the documentation: `make screenshots`."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect
from ruamel.yaml import YAML
from tests.browser.animation import animated
from tests.browser.conftest import ROOT, Site, write_code
from tests.browser.test_editing import add, node
from tests.browser.test_settings import has_account
from tests.installation import Running

FOLDER = ROOT / "docs" / "images"
ORDERS = "/w/main/workflows/f/examples/order_processing"
RENEWAL = """summary: Renewal of a contract
value:
  modules:
    - id: contract
      summary: Reads the contract
      value:
        type: rawscript
        language: python3
        content: |
          def main(number: str):
              seats = [{"name": "Build", "price": 40}, {"name": "Run", "price": 60}]
              return {"number": number, "customer": "Example Ltd", "net": 1200, "seats": seats}
        input_transforms:
          number: {type: javascript, expr: flow_input.number}
    - id: offer
      summary: Writes the offer
      value:
        type: rawscript
        language: python3
        content: |
          def main(customer: str, net: float, discount: float = 0):
              print(f"An offer for {customer}")
              return {"customer": customer, "total": round(net * (1 - discount), 2)}
        input_transforms:
          customer: {type: javascript, expr: results.contract.customer}
          net: {type: javascript, expr: results.contract.net}
    - id: consent
      summary: Sales agrees
      value: {type: approval, message: Send the offer?}
schema:
  type: object
  properties: {number: {type: string, title: Number of the contract}}
  required: [number]
  examples: [{number: C-1842}]
"""
TOTAL = '''"""What an order costs, with tax."""


def main(net: float, rate: float = 0.2, country: str = "AT") -> dict:
    print(f"{net} plus {rate:.0%} in {country}")
    return {"net": net, "tax": round(net * rate, 2), "gross": round(net * (1 + rate), 2)}
'''
Look = tuple[Literal["light", "dark"], int, int]
WIDE: Look = ("light", 1440, 900)
DARK: Look = ("dark", 1440, 900)
PHONE: Look = ("light", 360, 740)


@pytest.fixture(scope="module")
def prepared(site: Site) -> None:
    """Deploy workflows, schedules and a script with runs."""
    site.deploy("f/sales/renewal", RENEWAL)
    script = {"path": "f/sales/total", "language": "python3", "content": TOTAL, "summary": "Total of an order"}
    site.client.post("/api/w/main/scripts/create", json=script).raise_for_status()
    first = RENEWAL.partition("    - id: consent")[0] + "schema:" + RENEWAL.partition("schema:")[2]
    site.deploy("f/sales/contract", first.replace("Writes the offer", "Writes an offer"))
    body = {"source": {"format": "yaml", "text": RENEWAL}, "deployment_message": "Sales agrees before it is sent"}
    site.client.post("/api/w/main/flows/update/f/sales/contract", json=body).raise_for_status()
    for name, cron in (("daily", "0 0 8 * * *"), ("digest", "0 0 8 * * *"), ("hourly", "0 30 * * * *")):
        body = {"path": f"f/sales/{name}", "schedule": cron, "timezone": "UTC", "script_path": "f/sales/renewal"}
        more = {"is_flow": True, "enabled": True, "args": {"number": "C-1842"}}
        site.client.post("/api/w/main/schedules/create", json={**body, **more}).raise_for_status()
    for name, role in (("ben", "developer"), ("ida", "operator")):
        has_account(site, name, role)
    site.client.post("/api/w/main/groups/create", json={"name": "support"}).raise_for_status()
    for owner, write in (("u/ben", True), ("g/support", False)):
        permission = {"owner": owner, "write": write}
        site.client.post("/api/w/main/acls/add/folder/sales", json=permission).raise_for_status()
    site.client.post("/api/w/main/groups/adduser/support", json={"username": "ida"}).raise_for_status()
    of_ben = {"path": "f/sales/weekly", "permissioned_as": "u/ben", "preserve_permissioned_as": True}
    weekly = {"schedule": "0 0 8 * * 1", "timezone": "UTC", "script_path": "f/sales/renewal"}
    site.client.post("/api/w/main/schedules/create", json={**more, **of_ben, **weekly}).raise_for_status()
    # One of the runs fails, because its input is no number.
    for given in ({"net": "much"}, {"net": 100}, {"net": 250}):
        site.client.post("/api/w/main/jobs/run_wait_result/p/f/sales/total", json=given)


async def home(page: Page) -> None:
    await run_of_renewal(page)
    await page.goto("/w/main")
    await expect(page.get_by_role("region", name="Awaiting your approval").get_by_role("listitem")).not_to_have_count(0)
    await expect(page.get_by_role("region", name="Upcoming").get_by_role("listitem")).not_to_have_count(0)
    await expect(page.get_by_role("region", name="Workflow health").get_by_role("listitem")).not_to_have_count(0)


async def runs(page: Page) -> None:
    await page.goto("/w/main/runs?last=1h")
    await expect(page.get_by_role("list", name="Runs").get_by_role("listitem")).not_to_have_count(0)


async def calendar(page: Page) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await page.goto(f"/w/main/schedules?view=calendar&span=week&day={tomorrow:%Y-%m-%d}")
    await expect(page.get_by_role("table").get_by_text("at once").first).to_be_visible()


async def workers(page: Page) -> None:
    await page.goto("/w/main/workers")
    await expect(page.get_by_role("list", name="Workers").get_by_role("listitem")).to_have_count(1)
    await expect(page.get_by_text("jobs per second")).to_be_visible()


async def run_of_a_workflow(page: Page) -> None:
    await page.goto(f"{ORDERS}?panel=test")
    await page.get_by_role("button", name="Fill in the example").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(node(page, "invoice").locator("[data-state=succeeded]")).to_be_visible(timeout=90_000)
    await expect(page.locator('[data-result="Workflow result"]')).to_be_visible()


async def finished_renewal(page: Page) -> None:
    await run_of_renewal(page)
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(node(page, "consent").locator("[data-state=succeeded]")).to_be_visible()


async def fields_from_real_data(page: Page) -> None:
    await finished_renewal(page)
    await page.goto("/w/main/workflows/f/sales/renewal?panel=node&node=offer")
    ways = page.get_by_role("group", name="Input mode of discount")
    await ways.get_by_role("button", name="Connected").click()
    await page.get_by_role("button", name="Expand seats").click()
    await page.get_by_label("Data", exact=True).scroll_into_view_if_needed()


async def run_of_renewal(page: Page) -> None:
    await page.goto("/w/main/workflows/f/sales/renewal?panel=test")
    await page.get_by_role("button", name="Fill in the example").click()
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_visible(timeout=60_000)


async def node_beside_its_test(page: Page) -> None:
    await finished_renewal(page)
    await page.goto("/w/main/workflows/f/sales/renewal?panel=node&node=offer")
    await node(page, "contract").click()
    await page.keyboard.press("p")
    await expect(node(page, "contract").get_by_title("Pinned")).to_be_visible()
    await node(page, "offer").click()
    await page.keyboard.press("Shift+Enter")
    await expect(page.locator('[data-result="Output of offer"]')).to_be_visible(timeout=60_000)
    await expect(page.get_by_text("Draft saved")).to_be_visible()


async def versions(page: Page) -> None:
    await page.goto("/w/main/workflows/f/sales/contract?view=versions")
    await expect(node(page, "consent")).to_contain_text("Added")


async def triggers(page: Page) -> None:
    await page.goto("/w/main/workflows/f/sales/renewal?view=triggers")
    await expect(page.get_by_label("Next runs")).to_have_count(4)


async def merge(page: Page) -> None:
    """Open the merge of a change on the page with a version that was deployed meanwhile."""
    await page.goto("/w/main/workflows/f/sales/contract?panel=node&node=offer")
    await page.get_by_role("textbox", name="Name", exact=True).fill("Writes the offer, with its discount")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    text = RENEWAL.replace("Reads the contract", "Reads contract and seats").replace("Writes the", "Drafts the")
    body = {"source": {"format": "yaml", "text": text}, "deployment_message": "Seats are read"}
    await page.request.post("/api/w/main/flows/update/f/sales/contract", data=body, headers={"X-Orvanta": "1"})
    await page.reload()
    await page.get_by_role("button", name="Merge…").click()
    await page.get_by_label("Text with differences").wait_for()


async def script(page: Page) -> None:
    await page.goto("/w/main/scripts/f/sales/total")
    await page.get_by_label("net", exact=True).fill("120")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.locator('[data-result="Result"]')).to_be_visible(timeout=60_000)


async def approval_on_a_phone(page: Page) -> None:
    await run_of_renewal(page)
    await page.get_by_role("button", name="Approve", exact=True).scroll_into_view_if_needed()


async def page_of_a_failed_run(page: Page) -> None:
    await page.goto("/w/main/runs?last=30d")
    broken = RENEWAL.replace(
        'return {"customer": customer',
        'raise ValueError(f"No price for {customer}")\n              return {"customer": customer',
    )
    value = YAML(typ="safe").load(broken)["value"]
    answer = await page.request.post(
        "/api/w/main/jobs/run/preview_flow",
        data={"value": value, "args": {"number": "C-1842"}, "path": "f/sales/renewal"},
        headers={"X-Orvanta": "1"},
    )
    await page.goto(f"/w/main/runs/{await answer.text()}?node=offer")
    await expect(page.get_by_label("First error")).to_contain_text("No price for", timeout=60_000)
    await expect(page.locator('[data-value="Output of offer"]')).to_be_visible()


async def sharing(page: Page) -> None:
    await page.goto("/w/main/workflows/f/sales/renewal")
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Share").click()
    members = page.get_by_role("list", name="Who can do what, and why")
    await expect(members).to_contain_text("permission on the folder (g/support)")


async def departure(page: Page) -> None:
    await page.goto("/w/main/settings/members")
    await page.get_by_role("button", name="Remove ben").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Items that stop")).to_contain_text("f/sales/weekly")
    await dialog.get_by_label("New owner").select_option("ida")


async def audit_trail(page: Page) -> None:
    await page.goto("/w/main/settings/audit")
    await expect(page.get_by_role("list", name="Audit trail").get_by_role("listitem")).not_to_have_count(0)


PICTURES: list[tuple[str, Callable[[Page], Awaitable[None]], Look]] = [
    ("home", home, WIDE),
    ("run", run_of_a_workflow, WIDE),
    ("fields", fields_from_real_data, WIDE),
    ("versions", versions, WIDE),
    ("triggers", triggers, WIDE),
    ("script", script, WIDE),
    ("runs", runs, DARK),
    ("calendar", calendar, WIDE),
    ("workers", workers, WIDE),
    ("run-page", page_of_a_failed_run, WIDE),
    ("phone", approval_on_a_phone, PHONE),
    ("sharing", sharing, WIDE),
    ("departure", departure, WIDE),
    ("audit", audit_trail, WIDE),
    # Last, since they leave drafts.
    ("node-test", node_beside_its_test, DARK),
    ("merge", merge, DARK),
]


@pytest.mark.screenshots
@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(("name", "show", "look"), PICTURES, ids=[each[0] for each in PICTURES])
async def test_picture(
    chromium: Browser,
    site: Site,
    installation: Running,
    name: str,
    show: Callable[[Page], Awaitable[None]],
    look: Look,
) -> None:
    scheme, width, height = look
    context = await chromium.new_context(
        base_url=site.base,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        device_scale_factor=2 if width < 600 else 1,
    )
    cookie = {"name": "token", "value": installation.token, "url": site.base, "httpOnly": True}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    page = await context.new_page()
    page.set_default_timeout(30_000)
    await show(page)
    await expect(page.get_by_role("status", name="Loading…")).to_have_count(0)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.webp").write_bytes(await as_webp(page, await page.screenshot()))
    await context.close()
    assert Path(FOLDER / f"{name}.webp").stat().st_size < 200_000


Shot = Callable[[int], Awaitable[None]]
"""Takes a screenshot. The argument is the number of milliseconds for which the animation shows it."""
SIZE = (1280, 760)
"""Width and height of the animation in pixels."""
PRICE = """def main(net: float, rate: float = 0.2):
    return {"net": net, "gross": round(net * (1 + rate), 2)}
"""
LETTER = """def main(gross: float):
    print("Offer written")
    return f"The price is {gross:.2f} euros."
"""


async def write_node(page: Page, shot: Shot, summary: str, code: str) -> None:
    """Choose Python in the open palette and write the node."""
    await page.get_by_placeholder("Add a node").fill("Python")
    await shot(900)
    await add(page, "Python")
    await page.get_by_role("button", name="Fit to view").click()
    await page.get_by_role("textbox", name="Name", exact=True).fill(summary)
    await write_code(page.get_by_role("textbox", name="Code", exact=True), code)


async def connect(page: Page, field: str, expression: str) -> None:
    """Set an input of the selected node to an expression."""
    await page.get_by_role("group", name=f"Input mode of {field}").get_by_role("button", name="Expression").click()
    await write_code(page.get_by_role("textbox", name=field, exact=True), expression)
    await expect(page.get_by_role("button", name="No problems")).to_be_visible()
    await expect(page.get_by_text("Draft saved")).to_be_visible()


async def build(page: Page, shot: Shot) -> None:
    """Create a workflow of two nodes and an input."""
    await page.goto("/w/main/workflows?new=1")
    await page.get_by_label("Name", exact=True).fill("Offer")
    await page.get_by_role("combobox", name="Folder").select_option("f/sales")
    await expect(page.get_by_role("radio").nth(1)).to_be_visible()
    await shot(1500)
    await page.get_by_role("button", name="Create workflow").click()
    await page.wait_for_url("**/workflows/f/sales/offer")
    await page.get_by_role("button", name="Workflow settings").click()
    await page.get_by_label("Field name").fill("net")
    await page.get_by_role("button", name="Add field").click()
    await page.get_by_label("Type of net").select_option("number")
    await shot(1200)
    await page.get_by_role("main").get_by_role("button", name="Add a node").last.click()
    await write_node(page, shot, "Compute the price", PRICE)
    await connect(page, "net", "flow_input.net")
    await shot(1500)
    await page.get_by_role("button", name="Add a node after script").click()
    await write_node(page, shot, "Write the offer", LETTER)
    await connect(page, "gross", "results.script.gross")
    await shot(1500)


async def run(page: Page, shot: Shot) -> None:
    """Run the workflow of the page on its form."""
    await page.get_by_label("net", exact=True).fill("1200")
    await shot(1000)
    await page.get_by_role("button", name="Run", exact=True).click()


async def build_and_run(page: Page, shot: Shot) -> None:
    """Build a workflow, test it, deploy it and run it."""
    await build(page, shot)
    await page.get_by_role("button", name="Test", exact=True).click()
    await run(page, shot)
    await expect(page.locator('[data-result="Workflow result"]')).to_be_visible(timeout=60_000)
    await shot(2500)
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await page.get_by_label("What changed?").fill("Price and text of an offer")
    await shot(1500)
    await page.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    await expect(page.get_by_text("Deployed. New runs use this version.").last).to_be_visible()
    await shot(1500)
    await page.get_by_role("link", name="Workflows", exact=True).click()
    await page.get_by_role("listitem").filter(has_text="f/sales/offer").get_by_role("button", name="Run").click()
    await run(page, shot)
    await page.wait_for_url("**/runs/*")
    await expect(page.get_by_role("main")).to_contain_text("The price is", timeout=60_000)
    await shot(3500)


@pytest.mark.screenshots
@pytest.mark.usefixtures("prepared")
async def test_build_and_run(chromium: Browser, site: Site, installation: Running) -> None:
    width, height = SIZE
    context = await chromium.new_context(
        base_url=site.base, viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    cookie = {"name": "token", "value": installation.token, "url": site.base, "httpOnly": True}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    page = await context.new_page()
    page.set_default_timeout(30_000)
    frames: list[tuple[bytes, int]] = []

    async def shot(milliseconds: int) -> None:
        frames.append((await as_webp(page, await page.screenshot()), milliseconds))

    await build_and_run(page, shot)
    await context.close()
    made = animated(frames, width, height)
    (FOLDER / "build-and-run.webp").write_bytes(made)
    assert len(made) < 1_500_000


async def as_webp(page: Page, picture: bytes) -> bytes:
    """Return the picture as WebP, which is a third of its size."""
    blank = await page.context.new_page()
    found: str = await blank.evaluate(
        """async (source) => {
          const image = await createImageBitmap(await (await fetch(source)).blob());
          const canvas = new OffscreenCanvas(image.width, image.height);
          canvas.getContext("2d").drawImage(image, 0, 0);
          const made = await canvas.convertToBlob({type: "image/webp", quality: 0.85});
          const bytes = new Uint8Array(await made.arrayBuffer());
          return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
        }""",
        f"data:image/png;base64,{base64.b64encode(picture).decode()}",
    )
    await blank.close()
    return base64.b64decode(found)
