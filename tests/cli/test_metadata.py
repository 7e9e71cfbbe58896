"""`orvanta generate-metadata`: settings and locks of scripts in files, with a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.client import Cli
from tests.cli.test_push_tree import tree
from tests.packages.indexes import serving, wheel

TOTAL = "def main(region: str, n: int = 2, *, limit: float = 1.5):\n    return region\n"
FLOW = """\
# kept
value:
  modules:
    - id: a
      value:
        type: rawscript
        content: '!inline code.py' # the code
        language: python3
        input_transforms: {}
"""


def states(done: Any) -> dict[str, str]:
    return {each["path"]: each["state"] for each in done.json["generated"]}


@pytest.fixture
def package() -> Iterator[str]:
    """Serve a wheel; return the lines of a script that require it."""
    with serving() as index:
        index.publish("tiny", *wheel("tiny", "1.0", {"tiny.py": ""}))
        yield f"# requirements:\n# tiny @ {index.url}/files/tiny-1.0-py3-none-any.whl\nimport tiny\n"


def test_metadata_of_a_tree_are_generated_once(cli: Cli, package: str) -> None:
    """New files are those that a pull writes after a push; outdated ones keep what was written by hand."""
    cli.write("repo/f/meta/total.py", package + TOTAL)
    cli.write("repo/f/meta/echo.sh", 'name="$1"\necho "$name"\n')
    cli.write("repo/f/meta/job.flow/flow.yaml", FLOW)
    cli.write("repo/f/meta/job.flow/code.py", f"{package}def main():\n    return 1\n")
    before = tree(cli.folder / "repo")
    expected = {"f/meta/total": "created", "f/meta/echo": "created", "f/meta/job": "updated"}
    assert states(cli("generate-metadata", "repo", "--dry-run", "--json")) == expected
    assert tree(cli.folder / "repo") == before
    assert states(cli("generate-metadata", "repo", "--json")) == expected
    files = tree(cli.folder / "repo")
    assert b"\ntiny @ http://" in files["f/meta/total.script.lock"]
    assert "f/meta/echo.script.lock" not in files
    assert files["f/meta/job.flow/code.lock"] == files["f/meta/total.script.lock"]
    inlined = FLOW.replace("# the code\n", "# the code\n        lock: '!inline code.lock'\n")
    assert files["f/meta/job.flow/flow.yaml"].decode() == inlined
    assert cli("generate-metadata", "repo").out == "Nothing to do.\n"
    assert tree(cli.folder / "repo") == files
    cli("push", "repo")
    cli("pull", "copy")
    copy = tree(cli.folder / "copy")
    assert {name: copy.get(name) for name in files if ".script." in name} == {
        name: body for name, body in files.items() if ".script." in name
    }
    assert states(cli("generate-metadata", "copy/f/meta", "--json")) == dict.fromkeys(expected, "unchanged")


WRITTEN = """\
# settings of the script
summary: 'Total' # shown in lists
tag: heavy
schema:
  type: object
  properties:
    n: # number
      type: integer
      default: 1
      minimum: 0
    gone: {type: string}
    region:
      type: integer
      description: The region
      minimum: 3
  required: [gone]
  order: [n, gone, region]
  x-mine: 1
