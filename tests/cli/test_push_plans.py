"""Folders and renamed items in the output of a push and of its dry run."""

from __future__ import annotations

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
