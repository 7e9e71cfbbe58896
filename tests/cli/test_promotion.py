"""Deployment of a release from development to production, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation

pytestmark = pytest.mark.extended

ODD = "First\x1b]0;t\x07"
"""Text that sets the title of a terminal."""
OTHER = {"email": "oona@example.org", "password": "correct horse"}
FLOW = "summary: Report\nvalue:\n  modules:\n    - {id: a, value: {type: identity}}\n"


def test_release_is_promoted_rolled_back_and_exchanged(cli: Cli, installation: Installation, tmp_path: Path) -> None:
    flow, rules, file = tmp_path / "report.yaml", tmp_path / "rules.yaml", tmp_path / "release.json"
    flow.write_text(FLOW)
    rules.write_text("approvals: 1\nauthor_may_approve: true\nrefuse_direct_deploys: true\n")
    cli("workspace", "create", "promoted", "--name", "Production")
    cli("flow", "push", str(flow), "u/admin/promoted")
    assert cli("release", "create", "flow/u/admin/promoted", "-m", f"{ODD}\nitem: x").out == "1\n"
    assert cli("release", "list", "--json").json[0]["notes"] == f"{ODD}\nitem: x"
    shown = cli("release", "show", "1").out
    assert "\nnotes: First�]0;t�\n       item: x\nitem: flow u/admin/promoted\n" in shown
    assert "First�]0;t�" in cli("release", "list").out
    cli("env", "create", "production", "--of", "promoted", "--color", "#b3261e")
    cli("env", "update", "production", "--rules", str(rules))
    assert cli("env", "list").out.splitlines()[-1].split() == ["1", "production", "promoted", "1", "refused"]
    planned = cli("promote", "1", "--to", "production", "--plan").out
    assert "A flow u/admin/promoted" in planned
    assert cli("promote", "1", "--to", "production", "--approve", code=1).out == ""
    request = cli("promote", "1", "--to", "production", "--json").json["id"]
    requested = cli("promote", "1", "--to", "production").out
    assert requested.startswith(f"request {request}: open") and "approvals_missing" in requested
    reason = "approvals_missing: The request has 0 of 1 approvals.\n    Approvers: admins.\n"
    refused = cli("promote", "1", "--to", "production", "--apply", code=1)
    assert requested.endswith(reason) and refused.out == "" and "0 of 1 approvals" in refused.err
    failed = cli("promote", "1", "--to", "production", "--apply", "--json", code=1).json
    assert failed["error"]["code"] == "deployment_blocked"
    assert cli("promote", "1", "--to", "production", "--approve", "--apply").out == f"request {request}: applied\n"
    assert "release: main/1 by admin" in cli("env", "show", "production").out
    answer = installation.client.post("/api/users/create", json={**OTHER, "username": "oona"})
    assert answer.is_success, answer.text
    member = {"email": OTHER["email"], "username": "oona", "role": "developer"}
    assert installation.client.post("/api/w/promoted/workspaces/add_user", json=member).is_success
    token = installation.client.post("/api/auth/login", json=OTHER).text
    hidden = cli("env", "show", "production", ORVANTA_URL=installation.base, ORVANTA_TOKEN=token).out
    assert "\nrelease: contains items that you may not read\n" in hidden
    assert "first environment" in cli("env", "auto-promote", "production", "--json", code=1).out
    assert cli("env", "auto-promote", "production", "--off").out == "production: automatic promotion disabled\n"
    flow.write_text(FLOW.replace("Report", "Other report"))
    pushed = cli("flow", "push", str(flow), "u/admin/promoted", "-w", "promoted", "--json", code=1).json
    assert "direct_deploys_refused" in json.dumps(pushed)
    cli("flow", "push", str(flow), "u/admin/promoted")
    cli("release", "create", "flow/u/admin/promoted")
    assert cli("promote", "main/2", "--to", "production", "--json").json["plan"]["entries"][0]["action"] == "change"
    refused = cli("promote", "2", "--to", "production", "--overwrite", code=1)
    assert "exists already" in refused.err and "Add --renew to change it." in refused.err
    renewed = cli("promote", "2", "--to", "production", "--renew", "--overwrite", "--json").json
    assert (renewed["state"], renewed["overwrite"]) == ("open", True)
    cli("promote", "2", "--to", "production", "--approve", "--apply")
    assert "no open request" in cli("promote", "2", "--to", "production", "--renew", code=1).err
    waiting = cli("rollback", "production", "--reason", "Wrong totals", "--json", code=1).json
    assert (waiting["state"], waiting["kind"], waiting["number"]) == ("open", "rollback", 1)
    done = cli("promote", "1", "--to", "production", "--approve", "--apply").out
    rolled_back = (
        f"request {waiting['id']} (rollback): applied\nrelease: main/1 instead of main/2\nreason: Wrong totals\n"
    )
    assert done == rolled_back
    assert "hold: Wrong totals (admin" in cli("env", "show", "production").out
    assert cli("env", "lift-hold", "production").out == "production: hold lifted\n"
    assert cli("release", "export", "1", str(file)).out == f"{file}: written\n"
    key = cli("release", "key").out.strip()
    assert cli("release", "import", str(file), "-w", "promoted").out == "1\n"
    assert f"origin: this instance main/1, key {key}" in cli("release", "show", "1", "-w", "promoted").out
    for _ in range(2):
        request = cli("promote", "main/2", "--from", "local", "--to", "production", "--json").json
        assert (request["source"], request["number"], request["plan"]["origin"]["number"]) == ("promoted", 2, 2)
    assert [each["number"] for each in cli("release", "list", "-w", "promoted", "--json").json] == [2, 1]
    file.write_text(json.dumps({**json.loads(file.read_text()), "notes": "Other"}))
    wrong = cli("release", "import", str(file), "--json", code=1).json
    assert wrong["error"]["code"] == "untrusted_release"
    assert installation.client.delete("/api/w/main/flows/delete/u/admin/promoted").is_success
    assert cli("release", "create", "--remove", "flow/u/admin/promoted").out == "3\n"
    cli("release", "export", "3", str(file))
    assert cli("release", "import", str(file), "-w", "promoted").out == "3\n"
    for workspace in ("main", "promoted"):
        assert "removes: flow u/admin/promoted" in cli("release", "show", "3", "-w", workspace).out
    planned = cli("promote", "main/3", "--to", "production", "--plan", code=1).out
    assert "D flow u/admin/promoted" in planned and "removal_refused" in planned
    refused = cli("promote", "main/3", "--to", "production", "--apply", code=1)
    assert [line.split(":")[0] for line in refused.out.splitlines()[::2]] == ["removal_refused", "approvals_missing"]
    cli("env", "delete", "production")
