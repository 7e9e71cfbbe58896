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


def test_conflicts_with_moved_items_name_the_new_path(cli: Cli) -> None:
    """For a push of all files or one, `status` and `pull`; members who may not read the item there see a deletion."""
    client = cli.installation.client
    cli.write("repo/f/moved_away/folder.meta.yaml", "summary: ''\nowners: [g/all]\nextra_perms: {g/all: true}\n")
    file = cli.write("repo/f/moved_away/old.sh", "echo 1\n")
    cli.write("repo/f/moved_away/still.sh", "echo 1\n")
    cli("push", "repo")
    for path, target in (("old", "between"), ("between", "new"), ("still", "there")):
        cli("script", "move", f"f/moved_away/{path}", f"f/moved_away/{target}")
    file.write_text("echo mine\n")
    moved = "It was moved to f/moved_away/new in the workspace in the meantime."
    for push in (("push", "repo"), ("script", "push", str(file))):
        refused = cli(*push, code=1).err
        assert moved in refused and "`orvanta pull` writes its files at f/moved_away/new" in refused, push
    shown = cli("status", "repo").out
    assert "!! script f/moved_away/old (moved to f/moved_away/new in the workspace)\n" in shown
    assert " D script f/moved_away/still (moved to f/moved_away/there in the workspace)\n" in shown
    (conflict,) = cli("pull", "repo", "--dry-run", "--json", code=1).json["conflicts"]
    assert conflict["moved_to"] == "f/moved_away/new"
    done = cli("pull", "repo", code=1)
    assert "script f/moved_away/still: deleted (moved to f/moved_away/there in the workspace)\n" in done.out
    told = "script f/moved_away/old: conflict, changed in the folder and moved to f/moved_away/new in the workspace\n"
    assert told in done.out and "Repeat your changes" in done.err
    # As the hint says: the change is repeated at the new path, and the old file is deleted.
    (cli.folder / "repo/f/moved_away/new.sh").write_text("echo mine\n")
    file.unlink()
    assert cli("push", "repo").out == "script f/moved_away/new: updated\n"
    (settings := cli.folder / "repo/f/moved_away/old.script.yaml").unlink(missing_ok=True)
    assert not settings.exists() and cli("status", "repo", "--json").json["in_sync"]
    # An item that was deleted after its move is a deleted one.
    cli.write("repo/f/moved_away/there.sh", "echo mine\n")
    client.post("/api/w/main/scripts/delete/p/f/moved_away/there").raise_for_status()
    assert "It was deleted in the workspace" in cli("push", "repo", code=1).err


def warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if "warning" in line]


def test_renamed_secrets_are_warnings(cli: Cli) -> None:
    """Files contain no secrets: a new item has none, and those of the deleted one are lost."""
    cli("variable", "set", "f/renamed_secret/tok", "--secret", text="topsecret")
    cli("variable", "set", "f/renamed_secret/plain", "north")
    value = '{"host": "db", "dbname": "d", "user": "u", "password": "geheim1"}'
    cli("resource", "set", "f/renamed_secret/db", "--type", "postgresql", "--value", value)
    cli("pull", "repo")
    folder = cli.folder / "repo/f/renamed_secret"
    for name in ("tok.variable", "plain.variable", "db.resource"):
        (folder / f"{name}.yaml").rename(folder / f"new_{name}.yaml")
    new, set_ = "f/renamed_secret/new_", "secret_without_value: it"
    for more in (("--dry-run",), ()):
        variable, resource = warnings(cli("push", "repo", "--prune", *more).err)
        assert variable == (
            f"{new}tok: warning {set_} is created with an empty value, because files contain no secrets; "
            "f/renamed_secret/tok, which has the same content, is deleted, and its secret is lost; set it with "
            f"`orvanta variable set {new}tok --secret`"
        )
        assert resource.startswith(f"{new}db: warning {set_} is created with empty secret fields")
        assert f"`orvanta resource set {new}db`" in resource and "; f/renamed_secret/db, which" in resource
    assert warnings(cli("push", "repo", "--prune").err) == []


def test_secrets_in_clear_that_are_ignored_are_warnings(cli: Cli) -> None:
    """The files change nothing, and so are in no change set."""
    variable, resource = "f/ignored_secret/pw", "f/ignored_secret/db"
    secret = "value: %s\nis_secret: true\n"
    fields = "resource_type: postgresql\nvalue: {host: db, dbname: d, user: u, password: %s}\n"
    cli.write(f"repo/{variable}.variable.yaml", secret % "hunter2")
    cli.write(f"repo/{resource}.resource.yaml", fields % "geheim1")
    stored = warnings(cli("push", "repo").err)
    assert [line.partition(";")[0] for line in stored] == [
        f"{path}: warning secret_from_file: its file contains a secret in clear ({at}), which is stored as it is, "
        "without being decrypted"
        for path, at in ((variable, "/value"), (resource, "/value/password"))
    ]
    cli.write(f"repo/{variable}.variable.yaml", secret % "hunter3")
    cli.write(f"repo/{resource}.resource.yaml", fields % "geheim2")
    for more in (("--dry-run",), ()):
        done = cli("push", "repo", *more)
        assert done.out == "Nothing to do.\n"
        ignored = "which is ignored, because the workspace has a value"
        assert sorted(warnings(done.err)) == [
            f"{resource}: warning secret_from_file: its file contains a secret in clear (/value/password), {ignored}; "
            f"write `***` in the file, and set it with `orvanta resource set {resource}`",
            f"{variable}: warning secret_from_file: its file contains a secret in clear (/value), {ignored}; delete "
            f"`value` from the file, and set it with `orvanta variable set {variable} --secret`",
        ]


def test_renamed_secret_is_found_in_a_checkout_without_a_state(cli: Cli) -> None:
    """As in a pipeline, whose checkout does not tell what the workspace had from it."""
    cli("variable", "set", "f/renamed_checkout/tok", "--secret", text="topsecret")
    cli.write("repo/f/renamed_checkout/new.variable.yaml", "is_secret: true\n")
    (warning,) = warnings(cli("push", "repo/f/renamed_checkout", "--prune", "--force", "--dry-run").err)
    assert "secret_without_value" in warning and "; f/renamed_checkout/tok, which" in warning


def test_value_of_a_variable_that_is_secret_in_the_workspace_is_a_warning(cli: Cli) -> None:
    """Its file need not state that it is secret; that of another variable is stored without a warning."""
    path = "f/stated_secret/pw"
    cli("variable", "set", path, "--secret", text="hunter2")
    cli.write(f"repo/{path}.variable.yaml", "value: hunter3\n")
    cli.write("repo/f/stated_secret/open.variable.yaml", "value: north\n")
    (warning,) = warnings(cli("push", "repo/f/stated_secret").err)
    assert warning.startswith(f"{path}: warning secret_from_file: ") and "which is ignored" in warning
