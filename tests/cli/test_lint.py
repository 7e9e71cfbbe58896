"""Commands without a server: lint and test; a command loads few modules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.cli.test_commands import run
from tests.installation import ORVANTA

from orvanta_platform.cli.client import item_paths, output
from orvanta_platform.cli.client.deploy import print_located
from orvanta_platform.cli.failure import fail
from orvanta_platform.errors import NotFound
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.tree.paths import FLOW_FOLDERS

GOOD = "value:\n  modules:\n    - id: a\n      value: {type: identity}\n"
BAD = GOOD + "      needs: [ghost]\n"
ODD = GOOD + "      retry: {constant: {attempts: 1, seconds: 1}}\n"


def folder(root: Path, name: str, text: str) -> Path:
    made = root / f"{name}.flow"
    made.mkdir(parents=True)
    (made / "flow.yaml").write_text(text)
    return made


def test_lint_tells_errors_by_file_and_line(tmp_path: Path) -> None:
    good, bad = folder(tmp_path / "a", "good", GOOD), folder(tmp_path / "a", "bad", BAD)
    done = run("lint", str(good))
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 workflow, 0 errors, 0 warnings.\n", "")
    done = run("lint", str(tmp_path), "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["errors"]) == (1, 1)
    assert [each["file"] for each in found["workflows"]] == [str(bad), str(good)]
    (diagnostic,) = found["workflows"][0]["diagnostics"]
    assert (diagnostic["code"], diagnostic["node"], diagnostic["path"]) == (
        "unknown_node",
        "a",
        "/value/modules/0/needs/0",
    )
    assert diagnostic["place"] == f"{bad}/flow.yaml:5:15"
    assert done.stderr.startswith(f"{bad}/flow.yaml:5:15: error unknown_node: node a: ")


def test_lint_parses_expressions(tmp_path: Path) -> None:
    iterator = "iterator: {type: javascript, expr: '%s'}"
    text = GOOD.replace("type: identity", f"type: forloopflow, modules: [], {iterator}")
    folder(tmp_path, "good", text % "flow_input.items.map(n => n + 1);")
    bad = folder(tmp_path, "bad", text % "flow_input. ===")
    done = run("lint", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "2 workflows, 1 error, 0 warnings.\n")
    assert done.stderr.startswith(f"{bad}/flow.yaml:4:") and "error expression_syntax: node a: " in done.stderr


def test_lint_checks_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "f" / "a", "good", GOOD)
    monkeypatch.chdir(tmp_path)
    assert run("lint").stdout == "1 workflow, 0 errors, 0 warnings.\n"


def test_lint_refuses_yaml_that_cannot_be_deployed(tmp_path: Path) -> None:
    """The limits are those of the server."""
    aliases = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 6))
    long = folder(tmp_path, "long", f"{GOOD}x: [{'1,' * 20_000}]\n")
    done = run("lint", str(long), str(folder(tmp_path, "repeated", f"{GOOD}x0: &x0 []\n{aliases}")), "--json")
    found = [each["diagnostics"][0]["code"] for each in json.loads(done.stdout)["workflows"]]
    assert (done.returncode, found) == (1, ["document_too_large"] * 2)


def test_strict_lint_fails_on_warnings(tmp_path: Path) -> None:
    odd = folder(tmp_path, "odd", ODD)
    done = run("lint", str(odd))
    assert (done.returncode, done.stdout) == (0, "1 workflow, 0 errors, 1 warning.\n")
    assert run("lint", str(odd), "--strict").returncode == 1


def test_lint_checks_policies_of_a_file(tmp_path: Path) -> None:
    """Violations of active policies are errors at the line of the node, those of evaluated policies warnings."""
    made = folder(tmp_path / "f" / "sales", "odd", ODD)
    file = tmp_path / "policies.yaml"
    rule = "rules: [{kind: deny, feature: node_kind, node_kinds: [identity]}]"
    file.write_text(f"- {{name: strict, scope: f/sales, mode: active, {rule}}}\n- {{name: tried, {rule}}}\n")
    done = run("lint", str(made), "--policies", str(file))
    assert (done.returncode, done.stdout) == (1, "1 workflow, 1 error, 2 warnings.\n")
    assert f"{made}/flow.yaml:3:7: error policy_violation: Nodes of the kind identity" in done.stderr
    file.write_text("{name: strict, rules: [{kind: allow}]}")
    assert "The policy is not valid" in run("lint", str(made), "--policies", str(file)).stderr


def test_lint_lists_defaults_and_missing_tests(tmp_path: Path) -> None:
    code = "value:\n  modules:\n    - id: a\n      value: {type: rawscript, language: bash, content: echo}\n"
    made = folder(tmp_path / "f" / "sales", "plain", code)
    file = tmp_path / "policies.yaml"
    rules = "[{kind: default, on: node, field: timeout, value: 30}, {kind: require, on: flow, field: tests}]"
    file.write_text(f"{{name: p, mode: active, rules: {rules}}}")
    done = run("lint", str(made), "--policies", str(file), "--json")
    (workflow,) = json.loads(done.stdout)["workflows"]
    assert workflow["defaults"] == [{"policy": "p", "node": "a", "field": "timeout", "value": 30}]
    assert [each["message"] for each in workflow["diagnostics"]] == ["The workflow needs a test. (policy p)"]
    assert f"{made}/flow.yaml:3:7: default: node a: `timeout` is set to 30 (policy p)" in done.stderr
    (made / "tests").mkdir()
    (made / "tests" / "small.yaml").write_text("inputs: {}\n")
    assert run("lint", str(made), "--policies", str(file)).returncode == 0


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_lint_without_files_is_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    done = run("lint", str(tmp_path / name), "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "usage")
    assert "Error: " in done.stderr


@pytest.mark.parametrize(
    "arguments", [["job", "list", "--status", "lost"], ["flow", "run"], ["nothing"], ["--nothing"]]
)
def test_invalid_command_line(arguments: list[str]) -> None:
    done = run(*arguments, "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "usage")
    assert "Traceback" not in done.stderr


def test_every_command_teaches_with_examples() -> None:
    for command in (["flow", "run"], ["script", "push"], ["job", "logs"], ["login"], ["lint"], ["variable", "set"]):
        output = run(*command, "--help").stdout
        assert f"\n  Examples:\n    orvanta {' '.join(command)} " in output


def test_commands_and_options_are_completed_in_a_shell() -> None:
    """bash runs the printed script; zsh and fish are asked as their scripts do."""
    complete = 'eval "$(%s completion bash)"; COMP_WORDS=(orvanta flow pu) COMP_CWORD=2; %s; echo "${COMPREPLY[*]}"'
    script = complete % (ORVANTA, f"_orvanta_completion {ORVANTA}")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("push\n", "")
    asked = {"_TYPER_COMPLETE_ARGS": "orvanta push --dr", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for shell in ("zsh", "fish"):
        assert f"_ORVANTA_COMPLETE=complete_{shell}" in run("completion", shell).stdout
        environ = {**asked, "_ORVANTA_COMPLETE": f"complete_{shell}"}
        assert "--dry-run" in subprocess.run([ORVANTA], env=environ, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("main", {"asyncpg", "asyncio", "httpx", "rich", "litestar", "structlog", "ruamel.yaml", "msgspec"}),
        ("client.api", {"asyncpg", "asyncio", "rich", "pygments", "litestar", "structlog", "ruamel.yaml"}),
    ],
)
def test_command_imports_only_needed_modules(module: str, heavy: set[str]) -> None:
    code = f"import sys, orvanta_platform.cli.{module}; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert heavy.isdisjoint(loaded), heavy.intersection(loaded)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("f/sales/report.flow", "f/sales/report"),
        ("u/ada/deep/er/report.flow", "u/ada/deep/er/report"),
        ("f/sales/report__flow", "f/sales/report"),
        ("f/sales/u/ada/report.flow", "f/sales/u/ada/report"),
        ("/srv/f/x/repo/f/sales/report.flow", "f/sales/report"),
        ("report.flow", None),
        ("f/report.flow", None),
    ],
)
def test_path_is_derived_from_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, path: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert item_paths.path_of(Path(place), FLOW_FOLDERS) == path


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain\ttext ünï", "plain\ttext ünï"),
        ("\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[2J\x1b]0;t\x07\x9b", "�[2J�]0;t��"),
        ("10%\r50%\r100%\r", "100%"),
        ("\x08\x00\x7f", "���"),
    ],
)
def test_log_line_cannot_control_terminal(line: str, shown: str) -> None:
    assert output.terminal_safe(line) == shown


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0 ms"), (999, "999 ms"), (3449, "3.4 s"), (125_000, "2 min 05 s"), (10_920_000, "3 h 02 min")]
)
def test_durations(ms: int, text: str) -> None:
    assert output.duration(ms) == text


def test_tests_of_files_are_run_without_a_server(tmp_path: Path) -> None:
    """The exit code, the JSON document and the JUnit file report the failure; each workflow's coverage is printed."""
    made = folder(tmp_path / "f" / "sales", "good", GOOD)
    (made / "tests").mkdir()
    (made / "tests" / "passes.yaml").write_text("inputs: {x: 1}\nexpect: {result: {equals: {x: 1}}}\n")
    (made / "tests" / "fails.yaml").write_text("expect: {result: {expr: result.x === 2}}\ninputs: {x: 1}\n")
    done = run("test", str(tmp_path), "--junit", str(tmp_path / "junit.xml"))
    assert done.returncode == 1
    assert done.stdout == (
        f"FAIL  {made}  fails\n"
        "      The result does not satisfy result.x === 2.\n"
        '        expected "result.x === 2"\n'
        '        got      {"x":1}\n'
        f"PASS  {made}  passes\n"
        f"{made}: 1 passed, 1 failed; 1 of 1 node and 0 of 0 edges covered.\n"
    )
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    assert [[each.attrib["type"] for each in case] for case in suite] == [["expr"], []]