"""


def test_outdated_schema_keeps_what_is_written_by_hand(cli: Cli) -> None:
    cli.write("f/meta/old.py", TOTAL)
    settings = cli.write("f/meta/old.script.yaml", WRITTEN)
    done = cli("generate-metadata", "f/meta/old.py")
    assert done.out == "f/meta/old.script.yaml: written\n"
    text = settings.read_text()
    for part in ("# settings of the script\nsummary: 'Total' # shown in lists\ntag: heavy\n", "    n: # number\n"):
        assert part in text
    for part in ("      default: 2\n      minimum: 0\n", "      description: The region\n", "  x-mine: 1\n"):
        assert part in text
    assert "gone" not in text and "minimum: 3" not in text
    assert "limit:\n      type: number\n      default: 1.5\n" in text
    assert cli("generate-metadata", "f/meta/old.py").out == "Nothing to do.\n"
    cli.write("f/meta/old.py", "def main(**inputs):\n    return inputs\n")
    assert cli("generate-metadata", "f/meta/old.py").code == 0
    assert "description: The region" in settings.read_text()


def test_errors_of_metadata_name_file_and_line(cli: Cli) -> None:
    """The metadata of the other items is still generated. A lock written by hand remains."""
    cli.write("f/meta/broken.py", "def main():\n    return (\n")
    cli.write("f/meta/settings.py", "def main():\n    return 1\n")
    cli.write("f/meta/settings.script.yaml", "summary: a\nsummary: b: c\n")
    cli.write("f/meta/fine.py", "import six\ndef main():\n    return 1\n")
    lock = cli.write("f/meta/fine.script.lock", "six==1.15.0 # mine\n")
    done = cli("generate-metadata", "f/meta", "--json", code=1)
    assert states(done) == {"f/meta/fine": "created"} and lock.read_text() == "six==1.15.0 # mine\n"
    assert {each["location"] for each in done.json["failed"]} == {
        "f/meta/broken.py:2:12",
        "f/meta/settings.script.yaml:2:11",
    }
    assert "f/meta/broken.py:2:12: error invalid_script: It cannot be parsed: '(' was never closed." in done.err


def test_locks_are_written_in_their_folder_only(cli: Cli, package: str) -> None:
    """Otherwise, a repository of somebody else could replace any file of the machine."""
    for name in ("../../../outside", str(cli.folder / "outside")):
        outside = cli.write("outside", "mine")
        cli.write("repo/f/meta/job.flow/flow.yaml", FLOW.replace("# the code", f"\n        lock: '!inline {name}'"))
        cli.write("repo/f/meta/job.flow/code.py", f"{package}def main():\n    return 1\n")
        done = cli("generate-metadata", "repo", code=1)
        assert "leads out of the folder" in done.err and outside.read_text() == "mine"


def test_files_that_the_tree_leaves_out_have_no_metadata(cli: Cli) -> None:
    """A file that is named has, as the settings of the tree are for folders."""
    cli.write("repo/wmill.yaml", "includes: ['f/**']\nexcludes: ['**/*_test.py', 'f/meta/old.flow/**']\n")
    for name in ("f/meta/total.py", "f/meta/total_test.py", "u/ada/mine.py"):
        cli.write(f"repo/{name}", TOTAL)
    for name in ("old", "new"):
        cli.write(f"repo/f/meta/{name}.flow/flow.yaml", "value: {modules: []}\n")
    expected = {"f/meta/total": "created", "f/meta/new": "unchanged"}
    assert states(cli("generate-metadata", "repo", "--dry-run", "--json")) == expected
    assert states(cli("generate-metadata", "repo/f/meta", "--dry-run", "--json")) == expected
    named = cli("generate-metadata", "repo/f/meta/total_test.py", "--dry-run", "--json")
    assert states(named) == {"f/meta/total_test": "created"}


def test_param_block_of_powershell_is_the_schema(cli: Cli) -> None:
    cli.write(
        "repo/f/meta/task.ps1", "param([Parameter(Mandatory)] [string]$Name, [switch]$Loud)\nWrite-Output $Name\n"
    )
    assert states(cli("generate-metadata", "repo", "--json")) == {"f/meta/task": "created"}
    for command in (["push", "repo"], ["script", "push", "repo/f/meta/task.ps1"]):
        done = cli(*command, "--dry-run")
        assert "f/meta/task: warning no_runtime: workers without the program pwsh have no runtime" in done.err
    cli("push", "repo")
    schema = cli.installation.client.get("/api/w/main/scripts/get/p/f/meta/task").json()["schema"]
    assert (schema["required"], schema["properties"]["Loud"]) == (["Name"], {"type": "boolean", "default": False})
    if shutil.which("pwsh") is None:
        done = cli("script", "run", "f/meta/task", "-i", "Name=Ada", code=1)
        assert "pwsh is not installed on this worker" in done.out + done.err
