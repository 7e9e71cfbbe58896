"""Screenshots of every page and dialog in two colour schemes and two widths, in `build/pages`, for visual inspection.

Each is also checked by axe, at 200 % and 400 % zoom, and for errors in the console.

`python -m pytest -m screenshots tests/browser/test_every_page.py`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import ROOT, Site, console_errors
from tests.browser.test_accessibility import SETTLED, violations
from tests.browser.test_environments import post, prepare
from tests.browser.test_screenshots import prepared
from tests.browser.test_workflow_tests import TEXT as TESTED_TEXT

__all__ = ["prepared"]

FOLDER = ROOT / "build" / "pages"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1440, 390)
FLOW = "/workflows/f/sales/renewal"
SETTINGS = "/settings"
TESTED = "f/cases/shown_orders"
CHANGED = "f/sales/redone"
"""A workflow and a script with drafts."""
ROUTES = ROOT / "editor" / "src" / "router.tsx"
ROUTE = re.compile(r'path: "([^"]+)",\s+load: async \(\) => \(await import\("\./([a-z-]+)/')
"""A page of the router: its path, and the folder of its module."""


OUTSIDE = ("account",)
"""Paths of pages of the settings that belong to no workspace."""
REFUSED = ("not-found", "workspace-not-found", "runs-search")
"""Pages whose requests the server refuses: the item does not exist, or search in run data is off."""
HIDDEN_BUTTONS = """() => [...document.querySelectorAll("[role=dialog] [type=submit]")].filter((each) => {
  const { x, y, width, height } = each.getBoundingClientRect();
  return !each.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}).map((each) => each.textContent)"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, and the actions on it before the screenshots."""

    name: str
    path: str
    clicks: Sequence[str] = ()
    """Names of buttons, links, menu items and tabs; `Key:<keys>` presses keys."""
    opens: str = "dialog"
    """ARIA role of the element that the last click opens."""
    workspace: str | None = "main"
    """Workspace of the page, or None for a page outside of workspaces."""
    navigation: bool = True
    """True if the page is shown with the navigation."""

    @property
    def url(self) -> str:
        """Return the path of the page on its server."""
        return self.path if self.workspace is None else f"/w/{self.workspace}{self.path}"


