"""`orvanta lint` of scripts and other items, and of code and keys in workflows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_commands import run

GOOD = "def main(x: int = 1):\n    return x\n"


def write(root: Path, name: str, text: str) -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the problems that lint printed, without the places in documents."""
    return [line for line in done.stderr.splitlines() if not line.startswith("    at ")]


def test_file_with_code_is_a_script(tmp_path: Path) -> None:
    """Its settings and its lock stand for it, and it may be outside of f and u."""
    code = write(tmp_path, "x.py", GOOD)
    assert run("lint", str(code)).stdout == "1 script, 0 errors, 0 warnings.\n"
    write(tmp_path, "x.script.yaml", 'summary: x\n\ntimeout: "30"\ntag: [a]\n')
    for name in ("x.py", "x.script.yaml"):
        done = run("lint", str(tmp_path / name))
        assert (done.returncode, done.stdout) == (1, "1 script, 2 errors, 0 warnings.\n")
        assert lines(done) == [
            f"{tmp_path}/x.script.yaml:3:1: error wrong_type: the setting timeout must be a number",
            f"{tmp_path}/x.script.yaml:4:1: error wrong_type: the setting tag must be a text",
        ]
    write(tmp_path, "x.script.yaml", "summary: [\n")
    done = run("lint", str(code))
    assert done.returncode == 1 and lines(done)[0].startswith(f"{tmp_path}/x.script.yaml:2:1: error invalid_yaml")


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.py", "import re\ndef main(x:\n    return x\n", "2:9"),
        ("a.py", "def main():\n  return 1\n return 2\n", "3:10"),
        ("a.ts", "export async function main(a: string) {\n  const x = ;\n  return x\n}\n", "2:11"),
        ("a.deno.ts", "export function main(é: string {\n}\n", "1:31"),
        ("a.fetch.ts", "export function main() {\n  return 1\n", "2:11"),
        ("a.pg.sql", "SELECT 1;\n-- $1 a (nothing\n", None),
    ],
)
def test_code_that_cannot_be_parsed_is_an_error_with_its_line(
    tmp_path: Path, name: str, text: str, place: str | None
) -> None:
    file = write(tmp_path, f"f/sales/{name}", text)
    done = run("lint", str(tmp_path), "--json")
    (script,) = json.loads(done.stdout)["scripts"]
    found = [(each["code"], each["severity"], each["place"]) for each in script["diagnostics"]]
    expected = [] if place is None else [("syntax_error", "error", f"{file}:{place}")]
    assert (script["file"], found, done.returncode) == (str(file), expected, 1 if expected else 0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "import re\ndef main():\n    return re.match('\\d', '1')\n"),
        ("a.ts", "type A<in out T> = T\nexport async function main(a = <const>['x']) { using b = a satisfies B; }\n"),
        ("a.ts", "import defer * as x from 'y'\nexport const main = async <T,>(y: T) => y!\n"),
        ("a.ts", ""),
        ("a.sh", "if then fi ((\n"),
    ],
)
def test_code_of_newer_syntax_and_of_languages_without_parser_is_no_error(tmp_path: Path, name: str, text: str) -> None:
    done = run("lint", str(write(tmp_path, name, text)))
    assert (done.stdout, done.stderr) == ("1 script, 0 errors, 0 warnings.\n", "")


FLOW = """summary: x
concurrent_limit: 3
valeu: 1
value:
  same_workr: true
  timeout: 60
  x-owner: sales
  modules:
    - id: a
      tag: gpu
      sumary: x
      retry: {constant: {atempts: 1}}
      value: {type: rawscript, language: python3, content: "!inline a.py", priority: 1}
    - id: b
      needs: [{node: a, onn: failure}]
      value: {type: script, path: f/sales/x, tag: gpu}
    - id: c
      value:
        type: forloopflow
        iterator: {type: static, value: []}
        modules: [{id: d, skip_iff: 1, value: {type: identity}}]
    - id: e
      value:
        type: rawscript
        language: bun
        content: |
          export async function main() {
            return (1
          }
"""


