"""Accounts, members, groups, tokens and the audit trail from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pyotp
import pytest
from tests.cli.client import Cli

pytestmark = pytest.mark.extended

EMAIL = "eve@example.org"
TWO_STEP = "twostep@example.org"


def test_person_from_account_to_departure(cli: Cli) -> None:
    link = cli("user", "create", EMAIL, "--name", "Eve").out.strip()
    assert "/first_password#ovf_" in link
    assert EMAIL in [each["email"] for each in cli("user", "list", "--json").json]
    assert cli("member", "add", EMAIL, "--role", "operator").out == f"{EMAIL}: added\n"
    assert cli("member", "role", "eve", "developer").out == "eve: developer\n"
    assert cli("group", "create", "night").out == "night: created\n"
    assert "Name the managers" in cli("group", "managers", "night", code=2).err
    cli("group", "managers", "night", "eve")
    cli("group", "add", "night", "eve")
    assert "Add --write" in cli("permission", "add", "group", "night", "u/eve", code=2).err
    assert cli("group", "list").out.splitlines()[-1].split() == ["night", "eve", "eve"]
    cli("group", "managers", "night", "--none")
    assert cli("group", "list").out.splitlines()[-1].split() == ["night", "eve"]
    assert "Sessions: 0, tokens: 0" in cli("user", "departure", EMAIL).out
    assert cli("member", "departure", "eve", "--json").json["items"] == []
    cli("variable", "set", "u/eve/key", "1")
    assert cli("member", "remove", "eve", "--cancel-runs", "--json").json == {"subject": "eve", "state": "removed"}
    assert cli("member", "ownerless").out == ""
    planned = cli("member", "transfer", "eve", "f/night", "--dry-run").out.split()
    assert planned[-3:] == ["variable", "u/eve/key", "f/night/key"]
    assert cli("member", "transfer", "eve", "f/night", "--json").json["refused"] == []
    assert [each["path"] for each in cli("variable", "list", "f/night/", "--json").json] == ["f/night/key"]
    cli("workspace", "usage")
    assert cli("workspace", "usage", "--json").json.keys() >= {"days", "items", "members"}
    assert cli("member", "invite", EMAIL, "--role", "viewer").out == f"{EMAIL}: invited; no mail was sent\n"
    assert cli("member", "invitations").out.split()[:2] == [EMAIL, "viewer"]
    cli("member", "withdraw", EMAIL)
    assert "/first_password#ovf_" in cli("user", "reset-password", EMAIL, "--json").json["link"]
    for call in ("disable", "enable", "delete"):
        assert cli("user", call, EMAIL).out == f"{EMAIL}: {call}d\n"
    assert cli("user", "enable", EMAIL, "--json", code=1).json["error"]["code"] == "not_found"
    cli("group", "delete", "night")


def test_policies_are_pushed_printed_and_deleted(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "policies.yaml"
    rule = "rules: [{kind: require, on: flow, field: summary}]"
    file.write_text(f"- {{name: named, {rule}}}\n- {{name: named, scope: instance, {rule}}}\n")
    assert cli("policy", "push", str(file)).out == "named: created\nnamed: created\n"
    file.write_text(cli("policy", "get", "named").out)
    assert cli("policy", "push", str(file)).out == "named: updated\n"
    assert [(each["scope"], each["version"]) for each in cli("policy", "list", "--json").json] == [
        ("instance", 1),
        ("workspace", 2),
    ]
    assert cli("policy", "delete", "named").out == "named: deleted\n"
    assert cli("policy", "delete", "named", "--instance").out == "named: deleted\n"


def test_tokens_and_audit(cli: Cli) -> None:
    made = cli(
        "token", "create", "--label", "cli", "--scope", "jobs:run", "--days", "2", "--this-workspace"
    ).out.strip()
    listed = {row["token_prefix"]: row for row in cli("token", "list", "--all", "--json").json}
    assert made.startswith("ov_") and listed[made[:12]]["scopes"] == ["jobs:run"]
    assert "expiration" in listed[made[:12]] and made not in json.dumps(listed)
    cli("token", "revoke", made[:12], "--all")
    assert made[:12] not in cli("token", "list").out
    row = cli("audit", "list", "--operation", "tokens.revoke", "--json").json[0]
    assert row["resource"] == made[:12]
    lines = cli("audit", "export", "--operation", "tokens").out.splitlines()
    assert json.loads(lines[-1])["id"] == row["id"]
    assert cli("audit", "list", "--instance", "--operation", "users").out
    assert cli("audit", "list", "--since", "soon", code=1).err.startswith("Error: 'soon' is not a time.")
    revoked = ("audit", "list", "--operation", "tokens.revoke", "--json", "--kind")
    assert cli(*revoked, "deleted").json and not cli(*revoked, "created").json
    assert cli("user", "sessions", "--json").json == []
    head = cli("audit", "verify").out.splitlines()[0]
    assert int(head.partition(":")[0]) > 0, "the server links rows"
    assert "broken" not in cli("audit", "verify", "--anchor", head, "--json").json
    wrong = cli("audit", "verify", "--anchor", "1:00", code=1).out.splitlines()[-1]
    assert wrong.startswith("The anchor does not belong to this chain: it was entered incorrectly, or ")


def test_permissions_and_service_accounts(cli: Cli) -> None:
    assert cli("service-account", "create", "ci", "--role", "developer").out == "ci: created\n"
    made = cli("service-account", "token", "ci", "--scope", "jobs:run").out.strip()
    assert made.startswith("ov_")
    assert cli("service-account", "list").out.splitlines()[-1].split() == ["ci", "developer", "admin", "enabled", "1"]
    cli("variable", "set", "f/shared/x", "1")
    assert cli("permission", "add", "variable", "f/shared/x", "u/ci", "--write").out == "f/shared/x: u/ci can write\n"
    assert cli("permission", "list", "variable", "f/shared/x", "--json").json == {"u/ci": True}
    explained = cli("permission", "explain", "variable", "f/shared/x", "--user", "ci").out.splitlines()
    assert explained[-2].split() == ["ci", "developer", "write", "yes", "item", "u/ci"]
    assert explained[-1].split() == ["ci", "developer", "share", "no"]
    cli("permission", "remove", "variable", "f/shared/x", "u/ci")
    for call in ("disable", "enable", "delete"):
        assert cli("service-account", call, "ci").out == f"ci: {call}d\n"


def test_tokens_of_scim_clients(cli: Cli) -> None:
    scim = cli("scim-token", "create").out.strip()
    assert scim.startswith("ovp_") and scim[:12] in cli("scim-token", "list").out
    assert cli("scim-token", "revoke", scim[:12]).out == f"{scim[:12]}: revoked\n"


def test_folders_are_created_shared_and_deleted(cli: Cli) -> None:
    assert cli("folder", "create", "team", "--summary", "Team").out == "team: created\n"
    assert cli("folder", "add-owner", "team", "g/all").out == "team: added g/all\n"
    cli("service-account", "create", "builder")
    cli("permission", "add", "folder", "team", "u/builder")
    (row,) = (each.split() for each in cli("folder", "list").out.splitlines() if each.startswith("f/team"))
    assert row == ["f/team", "u/admin,", "g/all", "u/builder"]
    cli("folder", "remove-owner", "team", "g/all")
    listed = {each["name"]: each["owners"] for each in cli("folder", "list", "--json").json}
    assert listed["team"] == ["u/admin"]
    assert cli("folder", "delete", "team").out == "team: deleted\n"
    cli("service-account", "delete", "builder")


def test_two_step_login(cli: Cli) -> None:
    password = "correct horse battery"
    account = {"email": TWO_STEP, "password": password}
    assert cli.installation.client.post("/api/users/create", json=account).status_code == 201
    url = cli.installation.base
    log_in = ("login", url, "--profile", "two", "--email", TWO_STEP, "--workspace", "main")
    cli("member", "add", TWO_STEP)
    cli(*log_in, text=f"{password}\n")
    made = cli("user", "enrol-totp", "--profile", "two", "--json", text=f"{password}\n").json
    code = pyotp.TOTP(made["secret"]).now()
    assert cli("user", "confirm-totp", "--profile", "two", text=f"{code}\n").out == "two-step login: enabled\n"
    assert "needs a code" in cli(*log_in, text=f"{password}\n", code=4).err
    assert "wrong, or was used before" in cli(*log_in, text=f"{password}\n{code}\n", code=4).err
    assert TWO_STEP in cli(*log_in, text=f"{password}\n{made['recovery_codes'][0]}\n").out
    both = f"{password}\n{made['recovery_codes'][1]}\n"
    assert cli("user", "disable-totp", "--profile", "two", text=both).out == "two-step login: disabled\n"
    assert "You may not" in cli("user", "reset-totp", TWO_STEP, "--profile", "two", code=1).err
    assert "No account with two-step login" in cli("admin", "reset-totp", TWO_STEP, code=1).err


def test_workers_are_drained_and_resumed_by_group(cli: Cli) -> None:
    (worker,) = cli("workers", "list", "--json").json
    assert (worker["worker_group"], worker["drained"]) == ("default", False)
    try:
        assert cli("workers", "drain", "default", "--json").json == [{"subject": worker["worker"], "state": "drained"}]
        assert cli("workers", "list").out.split()[3] == "drained"
    finally:
        assert cli("workers", "resume", worker["id"]).out == f"{worker['worker']}: claiming\n"
    assert cli("workers", "queues").out == ""
    assert "no live worker or group other" in cli("workers", "drain", "other", code=1).err
