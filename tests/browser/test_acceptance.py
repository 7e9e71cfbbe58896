"""Versions that await acceptance: shown on the pages of a workflow and its schedule, compared, accepted."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.installation import PATIENCE_S

pytestmark = pytest.mark.extended

W = "/api/w/main"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of bob with a workflow, a script and a schedule of the admin; bob has edited the first two."""

    folder: str
    bob: httpx.Client

    @property
    def main(self) -> str:
        return f"f/{self.folder}/report"

    @property
    def tool(self) -> str:
        return f"f/{self.folder}/tool"


def flow(tool: str, more: str = "") -> str:
    node = f"{{id: tool, value: {{type: script, path: {tool}, input_transforms: {{}}}}}}"
    return f"summary: Report\nvalue: {{modules: [{node}{more}]}}\n"


@pytest.fixture
def place(site: Site) -> Iterator[Place]:
    folder = f"accept{next(_numbers)}"
    main, script = f"f/{folder}/report", f"f/{folder}/tool"
    account = {"email": "bob@example.org", "password": "correct horse too", "super_admin": False, "name": "Bob"}
    made = site.client.post("/api/users/create", json=account)
    assert made.status_code in (201, 409), made.text
    member = {"email": account["email"], "username": "bob", "role": "developer"}
    site.client.post(f"{W}/workspaces/add_user", json=member)
    site.client.post(f"{W}/folders/create", json={"name": folder, "owners": ["u/bob"]})
    tool = {"path": script, "summary": "", "content": "echo first", "language": "bash"}
    site.client.post(f"{W}/scripts/create", json=tool).raise_for_status()
    site.deploy(main, flow(script))
    schedule = {
        "path": f"f/{folder}/nightly",
        "schedule": "0 0 3 * * *",
        "timezone": "UTC",
        "enabled": True,
        "args": {},
    }
    body = {**schedule, "script_path": main, "is_flow": True}
    site.client.post(f"{W}/schedules/create", json=body).raise_for_status()
    token = httpx.post(
        f"{site.base}/api/auth/login", json={k: account[k] for k in ("email", "password")}, timeout=60
    ).text
    with httpx.Client(base_url=site.base, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as client:
        source = {"format": "yaml", "text": flow(script, ", {id: extra, value: {type: identity}}")}
        client.post(f"{W}/flows/update/{main}", json={"path": main, "source": source}).raise_for_status()
        parent = client.get(f"{W}/scripts/get/p/{script}").json()["hash"]
        client.post(
            f"{W}/scripts/create", json={**tool, "content": "echo second", "parent_hash": parent}
        ).raise_for_status()
        yield Place(folder, client)


def waiting(site: Site, place: Place) -> list[str]:
    """Return the paths in the folder of the place with a version that awaits acceptance."""
    found = [each["path"] for each in site.client.get(f"{W}/acceptance/list").json()]
    return [path for path in found if path.startswith(f"f/{place.folder}/")]


async def test_waiting_version_is_compared_and_accepted(page: Page, site: Site, place: Place) -> None:
    await page.goto(f"/w/main/workflows/{place.main}")
    notices = page.get_by_label("Waiting for acceptance").get_by_role("status")
    own = notices.filter(has_text="Version 2 by bob waits for acceptance.").filter(has_not_text=place.tool)
    await expect(own).to_contain_text(f"Until then, schedule f/{place.folder}/nightly of u/admin runs version 1.")
    inner = notices.filter(has_text=place.tool)
    await expect(inner).to_contain_text("Version 2 by bob waits for acceptance.")
    await own.get_by_role("button", name="Show differences").click()
    await expect(own.get_by_label("Differences", exact=True)).to_contain_text("extra")
    await check(page)
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size({"width": width, "height": 900})
            if folder := os.environ.get("ORVANTA_TEST_SHOTS"):
                await page.screenshot(path=f"{folder}/acceptance-{scheme}-{width}.png")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await check(page)
    await page.set_viewport_size({"width": 1440, "height": 900})
    await own.get_by_role("button", name="Accept").click()
    await expect(own).to_have_count(0)
    assert waiting(site, place) == [place.tool]

    await page.goto("/w/main/schedules")
    row = page.get_by_role("listitem").filter(has_text=f"f/{place.folder}/nightly")
    await expect(row.filter(has_text="version 2 by bob waits for acceptance.").first).to_be_visible()

    await page.goto(f"/w/main/scripts/{place.tool}")
    notice = page.get_by_label("Waiting for acceptance").get_by_role("status")
    await notice.get_by_role("button", name="Show differences").click()
    await expect(notice.get_by_text("echo second")).to_be_visible()
    await check(page)
    await notice.get_by_role("button", name="Accept").click()
    await expect(notice).to_have_count(0)
    assert waiting(site, place) == []


async def test_author_sees_version_that_runs_until_acceptance(stranger: Page, site: Site, place: Place) -> None:
    token = place.bob.headers["Authorization"].removeprefix("Bearer ")
    cookie = {"name": "token", "value": token, "url": site.base, "httpOnly": True}
    await stranger.context.add_cookies([cookie])  # type: ignore[list-item]
    await stranger.goto(f"/w/main/workflows/{place.main}")
    notice = stranger.get_by_label("Waiting for acceptance").get_by_role("status").first
    await expect(notice).to_contain_text("Your version 2 runs when people start it themselves")
    await expect(stranger.get_by_role("button", name="Accept")).to_have_count(0)
