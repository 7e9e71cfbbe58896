"""`orvanta dev`: previews of changed files on a real server."""

from __future__ import annotations

from tests.cli.client import Cli

FLOW = """\
value:
  modules:
    - id: a
      value: {type: script, path: f/dev/part, input_transforms: {n: {type: javascript, expr: flow_input.n}}}
"""
SLOW = "echo begun; sleep 600\n"


def test_changed_files_run_as_previews(cli: Cli) -> None:
    """The script that the workflow names is that of the folder; errors name file and line, and watching continues."""
    flow = cli.write("f/dev/job.flow/flow.yaml", FLOW)
    part = cli.write("f/dev/part.py", "def main(n: int):\n    return {'one': n}\n")
    cli.write("input.json", '{"n": 7}')
    with cli.started("dev", "f/dev", "--input", "input.json") as dev:
        dev.await_err("Watching f/dev; Ctrl-C stops.")
        flow.write_text(FLOW + "# changed\n")
        dev.await_out('{"one":7}')
        dev.await_err("f/dev/job succeeded in ")
        flow.write_text("value: [\n")
        dev.await_err("f/dev/job.flow/flow.yaml:2:1: error ")
        part.write_text("def main(n):\n    return (\n")
        dev.await_err("f/dev/part.py:2:12: error invalid_script: '(' was never closed")
        part.write_text("def main(n):\n    raise ValueError('no ' + str(n))\n")
        dev.await_err("ValueError: no 7")
        cli.write("input.json", '{"n": 8}')
        dev.await_err("ValueError: no 8\n")
        dev.interrupt()
        done = dev.end()
    assert (done.code, done.err.splitlines()[-1]) == (0, "Stopped.")
    for area in ("flows", "scripts"):
        assert cli.installation.client.get(f"/api/w/main/{area}/list", params={"path_start": "f/dev/"}).json() == []


def test_code_of_a_node_that_cannot_be_parsed_does_not_run(cli: Cli) -> None:
    cli.write(
        "f/dev/coded.flow/flow.yaml",
        "value: {modules: [{id: a, value: {type: rawscript, language: python3, content: '!inline a.py'}}]}\n",
    )
    code = cli.write("f/dev/coded.flow/a.py", "def main():\n    return (\n")
    with cli.started("dev", "f/dev/coded.flow") as dev:
        dev.await_err("f/dev/coded.flow/a.py:2:12: error syntax_error: node a: the code cannot be parsed: ")
        dev.await_err("f/dev/coded.flow has errors; it is not run.")
        code.write_text("def main():\n    return 7\n")
        dev.await_out("7")
        dev.interrupt()
        assert dev.end().code == 0


def test_workflow_and_inputs_that_change_together_run(cli: Cli) -> None:
    """The workflow that changed runs with the new inputs, also if none has run before."""
    flow = cli.write("f/together/job.flow/flow.yaml", "value: {modules: [{id: a, value: {type: identity}}]}\n")
    cli.write("input.json", '{"n": 1}')
    with cli.started("dev", "f/together", "--input", "input.json") as dev:
        dev.await_err("Watching f/together; Ctrl-C stops.")
        flow.write_text("value: {modules: [{id: b, value: {type: identity}}]}\n")
        cli.write("input.json", '{"n": 20}')
        dev.await_out('{"n":20}')
        dev.interrupt()
        assert dev.end().code == 0


def test_change_cancels_the_run(cli: Cli) -> None:
    """A single script runs at the start. Ctrl-C cancels the last run."""
    file = cli.write("f/dev/slow.sh", SLOW)
    with cli.started("dev", str(file.relative_to(cli.folder)), "--json") as dev:
        dev.await_err("| begun")
        file.write_text(SLOW.replace("begun", "again"))
        dev.await_err("The files changed; the run ")
        dev.await_err("| again")
        dev.interrupt()
        done = dev.end()
    assert (done.code, done.out) == (0, "")
    found = cli("job", "list", "--path", "f/dev/slow", "--json").json
    assert [each["canceled"] for each in found] == [True, True], found


def test_change_of_a_script_runs_the_single_workflow_that_uses_it(cli: Cli) -> None:
    cli.write("f/dev/user.flow/flow.yaml", FLOW.replace("f/dev/part", "f/dev/used"))
    used = cli.write("f/dev/used.py", "def main(n: int):\n    return {'first': n}\n")
    with cli.started("dev", "f/dev/user.flow", "-i", "n:=7") as dev:
        dev.await_out('{"first":7}')
        used.write_text("def main(n: int):\n    return {'again': n}\n")
        dev.await_out('{"again":7}')
        cli.write("f/dev/user.flow/code.py", "def main():\n    return (\n")
        node = "{type: rawscript, language: python3, content: '!inline code.py', input_transforms: {}}"
        cli.write("f/dev/user.flow/flow.yaml", f"{FLOW}    - id: b\n      value: {node}\n")
        dev.await_err("f/dev/user.flow/code.py:2:12: error syntax_error: node b: ")
        dev.await_err("f/dev/user.flow has errors; it is not run.")
        dev.interrupt()
        assert dev.end().code == 0
