"""Commands about requests, environments and policies that change or show what the pages of these do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation

pytestmark = pytest.mark.extended

FLOW = "summary: %s\nvalue:\n  modules:\n    - {id: a, value: {type: identity}}\n"
SCHEDULE = {"schedule": "0 0 6 * * *", "timezone": "UTC", "is_flow": True, "enabled": True, "args": {}}
POLICY = """\
name: steps
mode: evaluate
rules:
  - {kind: require, "on": flow, field: description}
  - {kind: restrict, "on": flow, field: timeout, maximum: 60}
"""


@pytest.fixture
def pipeline(cli: Cli, request: pytest.FixtureRequest) -> Iterator[Cli]:
    """Environments of the workspaces compared-staging and compared-live; release 1 and 2 of a workflow."""
    prefix = getattr(request, "param", "compared")
    for name in ("staging", "live"):
        cli("workspace", "create", f"{prefix}-{name}", "--name", name)
        rules = cli.write("rules.yaml", "author_may_approve: true\n")
        cli("env", "create", name, "--of", f"{prefix}-{name}", "--rules", str(rules))
    for summary in ("One", "Two"):
        flow = cli.write("report.yaml", FLOW % summary)
        cli("flow", "push", str(flow), "u/admin/compared")
        cli("release", "create", "flow/u/admin/compared")
    yield cli
    for name in ("staging", "live"):
        cli("env", "delete", name)


def test_requests_are_rejected_and_withdrawn_and_environments_compared(
    pipeline: Cli, installation: Installation
) -> None:
    numbers = [each["number"] for each in pipeline("release", "list", "--json").json][:2]
    two, one = numbers
    refused = pipeline("env", "diff", "live", code=1)
    assert "staging has no release" in refused.err
    # Nothing is deployed to the first environment: its workspace makes the releases.
    pipeline("flow", "push", str(pipeline.write("own.yaml", FLOW % "Own")), "u/admin/own", "-w", "compared-staging")
    pipeline("release", "create", "flow/u/admin/own", "-w", "compared-staging")
    shown = pipeline("env", "diff", "live")
    assert shown.out == "compared with: release compared-staging/1 of staging\nA flow u/admin/own\n"
    pipeline("promote", str(one), "--to", "live", "--apply")
    pipeline("promote", str(two), "--to", "staging", "--apply")
    shown = pipeline("env", "diff", "live")
    assert shown.out == f"compared with: release main/{two} of staging\nM flow u/admin/compared\n"
    compared = pipeline("env", "diff", "live", "--exit-code", "--json", code=1).json
    assert compared["compared_with"] == {"environment": "staging", "source": "main", "number": two}
    assert [(each["action"], each["path"]) for each in compared["entries"]] == [("change", "u/admin/compared")]
    assert "first environment" in pipeline("env", "diff", "staging", code=1).err
    assert "M flow" in pipeline("env", "diff", "staging", "live").out
    schedule = {**SCHEDULE, "path": "u/admin/compared", "script_path": "u/admin/compared"}
    assert installation.client.post("/api/w/compared-live/schedules/create", json=schedule).is_success
    planned = pipeline("promote", str(two), "--to", "live").out
    assert "\nin use: flow u/admin/compared: 1 schedule\n" in planned
    request = pipeline("env", "requests", "live", "--json").json[0]["id"]
    done = pipeline("env", "reject", "live", str(request), "--comment", "Wrong totals")
    assert done.out == f"request {request}: rejected\n"
    again = pipeline("env", "reject", "live", str(request), "--json", code=1).json
    assert again["error"]["code"] == "conflict"
    pipeline("promote", str(two), "--to", "live")
    request = pipeline("env", "requests", "live", "--json").json[0]["id"]
    done = pipeline("env", "withdraw", "live", str(request), "--json")
    assert done.json == {"subject": f"request {request}", "state": "withdrawn"}
    assert pipeline("env", "requests", "live").out == ""
    pipeline("promote", str(two), "--to", "live", "--apply")
    assert pipeline("env", "diff", "live", "--exit-code").out.endswith("no differences\n")
    lines = [line.split()[1:3] for line in pipeline("env", "history", "live").out.splitlines()]
    assert lines == [["promotion", f"main/{two}"], ["promotion", f"main/{one}"]]
    assert len(pipeline("env", "history", "live", "--limit", "1", "--json").json) == 1


@pytest.mark.parametrize("pipeline", ["shown"], indirect=True)
def test_rollback_bypass_and_overwritten_changes_are_shown(pipeline: Cli) -> None:
    two, one = [each["number"] for each in pipeline("release", "list", "--json").json][:2]
    pipeline("promote", str(one), "--to", "live", "--apply")
    pipeline("flow", "push", str(pipeline.write("changed.yaml", FLOW % "Here")), "u/admin/compared", "-w", "shown-live")
    planned = pipeline("promote", str(two), "--to", "live", "--overwrite", "--plan").out
    items = (
        "items (A added, M changed, D removed, ! conflict):\n"
        "M flow u/admin/compared (overwrites a change made in the environment)\n"
    )
    assert items in planned
    rules = pipeline.write("rules.yaml", "approvals: 1\nbypass: [u/admin]\n")
    pipeline("env", "update", "live", "--rules", str(rules))
    done = pipeline("promote", str(two), "--to", "live", "--overwrite", "--apply", "--bypass-reason", "Incident 7").out
    bypassed = "rules bypassed: approvals_missing (Incident 7)\n"
    assert done.endswith(f": applied\n{bypassed}")
    assert bypassed in pipeline("env", "show", "live").out
    request = done.split()[1].rstrip(":")
    assert pipeline("env", "request", "live", request).out == done + items
    pipeline("env", "update", "live", "--rules", str(pipeline.write("rules.yaml", "approvals: 0\n")))
    rolled_back = pipeline("rollback", "live", "--reason", "Wrong totals").out
    shown = f"(rollback): applied\nrelease: main/{one} instead of main/{two}\nreason: Wrong totals\n"
    assert rolled_back.endswith(shown)
    pipeline("env", "lift-hold", "live")
    assert "\nrollback: Wrong totals\n" in pipeline("env", "show", "live").out
    last = pipeline("env", "history", "live", "--limit", "1").out
    assert last.split()[1:4] == ["rollback", f"main/{one}", f"main/{two}"] and last.endswith("Wrong totals\n")


def test_violations_of_policies_are_listed_and_corrected(cli: Cli, installation: Installation) -> None:
    name = "u/admin/checked"
    cli("flow", "push", str(cli.write("checked.yaml", "timeout: 90\n" + FLOW % "Checked")), name)
    cli("policy", "push", str(cli.write("policies.yaml", POLICY)))
    listed = cli("policy", "violations", "steps").out
    assert f"flow {name}: The workflow needs `description`." in listed
    assert any(line.startswith(f"flow {name}: ") and line.endswith(" (fixable)") for line in listed.splitlines())
    found = cli("policy", "violations", "steps", "--exit-code", "--json", code=1).json
    assert [len(each["violations"]) for each in found["items"] if each["path"] == name] == [2]
    fixed = cli("policy", "fix", "steps", f"flow/{name}", code=1)
    assert fixed.out == f"flow {name}: The workflow needs `description`.\n"
    assert "not <kind>/<path>" in cli("policy", "fix", "steps", "checked", code=1).err
    flow = cli.write("checked.yaml", "description: Totals\ntimeout: 90\n" + FLOW % "Checked")
    cli("flow", "push", str(flow), name)
    assert cli("policy", "fix", "steps", f"flow/{name}", "--json").json == []
    assert installation.client.get(f"/api/w/main/flows/get/{name}").json()["timeout"] == 60
    cli("policy", "delete", "steps")


def test_templates_of_policies_are_printed_as_files(cli: Cli) -> None:
    names = cli("policy", "templates").out.split("\n")[:-1]
    assert names and names == [each["name"] for each in cli("policy", "templates", "--json").json]
    cli("policy", "push", str(cli.write("template.yaml", cli("policy", "templates", names[0]).out)))
    assert cli("policy", "get", names[0], "--json").json["mode"] == "off"
    cli("policy", "delete", names[0])
    assert "no template" in cli("policy", "templates", "missing", code=1).err
