"""Workers and queues: waiting jobs, used slots; a drained worker claims no jobs until it is resumed."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Site
from tests.browser.test_accessibility import check
from tests.browser.test_environments import shoot
from tests.browser.test_run_waiting import waits
from tests.browser.test_runs_list import start

pytestmark = pytest.mark.extended

PRINTS = (
    "summary: Prints\nvalue:\n  modules:\n    - id: print\n"
    "      value: {type: rawscript, language: bash, content: echo 1, input_transforms: {}}\n"
)


async def test_worker_is_drained_and_resumed(page: Page, site: Site) -> None:
    await page.goto("/w/main")
    site.deploy("f/drained/prints", PRINTS)
    await page.get_by_role("link", name="Workers", exact=True).click()
    worker = page.get_by_role("list", name="Workers").get_by_role("listitem").filter(has_text="live")
    await expect(worker).to_have_count(1)
    await expect(worker).to_contain_text(
        re.compile(r"0 of \d+ slots.*jobs? in total.*Last heartbeat .* ago.*All queues")
    )
    await expect(worker).to_contain_text("jobs per second")
    await worker.get_by_role("button", name="Drain…").click()
    await page.get_by_role("button", name="Drain", exact=True).click()
    drained = page.get_by_role("list", name="Workers").get_by_role("listitem").filter(has_text="drained")
    try:
        await expect(drained).to_have_count(1)
        # After the worker's next heartbeat, new runs wait, and their queue has no worker.
        run = await waiting(page, site)
        queue = page.get_by_role("list", name="Queues").get_by_role("listitem").filter(has_text="bash")
        await expect(queue).to_contain_text("No worker serves this queue")
        await expect(queue).to_contain_text(re.compile(r"[1-9]\d* waiting.*Longest wait"))
        assert site.client.get(f"/api/w/main/jobs_u/get/{run}").json()["type"] == "QueuedJob"
        await why_waiting_says_so(page, site, run)
    finally:
        await page.goto("/w/main/workers")
        await drained.get_by_role("button", name="Resume").click()
    await expect(worker).to_have_count(1)
    await expect(page.get_by_role("list", name="Queues")).to_have_count(0)
    assert site.client.get(f"/api/w/main/jobs_u/completed/get/{run}").json()["success"] is True


async def test_uses_of_a_queue_without_jobs_are_shown(page: Page, site: Site) -> None:
    code = {"path": "f/drained/tagged", "language": "bash", "content": "echo 1\n", "tag": "gpu"}
    site.client.post("/api/w/main/scripts/create", json=code).raise_for_status()
    await page.goto("/w/main/workers")
    await page.get_by_label("Name of any queue").fill("gpu")
    await shoot(page, "workers")
    await page.get_by_label("Name of any queue").press("Enter")
    dialog = page.get_by_role("dialog", name="Uses of gpu")
    await expect(dialog.get_by_role("list", name="Used by")).to_contain_text("f/drained/tagged")
    await check(page)


async def why_waiting_says_so(page: Page, site: Site, run: str) -> None:
    """Check the reason for a run without a worker, and for a script that waits for the run that locks its packages."""
    await waits(page, run, "no_worker", "no worker for queue bash")
    code = {"path": "f/drained/packed", "language": "python3", "content": "import requests\ndef main(): pass\n"}
    site.client.post("/api/w/main/scripts/create", json=code).raise_for_status()
    packed = site.client.post("/api/w/main/jobs/run/p/f/drained/packed", json={}).text
    await waits(page, packed, "locking", "waiting for its packages to be locked")
    await page.get_by_label("Waiting for").get_by_role("link").click()
    locks = page.get_by_label("Waiting for").locator("[data-wait=no_worker]")
    await expect(locks).to_contain_text("no worker for queue python3")
    begun = [packed, page.url.rpartition("/")[2]]
    assert begun[0] != begun[1]
    cancel = "/api/w/main/jobs/queue/cancel_selection?force_cancel=true"
    site.client.post(cancel, json=begun).raise_for_status()


async def waiting(page: Page, site: Site) -> str:
    """Start runs until one of them remains in its queue; return its id."""
    for _ in range(100):
        run = start(site, "f/drained/prints")
        # Longer than a heartbeat, with which the worker learns that it is drained.
        for _ in range(300):
            await page.evaluate("() => new Promise(requestAnimationFrame)")
            if site.client.get(f"/api/w/main/jobs_u/get/{run}").json()["type"] == "CompletedJob":
                break
        else:
            return run
    raise AssertionError("the worker goes on claiming")


async def test_charts_show_workspace_and_installation(page: Page, site: Site) -> None:
    await page.goto("/w/main/workers")
    charts = page.get_by_role("region", name="Over time")
    await expect(charts.get_by_role("figure")).to_have_count(6)
    await charts.get_by_role("button", name="1 hour").click()
    await expect(page).to_have_url(re.compile("last=1h"))
    await charts.get_by_text("Show as table").click()
    await expect(charts.get_by_role("columnheader", name="95% of jobs within")).to_be_visible()
    await charts.get_by_role("button", name="Workspace main").click()
    await expect(charts.get_by_role("figure")).to_have_count(4)
    await expect(charts.get_by_role("figure").first).to_contain_text("Ended runs")


async def test_worker_group_is_changed(page: Page, site: Site) -> None:
    await page.goto("/w/main/workers")
    await page.get_by_role("button", name="New group").click()
    dialog = page.get_by_role("dialog", name="New group")
    await dialog.get_by_label("Name").fill("gpu")
    await dialog.get_by_label("Queues").fill("gpu, python3")
    await dialog.get_by_label("Environment variables of jobs").fill("OV_TOKEN=x")
    await dialog.get_by_role("button", name="Create group").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("The environment variable 'OV_TOKEN' cannot be set.")
    await dialog.get_by_label("Environment variables of jobs").fill("REGION=eu")
    await dialog.get_by_label("Required isolation level").select_option("userns")
    await dialog.get_by_label("Network of jobs").select_option("none")
    await dialog.get_by_role("button", name="Create group").click()
    group = page.get_by_role("list", name="Worker groups").get_by_role("listitem").filter(has_text="gpu")
    await expect(group).to_contain_text("Queues: gpu, python3")
    await expect(group).to_contain_text("Variables: REGION")
    await expect(group).to_contain_text("No network")
    assert site.client.get("/api/configs/get/gpu").json()["env_vars_static"] == {"REGION": "eu"}
    await group.get_by_role("button", name="Edit").click()
    await page.get_by_role("button", name="Delete settings").click()
    await expect(group).to_have_count(0)
