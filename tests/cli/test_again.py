"""Restart, retry, rerun and cancellation of single and several runs from the command line."""

from __future__ import annotations

import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation

pytestmark = pytest.mark.extended

FLOW = "f/examples/again"


@pytest.fixture(scope="session")
def flow(installation: Installation) -> str:
    """Deploy a workflow of a and b, a loop over two items, and c; return its path."""
    step = {"type": "identity"}
    body = [{"id": "x", "value": step}, {"id": "y", "value": step}]
    iterator = {"type": "javascript", "expr": "[flow_input.n, 2]"}
    modules = [
        {"id": "a", "value": step},
        {"id": "b", "value": step},
        {"id": "l", "value": {"type": "forloopflow", "iterator": iterator, "modules": body, "skip_failures": False}},
        {"id": "c", "value": {"type": "condition", "expr": "flow_input.n > 0"}},
    ]
    given = {"path": FLOW, "summary": "", "value": {"modules": modules}}
    answer = installation.client.post("/api/w/main/flows/create", json=given)
    assert answer.status_code == 201, answer.text
    return FLOW


def test_run_is_restarted(cli: Cli, flow: str) -> None:
    first = cli("flow", "run", flow, "-i", "n:=1", "--wait", "--json").json["run_id"]
    output = cli("job", "restart", first, "l@1/y", "--dry-run").out
    assert output == "reuses a, b\nruns   c\nenters l at 1, reuses 1 others\n  reuses x\n  runs   y\n"
    again = cli("job", "restart", first, "l@1/y", "--wait", "--json").json
    assert (again["status"], again["result"]) == ("succeeded", True)
    assert again["repeats"] == {"kind": "restart", "job": first, "step_id": "l"}
    assert f"{'repeats':<10}{first} by restart l\n" in cli("job", "get", again["run_id"]).out
    for wrong in ("nobody", "a@", "/a", "l@x"):
        cli("job", "restart", first, wrong, code=1 if wrong == "nobody" else 2)


def test_run_is_retried_and_rerun(cli: Cli, flow: str) -> None:
    first = cli("flow", "run", flow, "-i", "n:=1", "--wait", "--json").json["run_id"]
    assert cli("job", "retry", first, "--json", code=1).json["error"]["code"] == "cannot_restart"
    again = cli("job", "rerun", first, "-i", "n:=0", "--wait").json
    assert again is False
    other = cli("job", "rerun", first, "--detach", "--latest").out.strip()
    assert cli("job", "watch", other, "--wait").json is True
    nodes = cli("job", "restart", first, "b", "--wait", "--json").json["nodes"]
    assert [node.get("kept", False) for node in nodes] == [True, False, False, False]
    assert cli("job", "result", nodes[1]["job"]).json == {"n": 1}


def test_bulk_cancel_and_rerun(cli: Cli, flow: str) -> None:
    call = f"/api/w/main/jobs/run/f/{flow}?tag=later&scheduled_in_secs=600"
    runs = [cli.installation.client.post(call, json={"n": 1}).text for _ in range(2)]
    later = ("--path", flow, "--status", "queued")
    assert cli("job", "cancel", *later, "--dry-run").out.splitlines() == ["2 runs", f"  {runs[1]}", f"  {runs[0]}"]
    assert cli("job", "cancel", *later, "--json").json == {"count": 2, "ids": runs[::-1]}
    again = cli("job", "rerun", "--path", flow, "--status", "failed").out.split()
    assert len(again) == 2 and not set(again) & set(runs)
    assert cli("job", "cancel", *later).out == "Cancelling 0 runs.\n"
    for arguments in (["cancel"], ["rerun"], ["cancel", runs[0], *later], ["cancel", "--status", "failed"]):
        cli("job", *arguments, code=2)


def test_cancellation_of_a_run_that_has_ended_says_so(cli: Cli, flow: str) -> None:
    run = cli("flow", "run", flow, "-i", "n:=1", "--wait", "--json", code=None).json["run_id"]
    for options in ([], ["--force"]):
        done = cli("job", "cancel", run, *options)
        expected = f"warning already_ended: The run {run} has already ended; nothing was cancelled."
        assert (done.out, expected in done.err) == ("", True)
    assert cli("job", "cancel", run, "--json").json == {"id": run}


def test_run_is_paused_before_node(cli: Cli, flow: str) -> None:
    """Breakpoints are set at the start and during the run; paused nodes continue by name or by job."""
    run = cli("flow", "run", flow, "-i", "n:=1", "--detach", "--pause-before", "b").out.strip()
    cli("job", "pause-before", run, "y", "--if", "flow_input.iter.index === 1")
    shown = cli("job", "pause-before", run, "--json").json
    while not shown["paused"]:
        shown = cli("job", "pause-before", run, "--json").json
    assert [each["node"] for each in shown["breakpoints"]] == ["b", "y"]
    assert "paused before its start by admin" in cli("job", "get", run).out
    cli("job", "continue", run, "nobody", code=1)
    cli("job", "continue", run, "b")
    while not (shown := cli("job", "pause-before", run, "--json").json)["paused"]:
        pass
    assert shown["paused"][0]["place"] == 1
    assert "y @1" in cli("job", "pause-before", run, "y", "--remove").out
    cli("job", "continue", run, shown["paused"][0]["job"], "--result", "7")
    assert cli("job", "watch", run, "--wait").json is True
