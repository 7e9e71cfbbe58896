"""Warnings of `orvanta push`, which a real push prints as a dry run does."""

from __future__ import annotations

import pytest
from tests.cli.client import Cli

PLACEHOLDER = '(() => { throw new Error(\\"Not converted: {{ $json }}\\") })()'
UNCONVERTED = """\
value:
  modules:
    - id: a
      value: {type: identity}
      skip_if: {expr: "%s"}
"""


@pytest.mark.parametrize("command", [("push",), ("flow", "push")])
def test_push_warns_of_parts_that_were_not_converted(cli: Cli, command: tuple[str, ...]) -> None:
    """As a dry run does, once, and with the line of the file."""
    name = f"f/{'_'.join(command)}_converted/imported"
    file = cli.write(f"repo/{name}.flow/flow.yaml", UNCONVERTED % PLACEHOLDER)
    source = "repo" if command == ("push",) else str(file.parent)
    shown = [cli(*command, source, *more).err for more in (("--dry-run",), ())]
    for text in shown:
        (warning,) = [line for line in text.splitlines() if "warning" in line]
        assert "flow.yaml:5:17: warning not_converted: node a: " in warning, text


def test_push_reports_an_error_once_beside_the_warnings(cli: Cli) -> None:
    cli.write("repo/f/refused_once/imported.flow/flow.yaml", UNCONVERTED % PLACEHOLDER + "      needs: [ghost]\n")
    text = cli("push", "repo", code=1).err
    shown = [line.split(": ")[1] for line in text.splitlines() if "flow.yaml:" in line and " at " not in line]
    assert shown.count("warning not_converted") == shown.count("error unknown_node") == 1, text


def test_deleted_items_that_are_still_used_are_warnings(cli: Cli) -> None:
    """In a dry run, and before a push is applied, which they do not prevent."""
    call = "value: {modules: [{id: a, value: {type: script, path: f/pruned_use/base, input_transforms: {}}}]}\n"
    base = cli.write("repo/f/pruned_use/base.sh", "echo 1\n")
    cli.write("repo/f/pruned_use/user.flow/flow.yaml", call)
    cli("push", "repo")
    base.unlink()
    user = "the workflow f/pruned_use/user (node a)"
    warning = f"f/pruned_use/base: warning still_used: it is deleted, and still used by {user}"
    assert "warning still_used" not in cli("push", "repo").err
    for more in (("--dry-run",), ()):
        done = cli("push", "repo", "--prune", *more)
        assert [line for line in done.err.splitlines() if "warning" in line] == [warning]
        assert done.out == f"script f/pruned_use/base: {'would be ' if more else ''}deleted\n"
