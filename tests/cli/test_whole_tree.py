"""A tree with items of all kinds has the same bytes after a push and a pull, through an archive, and through Git."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from dulwich.repo import Repo
from tests.cli.client import Cli
from tests.cli.test_push_tree import tree
from tests.git_repositories import GitServer, files_of
from tests.http.test_changes_whole import every_kind, members_and_settings

from orvanta_platform.workflow.document import parse
from orvanta_platform.workflow.tree.item import ORDER, Item
from orvanta_platform.workflow.tree.writing import write

pytestmark = pytest.mark.soak

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}, "required": ["n"], "order": ["n"]}
LOOP = """# Comments remain.
summary: 'Loop: all languages'
value:
  modules:
    - id: each   # of the list
      value:
        type: forloopflow
        iterator: {type: javascript, expr: 'flow_input.list'}
        skip_failures: false
        modules:
          - id: python
            value:
              type: rawscript
              language: python3
              content: |
                def main(n):
                    return n
              input_transforms: {n: {type: javascript, expr: flow_input.iter.value}}
          - id: bun
            value:
              type: rawscript
              language: bun
              content: "export function main() { return 'é'; }"
              input_transforms: {}
schema: {type: object, properties: {list: {type: array}}}
"""
OPTIONS = ("--include-users", "--include-settings")
WHOLE = ("-w", "whole", *OPTIONS)
ARCHIVED = ("-w", "archived", *OPTIONS)
MORE = [
    Item("folder", "more", {"summary": "More", "owners": ["g/crew"], "extra_perms": {"u/admin": True}}),
    Item("flow", "f/more/loop", {"text": LOOP}),
    Item("script", "f/more/rows", {"content": "SELECT 1\n", "language": "postgresql", "settings": {"summary": "Rows"}}),
    Item(
        "script",
        "f/more/total",
        {
            "content": "import six\n\n\ndef main(n: int = 1):\n    return n\n",
            "language": "python3",
            "settings": {"summary": "Total", "description": "Sum", "kind": "script", "schema": SCHEMA, "timeout": 60},
            "lock": "six==1.16.0\n",
        },
    ),
    Item("variable", "f/more/key", {"is_secret": True, "description": "Set it in each workspace."}),
    Item("resource", "f/more/any", {"resource_type": "any", "value": ["$var:f/more/key", 1.5, None, {"b": 1, "a": 2}]}),
]
"""Items with other fields and files than those of `every_kind`."""


def test_tree_of_every_kind_comes_back_byte_for_byte(cli: Cli, git_folder: Path) -> None:
    items = create_tree(cli)
    pushed = {each["path"]: each["state"] for each in cli("push", "first", *WHOLE, "--json").json["pushed"]}
    assert len(pushed) == len(items) > 200
    # A new workspace has a member and settings.
    assert (pushed.pop("admin@localhost"), pushed.pop("settings")) == ("unchanged", "updated")
    assert set(pushed.values()) == {"created"}
    cli("pull", "second", *WHOLE)
    assert tree(cli.folder / "second") == tree(cli.folder / "first")
    for folder in ("first", "second"):
        assert cli("push", folder, *WHOLE).out == "Nothing to do.\n"
        assert cli("pull", folder, *WHOLE).out == "Nothing to do.\n"
        assert cli("status", folder, *WHOLE, "--json", "--exit-code").json["in_sync"]
    comes_back_through_an_archive(cli)
    comes_back_through_git(cli, git_folder)


def create_tree(cli: Cli) -> list[Item]:
    """Write the files of the items into the folder `first`, and create the empty workspaces."""
    items = [*every_kind(), *members_and_settings(), *MORE]
    files, left_out = write(items)
    assert {item.kind for item in items} == set(ORDER) and left_out == []
    for name, body in files.items():
        cli.write(f"first/{name}", body.decode())
    for workspace in ("whole", "archived", "cloned"):
        created = cli.installation.client.post("/api/workspaces/create", json={"id": workspace, "name": workspace})
        assert created.status_code == 201, created.text
    account = {"email": "ann@example.com", "username": "ann"}
    assert cli.installation.client.post("/api/users/create", json=account).status_code == 201
    return items


def comes_back_through_an_archive(cli: Cli) -> None:
    """Archives have the form that the published clients read: workflows are JSON, and defaults of scripts explicit."""
    for ending in ("zip", "tar"):
        cli("workspace", "export", f"whole.{ending}", *WHOLE)
    cli("import", "archive", "whole.zip", *ARCHIVED)
    for ending in ("zip", "tar"):
        assert cli("import", "archive", f"whole.{ending}", *ARCHIVED).out == "Nothing to do.\n"
    cli("pull", "third", *ARCHIVED)
    assert contents(cli, "third") == contents(cli, "first")
    assert cli("push", "third", *ARCHIVED).out == "Nothing to do.\n"
    cli("workspace", "export", "again.zip", *ARCHIVED)
    assert (cli.folder / "again.zip").read_bytes() == (cli.folder / "whole.zip").read_bytes()


def contents(cli: Cli, folder: str) -> dict[str, Any]:
    """Return the files of a folder by name: workflows and settings of scripts as they are parsed, others as bytes."""
    files: dict[str, Any] = dict(tree(cli.folder / folder))
    for name, body in files.items():
        if name.endswith("flow.yaml"):
            files[name] = parse(body, "yaml").tree
        elif name.endswith(".script.yaml"):
            files[name] = {"description": "", "kind": "script", **parse(body, "yaml").tree}
    return files


def comes_back_through_git(cli: Cli, git_folder: Path) -> None:
    """Push from one workspace to a repository, and apply a copy of it to another workspace.

    Repositories have neither members nor settings.
    """
    (git_folder / "whole").mkdir()
    server = GitServer(git_folder / "whole")
    repo = server.create("tree")
    files = tree(cli.folder / "first")
    files = {name: body for name, body in files.items() if not name.startswith(("users/", "settings."))}
    try:
        synchronise(cli, "whole", Path(repo.path))
        assert files_of(repo) == files
        copy = Path(shutil.copytree(repo.path, git_folder / "cloned/tree.git"))
        assert "A flow f/more/loop" in synchronise(cli, "cloned", copy)
        applied = cli("git", "apply", "-w", "cloned", "--json").json["entries"]
        assert {each["action"] for each in applied} == {"add"}
        cli("pull", "fourth", "-w", "cloned")
        assert tree(cli.folder / "fourth") == files
        assert cli("push", "fourth", "-w", "cloned").out == "Nothing to do.\n"
        for workspace in ("whole", "cloned"):
            assert cli("git", "fetch", "-w", workspace, "--json").json["incoming"]["items"] == []
        with Repo(str(copy)) as cloned:
            assert cloned.refs.as_dict() == repo.refs.as_dict(), "a commit was made without a change"
    finally:
        for workspace in ("whole", "cloned"):
            cli("git", "unbind", "-w", workspace, code=None)
        server.close()


def synchronise(cli: Cli, workspace: str, repository: Path) -> str:
    """Bind a workspace to a repository, and return the changes of the repository that are not applied."""
    cli("git", "bind", repository.as_uri(), "-w", workspace)
    return cli("git", "fetch", "-w", workspace).out
