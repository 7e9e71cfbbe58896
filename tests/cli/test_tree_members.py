"""Members and settings of a workspace in a folder and in archives: on request, with the other items."""

from __future__ import annotations

from typing import Any

from tests.cli.client import Cli, create_workspace
from tests.cli.test_push_tree import tree

OPTIONS = ("--include-users", "--include-settings")
ADMIN = "username: admin\nrole: admin\ndisabled: false\n"


def create_account(cli: Cli, name: str) -> str:
    body = {"email": f"{name}@example.com", "username": name}
    assert cli.installation.client.post("/api/users/create", json=body).status_code == 201
    return f"{name}@example.com"


def roles(cli: Cli, workspace: str) -> dict[str, Any]:
    listed = cli.installation.client.get(f"/api/w/{workspace}/users/list").json()
    return {each["email"]: each["role"] for each in listed}


def test_members_and_settings_are_pushed_and_pulled_on_request(cli: Cli) -> None:
    create_workspace(cli, "people1")
    email = create_account(cli, "people1_ann")
    w = ("-w", "people1")
    cli.write("first/users/admin@localhost.user.yaml", ADMIN)
    cli.write(f"first/users/{email}.user.yaml", "username: people1_ann\nrole: operator\ndisabled: false\n")
    settings = cli.write("first/settings.yaml", "retention_days: 20\nerror_handler: flow/f/people1/report\n")
    cli.write("first/groups/crew.group.yaml", "members:\n  - people1_ann\nmanagers: []\n")
    cli.write(
        "first/f/people1/folder.meta.yaml", "owners:\n  - g/crew\nextra_perms:\n  g/crew: true\n  u/admin: true\n"
    )
    cli.write("first/f/people1/report.flow/flow.yaml", "value: {modules: []}\n")
    cli("push", "first", *w, code=1)  # the group has a member whom the workspace lacks
    assert len(cli("push", "first", *w, *OPTIONS, "--dry-run", "--json").json["pushed"]) == 6
    pushed = cli("push", "first", *w, *OPTIONS, "--json").json["pushed"]
    assert [each["kind"] for each in pushed] == ["user", "folder", "group", "flow", "settings", "user"]
    cli("pull", "second", *w, *OPTIONS)
    settings.write_text(
        "secrets_readable: false\nsearch_run_data: false\nretention_days: 20\nerror_handler: flow/f/people1/report\n"
    )
    assert tree(cli.folder / "second") == tree(cli.folder / "first")
    for folder in ("first", "second"):
        for command in ("push", "pull"):
            assert cli(command, folder, *w, *OPTIONS).out == "Nothing to do.\n"
            assert cli(command, folder, *w).out == "Nothing to do.\n"
        assert cli("status", folder, *w, *OPTIONS, "--json").json["in_sync"]
    cli("pull", "third", *w)
    assert not {"settings.yaml", f"users/{email}.user.yaml"} & tree(cli.folder / "third").keys()
    cli.write(f"second/users/{email}.user.yaml", "username: people1_ann\nrole: viewer\ndisabled: false\n")
    (cli.folder / "second/settings.yaml").write_text("secrets_readable: false\nerror_handler: flow/f/people1/report\n")
    assert cli("diff", "second", *w, *OPTIONS).out.count("retention_days") == 1
    assert cli("push", "second", *w, *OPTIONS).out == f"user {email}: updated\nsettings settings: updated\n"
    assert roles(cli, "people1")[email] == "viewer"
    assert cli("pull", "first", *w, *OPTIONS).out == f"user {email}: updated\nsettings settings: updated\n"
    (cli.folder / f"first/users/{email}.user.yaml").unlink()
    assert f"user {email}: deleted" in cli("push", "first", *w, *OPTIONS, "--prune", code=None).out
    assert roles(cli, "people1") == {"admin@localhost": "admin"}


