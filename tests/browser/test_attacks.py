"""Hostile texts and sites: texts are never interpreted as HTML, and other sites cannot use the session."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import Site
from tests.browser.test_editing import node, opened
from tests.installation import Running

pytestmark = pytest.mark.extended

IMAGE = "<img src=x onerror='window.hurt=1'>"
SCRIPT = "<script>window.hurt=1</script>"
SVG = "<svg onload='window.hurt=1'><a href='javascript:window.hurt=1'><text>x</text></a></svg>"
MARKDOWN = "[x](javascript:window.hurt=1) ![x](x' onerror='window.hurt=1)"
ANSI = "\x1b[31mred\x1b]8;;javascript:window.hurt=1\x07link\x1b]8;;\x07"
TEXTS = (IMAGE, SCRIPT, SVG, MARKDOWN)
ALL = " ".join(TEXTS)

PRINTS = f"""def main():
    print({ALL + ANSI!r})
    return {{{IMAGE!r}: {ALL!r}, "html": {SVG!r}}}
"""
FLOW = {
    "summary": ALL,
    "description": ALL,
    "schema": {
        "type": "object",
        "properties": {IMAGE: {"type": "string", "description": ALL, "default": SVG}, "kind": {"enum": [SCRIPT, SVG]}},
        "examples": [{IMAGE: SVG}],
    },
    "value": {
        "modules": [
            {
                "id": "print",
                "summary": ALL,
                "value": {
                    "type": "rawscript",
                    "language": "python3",
                    "content": PRINTS,
                    "input_transforms": {IMAGE: {"type": "static", "value": ALL}},
                },
            },
            {
                "id": "choose",
                "value": {
                    "type": "branchone",
                    "branches": [{"summary": ALL, "expr": f"'{SCRIPT}' == ''", "modules": []}],
                    "default": [],
                },
            },
            {
                "id": "fail",
                "continue_on_error": True,
                "value": {
                    "type": "rawscript",
                    "language": "python3",
                    "content": f"def main():\n    raise ValueError({ALL!r})\n",
                    "input_transforms": {},
                },
            },
            {"id": "ask", "value": {"type": "approval", "message": ALL, "approvers": ["u/admin"]}},
        ]
    },
}


async def unhurt(page: Page) -> None:
    assert await page.evaluate("window.hurt") is None
    made = "[src='x'], [onerror], [onload], [onclick], [href^='javascript:'], script:not([src])"
    assert await page.locator(made).count() == 0


async def test_texts_are_escaped_in_page(page: Page, site: Site) -> None:
    path = await opened(page, site, json.dumps(FLOW))
    for panel in (
        "node&node=print",
        "node&node=choose",
        "node&node=ask",
        "test&node=print",
        "yaml",
        "problems",
        "outline",
    ):
        await page.goto(f"/w/main/workflows/{path}?panel={panel}")
        await expect(node(page, "print")).to_contain_text("<img")
        await unhurt(page)
    await page.goto(f"/w/main/workflows/{path}?panel=test")
    await page.get_by_role("button", name="Run", exact=True).click()
    test = page.get_by_label("Test run")
    await expect(test.get_by_role("button", name="Approve")).to_be_visible(timeout=60_000)
    for each in ("print", "fail", "ask"):
        await test.get_by_title(each, exact=True).click()
        await unhurt(page)
    await test.get_by_title("print", exact=True).click()
    await expect(page.locator('[data-result="Output of print"]')).to_contain_text("<svg onload=")
    await expect(test).to_contain_text("<script>")
    await test.get_by_role("button", name="Approve").click()
    await expect(node(page, "ask").locator("[data-state=succeeded]")).to_be_visible()
    await node(page, "fail").click()
    await page.get_by_role("tab", name="Output").click()
    await expect(page.locator("[data-last=fail], [data-error]").first).to_contain_text("<img")
    await unhurt(page)


async def test_names_are_escaped_in_lists(page: Page, site: Site) -> None:
    body = {"path": "f/attacks/script", "content": "def main(): ...\n", "language": "python3", "summary": ALL}
    site.client.post("/api/w/main/scripts/create", json={**body, "deployment_message": ALL})
    resource = {"path": "f/attacks/res", "resource_type": "postgresql", "description": ALL, "value": {}}
    site.client.post("/api/w/main/resources/create", params={"update_if_exists": True}, json=resource)
    path = await opened(page, site, json.dumps({**FLOW, "summary": IMAGE}))
    addresses = [
        "/w/main",
        "/w/main/workflows",
        "/w/main/scripts",
        "/w/main/scripts/f/attacks/script?tab=versions",
        f"/w/main/workflows/{path}?panel={ALL}&node={ALL}",
        f"/w/main/workflows?q={ALL}",
        "/w/main/workflows/f/a/<img src=x onerror=window.hurt=1>",
    ]
    for address in addresses:
        await page.goto(address)
        await expect(page.get_by_role("main").first).to_be_visible()
        await expect(page.get_by_label("Loading")).to_have_count(0)
        await unhurt(page)


async def test_other_site_cannot_use_session(chromium: Browser, site: Site, installation: Running) -> None:
    """Calls, forms and frames of another site are refused while the user is logged in."""
    context = await chromium.new_context()
    cookie = {"name": "token", "value": installation.token, "url": site.base, "httpOnly": True, "sameSite": "Lax"}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    page = await context.new_page()
    await page.goto("data:text/html,<title>Elsewhere</title><iframe></iframe>")
    target = f"{site.base}/api/w/main/folders/create"
    call = """async ([url, mode]) => {
      const body = JSON.stringify({name: `by_${mode.replace("-", "_")}`});
      try {
        return (await (await fetch(url, {method: "POST", body, mode, credentials: "include"})).text()).length;
      } catch { return "refused"; }
    }"""
    assert await page.evaluate(call, [target, "cors"]) == "refused"
    assert await page.evaluate(call, [target, "no-cors"]) == 0
    read = "url => fetch(url, {credentials: 'include'}).then((answer) => answer.text(), () => 'refused')"
    assert await page.evaluate(read, f"{site.base}/api/users/whoami") == "refused"
    form = """url => {
      document.body.innerHTML = `<form method="post" enctype="text/plain" action="${url}">
        <input name='{"name": "by_form", "x": "' value='"}'></form>`;
      document.forms[0].submit();
    }"""
    async with page.expect_navigation():
        await page.evaluate(form, target)
    made = site.client.get("/api/w/main/folders/listnames").json()
    assert not {"by_cors", "by_no_cors", "by_form"} & set(made)
    await page.goto("data:text/html,<title>Elsewhere</title>")
    frame = "url => new Promise((done) => { const frame = document.createElement('iframe');"
    frame += " frame.onload = () => done('loaded'); frame.src = url; document.body.append(frame); })"
    await page.evaluate(frame, f"{site.base}/w/main")
    shown = [await each.content() for each in page.frames if each != page.main_frame]
    assert shown and not [each for each in shown if "Workflows" in each]
    await context.close()


async def test_policy_blocks_inline_styles_and_scripts(page: Page) -> None:
    await page.goto("/w/main")
    hostile = """() => {
      const paragraph = '<p id="marked" style="position: fixed" onclick="window.hurt=1">x</p>';
      document.body.insertAdjacentHTML("beforeend", paragraph);
      const style = document.createElement("style");
      style.textContent = "#marked { color: rgb(1, 2, 3) }";
      document.head.append(style);
      document.getElementById("marked").click();
      const shown = getComputedStyle(document.getElementById("marked"));
      return [shown.position, shown.color === "rgb(1, 2, 3)", window.hurt ?? null];
    }"""
    await page.get_by_role("heading", name="Home").wait_for()
    found = await page.context.new_page()
    await found.goto(page.url)
    await found.get_by_role("heading", name="Home").wait_for()
    assert await found.evaluate(hostile) == ["static", False, None]
    await found.close()
