"""Commands that bind a workspace to a repository, which the platform synchronises."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.client import Cli
from tests.git_repositories import GitServer, commit_files, files_of

pytestmark = pytest.mark.extended

FLOW = b"summary: %s\nvalue:\n  modules:\n    - id: a\n      value:\n        type: identity\n"
FILE = "f/coded/main.flow/flow.yaml"


def test_repository_is_bound_reviewed_applied_and_unbound(cli: Cli, git_folder: Path) -> None:
    server, client = GitServer(git_folder / "main"), cli.installation.client
    repo = server.create("cli")
    url = Path(repo.path).as_uri()
    assert cli("git", "status").out == "The workspace is not bound to a repository.\n"
    assert "not_found" in cli("git", "fetch", "--json", code=1).out
    try:
        missing = cli("git", "bind", url.replace("cli.git", "ghost.git"), code=1)
        assert "The folder is not a bare repository" in missing.err and "--no-check" in missing.err
        bound = cli("git", "bind", url, "--folder", "orvanta")
        new = "The branch main does not exist yet; the first commit creates it. The repository is empty.\n"
        assert (bound.out, bound.err) == ("main: bound\n", new)
        assert "synchronised" in cli("git", "fetch").out
        # The branch contains the same files as those that `pull` writes.
        cli("pull", "tree")
        tree = cli.folder / "tree"
        pulled = {str(each.relative_to(tree)): each.read_bytes() for each in tree.rglob("*") if each.is_file()}
        exported = {name: body for name, body in pulled.items() if not name.startswith(".orvanta/")}
        assert {f"orvanta/{name}": body for name, body in exported.items()} == files_of(repo)
        folder = b"summary: Coded\nowners:\n  - g/all\nextra_perms: {}\n"
        files = {f"orvanta/{FILE}": FLOW % b"Coded", "orvanta/f/coded/folder.meta.yaml": folder}
        commit_files(repo, files)
        state, *shown, plan = cli("git", "fetch").out.splitlines()
        assert ": 2 changes to apply, fetched" in state
        assert shown == ["A folder coded", "A flow f/coded/main"] and plan.startswith("plan: ")
        shown = cli("git", "diff", "flow/f/coded/main").out.splitlines()
        assert f"+++ repository/{FILE}" in shown and "+summary: Coded" in shown
        assert not any("folder.meta" in each for each in shown)
        assert [each["path"] for each in cli("git", "diff", "--json").json["items"]] == ["coded", "f/coded/main"]
        assert "nor a folder with such items" in cli("git", "diff", "f/none", code=2).err
        commit_files(repo, {f"orvanta/{FILE}": FLOW % b"Later"})
        cli("git", "fetch")
        assert "Review the plan again" in cli("git", "apply", "--plan", plan.removeprefix("plan: "), code=1).err
        commit_files(repo, {f"orvanta/{FILE}": FLOW % b"Coded"})
        cli("git", "fetch")
        assert "nor a folder with such items" in cli("git", "apply", "--only", "f/none", code=2).err
        for decision in ("--keep", "--take"):
            assert "flow/f/none is no item of the plan" in cli("git", "apply", decision, "flow/f/none", code=2).err
        assert cli("git", "apply", "-m", "Folder", "--only", "folder/coded").out == "A folder coded\n"
        assert cli("git", "apply", "-m", "Reviewed", "--only", "f/coded").out == "A flow f/coded/main\n"
        assert client.get("/api/w/main/flows/get/f/coded/main").json()["summary"] == "Coded"
        assert cli("git", "fetch", "--json").json["incoming"]["items"] == []
        # An item that changed on both sides, and a secret in clear.
        secret = b"value: s3cret\nis_secret: true\n"
        commit_files(repo, {f"orvanta/{FILE}": FLOW % b"Theirs", "orvanta/f/coded/key.variable.yaml": secret})
        mine = {"path": "f/coded/main", "summary": "Mine", "value": {"modules": []}}
        client.post("/api/w/main/flows/update/f/coded/main", json=mine).raise_for_status()
        fetched = cli("git", "fetch")
        assert ": 2 changes to apply, 1 conflict, fetched" in fetched.out
        assert "warning: secret in clear (/value)" in fetched.err
    finally:
        cli("git", "unbind")
        client.delete("/api/w/main/flows/delete/f/coded/main")
        client.delete("/api/w/main/folders/delete/coded")
        server.close()


def test_repository_over_ssh_and_missing_terminal_are_refused_before_a_token_is_read(cli: Cli) -> None:
    for url in ("ssh://git@git.example.org/team/repo", "git@git.example.org:team/repo.git"):
        err = cli("git", "bind", url, "--token-stdin", text="secret\n", code=1).err
        assert err.startswith("Error: Repositories over SSH are not supported.\nUse https://host/path"), err
    err = cli("git", "bind", "https://git.example.org/team/repo", code=2).err
    assert "pass --token-stdin or --no-token" in err and "GetPassWarning" not in err
