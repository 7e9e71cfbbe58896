"""Trees that other clients wrote: their choice of the language of `.ts`, and names of files made from summaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from orvanta_platform.cli.client import flow_files, script_files
from orvanta_platform.cli.client.tree_folder import open_folder
from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.tree.item import Item, Key

TYPESCRIPT = "export function main() { return 1; }\n"
FLOW = """value:
  modules:
    - id: a
      value:
        type: rawscript
        language: bun
        content: |-
          !inline 
          return_text.inline_script.ts
"""  # noqa: W291


def written(root: Path, **files: str) -> Path:
    """Write files by name, with `__` for `/`, and return the root."""
    for name, text in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(
    ("choice", "language"), [("defaultTs: deno\n", "deno"), ("defaultTs: bun\n", "bun"), ("# no settings\n", "bun")]
)
def test_language_of_ts_is_the_choice_of_the_tree(tmp_path: Path, choice: str, language: str) -> None:
    names = {"a.ts": language, "b.bun.ts": "bun", "c.deno.ts": "deno", "d.fetch.ts": "nativets", "e.py": "python3"}
    tree = written(tmp_path, **{"wmill.yaml": choice}, **{f"f__sales__{name}": TYPESCRIPT for name in names})
    for folder in (tree, tree / "f" / "sales"):
        opened = open_folder(folder)
        found = {path: opened.read((kind, path)).content["language"] for kind, path in opened.located}
        assert found == {f"f/sales/{name[0]}": each for name, each in names.items()}
    for name, each in names.items():
        assert script_files.read(tree / "f" / "sales" / name).language == each


def test_settings_of_the_tree_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    tree = written(tmp_path, **{"wmill.yaml": "defaultTs: deno\nexcludes: [\n", "f__sales__a.ts": TYPESCRIPT})
    for read in (lambda: open_folder(tree / "f"), lambda: script_files.read(tree / "f" / "sales" / "a.ts")):
        with pytest.raises(BadRequest, match=r"/wmill.yaml cannot be read: invalid YAML at line 3, column 1"):
            read()


def test_pull_writes_names_that_the_tree_reads_with_the_same_language(tmp_path: Path) -> None:
    tree = written(tmp_path, **{"wmill.yaml": "defaultTs: deno\n", "f__sales__old.ts": TYPESCRIPT})
    for path, language in (("f/sales/old", "deno"), ("f/sales/bun", "bun"), ("f/sales/deno", "deno")):
        open_folder(tree).write(Item("script", path, {"content": "// new\n", "language": language}))
        read = open_folder(tree).read(("script", path)).content
        assert (read["language"], read["content"]) == (language, "// new\n")
    assert {each.name for each in (tree / "f/sales").iterdir()} == {"old.ts", "bun.bun.ts", "deno.deno.ts"}


def test_white_space_around_names_of_inline_files_is_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "f" / "sales" / "report.flow"
    folder.mkdir(parents=True)
    (folder / "flow.yaml").write_text(FLOW)
    (folder / "\nreturn_text.inline_script.ts").write_text(TYPESCRIPT)
    assert flow_files.read(folder).tree["value"]["modules"][0]["value"]["content"] == TYPESCRIPT
    opened = open_folder(tmp_path)
    assert TYPESCRIPT.strip() in opened.read(("flow", "f/sales/report")).content["text"]


BRANCHES = """gitBranches:
  main: {specificItems: {resources: [f/**]}}
  feature/new: {}
"""


@pytest.mark.parametrize(
    ("head", "settings", "expected"),
    [
        ("ref: refs/heads/main\n", BRANCHES, {"f/sales/db": "main", "f/sales/own": "common"}),
        ("ref: refs/heads/feature/new\n", BRANCHES, {"f/sales/db": "feature_new", "f/sales/own": "common"}),
        ("ref: refs/heads/other\n", BRANCHES, {"f/sales/db": "common", "f/sales/own": "common"}),
        ("0123abcd\n", BRANCHES, {"f/sales/own": "common"}),
        (
            "ref: refs/heads/trunk\n",
            "workspaces: {main: {gitBranch: trunk}, feature_new: {}}\n",
            {"f/sales/db": "main", "f/sales/own": "common"},
        ),
        (
            "ref: refs/heads/main\n",
            "defaultTs: bun\n",
            {
                "f/sales/db": "common",
                "f/sales/db.main": "main",
                "f/sales/db.feature_new": "feature_new",
                "f/sales/own": "common",
            },
        ),
    ],
)
def test_items_of_the_branch_that_is_checked_out_are_read(
    tmp_path: Path, head: str, settings: str, expected: dict[str, str]
) -> None:
    files = {"db": "common", "db.main": "main", "db.feature_new": "feature_new", "own": "common"}
    texts = {f"f__sales__{name}.resource.yaml": f"resource_type: any\nvalue: {text}\n" for name, text in files.items()}
    tree = written(tmp_path, **texts, **{"wmill.yaml": settings, ".git__HEAD": head})
    opened = open_folder(tree)
    assert {path: opened.read((kind, path)).content["value"] for kind, path in opened.located} == expected
    if expected.get("f/sales/db") == "main" and len(expected) == 2:
        opened.write(Item("resource", "f/sales/db", {"resource_type": "any", "value": "changed"}))
        assert "changed" in (tree / "f/sales/db.main.resource.yaml").read_text()
        assert "common" in (tree / "f/sales/db.resource.yaml").read_text()


@pytest.mark.parametrize(
    ("head", "left_alone"),
    [
        ("ref: refs/heads/main\n", set()),
        ("ref: refs/heads/feature/new\n", set()),
        ("ref: refs/heads/other\n", {"f/sales/own"}),
        ("0123abcd\n", {"f/sales/own", "f/sales/both"}),
        (None, {"f/sales/own", "f/sales/both"}),
    ],
)
def test_items_of_an_unknown_branch_are_left_alone(tmp_path: Path, head: str | None, left_alone: set[str]) -> None:
    """Their files are neither read nor missing, so that no push deletes the items."""
    names = ("own.main", "own.feature_new", "both", "both.main", "plain", "plain.txt")
    texts = {f"f__sales__{name}.resource.yaml": "resource_type: any\nvalue: {}\n" for name in names}
    tree = written(tmp_path, **texts, **{"wmill.yaml": BRANCHES}, **({".git__HEAD": head} if head else {}))
    for folder in (tree, tree / "f" / "sales"):
        opened = open_folder(folder)
        assert {path for _, path in opened.ambiguous} == left_alone
        for path in ("f/sales/own", "f/sales/both", "f/sales/plain", "f/sales/gone"):
            assert opened.covers(("resource", path)) is (path not in left_alone)
        assert not {path for _, path in opened.located} & left_alone


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*_test.py", {"f/sales/total", "f/sales/tests/case", "f/sales/a+b"}),
        ("f/sales/*_test.py", {"f/sales/total", "f/sales/tests/case", "f/sales/tests/case_test", "f/sales/a+b"}),
        ("**/tests/**", {"f/sales/total", "f/sales/total_test", "f/sales/a+b"}),
        ("f/sales/{total,tests/cas?}.py", {"f/sales/total_test", "f/sales/tests/case_test", "f/sales/a+b"}),
        ("f/sales/a+b.py", {"f/sales/total", "f/sales/total_test", "f/sales/tests/case", "f/sales/tests/case_test"}),
        (
            "**/**/{a,b}+b.p{y,hp}",
            {"f/sales/total", "f/sales/total_test", "f/sales/tests/case", "f/sales/tests/case_test"},
        ),
        ("f/**", set()),
        ("**", set()),
    ],
)
def test_files_that_the_tree_excludes_are_left_out(tmp_path: Path, pattern: str, expected: set[str]) -> None:
    names = ("total", "total_test", "a+b", "tests__case", "tests__case_test")
    texts = {f"f__sales__{name}.py": "def main():\n    pass\n" for name in names}
    tree = written(tmp_path, **texts, **{"wmill.yaml": f"excludes: ['{pattern}', 7]\n"})
    assert {path for _, path in open_folder(tree).located} == expected
    below = {path for path in expected if path.startswith("f/sales/tests/")}
    assert {path for _, path in open_folder(tree / "f/sales/tests").located} == below


