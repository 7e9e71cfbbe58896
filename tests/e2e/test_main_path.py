"""Main path on real input: a webhook starts a workflow, workers run it, and the right result is returned."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.installation import Installation
from tests.packages.test_registries import UNREACHED

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.name.removesuffix(".flow") for path in (ROOT / "examples").glob("*.flow"))


def example(name: str, what: str) -> Any:
    return json.loads((ROOT / "examples" / f"{name}.{what}.json").read_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_returns_its_result(installation: Installation, name: str) -> None:
    call = f"/api/w/main/jobs/run_wait_result/f/f/examples/{name}"
    answer = installation.client.post(call, json=example(name, "input"))
    skip_without_registry(answer.text)
    assert answer.status_code == 200, answer.text
    assert answer.json() == example(name, "result")


def skip_without_registry(answer: str) -> None:
    """Skip the test if the packages of an example cannot be installed because the registry is not reachable."""
    if UNREACHED.search(answer) and "install" in answer:
        pytest.skip(f"the registry does not answer: {answer}")


def readme_command(installation: Installation, place: int, **replaced: str) -> str:
    """Return the output of the README's curl number `place`, with the port and home of this installation."""
    command = re.findall(r"^    (curl (?:.*\\\n)*.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)[place]
    here = command.replace("http://127.0.0.1:8000", installation.base).replace("/var/lib/orvanta/token ", "")
    for old, new in replaced.items():
        here = here.replace(old, new)
    shell = ["bash", "-c", here]
    return subprocess.run(shell, cwd=ROOT, env=installation.environ, capture_output=True, text=True, check=True).stdout


def test_readme_commands_work(installation: Installation) -> None:
    assert json.loads(readme_command(installation, 0)) == example("order_receipt", "result")
    printed = readme_command(installation, 2)
    skip_without_registry(printed)
    assert json.loads(printed) == example("order_processing", "result")
    path = {"script_path_exact": "f/examples/order_receipt"}
    (newest,) = installation.client.get("/api/w/main/jobs/list", params={"per_page": 1, **path}).json()
    run = json.loads(readme_command(installation, 1, RUN_ID=newest["id"]))
    assert (run["run_id"], run["status"], len(run["nodes"])) == (newest["id"], "succeeded", 4)


def test_every_node_shows_its_times_and_its_log(installation: Installation) -> None:
    client = installation.client
    call = "/api/w/main/jobs/run_wait_result/f/f/examples/order_receipt"
    address = f"{installation.base}{call}"
    answer = httpx.post(
        address, params={"token": installation.token}, json=example("order_receipt", "input"), timeout=60
    )
    run = client.get(f"/api/v1/runs/{answer.headers['X-Run-Id']}", headers={"X-Workspace": "main"}).json()
    assert run["status"] == "succeeded"
    assert run["trigger"] == "webhook"
    assert run["context"] == {"total": 84.37}
    nodes = {node["id"]: node for node in run["nodes"]}
    assert list(nodes) == ["check", "price", "label", "receipt"]
    for node in nodes.values():
        assert node["status"] == "succeeded"
        assert node["started_at"] <= node["ended_at"]
        assert node["duration_ms"] >= 0
    assert nodes["receipt"]["started_at"] >= max(nodes["price"]["ended_at"], nodes["label"]["ended_at"])
    logs = client.get(f"/api/w/main/jobs_u/get_logs/{nodes['check']['job']}").text
    assert logs == "2 lines, 8 pieces\n"


def test_status_and_logs_arrive_during_run(installation: Installation) -> None:
    """The job prints a line and sleeps; it is cancelled once the line has arrived in the stream."""
    client = installation.client
    content = "import time\ndef main():\n    print('begun', flush=True)\n    time.sleep(600)\n"
    body = {"content": content, "language": "python3", "args": {}}
    run = client.post("/api/w/main/jobs/run/preview", json=body).text
    seen = []
    with client.stream("GET", f"/api/w/main/jobs_u/getupdate_sse/{run}") as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            seen.append(json.loads(line.removeprefix("data: ")))
            if "begun" in seen[-1].get("new_logs", "") and not seen[-1]["completed"]:
                client.post(f"/api/w/main/jobs_u/queue/cancel/{run}", json={"reason": "seen"})
            if seen[-1]["completed"]:
                break
    assert any(update.get("running") for update in seen)
    done = client.get(f"/api/w/main/jobs_u/completed/get/{run}").json()
    assert (done["success"], done["canceled"], done["canceled_reason"]) == (False, True, "seen")


def test_data_is_consistent(installation: Installation) -> None:
    done = installation.doctor("--consistency")
    assert (done.returncode, "The data is consistent." in done.stdout) == (0, True), done.stdout + done.stderr
