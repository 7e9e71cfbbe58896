"""Names and places of files that no item can have."""

from __future__ import annotations

from tests.cli.client import Cli, create_workspace


def test_paths_that_the_platform_does_not_allow_are_errors_before_a_push(cli: Cli) -> None:
    """Also beside other errors. Letters of any alphabet are allowed."""
    cli.write("repo/f/allowed7/Übung.sh", "echo 1\n")
    for name in ("my script.sh", "my flow.flow/flow.yaml", "my.region.variable.yaml"):
        cli.write(f"repo/f/allowed7/{name}", "value: {modules: []}\n" if "flow" in name else "value: ''\n")
    cli.write("repo/f/allowed7/a..b.variable.yaml", "value: ''\nis_secret: false\n")
    wrong = ("my script.sh", "my flow.flow", "a..b.variable.yaml")
    text = cli("lint", "repo", code=1).err
    assert text.count("error invalid_path: 'f/allowed7/") == 3 and all(each in text for each in wrong), text
    cli("lint", "repo/f/allowed7/my script.sh", code=1)
    for more in (["--dry-run"], []):
        done = cli("push", "repo", *more, code=1)
        lines = [line for line in done.err.splitlines() if "is not a valid path" in line]
        assert len(lines) == 3 and all(any(each in line for line in lines) for each in wrong), done.err
        assert "my " not in done.out and "a..b" not in done.out
    assert "script f/allowed7/Übung: would be created" in cli("push", "repo", "--dry-run", code=1).out


def test_files_in_wrong_places_are_warnings(cli: Cli) -> None:
    cli.write("repo/f/placed6/label.sh", "echo 1\n")
    cli.write("repo/f/direct6.sh", "echo 1\n")
    cli.write("repo/top6.schedule.yaml", "schedule: 0 0 6 * * *\n")
    cli.write("repo/tools/top6.py", "def main(): ...\n")
    cli.write("repo/f/direct6.flow/flow.yaml", "value: {modules: []}\n")
    (cli.folder / "repo/f/placed6/old.flow").mkdir()
    expected = [
        "repo/f/direct6.flow: warning misplaced: it is left out: items are in folders f/<folder> and u/<user>",
        "repo/f/placed6/old.flow: warning flow_empty: it is left out: it contains no flow.yaml",
        "repo/f/direct6.sh: warning misplaced: it is left out: items are in folders f/<folder> and u/<user>",
        "repo/top6.schedule.yaml: warning misplaced: it is left out: items are in folders f/<folder> and u/<user>",
        "1 file of code outside of f and u is left out: tools/top6.py.",
    ]
    for command in (["lint"], ["push", "--dry-run"], ["push"], ["status"], ["pull"]):
        shown = [line for line in cli(*command, "repo").err.splitlines() if "left out" in line]
        assert sorted(shown) == sorted(expected), command


def test_names_that_differ_only_in_case_are_warnings(cli: Cli) -> None:
    """Of files, and of items that only the workspace has: a bound Git repository refuses both beside each other."""
    create_workspace(cli, "alike9")
    w = ("-w", "alike9")
    cli.write("repo/f/alike9/Report.sh", "echo 1\n")
    file = cli.write("repo/f/alike9/report.sh", "echo 2\n")
    cli.write("repo/f/alike9/REPORT.variable.yaml", "value: ''\nis_secret: false\n")  # another kind of file
    warning = "warning names_alike: its name differs from {} only in case or form, which bound Git repositories refuse"
    for command in (["lint"], ["push", "--dry-run", *w], ["push", *w], ["status", *w]):
        (shown,) = [line for line in cli(*command, "repo").err.splitlines() if "names_alike" in line]
        assert shown.startswith(f"repo/f/alike9/report.sh: {warning.format('f/alike9/Report.sh')}"), command
    file.unlink()
    cli.write("repo/f/alike9/Report.sh", "echo 3\n")
    (shown,) = [line for line in cli("push", "repo", "--dry-run", *w).err.splitlines() if "names_alike" in line]
    assert shown.startswith(f"f/alike9/Report: {warning.format('f/alike9/report')}")
    cli.write("other/f/Alike9/new.sh", "echo 3\n")
    (shown,) = [line for line in cli("push", "other", "--dry-run", *w).err.splitlines() if "names_alike" in line]
    assert shown.startswith(f"f/Alike9/new: {warning.format('f/alike9')}")
