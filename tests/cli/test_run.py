"""Runs from the command line: progress, result, exit codes, Ctrl-C, lost connections."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.cli import proxy
from tests.cli.client import Cli
from tests.e2e.installation import Installation
from tests.e2e.test_main_path import ROOT, example

ORDER = "f/examples/order_receipt"
NODES = ["check", "price", "label", "receipt"]
ODD = "zeile\u2028mit\x85Grüßen 世界"


def script(installation: Installation, name: str, content: str, language: str = "python3") -> str:
    """Deploy a script; return its path."""
    path = f"f/examples/{name}"
    body = {"path": path, "summary": "", "content": content, "language": language}
    assert installation.client.post("/api/w/main/scripts/create", json=body).status_code == 201
    return path


@pytest.fixture(scope="session")
def echo(installation: Installation) -> str:
    """Deploy a script that returns its input and prints special characters; return its path."""
    lines = ["def main(**given):", f"    print({ODD!r})", "    print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07')"]
    return script(installation, "echo", "\n".join([*lines, "    print('no end', end='')", "    return given"]))


@pytest.fixture(scope="session")
def failing(installation: Installation) -> str:
    return script(installation, "failing", "def main():\n    raise ValueError('kaputt')\n")


@pytest.fixture(scope="session")
def endless(installation: Installation) -> str:
    """Deploy a script that prints one line and then sleeps for ten minutes; return its path."""
    return script(installation, "endless", "echo begun; sleep 600", "bash")


def test_progress_goes_to_stderr_and_the_result_to_stdout(cli: Cli) -> None:
    done = cli("flow", "run", ORDER, "--input", str(ROOT / "examples/order_receipt.input.json"))
    assert done.json == example("order_receipt", "result")
    lines = done.err.splitlines()
    for node in NODES:
        assert f"{node:<16}   running" in lines
        assert any(re.fullmatch(rf"{node} +succeeded in \d+ ms|{node} +succeeded in [\d.]+ s", line) for line in lines)
    log = f"{'check':<16} | 2 lines, 8 pieces"
    began, logged = lines.index(f"{'check':<16}   running"), lines.index(log)
    ended = next(place for place, line in enumerate(lines) if line.startswith("check ") and "succeeded" in line)
    assert began < logged < ended
    assert lines[-1].startswith(f"{ORDER} succeeded in ")
    assert "\x1b" not in done.err


def test_json_contains_complete_run(cli: Cli) -> None:
    text = json.dumps(example("order_receipt", "input"))
    done = cli("flow", "run", ORDER, "--input", "-", "--json", "--wait", text=text)
    assert (done.json["status"], done.json["result"]) == ("succeeded", example("order_receipt", "result"))
    assert [node["id"] for node in done.json["nodes"]] == NODES
    assert done.err == ""


def test_dry_run_prints_what_was_not_executed(cli: Cli) -> None:
    """Without declared effects no node is executed; the third fails, because it needs more than null of the second."""
    text = json.dumps(example("order_receipt", "input"))
    done = cli("flow", "dry-run", ORDER, "--input", "-", "--wait", text=text, code=1)
    assert done.out.splitlines()[:2] == ["Would have written or sent:", "  check  sends  python3  (no answer)"]
    found = cli("flow", "dry-run", ORDER, "--input", "-", "--json", "--wait", text=text, code=1).json
    assert (found["status"], [each["node"] for each in found["executions"]]) == ("failed", ["check", "price"])


def test_waiting_run_is_listed_and_moved_to_the_new_version(cli: Cli, installation: Installation) -> None:
    path = "f/examples/asking"
    ask = {"id": "ask", "value": {"type": "approval"}}
    body = {"path": path, "summary": "", "value": {"modules": [ask]}}
    assert installation.client.post("/api/w/main/flows/create", json=body).is_success
    run = cli("flow", "run", path, "--detach").out.strip()
    body["value"] = {"modules": [ask, {"id": "later", "value": {"type": "identity"}}]}
    assert installation.client.post(f"/api/w/main/flows/update/{path}", json=body).is_success
    assert cli("flow", "move-runs", path).out == f"{run}  version 1  awaiting_approval  at ask\n"
    assert cli("flow", "move-runs", path, run).out == f"{run}  moved\n"
    refused = cli("flow", "move-runs", path, run, code=1).out
    assert refused == f"{run}  not moved\n    It runs the newest version that is accepted for u/admin.\n"
    assert cli("flow", "move-runs", path, "--all", "--json").json == []


def test_inputs_are_texts_json_and_a_file_together(cli: Cli, echo: str) -> None:
    cli.write("in.json", '{"a": 1, "b": "file", "big": 12345678901234567890.10}')
    pairs = ["-i", "b=5", "-i", "c:=[1, null]", "-i", "d=x=y:=z", "-i", "e=", "-i", "ü:=1.10"]
    done = cli("script", "run", echo, "--input", "in.json", *pairs)
    assert done.json == {
        "a": 1,
        "b": "5",
        "c": [1, None],
        "d": "x=y:=z",
        "e": "",
        "big": 1.2345678901234567e19,
        "ü": 1.1,
    }


@pytest.mark.extended
@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["-i", "novalue"], "", 2),
        (["-i", "=x"], "", 2),
        (["-i", "a:={"], "", 1),
        (["--input", "-"], "[1]", 1),
        (["--input", "-"], "{", 1),
        (["--input", "nowhere.json"], "", 1),
    ],
)
def test_malformed_input_starts_nothing(cli: Cli, echo: str, arguments: list[str], text: str, code: int) -> None:
    newest = cli("job", "list", "-n", "1", "--json").json
    done = cli("script", "run", echo, *arguments, "--json", text=text, code=code)
    assert done.json["error"]["code"] == ("usage" if code == 2 else "bad_request")
    assert cli("job", "list", "-n", "1", "--json").json == newest


def test_invalid_input_names_its_path(cli: Cli) -> None:
    done = cli("flow", "run", ORDER, "-i", "order_id=A-1", "-i", "customer=Ada", "-i", "lines=5", "--json", code=1)
    assert done.json["error"]["code"] == "invalid_input"
    assert {each["path"] for each in done.json["error"]["details"]["errors"]} >= {"/customer", "/lines"}
    assert "use `-i key:=5`" in done.err


def test_hint_about_a_missing_input_names_it(cli: Cli) -> None:
    done = cli("flow", "run", ORDER, "-i", "order_ids=A-1", code=1)
    assert "is a required property" in done.err
    assert re.search(r"Set it with `-i (\w+)=value`, or with `-i \1:=5` for a number", done.err), done.err


def test_failed_run_exits_with_one(cli: Cli, failing: str) -> None:
    done = cli("script", "run", failing, code=1)
    assert done.json["error"]["name"] == "ValueError"
    assert done.err.endswith("\nValueError: kaputt\n")
    run = re.search(r"run ([0-9a-f-]{36})$", done.err, re.MULTILINE)
    assert run is not None
    result = cli("job", "result", run[1], code=1)
    assert result.json == done.json
    assert f"{'status':<10}failed\n" in cli("job", "get", run[1]).out
    cli("flow", "run", "f/examples/nowhere", code=1)


@pytest.mark.extended
def test_special_characters_are_preserved(cli: Cli, echo: str) -> None:
    done = cli("script", "run", echo, "-i", f"text={ODD}")
    assert done.json == {"text": ODD}
    assert f"| {ODD}\n" in done.err
    assert "| no end\n" in done.err
    run = done.err.split()[-1]
    assert cli("job", "logs", run).out == f"{ODD}\n\x1b[31mred\x1b[0m \x1b]0;title\x07\nno end"
    assert cli("job", "logs", run, "--follow").out == cli("job", "logs", run).out
    assert cli("job", "logs", run, "--json").json["logs"] == cli("job", "logs", run).out
    # An encoding without these characters causes no traceback.
    assert "Gr" in cli("script", "run", echo, PYTHONIOENCODING="ascii").err


def test_on_a_terminal_the_nodes_are_drawn_and_logs_cannot_steer_it(cli: Cli, echo: str) -> None:
    done = cli.on_terminal("flow", "run", ORDER, "--input", str(ROOT / "examples/order_receipt.input.json"))
    assert (done.code, done.json) == (0, example("order_receipt", "result"))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.err)
    for node in NODES:
        assert re.search(rf"✓ +{node} +succeeded", plain), plain
    assert "check │ 2 lines, 8 pieces" in plain
    drawn = cli.on_terminal("script", "run", echo)
    assert "\x1b]0;title" not in drawn.err and "\x07" not in drawn.err
    assert "\x1b[31mred" in drawn.err


def _wait() -> None:
    """Give no answer."""


def test_live_tree_survives_lost_connection(cli: Cli, installation: Installation) -> None:
    inside = [{"id": id, "value": {"type": "identity"}} for id in ("one", "two")]
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1, 2, 3]}, "modules": inside}
    modules = [{"id": "each", "value": loop}, {"id": "ask", "value": {"type": "approval"}}]
    client = installation.client
    run = client.post("/api/w/main/jobs/run/preview_flow", json={"value": {"modules": modules}}).text

    def agree() -> None:
        assert cut.cut() > 0
        client.post(f"/api/v1/runs/{run}/consent", headers={"X-Workspace": "main"}, json={"decision": "approved"})

    with proxy.to(installation.base) as cut:
        given = {"ORVANTA_URL": f"http://127.0.0.1:{cut.port}", "ORVANTA_TOKEN": installation.token}
        # The stream contains the nodes of the loop, and is cut after them.
        answers = [("two", _wait), ("awaiting approval", agree)]
        done = cli.on_terminal("job", "watch", run, answers=answers, **given)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.err)
    assert done.code == 0
    assert re.search(r"✓ +each +succeeded .*3 succeeded", plain), plain
    assert re.search(r"✓ +├─ one +succeeded .*3 succeeded", plain) and re.search(r"✓ +└─ two +succeeded", plain), plain
    assert re.search(r"… +ask +waiting +awaiting approval", plain), plain
    assert re.search(r"✓ +ask +succeeded", plain) and "Lost the connection" in plain, plain
    assert re.search(rf"run succeeded .*\n?.*run {run}", plain, re.DOTALL | re.IGNORECASE), plain


@pytest.mark.extended
def test_detached_a_run_is_watched_later(cli: Cli, echo: str) -> None:
    run = cli("script", "run", echo, "-i", "n:=1", "--detach").out.strip()
    started = cli("script", "run", echo, "--detach", "--json").json
    assert started["status"] == "queued"
    done = cli("job", "watch", run)
    assert (done.json, done.err.split("\n")[0]) == ({"n": 1}, f"| {ODD}")
    assert cli("job", "watch", run, "--wait").err == ""
    assert cli("job", "result", run, "--json").json == {"n": 1}
    got = cli("job", "get", run, "--json").json
    assert (got["script_path"], got["args"], got["trigger_kind"]) == (echo, {"n": 1}, "manual")


def test_run_shows_its_nodes(cli: Cli) -> None:
    done = cli("flow", "run", ORDER, "--input", str(ROOT / "examples/order_receipt.input.json"), "--json", "--wait")
    run, job = done.json["run_id"], done.json["nodes"][1]["job"]
    shown = cli("job", "get", run).out
    assert re.search(rf"^price +{job} +succeeded in ", shown, re.MULTILINE), shown
    assert cli("job", "get", job, "--json").json["is_flow_step"] is True
    assert cli("job", "watch", job, "--json", "--wait").json["run_id"] == run
    logs = cli("job", "logs", run).out
    assert [line.split()[1] for line in logs.splitlines() if line.startswith("--- ")] == NODES
    assert re.search(r"^check\b.*2 lines, 8 pieces$", cli("job", "logs", run, "--merged").out, re.MULTILINE)
    assert cli("job", "logs", run, "--follow", code=1).err.startswith("Error: The run of a workflow has no log")
    listed = cli("job", "list", "--path", ORDER, "--status", "succeeded", "--limit", "1", "--json").json
    assert [each["id"] for each in listed] == [run]
    assert run in cli("job", "list").out
    assert job not in cli("job", "list").out
    assert job in cli("job", "list", "--nodes").out


def test_ctrl_c_stops_only_watching(cli: Cli, endless: str) -> None:
    with cli.started("script", "run", endless, "--json") as running:
        running.await_err("begun")
        running.interrupt()
        done = running.end()
    assert done.code == 130
    run = done.json["error"]["details"]["run_id"]
    assert f"Error: Stopped watching; the run {run} continues.\n" in done.err
    assert f"`orvanta job watch {run}`" in done.err and f"`orvanta job cancel {run}`" in done.err
    assert cli("job", "get", run, "--json").json["type"] == "QueuedJob"
    assert "has not ended" in cli("job", "result", run, code=1).err
    assert run in cli("job", "list", "--status", "running").out
    assert cli("job", "cancel", run, "--reason", "Genug", "--json").json == {"id": run}
    watched = cli("job", "watch", run, "--json", code=3)
    assert watched.json["status"] == "cancelled"
    assert cli("job", "result", run, code=3).json["error"]["message"] == "Cancelled by admin: Genug"
    assert "admin Genug" in cli("job", "get", run).out


def test_ctrl_c_cancels_run_if_requested(cli: Cli, endless: str) -> None:
    with cli.started("script", "run", endless, "--cancel-on-interrupt") as running:
        running.await_err("begun")
        running.interrupt()
        done = running.end()
    assert done.code == 3
    assert "Cancelling the run" in done.err
    assert done.json["error"]["message"] == "Cancelled by admin: Ctrl-C"


@pytest.mark.extended
def test_lost_connection_resumes_at_last_position(cli: Cli, installation: Installation) -> None:
    """The job prints lines for two seconds, during which the connections are cut repeatedly."""
    content = "import time\ndef main():\n    for n in range(40):\n        print('line', n, flush=True)\n"
    path = script(installation, "lines", content + "        time.sleep(0.05)\n    return 'whole'\n")
    with proxy.to(installation.base) as cut:
        given: dict[str, Any] = {"ORVANTA_URL": f"http://127.0.0.1:{cut.port}", "ORVANTA_TOKEN": installation.token}
        with cli.started("script", "run", path, **given) as running:
            for seen in ("line 0", "line 10", "line 20"):
                running.await_err(f"| {seen}\n")
                assert cut.cut() > 0
            done = running.end()
    assert (done.code, done.json) == (0, "whole")
    assert re.findall(r"^\| line (\d+)$", done.err, re.MULTILINE) == [str(n) for n in range(40)]
    assert done.err.count("Lost the connection") >= 1


@pytest.mark.extended
def test_unknown_job_is_reported_in_one_sentence(cli: Cli) -> None:
    for command in ("get", "logs", "result", "cancel", "watch"):
        done = cli("job", command, "01a20fdb-79bc-7776-b5b0-9c61de6bc108", "--json", code=1)
        assert done.json["error"]["code"] == "not_found", done.out
        for id in ("none", "../../x"):
            done = cli("job", command, id, "--json", code=2)
            assert done.json["error"]["code"] == "usage" and "is not an id" in done.err, done.out
