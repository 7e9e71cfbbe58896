"""A pipeline whose token has the scopes that the page of tokens offers for CI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation

pytestmark = pytest.mark.extended

PAGE = Path(__file__).parents[2] / "editor/src/settings/scopes.ts"
FLOW = "value: {modules: [{id: a, value: {type: script, path: f/pipeline/code, input_transforms: {}}}]}\n"
TREE = {
    "f/pipeline/folder.meta.yaml": "summary: The pipeline\nowners: []\nextra_perms: {}\n",
    "f/pipeline/region.variable.yaml": "value: north\nis_secret: false\ndescription: Where\n",
    "f/pipeline/shop.resource.yaml": "resource_type: object\nvalue: {url: https://example.org}\n",
    "f/pipeline/code.sh": "echo 7\n",
    "f/pipeline/report.flow/flow.yaml": FLOW,
    "f/pipeline/report.flow/tests/seven.yaml": ("nodes: {a: {result: 7, inputs: {}}}\nexpect: {result: {equals: 7}}\n"),
    "f/pipeline/daily.schedule.yaml": (
        "schedule: 0 0 6 * * *\ntimezone: UTC\nenabled: false\nscript_path: f/pipeline/report\nis_flow: true\n"
        "args: {}\n"
    ),
    "f/pipeline/hook.http_trigger.yaml": (
        "script_path: f/pipeline/report\nis_flow: true\nroute_path: pipeline/hook\nhttp_method: post\nenabled: true\n"
        "request_type: sync\nauthentication_method: none\nis_static_website: false\nworkspaced_route: true\n"
    ),
}
ITEMS = ("schedule/f/pipeline/daily", "http_trigger/f/pipeline/hook")


def ci_scopes() -> list[str]:
    """Return the scopes that the page adds to a token for CI."""
    listed = PAGE.read_text().partition("CI_SCOPES")[2].partition("];")[0]
    return re.findall(r'"([a-z_]+:[a-z]+)"', listed)


def test_token_with_scopes_for_ci_pushes_tests_and_promotes(cli: Cli, installation: Installation) -> None:
    cli("workspace", "create", "delivered", "--name", "Delivered")
    cli("env", "create", "delivered", "--of", "delivered")
    chosen = [word for scope in ci_scopes() for word in ("--scope", scope)]
    token = cli("token", "create", "--label", "ci", *chosen, "--days", "1").out.strip()
    environ = {"ORVANTA_URL": installation.base, "ORVANTA_TOKEN": token, "ORVANTA_WORKSPACE": "main"}
    pipeline = Cli(installation, {**cli.environ, **environ}, cli.folder)
    for name, text in TREE.items():
        cli.write(f"repo/{name}", text)
    for again in (("--dry-run",), (), ("--force",)):
        pipeline("push", "repo", "-m", "From CI", *again)
    assert pipeline("test", "repo", "--json").json["workflows"][0]["passed"] == 1
    number = pipeline("release", "create", *ITEMS).out.strip()
    pipeline("promote", number, "--to", "delivered", "--plan")
    assert pipeline("promote", number, "--to", "delivered", "--apply").out.rstrip().endswith(": applied")
    found = installation.client.get("/api/w/delivered/flows/get/f/pipeline/report")
    assert found.status_code == 200, found.text
    # Nothing else is permitted.
    assert "You may not" in pipeline("member", "list", code=1).err