def test_sources_without_tests_are_named(tmp_path: Path) -> None:
    tested, bare, empty = (tmp_path / name for name in ("tested", "bare", "empty"))
    made = folder(tested, "good", GOOD)
    (made / "tests").mkdir()
    (made / "tests" / "passes.yaml").write_text("inputs: {x: 1}\nexpect: {result: {equals: {x: 1}}}\n")
    other = folder(bare, "good", GOOD)
    empty.mkdir()
    done = run("test", str(tested), str(other), str(empty))
    notes = [f"{each}: no tests" for each in (other, empty)]
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (0, notes)
    assert f"{made}: 1 passed" in done.stdout
    assert "no tests" not in run("test", str(made), str(tested)).stderr


def test_tests_need_no_network(tmp_path: Path) -> None:
    """Nodes that call other systems are played back in a network namespace without an interface."""
    offline = ["unshare", "--user", "--map-root-user", "--net"]
    interfaces = subprocess.run([*offline, "cat", "/proc/net/dev"], capture_output=True, text=True, check=False)
    if interfaces.returncode:
        pytest.skip(f"no network namespaces: {interfaces.stderr}")
    assert [line.split(":")[0].strip() for line in interfaces.stdout.splitlines()[2:]] == ["lo"]
    hook = "{type: webhook, method: POST, url: {type: static, value: 'https://example.com/orders'}}"
    code = "{type: rawscript, language: python3, content: 'import urllib.request', input_transforms: {}}"
    text = f"value:\n  modules:\n    - {{id: send, value: {hook}}}\n    - {{id: load, value: {code}}}\n"
    made = folder(tmp_path, "calls", f"{text}    - {{id: sum, value: {{type: identity}}}}\n")
    (made / "tests").mkdir()
    answers = "nodes: {send: {result: {status: 200}}, load: {result: 7}}\n"
    (made / "tests" / "plays.yaml").write_text(f"{answers}expect: {{result: {{expr: 'result === 7'}}}}\n")
    command = [*offline, sys.executable, "-m", "orvanta_platform.cli.main", "test", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("1 passed, 0 failed; 3 of 3 nodes and 2 of 2 edges covered.\n")


def test_errors_and_notes_cannot_control_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A server, or a file of somebody else, may have written them."""
    print_located([("a\x1b]0;title\x07", Diagnostic("code", "error", None, "/\x1b[2J", "message\x1b[2J"))])
    fail(NotFound("missing \x1b]52;c;AA==\x07", hint="try \x1b[2J"))
    shown = capsys.readouterr().err
    assert "\x1b" not in shown.replace("\x1b[0m", "") and "\x07" not in shown
    assert [line.split()[0] for line in shown.splitlines()] == ["a�]0;title�:", "at", "Error:", "try"]