def test_workflow_is_checked_for_its_code_and_unknown_keys(tmp_path: Path) -> None:
    document = write(tmp_path, "f/sales/odd.flow/flow.yaml", FLOW)
    code = write(tmp_path, "f/sales/odd.flow/a.py", "def main():\n    return (1\n")
    done = run("lint", str(tmp_path / "f" / "sales" / "odd.flow"))
    assert done.returncode == 1 and done.stdout.startswith("1 workflow, 2 errors, ")
    known = [each for each in lines(done) if "unknown_key" in each or "syntax_error" in each]
    key = "warning unknown_key:"
    assert known == [
        f"{document}:2:1: {key} `concurrent_limit` has no effect here: it belongs in `value`",
        f"{document}:3:1: {key} `valeu` is not a known key. Did you mean `value`?",
        f"{document}:5:3: {key} `same_workr` is not a known key. Did you mean `same_worker`?",
        f"{document}:6:3: {key} `timeout` has no effect here: it belongs beside `value`",
        f"{document}:10:7: {key} node a: `tag` has no effect here: it belongs in the `value` of the node",
        f"{document}:11:7: {key} node a: `sumary` is not a known key. Did you mean `summary`?",
        f"{document}:12:26: {key} node a: `atempts` is not a known key. Did you mean `attempts`?",
        f"{document}:13:76: {key} node a: `priority` has no effect here: it belongs in the node, beside `value`",
        f"{document}:15:25: {key} node b: `onn` is not a known key. Did you mean `on`?",
        f"{document}:16:46: {key} node b: `tag` is not a known key. Did you mean `tag_override`?",
        f"{document}:21:27: {key} node d: `skip_iff` is not a known key. Did you mean `skip_if`?",
        f"{code}:2:12: error syntax_error: node a: the code cannot be parsed: '(' was never closed",
        f"{document}:26:9: error syntax_error: node e: line 2: the code cannot be parsed: unexpected 'return (1'",
    ]


ITEMS: list[tuple[str, str, str | None]] = [
    ("f/sales/a.variable.yaml", "valeu: x\nis_secret: false\n", "1:1 valeu value"),
    ("f/sales/a.variable.json", '{"value": "x", "is_secrt": false}', " is_secrt is_secret"),
    ("f/sales/a.resource.yaml", "value: {valeu: 1}\nresource_typ: x\n", "2:1 resource_typ resource_type"),
    ("f/sales/a.schedule.yaml", "schedule: 0 0 6 * * *\nenabeld: true\n", "2:1 enabeld enabled"),
    ("f/sales/a.schedule.yaml", "cron: 0 0 6 * * *\n", "1:1 cron schedule"),
    ("f/sales/a.http_trigger.yaml", "http_methd: get\n", "1:1 http_methd http_method"),
    ("f/sales/folder.meta.yaml", "sumary: x\n", "1:1 sumary summary"),
    ("a.resource-type.yaml", "shcema: {}\n", "1:1 shcema schema"),
    ("a.group.yaml", "membres: []\n", "1:1 membres members"),
    ("f/sales/a.variable.yaml", "value: x\naccount: 1\nis_oauth: false\nx-note: 1\nedited_by: a\n", None),
    ("f/sales/a.resource.yaml", "value: {}\nresource_type: x\nis_oauth: false\nws_specific: true\n", None),
    ("f/sales/a.schedule.yaml", "schedule: 0 0 6 * * *\nemail: a\nis_bpmn: false\nextra_perms: {}\n", None),
    ("f/sales/a.http_trigger.yaml", "enabled: true\nis_async: false\nerror_handler_path: null\n", None),
    ("f/sales/folder.meta.json", '{"display_name": "x", "owners": [], "extra_perms": {}}', None),
    ("a.group.json", '{"name": "a", "summary": "", "members": [], "admins": []}', None),
]


@pytest.mark.parametrize(("name", "text", "warning"), ITEMS)
def test_unknown_key_of_an_item_is_a_warning_with_the_nearest_name(
    tmp_path: Path, name: str, text: str, warning: str | None
) -> None:
    """Keys that clients of the ecosystem write are known."""
    file = write(tmp_path, name, text)
    done = run("lint", str(tmp_path), "--json")
    (item,) = json.loads(done.stdout)["items"]
    found = [(each["code"], each["severity"], each["place"], each["message"]) for each in item["diagnostics"]]
    assert done.returncode == 0
    if warning is None:
        assert found == []
        return
    place, key, known = warning.split(" ")
    message = f"`{key}` is not a known key. Did you mean `{known}`?"
    assert found == [("unknown_key", "warning", f"{file}:{place}".rstrip(":"), message)]
    assert run("lint", str(file), "--strict").returncode == 1