PAGES = [
    Shown("login", "/login", workspace=None, navigation=False),
    Shown("account", "/account", workspace=None),
    Shown("home", ""),
    Shown("palette", "", ["Key:Control+k"]),
    Shown("shortcuts", "", ["Key:?"]),
    Shown("not-found", "/nowhere"),
    Shown("workspace-not-found", "", workspace="nowhere"),
    Shown("workflows", "/workflows"),
    Shown("workflows-new", "/workflows?new=1"),
    Shown("workflows-row", "/workflows", ["Actions for Renewal of a contract"], "button"),
    Shown("workflows-run", "/workflows", ["Run"]),
    Shown("workflows-share", "/workflows", ["Actions for Renewal of a contract", "Share"]),
    Shown("workflows-move", "/workflows", ["Actions for Renewal of a contract", "Move or rename…"]),
    Shown("workflows-archive", "/workflows", ["Actions for Renewal of a contract", "Archive or delete…"]),
    Shown("editor", FLOW),
    Shown("editor-node", f"{FLOW}?panel=node&node=offer"),
    Shown("editor-node-input", f"{FLOW}?panel=node&node=offer", ["Input"], "tabpanel"),
    Shown("editor-node-output", f"{FLOW}?panel=node&node=offer", ["Output"], "tabpanel"),
    Shown("editor-approval", f"{FLOW}?panel=node&node=consent"),
    Shown("editor-settings", f"{FLOW}?panel=node"),
    Shown("editor-nodes", f"{FLOW}?panel=palette"),
    Shown("editor-outline", f"{FLOW}?panel=outline"),
    Shown("editor-yaml", f"{FLOW}?panel=yaml"),
    Shown("editor-problems", f"{FLOW}?panel=problems"),
    Shown("editor-test", f"{FLOW}?panel=test"),
    Shown("editor-add", FLOW, ["Add a node"]),
    Shown("editor-find", FLOW, ["Key:Control+f"]),
    Shown("editor-keys", FLOW, ["Key:?"]),
    Shown("editor-more", FLOW, ["More actions"], "menu"),
    Shown("editor-deploy", f"/workflows/{CHANGED}", ["Deploy"]),
    Shown("editor-runs", f"{FLOW}?view=runs"),
    Shown("editor-versions", "/workflows/f/sales/contract?view=versions"),
    Shown("editor-versions-text", "/workflows/f/sales/contract?view=versions", ["Text"], "region"),
    Shown("editor-tests", f"/workflows/{TESTED}?view=tests"),
    Shown("editor-tests-new", f"/workflows/{TESTED}?view=tests", ["New test"]),
    Shown("editor-triggers", f"{FLOW}?view=triggers"),
    Shown("editor-schedule", f"{FLOW}?view=triggers", ["New schedule"]),
    Shown("editor-http-trigger", f"{FLOW}?view=triggers", ["New HTTP trigger"]),
    Shown("scripts", "/scripts"),
    Shown("scripts-new", "/scripts", ["New script"]),
    Shown("script", "/scripts/f/sales/total"),
    Shown("script-deploy", f"/scripts/{CHANGED}", ["Deploy"]),
    Shown("runs", "/runs?last=1h"),
    Shown("runs-search", "/runs/search?q=seats"),
    Shown("approvals", "/approvals"),
    Shown("schedules", "/schedules"),
    Shown("schedules-calendar", "/schedules?view=calendar&span=week"),
    Shown("environments", "/environments", workspace="shop-dev"),
    Shown("environments-release", "/environments", ["New release"], workspace="shop-dev"),
    Shown("environments-import", "/environments", ["Import…"], workspace="shop-dev"),
    Shown("environments-new", "/environments", ["New environment"], workspace="shop-dev"),
    Shown("environment", "/environments/prod", workspace="shop-dev"),
    Shown("environment-edit", "/environments/prod", ["Edit"], workspace="shop-dev"),
    Shown("release", "/environments/releases/1", workspace="shop-dev"),
    Shown("request", "/environments/prod/requests/{request}", workspace="shop-prod"),
    Shown("workers", "/workers"),
    Shown("workers-group", "/workers", ["New group"]),
    *(
        Shown(f"settings-{name}", f"{SETTINGS}/{name}")
        for name in (
            "profile",
            "members",
            "groups",
            "service-accounts",
            "tokens",
            "folders",
            "variables",
            "resources",
            "resource-types",
            "alerts",
            "policies",
            "git",
            "audit",
            "usage",
            "instance-usage",
            "workspace",
            "instance",
            "workspaces",
            "sso",
            "scim",
            "accounts",
        )
    ),
    Shown("settings-profile-token", f"{SETTINGS}/profile", ["New token"]),
    Shown("settings-members-new", f"{SETTINGS}/members", ["Add member"]),
    Shown("settings-members-end", f"{SETTINGS}/members", ["End account ben@example.org"]),
    Shown("settings-groups-new", f"{SETTINGS}/groups", ["New group"]),
    Shown("settings-service-accounts-new", f"{SETTINGS}/service-accounts", ["New service account"]),
    Shown("settings-folders-new", f"{SETTINGS}/folders", ["New folder"]),
    Shown("settings-variables-new", f"{SETTINGS}/variables", ["New variable"]),
    Shown("settings-resources-new", f"{SETTINGS}/resources", ["New resource"]),
    Shown("settings-resource-types-new", f"{SETTINGS}/resource-types", ["New resource type"]),
    Shown("settings-alerts-new", f"{SETTINGS}/alerts", ["New channel"]),
    Shown("settings-policies-new", f"{SETTINGS}/policies", ["New policy"]),
    Shown("settings-git-bind", f"{SETTINGS}/git", ["Bind repository"]),
    Shown("settings-sso-new", f"{SETTINGS}/sso", ["New provider"]),
    Shown("settings-instance-mail", f"{SETTINGS}/instance", ["Edit Mail server"]),
    Shown("settings-instance-alerts", f"{SETTINGS}/instance", ["Edit Alerts"]),
    Shown("settings-instance-color", f"{SETTINGS}/instance", ["Edit Branding colour"]),
    Shown("settings-instance-queues", f"{SETTINGS}/instance", ["Edit Default queues"]),
    Shown("settings-accounts-new", f"{SETTINGS}/accounts", ["New account"]),
]
OF_RUNS = [
    Shown("run", "/runs/{run}"),
    Shown("run-node", "/runs/{run}?node=offer"),
    Shown("run-timeline", "/runs/{run}", ["Timeline"], "tabpanel"),
    Shown("run-log", "/runs/{run}", ["Logs"], "tabpanel"),
    Shown("run-data", "/runs/{run}", ["Data"], "tabpanel"),
    Shown("run-again", "/runs/{run}", ["Run again…"]),
    Shown("run-failed", "/runs/{failed}"),
    Shown("run-compare", "/runs/{run}/compare/{other}"),
]
"""Pages of runs: of one that awaits an approval, of one that failed."""


