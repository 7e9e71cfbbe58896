"""Versions that await acceptance, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.client import Cli

pytestmark = pytest.mark.extended

PATH = "f/examples/order_receipt"


def test_version_is_accepted_for_member(cli: Cli) -> None:
    assert cli("acceptance", "list", "--json").json == []
    assert cli("acceptance", "list").out == ""
    version = cli("flow", "show", PATH, "--json").json["version_id"]
    output = cli("acceptance", "accept", "flow", PATH, str(version), "--for", "u/admin").out
    assert output == f"{PATH}: version {version} is accepted for u/admin\n"
    made = cli("acceptance", "accept", "flow", PATH, str(version), "--json").json
    assert made == {"path": PATH, "version": version, "permissioned_as": "g/all"}
    refused = cli("acceptance", "accept", "flow", PATH, "999999", "--json", code=1).json
    assert refused["error"]["code"] == "not_found"


FLOW = "summary: Report\nvalue:\n  modules:\n    - id: a\n      value: {type: identity}\n"


@pytest.fixture
def builder(cli: Cli) -> Iterator[dict[str, Any]]:
    """Create a service account that deploys to a folder; return the environment with its token."""
    cli.installation.client.post("/api/w/main/folders/create", json={"name": "pushed"}).raise_for_status()
    cli("service-account", "create", "pusher", "--role", "developer")
    cli("permission", "add", "folder", "pushed", "u/pusher", "--write")
    token = cli("service-account", "token", "pusher", "--scope", "flows:write", "--scope", "scripts:write").out.strip()
    yield {"ORVANTA_URL": cli.installation.base, "ORVANTA_TOKEN": token}
    cli("service-account", "delete", "pusher")


def test_push_names_versions_that_wait_for_acceptance(cli: Cli, builder: dict[str, Any]) -> None:
    path = "f/pushed/report"
    cli.write(f"{path}.flow.yaml", FLOW)
    assert cli("flow", "push", f"{path}.flow.yaml", **builder).err == ""
    body = {"path": "f/pushed/nightly", "schedule": "0 0 3 * * *", "timezone": "UTC", "enabled": False}
    body |= {"script_path": path, "is_flow": True, "args": {}}
    cli.installation.client.post("/api/w/main/schedules/create", json=body).raise_for_status()

    cli.write(f"{path}.flow.yaml", FLOW.replace("Report", "Better report"))
    done = cli("flow", "push", f"{path}.flow.yaml", **builder)
    assert done.out == f"{path}: updated (version 2)\n"
    version = cli("flow", "show", path, "--json").json["version_id"]
    assert done.err.splitlines() == [
        f"{path}: version 2 waits for acceptance; until then version 1 runs for u/admin",
        "    u/admin, an admin or a member of the group deployers can accept it on its page, or with "
        f"`orvanta acceptance accept flow {path} {version}`.",
    ]
    again = cli("flow", "push", f"{path}.flow.yaml", "--json", **builder).json
    assert [(each["permissioned_as"], each["accepted"]["number"]) for each in again["waiting"]] == [("u/admin", 1)]
    assert "schedule f/pushed/nightly" in cli("flow", "push", f"{path}.flow.yaml").err

    cli("acceptance", "accept", "flow", path, str(version))
    assert cli("flow", "push", f"{path}.flow.yaml", "--json", **builder).json["waiting"] == []

    cli.write(f"{path}.flow.yaml", FLOW.replace("Report", "Best report"))
    tree = cli("push", "--force", "--json", **builder).json
    assert [(each["path"], each["version"]["number"]) for each in tree["waiting"]] == [(path, 3)]