def test_settings_of_scripts_of_the_ecosystem_are_known(tmp_path: Path) -> None:
    """Its client writes these."""
    write(tmp_path, "f/sales/x.py", GOOD)
    flags = ("no_main_func", "has_preprocessor", "restart_unless_cancelled", "is_template", "dedicated_worker")
    texts = ("summary", "description", "lock", "concurrency_key", "codebase", "auto_kind", "debounce_key", "tag")
    numbers = ("concurrent_limit", "concurrency_time_window_s", "cache_ttl", "timeout", "debounce_delay_s", "priority")
    settings: dict[str, Any] = {
        **dict.fromkeys((*flags, "ws_error_handler_muted", "visible_to_runner_only", "delete_after_use"), True),
        **dict.fromkeys((*texts, "on_behalf_of_email"), ""),
        **dict.fromkeys((*numbers, "delete_after_secs"), 0),
        **{name: [] for name in ("envs", "labels", "assets")},
        "kind": "script",
        "schema": {},
        "modules": None,
        "extra_perms": {},
        "ws_specific": False,
    }
    write(tmp_path, "f/sales/x.script.json", json.dumps(settings))
    done = run("lint", str(tmp_path))
    assert (done.stdout, done.stderr) == ("1 script, 0 errors, 0 warnings.\n", "")


def test_retry_of_a_script_has_no_effect(tmp_path: Path) -> None:
    write(tmp_path, "f/sales/x.py", GOOD)
    write(tmp_path, "f/sales/x.script.yaml", "retry: {constant: {attempts: 1, seconds: 1}}\n")
    assert "warning unknown_key: `retry` has no effect on a script" in run("lint", str(tmp_path)).stderr
    write(tmp_path, "f/sales/x.script.yaml", "retry: 3\n")
    assert "error wrong_type: the setting retry must be an object" in run("lint", str(tmp_path)).stderr


def test_folder_is_checked_with_all_its_items(tmp_path: Path) -> None:
    write(tmp_path, "f/sales/good.flow/flow.yaml", "value:\n  modules: []\n")
    write(tmp_path, "f/sales/x.py", GOOD)
    write(tmp_path, "f/sales/region.variable.yaml", "value: north\nis_secret: false\n")
    write(tmp_path, "f/sales/broken.variable.yaml", "value: [\n")
    write(tmp_path, "tools/other.py", "def main(\n")
    done = run("lint", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "1 workflow, 1 script, 2 other items, 1 error, 0 warnings.\n")
    assert f"{tmp_path}/f/sales/broken.variable.yaml:2:1: error " in done.stderr


WRONG_TYPES = [
    (
        "daily.schedule.yaml",
        "schedule: 0 0 6 * * *\ntimezone: UTC\nscript_path: f/sales/x\nargs: {}\nno_flow_overlap: x\n",
        5,
    ),
    ("daily.schedule.yaml", "schedule: 0 0 6 * * *\ntimezone: UTC\nscript_path: f/sales/x\nargs: {}\nlabels: a\n", 5),
    ("daily.schedule.yaml", "schedule: 6\ntimezone: UTC\nscript_path: f/sales/x\nargs: {}\n", 1),
    ("hook.http_trigger.yaml", "script_path: f/sales/x\nroute_path: [a]\nhttp_method: post\n", 2),
    ("hook.http_trigger.yaml", "script_path: f/sales/x\nroute_path: a\nis_flow: x\n", 3),
    ("region.variable.yaml", "value: 3\nis_secret: false\n", 1),
    ("region.variable.yaml", "value: a\nis_secret: x\n", 2),
    ("shop.resource.yaml", "value: {}\nresource_type: [x]\n", 2),
    ("shop.resource.yaml", "value: {}\nresource_type: x\nlabels: [1]\n", 3),
]


@pytest.mark.parametrize(("name", "text", "line"), WRONG_TYPES)
def test_setting_of_a_wrong_type_is_an_error_with_its_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    file = write(tmp_path, f"f/sales/{name}", text)
    done = run("lint", str(tmp_path))
    key = text.splitlines()[line - 1].split(":")[0]
    (found,) = [each for each in lines(done) if "error" in each]
    assert done.returncode == 1 and found.startswith(
        f"{file}:{line}:1: error wrong_type: the setting {key} is not valid"
    )


