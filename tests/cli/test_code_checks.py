"""Checks of code and its metadata by `orvanta lint`, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.test_commands import run
from tests.cli.test_lint_items import lines, write

CONFLICT = "<<<<<<< HEAD\necho 1\n=======\necho 2\n>>>>>>> other\n"
FLOW = """\
value:
  modules:
    - id: a
      value:
        type: rawscript
        language: %s
        content: '!inline %s'
        lock: '!inline a.lock'
        input_transforms: {}
"""


def found(root: Path, *options: str) -> list[str]:
    """Return the problems with names of files relative to the folder."""
    return [line.removeprefix(f"{root}/") for line in lines(run("lint", str(root), *options))]


def test_lock_without_a_package_of_the_code_is_outdated(tmp_path: Path) -> None:
    """Of scripts and nodes. Locks that cannot be used are not: their packages are locked again."""
    code = "import httpx\nimport requests\n\ndef main():\n    return 1\n"
    write(tmp_path, "f/stale/sum.py", code)
    write(tmp_path, "f/stale/sum.script.lock", "requests==2.32.0\n")
    write(tmp_path, "f/stale/good.py", code)
    write(tmp_path, "f/stale/good.script.lock", "requests==2.32.0\nhttpx==0.28.0\n")
    write(tmp_path, "f/stale/empty.py", code)
    write(tmp_path, "f/stale/empty.script.lock", "# py: 3.11\n")
    write(tmp_path, "f/stale/node.flow/flow.yaml", FLOW % ("python3", "a.py"))
    write(tmp_path, "f/stale/node.flow/a.py", code)
    write(tmp_path, "f/stale/node.flow/a.lock", "httpx==0.28.0\n")
    way_out = f"update it with `orvanta generate-metadata {tmp_path}/f/stale"
    assert found(tmp_path) == [
        f"f/stale/node.flow/a.py: warning lock_outdated: node a: its lock lacks requests; {way_out}/node.flow`",
        f"f/stale/sum.py: warning lock_outdated: its lock lacks httpx; {way_out}/sum.py`",
    ]


@pytest.mark.parametrize(
    ("code", "schema", "differences"),
    [
        (
            "def main(y: int): ...",
            "properties: {x: {type: string}}",
            "the code has no input x, the schema lacks the input y",
        ),
        ("def main(x: int): ...", "properties: {x: {type: string}}", "the input x is of the type integer in the code"),
        ("def main(x: int): ...", "properties: {x: {type: number, minimum: 1}}", None),
        ("def main(x): ...", "properties: {x: {type: string}}", None),
        ("def main(**inputs): ...", "properties: {x: {type: string}}", None),
        ("def main(", "properties: {x: {type: string}}", None),
        ("def main(x): ...", "{}", None),
    ],
)
def test_schema_with_other_inputs_than_the_code_is_outdated(
    tmp_path: Path, code: str, schema: str, differences: str | None
) -> None:
    file = write(tmp_path, "f/stale/show.py", f"{code}\n")
    write(tmp_path, "f/stale/show.script.yaml", f"summary: ''\nschema:\n  {schema}\n")
    text = f"its schema is not that of the code: {differences}; update it with `orvanta generate-metadata {file}`"
    expected = [] if differences is None else [f"f/stale/show.script.yaml:2:1: warning schema_outdated: {text}"]
    assert [line for line in found(tmp_path) if "syntax_error" not in line] == expected


@pytest.mark.parametrize("name", ["x.sh", "x.py", "x.ts", "x.go"])
def test_conflict_markers_in_code_are_an_error(tmp_path: Path, name: str) -> None:
    """In any language, and instead of the error of a parser."""
    write(tmp_path, f"f/stale/{name}", f"# first\n{CONFLICT}")
    language = {"sh": "bash", "py": "python3", "ts": "bun", "go": "go"}[name.partition(".")[2]]
    write(
        tmp_path, "f/stale/node.flow/flow.yaml", FLOW.replace("        lock: '!inline a.lock'\n", "") % (language, name)
    )
    write(tmp_path, f"f/stale/node.flow/{name}", CONFLICT)
    text = "it contains the markers of a merge conflict, which is not resolved"
    assert found(tmp_path) == [
        f"f/stale/node.flow/{name}:1:1: error conflict_markers: node a: {text}",
        f"f/stale/{name}:2:1: error conflict_markers: {text}",
    ]


def test_other_lines_of_such_signs_are_no_conflict(tmp_path: Path) -> None:
    write(tmp_path, "f/stale/x.sh", "cat <<END\nTitle\n=======\n<<<<<<< a\n>>>>>>> b\nEND\n")
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("x.py", "def mian(x):\n    return x\n", "it has no function `main`; did you mean that by `mian`?"),
        ("x.ts", "function main() {}\n", "its function `main` is not exported"),
        ("x.ts", "export async function mains() {}\n", "it has no function `main`; did you mean that by `mains`?"),
        ("x.ts", "export const helper = 1\n", None),
        ("x.ts", "export { main } from './other'\n", None),
        ("x.py", "RATE = 1\ndef rate():\n    return RATE\n", None),
        ("x.py", "from f.stale.other import main\n", None),
        ("x.py", "def preprocessor(event):\n    return {}\ndef mian(x): ...\n", None),
    ],
)
def test_script_that_is_meant_to_run_and_has_no_main(tmp_path: Path, name: str, code: str, reason: str | None) -> None:
    """Scripts without `main` that others import are none."""
    write(tmp_path, f"f/stale/{name}", code)
    assert found(tmp_path) == (
        [] if reason is None else [f"f/stale/{name}: warning main_missing: {reason}: its runs fail"]
    )
    if name == "x.py" and reason is None and "rate" in code:
        write(tmp_path, "f/stale/x.script.yaml", "schema: {properties: {x: {type: string}}}\n")
        assert "although its settings have inputs" in found(tmp_path)[0]


CALLER = """\
value:
  modules:
    - id: a
      value:
        type: script
        path: f/stale/label
        input_transforms:
          regoin: {type: javascript, expr: flow_input.regionn}
          n: {type: static, value: 1}
    - id: b
      value:
        type: flow
        path: f/stale/inner
        input_transforms:
          item: {type: javascript, expr: flow_input.region}
          itme: {type: javascript, expr: flow_input.iter.value}
    - id: c
      value: {type: script, path: f/stale/elsewhere, input_transforms: {x: {type: javascript, expr: flow_input}}}
    - id: d
      value: {type: script, path: f/stale/open, input_transforms: {x: {type: static, value: 1}}}