def start(site: Site, path: str, inputs: dict[str, object]) -> str:
    """Start a run and return its id."""
    answer = site.client.post(f"/api/w/main/jobs/run/{path}", json=inputs)
    answer.raise_for_status()
    return answer.text


def make_drafts(site: Site) -> None:
    """Create a workflow and a script with drafts that can be deployed."""
    site.deploy(CHANGED, TESTED_TEXT)
    code = {"path": CHANGED, "language": "bash", "content": "echo 1", "summary": ""}
    post(site, "/api/w/main/scripts/create", code)
    source = {"format": "yaml", "text": TESTED_TEXT.replace("Orders", "Large orders")}
    for kind, value in (("flow", {"source": source}), ("script", {**code, "content": "echo 2"})):
        body = {"value": value, "seq": None}
        site.client.put(f"/api/w/main/drafts/{kind}/{CHANGED}", json=body).raise_for_status()


def request_deployment(site: Site) -> str:
    """Create release 1 of `shop-dev`, request its deployment to `prod`, and return the id of the request."""
    environment = {"name": "prod", "workspace": "shop-prod", "color": "#b3261e"}
    post(site, "/api/environments/create", environment)
    post(site, "/api/environments/update/prod", {"rules": {"approvals": 1, "approvers": ["u/cleo"]}})
    post(site, "/api/w/shop-dev/releases/create", {"items": [{"kind": "flow", "path": "f/shop/orders"}]})
    answer = site.client.post("/api/w/shop-prod/deployments/create", json={"source": "shop-dev", "number": 1})
    answer.raise_for_status()
    return str(answer.json()["id"])


Translate = Callable[[str], Sequence[str]]
"""Return the names that the control with an English name may have."""


async def show(page: Page, shown: Shown, width: int, ids: dict[str, str], translate: Translate = lambda _: [_]) -> None:
    """Open a page in a window of this width, and execute its clicks."""
    await page.set_viewport_size({"width": width, "height": 900})
    # Leaving the previous page closes its dialogs.
    await page.goto("about:blank")
    await page.goto(shown.url.format(**ids))
    await expect(page.locator("main, [data-canvas]").or_(page.get_by_role("heading")).first).to_be_visible()
    # The bar of a narrow window is loaded after the page; a dialog may hide its role.
    narrow = width < 760 and shown.navigation
    menu = " ".join(translate("Menu"))
    loading = page.get_by_role("status", name=re.compile("|".join(translate("Loading…"))))
    await expect(page.locator(f'[aria-label="{menu}"]')).to_have_count(1 if narrow else 0)
    await expect(loading).to_have_count(0)
    for click in shown.clicks:
        if click.startswith("Key:"):
            await page.keyboard.press(click.removeprefix("Key:"))
        else:
            name = re.compile(rf"^({'|'.join(map(re.escape, translate(click)))})$")
            roles = ("button", "menuitem", "tab", "link")
            found = [page.get_by_role(role, name=name) for role in roles]  # type: ignore[arg-type]
            one = found[0].or_(found[1]).or_(found[2]).or_(found[3])
            await one.first.click()
    if shown.clicks:
        await expect(page.get_by_role(shown.opens).first).to_be_visible()  # type: ignore[arg-type]
        await expect(loading).to_have_count(0)