def test_wrong_types_are_named_in_plain_words(tmp_path: Path) -> None:
    file = write(tmp_path, "f/sales/region.variable.yaml", "is_secret: 'no'\nvalue: 5\nlabels: a\n")
    start = "error wrong_type: the setting"
    assert lines(run("lint", str(file))) == [
        f"{file}:2:1: {start} value is not valid: it must be a text, not a whole number; write it in quotes",
        f"{file}:1:1: {start} is_secret is not valid: it must be true or false, not a text",
        f"{file}:3:1: {start} labels is not valid: it must be a list, not a text",
    ]


def test_invalid_yaml_has_one_code_and_says_everything_once(tmp_path: Path) -> None:
    """In workflows, scripts' settings and other items."""
    write(tmp_path, "f/sales/x.py", GOOD)
    for name in ("a.flow/flow.yaml", "x.script.yaml", "a.variable.yaml"):
        write(tmp_path, f"f/sales/{name}", "summary: [\n")
    found = [line.removeprefix(f"{tmp_path}/f/sales/") for line in lines(run("lint", str(tmp_path)))]
    assert [line.partition(": ")[2].partition(":")[0] for line in found] == ["error invalid_yaml"] * 3
    assert {line.partition(":")[0] for line in found} == {"a.flow/flow.yaml", "x.script.yaml", "a.variable.yaml"}
    assert str(tmp_path) not in "".join(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "daily.schedule.yaml",
            "schedule: 0 0 6 * * *\ntimezone: UTC\nscript_path: f/sales/x\nargs: {n: 1}\nretry: {}\n",
        ),
        ("daily.schedule.yaml", "schedule: 0 0 6 * * *\ntimezone: UTC\nscript_path: f/sales/x\npaused_until: null\n"),
        ("hook.http_trigger.yaml", "script_path: f/sales/x\nroute_path: a\nhttp_method: post\nretry: {}\n"),
        ("region.variable.yaml", "value: a\nlabels: null\n"),
        ("shop.resource.yaml", "value: 3\nresource_type: x\n"),
    ],
)
def test_setting_of_the_right_type_is_accepted(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, f"f/sales/{name}", text)
    done = run("lint", str(tmp_path))
    assert done.returncode == 0 and "wrong_type" not in done.stderr, done.stderr


def test_secrets_in_clear_are_warnings(tmp_path: Path) -> None:
    """References, masks, encrypted and empty values are none; a resource type may be in the folder."""
    write(tmp_path, "vault.resource-type.yaml", "schema: {properties: {key: {type: string, password: true}}}\n")
    write(tmp_path, "f/clear/pw.variable.yaml", "is_secret: true\nvalue: hunter2\n")
    write(tmp_path, "f/clear/db.resource.yaml", "resource_type: postgresql\nvalue:\n  host: db\n  password: geheim\n")
    write(tmp_path, "f/clear/own.resource.yaml", "resource_type: vault\nvalue: {key: hidden}\n")
    for name, value in (("ref", "$var:f/clear/pw"), ("mask", "'***'"), ("empty", "''")):
        write(tmp_path, f"f/clear/{name}.resource.yaml", f"resource_type: vault\nvalue: {{key: {value}}}\n")
    write(tmp_path, "f/clear/open.variable.yaml", "is_secret: false\nvalue: north\n")
    write(tmp_path, "f/clear/none.variable.yaml", "is_secret: true\n")
    write(tmp_path, "f/clear/sealed.variable.yaml", "is_secret: true\nvalue: $encrypted:abc\n")
    done = run("lint", str(tmp_path))
    found = sorted(line.partition(";")[0].removeprefix(f"{tmp_path}/f/clear/") for line in lines(done))
    assert found == [
        "db.resource.yaml:4:3: warning secret_from_file: its file contains a secret in clear (/value/password)",
        "own.resource.yaml:2:9: warning secret_from_file: its file contains a secret in clear (/value/key)",
        "pw.variable.yaml:2:1: warning secret_from_file: its file contains a secret in clear (/value)",
    ]
    assert done.returncode == 0 and run("lint", str(tmp_path), "--strict").returncode == 1