schema: {properties: {region: {type: string}}}
"""


def test_inputs_that_an_item_of_the_tree_does_not_have(tmp_path: Path) -> None:
    """Nothing is known of items of the workspace, and scripts may accept any input."""
    write(tmp_path, "f/stale/label.py", "def main(region: str, n: int = 1): ...\n")
    write(tmp_path, "f/stale/open.py", "def main(**inputs): ...\n")
    write(tmp_path, "f/stale/inner.flow/flow.yaml", "value: {modules: []}\nschema: {properties: {item: {}}}\n")
    write(tmp_path, "f/stale/outer.flow/flow.yaml", CALLER)
    at, code = "f/stale/outer.flow/flow.yaml", "warning unknown_input: node"
    assert [line for line in found(tmp_path) if "unknown_input" in line] == [
        f"{at}:8:11: {code} a: the script f/stale/label has no input `regoin`. Did you mean `region`?",
        f"{at}:8:11: {code} a: the schema of the workflow has no input `regionn`. Did you mean `region`?",
        f"{at}:16:11: {code} b: the workflow f/stale/inner has no input `itme`. Did you mean `item`?",
    ]


def test_times_of_schedules_are_checked_as_a_push_does(tmp_path: Path) -> None:
    write(
        tmp_path,
        "f/stale/x.schedule.yaml",
        "schedule: 61 * * * * *\ntimezone: Europe/Berln\nargs: []\nscript_path: f/a/b\n",
    )
    start = "f/stale/x.schedule.yaml"
    assert [line.split(" ")[:3] for line in found(tmp_path)] == [
        [f"{start}:2:1:", "error", "invalid_value:"],
        [f"{start}:1:1:", "error", "invalid_value:"],
        [f"{start}:3:1:", "error", "wrong_type:"],
    ]