def test_every_route_is_shown() -> None:
    shown = {each.url.partition("?")[0] for each in [*PAGES, *OF_RUNS]}
    routes = ROUTE.findall(ROUTES.read_text(encoding="utf-8"))
    assert len(routes) > 30
    missing = []
    for path, folder in routes:
        place = f"settings/{path}" if folder == "settings" and path not in ("settings", *OUTSIDE) else path
        route = f"/{place}" if folder == "shell" or path in OUTSIDE else f"/w/[^/]+/{place}"
        pattern = re.sub(r":[a-z]+", "[^/]+", route).replace("*", ".+")
        if path != "settings" and not any(re.fullmatch(pattern, each) for each in shown):
            missing.append(route)
    assert not missing


def fill(site: Site) -> dict[str, str]:
    """Create the items that the pages show; return the ids of a deployment request and of runs by name."""
    prepare(site)
    site.deploy(TESTED, TESTED_TEXT)
    make_drafts(site)
    return {
        "request": request_deployment(site),
        "run": start(site, "f/f/sales/renewal", {"number": "C-1842"}),
        "other": start(site, "f/f/sales/renewal", {"number": "C-1843"}),
        "failed": start(site, "p/f/sales/total", {"net": "much"}),
    }


@pytest.fixture(scope="module")
def ids(site: Site, prepared: None) -> dict[str, str]:
    """Create the items that the pages show."""
    return fill(site)


@pytest.mark.screenshots
@pytest.mark.parametrize("shown", [*PAGES, *OF_RUNS], ids=lambda each: each.name)
async def test_page(page: Page, ids: dict[str, str], shown: Shown) -> None:
    """axe finds no violation, no page is wider than the window, and the console has no error."""
    errors = console_errors(page)
    FOLDER.mkdir(parents=True, exist_ok=True)
    faults = [fault for width in WIDTHS for fault in await take(page, shown, width, ids)]
    faults += await zoomed(page)
    faults += [] if shown.name in REFUSED else errors
    assert not faults, "\n".join(faults)


async def take(page: Page, shown: Shown, width: int, ids: dict[str, str]) -> list[str]:
    """Take the screenshots of a page in a width. Return its faults."""
    await show(page, shown, width, ids)
    faults = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        await page.screenshot(path=FOLDER / f"{shown.name}-{width}-{scheme}.png", animations="disabled")
        faults += [f"{scheme}: {each}" for each in await violations(page)]
    return [f"at {width} px: {each}" for each in [*faults, *await overflow(page)]]


async def zoomed(page: Page) -> list[str]:
    """Return the faults of the open page in a window of 1440 × 900 pixels at 200 % and 400 %."""
    faults = []
    for percent, width, height in ((200, 720, 450), (400, 360, 225)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate(SETTLED)
        faults += [f"at {percent} %: {each}" for each in await overflow(page)]
    return faults


async def overflow(page: Page) -> list[str]:
    """Return by how much the page is wider than the window, and the buttons of dialogs that are not visible."""
    wide: int = await page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    hidden: list[str] = await page.evaluate(HIDDEN_BUTTONS)
    return [*([f"{wide} px too wide"] if wide > 0 else []), *(f"the button {each} is not visible" for each in hidden)]