def test_user_without_an_account_is_named_and_the_rest_is_pushed(cli: Cli) -> None:
    create_workspace(cli, "people2")
    w = ("-w", "people2")
    cli.write("repo/users/people2_none@example.com.user.yaml", "username: none\nrole: admin\ndisabled: false\n")
    cli.write("repo/f/people2/folder.meta.yaml", "summary: Two\n")
    for more in (["--dry-run"], []):
        done = cli("push", "repo", *w, *OPTIONS, *more, code=1)
        assert "There is no account people2_none@example.com." in done.err and "folder people2: " in done.out
    (failed,) = cli("push", "repo", *w, *OPTIONS, "--json", code=1).json["failed"]
    assert failed["file"] == "repo/users/people2_none@example.com.user.yaml"
    assert "A  user people2_none@example.com\n" in cli("status", "repo", *w, *OPTIONS).out
    create_account(cli, "people2_none")
    assert cli("push", "repo", *w, *OPTIONS).out == "user people2_none@example.com: created\n"


def test_archive_with_members_and_settings_is_imported_on_request(cli: Cli) -> None:
    for workspace in ("people3", "people4"):
        create_workspace(cli, workspace)
    email = create_account(cli, "people3_ann")
    cli.write(f"repo/users/{email}.user.yaml", "role: developer\n")
    cli.write("repo/settings.yaml", "search_run_data: true\n")
    cli("push", "repo", "-w", "people3", *OPTIONS)
    cli("workspace", "export", "whole.zip", "-w", "people3", *OPTIONS)
    left_out = cli("import", "archive", "whole.zip", "-w", "people4")
    assert "settings.json is left out: --include-users or --include-settings imports it." in left_out.err
    done = cli("import", "archive", "whole.zip", "-w", "people4", *OPTIONS)
    assert done.out == f"user {email}: created\nsettings settings: updated\n"
    assert cli("import", "archive", "whole.zip", "-w", "people4", *OPTIONS).out == "Nothing to do.\n"
    cli("workspace", "export", "again.zip", "-w", "people4", *OPTIONS)
    assert (cli.folder / "again.zip").read_bytes() == (cli.folder / "whole.zip").read_bytes()


def test_prune_of_a_fresh_checkout_removes_the_members_that_it_lacks(cli: Cli) -> None:
    """On request only, and neither the settings nor the last admin."""
    create_workspace(cli, "people5")
    w = ("-w", "people5")
    emails = [create_account(cli, f"people5_{name}") for name in ("ann", "bob")]
    cli.write("whole/users/admin@localhost.user.yaml", ADMIN)
    for email in emails:
        cli.write(f"whole/users/{email}.user.yaml", "role: developer\n")
    cli.write("whole/settings.yaml", "retention_days: 20\n")
    cli.write("whole/f/people5/folder.meta.yaml", "summary: Five\n")
    cli("push", "whole", *w, *OPTIONS)
    cli.write("fresh/f/people5/folder.meta.yaml", "summary: Five\n")
    prune = ("push", "fresh", *w, "--force", "--prune")
    without = cli(*prune, "--dry-run").out
    assert "user " not in without and "settings" not in without
    refused = cli(*prune, *OPTIONS, code=1)
    assert "admin" in refused.err and len(roles(cli, "people5")) == 3
    cli.write("fresh/users/admin@localhost.user.yaml", ADMIN)
    cli.write(f"fresh/users/{emails[0]}.user.yaml", "role: developer\n")
    planned = cli(*prune, *OPTIONS, "--dry-run").out
    assert f"user {emails[1]}: would be deleted\n" in planned and "settings" not in planned
    assert "folder people5" not in planned and emails[0] not in planned
    assert f"user {emails[1]}: deleted\n" in cli(*prune, *OPTIONS).out
    assert roles(cli, "people5") == {"admin@localhost": "admin", emails[0]: "developer"}
    stored = cli.installation.client.get("/api/w/people5/workspaces/get_settings").json()
    assert stored["retention_days"] == 20
    (cli.folder / "whole/settings.yaml").unlink()
    done = cli("push", "whole", *w, *OPTIONS, "--prune")
    assert "The settings remain" in done.err and "settings" not in done.out