@pytest.mark.parametrize("choice", ["excludes: 7\n", "excludes: ['{', '[a', '}']\n", "excludes: []\n", "excludes:\n"])
def test_other_patterns_exclude_nothing(tmp_path: Path, choice: str) -> None:
    tree = written(tmp_path, **{"wmill.yaml": choice, "f__sales__total.py": "def main():\n    pass\n"})
    assert [path for _, path in open_folder(tree).located] == ["f/sales/total"]


EVERY = {
    "f__sales__folder.meta.yaml": "summary: Sales\n",
    "f__sales__total.py": "def main():\n    pass\n",
    "f__sales__total.script.yaml": "summary: The total\n",
    "f__sales__report.flow__flow.yaml": "value: {modules: []}\n",
    "f__sales__report.flow__tests__happy.yaml": "expect: {}\n",
    "f__sales__region.variable.yaml": "value: north\nis_secret: false\n",
    "f__sales__key.variable.yaml": "value: ''\nis_secret: true\n",
    "f__sales__db.resource.yaml": "resource_type: shop\nvalue: {}\n",
    "f__sales__daily.schedule.yaml": "schedule: 0 0 6 * * *\nscript_path: f/sales/total\nis_flow: false\n",
    "f__sales__hook.http_trigger.yaml": "script_path: f/sales/total\nis_flow: false\n",
    "u__ada__mine.sh": "echo 1\n",
    "shop.resource-type.yaml": "schema: {}\n",
    "groups__crew.group.yaml": "summary: Crew\n",
}
KEYS: set[Key] = {
    ("folder", "sales"),
    ("script", "f/sales/total"),
    ("script", "u/ada/mine"),
    ("flow", "f/sales/report"),
    ("workflow_test", "f/sales/report/tests/happy"),
    ("variable", "f/sales/region"),
    ("variable", "f/sales/key"),
    ("resource", "f/sales/db"),
    ("schedule", "f/sales/daily"),
    ("http_trigger", "f/sales/hook"),
    ("resource_type", "shop"),
    ("group", "crew"),
}


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        ("includes: []\nskipVariables: false\nincludeSchedules: true\nskipScripts: 'true'\n", set()),
        ("skipVariables: true\n", {("variable", "f/sales/region"), ("variable", "f/sales/key")}),
        ("skipSecrets: true\n", {("variable", "f/sales/key")}),
        ("skipResources: true\nskipResourceTypes: true\n", {("resource", "f/sales/db"), ("resource_type", "shop")}),
        ("skipScripts: true\n", {("script", "f/sales/total"), ("script", "u/ada/mine")}),
        ("skipFlows: true\n", {("flow", "f/sales/report"), ("workflow_test", "f/sales/report/tests/happy")}),
        ("skipFolders: true\nincludeGroups: false\n", {("folder", "sales"), ("group", "crew")}),
        (
            "includeSchedules: false\nincludeTriggers: false\n",
            {("schedule", "f/sales/daily"), ("http_trigger", "f/sales/hook")},
        ),
        ("includes: ['f/**', 7]\n", {("script", "u/ada/mine")}),
        ("includes: ['u/**']\n", KEYS - {("script", "u/ada/mine"), ("resource_type", "shop"), ("group", "crew")}),
        (
            "includes: ['**']\nextraIncludes: ['f/**/*.{py,sh}']\n",
            KEYS - {("script", "f/sales/total"), ("resource_type", "shop"), ("group", "crew")},
        ),
    ],
)
def test_items_that_the_tree_leaves_out(tmp_path: Path, settings: str, left_out: set[Key]) -> None:
    """The folder covers neither their files nor the items of the workspace."""
    tree = written(tmp_path, **EVERY, **{"wmill.yaml": settings})
    opened = open_folder(tree)
    assert set(opened.located) == KEYS - left_out
    assert {key for key in KEYS if not opened.covers(key)} == left_out
    if ("script", "f/sales/total") in opened.located:
        assert opened.read(("script", "f/sales/total")).content["settings"] == {"summary": "The total"}


def test_scripts_of_the_workspace_are_left_out_by_their_language(tmp_path: Path) -> None:
    tree = written(tmp_path, **{"wmill.yaml": "excludes: ['**/*_test.py']\nskipSecrets: true\n"})
    opened = open_folder(tree)
    keys: list[Key] = [("script", "f/a/x_test"), ("script", "f/a/x"), ("variable", "f/a/x"), ("flow", "f/a/x_test")]
    assert [opened.covers(key) for key in keys] == [True] * 4
    assert [opened.may_leave_out(key) for key in keys] == [True, False, True, False]
    for language, expected in (("python3", True), ("bash", False), ("cobol", False)):
        assert opened.leaves_out(Item("script", "f/a/x_test", {"content": "", "language": language})) is expected
    for secret in (True, False):
        assert opened.leaves_out(Item("variable", "f/a/x", {"value": "", "is_secret": secret})) is secret
