"""Folders and renamed items in the output of a push and of its dry run."""

from __future__ import annotations

import shutil

import pytest
from tests.cli.client import Cli


def test_dry_run_names_the_folders_that_a_push_creates(cli: Cli) -> None:
    cli.write("repo/f/fresh8/label.sh", "echo 1\n")
    assert cli("push", "repo", "--dry-run").out == (
        "folder fresh8: would be created\nscript f/fresh8/label: would be created\n"
    )
    assert cli("push", "repo").out == "folder fresh8: created\nscript f/fresh8/label: created\n"
    cli.write("repo/f/fresh8/other.sh", "echo 1\n")
    assert cli("push", "repo", "--dry-run").out == "script f/fresh8/other: would be created\n"


def test_push_of_renamed_files_names_the_command_that_keeps_the_history(cli: Cli) -> None:
    """After it, the push has nothing to do."""
    cli.write("repo/f/renamed9/label.sh", "echo renamed9\n")
    cli.write("repo/f/renamed9/flow.flow/flow.yaml", "value: {modules: []} # renamed9\n")
    cli("push", "repo")
    folder = cli.folder / "repo/f/renamed9"
    (folder / "label.sh").rename(folder / "title.sh")
    (folder / "flow.flow").rename(folder / "report.flow")
    cli.write("repo/f/renamed9/another.sh", "echo another9\n")
    text = cli("push", "repo", "--prune", "--dry-run").err
    moves = [("script", "label", "title"), ("flow", "flow", "report")]
    warning = "warning maybe_moved: it has the content of"
    expected = [
        f"f/renamed9/{new}: {warning} f/renamed9/{old}, whose file was deleted, and not its history; to keep it, run "
        f"`orvanta {kind} move f/renamed9/{old} f/renamed9/{new}` before the push"
        for kind, old, new in moves
    ]
    assert [line for line in text.splitlines() if "maybe_moved" in line] == expected
    for kind, old, new in moves:
        cli(kind, "move", f"f/renamed9/{old}", f"f/renamed9/{new}")
    done = cli("push", "repo", "--prune")
    assert (done.out, "warning" in done.err) == ("script f/renamed9/another: created\n", False)


@pytest.mark.parametrize("files", ["all", "one"])
def test_prune_does_not_delete_the_folder_of_items_that_remain(cli: Cli, files: str) -> None:
    """The next pull restores its file. With a state, the unchanged items are not part of the change set."""
    name = f"kept22{files}"
    meta = cli.folder / f"repo/f/{name}/folder.meta.yaml"
    cli.write(f"repo/f/{name}/label.sh", "echo 1\n")
    cli.write(f"repo/f/{name}/other.sh", "echo 2\n")
    cli("push", "repo")
    meta.unlink()
    if files == "all":  # a checkout without a state
        shutil.rmtree(cli.folder / "repo/.orvanta")
        cli.write(f"repo/f/{name}/label.sh", "echo 3\n")
    kept = f"folder {name}: It is not deleted, because the workspace has items in this folder after the change set."
    for options in (["--dry-run"], []):
        done = cli("push", f"repo/f/{name}", "--force", "--prune", *options)
        assert (kept in done.err.splitlines(), "deleted\n" in done.out) == (True, False)
    assert not meta.exists()
    cli("pull", f"repo/f/{name}")
    assert meta.exists()
    shutil.rmtree(meta.parent)
    meta.parent.mkdir()
    done = cli("push", f"repo/f/{name}", "--prune")
    expected = [f"script f/{name}/other", f"script f/{name}/label", f"folder {name}"]
    assert done.out.splitlines() == [f"{each}: deleted" for each in expected]


def test_push_of_json_keeps_the_comments_of_the_workspace(cli: Cli) -> None:
    """A text with carriage returns cannot be edited: the push and its dry run warn."""
    kept = "# kept\nsummary: Sum # shown\nvalue: {modules: []}\n"
    cli.write("repo/f/json22/kept.flow/flow.yaml", kept)
    cli.write("repo/f/json22/returns.flow/flow.yaml", "# lost\rsummary: Sum # shown\rvalue: {modules: []}\r")
    cli("push", "repo")
    for name in ("kept", "returns"):
        (cli.folder / f"repo/f/json22/{name}.flow/flow.yaml").unlink()
        cli.write(f"repo/f/json22/{name}.flow/flow.json", '{"summary": "Sum", "value": {"modules": []}}')
    assert cli("push", "repo").out == "Nothing to do.\n"
    assert cli("status", "repo/f/json22").out == "The folder and the workspace have the same items.\n"
    for name in ("kept", "returns"):
        cli.write(f"repo/f/json22/{name}.flow/flow.json", '{"summary": "Sums", "value": {"modules": []}}')
    for options in (["--dry-run"], []):
        done = cli("push", "repo", *options)
        (warning,) = [line for line in done.err.splitlines() if "comments_lost" in line]
        assert warning.startswith("warning comments_lost: The YAML text of f/json22/returns")
    stored = cli.installation.client.get("/api/w/main/flows/get/f/json22/kept").json()
    assert stored["source"]["text"] == kept.replace("Sum ", "Sums ")
    assert cli("push", "repo").out == "Nothing to do.\n"


def test_dry_run_names_the_scopes_that_the_token_lacks(cli: Cli) -> None:
    """An item that the token may not read is not shown as new, also if others are in conflict."""
    client = cli.installation.client
    cli.write("repo/f/scoped22/code.sh", "echo 1\n")
    cli.write("repo/f/scoped22/region.variable.yaml", "value: north\nis_secret: false\n")
    cli("push", "repo")
    cli.write("fresh/f/scoped22/code.sh", "echo 2\n")
    cli.write("fresh/f/scoped22/region.variable.yaml", "value: south\nis_secret: false\n")
    outcomes = []
    for scopes in (["scripts:write"], ["jobs:run"]):
        limits = {"label": "scoped22", "scopes": scopes, "workspace_id": "main"}
        token = client.post("/api/users/tokens/create", json=limits).text
        environ = {"ORVANTA_URL": cli.installation.base, "ORVANTA_TOKEN": token}
        outcomes.append(cli("push", "fresh", "--dry-run", code=1, **environ))
    scripts, none = outcomes
    hidden = "You may not read this item, which may exist. The token needs the scope variables:read."
    assert f"variable f/scoped22/region: {hidden}" in scripts.err.splitlines()
    assert scripts.out == "1 failed; nothing was pushed.\n"
    assert "Error: The token may read no item of the workspace.\nIt needs scopes for the kinds" in none.err


def test_pull_that_replaces_a_text_with_comments_by_json_warns(cli: Cli) -> None:
    """A merge with JSON beyond the limits of YAML."""
    text = "# kept\nsummary: Sum\nvalue: {modules: []}\n"
    file = cli.write("repo/f/json23/large.flow/flow.yaml", text)
    cli("push", "repo")
    value = {"modules": [], "list": [0] * 20_000}
    call = "/api/w/main/flows/update/f/json23/large"
    cli.installation.client.post(call, json={"path": "f/json23/large", "value": value}).raise_for_status()
    file.write_text(f"{text}description: Here\n")
    done = cli("pull", "repo")
    assert "flow f/json23/large: merged\n" in done.out
    (warning,) = [line for line in done.err.splitlines() if "comments_lost" in line]
    assert warning.startswith("repo/f/json23/large.flow: warning comments_lost: ")
