"""`orvanta push` of code that cannot be parsed, unknown keys, and settings of a wrong type."""

from __future__ import annotations

from tests.cli.client import Cli

BROKEN = "import re\ndef main(x:\n    return x\n"
DAILY = "schedule: 0 0 6 * * *\ntimezone: UTC\nenabeld: true\nscript_path: f/warned/bad\nis_flow: false\nargs: {}\n"
FLOW = """summary: x
value:
  modules:
    - id: a
      sumary: x
      value: {type: rawscript, language: python3, content: '!inline a.py', input_transforms: {}}
"""
TREE = {
    "bad.py": BROKEN,
    "bad.script.yaml": "summary: x\nsumary: y\n",
    "half.ts": "export async function main() {\n  return (1\n}\n",
    "daily.schedule.yaml": DAILY,
    "odd.flow/flow.yaml": FLOW,
    "odd.flow/a.py": BROKEN,
}


def test_push_warns_of_broken_code_and_unknown_keys_with_lines(cli: Cli) -> None:
    """A dry run prints the same warnings, and the code is deployed as it is."""
    for name, text in TREE.items():
        cli.write(f"repo/f/warned/{name}", text)
    at, key = "repo/f/warned", "warning unknown_key:"
    python = "the code cannot be parsed: '(' was never closed"
    for option in (["--dry-run"], ["--no-wait"]):
        done = cli("push", "repo", *option)
        assert [line for line in done.err.splitlines() if "unknown_key" in line or "syntax_error" in line] == [
            f"{at}/bad.py:2:9: warning syntax_error: {python}",
            f"{at}/bad.script.yaml:2:1: {key} `sumary` is not a known key. Did you mean `summary`?",
            f"{at}/half.ts:2:3: warning syntax_error: the code cannot be parsed: unexpected 'return (1'",
            f"{at}/odd.flow/flow.yaml:5:7: {key} node a: `sumary` is not a known key. Did you mean `summary`?",
            f"{at}/odd.flow/a.py:2:9: warning syntax_error: node a: {python}",
            f"{at}/daily.schedule.yaml:3:1: {key} `enabeld` is not a known key. Did you mean `enabled`?",
        ]
    assert cli.installation.client.get("/api/w/main/scripts/get/p/f/warned/bad").json()["content"] == BROKEN
    for command, source in (("script", "bad.py"), ("flow", "odd.flow")):
        err = cli(command, "push", f"{at}/{source}", "--no-wait").err
        assert "warning unknown_key: " in err and "warning syntax_error: " in err


def test_push_refuses_wrong_settings_of_a_script_with_file_and_line(cli: Cli) -> None:
    cli.write("repo/f/wrong/typed.py", "def main(): pass\n")
    settings = cli.write("repo/f/wrong/typed.script.yaml", 'summary: x\n\ntimeout: "30"\ntag: [a]\n')
    for option in ([], ["--dry-run"]):
        done = cli("push", "repo", *option, code=1)
        assert (
            "repo/f/wrong/typed.script.yaml:3:1: The script cannot be deployed: the setting timeout must be" in done.err
        )
        (failed,) = cli("push", "repo", "--json", *option, code=1).json["failed"]
        assert (failed["line"], failed["error"]["code"]) == (3, "invalid_item_settings")
        assert [each["path"] for each in failed["error"]["details"]] == ["/timeout", "/tag"]
        done = cli("script", "push", "repo/f/wrong/typed.py", *option, code=1)
        assert "repo/f/wrong/typed.script.yaml:4:1: error wrong_type: the setting tag must be a text" in done.err
    assert cli.installation.client.get("/api/w/main/scripts/exists/p/f/wrong/typed").json() is False
    settings.write_text("summary: x\ntimeout: 30\ntag: null\n")
    assert "script f/wrong/typed: created" in cli("push", "repo", "--no-wait").out


def test_push_warns_of_outdated_metadata_and_conflict_markers(cli: Cli) -> None:
    """The way out of the first two is a command, after which there is no warning."""
    at = "repo/f/outdated"
    cli.write(f"{at}/sum.py", "import httpx\n\ndef main(y: int):\n    return y\n")
    cli.write(f"{at}/sum.script.lock", "six==1.16.0\n")
    settings = cli.write(f"{at}/sum.script.yaml", "summary: ''\nschema: {properties: {x: {type: string}}}\n")
    cli.write(f"{at}/half.sh", "<<<<<<< HEAD\necho 1\n=======\necho 2\n>>>>>>> other\n")
    way_out = f"update it with `orvanta generate-metadata {at}/sum.py`"
    schema = "its schema is not that of the code: the code has no input x, the schema lacks the input y"
    outdated = [
        f"{at}/sum.py: warning lock_outdated: its lock lacks httpx; {way_out}",
        f"{settings.relative_to(cli.folder)}:2:1: warning schema_outdated: {schema}; {way_out}",
    ]
    markers = "warning conflict_markers: it contains the markers of a merge conflict, which is not resolved"
    shown = cli("push", "repo", "--dry-run").err.splitlines()
    assert [line for line in shown if "warning" in line] == [f"{at}/half.sh:1:1: {markers}", *outdated]
    shown = cli("script", "push", f"{at}/sum.py", "--dry-run").err.splitlines()
    assert [line for line in shown if "warning" in line] == outdated


def test_item_above_the_limit_is_named_with_its_file(cli: Cli) -> None:
    cli.write("repo/f/above_limit/small.sh", "echo 1\n")
    cli.write("repo/f/above_limit/large.sh", "#" * (4 << 20) + "\n")
    for command in (("push", "repo"), ("push", "repo", "--dry-run")):
        text = cli(*command, code=1).err
        assert "f/above_limit/large.sh: The script f/above_limit/large is too large: an item has at most 4 MiB" in text
        assert "excludes" in text and "folders one after the other" not in text
    (failed,) = cli("push", "repo", "--json", code=1).json["failed"]
    assert (failed["path"], failed["error"]["code"]) == ("f/above_limit/large", "too_large")
